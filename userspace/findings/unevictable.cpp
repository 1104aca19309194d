// Memory of the machine that reclaim can't take: what is left has to serve everything else.
#include <algorithm>

#include "findings/rules.h"

namespace mlt::rules {
namespace {

std::int64_t change_of(const System& system, std::string_view name) {
  const auto found = system.vmstat.find(std::string(name));
  return found == system.vmstat.end() ? 0 : found->second;
}

/// Sum of the counters that begin with `prefix`: zones and reclaimers have one each.
std::int64_t changes_of(const System& system, std::string_view prefix) {
  std::int64_t sum = 0;
  for (const auto& [name, change] : system.vmstat) {
    if (std::string_view(name).starts_with(prefix)) sum += change;
  }
  return sum;
}

/// Who moved most pages to the unevictable list, as evidence.
void name_largest(Sighting& seen, const Report& report) {
  const auto moved = [](const Process& process) {
    return figure(process.pages.to_unevictable.value_or(0)) - figure(process.pages.rescued.value_or(0));
  };
  const auto largest = std::ranges::max_element(report.processes, {}, moved);
  if (largest == report.processes.end() || moved(*largest) <= 0) return;
  seen.evidence["largest_pid"] = largest->pid;
  seen.evidence["largest_bytes"] = moved(*largest) * figure(report.host.page_size);
}

}  // namespace

Found unevictable_growth(const Case& about) {
  const Report& report = about.report;
  const std::int64_t pages = change_of(report.system, "nr_unevictable");
  // A program that locks its memory when it starts is no trend.
  if (!report.host.memory_bytes || pages <= 0 || window_ns(about) < about.options.trend_seconds * kSecond) return {};
  const std::uint64_t bytes = static_cast<std::uint64_t>(pages) * report.host.page_size;
  constexpr double kMinuteNs = 60.0 * kSecond;
  const double minutes = static_cast<double>(window_ns(about)) / kMinuteNs;
  const double percent_a_minute =
      static_cast<double>(bytes) * 100 / static_cast<double>(*report.host.memory_bytes) / minutes;
  if (percent_a_minute < static_cast<double>(about.options.unevictable_growth_percent)) return {};
  Sighting seen{
      Severity::warning, {{"growth_bytes", figure(bytes)}, {"memory_bytes", figure(*report.host.memory_bytes)}}, ""};
  name_largest(seen, report);
  return seen;
}

Found unevictable_high(const Case& about) {
  const Report& report = about.report;
  if (!report.host.memory_bytes || !report.system.unevictable_pages) return {};
  const std::uint64_t bytes = *report.system.unevictable_pages * report.host.page_size;
  if (percent(bytes, *report.host.memory_bytes) < about.options.unevictable_percent) return {};
  Sighting seen{Severity::warning,
                {{"unevictable_bytes", figure(bytes)}, {"memory_bytes", figure(*report.host.memory_bytes)}},
                ""};
  name_largest(seen, report);
  return seen;
}

Found memory_high_exceeded(const Case& about) {
  const auto& limits = about.report.system.memory_high;
  const auto worst = std::ranges::max_element(limits, {}, [](const MemoryHighLimit& limit) {
    return std::pair(limit.exceeded != 0 ? limit.stalled_ns.value_or(0) : 0, limit.exceeded);
  });
  if (worst == limits.end() || worst->exceeded == 0) return {};
  // That it is exceeded now and then is what the limit is for. Without PSI nobody knows how long it took.
  const std::uint64_t share = percent(worst->stalled_ns.value_or(0), window_ns(about));
  Sighting seen{share >= about.options.wait_percent                                ? Severity::problem
                : share >= about.options.locked_time_percent || !worst->stalled_ns ? Severity::warning
                                                                                   : Severity::notice,
                {{"times", figure(worst->exceeded)}, {"limit_bytes", figure(worst->limit_bytes)}},
                " (" + worst->cgroup + ")"};
  add_known(seen, "stalled_ns", worst->stalled_ns);
  return seen;
}

Found reclaim_inefficient(const Case& about) {
  const System& system = about.report.system;
  const std::int64_t stalls = changes_of(system, "allocstall");
  const std::int64_t scanned = change_of(system, "pgscan_kswapd") + change_of(system, "pgscan_direct");
  const std::int64_t taken = change_of(system, "pgsteal_kswapd") + change_of(system, "pgsteal_direct");
  if (stalls <= 0 || scanned / std::max<std::int64_t>(taken, 1) < figure(about.options.scan_ratio)) return {};
  return Sighting{Severity::warning, {{"scanned", scanned}, {"reclaimed", taken}, {"stalls", stalls}}, ""};
}

}  // namespace mlt::rules
