#include "analysis/build_timeline.h"

#include "model/fault_class.h"

namespace mlt {

namespace {

TimelinePoint build_point(const ProcessCounts& process, const Plan& plan) {
  const mlt_proc& proc = process.proc;
  TimelinePoint point;
  point.pid = visible_pid(proc);
  for (const auto& [id, totals] : process.by_class) {
    const FaultClass fault_class = class_of(id);
    point.by_origin.at(fault_class.origin).add(totals);
    point.by_cause.at(fault_class.cause) += totals.completed();
  }
  if (plan.measures("populate")) {
    point.pages_populated = 0;
    for (const auto& [call, total] : process.calls) *point.pages_populated += total.populated_pages;
  }
  if (plan.measures("page_lock")) point.mlocked = proc.mlocked;
  if (plan.measures("page_unlock")) point.munlocked = proc.munlocked;
  if (plan.measures("cause")) point.swap_in = point.by_cause[MLT_CAUSE_SWAP_IN];
  if (plan.measures("swap_out")) point.swap_out = proc.swap_out;
  if (plan.measures("reclaim"))
    point.reclaim_ns = proc.reclaim[MLT_RECLAIM_DIRECT].time_ns + proc.reclaim[MLT_RECLAIM_MEMCG].time_ns;
  return point;
}

}  // namespace

std::vector<TimelinePoint> timeline_points(const TraceData& part, std::uint64_t trace_start_ns) {
  std::vector<TimelinePoint> points;
  for (const ProcessCounts& process : part.counts.processes) {
    points.push_back(build_point(process, *part.plan));
    points.back().start_ns = part.start_ns - trace_start_ns;
    points.back().duration_ns = part.end_ns - part.start_ns;
  }
  return points;
}

FaultEvent fault_event(const mlt_fault_event& event, std::uint32_t pid, std::uint64_t trace_start_ns) {
  const FaultClass fault_class = class_of(event.kind >> 2);
  return {.at_ns = event.ns > trace_start_ns ? event.ns - trace_start_ns : 0,
          .duration_ns = event.duration_ns,
          .address = event.address,
          .pid = pid,
          .tid = event.tid,
          .origin = fault_class.origin,
          .locked = fault_class.locked,
          .cause = fault_class.cause,
          .major = (event.kind & 3) == 1,
          .error = (event.kind & 3) == 2};
}

}  // namespace mlt
