#include "util/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace mlt {

BucketRange bucket_range(std::size_t index) {
  if (index < MLT_HIST_SUB) return {index, index + 1};
  const std::size_t shift = index / MLT_HIST_SUB - 1;
  const std::uint64_t lo = static_cast<std::uint64_t>(MLT_HIST_SUB + index % MLT_HIST_SUB) << shift;
  return {lo, lo + (std::uint64_t{1} << shift)};
}

std::size_t bucket_index(std::uint64_t nanoseconds) {
  if (nanoseconds < MLT_HIST_SUB) return nanoseconds;
  const auto octave = static_cast<std::size_t>(std::bit_width(nanoseconds) - 1);
  if (octave >= MLT_HIST_OCTAVES) return MLT_HIST_BUCKETS - 1;
  const std::size_t shift = octave - MLT_HIST_SUB_BITS;
  return (shift + 1) * MLT_HIST_SUB + ((nanoseconds >> shift) & (MLT_HIST_SUB - 1));
}

void Histogram::add(std::uint64_t nanoseconds) {
  min_ = count_ == 0 ? nanoseconds : std::min(min_, nanoseconds);
  max_ = std::max(max_, nanoseconds);
  ++count_;
  sum_ += nanoseconds;
  ++buckets_[bucket_index(nanoseconds)];
}

void Histogram::merge(std::uint64_t count, std::uint64_t sum, std::uint64_t min, std::uint64_t max,
                      std::span<const __u64, MLT_HIST_BUCKETS> buckets) {
  if (count == 0) return;
  min_ = count_ == 0 ? min : std::min<std::uint64_t>(min_, min);
  max_ = std::max<std::uint64_t>(max_, max);
  count_ += count;
  sum_ += sum;
  for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += buckets[i];
}

void Histogram::merge(const Histogram& other) {
  if (other.count_ == 0) return;
  min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  count_ += other.count_;
  sum_ += other.sum_;
  for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
}

Histogram Histogram::since(const Histogram& earlier) const {
  Histogram delta;
  delta.count_ = count_ - earlier.count_;
  delta.sum_ = sum_ - earlier.sum_;
  if (delta.count_ == 0) return delta;
  bool first = true;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    delta.buckets_[i] = buckets_[i] - earlier.buckets_[i];
    if (delta.buckets_[i] == 0) continue;
    const BucketRange range = bucket_range(i);
    if (first) delta.min_ = std::max(range.lo, min_);
    first = false;
    delta.max_ = std::min(range.hi - 1, max_);
  }
  // The open last bucket has no upper bound of its own.
  if (delta.buckets_.back() != 0) delta.max_ = max_;
  return delta;
}

std::uint64_t Histogram::quantile(double q) const {
  if (count_ == 0) return 0;
  const auto rank = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(count_))));
  if (rank >= count_) return max_;
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    if (below + buckets_[i] < rank) {
      below += buckets_[i];
      continue;
    }
    const BucketRange range = bucket_range(i);
    const double inside = (static_cast<double>(rank - below) - 0.5) / static_cast<double>(buckets_[i]);
    const auto value = range.lo + static_cast<std::uint64_t>(inside * static_cast<double>(range.hi - range.lo));
    return std::clamp(value, min_, max_);
  }
  return max_;
}

}  // namespace mlt
