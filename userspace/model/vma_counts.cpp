#include "model/vma_counts.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <span>

namespace mlt {

namespace {

// Past so many mappings nobody reads on, and one that maps at ever new places has millions.
constexpr std::size_t kVmasKept = 4096;

bool same_mapping(const mlt_vma& a, const mlt_vma& b) {
  if (a.flags != b.flags || a.kind != b.kind || a.inode_number != b.inode_number || a.dev != b.dev ||
      std::strncmp(a.name, b.name, sizeof(a.name)) != 0)
    return false;
  return a.inode_number != 0 || (a.start <= end_of(b) && b.start <= end_of(a));
}

void add_counts(mlt_vma& sum, const mlt_vma& part) {
  for (std::size_t cause = 0; cause < MLT_CAUSE_NR; ++cause) sum.completed[cause] += part.completed[cause];
  sum.major += part.major;
  sum.errors += part.errors;
  sum.time_ns += part.time_ns;
  sum.max_ns = std::max(sum.max_ns, part.max_ns);
  sum.state |= part.state & MLT_VMA_UNEVICTABLE;
}

void widen(mlt_vma& sum, const mlt_vma& part) {
  const std::uint64_t end = std::max(end_of(sum), end_of(part));
  if (part.start < sum.start) sum.pgoff = part.pgoff;
  sum.start = std::min(sum.start, part.start);
  sum.size = end - sum.start;
}

void take_away(__u64& from, std::uint64_t amount) { from -= std::min<std::uint64_t>(from, amount); }

}  // namespace

void add_vma(std::vector<mlt_vma>& list, const mlt_vma& vma) {
  const auto found = std::ranges::find_if(list, [&](const mlt_vma& known) { return same_mapping(known, vma); });
  if (found == list.end()) {
    if (list.size() < kVmasKept) list.push_back(vma);
    return;
  }
  widen(*found, vma);
  add_counts(*found, vma);
}

std::vector<mlt_vma> vmas_since(const std::vector<mlt_vma>& now, const std::vector<mlt_vma>& before) {
  std::vector<mlt_vma> difference;
  for (mlt_vma vma : now) {
    // More than one where two mappings have grown into one.
    for (const mlt_vma& old : before) {
      if (!same_mapping(old, vma)) continue;
      for (std::size_t cause = 0; cause < MLT_CAUSE_NR; ++cause) take_away(vma.completed[cause], old.completed[cause]);
      take_away(vma.major, old.major);
      take_away(vma.errors, old.errors);
      take_away(vma.time_ns, old.time_ns);
    }
    if (completed_faults(vma) + vma.errors != 0) difference.push_back(vma);
  }
  return difference;
}

std::uint64_t completed_faults(const mlt_vma& vma) {
  const std::span causes(vma.completed);
  return std::accumulate(causes.begin(), causes.end(), std::uint64_t{0});
}

}  // namespace mlt
