// The audit against the kernel's own counts of the cgroup that the target runs in: memory.stat of cgroup v2.
#pragma once

#include <vector>

#include "analysis/trace_data.h"

namespace mlt {

/// None when every process is traced. One that is unavailable, with the reason, when the traced processes are not all
/// that the cgroup counts.
std::vector<AuditCheck> cgroup_audit(const TraceData& data);

}  // namespace mlt
