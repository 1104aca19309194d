#include "analysis/crowd.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <numeric>
#include <set>
#include <tuple>
#include <type_traits>
#include <unordered_map>

#include "analysis/same_findings.h"
#include "model/fields.h"

namespace mlt {
namespace {

// ---- What adds up

using mlt::add;

void add(std::uint64_t& sum, std::uint64_t one) { sum += one; }
void add(std::string& /*sum*/, const std::string& /*one*/) {}                  // what they have in common
void add(std::vector<Keeper>& /*sum*/, const std::vector<Keeper>& /*one*/) {}  // of one process

void add(std::map<std::string, std::int64_t>& sum, const std::map<std::string, std::int64_t>& one) {
  for (const auto& [name, value] : one) sum[name] += value;
}

void add(std::optional<FaultTotals>& sum, const std::optional<FaultTotals>& one) {
  if (!one) return;
  if (!sum) sum.emplace();
  sum->add(*one);
}

void add(std::optional<ReclaimStall>& sum, const std::optional<ReclaimStall>& one) {
  if (!one) return;
  if (!sum) sum.emplace();
  sum->calls += one->calls;
  sum->time_ns += one->time_ns;
  sum->reclaimed += one->reclaimed;
  sum->max_ns = std::max(sum->max_ns, one->max_ns);
}

void add(std::optional<Waited>& sum, const std::optional<Waited>& one) {
  if (!one) return;
  if (!sum) sum.emplace();
  sum->waits += one->waits;
  sum->time_ns += one->time_ns;
  sum->max_ns = std::max(sum->max_ns, one->max_ns);
}

/// Of types whose members all add up: a figure that is a line in model/fields.h is in the sum.
template <typename Type>
void add_members(Type& sum, const Type& one) {
  model::for_each_field<Type>([&](const auto& field) {
    if constexpr (model::HasFields<std::remove_cvref_t<decltype(field(sum))>>)
      add_members(field(sum), field(one));
    else
      add(field(sum), field(one));
  });
}

template <typename Type>
void add_members(std::optional<Type>& sum, const std::optional<Type>& one) {
  if (!one) return;
  if (!sum) sum.emplace();
  add_members(*sum, *one);
}

void add(std::vector<ClassFaults>& sums, const std::vector<ClassFaults>& list) {
  for (const ClassFaults& one : list) {
    const auto known = std::ranges::find(sums, one.fault_class, &ClassFaults::fault_class);
    if (known == sums.end()) {
      sums.push_back(one);
    } else {
      known->totals.add(one.totals);
    }
  }
}

void add(std::vector<CallTotals>& sums, const std::vector<CallTotals>& list) {
  for (const CallTotals& one : list) {
    const auto known = std::ranges::find(sums, one.name, &CallTotals::name);
    if (known == sums.end()) {
      sums.push_back(one);
    } else {
      add_members(*known, one);
    }
  }
}

void add(Waits& sum, const Waits& one) {
  sum.waits += one.waits;
  sum.time_ns += one.time_ns;
}

void add(std::optional<LockWaits>& sum, const std::optional<LockWaits>& one) {
  if (!one) return;
  if (!sum) sum.emplace();
  add(sum->all, one->all);
  add(sum->write, one->write);
  sum->max_ns = std::max(sum->max_ns, one->max_ns);
  add(sum->in_fault, one->in_fault);
  add(sum->in_call_ns, one->in_call_ns);
  add(sum->while_locking, one->while_locking);
  for (const HolderWaits& holder : one->holders) {
    const auto known = std::ranges::find(sum->holders, holder.name, &HolderWaits::name);
    if (known == sum->holders.end()) {
      sum->holders.push_back(holder);
    } else {
      add(known->waits, holder.waits);
    }
  }
}

bool same_code(const Frame& a, const Frame& b) {
  // Where a program or library lies differs from process to process.
  return std::tie(a.function, a.module, a.offset) == std::tie(b.function, b.module, b.offset);
}

void add(std::vector<StackFaults>& sums, const std::vector<StackFaults>& list) {
  for (const StackFaults& one : list) {
    const auto known = std::ranges::find_if(sums, [&](const StackFaults& other) {
      return other.origin == one.origin && other.cause == one.cause &&
             std::ranges::equal(other.kernel, one.kernel, same_code) &&
             std::ranges::equal(other.user, one.user, same_code);
    });
    if (known == sums.end()) {
      sums.push_back(one);
    } else {
      known->faults += one.faults;
      known->time_ns += one.time_ns;
    }
  }
}

/// The figures are of the call that wanted most.
void add(std::optional<std::vector<LimitRefusals>>& sums, const std::optional<std::vector<LimitRefusals>>& list) {
  if (!list) return;
  if (!sums) sums.emplace();
  for (const LimitRefusals& one : *list) {
    const auto known = std::ranges::find(*sums, one.kind, &LimitRefusals::kind);
    if (known == sums->end()) {
      sums->push_back(one);
      continue;
    }
    const std::uint64_t calls = known->calls + one.calls;
    if (one.wanted_bytes.value_or(0) > known->wanted_bytes.value_or(0)) *known = one;
    known->calls = calls;
  }
}

void add(Locks& sum, const Locks& one, bool is_first) {
  // Not known of one of them: not known of all.
  if (sum.calls_unseen.empty()) sum.calls_unseen = one.calls_unseen;
  sum.calls_not_kept += one.calls.size() + one.calls_not_kept;
  add(sum.totals, one.totals);
  add_members(sum.locked_bytes, one.locked_bytes);
  sum.limit_unlimited = one.limit_unlimited && (is_first || sum.limit_unlimited);
  sum.exempt = one.exempt && (is_first || sum.exempt);
  if (is_first) {
    sum.limit_bytes = one.limit_bytes;
  } else if (sum.limit_bytes != one.limit_bytes) {
    sum.limit_bytes.reset();
  }
  add(sum.mmap_lock, one.mmap_lock);
  add_members(sum.vma_lock, one.vma_lock);
  add(sum.limit_refusals, one.limit_refusals);
}

void add(Vma& sum, const Vma& one) {
  add(sum.splits, one.splits);
  add(sum.merges, one.merges);
  add_members(sum.count, one.count);
  sum.max_map_count = one.max_map_count;  // of the system
  sum.changes_not_kept += one.changes.size() + one.changes_not_kept;
}

void add(Process& sum, const Process& one, bool is_first) {
  for (std::size_t origin = 0; origin < MLT_ORIGIN_NR; ++origin)
    add(sum.faults.by_origin[origin], one.faults.by_origin[origin]);
  add(sum.faults.by_class, one.faults.by_class);
  add(sum.faults.stacks, one.faults.stacks);
  add_members(sum.populate, one.populate);
  add(sum.locks, one.locks, is_first);
  add_members(sum.pages, one.pages);
  add(sum.vma, one.vma);
  add_members(sum.reclaim, one.reclaim);
  add_members(sum.waits, one.waits);
  add_members(sum.swap, one.swap);
  sum.life_not_kept += one.life.size() + one.life_not_kept;
  add(sum.major_where_taken, one.major_where_taken);
}

auto key_of(const Ending& ending) {
  return std::tie(ending.status, ending.signal, ending.core_dumped, ending.oom_killed, ending.oom_limit,
                  ending.oom_cgroup);
}

void add(std::vector<GroupEnding>& sums, const GroupEnding& one) {
  const auto known =
      std::ranges::find_if(sums, [&](const GroupEnding& other) { return key_of(other.ending) == key_of(one.ending); });
  if (known == sums.end()) {
    sums.push_back(one);
  } else {
    known->processes += one.processes;
  }
}

void add(ProcessGroup& group, const Process& process) {
  add(group.sum, process, group.processes == 0);
  ++group.processes;
  group.exited += process.exited ? 1 : 0;
  if (process.ending) add(group.endings, {*process.ending, 1});
}

void add(ProcessGroup& group, const ProcessGroup& other) {
  add(group.sum, other.sum, group.processes == 0);
  group.processes += other.processes;
  group.exited += other.exited;
  for (const GroupEnding& ending : other.endings) add(group.endings, ending);
}

// ---- Processes

/// Which are listed one by one.
std::vector<bool> chosen(const Report& report, const std::vector<Finding>& findings, std::size_t most) {
  std::vector<std::size_t> order(report.processes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::vector<std::uint64_t> busy;
  busy.reserve(order.size());
  for (const Process& process : report.processes) busy.push_back(busy_ns(process));
  std::ranges::stable_sort(order, std::greater{}, [&](std::size_t index) { return busy[index]; });
  std::vector<bool> listed(order.size());
  for (std::size_t i = 0; i < std::min(most, order.size()); ++i) listed[order[i]] = true;
  std::set<std::uint32_t> named;
  for (const Finding& finding : findings) {
    if (finding.severity >= Severity::warning) named.insert(finding.pid);
  }
  for (std::size_t i = 0; i < listed.size(); ++i) {
    if (named.contains(report.processes[i].pid)) listed[i] = true;
  }
  return listed;
}

void sort(ProcessGroup& group) {
  std::ranges::stable_sort(group.endings, std::greater{}, &GroupEnding::processes);
  std::ranges::stable_sort(group.sum.faults.by_class, std::greater{},
                           [](const ClassFaults& faults) { return faults.totals.latency.sum(); });
  std::ranges::stable_sort(group.sum.faults.stacks, std::greater{}, &StackFaults::faults);
  if (group.sum.locks.mmap_lock)
    std::ranges::stable_sort(group.sum.locks.mmap_lock->holders, std::greater{},
                             [](const HolderWaits& holder) { return holder.waits.time_ns; });
}

/// Most time first; the group of all other commands last.
std::vector<ProcessGroup> sorted(std::map<std::string, ProcessGroup> by_comm, std::size_t most) {
  ProcessGroup others = std::move(by_comm[""]);
  by_comm.erase("");
  std::vector<ProcessGroup> groups;
  for (auto& [comm, group] : by_comm) {
    group.comm = group.sum.comm = comm;
    groups.push_back(std::move(group));
  }
  std::ranges::stable_sort(groups, std::greater{}, [](const ProcessGroup& group) { return busy_ns(group.sum); });
  while (groups.size() > most) {
    add(others, groups.back());
    groups.pop_back();
  }
  if (others.processes != 0) groups.push_back(std::move(others));
  std::ranges::for_each(groups, sort);
  return groups;
}

/// Those that failed and the slowest, in order of time.
void shorten(Locks& locks, std::size_t most) {
  if (locks.calls.size() <= most) return;
  std::ranges::stable_sort(locks.calls, std::greater{},
                           [](const LockCall& call) { return std::pair(call.ret < 0, call.duration_ns); });
  locks.calls_not_kept += locks.calls.size() - most;
  locks.calls.resize(most);
  std::ranges::stable_sort(locks.calls, {}, &LockCall::start_ns);
}

void shorten(Vma& vma, std::size_t most) {
  if (vma.changes.size() <= most) return;
  vma.changes_not_kept += vma.changes.size() - most;
  vma.changes.resize(most);
}

// ---- Checks

/// Numbers differ where the reason is the same.
std::string without_numbers(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
    if (!digit) out += c;
    if (digit && (out.empty() || out.back() != 'N')) out += 'N';
  }
  return out;
}

std::string without_pid(std::string source, std::uint32_t pid) {
  const std::string number = "/" + std::to_string(pid) + "/";
  if (const std::size_t at = source.find(number); at != std::string::npos) source.replace(at, number.size(), "/PID/");
  return source;
}

Coverage summed_up(const Coverage& coverage, const std::set<std::uint32_t>& listed) {
  Coverage short_one{coverage.signals, coverage.lost, coverage.skipped, {}, coverage.audit_groups};
  for (const AuditCheck& check : coverage.audit) {
    const auto of = check_of(check.check);
    if (check.verdict == Verdict::differs || !of || listed.contains(of->pid)) {
      short_one.audit.push_back(check);
    } else {
      add_to_groups(short_one.audit_groups, check);
    }
  }
  return short_one;
}

}  // namespace

Process sum_of(const Report& report) {
  ProcessGroup all;
  for (const Process& process : report.processes) add(all, process);
  for (const ProcessGroup& group : report.groups) add(all, group);
  return all.sum;
}

std::uint64_t count_of_processes(const Report& report) {
  std::uint64_t count = report.processes.size();
  for (const ProcessGroup& group : report.groups) count += group.processes;
  return count;
}

std::uint64_t busy_ns(const Process& process) {
  std::uint64_t ns = 0;
  for (const auto& totals : process.faults.by_origin) ns += totals ? totals->latency.sum() : 0;
  for (const CallTotals& call : process.locks.totals) ns += call.time_ns - std::min(call.populate_ns, call.time_ns);
  return ns;
}

std::uint64_t busy_ns(const ProcessCounts& process) {
  std::uint64_t ns = 0;
  for (const auto& [id, totals] : process.by_class) ns += totals.latency.sum();
  for (const auto& [call, total] : process.calls) ns += total.time_ns - std::min(total.populate_ns, total.time_ns);
  return ns;
}

std::optional<CheckOf> check_of(const std::string& check) {
  const std::size_t number = check.find_last_not_of("0123456789") + 1;
  if (number == 0 || number == check.size() || check.size() - number > 9) return std::nullopt;
  std::string kind = check.substr(0, number);
  for (const std::string_view end : {" of pid ", " of "}) {
    if (!kind.ends_with(end)) continue;
    kind.resize(kind.size() - end.size());
    return CheckOf{kind, static_cast<std::uint32_t>(std::stoul(check.substr(number)))};
  }
  return std::nullopt;
}

void add_to_groups(std::vector<AuditGroup>& groups, const AuditGroup& group) {
  const auto known = std::ranges::find_if(groups, [&](const AuditGroup& other) {
    return other.check == group.check && other.verdict == group.verdict && other.source == group.source &&
           (other.why == group.why || without_numbers(other.why) == without_numbers(group.why));
  });
  if (known == groups.end()) {
    groups.push_back(group);
    return;
  }
  if (known->why != group.why) known->why = without_numbers(group.why);
  known->checks += group.checks;
  add(known->traced, group.traced);
  add(known->kernel, group.kernel);
  known->slack += group.slack;
}

void add_to_groups(std::vector<AuditGroup>& groups, const AuditCheck& check) {
  const auto of = check_of(check.check);
  // What is equal needs no reason.
  add_to_groups(groups, {of ? of->kind : check.check, 1, check.traced, check.kernel, check.slack,
                         of ? without_pid(check.source, of->pid) : check.source, check.verdict,
                         check.verdict == Verdict::equal ? "" : check.why});
}

std::optional<Report> summed_up(const Report& report, const CrowdBounds& bounds) {
  if (report.processes.size() <= bounds.processes) return std::nullopt;
  const std::vector<Finding> findings = told_once(report.findings, report.processes);
  const std::vector<bool> listed = chosen(report, findings, bounds.processes);
  Report out;
  out.tool_version = report.tool_version;
  out.host = report.host;
  out.window = report.window;
  out.target = report.target;
  out.system = report.system;
  out.storms = report.storms;
  out.findings = findings;
  std::map<std::string, ProcessGroup> groups;
  for (const ProcessGroup& group : report.groups) groups[group.comm] = group;
  std::set<std::uint32_t> pids;
  for (std::size_t i = 0; i < listed.size(); ++i) {
    const Process& process = report.processes[i];
    if (!listed[i]) {
      add(groups[process.comm], process);
      continue;
    }
    pids.insert(process.pid);
    Process& one = out.processes.emplace_back(process);
    shorten(one.locks, bounds.rows);
    shorten(one.vma, bounds.rows);
  }
  out.groups = sorted(std::move(groups), bounds.groups);
  out.coverage = summed_up(report.coverage, pids);
  return out;
}

}  // namespace mlt
