// Lock calls that failed, by the rule of the kernel that decided.
#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>

#include "findings/rules.h"
#include "model/names.h"
#include "util/units.h"

namespace mlt::rules {
namespace {

/// Refused allocations under MCL_FUTURE are a finding of their own.
bool concerns_lock(const LockCall& call) { return call.call < MLT_CALL_MMAP || !call.mcl_future; }

/// mlockall; and what maps or grows memory that a lock is asked for, or under MCL_FUTURE, or grows a locked mapping.
bool locks_what_it_maps(const LockCall& call) {
  if (call.call == MLT_CALL_MLOCKALL) return true;
  if (call.call < MLT_CALL_MMAP || call.call == MLT_CALL_MADVISE) return false;
  return call.mcl_future || (call.call == MLT_CALL_MMAP && (call.flags & MAP_LOCKED) != 0);
}

bool is_any(mlt_call /*call*/) { return true; }
bool unlocks(mlt_call call) { return call == MLT_CALL_MUNLOCK; }
bool locks(mlt_call call) { return !unlocks(call); }

/// The errors that, of a call that locks or unlocks, no other rule than this one gives (mm/mlock.c); empty: there are
/// others.
std::string_view errno_of(CallRule rule) {
  switch (rule) {
    case CallRule::bad_argument: return "EINVAL";
    case CallRule::no_memory: return "EAGAIN";
    default: return "";
  }
}

/// How often these calls failed by that errno: exact, even where not every one is listed.
std::int64_t failed_with(std::string_view error, const Process& process, bool (*is_such)(mlt_call)) {
  std::int64_t count = 0;
  for (const CallTotals& totals : process.locks.totals) {
    const auto found = totals.errors_by_errno.find(std::string(error));
    if (totals.call < MLT_CALL_MMAP && is_such(totals.call) && found != totals.errors_by_errno.end())
      count += found->second;
  }
  return count;
}

/// What io_uring, perf and the like hold stands beside the lock, and who looks at both takes it for a part of the sum.
void mind_others(Sighting& seen, const LockCall& call) {
  if (call.rule != CallRule::over_limit && call.rule != CallRule::vm_size_over_limit) return;
  const std::uint64_t user = call.user_locked_bytes.value_or(0);
  const std::uint64_t pinned = call.pinned_bytes.value_or(0);
  if (user != 0) seen.evidence["user_locked_bytes"] = figure(user);
  if (pinned != 0) seen.evidence["pinned_bytes"] = figure(pinned);
  if (user + pinned == 0) return;
  seen.remark += "; mlock counts what the process has locked (VmLck), not what io_uring, perf and the like have " +
                 (user != 0 ? fmt::format("accounted to its user ({})", format_bytes(user)) : std::string()) +
                 (user != 0 && pinned != 0 ? " or " : "") +
                 (pinned != 0 ? fmt::format("pinned in it ({})", format_bytes(pinned)) : std::string());
}

/// Calls that failed by this rule: how many, and the figures of the one that wanted most. Where not every call is
/// listed, and another rule gives the same error, more of them may have failed by it than are counted.
Found failed_by(CallRule rule, Severity severity, const Process& process, bool (*is_such)(mlt_call) = is_any) {
  Found seen;
  const LockCall* largest = nullptr;
  for (const LockCall& call : process.locks.calls) {
    if (call.rule != rule || !concerns_lock(call) || !is_such(call.call)) continue;
    if (!seen) seen = Sighting{severity, {}, ""};
    ++seen->evidence["calls"];
    if (largest == nullptr || call.range_bytes > largest->range_bytes) largest = &call;
  }
  if (!seen) return seen;
  const std::string_view error = errno_of(rule);
  std::int64_t& calls = seen->evidence["calls"];
  if (!error.empty()) calls = std::max(calls, failed_with(error, process, is_such));
  seen->remark = ": " + largest->name;
  if (error.empty() && process.locks.calls_not_kept != 0)
    seen->remark += fmt::format(" (of the {} calls that are listed)", format_count(process.locks.calls.size()));
  if (largest->range_bytes != 0) seen->evidence["range_bytes"] = figure(largest->range_bytes);
  seen->evidence["locked_bytes"] = figure(largest->locked_bytes_after);
  add_known(*seen, "limit_bytes", largest->limit_bytes);
  add_known(*seen, "needed_bytes", largest->needed_bytes);
  mind_others(*seen, *largest);
  add_known(*seen, "needed_for_mapping_bytes", largest->needed_for_mapping_bytes);
  add_known(*seen, "needed_for_all_bytes", largest->needed_for_all_bytes);
  return seen;
}

/// What the first call by this rule met in a part of its range.
const CallRange* first_range(CallRule rule, RangeKind kind, const Process& process) {
  for (const LockCall& call : process.locks.calls) {
    if (call.rule != rule) continue;
    const auto found = std::ranges::find(call.ranges, kind, &CallRange::kind);
    if (found != call.ranges.end()) return &*found;
  }
  return nullptr;
}

std::string told(const CallRange& range) {
  return (range.at.name.empty() ? "" : range.at.name + ": ") +
         (range.explain.empty() ? "why is not known" : range.explain);
}

/// Whoever has CAP_IPC_LOCK where it does not count has no use for the advice to get it.
void mind_user_namespace(Found& seen, const Process& process) {
  if (!seen || std::ranges::find(process.locks.calls, true, &LockCall::cap_elsewhere) == process.locks.calls.end())
    return;
  seen->remark += "; the CAP_IPC_LOCK that it has is of a user namespace in which that does not count";
  seen->advice =
      "Raise RLIMIT_MEMLOCK (LimitMEMLOCK= of a systemd service, ulimit -l, --ulimit memlock of a container) before "
      "the "
      "user namespace is made. CAP_IPC_LOCK counts in the initial user namespace only.";
}

/// Nobody may access it: it is there to be made accessible later, or never.
bool is_reserved(const CallRange& range) {
  return range.kind == RangeKind::absent && range.reason == MLT_ERROR_PROTECTION &&
         range.at.permissions.starts_with("---");
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
  mind_user_namespace(seen, process);
  // Where it was not seen at the call, the limit is as it was before or after the trace.
  if (process.locks.limit_bytes) seen->evidence.try_emplace("limit_bytes", figure(*process.locks.limit_bytes));
  if (!seen->evidence.contains("limit_bytes") || !seen->evidence.contains("range_bytes")) return seen;
  const auto needed = seen->evidence.find("needed_bytes");
  const std::int64_t wanted =
      needed != seen->evidence.end() ? needed->second : seen->evidence["range_bytes"] + seen->evidence["locked_bytes"];
  const std::int64_t missing = wanted - seen->evidence["limit_bytes"];
  if (missing > 0) seen->evidence["missing_bytes"] = missing;
  const auto mapping = seen->evidence.find("needed_for_mapping_bytes");
  if (mapping != seen->evidence.end())
    seen->remark +=
        fmt::format("; for the whole mapping {} would do", format_bytes(static_cast<std::uint64_t>(mapping->second)));
  return seen;
}

Found memlock_limit_of_others(const Process& process, const Case&) {
  if (!process.locks.limit_refusals || process.locks.limit_refusals->empty()) return {};
  const std::vector<LimitRefusals>& all = *process.locks.limit_refusals;
  const LimitRefusals& most = *std::ranges::max_element(all, {}, &LimitRefusals::calls);
  Sighting seen{Severity::warning, {{"limit_bytes", figure(most.limit_bytes)}}, ": " + describe(all)};
  for (const LimitRefusals& refused : all) seen.evidence["calls"] += figure(refused.calls);
  add_known(seen, "wanted_bytes", most.wanted_bytes);
  add_known(seen, "user_locked_bytes", most.user_locked_bytes);
  add_known(seen, "pinned_bytes", most.pinned_bytes);
  add_known(seen, "enough_bytes", most.enough_bytes);
  if (most.enough_bytes) seen.remark += fmt::format("; {} would do", format_bytes(*most.enough_bytes));
  if (std::ranges::find(all, MLT_LIMITED_BPF, &LimitRefusals::kind) != all.end())
    seen.advice =
        "Raise RLIMIT_MEMLOCK (prlimit --memlock, LimitMEMLOCK= of a systemd service, ulimit -l): what all processes "
        "of the user have in bpf, io_uring and perf counts together, and CAP_IPC_LOCK does not exempt bpf. From Linux "
        "5.11 on bpf is charged to the memory cgroup instead.";
  return seen;
}

Found lock_not_permitted(const Process& process, const Case&) {
  Found seen = failed_by(CallRule::limit_zero, Severity::problem, process);
  mind_user_namespace(seen, process);
  return seen;
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
  Found seen = failed_by(CallRule::not_populated, Severity::warning, process);
  const CallRange* range = first_range(CallRule::not_populated, RangeKind::absent, process);
  if (seen && range != nullptr) seen->remark += ", " + told(*range);
  return seen;
}

// The stacks' guards and the heaps in reserve of every program with threads are such ranges.
Found lock_incomplete(const Process& process, const Case&) {
  Found seen;
  bool all_reserved = true;
  for (const LockCall& call : process.locks.calls) {
    // Who maps with MAP_POPULATE alone wants no lock.
    if (is_error(call.ret) || call.absent_ranges == 0 || !locks_what_it_maps(call)) continue;
    if (!seen) {
      const auto found = std::ranges::find(call.ranges, RangeKind::absent, &CallRange::kind);
      seen = Sighting{Severity::warning, {}, ": " + call.name};
      if (found != call.ranges.end()) seen->remark += ", " + told(*found);
    }
    ++seen->evidence["calls"];
    seen->evidence["ranges"] += figure(call.absent_ranges);
    std::uint64_t reserved = 0;
    for (const CallRange& range : call.ranges) {
      if (range.kind == RangeKind::absent) seen->evidence["range_bytes"] += figure(range.end - range.start);
      if (is_reserved(range)) ++reserved;
    }
    if (reserved != call.absent_ranges) all_reserved = false;
  }
  if (seen && all_reserved) {
    seen->severity = Severity::info;
    seen->remark += "; nothing but address space that is kept free, where no access is permitted";
    seen->advice = "Nothing to do: mprotect makes the pages present when it permits writing.";
  }
  return seen;
}

Found lock_answered_by_filter(const Process& process, const Case&) {
  Found seen;
  for (const LockCall& call : process.locks.calls) {
    if (!call.filtered || is_error(call.ret) || call.call > MLT_CALL_MLOCKALL || call.call == MLT_CALL_MUNLOCK)
      continue;
    if (!seen) seen = Sighting{Severity::problem, {}, ": " + call.name};
    ++seen->evidence["calls"];
    seen->evidence["range_bytes"] += figure(call.range_bytes);
  }
  return seen;
}

Found lock_mapping_bound(const Process& process, const Case&) {
  Found seen = failed_by(CallRule::too_many_mappings, Severity::problem, process);
  const auto call = std::ranges::find(process.locks.calls, CallRule::too_many_mappings, &LockCall::rule);
  if (!seen || call == process.locks.calls.end()) return seen;
  add_known(*seen, "mappings", call->mappings);
  add_known(*seen, "max_map_count", call->max_map_count);
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
