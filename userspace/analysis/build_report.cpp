#include "analysis/build_report.h"

#include <algorithm>

#include "analysis/audit.h"
#include "analysis/decode.h"
#include "analysis/names.h"

namespace mlt {

namespace {

// VM_LOCKED of vm_flags and def_flags; the same bit in every kernel.
constexpr std::uint64_t kVmLocked = 0x2000;

FaultClass class_of(std::uint16_t id) {
  constexpr int kCauses = MLT_CAUSE_NR;
  constexpr int kStates = MLT_LOCK_STATE_NR;
  return {static_cast<mlt_origin>(id / kCauses / kStates), static_cast<mlt_lock_state>(id / kCauses % kStates),
          static_cast<mlt_cause>(id % kCauses)};
}

// The software events see hardware faults only; everything else sees all.
bool sees(const Plan& plan, mlt_origin origin) {
  const PlannedSignal* fault = plan.find("fault");
  if (fault->way == nullptr) return false;
  return !fault->way->approximate || origin == MLT_ORIGIN_ACCESS || origin == MLT_ORIGIN_KERNEL;
}

Faults build_faults(const ProcessCounts& process, const Plan& plan) {
  Faults faults;
  for (int origin = 0; origin < MLT_ORIGIN_NR; ++origin) {
    if (sees(plan, static_cast<mlt_origin>(origin))) faults.by_origin[static_cast<std::size_t>(origin)].emplace();
  }
  for (const auto& [id, totals] : process.by_class) {
    const FaultClass fault_class = class_of(id);
    auto& of_origin = faults.by_origin[fault_class.origin];
    if (!of_origin) of_origin.emplace();
    of_origin->add(totals);
    faults.by_class.push_back({fault_class, totals});
  }
  for (const auto& [tid, totals] : process.by_thread) faults.by_thread.push_back({tid, totals});
  std::ranges::stable_sort(faults.by_class, std::greater{},
                           [](const ClassFaults& f) { return f.totals.latency.sum(); });
  std::ranges::stable_sort(faults.by_thread, std::greater{},
                           [](const ThreadFaults& t) { return t.totals.completed(); });
  return faults;
}

std::uint64_t relative(std::uint64_t ns, const TraceData& data) { return ns > data.start_ns ? ns - data.start_ns : 0; }

// What RLIMIT_MEMLOCK allows the process: negative when it does not apply, is unlimited or not known.
std::int64_t effective_limit(const ProcessSnapshot* snapshot) {
  if (snapshot == nullptr || snapshot->memlock_unlimited || snapshot->can_lock_any || !snapshot->memlock_limit)
    return -1;
  return static_cast<std::int64_t>(*snapshot->memlock_limit);
}

LockCall build_call(const mlt_event_call& event, const ProcessSnapshot* snapshot, const TraceData& data) {
  LockCall call;
  call.start_ns = relative(event.head.ns - event.duration_ns, data);
  call.tid = event.head.tid;
  call.call = static_cast<mlt_call>(event.head.call);
  call.name = call_name(call.call);
  call.args = decode_args(event);
  call.ret = event.ret;
  call.duration_ns = event.duration_ns;
  call.populate_ns = event.populate_ns;
  call.pages_populated = event.populated_pages;
  call.vma_splits = event.vma_splits;
  call.vma_merges = event.vma_merges;
  call.locked_bytes_after = event.locked_pages * data.host.page_size;
  call.explain = explain_call(event, effective_limit(snapshot), data.host.page_size);
  return call;
}

std::vector<CallTotals> build_totals(const mlt_proc& proc) {
  std::vector<CallTotals> list;
  for (int i = MLT_CALL_NONE + 1; i < MLT_CALL_NR; ++i) {
    const mlt_call_total& total = proc.calls[i];
    if (total.calls + total.populates + total.populated_pages + total.vma_splits + total.vma_merges == 0) continue;
    const auto call = static_cast<mlt_call>(i);
    list.push_back({call, std::string(call_name(call)), total.calls, total.errors, total.time_ns, total.populates,
                    total.populated_pages, total.populate_ns, total.vma_splits, total.vma_merges});
  }
  return list;
}

Locks build_locks(const ProcessCounts& process, const ProcessEvents& events, const ProcessViews& views,
                  const TraceData& data) {
  Locks locks;
  const ProcessSnapshot* latest = views.end ? &*views.end : views.start ? &*views.start : nullptr;
  for (const mlt_event_call& event : events.calls) locks.calls.push_back(build_call(event, latest, data));
  locks.calls_not_kept = events.calls_not_kept;
  locks.totals = build_totals(process.proc);
  if (views.start) locks.locked_bytes.start = views.start->locked_bytes;
  if (views.end) locks.locked_bytes.end = views.end->locked_bytes;
  const std::uint64_t seen = events.peak_locked_pages * data.host.page_size;
  if (data.plan->measures("lock_call"))
    locks.locked_bytes.peak =
        std::max({locks.locked_bytes.start.value_or(0), locks.locked_bytes.end.value_or(0), seen});
  if (latest != nullptr) {
    locks.limit_bytes = latest->memlock_limit;
    locks.limit_unlimited = latest->memlock_unlimited;
    locks.exempt = latest->can_lock_any;
    if (effective_limit(latest) >= 0 && latest->locked_bytes)
      locks.headroom_bytes = effective_limit(latest) - static_cast<std::int64_t>(*latest->locked_bytes);
  }
  return locks;
}

Count if_measured(const Plan& plan, std::string_view signal, std::uint64_t value) {
  return plan.measures(signal) ? Count{value} : std::nullopt;
}

Pages build_pages(const mlt_proc& proc, const Plan& plan) {
  Pages pages;
  pages.mlocked = if_measured(plan, "page_lock", proc.mlocked);
  pages.munlocked = if_measured(plan, "page_unlock", proc.munlocked);
  pages.to_unevictable = if_measured(plan, "unevictable", proc.unevictable);
  pages.rescued = if_measured(plan, "rescue", proc.rescued);
  // Kernels that clear PG_mlocked first and set it again cannot say it of a page: the row has a remark then.
  const PlannedSignal* unlock = plan.find("page_unlock");
  if (unlock->way != nullptr && unlock->way->limits.empty()) pages.still_locked_elsewhere = proc.still_locked;
  return pages;
}

Populate build_populate(const mlt_proc& proc, const Plan& plan) {
  if (!plan.measures("populate")) return {};
  Populate populate{0, 0, 0};
  for (const mlt_call_total& total : proc.calls) {
    *populate.calls += total.populates;
    *populate.pages += total.populated_pages;
    *populate.time_ns += total.populate_ns;
  }
  return populate;
}

Vma build_vma(const mlt_proc& proc, const ProcessEvents& events, const ProcessViews& views, const TraceData& data) {
  Vma vma;
  std::uint64_t splits = 0;
  std::uint64_t merges = 0;
  for (const mlt_call_total& total : proc.calls) {
    splits += total.vma_splits;
    merges += total.vma_merges;
  }
  vma.splits = if_measured(*data.plan, "vma_split", splits);
  vma.merges = if_measured(*data.plan, "vma_merge", merges);
  vma.max_map_count = data.max_map_count;
  if (views.start) vma.count.start = views.start->vma_count;
  if (views.end) vma.count.end = views.end->vma_count;
  vma.count.peak = std::max({vma.count.start.value_or(0), vma.count.end.value_or(0), events.peak_vma_count});
  if (*vma.count.peak == 0) vma.count.peak.reset();
  for (const mlt_event_vma& event : events.changes) {
    VmaChange change;
    change.at_ns = relative(event.head.ns, data);
    change.tid = event.head.tid;
    change.split = event.head.kind == MLT_EVENT_SPLIT;
    change.start = event.start;
    change.end = event.end;
    change.addr = event.addr;
    change.locked = (event.vm_flags & kVmLocked) != 0;
    change.cause = call_name(static_cast<mlt_call>(event.head.call));
    vma.changes.push_back(std::move(change));
  }
  vma.changes_not_kept = events.changes_not_kept;
  return vma;
}

std::uint32_t visible_pid(const mlt_proc& proc) { return proc.pid != 0 ? proc.pid : proc.tgid; }

// The number that BPF saw, as the caller sees it, for processes that are traced too.
std::uint32_t visible_pid_of(std::uint32_t tgid, const Counts& counts) {
  for (const ProcessCounts& process : counts.processes) {
    if (process.proc.tgid == tgid) return visible_pid(process.proc);
  }
  return tgid;
}

std::vector<LifeEvent> build_life(const ProcessEvents& events, const TraceData& data) {
  std::vector<LifeEvent> life;
  for (const mlt_event_process& event : events.life) {
    LifeEvent entry;
    entry.at_ns = relative(event.head.ns, data);
    entry.kind = event.head.kind == MLT_EVENT_FORK   ? LifeEvent::Kind::fork
                 : event.head.kind == MLT_EVENT_EXEC ? LifeEvent::Kind::exec
                                                     : LifeEvent::Kind::exit;
    if (entry.kind == LifeEvent::Kind::fork) entry.child_pid = visible_pid_of(event.child_tgid, data.counts);
    entry.locked_bytes = event.locked_pages * data.host.page_size;
    entry.mcl_future = (event.def_flags & kVmLocked) != 0;
    entry.comm = event.comm;
    life.push_back(std::move(entry));
  }
  return life;
}

Process build_process(const ProcessCounts& counts, const TraceData& data) {
  static const ProcessEvents kNoEvents;
  static const ProcessViews kNoViews;
  const mlt_proc& proc = counts.proc;
  const auto events_found = data.events.find(counts.id);
  const auto views_found = data.views.find(visible_pid(proc));
  const ProcessEvents& events = events_found == data.events.end() ? kNoEvents : events_found->second;
  const ProcessViews& views = views_found == data.views.end() ? kNoViews : views_found->second;
  const ProcessSnapshot* latest = views.end ? &*views.end : views.start ? &*views.start : nullptr;

  Process process;
  process.pid = visible_pid(proc);
  process.parent_pid = proc.parent_tgid == 0 ? 0 : visible_pid_of(proc.parent_tgid, data.counts);
  process.comm = proc.comm;
  process.exited = proc.exit_ns != 0;
  if (latest != nullptr) {
    process.exe = latest->exe;
    process.cgroup = latest->cgroup;
    process.threads = latest->threads;
  }
  process.faults = build_faults(counts, *data.plan);
  process.populate = build_populate(proc, *data.plan);
  process.locks = build_locks(counts, events, views, data);
  process.pages = build_pages(proc, *data.plan);
  process.vma = build_vma(proc, events, views, data);
  process.life = build_life(events, data);
  return process;
}

std::uint64_t all_faults(const Process& process) {
  std::uint64_t completed = 0;
  for (const auto& totals : process.faults.by_origin) completed += totals ? totals->completed() : 0;
  return completed;
}

Coverage build_coverage(const TraceData& data) {
  Coverage coverage;
  for (const PlannedSignal& planned : data.plan->signals) {
    SignalCoverage signal;
    signal.name = planned.signal->name;
    signal.limits = planned.remark();
    if (planned.way != nullptr) {
      signal.via = planned.way->via();
      signal.state = signal.limits.empty() ? SignalState::exact : SignalState::partial;
    }
    coverage.signals.push_back(std::move(signal));
  }
  const mlt_stats& stats = data.counts.stats;
  coverage.lost.events = stats.ring_full;
  coverage.lost.map_full = stats.thread_full + stats.block_full + stats.proc_full + stats.moving_full;
  coverage.lost.missed_probes = data.counts.skipped_runs;
  for (const ProcessCounts& process : data.counts.processes) coverage.lost.missed_probes += process.proc.missed_returns;
  coverage.audit = audit(data);
  return coverage;
}

System build_system(const TraceData& data) {
  System system;
  for (const auto& [name, end] : data.vmstat_end) {
    const auto start = data.vmstat_start.find(name);
    // Names that begin with nr_ are levels, not counters: their change is as telling.
    if (start != data.vmstat_start.end() && end != start->second) system.vmstat[name] = end - start->second;
  }
  system.other_unevictable_pages = if_measured(*data.plan, "unevictable", data.counts.stats.other_unevictable);
  return system;
}

}  // namespace

Report build_report(const TraceData& data) {
  Report report;
  report.tool_version = data.tool_version;
  report.host = data.host;
  report.window = {data.start_unix_ns, data.end_ns - data.start_ns};
  report.target = data.target;
  report.coverage = build_coverage(data);
  for (const ProcessCounts& process : data.counts.processes) report.processes.push_back(build_process(process, data));
  std::ranges::stable_sort(report.processes, std::greater{}, all_faults);
  report.system = build_system(data);
  return report;
}

}  // namespace mlt
