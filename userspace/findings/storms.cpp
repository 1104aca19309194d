// Faults in such numbers that they are the work.
#include <fmt/format.h>

#include <algorithm>

#include "findings/rules.h"
#include "model/names.h"

namespace mlt::rules {

namespace {

// Of the longest: what most of its faults were, where, by whom, and what led to it. Each is said where it is true of
// most, by itself: the most frequent cause may be that of other faults than those in the mapping with the most.
std::string remark_of(const Storm& storm) {
  const auto is_most = [&](const Count& part) { return part && *part * 2 > storm.faults; };
  std::string remark;
  if (storm.cause != MLT_CAUSE_UNKNOWN && is_most(storm.cause_faults))
    remark += fmt::format(", mostly {}", cause_name(storm.cause));
  if (!storm.vma.empty() && is_most(storm.vma_faults)) remark += fmt::format(", mostly in {}", storm.vma);
  if (storm.tid != 0 && is_most(storm.tid_faults)) remark += fmt::format(", mostly by thread {}", storm.tid);
  if (storm.trigger) remark += fmt::format(", after {}", call_text(*storm.trigger));
  return remark;
}

// Pages of zeroes and those of zswap come back without being read; their faults are called major all the same.
std::uint64_t unread(const Process& process) {
  if (!process.swap || !process.swap->in_major || !process.swap->in_read) return 0;
  return *process.swap->in_major - std::min(*process.swap->in_major, *process.swap->in_read);
}

}  // namespace

// A program that starts, or a compiler, faults as fast as it can and is well. One that ran steadily and then did not
// has met with something.
Found fault_storm(const Process& process, const Case& about) {
  Found seen;
  std::uint64_t longest_ns = 0;
  for (const Storm& storm : about.report.storms) {
    if (storm.pid != process.pid) continue;
    if (!seen) seen = Sighting{Severity::notice, {}, ""};
    ++seen->evidence["storms"];
    seen->evidence["faults"] += figure(storm.faults);
    seen->evidence["time_ns"] += figure(storm.time_ns);
    const bool costly = percent(storm.time_ns, storm.duration_ns) >= about.options.storm_time_percent;
    if (storm.baseline_per_s && costly) seen->severity = Severity::warning;
    if (storm.duration_ns <= longest_ns) continue;
    longest_ns = storm.duration_ns;
    seen->remark = remark_of(storm);
    seen->evidence["longest_ns"] = figure(storm.duration_ns);
    seen->evidence["peak_per_s"] = figure(storm.peak_per_s);
    add_known(*seen, "usual_per_s", storm.baseline_per_s);
  }
  if (seen && seen->evidence["storms"] > 1)
    seen->remark = fmt::format(" {} times, the longest{}", seen->evidence["storms"], seen->remark);
  return seen;
}

// Reads of files and of swap. A cold start is over soon: only what lasts is grave.
Found major_fault_storm(const Process& process, const Case& about) {
  constexpr std::uint64_t kLeastNs = 10 * kSecond;
  constexpr std::uint64_t kLongNs = 30 * kSecond;
  const FaultTotals reads = access_faults(process, {MLT_UNLOCKED, MLT_LOCKED, MLT_LOCKED_ON_FAULT, MLT_LOCK_UNKNOWN},
                                          {MLT_CAUSE_FILE_READ, MLT_CAUSE_SWAP_IN});
  const std::uint64_t major = reads.major - std::min(reads.major, unread(process));
  const std::uint64_t per_s = major * kSecond / window_ns(about, kLeastNs);
  const bool waits = percent(reads.latency.sum(), window_ns(about, kLeastNs)) >= about.options.wait_percent;
  if (per_s < about.options.major_per_s || !waits) return {};
  return Sighting{about.report.window.duration_ns >= kLongNs ? Severity::warning : Severity::notice,
                  {{"major", figure(major)}, {"major_per_s", figure(per_s)}, {"time_ns", figure(reads.latency.sum())}},
                  after_pageout(process)};
}

}  // namespace mlt::rules
