// Shared mappings of memory and of files.
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "workload.hpp"

namespace workload {

void shm_locked(Run& run) {
  const long pages = run.pages();
  const int fd = ::memfd_create("mlt-workload", MFD_CLOEXEC);
  if (fd < 0 || ::ftruncate(fd, pages * page_size) != 0) fail("memfd", errno);
  const Region region(pages, Region::read_write, MAP_SHARED, fd);
  // Memory has no writeback to prepare for: what mlock read in may be written without another fault.
  run.expect = {.populate = pages, .mlocked = pages};
  run.work([&] {
    run.mlock(region.all());
    write_pages(region.all());
  });
  ::close(fd);
}

namespace {

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

// Whether the file system writes dirty pages back, and so must learn of the first write to each clean page.
bool tracks_dirty_pages(int fd) {
  struct statfs fs {};
  if (::fstatfs(fd, &fs) != 0) fail("fstatfs", errno);
  return fs.f_type != TMPFS_MAGIC && fs.f_type != RAMFS_MAGIC;
}

}  // namespace

void file_locked(Run& run) {
  const long pages = run.pages();
  const int fd = unlinked_file(run.text("dir", "/tmp"), pages);
  const bool tracked = tracks_dirty_pages(fd);
  const Region region(pages, Region::read_write, MAP_SHARED, fd);
  // mlock reads the file in, a number of pages a fault that depends on kernel and file system. Then writing
  // faults on each page, once before and once after msync made it clean and write-protected again.
  run.expect = {.access = tracked ? 2 * pages : 0, .populate = unknown, .mlocked = pages};
  run.extra("tracks_dirty_pages", tracked);
  run.work([&] {
    run.mlock(region.all());
    write_pages(region.all());
    ::msync(region.all().start, region.all().bytes(), MS_SYNC);
    write_pages(region.all());
  });
  ::close(fd);
}

}  // namespace workload
