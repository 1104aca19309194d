// As many faults as possible, and none at all.
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>

#include "child.hpp"
#include "team.hpp"
#include "workload.hpp"

namespace workload {

void storm(Run& run) {
  const int threads = static_cast<int>(run.number("threads", 2));
  const long pages = run.pages(64);
  const auto duration = static_cast<long>(run.seconds(2) * 1e9);
  if (threads < 1 || threads > Team::max_size) fail("storm: 1 to 512 threads");

  static std::array<Range, Team::max_size> ranges;
  struct alignas(64) Counter {
    long faults;
  };
  static std::array<Counter, Team::max_size> counters;
  for (int i = 0; i < threads; ++i) {
    const Region reserved(Region::Reserved{}, pages);
    ranges[static_cast<std::size_t>(i)] = reserved.all();
  }

  Team team(threads, Team::Pinned{true});
  long total = 0, elapsed = 0;
  run.measure([&] {
    const long start = now_ns();
    team.run([&](int index) {
      const Range& range = ranges[static_cast<std::size_t>(index)];
      long& faults = counters[static_cast<std::size_t>(index)].faults;
      while (now_ns() - start < duration) {
        void* const at =
            ::mmap(range.start, range.bytes(), Region::read_write, Region::anonymous | MAP_FIXED_NOREPLACE, -1, 0);
        if (at != range.start) fail("storm: mmap");
        write_pages(range);
        ::munmap(range.start, range.bytes());
        faults += range.pages;
      }
    });
    elapsed = now_ns() - start;
  });
  static constexpr std::array names{"thread0", "thread1", "thread2", "thread3",
                                    "thread4", "thread5", "thread6", "thread7"};
  for (std::size_t i = 0; i < static_cast<std::size_t>(threads); ++i) {
    total += counters[i].faults;
    if (i < names.size()) run.extra(names[i], counters[i].faults);
  }
  run.extra("threads", threads);
  run.extra("elapsed_ns", elapsed);
  run.expect = {.access = total};
  run.report();
}

namespace {

constexpr int set_vma = 0x53564d41;  // PR_SET_VMA, since Linux 5.17; the C library's headers may be older
constexpr int set_vma_anon_name = 0;

enum class Before { madvise, mmap, fork };

Before what_comes_before(const Run& run) {
  const std::string_view call = run.text("call", "madvise");
  if (call == "madvise") return Before::madvise;
  if (call == "mmap") return Before::mmap;
  if (call == "fork") return Before::fork;
  fail("storm-after: call=(madvise|mmap|fork)");
}

// False: the kernel has no names for anonymous memory.
bool give_name(const Range& range) {
  return ::prctl(set_vma, set_vma_anon_name, range.start, range.bytes(), "stormy") == 0;
}

}  // namespace

// Idle, then one call, and then the thread that did not call rewrites everything in `seconds`.
void storm_after(Run& run) {
  constexpr long idle_ns = 500'000'000;
  constexpr long steps = 100;
  const Before before = what_comes_before(run);
  const long pages = run.pages(4000, steps) / steps * steps;
  const auto step_ns = static_cast<long>(run.seconds(4) * 1e9) / steps;
  const Region region(pages);
  const bool named = give_name(region.all());
  write_pages(region.all());
  Team team(1);
  std::optional<Child> child;
  if (before == Before::fork) Child::prepare();
  static long writer, calling_at, called_at;
  run.measure([&] {
    sleep_ns(idle_ns);
    calling_at = now_ns();
    switch (before) {
      case Before::madvise: ::madvise(region.all().start, region.all().bytes(), MADV_DONTNEED); break;
      case Before::mmap:
        if (::mmap(region.all().start, region.all().bytes(), Region::read_write, Region::anonymous | MAP_FIXED, -1,
                   0) == MAP_FAILED)
          fail("mmap", errno);
        give_name(region.all());
        break;
      case Before::fork: child.emplace(Child::sleep_main, nullptr); break;  // which keeps the pages
    }
    called_at = now_ns();
    team.run([&](int) {
      writer = ::gettid();
      for (long step = 0; step < steps; ++step) {
        write_pages(region.part(step * (pages / steps), pages / steps));
        sleep_ns(step_ns);
      }
    });
  });
  // After a fork the thread's stack is copied, too.
  run.expect = {.access = pages, .splits = unknown, .merges = unknown};
  if (before == Before::fork) run.expect.access = unknown;
  run.cause(before == Before::fork ? "cow" : "first_touch", pages);
  run.extra("writer", writer);
  run.extra("named", named ? 1 : 0);
  run.extra("calling_ns", calling_at);
  run.extra("called_ns", called_at);
  run.report();
}

void idle(Run& run) {
  const auto duration = static_cast<long>(run.seconds(1) * 1e9);
  run.expect = {};
  run.work([&] { sleep_ns(duration); });
}

}  // namespace workload
