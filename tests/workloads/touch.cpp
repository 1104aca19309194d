// Faults without locks.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "file.hpp"
#include "workload.hpp"

namespace workload {

void touch(Run& run) {
  const Region region(run.pages());
  run.expect = {.access = region.all().pages};
  run.cause("first_touch", region.all().pages);
  run.work([&] { write_pages(region.all()); });
}

void touch_read(Run& run) {
  const Region region(run.pages());
  run.expect = {.access = region.all().pages};
  run.cause("first_touch", region.all().pages);
  run.work([&] { read_pages(region.all()); });
}

void touch_read_write(Run& run) {
  const Region region(run.pages());
  // The read maps the shared zero page; the write finds it read-only and needs a page of its own.
  run.presume(reading_maps_the_zero_page(), zero_page_premise);
  run.expect = {.access = 2 * region.all().pages};
  run.cause("first_touch", region.all().pages);
  run.cause("zero_page", region.all().pages);
  run.work([&] {
    read_pages(region.all());
    write_pages(region.all());
  });
}

void touch_locked_none(Run& run) {
  const Region region(run.pages());
  lock_in_setup(region.all());
  run.expect = {};
  run.work([&] {
    write_pages(region.all());
    read_pages(region.all());
  });
}

void kernel_read(Run& run) {
  const Region region(run.pages());
  const int zero = ::open("/dev/zero", O_RDONLY | O_CLOEXEC);
  if (zero < 0) fail("/dev/zero", errno);
  const auto bytes = static_cast<ssize_t>(region.all().bytes());
  ssize_t got = 0;
  run.expect = {.kernel = region.all().pages};
  run.cause("first_touch", region.all().pages);
  run.measure([&] { got = ::read(zero, region.all().start, static_cast<std::size_t>(bytes)); });
  if (got != bytes) fail("/dev/zero: a short read");
  run.report();
  ::close(zero);
}

void direct_read(Run& run) {
  const Region region(run.pages());
  const int file = unlinked_file(run.text("dir", "/tmp"), region.all().pages);
  if (!tracks_dirty_pages(file) || ::fcntl(file, F_SETFL, O_DIRECT) != 0)
    return run.unsupported("no O_DIRECT in this file system");
  run.expect = {.populate = region.all().pages};
  run.cause("first_touch", region.all().pages);
  ssize_t got = 0;
  run.measure([&] { got = ::pread(file, region.all().start, region.all().bytes(), 0); });
  if (got != static_cast<ssize_t>(region.all().bytes())) fail("read with O_DIRECT", errno);
  run.report();
  ::close(file);
}

void populate_write(Run& run) {
  constexpr int madv_populate_write = 23;  // since Linux 5.14; the C library's headers may be older
  const Region region(run.pages()), probe(1);
  if (::madvise(probe.all().start, page_size, madv_populate_write) != 0)
    return run.unsupported("no MADV_POPULATE_WRITE in this kernel");
  run.expect = {.populate = region.all().pages};
  run.cause("first_touch", region.all().pages);
  run.work([&] {
    ::madvise(region.all().start, region.all().bytes(), madv_populate_write);
    write_pages(region.all());  // all present by now
  });
}

namespace {

void grow_stack(Run& run, bool locked) {
  const auto bytes = static_cast<std::size_t>(run.number("bytes", 512 * 1024));
  run.pages(static_cast<long>(bytes) / page_size);
  touch_stack(192 * 1024);  // deeper than the rehearsal gets: from here on only the work extends the stack
  if (locked && ::mlockall(MCL_CURRENT | MCL_FUTURE) != 0) fail("mlockall", errno);
  const std::uintptr_t start = stack_start();
  std::uintptr_t lowest = 0;
  run.measure([&] { lowest = touch_stack(bytes); });
  // The kernel extends the stack's VMA to the page that was touched, so below its start each page is one fault.
  const std::uintptr_t lowest_page = lowest & ~static_cast<std::uintptr_t>(page_size - 1);
  const long grown = lowest_page < start ? static_cast<long>((start - lowest_page) / page_size) : 0;
  run.expect = {.access = grown, .mlocked = locked ? grown : 0};
  run.cause("stack", grown);
  run.report();
}

}  // namespace

void stack_grow(Run& run) { grow_stack(run, false); }

void stack_grow_locked(Run& run) { grow_stack(run, true); }

}  // namespace workload
