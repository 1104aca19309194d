#include "analysis/audit_cgroup.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "analysis/kernel_count.h"
#include "model/fault_class.h"

namespace mlt {

namespace {

// The kernel adds up a cgroup's counters when 64 (MEMCG_CHARGE_BATCH) have come together on a processor, and those of
// the processors when as many times 64 have: so much can be missing, at the beginning and at the end.
constexpr std::uint64_t kLate = 128;

// What is true of the traced, and what the kernel may have counted beside it.
struct Traced {
  std::uint64_t value = 0;
  std::uint64_t more = 0;  // that the kernel counts for other reasons
  std::string_view more_is = {};
  std::uint64_t less = 0;  // that the kernel counts elsewhere, or not
  std::string_view less_is = {};
};

std::set<std::uint32_t> traced_pids(const TraceData& data) {
  std::set<std::uint32_t> pids(data.target.pids.begin(), data.target.pids.end());
  for (const ProcessCounts& process : data.counts.processes) pids.insert(visible_pid(process.proc));
  return pids;
}

bool is_within(const std::string& cgroup, const std::string& path) {
  return cgroup == path || cgroup.starts_with(path.ends_with('/') ? path : path + "/");
}

bool forks(const TraceData& data) {
  return std::ranges::any_of(data.events, [](const auto& of_process) {
    return std::ranges::any_of(of_process.second.life, [](const mlt_event_process& event) {
      return event.head.kind == MLT_EVENT_FORK || event.head.kind == MLT_EVENT_VFORK ||
             event.head.kind == MLT_EVENT_SHARE;
    });
  });
}

// Why the cgroup counts something else than the trace; empty: it does not.
std::string why_not_comparable(const TraceData& data) {
  const CgroupViews& cgroup = *data.cgroup;
  if (!cgroup.gate_open.before || cgroup.gate_open.before->empty())
    return "no memory.stat: the cgroup is not of version 2, or has no memory controller";
  if (!cgroup.gate_close.after || cgroup.gate_close.after->empty()) return "the cgroup was removed";
  if (data.target.kind == "tid") return "only one thread is traced";
  if (data.target.kind == "cgroup") return {};
  const std::set<std::uint32_t> traced = traced_pids(data);
  for (const auto* members : {&cgroup.members_start, &cgroup.members_end}) {
    if (!std::ranges::all_of(*members, [&](std::uint32_t pid) { return traced.contains(pid); }))
      return "other processes are in the cgroup, too";
  }
  for (const std::uint32_t pid : traced) {
    const auto views = data.views.find(pid);
    if (views == data.views.end()) continue;
    for (const auto& view : {views->second.start, views->second.end}) {
      if (view && !is_within(view->cgroup, cgroup.path)) return "not all that is traced was in one cgroup";
    }
  }
  if (!data.target.follow && forks(data)) return "it has children, which are not traced: --follow";
  return {};
}

FaultTotals all_faults(const TraceData& data, std::optional<mlt_origin> origin = {}) {
  FaultTotals sum;
  for (const ProcessCounts& process : data.counts.processes) {
    for (const auto& [class_id, totals] : process.by_class) {
      if (!origin || class_of(class_id).origin == *origin) sum.add(totals);
    }
  }
  return sum;
}

constexpr std::string_view kRetries = "tried again, which is counted again";

Traced faults(const TraceData& data) {
  const FaultTotals all = all_faults(data);
  return {.value = all.completed() + all.errors,
          .more = all.retries,
          .more_is = kRetries,
          .less = all_faults(data, MLT_ORIGIN_REMOTE).completed(),
          .less_is = "in memory of other processes"};
}

Traced sum_of(const TraceData& data, __u64 mlt_proc::*counter) {
  Traced traced;
  for (const ProcessCounts& process : data.counts.processes) traced.value += process.proc.*counter;
  return traced;
}

Traced swapped_out(const TraceData& data) { return sum_of(data, &mlt_proc::swap_out); }

struct Row {
  const char* name;
  const char* signal;
  KernelCount count;
  Traced (*traced)(const TraceData&);
  Bracket<MemoryStat> CgroupViews::*begin;
};

const Row& fault_row() {
  static const Row row{"faults", "fault", {{"pgfault"}}, faults, &CgroupViews::gate_open};
  return row;
}

// No row for major faults: memory.stat counts a cgroup's where reading begins, so twice what is evicted again before
// the fault is tried again, and those of khugepaged, which are nobody's faults.
const std::vector<Row>& rows() {
  static const std::vector<Row> rows{
      fault_row(), {"pages swapped out", "swap_out", kSwappedOut, swapped_out, &CgroupViews::complete}};
  return rows;
}

std::optional<std::uint64_t> counted(const std::optional<MemoryStat>& stat, const Row& row) {
  const auto count = stat ? row.count.at(*stat) : std::nullopt;
  return count ? std::optional(static_cast<std::uint64_t>(*count)) : std::nullopt;
}

std::string source_of(const Row& row, const CgroupViews& cgroup) {
  const MemoryStat stat = cgroup.gate_close.after.value_or(MemoryStat{});
  const char* again = row.count.again;
  const bool is_less = again != nullptr && KernelCount{{again}}.at(stat).value_or(0) != 0;
  return fmt::format("memory.stat{}{} of {}", row.count.names(stat), is_less ? fmt::format(" (without {})", again) : "",
                     cgroup.path);
}

AuditCheck begin_check(const Row& row, const TraceData& data, const Traced& traced) {
  AuditCheck check;
  check.check = fmt::format("{} in the cgroup", row.name);
  check.traced = traced.value;
  check.source = source_of(row, *data.cgroup);
  return check;
}

void judge(AuditCheck& check, const Traced& traced, std::uint64_t late) {
  const std::uint64_t least = *check.kernel;
  const std::uint64_t most = least + check.slack;
  std::vector<std::string> why;
  if (traced.value < least || traced.value > most) {
    why.push_back(fmt::format("within {}: the kernel adds up a cgroup's counters late, {} a processor", late, kLate));
    if (traced.value < least && traced.more != 0) why.push_back(fmt::format("{} were {}", traced.more, traced.more_is));
    if (traced.value > most && traced.less != 0) why.push_back(fmt::format("{} were {}", traced.less, traced.less_is));
  } else if (check.slack != 0 && traced.value != least) {
    why.push_back(fmt::format("within {} that came while the counters were read", check.slack));
  }
  const bool equal = traced.value + traced.more + late >= least && traced.value <= most + traced.less + late;
  check.verdict = equal ? Verdict::equal : Verdict::differs;
  check.why = equal ? fmt::format("{}", fmt::join(why, "; ")) : "the kernel counts others, or not all was seen";
}

std::optional<AuditCheck> compare(const Row& row, const TraceData& data) {
  const Bracket<MemoryStat>& open = data.cgroup.value().*row.begin;
  const Bracket<MemoryStat>& close = data.cgroup->gate_close;
  const auto open_before = counted(open.before, row);
  const auto open_after = counted(open.after, row);
  const auto close_before = counted(close.before, row);
  const auto close_after = counted(close.after, row);
  if (!open_before || !open_after || !close_before || !close_after) return std::nullopt;
  const Traced traced = row.traced(data);
  AuditCheck check = begin_check(row, data, traced);
  check.kernel = std::max(*close_before, *open_after) - *open_after;
  check.slack = *close_after - *open_before - *check.kernel;
  judge(check, traced, kLate * data.host.cpus);
  return check;
}

}  // namespace

std::vector<AuditCheck> cgroup_audit(const TraceData& data) {
  std::vector<AuditCheck> checks;
  if (!data.cgroup || !data.plan->measures("fault") || data.plan->find("fault")->way->approximate) return checks;
  if (std::string why = why_not_comparable(data); !why.empty()) {
    AuditCheck& check = checks.emplace_back(begin_check(fault_row(), data, faults(data)));
    check.why = std::move(why);
    return checks;
  }
  for (const Row& row : rows()) {
    if (!data.plan->measures(row.signal)) continue;
    if (auto check = compare(row, data)) checks.push_back(std::move(*check));
  }
  return checks;
}

}  // namespace mlt
