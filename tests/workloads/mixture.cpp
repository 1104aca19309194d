// Faults of every kind at once, by more threads than there are processors: completed ones, those that are errors, major
// ones, those of other processes' memory, of threads that end, and of some that are killed in one.
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csetjmp>
#include <csignal>

#include "team.hpp"
#include "workload.hpp"

namespace workload {

namespace {

constexpr int kThreads = 8;
constexpr long kPages = 64;

thread_local sigjmp_buf resume;
void on_signal(int) { ::siglongjmp(resume, 1); }

[[gnu::noinline]] bool touching_raises_signal(std::byte* page) {
  if (::sigsetjmp(resume, 1) != 0) return true;
  write_page(page);
  return false;
}

// What a thread goes on with for its turn; each has memory of its own.
struct Turn {
  const Range& range;  // reserved
  int empty = -1;      // a file of no bytes
  int file = -1;       // one of kPages pages
  std::atomic<long>& signals;
  std::atomic<long>& refusals;

  [[nodiscard]] Range map(int flags = Region::anonymous, int fd = -1) const {
    void* const at = ::mmap(range.start, range.bytes(), Region::read_write, flags | MAP_FIXED, fd, 0);
    if (at != range.start) fail("mixture: mmap", errno);
    return range;
  }
};

void touches(const Turn& turn) { write_pages(turn.map()); }

// The one before and the one after an error are none.
void fails(const Turn& turn) {
  const Range range = turn.map();
  write_page(range.page(0));
  if (::mmap(range.page(1), page_size, Region::read_write, MAP_SHARED | MAP_FIXED, turn.empty, 0) == MAP_FAILED)
    fail("mixture: mmap", errno);
  for (int i = 0; i < 8; ++i) turn.signals += touching_raises_signal(range.page(1)) ? 1 : 0;
  write_page(range.page(2));
}

// A call that is refused for such a page, and says so; and a populate. Not what a thread does first: that an error was
// one is seen by what comes before and after it.
void is_refused(const Turn& turn) {
  write_page(turn.map().page(0));
  const Range range = turn.map(MAP_SHARED, turn.empty);
  for (int i = 0; i < 8; ++i) {
    if (::write(turn.file, range.start, 1) >= 0 || errno != EFAULT) fail("mixture: write");
    ++turn.refusals;
  }
  if (::mlock(range.start, page_size) == 0) fail("mixture: mlock");
  ++turn.refusals;
}

// One after the other, by a call: it populates.
void locks(const Turn& turn) {
  const Range range = turn.map();
  if (::mlock(range.start, range.bytes()) != 0) fail("mixture: mlock", errno);
}

void reads(const Turn& turn) {
  ::posix_fadvise(turn.file, 0, 0, POSIX_FADV_DONTNEED);
  read_pages(turn.map(MAP_PRIVATE, turn.file));
}

// Swapped out, if there is swap, and back.
void swaps(const Turn& turn) {
  const Range range = turn.map();
  write_pages(range);
  ::madvise(range.start, range.bytes(), MADV_PAGEOUT);
  read_pages(range);
}

// Of its own memory, and that is a remote fault, too.
void writes_remotely(const Turn& turn) {
  const Range range = turn.map();
  static char byte = 1;
  for (long i = 0; i < range.pages; ++i) {
    iovec from{&byte, 1};
    iovec to{range.page(i), 1};
    if (::process_vm_writev(::getpid(), &from, 1, &to, 1, 0) != 1) fail("mixture: process_vm_writev", errno);
  }
}

// Nothing but calls: the C library is no longer sure of itself in such a child.
void forks(const Turn& turn) {
  const Range range = turn.map();
  write_pages(range);
  const auto child = static_cast<pid_t>(::syscall(SYS_fork));
  if (child == 0) {
    write_pages(range);
    ::syscall(SYS_exit_group, 0);
  }
  if (child < 0) fail("mixture: fork", errno);
  write_pages(range);
  if (::waitpid(child, nullptr, 0) != child) fail("mixture: waitpid", errno);
}

void* touch_and_end(void* range) {
  write_pages(*static_cast<const Range*>(range));
  return nullptr;
}

void starts_threads(const Turn& turn) {
  Range range = turn.map();
  pthread_t thread{};
  if (::pthread_create(&thread, nullptr, touch_and_end, &range) != 0) fail("mixture: pthread_create");
  ::pthread_join(thread, nullptr);
}

// A child that is killed while it waits in a fault, if the kernel has userfaultfd.
void is_killed(const Turn& turn) {
  const Range range = turn.map();
  write_page(range.page(0));
  const int fd = static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK));
  if (fd < 0) return;
  ::close(fd);
  const auto child = static_cast<pid_t>(::syscall(SYS_fork));
  if (child == 0) {
    const auto own = static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK));
    uffdio_api api{};
    api.api = UFFD_API;
    uffdio_register registration{};
    registration.range = {reinterpret_cast<std::uintptr_t>(range.page(1)), page_size};
    registration.mode = UFFDIO_REGISTER_MODE_MISSING;
    ::syscall(SYS_ioctl, own, UFFDIO_API, &api);
    ::syscall(SYS_ioctl, own, UFFDIO_REGISTER, &registration);
    write_page(range.page(1));
    ::syscall(SYS_exit_group, 0);
  }
  if (child < 0) fail("mixture: fork", errno);
  sleep_ns(2'000'000);
  ::kill(child, SIGKILL);
  if (::waitpid(child, nullptr, 0) != child) fail("mixture: waitpid", errno);
}

}  // namespace

void mixture(Run& run) {
  const auto duration = static_cast<long>(run.seconds(2) * 1e9);
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_NODEFER;
  if (::sigaction(SIGBUS, &action, nullptr) != 0) fail("sigaction", errno);
  const int empty = ::memfd_create("empty", MFD_CLOEXEC);
  if (empty < 0) fail("memfd_create", errno);

  static std::array<Range, kThreads> ranges;
  static std::array<int, kThreads> files;
  for (std::size_t i = 0; i < kThreads; ++i) {
    const Region reserved(Region::Reserved{}, kPages);
    ranges[i] = reserved.all();
    files[i] = ::open(run.text("dir", "/tmp"), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (files[i] < 0 || ::ftruncate(files[i], kPages * page_size) != 0) fail("mixture: a file in dir=", errno);
    ::fsync(files[i]);
  }

  static constexpr std::array turns = {touches, fails,           is_refused, locks,          reads,
                                       swaps,   writes_remotely, forks,      starts_threads, is_killed};
  static std::atomic<long> signals{0};
  static std::atomic<long> refusals{0};
  Team team(kThreads, Team::Pinned{true});
  run.expect = {.access = unknown,
                .kernel = unknown,
                .populate = unknown,
                .remote = unknown,
                .mlocked = unknown,
                .munlocked = unknown,
                .splits = unknown,
                .merges = unknown};
  run.measure([&] {
    const long start = now_ns();
    team.run([&](int index) {
      const auto own = static_cast<std::size_t>(index);
      const Turn turn{ranges[own], empty, files[own], signals, refusals};
      for (std::size_t next = own; now_ns() - start < duration; ++next) turns[next % turns.size()](turn);
    });
  });
  for (const Range& range : ranges) ::munmap(range.start, range.bytes());
  run.extra("signals", signals);
  run.extra("errors", signals + refusals);
  run.report();
  for (const int file : files) ::close(file);
  ::close(empty);
}

}  // namespace workload
