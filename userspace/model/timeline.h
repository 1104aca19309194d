// What a recording holds beside the report: the same trace, cut into intervals, and single events where they were asked
// for. Plain values.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/report.h"

namespace mlt {

/// What is counted of one process, or of several, in one interval.
struct IntervalCounts {
  Count pages_populated;
  Count mlocked;
  Count munlocked;
  Count locked_bytes;
  Count resident_bytes;
  Count swap_in;
  Count swap_out;
  Count reclaim_ns;
};

struct IntervalCount {
  std::string_view key;
  Count IntervalCounts::*member;
  std::string_view meaning;
  bool level = false;  // as it was at the end of the interval: not a sum
};

/// One line each, in the order of columns: series, CSV, the recording and the HTML report iterate it.
inline constexpr IntervalCount kIntervalCounts[] = {
    {"pages_populated", &IntervalCounts::pages_populated, "by the calls that lock or map memory"},
    {"mlocked", &IntervalCounts::mlocked, "pages"},
    {"munlocked", &IntervalCounts::munlocked, "pages"},
    {"locked_bytes", &IntervalCounts::locked_bytes, "at the end of the interval", true},
    {"resident_bytes", &IntervalCounts::resident_bytes, "at the end of the interval", true},
    {"swap_in", &IntervalCounts::swap_in, "pages"},
    {"swap_out", &IntervalCounts::swap_out, "pages"},
    {"reclaim_ns", &IntervalCounts::reclaim_ns, "stalled in reclaim that it had to do itself"},
};

/// What one process did in one interval.
struct TimelinePoint : IntervalCounts {
  std::uint64_t start_ns = 0;  // since the start of the trace
  std::uint64_t duration_ns = 0;
  std::uint32_t pid = 0;
  std::array<FaultTotals, MLT_ORIGIN_NR> by_origin;
  std::array<std::uint64_t, MLT_CAUSE_NR> by_cause{};  // completed faults
};

/// A mapping as /proc/PID/smaps shows it.
struct MapsEntry {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::string permissions;
  std::uint64_t offset = 0;
  std::string name;
  std::uint64_t resident_bytes = 0;
  std::uint64_t locked_bytes = 0;
  std::uint64_t swapped_bytes = 0;
  bool locked = false;  // VmFlags has "lo"
};

/// The address space of one process before and after the trace. A command's is taken when execve has made it, before
/// the program's first instruction; empty where mlocktrace may not hold it there. Of a process that exited, `after` is
/// the last that was seen.
struct AddressSpace {
  std::uint32_t pid = 0;
  std::vector<MapsEntry> before;
  std::vector<MapsEntry> after;
  std::uint64_t after_ns = 0;  // when `after` was read, since the start of the trace
};

/// One fault of those that `record --events` keeps.
struct FaultEvent {
  std::uint64_t at_ns = 0;  // its end, since the start of the trace
  std::uint64_t duration_ns = 0;
  std::uint64_t address = 0;
  std::uint32_t pid = 0;
  std::uint32_t tid = 0;
  mlt_origin origin = MLT_ORIGIN_ACCESS;
  mlt_lock_state locked = MLT_UNLOCKED;
  mlt_cause cause = MLT_CAUSE_UNKNOWN;
  bool major = false;
  bool error = false;
};

struct Timeline {
  std::vector<TimelinePoint> points;  // in order of time
  std::vector<AddressSpace> spaces;
};

}  // namespace mlt
