// A recording, written while the trace runs. What was committed outlives a killed recorder, a full disk and a power
// cut.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/report.h"
#include "model/timeline.h"
#include "recording/database.h"
#include "util/result.h"

namespace mlt {

struct RecordingOptions {
  std::string path;
  std::string tool_version;
  std::uint64_t interval_ns = 1'000'000'000;
  bool with_events = false;
  /// The file and its log together stay below this: the oldest events go first, then the oldest intervals.
  std::optional<std::uint64_t> max_bytes;
};

/// Below this not even a short report would fit.
constexpr std::uint64_t kLeastMaxBytes = 1 << 20;

struct RecordingTotals {
  std::uint64_t bytes = 0;  // of the file
  std::uint64_t events_recorded = 0;
  std::uint64_t events_dropped = 0;
  std::uint64_t events_lost = 0;
  std::uint64_t intervals_dropped = 0;
};

class RecordingWriter {
 public:
  /// Begins a file. An earlier recording of this name is replaced; any other file, and a recording that somebody is
  /// writing, is an error.
  static Result<RecordingWriter> create(const RecordingOptions& options);

  /// Everything below is on disk when `commit` has returned, or earlier.
  Status add_event(const FaultEvent& event);
  Status add_interval(std::uint64_t start_ns, std::uint64_t duration_ns, const std::vector<TimelinePoint>& points);
  /// In place of the earlier ones.
  Status set_spaces(const std::vector<AddressSpace>& spaces);
  /// In place of the earlier one. `report_json`: as `to_json` writes it.
  Status set_report(const std::string& report_json, std::uint64_t at_ns);
  Status commit(std::uint64_t events_lost);

  /// The trace is complete: makes one plain file of it.
  Status close();

  [[nodiscard]] RecordingTotals totals() const;

 private:
  RecordingWriter(std::unique_ptr<Database> database, const RecordingOptions& options)
      : database_(std::move(database)), options_(options) {}

  Status prepare();
  Status write_block();
  Status add_point(std::uint64_t interval, const TimelinePoint& point);
  Status add_mappings(std::uint32_t pid, const char* moment, std::uint64_t at_ns,
                      const std::vector<MapsEntry>& entries);
  Status begin();
  Status make_room(std::uint64_t bytes);
  Result<bool> drop_oldest();
  Result<std::uint64_t> room() const;
  Status wrote(std::uint64_t bytes);
  Status flush();

  std::unique_ptr<Database> database_;
  RecordingOptions options_;
  std::vector<FaultEvent> events_;  // of the block to come
  std::uint64_t activities_ = 0;
  std::uint64_t report_bytes_ = 0;
  std::uint64_t uncommitted_ = 0;  // bytes, about
  bool in_transaction_ = false;
  RecordingTotals totals_;
  std::optional<Statement> insert_block_;
  std::optional<Statement> insert_interval_;
  std::optional<Statement> insert_activity_;
  std::optional<Statement> insert_faults_;
  std::optional<Statement> insert_cause_;
  std::optional<Statement> insert_mapping_;
  std::optional<Statement> update_report_;
  std::optional<Statement> update_recording_;
};

}  // namespace mlt
