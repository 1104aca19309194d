#include "report/markdown.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <span>

#include "analysis/crowd.h"
#include "model/names.h"
#include "report/conclusion.h"
#include "report/facts.h"
#include "report/phrases.h"
#include "util/units.h"

namespace mlt {
namespace {

// What an issue can hold, and what anybody reads of it: the whole is in the HTML and the JSON report.
constexpr std::size_t kProcesses = 20;
constexpr std::size_t kGroups = 12;
constexpr std::size_t kDetailed = 3;
constexpr std::size_t kRows = 20;
constexpr std::size_t kLongest = 200;

/// Made safe for a terminal too, since that is where Markdown is often read; what is too long loses its middle.
std::string shown(std::string_view text) {
  std::string safe = sanitize(text);
  if (safe.size() <= kLongest) return safe;
  const auto boundary = [&](std::size_t at) {
    while (at > 0 && (static_cast<unsigned char>(safe[at]) & 0xc0) == 0x80) --at;
    return at;
  };
  return safe.substr(0, boundary(kLongest * 2 / 3)) + " … " + safe.substr(boundary(safe.size() - kLongest / 3));
}

// ---- Tables

struct Column {
  const char* title;
  bool right = false;
};

/// Cells are Markdown.
class MarkdownTable {
 public:
  MarkdownTable(std::string& out, std::initializer_list<Column> columns) : out_(out) {
    std::string rule;
    for (const Column& column : columns) {
      fmt::format_to(std::back_inserter(out_), "| {} ", column.title);
      rule += column.right ? "| ---: " : "| --- ";
    }
    out_ += "|\n" + rule + "|\n";
  }
  ~MarkdownTable() { out_ += '\n'; }
  MarkdownTable(const MarkdownTable&) = delete;
  MarkdownTable& operator=(const MarkdownTable&) = delete;

  void row(std::initializer_list<std::string> cells) {
    for (const std::string& cell : cells) fmt::format_to(std::back_inserter(out_), "| {} ", cell);
    out_ += "|\n";
  }

 private:
  std::string& out_;
};

std::string at(std::uint64_t nanoseconds) { return fmt::format("{:.3f}", static_cast<double>(nanoseconds) / 1e9); }
std::string unless_zero(std::uint64_t count) { return count == 0 ? "" : format_count(count); }

void left_out(std::string& out, std::uint64_t count, std::string_view what) {
  if (count != 0) out += fmt::format("({} more {} are not shown here.)\n\n", format_count(count), what);
}

// ---- Headline and findings

void headline(std::string& out, const Report& report, const std::vector<std::string>& notes) {
  Conclusion conclusion = conclude(report);
  conclusion.caveats.insert(conclusion.caveats.begin(), notes.begin(), notes.end());
  out += fmt::format("# mlocktrace: {}\n\n**{}**\n", markdown_text(describe(report.target)),
                     markdown_text(conclusion.text));
  if (!conclusion.counts.empty()) out += conclusion.counts + ".\n";
  out += '\n';
  for (const std::string& caveat : conclusion.caveats) out += "> - " + markdown_text(caveat) + "\n";
  if (!conclusion.caveats.empty()) out += '\n';
  const Host& host = report.host;
  out += fmt::format("Traced for {} from {:%Y-%m-%d %H:%M:%S} UTC by mlocktrace {}; Linux {} {}, {}, {} pages.\n\n",
                     format_duration(report.window.duration_ns),
                     fmt::gmtime(static_cast<std::time_t>(report.window.start_unix_ns / 1'000'000'000)),
                     report.tool_version, markdown_text(host.kernel), host.arch, plural(host.cpus, "CPU"),
                     format_bytes(host.page_size));
}

void findings(std::string& out, const Report& report) {
  if (report.findings.empty()) return;
  out += "## Findings\n\n";
  const std::size_t shown_count = std::min(report.findings.size(), kRows);
  for (const Finding& finding : std::span(report.findings).first(shown_count)) {
    out += fmt::format("### {}: {}{}\n\n", severity_name(finding.severity), markdown_text(subject_of(report, finding)),
                       markdown_text(finding.title));
    std::string seen;
    for (const auto& [key, value] : finding.evidence) seen += (seen.empty() ? "" : ", ") + fact_of(key, value);
    if (!seen.empty()) out += fmt::format("- **Seen:** {}\n", markdown_text(seen));
    if (finding.processes) out += fmt::format("- **Of:** {}\n", markdown_text(which_of(finding)));
    if (!finding.advice.empty()) out += fmt::format("- **Do:** {}\n", markdown_text(finding.advice));
    if (!finding.see.empty()) out += fmt::format("- **See:** {}\n", markdown_text(finding.see));
    out += fmt::format("- **Name:** {}\n\n", markdown_code(finding.id));
  }
  left_out(out, report.findings.size() - shown_count, "findings");
}

void storms(std::string& out, const Report& report) {
  if (report.storms.empty()) return;
  out += "## Storms\n\n";
  MarkdownTable table(out, {{"at (s)", true},
                            {"for", true},
                            {"pid", true},
                            {"faults", true},
                            {"peak /s", true},
                            {"before /s", true},
                            {"time", true},
                            {"cause"},
                            {"mapping"},
                            {"thread", true},
                            {"after"}});
  for (const Storm& storm : report.storms) {
    table.row({at(storm.start_ns), format_duration(storm.duration_ns), fmt::format("{}", storm.pid),
               format_count(storm.faults), format_count(storm.peak_per_s),
               storm.baseline_per_s ? format_count(*storm.baseline_per_s) : "", format_duration(storm.time_ns),
               words(cause_name(storm.cause)), storm.vma.empty() ? "" : markdown_code(storm.vma),
               storm.tid == 0 ? "" : fmt::format("{}", storm.tid),
               storm.trigger                    ? markdown_code(call_text(*storm.trigger))
               : !storm.trigger_unknown.empty() ? "not known: " + storm.trigger_unknown
                                                : ""});
  }
}

// ---- A process

constexpr std::string_view kFaultTitles = "minor | major | errors | time | p50 | p99 | longest |\n";

void fault_head(std::string& out, std::string_view first) {
  out += fmt::format("| {} | {}", first, kFaultTitles);
  for (std::size_t bars = static_cast<std::size_t>(std::ranges::count(first, '|')) + 1; bars > 0; --bars)
    out += "| --- ";
  out += "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n";
}

void fault_row(std::string& out, std::string_view first, const FaultTotals& totals) {
  const Histogram& latency = totals.latency;
  const auto duration = [&](std::uint64_t value) { return latency.empty() ? "–" : format_duration(value); };
  out += fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} |\n", first, format_count(totals.minor),
                     format_count(totals.major), format_count(totals.errors), duration(latency.sum()),
                     duration(latency.quantile(0.5)), duration(latency.quantile(0.99)), duration(latency.max()));
}

void fault_tables(std::string& out, const Faults& faults) {
  static constexpr std::array<std::string_view, MLT_LOCK_STATE_NR> kLocked{"not locked", "locked", "locked on fault",
                                                                           "lock state n/a"};
  fault_head(out, "faults");
  for (std::size_t i = 0; i < faults.by_origin.size(); ++i) {
    const std::string_view name = origin_name(static_cast<mlt_origin>(i));
    if (!faults.has_row(i)) continue;
    if (faults.by_origin[i]) {
      fault_row(out, name, *faults.by_origin[i]);
    } else {
      out += fmt::format("| {} | n/a | n/a | n/a | n/a | n/a | n/a | n/a |\n", name);
    }
  }
  out += '\n';
  if (faults.by_class.empty()) return;
  fault_head(out, "origin | state | cause");
  for (const ClassFaults& one : std::span(faults.by_class).first(std::min(faults.by_class.size(), kRows))) {
    const FaultClass& fault_class = one.fault_class;
    fault_row(out,
              fmt::format("{} | {} | {}", origin_name(fault_class.origin), kLocked.at(fault_class.locked),
                          words(cause_name(fault_class.cause))),
              one.totals);
  }
  out += '\n';
}

void facts(std::string& out, const Process& process, const Host& host) {
  for (const auto& group :
       {failed_facts(process), memory_facts(process, host), reclaim_facts(process), mmap_lock_facts(process.locks)}) {
    for (const Fact& fact : group)
      out += fmt::format("- {}{}{}\n", fact.label, fact.label.empty() ? "" : ": ", markdown_text(fact.text));
  }
  out += '\n';
}

/// All when they are few; else those that failed and the slowest, in order of time.
std::vector<const LockCall*> calls_to_show(const std::vector<LockCall>& calls) {
  std::vector<const LockCall*> chosen;
  chosen.reserve(calls.size());
  for (const LockCall& call : calls) chosen.push_back(&call);
  if (chosen.size() <= kRows) return chosen;
  const auto before = [](const LockCall* a, const LockCall* b) {
    return std::pair(is_error(a->ret), a->duration_ns) > std::pair(is_error(b->ret), b->duration_ns);
  };
  std::ranges::stable_sort(chosen, before);
  chosen.resize(kRows);
  std::ranges::sort(chosen, {}, &LockCall::start_ns);
  return chosen;
}

void lock_calls(std::string& out, const Locks& locks) {
  if (locks.calls.empty()) return;
  const auto chosen = calls_to_show(locks.calls);
  {
    MarkdownTable table(out, {{"at (s)", true},
                              {"call"},
                              {"result"},
                              {"took", true},
                              {"pages", true},
                              {"splits", true},
                              {"merges", true},
                              {""}});
    for (const LockCall* call : chosen) {
      table.row({at(call->start_ns), markdown_code(fmt::format("{}({})", call->name, call->args)),
                 is_error(call->ret) ? "**" + errno_name(call->ret) + "**" : "ok", format_duration(call->duration_ns),
                 unless_zero(call->pages_populated), unless_zero(call->vma_splits), unless_zero(call->vma_merges),
                 markdown_text(call->explain)});
    }
  }
  left_out(out, locks.calls.size() + locks.calls_not_kept - chosen.size(), "calls");
}

void process(std::string& out, const Process& process, const Host& host) {
  out += fmt::format("## Process {} {}\n\n", process.pid, markdown_code(process.comm));
  if (!process.exe.empty()) out += markdown_code(process.exe) + ", ";
  if (process.parent_pid != 0) out += fmt::format("forked by pid {}, ", process.parent_pid);
  out += markdown_text(process_state(process)) + ".\n\n";
  fault_tables(out, process.faults);
  facts(out, process, host);
  lock_calls(out, process.locks);
}

void overview(std::string& out, const Report& report) {
  out += "## Processes\n\n";
  MarkdownTable table(out, {{"pid", true},
                            {"command"},
                            {"faults", true},
                            {"major", true},
                            {"time", true},
                            {"p99", true},
                            {"locked", true},
                            {"lock calls", true}});
  const auto row = [&](const std::string& which, const std::string& command, const Process& one) {
    const FaultTotals totals = one.faults.of_all_origins();
    table.row({which, command, format_count(totals.completed()), format_count(totals.major),
               format_duration(totals.latency.sum()),
               totals.latency.empty() ? "–" : format_duration(totals.latency.quantile(0.99)),
               bytes_or_na(one.locks.locked_bytes.end), lock_calls(one.locks)});
  };
  for (const Process& one : report.processes) row(fmt::format("{}", one.pid), markdown_code(one.comm), one);
  for (const ProcessGroup& group : report.groups)
    row(format_count(group.processes) + " ×",
        fmt::format("{}: {}", group.comm.empty() ? "of other commands" : markdown_code(group.comm),
                    markdown_text(group_state(group))),
        group.sum);
  if (!report.groups.empty()) row("**all**", "", sum_of(report));
}

void system(std::string& out, const System& system) {
  const std::vector<std::string> facts = system_facts(system);
  if (facts.empty()) return;
  out += "## The whole system\n\n";
  for (const std::string& fact : facts) out += "- " + markdown_text(fact) + "\n";
  out += '\n';
}

// ---- What it rests on

std::string kernel_value(const Count& kernel, std::uint64_t slack) {
  if (!kernel) return "n/a";
  if (slack == 0) return format_count(*kernel);
  return fmt::format("{} to {}", format_count(*kernel), format_count(*kernel + slack));
}

void coverage(std::string& out, const Coverage& coverage) {
  out += "## Coverage and audit\n\n";
  const Lost& lost = coverage.lost;
  const bool skipped = coverage.has_skipped();
  if (skipped) out += fmt::format("**Skipped:** {}.\n\n", describe(*coverage.skipped));
  if (lost.any())
    out += fmt::format("**Lost:** {}. The figures are incomplete.\n\n", describe(lost));
  else
    out += skipped ? "No fault was lost.\n\n" : "Nothing was lost.\n\n";
  std::vector<AuditGroup> groups = coverage.audit_groups;
  std::size_t left = 0;
  if (!coverage.audit.empty() || !groups.empty()) {
    MarkdownTable table(out, {{"audit"}, {"traced", true}, {"kernel", true}, {"verdict"}, {"source"}, {""}});
    const auto row = [&](const std::string& name, const auto& check) {
      const std::string verdict(verdict_name(check.verdict));
      table.row({markdown_text(name), count_or_na(check.traced), kernel_value(check.kernel, check.slack),
                 check.verdict == Verdict::differs ? "**" + verdict + "**" : verdict, markdown_code(check.source),
                 markdown_text(check.why)});
    };
    // Where they are many, what is the same of several processes is a row.
    const bool many = coverage.audit.size() > kRows || !groups.empty();
    std::size_t rows = 0;
    for (const AuditCheck& check : coverage.audit) {
      if (many && check.verdict != Verdict::differs && check_of(check.check)) {
        add_to_groups(groups, check);
      } else if (rows < kRows || !check_of(check.check)) {
        row(check.check, check);
        ++rows;
      } else {
        ++left;
      }
    }
    for (const AuditGroup& group : groups)
      row(fmt::format("{} of {} ×", group.check, format_count(group.checks)), group);
  }
  left_out(out, left, "checks that differ");
  if (coverage.signals.empty()) return;
  out += "<details><summary>Signals: what was measured, and how</summary>\n\n";
  {
    MarkdownTable table(out, {{"signal"}, {"state"}, {"by"}, {"what that can't see"}});
    for (const SignalCoverage& signal : coverage.signals) {
      table.row({markdown_text(signal.name), std::string(signal_state_name(signal.state)),
                 signal.via.empty() ? "" : markdown_code(signal.via), markdown_text(signal.limits)});
    }
  }
  out += "</details>\n";
}

}  // namespace

std::string markdown_text(std::string_view text) {
  static constexpr std::string_view kMarks = "\\`*_[]|#~";
  std::string safe;
  for (const char c : shown(text)) {
    switch (c) {
      case '<': safe += "&lt;"; break;
      case '>': safe += "&gt;"; break;
      case '&': safe += "&amp;"; break;
      case '@': safe += "&#64;"; break;  // else a name after it gets a mail
      default:
        if (kMarks.find(c) != std::string_view::npos) safe += '\\';
        safe += c;
    }
  }
  return safe;
}

std::string markdown_code(std::string_view text) {
  std::string inside;
  std::size_t run = 0;
  std::size_t longest = 0;
  for (const char c : shown(text)) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
    // Inside a table a bar ends the cell, in a code span too; the backslash is taken away again.
    if (c == '|') inside += '\\';
    inside += c;
  }
  const std::string fence(longest + 1, '`');
  const bool pad = inside.empty() || inside.front() == '`' || inside.back() == '`' ||
                   (inside.front() == ' ' && inside.back() == ' ');
  return fence + (pad ? " " + inside + " " : inside) + fence;
}

std::string to_markdown(const Report& whole, const std::vector<std::string>& notes) {
  const auto crowd = summed_up(whole, {.processes = kProcesses, .groups = kGroups});
  const Report& report = crowd ? *crowd : whole;
  std::string out;
  headline(out, report, notes);
  findings(out, report);
  storms(out, report);
  if (report.processes.size() > 1 || !report.groups.empty()) overview(out, report);
  const std::size_t detailed = report.processes.size() > kDetailed + 2 ? kDetailed : report.processes.size();
  for (const Process& one : std::span(report.processes).first(detailed)) process(out, one, report.host);
  system(out, report.system);
  coverage(out, report.coverage);
  return out;
}

}  // namespace mlt
