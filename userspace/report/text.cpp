#include "report/text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <span>

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
constexpr std::size_t kOverviewRows = 20;
constexpr std::size_t kDetailed = 5;

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

void findings(Page& page, const std::vector<Finding>& findings, const TextOptions& options) {
  constexpr std::size_t kColumn = 9;
  constexpr std::size_t kMost = 20;
  if (findings.empty()) return;
  page.blank();
  page.line(0, {{"FINDINGS", Style::bold}});
  const std::size_t shown = options.verbose ? findings.size() : std::min(findings.size(), kMost);
  for (const Finding& finding : std::span(findings).first(shown)) {
    const Style style = style_of(finding.severity);
    const std::string subject = finding.pid == 0 ? "" : fmt::format("pid {}: ", finding.pid);
    page.labelled(2, {std::string(severity_name(finding.severity)), style}, kColumn,
                  {fmt::format("{}{} [{}]", subject, finding.title, finding.id), Style::bold});
    if (!finding.evidence.empty()) page.paragraph(2 + kColumn, {"Seen: " + evidence_of(finding)}, 2);
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

void overview(Page& page, const Report& report, const TextOptions& options) {
  using enum Table::Align;
  Table table({{"pid", right},
               {"faults", right},
               {"major", right},
               {"time", right},
               {"p99", right},
               {"locked", right},
               {"lock calls", right},
               {"comm", left, true}});
  const std::size_t rows = options.verbose ? report.processes.size() : std::min(report.processes.size(), kOverviewRows);
  for (std::size_t i = 0; i < rows; ++i) {
    const Process& process = report.processes[i];
    const FaultTotals totals = process.faults.of_all_origins();
    table.add_row({{fmt::format("{}", process.pid)},
                   {format_count(totals.completed())},
                   {format_count(totals.major)},
                   {format_duration(totals.latency.sum())},
                   {totals.latency.empty() ? "-" : format_duration(totals.latency.quantile(0.99))},
                   {bytes_or_na(process.locks.locked_bytes.end)},
                   {lock_calls(process.locks)},
                   {process.comm + (process.exited ? " (" + process_state(process) + ")" : "")}});
  }
  page.blank();
  page.line(0, {{format_count(report.processes.size()) + " PROCESSES", Style::bold}});
  page.table(2, table);
  if (rows < report.processes.size()) {
    page.paragraph(2, {fmt::format("({} more with fewer faults: -v, or all in --json)",
                                   format_count(std::uint64_t{report.processes.size() - rows})),
                       Style::dim});
  }
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

/// Of many processes: those with the most faults, and those that a finding names.
bool is_detailed(const Report& report, std::size_t index, const TextOptions& options) {
  if (options.verbose || report.processes.size() <= kManyProcesses || index < kDetailed) return true;
  return std::any_of(report.findings.begin(), report.findings.end(), [&](const Finding& finding) {
    return finding.severity >= Severity::warning && finding.pid == report.processes[index].pid;
  });
}

void processes(Page& page, const Report& report, const TextOptions& options) {
  if (report.processes.empty()) {
    page.blank();
    page.line(0, {{"No process was seen."}});
    return;
  }
  if (report.processes.size() > kManyProcesses) overview(page, report, options);
  for (std::size_t i = 0; i < report.processes.size(); ++i) {
    if (is_detailed(report, i, options)) details(page, report, report.processes[i], options);
  }
}

}  // namespace
}  // namespace text

std::string to_text(const Report& report, const TextOptions& options) {
  Page page(options.width, options.color);
  text::headline(page, report);
  text::findings(page, report.findings, options);
  text::storms(page, report, options);
  text::processes(page, report, options);
  text::system(page, report.system, options);
  text::coverage(page, report, options);
  return page.take();
}

}  // namespace mlt
