#include "analysis/series.h"

#include <gtest/gtest.h>

#include "report/fixtures.h"
#include "report/timeline_fixtures.h"

namespace mlt {
namespace {

TimelinePoint point(std::uint64_t start_ns, std::uint32_t pid, std::uint64_t faults, Count locked = {}) {
  TimelinePoint result;
  result.start_ns = start_ns;
  result.duration_ns = 10;
  result.pid = pid;
  result.by_origin[MLT_ORIGIN_ACCESS] = fixtures::minor_faults(faults, 1000);
  result.by_cause[MLT_CAUSE_COW] = faults;
  result.locked_bytes = locked;
  return result;
}

std::uint64_t faults_of(const Series& series) {
  std::uint64_t sum = 0;
  for (const SeriesRow& row : series.rows()) sum += row.faults[MLT_ORIGIN_ACCESS];
  return sum;
}

TEST(Series, PointsOfOneIntervalAreOneRow) {
  Series series(100);
  series.add(point(0, 1, 3, 4096));
  series.add(point(0, 2, 4, 8192));
  series.add(point(10, 1, 5, 4096));
  ASSERT_EQ(series.rows().size(), 2U);
  EXPECT_EQ(series.rows()[0].faults[MLT_ORIGIN_ACCESS], 7U);
  EXPECT_EQ(series.rows()[0].by_cause[MLT_CAUSE_COW], 7U);
  EXPECT_EQ(series.rows()[0].locked_bytes, 12288U);
  EXPECT_EQ(series.rows()[0].duration_ns, 10U);
  EXPECT_EQ(series.rows()[1].locked_bytes, 4096U);
  EXPECT_EQ(series.rows()[0].swap_in, std::nullopt) << "never measured";
}

TEST(Series, TooManyRowsBecomeWiderAndLoseNothing) {
  Series series(8);
  std::uint64_t expected = 0;
  for (std::uint64_t i = 0; i < 100; ++i) {
    series.add(point(i * 10, 1, i % 7, 4096 * i));
    series.add(point(i * 10, 2, 1, 4096));
    expected += i % 7 + 1;
  }
  EXPECT_LE(series.rows().size(), 8U);
  EXPECT_GE(series.rows().size(), 4U);
  EXPECT_EQ(faults_of(series), expected);
  EXPECT_EQ(series.intervals_per_row(), 16U);
  std::uint64_t end = 0;
  for (const SeriesRow& row : series.rows()) {
    EXPECT_EQ(row.start_ns, end) << "rows follow each other";
    end = row.start_ns + row.duration_ns;
  }
  EXPECT_EQ(end, 1000U);
  EXPECT_EQ(series.rows().back().locked_bytes, 4096U * 99 + 4096) << "a level is that of the last interval";
}

TEST(LatencyGrid, TooManyColumnsBecomeWiderAndLoseNothing) {
  LatencyGrid grid;
  for (std::uint64_t i = 0; i < 5000; ++i) grid.add(fixtures::long_run(i));
  EXPECT_LE(grid.columns().size(), LatencyGrid::kMostColumns);
  EXPECT_GE(grid.columns().size(), LatencyGrid::kMostColumns / 2);
  std::uint64_t faults = 0;
  for (const LatencyGrid::Column& column : grid.columns()) {
    for (const std::uint32_t count : column.counts[MLT_ORIGIN_ACCESS]) faults += count;
  }
  EXPECT_EQ(faults, grid.faults());
  EXPECT_EQ(grid.columns().back().start_ns + grid.columns().back().duration_ns, 5000ULL * 100'000'000);
}

TEST(LatencyGrid, EventsAtTheEdges) {
  LatencyGrid grid;
  FaultEvent event;
  event.duration_ns = 500;
  for (const std::uint64_t at : {0ull, 999'999ull, 1'000'000ull, 5'000'000ull}) {
    event.at_ns = at;
    grid.add(event, 1'000'000);
  }
  EXPECT_EQ(grid.columns().front().counts[MLT_ORIGIN_ACCESS][bucket_index(500)], 1U);
  EXPECT_EQ(grid.columns().back().counts[MLT_ORIGIN_ACCESS][bucket_index(500)], 3U);
  EXPECT_EQ(grid.columns().back().start_ns + grid.columns().back().duration_ns, 1'000'000U);
}

TEST(LatencyGrid, AnEmptyTraceHasRoomForAnEvent) {
  LatencyGrid grid;
  FaultEvent event;
  event.duration_ns = 1;
  grid.add(event, 0);
  EXPECT_EQ(grid.faults(), 1U);
}

TEST(LatencyGrid, AnEventThatWasNotTimedHasNoLatency) {
  LatencyGrid grid;
  FaultEvent event;
  grid.add(event, 1'000'000);
  EXPECT_EQ(grid.faults(), 0U);
  EXPECT_EQ(grid.columns().front().counts[MLT_ORIGIN_ACCESS], LatencyGrid::Buckets{}) << "not one of 0 ns";
  event.duration_ns = 1;
  grid.add(event, 1'000'000);
  EXPECT_EQ(grid.faults(), 1U);
}

}  // namespace
}  // namespace mlt
