// Faults, accesses and parts of calls that failed: where, and why, in words.
#pragma once

#include <vector>

#include "analysis/trace_data.h"
#include "model/report.h"

namespace mlt {

/// What failed alike, most of it first. `maps` has what was seen of the process.
std::vector<FailedFaults> build_failed(const ProcessCounts& process, const std::vector<MapsLine>& maps,
                                       const TraceData& data);

/// What a call met in a part of its range.
CallRange build_range(const mlt_event_range& event, const std::vector<MapsLine>& maps, std::uint64_t page_size);

}  // namespace mlt
