// The workloads (tests/workloads) that the live tests run, a row each: with which settings, and what mlocktrace has to
// find in them beside the numbers that they know of themselves.
#pragma once

#include <ostream>
#include <span>
#include <string_view>

namespace suite {

struct WorkloadRow {
  std::string_view words;          // the workload and its settings; $DIR: a directory on a disk where there is one
  std::string_view findings = {};  // that must be there, or kHealthy
  /// Empty: runs with all others of its kind under one tracer (tests/vm/workload_runs.h). Else the tests that run it,
  /// because it would disturb the others, or needs another machine, or ends.
  std::string_view apart = {};

  /// Of several runs of a workload: which this is.
  std::string_view variant = {};

  [[nodiscard]] std::string_view name() const { return words.substr(0, words.find(' ')); }
  [[nodiscard]] std::string_view label() const { return variant.empty() ? name() : variant; }
};

/// For GoogleTest.
inline void PrintTo(const WorkloadRow& row, std::ostream* out) { *out << row.words; }

/// In the place of findings: nothing may be found that is worth a warning.
inline constexpr std::string_view kHealthy = "healthy";

/// In the order of workloads.inc. Labels are unique.
std::span<const WorkloadRow> workload_table();

}  // namespace suite
