#include "recording/recording.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <numeric>

#include "model/names.h"
#include "recording/database.h"
#include "recording/event_block.h"
#include "recording/file_kind.h"
#include "recording/schema.h"
#include "report/read_json.h"

namespace mlt {

namespace {

constexpr const char* kFaults =
    "SELECT origin, minor, major, errors, retries, untimed, time_ns, min_ns, max_ns, buckets FROM activity_faults"
    " WHERE activity = ?";
constexpr const char* kCauses = "SELECT cause, faults FROM activity_causes WHERE activity = ?";
constexpr const char* kMappings =
    "SELECT pid, moment = 'after', start, end, permissions, offset, name, resident_bytes, locked_bytes, swapped_bytes,"
    " locked, at_ns FROM mapping ORDER BY rowid";

template <typename Enum>
std::optional<Enum> named(std::string_view name, std::string_view (*name_of)(Enum), int count) {
  for (int i = 0; i < count; ++i) {
    if (name_of(static_cast<Enum>(i)) == name) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

// No value: not what the writer writes.
std::optional<Histogram::Buckets> read_buckets(std::string_view text) {
  Histogram::Buckets buckets{};
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_array()) return std::nullopt;
  for (const auto& bucket : json) {
    if (!bucket.is_array() || bucket.size() != 3 || !bucket[0].is_number_unsigned() || !bucket[2].is_number_unsigned())
      return std::nullopt;
    buckets.at(bucket_index(bucket[0].get<std::uint64_t>())) += bucket[2].get<std::uint64_t>();
  }
  return buckets;
}

}  // namespace

struct Recording::Impl {
  std::unique_ptr<Database> database;
  RecordingInfo info;

  [[nodiscard]] Result<std::string> select_points() const;
  [[nodiscard]] tl::unexpected<Error> damaged(const std::string& what) const {
    return fail(fmt::format("{} is damaged: {}", database->path(), what));
  }
  Status check_version() const;
  Status read_info();
  Status read_faults(Statement& statement, std::uint64_t activity, TimelinePoint& point) const;
  Status read_causes(Statement& statement, std::uint64_t activity, TimelinePoint& point) const;
};

Recording::Recording(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Recording::Recording(Recording&&) noexcept = default;
Recording& Recording::operator=(Recording&&) noexcept = default;
Recording::~Recording() = default;

const RecordingInfo& Recording::info() const { return impl_->info; }

Status Recording::Impl::check_version() const {
  const auto version = database->number("PRAGMA user_version");
  if (!version) return tl::unexpected(version.error());
  if (*version == 0) return fail(database->path() + " is empty: its recorder was killed before it began");
  if (*version > kFormatVersion)
    return fail(fmt::format("{} is a recording of format {}; this mlocktrace reads {}", database->path(), *version,
                            kFormatVersion),
                0, "use a newer mlocktrace");
  return {};
}

Status Recording::Impl::read_info() {
  auto row = database->prepare(
      "SELECT tool_version, state = 'complete', interval_ns, report.at_ns, intervals_dropped, with_events,"
      " (SELECT coalesce(sum(events), 0) FROM event_block), events_dropped, events_lost FROM recording, report");
  if (!row) return tl::unexpected(row.error());
  const auto found = row->start();
  if (!found) return tl::unexpected(found.error());
  if (!*found) return damaged("it does not say what it is");
  info = {.tool_version = row->text(0),
          .complete = row->number(1) != 0,
          .interval_ns = row->number(2),
          .report_at_ns = row->number(3),
          .intervals_dropped = row->number(4),
          .with_events = row->number(5) != 0,
          .events = row->number(6),
          .events_dropped = row->number(7),
          .events_lost = row->number(8)};
  return {};
}

Result<Recording> Recording::open(const std::string& path) {
  const auto kind = file_kind(path);
  if (!kind) return tl::unexpected(kind.error());
  if (*kind != FileKind::recording)
    return fail(path + (*kind == FileKind::empty ? " is empty" : " is no recording of mlocktrace"), 0,
                "`mlocktrace record` makes one");
  auto impl = std::make_unique<Impl>();
  auto database = Database::open(path);
  if (!database) return tl::unexpected(database.error());
  impl->database = std::move(*database);
  if (Status status = impl->check_version(); !status) return tl::unexpected(status.error());
  if (Status status = impl->read_info(); !status) return tl::unexpected(status.error());
  return Recording(std::move(impl));
}

Result<Report> Recording::report() const {
  auto row = impl_->database->prepare("SELECT json FROM report");
  if (!row) return tl::unexpected(row.error());
  const auto found = row->start();
  if (!found) return tl::unexpected(found.error());
  if (!*found) return impl_->damaged("it has no report");
  if (row->bytes(0) == "{}")
    return fail(impl_->database->path() + " holds nothing: its recorder was cut off before the first interval");
  auto report = read_json(row->bytes(0));
  if (!report) return impl_->damaged(report.error().what);
  return report;
}

Status Recording::Impl::read_faults(Statement& statement, std::uint64_t activity, TimelinePoint& point) const {
  auto row = statement.start(activity);
  for (; row && *row; row = statement.step()) {
    const auto origin = named<mlt_origin>(statement.bytes(0), origin_name, MLT_ORIGIN_NR);
    const auto buckets = read_buckets(statement.bytes(9));
    if (!origin || !buckets) return damaged("it holds faults that cannot be");
    FaultTotals& totals = point.by_origin.at(*origin);
    totals.minor = statement.number(1);
    totals.major = statement.number(2);
    totals.errors = statement.number(3);
    totals.retries = statement.number(4);
    totals.untimed = statement.number(5);
    std::array<__u64, MLT_HIST_BUCKETS> counts{};
    std::ranges::copy(*buckets, counts.begin());
    const std::uint64_t timed = std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
    totals.latency.merge(timed, statement.number(6), statement.number(7), statement.number(8), counts);
  }
  return row.map([](bool) {});
}

Status Recording::Impl::read_causes(Statement& statement, std::uint64_t activity, TimelinePoint& point) const {
  auto row = statement.start(activity);
  for (; row && *row; row = statement.step()) {
    const auto cause = named<mlt_cause>(statement.bytes(0), cause_name, MLT_CAUSE_NR);
    if (!cause) return damaged("it holds a cause that there is not");
    point.by_cause.at(*cause) = statement.number(1);
  }
  return row.map([](bool) {});
}

// A count that an older mlocktrace did not record has no column: it is not known.
Result<std::string> Recording::Impl::select_points() const {
  auto columns = database->prepare("SELECT count(*) FROM pragma_table_info('activity') WHERE name = ?");
  if (!columns) return tl::unexpected(columns.error());
  std::string sql = "SELECT activity.id, start_ns, duration_ns, pid";
  for (const IntervalCount& count : kIntervalCounts) {
    const auto row = columns->start(count.key);
    if (!row) return tl::unexpected(row.error());
    sql += fmt::format(", {}", columns->number(0) != 0 ? count.key : "NULL");
  }
  return sql + " FROM interval JOIN activity ON activity.interval = interval.id ORDER BY interval.id, activity.id";
}

Status Recording::for_each_point(const PointHandler& handler) const {
  const auto sql = impl_->select_points();
  if (!sql) return tl::unexpected(sql.error());
  auto points = impl_->database->prepare(*sql);
  if (!points) return tl::unexpected(points.error());
  auto faults = impl_->database->prepare(kFaults);
  if (!faults) return tl::unexpected(faults.error());
  auto causes = impl_->database->prepare(kCauses);
  if (!causes) return tl::unexpected(causes.error());
  auto row = points->start();
  for (; row && *row; row = points->step()) {
    TimelinePoint point;
    const std::uint64_t activity = points->number(0);
    point.start_ns = points->number(1);
    point.duration_ns = points->number(2);
    point.pid = static_cast<std::uint32_t>(points->number(3));
    int column = 4;
    for (const IntervalCount& count : kIntervalCounts) point.*count.member = points->optional(column++);
    if (Status status = impl_->read_faults(*faults, activity, point); !status) return status;
    if (Status status = impl_->read_causes(*causes, activity, point); !status) return status;
    if (Status status = handler(point); !status) return status;
  }
  return row.map([](bool) {});
}

Result<std::vector<AddressSpace>> Recording::spaces() const {
  std::vector<AddressSpace> spaces;
  auto mappings = impl_->database->prepare(kMappings);
  if (!mappings) return tl::unexpected(mappings.error());
  auto row = mappings->start();
  for (; row && *row; row = mappings->step()) {
    const auto pid = static_cast<std::uint32_t>(mappings->number(0));
    auto space = std::ranges::find(spaces, pid, &AddressSpace::pid);
    if (space == spaces.end()) space = spaces.insert(space, {pid, {}, {}, 0});
    const bool is_after = mappings->number(1) != 0;
    if (is_after) space->after_ns = mappings->number(11);
    auto& entries = is_after ? space->after : space->before;
    entries.push_back({.start = mappings->number(2),
                       .end = mappings->number(3),
                       .permissions = mappings->text(4),
                       .offset = mappings->number(5),
                       .name = mappings->text(6),
                       .resident_bytes = mappings->number(7),
                       .locked_bytes = mappings->number(8),
                       .swapped_bytes = mappings->number(9),
                       .locked = mappings->number(10) != 0});
  }
  if (!row) return tl::unexpected(row.error());
  return spaces;
}

Result<Timeline> Recording::timeline() const {
  Timeline timeline;
  if (Status status = for_each_point([&](const TimelinePoint& point) {
        timeline.points.push_back(point);
        return Status();
      });
      !status)
    return tl::unexpected(status.error());
  auto spaces = this->spaces();
  if (!spaces) return tl::unexpected(spaces.error());
  timeline.spaces = std::move(*spaces);
  return timeline;
}

Status Recording::for_each_event(const EventHandler& handler) const {
  auto blocks = impl_->database->prepare("SELECT id, data FROM event_block ORDER BY id");
  if (!blocks) return tl::unexpected(blocks.error());
  auto row = blocks->start();
  for (; row && *row; row = blocks->step()) {
    const auto events = decode_events(blocks->bytes(1));
    if (!events) return impl_->damaged(fmt::format("block {} of events {}", blocks->number(0), events.error().what));
    for (const FaultEvent& event : *events) {
      if (Status status = handler(event); !status) return status;
    }
  }
  return row.map([](bool) {});
}

}  // namespace mlt
