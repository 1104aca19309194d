#include "trace/child.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

namespace mlt {

namespace {

struct Pipe {
  Fd read_end;
  Fd write_end;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return fail("cannot make a pipe", errno);
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

// A program that is traced gains no privileges by execve, such as those of a setuid file, unless its tracer has
// CAP_SYS_PTRACE: without it, holding the command would change what it is.
bool may_hold() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  return syscall(SYS_capget, &header, sets.data()) == 0 && (sets[0].effective & (1U << CAP_SYS_PTRACE)) != 0;
}

// Runs in the child: waits to be let go, then becomes the command.
[[noreturn]] void become(const std::vector<std::string>& command, int go, int result) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  std::vector<char*> argv;
  argv.reserve(command.size() + 1);
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  char byte = 0;
  if (read(go, &byte, 1) != 1) _exit(0);
  execvp(argv[0], argv.data());
  const int code = errno;
  // Should the tracer be gone already, nobody is there to be told.
  if (write(result, &code, sizeof(code)) < 0) _exit(126);
  _exit(127);
}

}  // namespace

Result<Child> Child::start(const std::vector<std::string>& command) {
  auto go = make_pipe();
  if (!go) return tl::unexpected(go.error());
  auto result = make_pipe();
  if (!result) return tl::unexpected(result.error());
  Child child;
  child.name_ = command[0];
  child.pid_.value = fork();
  if (child.pid_.value < 0) return fail("cannot start " + command[0], errno);
  if (child.pid_.value == 0) {
    go->write_end.reset();
    become(command, go->read_end.get(), result->write_end.get());
  }
  child.go_ = std::move(go->write_end);
  child.result_ = std::move(result->read_end);
  return child;
}

Child::~Child() {
  if (pid_.value <= 0) return;
  release();
  go_.reset();
  if (result_) waitpid(pid_.value, nullptr, 0);
}

// Until execve is done, or the child has ended without. Signals that reach it before are passed on.
void Child::hold() {
  siginfo_t info{};
  while (waitid(P_PID, static_cast<id_t>(pid_.value), &info, WSTOPPED | WEXITED | WNOWAIT) == 0) {
    if (info.si_code != CLD_TRAPPED) return;
    held_ = info.si_status == (SIGTRAP | PTRACE_EVENT_EXEC << 8);
    if (held_) return;
    const long signal = info.si_status >> 8 == 0 ? info.si_status : 0;
    ptrace(PTRACE_CONT, pid_.value, nullptr, signal);
  }
}

Status Child::exec() {
  const bool is_seized = may_hold() && ptrace(PTRACE_SEIZE, pid_.value, nullptr, PTRACE_O_TRACEEXEC) == 0;
  const char byte = 1;
  if (write(go_.get(), &byte, 1) != 1) return fail("cannot start " + name_, errno);
  if (is_seized) hold();
  int code = 0;
  const ssize_t length = read(result_.get(), &code, sizeof(code));
  result_.reset();
  if (length == sizeof(code)) {
    waitpid(pid_.value, nullptr, 0);
    pid_.value = 0;
    return fail("cannot run " + name_, code, "check the name after --");
  }
  return {};
}

void Child::release() {
  if (held_) ptrace(PTRACE_DETACH, pid_.value, nullptr, nullptr);
  held_ = false;
}

bool Child::ended() const {
  siginfo_t info{};
  return waitid(P_PID, static_cast<id_t>(pid_.value), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

int Child::reap() {
  int status = 0;
  if (waitpid(pid_.value, &status, WNOHANG) != pid_.value) return 0;
  pid_.value = 0;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace mlt
