// Faults in such numbers that they are the work.
#include <fmt/format.h>

#include <algorithm>

#include "findings/rules.h"
#include "model/names.h"

namespace mlt::rules {

namespace {

// Of the longest: what most of its faults were, where, and what led to it.
std::string remark_of(const Storm& storm) {
  std::string remark;
  if (storm.cause != MLT_CAUSE_UNKNOWN) remark += fmt::format(", mostly {}", cause_name(storm.cause));
  if (!storm.vma.empty()) remark += fmt::format(", in {}", storm.vma);
  if (storm.tid != 0) remark += fmt::format(", thread {}", storm.tid);
  if (storm.trigger) remark += fmt::format(", after {}", call_text(*storm.trigger));
  return remark;
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
    if (storm.baseline_per_s) seen->evidence["usual_per_s"] = figure(*storm.baseline_per_s);
  }
  return seen;
}

// Reads of files and of swap. A cold start is over soon: only what lasts is grave.
Found major_fault_storm(const Process& process, const Case& about) {
  constexpr std::uint64_t kLeastNs = 10 * kSecond;
  constexpr std::uint64_t kLongNs = 30 * kSecond;
  const FaultTotals reads = access_faults(process, {MLT_UNLOCKED, MLT_LOCKED, MLT_LOCKED_ON_FAULT, MLT_LOCK_UNKNOWN},
                                          {MLT_CAUSE_FILE_READ, MLT_CAUSE_SWAP_IN});
  const std::uint64_t per_s = reads.major * kSecond / window_ns(about, kLeastNs);
  const bool waits = percent(reads.latency.sum(), window_ns(about, kLeastNs)) >= about.options.wait_percent;
  if (per_s < about.options.major_per_s || !waits) return {};
  return Sighting{
      about.report.window.duration_ns >= kLongNs ? Severity::warning : Severity::notice,
      {{"major", figure(reads.major)}, {"major_per_s", figure(per_s)}, {"time_ns", figure(reads.latency.sum())}},
      after_pageout(process)};
}

}  // namespace mlt::rules
