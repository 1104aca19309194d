// A report of very many processes: some are listed one by one, the others are summed up by command. Pure.
#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "model/counts.h"
#include "model/report.h"

namespace mlt {

struct CrowdBounds {
  /// Processes that are listed one by one: those with the most time in faults and calls, and the one of each finding
  /// that is a warning or graver.
  std::size_t processes = std::numeric_limits<std::size_t>::max();
  /// Where others are summed up: single calls and single changes of mappings of each that is listed.
  std::size_t rows = std::numeric_limits<std::size_t>::max();
  /// More commands than these share a group.
  std::size_t groups = 50;
};

/// What JSON and recordings have unless something else is asked for.
inline constexpr std::size_t kProcessesInFiles = 100;
inline constexpr CrowdBounds bounds_of_files(std::optional<std::size_t> processes) {
  return {processes.value_or(kProcessesInFiles), 20};
}

/// The report within bounds; empty: it is within them. Every total over `processes` and `groups` is what it was, and
/// what was summed up before stays so.
std::optional<Report> summed_up(const Report& report, const CrowdBounds& bounds);

/// Of all processes, those that are listed and the others.
Process sum_of(const Report& report);
std::uint64_t count_of_processes(const Report& report);

/// Time in faults and in calls; faults that a call made count once.
std::uint64_t busy_ns(const Process& process);
std::uint64_t busy_ns(const ProcessCounts& process);

/// The process that a check is of, by its name: "faults of 123", of older versions "faults of pid 123".
struct CheckOf {
  std::string kind;
  std::uint32_t pid = 0;
};
std::optional<CheckOf> check_of(const std::string& check);

/// Adds up checks of a kind that came to the same. Those that differ don't.
void add_to_groups(std::vector<AuditGroup>& groups, const AuditCheck& check);
void add_to_groups(std::vector<AuditGroup>& groups, const AuditGroup& group);

}  // namespace mlt
