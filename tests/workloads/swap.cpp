// Pages that are swapped out: what brings them back, what copies and frees their swap entries.
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "child.hpp"
#include "memory_cgroup.hpp"
#include "workload.hpp"

namespace workload {
namespace {

constexpr int advise_page_out = 21;  // MADV_PAGEOUT
constexpr const char* no_swap = "no swap that takes these pages";

// A region whose pages are swapped out and, where a memory cgroup can be had, not in the swap cache either.
struct SwappedRegion {
  explicit SwappedRegion(long pages) : region(pages) {
    write_pages(region.all());
    is_out = swap_out(region.all());
    if (is_out && group.entered()) group.squeeze();
  }

  MemoryCgroup group;
  Region region;
  bool is_out = false;
};

}  // namespace

bool swap_out(const Range& range) {
  if (number_in("/proc/meminfo", "SwapFree:").value_or(0) < 2 * range.pages * (page_size / 1024)) return false;
  cpu_set_t allowed;
  ::sched_getaffinity(0, sizeof allowed, &allowed);
  bool is_out = false;
  // Pages that a CPU holds back in a batch can't be paged out, and only the batch of the CPU that asks is emptied.
  for (int attempt = 0; attempt < 100 && !is_out; ++attempt) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (!CPU_ISSET(cpu, &allowed)) continue;
      pin_to(cpu);
      ::madvise(range.start, range.bytes(), advise_page_out);
    }
    is_out = swapped_pages(range) == range.pages;
    if (!is_out) sleep_ns(10'000'000);
  }
  ::sched_setaffinity(0, sizeof allowed, &allowed);
  return is_out;
}

void swap_touch(Run& run) {
  const SwappedRegion swapped(run.pages());
  if (!swapped.is_out) return run.unsupported(no_swap);
  const Range all = swapped.region.all();
  // A fault a page, whether it is read or found in the swap cache.
  run.expect = {.access = all.pages};
  run.cause("swap_in", all.pages);
  run.extra("swapped_in", all.pages);
  run.work([&] { write_pages(all); });
}

void swap_zeroes(Run& run) {
  const Region region(run.pages(512));
  const Range all = region.all();
  for (long i = 0; i < all.pages; ++i) *reinterpret_cast<volatile char*>(all.page(i)) = 0;
  // Where one page goes out others do, too; and all that is needed for it has been touched then.
  const Region another(1);
  write_pages(another.all());
  if (!swap_out(another.all())) return run.unsupported(no_swap);
  bool is_out = false;
  run.expect = {.access = all.pages};
  run.cause("swap_in", all.pages);
  run.measure([&] {
    is_out = swap_out(all);
    read_pages(all);
  });
  if (!is_out) fail("swapping out, which has worked for another page");
  run.extra("swapped_out", all.pages);
  run.extra("swapped_out_before", 1);
  run.report();
}

namespace {

void read_and_write(Run& run, bool locked) {
  const SwappedRegion swapped(run.pages());
  if (!swapped.is_out) return run.unsupported(no_swap);
  const Range all = swapped.region.all();
  // What is read in may be left read-only, though it is nobody else's.
  run.expect = {.access = unknown, .mlocked = locked ? unknown : Known(0)};
  run.cause("swap_in", all.pages);
  run.some_cause("write_enable", 0);
  run.work([&] {
    if (locked) run.mlock2(all, MLOCK_ONFAULT);
    read_pages(all);
    write_pages(all);
  });
}

}  // namespace

void swap_read_write(Run& run) { read_and_write(run, false); }

void swap_read_write_locked(Run& run) { read_and_write(run, true); }

void swap_lock(Run& run) {
  const SwappedRegion swapped(run.pages());
  if (!swapped.is_out) return run.unsupported(no_swap);
  const Range all = swapped.region.all();
  // Whether the pages become mlocked depends on the kernel; those that do not are locked all the same.
  run.expect = {.populate = all.pages, .mlocked = unknown};
  run.cause("swap_in", all.pages);
  run.measure([&] { run.mlock(all); });
  run.extra("swapped_in", all.pages);
  run.extra("locked_pages", all.pages);
  run.extra("mlocked_after", mlocked_pages(all));
  run.report();
}

namespace {

int exit_main(void*) {
  ::syscall(SYS_exit_group, 0);
  return 0;
}

// A child that has the swapped pages, too, until it is over.
void fork_swapped(Run& run, Child::Main main) {
  const Region region(run.pages());
  write_pages(region.all());
  Child::prepare();
  if (!swap_out(region.all())) return run.unsupported(no_swap);
  run.expect = {};
  run.extra("duplicated", region.all().pages);      // by the fork
  run.extra("freed_by_child", region.all().pages);  // at its exit
  run.measure([&] {
    Child child(main, nullptr);
    const int pid = child.pid();
    run.child(pid, child.wait());
  });
  run.extra("still_swapped", swapped_pages(region.all()));
  run.report();
}

}  // namespace

void swap_fork(Run& run) { fork_swapped(run, exit_main); }

void swap_fork_wait(Run& run) { fork_swapped(run, Child::sleep_main); }

}  // namespace workload
