// Storms in words: the names of mappings and functions and the calls' arguments.
#pragma once

#include <vector>

#include "analysis/storms.h"
#include "analysis/trace_data.h"

namespace mlt {

/// `processes`: of the report of the same trace.
std::vector<Storm> build_storms(const std::vector<StormSeen>& seen, const TraceData& data,
                                const std::vector<Process>& processes);

}  // namespace mlt
