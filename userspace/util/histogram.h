// Latency histogram in the layout that the BPF programs fill: log-linear, 8 buckets an octave (bpf/mlocktrace.h).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "bpf/mlocktrace.h"

namespace mlt {

/// A bucket's values: lo <= value < hi, nanoseconds.
struct BucketRange {
  std::uint64_t lo;
  std::uint64_t hi;
};

BucketRange bucket_range(std::size_t index);
std::size_t bucket_index(std::uint64_t nanoseconds);

/// A bucket that holds something.
struct Bucket {
  std::size_t index = 0;
  std::uint64_t count = 0;
  bool operator==(const Bucket&) const = default;
};

class Histogram {
 public:
  using Buckets = std::array<std::uint64_t, MLT_HIST_BUCKETS>;

  void add(std::uint64_t nanoseconds);
  /// Adds what a BPF block counted. `min` and `max` are ignored when `count` is 0.
  void merge(std::uint64_t count, std::uint64_t sum, std::uint64_t min, std::uint64_t max,
             std::span<const __u64, MLT_HIST_BUCKETS> buckets);
  void merge(const Histogram& other);
  /// What came since `earlier`, an older state of the same histogram. Its minimum and maximum are those of the buckets,
  /// limited by the recorded ones: the exact ones of an interval are not known.
  [[nodiscard]] Histogram since(const Histogram& earlier) const;

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::uint64_t sum() const { return sum_; }
  [[nodiscard]] std::uint64_t min() const { return min_; }
  [[nodiscard]] std::uint64_t max() const { return max_; }
  /// In order. Of a process nearly all hold nothing, and a trace may have ten thousand processes.
  [[nodiscard]] const std::vector<Bucket>& buckets() const { return buckets_; }
  [[nodiscard]] bool empty() const { return count_ == 0; }

  /// Nearest-rank quantile, interpolated within its bucket and limited to [min, max]; 0 when empty. The error is at
  /// most half a bucket: 1/16 of the value.
  [[nodiscard]] std::uint64_t quantile(double q) const;

 private:
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t min_ = 0;
  std::uint64_t max_ = 0;
  std::vector<Bucket> buckets_;
};

}  // namespace mlt
