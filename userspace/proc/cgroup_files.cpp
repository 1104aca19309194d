#include "proc/cgroup_files.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "proc/text_file.h"

namespace mlt {

namespace {

namespace fs = std::filesystem;

void add_members(const std::string& directory, std::vector<std::uint32_t>& pids) {
  const auto text = read_text_file(directory + "/cgroup.procs");
  if (!text) return;
  for (const std::string_view line : split_lines(*text)) {
    if (const auto pid = parse_number(line)) pids.push_back(static_cast<std::uint32_t>(*pid));
  }
}

constexpr std::string_view kMount = "/sys/fs/cgroup";
constexpr std::string_view kHybridMount = "/sys/fs/cgroup/unified";

std::string path_of(const std::string& directory) {
  for (const std::string_view mount : {kHybridMount, kMount}) {
    if (directory.starts_with(mount)) return directory.substr(mount.size());
  }
  return directory;
}

// Empty: there is no such file (in the root cgroup), or no limit is set.
std::optional<std::uint64_t> read_limit(const std::string& path) {
  const auto text = read_text_file(path);
  const auto words = split_words(text ? std::string_view(*text) : std::string_view());
  return words.empty() ? std::nullopt : parse_number(words.front());
}

}  // namespace

MemoryStat parse_memory_stat(std::string_view text) {
  MemoryStat stat;
  for (const std::string_view line : split_lines(text)) {
    const auto words = split_words(line);
    if (words.size() != 2) continue;
    if (const auto value = parse_number(words[1])) stat[std::string(words[0])] = static_cast<std::int64_t>(*value);
  }
  return stat;
}

MemoryStat read_memory_stat(const std::string& directory) {
  // A cgroup of version 1 has a memory.stat too: of itself alone, and with other names.
  if (access((directory + "/cgroup.controllers").c_str(), F_OK) != 0) return {};
  const auto text = read_text_file(directory + "/memory.stat");
  return text ? parse_memory_stat(*text) : MemoryStat{};
}

std::optional<std::uint64_t> parse_pressure(std::string_view text) {
  for (const std::string_view line : split_lines(text)) {
    const auto words = split_words(line);
    if (words.empty() || words.front() != "some") continue;
    for (std::string_view word : words) {
      constexpr std::string_view kTotal = "total=";
      if (!word.starts_with(kTotal)) continue;
      word.remove_prefix(kTotal.size());
      if (const auto microseconds = parse_number(word)) return *microseconds * 1000;
    }
  }
  return std::nullopt;
}

std::vector<MemoryHigh> read_memory_high(std::string directory) {
  std::vector<MemoryHigh> list;
  if (directory.ends_with('/')) directory.pop_back();
  for (; directory.size() > kMount.size(); directory = fs::path(directory).parent_path()) {
    const auto limit = read_limit(directory + "/memory.high");
    if (!limit) continue;
    const auto events = read_text_file(directory + "/memory.events");
    const auto pressure = read_text_file(directory + "/memory.pressure");
    list.push_back({path_of(directory), *limit,
                    events ? static_cast<std::uint64_t>(parse_memory_stat(*events)["high"]) : 0,
                    pressure ? parse_pressure(*pressure) : std::nullopt});
  }
  return list;
}

std::vector<std::uint32_t> read_cgroup_members(const std::string& directory) {
  std::vector<std::uint32_t> pids;
  add_members(directory, pids);
  std::error_code ignored;  // what is gone meanwhile has no members
  for (fs::recursive_directory_iterator entry(directory, ignored), end; !ignored && entry != end;
       entry.increment(ignored)) {
    if (entry->is_directory(ignored)) add_members(entry->path(), pids);
  }
  return pids;
}

std::string cgroup_directory(const std::string& path) {
  const bool is_hybrid = access(fmt::format("{}/cgroup.controllers", kHybridMount).c_str(), F_OK) == 0;
  return std::string(is_hybrid ? kHybridMount : kMount) + path;
}

}  // namespace mlt
