#include "analysis/trace_data.h"

#include <algorithm>

namespace mlt {

namespace {

// Enough for any reader; a process that locks in a loop would otherwise grow the tracer without bound.
constexpr std::size_t kCallsKept = 2000;
constexpr std::size_t kChangesKept = 2000;
constexpr std::size_t kLifeKept = 1000;

template <typename Event>
void keep(std::vector<Event>& list, std::uint64_t& not_kept, const mlt_event& event, std::size_t limit) {
  if (list.size() < limit) {
    list.push_back(reinterpret_cast<const Event&>(event));
  } else {
    ++not_kept;
  }
}

std::uint64_t delta(std::uint64_t now, std::uint64_t before) { return now - before; }

FaultTotals since(const FaultTotals& now, const FaultTotals& before) {
  FaultTotals difference;
  difference.minor = delta(now.minor, before.minor);
  difference.major = delta(now.major, before.major);
  difference.errors = delta(now.errors, before.errors);
  difference.retries = delta(now.retries, before.retries);
  difference.untimed = delta(now.untimed, before.untimed);
  difference.latency = now.latency.since(before.latency);
  return difference;
}

template <typename Key>
std::map<Key, FaultTotals> since(const std::map<Key, FaultTotals>& now, const std::map<Key, FaultTotals>& before) {
  std::map<Key, FaultTotals> difference;
  for (const auto& [key, totals] : now) {
    const auto old = before.find(key);
    FaultTotals part = old == before.end() ? totals : since(totals, old->second);
    if (part.completed() + part.errors + part.retries != 0) difference.emplace(key, std::move(part));
  }
  return difference;
}

mlt_proc since(mlt_proc now, const mlt_proc& before) {
  const auto subtract = [](__u64& value, __u64 old) { value -= old; };
  subtract(now.exited_min_flt, before.exited_min_flt);
  subtract(now.exited_maj_flt, before.exited_maj_flt);
  subtract(now.mlocked, before.mlocked);
  subtract(now.munlocked, before.munlocked);
  subtract(now.unevictable, before.unevictable);
  subtract(now.rescued, before.rescued);
  subtract(now.still_locked, before.still_locked);
  subtract(now.locked_not_mlocked, before.locked_not_mlocked);
  subtract(now.missed_returns, before.missed_returns);
  for (std::size_t call = 0; call < MLT_CALL_NR; ++call) {
    mlt_call_total& total = now.calls[call];
    const mlt_call_total& old = before.calls[call];
    subtract(total.calls, old.calls);
    subtract(total.errors, old.errors);
    subtract(total.time_ns, old.time_ns);
    subtract(total.populates, old.populates);
    subtract(total.populated_pages, old.populated_pages);
    subtract(total.populate_ns, old.populate_ns);
    subtract(total.vma_splits, old.vma_splits);
    subtract(total.vma_merges, old.vma_merges);
  }
  return now;
}

bool idle(const ProcessCounts& process) {
  const mlt_proc& proc = process.proc;
  const bool calls = std::ranges::any_of(proc.calls, [](const mlt_call_total& total) {
    return total.calls + total.populates + total.vma_splits + total.vma_merges != 0;
  });
  return process.by_class.empty() && !calls &&
         proc.mlocked + proc.munlocked + proc.unevictable + proc.rescued + proc.missed_returns == 0;
}

}  // namespace

Counts Counts::since(const Counts& earlier) const {
  Counts difference;
  for (const ProcessCounts& now : processes) {
    const auto old = std::ranges::find(earlier.processes, now.id, &ProcessCounts::id);
    ProcessCounts part = now;
    if (old != earlier.processes.end()) {
      part.proc = mlt::since(now.proc, old->proc);
      part.by_class = mlt::since(now.by_class, old->by_class);
      part.by_thread = mlt::since(now.by_thread, old->by_thread);
    }
    if (!idle(part)) difference.processes.push_back(std::move(part));
  }
  difference.skipped_runs = skipped_runs - earlier.skipped_runs;
  const auto* now = reinterpret_cast<const __u64*>(&stats);
  const auto* old = reinterpret_cast<const __u64*>(&earlier.stats);
  auto* out = reinterpret_cast<__u64*>(&difference.stats);
  for (std::size_t i = 0; i < sizeof(mlt_stats) / sizeof(__u64); ++i) out[i] = now[i] - old[i];
  return difference;
}

void ProcessEvents::add(const mlt_event& event) {
  switch (event.kind) {
    case MLT_EVENT_CALL: {
      const auto& call = reinterpret_cast<const mlt_event_call&>(event);
      peak_locked_pages = std::max<std::uint64_t>(peak_locked_pages, call.locked_pages);
      keep(calls, calls_not_kept, event, kCallsKept);
      break;
    }
    case MLT_EVENT_SPLIT:
    case MLT_EVENT_MERGE: {
      const auto& change = reinterpret_cast<const mlt_event_vma&>(event);
      peak_vma_count = std::max<std::uint64_t>(peak_vma_count, change.map_count);
      keep(changes, changes_not_kept, event, kChangesKept);
      break;
    }
    case MLT_EVENT_FORK:
    case MLT_EVENT_EXEC:
    case MLT_EVENT_EXIT: keep(life, life_not_kept, event, kLifeKept); break;
    default: break;
  }
}

}  // namespace mlt
