#include "analysis/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "model/names.h"
#include "model/tables.h"
#include "util/units.h"

namespace mlt {
namespace {

// Even: see Series. Enough to know the variance by, few enough that a burst falls into one or two.
constexpr std::size_t kBlocks = 40;
constexpr std::size_t kMostCommands = 20;

enum class Taste { less_is_better, neutral };

// ---- One quantity that is counted

/// What the counts of one scope add up to, and how they are spread over time where that is known.
struct Scope {
  std::vector<const Process*> processes;  // the sums of groups among them
  std::vector<const ProcessGroup*> groups;
  const Series* series = nullptr;
  double seconds = 0;
};

struct Counted {
  std::string key;
  std::string title;
  Taste taste = Taste::less_is_better;
  std::function<Count(const Process&)> of_process;
  std::function<Count(const SeriesRow&)> of_row;  // empty: not in the timeline
  FigureUnit unit = FigureUnit::per_second;
};

std::optional<double> total(const Scope& scope, const std::function<Count(const Process&)>& of_process) {
  std::optional<double> sum;
  for (const Process* process : scope.processes) {
    if (const Count count = of_process(*process)) sum = sum.value_or(0) + static_cast<double>(*count);
  }
  return sum;
}

/// How many times its mean the variance of the count is, by the intervals: 1 when what is counted comes independently,
/// more for bursts. Empty: there are too few intervals.
std::optional<double> dispersion(const Scope& scope, const Counted& counted) {
  if (!counted.of_row || scope.series == nullptr || scope.series->rows().size() < kFewestIntervals) return std::nullopt;
  double counted_in_rows = 0;
  double seconds = 0;
  for (const SeriesRow& row : scope.series->rows()) {
    counted_in_rows += static_cast<double>(counted.of_row(row).value_or(0));
    seconds += static_cast<double>(row.duration_ns) / 1e9;
  }
  double excess = 0;
  for (const SeriesRow& row : scope.series->rows()) {
    const double expected = counted_in_rows * static_cast<double>(row.duration_ns) / 1e9 / seconds;
    if (expected <= 0) continue;
    const double off = static_cast<double>(counted.of_row(row).value_or(0)) - expected;
    excess += off * off / expected;
  }
  return std::max(1.0, excess / static_cast<double>(scope.series->rows().size() - 1));
}

double relative(double before, double after) {
  const double most = std::max(before, after);
  return most == 0 ? 0 : std::abs(after - before) / std::max(std::min(before, after), most * 1e-9);
}

Change direction(double before, double after, Taste taste) {
  if (taste == Taste::neutral) return Change::changed;
  return after > before ? Change::worse : Change::better;
}

/// Variance of the difference of two rates, were they the same one: that is what has to be ruled out.
double variance_of_difference(double old_count, double old_seconds, double new_count, double new_seconds,
                              double spread) {
  const double rate = (old_count + new_count) / (old_seconds + new_seconds);
  return spread * rate * (1 / old_seconds + 1 / new_seconds);
}

void judge_by_intervals(Figure& figure, double variance, Taste taste) {
  const double errors = std::abs(*figure.after - *figure.before) / std::sqrt(variance);
  figure.why = fmt::format("{} standard errors", format_number(errors));
  const bool significant = errors >= kSigmas && relative(*figure.before, *figure.after) >= kMatters;
  figure.change = significant ? direction(*figure.before, *figure.after, taste) : Change::noise;
}

void judge_by_size(Figure& figure, double shorter_seconds, double unit_size, Taste taste, std::string why) {
  const double apart = std::abs(*figure.after - *figure.before) * shorter_seconds / unit_size;
  const bool significant =
      apart >= kCountWithoutIntervals && relative(*figure.before, *figure.after) >= kFactorWithoutIntervals - 1;
  figure.why = std::move(why);
  figure.change = significant ? direction(*figure.before, *figure.after, taste) : Change::noise;
}

Figure compare_counted(const Counted& counted, const Scope& before, const Scope& after) {
  Figure figure;
  figure.key = counted.key;
  figure.title = counted.title;
  figure.unit = counted.unit;
  const auto old_count = total(before, counted.of_process);
  const auto new_count = total(after, counted.of_process);
  if (old_count && before.seconds > 0) figure.before = *old_count / before.seconds;
  if (new_count && after.seconds > 0) figure.after = *new_count / after.seconds;
  if (!figure.before || !figure.after) {
    figure.why = "not measured on both sides";
    return figure;
  }
  const auto old_spread = dispersion(before, counted);
  const auto new_spread = dispersion(after, counted);
  // A single burst would hide in its own variance; but what never happened on one side has happened for a reason.
  const bool one_side = *old_count == 0 || *new_count == 0;
  if (old_spread && new_spread && !one_side) {
    const double variance = variance_of_difference(*old_count, before.seconds, *new_count, after.seconds,
                                                   std::max(*old_spread, *new_spread));
    judge_by_intervals(figure, variance, counted.taste);
  } else {
    // Of a time, a millisecond is what counts one.
    judge_by_size(figure, std::min(before.seconds, after.seconds), counted.unit == FigureUnit::share ? 1e6 : 1,
                  counted.taste, one_side ? "none on one side: judged by size" : "no intervals: judged by size");
  }
  if (counted.unit == FigureUnit::share) {
    *figure.before /= 1e9;
    *figure.after /= 1e9;
  }
  return figure;
}

Count faults_where(const Process& process, const std::function<bool(const FaultClass&)>& fits) {
  std::uint64_t sum = 0;
  for (const ClassFaults& one : process.faults.by_class) {
    if (fits(one.fault_class)) sum += one.totals.completed();
  }
  return sum;
}

std::vector<Counted> counted_quantities() {
  std::vector<Counted> all;
  for (std::size_t i = 0; i < MLT_ORIGIN_UNKNOWN; ++i) {
    const std::string name(origin_name(static_cast<mlt_origin>(i)));
    all.push_back({"faults." + name, "faults, " + name,
                   i == MLT_ORIGIN_POPULATE ? Taste::neutral : Taste::less_is_better,
                   [i](const Process& process) {
                     const auto& totals = process.faults.by_origin[i];
                     return totals ? Count(totals->completed()) : std::nullopt;
                   },
                   [i](const SeriesRow& row) { return Count(row.faults[i]); }});
  }
  all.push_back({"faults.locked",
                 "faults in locked memory, not by locking",
                 Taste::less_is_better,
                 [](const Process& process) {
                   return faults_where(process, [](const FaultClass& one) {
                     return one.origin != MLT_ORIGIN_POPULATE &&
                            (one.locked == MLT_LOCKED || one.locked == MLT_LOCKED_ON_FAULT);
                   });
                 },
                 {}});
  all.push_back({"faults.major", "faults, major", Taste::less_is_better,
                 [](const Process& process) {
                   Count sum;
                   for (const auto& totals : process.faults.by_origin) {
                     if (totals) sum = sum.value_or(0) + totals->major;
                   }
                   return sum;
                 },
                 [](const SeriesRow& row) { return Count(row.major); }});
  all.push_back({"time.faults", "time in faults, of one CPU", Taste::less_is_better,
                 [](const Process& process) {
                   Count sum;
                   for (const auto& totals : process.faults.by_origin) {
                     if (totals) sum = sum.value_or(0) + totals->latency.sum();
                   }
                   return sum;
                 },
                 [](const SeriesRow& row) { return Count(row.time_ns); }, FigureUnit::share});
  for (std::size_t i = 1; i < MLT_CAUSE_NR; ++i) {
    const auto cause = static_cast<mlt_cause>(i);
    std::string title(cause_name(cause));
    std::ranges::replace(title, '_', ' ');
    all.push_back({"cause." + std::string(cause_name(cause)), "cause: " + title,
                   cause == MLT_CAUSE_FIRST_TOUCH ? Taste::neutral : Taste::less_is_better,
                   [cause](const Process& process) {
                     return faults_where(process, [cause](const FaultClass& one) { return one.cause == cause; });
                   },
                   [i](const SeriesRow& row) { return Count(row.by_cause[i]); }});
  }
  const auto page_count = [&](std::string key, std::string title, Taste taste, auto of_process, auto member) {
    all.push_back(
        {std::move(key), std::move(title), taste, of_process, [member](const SeriesRow& row) { return row.*member; }});
  };
  page_count(
      "pages.populated", "pages populated", Taste::neutral,
      [](const Process& process) { return process.populate.pages; }, &SeriesRow::pages_populated);
  page_count(
      "pages.mlocked", "pages mlocked", Taste::neutral, [](const Process& process) { return process.pages.mlocked; },
      &SeriesRow::mlocked);
  page_count(
      "pages.munlocked", "pages munlocked", Taste::neutral,
      [](const Process& process) { return process.pages.munlocked; }, &SeriesRow::munlocked);
  page_count(
      "swap.in", "swapped in", Taste::less_is_better,
      [](const Process& process) { return process.swap ? process.swap->in : Count{}; }, &SeriesRow::swap_in);
  page_count(
      "swap.out", "swapped out", Taste::less_is_better,
      [](const Process& process) { return process.swap ? process.swap->out : Count{}; }, &SeriesRow::swap_out);
  all.push_back({"time.reclaim", "time stalled in reclaim, of one CPU", Taste::less_is_better,
                 [](const Process& process) -> Count {
                   if (!process.reclaim || !process.reclaim->direct) return std::nullopt;
                   return process.reclaim->direct->time_ns + process.reclaim->memcg.value_or(ReclaimStall{}).time_ns;
                 },
                 [](const SeriesRow& row) { return row.reclaim_ns; }, FigureUnit::share});
  all.push_back(
      {"vma.splits", "mappings split", Taste::neutral, [](const Process& process) { return process.vma.splits; }, {}});
  const auto calls = [&](std::string key, std::string title, Taste taste, std::uint64_t CallTotals::*member) {
    all.push_back({std::move(key),
                   std::move(title),
                   taste,
                   [member](const Process& process) {
                     std::uint64_t sum = 0;
                     for (const CallTotals& call : process.locks.totals) {
                       if (call.call >= MLT_CALL_MLOCK && call.call <= MLT_CALL_MUNLOCKALL) sum += call.*member;
                     }
                     return Count(sum);
                   },
                   {}});
  };
  calls("calls.lock", "lock calls", Taste::neutral, &CallTotals::calls);
  calls("calls.failed", "lock calls that failed", Taste::less_is_better, &CallTotals::errors);
  return all;
}

// ---- Quantiles

std::uint64_t bucket_of_rank(const Histogram& histogram, double rank, bool upper) {
  const double wanted = std::clamp(rank, 1.0, static_cast<double>(histogram.count()));
  double below = 0;
  for (const auto& [index, count] : histogram.buckets()) {
    below += static_cast<double>(count);
    if (below >= wanted) return upper ? bucket_range(index).hi : bucket_range(index).lo;
  }
  return histogram.max();
}

struct Range {
  double lo;
  double hi;
};

/// Where the quantile could as well lie.
Range range_of(const Histogram& histogram, double q) {
  const double n = static_cast<double>(histogram.count());
  const double error = kSigmas * std::sqrt(n * q * (1 - q));
  return {static_cast<double>(bucket_of_rank(histogram, n * q - error, false)),
          static_cast<double>(bucket_of_rank(histogram, n * q + error, true))};
}

Figure compare_quantile(const std::string& origin, std::string_view name, double q, const Histogram& before,
                        const Histogram& after, Taste taste) {
  Figure figure;
  figure.key = fmt::format("latency.{}.{}", origin, name);
  figure.title = fmt::format("latency, {}, {}", origin, name);
  figure.unit = FigureUnit::nanoseconds;
  if (!before.empty()) figure.before = static_cast<double>(before.quantile(q));
  if (!after.empty()) figure.after = static_cast<double>(after.quantile(q));
  const double fewest = static_cast<double>(std::min(before.count(), after.count()));
  if (fewest * std::min(q, 1 - q) < kFewestBeyondQuantile) {
    figure.why = fmt::format("too few faults: {} and {}", format_count(before.count()), format_count(after.count()));
    return figure;
  }
  const Range old_range = range_of(before, q);
  const Range new_range = range_of(after, q);
  const auto text = [](const Range& range) {
    return fmt::format("{} to {}", format_duration(static_cast<std::uint64_t>(range.lo)),
                       format_duration(static_cast<std::uint64_t>(range.hi)));
  };
  figure.why = fmt::format("between {}, and {}", text(old_range), text(new_range));
  const bool apart = old_range.hi <= new_range.lo || new_range.hi <= old_range.lo;
  const bool significant = apart && relative(*figure.before, *figure.after) >= kMatters;
  figure.change = significant ? direction(*figure.before, *figure.after, taste) : Change::noise;
  return figure;
}

Histogram latency_of(const Scope& scope, std::size_t origin) {
  Histogram sum;
  for (const Process* process : scope.processes) {
    if (const auto& totals = process->faults.by_origin[origin]) sum.merge(totals->latency);
  }
  return sum;
}

void compare_quantiles(std::vector<Figure>& figures, const Scope& before, const Scope& after) {
  struct Quantile {
    std::string_view name;
    double q;
  };
  static constexpr std::array<Quantile, 3> kQuantiles{{{"p50", 0.5}, {"p99", 0.99}, {"p999", 0.999}}};
  for (std::size_t i = 0; i < MLT_ORIGIN_NR; ++i) {
    const Histogram old_latency = latency_of(before, i);
    const Histogram new_latency = latency_of(after, i);
    if (old_latency.empty() && new_latency.empty()) continue;
    for (const Quantile& quantile : kQuantiles) {
      figures.push_back(compare_quantile(std::string(origin_name(static_cast<mlt_origin>(i))), quantile.name,
                                         quantile.q, old_latency, new_latency, Taste::less_is_better));
    }
  }
}

// ---- Levels

std::optional<double> sum_of_peaks(const Scope& scope) {
  return total(scope, [](const Process& process) {
    const Size3& size = process.locks.locked_bytes;
    return size.peak ? size.peak : size.end;
  });
}

Figure compare_locked(const Scope& before, const Scope& after) {
  Figure figure;
  figure.key = "locked_bytes";
  figure.title = "locked memory, peak";
  figure.unit = FigureUnit::bytes;
  figure.before = sum_of_peaks(before);
  figure.after = sum_of_peaks(after);
  if (!figure.before || !figure.after) {
    figure.why = "not measured on both sides";
    return figure;
  }
  figure.why = "no chance in it: judged by size";
  figure.change = relative(*figure.before, *figure.after) >= kMatters ? Change::changed : Change::noise;
  return figure;
}

// ---- Scopes

Scope scope_of(const DiffSide& side, const std::string& command) {
  Scope scope;
  for (const Process& process : side.report.processes) {
    if (command.empty() || process.comm == command) scope.processes.push_back(&process);
  }
  for (const ProcessGroup& group : side.report.groups) {
    if (!command.empty() && group.comm != command) continue;
    scope.processes.push_back(&group.sum);
    scope.groups.push_back(&group);
  }
  const auto series = side.series.find(command);
  if (series != side.series.end()) scope.series = &series->second;
  scope.seconds = static_cast<double>(side.report.window.duration_ns) / 1e9;
  return scope;
}

/// The commands of both sides, when there are several.
std::vector<std::string> commands_of(const DiffSide& before, const DiffSide& after) {
  std::vector<std::string> names;
  for (const DiffSide* side : {&before, &after}) {
    for (const Process& process : side->report.processes) {
      if (std::ranges::find(names, process.comm) == names.end()) names.push_back(process.comm);
    }
    for (const ProcessGroup& group : side->report.groups) {
      if (!group.comm.empty() && std::ranges::find(names, group.comm) == names.end()) names.push_back(group.comm);
    }
  }
  if (names.size() < 2) return {};
  if (names.size() > kMostCommands) names.resize(kMostCommands);
  return names;
}

bool says_nothing(const Figure& figure) { return figure.before.value_or(0) == 0 && figure.after.value_or(0) == 0; }

void compare_scope(std::vector<Figure>& figures, const std::string& command, const Scope& before, const Scope& after) {
  std::vector<Figure> own;
  for (const Counted& counted : counted_quantities()) own.push_back(compare_counted(counted, before, after));
  compare_quantiles(own, before, after);
  own.push_back(compare_locked(before, after));
  for (Figure& figure : own) {
    if (says_nothing(figure)) continue;
    figure.command = command;
    figures.push_back(std::move(figure));
  }
}

// ---- Values that are compared as they are

using Values = std::map<std::string, std::map<std::string, std::size_t>>;  // by key, by value: processes

struct ValueCounter {
  Values& values;
  std::size_t processes = 1;  // that have what is walked
  template <typename Codec, typename Value>
  void operator()(const model::Column& column, const Value* value) {
    if constexpr (!model::is_list<Value>) {
      if (column.is_compared)
        values[column.path][value == nullptr ? "" : model::value_text<Codec>(column.unit, *value)] += processes;
    }
  }
};

Values values_of(const Scope& scope) {
  Values values;
  ValueCounter counter{values};
  const auto is_sum = [&](const Process* process) {
    return std::ranges::any_of(scope.groups, [&](const ProcessGroup* group) { return &group->sum == process; });
  };
  for (const Process* process : scope.processes) {
    if (!is_sum(process)) model::walk("", process, counter);
  }
  // Of a group, its endings are what is known of each.
  for (const ProcessGroup* group : scope.groups) {
    Process one = group->sum;
    std::uint64_t without = group->processes;
    for (const GroupEnding& ending : group->endings) {
      one.ending = ending.ending;
      ValueCounter of_ending{values, ending.processes};
      model::walk("", &one, of_ending);
      without -= std::min(without, ending.processes);
    }
    one.ending.reset();
    ValueCounter of_others{values, without};
    if (without != 0) model::walk("", &one, of_others);
  }
  return values;
}

void compare_values(std::vector<ValueDiff>& list, const std::string& command, const Scope& before, const Scope& after) {
  if (before.processes.empty() || after.processes.empty()) return;
  const auto value_of = [](const auto& one) { return one.first; };
  const Values old_values = values_of(before);
  for (const auto& [key, values] : values_of(after)) {
    const auto old = old_values.find(key);
    if (!std::ranges::equal(old->second, values, {}, value_of, value_of))
      list.push_back({command, key, old->second, values});
  }
}

// ---- Findings

std::string command_of(const Report& report, std::uint32_t pid) {
  const auto process = std::ranges::find(report.processes, pid, &Process::pid);
  return process == report.processes.end() ? "" : process->comm;
}

/// A finding is known again by its name and the command it is about: pids change from trace to trace.
using Findings = std::map<std::pair<std::string, std::string>, Finding>;

Findings findings_of(const Report& report) {
  Findings findings;
  for (const Finding& finding : report.findings) {
    const auto add = [&](const std::string& command) {
      const auto [known, is_new] = findings.try_emplace({finding.id, command}, finding);
      if (!is_new && finding.severity > known->second.severity) known->second = finding;
    };
    if (finding.processes) {
      std::ranges::for_each(finding.processes->commands, add);
    } else {
      add(command_of(report, finding.pid));
    }
  }
  return findings;
}

FindingChange change_of(Severity before, Severity after) {
  if (before == after) return FindingChange::stays;
  return after > before ? FindingChange::graver : FindingChange::milder;
}

std::vector<FindingDiff> compare_findings(const Report& before, const Report& after) {
  const Findings old_findings = findings_of(before);
  const Findings new_findings = findings_of(after);
  std::vector<FindingDiff> list;
  for (const auto& [key, finding] : new_findings) {
    const auto old = old_findings.find(key);
    if (old == old_findings.end()) {
      list.push_back({FindingChange::came, finding, key.second, std::nullopt, finding.severity});
    } else {
      list.push_back({change_of(old->second.severity, finding.severity), finding, key.second, old->second.severity,
                      finding.severity});
    }
  }
  for (const auto& [key, finding] : old_findings) {
    if (!new_findings.contains(key))
      list.push_back({FindingChange::went, finding, key.second, finding.severity, std::nullopt});
  }
  std::ranges::stable_sort(list, [](const FindingDiff& a, const FindingDiff& b) {
    return std::pair(static_cast<int>(a.change), -static_cast<int>(a.finding.severity)) <
           std::pair(static_cast<int>(b.change), -static_cast<int>(b.finding.severity));
  });
  return list;
}

// ---- The whole

std::vector<std::string> caveats_of(const Report& before, const Report& after) {
  std::vector<std::string> caveats;
  const auto differ = [&](std::string_view what, const std::string& a, const std::string& b) {
    if (a != b) caveats.push_back(fmt::format("Different {}: {} and {}.", what, a, b));
  };
  differ("kernels", before.host.kernel, after.host.kernel);
  differ("architectures", before.host.arch, after.host.arch);
  differ("numbers of CPUs", fmt::format("{}", before.host.cpus), fmt::format("{}", after.host.cpus));
  differ("page sizes", format_bytes(before.host.page_size), format_bytes(after.host.page_size));
  for (const SignalCoverage& signal : before.coverage.signals) {
    const auto other = std::ranges::find(after.coverage.signals, signal.name, &SignalCoverage::name);
    if (other == after.coverage.signals.end() || (other->state == signal.state && other->via == signal.via)) continue;
    const auto text = [](const SignalCoverage& one) {
      return one.via.empty() ? std::string(signal_state_name(one.state))
                             : fmt::format("{} by {}", signal_state_name(one.state), one.via);
    };
    caveats.push_back(
        fmt::format("{} was measured in different ways: {}, and {}.", signal.name, text(signal), text(*other)));
  }
  if (before.coverage.lost.any()) caveats.emplace_back("The first trace is incomplete.");
  if (after.coverage.lost.any()) caveats.emplace_back("The second trace is incomplete.");
  return caveats;
}

/// Findings of less than a warning come and go without harm.
bool matters(const FindingDiff& diff) {
  return std::max(diff.before.value_or(Severity::info), diff.after.value_or(Severity::info)) >= Severity::warning;
}

void conclude(Diff& diff) {
  // What a command does to the sum of all is told once.
  const auto is_told = [&](const Figure& figure) {
    return std::ranges::any_of(diff.figures, [&](const Figure& all) {
      return all.command.empty() && all.key == figure.key && all.change == figure.change;
    });
  };
  const auto figures = [&](Change change) {
    return static_cast<std::size_t>(std::ranges::count_if(diff.figures, [&](const Figure& figure) {
      return figure.change == change && (figure.command.empty() || !is_told(figure));
    }));
  };
  const auto findings = [&](FindingChange change) {
    return static_cast<std::size_t>(std::ranges::count_if(
        diff.findings, [&](const FindingDiff& one) { return one.change == change && matters(one); }));
  };
  std::string text;
  const auto say = [&](std::size_t count, std::string_view one, std::string_view many) {
    if (count == 0) return;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, count == 1 ? one : many);
  };
  say(figures(Change::worse), "figure is worse", "figures are worse");
  say(figures(Change::better), "figure is better", "figures are better");
  say(findings(FindingChange::came), "finding came", "findings came");
  say(findings(FindingChange::graver), "finding is graver", "findings are graver");
  say(findings(FindingChange::milder), "finding is milder", "findings are milder");
  say(findings(FindingChange::went), "finding went", "findings went");
  say(diff.values.size(), "value differs", "values differ");
  const bool worse = figures(Change::worse) + findings(FindingChange::came) + findings(FindingChange::graver) != 0;
  const bool better = figures(Change::better) + findings(FindingChange::went) + findings(FindingChange::milder) != 0;
  diff.verdict = worse && better ? DiffVerdict::mixed
                 : worse         ? DiffVerdict::regression
                 : better        ? DiffVerdict::improvement
                                 : DiffVerdict::same;
  diff.text = text.empty() ? "Nothing differs by more than chance." : text + ".";
}

}  // namespace

DiffSide::DiffSide(Report of) : report(std::move(of)) {
  // Of a process that is not listed, the timeline does not tell the command: the part of it that it does tell is no
  // measure of how its count varies.
  std::set<std::string> in_part;
  for (const ProcessGroup& group : report.groups) in_part.insert(group.comm);
  const bool others = in_part.contains("");
  for (const Process& process : report.processes) {
    if (!others && !in_part.contains(process.comm)) commands_[process.pid] = process.comm;
  }
}

void DiffSide::add(const TimelinePoint& point) {
  const auto to = [&](const std::string& command) { series.try_emplace(command, kBlocks).first->second.add(point); };
  to("");
  const auto command = commands_.find(point.pid);
  if (command != commands_.end() && !command->second.empty()) to(command->second);
}

Diff compare(const DiffSide& before, const DiffSide& after) {
  Diff diff;
  diff.caveats = caveats_of(before.report, after.report);
  diff.findings = compare_findings(before.report, after.report);
  const Scope old_scope = scope_of(before, "");
  const Scope new_scope = scope_of(after, "");
  compare_scope(diff.figures, "", old_scope, new_scope);
  const std::vector<std::string> commands = commands_of(before, after);
  if (commands.empty()) compare_values(diff.values, "", old_scope, new_scope);
  for (const std::string& command : commands) {
    const Scope old_of_command = scope_of(before, command);
    const Scope new_of_command = scope_of(after, command);
    compare_scope(diff.figures, command, old_of_command, new_of_command);
    compare_values(diff.values, command, old_of_command, new_of_command);
  }
  for (std::size_t i = 0; i < MLT_ORIGIN_NR; ++i) {
    diff.before[i] = latency_of(old_scope, i);
    diff.after[i] = latency_of(new_scope, i);
  }
  conclude(diff);
  return diff;
}

std::string_view change_name(Change change) {
  static constexpr std::array<std::string_view, 5> kNames{"worse", "better", "changed", "noise", "unknown"};
  return kNames.at(static_cast<std::size_t>(change));
}

std::string_view finding_change_name(FindingChange change) {
  static constexpr std::array<std::string_view, 5> kNames{"came", "graver", "stays", "milder", "went"};
  return kNames.at(static_cast<std::size_t>(change));
}

std::string_view diff_verdict_name(DiffVerdict verdict) {
  static constexpr std::array<std::string_view, 4> kNames{"regression", "improvement", "mixed", "same"};
  return kNames.at(static_cast<std::size_t>(verdict));
}

std::string_view unit_name(FigureUnit unit) {
  static constexpr std::array<std::string_view, 4> kNames{"per_second", "nanoseconds", "share", "bytes"};
  return kNames.at(static_cast<std::size_t>(unit));
}

}  // namespace mlt
