#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "workload.hpp"

namespace workload {
namespace {

void write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      fail("writing to stdout", errno);
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

// A byte or the end of stdin: either way somebody wants us to go on.
void wait_for_byte() {
  char byte = 0;
  while (::read(STDIN_FILENO, &byte, 1) < 0 && errno == EINTR) {
  }
}

void say_ready() {
  std::array<char, 32> text{"ready "};
  const auto end = std::to_chars(text.data() + 6, text.data() + text.size() - 1, ::getpid());
  *end.ptr = '\n';
  write_all({text.data(), static_cast<std::size_t>(end.ptr + 1 - text.data())});
}

}  // namespace

void fail(const char* what, int error) {
  if (error != 0)
    std::fprintf(stderr, "mlt-workload: %s: %s\n", what, std::strerror(error));
  else
    std::fprintf(stderr, "mlt-workload: %s\n", what);
  ::_exit(1);  // as it is: a child or a thread may be the one that fails
}

void Run::start(const Options& options) {
  options_ = options;
  truth_.workload = text("as", options.name);
  if (::sysconf(_SC_PAGESIZE) != page_size) fail("this program knows pages of 4096 bytes only");
  // A huge page would turn 512 faults into one. For the whole process, since some mappings are made and
  // populated by one call.
  ::prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
}

long Run::pages(long fallback, long least) {
  truth_.pages = options_.pages.value_or(fallback);
  if (truth_.pages < least) fail("too few --pages for this workload");
  return truth_.pages;
}

const char* Run::text(std::string_view key, const char* fallback) const {
  for (std::size_t i = 0; i < options_.setting_count; ++i) {
    const std::string_view setting = options_.settings[i];
    if (setting.size() > key.size() && setting.starts_with(key) && setting[key.size()] == '=')
      return options_.settings[i] + key.size() + 1;
  }
  return fallback;
}

long Run::number(std::string_view key, long fallback) const {
  const char* const value = text(key, nullptr);
  if (value == nullptr) return fallback;
  char* end = nullptr;
  const long number = std::strtol(value, &end, 10);
  if (end == value || *end != '\0' || number < 0) fail("a setting that must be a number is none");
  return number;
}

void Run::begin() {
  if (options_.resumed) {
    // Whoever watches this process saw the exec and this setup, too: there is no telling what those cost. What the
    // image before had locked, the exec unlocked.
    const long locked = number("locked", 0);
    expect = {unknown, unknown, unknown, unknown, locked, locked, unknown, unknown};
    truth_.cause_count = 0;
    truth_.resumed = true;
  }
  // A rehearsal of everything that happens until the truth is out, so that none of it faults then.
  truth_.before.read_proc();
  truth_.after.read_proc();
  read_not_mlocked();
  truth_.ready.read_usage();
  static_cast<void>(truth_.to_json(truth_.ready.usage));
  warm_program();

  truth_.ready.read_usage();
  if (options_.hold && !options_.resumed) {
    say_ready();
    wait_for_byte();
  }
  truth_.before.read_proc();
  truth_.before.read_usage();  // last: what follows is the work
}

void Run::end() {
  truth_.after.read_usage();  // first: the work ends here
  truth_.after.read_proc();
}

// Where thousands of mappings are, it would take long.
void Run::read_not_mlocked() {
  constexpr long many = 1000;
  truth_.not_mlocked = truth_.after.vmas < many ? locked_pages_not_mlocked() : unknown;
}

void Run::report() {
  rusage now{};
  read_not_mlocked();
  ::getrusage(RUSAGE_SELF, &now);
  write_all(truth_.to_json(now));
  if (options_.hold) wait_for_byte();
}

void Run::unsupported(const char* reason) {
  truth_.unsupported = reason;
  expect = {unknown, unknown, unknown, unknown, unknown, unknown, unknown, unknown};
  work([] {});
}

int Run::record(const char* name, long result) {
  const int error = result == -1 ? errno : 0;
  if (truth_.call_count < truth_.calls.size()) truth_.calls[truth_.call_count++] = {name, result, error};
  return error;
}

// Straight to the kernel: what is recorded is what the tracer sees.
int Run::mlock(const Range& range) { return record("mlock", ::syscall(SYS_mlock, range.start, range.bytes())); }
int Run::mlock2(const Range& range, int flags) {
  return record("mlock2", ::syscall(SYS_mlock2, range.start, range.bytes(), flags));
}
int Run::munlock(const Range& range) { return record("munlock", ::syscall(SYS_munlock, range.start, range.bytes())); }
int Run::mlockall(int flags) { return record("mlockall", ::syscall(SYS_mlockall, flags)); }
int Run::munlockall() { return record("munlockall", ::syscall(SYS_munlockall)); }

void Run::add(const CauseCount& cause) {
  if (truth_.cause_count < truth_.causes.size()) truth_.causes[truth_.cause_count++] = cause;
}

void Run::extra(const char* key, Known value) {
  if (truth_.extra_count < truth_.extras.size()) truth_.extras[truth_.extra_count++] = {key, value};
}

void Run::child(int pid, const rusage& usage) {
  if (truth_.child_count < truth_.children.size())
    truth_.children[truth_.child_count++] = {pid, usage.ru_minflt, usage.ru_majflt};
}

}  // namespace workload
