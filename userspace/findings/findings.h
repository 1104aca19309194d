// The findings of a report: pure rules over the report model. A rule sees figures, names what they mean and says what
// to do; where a figure was not measured it is silent.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/report.h"
#include "util/result.h"

namespace mlt {

/// Where a rule begins to speak, or to speak up. Names and meanings are in `all_thresholds`.
struct FindingOptions {
  std::uint64_t locked_faults = 64;
  std::uint64_t locked_time_percent = 1;
  std::uint64_t lock_mb_per_s = 2000;
  std::uint64_t unlock_ns_per_page = 1000;
  std::uint64_t thread_stack_pages = 64;
  std::uint64_t future_mib = 64;
  std::uint64_t headroom_mib = 8;
  std::uint64_t splits_per_call = 1;
  std::uint64_t splits = 32;
  std::uint64_t vma_percent = 50;
  std::uint64_t vma_problem_percent = 90;
  std::uint64_t unevictable_percent = 50;
  std::uint64_t unevictable_growth_percent = 1;
  std::uint64_t trend_seconds = 60;
  std::uint64_t scan_ratio = 4;
  std::uint64_t swap_in_per_s = 1000;
  std::uint64_t major_per_s = 10;
  std::uint64_t wait_percent = 10;
  std::uint64_t storm_per_s = 50'000;
  std::uint64_t storm_time_percent = 5;
  std::uint64_t storm_factor = 10;
  std::uint64_t storm_seconds = 3;
};

struct Threshold {
  std::string_view name;
  std::uint64_t FindingOptions::*value;
  std::string_view help;
};

std::span<const Threshold> all_thresholds();

/// Applies "NAME=VALUE".
Status set_threshold(FindingOptions& options, std::string_view assignment);

/// What a rule saw. `remark`, if any, is appended to the rule's title; `advice`, if any, is in place of the rule's.
struct Sighting {
  Severity severity = Severity::info;
  std::map<std::string, std::int64_t> evidence;
  std::string remark;
  std::string advice = {};
};

/// What a rule is given beside the process.
struct Case {
  const Report& report;
  const FindingOptions& options;
};

/// One kind of finding. It concerns processes or the system: one of the two functions is set.
struct Rule {
  std::string_view id;
  Severity highest;  // the gravest that it can be
  std::string_view title;
  std::string_view advice;
  std::string_view see;
  std::optional<Sighting> (*of_process)(const Process& process, const Case& about) = nullptr;
  std::optional<Sighting> (*of_system)(const Case& about) = nullptr;
};

std::span<const Rule> all_rules();

/// Everything that the rules find, gravest first.
std::vector<Finding> find(const Report& report, const FindingOptions& options);

/// The words that --fail-on takes, checked: severities, which mean themselves and whatever is graver, and ids.
Result<std::vector<std::string>> parse_fail_on(std::string_view list);
bool fails_on(const std::vector<Finding>& findings, const std::vector<std::string>& fail_on);

/// A line a rule, for people.
std::string list_findings();

}  // namespace mlt
