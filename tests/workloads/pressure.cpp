// More memory than a memory cgroup may have: who must reclaim, what is taken away, and what stays.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include "file.hpp"
#include "memory_cgroup.hpp"
#include "shm_segment.hpp"
#include "workload.hpp"

namespace workload {
namespace {

constexpr const char* no_pressure = "needs a memory cgroup (v2) of its own, and swap";
constexpr int rounds = 3;

// A cgroup that has room for `kept` pages and half of those that press.
class Pressure {
 public:
  Pressure(long pages, long kept) : pressing_(pages), kept_(kept) {}

  // Otherwise the kernel would have to kill.
  [[nodiscard]] bool possible() const {
    const long needed_kb = 4 * pressing_.all().pages * (page_size / 1024);
    return group_.entered() && number_in("/proc/meminfo", "SwapFree:").value_or(0) >= needed_kb;
  }

  // Swaps `range` out, and its swap cache too.
  [[nodiscard]] bool swap_out(const Range& range) const {
    if (!workload::swap_out(range)) return false;
    group_.squeeze();
    return true;
  }

  // Touches more than there is room for, `rounds` times. Then nothing is short any more: what follows the work is
  // not to reclaim.
  template <class Keep>
  void apply(Keep keep) {
    constexpr long page_tables_and_such = 256;
    group_.limit(kept_ + pressing_.all().pages / 2 + page_tables_and_such);
    const long hits = *group_.limit_hits(), scanned = *group_.stat("pgscan"), reclaimed = *group_.stat("pgsteal");
    for (int round = 0; round < rounds; ++round) {
      keep();
      press();
    }
    group_.unlimit();
    reclaims_ = *group_.limit_hits() - hits;
    scanned_ = *group_.stat("pgscan") - scanned;
    reclaimed_ = *group_.stat("pgsteal") - reclaimed;
  }

  void report(Run& run) const {
    run.extra("pressing_pages", pressing_.all().pages);
    run.extra("memcg_reclaims", reclaims_);
    run.extra("memcg_scanned", scanned_);
    run.extra("memcg_reclaimed", reclaimed_);
    run.extra("swap_kb", number_in("/proc/self/status", "VmSwap:"));
    run.report();
  }

 private:
  // Gives the swap device time: a group that consists of pages on their way there is out of memory to the kernel.
  void press() const {
    constexpr long burst = 16;
    for (long first = 0; first < pressing_.all().pages; first += burst) {
      write_pages(pressing_.part(first, std::min(burst, pressing_.all().pages - first)));
      sleep_ns(1'000'000);
    }
  }

  MemoryCgroup group_;
  Region pressing_;
  long kept_;
  long reclaims_ = 0, scanned_ = 0, reclaimed_ = 0;
};

}  // namespace

// Whoever allocates has to reclaim first. The memory is that of files that nobody needs.
void short_of_memory(Run& run) {
  constexpr long missing_kb = 32L * 1024;
  const Region region(run.pages(1024));
  // Others may be at work on a large one.
  if (number_in("/proc/meminfo", "MemTotal:").value_or(0) > 4L * 1024 * 1024)
    return run.unsupported("for a small machine: it keeps all of its free memory free");
  const Known free_kb = number_in("/proc/meminfo", "MemFree:");
  if (!free_kb) return run.unsupported("no MemFree");
  std::array<char, 24> kept{};
  std::snprintf(kept.data(), kept.size(), "%ld", *free_kb + missing_kb);
  run.expect = {.access = unknown};
  run.some_cause("first_touch", region.all().pages);
  run.work([&] {
    const KernelSetting kept_free("/proc/sys/vm/min_free_kbytes", kept.data());
    write_pages(region.all());
  });
}

void reclaim_fault(Run& run) {
  Pressure pressure(run.pages(4096, 1024), 0);
  if (!pressure.possible()) return run.unsupported(no_pressure);
  run.expect = {.access = unknown};
  run.measure([&] { pressure.apply([] {}); });
  pressure.report(run);
}

void pressure(Run& run) {
  const long pages = run.pages(8192, 2048);
  Pressure pressure(pages / 2, pages / 2);
  if (!pressure.possible()) return run.unsupported(no_pressure);
  const Region locked(pages / 2);
  run.expect = {.access = unknown, .populate = locked.all().pages, .mlocked = locked.all().pages};
  run.measure([&] {
    run.mlock(locked.all());
    pressure.apply([&] { write_pages(locked.all()); });
  });
  run.extra("locked_pages", locked.all().pages);
  run.extra("locked_present", present_pages(locked.all()));
  run.extra("mlocked_after", mlocked_pages(locked.all()));
  pressure.report(run);
}

// There is nobody to kill, as the process itself is spared: the page that is one too many is refused.
void lock_over_max(Run& run) {
  const MemoryCgroup group;
  if (!group.entered()) return run.unsupported("needs a memory cgroup (v2) of its own");
  if (number_of("/proc/self/oom_score_adj") != -1000) return run.unsupported("would be killed");
  const Region region(run.pages(1024, 256));
  group.limit(region.all().pages / 2);
  run.expect = {.populate = unknown, .mlocked = unknown};
  run.measure([&] {
    run.mlock(region.all());
    group.unlimit();  // whatever comes next needs memory, too
  });
  const long present = present_pages(region.all());
  run.expect.populate = run.expect.mlocked = present;
  run.cause("first_touch", present);
  run.extra("present_pages", present);
  run.report();
}

// What the group has is clean page cache: it can be had at once, so the lock needs no luck.
void lock_reclaim(Run& run) {
  const long pages = run.pages(4096, 1024);
  const MemoryCgroup group;
  if (!group.entered()) return run.unsupported("needs a memory cgroup (v2) of its own");
  const int fd = unlinked_file(run.text("dir", "/tmp"), pages);
  if (!tracks_dirty_pages(fd)) return run.unsupported("files of this file system are in memory only");
  const Region region(pages);
  group.limit(pages + pages / 2);
  const long hits = *group.limit_hits();
  run.expect = {.populate = pages, .mlocked = pages};
  run.cause("first_touch", pages);
  run.measure([&] { run.mlock(region.all()); });
  run.extra("memcg_reclaims", *group.limit_hits() - hits);
  group.unlimit();
  run.report();
  ::close(fd);
}

// Twice as much of a file as the group may have, page by page and again: of the oldest each has gone by then.
void refault(Run& run) {
  const long pages = run.pages(1024, 512);
  const long rounds = run.number("rounds", 3);
  const MemoryCgroup group;
  if (!group.entered()) return run.unsupported("needs a memory cgroup (v2) of its own");
  const int fd = unlinked_file(run.text("dir", "/tmp"), pages);
  if (!tracks_dirty_pages(fd)) return run.unsupported("files of this file system are in memory only");
  const Region region(pages, PROT_READ, MAP_SHARED, fd);
  if (::madvise(region.all().start, region.all().bytes(), MADV_RANDOM) != 0) fail("MADV_RANDOM", errno);
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  constexpr long page_tables_and_such = 128;
  run.expect = {.access = unknown};
  run.some_cause("file_map|file_read", pages);
  const Known before = group.stat("workingset_refault_file");
  group.limit(pages / 2 + page_tables_and_such);
  run.measure([&] {
    for (long round = 0; round < rounds; ++round) read_pages(region.all());
  });
  group.unlimit();
  const Known after = group.stat("workingset_refault_file");
  run.extra("refaulted_file", before && after ? Known{*after - *before} : unknown);
  run.report();
  ::close(fd);
}

void lock_cull(Run& run) {
  const long pages = run.pages(8192, 2048);
  Pressure pressure(pages / 2, pages / 2);
  if (!pressure.possible()) return run.unsupported(no_pressure);
  const Region locked(pages / 2);
  write_pages(locked.all());
  if (!pressure.swap_out(locked.all())) return run.unsupported(no_pressure);
  // Where mlock does not mlock what it swaps in, reclaim does, as far as it gets.
  run.expect = {.access = unknown, .populate = locked.all().pages, .mlocked = unknown};
  Known mlocked_before;
  run.measure([&] {
    run.mlock(locked.all());
    mlocked_before = mlocked_pages(locked.all());
    pressure.apply([] {});
  });
  run.extra("locked_pages", locked.all().pages);
  run.extra("locked_present", present_pages(locked.all()));
  run.extra("mlocked_before_pressure", mlocked_before);
  run.extra("mlocked_after", mlocked_pages(locked.all()));
  pressure.report(run);
}

void shm_cull(Run& run) {
  const long pages = run.pages(8192, 2048);
  Pressure pressure(pages / 2, pages / 2);
  if (!pressure.possible()) return run.unsupported(no_pressure);
  const ShmSegment segment(pages / 2);
  write_pages(segment.all());
  int error = 0;
  Known unevictable_before;
  run.expect = {.access = unknown};
  run.measure([&] {
    error = segment.lock();
    unevictable_before = unevictable_pages(segment.all());
    pressure.apply([] {});
  });
  if (error != 0) fail("SHM_LOCK", error);
  run.extra("shm_locked_pages", segment.all().pages);
  run.extra("shm_locked_present", present_pages(segment.all()));
  run.extra("unevictable_before_pressure", unevictable_before);
  run.extra("unevictable_after", unevictable_pages(segment.all()));
  pressure.report(run);
}

}  // namespace workload
