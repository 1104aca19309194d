// mlock, mlock2, munlock.
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "workload.hpp"

namespace workload {
namespace {

constexpr int lock_on_fault = 1;  // MLOCK_ONFAULT

}  // namespace

void lock_untouched(Run& run) {
  const Region region(run.pages());
  const long pages = region.all().pages;
  run.expect = {.populate = pages, .mlocked = pages};
  run.cause("first_touch", pages);
  run.work([&] {
    run.mlock(region.all());
    write_pages(region.all());
  });
}

void lock_touched(Run& run) {
  const Region region(run.pages());
  write_pages(region.all());
  run.expect = {.mlocked = region.all().pages};
  run.work([&] { run.mlock(region.all()); });
}

void lock_twice(Run& run) {
  const Region region(run.pages());
  const long pages = region.all().pages;
  run.expect = {.populate = pages, .mlocked = pages};
  run.work([&] {
    run.mlock(region.all());
    run.mlock(region.all());
  });
}

void lock_middle(Run& run) {
  const Region region(run.pages(2048, 4));
  const Range middle = region.part(region.all().pages / 4, region.all().pages / 2);
  run.expect = {.populate = middle.pages, .mlocked = middle.pages, .splits = 2};
  run.work([&] { run.mlock(middle); });
}

void unlock_middle_all(Run& run) {
  const Region region(run.pages(2048, 4));
  const Range all = region.all();
  const Range middle = region.part(all.pages / 4, all.pages / 2);
  write_pages(all);
  lock_in_setup(all);
  // Locking the middle again joins three VMAs in one merge. On one processor: pages that wait in another one's batch
  // for their munlock (mlock_folio_batch in mm/mlock.c, since 5.18) are still mlocked when they are locked again, and
  // the kernel counts neither.
  pin_to(::sched_getcpu());
  run.expect = {.mlocked = middle.pages, .munlocked = all.pages + middle.pages, .splits = 2, .merges = 1};
  run.work([&] {
    run.munlock(middle);
    run.mlock(middle);
    run.munlock(all);
  });
}

void lock_one_page(Run& run) {
  const Region region(run.pages(2048, 3));
  run.expect = {.populate = 1, .mlocked = 1, .splits = 2};
  run.work([&] { run.mlock(region.part(region.all().pages / 2, 1)); });
}

void lock_alternate(Run& run) {
  const Region region(run.pages(64));
  const long pages = region.all().pages;
  const long locked = (pages + 1) / 2;
  // Every page becomes a VMA, and a split makes one more of them.
  run.expect = {.populate = locked, .mlocked = locked, .splits = pages - 1};
  run.work([&] {
    for (long i = 0; i < pages; i += 2) run.mlock(region.part(i, 1));
  });
}

void onfault(Run& run) {
  const Region region(run.pages());
  const long touched = region.all().pages / 4;
  run.expect = {.access = touched, .mlocked = touched};
  run.cause("first_touch", touched);
  run.work([&] {
    run.mlock2(region.all(), lock_on_fault);
    write_pages(region.part(0, touched));
  });
}

void onfault_read_write(Run& run) {
  const Region region(run.pages());
  const long pages = region.all().pages;
  run.presume(reading_maps_the_zero_page(), zero_page_premise);
  run.expect = {.access = 2 * pages, .mlocked = pages};
  run.cause("first_touch", pages);
  run.cause("zero_page", pages);
  run.work([&] {
    run.mlock2(region.all(), lock_on_fault);
    read_pages(region.all());
    write_pages(region.all());
  });
}

void onfault_present(Run& run) {
  const Region region(run.pages());
  write_pages(region.all());
  run.expect = {.mlocked = region.all().pages};
  run.work([&] { run.mlock2(region.all(), lock_on_fault); });
}

void lock_readonly(Run& run) {
  const Region region(run.pages(), PROT_READ);
  // Read faults: each maps the zero page, which is never mlocked.
  run.presume(reading_maps_the_zero_page(), zero_page_premise);
  run.expect = {.populate = region.all().pages};
  run.cause("first_touch", region.all().pages);
  run.work([&] { run.mlock(region.all()); });
}

void lock_none(Run& run) {
  const Region region(run.pages(), PROT_NONE);
  run.expect = {};  // the populate gives up before the first fault; the VMA stays locked
  run.work([&] { run.mlock(region.all()); });
}

void dontneed_locked(Run& run) {
  const Region region(run.pages());
  lock_in_setup(region.all());
  int error = 0;
  run.expect = {};
  run.measure([&] {
    if (::madvise(region.all().start, region.all().bytes(), MADV_DONTNEED) != 0) error = errno;
    write_pages(region.all());
  });
  run.extra("madvise_errno", error);
  run.report();
}

void exit_locked(Run& run) {
  const Region region(run.pages());
  const long pages = region.all().pages;
  run.expect = {.populate = pages, .mlocked = pages};
  run.extra("munlocked_at_exit", pages);
  run.work([&] { run.mlock(region.all()); });
  ::_exit(0);  // the region's destructor would unmap it first
}

}  // namespace workload
