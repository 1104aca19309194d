#include "commands/child.h"

#include <fcntl.h>
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
  go_.reset();
  if (result_) waitpid(pid_.value, nullptr, 0);
}

Status Child::release() {
  const char byte = 1;
  if (write(go_.get(), &byte, 1) != 1) return fail("cannot start " + name_, errno);
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
