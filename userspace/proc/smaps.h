// Reader of /proc/PID/smaps: every mapping with what of it is resident, locked and swapped.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "model/timeline.h"

namespace mlt {

/// Empty when the process is gone, has no address space, or may not be looked at.
std::vector<MapsEntry> read_smaps(std::uint32_t pid);
std::vector<MapsEntry> parse_smaps(std::string_view text);

/// What is resident in the VM_LOCKED mappings of a process, in bytes.
struct LockedResident {
  std::uint64_t resident = 0;  // Rss
  std::uint64_t locked = 0;    // Locked: the same, but of a page that N processes map the Nth part
};
/// No value when the process is gone. Without anything locked its page tables are not walked.
std::optional<LockedResident> read_locked_resident(std::uint32_t pid);
LockedResident locked_resident(const std::vector<MapsEntry>& mappings);

}  // namespace mlt
