// Readers of system-wide state: /proc/vmstat, sysctls, the host.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "analysis/report.h"

namespace mlt {

using Vmstat = std::map<std::string, std::int64_t>;

Vmstat read_vmstat();
std::optional<std::uint64_t> read_max_map_count();
Host read_host();

}  // namespace mlt
