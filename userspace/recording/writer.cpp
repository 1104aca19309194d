#include "recording/writer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "model/names.h"
#include "recording/checked_pages.h"
#include "recording/event_block.h"
#include "recording/file_kind.h"
#include "recording/schema.h"
#include "util/fd.h"

namespace mlt {

namespace {

// What a transaction may hold before it is committed by itself: the log must have room for it.
constexpr std::uint64_t kTransactionBytes = 4 << 20;

// Of the room that --max-size leaves, for the log: whatever is committed goes there first, and into the file when the
// log is half full.
constexpr std::uint64_t kLogShare = 3;

std::uint64_t log_bytes(const RecordingOptions& options) {
  return options.max_bytes ? std::min(kTransactionBytes * 2, *options.max_bytes / kLogShare) : kTransactionBytes * 2;
}

// A block must fit into half the log.
std::uint64_t block_events(const RecordingOptions& options) {
  constexpr std::uint64_t kEventBytes = 16;  // more than an event takes when it is compressed
  return std::min<std::uint64_t>(kBlockEvents, log_bytes(options) / 2 / kEventBytes);
}

// Every row costs its length and a little more.
constexpr std::uint64_t kRowBytes = 128;

std::string buckets_json(const Histogram& histogram) {
  std::string json = "[";
  for (const auto& [index, count] : histogram.buckets()) {
    const BucketRange range = bucket_range(index);
    json += fmt::format("{}[{},{},{}]", json.size() == 1 ? "" : ",", range.lo, range.hi, count);
  }
  return json + "]";
}

bool is_empty(const FaultTotals& totals) { return totals.completed() + totals.errors + totals.retries == 0; }

// Whose place the new file takes.
Status clear_place(const std::string& path) {
  struct stat existing {};
  if (lstat(path.c_str(), &existing) != 0) {
    if (errno == ENOENT) return {};
    return fail("cannot write the recording " + path, errno);
  }
  if (S_ISDIR(existing.st_mode)) return fail("cannot write the recording " + path, EISDIR);
  const auto kind = file_kind(path);
  if (!kind) return tl::unexpected(kind.error());
  if (*kind == FileKind::other)
    return fail(path + " exists and is no recording", 0, "name another file with -o, or remove this one");
  if (*kind == FileKind::recording) {
    // Somebody may be writing it.
    if (auto database = Database::open(path); !database && database.error().what.ends_with("being recorded now"))
      return tl::unexpected(database.error());
  }
  for (const char* suffix : {"-wal", "-shm", "-journal", ""}) {
    if (unlink((path + suffix).c_str()) != 0 && errno != ENOENT)
      return fail("cannot replace the recording " + path, errno);
  }
  return {};
}

}  // namespace

Result<RecordingWriter> RecordingWriter::create(const RecordingOptions& options) {
  if (Status status = clear_place(options.path); !status) return tl::unexpected(status.error());
  // SQLite would tell less of why it could not.
  const Fd file(::open(options.path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!file) return fail("cannot write the recording " + options.path, errno, "name another file with -o");
  auto database = Database::create(options.path);
  if (!database) return tl::unexpected(database.error());
  RecordingWriter writer(std::move(*database), options);
  if (Status status = writer.prepare(); !status) {
    writer.database_.reset();
    unlink(options.path.c_str());
    return tl::unexpected(status.error());
  }
  return writer;
}

Status RecordingWriter::prepare() {
  std::string pragmas = fmt::format(
      "PRAGMA page_size = {}; PRAGMA locking_mode = EXCLUSIVE; PRAGMA application_id = {};"
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;"
      "PRAGMA secure_delete = OFF; PRAGMA temp_store = MEMORY;",
      kPageBytes, kApplicationId);
  if (options_.max_bytes)
    pragmas += fmt::format("PRAGMA max_page_count = {};", (*options_.max_bytes - log_bytes(options_)) / kPageBytes);
  if (Status status = database_->run(pragmas); !status) return status;
  // A file of version 0 was not finished to here.
  if (Status status = database_->run(fmt::format("BEGIN; PRAGMA user_version = {}; {}", kFormatVersion, schema_sql()));
      !status)
    return status;
  auto insert = database_->prepare("INSERT INTO recording VALUES (?, 'recording', ?, 0, ?, 0, 0, 0)");
  if (!insert) return tl::unexpected(insert.error());
  if (Status status = insert->run(options_.tool_version, options_.interval_ns, options_.with_events); !status)
    return status;
  if (Status status = database_->run("INSERT INTO report VALUES (0, '{}'); COMMIT"); !status) return status;
  std::string insert_activity = "INSERT INTO activity VALUES (?, ?, ?";
  for (std::size_t i = 0; i < std::size(kIntervalCounts); ++i) insert_activity += ", ?";
  insert_activity += ")";
  struct Wanted {
    std::optional<Statement>* statement;
    std::string_view sql;
  };
  const std::array<Wanted, 8> statements = {{
      {&insert_block_, "INSERT INTO event_block(first_ns, last_ns, events, data) VALUES (?, ?, ?, ?)"},
      {&insert_interval_, "INSERT INTO interval(start_ns, duration_ns) VALUES (?, ?) RETURNING id"},
      {&insert_activity_, insert_activity},
      {&insert_faults_, "INSERT INTO activity_faults VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
      {&insert_cause_, "INSERT INTO activity_causes VALUES (?, ?, ?)"},
      {&insert_mapping_, "INSERT INTO mapping VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
      {&update_report_, "UPDATE report SET at_ns = ?, json = ?"},
      {&update_recording_,
       "UPDATE recording SET intervals_dropped = ?, events_recorded = ?, events_dropped = ?, events_lost = ?"},
  }};
  for (const auto& [statement, sql] : statements) {
    auto prepared = database_->prepare(sql);
    if (!prepared) return tl::unexpected(prepared.error());
    statement->emplace(std::move(*prepared));
  }
  return {};
}

Status RecordingWriter::begin() {
  if (in_transaction_) return {};
  if (Status status = database_->run("BEGIN"); !status) return status;
  in_transaction_ = true;
  return {};
}

// How many bytes may still be written before --max-size is reached.
Result<std::uint64_t> RecordingWriter::room() const {
  std::uint64_t pages = 0;
  for (const char* sql : {"PRAGMA max_page_count", "PRAGMA freelist_count"}) {
    auto count = database_->number(sql);
    if (!count) return count;
    pages += *count;
  }
  auto used = database_->number("PRAGMA page_count");
  if (!used) return used;
  return (pages - *used) * kPageBytes;
}

// Whether there was anything that could be given up.
Result<bool> RecordingWriter::drop_oldest() {
  const auto block = database_->number("SELECT min(id) FROM event_block");
  if (!block) return tl::unexpected(block.error());
  if (*block != 0) {
    const auto events = database_->number(fmt::format("SELECT events FROM event_block WHERE id = {}", *block));
    if (!events) return tl::unexpected(events.error());
    totals_.events_dropped += *events;
    return database_->run(fmt::format("DELETE FROM event_block WHERE id = {}", *block)).map([] { return true; });
  }
  const auto interval = database_->number("SELECT min(id) FROM interval");
  if (!interval) return tl::unexpected(interval.error());
  if (*interval == 0) return false;
  ++totals_.intervals_dropped;
  const std::string its = fmt::format("(SELECT id FROM activity WHERE interval = {})", *interval);
  return database_
      ->run("DELETE FROM activity_faults WHERE activity IN " + its +
            "; DELETE FROM activity_causes WHERE activity IN " + its +
            fmt::format("; DELETE FROM activity WHERE interval = {0}; DELETE FROM interval WHERE id = {0}", *interval))
      .map([] { return true; });
}

// Before something is written: room for it, and for what must always have room.
Status RecordingWriter::make_room(std::uint64_t bytes) {
  if (Status status = begin(); !status) return status;
  if (!options_.max_bytes) return {};
  // The log takes what is not committed yet, and then this.
  if (uncommitted_ + bytes > log_bytes(options_) / 2) {
    if (Status status = flush().and_then([this] { return begin(); }); !status) return status;
  }
  constexpr std::uint64_t kReserve = 32 * kPageBytes;
  while (true) {
    const auto left = room();
    if (!left) return tl::unexpected(left.error());
    if (*left >= bytes + bytes / 16 + report_bytes_ + kReserve) return {};
    const auto dropped = drop_oldest();
    if (!dropped) return tl::unexpected(dropped.error());
    // What cannot be given up may fit all the same; else the write fails and says so.
    if (!*dropped) return {};
  }
}

// Keeps the log small.
Status RecordingWriter::wrote(std::uint64_t bytes) {
  uncommitted_ += bytes;
  return uncommitted_ < log_bytes(options_) / 2 ? Status() : flush();
}

Status RecordingWriter::flush() {
  if (!in_transaction_) return {};
  if (Status status = update_recording_->run(totals_.intervals_dropped, totals_.events_recorded, totals_.events_dropped,
                                             totals_.events_lost);
      !status)
    return status;
  if (Status status = database_->run("COMMIT"); !status) return status;
  in_transaction_ = false;
  uncommitted_ = 0;
  struct stat log {};
  if (stat((options_.path + "-wal").c_str(), &log) != 0 ||
      static_cast<std::uint64_t>(log.st_size) < log_bytes(options_) / 2)
    return {};
  return database_->checkpoint();
}

Status RecordingWriter::add_event(const FaultEvent& event) {
  events_.push_back(event);
  return events_.size() < block_events(options_) ? Status() : write_block();
}

Status RecordingWriter::write_block() {
  if (events_.empty()) return {};
  const std::string block = encode_events(events_);
  if (Status status = make_room(block.size()); !status) return status;
  const auto [first, last] = std::ranges::minmax(events_, {}, &FaultEvent::at_ns);
  if (Status status = insert_block_->run(first.at_ns, last.at_ns, static_cast<std::uint64_t>(events_.size()),
                                         Statement::blob(block));
      !status)
    return status;
  totals_.events_recorded += events_.size();
  events_.clear();
  return wrote(block.size());
}

Status RecordingWriter::add_point(std::uint64_t interval, const TimelinePoint& point) {
  const std::uint64_t activity = ++activities_;
  std::vector<Count> counts;
  for (const IntervalCount& count : kIntervalCounts) counts.push_back(point.*count.member);
  if (Status status = insert_activity_->run(activity, interval, point.pid, counts); !status) return status;
  for (std::size_t i = 0; i < point.by_origin.size(); ++i) {
    const FaultTotals& totals = point.by_origin[i];
    if (is_empty(totals)) continue;
    const auto unless_empty = [&](std::uint64_t value) { return totals.latency.empty() ? Count() : Count(value); };
    const Histogram& latency = totals.latency;
    if (Status status = insert_faults_->run(
            activity, origin_name(static_cast<mlt_origin>(i)), totals.minor, totals.major, totals.errors,
            totals.retries, totals.untimed, latency.sum(), unless_empty(latency.min()), unless_empty(latency.max()),
            unless_empty(latency.quantile(0.5)), unless_empty(latency.quantile(0.99)), buckets_json(latency));
        !status)
      return status;
  }
  for (std::size_t i = 0; i < point.by_cause.size(); ++i) {
    if (point.by_cause[i] == 0) continue;
    if (Status status = insert_cause_->run(activity, cause_name(static_cast<mlt_cause>(i)), point.by_cause[i]); !status)
      return status;
  }
  return {};
}

Status RecordingWriter::add_interval(std::uint64_t start_ns, std::uint64_t duration_ns,
                                     const std::vector<TimelinePoint>& points) {
  // Two kinds of faults with a histogram each are usual.
  const std::uint64_t bytes = kRowBytes + points.size() * 12 * kRowBytes;
  if (Status status = make_room(bytes); !status) return status;
  const auto row = insert_interval_->start(start_ns, duration_ns);
  if (!row) return tl::unexpected(row.error());
  const std::uint64_t interval = insert_interval_->number(0);
  if (Status status = insert_interval_->finish(); !status) return status;
  for (const TimelinePoint& point : points) {
    if (Status status = add_point(interval, point); !status) return status;
  }
  return wrote(bytes);
}

Status RecordingWriter::set_spaces(const std::vector<AddressSpace>& spaces) {
  std::uint64_t bytes = 0;
  for (const AddressSpace& space : spaces) bytes += (space.before.size() + space.after.size()) * kRowBytes;
  if (Status status = make_room(bytes); !status) return status;
  if (Status status = database_->run("DELETE FROM mapping"); !status) return status;
  for (const AddressSpace& space : spaces) {
    if (Status status = add_mappings(space.pid, "before", 0, space.before); !status) return status;
    if (Status status = add_mappings(space.pid, "after", space.after_ns, space.after); !status) return status;
  }
  return wrote(bytes);
}

Status RecordingWriter::add_mappings(std::uint32_t pid, const char* moment, std::uint64_t at_ns,
                                     const std::vector<MapsEntry>& entries) {
  for (const MapsEntry& entry : entries) {
    if (Status status = insert_mapping_->run(pid, moment, at_ns, entry.start, entry.end, entry.permissions,
                                             entry.offset, entry.name, entry.resident_bytes, entry.locked_bytes,
                                             entry.swapped_bytes, entry.locked);
        !status)
      return status;
  }
  return {};
}

Status RecordingWriter::set_report(const std::string& report_json, std::uint64_t at_ns) {
  if (options_.max_bytes && report_json.size() > log_bytes(options_) / 2)
    return fail("cannot write the recording " + options_.path, ENOSPC, "--max-size is too small for such a report");
  report_bytes_ = std::max<std::uint64_t>(report_bytes_, report_json.size());
  if (Status status = make_room(report_json.size()); !status) return status;
  if (Status status = update_report_->run(at_ns, report_json); !status) return status;
  return wrote(report_json.size());
}

Status RecordingWriter::commit(std::uint64_t events_lost) {
  totals_.events_lost = events_lost;
  if (Status status = write_block(); !status) return status;
  if (Status status = begin(); !status) return status;
  return flush();
}

Status RecordingWriter::close() {
  if (Status status = write_block(); !status) return status;
  if (Status status = begin(); !status) return status;
  if (Status status = database_->run("UPDATE recording SET state = 'complete'"); !status) return status;
  if (Status status = flush(); !status) return status;
  for (auto* statement : {&insert_block_, &insert_interval_, &insert_activity_, &insert_faults_, &insert_cause_,
                          &insert_mapping_, &update_report_, &update_recording_})
    statement->reset();
  if (Status status = database_->run("PRAGMA journal_mode = DELETE"); !status) return status;
  database_.reset();
  return {};
}

RecordingTotals RecordingWriter::totals() const {
  RecordingTotals totals = totals_;
  struct stat file {};
  if (stat(options_.path.c_str(), &file) == 0) totals.bytes = static_cast<std::uint64_t>(file.st_size);
  return totals;
}

}  // namespace mlt
