// The culprit is another process: what it did to the memory of this one, and what came of it.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "findings/rules.h"
#include "model/names.h"
#include "util/units.h"

namespace mlt::rules {
namespace {

bool pages_out(const Act& act) { return act.what == "MADV_PAGEOUT" && act.pages.value_or(0) != 0; }

/// Those by others, or those by anybody.
std::vector<const Act*> acts_such(const Process& process, IsSuch is_such, bool only_by_others) {
  std::vector<const Act*> acts;
  if (!process.acts) return acts;
  for (const Act& act : *process.acts) {
    if (is_such(act) && !(only_by_others && act.by_itself)) acts.push_back(&act);
  }
  return acts;
}

/// How much of it somebody did: pages where these were counted, else calls.
std::uint64_t weight(const Act* act) { return act->pages ? *act->pages : act->calls.value_or(0); }

std::string doer(const Act& act) { return act.by_itself ? "the process itself" : who(act.pid, act.comm); }

struct Cause {
  IsSuch is_such;
  std::initializer_list<mlt_cause> causes;
};

}  // namespace

bool clears_soft_dirty(const Act& act) { return act.file == "clear_refs" && act.value == "4"; }

bool protects_by_userfaultfd(const Act& act) {
  return act.what == "UFFDIO_WRITEPROTECT" || act.what.starts_with("PAGEMAP_SCAN");
}

bool supplies_pages(const Act& act) {
  return act.what == "UFFDIO_COPY" || act.what == "UFFDIO_ZEROPAGE" || act.what == "UFFDIO_CONTINUE" ||
         act.what == "UFFDIO_MOVE";
}

bool moves_pages(const Act& act) {
  return act.call == "move_pages" || act.call == "migrate_pages" || act.call == "mbind";
}

std::string by_whom(const Process& process, IsSuch is_such) {
  if (!process.acts) return "";
  const std::vector<const Act*> acts = acts_such(process, is_such, false);
  if (acts.empty()) return ", by whom was not seen";
  const Act& most = **std::ranges::max_element(acts, {}, weight);
  return fmt::format(", by {}: {}", doer(most), act_text(most));
}

std::string after_pageout(const Process& process) {
  if (process.major_where_taken.value_or(0) == 0) return "";
  const std::vector<const Act*> acts = acts_such(process, pages_out, true);
  if (acts.empty()) return "";
  const Act& most = **std::ranges::max_element(acts, {}, weight);
  return fmt::format(", after {} had paged out {} pages", doer(most), format_count(*most.pages));
}

const OutsideWaits* outside_holder(const LockWaits& waits) {
  if (!waits.outside || waits.outside->empty()) return nullptr;
  const OutsideWaits& most = waits.outside->front();
  const std::uint64_t rest_ns = waits.all.time_ns - std::min(waits.while_locking.time_ns, waits.all.time_ns);
  return most.waits.time_ns >= rest_ns / 2 ? &most : nullptr;
}

// Pages that were there until another process took them, and that had to be read again. How many it took is known, and
// between which addresses: not more major faults there than these have to do with it.
Found memory_taken_by_others(const Process& process, const Case& about) {
  const std::vector<const Act*> acts = acts_such(process, pages_out, true);
  if (acts.empty() || process.major_where_taken.value_or(0) == 0) return {};
  std::uint64_t pages = 0;
  Count calls;
  for (const Act* act : acts) {
    pages += *act->pages;
    add(calls, act->calls);
  }
  const Act& most = **std::ranges::max_element(acts, {}, weight);
  const std::uint64_t faults = std::min(*process.major_where_taken, pages);
  Sighting seen{faults >= about.options.locked_faults ? Severity::warning : Severity::notice,
                {{"faults", figure(faults)}, {"pages", figure(pages)}, {"by_pid", figure(most.pid)}},
                fmt::format(", {} by {}", doer(most), act_text(most))};
  add_known(seen, "calls", calls);
  // The kernel may have taken some of them, too.
  const auto& reclaim = about.report.system.reclaim;
  if (reclaim && reclaim->kswapd_reclaimed + reclaim->direct_reclaimed != 0) {
    seen.severity = Severity::notice;
    seen.remark += ", while memory was short, too";
  }
  return seen;
}

// Of memory that is not locked: for what is, there are findings by cause, which name who did it.
Found faults_by_others(const Process& process, const Case& about) {
  static const Cause kCauses[] = {{clears_soft_dirty, {MLT_CAUSE_SOFT_DIRTY}},
                                  {protects_by_userfaultfd, {MLT_CAUSE_UFFD_WP}},
                                  {supplies_pages, {MLT_CAUSE_UFFD_MISSING}},
                                  {moves_pages, {MLT_CAUSE_MIGRATION}}};
  FaultTotals sum;
  const Act* worst = nullptr;
  std::uint64_t worst_faults = 0;
  Count calls;
  for (const auto& [is_such, causes] : kCauses) {
    const std::vector<const Act*> acts = acts_such(process, is_such, true);
    const FaultTotals faults = access_faults(process, {MLT_UNLOCKED, MLT_LOCK_UNKNOWN}, causes);
    if (acts.empty() || faults.completed() == 0) continue;
    sum.add(faults);
    for (const Act* act : acts) add(calls, act->calls);
    if (faults.completed() <= worst_faults) continue;
    worst_faults = faults.completed();
    worst = *std::ranges::max_element(acts, {}, weight);
  }
  if (worst == nullptr) return {};
  const bool costly = percent(sum.latency.sum(), window_ns(about)) >= about.options.locked_time_percent;
  Sighting seen{costly ? Severity::warning : Severity::notice,
                {{"faults", figure(sum.completed())}, {"by_pid", figure(worst->pid)}},
                fmt::format(", {}: {}", doer(*worst), act_text(*worst))};
  add_known(seen, "calls", calls);
  if (!sum.latency.empty()) seen.evidence["time_ns"] = figure(sum.latency.sum());
  return seen;
}

}  // namespace mlt::rules
