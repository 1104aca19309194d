// Two things wrong in one process: neither may hide the other.
#include <sys/mman.h>
#include <unistd.h>

#include <optional>

#include "child.hpp"
#include "contention.hpp"
#include "file.hpp"
#include "tracking.hpp"
#include "workload.hpp"

namespace workload {

void fork_and_soft_dirty(Run& run) {
  const long pages = run.pages(256);
  const Region tracked(pages), copied(pages);
  lock_in_setup(tracked.all());
  lock_in_setup(copied.all());
  ::madvise(tracked.all().start, tracked.all().bytes(), MADV_DONTFORK);
  if (!track_writes(tracked.all())) return run.unsupported(no_tracking);
  write_pages(copied.all());  // tracked no more
  Child::prepare();
  std::optional<Child> child;
  run.expect = {.access = 2 * pages, .mlocked = pages, .munlocked = pages};
  run.cause("soft_dirty", pages);
  run.cause("cow", pages);
  run.measure([&] {
    child.emplace(Child::sleep_main, nullptr);
    write_pages(tracked.all());
    write_pages(copied.all());
  });
  const int pid = child->pid();
  run.child(pid, child->kill());
  run.report();
}

void file_and_zero_page(Run& run) {
  constexpr unsigned on_fault = 1;  // MLOCK_ONFAULT
  const long pages = run.pages(256);
  const int fd = unlinked_file(run.text("dir", "/tmp"), pages);
  if (!tracks_dirty_pages(fd)) return run.unsupported("this file system does not track dirty pages");
  const Region file(pages, Region::read_write, MAP_SHARED, fd), memory(pages);
  lock_in_setup(file.all());
  ::mlock2(memory.all().start, memory.all().bytes(), on_fault);
  run.presume(reading_maps_the_zero_page(), zero_page_premise);
  run.expect = {.access = 3 * pages, .mlocked = pages};
  run.cause("mkwrite", pages);
  run.cause("first_touch", pages);
  run.cause("zero_page", pages);
  run.work([&] {
    write_pages(file.all());
    read_pages(memory.all());
    write_pages(memory.all());
  });
  ::close(fd);
}

void held_up_and_refused(Run& run) {
  constexpr long pages = 64;
  const Region kept(pages);
  lock_in_setup(kept.all());
  HeldUp threads(run);
  threads.expect(run);
  run.measure([&] {
    threads.work();
    ::madvise(kept.all().start, kept.all().bytes(), MADV_DONTNEED);  // EINVAL
  });
  threads.report(run);
  run.report();
}

void fork_and_lockall(Run& run) {
  const long pages = run.pages(256);
  const Region locked(pages), late(Region::Reserved{}, pages);
  lock_in_setup(locked.all());
  Child::prepare();
  std::optional<Child> child;
  run.expect = {.access = 2 * pages, .populate = unknown, .mlocked = unknown, .munlocked = unknown, .merges = unknown};
  run.cause("cow", pages);
  run.some_cause("first_touch|file_map|file_read|special_map", pages);
  run.measure([&] {
    run.mlockall(MCL_CURRENT);
    late.map();
    write_pages(late.all());
    child.emplace(Child::sleep_main, nullptr);
    write_pages(locked.all());
  });
  const int pid = child->pid();
  run.child(pid, child->kill());
  run.report();
}

}  // namespace workload
