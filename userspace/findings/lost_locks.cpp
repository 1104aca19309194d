// Memory that somebody meant to lock, and that is not locked.
#include <sys/mman.h>

#include <algorithm>

#include "findings/rules.h"

namespace mlt::rules {
namespace {

bool succeeded(const LockCall& call, mlt_call kind) { return call.call == kind && call.ret == 0; }

/// The last mlockall or munlockall that succeeded; null: none was seen.
const LockCall* last_of_all(const Process& process) {
  const LockCall* last = nullptr;
  for (const LockCall& call : process.locks.calls) {
    if (succeeded(call, MLT_CALL_MLOCKALL) || succeeded(call, MLT_CALL_MUNLOCKALL)) last = &call;
  }
  return last;
}

/// The last mlockall, if since then mappings are not locked when they are made.
const LockCall* lockall_without_future(const Process& process) {
  const LockCall* last = last_of_all(process);
  const bool without =
      last != nullptr && last->call == MLT_CALL_MLOCKALL && (last->flags & (MCL_CURRENT | MCL_FUTURE)) == MCL_CURRENT;
  return without ? last : nullptr;
}

/// Whether MCL_FUTURE was in force at some time before `call`.
bool had_future_before(const Process& process, const LockCall& call) {
  for (const LockCall& earlier : process.locks.calls) {
    if (&earlier == &call) return false;
    if (earlier.mcl_future) return true;
  }
  return false;
}

/// Of faults there are no times: of those before the call only the calling thread's are known.
Found unlocked_since(const Process& process, const LockCall& call) {
  FaultTotals all;
  for (const auto& [fault_class, totals] : process.faults.by_class) {
    const bool at_access = fault_class.origin == MLT_ORIGIN_ACCESS || fault_class.origin == MLT_ORIGIN_KERNEL;
    if (at_access && fault_class.locked == MLT_UNLOCKED && (MLT_SPARED_BY_LOCK >> fault_class.cause & 1) != 0)
      all.add(totals);
  }
  if (all.completed() <= call.unlocked_faults) return {};
  Sighting sighting{
      Severity::notice,
      {{"faults", figure(all.completed() - call.unlocked_faults)}, {"called_after_ns", figure(call.start_ns)}},
      ""};
  if (call.unlocked_faults == 0) sighting.evidence["time_ns"] = figure(all.latency.sum());
  return sighting;
}

bool locks_again_after(const Process& process, std::uint64_t at_ns) {
  return std::ranges::any_of(process.locks.calls, [&](const LockCall& call) {
    return call.start_ns > at_ns &&
           (succeeded(call, MLT_CALL_MLOCK) || succeeded(call, MLT_CALL_MLOCK2) || succeeded(call, MLT_CALL_MLOCKALL));
  });
}

bool unlocks_after(const Process& process, std::uint64_t at_ns) {
  return std::ranges::any_of(process.locks.calls, [&](const LockCall& call) {
    return call.start_ns > at_ns && succeeded(call, MLT_CALL_MUNLOCK);
  });
}

/// Until its exec, a child of vfork has its parent's memory: the locks are the parent's, and stay.
bool borrows_memory(const Process& process, const Report& report) {
  return std::ranges::any_of(report.processes, [&](const Process& parent) {
    return std::ranges::any_of(parent.life, [&](const LifeEvent& event) {
      return event.child_pid == process.pid &&
             (event.kind == LifeEvent::Kind::vfork || event.kind == LifeEvent::Kind::share);
    });
  });
}

}  // namespace

// Of a program with threads that began during the trace, most may be those of their start.
Found mapped_after_mcl_current(const Process& process, const Case& about) {
  const LockCall* call = lockall_without_future(process);
  if (call == nullptr || had_future_before(process, *call)) return {};
  Found seen = unlocked_since(process, *call);
  if (!seen) return seen;
  const bool began_here = process.parent_pid != 0 || has_event(process, LifeEvent::Kind::exec);
  if (unlocks_after(process, call->start_ns)) {
    seen->remark = " (or was unlocked since)";
  } else if (began_here && process.faults.by_thread.size() > 1) {
    seen->remark = " (what other threads faulted in before is counted with them)";
  } else if (seen->evidence["faults"] >= figure(about.options.locked_faults)) {
    seen->severity = Severity::warning;
  }
  return seen;
}

Found mcl_future_cancelled(const Process& process, const Case&) {
  const LockCall* call = lockall_without_future(process);
  if (call == nullptr || !had_future_before(process, *call)) return {};
  Found seen = unlocked_since(process, *call);
  if (!seen) seen = Sighting{Severity::notice, {{"called_after_ns", figure(call->start_ns)}}, ""};
  seen->severity = Severity::warning;
  return seen;
}

Found lock_lost_in_fork(const Process& process, const Case& about) {
  for (const LifeEvent& fork : process.life) {
    if (fork.kind != LifeEvent::Kind::fork || (fork.locked_bytes == 0 && !fork.mcl_future)) continue;
    const auto child = std::ranges::find_if(about.report.processes, [&](const Process& other) {
      return other.pid == fork.child_pid && other.parent_pid == process.pid;
    });
    // Who calls execve next, or ends, wants nothing of the parent's memory.
    if (child == about.report.processes.end() || child->exited || has_event(*child, LifeEvent::Kind::exec) ||
        locks_again_after(*child, fork.at_ns))
      continue;
    return Sighting{
        Severity::notice, {{"child_pid", fork.child_pid}, {"locked_bytes", figure(fork.locked_bytes.value_or(0))}}, ""};
  }
  return {};
}

Found lock_lost_in_exec(const Process& process, const Case& about) {
  if (borrows_memory(process, about.report)) return {};
  for (const LifeEvent& exec : process.life) {
    if (exec.kind != LifeEvent::Kind::exec || (exec.locked_bytes == 0 && !exec.mcl_future)) continue;
    if (locks_again_after(process, exec.at_ns)) continue;
    return Sighting{exec.mcl_future ? Severity::warning : Severity::notice,
                    {{"locked_bytes", figure(exec.locked_bytes.value_or(0))}, {"at_ns", figure(exec.at_ns)}},
                    exec.mcl_future ? " (MCL_FUTURE was in force)" : ""};
  }
  return {};
}

Found locked_not_mlocked(const Process& process, const Case&) {
  const std::uint64_t pages = process.pages.locked_not_mlocked.value_or(0);
  if (pages == 0) return {};
  return Sighting{Severity::notice, {{"pages", figure(pages)}}, ""};
}

Found shm_lock_not_present(const Process& process, const Case&) {
  if (!process.faults.by_vma) return {};
  Found seen;
  for (const VmaFaults& vma : *process.faults.by_vma) {
    const bool was_absent = vma.cause == MLT_CAUSE_FILE_MAP || vma.cause == MLT_CAUSE_FILE_READ;
    if (!vma.shm_locked.value_or(false) || vma.locked != MLT_UNLOCKED || !was_absent) continue;
    if (!seen) seen = Sighting{Severity::notice, {}, ": " + vma.name};
    ++seen->evidence["segments"];
    seen->evidence["faults"] += figure(vma.completed());
    seen->evidence["time_ns"] += figure(vma.time_ns);
  }
  return seen;
}

Found lock_without_effect(const Process& process, const Case&) {
  Found seen;
  for (const LockCall& call : process.locks.calls) {
    const bool lock = succeeded(call, MLT_CALL_MLOCK) || succeeded(call, MLT_CALL_MLOCK2);
    const auto range = std::ranges::find(call.ranges, RangeKind::unlockable, &CallRange::kind);
    if (!lock || range == call.ranges.end()) continue;
    if (!seen) {
      const std::string why = range->explain.empty() ? "why is not known" : range->explain;
      seen = Sighting{Severity::notice, {}, ": " + (range->at.name.empty() ? why : range->at.name + ", " + why)};
    }
    ++seen->evidence["calls"];
    for (const CallRange& part : call.ranges) {
      if (part.kind == RangeKind::unlockable) seen->evidence["range_bytes"] += figure(part.end - part.start);
    }
  }
  return seen;
}

}  // namespace mlt::rules
