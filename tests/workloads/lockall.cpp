// mlockall and munlockall.
#include <sys/mman.h>
#include <unistd.h>

#include "workload.hpp"

namespace workload {
namespace {

constexpr int lockall_on_fault = 4;  // MCL_ONFAULT

// mlockall(MCL_CURRENT) populates mappings of the process that no program writes or reads itself. Done once
// beforehand, so that in the work only the workload's own pages are left to fault in.
void populate_everything() {
  warm_program();
  ::mlockall(MCL_CURRENT);
  ::munlockall();
}

}  // namespace

// Where MCL_CURRENT or munlockall is part of the work, the pages of the program itself are mlocked, too: how many
// is not known, nor which VMAs merge. None is split, since these calls change whole VMAs.

void lockall_current_then_map(Run& run) {
  const Region region(Region::Reserved{}, run.pages());
  populate_everything();
  run.expect = {.access = region.all().pages, .mlocked = unknown, .munlocked = 0, .merges = unknown};
  run.work([&] {
    run.mlockall(MCL_CURRENT);
    region.map();
    write_pages(region.all());
  });
}

void lockall_future_map(Run& run) {
  const Region region(Region::Reserved{}, run.pages());
  const long pages = region.all().pages;
  run.expect = {.populate = pages, .mlocked = pages};
  run.work([&] {
    run.mlockall(MCL_FUTURE);
    region.map();
    write_pages(region.all());
  });
}

void lockall_future_brk(Run& run) {
  const long pages = run.pages();
  const auto misaligned = reinterpret_cast<std::uintptr_t>(::sbrk(0)) % page_size;
  ::sbrk(static_cast<std::intptr_t>(page_size - misaligned));
  run.expect = {.populate = pages, .mlocked = pages, .merges = unknown};
  void* grown = nullptr;
  run.measure([&] {
    run.mlockall(MCL_FUTURE);
    grown = ::sbrk(pages * page_size);
  });
  if (reinterpret_cast<std::intptr_t>(grown) == -1) fail("sbrk");
  run.report();
}

void lockall_onfault(Run& run) {
  const Region region(Region::Reserved{}, run.pages());
  const long touched = region.all().pages / 4;
  populate_everything();
  run.expect = {.access = touched, .mlocked = unknown, .munlocked = 0, .merges = unknown};
  run.work([&] {
    run.mlockall(MCL_CURRENT | MCL_FUTURE | lockall_on_fault);
    region.map();
    write_pages(region.part(0, touched));
  });
}

void lockall_all_then_munlockall(Run& run) {
  const Region region(Region::Reserved{}, run.pages());
  populate_everything();
  run.expect = {.populate = region.all().pages, .mlocked = unknown, .munlocked = unknown, .merges = unknown};
  run.work([&] {
    run.mlockall(MCL_CURRENT | MCL_FUTURE);
    region.map();
    run.munlockall();
  });
}

}  // namespace workload
