// A timeline made small enough to be drawn: one series of rows for each process and for all of them, and a grid of
// latency over time. Points and events are taken one by one, so that a recording of any length passes through.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "model/timeline.h"

namespace mlt {

/// What happened in one interval: a TimelinePoint, or several as one, without its histograms.
struct SeriesRow : IntervalCounts {
  std::uint64_t start_ns = 0;
  std::uint64_t duration_ns = 0;
  std::array<std::uint64_t, MLT_ORIGIN_NR> faults{};  // completed
  std::uint64_t major = 0;
  std::uint64_t time_ns = 0;  // in all of them
  std::array<std::uint64_t, MLT_CAUSE_NR> by_cause{};
};

/// Rows in order of time, at most `limit` (an even number) of them: when there are more, neighbours become one.
class Series {
 public:
  explicit Series(std::size_t limit) : limit_(limit) {}

  /// A point that overlaps the last row, one of another process in the same interval, is added to it.
  void add(const TimelinePoint& point);

  [[nodiscard]] const std::vector<SeriesRow>& rows() const { return rows_; }
  /// How many intervals of the timeline one row holds: 1, or a power of two.
  [[nodiscard]] std::uint64_t intervals_per_row() const { return intervals_per_row_; }

 private:
  std::size_t limit_;
  std::uint64_t intervals_per_row_ = 1;
  std::uint64_t in_last_ = 0;  // intervals in the last row
  std::uint64_t last_end_ns_ = 0;
  std::vector<SeriesRow> rows_;
};

/// Faults by time and latency. Each column is an interval, each row a bucket of the histogram.
class LatencyGrid {
 public:
  static constexpr std::size_t kMostColumns = 720;
  using Buckets = std::array<std::uint32_t, MLT_HIST_BUCKETS>;
  struct Column {
    std::uint64_t start_ns = 0;
    std::uint64_t duration_ns = 0;
    std::array<Buckets, MLT_ORIGIN_NR> counts{};
  };

  void add(const TimelinePoint& point);
  /// Events of a trace of `duration_ns`, into columns of one width. Not to be mixed with points.
  void add(const FaultEvent& event, std::uint64_t duration_ns);

  [[nodiscard]] const std::vector<Column>& columns() const { return columns_; }
  [[nodiscard]] std::uint64_t faults() const { return faults_; }

 private:
  std::uint64_t intervals_per_column_ = 1;
  std::uint64_t in_last_ = 0;
  std::uint64_t last_end_ns_ = 0;
  std::uint64_t faults_ = 0;
  std::vector<Column> columns_;
};

}  // namespace mlt
