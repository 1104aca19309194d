// Shared mappings of memory and of files.
#include "file.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "workload.hpp"

namespace workload {

namespace {

int memory_file(long pages) {
  const int fd = ::memfd_create("mlt-workload", MFD_CLOEXEC);
  if (fd < 0 || ::ftruncate(fd, pages * page_size) != 0) fail("memfd", errno);
  return fd;
}

}  // namespace

// A lock on fault copies nothing; reading maps the pages of the file, several at once, and each write copies one.
void private_file_write(Run& run) {
  const long pages = run.pages();
  const int file = memory_file(pages);
  const Region contents(pages, Region::read_write, MAP_SHARED, file);
  write_pages(contents.all());
  const Region region(pages, Region::read_write, MAP_PRIVATE, file);
  run.expect = {.access = unknown, .mlocked = unknown, .munlocked = unknown};
  run.cause("cow", pages);
  run.some_cause("file_map", 1);
  run.work([&] {
    run.mlock2(region.all(), MLOCK_ONFAULT);
    read_pages(region.all());
    write_pages(region.all());
  });
  ::close(file);
}

void shm_locked(Run& run) {
  const long pages = run.pages();
  const int fd = memory_file(pages);
  const Region region(pages, Region::read_write, MAP_SHARED, fd);
  // Memory has no writeback to prepare for: what mlock read in may be written without another fault.
  run.expect = {.populate = pages, .mlocked = pages};
  run.cause("file_map", pages);
  run.work([&] {
    run.mlock(region.all());
    write_pages(region.all());
  });
  ::close(fd);
}

// A lock does not keep what is taken out of the file.
void punch_hole(Run& run) {
  const long pages = run.pages();
  const int fd = memory_file(pages);
  const Region region(pages, Region::read_write, MAP_SHARED, fd);
  lock_in_setup(region.all());
  run.expect = {.access = pages, .mlocked = unknown, .munlocked = unknown};  // some kernels mlock at the next reclaim
  run.cause("file_map", pages);
  int result = 0;
  run.measure([&] {
    result = ::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, pages * page_size);
    write_pages(region.all());
  });
  if (result != 0) fail("FALLOC_FL_PUNCH_HOLE", errno);
  run.report();
  ::close(fd);
}

// Unlike a hole, truncation takes the private copies, too.
void truncate_locked(Run& run) {
  const long pages = run.pages();
  const int fd = memory_file(pages);
  const Region region(pages, Region::read_write, MAP_PRIVATE, fd);
  lock_in_setup(region.all());
  run.expect = {.access = pages, .mlocked = pages, .munlocked = pages};
  run.cause("file_map", pages);
  bool resized = false;
  run.measure([&] {
    resized = ::ftruncate(fd, 0) == 0 && ::ftruncate(fd, pages * page_size) == 0;
    write_pages(region.all());
  });
  if (!resized) fail("ftruncate", errno);
  run.report();
  ::close(fd);
}

int unlinked_file(const char* directory, long pages) {
  std::array<char, 4096> path{};
  std::snprintf(path.data(), path.size(), "%s/mlt-workload.%d", directory, ::getpid());
  const int fd = ::open(path.data(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) fail(path.data(), errno);
  ::unlink(path.data());
  static std::array<char, page_size> content;
  content.fill('x');
  for (long i = 0; i < pages; ++i)
    if (::pwrite(fd, content.data(), content.size(), i * page_size) != page_size) fail(path.data(), errno);
  if (::fsync(fd) != 0) fail("fsync", errno);
  return fd;
}

bool tracks_dirty_pages(int fd) {
  struct statfs fs {};
  if (::fstatfs(fd, &fs) != 0) fail("fstatfs", errno);
  return fs.f_type != TMPFS_MAGIC && fs.f_type != RAMFS_MAGIC;
}

void file_locked(Run& run) {
  const long pages = run.pages();
  const int fd = unlinked_file(run.text("dir", "/tmp"), pages);
  const bool tracked = tracks_dirty_pages(fd);
  const Region region(pages, Region::read_write, MAP_SHARED, fd);
  // mlock reads the file in, a number of pages a fault that depends on kernel and file system. Then writing
  // faults on each page, once before and once after msync made it clean and write-protected again.
  run.expect = {.access = tracked ? 2 * pages : 0, .populate = unknown, .mlocked = pages};
  if (tracked) run.cause("mkwrite", 2 * pages);
  run.some_cause("file_map|file_read", 1);
  run.extra("tracks_dirty_pages", tracked);
  run.work([&] {
    run.mlock(region.all());
    write_pages(region.all());
    ::msync(region.all().start, region.all().bytes(), MS_SYNC);
    write_pages(region.all());
  });
  ::close(fd);
}

void file_lock_cold(Run& run) {
  const long pages = run.pages();
  const int fd = unlinked_file(run.text("dir", "/tmp"), pages);
  if (!tracks_dirty_pages(fd)) return run.unsupported("files of this file system are in memory only");
  const Region region(pages, PROT_READ, MAP_SHARED, fd);
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  run.some_cause("file_map|file_read", 1);
  run.measure([&] { run.mlock(region.all()); });
  // All, but where the file is cached in folios of several pages: of one that a fault around another page mapped in
  // part only, nothing is mlocked (since 6.16 ext4 has them).
  run.expect = {.populate = unknown, .mlocked = mlocked_pages(region.all())};
  run.report();
  ::close(fd);
}

// Much more than may be dirty in all of the machine.
void dirty_file(Run& run) {
  const long pages = run.pages(4096);
  const int fd = unlinked_file(run.text("dir", "/tmp"), pages);
  if (!tracks_dirty_pages(fd)) return run.unsupported("files of this file system are in memory only");
  const Region region(pages, Region::read_write, MAP_SHARED, fd);
  run.expect = {.access = unknown};
  run.some_cause("file_map|mkwrite", 1);
  {
    // Whoever sets one of the two ends the other: so the share that is set back ends the limit in bytes.
    const KernelSetting share("/proc/sys/vm/dirty_ratio", "10");
    if (number_of("/proc/sys/vm/dirty_bytes") != 0 || !share.is_set() ||
        !write_file("/proc/sys/vm/dirty_bytes", "262144"))
      return run.unsupported("what may be dirty can't be set");
    run.measure([&] { write_pages(region.all()); });
  }
  run.report();
  ::close(fd);
}

void file_cold(Run& run) {
  const long pages = run.pages(64);
  const int fd = unlinked_file(run.text("dir", "/tmp"), pages);
  if (!tracks_dirty_pages(fd)) return run.unsupported("files of this file system are in memory only");
  const Region region(pages, PROT_READ, MAP_SHARED, fd);
  // No page is read ahead of its access, so each is a fault that waits for the disk.
  if (::madvise(region.all().start, region.all().bytes(), MADV_RANDOM) != 0) fail("MADV_RANDOM", errno);
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  run.expect = {.access = pages};
  run.cause("file_read", pages);
  run.work([&] { read_pages(region.all()); });
  ::close(fd);
}

}  // namespace workload
