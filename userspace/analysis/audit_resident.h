// What a page walk found in the VM_LOCKED mappings of one process (/proc/PID/smaps), against the pages of it that
// became mlocked and were munlocked: what vmstat has for the whole system only.
#pragma once

#include <optional>

#include "analysis/trace_data.h"

namespace mlt {

/// No value when neither side has any, or the process was not walked.
std::optional<AuditCheck> resident_check(const ProcessCounts& process, const TraceData& data);

/// Pages of huge pages that are locked in part, at the end: the kernel does not mlock such a page (mlock_pte_range),
/// and nothing can be hooked where it passes by. What is resident in locked mappings beyond what was mlocked, when huge
/// mappings were split and nobody else maps the pages.
std::uint64_t pages_locked_in_part(const ProcessCounts& process, const TraceData& data);

}  // namespace mlt
