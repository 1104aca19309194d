#include "analysis/trace_data.h"

#include <algorithm>
#include <cstddef>

#include "analysis/where.h"

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
    const FaultTotals part = old == before.end() ? totals : since(totals, old->second);
    if (part.completed() + part.errors + part.retries != 0) difference.emplace(key, part);
  }
  return difference;
}

// Everything from the first counter on is a number that grows, but for the longest reclaim and wait.
mlt_proc since(mlt_proc now, const mlt_proc& before) {
  constexpr std::size_t kFirst = offsetof(mlt_proc, exited_min_flt);
  static_assert((sizeof(mlt_proc) - kFirst) % sizeof(__u64) == 0);
  const mlt_proc current = now;
  auto* values = reinterpret_cast<__u64*>(reinterpret_cast<char*>(&now) + kFirst);
  const auto* old = reinterpret_cast<const __u64*>(reinterpret_cast<const char*>(&before) + kFirst);
  for (std::size_t i = 0; i < (sizeof(mlt_proc) - kFirst) / sizeof(__u64); ++i) values[i] -= old[i];
  for (std::size_t kind = 0; kind < MLT_RECLAIM_NR; ++kind) now.reclaim[kind].max_ns = current.reclaim[kind].max_ns;
  now.mmap_lock_max_ns = current.mmap_lock_max_ns;
  return now;
}

std::map<std::uint32_t, mlt_holder> since(const std::map<std::uint32_t, mlt_holder>& now,
                                          const std::map<std::uint32_t, mlt_holder>& before) {
  std::map<std::uint32_t, mlt_holder> difference = now;
  for (const auto& [tgid, holder] : before) {
    if (const auto found = difference.find(tgid); found != difference.end()) found->second.pages -= holder.pages;
  }
  return difference;
}

bool idle(const ProcessCounts& process) {
  const mlt_proc& proc = process.proc;
  const bool calls = std::ranges::any_of(proc.calls, [](const mlt_call_total& total) {
    return total.calls + total.populates + total.vma_splits + total.vma_merges != 0;
  });
  const bool stalls = std::ranges::any_of(proc.reclaim, [](const mlt_reclaim& reclaim) { return reclaim.calls != 0; });
  const std::uint64_t pages = proc.mlocked + proc.munlocked + proc.unevictable + proc.rescued + proc.culled +
                              proc.still_locked + proc.met_locked_active + proc.met_locked_inactive;
  const std::uint64_t swapped = proc.swap_out + proc.swap_readahead + proc.swap_duplicated + proc.swap_freed;
  const std::uint64_t waits = proc.mmap_lock_read.waits + proc.mmap_lock_write.waits;
  return process.by_class.empty() && !calls && !stalls && waits + pages + swapped + proc.missed_returns == 0;
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
      part.holders = mlt::since(now.holders, old->holders);
      part.by_vma = vmas_since(now.by_vma, old->by_vma);
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
    case MLT_EVENT_VFORK:
    case MLT_EVENT_SHARE:
    case MLT_EVENT_EXEC:
    case MLT_EVENT_EXIT: keep(life, life_not_kept, event, kLifeKept); break;
    default: break;
  }
}

}  // namespace mlt
