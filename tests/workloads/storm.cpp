// As many faults as possible, and none at all.
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
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

// What comes before the storm. `save`: a fork, and two seconds later a mapping of 4 MiB, as of a server that writes a
// snapshot. `forked`: a fork before the trace. `file`: a private mapping of a file.
enum class Before { madvise, mmap, fork, save, forked, file };

Before what_comes_before(const Run& run) {
  constexpr std::array<std::string_view, 6> names = {"madvise", "mmap", "fork", "save", "forked", "file"};
  const auto found = std::ranges::find(names, run.text("call", "madvise"));
  if (found == names.end()) fail("storm-after: call=(madvise|mmap|fork|save|forked|file)");
  return static_cast<Before>(found - names.begin());
}

bool copies(Before before) { return before != Before::madvise && before != Before::mmap; }

// False: the kernel has no names for anonymous memory.
bool give_name(const Range& range) {
  return ::prctl(set_vma, set_vma_anon_name, range.start, range.bytes(), "stormy") == 0;
}

void map_over(const Range& range, int flags, int file) {
  if (::mmap(range.start, range.bytes(), Region::read_write, flags | MAP_FIXED, file, 0) == MAP_FAILED)
    fail("mmap", errno);
}

}  // namespace

// Idle, then one call, and then the thread that did not call rewrites everything in `seconds`.
void storm_after(Run& run) {
  constexpr long idle_ns = 500'000'000;
  constexpr long long_idle_ns = 2'500'000'000;
  constexpr long steps = 100;
  const Before before = what_comes_before(run);
  const long pages = run.pages(4000, steps) / steps * steps;
  const auto step_ns = static_cast<long>(run.seconds(4) * 1e9) / steps;
  const Region region(pages);
  const Region small(Region::Reserved{}, 1024);
  const bool named = give_name(region.all());
  const int file = ::memfd_create("stormy", MFD_CLOEXEC);
  if (file < 0 || ::ftruncate(file, static_cast<off_t>(region.all().bytes())) != 0) fail("memfd_create", errno);
  if (before == Before::file) {
    const Region contents(pages, Region::read_write, MAP_SHARED, file);
    write_pages(contents.all());
  }
  write_pages(region.all());
  Team team(1);
  std::optional<Child> child;
  const bool forks = before == Before::fork || before == Before::save || before == Before::forked;
  if (forks) Child::prepare();
  if (before == Before::forked) child.emplace(Child::sleep_main, nullptr);
  static long writer, calling_at, called_at;
  run.measure([&] {
    sleep_ns(idle_ns);
    calling_at = now_ns();
    switch (before) {
      case Before::madvise: ::madvise(region.all().start, region.all().bytes(), MADV_DONTNEED); break;
      case Before::mmap:
        map_over(region.all(), Region::anonymous, -1);
        give_name(region.all());
        break;
      case Before::file: map_over(region.all(), MAP_PRIVATE, file); break;
      case Before::fork:
      case Before::save: child.emplace(Child::sleep_main, nullptr); break;  // which keeps the pages
      case Before::forked: break;
    }
    called_at = now_ns();
    if (before == Before::save) sleep_ns(long_idle_ns);
    if (before == Before::save || before == Before::forked) small.map();
    team.run([&](int) {
      writer = ::gettid();
      for (long step = 0; step < steps; ++step) {
        const Range part = region.part(step * (pages / steps), pages / steps);
        // Of a file: what was not read before is not copied, but mapped as a copy at once.
        if (before == Before::file) read_pages(part);
        write_pages(part);
        sleep_ns(step_ns);
      }
    });
  });
  // After a fork the thread's stack is copied, too; and of a file several pages are read at once.
  run.expect = {.access = pages, .splits = unknown, .merges = unknown};
  if (copies(before)) run.expect.access = unknown;
  run.cause(copies(before) ? "cow" : "first_touch", pages);
  run.extra("writer", writer);
  run.extra("named", named && before != Before::file ? 1 : 0);
  run.extra("calling_ns", calling_at);
  run.extra("called_ns", called_at);
  run.report();
  ::close(file);
}

void idle(Run& run) {
  const auto duration = static_cast<long>(run.seconds(1) * 1e9);
  run.expect = {};
  run.work([&] { sleep_ns(duration); });
}

}  // namespace workload
