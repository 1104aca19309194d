#include "util/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace mlt {
namespace {

TEST(Buckets, AreAdjacentAndFoundAgain) {
  std::uint64_t next = 0;
  for (std::size_t i = 0; i < MLT_HIST_BUCKETS; ++i) {
    const BucketRange range = bucket_range(i);
    EXPECT_EQ(range.lo, next) << i;
    EXPECT_LT(range.lo, range.hi) << i;
    EXPECT_EQ(bucket_index(range.lo), i);
    EXPECT_EQ(bucket_index(range.hi - 1), i);
    next = range.hi;
  }
  EXPECT_EQ(next, std::uint64_t{1} << MLT_HIST_OCTAVES);
}

TEST(Buckets, AreAtMostAnEighthWide) {
  for (std::size_t i = MLT_HIST_SUB; i < MLT_HIST_BUCKETS; ++i) {
    const BucketRange range = bucket_range(i);
    EXPECT_LE((range.hi - range.lo) * MLT_HIST_SUB, range.lo) << i;
  }
}

TEST(Buckets, WhatIsTooLongIsInTheLast) {
  EXPECT_EQ(bucket_index(std::uint64_t{1} << MLT_HIST_OCTAVES), MLT_HIST_BUCKETS - 1U);
  EXPECT_EQ(bucket_index(~std::uint64_t{0}), MLT_HIST_BUCKETS - 1U);
}

TEST(Histogram, EmptyOne) {
  const Histogram histogram;
  EXPECT_TRUE(histogram.empty());
  EXPECT_EQ(histogram.quantile(0.5), 0U);
}

TEST(Histogram, CountsExactly) {
  Histogram histogram;
  for (const std::uint64_t value : {5U, 100U, 7U}) histogram.add(value);
  EXPECT_EQ(histogram.count(), 3U);
  EXPECT_EQ(histogram.sum(), 112U);
  EXPECT_EQ(histogram.min(), 5U);
  EXPECT_EQ(histogram.max(), 100U);
  EXPECT_EQ(histogram.quantile(0), 5U);
  EXPECT_EQ(histogram.quantile(1), 100U);
}

TEST(Histogram, QuantilesAreOffByASixteenthAtMost) {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> distribution(7, 2);
  std::vector<std::uint64_t> values;
  Histogram histogram;
  for (int i = 0; i < 20'000; ++i) {
    values.push_back(static_cast<std::uint64_t>(distribution(random)));
    histogram.add(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const double q : {0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(values.size())));
    const auto exact = static_cast<double>(values[rank - 1]);
    const auto estimate = static_cast<double>(histogram.quantile(q));
    // Values below 8 ns have a bucket each; between whole nanoseconds there is nothing to be off by.
    EXPECT_NEAR(estimate, exact, std::max(1.0, exact / 16)) << "q = " << q;
  }
}

TEST(Histogram, MergeIsTheSumOfBoth) {
  Histogram a;
  Histogram b;
  Histogram both;
  for (std::uint64_t i = 1; i < 1000; ++i) {
    (i % 3 == 0 ? a : b).add(i * i);
    both.add(i * i);
  }
  a.merge(b);
  a.merge(Histogram{});
  EXPECT_EQ(a.buckets(), both.buckets());
  EXPECT_EQ(a.count(), both.count());
  EXPECT_EQ(a.sum(), both.sum());
  EXPECT_EQ(a.min(), both.min());
  EXPECT_EQ(a.max(), both.max());
}

TEST(Histogram, MergeIntoAnEmptyOneTakesTheMinimum) {
  Histogram other;
  other.add(500);
  Histogram histogram;
  histogram.merge(other);
  EXPECT_EQ(histogram.min(), 500U);
}

TEST(Histogram, MergeOfACountedBlock) {
  Histogram::Buckets raw{};
  raw[bucket_index(100)] = 2;
  const std::vector<__u64> buckets(raw.begin(), raw.end());
  const std::span<const __u64, MLT_HIST_BUCKETS> block(buckets.data(), MLT_HIST_BUCKETS);
  Histogram histogram;
  histogram.merge(0, 0, 77, 77, block.first<MLT_HIST_BUCKETS>());
  EXPECT_TRUE(histogram.empty());
  histogram.merge(2, 205, 100, 105, block);
  EXPECT_EQ(histogram.count(), 2U);
  EXPECT_EQ(histogram.sum(), 205U);
  EXPECT_EQ(histogram.min(), 100U);
  EXPECT_EQ(histogram.max(), 105U);
}

TEST(HistogramSince, HasWhatCameAfterwards) {
  Histogram histogram;
  histogram.add(10);
  histogram.add(1'000'000);
  const Histogram earlier = histogram;
  histogram.add(2000);
  histogram.add(2100);
  const Histogram delta = histogram.since(earlier);
  EXPECT_EQ(delta.count(), 2U);
  EXPECT_EQ(delta.sum(), 4100U);
  EXPECT_LE(delta.min(), 2000U);
  EXPECT_GE(delta.min(), 1800U);
  EXPECT_GE(delta.max(), 2100U);
  EXPECT_LE(delta.max(), 2400U);
}

TEST(HistogramSince, NothingCame) {
  Histogram histogram;
  histogram.add(10);
  EXPECT_TRUE(histogram.since(histogram).empty());
}

TEST(HistogramSince, TheBeginning) {
  Histogram histogram;
  histogram.add(10);
  histogram.add(999);
  const Histogram delta = histogram.since({});
  EXPECT_EQ(delta.buckets(), histogram.buckets());
  EXPECT_EQ(delta.min(), 10U);
  EXPECT_EQ(delta.max(), 999U);
}

TEST(HistogramSince, ValuesBeyondTheLastBucket) {
  Histogram histogram;
  histogram.add(std::uint64_t{1} << 50);
  EXPECT_EQ(histogram.since({}).max(), std::uint64_t{1} << 50);
}

}  // namespace
}  // namespace mlt
