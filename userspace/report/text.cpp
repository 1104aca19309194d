#include "report/text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <functional>
#include <span>

#include "analysis/crowd.h"
#include "model/names.h"
#include "report/conclusion.h"
#include "report/facts.h"
#include "report/text_sections.h"
#include "util/units.h"

namespace mlt {
namespace text {

std::string at_seconds(std::uint64_t nanoseconds, const TextOptions& options) {
  return fmt::format("{:.{}f}", static_cast<double>(nanoseconds) / 1e9, options.verbose ? 6 : 3);
}

void facts(Page& page, const std::vector<Fact>& facts) {
  page.blank();
  for (const Fact& fact : facts) page.labelled(2, {fact.label, Style::bold}, kLabel, {fact.text});
}

namespace {

/// With more processes than this, a table of them comes first and only some are shown in full.
constexpr std::size_t kManyProcesses = 10;
constexpr std::size_t kDetailed = 5;
/// With more than these, the others are summed up by command.
constexpr std::size_t kListed = 20;
constexpr std::size_t kGroups = 12;
/// A report of a crowd is to be read, too: no process is shown in full that would make it longer.
constexpr std::size_t kLinesOfCrowd = 180;

// ---- Headline

std::string start_time(const Window& window) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S %z}",
                     fmt::localtime(static_cast<std::time_t>(window.start_unix_ns / 1'000'000'000)));
}

void headline(Page& page, const Report& report) {
  const Host& host = report.host;
  page.paragraph(0,
                 {fmt::format("mlocktrace {}: {}, traced for {} from {}", report.tool_version, describe(report.target),
                              format_duration(report.window.duration_ns), start_time(report.window)),
                  Style::bold},
                 2);
  page.paragraph(0,
                 {fmt::format("Linux {} {}, {}, {} pages", host.kernel, host.arch, plural(host.cpus, "CPU"),
                              format_bytes(host.page_size)),
                  Style::dim},
                 2);
  const auto differing = static_cast<std::uint64_t>(
      std::count_if(report.coverage.audit.begin(), report.coverage.audit.end(),
                    [](const AuditCheck& check) { return check.verdict == Verdict::differs; }));
  if (report.coverage.lost.any()) {
    page.paragraph(0, {"INCOMPLETE: something was lost, see COVERAGE at the end.", Style::red}, 2);
  }
  if (differing != 0) {
    page.paragraph(
        0,
        {fmt::format("AUDIT: {} from the kernel's own count, see COVERAGE at the end.",
                     differing == 1 ? "1 check differs" : fmt::format("{} checks differ", format_count(differing))),
         Style::red},
        2);
  }
}

// ---- Findings

Style style_of(Severity severity) {
  switch (severity) {
    case Severity::info: return Style::dim;
    case Severity::notice: return Style::cyan;
    case Severity::warning: return Style::yellow;
    case Severity::problem: return Style::red;
  }
  return Style::plain;
}

std::string evidence_of(const Finding& finding) {
  std::string text;
  for (const auto& [key, value] : finding.evidence) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", fact_of(key, value));
  }
  return text;
}

void findings(Page& page, const Report& report, const TextOptions& options) {
  constexpr std::size_t kColumn = 9;
  const std::size_t most = report.groups.empty() ? 20 : 10;
  const std::vector<Finding>& findings = report.findings;
  if (findings.empty()) return;
  page.blank();
  page.line(0, {{"FINDINGS", Style::bold}});
  const std::size_t shown = options.verbose ? findings.size() : std::min(findings.size(), most);
  for (const Finding& finding : std::span(findings).first(shown)) {
    const Style style = style_of(finding.severity);
    const std::string subject = finding.processes  ? subject_of(report, finding)
                                : finding.pid == 0 ? ""
                                                   : fmt::format("pid {}: ", finding.pid);
    page.labelled(2, {std::string(severity_name(finding.severity)), style}, kColumn,
                  {fmt::format("{}{} [{}]", subject, finding.title, finding.id), Style::bold});
    if (!finding.evidence.empty()) page.paragraph(2 + kColumn, {"Seen: " + evidence_of(finding)}, 2);
    if (finding.processes) page.paragraph(2 + kColumn, {"Of: " + which_of(finding)}, 2);
    if (!finding.advice.empty()) page.paragraph(2 + kColumn, {"Do: " + finding.advice}, 2);
    if (!finding.see.empty()) page.paragraph(2 + kColumn, {"See: " + finding.see, Style::dim}, 2);
  }
  if (shown < findings.size()) {
    page.paragraph(2, {fmt::format("({} more, none of them graver: -v or --json)",
                                   format_count(std::uint64_t{findings.size() - shown})),
                       Style::dim});
  }
}

// ---- Processes

std::vector<Span> overview_row(std::string which, const Process& process, std::string comm, Style style) {
  const FaultTotals totals = process.faults.of_all_origins();
  const std::uint64_t in_calls = busy_ns(process) - totals.latency.sum();
  return {{std::move(which), style},
          {format_count(totals.completed()), style},
          {format_count(totals.major), style},
          {format_duration(totals.latency.sum()), style},
          {totals.latency.empty() ? "-" : format_duration(totals.latency.quantile(0.99)), style},
          {in_calls == 0 ? "" : format_duration(in_calls), style},
          {bytes_or_na(process.locks.locked_bytes.end), style},
          {lock_calls(process.locks), style},
          {std::move(comm), style}};
}

/// Those of `order` one by one, and the others by command.
void overview(Page& page, const Report& report, const std::vector<const Process*>& order) {
  using enum Table::Align;
  Table table({{"pid", right},
               {"faults", right},
               {"major", right},
               {"time", right},
               {"p99", right},
               {"calls", right},
               {"locked", right},
               {"lock calls", right},
               {"comm", left, true}});
  for (const Process* process : order) {
    const std::string state = process->exited ? fmt::format(" ({})", process_state(*process)) : "";
    table.add_row(overview_row(fmt::format("{}", process->pid), *process, process->comm + state, Style::plain));
  }
  for (const ProcessGroup& group : report.groups) {
    const std::string comm = group.comm.empty() ? "of other commands" : group.comm;
    const std::string state = group.exited == 0 ? "" : fmt::format(" ({})", group_state(group));
    table.add_row(overview_row(format_count(group.processes) + " x", group.sum, comm + state, Style::plain));
  }
  if (!report.groups.empty()) {
    table.add_row(overview_row("all", sum_of(report), "", Style::bold));
  }
  page.blank();
  page.line(0, {{format_count(count_of_processes(report)) + " PROCESSES", Style::bold},
                {", most time in faults and calls first", Style::dim}});
  page.table(2, table);
}

void summary(Page& page, const Process& process) {
  page.blank();
  page.line(0, {{fmt::format("PROCESS {} {}", process.pid, process.comm), Style::bold}});
  std::string text = process.exe;
  const auto add = [&](const std::string& fact) { text += (text.empty() ? "" : ", ") + fact; };
  if (process.threads) add(plural(*process.threads, "thread"));
  if (process.parent_pid != 0) add(fmt::format("forked by pid {}", process.parent_pid));
  add(process_state(process));
  if (!process.cgroup.empty()) add("cgroup " + process.cgroup);
  page.paragraph(2, {text}, 2);
}

void details(Page& page, const Report& report, const Process& process, const TextOptions& options) {
  summary(page, process);
  page.blank();
  faults(page, process, options);
  histograms(page, process, options);
  memory(page, process, report.host);
  reclaim_and_swap(page, process);
  lock_calls(page, process, report.host, options);
  vma_changes(page, process, options);
  life(page, process, options);
}

bool is_named(const Report& report, const Process& process) {
  return std::any_of(report.findings.begin(), report.findings.end(), [&](const Finding& finding) {
    return finding.severity >= Severity::warning && finding.pid == process.pid;
  });
}

/// Of many processes: those with the most time, and those that a finding names.
std::vector<const Process*> detailed(const Report& report, const std::vector<const Process*>& order,
                                     const TextOptions& options) {
  std::vector<const Process*> some;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (options.verbose || order.size() <= kManyProcesses || i < kDetailed || is_named(report, *order[i]))
      some.push_back(order[i]);
  }
  // Where not all of them are shown.
  if (!report.groups.empty())
    std::stable_partition(some.begin(), some.end(), [&](const Process* process) { return is_named(report, *process); });
  return some;
}

std::size_t lines_of(const TextOptions& options, const std::function<void(Page&)>& write) {
  Page page(options.width, false);
  write(page);
  return page.lines() + 1;
}

/// `after`: the lines that follow.
void processes(Page& page, const Report& report, const TextOptions& options, std::size_t after) {
  if (report.processes.empty()) {
    page.blank();
    page.line(0, {{"No process was seen."}});
    return;
  }
  std::vector<const Process*> order;
  for (const Process& process : report.processes) order.push_back(&process);
  const bool is_crowd = !report.groups.empty();
  if (order.size() > kManyProcesses || is_crowd) {
    std::ranges::stable_sort(order, std::greater{}, [](const Process* process) { return busy_ns(*process); });
    overview(page, report, order);
  }
  for (const Process* process : detailed(report, order, options)) {
    const auto write = [&](Page& to) { details(to, report, *process, options); };
    if (is_crowd && !options.verbose && page.lines() + lines_of(options, write) + after > kLinesOfCrowd) continue;
    write(page);
  }
}

}  // namespace
}  // namespace text

std::string to_text(const Report& whole, const TextOptions& options) {
  const CrowdBounds bounds{
      .processes = options.processes.value_or(options.verbose ? whole.processes.size() : text::kListed),
      .groups = text::kGroups};
  const std::optional<Report> crowd = summed_up(whole, bounds);
  const Report& report = crowd ? *crowd : whole;
  const auto end = [&](Page& page) {
    text::system(page, report.system, options);
    text::coverage(page, report, options);
  };
  Page page(options.width, options.color);
  text::headline(page, report);
  text::findings(page, report, options);
  text::storms(page, report, options);
  text::processes(page, report, options, report.groups.empty() ? 0 : text::lines_of(options, end));
  end(page);
  return page.take();
}

}  // namespace mlt
