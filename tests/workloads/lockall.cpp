// mlockall and munlockall.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "file.hpp"
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

// So that what the heap grows by are whole pages.
void align_break() {
  const auto misaligned = reinterpret_cast<std::uintptr_t>(::sbrk(0)) % page_size;
  ::sbrk(static_cast<std::intptr_t>((page_size - misaligned) % page_size));
}

// By so many pages; negative: it shrinks.
Range grow_heap(long pages) {
  void* const before = ::sbrk(pages * page_size);
  if (reinterpret_cast<std::intptr_t>(before) == -1) fail("sbrk", errno);
  return {static_cast<std::byte*>(before), pages};
}

}  // namespace

// Where MCL_CURRENT or munlockall is part of the work, the pages of the program itself are mlocked, too: how many
// is not known, nor which VMAs merge. None is split, since these calls change whole VMAs.

void lockall_current_then_map(Run& run) {
  const Region region(Region::Reserved{}, run.pages());
  populate_everything();
  run.expect = {.access = region.all().pages, .mlocked = unknown, .munlocked = 0, .merges = unknown};
  run.cause("first_touch", region.all().pages);
  run.work([&] {
    run.mlockall(MCL_CURRENT);
    region.map();
    write_pages(region.all());
  });
}

// A library, a locale, a plugin that is loaded late: not locked, and still on the disk.
void lockall_current_then_file(Run& run) {
  const long pages = run.pages(128);
  const int fd = unlinked_file(run.text("dir", "/tmp"), pages);
  if (!tracks_dirty_pages(fd)) return run.unsupported("files of this file system are in memory only");
  const Region region(Region::Reserved{}, pages);
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  populate_everything();
  run.expect = {.access = pages, .mlocked = unknown, .munlocked = 0, .merges = unknown};
  run.cause("file_read", pages);
  run.work([&] {
    run.mlockall(MCL_CURRENT);
    region.map(PROT_READ, MAP_SHARED, fd);
    // No page is read ahead of its access.
    ::madvise(region.all().start, region.all().bytes(), MADV_RANDOM);
    read_pages(region.all());
  });
  ::close(fd);
}

// A heap that is trimmed and grows again grows by memory that is not locked.
void lockall_current_then_brk(Run& run) {
  const long pages = run.pages();
  align_break();
  grow_heap(pages);
  populate_everything();
  run.expect = {.access = pages, .mlocked = unknown, .munlocked = unknown, .splits = unknown, .merges = unknown};
  run.cause("first_touch", pages);
  run.work([&] {
    run.mlockall(MCL_CURRENT);
    grow_heap(-pages);
    write_pages(grow_heap(pages));
  });
}

// mlockall does not tell of what it could not make present: here, of a file that is yet to grow.
void lockall_beyond_end(Run& run) {
  const long pages = run.pages();
  const int fd = ::memfd_create("mlt-workload", MFD_CLOEXEC);
  if (fd < 0) fail("memfd_create", errno);
  const Region region(pages, Region::read_write, MAP_SHARED, fd);
  populate_everything();
  run.expect = {.access = pages, .mlocked = unknown, .munlocked = 0, .merges = unknown};
  run.cause("file_map", pages);
  run.work([&] {
    run.mlockall(MCL_CURRENT);
    if (::ftruncate(fd, pages * page_size) != 0) fail("ftruncate", errno);
    write_pages(region.all());
  });
  ::close(fd);
}

void lockall_future_cancelled(Run& run) {
  const Region region(Region::Reserved{}, run.pages());
  populate_everything();
  run.expect = {.access = region.all().pages, .mlocked = unknown, .munlocked = 0, .merges = unknown};
  run.cause("first_touch", region.all().pages);
  run.work([&] {
    run.mlockall(MCL_CURRENT | MCL_FUTURE);
    run.mlockall(MCL_CURRENT);
    region.map();
    write_pages(region.all());
  });
}

// What a large allocation costs that is hardly used: without the lock each is one fault.
void lockall_future_malloc(Run& run) {
  constexpr std::size_t bytes = 1000 * 1024;
  constexpr long pages_each = bytes / page_size + 1;  // with the allocator's header
  const long count = run.number("count", 50);
  run.pages(count * pages_each);
  std::free(std::malloc(1));  // the allocator's first steps
  run.expect = {.populate = count * pages_each, .mlocked = count * pages_each, .merges = unknown};
  run.cause("first_touch", count * pages_each);
  run.work([&] {
    run.mlockall(MCL_FUTURE);
    for (long i = 0; i < count; ++i) {
      auto* const block = static_cast<std::byte*>(std::malloc(bytes));
      if (block == nullptr) fail("malloc", errno);
      write_page(block);
    }
  });
}

void lockall_future_map(Run& run) {
  const Region region(Region::Reserved{}, run.pages());
  const long pages = region.all().pages;
  run.expect = {.populate = pages, .mlocked = pages};
  run.cause("first_touch", pages);
  run.work([&] {
    run.mlockall(MCL_FUTURE);
    region.map();
    write_pages(region.all());
  });
}

void lockall_future_brk(Run& run) {
  const long pages = run.pages();
  align_break();
  run.expect = {.populate = pages, .mlocked = pages, .merges = unknown};
  run.cause("first_touch", pages);
  run.work([&] {
    run.mlockall(MCL_FUTURE);
    grow_heap(pages);
  });
}

// An allocator that gives memory back and takes it again: all of it is made present each time, used or not.
void lockall_future_brk_cycle(Run& run) {
  const long cycles = run.number("cycles", 4);
  const long each = run.pages(), all = cycles * each;
  align_break();
  run.expect = {.populate = all, .mlocked = all, .munlocked = all, .splits = unknown, .merges = unknown};
  run.cause("first_touch", all);
  run.work([&] {
    run.mlockall(MCL_FUTURE);
    for (long i = 0; i < cycles; ++i) {
      grow_heap(each);
      grow_heap(-each);
    }
  });
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
