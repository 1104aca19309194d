// As many faults as possible, and none at all.
#include <sys/mman.h>

#include "team.hpp"
#include "workload.hpp"

namespace workload {

void storm(Run& run) {
  const int threads = static_cast<int>(run.number("threads", 2));
  const long pages = run.pages(64);
  const auto duration = static_cast<long>(run.seconds(2) * 1e9);
  if (threads < 1 || threads > Team::max_size) fail("storm: 1 to 256 threads");

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

void idle(Run& run) {
  const auto duration = static_cast<long>(run.seconds(1) * 1e9);
  run.expect = {};
  run.work([&] { sleep_ns(duration); });
}

}  // namespace workload
