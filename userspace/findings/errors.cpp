// Lock calls that failed, by the rule of the kernel that decided.
#include <algorithm>

#include "findings/rules.h"

namespace mlt::rules {
namespace {

/// Refused allocations under MCL_FUTURE are a finding of their own.
bool concerns_lock(const LockCall& call) { return call.call < MLT_CALL_MMAP || !call.mcl_future; }

bool is_any(const LockCall& /*call*/) { return true; }
bool unlocks(const LockCall& call) { return call.call == MLT_CALL_MUNLOCK; }
bool locks(const LockCall& call) { return !unlocks(call); }

/// Calls that failed by this rule: how many, and the figures of the one that wanted most.
Found failed_by(CallRule rule, Severity severity, const Process& process, bool (*is_such)(const LockCall&) = is_any) {
  Found seen;
  const LockCall* largest = nullptr;
  for (const LockCall& call : process.locks.calls) {
    if (call.rule != rule || !concerns_lock(call) || !is_such(call)) continue;
    if (!seen) seen = Sighting{severity, {}, ""};
    ++seen->evidence["calls"];
    if (largest == nullptr || call.range_bytes > largest->range_bytes) largest = &call;
  }
  if (!seen) return seen;
  seen->remark = ": " + largest->name;
  if (largest->range_bytes != 0) seen->evidence["range_bytes"] = figure(largest->range_bytes);
  seen->evidence["locked_bytes"] = figure(largest->locked_bytes_after);
  if (largest->limit_bytes) seen->evidence["limit_bytes"] = figure(*largest->limit_bytes);
  return seen;
}

}  // namespace

Found lock_over_limit(const Process& process, const Case&) {
  Found seen = failed_by(CallRule::over_limit, Severity::problem, process);
  const Found all = failed_by(CallRule::vm_size_over_limit, Severity::problem, process);
  if (!seen) {
    seen = all;
  } else if (all) {
    seen->evidence["calls"] += all->evidence.at("calls");
  }
  if (!seen) return seen;
  // Where it was not seen at the call, the limit is as it was before or after the trace.
  if (process.locks.limit_bytes) seen->evidence.try_emplace("limit_bytes", figure(*process.locks.limit_bytes));
  if (!seen->evidence.contains("limit_bytes") || !seen->evidence.contains("range_bytes")) return seen;
  const std::int64_t missing =
      seen->evidence["range_bytes"] + seen->evidence["locked_bytes"] - seen->evidence["limit_bytes"];
  if (missing > 0) seen->evidence["missing_bytes"] = missing;
  return seen;
}

Found lock_not_permitted(const Process& process, const Case&) {
  return failed_by(CallRule::limit_zero, Severity::problem, process);
}

Found lock_refused_by_policy(const Process& process, const Case&) {
  return failed_by(CallRule::policy, Severity::problem, process);
}

Found lock_hole(const Process& process, const Case&) {
  return failed_by(CallRule::hole, Severity::warning, process, locks);
}

Found unlock_hole(const Process& process, const Case&) {
  return failed_by(CallRule::hole, Severity::warning, process, unlocks);
}

Found lock_not_populated(const Process& process, const Case&) {
  return failed_by(CallRule::not_populated, Severity::warning, process);
}

Found lock_mapping_bound(const Process& process, const Case&) {
  Found seen = failed_by(CallRule::too_many_mappings, Severity::problem, process);
  if (seen && process.vma.count.peak) seen->evidence["mappings"] = figure(*process.vma.count.peak);
  if (seen && process.vma.max_map_count) seen->evidence["max_map_count"] = figure(*process.vma.max_map_count);
  return seen;
}

Found lock_out_of_memory(const Process& process, const Case&) {
  return failed_by(CallRule::no_memory, Severity::problem, process);
}

Found lock_bad_argument(const Process& process, const Case&) {
  return failed_by(CallRule::bad_argument, Severity::notice, process);
}

Found lock_failed(const Process& process, const Case&) {
  return failed_by(CallRule::undetermined, Severity::warning, process);
}

}  // namespace mlt::rules
