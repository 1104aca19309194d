#include "model/block_counts.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace mlt {

// Its thread may be counting: a fault may be in `minor` and not in its bucket yet. What the histogram says of itself
// must be true all the same.
FaultTotals totals_of(const mlt_block& block, std::span<const mlt_tail> tails) {
  std::array<__u64, MLT_HIST_BUCKETS> buckets{};
  std::ranges::copy(block.near, buckets.begin() + MLT_NEAR_FIRST);
  for (const mlt_tail& tail : tails) {
    for (std::size_t i = 0; i < MLT_HIST_SUB; ++i) buckets.at(tail.row * MLT_HIST_SUB + i) += tail.buckets[i];
  }
  const std::uint64_t timed = std::accumulate(buckets.begin(), buckets.end(), std::uint64_t{0});
  FaultTotals totals;
  totals.minor = block.minor;
  totals.major = block.major;
  totals.errors = block.errors;
  totals.retries = block.retries;
  totals.untimed = block.untimed;
  totals.latency.merge(timed, block.sum_ns, block.min_ns, block.max_ns, buckets);
  return totals;
}

}  // namespace mlt
