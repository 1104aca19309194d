// What the user sets: thresholds, and the findings that decide the exit status.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>

#include "findings/findings.h"
#include "model/names.h"

namespace mlt {
namespace {

constexpr auto kThresholds = std::to_array<Threshold>({
    {"locked-faults", &FindingOptions::locked_faults, "faults in locked memory that are a warning"},
    {"locked-time-percent", &FindingOptions::locked_time_percent,
     "share of time in faults in locked memory that is a problem"},
    {"lock-mb-per-s", &FindingOptions::lock_mb_per_s, "speed of mlock; half of it is slow"},
    {"unlock-ns-per-page", &FindingOptions::unlock_ns_per_page, "time of munlock above which it is slow"},
    {"thread-stack-pages", &FindingOptions::thread_stack_pages, "pages that mprotect populates to be a thread's stack"},
    {"future-mib", &FindingOptions::future_mib, "memory populated by MCL_FUTURE that is worth a word"},
    {"headroom-mib", &FindingOptions::headroom_mib, "what should be left of RLIMIT_MEMLOCK under MCL_FUTURE"},
    {"splits-per-call", &FindingOptions::splits_per_call, "splits of mappings a lock call on average"},
    {"splits", &FindingOptions::splits, "splits that were not merged again"},
    {"vma-percent", &FindingOptions::vma_percent, "share of vm.max_map_count that is a warning"},
    {"vma-problem-percent", &FindingOptions::vma_problem_percent, "share of vm.max_map_count that is a problem"},
    {"unevictable-percent", &FindingOptions::unevictable_percent, "unevictable share of memory"},
    {"unevictable-growth-percent", &FindingOptions::unevictable_growth_percent, "its growth a minute, of all memory"},
    {"trend-seconds", &FindingOptions::trend_seconds, "how long a trace is at least that says so"},
    {"scan-ratio", &FindingOptions::scan_ratio, "pages that reclaim scans for one that it gets"},
    {"swap-in-per-s", &FindingOptions::swap_in_per_s, "pages swapped in a second"},
    {"major-per-s", &FindingOptions::major_per_s, "major faults a second"},
    {"wait-percent", &FindingOptions::wait_percent, "share of time waiting for reads, or reclaiming"},
    {"storm-per-s", &FindingOptions::storm_per_s, "faults a second that are a storm"},
    {"storm-time-percent", &FindingOptions::storm_time_percent, "share of a CPU in faults that is a storm"},
    {"storm-factor", &FindingOptions::storm_factor, "times the usual rate that are a storm"},
    {"storm-seconds", &FindingOptions::storm_seconds, "how long a storm lasts at least"},
});

constexpr std::array kSeverities = {Severity::info, Severity::notice, Severity::warning, Severity::problem};

tl::unexpected<Error> usage(std::string what, std::string hint) {
  return fail(std::move(what), 0, std::move(hint), ExitStatus::usage);
}

template <typename Range, typename Projection>
std::string names_of(const Range& range, Projection name) {
  std::string names;
  for (const auto& item : range) names.append(names.empty() ? "" : ", ").append(std::invoke(name, item));
  return names;
}

std::optional<std::uint64_t> number(std::string_view text) {
  // More has no meaning, and what is computed with it must not overflow.
  constexpr std::size_t kDigits = 9;
  if (text.empty() || text.size() > kDigits || text.find_first_not_of("0123456789") != std::string_view::npos)
    return {};
  std::uint64_t value = 0;
  for (const char digit : text) value = value * 10 + static_cast<std::uint64_t>(digit - '0');
  return value;
}

std::optional<Severity> severity_of(std::string_view word) {
  const auto found = std::ranges::find(kSeverities, word, severity_name);
  return found == kSeverities.end() ? std::nullopt : std::optional(*found);
}

}  // namespace

std::span<const Threshold> all_thresholds() { return kThresholds; }

Status set_threshold(FindingOptions& options, std::string_view assignment) {
  const std::string_view name = assignment.substr(0, assignment.find('='));
  const auto found = std::ranges::find(kThresholds, name, &Threshold::name);
  if (found == kThresholds.end())
    return usage(fmt::format("unknown threshold '{}'", name), "there are: " + names_of(kThresholds, &Threshold::name));
  const auto value = name.size() == assignment.size() ? std::nullopt : number(assignment.substr(name.size() + 1));
  if (!value)
    return usage(fmt::format("'{}' sets no threshold", assignment), fmt::format("write {}=NUMBER", found->name));
  options.*found->value = *value;
  return {};
}

Result<std::vector<std::string>> parse_fail_on(std::string_view list) {
  std::vector<std::string> words;
  while (true) {
    const std::string_view word = list.substr(0, list.find(','));
    if (!severity_of(word) && std::ranges::find(all_rules(), word, &Rule::id) == all_rules().end())
      return usage(fmt::format("unknown finding '{}'", word),
                   fmt::format("name severities ({}) or findings: {}", names_of(kSeverities, severity_name),
                               names_of(all_rules(), &Rule::id)));
    words.emplace_back(word);
    if (word.size() == list.size()) return words;
    list.remove_prefix(word.size() + 1);
  }
}

bool fails_on(const std::vector<Finding>& findings, const std::vector<std::string>& fail_on) {
  return std::ranges::any_of(findings, [&](const Finding& finding) {
    return std::ranges::any_of(fail_on, [&](const std::string& word) {
      const auto severity = severity_of(word);
      return severity ? finding.severity >= *severity : finding.id == word;
    });
  });
}

std::string list_findings() {
  std::string text;
  for (const Rule& rule : all_rules())
    text += fmt::format("{:<35}  {:<7}  {}\n", rule.id, severity_name(rule.highest), rule.title);
  text += "\nThresholds (--threshold NAME=VALUE):\n";
  const FindingOptions defaults;
  for (const Threshold& threshold : kThresholds)
    text += fmt::format("{:<35}  {:>7}  {}\n", threshold.name, defaults.*threshold.value, threshold.help);
  return text;
}

}  // namespace mlt
