// What becomes of locks when a process makes a child that shares its memory, or another image.
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "child.hpp"
#include "workload.hpp"

namespace workload {
namespace {

// Locked memory of a known size, and more to come: MCL_FUTURE changes nothing that is there.
void lock_now_and_in_future(Run& run, const Range& range) {
  run.mlock(range);
  run.mlockall(MCL_FUTURE);
}

}  // namespace

void exec_locked(Run& run) {
  const Region region(run.pages());
  run.before_exec([&] {
    lock_now_and_in_future(run, region.all());
    exec_touch(run, region.all().pages, region.all().pages);
  });
}

void vfork_locked(Run& run) {
  const Region region(run.pages());
  const long pages = region.all().pages;
  const char* const arguments[] = {"mlt-workload", "--list", nullptr};
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere < 0) fail("/dev/null", errno);
  run.expect = {.populate = pages, .mlocked = pages};
  pid_t child = 0;
  rusage usage{};
  run.measure([&] {
    lock_now_and_in_future(run, region.all());
    child = ::vfork();
    if (child == 0) {
      ::dup2(nowhere, STDOUT_FILENO);
      ::execv("/proc/self/exe", const_cast<char* const*>(arguments));
      ::_exit(1);
    }
    ::wait4(child, nullptr, 0, &usage);
  });
  if (child < 0) fail("vfork", errno);
  run.child(child, usage);
  run.extra("locked_bytes", static_cast<long>(region.all().bytes()));
  run.report();
}

namespace {

int toucher_main(void* argument) {
  write_pages(*static_cast<Range*>(argument));
  ::syscall(SYS_exit_group, 0);
  return 0;
}

}  // namespace

void clone_vm(Run& run) {
  const Region region(run.pages(2048, 4)), unlocked(region.all().pages / 4);
  const long pages = region.all().pages;
  Range touched = unlocked.all();
  Child::prepare();
  run.expect = {.populate = pages, .mlocked = pages};  // of the parent
  run.extra("child_writes", touched.pages);
  run.extra("locked_bytes", static_cast<long>(region.all().bytes()));
  run.work([&] {
    lock_now_and_in_future(run, region.all());
    Child child(toucher_main, &touched, CLONE_VM);
    const int pid = child.pid();
    run.child(pid, child.wait());
  });
}

}  // namespace workload
