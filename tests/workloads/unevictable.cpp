// Pages that stay in memory although no mlock of the process, or none any more, explains it.
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <new>
#include <optional>

#include "child.hpp"
#include "file.hpp"
#include "shm_segment.hpp"
#include "workload.hpp"

namespace workload {
namespace {

struct Locker {
  Range range;
  int done;  // the write end of a pipe
};

int locker_main(void* argument) {
  Child::die_with_parent();
  const auto& locker = *static_cast<Locker*>(argument);
  const char failed = ::syscall(SYS_mlock, locker.range.start, locker.range.bytes()) != 0;
  ::syscall(SYS_write, locker.done, &failed, 1);
  Child::sleep_forever();
}

}  // namespace

void shared_lock(Run& run) {
  const long pages = run.pages(2048, 2);
  const std::string_view kind = run.text("kind", "memory");
  const int fd = kind == "file" ? unlinked_file(run.text("dir", "/tmp"), pages) : ::memfd_create("mlt", MFD_CLOEXEC);
  if (fd < 0 || ::ftruncate(fd, pages * page_size) != 0) fail("memfd", errno);
  const bool is_private = kind == "anonymous";
  const Region region(pages, Region::read_write, is_private ? Region::anonymous : MAP_SHARED, is_private ? -1 : fd);
  write_pages(region.all());
  // Of private memory that may be written, mlock would give each process copies of its own.
  if (is_private && ::mprotect(region.all().start, region.all().bytes(), PROT_READ) != 0) fail("mprotect", errno);
  const Region arguments(1, Region::read_write, MAP_SHARED | MAP_ANONYMOUS);
  lock_in_setup(region.all());
  Child::prepare();
  // The first holds the one half and the second the other, or the first holds all.
  const bool self = kind == "self";
  const long first_pages = kind == "halves" ? pages / 2 : pages;
  const std::array<Range, 2> parts{region.part(0, first_pages), region.part(first_pages, pages - first_pages)};
  std::array<std::optional<Child>, 2> others;
  std::optional<Region> second_mapping;
  if (self) {
    second_mapping.emplace(pages, Region::read_write, MAP_SHARED, fd);
    lock_in_setup(second_mapping->all());
  }
  for (std::size_t i = 0; i < parts.size() && !self; ++i) {
    if (parts[i].pages == 0) continue;
    std::array<int, 2> pipe{};
    if (::pipe(pipe.data()) != 0) fail("pipe", errno);
    auto* locker = new (arguments.all().start + i * sizeof(Locker)) Locker{parts[i], pipe[1]};
    others[i].emplace(locker_main, locker);
    char failed = 1;
    if (::read(pipe[0], &failed, 1) != 1 || failed != 0) fail("mlock in the other process");
  }
  // Older kernels munlock each page, find the other mapping, and mlock it again; newer ones count the locks.
  run.expect = {.mlocked = unknown, .munlocked = unknown};
  run.measure([&] { run.munlock(region.all()); });
  run.extra("still_locked_pages", pages);
  run.extra("mlocked_after", mlocked_pages(region.all()));
  run.extra("other_pid", self ? ::getpid() : others[0]->pid());
  run.extra("held_by_other", mlocked_pages(parts[0]));
  if (others[1]) {
    run.extra("second_pid", others[1]->pid());
    run.extra("held_by_second", mlocked_pages(parts[1]));
  }
  for (auto& other : others) {
    if (!other) continue;
    const int pid = other->pid();
    run.child(pid, other->kill());
  }
  run.report();
  ::close(fd);
}

void shm_lock(Run& run) {
  const ShmSegment segment(run.pages());
  int error = 0;
  run.expect = {.access = segment.all().pages};
  run.cause("file_map", segment.all().pages);
  run.measure([&] {
    error = segment.lock();
    write_pages(segment.all());
  });
  if (error != 0) fail("SHM_LOCK", error);
  run.extra("unevictable_pages", segment.all().pages);
  run.extra("unevictable_after", unevictable_pages(segment.all()));  // but for a batch a CPU
  run.report();
}

void shm_unlock(Run& run) {
  const ShmSegment segment(run.pages());
  int error = segment.lock();
  if (error != 0) fail("SHM_LOCK", error);
  write_pages(segment.all());
  const Known before = unevictable_pages(segment.all());  // but for a batch a CPU
  run.expect = {};
  run.measure([&] { error = segment.unlock(); });
  if (error != 0) fail("SHM_UNLOCK", error);
  run.extra("unevictable_before", before);
  run.extra("unevictable_after", unevictable_pages(segment.all()));
  run.report();
}

void shm_lock_stays(Run& run) {
  const bool unlock = std::string_view(run.text("then", "")) == "unlock";
  const ShmSegment segment(run.pages(64));
  const Range all = segment.all();
  write_pages(all);
  lock_in_setup(all);
  int error = 0;
  run.expect = {.munlocked = all.pages};
  run.measure([&] {
    error = segment.lock();
    run.munlock(all);
    if (unlock && error == 0) error = segment.unlock();
  });
  if (error != 0) fail("SHM_LOCK or SHM_UNLOCK", error);
  run.extra("mlocked_after", mlocked_pages(all));          // but for a batch a CPU
  run.extra("unevictable_after", unevictable_pages(all));  // the same
  run.report();
}

void ramfs(Run& run) {
  const long pages = run.pages();
  // Mounted where nobody else sees it: it goes with the process.
  if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("ramfs", "/tmp", "ramfs", 0, nullptr) != 0)
    return run.unsupported("ramfs can't be mounted here");
  const int fd = ::open("/tmp/mlt-workload", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) fail("a file in ramfs", errno);
  static std::array<char, page_size> content;
  content.fill('x');
  bool written = true;
  run.expect = {};
  run.measure([&] {
    for (long i = 0; i < pages; ++i) written &= ::write(fd, content.data(), content.size()) == page_size;
  });
  if (!written) fail("writing to ramfs", errno);
  run.extra("unevictable_pages", pages);
  run.report();
  ::close(fd);
}

void secretmem(Run& run) {
  constexpr long memfd_secret = 447;
  const long pages = run.pages();
  const int fd = static_cast<int>(::syscall(memfd_secret, O_CLOEXEC));
  if (fd < 0) return run.unsupported("memfd_secret is not built in or not switched on");
  if (::ftruncate(fd, pages * page_size) != 0) fail("memfd_secret", errno);
  const Region region(pages, Region::read_write, MAP_SHARED, fd);
  run.expect = {.access = pages, .mlocked = unknown};
  run.cause("file_map", pages);
  run.measure([&] { write_pages(region.all()); });
  run.extra("unevictable_pages", pages);
  run.extra("unevictable_after", unevictable_pages(region.all()));  // but for a batch a CPU
  run.extra("mlocked_after", mlocked_pages(region.all()));
  run.report();
  ::close(fd);
}

}  // namespace workload
