#include "analysis/audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "analysis/audit_cgroup.h"
#include "analysis/audit_resident.h"
#include "analysis/kernel_count.h"

namespace mlt {

namespace {

// A processor's mlock batch: up to 15 pages until 6.8, 31 since. The kernel's counters lag by as much.
constexpr std::uint64_t kBatch = 31;

std::uint64_t traced_faults(const ProcessCounts& process) {
  std::uint64_t completed = 0;
  for (const auto& [class_id, totals] : process.by_class) completed += totals.completed();
  return completed;
}

// Equal when `traced` lies in [kernel, kernel + slack].
void judge(AuditCheck& check, const std::string& if_not) {
  const std::uint64_t traced = check.traced.value_or(0);
  const std::uint64_t kernel = check.kernel.value_or(0);
  if (traced >= kernel && traced <= kernel + check.slack) {
    check.verdict = Verdict::equal;
    if (traced != kernel) check.why = fmt::format("within {} that came while the counters were read", check.slack);
  } else {
    check.verdict = Verdict::differs;
    check.why = if_not;
  }
}

bool sees_every_origin(const TraceData& data) {
  const PlannedSignal* fault = data.plan->find("fault");
  return fault != nullptr && fault->way != nullptr && !fault->way->approximate;
}

/// What the kernel has counted for a process, in all its life, before and after the gate's closing.
struct Totals {
  std::uint64_t before = 0;
  std::uint64_t after = 0;
};

// Of one that ended and that nobody has waited for, /proc still tells.
std::optional<Totals> group_totals(const mlt_proc& proc, const CounterBracket& close) {
  if (proc.group_flt != 0) return Totals{proc.group_flt, proc.group_flt};
  return close.before && close.after ? std::optional(Totals{close.before->total(), close.after->total()})
                                     : std::nullopt;
}

AuditCheck fault_check(const ProcessCounts& process, const ProcessViews* views, const TraceData& data) {
  const std::uint32_t pid = visible_pid(process.proc);
  const bool is_thread = data.target.kind == "tid";
  AuditCheck check;
  check.check = is_thread ? fmt::format("faults of thread {} of {}", data.target.pids.front(), pid)
                          : fmt::format("faults of {}", pid);
  check.traced = traced_faults(process);
  const std::uint64_t exited = process.proc.exited_min_flt + process.proc.exited_maj_flt;
  const bool has_ended = process.proc.exit_ns != 0 || (is_thread && views != nullptr && !views->gate_close.after);
  const CounterBracket open = views == nullptr ? CounterBracket() : views->gate_open;
  const auto totals = group_totals(process.proc, views == nullptr ? CounterBracket() : views->gate_close);
  // The counters of threads that ended unannounced are not in the sums.
  if (has_ended && !misses_ends(process.proc)) {
    check.source = "task min_flt + maj_flt at exit";
    check.slack = std::min<std::uint64_t>(process.proc.exited_doubtful_flt, exited);
    check.kernel = exited - check.slack;
  } else if (totals) {
    check.source = process.proc.group_flt != 0 ? "signal_struct min_flt + maj_flt when it was freed"
                   : is_thread ? fmt::format("/proc/{}/task/{}/stat min_flt + maj_flt", pid, data.target.pids.front())
                               : fmt::format("/proc/{}/stat min_flt + maj_flt", pid);
    // A process that was born during the trace began with zero.
    const std::uint64_t first = open.before ? open.before->total() : 0;
    const std::uint64_t second = open.after ? open.after->total() : 0;
    const std::uint64_t counted = totals->before - second;
    const std::uint64_t under_way = process.proc.under_way_flt;
    check.kernel = counted - std::min(under_way, counted);
    check.slack = totals->after - first + under_way - *check.kernel;
  }
  if (!check.kernel) {
    const bool is_new = process.proc.exit_ns == 0 && process.proc.first_seen_ns > data.start_ns;
    check.why = is_new ? "it began as the trace ended" : "the kernel's counters could not be read";
    return check;
  }
  if (!sees_every_origin(data)) {
    check.why = "populate and remote faults cannot be seen on this kernel";
    return check;
  }
  judge(check, "some faults were not seen, or counted twice");
  return check;
}

// After the last call that is followed, or after an execve since then: the new address space has nothing locked.
std::uint64_t last_locked_pages(const ProcessEvents& events) {
  const mlt_event_call& call = events.calls.back();
  const auto exec = std::find_if(events.life.rbegin(), events.life.rend(),
                                 [](const mlt_event_process& event) { return event.head.kind == MLT_EVENT_EXEC; });
  return exec != events.life.rend() && exec->head.ns > call.head.ns ? exec->locked_pages_after : call.locked_pages;
}

// Did the process lock, unlock or call execve since the kernel was asked, or was it about to?
bool was_locking(const ProcessCounts& process, const ProcessEvents& events, const ProcessViews& views) {
  return process.proc.calling != 0 || events.calls.back().head.ns >= views.locked_close_ns ||
         (!events.life.empty() && events.life.back().head.ns >= views.locked_close_ns);
}

AuditCheck locked_check(const ProcessCounts& process, const ProcessEvents& events, const ProcessViews* views,
                        const TraceData& data) {
  const std::uint32_t pid = visible_pid(process.proc);
  AuditCheck check;
  check.check = fmt::format("locked bytes of {}", pid);
  check.source = fmt::format("/proc/{}/status VmLck", pid);
  check.traced = last_locked_pages(events) * data.host.page_size;
  if (views != nullptr) check.kernel = views->locked_close;
  if (data.target.kind == "tid") {
    check.why = "only one thread is traced";
  } else if (!check.kernel) {
    check.why = views != nullptr && views->end ? "it began as the trace ended" : "the process has exited";
  } else if (events.calls_not_kept != 0) {
    check.why = "the last of its calls were not kept";
  } else if (was_locking(process, events, *views)) {
    check.why = "it was in such a call as the trace ended";
  } else if (*check.traced == *check.kernel) {
    check.verdict = Verdict::equal;
  } else {
    check.verdict = Verdict::differs;
    check.why = "its size changed without a call that is followed: stack growth, or shmdt";
  }
  return check;
}

constexpr const char* kUnseenOrLate = "the kernel moved pages by a way that no probe sees, or counts them later";

struct PageCheck {
  const char* name;
  const char* signal;
  __u64 mlt_proc::*own;
  __u64 mlt_stats::*other;
  KernelCount count;
  const char* if_not = kUnseenOrLate;
  bool batched = true;                  // the kernel counts a processor's pages by the batch
  __u64 mlt_stats::*twice = nullptr;    // pages that are in two of the counters
  __u64 mlt_stats::*at_once = nullptr;  // pages that two processors may have moved at the same time
};

const std::vector<PageCheck>& page_checks() {
  static const std::vector<PageCheck> checks = {
      {.name = "pages mlocked",
       .signal = "page_lock",
       .own = &mlt_proc::mlocked,
       .other = &mlt_stats::other_mlocked,
       .count = {{"unevictable_pgs_mlocked"}}},
      {.name = "pages munlocked",
       .signal = "page_unlock",
       .own = &mlt_proc::munlocked,
       .other = &mlt_stats::other_munlocked,
       .count = {{"unevictable_pgs_munlocked", "unevictable_pgs_stranded", "unevictable_pgs_cleared"}},
       .twice = &mlt_stats::cleared_stranded},
      {.name = "pages to unevictable",
       .signal = "unevictable",
       .own = &mlt_proc::unevictable,
       .other = &mlt_stats::other_unevictable,
       .count = {{"unevictable_pgs_culled"}},
       .at_once = &mlt_stats::flushed_at_once},
      {.name = "pages rescued",
       .signal = "rescue",
       .own = &mlt_proc::rescued,
       .other = &mlt_stats::other_rescued,
       .count = {{"unevictable_pgs_rescued"}}},
      {.name = "pages swapped out",
       .signal = "swap_out",
       .own = &mlt_proc::swap_out,
       .other = &mlt_stats::other_swap_out,
       .count = kSwappedOut,
       .if_not = "the kernel wrote pages by a way that no probe sees, or did not count them",
       .batched = false},
  };
  return checks;
}

std::string source_of(const PageCheck& row, const TraceData& data, std::uint64_t twice) {
  const char* again = row.count.again;
  const std::int64_t less = again == nullptr ? 0 : growth(data.vmstat_start, data.vmstat_end, again).value_or(0);
  std::string source = "/proc/vmstat" + row.count.names(data.vmstat_end);
  if (less != 0) source += fmt::format(" (without {} {})", less, again);
  if (twice != 0) source += fmt::format(" ({} of it in two of these)", twice);
  return source;
}

std::uint64_t batch_lag(const TraceData& data) { return kBatch * data.host.cpus; }

/// Reclaim by generations moves what it finds unevictable by itself (sort_folio, mm/vmscan.c, since 6.1), in a function
/// that the compiler inlines.
bool may_be_moved_by_reclaim(const TraceData& data) {
  std::int64_t scanned = 0;
  for (const char* counter : {"pgscan_kswapd", "pgscan_direct", "pgscan_khugepaged", "pgscan_proactive"})
    scanned += growth(data.vmstat_start, data.vmstat_end, counter).value_or(0);
  return data.by_generations && scanned != 0;
}

/// The counters are read on both sides of the moments that they are to be of: the kernel's value lies between what came
/// between these readings and what came within them.
AuditCheck page_check(const PageCheck& row, const TraceData& data) {
  AuditCheck check;
  check.check = row.name;
  std::uint64_t traced = data.counts.stats.*row.other;
  for (const ProcessCounts& process : data.counts.processes) traced += process.proc.*row.own;
  check.traced = traced;
  const std::uint64_t twice = row.twice == nullptr ? 0 : data.counts.stats.*row.twice;
  check.source = source_of(row, data, twice);
  const auto most = row.count.growth(data.vmstat_start, data.vmstat_end);
  if (!most) {
    check.why = "this kernel does not count it";
    return check;
  }
  const std::int64_t least = row.count.growth(data.vmstat_completed, data.vmstat_closing).value_or(*most);
  check.kernel = static_cast<std::uint64_t>(least) - twice;
  check.slack = static_cast<std::uint64_t>(std::max<std::int64_t>(*most - least, 0));
  const PlannedSignal* planned = data.plan->find(row.signal);
  if (planned->way->approximate) {
    check.why = "only a part of them can be seen on this kernel";
    return check;
  }
  const std::uint64_t lag = batch_lag(data);
  const std::uint64_t highest = *check.kernel + check.slack;
  const std::uint64_t beyond = traced < *check.kernel ? *check.kernel - traced : traced - std::min(traced, highest);
  // Which of two that flush the same page moves it, who gets the lock of the LRU lists first decides.
  const std::uint64_t at_once = row.at_once == nullptr ? 0 : data.counts.stats.*row.at_once;
  check.verdict = beyond <= lag + at_once ? Verdict::equal : Verdict::differs;
  if (beyond > lag && check.verdict == Verdict::equal) {
    check.why = fmt::format(
        "within {}: of {} pages that one processor moved while another one did, too, the kernel "
        "counts some once",
        lag + at_once, at_once);
  } else if (beyond > lag && row.at_once != nullptr && traced < *check.kernel && may_be_moved_by_reclaim(data)) {
    check.verdict = Verdict::unavailable;
    check.why =
        "reclaim goes by generations here (lru_gen) and moves unevictable pages where no function can be hooked";
  } else if (beyond > lag) {
    check.why = row.if_not;
  } else if (beyond != 0) {
    check.why =
        row.batched
            ? fmt::format("within {}: the kernel counts when a processor's batch of {} is flushed", lag, kBatch)
            : fmt::format("within {}: more may come between the reading of the counters and the gate's moving", lag);
  } else if (traced != *check.kernel) {
    check.why = fmt::format("within {} that came while the counters were read", check.slack);
  }
  return check;
}

}  // namespace

std::uint64_t culled_unseen(const TraceData& data) {
  const PlannedSignal* unevictable = data.plan->find("unevictable");
  // Where only a part of the moves is looked for, the rest is not unseen.
  if (unevictable == nullptr || unevictable->way == nullptr || unevictable->way->approximate) return 0;
  const auto culled = growth(data.vmstat_start, data.vmstat_end, "unevictable_pgs_culled");
  if (!culled) return 0;
  const auto kernel = static_cast<std::uint64_t>(*culled);
  std::uint64_t seen = data.counts.stats.other_unevictable;
  for (const ProcessCounts& process : data.counts.processes) seen += process.proc.unevictable;
  return kernel > seen + batch_lag(data) ? kernel - seen : 0;
}

std::vector<AuditCheck> audit(const TraceData& data) {
  std::vector<AuditCheck> checks;
  checks.reserve(data.counts.processes.size());
  for (const ProcessCounts& process : data.counts.processes) {
    const std::uint32_t pid = visible_pid(process.proc);
    const auto views = data.views.find(pid);
    const ProcessViews* view = views == data.views.end() ? nullptr : &views->second;
    if (data.plan->measures("fault")) checks.push_back(fault_check(process, view, data));
    const auto events = data.events.find(process.id);
    if (events != data.events.end() && !events->second.calls.empty() && process.proc.exit_ns == 0)
      checks.push_back(locked_check(process, events->second, view, data));
    if (auto check = resident_check(process, data)) checks.push_back(std::move(*check));
  }
  for (const PageCheck& row : page_checks()) {
    if (data.plan->measures(row.signal)) checks.push_back(page_check(row, data));
  }
  for (AuditCheck& check : cgroup_audit(data)) checks.push_back(std::move(check));
  return checks;
}

}  // namespace mlt
