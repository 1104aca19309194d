// From what a trace counted to the timeline model. Pure.
#pragma once

#include "analysis/trace_data.h"
#include "model/timeline.h"

namespace mlt {

/// What each process did in an interval. `part`: the trace cut to it; `trace_start_ns`: of the whole, CLOCK_MONOTONIC.
/// The sizes at the end of the interval are not known here.
std::vector<TimelinePoint> timeline_points(const TraceData& part, std::uint64_t trace_start_ns);

/// A single fault of process `pid`.
FaultEvent fault_event(const mlt_fault_event& event, std::uint32_t pid, std::uint64_t trace_start_ns);

}  // namespace mlt
