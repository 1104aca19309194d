#include "analysis/build_report.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <iterator>
#include <numeric>
#include <unordered_map>
#include <utility>

#include "analysis/audit.h"
#include "analysis/audit_resident.h"
#include "analysis/build_acts.h"
#include "analysis/decode.h"
#include "analysis/explain.h"
#include "analysis/failures.h"
#include "analysis/kernel_count.h"
#include "analysis/vma_flags.h"
#include "analysis/where.h"
#include "model/fault_class.h"
#include "model/names.h"

namespace mlt {

namespace {

// The software events see hardware faults only; everything else sees all.
bool sees(const Plan& plan, mlt_origin origin) {
  const PlannedSignal* fault = plan.find("fault");
  if (fault->way == nullptr) return false;
  if (origin == MLT_ORIGIN_UNKNOWN) return plan.settles();
  return !fault->way->approximate || origin == MLT_ORIGIN_ACCESS || origin == MLT_ORIGIN_KERNEL;
}

// The software events see no mapping.
bool sees_mapping(const Plan& plan) {
  const PlannedSignal* fault = plan.find("fault");
  return fault->way != nullptr && !fault->way->approximate;
}

Faults build_faults(const ProcessCounts& process, const std::vector<MapsLine>& maps, const Plan& plan) {
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
  if (sees_mapping(plan)) faults.by_vma = build_by_vma(process, maps);
  return faults;
}

std::uint64_t relative(std::uint64_t ns, const TraceData& data) { return ns > data.start_ns ? ns - data.start_ns : 0; }

// What RLIMIT_MEMLOCK allows the process: negative when it does not apply, is unlimited or not known.
std::int64_t effective_limit(const ProcessSnapshot* snapshot) {
  if (snapshot == nullptr || snapshot->memlock_unlimited || snapshot->can_lock_any || !snapshot->memlock_limit)
    return -1;
  return static_cast<std::int64_t>(*snapshot->memlock_limit);
}

// What the process's calls are explained by. What /proc says was true before or after the calls, not at each of them.
CallContext call_context(const ProcessSnapshot* snapshot, const ProcessEvents& events, const ProcessViews& views,
                         const TraceData& data) {
  CallContext context;
  context.page_size = data.host.page_size;
  context.max_map_count = data.max_map_count;
  context.sees_populate = data.plan->measures("populate");
  if (views.start) context.locked_before_bytes = views.start->locked_bytes;
  if (snapshot == nullptr) return context;
  context.limit_is_current = views.end.has_value();
  context.unlimited = snapshot->memlock_unlimited || snapshot->can_lock_any;
  if (!context.unlimited) context.limit_bytes = snapshot->memlock_limit;
  context.vm_size_bytes = snapshot->vm_size_bytes;
  if (!views.end) return context;
  context.seccomp_filter = snapshot->seccomp_filter;
  if (snapshot->vma_count) context.vma_count = std::max(*snapshot->vma_count, events.peak_vma_count);
  return context;
}

std::uint64_t flags_of(const mlt_event_call& event) {
  switch (event.head.call) {
    case MLT_CALL_MLOCKALL: return event.args[0];
    case MLT_CALL_MLOCK2: return event.args[2];
    case MLT_CALL_MMAP: return event.args[3];
    case MLT_CALL_MADVISE: return event.args[2];
    default: return 0;
  }
}

/// What is known of the process when this call failed is better than what /proc said before or after.
CallContext at_call(CallContext context, const mlt_event_call& event) {
  const mlt_limits& limits = event.limits;
  if ((limits.flags & MLT_LIMITS_KNOWN) == 0) return context;
  context.limit_is_current = true;
  context.unlimited = limits.memlock_bytes == ~std::uint64_t{0} || (limits.flags & MLT_LIMITS_IPC_LOCK) != 0;
  context.limit_bytes = context.unlimited ? std::nullopt : std::optional(limits.memlock_bytes);
  context.vm_size_bytes = limits.mapped_pages * context.page_size;
  context.vma_count = limits.map_count;
  context.max_map_count_is_current = limits.max_map_count != 0;
  if (context.max_map_count_is_current) context.max_map_count = limits.max_map_count;
  context.cap_elsewhere = (limits.flags & MLT_LIMITS_IPC_LOCK_ELSEWHERE) != 0;
  if ((limits.flags & (MLT_LIMITS_SECCOMP | MLT_LIMITS_NO_SECCOMP)) != 0)
    context.seccomp_filter = (limits.flags & MLT_LIMITS_SECCOMP) != 0;
  return context;
}

CallParts build_parts(const __u64 (&parts_ns)[MLT_PART_NR], std::uint64_t time_ns, const Plan& plan) {
  CallParts parts;
  std::uint64_t known = 0;
  const auto part = [&](mlt_part which, std::string_view signal, bool is_kept = true) {
    if (!plan.measures(signal) || !is_kept) return Count{};
    known += parts_ns[which];
    return Count{parts_ns[which]};
  };
  parts.memory_ns = part(MLT_PART_MEMORY, "cause");
  parts.file_ns = part(MLT_PART_FILE, "cause");
  parts.swap_in_ns = part(MLT_PART_SWAP_IN, "cause");
  parts.reclaim_ns = part(MLT_PART_RECLAIM, "reclaim");
  parts.lock_wait_ns = part(MLT_PART_LOCK_WAIT, "lock_wait");
  parts.off_cpu_ns = part(MLT_PART_OFF_CPU, "lock_call", plan.run_delay);
  // The scheduler's clock, by which it goes, may run ahead of the one that the call is timed by.
  if (parts.off_cpu_ns && known > time_ns) *parts.off_cpu_ns -= std::min(*parts.off_cpu_ns, known - time_ns);
  parts.other_ns = time_ns > known ? time_ns - known : 0;
  return parts;
}

Count known_pages(std::uint64_t pages, std::uint64_t page_size) {
  return pages == MLT_NOT_KNOWN ? Count{} : Count{pages * page_size};
}

/// What RLIMIT_MEMLOCK would have to be for more than this call.
void add_needs(LockCall& call, const mlt_event_call& event, std::uint64_t page_size) {
  if (call.rule != CallRule::over_limit && call.rule != CallRule::vm_size_over_limit) return;
  const auto wanted = bytes_to_lock(event, page_size);
  if (call.rule == CallRule::over_limit && wanted) call.needed_bytes = event.locked_pages * page_size + *wanted;
  if (event.limits.unlocked_bytes != 0)
    call.needed_for_mapping_bytes = event.locked_pages * page_size + event.limits.unlocked_bytes;
  if ((event.limits.flags & MLT_LIMITS_KNOWN) != 0) call.needed_for_all_bytes = event.limits.mapped_pages * page_size;
}

LockCall build_call(const mlt_event_call& event, std::vector<CallRange> ranges, const CallContext& context,
                    const TraceData& data) {
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
  const CallContext then = at_call(context, event);
  Explanation explanation = explain_call(event, ranges, then);
  call.rule = explanation.rule;
  call.explain = std::move(explanation.text);
  call.flags = flags_of(event);
  call.range_start = range_start(event, data.host.page_size);
  call.range_bytes = range_bytes(event, data.host.page_size);
  call.mcl_future = (event.def_flags & kVmLocked) != 0;
  call.unlocked_faults = event.unlocked_faults;
  call.parts = build_parts(event.parts_ns, event.duration_ns, *data.plan);
  if ((event.limits.flags & MLT_LIMITS_KNOWN) != 0) {
    call.limit_bytes = then.limit_bytes;
    call.mappings = then.vma_count;
    call.user_locked_bytes = known_pages(event.limits.user_pages, data.host.page_size);
    call.pinned_bytes = event.limits.pinned_pages * data.host.page_size;
    if (then.max_map_count_is_current) call.max_map_count = then.max_map_count;
  }
  call.cap_elsewhere = then.cap_elsewhere;
  call.filtered = event.was_filtered != 0;
  call.absent_ranges = event.absent_ranges;
  call.ranges = std::move(ranges);
  add_needs(call, event, data.host.page_size);
  return call;
}

std::map<std::string, std::int64_t> build_errors(const mlt_call_total& total) {
  static constexpr std::array<const char*, MLT_ERRNO_NR> kNames{"EPERM", "ENOMEM", "EAGAIN", "EINVAL", "other"};
  std::map<std::string, std::int64_t> errors;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (total.errors_by[i] != 0) errors[kNames.at(i)] = static_cast<std::int64_t>(total.errors_by[i]);
  }
  return errors;
}

std::vector<CallTotals> build_totals(const ProcessCounts& process, const Plan& plan) {
  std::vector<CallTotals> list;
  for (const auto& [call, total] : process.calls) {
    if (call == MLT_CALL_NONE) continue;
    if (total.calls + total.populates + total.populated_pages + total.vma_splits + total.vma_merges == 0) continue;
    const std::uint64_t errors =
        std::accumulate(std::begin(total.errors_by), std::end(total.errors_by), std::uint64_t{0});
    list.push_back({call, std::string(call_name(call)), total.calls, errors, total.time_ns, total.populates,
                    total.populated_pages, total.populate_ns, total.vma_splits, total.vma_merges,
                    build_parts(total.parts_ns, total.time_ns, plan),
                    sees_mapping(plan) ? Count{total.unlocked_populate_faults} : Count{}, build_errors(total)});
  }
  return list;
}

Waits build_waits(const mlt_lock_wait& wait) { return {wait.waits, wait.time_ns}; }

std::optional<LockWaits> build_lock_waits(const ProcessCounts& process, const Plan& plan) {
  const mlt_proc& proc = process.proc;
  if (!plan.measures("lock_wait")) return std::nullopt;
  LockWaits waits;
  waits.all = build_waits(proc.mmap_lock_read);
  waits.write = build_waits(proc.mmap_lock_write);
  waits.all.waits += waits.write.waits;
  waits.all.time_ns += waits.write.time_ns;
  waits.max_ns = proc.longest.mmap_lock_ns;
  waits.in_fault = build_waits(proc.mmap_lock_in_fault);
  waits.while_locking = build_waits(proc.mmap_lock_while_locking);
  if (plan.measures("lock_call")) {
    waits.in_call_ns = 0;
    for (const auto& [call, total] : process.calls) *waits.in_call_ns += total.parts_ns[MLT_PART_LOCK_WAIT];
  }
  for (int i = MLT_CALL_NONE; i < MLT_CALL_NR; ++i) {
    const auto call = static_cast<mlt_call>(i);
    const Waits held = build_waits(proc.mmap_lock_held_by[i]);
    if (held.waits != 0) waits.holders.push_back({call, std::string(call_name(call)), held});
  }
  std::ranges::stable_sort(waits.holders, std::greater{}, [](const HolderWaits& by) { return by.waits.time_ns; });
  if (plan.knows_lock_holders()) waits.outside = build_outside(process.acts);
  return waits;
}

std::vector<LimitRefusals> build_refusals(const mlt_proc& proc, std::uint64_t page_size) {
  std::vector<LimitRefusals> list;
  for (int i = 0; i < MLT_LIMITED_NR; ++i) {
    if (proc.limited[i] == 0) continue;
    const mlt_refusal& refusal = proc.refusals[i];
    LimitRefusals& refused = list.emplace_back();
    refused.kind = static_cast<mlt_limited>(i);
    refused.calls = proc.limited[i];
    refused.error = errno_name(refusal.error);
    refused.limit_bytes = refusal.limit_bytes;
    if (refusal.wanted_bytes != 0) refused.wanted_bytes = refusal.wanted_bytes;
    refused.user_locked_bytes = known_pages(refusal.user_pages, page_size);
    refused.pinned_bytes = refusal.pinned_pages * page_size;
    refused.locked_bytes = refusal.locked_pages * page_size;
    const Count used = counted_by_limit(refused);
    if (used && refused.wanted_bytes) refused.enough_bytes = *used + *refused.wanted_bytes;
  }
  return list;
}

void add_limit(Locks& locks, const ProcessSnapshot* snapshot) {
  if (snapshot == nullptr) return;
  locks.limit_bytes = snapshot->memlock_limit;
  locks.limit_unlimited = snapshot->memlock_unlimited;
  locks.exempt = snapshot->can_lock_any;
  if (effective_limit(snapshot) >= 0 && snapshot->locked_bytes)
    locks.headroom_bytes = effective_limit(snapshot) - static_cast<std::int64_t>(*snapshot->locked_bytes);
}

const mlt_event_call* last_with_limits(const ProcessEvents& events) {
  const auto known = [](const mlt_event_call& event) { return (event.limits.flags & MLT_LIMITS_KNOWN) != 0; };
  const auto found = std::find_if(events.calls.rbegin(), events.calls.rend(), known);
  return found == events.calls.rend() ? nullptr : &*found;
}

/// Of a process that is gone: its limit and its privileges may have changed since the trace began, and its last call
/// that failed knew them.
void add_limit(Locks& locks, const mlt_event_call& call, std::uint64_t page_size) {
  const std::uint64_t limit = call.limits.memlock_bytes;
  locks.limit_unlimited = limit == ~std::uint64_t{0};
  locks.exempt = (call.limits.flags & MLT_LIMITS_IPC_LOCK) != 0;
  locks.limit_bytes = locks.limit_unlimited ? Count{} : Count{limit};
  locks.headroom_bytes.reset();
  if (!locks.limit_unlimited && !locks.exempt)
    locks.headroom_bytes = static_cast<std::int64_t>(limit) - static_cast<std::int64_t>(call.locked_pages * page_size);
}

/// What of the locks /proc tells, and the waits for mmap_lock.
Locks build_locks_but_calls(const ProcessCounts& process, const ProcessViews& views, const TraceData& data) {
  Locks locks;
  locks.mmap_lock = build_lock_waits(process, *data.plan);
  if (data.plan->measures("vma_lock"))
    locks.vma_lock = VmaLock{process.proc.vma_lock_aborts, process.proc.vma_lock_retries};
  if (data.plan->measures("limit_of_others")) locks.limit_refusals = build_refusals(process.proc, data.host.page_size);
  if (views.start) locks.locked_bytes.start = views.start->locked_bytes;
  if (views.end) locks.locked_bytes.end = views.end->locked_bytes;
  return locks;
}

std::vector<CallRange> build_ranges(const ProcessEvents& events, std::size_t call, const std::vector<MapsLine>& maps,
                                    std::uint64_t page_size) {
  std::vector<CallRange> ranges;
  const auto found = events.ranges.find(call);
  if (found == events.ranges.end()) return ranges;
  for (const mlt_event_range& event : found->second) ranges.push_back(build_range(event, maps, page_size));
  return ranges;
}

Locks build_locks(const ProcessCounts& process, const ProcessEvents& events, const ProcessViews& views,
                  const std::vector<MapsLine>& maps, const TraceData& data) {
  Locks locks = build_locks_but_calls(process, views, data);
  const ProcessSnapshot* latest = views.end ? &*views.end : views.start ? &*views.start : nullptr;
  add_limit(locks, latest);
  if (process.proc.compat != 0) {
    locks.calls_unseen = "a program of 32 bits, whose system calls are not followed";
    return locks;
  }
  CallContext context = call_context(latest, events, views, data);
  for (std::size_t i = 0; i < events.calls.size(); ++i) {
    const LockCall& call = locks.calls.emplace_back(
        build_call(events.calls[i], build_ranges(events, i, maps, data.host.page_size), context, data));
    context.locked_before_bytes = call.locked_bytes_after;
    context.future_before = call.mcl_future;
  }
  locks.calls_not_kept = events.calls_not_kept;
  locks.totals = build_totals(process, *data.plan);
  const std::uint64_t seen = events.peak_locked_pages * data.host.page_size;
  if (data.plan->measures("lock_call"))
    locks.locked_bytes.peak =
        std::max({locks.locked_bytes.start.value_or(0), locks.locked_bytes.end.value_or(0), seen});
  if (const mlt_event_call* last = views.end ? nullptr : last_with_limits(events))
    add_limit(locks, *last, data.host.page_size);
  return locks;
}

Count if_measured(const Plan& plan, std::string_view signal, std::uint64_t value) {
  return plan.measures(signal) ? Count{value} : std::nullopt;
}

// Those who keep pages mlocked that the process munlocked; what is left is kept by somebody who was not found.
std::vector<Keeper> build_keepers(const ProcessCounts& process) {
  std::vector<Keeper> keepers;
  std::uint64_t unknown = process.proc.still_locked;
  for (const auto& [tgid, keeper] : process.keepers) {
    if (keeper.pages == 0) continue;
    keepers.push_back({keeper.pid != 0 ? keeper.pid : tgid, keeper.comm, keeper.pages});
    unknown -= std::min<std::uint64_t>(unknown, keeper.pages);
  }
  std::ranges::stable_sort(keepers, std::greater{}, &Keeper::pages);
  if (unknown != 0) keepers.push_back({0, "", unknown});
  return keepers;
}

Pages build_pages(const ProcessCounts& process, const TraceData& data) {
  const Plan& plan = *data.plan;
  const mlt_proc& proc = process.proc;
  Pages pages;
  pages.mlocked = if_measured(plan, "page_lock", proc.mlocked);
  pages.munlocked = if_measured(plan, "page_unlock", proc.munlocked);
  pages.to_unevictable = if_measured(plan, "unevictable", proc.unevictable);
  pages.rescued = if_measured(plan, "rescue", proc.rescued);
  if (culled_unseen(data) == 0) pages.culled_by_reclaim = if_measured(plan, "reclaim_met", proc.culled);
  if (const auto views = data.views.find(visible_pid(proc)); views != data.views.end() && proc.exit_ns == 0) {
    pages.locked_not_mlocked = views->second.not_mlocked;
    pages.locked_not_mlocked_unknown = views->second.not_mlocked_unknown;
  }
  // Kernels that clear PG_mlocked first and set it again show it by doing so.
  if (plan.measures("page_lock")) pages.still_locked_elsewhere = if_measured(plan, "page_unlock", proc.still_locked);
  if (pages.still_locked_elsewhere) pages.still_locked_by = build_keepers(process);
  return pages;
}

ReclaimStall build_stall(const mlt_proc& proc, std::size_t kind) {
  const mlt_reclaim& reclaim = proc.reclaim[kind];
  return {reclaim.calls, reclaim.time_ns, reclaim.reclaimed, proc.longest.reclaim_ns[kind]};
}

std::optional<Reclaim> build_reclaim(const mlt_proc& proc, const Plan& plan) {
  if (!plan.measures("reclaim") && !plan.measures("reclaim_met")) return std::nullopt;
  Reclaim reclaim;
  if (plan.measures("reclaim")) {
    reclaim.direct = build_stall(proc, MLT_RECLAIM_DIRECT);
    reclaim.memcg = build_stall(proc, MLT_RECLAIM_MEMCG);
  }
  if (plan.measures("fault") && !plan.find("fault")->way->approximate)
    reclaim.in_fault_ns = if_measured(plan, "reclaim", proc.reclaim_in_fault_ns);
  if (plan.measures("lock_call")) reclaim.in_call_ns = if_measured(plan, "reclaim", proc.reclaim_in_call_ns);
  // By a remark: the kernel leaves locked pages on the active list alone.
  if (const PlannedSignal* met = plan.find("reclaim_met"); met->way != nullptr && met->way->limits.empty())
    reclaim.met_locked_active = proc.met_locked_active;
  reclaim.met_locked_inactive = if_measured(plan, "reclaim_met", proc.met_locked_inactive);
  return reclaim;
}

std::optional<FaultWaits> build_waits(const mlt_proc& proc, const Plan& plan) {
  // Without faults nothing is inside of one.
  const PlannedSignal* fault = plan.find("fault");
  if (fault->way == nullptr || fault->way->approximate) return std::nullopt;
  const auto waited = [&](std::string_view signal, mlt_wait kind) -> std::optional<Waited> {
    if (!plan.measures(signal)) return std::nullopt;
    return Waited{proc.waits[kind].waits, proc.waits[kind].time_ns, proc.longest.wait_ns[kind]};
  };
  const bool measures_refaults = plan.measures("refault");
  return FaultWaits{.userfault = waited("userfault", MLT_WAIT_USERFAULT),
                    .migration = waited("cause", MLT_WAIT_MIGRATION),
                    .file_read = measures_refaults ? waited("page_wait", MLT_WAIT_FILE_READ) : std::nullopt,
                    .refault = measures_refaults ? waited("page_wait", MLT_WAIT_REFAULT) : std::nullopt,
                    .swap_read = waited("page_wait", MLT_WAIT_SWAP_READ),
                    .page_lock = waited("page_wait", MLT_WAIT_PAGE_LOCK),
                    .writeback = waited("page_wait", MLT_WAIT_WRITEBACK),
                    .dirty = waited("dirty_wait", MLT_WAIT_DIRTY),
                    .compaction = waited("compaction", MLT_WAIT_COMPACTION),
                    .direct_reclaim = waited("reclaim", MLT_WAIT_DIRECT_RECLAIM),
                    .memcg_reclaim = waited("reclaim", MLT_WAIT_MEMCG_RECLAIM),
                    .memory_high = waited("memory_high", MLT_WAIT_MEMORY_HIGH),
                    .huge_page = waited("huge_page", MLT_WAIT_HUGE_PAGE),
                    .after_memory_high = waited("memory_high", MLT_WAIT_AFTER_HIGH),
                    .refaulted_file = if_measured(plan, "refault", proc.refaulted_file),
                    .refaulted_swap = if_measured(plan, "refault", proc.refaulted_swap)};
}

FaultTotals faults_by(mlt_cause cause, const ProcessCounts& process) {
  FaultTotals sum;
  for (const auto& [id, totals] : process.by_class) {
    if (class_of(id).cause == cause) sum.add(totals);
  }
  return sum;
}

Count vmstat_change(const TraceData& data, const char* name) {
  const auto change = growth(data.vmstat_start, data.vmstat_end, name);
  return change ? Count(*change) : std::nullopt;
}

// The kernel counts for all processes at once what it reads from swap, and what it brings back without reading.
Count read_of(std::uint64_t major, const TraceData& data) {
  const auto read = vmstat_change(data, "pswpin");
  if (major == 0 || (read && *read == 0)) return 0;
  if (!read || *read < major) return std::nullopt;
  const bool all = vmstat_change(data, "swpin_zero").value_or(0) + vmstat_change(data, "zswpin").value_or(0) == 0;
  return all ? Count(major) : std::nullopt;
}

std::optional<Swap> build_swap(const ProcessCounts& process, const TraceData& data) {
  const Plan& plan = *data.plan;
  const mlt_proc& proc = process.proc;
  Swap swap;
  if (plan.measures("cause")) {
    const FaultTotals in = faults_by(MLT_CAUSE_SWAP_IN, process);
    swap.in = in.completed();
    swap.in_major = in.major;
    swap.in_read = read_of(in.major, data);
    swap.in_ns = in.latency.sum();
  }
  swap.readahead = if_measured(plan, "swap_readahead", proc.swap_readahead);
  swap.out = if_measured(plan, "swap_out", proc.swap_out);
  swap.out_by_self = if_measured(plan, "swap_out", proc.swap_out_self);
  swap.out_by_kswapd = if_measured(plan, "swap_out", proc.swap_out_kswapd);
  swap.duplicated = if_measured(plan, "swap_fork", proc.swap_duplicated);
  swap.duplicate_ns = if_measured(plan, "swap_fork", proc.swap_duplicate_ns);
  swap.freed = if_measured(plan, "swap_free", proc.swap_freed);
  swap.free_ns = if_measured(plan, "swap_free", proc.swap_free_ns);
  const bool measured = swap.in || swap.out || swap.duplicated || swap.freed;
  return measured ? std::optional(swap) : std::nullopt;
}

Populate build_populate(const ProcessCounts& process, const Plan& plan) {
  if (!plan.measures("populate")) return {};
  Populate populate{0, 0, 0};
  for (const auto& [call, total] : process.calls) {
    *populate.calls += total.populates;
    *populate.pages += total.populated_pages;
    *populate.time_ns += total.populate_ns;
  }
  return populate;
}

Vma build_vma(const ProcessCounts& process, const ProcessEvents& events, const ProcessViews& views,
              const TraceData& data) {
  Vma vma;
  std::uint64_t splits = 0;
  std::uint64_t merges = 0;
  for (const auto& [call, total] : process.calls) {
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

/// The traced processes by the number that BPF saw. Of a crowd, several have had the same.
class Numbers {
 public:
  explicit Numbers(const Counts& counts) {
    for (const ProcessCounts& process : counts.processes) by_tgid_[process.proc.tgid].push_back(&process.proc);
  }

  /// The number as the caller sees it, for processes that are traced too.
  [[nodiscard]] std::uint32_t visible(std::uint32_t tgid) const {
    const auto found = by_tgid_.find(tgid);
    return found == by_tgid_.end() ? tgid : visible_pid(*found->second.front());
  }

  /// The name of the child that `parent` made; empty where several children of it had the number, and other names.
  [[nodiscard]] std::string comm_of_child(std::uint32_t tgid, std::uint32_t parent) const {
    const auto found = by_tgid_.find(tgid);
    if (found == by_tgid_.end()) return "";
    std::string comm;
    for (const mlt_proc* proc : found->second) {
      if (proc->parent_tgid != parent) continue;
      if (!comm.empty() && comm != proc->comm) return "";
      comm = proc->comm;
    }
    return comm;
  }

 private:
  std::unordered_map<std::uint32_t, std::vector<const mlt_proc*>> by_tgid_;
};

LifeEvent::Kind life_kind(std::uint32_t event_kind) {
  switch (event_kind) {
    case MLT_EVENT_VFORK: return LifeEvent::Kind::vfork;
    case MLT_EVENT_SHARE: return LifeEvent::Kind::share;
    case MLT_EVENT_EXEC: return LifeEvent::Kind::exec;
    case MLT_EVENT_EXIT: return LifeEvent::Kind::exit;
    default: return LifeEvent::Kind::fork;
  }
}

std::vector<LifeEvent> build_life(const mlt_proc& proc, const ProcessEvents& events, const Numbers& numbers,
                                  const TraceData& data) {
  std::vector<LifeEvent> life;
  for (const mlt_event_process& event : events.life) {
    LifeEvent entry;
    entry.at_ns = relative(event.head.ns, data);
    entry.kind = life_kind(event.head.kind);
    if (event.child_tgid != 0) {
      entry.child_pid = numbers.visible(event.child_tgid);
      entry.child_comm = numbers.comm_of_child(event.child_tgid, proc.tgid);
    }
    entry.locked_bytes = known_pages(event.locked_pages, data.host.page_size);
    entry.locked_bytes_after = event.locked_pages_after * data.host.page_size;
    entry.mcl_future = (event.def_flags & kVmLocked) != 0;
    entry.mcl_onfault = (event.def_flags & kVmLockOnFault) != 0;
    entry.comm = event.comm;
    life.push_back(std::move(entry));
  }
  return life;
}

/// The cgroup of this name that the process's is in, or that one itself.
std::string cgroup_above(const std::string& path, const std::string& name) {
  const std::string last = "/" + name;
  for (std::size_t at = path.rfind(last); at != std::string::npos && at != 0; at = path.rfind(last, at - 1)) {
    if (const std::size_t end = at + last.size(); end == path.size() || path[end] == '/') return path.substr(0, end);
  }
  return path.starts_with(last + "/") || path == last ? last : name;
}

/// `status` as wait() tells it (wait(2)).
Ending build_ending(int status) {
  Ending ending;
  if (WIFEXITED(status)) ending.status = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) ending.signal = signal_name(WTERMSIG(status));
  ending.core_dumped = WIFSIGNALED(status) && WCOREDUMP(status);
  return ending;
}

void add_oom(Ending& ending, const mlt_ending& raw, const std::string& cgroup, std::uint64_t page_size) {
  static constexpr std::array<const char*, MLT_OOM_NR> kLimits{"", "machine", "nodes", "cgroup"};
  ending.oom_killed = raw.oom != MLT_OOM_NONE && ending.signal == signal_name(SIGKILL);
  if (!*ending.oom_killed) return;
  ending.oom_limit = kLimits.at(raw.oom);
  if (raw.oom != MLT_OOM_CGROUP) return;
  ending.oom_cgroup = cgroup_above(cgroup, raw.cgroup);
  ending.oom_limit_bytes = raw.oom_limit * page_size;
  ending.oom_used_bytes = raw.oom_used * page_size;
}

void add_ending(Process& process, const mlt_proc& proc, const ProcessSnapshot* latest, const Plan& plan,
                std::uint64_t page_size) {
  process.exited = proc.exit_ns != 0;
  if (process.exited) {
    process.ending = build_ending(static_cast<int>(proc.ending.status));
    if (plan.measures("oom_kill")) add_oom(*process.ending, proc.ending, process.cgroup, page_size);
  } else if (latest != nullptr && latest->has_ended) {
    // Before the trace began.
    process.exited = true;
    if (latest->wait_status) process.ending = build_ending(static_cast<int>(*latest->wait_status));
  }
}

Process build_process(const ProcessCounts& counts, const Numbers& numbers, const TraceData& data) {
  static const ProcessEvents kNoEvents;
  static const ProcessViews kNoViews;
  static const std::vector<MapsLine> kNoMaps;
  const mlt_proc& proc = counts.proc;
  const auto events_found = data.events.find(counts.id);
  const auto views_found = data.views.find(visible_pid(proc));
  const auto maps_found = data.maps.find(visible_pid(proc));
  const ProcessEvents& events = events_found == data.events.end() ? kNoEvents : events_found->second;
  const ProcessViews& views = views_found == data.views.end() ? kNoViews : views_found->second;
  const std::vector<MapsLine>& maps = maps_found == data.maps.end() ? kNoMaps : maps_found->second;
  const ProcessSnapshot* latest = views.end ? &*views.end : views.start ? &*views.start : nullptr;

  Process process;
  process.pid = visible_pid(proc);
  process.parent_pid = proc.parent_tgid == 0 ? 0 : numbers.visible(proc.parent_tgid);
  process.comm = proc.comm;
  if (latest != nullptr) {
    process.exe = latest->exe;
    process.cgroup = latest->cgroup;
    process.threads = latest->threads;
  }
  add_ending(process, proc, latest, *data.plan, data.host.page_size);
  process.faults = build_faults(counts, maps, *data.plan);
  if (data.plan->measures("fault_error")) process.faults.failed = build_failed(counts, maps, data);
  process.faults.stacks = build_stacks(counts, process.pid, data.symbols);
  process.populate = build_populate(counts, *data.plan);
  process.locks = build_locks(counts, events, views, maps, data);
  process.pages = build_pages(counts, data);
  process.vma = build_vma(counts, events, views, data);
  process.reclaim = build_reclaim(proc, *data.plan);
  process.waits = build_waits(proc, *data.plan);
  process.swap = build_swap(counts, data);
  process.life = build_life(proc, events, numbers, data);
  process.life_not_kept = events.life_not_kept;
  if (data.plan->measures("acts_of_others")) {
    process.acts = build_acts(counts.acts, proc.tgid, data.start_ns);
    process.major_where_taken = if_measured(*data.plan, "fault", proc.taken_major);
  }
  return process;
}

// In order before they are built: sorting ten thousand of them takes as much memory again.
std::vector<const ProcessCounts*> most_faults_first(const std::vector<ProcessCounts>& processes) {
  std::vector<std::pair<std::uint64_t, const ProcessCounts*>> order;
  order.reserve(processes.size());
  for (const ProcessCounts& process : processes) {
    std::uint64_t completed = 0;
    for (const auto& [id, totals] : process.by_class) completed += totals.completed();
    order.emplace_back(completed, &process);
  }
  std::ranges::stable_sort(order, std::greater{}, [](const auto& one) { return one.first; });
  std::vector<const ProcessCounts*> sorted;
  sorted.reserve(order.size());
  for (const auto& [completed, process] : order) sorted.push_back(process);
  return sorted;
}

void add_children(std::vector<Process>& processes) {
  std::unordered_map<std::uint32_t, std::vector<std::uint32_t>> of_parent;
  for (const Process& child : processes) of_parent[child.parent_pid].push_back(child.pid);
  for (Process& parent : processes) {
    const auto found = of_parent.find(parent.pid);
    if (parent.pid != 0 && found != of_parent.end()) parent.children = found->second;
  }
}

// A process that got itself a filter meanwhile, where nobody looks at what filters answer.
std::string filter_unseen(const TraceData& data) {
  for (const auto& [pid, views] : data.views) {
    const bool before = views.start && views.start->seccomp_filter.value_or(false);
    if (!before && views.end && views.end->seccomp_filter.value_or(false))
      return fmt::format("process {} has been under a seccomp filter since some time in the trace", pid);
  }
  return "";
}

Coverage build_coverage(const TraceData& data) {
  Coverage coverage;
  for (const PlannedSignal& planned : data.plan->signals) {
    SignalCoverage signal;
    signal.name = planned.signal->name;
    signal.limits = planned.remark();
    if (const std::string unseen = planned.needless ? filter_unseen(data) : ""; !unseen.empty()) signal.limits = unseen;
    if (planned.way != nullptr) {
      signal.via = planned.way->via();
      if (const auto unseen = signal.name == "reclaim_met" ? culled_unseen(data) : 0; unseen != 0)
        signal.limits = fmt::format("this kernel made {} pages unevictable where nothing can be hooked", unseen);
      signal.state = signal.limits.empty() ? SignalState::exact : SignalState::partial;
    }
    coverage.signals.push_back(std::move(signal));
  }
  const mlt_stats& stats = data.counts.stats;
  coverage.lost.events = stats.ring_full + stats.fault_ring_full;
  coverage.lost.map_full = stats.thread_full + stats.block_full + stats.proc_full + stats.stack_full +
                           stats.moving_full + stats.error_full + stats.acts_full + stats.tail_full + stats.call_full;
  coverage.lost.missed_probes = data.counts.skipped_runs;
  if (data.plan->settles()) coverage.skipped.emplace();
  for (const ProcessCounts& process : data.counts.processes) {
    coverage.lost.missed_probes += process.proc.missed_returns;
    if (!coverage.skipped) continue;
    coverage.skipped->unclassed += process.proc.unentered_flt;
    coverage.skipped->untimed += process.proc.unended_flt;
  }
  coverage.audit = audit(data);
  return coverage;
}

SystemReclaim build_system_reclaim(const System& system, const TraceData& data) {
  const auto pages = [&](const char* name) {
    const auto found = system.vmstat.find(name);
    return found == system.vmstat.end() ? 0 : static_cast<std::uint64_t>(found->second);
  };
  return {if_measured(*data.plan, "reclaim", data.counts.stats.kswapd_wakeups), pages("pgscan_kswapd"),
          pages("pgsteal_kswapd"), pages("pgscan_direct"), pages("pgsteal_direct")};
}

// A limit that was set during the trace has no start to count from.
std::vector<MemoryHighLimit> build_memory_high(const CgroupViews& cgroup) {
  std::vector<MemoryHighLimit> list;
  for (const MemoryHigh& end : cgroup.high_end) {
    const auto start = std::ranges::find(cgroup.high_start, end.cgroup, &MemoryHigh::cgroup);
    if (start == cgroup.high_start.end()) continue;
    MemoryHighLimit& limit = list.emplace_back();
    limit.cgroup = end.cgroup;
    limit.limit_bytes = end.limit_bytes;
    limit.exceeded = end.exceeded - start->exceeded;
    if (start->stalled_ns && end.stalled_ns) limit.stalled_ns = *end.stalled_ns - *start->stalled_ns;
  }
  return list;
}

std::optional<SwapReadahead> build_swap_readahead(const TraceData& data) {
  const auto pages = vmstat_change(data, "swap_ra");
  const auto hits = vmstat_change(data, "swap_ra_hit");
  if (!pages || !hits) return std::nullopt;
  return SwapReadahead{*pages, *hits};
}

System build_system(const TraceData& data) {
  System system;
  for (const auto& [name, end] : data.vmstat_end) {
    const auto start = data.vmstat_start.find(name);
    // Names that begin with nr_ are levels, not counters: their change is as telling.
    if (start != data.vmstat_start.end() && end != start->second) system.vmstat[name] = end - start->second;
  }
  system.other_unevictable_pages = if_measured(*data.plan, "unevictable", data.counts.stats.other_unevictable);
  if (const auto level = data.vmstat_end.find("nr_unevictable"); level != data.vmstat_end.end())
    system.unevictable_pages = static_cast<std::uint64_t>(level->second);
  system.unevictable_without_mlock = if_measured(*data.plan, "unevictable", data.counts.stats.unmlocked_unevictable);
  if (!data.vmstat_end.empty()) system.reclaim = build_system_reclaim(system, data);
  system.swap_devices = data.swap_devices;
  system.swap_readahead = build_swap_readahead(data);
  if (data.cgroup) system.memory_high = build_memory_high(*data.cgroup);
  if (data.plan->measures("acts_on_machine") || data.plan->measures("acts_of_others") || data.plan->measures("reclaim"))
    system.acts = build_system_acts(data.counts, data.start_ns);
  return system;
}

}  // namespace

Report build_report(const TraceData& data) {
  Report report;
  report.tool_version = data.tool_version;
  report.host = data.host;
  report.window = {data.start_unix_ns, data.end_ns - data.start_ns, relative(data.complete_ns, data)};
  report.target = data.target;
  report.coverage = build_coverage(data);
  const Numbers numbers(data.counts);
  report.processes.reserve(data.counts.processes.size());
  for (const ProcessCounts* process : most_faults_first(data.counts.processes))
    report.processes.push_back(build_process(*process, numbers, data));
  add_children(report.processes);
  report.system = build_system(data);
  return report;
}

}  // namespace mlt
