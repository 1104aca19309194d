// What the kernel counts of something, where that takes several of its counters.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace mlt {

/// Counters by their name in /proc/vmstat or in memory.stat, as they were at a moment.
using CounterValues = std::map<std::string, std::int64_t>;

struct KernelCount {
  std::vector<const char*> counters;          // the sum of these; a kernel that lacks one does not count it
  std::vector<const char*> where_there = {};  // and of these, which newer kernels count apart
  const char* again = nullptr;                // without what this counter has: that is in one of them a second time

  /// Empty: this kernel does not count it.
  [[nodiscard]] std::optional<std::int64_t> at(const CounterValues& values) const;
  [[nodiscard]] std::optional<std::int64_t> growth(const CounterValues& start, const CounterValues& end) const;
  /// The names of those that are added up: " pswpout zswpout".
  [[nodiscard]] std::string names(const CounterValues& values) const;
};

/// Pages to a device; those of zeroes, which are but marked; those that zswap takes, and writes to a device later.
extern const KernelCount kSwappedOut;

/// Of one counter; empty: this kernel does not have it.
std::optional<std::int64_t> growth(const CounterValues& start, const CounterValues& end, const char* counter);

}  // namespace mlt
