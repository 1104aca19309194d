// Pages that are there, and fault all the same: what the kernel, or somebody else, does to them.
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "tracking.hpp"
#include "workload.hpp"

namespace workload {

bool track_writes(const Range& range) {
  // New mappings count as written to, where such a thing is known at all.
  return soft_dirty_pages(range) == range.pages && write_file("/proc/self/clear_refs", "4");
}

void soft_dirty(Run& run) {
  const Region region(run.pages());
  lock_in_setup(region.all());
  // All of the process is tracked from now on; what it consists of itself is written to before it is ready.
  if (!track_writes(region.all())) return run.unsupported(no_tracking);
  run.expect = {.access = region.all().pages};
  run.cause("soft_dirty", region.all().pages);
  run.work([&] { write_pages(region.all()); });
}

namespace {

// Of this process where the kernel tells (5.19), else of the whole system: virtual machines that run here let KSM merge
// theirs. Newer kernels' /proc/kpageflags takes every anonymous page for one of KSM's.
long merged_pages() {
  constexpr const char* own = "/proc/self/ksm_merging_pages";
  if (::access(own, R_OK) == 0) return number_of(own).value_or(0);
  return number_of("/sys/kernel/mm/ksm/pages_shared").value_or(0) +
         number_of("/sys/kernel/mm/ksm/pages_sharing").value_or(0);
}

}  // namespace

const char* merge(const Range& range) {
  constexpr long patience_ns = 60'000'000'000;
  write_pages(range);
  if (::madvise(range.start, range.bytes(), MADV_MERGEABLE) != 0) return "no KSM in this kernel";
  const long merged = merged_pages() + range.pages;
  const KernelSetting many("/sys/kernel/mm/ksm/pages_to_scan", "10000");
  const KernelSetting scan("/sys/kernel/mm/ksm/run", "1");
  const long begun = now_ns();
  while (merged_pages() < merged && now_ns() - begun < patience_ns) sleep_ns(10'000'000);
  return merged_pages() < merged ? "KSM has not merged the pages" : nullptr;
}

void ksm(Run& run) {
  const Region region(run.pages(256));
  const Range all = region.all();
  lock_in_setup(all);
  if (const char* reason = merge(all)) return run.unsupported(reason);
  // The copies are mlocked; the page that all had in common, which nobody has any more, no longer is.
  run.expect = {.access = all.pages, .mlocked = unknown, .munlocked = unknown};
  run.cause("ksm", all.pages);
  run.work([&] { write_pages(all); });
}

void ksm_unmerge(Run& run) {
  const Region region(run.pages(256));
  const Range all = region.all();
  lock_in_setup(all);
  if (const char* reason = merge(all)) return run.unsupported(reason);
  // The call writes to each page in the process's place.
  run.expect = {.remote = all.pages, .mlocked = unknown, .munlocked = unknown};
  run.cause("ksm", all.pages);
  run.work([&] { ::madvise(all.start, all.bytes(), MADV_UNMERGEABLE); });
}

void hugetlb(Run& run) {
  const long pages = run.pages(4);
  std::array<char, 24> count{};
  const long needed = pages + number_in("/proc/meminfo", "HugePages_Total:").value_or(0);
  const auto end = std::to_chars(count.data(), count.data() + count.size(), needed);
  const KernelSetting reserve("/proc/sys/vm/nr_hugepages",
                              {count.data(), static_cast<std::size_t>(end.ptr - count.data())});
  if (number_in("/proc/meminfo", "HugePages_Free:").value_or(0) < pages)
    return run.unsupported("no huge pages to reserve");
  const Region region(pages * huge_page_pages, Region::read_write, Region::anonymous | MAP_HUGETLB);
  // There is nothing that could be swapped, so mlock returns 0 and does nothing.
  run.expect = {.access = pages};
  run.cause("hugetlb", pages);
  run.work([&] {
    for (long i = 0; i < pages; ++i) write_page(region.all().page(i * huge_page_pages));
    run.mlock(region.all());
  });
}

void vdso(Run& run) {
  constexpr int new_time = 0x80;  // CLONE_NEWTIME
  const Region locked(1);
  lock_in_setup(locked.all());
  // Who enters another time namespace loses the clock's pages, and gets others at its next look at the clock.
  const bool made = ::unshare(new_time) == 0;
  const int other = made ? ::open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC) : -1;
  if (other < 0) return run.unsupported("no time namespace can be made");
  run.expect = {.access = unknown};  // one or two: some kernels map the second page with the first
  run.some_cause("special_map", 1);
  run.work([&] {
    ::setns(other, new_time);
    now_ns();
  });
  ::close(other);
}

void mprotect_again(Run& run) {
  const Region region(run.pages());
  const Range all = region.all();
  write_pages(all);
  // Some kernels make pages writable again with the mapping; in others the next write to each does, as if after a fork.
  run.expect = {.access = unknown};
  run.some_cause("write_enable|cow", 0);
  run.work([&] {
    ::mprotect(all.start, all.bytes(), PROT_READ);
    ::mprotect(all.start, all.bytes(), PROT_READ | PROT_WRITE);
    write_pages(all);
  });
}

void mprotect_again_locked(Run& run) {
  const Region region(run.pages());
  const Range all = region.all();
  lock_in_setup(all);
  // What makes locked memory writable writes to it, too: where the pages were left read-only, that is a populate.
  run.expect = {.populate = unknown};
  run.some_cause("write_enable|cow", 0);
  run.work([&] {
    ::mprotect(all.start, all.bytes(), PROT_READ);
    ::mprotect(all.start, all.bytes(), PROT_READ | PROT_WRITE);
    write_pages(all);
  });
}

void discard(Run& run) {
  const Region region(run.pages());
  const Range all = region.all();
  write_pages(all);
  run.expect = {.access = all.pages};
  run.cause("first_touch", all.pages);
  run.work([&] {
    ::madvise(all.start, all.bytes(), MADV_DONTNEED);
    write_pages(all);
  });
}

void discard_locked(Run& run) {
  constexpr int dontneed_locked = 24;  // MADV_DONTNEED_LOCKED
  const Region region(run.pages()), probe(1);
  const Range all = region.all();
  if (::madvise(probe.all().start, page_size, dontneed_locked) != 0)
    return run.unsupported("no MADV_DONTNEED_LOCKED in this kernel");
  lock_in_setup(all);
  run.expect = {.access = all.pages, .mlocked = all.pages, .munlocked = all.pages};
  run.cause("first_touch", all.pages);
  run.work([&] {
    ::madvise(all.start, all.bytes(), dontneed_locked);
    write_pages(all);
  });
}

}  // namespace workload
