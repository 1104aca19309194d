#include "analysis/storms.h"

#include <algorithm>
#include <utility>

#include "analysis/trigger.h"
#include "analysis/where.h"
#include "model/fault_class.h"
#include "model/vma_counts.h"

namespace mlt {

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
// What is usual is the median of so many samples, once there are enough of them.
constexpr std::size_t kUsualMost = 60;
constexpr std::size_t kUsualLeast = 10;
// Ten times nearly nothing is nothing: below this share of a CPU no rate is unusual.
constexpr std::uint64_t kNoticedPercent = 1;

std::optional<std::uint64_t> median(const std::vector<std::uint64_t>& rates) {
  if (rates.size() < kUsualLeast) return std::nullopt;
  std::vector<std::uint64_t> sorted(rates.begin(), rates.end());
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  return *middle;
}

mlt_cause most_frequent(const FaultSample& now, const FaultSample& before) {
  std::size_t most = 0;
  const auto since = [&](std::size_t cause) { return now.by_cause.at(cause) - before.by_cause.at(cause); };
  for (std::size_t cause = 1; cause < now.by_cause.size(); ++cause) {
    if (since(cause) > since(most)) most = cause;
  }
  return static_cast<mlt_cause>(most);
}

void find_thread(Storm& storm, const FaultSample& now, const FaultSample& before) {
  for (const auto& [tid, faults] : now.by_thread) {
    const auto old = before.by_thread.find(tid);
    const std::uint64_t taken = faults - (old == before.by_thread.end() ? 0 : old->second);
    if (tid == 0 || taken <= storm.tid_faults.value_or(0)) continue;
    storm.tid = tid;
    storm.tid_faults = taken;
  }
}

std::optional<mlt_vma> find_vma(const std::vector<mlt_vma>& vmas) {
  const auto most = std::ranges::max_element(vmas, {}, completed_faults);
  if (most == vmas.end() || completed_faults(*most) == 0) return std::nullopt;
  return *most;
}

}  // namespace

std::vector<FaultSample> fault_samples(const Counts& counts) {
  std::vector<FaultSample> samples;
  samples.reserve(counts.processes.size());
  for (const ProcessCounts& process : counts.processes) {
    FaultSample sample;
    sample.id = process.id;
    sample.pid = visible_pid(process.proc);
    sample.tgid = process.proc.tgid;
    for (const auto& [class_id, totals] : process.by_class) {
      const FaultClass fault_class = class_of(class_id);
      if (fault_class.origin != MLT_ORIGIN_ACCESS && fault_class.origin != MLT_ORIGIN_KERNEL) continue;
      sample.faults += totals.completed();
      sample.time_ns += totals.latency.sum();
      sample.by_cause.at(fault_class.cause) += totals.completed();
    }
    for (const auto& [tid, totals] : process.by_thread) sample.by_thread[tid] = totals.completed();
    sample.by_vma = process.by_vma;
    samples.push_back(std::move(sample));
  }
  return samples;
}

void StormWatch::add_fork(std::uint32_t id, const mlt_event_process& fork) {
  mlt_event_call call{};
  call.head = fork.head;
  processes_[id].forks.add(call, fork.child_proc);
  if (fork.child_proc == 0) return;
  parent_of_[fork.child_proc] = id;
  births_[fork.child_tgid] = call;
}

void StormWatch::add(std::uint32_t id, const mlt_event& event) {
  if (event.kind == MLT_EVENT_FORK) return add_fork(id, reinterpret_cast<const mlt_event_process&>(event));
  if (event.kind == MLT_EVENT_EXEC || event.kind == MLT_EVENT_EXIT) {
    // What it had in common with its parent is gone.
    if (const auto parent = parent_of_.extract(event.proc)) processes_[parent.mapped()].forks.child_left(event.proc);
    processes_[id].forks = {};
  }
  if (const auto call = possible_trigger(event)) processes_[id].calls.add(*call);
}

void StormWatch::add(std::uint64_t at_ns, std::vector<FaultSample> samples) {
  if (at_ns <= last_ns_) return;
  for (FaultSample& sample : samples) {
    Watched& process = processes_[sample.id];
    // It came to be by a fork: the memory that it has is its parent's.
    if (const auto birth = births_.extract(sample.tgid)) process.forks.add(birth.mapped(), 0);
    step(process, std::move(sample), at_ns);
    process.earlier_calls = std::exchange(process.calls, {});
  }
  // Some are gone before they are met.
  std::erase_if(births_, [&](const auto& birth) { return birth.second.head.ns <= earlier_birth_ns_; });
  for (const auto& [tgid, birth] : births_)
    earlier_birth_ns_ = std::max<std::uint64_t>(earlier_birth_ns_, birth.head.ns);
  last_ns_ = at_ns;
}

void StormWatch::step(Watched& process, FaultSample now, std::uint64_t at_ns) {
  const std::uint64_t elapsed = at_ns - last_ns_;
  const std::uint64_t faults = now.faults - process.last.faults;
  const std::uint64_t time_ns = now.time_ns - process.last.time_ns;
  const auto per_s = static_cast<std::uint64_t>(static_cast<double>(faults) * kSecond / static_cast<double>(elapsed));
  const std::uint64_t share = time_ns * 100 / elapsed;
  const auto usual = median(process.usual);
  const bool much = per_s >= limits_.per_s || share >= limits_.time_percent;
  const bool unusual = usual && per_s > limits_.factor * std::max<std::uint64_t>(*usual, 1) && share >= kNoticedPercent;
  if (!unusual) {
    process.usual.push_back(per_s);
    if (process.usual.size() > kUsualMost) process.usual.erase(process.usual.begin());
  }
  const bool goes_on = process.current != nullptr;
  if (goes_on && !much && !unusual) close(process);
  if (!goes_on && (much || unusual)) {
    process.current = std::make_unique<Current>();
    Current& current = *process.current;
    current.before = std::move(process.last);
    current.seen.id = now.id;
    current.seen.storm.pid = now.pid;
    current.seen.storm.start_ns = last_ns_;
    current.around_start = process.earlier_calls;
    current.around_start.add(process.calls);
    current.forks_before = process.forks;
  } else if (process.current) {
    Current& current = *process.current;
    // Most of it comes only now: a few faults by chance may have come before what led to the others.
    if (faults > current.seen.storm.faults) {
      current.around_start.add_calls(process.earlier_calls);
      current.around_start.add_calls(process.calls);
      current.forks_before = process.forks;
    }
    current.around_start.add_amount(process.calls);
  }
  if (process.current) {
    Storm& storm = process.current->seen.storm;
    if (unusual && !storm.baseline_per_s) storm.baseline_per_s = usual;
    storm.duration_ns = at_ns - storm.start_ns;
    storm.peak_per_s = std::max(storm.peak_per_s, per_s);
    storm.faults += faults;
    storm.time_ns += time_ns;
  }
  process.last = std::move(now);
}

void StormWatch::close(Watched& process) {
  if (auto storm = finished(process)) storms_.push_back(std::move(*storm));
  process.current.reset();
}

// `last` is the state at its end.
std::optional<StormSeen> StormWatch::finished(const Watched& process) const {
  if (!process.current || process.current->seen.storm.duration_ns < limits_.least_ns) return std::nullopt;
  const Current& current = *process.current;
  StormSeen seen = current.seen;
  seen.storm.cause = most_frequent(process.last, current.before);
  find_thread(seen.storm, process.last, current.before);
  FaultsSeen faults;
  faults.cause = seen.storm.cause;
  faults.faults = process.last.by_cause.at(faults.cause) - current.before.by_cause.at(faults.cause);
  faults.by_vma = vmas_since(process.last.by_vma, current.before.by_vma);
  faults.duration_ns = seen.storm.duration_ns;
  seen.vma = find_vma(faults.by_vma);
  if (seen.vma) seen.storm.vma_faults = completed_faults(*seen.vma);
  seen.storm.cause_faults = faults.faults;
  seen.trigger = current.around_start.explain(faults);
  if (!seen.trigger) seen.trigger = current.forks_before.explain(faults);
  seen.lacks_fork = !seen.trigger && only_fork_explains(faults);
  return seen;
}

void StormWatch::end() {
  for (auto& [id, process] : processes_) close(process);
  processes_.clear();
}

std::vector<StormSeen> StormWatch::storms() const {
  std::vector<StormSeen> all = storms_;
  for (const auto& [id, process] : processes_) {
    if (auto storm = finished(process)) all.push_back(std::move(*storm));
  }
  std::ranges::stable_sort(all, {}, [](const StormSeen& seen) { return seen.storm.start_ns; });
  return all;
}

}  // namespace mlt
