#include "session/kretprobe.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "kernel/tracefs.h"
#include "proc/text_file.h"

namespace mlt {

namespace {

constexpr int kRoom = 4096;  // threads at once: the most that the kernel grants (KRETPROBE_MAXACTIVE_MAX)
constexpr std::string_view kGroup = "mlocktrace";

// One command for the list of dynamic events; 0 or an errno.
int command(const std::string& line) {
  const Fd fd(open(find_in_tracefs("kprobe_events", W_OK).c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  if (!fd) return errno;
  return write(fd.get(), line.data(), line.size()) < 0 ? errno : 0;
}

void remove(std::string_view name) { command(fmt::format("-:{}/{}", kGroup, name)); }

}  // namespace

KretprobeDefinition::KretprobeDefinition(std::string name) : name_(std::move(name)) {}

KretprobeDefinition::KretprobeDefinition(KretprobeDefinition&& other) noexcept
    : name_(std::exchange(other.name_, {})) {}

KretprobeDefinition& KretprobeDefinition::operator=(KretprobeDefinition&& other) noexcept {
  std::swap(name_, other.name_);
  return *this;
}

KretprobeDefinition::~KretprobeDefinition() {
  if (!name_.empty()) remove(name_);
}

Result<KretprobeDefinition> KretprobeDefinition::make(const std::string& function) {
  const std::string name = fmt::format("{}_{}", function, getpid());
  if (const int code = command(fmt::format("r{}:{}/{} {}", kRoom, kGroup, name, function)); code != 0)
    return fail("cannot define a kretprobe of " + function, code);
  return KretprobeDefinition(name);
}

void KretprobeDefinition::remove_leftovers() {
  const auto events = read_text_file(find_in_tracefs("kprobe_events", R_OK));
  if (!events) return;
  // "r4096:mlocktrace/handle_mm_fault_1234 handle_mm_fault"
  const std::string ours = fmt::format(":{}/", kGroup);
  for (const std::string_view line : split_lines(*events)) {
    const std::size_t begin = line.find(ours);
    if (begin == std::string_view::npos) continue;
    // The kernel refuses to remove what is in use.
    const std::string_view name = line.substr(begin + ours.size());
    remove(name.substr(0, name.find(' ')));
  }
}

Result<Fd> KretprobeDefinition::open() const {
  const auto text = read_text_file(find_in_tracefs(fmt::format("events/{}/{}/id", kGroup, name_), R_OK));
  const auto lines = split_lines(text.value_or(""));
  const auto id = lines.empty() ? std::nullopt : parse_number(lines.front());
  if (!id) return fail("cannot find the kretprobe " + name_, ENOENT);
  perf_event_attr attr{};
  attr.size = sizeof(attr);
  attr.type = PERF_TYPE_TRACEPOINT;
  attr.config = *id;
  // Programs run on every processor, whatever this one says.
  Fd fd(static_cast<int>(syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC)));
  if (!fd) return fail("cannot open the kretprobe " + name_, errno);
  return fd;
}

}  // namespace mlt
