#include "recording/schema.h"

#include <fmt/format.h>

#include "model/tables.h"

namespace mlt {

namespace {

constexpr std::string_view kBeforeCounts =
    R"sql(-- Times that end in _ns are nanoseconds. "at", "start" and "first" count from the start of the trace, whose moment is
-- window_start_unix_ns in the view trace. Pages are base pages. NULL: not measured.

CREATE TABLE recording (              -- one row: about the file
  tool_version TEXT NOT NULL,         -- of the mlocktrace that wrote it
  state TEXT NOT NULL CHECK (state IN ('recording', 'complete')),  -- 'recording': not closed, the recorder was cut off
  interval_ns INTEGER NOT NULL,       -- how long an interval was meant to be
  intervals_dropped INTEGER NOT NULL, -- oldest intervals given up for --max-size
  with_events INTEGER NOT NULL,       -- 1: every fault was asked for (--events)
  events_recorded INTEGER NOT NULL,   -- faults that were written, those given up again included
  events_dropped INTEGER NOT NULL,    -- oldest faults given up for --max-size
  events_lost INTEGER NOT NULL        -- faults that found no room in the ring buffer
) STRICT;

CREATE TABLE report (                 -- one row: the report of everything up to at_ns
  at_ns INTEGER NOT NULL,
  json TEXT NOT NULL                  -- as --json prints it; the views below take it apart
) STRICT;

CREATE TABLE interval (               -- the trace cut into pieces, oldest first
  id INTEGER PRIMARY KEY,
  start_ns INTEGER NOT NULL,
  duration_ns INTEGER NOT NULL
) STRICT;

CREATE TABLE activity (               -- what one process did in one interval; a process that did nothing has no row
  id INTEGER PRIMARY KEY,
  interval INTEGER NOT NULL,          -- interval.id
  pid INTEGER NOT NULL,
)sql";

constexpr std::string_view kAfterCounts = R"sql() STRICT;
CREATE INDEX activity_by_interval ON activity (interval);

CREATE TABLE activity_faults (        -- its faults by who needed the page; no row: none
  activity INTEGER NOT NULL,          -- activity.id
  origin TEXT NOT NULL,               -- 'access', 'kernel', 'populate', 'remote', 'unknown'
  minor INTEGER NOT NULL,
  major INTEGER NOT NULL,
  errors INTEGER NOT NULL,
  retries INTEGER NOT NULL,
  untimed INTEGER NOT NULL,           -- of minor + major: without a latency
  time_ns INTEGER NOT NULL,           -- in all of them
  min_ns INTEGER,
  max_ns INTEGER,
  p50_ns INTEGER,
  p99_ns INTEGER,
  buckets TEXT NOT NULL,              -- latencies as JSON: [[from_ns, to_ns, faults], ...]
  PRIMARY KEY (activity, origin)
) STRICT, WITHOUT ROWID;

CREATE TABLE activity_causes (        -- its faults by cause; no row: none
  activity INTEGER NOT NULL,          -- activity.id
  cause TEXT NOT NULL,
  faults INTEGER NOT NULL,
  PRIMARY KEY (activity, cause)
) STRICT, WITHOUT ROWID;

CREATE TABLE mapping (                -- the address space of traced processes, from /proc/PID/smaps
  pid INTEGER NOT NULL,
  moment TEXT NOT NULL CHECK (moment IN ('before', 'after')),  -- the trace; a command: before its first instruction
  at_ns INTEGER NOT NULL,             -- when it was read: of a process that exited, the last time it was seen
  start INTEGER NOT NULL,             -- addresses
  end INTEGER NOT NULL,
  permissions TEXT NOT NULL,          -- 'rw-p'
  offset INTEGER NOT NULL,            -- in the file
  name TEXT NOT NULL,                 -- path, '[heap]', ...; empty: anonymous
  resident_bytes INTEGER NOT NULL,
  locked_bytes INTEGER NOT NULL,
  swapped_bytes INTEGER NOT NULL,
  locked INTEGER NOT NULL             -- 1: VM_LOCKED
) STRICT;

CREATE TABLE event_block (            -- single faults, some ten thousands a row, oldest first
  id INTEGER PRIMARY KEY,
  first_ns INTEGER NOT NULL,          -- end of the earliest
  last_ns INTEGER NOT NULL,           -- end of the latest
  events INTEGER NOT NULL,
  data BLOB NOT NULL                  -- `mlocktrace report FILE --events` prints them
) STRICT;

CREATE VIEW trace AS SELECT           -- one row: about the trace
  json ->> '$.host.kernel' AS kernel,
  json ->> '$.host.arch' AS arch,
  json ->> '$.host.cpus' AS cpus,
  json ->> '$.host.page_size' AS page_size,
  json ->> '$.window.start_unix_ns' AS window_start_unix_ns,
  json ->> '$.window.duration_ns' AS window_duration_ns,
  json ->> '$.target.kind' AS target_kind,
  json ->> '$.target.text' AS target_text,
  json ->> '$.coverage.lost.events' AS lost_events,
  json ->> '$.coverage.lost.map_full' AS lost_map_full,
  json ->> '$.coverage.lost.missed_probes' AS lost_missed_probes
FROM report;
)sql";

constexpr std::string_view kLast = R"sql(CREATE VIEW vmstat AS SELECT          -- what changed in /proc/vmstat
  key AS name,
  value AS change
FROM report, json_each(report.json, '$.system.vmstat');

CREATE VIEW fault_rate AS SELECT      -- when did which process fault how much
  activity.pid AS pid,
  interval.start_ns / 1e9 AS start_s,
  sum(minor + major) AS faults,
  sum(minor + major) * 1e9 / interval.duration_ns AS faults_per_s,
  100.0 * sum(time_ns) / interval.duration_ns AS percent_of_cpu  -- time in faults
FROM activity_faults JOIN activity ON activity.id = activity_faults.activity JOIN interval ON interval.id = activity.interval
GROUP BY activity.id;

CREATE VIEW failed_lock AS SELECT     -- which locks were refused, and why
  pid, start_ns / 1e9 AS start_s, call, args, errno, explain
FROM lock_call WHERE errno IS NOT NULL;

CREATE VIEW slow_lock AS SELECT       -- which calls took longest
  pid, start_ns / 1e9 AS start_s, call, args, duration_ns, populate_ns, pages_populated
FROM lock_call ORDER BY duration_ns DESC;
)sql";

/// The columns of a view, a line each.
class Columns {
 public:
  Columns(std::string& sql, std::string_view json, std::span<const model::Renamed> renamed)
      : sql_(sql), json_(json), renamed_(renamed) {}

  template <typename Codec, typename Value>
  void operator()(const model::Column& column, const Value* /*value*/) {
    std::string_view arrow = "->>";
    if constexpr (model::is_list<Value> || std::is_same_v<Value, std::map<std::string, std::int64_t>>) arrow = "->";
    std::string meaning(column.meaning);
    if constexpr (model::is_word<Codec>) {
      std::string words;
      for (std::size_t i = 0; i < Codec::count; ++i) {
        const std::string_view word = Codec::name_of(static_cast<Value>(i));
        if (!word.empty()) words += fmt::format("{}'{}'", words.empty() ? "" : ", ", word);
      }
      meaning += (meaning.empty() ? "" : " ") + words;
    }
    add(fmt::format("{} {} '$.{}'", json_, arrow, column.path), model::column_name(column, renamed_, false), meaning);
  }

  void add(std::string_view value, std::string_view name, std::string_view meaning = {}) {
    end_line(",");
    // The only name that SQL wants for itself.
    sql_ += fmt::format("  {} AS {}", value, name == "check" ? "\"check\"" : name);
    comment_ = meaning;
  }
  /// A comma comes before the comment of a column, but not after the last.
  void end_line(std::string_view separator) {
    if (!first_) sql_ += fmt::format("{}{}{}\n", separator, comment_.empty() ? "" : "  -- ", comment_);
    first_ = false;
  }

 private:
  std::string& sql_;
  std::string_view json_;
  std::span<const model::Renamed> renamed_;
  std::string comment_;
  bool first_ = true;
};

template <typename Table>
void add_view(std::string& sql, const Table& table) {
  using Row = typename Table::row;
  constexpr bool kOfReport = std::is_same_v<typename Table::owner, Report>;
  constexpr bool kOfGroup = std::is_same_v<typename Table::owner, ProcessGroup>;
  constexpr bool kByOrigin = std::is_same_v<Row, model::OriginFaults>;
  sql += fmt::format("\nCREATE VIEW {} AS SELECT  -- {}\n", table.view, table.meaning);
  Columns columns(sql, "row.value", table.renamed);
  if (kOfGroup) {
    columns.add("process.value ->> '$.comm'", "comm");
  } else if (!kOfReport) {
    columns.add("process.value ->> '$.pid'", "pid");
  }
  if constexpr (kByOrigin) {
    // What the row is of is its key.
    columns.add("row.key", "origin");
    model::walk<FaultTotals>("", nullptr, columns);
  } else {
    model::walk<Row>("", nullptr, columns);
  }
  columns.end_line("");
  if (kOfReport) {
    sql += fmt::format("FROM report, json_each(report.json, '$.{}') AS row", table.path);
  } else {
    sql +=
        fmt::format("FROM report, json_each(report.json, '$.{}') AS process, json_each(process.value, '$.{}') AS row",
                    kOfGroup ? "process_groups" : "processes", table.path);
  }
  sql += kByOrigin ? "\nWHERE row.key IN ('access', 'kernel', 'populate', 'remote', 'unknown');\n"
                   : "\nWHERE row.type = 'object';\n";  // a list may be null
}

}  // namespace

std::string schema_sql() {
  std::string sql(kBeforeCounts);
  const auto last = std::end(kIntervalCounts) - 1;
  for (const IntervalCount& count : kIntervalCounts)
    sql += fmt::format("  {:<35} -- {}\n", fmt::format("{} INTEGER{}", count.key, &count == last ? "" : ","),
                       count.meaning);
  sql += kAfterCounts;
  const auto add = [&](const auto& table) {
    if (!table.view.empty()) add_view(sql, table);
  };
  std::apply([&](const auto&... table) { (add(table), ...); }, model::kTables);
  return sql + "\n" + std::string(kLast);
}

}  // namespace mlt
