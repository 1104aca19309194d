#include "proc/process_files.h"

#include <dirent.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <climits>
#include <initializer_list>
#include <memory>
#include <string_view>

#include "proc/text_file.h"

namespace mlt {

namespace {

// The initial user namespace has a fixed inode number: PROC_USER_INIT_INO. capable() means that one.
constexpr ino_t kInitialUserNamespace = 0xEFFFFFFD;

std::string path_of(std::uint32_t pid, const char* file) { return "/proc/" + std::to_string(pid) + "/" + file; }
std::string path_of(std::uint32_t pid, std::uint32_t tid, const char* file) {
  return path_of(pid, "task/") + std::to_string(tid) + "/" + file;
}

std::string read_link(const std::string& path) {
  std::array<char, PATH_MAX> target{};
  const ssize_t length = readlink(path.c_str(), target.data(), target.size());
  return length > 0 ? std::string(target.data(), static_cast<std::size_t>(length)) : std::string{};
}

// Fields of /proc/PID/stat after the name, which is in parentheses and may hold anything: field 3, the state, first.
std::vector<std::string_view> stat_fields(std::string_view text) {
  std::vector<std::string_view> fields;
  const std::size_t close = text.rfind(')');
  if (close == std::string_view::npos) return fields;
  return split_words(text.substr(close + 1));
}

std::string name_in(std::string_view stat) {
  const std::size_t open = stat.find('(');
  const std::size_t close = stat.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close <= open) return {};
  return std::string(stat.substr(open + 1, close - open - 1));
}

// Z: its parent is still to ask for its status; X: it is being removed.
bool is_over(std::string_view state) { return state == "Z" || state == "X"; }

// A first thread that has ended before the others is a zombie, too; field 20 counts those that are left.
void read_ending(const std::vector<std::string_view>& fields, ProcessSnapshot& snapshot) {
  snapshot.has_ended = is_over(fields[0]) && parse_number(fields[17]).value_or(0) <= 1;
  // The last field but for its name: 52. Zero, too, for those who may not know.
  if (!snapshot.has_ended || fields.size() < 50) return;
  if (const auto status = parse_number(fields[49])) snapshot.wait_status = static_cast<std::uint32_t>(*status);
}

std::optional<FaultCounters> fault_counters(const std::vector<std::string_view>& fields) {
  // Fields 10 and 12 of proc(5), counted from 1; the state is 3.
  if (fields.size() < 20) return std::nullopt;
  return FaultCounters{parse_number(fields[7]).value_or(0), parse_number(fields[9]).value_or(0)};
}

std::optional<FaultCounters> fault_counters_in(const std::string& path) {
  const auto text = read_text_file(path);
  return text ? fault_counters(stat_fields(*text)) : std::nullopt;
}

std::string cgroup_of(std::uint32_t pid) {
  const auto text = read_text_file(path_of(pid, "cgroup"));
  if (!text) return {};
  std::string first;
  for (const std::string_view line : split_lines(*text)) {
    const std::size_t path = line.find(':', line.find(':') + 1);
    if (path == std::string_view::npos) continue;
    if (line.starts_with("0::")) return std::string(line.substr(path + 1));
    if (first.empty()) first = line.substr(path + 1);
  }
  return first;
}

// For a caller that may not ask: see prlimit(2).
void read_limits_file(std::uint32_t pid, ProcessSnapshot& snapshot) {
  const auto text = read_text_file(path_of(pid, "limits"));
  if (!text) return;
  constexpr std::string_view kName = "Max locked memory";
  for (const std::string_view line : split_lines(*text)) {
    if (!line.starts_with(kName)) continue;
    const auto words = split_words(line.substr(kName.size()));
    if (words.empty()) return;
    snapshot.memlock_unlimited = words[0] == "unlimited";
    if (!snapshot.memlock_unlimited) snapshot.memlock_limit = parse_number(words[0]);
  }
}

std::optional<std::uint64_t> bytes_of_kb(std::string_view kb) {
  const auto number = parse_number(kb);
  return number ? std::optional(*number * 1024) : std::nullopt;
}

// The file tells of sixteen limits: fifty times the price.
void read_limits(std::uint32_t pid, ProcessSnapshot& snapshot) {
  rlimit limit{};
  if (prlimit(static_cast<pid_t>(pid), RLIMIT_MEMLOCK, nullptr, &limit) != 0) return read_limits_file(pid, snapshot);
  snapshot.memlock_unlimited = limit.rlim_cur == RLIM_INFINITY;
  if (!snapshot.memlock_unlimited) snapshot.memlock_limit = limit.rlim_cur;
}

// Is it one of these? Each begins a line; most lines are of no interest, and are not taken apart.
bool is_wanted(std::string_view line, std::initializer_list<std::string_view> names) {
  return std::ranges::any_of(names, [line](std::string_view name) { return line.starts_with(name); });
}

void read_status(std::uint32_t pid, ProcessSnapshot& snapshot) {
  const auto text = read_text_file(path_of(pid, "status"));
  if (!text) return;
  for (const std::string_view line : split_lines(*text)) {
    if (!is_wanted(line, {"Threads:", "VmLck:", "VmSize:", "Seccomp:", "CapEff:"})) continue;
    const auto words = split_words(line);
    if (words.size() < 2) continue;
    if (words[0] == "Threads:") snapshot.threads = parse_number(words[1]);
    if (words[0] == "VmLck:") snapshot.locked_bytes = bytes_of_kb(words[1]);
    if (words[0] == "VmSize:") snapshot.vm_size_bytes = bytes_of_kb(words[1]);
    if (words[0] == "Seccomp:") snapshot.seccomp_filter = words[1] == "2";
    if (words[0] == "CapEff:") {
      const bool capable = (parse_number(words[1], 16).value_or(0) >> CAP_IPC_LOCK & 1) != 0;
      struct stat ns {};
      snapshot.can_lock_any =
          capable && stat(path_of(pid, "ns/user").c_str(), &ns) == 0 && ns.st_ino == kInitialUserNamespace;
    }
  }
}

}  // namespace

bool process_exists(std::uint32_t pid) { return access(path_of(pid, "stat").c_str(), F_OK) == 0; }

bool runs_filtered(std::uint32_t pid) {
  ProcessSnapshot snapshot;
  read_status(pid, snapshot);
  return snapshot.seccomp_filter.value_or(false);
}

std::uint64_t count_threads(std::uint32_t pid) {
  const auto text = read_text_file(path_of(pid, "stat"));
  if (!text) return 0;
  // Field 20 of proc(5).
  const auto fields = stat_fields(*text);
  return fields.size() < 18 ? 0 : parse_number(fields[17]).value_or(0);
}

Result<std::uint32_t> process_of_thread(std::uint32_t tid) {
  const auto text = read_text_file(path_of(tid, "status"));
  if (!text) return fail("no thread with id " + std::to_string(tid), 0, "`ps -eL` lists the threads");
  for (const std::string_view line : split_lines(*text)) {
    const auto words = split_words(line);
    if (words.size() == 2 && words[0] == "Tgid:") {
      if (const auto pid = parse_number(words[1])) return static_cast<std::uint32_t>(*pid);
    }
  }
  return fail("cannot tell the process of thread " + std::to_string(tid));
}

std::optional<std::uint64_t> start_of_thread(std::uint32_t pid, std::uint32_t tid) {
  const auto text = read_text_file(path_of(pid, tid, "stat"));
  if (!text) return std::nullopt;
  const auto fields = stat_fields(*text);
  if (fields.size() < 20 || is_over(fields[0])) return std::nullopt;
  return parse_number(fields[19]);
}

std::optional<FaultCounters> read_fault_counters(std::uint32_t pid) { return fault_counters_in(path_of(pid, "stat")); }

std::optional<FaultCounters> read_fault_counters(std::uint32_t pid, std::uint32_t tid) {
  return fault_counters_in(path_of(pid, tid, "stat"));
}

MemoryLevels read_memory_levels(std::uint32_t pid) {
  MemoryLevels levels;
  const auto text = read_text_file(path_of(pid, "status"));
  if (!text) return levels;
  for (const std::string_view line : split_lines(*text)) {
    if (!is_wanted(line, {"VmLck:", "VmRSS:"})) continue;
    const auto words = split_words(line);
    if (words.size() < 2) continue;
    if (words[0] == "VmLck:") levels.locked_bytes = bytes_of_kb(words[1]);
    if (words[0] == "VmRSS:") levels.resident_bytes = bytes_of_kb(words[1]);
  }
  return levels;
}

std::optional<ProcessSnapshot> read_process(std::uint32_t pid) {
  const auto stat_text = read_text_file(path_of(pid, "stat"));
  if (!stat_text) return std::nullopt;
  const auto fields = stat_fields(*stat_text);
  const auto faults = fault_counters(fields);
  if (!faults) return std::nullopt;
  ProcessSnapshot snapshot;
  snapshot.faults = *faults;
  snapshot.start_ticks = parse_number(fields[19]).value_or(0);
  read_ending(fields, snapshot);
  snapshot.comm = name_in(*stat_text);
  snapshot.exe = read_link(path_of(pid, "exe"));
  snapshot.cgroup = cgroup_of(pid);
  read_status(pid, snapshot);
  read_limits(pid, snapshot);
  if (const auto maps = read_text_file(path_of(pid, "maps")); maps && !maps->empty())
    snapshot.vma_count = static_cast<std::uint64_t>(std::ranges::count(*maps, '\n'));
  return snapshot;
}

std::vector<std::uint32_t> list_processes() {
  std::vector<std::uint32_t> pids;
  std::unique_ptr<DIR, decltype([](DIR* directory) { closedir(directory); })> proc(opendir("/proc"));
  if (!proc) return pids;
  while (const dirent* entry = readdir(proc.get())) {
    if (const auto pid = parse_number(static_cast<const char*>(entry->d_name)))
      pids.push_back(static_cast<std::uint32_t>(*pid));
  }
  return pids;
}

}  // namespace mlt
