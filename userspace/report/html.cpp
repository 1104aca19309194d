#include "report/html.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "analysis/crowd.h"
#include "model/names.h"
#include "report/conclusion.h"
#include "report/facts.h"
#include "report/json.h"
#include "report/phrases.h"

namespace mlt {
namespace {

using Json = nlohmann::ordered_json;

// What one page can draw and a browser reads in a moment.
constexpr std::size_t kMostRows = 100'000;
constexpr std::size_t kMostSeries = 30;
constexpr std::size_t kMostGrids = 8;
constexpr std::size_t kFewestRows = 2'000;

std::string dump(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

// ---- Columns of numbers: by far the most of the data, so written without a document in between

template <typename Range, typename Function>
void append_list(std::string& out, const Range& range, Function value_of) {
  out += '[';
  bool first = true;
  for (const auto& item : range) {
    if (!first) out += ',';
    first = false;
    if constexpr (std::is_same_v<decltype(value_of(item)), Count>) {
      if (const Count value = value_of(item)) {
        fmt::format_to(std::back_inserter(out), "{}", *value);
      } else {
        out += "null";
      }
    } else {
      fmt::format_to(std::back_inserter(out), "{}", value_of(item));
    }
  }
  out += ']';
}

void append_series(std::string& out, const Series& series) {
  const auto& rows = series.rows();
  const auto column = [&](std::string_view name, auto value_of) {
    fmt::format_to(std::back_inserter(out), ",\"{}\":", name);
    append_list(out, rows, value_of);
  };
  fmt::format_to(std::back_inserter(out), "{{\"intervals_per_row\":{}", series.intervals_per_row());
  column("start_ns", [](const SeriesRow& row) { return row.start_ns; });
  column("duration_ns", [](const SeriesRow& row) { return row.duration_ns; });
  for (std::size_t i = 0; i < MLT_ORIGIN_NR; ++i)
    column(origin_name(static_cast<mlt_origin>(i)), [i](const SeriesRow& row) { return row.faults[i]; });
  column("major", [](const SeriesRow& row) { return row.major; });
  column("time_ns", [](const SeriesRow& row) { return row.time_ns; });
  for (const IntervalCount& count : kIntervalCounts) {
    if (std::ranges::none_of(rows, [&](const SeriesRow& row) { return (row.*count.member).has_value(); })) continue;
    column(count.key, [&](const SeriesRow& row) { return row.*count.member; });
  }
  out += ",\"causes\":{";
  const char* separator = "";
  for (std::size_t cause = 0; cause < MLT_CAUSE_NR; ++cause) {
    if (std::ranges::none_of(rows, [&](const SeriesRow& row) { return row.by_cause[cause] != 0; })) continue;
    fmt::format_to(std::back_inserter(out), "{}\"{}\":", separator, cause_name(static_cast<mlt_cause>(cause)));
    append_list(out, rows, [&](const SeriesRow& row) { return row.by_cause[cause]; });
    separator = ",";
  }
  out += "}}";
}

/// The cells that are not empty: for each column bucket, count, bucket, count, ….
void append_grid(std::string& out, const LatencyGrid& grid, bool from_events) {
  const auto& columns = grid.columns();
  fmt::format_to(std::back_inserter(out), "{{\"from_events\":{},\"start_ns\":", from_events);
  append_list(out, columns, [](const LatencyGrid::Column& column) { return column.start_ns; });
  out += ",\"duration_ns\":";
  append_list(out, columns, [](const LatencyGrid::Column& column) { return column.duration_ns; });
  for (std::size_t origin = 0; origin < MLT_ORIGIN_NR; ++origin) {
    fmt::format_to(std::back_inserter(out), ",\"{}\":[", origin_name(static_cast<mlt_origin>(origin)));
    const char* separator = "";
    for (const LatencyGrid::Column& column : columns) {
      out += separator;
      separator = ",";
      out += '[';
      const char* comma = "";
      for (std::size_t i = 0; i < MLT_HIST_BUCKETS; ++i) {
        const std::uint32_t count = column.counts[origin][i];
        if (count == 0) continue;
        fmt::format_to(std::back_inserter(out), "{}{},{}", comma, i, count);
        comma = ",";
      }
      out += ']';
    }
    out += ']';
  }
  out += '}';
}

// ---- The rest

Json to_json(const Conclusion& conclusion) {
  return {{"severity", conclusion.gravest ? Json(severity_name(*conclusion.gravest)) : Json(nullptr)},
          {"text", conclusion.text},
          {"counts", conclusion.counts},
          {"caveats", conclusion.caveats}};
}

Json to_json(const std::vector<Fact>& facts) {
  Json list = Json::array();
  for (const Fact& fact : facts) list.push_back({fact.label, fact.text});
  return list;
}

/// What is said in words, section by section, of each process in their order, of all together, of the system,
/// and of what the kernel skipped.
Json facts_of(const Report& report) {
  Json processes = Json::array();
  for (const Process& process : report.processes)
    processes.push_back({{"state", process_state(process)},
                         {"failed", to_json(failed_facts(process))},
                         {"memory", to_json(memory_facts(process, report.host))},
                         {"pressure", to_json(reclaim_facts(process))},
                         {"locks", to_json(mmap_lock_facts(process.locks))}});
  Json groups = Json::array();
  for (const ProcessGroup& group : report.groups)
    groups.push_back({{"state", group_state(group)},
                      {"failed", Json::array()},
                      {"memory", Json::array()},
                      {"pressure", Json::array()},
                      {"locks", to_json(mmap_lock_facts(group.sum.locks))}});
  return {{"processes", processes},
          {"groups", groups},
          {"together", {{"pressure", to_json(reclaim_facts(sum_of(report)))}}},
          {"system", system_facts(report.system)},
          {"skipped", report.coverage.has_skipped() ? describe(*report.coverage.skipped) : ""}};
}

Json mappings(const std::vector<MapsEntry>& entries) {
  Json list = Json::array();
  for (const MapsEntry& entry : entries) {
    // Addresses as text: a number of JavaScript has 53 bits.
    list.push_back({{"start", fmt::format("{:x}", entry.start)},
                    {"end", fmt::format("{:x}", entry.end)},
                    {"permissions", entry.permissions},
                    {"offset", entry.offset},
                    {"name", entry.name},
                    {"resident", entry.resident_bytes},
                    {"locked_bytes", entry.locked_bytes},
                    {"swapped", entry.swapped_bytes},
                    {"locked", entry.locked}});
  }
  return list;
}

Json spaces_of(const std::vector<AddressSpace>& spaces) {
  Json list = Json::array();
  for (const AddressSpace& space : spaces)
    list.push_back({{"pid", space.pid},
                    {"before", mappings(space.before)},
                    {"after", mappings(space.after)},
                    {"after_ns", space.after_ns}});
  return list;
}

Json buckets() {
  Json list = Json::array();
  for (std::size_t i = 0; i < MLT_HIST_BUCKETS; ++i) {
    const BucketRange range = bucket_range(i);
    list.push_back(Json::array({range.lo, range.hi}));
  }
  return list;
}

std::string_view trimmed(std::string_view json) {
  while (json.ends_with('\n')) json.remove_suffix(1);
  return json;
}

}  // namespace

std::string escape_for_script(std::string_view json) {
  const auto dangerous = [](char c) { return c == '<' || c == '>' || c == '&'; };
  std::string safe;
  safe.reserve(json.size() + json.size() / 64);
  for (const char c : json) {
    if (dangerous(c)) {
      fmt::format_to(std::back_inserter(safe), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      safe += c;
    }
  }
  return safe;
}

HtmlBuilder::HtmlBuilder(const Report& report) : report_(report) {
  const std::size_t processes = std::min(report.processes.size(), kMostSeries);
  const std::size_t series = processes + (report.processes.size() > 1 ? 1 : 0);
  const std::size_t rows = std::max(kMostRows / std::max<std::size_t>(series, 1) / 2 * 2, kFewestRows);
  if (report.processes.size() + report.groups.size() != 1) lines_.insert({0, {Series(rows), {}, {}, true}});
  for (std::size_t i = 0; i < processes; ++i)
    lines_.insert({report.processes[i].pid, {Series(rows), {}, {}, i < kMostGrids}});
}

void HtmlBuilder::add(const TimelinePoint& point) {
  for (const std::uint32_t pid : {std::uint32_t{0}, point.pid}) {
    const auto lines = lines_.find(pid);
    if (lines == lines_.end()) continue;
    lines->second.series.add(point);
    if (lines->second.has_grid) lines->second.grid.add(point);
  }
}

void HtmlBuilder::add(const FaultEvent& event) {
  ++events_;
  for (const std::uint32_t pid : {std::uint32_t{0}, event.pid}) {
    const auto lines = lines_.find(pid);
    if (lines != lines_.end() && lines->second.has_grid)
      lines->second.events_grid.add(event, report_.window.duration_ns);
  }
}

std::string HtmlBuilder::data() const {
  Conclusion conclusion = conclude(report_);
  conclusion.caveats.insert(conclusion.caveats.begin(), notes_.begin(), notes_.end());
  std::string out = "{\"report\":";
  out += trimmed(mlt::to_json(report_, false));
  fmt::format_to(
      std::back_inserter(out),
      ",\"conclusion\":{},\"target\":{},\"events\":{},\"buckets\":{},\"spaces\":{},\"facts\":{},\"lines\":{{",
      dump(to_json(conclusion)), dump(describe(report_.target)), events_, dump(buckets()), dump(spaces_of(spaces_)),
      dump(facts_of(report_)));
  const char* separator = "";
  for (const auto& [pid, lines] : lines_) {
    if (lines.series.rows().empty() && lines.events_grid.columns().empty()) continue;
    fmt::format_to(std::back_inserter(out), "{}\"{}\":{{\"series\":", separator, pid);
    append_series(out, lines.series);
    // Events are finer in time; but where some were lost the points are the ones that are whole.
    const bool events_whole = !lines.events_grid.columns().empty() && lines.events_grid.faults() >= lines.grid.faults();
    const LatencyGrid& grid = events_whole ? lines.events_grid : lines.grid;
    if (!grid.columns().empty()) {
      out += ",\"grid\":";
      append_grid(out, grid, events_whole);
    }
    out += '}';
    separator = ",";
  }
  out += "}}";
  return escape_for_script(out);
}

std::string HtmlBuilder::take() const {
  const HtmlFrame frame = html_frame();
  std::string page(frame.before);
  page += data();
  page += frame.after;
  return page;
}

std::string to_html(const Report& report, const Timeline& timeline) {
  HtmlBuilder builder(report);
  for (const TimelinePoint& point : timeline.points) builder.add(point);
  for (const AddressSpace& space : timeline.spaces) builder.add(space);
  return builder.take();
}

}  // namespace mlt
