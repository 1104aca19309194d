#include "crowd.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>

namespace bench {

namespace {

constexpr std::size_t kPage = 4096;

[[noreturn]] void member(int go, int done) {
  auto* const page =
      static_cast<char*>(mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  for (char byte = 0; read(go, &byte, 1) == 1;) {
    madvise(page, kPage, MADV_DONTNEED);
    *static_cast<volatile char*>(page) = 1;
    if (write(done, &byte, 1) != 1) break;
    // The byte of another is not for this one.
    usleep(1'000'000);
  }
  _exit(0);
}

}  // namespace

Crowd::Crowd(int number) {
  std::array<int, 2> go{};
  std::array<int, 2> done{};
  if (pipe2(go.data(), O_CLOEXEC) != 0 || pipe2(done.data(), O_CLOEXEC) != 0) {
    perror("pipe");
    return;
  }
  go_ = go[1];
  done_ = done[0];
  for (int i = 0; i < number; ++i) {
    const pid_t pid = fork();
    if (pid == 0) {
      close(go[1]);
      member(go[0], done[1]);
    }
    if (pid < 0) {
      perror("fork");
      break;
    }
    members_.push_back(pid);
  }
  close(go[0]);
  close(done[1]);
}

Crowd::~Crowd() {
  for (const pid_t pid : members_) kill(pid, SIGKILL);
  for (const pid_t pid : members_) waitpid(pid, nullptr, 0);
  close(go_);
  close(done_);
}

void Crowd::wake() const {
  char byte = 0;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (write(go_, &byte, 1) != 1 || read(done_, &byte, 1) != 1) return perror("crowd");
  }
}

}  // namespace bench
