// A report as tables: the files of --csv and the views of a recording. Their columns are the fields of what a row is;
// those of an object in it are columns, too, and lists have tables of their own.
#pragma once

#include <fmt/format.h>

#include <span>
#include <string>
#include <vector>

#include "model/fields.h"

namespace mlt::model {

/// A column that is not named by the way to it, "pages_mlocked" for pages.mlocked.
struct Renamed {
  std::string_view path;  // in the JSON of the row
  std::string_view view;
  std::string_view csv = {};  // where it differs
};

/// `Rows`: the rows of a report or of one of its processes, by reference or by value.
template <typename Owner, typename Rows>
struct Table {
  using owner = Owner;
  std::string_view csv;      // name of the file; empty: there is none
  std::string_view view;     // in a recording; empty: there is none
  std::string_view path;     // of the list, in the JSON of the report or the process
  std::string_view meaning;  // of a row
  Rows rows;
  std::span<const Renamed> renamed = {};

  using row = typename std::remove_cvref_t<std::invoke_result_t<Rows, const Owner&>>::value_type;
};

template <typename Owner, typename Rows>
constexpr Table<Owner, Rows> table(std::string_view csv, std::string_view view, std::string_view path,
                                   std::string_view meaning, Rows rows, std::span<const Renamed> renamed = {}) {
  return {csv, view, path, meaning, rows, renamed};
}

// ---- Rows that are no lists of the report

struct OriginFaults {
  mlt_origin origin;
  FaultTotals totals;
};
template <>
struct Fields<OriginFaults> {
  static constexpr auto list =
      std::tuple{field<Origin>("origin", &OriginFaults::origin), inlined(&OriginFaults::totals)};
};

/// A part of the range of one of a process's calls.
struct RangeOfCall {
  std::uint64_t call_start_ns;
  std::uint32_t tid;
  std::string call;
  CallRange range;
};
template <>
struct Fields<RangeOfCall> {
  static constexpr auto list = std::tuple{field("call_start_ns", &RangeOfCall::call_start_ns).unit(nanoseconds),
                                          field<NullIfZero>("tid", &RangeOfCall::tid),
                                          field("call", &RangeOfCall::call), inlined(&RangeOfCall::range)};
};

inline std::vector<RangeOfCall> ranges_of_calls(const Process& process) {
  std::vector<RangeOfCall> rows;
  for (const LockCall& call : process.locks.calls) {
    for (const CallRange& range : call.ranges) rows.push_back({call.start_ns, call.tid, call.name, range});
  }
  return rows;
}

/// Of the origins that a probe can see.
inline std::vector<OriginFaults> faults_by_origin(const Process& process) {
  std::vector<OriginFaults> rows;
  for (std::size_t i = 0; i < MLT_ORIGIN_NR; ++i) {
    if (process.faults.by_origin[i]) rows.push_back({static_cast<mlt_origin>(i), *process.faults.by_origin[i]});
  }
  return rows;
}
inline std::vector<OriginFaults> group_faults_by_origin(const ProcessGroup& group) {
  return faults_by_origin(group.sum);
}
inline const std::vector<VmaFaults>& faults_by_vma(const Process& process) {
  static const std::vector<VmaFaults> kNone;
  return process.faults.by_vma ? *process.faults.by_vma : kNone;
}
inline const std::vector<FailedFaults>& failed_faults(const Process& process) {
  static const std::vector<FailedFaults> kNone;
  return process.faults.failed ? *process.faults.failed : kNone;
}
inline const std::vector<HolderWaits>& lock_holders(const Process& process) {
  static const std::vector<HolderWaits> kNone;
  return process.locks.mmap_lock ? process.locks.mmap_lock->holders : kNone;
}

inline const std::vector<OutsideWaits>& outside_holders(const Process& process) {
  static const std::vector<OutsideWaits> kNone;
  return process.locks.mmap_lock && process.locks.mmap_lock->outside ? *process.locks.mmap_lock->outside : kNone;
}
inline const std::vector<LimitRefusals>& limit_refusals(const Process& process) {
  static const std::vector<LimitRefusals> kNone;
  return process.locks.limit_refusals ? *process.locks.limit_refusals : kNone;
}
template <typename Owner>
const std::vector<Act>& acts_of(const Owner& owner) {
  static const std::vector<Act> kNone;
  return owner.acts ? *owner.acts : kNone;
}
inline const std::vector<Act>& acts_on_process(const Process& process) { return acts_of(process); }
inline const std::vector<Act>& acts_on_machine(const Report& report) { return acts_of(report.system); }

// ---- The tables

inline constexpr Renamed kProcessNames[] = {
    {"populate.time_ns", "populate_ns"},
    {"locks.calls_not_kept", "lock_calls_not_kept"},
    {"locks.locked_bytes.start", "locked_start_bytes"},
    {"locks.locked_bytes.end", "locked_end_bytes"},
    {"locks.locked_bytes.peak", "locked_peak_bytes"},
    {"locks.limit_bytes", "limit_bytes"},
    {"locks.limit_unlimited", "limit_unlimited"},
    {"locks.exempt", "exempt"},
    {"locks.headroom_bytes", "headroom_bytes"},
    {"locks.mmap_lock.waits", "mmap_lock_waits"},
    {"locks.mmap_lock.time_ns", "mmap_lock_ns"},
    {"locks.mmap_lock.max_ns", "mmap_lock_max_ns"},
    {"locks.mmap_lock.write_waits", "mmap_lock_write_waits"},
    {"locks.mmap_lock.write_ns", "mmap_lock_write_ns"},
    {"locks.mmap_lock.fault_waits", "mmap_lock_fault_waits"},
    {"locks.mmap_lock.in_fault_ns", "mmap_lock_in_fault_ns"},
    {"locks.mmap_lock.in_call_ns", "mmap_lock_in_call_ns"},
    {"locks.mmap_lock.waits_while_locking", "mmap_lock_waits_while_locking"},
    {"locks.mmap_lock.while_locking_ns", "mmap_lock_while_locking_ns"},
    {"locks.vma_lock.aborts", "vma_lock_aborts"},
    {"locks.vma_lock.retries", "vma_lock_retries"},
    {"pages.mlocked", "mlocked", "pages_mlocked"},
    {"pages.munlocked", "munlocked", "pages_munlocked"},
    {"pages.to_unevictable", "to_unevictable", "pages_to_unevictable"},
    {"pages.rescued", "rescued", "pages_rescued"},
    {"pages.culled_by_reclaim", "culled_by_reclaim", "pages_culled"},
    {"pages.still_locked_elsewhere", "still_locked_elsewhere", "pages_still_locked_elsewhere"},
    {"pages.locked_not_mlocked", "locked_not_mlocked", "pages_locked_not_mlocked"},
    {"vma.count.start", "vmas_start", "vma_start"},
    {"vma.count.end", "vmas_end", "vma_end"},
    {"vma.count.peak", "vmas_peak", "vma_peak"},
    {"vma.max_map_count", "max_map_count"},
    {"life_not_kept", "life_events_not_kept"},
    {"reclaim.direct.calls", "direct_reclaims"},
    {"reclaim.direct.time_ns", "direct_reclaim_ns"},
    {"reclaim.direct.reclaimed", "direct_reclaimed"},
    {"reclaim.direct.max_ns", "direct_reclaim_max_ns"},
    {"reclaim.memcg.calls", "memcg_reclaims"},
    {"reclaim.memcg.time_ns", "memcg_reclaim_ns"},
    {"reclaim.memcg.reclaimed", "memcg_reclaimed"},
    {"reclaim.memcg.max_ns", "memcg_reclaim_max_ns"},
};
inline constexpr Renamed kKeeperNames[] = {{"pid", "keeper_pid"}};
inline constexpr Renamed kOutsideNames[] = {{"pid", "holder_pid"}};
inline constexpr Renamed kActNames[] = {{"pid", "by_pid"}};
inline constexpr Renamed kStormNames[] = {{"trigger.at_ns", "trigger_ns"}};

inline constexpr auto kTables = std::tuple{
    table<Report>("processes", "process", "processes", "Most faults first.", &Report::processes, kProcessNames),
    table<Process>("faults", "faults", "faults", "Of a process by origin; none: no probe could see this origin.",
                   faults_by_origin),
    table<Process>("causes", "faults_by_cause", "faults.by_cause", "Most time first.",
                   of<&Process::faults, &Faults::by_class>),
    table<Process>("threads", "faults_by_thread", "faults.by_thread", "Most faults first.",
                   of<&Process::faults, &Faults::by_thread>),
    table<Process>("mappings", "faults_by_vma", "faults.by_vma", "Most faults first.", faults_by_vma),
    table<Process>("", "stack", "faults.stacks", "Places of the program that fault, most faults first.",
                   of<&Process::faults, &Faults::stacks>),
    table<Process>("failed-faults", "failed_faults", "faults.failed",
                   "Faults and accesses that failed alike, most of them first.", failed_faults),
    table<Process>("lock-calls", "lock_call", "locks.calls",
                   "Calls of the lock family, and mapping calls that populated or failed.",
                   of<&Process::locks, &Locks::calls>),
    // A list in a list: a recording has it in the JSON of the call only.
    table<Process>("lock-call-ranges", "", "locks.calls.ranges", "What lock calls met in parts of their ranges.",
                   ranges_of_calls),
    table<Process>("call-totals", "call_total", "locks.totals",
                   "Of all calls of a kind, those too that are not listed one by one.",
                   of<&Process::locks, &Locks::totals>),
    table<Process>("lock-holders", "lock_holder", "locks.mmap_lock.holders",
                   "What whoever held mmap_lock was doing when waits for it began, most time first.", lock_holders),
    table<Process>("lock-outside", "lock_outside", "locks.mmap_lock.outside",
                   "Who else held mmap_lock when waits for it began, most time first.", outside_holders, kOutsideNames),
    table<Process>("limit-refusals", "limit_refusal", "locks.limit_refusals",
                   "What RLIMIT_MEMLOCK refused to io_uring, perf and bpf.", limit_refusals),
    table<Process>("acts", "act", "acts", "What somebody did to the memory of a process, the first of it first.",
                   acts_on_process, kActNames),
    table<Process>("still-locked-by", "still_locked_by", "pages.still_locked_by",
                   "Because of whom pages that were munlocked stayed mlocked, most pages first.",
                   of<&Process::pages, &Pages::still_locked_by>, kKeeperNames),
    table<Process>("vma-changes", "vma_change", "vma.changes", "Splits and merges of mappings.",
                   of<&Process::vma, &Vma::changes>),
    table<Process>("life", "life_event", "life", "Forks, execs, exits, and what became of the locks.", &Process::life),
    table<Report>("process-groups", "process_group", "process_groups",
                  "Processes that are not listed one by one, by command.", &Report::groups, kProcessNames),
    table<ProcessGroup>("group-faults", "group_faults", "faults", "Of a group of processes by origin.",
                        group_faults_by_origin),
    table<ProcessGroup>(
        "group-causes", "group_faults_by_cause", "faults.by_cause", "Most time first.",
        [](const ProcessGroup& group) -> auto& { return group.sum.faults.by_class; }),
    table<ProcessGroup>(
        "group-call-totals", "group_call_total", "locks.totals", "Of all calls of a kind.",
        [](const ProcessGroup& group) -> auto& { return group.sum.locks.totals; }),
    table<ProcessGroup>("group-endings", "group_ending", "endings", "How many ended in which way.",
                        &ProcessGroup::endings),
    table<Report>("storms", "storm", "storms", "Times of far too many faults.", &Report::storms, kStormNames),
    table<Report>("findings", "finding", "findings", "What is wrong and what to do, gravest first.", &Report::findings),
    table<Report>("audit", "audit", "coverage.audit", "Counts compared with the kernel's own.",
                  of<&Report::coverage, &Coverage::audit>),
    table<Report>("audit-groups", "audit_group", "coverage.audit_groups", "Checks that came to the same, in sum.",
                  of<&Report::coverage, &Coverage::audit_groups>),
    table<Report>("signals", "signal", "coverage.signals", "What was measured, and how.",
                  of<&Report::coverage, &Coverage::signals>),
    table<Report>("swap-devices", "swap_device", "system.swap_devices", "Where pages are swapped to.",
                  of<&Report::system, &System::swap_devices>),
    table<Report>("system-acts", "system_act", "system.acts",
                  "What somebody did to the memory of all, the first of it first.", acts_on_machine, kActNames),
    table<Report>("memory-high", "memory_high", "system.memory_high",
                  "Limits of the target's cgroup and of those above it.", of<&Report::system, &System::memory_high>)};

// ---- Columns

/// One of a histogram's: its columns stand where it does, without its name.
struct Quantile {
  std::string_view name;  // of the column
  std::string_view key;   // in JSON
  double q;
};
inline constexpr Quantile kQuantiles[] = {{"min_ns", "min", 0},    {"p50_ns", "p50", 0.5},     {"p90_ns", "p90", 0.9},
                                          {"p99_ns", "p99", 0.99}, {"p999_ns", "p999", 0.999}, {"max_ns", "max", 1}};

/// What `walk` tells of a column, apart from its value.
struct Column {
  std::string path;  // "locks.locked_bytes.start"
  std::string_view meaning;
  Unit unit = Unit::none;
  bool is_compared = false;
};

/// Calls `visit.template operator()<Codec>(column, pointer)` for each column of `Type`, in order. The pointer is null
/// where there is no value; without a row (null), everywhere.
template <typename Type, typename Visit>
void walk(const std::string& path, const Type* row, Visit& visit);

template <typename Codec, typename Value, typename Visit>
void walk_value(Column column, const Value* value, Visit& visit) {
  if constexpr (is_optional<Value>) {
    walk_value<Codec>(std::move(column), value != nullptr && *value ? &**value : nullptr, visit);
  } else if constexpr (std::is_same_v<Value, Histogram>) {
    for (const Quantile& quantile : kQuantiles) {
      const std::uint64_t ns = value == nullptr || value->empty() ? 0
                               : quantile.q == 0                  ? value->min()
                                                                  : value->quantile(quantile.q);
      visit.template operator()<Plain>(Column{column.path + "." + std::string(quantile.key), {}, Unit::nanoseconds},
                                       value == nullptr || value->empty() ? nullptr : &ns);
    }
  } else if constexpr (HasFields<Value>) {
    walk(column.path, value, visit);
  } else {
    visit.template operator()<Codec>(column, value);
  }
}

template <typename Type, typename Visit>
void walk(const std::string& path, const Type* row, Visit& visit) {
  for_each_field<Type>([&](const auto& field) {
    using Line = std::decay_t<decltype(field)>;
    using Codec = typename Line::codec;
    if constexpr (std::is_same_v<Codec, Inlined>) {
      walk(path, row == nullptr ? nullptr : &field(*row), visit);
    } else {
      if (field.has_table) return;
      const bool there = row != nullptr && field.holds(*row);
      const Column column{(path.empty() ? "" : path + ".") + std::string(field.key), field.meaning, field.unit_of,
                          field.is_compared};
      if constexpr (Line::template is_derived<const Type>) {
        using Value = std::decay_t<decltype(field(*row))>;
        const Value value = there ? field(*row) : Value{};
        walk_value<Codec>(column, there ? &value : nullptr, visit);
      } else {
        walk_value<Codec>(column, there ? &field(*row) : nullptr, visit);
      }
    }
  });
}

/// The value as a cell of CSV has it, before it is quoted; "" for one that is not known.
template <typename Codec, typename Value>
std::string value_text(Unit unit, const Value& value) {
  if constexpr (is_word<Codec>) {
    return std::string(Codec::name_of(value));
  } else if constexpr (std::is_same_v<Codec, NullIfZero>) {
    return value == 0 ? "" : fmt::format("{}", value);
  } else if constexpr (std::is_same_v<Value, bool>) {
    return value ? "1" : "0";
  } else if constexpr (std::is_integral_v<Value>) {
    return unit == Unit::address ? fmt::format("{:#x}", value) : fmt::format("{}", value);
  } else if constexpr (std::is_convertible_v<Value, std::string_view>) {
    return std::string(value);
  } else {  // names and numbers
    std::string text;
    for (const auto& [name, number] : value) text += fmt::format("{}{}={}", text.empty() ? "" : " ", name, number);
    return text;
  }
}

/// The name of a column: that of `renamed`, or the way to it. Quantiles are named without the histogram.
std::string column_name(const Column& column, std::span<const Renamed> renamed, bool csv);

}  // namespace mlt::model
