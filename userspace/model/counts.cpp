#include "model/counts.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <unordered_map>

#include "model/vma_counts.h"

namespace mlt {

namespace {

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

// Takes `before` from the numbers of `now` from `first` to `end`, in bytes.
template <typename Record>
void subtract(Record& now, const Record& before, std::size_t first, std::size_t end) {
  auto* values = reinterpret_cast<__u64*>(reinterpret_cast<char*>(&now) + first);
  const auto* old = reinterpret_cast<const __u64*>(reinterpret_cast<const char*>(&before) + first);
  for (std::size_t i = 0; i < (end - first) / sizeof(__u64); ++i) values[i] -= old[i];
}

bool is_zero(const mlt_call_total& total) {
  static_assert(sizeof(total) % sizeof(__u64) == 0);
  const auto* counters = reinterpret_cast<const __u64*>(&total);
  return std::all_of(counters, counters + sizeof(total) / sizeof(__u64), [](__u64 count) { return count == 0; });
}

std::map<mlt_call, mlt_call_total> since(const std::map<mlt_call, mlt_call_total>& now,
                                         const std::map<mlt_call, mlt_call_total>& before) {
  std::map<mlt_call, mlt_call_total> difference;
  for (auto [call, total] : now) {
    if (const auto old = before.find(call); old != before.end()) subtract(total, old->second, 0, sizeof(total));
    if (!is_zero(total)) difference.emplace(call, total);
  }
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

mlt_proc since(mlt_proc now, const mlt_proc& before) {
  subtract(now, before, offsetof(mlt_proc, exited_min_flt), offsetof(mlt_proc, longest));
  return now;
}

mlt_stats since(mlt_stats now, const mlt_stats& before) {
  subtract(now, before, 0, sizeof(mlt_stats));
  return now;
}

std::map<std::uint32_t, mlt_keeper> since(const std::map<std::uint32_t, mlt_keeper>& now,
                                          const std::map<std::uint32_t, mlt_keeper>& before) {
  std::map<std::uint32_t, mlt_keeper> difference = now;
  for (const auto& [tgid, keeper] : before) {
    if (const auto found = difference.find(tgid); found != difference.end()) found->second.pages -= keeper.pages;
  }
  return difference;
}

std::vector<ErrorCount> since(const std::vector<ErrorCount>& now, const std::vector<ErrorCount>& before) {
  std::vector<ErrorCount> difference;
  for (ErrorCount count : now) {
    const auto old = std::ranges::find_if(before, [&](const ErrorCount& one) { return same(one.key, count.key); });
    if (old != before.end()) {
      count.error.count -= old->error.count;
      count.error.signals -= old->error.signals;
    }
    if (count.error.count != 0) difference.push_back(count);
  }
  return difference;
}

/// What nobody did meanwhile is left out.
std::vector<ActCount> since(const std::vector<ActCount>& now, const std::vector<ActCount>& before) {
  std::vector<ActCount> difference;
  for (ActCount one : now) {
    const auto old = std::ranges::find_if(
        before, [&](const ActCount& other) { return memcmp(&other.key, &one.key, sizeof(one.key)) == 0; });
    if (old != before.end()) {
      if (old->act.last_ns == one.act.last_ns) continue;
      one.act.count -= old->act.count;
      one.act.bytes -= old->act.bytes;
      one.act.pages -= old->act.pages;
      one.act.time_ns -= old->act.time_ns;
      one.act.unsized -= old->act.unsized;
      one.act.first_ns = std::max(one.act.first_ns, old->act.last_ns);
    }
    difference.push_back(one);
  }
  return difference;
}

// What the kernel counted of threads that exited is no news by itself: it may be of before the trace.
bool idle(const ProcessCounts& process) {
  const auto* counters = reinterpret_cast<const __u64*>(&process.proc.mlocked);
  constexpr std::size_t kCounters = (offsetof(mlt_proc, longest) - offsetof(mlt_proc, mlocked)) / sizeof(__u64);
  return process.by_class.empty() && process.calls.empty() && process.acts.empty() &&
         std::all_of(counters, counters + kCounters, [](__u64 count) { return count == 0; });
}

}  // namespace

void add(mlt_call_total& sum, const mlt_call_total& part) {
  auto* values = reinterpret_cast<__u64*>(&sum);
  const auto* added = reinterpret_cast<const __u64*>(&part);
  for (std::size_t i = 0; i < sizeof(sum) / sizeof(__u64); ++i) values[i] += added[i];
}

bool same(const mlt_error_key& a, const mlt_error_key& b) {
  return a.where == b.where && a.reason == b.reason && a.origin == b.origin && a.was_fault == b.was_fault;
}

Counts Counts::since(const Counts& earlier) const {
  Counts difference;
  std::unordered_map<std::uint32_t, const ProcessCounts*> before;
  for (const ProcessCounts& process : earlier.processes) before.emplace(process.id, &process);
  for (const ProcessCounts& now : processes) {
    const auto found = before.find(now.id);
    ProcessCounts part = now;
    if (found != before.end()) {
      const ProcessCounts* old = found->second;
      part.proc = mlt::since(now.proc, old->proc);
      part.by_class = mlt::since(now.by_class, old->by_class);
      part.by_thread = mlt::since(now.by_thread, old->by_thread);
      part.calls = mlt::since(now.calls, old->calls);
      part.keepers = mlt::since(now.keepers, old->keepers);
      part.errors = mlt::since(now.errors, old->errors);
      part.acts = mlt::since(now.acts, old->acts);
      part.by_vma = vmas_since(now.by_vma, old->by_vma);
    }
    if (!idle(part)) difference.processes.push_back(std::move(part));
  }
  difference.acts = mlt::since(acts, earlier.acts);
  difference.skipped_runs = skipped_runs - earlier.skipped_runs;
  difference.stats = mlt::since(stats, earlier.stats);
  return difference;
}

}  // namespace mlt
