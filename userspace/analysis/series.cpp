#include "analysis/series.h"

#include <algorithm>
#include <limits>

namespace mlt {
namespace {

// ---- Rows

using mlt::add;

template <std::size_t N>
void add(std::array<std::uint64_t, N>& sum, const std::array<std::uint64_t, N>& values) {
  for (std::size_t i = 0; i < N; ++i) sum[i] += values[i];
}

/// What is counted, as opposed to levels such as locked bytes.
void add_counts(SeriesRow& sum, const SeriesRow& row) {
  add(sum.faults, row.faults);
  add(sum.by_cause, row.by_cause);
  sum.major += row.major;
  sum.time_ns += row.time_ns;
  for (const IntervalCount& count : kIntervalCounts) {
    if (!count.level) add(sum.*count.member, row.*count.member);
  }
}

/// Levels add up over processes, not over time.
template <typename Change>
void for_each_level(SeriesRow& row, const SeriesRow& other, Change change) {
  for (const IntervalCount& count : kIntervalCounts) {
    if (count.level) change(row.*count.member, other.*count.member);
  }
}

template <typename Interval>
void extend(Interval& interval, std::uint64_t end_ns) {
  interval.duration_ns = std::max(interval.start_ns + interval.duration_ns, end_ns) - interval.start_ns;
}

void add_later(SeriesRow& sum, const SeriesRow& later) {
  add_counts(sum, later);
  for_each_level(sum, later, [](Count& level, const Count& after) {
    if (after) level = after;
  });
  extend(sum, later.start_ns + later.duration_ns);
}

SeriesRow row_of(const TimelinePoint& point) {
  const IntervalCounts& counts = point;
  SeriesRow row{counts};
  row.start_ns = point.start_ns;
  row.duration_ns = point.duration_ns;
  for (std::size_t i = 0; i < MLT_ORIGIN_NR; ++i) {
    row.faults[i] = point.by_origin[i].completed();
    row.major += point.by_origin[i].major;
    row.time_ns += point.by_origin[i].latency.sum();
  }
  row.by_cause = point.by_cause;
  return row;
}

// ---- Columns

void add_count(std::uint32_t& sum, std::uint64_t count) {
  sum = static_cast<std::uint32_t>(std::min<std::uint64_t>(sum + count, std::numeric_limits<std::uint32_t>::max()));
}

void add_later(LatencyGrid::Column& sum, const LatencyGrid::Column& later) {
  for (std::size_t origin = 0; origin < MLT_ORIGIN_NR; ++origin) {
    for (std::size_t i = 0; i < MLT_HIST_BUCKETS; ++i) add_count(sum.counts[origin][i], later.counts[origin][i]);
  }
  extend(sum, later.start_ns + later.duration_ns);
}

/// Makes one of each two neighbours.
template <typename Item>
void halve(std::vector<Item>& items) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < items.size(); i += 2, ++kept) {
    if (kept != i) items[kept] = items[i];
    if (i + 1 < items.size()) add_later(items[kept], items[i + 1]);
  }
  items.resize(kept);
}

}  // namespace

void Series::add(const TimelinePoint& point) {
  const SeriesRow row = row_of(point);
  const std::uint64_t end_ns = row.start_ns + row.duration_ns;
  if (!rows_.empty() && row.start_ns < last_end_ns_) {
    add_counts(rows_.back(), row);
    for_each_level(rows_.back(), row, [](Count& level, const Count& of_other) { mlt::add(level, of_other); });
    extend(rows_.back(), end_ns);
    last_end_ns_ = std::max(last_end_ns_, end_ns);
    return;
  }
  last_end_ns_ = end_ns;
  if (in_last_ != 0 && in_last_ < intervals_per_row_) {
    add_later(rows_.back(), row);
    // Those of the interval before are gone.
    for_each_level(rows_.back(), row, [](Count& level, const Count& now) { level = now; });
    ++in_last_;
    return;
  }
  if (rows_.size() >= limit_) {
    halve(rows_);
    intervals_per_row_ *= 2;
  }
  rows_.push_back(row);
  in_last_ = 1;
}

void LatencyGrid::add(const TimelinePoint& point) {
  const std::uint64_t end_ns = point.start_ns + point.duration_ns;
  const bool same_interval = !columns_.empty() && point.start_ns < last_end_ns_;
  if (!same_interval) {
    if (in_last_ == 0 || in_last_ >= intervals_per_column_) {
      if (columns_.size() >= kMostColumns) {
        halve(columns_);
        intervals_per_column_ *= 2;
      }
      columns_.push_back({point.start_ns, 0, {}});
      in_last_ = 0;
    }
    ++in_last_;
  }
  last_end_ns_ = std::max(last_end_ns_, end_ns);
  Column& column = columns_.back();
  extend(column, end_ns);
  for (std::size_t origin = 0; origin < MLT_ORIGIN_NR; ++origin) {
    const Histogram& latency = point.by_origin[origin].latency;
    faults_ += latency.count();
    if (latency.empty()) continue;
    for (const auto& [index, count] : latency.buckets()) add_count(column.counts[origin][index], count);
  }
}

void LatencyGrid::add(const FaultEvent& event, std::uint64_t duration_ns) {
  if (columns_.empty()) {
    columns_.resize(kMostColumns);
    for (std::uint64_t i = 0; i < kMostColumns; ++i) {
      const std::uint64_t start = duration_ns / kMostColumns * i;
      columns_[i].start_ns = start;
      columns_[i].duration_ns = (i + 1 == kMostColumns ? duration_ns : duration_ns / kMostColumns * (i + 1)) - start;
    }
  }
  const std::uint64_t width = std::max<std::uint64_t>(duration_ns / kMostColumns, 1);
  const std::size_t column = std::min<std::size_t>(event.at_ns / width, kMostColumns - 1);
  const bool timed = event.duration_ns != 0;  // how long the others took is not known
  if (event.error || !timed || event.origin >= MLT_ORIGIN_NR) return;
  add_count(columns_[column].counts[event.origin][bucket_index(event.duration_ns)], 1);
  ++faults_;
}

}  // namespace mlt
