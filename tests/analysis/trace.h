// A trace made up by hand: counts, events and /proc's views, with a real plan behind them.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "analysis/build_report.h"
#include "analysis/trace_data.h"
#include "plan/capable.h"

namespace mlt::fixtures {

constexpr std::uint64_t kStartNs = 1'000'000'000;

constexpr std::uint16_t class_id(mlt_origin origin, mlt_lock_state locked, mlt_cause cause = MLT_CAUSE_UNKNOWN) {
  const int class_of_locked = int{origin} * int{MLT_LOCK_STATE_NR} + int{locked};
  return static_cast<std::uint16_t>(class_of_locked * int{MLT_CAUSE_NR} + int{cause});
}

/// `minor` faults of `latency_ns` each, and `major` ones.
inline FaultTotals faults(std::uint64_t minor, std::uint64_t major = 0, std::uint64_t latency_ns = 1000) {
  FaultTotals totals;
  totals.minor = minor;
  totals.major = major;
  for (std::uint64_t i = 0; i < minor + major; ++i) totals.latency.add(latency_ns);
  return totals;
}

inline ProcessCounts process(std::uint32_t id, std::uint32_t pid) {
  ProcessCounts counts;
  counts.id = id;
  counts.proc.tgid = pid;
  counts.proc.pid = pid;
  strcpy(counts.proc.comm, "worker");
  return counts;
}

inline mlt_event_call call_event(mlt_call call, std::int64_t ret = 0) {
  mlt_event_call event{};
  event.head.kind = MLT_EVENT_CALL;
  event.head.call = call;
  event.ret = ret;
  return event;
}

/// A call with its arguments, as decode_args and explain_call take it.
inline mlt_event_call call_event(mlt_call call, std::initializer_list<std::uint64_t> args, std::int64_t ret = 0) {
  mlt_event_call event = call_event(call, ret);
  std::size_t i = 0;
  for (const std::uint64_t arg : args) event.args[i++] = arg;
  return event;
}

inline ProcessSnapshot snapshot(std::uint64_t locked_bytes) {
  ProcessSnapshot snapshot;
  snapshot.comm = "worker";
  snapshot.locked_bytes = locked_bytes;
  return snapshot;
}

inline CounterBracket bracket(std::uint64_t before, std::uint64_t after) {
  return {FaultCounters{before, 0}, FaultCounters{after, 0}};
}

/// Ten seconds on two processors. Keeps the plan that the data points to.
class Trace {
 public:
  explicit Trace(const KernelFacts& facts = capable(), std::string_view signals = {}) : plan(plan_for(facts, signals)) {
    data.tool_version = "test";
    data.host = {"6.1.0-test", "x86_64", 2, 4096};
    data.start_unix_ns = 1'700'000'000'000'000'000;
    data.start_ns = kStartNs;
    data.complete_ns = kStartNs + 1'500'000'000;
    data.end_ns = kStartNs + 10'000'000'000;
    data.plan = &plan;
  }
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  ProcessCounts& add(const ProcessCounts& counts) { return data.counts.processes.emplace_back(counts); }

  Plan plan;
  TraceData data;
};

/// The report's, of a trace of one process.
inline Process only_process(const Trace& trace) {
  Report report = build_report(trace.data);
  if (report.processes.size() == 1) return std::move(report.processes.front());
  ADD_FAILURE() << report.processes.size() << " processes";
  return {};
}

}  // namespace mlt::fixtures
