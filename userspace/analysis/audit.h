// Compares what was traced with what the kernel counted itself. Pure.
#pragma once

#include <vector>

#include "analysis/trace_data.h"

namespace mlt {

std::vector<AuditCheck> audit(const TraceData& data);

/// Pages that the kernel moved to the unevictable list, and no probe saw: more than its own counters may lag behind. On
/// some kernels reclaim does so inside a function that cannot be hooked (sort_folio of the multi-generational LRU). 0
/// where that cannot be told: the kernel does not count them, or the probes see a part of the moves only.
std::uint64_t culled_unseen(const TraceData& data);

}  // namespace mlt
