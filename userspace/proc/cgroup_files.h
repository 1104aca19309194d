// Readers of a cgroup (v2): what its memory controller counts, and who is in it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mlt {

/// Counters and sizes by their name in memory.stat.
using MemoryStat = std::map<std::string, std::int64_t>;

/// Of the cgroup and those below it. Empty: it is gone, not of version 2, or has no memory controller.
MemoryStat read_memory_stat(const std::string& directory);
MemoryStat parse_memory_stat(std::string_view text);

/// A cgroup's memory.high, above which its processes have to reclaim and are slowed down (cgroup-v2.rst).
struct MemoryHigh {
  std::string cgroup;  // path, as /proc/PID/cgroup has it
  std::uint64_t limit_bytes = 0;
  std::uint64_t exceeded = 0;               // how often so far: "high" in memory.events
  std::optional<std::uint64_t> stalled_ns;  // some process waited for memory so far; empty: no PSI in this kernel
  bool operator==(const MemoryHigh&) const = default;
};

/// Of the cgroup and those above it, where it is set.
std::vector<MemoryHigh> read_memory_high(std::string directory);

/// From memory.pressure: how long at least one process waited.
std::optional<std::uint64_t> parse_pressure(std::string_view text);

/// The processes in the cgroup and in those below it.
std::vector<std::uint32_t> read_cgroup_members(const std::string& directory);

/// Where the cgroup that /proc/PID/cgroup calls `path` is found.
std::string cgroup_directory(const std::string& path);

}  // namespace mlt
