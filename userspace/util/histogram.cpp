#include "util/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace mlt {

namespace {

void add_to(std::vector<Bucket>& sum, const std::vector<Bucket>& other) {
  // A copy of the other one takes no more memory than it needs, and in a sum of many most buckets are there already.
  if (sum.empty()) {
    sum = other;
    return;
  }
  std::size_t at = 0;
  for (const Bucket& bucket : other) {
    while (at < sum.size() && sum[at].index < bucket.index) ++at;
    if (at < sum.size() && sum[at].index == bucket.index)
      sum[at].count += bucket.count;
    else
      sum.insert(sum.begin() + static_cast<std::ptrdiff_t>(at), bucket);
  }
}

}  // namespace

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
  const std::size_t index = bucket_index(nanoseconds);
  const auto at = std::ranges::lower_bound(buckets_, index, {}, &Bucket::index);
  if (at != buckets_.end() && at->index == index)
    ++at->count;
  else
    buckets_.insert(at, {index, 1});
}

void Histogram::merge(std::uint64_t count, std::uint64_t sum, std::uint64_t min, std::uint64_t max,
                      std::span<const __u64, MLT_HIST_BUCKETS> buckets) {
  if (count == 0) return;
  min_ = count_ == 0 ? min : std::min<std::uint64_t>(min_, min);
  max_ = std::max<std::uint64_t>(max_, max);
  count_ += count;
  sum_ += sum;
  std::vector<Bucket> added;
  added.reserve(static_cast<std::size_t>(std::ranges::count_if(buckets, [](__u64 held) { return held != 0; })));
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    if (buckets[i] != 0) added.push_back({i, buckets[i]});
  }
  add_to(buckets_, added);
}

void Histogram::merge(const Histogram& other) {
  if (other.count_ == 0) return;
  min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  count_ += other.count_;
  sum_ += other.sum_;
  add_to(buckets_, other.buckets_);
}

Histogram Histogram::since(const Histogram& earlier) const {
  Histogram delta;
  delta.count_ = count_ - earlier.count_;
  delta.sum_ = sum_ - earlier.sum_;
  if (delta.count_ == 0) return delta;
  auto old = earlier.buckets_.begin();
  for (const Bucket& now : buckets_) {
    while (old != earlier.buckets_.end() && old->index < now.index) ++old;
    const bool is_old = old != earlier.buckets_.end() && old->index == now.index;
    const std::uint64_t count = is_old ? now.count - old->count : now.count;
    if (count != 0) delta.buckets_.push_back({now.index, count});
  }
  if (delta.buckets_.empty()) return delta;
  const std::size_t last = delta.buckets_.back().index;
  delta.min_ = std::max(bucket_range(delta.buckets_.front().index).lo, min_);
  // The open last bucket has no upper bound of its own.
  delta.max_ = last == MLT_HIST_BUCKETS - 1 ? max_ : std::min(bucket_range(last).hi - 1, max_);
  return delta;
}

std::uint64_t Histogram::quantile(double q) const {
  if (count_ == 0) return 0;
  const auto rank = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(count_))));
  if (rank >= count_) return max_;
  std::uint64_t below = 0;
  for (const auto& [index, held] : buckets_) {
    if (below + held < rank) {
      below += held;
      continue;
    }
    const BucketRange range = bucket_range(index);
    const double inside = (static_cast<double>(rank - below) - 0.5) / static_cast<double>(held);
    const auto value = range.lo + static_cast<std::uint64_t>(inside * static_cast<double>(range.hi - range.lo));
    return std::clamp(value, min_, max_);
  }
  return max_;
}

}  // namespace mlt
