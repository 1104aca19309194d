// What a page walk found in the VM_LOCKED mappings of one process (/proc/PID/smaps), against the pages of it that
// became mlocked and were munlocked: what vmstat has for the whole system only.
#pragma once

#include <optional>

#include "analysis/trace_data.h"

namespace mlt {

/// No value when neither side has any, or the process was not walked.
std::optional<AuditCheck> resident_check(const ProcessCounts& process, const TraceData& data);

}  // namespace mlt
