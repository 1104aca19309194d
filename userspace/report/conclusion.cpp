#include "report/conclusion.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "model/names.h"
#include "report/phrases.h"
#include "util/units.h"

namespace mlt {
namespace {

std::string counts_of(const std::vector<Finding>& findings) {
  std::string text;
  for (int i = static_cast<int>(Severity::problem); i >= static_cast<int>(Severity::info); --i) {
    const auto severity = static_cast<Severity>(i);
    const auto count = static_cast<std::uint64_t>(std::ranges::count(findings, severity, &Finding::severity));
    if (count == 0) continue;
    const std::string one = severity == Severity::info ? fmt::format("{} for information", format_count(count))
                                                       : plural(count, severity_name(severity));
    text += (text.empty() ? "" : ", ") + one;
  }
  return text;
}

std::vector<std::string> caveats_of(const Coverage& coverage) {
  std::vector<std::string> caveats;
  const Lost& lost = coverage.lost;
  if (lost.any()) {
    caveats.push_back(fmt::format("The trace is incomplete: {} were lost.", describe(lost)));
  }
  const auto differing =
      static_cast<std::uint64_t>(std::ranges::count(coverage.audit, Verdict::differs, &AuditCheck::verdict));
  if (differing != 0) {
    caveats.push_back(differing == 1 ? "1 audit check differs from the kernel's own count."
                                     : fmt::format("{} audit checks differ from the kernel's own counts.", differing));
  }
  std::string off;
  for (const SignalCoverage& signal : coverage.signals) {
    if (signal.state == SignalState::off) off += (off.empty() ? "" : ", ") + signal.name;
  }
  if (!off.empty()) caveats.push_back(fmt::format("Not measured: {}.", off));
  return caveats;
}

}  // namespace

std::string subject_of(const Report& report, std::uint32_t pid) {
  if (pid == 0) return {};
  const auto process = std::ranges::find(report.processes, pid, &Process::pid);
  if (process == report.processes.end() || process->comm.empty()) return fmt::format("pid {}: ", pid);
  return fmt::format("pid {} ({}): ", pid, process->comm);
}

std::string subject_of(const Report& report, const Finding& finding) {
  if (!finding.processes) return subject_of(report, finding.pid);
  std::string names;
  for (const std::string& command : finding.processes->commands) names += (names.empty() ? "" : ", ") + command;
  return fmt::format("{} processes{}: ", format_count(finding.processes->count),
                     names.empty() ? "" : fmt::format(" ({})", names));
}

std::string which_of(const Finding& finding) {
  if (!finding.processes) return {};
  std::string text;
  for (const std::uint32_t pid : finding.processes->pids)
    text += fmt::format("{}{}", text.empty() ? "pids " : ", ", pid);
  const std::uint64_t more = finding.processes->count - finding.processes->pids.size();
  if (more != 0) text += fmt::format(" and {} more", format_count(more));
  return text + "; counts and times are of all, the rest is of the first";
}

std::string fact_of(std::string_view key, std::int64_t value) {
  std::string amount = format_count(value);
  const auto in_unit = [&](std::string_view suffix, std::string (*format)(std::uint64_t)) {
    if (value < 0 || !key.ends_with(suffix)) return;
    key.remove_suffix(suffix.size());
    amount = format(static_cast<std::uint64_t>(value));
  };
  in_unit("_bytes", format_bytes);
  in_unit("_ns", format_duration);
  if (key == "address" && value >= 0) amount = fmt::format("{:#x}", value);
  return fmt::format("{} {}", words(key), amount);
}

Conclusion conclude(const Report& report) {
  Conclusion conclusion;
  conclusion.counts = counts_of(report.findings);
  conclusion.caveats = caveats_of(report.coverage);
  if (report.findings.empty()) {
    conclusion.text = report.processes.empty() ? "No process was seen." : "Nothing is wrong in what was measured.";
    return conclusion;
  }
  const Finding& first = report.findings.front();
  conclusion.gravest = first.severity;
  conclusion.text = first.severity >= Severity::warning
                        ? subject_of(report, first) + first.title + "."
                        : "Nothing is wrong in what was measured; there are things worth knowing.";
  return conclusion;
}

}  // namespace mlt
