#include "model/block_counts.h"

#include <gtest/gtest.h>

#include <vector>

namespace mlt {
namespace {

mlt_tail tail(std::uint64_t ns, std::uint64_t count) {
  mlt_tail tail{};
  tail.block = 1;
  tail.row = static_cast<__u32>(bucket_index(ns) / MLT_HIST_SUB);
  tail.buckets[bucket_index(ns) % MLT_HIST_SUB] = count;
  return tail;
}

TEST(BlockCounts, TheNearOctavesAreFromAQuarterOfAMicrosecondTo65) {
  EXPECT_EQ(bucket_index(255), MLT_NEAR_FIRST - 1U);
  EXPECT_EQ(bucket_index(256), MLT_NEAR_FIRST + 0U);
  EXPECT_EQ(bucket_index(65'535), MLT_NEAR_FIRST + MLT_NEAR_BUCKETS - 1U);
  EXPECT_EQ(bucket_index(65'536), MLT_NEAR_FIRST + MLT_NEAR_BUCKETS + 0U);
}

TEST(BlockCounts, NearAndFarTogether) {
  mlt_block block{};
  block.minor = 5;
  block.major = 2;
  block.errors = 3;
  block.retries = 4;
  block.untimed = 1;
  block.sum_ns = 7'003'000;
  block.min_ns = 100;
  block.max_ns = 3'500'000;
  block.near[bucket_index(1000) - MLT_NEAR_FIRST] = 3;
  const FaultTotals totals = totals_of(block, std::vector{tail(3'500'000, 2), tail(100, 1)});
  EXPECT_EQ(totals.minor, 5U);
  EXPECT_EQ(totals.major, 2U);
  EXPECT_EQ(totals.errors, 3U);
  EXPECT_EQ(totals.retries, 4U);
  EXPECT_EQ(totals.untimed, 1U);
  EXPECT_EQ(totals.latency.count(), 6U);
  EXPECT_EQ(totals.latency.sum(), 7'003'000U);
  EXPECT_EQ(totals.latency.min(), 100U);
  EXPECT_EQ(totals.latency.max(), 3'500'000U);
  EXPECT_EQ(totals.latency.buckets(),
            (std::vector<Bucket>{{bucket_index(100), 1}, {bucket_index(1000), 3}, {bucket_index(3'500'000), 2}}));
}

TEST(BlockCounts, WhatOverflowedCountsInTheTail) {
  mlt_block block{};
  block.minor = (std::uint64_t{1} << 32) + 7;
  block.max_ns = 1000;
  block.near[bucket_index(1000) - MLT_NEAR_FIRST] = 7;
  const FaultTotals totals = totals_of(block, std::vector{tail(1000, std::uint64_t{1} << 32)});
  EXPECT_EQ(totals.latency.count(), block.minor);
  EXPECT_EQ(totals.latency.buckets(), (std::vector<Bucket>{{bucket_index(1000), block.minor}}));
}

TEST(BlockCounts, TwoThatMadeATailForTheSameOctaveBothCount) {
  mlt_block block{};
  block.minor = 5;
  block.flags = MLT_BLOCK_SHARED;
  const FaultTotals totals = totals_of(block, std::vector{tail(1000, 2), tail(1000, 3)});
  EXPECT_EQ(totals.latency.buckets(), (std::vector<Bucket>{{bucket_index(1000), 5}}));
}

}  // namespace
}  // namespace mlt
