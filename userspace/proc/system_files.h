// Readers of system-wide state: /proc/vmstat, /proc/swaps, sysctls, the host.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/report.h"

namespace mlt {

using Vmstat = std::map<std::string, std::int64_t>;

Vmstat read_vmstat();
/// The swap devices in use, in the order of /proc/swaps.
std::vector<SwapDevice> read_swap_devices();
std::vector<SwapDevice> parse_swap_devices(std::string_view proc_swaps);
std::optional<std::uint64_t> read_max_map_count();
Host read_host();
/// Threads on this machine, by /proc/loadavg.
std::optional<std::uint32_t> read_thread_count();

/// Does reclaim go by generations of pages (Documentation/admin-guide/mm/multigen_lru.rst), not by two lists?
bool reclaims_by_generations();

}  // namespace mlt
