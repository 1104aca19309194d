#include "report/csv.h"

#include <fmt/format.h>

#include <type_traits>

#include "model/tables.h"

namespace mlt {
namespace {

/// Names or cells of one row, with commas between them. Lists are left out: they have tables of their own.
class Line {
 public:
  Line(std::string& out, std::span<const model::Renamed> renamed, bool names)
      : out_(out), renamed_(renamed), names_(names) {}

  template <typename Codec, typename Value>
  void operator()(const model::Column& column, const Value* value) {
    if constexpr (!model::is_list<Value>) {
      add(names_             ? model::column_name(column, renamed_, true)
          : value == nullptr ? ""
                             : csv_field(model::value_text<Codec>(column.unit, *value)));
    }
  }
  void add(std::string_view text) {
    if (!first_) out_ += ',';
    out_ += text;
    first_ = false;
  }
  void end() { out_ += "\r\n"; }

 private:
  std::string& out_;
  std::span<const model::Renamed> renamed_;
  bool names_;
  bool first_ = true;
};

/// After what stands first; the names of the columns where there is no row.
template <typename Row>
void add_line(std::string& out, std::span<const model::Renamed> renamed, const Row* row,
              const std::optional<std::string>& first) {
  Line line(out, renamed, row == nullptr);
  if (first) line.add(*first);
  model::walk("", row, line);
  line.end();
}

template <typename Table>
CsvTable to_csv(const Table& table, const Report& report) {
  constexpr bool kOfReport = std::is_same_v<typename Table::owner, Report>;
  constexpr bool kOfGroup = std::is_same_v<typename Table::owner, ProcessGroup>;
  CsvTable csv{std::string(table.csv), ""};
  add_line<typename Table::row>(csv.text, table.renamed, nullptr,
                                kOfReport ? std::nullopt : std::optional<std::string>(kOfGroup ? "comm" : "pid"));
  const auto add = [&](const auto& owner, const std::optional<std::string>& whose) {
    for (const auto& row : std::invoke(table.rows, owner)) add_line(csv.text, table.renamed, &row, whose);
  };
  if constexpr (kOfReport) {
    add(report, std::nullopt);
  } else if constexpr (kOfGroup) {
    for (const ProcessGroup& group : report.groups) add(group, csv_field(group.comm));
  } else {
    for (const Process& process : report.processes) add(process, fmt::format("{}", process.pid));
  }
  return csv;
}

/// The buckets of the histograms: no field, but what the fields are made from.
CsvTable latency(const Report& report) {
  CsvTable csv{"latency", "pid,origin,from_ns,to_ns,faults\r\n"};
  const auto add = [&](const std::string& pid, const Process& process) {
    for (const auto& [origin, totals] : model::faults_by_origin(process)) {
      for (const auto& [index, count] : totals.latency.buckets()) {
        const BucketRange range = bucket_range(index);
        csv.text += fmt::format("{},{},{},{},{}\r\n", pid, origin_name(origin), range.lo, range.hi, count);
      }
    }
  };
  for (const Process& process : report.processes) add(fmt::format("{}", process.pid), process);
  // Of processes that are not listed, there is no pid.
  for (const ProcessGroup& group : report.groups) add("", group.sum);
  return csv;
}

}  // namespace

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::vector<CsvTable> to_csv(const Report& report) {
  std::vector<CsvTable> tables;
  const auto add = [&](const auto& table) {
    if (!table.csv.empty()) tables.push_back(to_csv(table, report));
  };
  std::apply([&](const auto&... table) { (add(table), ...); }, model::kTables);
  tables.push_back(latency(report));
  return tables;
}

std::string csv_timeline_header() {
  std::string line = "start_ns,duration_ns,pid,access,kernel,populate,remote,major,time_ns";
  for (const IntervalCount& count : kIntervalCounts) line += fmt::format(",{}", count.key);
  for (std::size_t i = 0; i < MLT_CAUSE_NR; ++i) line += fmt::format(",{}", cause_name(static_cast<mlt_cause>(i)));
  return line + ",origin_unknown\r\n";
}

std::string csv_timeline_line(const TimelinePoint& point) {
  std::uint64_t major = 0;
  std::uint64_t time_ns = 0;
  std::string faults;
  for (std::size_t i = 0; i < MLT_ORIGIN_NR; ++i) {
    const FaultTotals& totals = point.by_origin[i];
    major += totals.major;
    time_ns += totals.latency.sum();
    // A column that came later, behind the others.
    if (i != MLT_ORIGIN_UNKNOWN) faults += fmt::format(",{}", totals.completed());
  }
  std::string line =
      fmt::format("{},{},{}{},{},{}", point.start_ns, point.duration_ns, point.pid, faults, major, time_ns);
  for (const IntervalCount& count : kIntervalCounts) {
    const Count& value = point.*count.member;
    line += value ? fmt::format(",{}", *value) : ",";
  }
  for (const std::uint64_t count : point.by_cause) line += fmt::format(",{}", count);
  return line + fmt::format(",{}\r\n", point.by_origin[MLT_ORIGIN_UNKNOWN].completed());
}

CsvTable to_csv(const std::vector<AddressSpace>& spaces) {
  CsvTable csv{"maps", ""};
  add_line<MapsEntry>(csv.text, {}, nullptr, "pid,when,at_ns");
  for (const AddressSpace& space : spaces) {
    const auto add = [&](const char* when, std::uint64_t at_ns, const std::vector<MapsEntry>& entries) {
      const std::string first = fmt::format("{},{},{}", space.pid, when, at_ns);
      for (const MapsEntry& entry : entries) add_line(csv.text, {}, &entry, first);
    };
    add("before", 0, space.before);
    add("after", space.after_ns, space.after);
  }
  return csv;
}

}  // namespace mlt
