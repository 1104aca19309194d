// What was measured and how well: signals, losses, and the audit against the kernel's own counters.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <span>

#include "analysis/crowd.h"
#include "model/names.h"
#include "report/text_sections.h"
#include "util/units.h"

namespace mlt::text {
namespace {

constexpr std::size_t kState = 9;

Style style_of(SignalState state) {
  switch (state) {
    case SignalState::exact: return Style::green;
    case SignalState::partial: return Style::yellow;
    case SignalState::off: return Style::red;
  }
  return Style::plain;
}

/// A line for each signal; without `verbose` the exact ones share one.
void signals(Page& page, const std::vector<SignalCoverage>& signals, bool verbose) {
  const auto state_label = [](SignalState state) {
    return Span{std::string(signal_state_name(state)), style_of(state)};
  };
  std::string exact;
  for (const SignalCoverage& signal : signals) {
    if (signal.state == SignalState::exact) exact += (exact.empty() ? "" : ", ") + signal.name;
  }
  if (!exact.empty() && !verbose) page.labelled(2, state_label(SignalState::exact), kState, {exact});
  for (const SignalCoverage& signal : signals) {
    if (signal.state == SignalState::exact && !verbose) continue;
    std::string text = signal.name;
    if (!signal.via.empty()) text += fmt::format(" by {}", signal.via);
    if (!signal.limits.empty()) text += fmt::format(": {}", signal.limits);
    page.labelled(2, state_label(signal.state), kState, {text});
  }
}

/// Faults are counted first; what the rest counts begins when the last probe is attached.
void beginning(Page& page, const Window& window) {
  if (window.complete_after_ns == 0) return;
  page.labelled(2, {"since"}, kState,
                {fmt::format("faults count from the start, everything else from {} on",
                             format_duration(window.complete_after_ns))});
}

void losses(Page& page, const Coverage& coverage) {
  const Lost& lost = coverage.lost;
  const bool skipped = coverage.has_skipped();
  if (skipped) page.labelled(2, {"skipped", Style::yellow}, kState, {describe(*coverage.skipped) + "."});
  if (!lost.any()) {
    page.labelled(2, {"lost", Style::green}, kState, {skipped ? "no fault" : "nothing"});
    return;
  }
  std::string text;
  const auto add = [&](std::uint64_t count, std::string_view what) {
    if (count != 0) text += fmt::format("{}{} {}", text.empty() ? "" : "; ", format_count(count), what);
  };
  add(lost.events, "events found no room in the ring buffer");
  add(lost.map_full, "faults, processes or pages found no room in a map");
  add(lost.missed_probes, "probes did not fire");
  page.labelled(2, {"LOST", Style::red}, kState, {text + ". The numbers above are incomplete.", Style::red});
}

std::string kernel_value(const Count& kernel, std::uint64_t slack) {
  if (!kernel) return "n/a";
  if (slack == 0) return format_count(*kernel);
  return fmt::format("{}..{}", format_count(*kernel), format_count(*kernel + slack));
}

Style style_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::equal: return Style::green;
    case Verdict::differs: return Style::red;
    case Verdict::unavailable: return Style::dim;
  }
  return Style::plain;
}

/// Checks that are told one by one, even where there are many.
constexpr std::size_t kMany = 10;

class AuditTable {
 public:
  explicit AuditTable(bool with_source) : with_source_(with_source) {}

  void add(const AuditCheck& check) {
    table_.add_row({{check.check},
                    {count_or_na(check.traced)},
                    {kernel_value(check.kernel, check.slack)},
                    {std::string(verdict_name(check.verdict)), style_of(check.verdict)}});
    add_notes(check.verdict, check.why, check.source);
  }
  void add(const AuditGroup& group) {
    table_.add_row({{fmt::format("{} of {}", group.check, processes(group.checks))},
                    {count_or_na(group.traced)},
                    {kernel_value(group.kernel, group.slack)},
                    {std::string(verdict_name(group.verdict)), style_of(group.verdict)}});
    add_notes(group.verdict, group.why, group.source);
  }
  /// Of those that differ and are too many.
  void add(const std::string& kind, const std::vector<std::uint32_t>& pids) {
    constexpr std::size_t kNamed = 40;
    table_.add_row({{fmt::format("{} of {} more", kind, processes(pids.size()))},
                    {},
                    {},
                    {std::string(verdict_name(Verdict::differs)), style_of(Verdict::differs)}});
    const auto named = std::span(pids).first(std::min(pids.size(), kNamed));
    table_.add_note(
        {fmt::format("pids {}{}", fmt::join(named, ", "), named.size() < pids.size() ? ", …: -v, --json" : ""),
         Style::red});
  }

  [[nodiscard]] const Table& table() const { return table_; }

 private:
  static std::string processes(std::uint64_t count) {
    return fmt::format("{} {}", format_count(count), count == 1 ? "process" : "processes");
  }
  void add_notes(Verdict verdict, const std::string& why, const std::string& source) {
    if (!why.empty()) table_.add_note({why, verdict == Verdict::differs ? Style::red : Style::dim});
    if (verdict != Verdict::equal || with_source_) table_.add_note({"kernel: " + source, Style::dim});
  }

  Table table_{{{"audit", Table::Align::left, true},
                {"traced", Table::Align::right},
                {"kernel", Table::Align::right},
                {"verdict"}}};
  bool with_source_;
};

/// One by one what differs, in sum what is the same of many processes.
void audit_of_many(Page& page, const Coverage& coverage) {
  AuditTable table(false);
  std::vector<AuditGroup> groups = coverage.audit_groups;
  std::map<std::string, std::vector<std::uint32_t>> differing;
  std::size_t told = 0;
  std::uint64_t equal = 0;
  for (const AuditCheck& check : coverage.audit) {
    const auto of = check_of(check.check);
    if (check.verdict == Verdict::differs && of && told++ >= kMany) {
      differing[of->kind].push_back(of->pid);
    } else if (check.verdict != Verdict::differs && of) {
      add_to_groups(groups, check);
    } else if (check.verdict == Verdict::equal) {
      ++equal;
    } else {
      table.add(check);
    }
  }
  for (const auto& [kind, pids] : differing) table.add(kind, pids);
  for (const AuditGroup& group : groups) table.add(group);
  page.blank();
  page.table(2, table.table());
  if (equal != 0) page.paragraph(2, {fmt::format("{} more, equal", plural(equal, "check")), Style::green});
}

void audit(Page& page, const Coverage& coverage, bool verbose) {
  if (coverage.audit.empty() && coverage.audit_groups.empty()) return;
  if (!verbose && (coverage.audit.size() > kMany || !coverage.audit_groups.empty()))
    return audit_of_many(page, coverage);
  AuditTable table(verbose);
  for (const AuditCheck& check : coverage.audit) table.add(check);
  for (const AuditGroup& group : coverage.audit_groups) table.add(group);
  page.blank();
  page.table(2, table.table());
}

}  // namespace

void coverage(Page& page, const Report& report, const TextOptions& options) {
  const Coverage& coverage = report.coverage;
  page.blank();
  page.line(0, {{"COVERAGE", Style::bold}});
  signals(page, coverage.signals, options.verbose);
  beginning(page, report.window);
  losses(page, coverage);
  audit(page, coverage, options.verbose);
}

}  // namespace mlt::text
