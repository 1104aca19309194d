// Swap: coming back, copied by fork, given up by exit.
#include "findings/rules.h"

namespace mlt::rules {
namespace {

// Bursts that are over sooner are over.
constexpr std::uint64_t kStormNs = 5 * kSecond;
// What a fork, or an exit, may take longer by.
constexpr std::uint64_t kLongNs = 10'000'000;

}  // namespace

Found swap_in_storm(const Process& process, const Case& about) {
  if (!process.swap || !process.swap->in) return {};
  // Pages of zeroes, and what zswap holds, cost no reading.
  if (process.swap->in_read && *process.swap->in_read == 0) return {};
  const std::uint64_t pages = *process.swap->in;
  const std::uint64_t per_s = pages * kSecond / window_ns(about, kStormNs);
  if (per_s < about.options.swap_in_per_s) return {};
  Sighting seen{Severity::problem, {{"pages", figure(pages)}, {"pages_per_s", figure(per_s)}}, after_pageout(process)};
  add_known(seen, "read", process.swap->in_read);
  add_known(seen, "time_ns", process.swap->in_ns);
  return seen;
}

Found fork_copies_swap(const Process& process, const Case&) {
  if (!process.swap || process.swap->duplicated.value_or(0) == 0) return {};
  const std::uint64_t time_ns = process.swap->duplicate_ns.value_or(0);
  Sighting seen{
      time_ns >= kLongNs ? Severity::warning : Severity::notice, {{"entries", figure(*process.swap->duplicated)}}, ""};
  if (process.swap->duplicate_ns) seen.evidence["time_ns"] = figure(time_ns);
  return seen;
}

Found exit_frees_swap(const Process& process, const Case&) {
  if (!process.exited || !process.swap || process.swap->freed.value_or(0) == 0) return {};
  if (process.swap->free_ns.value_or(0) < kLongNs) return {};
  return Sighting{
      Severity::notice, {{"entries", figure(*process.swap->freed)}, {"time_ns", figure(*process.swap->free_ns)}}, ""};
}

}  // namespace mlt::rules
