// What the kernel says about this process, read without allocating and without touching a new page.
#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "workload.hpp"

namespace workload {
namespace {

std::array<char, 64 * 1024> buffer;

// The number that follows `name` and blanks in "name  123 kB".
Known number_after(std::string_view line, std::string_view name) {
  if (!line.starts_with(name)) return unknown;
  line.remove_prefix(name.size());
  const std::size_t digits = line.find_first_not_of(" \t");
  if (digits == 0 || digits == std::string_view::npos) return unknown;
  long value = 0;
  const auto parsed = std::from_chars(line.data() + digits, line.data() + line.size(), value);
  if (parsed.ec != std::errc{}) return unknown;
  return value;
}

}  // namespace

void for_each_line(const char* path, LineHandler each, void* context) {
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail(path, errno);
  std::size_t held = 0;
  for (;;) {
    const ssize_t got = ::read(fd, buffer.data() + held, buffer.size() - held);
    if (got < 0) fail(path, errno);
    if (got == 0) break;
    held += static_cast<std::size_t>(got);
    std::string_view rest(buffer.data(), held);
    for (std::size_t end; (end = rest.find('\n')) != std::string_view::npos; rest.remove_prefix(end + 1))
      each(rest.substr(0, end), context);
    std::memmove(buffer.data(), rest.data(), rest.size());
    held = rest.size();
  }
  ::close(fd);
}

Known number_in(const char* path, std::string_view name) {
  Known found;
  for_each_line(path, [&](std::string_view line) {
    if (const Known value = number_after(line, name)) found = value;
  });
  return found;
}

Known number_of(const char* path) {
  Known found;
  for_each_line(path, [&](std::string_view line) {
    long value = 0;
    if (std::from_chars(line.data(), line.data() + line.size(), value).ec == std::errc{}) found = value;
  });
  return found;
}

bool write_file(const char* path, std::string_view text) {
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(fd);
  return written;
}

KernelSetting::KernelSetting(const char* path, std::string_view value) : path_(path) {
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  const ssize_t got = ::read(fd, before_.data(), before_.size());
  ::close(fd);
  if (got <= 0) return;
  length_ = static_cast<std::size_t>(got);
  is_set_ = write_file(path, value);
}

KernelSetting::~KernelSetting() {
  if (is_set_) write_file(path_, {before_.data(), length_});
}

bool pin_to(int cpu) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  return ::sched_setaffinity(0, sizeof one, &one) == 0;
}

void Snapshot::read_proc() {
  for_each_line("/proc/vmstat", [this](std::string_view line) {
    for (std::size_t i = 0; i < vmstat_names.size(); ++i)
      if (const Known value = number_after(line, vmstat_names[i])) vmstat[i] = value;
  });
  vmas = 0;
  for_each_line("/proc/self/maps", [this](std::string_view) { ++vmas; });
  locked_kb = number_in("/proc/self/status", "VmLck:");
}

void Snapshot::read_usage() {
  timespec cpu{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
  cpu_ns = cpu.tv_sec * 1'000'000'000 + cpu.tv_nsec;
  ::getrusage(RUSAGE_SELF, &usage);
}

}  // namespace workload
