#include "proc/cgroup_files.h"

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
  const std::string root = "/sys/fs/cgroup";
  const std::string hybrid = root + "/unified";
  return (access((hybrid + "/cgroup.controllers").c_str(), F_OK) == 0 ? hybrid : root) + path;
}

}  // namespace mlt
