// Threads that wait for what another one locks.
#include "contention.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "child.hpp"

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

namespace {

constexpr int crowded_calls = 8;

int spin(void* /*unused*/) {
  Child::die_with_parent();
  while (true) asm volatile("");
}

// Nanoseconds that this thread was ready and did not run, ever: the second number of schedstat.
long run_delay(int schedstat) {
  char text[64]{};
  if (::pread(schedstat, text, sizeof(text) - 1, 0) <= 0) fail("/proc/thread-self/schedstat", errno);
  const char* const second = std::strchr(text, ' ');
  return second == nullptr ? 0 : std::atol(second + 1);
}

}  // namespace

void lock_crowded(Run& run) {
  const long pages_each = 512;
  const Region region(crowded_calls * pages_each);
  run.pages(region.all().pages);
  const int schedstat = ::open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
  if (schedstat < 0) fail("/proc/thread-self/schedstat", errno);
  cpu_set_t first;
  CPU_ZERO(&first);
  CPU_SET(0, &first);
  if (::sched_setaffinity(0, sizeof(first), &first) != 0) fail("sched_setaffinity", errno);
  run_delay(schedstat);
  static std::array<long, crowded_calls> delays;
  Child::prepare();
  std::array<std::optional<Child>, 3> spinners;
  run.expect = {.populate = region.all().pages, .mlocked = region.all().pages, .splits = unknown, .merges = unknown};
  run.cause("first_touch", region.all().pages);
  run.measure([&] {
    for (auto& spinner : spinners) spinner.emplace(spin, nullptr);
    for (int i = 0; i < crowded_calls; ++i) {
      const long before = run_delay(schedstat);
      run.mlock(region.part(i * pages_each, pages_each));
      delays[static_cast<std::size_t>(i)] = run_delay(schedstat) - before;
    }
    for (auto& spinner : spinners) spinner->kill();
  });
  static constexpr std::array<const char*, crowded_calls> names{"delay_0_ns", "delay_1_ns", "delay_2_ns", "delay_3_ns",
                                                                "delay_4_ns", "delay_5_ns", "delay_6_ns", "delay_7_ns"};
  for (std::size_t i = 0; i < names.size(); ++i) run.extra(names[i], delays[i]);
  run.report();
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
