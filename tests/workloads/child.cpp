#include "child.hpp"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace workload {
namespace {

// One after the other: a child may still be on its stack, asleep or about to be, when the next one is made.
constexpr long stacks = 4;
constexpr long stack_pages = 16;
std::byte* first_stack;
long next_stack = 0;

std::byte* take_stack() {
  const long end = next_stack++ % stacks + 1;
  return first_stack + end * stack_pages * page_size;
}

// The C library shares a thread-local record with the kernel, which writes to it at every return from a context
// switch. The child has no such memory and would be killed for it.
void unregister_rseq() {
  if (__rseq_size == 0) return;
  auto* const record = static_cast<char*>(__builtin_thread_pointer()) + __rseq_offset;
  constexpr long registered_bytes = 32;
  if (::syscall(SYS_rseq, record, registered_bytes, RSEQ_FLAG_UNREGISTER, RSEQ_SIG) != 0 && errno != ENOSYS)
    fail("taking back the C library's rseq", errno);
}

}  // namespace

void Child::prepare() {
  unregister_rseq();
  // Shared, so that the parent, which puts the start function there, can write to it again after a fork.
  static const Region memory(stacks * stack_pages, Region::read_write, MAP_SHARED | MAP_ANONYMOUS);
  write_pages(memory.all());
  first_stack = memory.all().start;
  warm_program();  // before it: mappings are excluded as they are now
  keep_program_from_children();
}

Child::Child(Main main, void* argument, int flags) : pid_(::clone(main, take_stack(), flags | SIGCHLD, argument)) {
  if (pid_ < 0) fail("clone", errno);
}

Child::~Child() {
  if (pid_ > 0) kill();
}

rusage Child::wait() {
  rusage usage{};
  while (::wait4(pid_, &status_, 0, &usage) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  return usage;
}

rusage Child::kill() {
  ::kill(pid_, SIGKILL);
  return wait();
}

void Child::die_with_parent() { ::syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); }

void Child::sleep_forever() {
  for (;;) ::syscall(SYS_ppoll, nullptr, 0, nullptr, nullptr, 0);
}

int Child::sleep_main(void*) {
  die_with_parent();
  sleep_forever();
}

rusage* Child::usage(rusage* into) {
  ::syscall(SYS_getrusage, RUSAGE_SELF, into);
  return into;
}

}  // namespace workload
