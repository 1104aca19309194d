// Faults: by origin, by class, by thread, and their latency.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <utility>

#include "model/names.h"
#include "report/text_sections.h"
#include "util/units.h"

namespace mlt::text {
namespace {

Table fault_table(std::string title, bool flexible = false) {
  using enum Table::Align;
  return Table({{std::move(title), left, flexible},
                {"minor", right},
                {"major", right},
                {"errors", right},
                {"untimed", right},
                {"time", right},
                {"p50", right},
                {"p99", right},
                {"max", right}});
}

void add_faults(Table& table, const std::string& name, const FaultTotals& totals, Style style = Style::plain) {
  const Histogram& latency = totals.latency;
  const auto duration = [&](std::uint64_t value) { return latency.empty() ? "-" : format_duration(value); };
  const auto unless_zero = [](std::uint64_t value) { return value == 0 ? "" : format_count(value); };
  table.add_row({{name, style},
                 {format_count(totals.minor), style},
                 {format_count(totals.major), style},
                 {format_count(totals.errors), totals.errors == 0 ? style : Style::red},
                 {unless_zero(totals.untimed), style},
                 {duration(latency.sum()), style},
                 {duration(latency.quantile(0.5)), style},
                 {duration(latency.quantile(0.99)), style},
                 {duration(latency.max()), style}});
}

void add_not_measured(Table& table, const std::string& name) {
  const Span na{"n/a", Style::dim};
  table.add_row({{name, Style::dim}, na, na, na, {}, na, na, na, na});
}

std::string group_title(const FaultClass& fault_class) {
  static constexpr std::array<std::string_view, MLT_LOCK_STATE_NR> kLocked{"not locked", "locked", "locked on fault",
                                                                           "lock state n/a"};
  return fmt::format("{}, {}", origin_name(fault_class.origin), kLocked.at(fault_class.locked));
}

void by_origin(Page& page, const Process& process) {
  Table table = fault_table("faults");
  for (std::size_t i = 0; i < process.faults.by_origin.size(); ++i) {
    const std::string name{origin_name(static_cast<mlt_origin>(i))};
    const auto& totals = process.faults.by_origin[i];
    if (!process.faults.has_row(i)) continue;
    if (totals) {
      add_faults(table, name, *totals);
    } else {
      add_not_measured(table, name);
    }
  }
  const auto& origins = process.faults.by_origin;
  const bool all_measured = std::all_of(origins.begin(), origins.begin() + MLT_ORIGIN_UNKNOWN,
                                        [](const auto& totals) { return totals.has_value(); });
  add_faults(table, all_measured ? "total" : "measured", process.faults.of_all_origins(), Style::bold);
  page.table(2, table);
}

/// The classes of one origin and lock state, by cause.
struct Group {
  FaultTotals totals;
  std::vector<const ClassFaults*> causes;  // most time first
};

std::vector<Group> groups_of(const std::vector<ClassFaults>& classes) {
  const auto key = [](const ClassFaults& faults) {
    return std::pair(faults.fault_class.origin, faults.fault_class.locked);
  };
  std::vector<Group> groups;
  for (const ClassFaults& faults : classes) {
    auto group = std::ranges::find_if(groups, [&](const Group& g) { return key(*g.causes.front()) == key(faults); });
    if (group == groups.end()) group = groups.insert(groups.end(), Group{});
    group->totals.add(faults.totals);
    group->causes.push_back(&faults);
  }
  std::ranges::stable_sort(groups, std::greater{}, [](const Group& group) { return group.totals.latency.sum(); });
  return groups;
}

/// A cause that could not be determined stands out: it is what the others may be too small by.
void add_causes(Table& table, const Group& group) {
  const auto title = [](const ClassFaults& faults) { return std::string(cause_name(faults.fault_class.cause)); };
  const auto style = [](const ClassFaults& faults) {
    return faults.fault_class.cause == MLT_CAUSE_UNKNOWN ? Style::yellow : Style::plain;
  };
  if (group.causes.size() == 1) {
    table.add_row({{"  all " + title(*group.causes.front()), style(*group.causes.front())}});
    return;
  }
  for (const ClassFaults* faults : group.causes)
    add_faults(table, "  " + title(*faults), faults->totals, style(*faults));
}

/// One class that is not locked and has no cause tells nothing that the origins don't.
void by_class(Page& page, const Process& process) {
  const auto& classes = process.faults.by_class;
  const bool any_locked = std::any_of(classes.begin(), classes.end(), [](const ClassFaults& faults) {
    return faults.fault_class.locked == MLT_LOCKED || faults.fault_class.locked == MLT_LOCKED_ON_FAULT;
  });
  const bool any_cause = std::any_of(classes.begin(), classes.end(), [](const ClassFaults& faults) {
    return faults.fault_class.cause != MLT_CAUSE_UNKNOWN;
  });
  if (classes.size() < 2 && !any_locked && !any_cause) return;
  Table table = fault_table("by class", true);
  for (const Group& group : groups_of(classes)) {
    add_faults(table, group_title(group.causes.front()->fault_class), group.totals);
    if (any_cause) add_causes(table, group);
  }
  page.blank();
  page.table(2, table);
}

void by_thread(Page& page, const Process& process) {
  Table table = fault_table("by thread");
  for (const ThreadFaults& faults : process.faults.by_thread) {
    add_faults(table, faults.tid == 0 ? "others" : fmt::format("{}", faults.tid), faults.totals);
  }
  page.blank();
  page.table(2, table);
}

// ---- Latency

constexpr std::size_t kOctaves = MLT_HIST_OCTAVES;
using Octaves = std::array<std::uint64_t, kOctaves>;

/// Counts by power of two: an octave each, so that all rows are equally wide on the logarithmic scale.
Octaves octaves_of(const Histogram& histogram) {
  Octaves octaves{};
  for (const auto& [index, count] : histogram.buckets()) {
    const std::uint64_t lo = bucket_range(index).lo;
    octaves.at(lo == 0 ? 0 : static_cast<std::size_t>(std::bit_width(lo) - 1)) += count;
  }
  return octaves;
}

struct Series {
  std::string name;
  Octaves octaves;
  std::uint64_t largest = 0;
};

std::vector<Series> series_of(const Process& process) {
  std::vector<Series> all;
  for (std::size_t i = 0; i < process.faults.by_origin.size(); ++i) {
    const auto& totals = process.faults.by_origin[i];
    if (!totals || totals->latency.empty()) continue;
    Series series{std::string(origin_name(static_cast<mlt_origin>(i))), octaves_of(totals->latency)};
    series.largest = *std::max_element(series.octaves.begin(), series.octaves.end());
    all.push_back(std::move(series));
  }
  return all;
}

/// As long as `count` is to `largest`, in eighths of a character where there is Unicode; never empty for a count.
std::string bar(std::uint64_t count, std::uint64_t largest, std::size_t width, bool unicode) {
  if (count == 0) return "";
  const std::size_t steps = unicode ? 8 : 1;
  const double share = static_cast<double>(count) / static_cast<double>(largest);
  const auto length = static_cast<std::size_t>(std::lround(share * static_cast<double>(width * steps)));
  const std::size_t filled = std::max<std::size_t>(1, length);
  if (!unicode) return std::string(filled, '#');
  static constexpr std::array<std::string_view, 8> kEighths{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  std::string text;
  for (std::size_t i = 0; i < filled / steps; ++i) text += "█";
  return text.append(kEighths[filled % steps]);
}

std::string octave_title(std::size_t octave, const TextOptions& options) {
  const std::string lo = octave == 0 ? "0" : format_duration(std::uint64_t{1} << octave);
  if (octave + 1 == kOctaves) return lo + " or more";
  return fmt::format("{} {} {:>7}", lo, options.unicode ? "–" : "-", format_duration(std::uint64_t{2} << octave));
}

/// Octaves to show: from the first to the last that any series has, without long gaps.
std::vector<std::size_t> rows_of(const std::vector<Series>& all) {
  constexpr std::size_t kLongGap = 3;
  const auto used = [&](std::size_t octave) {
    return std::any_of(all.begin(), all.end(), [&](const Series& series) { return series.octaves[octave] != 0; });
  };
  std::vector<std::size_t> rows;
  for (std::size_t octave = 0; octave < kOctaves; ++octave) {
    if (!used(octave)) continue;
    if (!rows.empty() && octave - rows.back() <= kLongGap) {
      for (std::size_t gap = rows.back() + 1; gap < octave; ++gap) rows.push_back(gap);
    }
    rows.push_back(octave);
  }
  return rows;
}

std::size_t bar_width(const Page& page, const std::vector<Series>& all) {
  constexpr std::size_t kWidest = 40;
  constexpr std::size_t kNarrowest = 4;
  constexpr std::size_t kGaps = 4;
  std::size_t used = 2 + octave_title(kOctaves / 2, {}).size();
  for (const Series& series : all) used += kGaps + std::max(series.name.size(), format_count(series.largest).size());
  return std::clamp((page.width() - std::min(used, page.width())) / all.size(), kNarrowest, kWidest);
}

}  // namespace

void faults(Page& page, const Process& process, const TextOptions& options) {
  by_origin(page, process);
  by_class(page, process);
  by_vma(page, process, options);
  if (options.verbose && process.faults.by_thread.size() > 1) by_thread(page, process);
  stacks(page, process, options);
}

void histograms(Page& page, const Process& process, const TextOptions& options) {
  const std::vector<Series> all = series_of(process);
  if (all.empty()) return;
  std::vector<Table::Column> columns{{"latency", Table::Align::right}};
  for (const Series& series : all) {
    columns.push_back({series.name, Table::Align::right});
    columns.push_back({});
  }
  Table table(std::move(columns));
  const std::size_t width = bar_width(page, all);
  std::size_t previous = 0;
  for (const std::size_t octave : rows_of(all)) {
    if (previous != 0 && octave != previous + 1) table.add_note({options.unicode ? "⋮" : ":", Style::dim}, 17);
    std::vector<Span> cells{{octave_title(octave, options)}};
    for (const Series& series : all) {
      const std::uint64_t count = series.octaves[octave];
      cells.push_back({count == 0 ? "" : format_count(count)});
      cells.push_back({bar(count, series.largest, width, options.unicode), Style::cyan});
    }
    table.add_row(std::move(cells));
    previous = octave;
  }
  page.blank();
  page.table(2, table);
}

}  // namespace mlt::text
