#include "program.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <fstream>
#include <sstream>

namespace live {

namespace {

// Names only the headers of newer kernels have.
constexpr int kCapPerfmon = 38;
constexpr int kCapBpf = 39;

void drop_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  syscall(SYS_capget, &header, data.data());
  for (const int capability : {CAP_SYS_ADMIN, kCapPerfmon, kCapBpf}) {
    const auto word = static_cast<std::size_t>(capability) / 32;
    data[word].effective &= ~(1U << (capability % 32));
    data[word].permitted &= ~(1U << (capability % 32));
    data[word].inheritable &= ~(1U << (capability % 32));
    // execve by root gets all of the bounding set back.
    prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  }
  syscall(SYS_capset, &header, data.data());
}

[[noreturn]] void become(const Words& command, const Program::Options& options) {
  if (options.drop_bpf_capabilities) drop_capabilities();
  if (options.uid != 0 && (setgroups(0, nullptr) != 0 || setgid(options.uid) != 0 || setuid(options.uid) != 0))
    _exit(126);
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  execvp(argv[0], argv.data());
  _exit(127);
}

}  // namespace

Program::Program(const Words& command, const Options& options) : last_output_(Clock::now()) {
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  std::array<int, 2> err{};
  if (pipe2(in.data(), O_CLOEXEC) != 0 || pipe2(out.data(), O_CLOEXEC) != 0 || pipe2(err.data(), O_CLOEXEC) != 0)
    abort();
  pid_ = fork();
  if (pid_ == 0) {
    dup2(in[0], 0);
    dup2(out[1], 1);
    dup2(err[1], 2);
    become(command, options);
  }
  close(in[0]);
  close(out[1]);
  close(err[1]);
  in_ = in[1];
  out_ = out[0];
  err_fd_ = err[0];
  if (options.close_stdout) {
    close(out_);
    out_ = -1;
  }
}

Program::~Program() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  for (const int fd : {in_, out_, err_fd_}) {
    if (fd >= 0) close(fd);
  }
}

// Reads what there is on either pipe; false when both have ended or the time is up.
bool Program::pump(Clock::time_point deadline) {
  std::array<pollfd, 2> entries{pollfd{out_, POLLIN, 0}, pollfd{err_fd_, POLLIN, 0}};
  if (out_ < 0 && err_fd_ < 0) return false;
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  if (left <= 0 || poll(entries.data(), entries.size(), static_cast<int>(left)) <= 0) return false;
  std::array<char, 65536> buffer{};
  const auto take = [&](const pollfd& entry, int& fd, std::string& text) {
    if (fd < 0 || entry.revents == 0) return;
    const ssize_t length = read(fd, buffer.data(), buffer.size());
    if (length > 0) {
      text.append(buffer.data(), static_cast<std::size_t>(length));
      if (&text == &out_text_) last_output_ = Clock::now();
    } else {
      close(fd);
      fd = -1;
    }
  };
  take(entries[0], out_, out_text_);
  take(entries[1], err_fd_, err_);
  return true;
}

std::string Program::read_line(int seconds) {
  const auto deadline = Clock::now() + std::chrono::seconds(seconds);
  std::size_t end = 0;
  while ((end = out_text_.find('\n')) == std::string::npos) {
    if (!pump(deadline)) return {};
  }
  std::string line = out_text_.substr(0, end);
  out_text_.erase(0, end + 1);
  return line;
}

bool Program::wait_for_stderr(const std::string& text, int seconds) {
  const auto deadline = Clock::now() + std::chrono::seconds(seconds);
  while (err_.find(text) == std::string::npos) {
    if (!pump(deadline)) return false;
  }
  return true;
}

void Program::send(const std::string& bytes) const {
  if (write(in_, bytes.data(), bytes.size()) < 0) perror("send");
}

void Program::signal(int number) const { kill(pid_, number); }

Finished Program::finish(int seconds) {
  const auto deadline = Clock::now() + std::chrono::seconds(seconds);
  while (pump(deadline)) {
  }
  // Both pipes have ended, or the time is up but for the fraction of a millisecond that poll doesn't count.
  int status = 0;
  rusage usage{};
  while (wait4(pid_, &status, WNOHANG, &usage) == 0) {
    if (Clock::now() >= deadline) kill(pid_, SIGKILL);
    usleep(1000);
  }
  pid_ = -1;
  const auto seconds_of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return {WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status), std::move(out_text_), std::move(err_),
          usage.ru_maxrss, seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime)};
}

Finished run(const Words& command, const Program::Options& options) { return Program(command, options).finish(); }

bool wait_until(const std::function<bool()>& happened) {
  const auto deadline = Clock::now() + std::chrono::seconds(kPatience);
  while (!happened()) {
    if (Clock::now() >= deadline) return false;
    usleep(10'000);
  }
  return true;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_file(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

long status_kb(pid_t pid, const std::string& key) {
  std::istringstream text(read_file("/proc/" + std::to_string(pid) + "/status"));
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with(key + ":")) return std::stol(line.substr(key.size() + 1));
  }
  return -1;
}

}  // namespace live
