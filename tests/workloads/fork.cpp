// Processes: what fork makes of pages, and faults that one process causes in another.
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <new>

#include "child.hpp"
#include "workload.hpp"

namespace workload {
namespace {

// Fork a child that does nothing; then the parent writes its pages, each of which has to be copied.
void parent_writes(Run& run, const Region& region) {
  Child::prepare();
  std::optional<Child> child;
  run.measure([&] {
    child.emplace(Child::sleep_main, nullptr);
    write_pages(region.all());
  });
  const int pid = child->pid();
  run.child(pid, child->kill());
  run.report();
}

}  // namespace

void fork_cow(Run& run) {
  const Region region(run.pages());
  write_pages(region.all());
  run.expect = {.access = region.all().pages};
  run.cause("cow", region.all().pages);
  parent_writes(run, region);
}

void fork_locked_stays(Run& run) {
  const Region region(run.pages(256));
  lock_in_setup(region.all());
  Child::prepare();
  std::optional<Child> child;
  run.expect = {};
  run.measure([&] { child.emplace(Child::sleep_main, nullptr); });
  run.extra("child", child->pid());
  run.report();
}

void fork_cow_locked(Run& run) {
  const Region region(run.pages());
  const long pages = region.all().pages;
  lock_in_setup(region.all());
  // The copy is mlocked; the original, which the unlocked child keeps, no longer is.
  run.expect = {.access = pages, .mlocked = pages, .munlocked = pages};
  run.cause("cow", pages);
  parent_writes(run, region);
}

// The entries stay read-only when the child is gone: each page faults once, and mostly need not be copied any more.
// Some kernels forget that it was shared.
void fork_gone_locked(Run& run) {
  const Region region(run.pages());
  const long pages = region.all().pages;
  lock_in_setup(region.all());
  const auto child_main = [](void*) -> int {
    ::syscall(SYS_exit_group, 0);
    return 0;
  };
  Child::prepare();
  run.expect = {.access = pages, .mlocked = unknown, .munlocked = unknown};
  run.cause("cow|write_enable", pages);
  run.work([&] {
    Child child(child_main, nullptr);
    const int pid = child.pid();
    run.child(pid, child.wait());
    write_pages(region.all());
  });
}

namespace {

struct Writer {
  Range range;
  int done;  // the write end of a pipe
  rusage before, after;
};

int writer_main(void* argument) {
  Child::die_with_parent();
  auto& writer = *static_cast<Writer*>(argument);
  Child::usage(&writer.after);
  Child::usage(&writer.before);
  write_pages(writer.range);
  Child::usage(&writer.after);
  const char byte = 1;
  ::syscall(SYS_write, writer.done, &byte, 1);
  Child::sleep_forever();
}

}  // namespace

void fork_child_writes(Run& run) {
  const Region region(run.pages());
  const Region shared(1, Region::read_write, MAP_SHARED | MAP_ANONYMOUS);
  write_pages(region.all());
  std::array<int, 2> pipe{};
  if (::pipe(pipe.data()) != 0) fail("pipe", errno);
  auto* const writer = new (shared.all().start) Writer{region.all(), pipe[1], {}, {}};
  Child::prepare();
  std::optional<Child> child;
  run.expect = {};  // in the parent
  run.measure([&] {
    child.emplace(writer_main, writer);
    char byte = 0;
    static_cast<void>(!::read(pipe[0], &byte, 1));
  });
  run.extra("child_writes", region.all().pages);
  run.extra("child_minor", writer->after.ru_minflt - writer->before.ru_minflt);
  run.extra("child_major", writer->after.ru_majflt - writer->before.ru_majflt);
  const int pid = child->pid();
  run.child(pid, child->kill());
  run.report();
}

void fork_churn(Run& run) {
  const long children = run.number("children", 200);
  const Region region(run.pages(16));
  // The range goes with the shared page, since the parent's stack does not.
  const Region shared(1, Region::read_write, MAP_SHARED | MAP_ANONYMOUS);
  auto* const range = new (shared.all().start) Range(region.all());
  const auto child_main = [](void* argument) -> int {
    write_pages(*static_cast<Range*>(argument));
    ::syscall(SYS_exit_group, 0);
    return 0;
  };
  Child::prepare();
  run.expect = {};  // in the parent
  run.extra("children", children);
  run.extra("least_access_per_child", region.all().pages);
  run.work([&] {
    for (long i = 0; i < children; ++i) {
      Child child(child_main, range);
      const int pid = child.pid();
      run.child(pid, child.wait());
    }
  });
}

void remote_write(Run& run) {
  const Region source(run.pages()), target(run.pages());
  write_pages(source.all());
  Child::prepare();
  Child child(Child::sleep_main, nullptr);
  const iovec from{source.all().start, source.all().bytes()};
  const iovec to{target.all().start, target.all().bytes()};  // the same addresses, still untouched, in the child
  ssize_t written = 0;
  // The kernel faults the child's pages in and charges the faults to the caller.
  run.expect = {.remote = target.all().pages};
  run.cause("first_touch", target.all().pages);
  run.measure([&] { written = ::process_vm_writev(child.pid(), &from, 1, &to, 1, 0); });
  if (written != static_cast<ssize_t>(source.all().bytes())) fail("process_vm_writev", errno);
  const int pid = child.pid();
  run.extra("target_pid", pid);
  run.child(pid, child.kill());
  run.report();
}

void exec_touch(const Run& run, long pages, long locked) {
  // On the stack: no allocation while faults are counted.
  std::array<char, 24> count{};
  std::array<char, 32> was_locked{};
  std::array<char, 64> as{};
  std::snprintf(count.data(), count.size(), "%ld", pages);
  std::snprintf(was_locked.data(), was_locked.size(), "locked=%ld", locked);
  std::snprintf(as.data(), as.size(), "as=%s", run.options().name);
  const char* const hold = run.options().hold ? "--hold" : nullptr;
  const char* const arguments[] = {"mlt-workload",    "touch",     "--pages", count.data(), as.data(),
                                   was_locked.data(), "--resumed", hold,      nullptr};
  ::execv("/proc/self/exe", const_cast<char* const*>(arguments));
  fail("exec", errno);
}

void exec_self(Run& run) {
  const Region region(run.pages());
  run.before_exec([&] {
    write_pages(region.all());
    exec_touch(run, region.all().pages, 0);
  });
}

}  // namespace workload
