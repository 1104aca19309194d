// Transparent huge pages: one fault and one mlock for 512 base pages, if all of them are inside.
#include <sys/mman.h>
#include <sys/prctl.h>

#include <cerrno>
#include <optional>

#include "child.hpp"
#include "tracking.hpp"
#include "workload.hpp"

namespace workload {
namespace {

constexpr long huge_pages = 4;

// A mapping made for huge pages; `available` if the kernel may give them.
struct HugeRegion {
  HugeRegion() : region(huge_pages * huge_page_pages) {
    ::prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
    available = ::madvise(region.all().start, region.all().bytes(), MADV_HUGEPAGE) == 0;
    if (!available) return;
    available = false;
    for_each_line("/sys/kernel/mm/transparent_hugepage/enabled",
                  [this](std::string_view line) { available = line.find("[never]") == std::string_view::npos; });
  }

  // How many huge pages the region really has: memory may be too fragmented for some.
  [[nodiscard]] long huge() const {
    const auto start = reinterpret_cast<std::uintptr_t>(region.all().start);
    const std::uintptr_t end = start + region.all().bytes();
    bool inside = false;
    long kb = 0;
    for_each_line("/proc/self/smaps", [&](std::string_view line) {
      const auto from = hex(line);
      if (from != 0) inside = from >= start && from < end;
      if (inside && line.starts_with("AnonHugePages:")) kb += decimal(line);
    });
    return kb / (huge_page_pages * page_size / 1024);
  }

  Region region;
  bool available = false;

 private:
  // The start address of a line like "200000000000-200000800000 rw-p ...", 0 for other lines.
  static std::uintptr_t hex(std::string_view line) {
    std::uintptr_t value = 0;
    for (const char c : line) {
      if (c == '-') return value;
      if (c >= '0' && c <= '9')
        value = value * 16 + static_cast<std::uintptr_t>(c - '0');
      else if (c >= 'a' && c <= 'f')
        value = value * 16 + static_cast<std::uintptr_t>(c - 'a' + 10);
      else
        return 0;
    }
    return 0;
  }
  static long decimal(std::string_view line) {
    long value = 0;
    for (const char c : line)
      if (c >= '0' && c <= '9') value = value * 10 + (c - '0');
    return value;
  }
};

constexpr const char* no_huge_pages = "transparent huge pages are off or not built in";

}  // namespace

void thp_lock(Run& run) {
  const HugeRegion memory;
  if (!memory.available) return run.unsupported(no_huge_pages);
  const long pages = run.pages(memory.region.all().pages);
  run.measure([&] { run.mlock(memory.region.all()); });
  const long huge = memory.huge();
  run.expect = {.populate = huge + (huge_pages - huge) * huge_page_pages, .mlocked = pages};
  run.cause("first_touch", *run.expect.populate);
  run.extra("huge_pages", huge);
  run.report();
}

void thp_fork_cow(Run& run) {
  const HugeRegion memory;
  if (!memory.available) return run.unsupported(no_huge_pages);
  const Range all = memory.region.all();
  run.pages(all.pages);
  lock_in_setup(all);
  run.extra("huge_pages", memory.huge());
  Child::prepare();
  std::optional<Child> child;
  // The first write to a huge page splits its mapping, and copies one page; the other pages follow one by one.
  run.expect = {.access = unknown, .mlocked = unknown, .munlocked = unknown};
  run.cause("cow", all.pages);
  run.measure([&] {
    child.emplace(Child::sleep_main, nullptr);
    write_pages(all);
  });
  const int pid = child->pid();
  run.child(pid, child->kill());
  run.report();
}

void thp_fork_write(Run& run) {
  const HugeRegion memory;
  if (!memory.available) return run.unsupported(no_huge_pages);
  const Range all = memory.region.all();
  constexpr long written = 4;  // of each huge page
  run.pages(all.pages);
  lock_in_setup(all);
  const long huge = memory.huge();
  run.extra("huge_pages", huge);
  Child::prepare();
  std::optional<Child> child;
  // The first of them through the entry for the huge page, the others through entries for parts of it.
  run.expect = {.access = huge * written, .mlocked = unknown, .munlocked = unknown};
  run.cause("cow", huge * written);
  run.measure([&] {
    child.emplace(Child::sleep_main, nullptr);
    for (long i = 0; i < huge; ++i) write_pages(all.part(i * huge_page_pages, written));
  });
  const int pid = child->pid();
  run.child(pid, child->kill());
  run.report();
}

void thp_merged(Run& run) {
  const HugeRegion memory;
  if (!memory.available) return run.unsupported(no_huge_pages);
  const Range all = memory.region.all();
  run.pages(all.pages);
  // KSM splits the huge pages.
  if (const char* reason = merge(all)) return run.unsupported(reason);
  run.expect = {.access = all.pages};
  run.cause("ksm", all.pages);
  run.work([&] { write_pages(all); });
}

void thp_zero(Run& run) {
  const HugeRegion memory;
  if (!memory.available) return run.unsupported(no_huge_pages);
  if (number_of("/sys/kernel/mm/transparent_hugepage/use_zero_page") != 1)
    return run.unsupported("no huge zero page is used here");
  const Range all = memory.region.all();
  run.pages(all.pages);
  read_pages(all);
  // From 6.13 on the huge zero page makes way for a huge page; before, its mapping is split, and small pages follow.
  run.expect = {.access = unknown};
  run.some_cause("zero_page", huge_pages);
  run.work([&] { write_pages(all); });
}

void thp_touch(Run& run) {
  const HugeRegion memory;
  if (!memory.available) return run.unsupported(no_huge_pages);
  const Range all = memory.region.all();
  run.pages(all.pages);
  const Known before = number_in("/proc/vmstat", "thp_fault_alloc");
  run.expect = {.access = unknown};
  run.some_cause("first_touch", huge_pages);
  run.measure([&] { write_pages(all); });
  const Known after = number_in("/proc/vmstat", "thp_fault_alloc");
  run.extra("huge_pages", memory.huge());
  run.extra("thp_fault_alloc", before && after ? Known{*after - *before} : unknown);
  run.report();
}

void thp_unlock_half(Run& run) {
  const HugeRegion memory;
  if (!memory.available) return run.unsupported(no_huge_pages);
  const Range all = memory.region.all();
  lock_in_setup(all);
  const long huge = memory.huge();
  // The huge page cannot be half mlocked: all of its 512 pages lose the state.
  run.pages(all.pages);
  run.expect = {.munlocked = huge == huge_pages ? Known{huge_page_pages} : unknown, .splits = 2};
  run.measure([&] { run.munlock(all.part(huge_page_pages, huge_page_pages / 2)); });
  run.extra("huge_pages", huge);
  run.extra("locked_pages", all.pages - huge_page_pages / 2);
  run.extra("locked_in_part", huge_page_pages / 2);
  run.extra("mlocked_in_part", mlocked_pages(all.part(huge_page_pages, huge_page_pages)));
  run.report();
}

void thp_lock_middle(Run& run) {
  const HugeRegion memory;
  if (!memory.available) return run.unsupported(no_huge_pages);
  const Range all = memory.region.all();
  write_pages(all);
  const long huge = memory.huge();
  const Range middle = all.part(huge_page_pages / 4, huge_page_pages / 2);
  // The kernel mlocks a huge page only if all of it is locked.
  run.pages(all.pages);
  run.expect = {.mlocked = huge == huge_pages ? Known{0} : unknown, .splits = 2};
  run.measure([&] { run.mlock(middle); });
  run.extra("huge_pages", huge);
  run.extra("locked_pages", middle.pages);
  run.extra("locked_in_part", middle.pages);
  run.extra("mlocked_in_part", mlocked_pages(all));
  run.report();
}

void thp_straddle(Run& run) {
  const HugeRegion memory;
  if (!memory.available) return run.unsupported(no_huge_pages);
  const Range all = memory.region.all();
  write_pages(all);
  const long huge = memory.huge();
  // The second half of one huge page and the first half of the next: neither is inside the locked VMA.
  run.pages(all.pages);
  run.expect = {.mlocked = huge == huge_pages ? Known{0} : unknown, .splits = 2};
  run.measure([&] { run.mlock(all.part(huge_page_pages / 2, huge_page_pages)); });
  run.extra("huge_pages", huge);
  run.extra("locked_pages", huge_page_pages);
  run.extra("locked_in_part", huge_page_pages);
  run.extra("mlocked_in_part", mlocked_pages(all));
  run.report();
}

}  // namespace workload
