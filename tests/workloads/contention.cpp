// Threads that wait for what another one locks.
#include "contention.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

namespace workload {
namespace {

// Populating takes many times as long, on the fastest of machines.
constexpr long default_pages = 16384;
constexpr long moment_ns = 200'000;

}  // namespace

HeldUp::HeldUp(Run& run) : locked_(run.pages(default_pages), PROT_NONE), mapped_(Region::Reserved{}, 1), team_(3) {
  // Fails, because nothing can be populated, and locks the mapping all the same.
  if (::mlock(locked_.all().start, locked_.all().bytes()) != -1 || errno != ENOMEM) fail("mlock of PROT_NONE memory");
}

void HeldUp::expect(Run& run) const {
  const long pages = locked_.all().pages;
  run.expect.access = unknown;  // the one page: but for a processor so slow that it came too late
  run.expect.populate = run.expect.mlocked = pages;
  run.cause("first_touch", pages);
}

void HeldUp::work() {
  faults_before_ = faults_so_far();
  team_.run([this](int index) {
    if (index == 0) return hold();
    wait_until_held();
    index == 1 ? touch() : map();
  });
}

void HeldUp::hold() {
  ::mprotect(locked_.all().start, locked_.all().bytes(), PROT_READ | PROT_WRITE);
  is_over_ = true;
}

// Until some of the pages are there, most are not. Each is a fault of the process; asking for those needs no mmap_lock.
void HeldUp::wait_until_held() const {
  while (faults_so_far() - faults_before_ < locked_.all().pages / 16 && !is_over_) sleep_ns(moment_ns);
}

void HeldUp::touch() {
  const long begun = now_ns();
  write_page(locked_.all().page(locked_.all().pages - 1));
  fault_ns_ = now_ns() - begun;
}

void HeldUp::map() {
  const long begun = now_ns();
  mapped_.map();
  map_ns_ = now_ns() - begun;
}

void HeldUp::report(Run& run) const {
  run.extra("fault_wait_ns", fault_ns_);
  run.extra("map_wait_ns", map_ns_);
}

void held_up(Run& run) {
  HeldUp threads(run);
  threads.expect(run);
  run.measure([&] { threads.work(); });
  threads.report(run);
  run.report();
}

// One thread unmaps a large region piece by piece, holding mmap_lock while the pages are freed; another one maps and
// unmaps without pause, and needs the lock each time.
void unmap_held_up(Run& run) {
  constexpr long pieces = 8;
  const Region region(run.pages(default_pages));
  write_pages(region.all());
  Team team(2);
  std::atomic<bool> unmapping{true};
  std::atomic<long> mapped_so_far{0};
  long waited_ns = 0;
  run.expect.splits = pieces - 1;  // each piece but the last is cut off first
  run.measure([&] {
    team.run([&](int index) {
      if (index == 0) {
        const long piece = region.all().pages / pieces;
        for (long i = 0; i < pieces; ++i) {
          // The other one is at it, however the threads are scheduled.
          for (const long before = mapped_so_far; mapped_so_far == before;) sleep_ns(moment_ns);
          ::munmap(region.all().page(i * piece), static_cast<std::size_t>(piece * page_size));
        }
        unmapping = false;
        return;
      }
      while (unmapping) {
        const long begun = now_ns();
        void* const mapped = ::mmap(nullptr, page_size, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        waited_ns = std::max(waited_ns, now_ns() - begun);
        ::munmap(mapped, page_size);
        ++mapped_so_far;
      }
    });
  });
  run.extra("map_ns", waited_ns);
  run.report();
}

}  // namespace workload
