// A recording, read: what `mlocktrace record` wrote. docs/recording-format.md describes the file.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "model/report.h"
#include "model/timeline.h"
#include "util/result.h"

namespace mlt {

/// What the recording says about itself.
struct RecordingInfo {
  std::string tool_version;
  bool complete = false;          // else the recorder was cut off, and the report is as of `report_at_ns`
  std::uint64_t interval_ns = 0;  // that the timeline was to be cut into; a busy recorder may take longer
  std::uint64_t report_at_ns = 0;
  std::uint64_t intervals_dropped = 0;  // oldest ones, for --max-size
  bool with_events = false;
  std::uint64_t events = 0;          // single faults that are there to be read
  std::uint64_t events_dropped = 0;  // oldest ones, for --max-size
  std::uint64_t events_lost = 0;     // found no room in the ring buffer
};

class Recording {
 public:
  /// Opens a recording to read, whether it was closed or cut off; nothing is written. One that is being recorded, one
  /// of a later version, one that is damaged and a file that is none are errors.
  static Result<Recording> open(const std::string& path);

  Recording(Recording&&) noexcept;
  Recording& operator=(Recording&&) noexcept;
  ~Recording();

  [[nodiscard]] const RecordingInfo& info() const;
  /// The report of the whole trace; of a recording that was cut off, up to the last moment that was recorded.
  [[nodiscard]] Result<Report> report() const;
  /// All of it: 10 kB a point. What only sums up does better with `for_each_point`.
  [[nodiscard]] Result<Timeline> timeline() const;
  [[nodiscard]] Result<std::vector<AddressSpace>> spaces() const;

  using PointHandler = std::function<Status(const TimelinePoint&)>;
  /// The points of the timeline in order of time. Ends at the handler's first error.
  Status for_each_point(const PointHandler& handler) const;

  using EventHandler = std::function<Status(const FaultEvent&)>;
  /// Every fault of `record --events` that is kept, in the order of recording: nearly, but not strictly, by time. Ends
  /// at the handler's first error. Memory does not grow with their number.
  Status for_each_event(const EventHandler& handler) const;

 private:
  struct Impl;
  explicit Recording(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mlt
