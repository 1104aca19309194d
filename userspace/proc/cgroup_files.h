// Readers of a cgroup (v2): what its memory controller counts, and who is in it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace mlt {

/// Counters and sizes by their name in memory.stat.
using MemoryStat = std::map<std::string, std::int64_t>;

/// Of the cgroup and those below it. Empty: it is gone, not of version 2, or has no memory controller.
MemoryStat read_memory_stat(const std::string& directory);
MemoryStat parse_memory_stat(std::string_view text);

/// The processes in the cgroup and in those below it.
std::vector<std::uint32_t> read_cgroup_members(const std::string& directory);

/// Where the cgroup that /proc/PID/cgroup calls `path` is found.
std::string cgroup_directory(const std::string& path);

}  // namespace mlt
