// What faults waited for, or took long for.
#include <algorithm>

#include "findings/rules.h"

namespace mlt::rules {
namespace {

// What a program reads again while it starts, as another one has just used it, is no sign of anything.
constexpr std::uint64_t kManyPages = 256;
// Clearing 2 MiB takes a tenth of this on a machine that is not busy.
constexpr std::uint64_t kLongHugePageNs = 2'000'000;

Severity by_share(std::uint64_t time_ns, const Case& about) {
  const std::uint64_t share = percent(time_ns, window_ns(about));
  return share >= about.options.wait_percent          ? Severity::problem
         : share >= about.options.locked_time_percent ? Severity::warning
                                                      : Severity::notice;
}

bool happened(const std::optional<Waited>& waited) { return waited && waited->waits != 0; }

Found waited(const std::optional<Waited>& waited, const Case& about) {
  if (!happened(waited)) return {};
  return Sighting{
      by_share(waited->time_ns, about),
      {{"waits", figure(waited->waits)}, {"time_ns", figure(waited->time_ns)}, {"max_ns", figure(waited->max_ns)}},
      ""};
}

constexpr auto kUserfaults = {MLT_CAUSE_UFFD_MISSING, MLT_CAUSE_UFFD_WP, MLT_CAUSE_UFFD_MINOR, MLT_CAUSE_UFFD_RWP};

}  // namespace

// The kernel remembers what it evicted; when that was, it tells roughly. So reclaim during the trace has to account for
// it: what was evicted the day before and is read once says nothing of the memory that there is now.
Found working_set_too_large(const Process& process, const Case& about) {
  if (!process.waits || !process.waits->refaulted_file) return {};
  const std::uint64_t refaulted = *process.waits->refaulted_file;
  std::uint64_t by_cgroup = 0;
  if (process.reclaim && process.reclaim->memcg) by_cgroup = process.reclaim->memcg->reclaimed;
  // Of the machine, which on some kernels is what is reclaimed for a cgroup, too.
  std::uint64_t by_machine = 0;
  if (const auto& reclaim = about.report.system.reclaim)
    by_machine = reclaim->kswapd_reclaimed + reclaim->direct_reclaimed;
  const bool cgroup_accounts_for_it = by_cgroup >= refaulted / 2;
  const std::uint64_t reclaimed = cgroup_accounts_for_it ? by_cgroup : by_machine;
  if (refaulted < kManyPages || reclaimed < refaulted / 2) return {};
  Sighting seen{Severity::notice,
                {{"refaulted_pages", figure(refaulted)}, {"reclaimed", figure(reclaimed)}},
                cgroup_accounts_for_it ? " (its memory cgroup is at its limit)" : " (the machine is short of memory)"};
  if (const auto& refault = process.waits->refault) {
    seen.evidence["time_ns"] = figure(refault->time_ns);
    seen.evidence["max_ns"] = figure(refault->max_ns);
    seen.severity = by_share(refault->time_ns, about);
  }
  return seen;
}

Found compaction_stall(const Process& process, const Case& about) {
  return process.waits ? waited(process.waits->compaction, about) : std::nullopt;
}

Found writeback_wait(const Process& process, const Case& about) {
  if (!process.waits) return {};
  Found seen = waited(process.waits->writeback, about);
  const auto& dirty = process.waits->dirty;
  if (!happened(dirty)) return seen;
  if (!seen) seen = Sighting{};
  seen->evidence["waits"] += figure(dirty->waits);
  seen->evidence["time_ns"] += figure(dirty->time_ns);
  seen->evidence["max_ns"] = std::max(seen->evidence["max_ns"], figure(dirty->max_ns));
  seen->evidence["held_up_ns"] = figure(dirty->time_ns);
  seen->severity = by_share(static_cast<std::uint64_t>(seen->evidence["time_ns"]), about);
  seen->remark = " (it makes pages dirty faster than they can be written)";
  return seen;
}

Found huge_page_cost(const Process& process, const Case&) {
  if (!process.waits || !happened(process.waits->huge_page)) return {};
  const Waited& huge = *process.waits->huge_page;
  if (huge.time_ns / huge.waits < kLongHugePageNs) return {};
  return Sighting{
      Severity::notice,
      {{"huge_pages", figure(huge.waits)}, {"time_ns", figure(huge.time_ns)}, {"max_ns", figure(huge.max_ns)}},
      ""};
}

// Of locked memory `userfaultfd` speaks.
Found userfaultfd_wait(const Process& process, const Case& about) {
  if (!process.waits || access_faults(process, {MLT_UNLOCKED, MLT_LOCK_UNKNOWN}, kUserfaults).completed() == 0)
    return {};
  return waited(process.waits->userfault, about);
}

Found memory_high_sleep(const Process& process, const Case& about) {
  if (!process.waits) return {};
  Waited all;
  for (const auto& part : {process.waits->memory_high, process.waits->after_memory_high}) {
    if (!part) continue;
    all.waits += part->waits;
    all.time_ns += part->time_ns;
    all.max_ns = std::max(all.max_ns, part->max_ns);
  }
  return waited(all, about);
}

}  // namespace mlt::rules
