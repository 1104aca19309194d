#include "analysis/same_findings.h"

#include <algorithm>
#include <array>
#include <map>
#include <span>
#include <utility>

namespace mlt {
namespace {

using Commands = std::map<std::uint32_t, std::string>;  // by pid

// With more processes than these, a finding is told once.
constexpr std::size_t kMostAlone = 5;
constexpr std::size_t kPidsNamed = 10;
constexpr std::size_t kCommandsNamed = 10;

/// What adds up over processes. Of what does not, such as limits, rates and longest times, a sum would be no figure.
constexpr auto kAddsUp = std::to_array<std::string_view>(
    {"calls",        "entries",    "errors",     "faults",          "file_ns", "forks",           "in_fault_ns",
     "lock_wait_ns", "major",      "memory_ns",  "other_ns",        "pages",   "populate_ns",     "populated_bytes",
     "read",         "reclaim_ns", "reclaimed",  "scanned",         "splits",  "stalls",          "storms",
     "swap_in_ns",   "huge_pages", "held_up_ns", "refaulted_pages", "time_ns", "vma_lock_aborts", "waits"});

std::vector<std::string> commands_of(const std::vector<Finding>& findings, const Commands& commands) {
  std::map<std::string, std::size_t> counted;
  for (const Finding& finding : findings) {
    if (const auto comm = commands.find(finding.pid); comm != commands.end()) ++counted[comm->second];
  }
  std::vector<std::pair<std::string, std::size_t>> order(counted.begin(), counted.end());
  std::ranges::stable_sort(order, std::greater{}, [](const auto& one) { return one.second; });
  std::vector<std::string> names;
  for (const auto& [comm, processes] : std::span(order).first(std::min(order.size(), kCommandsNamed)))
    names.push_back(comm);
  return names;
}

/// What both titles begin with: a remark on one process follows after a comma.
std::string common_title(const std::string& a, const std::string& b) {
  if (a == b) return a;
  const auto same = static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
  if (same == std::min(a.size(), b.size())) return a.substr(0, same);
  return a.substr(0, a.rfind(',', same));
}

Finding together(std::vector<Finding> findings, const Commands& commands) {
  const auto time_of = [](const Finding& finding) {
    const auto time = finding.evidence.find("time_ns");
    return time == finding.evidence.end() ? 0 : time->second;
  };
  std::ranges::stable_sort(findings, std::greater{},
                           [&](const Finding& finding) { return std::pair(finding.severity, time_of(finding)); });
  Finding all = findings.front();
  all.processes.emplace();
  all.processes->count = findings.size();
  all.processes->commands = commands_of(findings, commands);
  for (std::size_t i = 0; i < findings.size(); ++i) {
    const Finding& one = findings[i];
    if (i < kPidsNamed) all.processes->pids.push_back(one.pid);
    if (i == 0) continue;
    all.title = common_title(all.title, one.title);
    for (const auto& [key, value] : one.evidence) {
      if (std::ranges::find(kAddsUp, key) != kAddsUp.end()) all.evidence[key] += value;
    }
  }
  return all;
}

}  // namespace

std::vector<Finding> told_once(const std::vector<Finding>& findings, const std::vector<Process>& processes) {
  std::map<std::string, std::vector<Finding>> by_id;
  for (const Finding& finding : findings) by_id[finding.id].push_back(finding);
  Commands commands;
  for (const Process& process : processes) commands[process.pid] = process.comm;
  std::vector<Finding> told;
  for (const Finding& finding : findings) {
    std::vector<Finding>& same = by_id[finding.id];
    if (same.empty()) continue;  // told already
    if (same.size() <= kMostAlone) {
      told.push_back(finding);
    } else {
      told.push_back(together(std::exchange(same, {}), commands));
    }
  }
  return told;
}

}  // namespace mlt
