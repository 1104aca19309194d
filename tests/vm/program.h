// Runs programs and talks to them: what the live tests need of a shell.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace live {

using Words = std::vector<std::string>;
using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;

/// Seconds after which something that does not happen is a failure: no busy machine takes that long for anything here.
constexpr int kPatience = 600;

struct Finished {
  int status = -1;  // exit status, or 128 + signal
  std::string out;
  std::string err;
  long peak_kb = 0;        // largest resident set
  double cpu_seconds = 0;  // of the program, without its children
};

/// A program that runs, with pipes at all three ends. Killed when it goes out of scope.
class Program {
 public:
  struct Options {
    uid_t uid = 0;
    bool drop_bpf_capabilities = false;  // root, but without CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN
    bool close_stdout = false;           // nobody reads: the other end of the pipe is closed
  };

  explicit Program(const Words& command) : Program(command, Options{}) {}
  Program(const Words& command, const Options& options);
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program();

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Waits for a line on stdout and returns it without its end; empty at the end of the file or after `seconds`.
  std::string read_line(int seconds = kPatience);
  /// Waits until stderr holds `text`. False at the end of the file or after `seconds`.
  bool wait_for_stderr(const std::string& text, int seconds = kPatience);
  void send(const std::string& bytes) const;
  void signal(int number) const;
  /// Reads everything and waits for the end; kills after `seconds`.
  Finished finish(int seconds = kPatience);
  /// The moment at which the last byte of stdout came, as far as it has been read.
  [[nodiscard]] Clock::time_point last_output() const { return last_output_; }
  [[nodiscard]] const std::string& stderr_so_far() const { return err_; }

 private:
  bool pump(Clock::time_point deadline);

  pid_t pid_ = -1;
  int in_ = -1;
  int out_ = -1;
  int err_fd_ = -1;
  std::string out_text_;
  std::string err_;
  Clock::time_point last_output_;
};

Finished run(const Words& command, const Program::Options& options = {});

/// Waits for what happens without a word. False when it has not after kPatience.
bool wait_until(const std::function<bool()>& happened);

std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& text);
/// A number of /proc/PID/status in kB, such as VmRSS; -1 when it is not there.
long status_kb(pid_t pid, const std::string& key);

}  // namespace live
