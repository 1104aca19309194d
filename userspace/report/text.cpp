#include "report/text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "analysis/names.h"
#include "report/text_sections.h"
#include "util/units.h"

namespace mlt {
namespace text {

std::string at_seconds(std::uint64_t nanoseconds, const TextOptions& options) {
  return fmt::format("{:.{}f}", static_cast<double>(nanoseconds) / 1e9, options.verbose ? 6 : 3);
}

std::string count_or_na(const Count& count) { return count ? format_count(*count) : "n/a"; }

std::string bytes_or_na(const Count& bytes) { return bytes ? format_bytes(*bytes) : "n/a"; }

std::string plural(std::uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", format_count(count), noun, count == 1 ? "" : "s");
}

namespace {

/// With more processes than this, a table of them comes first and only some are shown in full.
constexpr std::size_t kManyProcesses = 10;
constexpr std::size_t kOverviewRows = 20;
constexpr std::size_t kDetailed = 5;

// ---- Headline

std::string pids_of(const Target& target) {
  std::string text;
  for (const std::uint32_t pid : target.pids) text += fmt::format("{}{}", text.empty() ? "" : ", ", pid);
  return text;
}

std::string target_of(const Target& target) {
  if (target.kind == "all") return "all processes";
  if (target.kind == "cgroup") return "cgroup " + target.text;
  if (target.kind == "command") return target.text;
  if (target.kind == "tid") return "thread " + pids_of(target);
  return fmt::format("pid{} {}", target.pids.size() == 1 ? "" : "s", pids_of(target));
}

std::string start_time(const Window& window) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S %z}",
                     fmt::localtime(static_cast<std::time_t>(window.start_unix_ns / 1'000'000'000)));
}

void headline(Page& page, const Report& report) {
  const Host& host = report.host;
  page.paragraph(0,
                 {fmt::format("mlocktrace {}: {}{}, traced for {} from {}", report.tool_version,
                              target_of(report.target), report.target.follow ? " and children" : "",
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

/// "limit 80 MiB" for limit_bytes: the unit is the end of the name.
std::string fact_of(std::string_view key, std::int64_t value) {
  std::string amount = format_count(value);
  const auto in_unit = [&](std::string_view suffix, std::string (*format)(std::uint64_t)) {
    if (value < 0 || !key.ends_with(suffix)) return;
    key.remove_suffix(suffix.size());
    amount = format(static_cast<std::uint64_t>(value));
  };
  in_unit("_bytes", format_bytes);
  in_unit("_ns", format_duration);
  std::string name(key);
  std::replace(name.begin(), name.end(), '_', ' ');
  return fmt::format("{} {}", name, amount);
}

std::string evidence_of(const Finding& finding) {
  std::string text;
  for (const auto& [key, value] : finding.evidence) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", fact_of(key, value));
  }
  return text;
}

void findings(Page& page, const std::vector<Finding>& findings) {
  constexpr std::size_t kColumn = 9;
  if (findings.empty()) return;
  page.blank();
  page.line(0, {{"FINDINGS", Style::bold}});
  for (const Finding& finding : findings) {
    const Style style = style_of(finding.severity);
    const std::string subject = finding.pid == 0 ? "" : fmt::format("pid {}: ", finding.pid);
    page.labelled(2, {std::string(severity_name(finding.severity)), style}, kColumn,
                  {fmt::format("{}{} [{}]", subject, finding.title, finding.id), Style::bold});
    if (!finding.evidence.empty()) page.paragraph(2 + kColumn, {"Seen: " + evidence_of(finding)}, 2);
    if (!finding.advice.empty()) page.paragraph(2 + kColumn, {"Do: " + finding.advice}, 2);
    if (!finding.see.empty()) page.paragraph(2 + kColumn, {"See: " + finding.see, Style::dim}, 2);
  }
}

// ---- System

bool concerns_locking(std::string_view vmstat_name) {
  static constexpr auto kPrefixes =
      std::to_array<std::string_view>({"unevictable_", "nr_mlock", "nr_unevictable", "pgfault", "pgmajfault", "pswp"});
  return std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [&](std::string_view prefix) { return vmstat_name.starts_with(prefix); });
}

void system(Page& page, const System& system, const TextOptions& options) {
  Table table({{"/proc/vmstat"}, {"change", Table::Align::right}});
  for (const auto& [name, change] : system.vmstat) {
    if (change == 0 || !(options.verbose || concerns_locking(name))) continue;
    table.add_row({{name}, {fmt::format("{}{}", change > 0 ? "+" : "", format_count(change))}});
  }
  const std::uint64_t others = system.other_unevictable_pages.value_or(0);
  if (table.empty() && others == 0) return;
  page.blank();
  page.line(0, {{"SYSTEM", Style::bold}});
  page.table(2, table);
  if (others != 0) {
    page.paragraph(
        2, {fmt::format("{} of processes that were not traced moved to the unevictable list", plural(others, "page"))});
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
    const FaultTotals totals = all_faults(process);
    table.add_row({{fmt::format("{}", process.pid)},
                   {format_count(totals.completed())},
                   {format_count(totals.major)},
                   {format_duration(totals.latency.sum())},
                   {totals.latency.empty() ? "-" : format_duration(totals.latency.quantile(0.99))},
                   {bytes_or_na(process.locks.locked_bytes.end)},
                   {format_count(process.locks.calls.size() + process.locks.calls_not_kept)},
                   {process.comm + (process.exited ? " (exited)" : "")}});
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
  add(process.exited ? "exited" : "still running");
  if (!process.cgroup.empty()) add("cgroup " + process.cgroup);
  page.paragraph(2, {text}, 2);
}

void details(Page& page, const Report& report, const Process& process, const TextOptions& options) {
  summary(page, process);
  page.blank();
  faults(page, process, options);
  histograms(page, process, options);
  memory(page, process, report.host);
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
  text::findings(page, report.findings);
  text::processes(page, report, options);
  text::system(page, report.system, options);
  text::coverage(page, report.coverage, options);
  return page.take();
}

}  // namespace mlt
