#include "report/diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "model/names.h"
#include "report/html.h"
#include "report/latency_json.h"
#include "report/layout.h"
#include "util/units.h"
#include "version.h"

namespace mlt {
namespace {

using Json = nlohmann::ordered_json;

// ---- Text

std::string value_text(const Figure& figure, const std::optional<double>& value) {
  if (!value) return "n/a";
  const auto rounded = [&] { return static_cast<std::uint64_t>(std::llround(std::max(*value, 0.0))); };
  switch (figure.unit) {
    case FigureUnit::per_second: return *value >= 999.5 ? format_count(rounded()) + "/s" : format_number(*value) + "/s";
    case FigureUnit::nanoseconds: return format_duration(rounded());
    case FigureUnit::share: return format_number(*value * 100) + " %";
    case FigureUnit::bytes: return format_bytes(rounded());
  }
  return "";
}

std::string change_text(const Figure& figure) {
  if (!figure.before || !figure.after) return "";
  if (*figure.before == 0) return *figure.after == 0 ? "" : "new";
  if (*figure.after == 0) return "gone";
  const double ratio = *figure.after / *figure.before;
  if (ratio >= 10) return fmt::format("x{}", format_number(ratio));
  return fmt::format("{}{} %", ratio >= 1 ? "+" : "-", format_number(std::abs(ratio - 1) * 100));
}

Style style_of(Change change) {
  switch (change) {
    case Change::worse: return Style::red;
    case Change::better: return Style::green;
    case Change::changed: return Style::cyan;
    case Change::noise:
    case Change::unknown: return Style::dim;
  }
  return Style::plain;
}

Style style_of(DiffVerdict verdict) {
  switch (verdict) {
    case DiffVerdict::regression: return Style::red;
    case DiffVerdict::mixed: return Style::yellow;
    case DiffVerdict::improvement:
    case DiffVerdict::same: return Style::green;
  }
  return Style::plain;
}

Style style_of(FindingChange change) {
  switch (change) {
    case FindingChange::came:
    case FindingChange::graver: return Style::red;
    case FindingChange::milder:
    case FindingChange::went: return Style::green;
    case FindingChange::stays: return Style::dim;
  }
  return Style::plain;
}

std::string severities(const FindingDiff& diff) {
  if (diff.before && diff.after && *diff.before != *diff.after)
    return fmt::format("{}, was {}", severity_name(*diff.after), severity_name(*diff.before));
  return std::string(severity_name(diff.finding.severity));
}

void findings(Page& page, const Diff& diff) {
  if (diff.findings.empty()) return;
  page.blank();
  page.line(0, {{"FINDINGS", Style::bold}});
  for (const FindingDiff& one : diff.findings) {
    const std::string subject = one.command.empty() ? "" : one.command + ": ";
    page.labelled(2, {std::string(finding_change_name(one.change)), style_of(one.change)}, 8,
                  {fmt::format("{}: {}{} [{}]", severities(one), subject, one.finding.title, one.finding.id)});
    const bool new_harm = one.change == FindingChange::came || one.change == FindingChange::graver;
    if (new_harm && !one.finding.advice.empty()) page.paragraph(10, {"Do: " + one.finding.advice}, 2);
  }
}

bool is_shown(const Figure& figure, bool verbose) {
  return verbose || (figure.change != Change::noise && figure.change != Change::unknown);
}

/// The figures of one command; of all processes when it is empty.
void figures(Page& page, const Diff& diff, const std::string& command, bool verbose) {
  using enum Table::Align;
  Table table({{command.empty() ? "all processes" : command, left, true},
               {"before", right},
               {"after", right},
               {"change", right},
               {""}});
  for (const Figure& figure : diff.figures) {
    if (figure.command != command || !is_shown(figure, verbose)) continue;
    const Style style = style_of(figure.change);
    table.add_row({{figure.title, style == Style::dim ? Style::dim : Style::plain},
                   {value_text(figure, figure.before)},
                   {value_text(figure, figure.after)},
                   {change_text(figure), style},
                   {std::string(change_name(figure.change)), style}});
    if (verbose) table.add_note({figure.why, Style::dim});
  }
  if (table.empty()) return;
  page.blank();
  page.table(2, table);
}

std::vector<std::string> commands_of(const Diff& diff) {
  std::vector<std::string> commands;
  for (const Figure& figure : diff.figures) {
    if (std::ranges::find(commands, figure.command) == commands.end()) commands.push_back(figure.command);
  }
  return commands;
}

/// "SIGSEGV (2), none (1)"
std::string values_text(const std::map<std::string, std::size_t>& values) {
  std::string text;
  for (const auto& [value, processes] : values)
    text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", value.empty() ? "none" : value, processes);
  return text;
}

void values(Page& page, const Diff& diff) {
  if (diff.values.empty()) return;
  using enum Table::Align;
  Table table({{"processes with", left, true}, {"before"}, {"after"}});
  for (const ValueDiff& one : diff.values) {
    const std::string subject = one.command.empty() ? "" : one.command + ": ";
    table.add_row({{subject + one.key}, {values_text(one.before)}, {values_text(one.after)}});
  }
  page.blank();
  page.table(2, table);
}

// ---- JSON

Json optional(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }
Json severity(const std::optional<Severity>& value) { return value ? Json(severity_name(*value)) : Json(nullptr); }

Json to_json(const FindingDiff& diff) {
  return {{"change", finding_change_name(diff.change)},
          {"id", diff.finding.id},
          {"command", diff.command.empty() ? Json(nullptr) : Json(diff.command)},
          {"title", diff.finding.title},
          {"before", severity(diff.before)},
          {"after", severity(diff.after)},
          {"advice", diff.finding.advice}};
}

Json to_json(const Figure& figure) {
  return {{"command", figure.command.empty() ? Json(nullptr) : Json(figure.command)},
          {"key", figure.key},
          {"title", figure.title},
          {"unit", unit_name(figure.unit)},
          {"before", optional(figure.before)},
          {"after", optional(figure.after)},
          {"change", change_name(figure.change)},
          {"why", figure.why}};
}

Json to_json(const ValueDiff& diff) {
  const auto side = [](const std::map<std::string, std::size_t>& values) {
    Json list = Json::array();
    for (const auto& [value, processes] : values)
      list.push_back({{"value", value.empty() ? Json(nullptr) : Json(value)}, {"processes", processes}});
    return list;
  };
  return {{"command", diff.command.empty() ? Json(nullptr) : Json(diff.command)},
          {"key", diff.key},
          {"before", side(diff.before)},
          {"after", side(diff.after)}};
}

Json document(const Diff& diff, const DiffNames& names) {
  Json findings = Json::array();
  for (const FindingDiff& one : diff.findings) findings.push_back(to_json(one));
  Json figures = Json::array();
  for (const Figure& one : diff.figures) figures.push_back(to_json(one));
  Json values = Json::array();
  for (const ValueDiff& one : diff.values) values.push_back(to_json(one));
  Json latency = Json::object();
  for (std::size_t i = 0; i < MLT_ORIGIN_NR; ++i) {
    if (diff.before[i].empty() && diff.after[i].empty()) continue;
    latency[std::string(origin_name(static_cast<mlt_origin>(i)))] = {{"before", latency_json(diff.before[i])},
                                                                     {"after", latency_json(diff.after[i])}};
  }
  return {
      {"type", "diff"},         {"schema_version", 1},     {"tool", {{"name", "mlocktrace"}, {"version", kVersion}}},
      {"before", names.before}, {"after", names.after},    {"verdict", diff_verdict_name(diff.verdict)},
      {"text", diff.text},      {"method", diff_method()}, {"caveats", diff.caveats},
      {"findings", findings},   {"figures", figures},      {"values", values},
      {"latency", latency}};
}

}  // namespace

std::string diff_method() {
  return fmt::format(
      "A rate differs when it is {0} standard errors apart; where both traces have {1} intervals or more, these tell "
      "how "
      "much the rate varies by itself. Without them, or where one side has none at all, it differs when it is {2} "
      "times "
      "as large and {3} more. A quantile differs when the ranges it may lie in ({0} standard errors of its rank, whole "
      "buckets of the histogram) do not overlap. Less than {4} % never counts.",
      kSigmas, kFewestIntervals, kFactorWithoutIntervals, kCountWithoutIntervals, kMatters * 100);
}

std::string diff_to_text(const Diff& diff, const DiffNames& names, const TextOptions& options) {
  Page page(options.width, options.color);
  page.paragraph(0, {fmt::format("mlocktrace diff: {} (before) and {} (after)", names.before, names.after)}, 2);
  std::string verdict(diff_verdict_name(diff.verdict));
  std::ranges::transform(verdict, verdict.begin(), [](char c) { return static_cast<char>(c - 'a' + 'A'); });
  page.paragraph(0, {fmt::format("{}: {}", verdict, diff.text), style_of(diff.verdict)}, 2);
  for (const std::string& caveat : diff.caveats) page.paragraph(0, {caveat, Style::yellow}, 2);
  findings(page, diff);
  values(page, diff);
  for (const std::string& command : commands_of(diff)) figures(page, diff, command, options.verbose);
  page.blank();
  const auto left_out = static_cast<std::uint64_t>(
      std::ranges::count_if(diff.figures, [&](const Figure& figure) { return !is_shown(figure, options.verbose); }));
  if (left_out != 0) {
    page.paragraph(0, {fmt::format("{} figures do not differ by more than chance, or can't be judged: -v shows them.",
                                   format_count(left_out)),
                       Style::dim});
  }
  page.paragraph(0, {diff_method(), Style::dim});
  return page.take();
}

std::string diff_to_json(const Diff& diff, const DiffNames& names, bool pretty) {
  return document(diff, names).dump(pretty ? 2 : -1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string diff_to_html(const Diff& diff, const DiffNames& names) {
  const HtmlFrame frame = html_frame();
  std::string page(frame.before);
  page += escape_for_script("{\"diff\":" + diff_to_json(diff, names, false) + "}");
  page += frame.after;
  return page;
}

}  // namespace mlt
