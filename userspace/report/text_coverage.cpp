// What was measured and how well: signals, losses, and the audit against the kernel's own counters.
#include <fmt/format.h>

#include <algorithm>

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

void losses(Page& page, const Lost& lost) {
  if (!lost.any()) {
    page.labelled(2, {"lost", Style::green}, kState, {"nothing"});
    return;
  }
  std::string text;
  const auto add = [&](std::uint64_t count, std::string_view what) {
    if (count != 0) text += fmt::format("{}{} {}", text.empty() ? "" : "; ", format_count(count), what);
  };
  add(lost.events, "events found no room in the ring buffer");
  add(lost.map_full, "faults, processes or pages found no room in a map");
  add(lost.missed_probes, "return probes did not fire");
  page.labelled(2, {"LOST", Style::red}, kState, {text + ". The numbers above are incomplete.", Style::red});
}

std::string kernel_value(const AuditCheck& check) {
  if (!check.kernel) return "n/a";
  if (check.slack == 0) return format_count(*check.kernel);
  return fmt::format("{}..{}", format_count(*check.kernel), format_count(*check.kernel + check.slack));
}

Style style_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::equal: return Style::green;
    case Verdict::differs: return Style::red;
    case Verdict::unavailable: return Style::dim;
  }
  return Style::plain;
}

void audit(Page& page, const std::vector<AuditCheck>& checks, bool verbose) {
  constexpr std::size_t kMany = 10;
  if (checks.empty()) return;
  using enum Table::Align;
  Table table({{"audit", left, true}, {"traced", right}, {"kernel", right}, {"verdict"}});
  std::uint64_t summed_up = 0;
  for (const AuditCheck& check : checks) {
    const bool equal = check.verdict == Verdict::equal;
    if (equal && !verbose && checks.size() > kMany) {
      ++summed_up;
      continue;
    }
    table.add_row({{check.check},
                   {count_or_na(check.traced)},
                   {kernel_value(check)},
                   {std::string(verdict_name(check.verdict)), style_of(check.verdict)}});
    const Style style = check.verdict == Verdict::differs ? Style::red : Style::dim;
    if (!check.why.empty()) table.add_note({check.why, style});
    if (!equal || verbose) table.add_note({"kernel: " + check.source, Style::dim});
  }
  page.blank();
  page.table(2, table);
  if (summed_up != 0) page.paragraph(2, {fmt::format("{} more, equal", plural(summed_up, "check")), Style::green});
}

}  // namespace

void coverage(Page& page, const Report& report, const TextOptions& options) {
  const Coverage& coverage = report.coverage;
  page.blank();
  page.line(0, {{"COVERAGE", Style::bold}});
  signals(page, coverage.signals, options.verbose);
  beginning(page, report.window);
  losses(page, coverage.lost);
  audit(page, coverage.audit, options.verbose);
}

}  // namespace mlt::text
