// Memory is locked, and accesses to it fault all the same.
#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "findings/rules.h"
#include "model/names.h"
#include "util/units.h"

namespace mlt::rules {
namespace {

constexpr auto kLocked = {MLT_LOCKED, MLT_LOCKED_ON_FAULT};

// One fault is worth a word; a program that locks its memory to be on time notices many, or long ones.
Severity grade(const FaultTotals& faults, Severity highest, const Case& about) {
  const bool many = faults.completed() >= about.options.locked_faults;
  const bool long_ones = percent(faults.latency.sum(), window_ns(about)) >= about.options.locked_time_percent;
  const Severity severity = long_ones ? Severity::problem : many ? Severity::warning : Severity::notice;
  return std::min(severity, highest);
}

Found report(const FaultTotals& faults, Severity highest, const Case& about) {
  if (faults.completed() == 0) return {};
  Sighting seen{grade(faults, highest, about), {{"faults", figure(faults.completed())}}, ""};
  if (faults.major != 0) seen.evidence["major"] = figure(faults.major);
  if (!faults.latency.empty()) {
    seen.evidence["time_ns"] = figure(faults.latency.sum());
    seen.evidence["max_ns"] = figure(faults.latency.max());
  }
  return seen;
}

Found caused_by(std::initializer_list<mlt_cause> causes, Severity highest, const Process& process, const Case& about) {
  return report(access_faults(process, kLocked, causes), highest, about);
}

/// The same, with who did it.
Found caused_by_others(std::initializer_list<mlt_cause> causes, IsSuch is_such, Severity highest,
                       const Process& process, const Case& about) {
  Found seen = caused_by(causes, highest, process, about);
  if (seen) seen->remark = by_whom(process, is_such);
  return seen;
}

/// The kernel moves pages for itself, too.
std::string who_compacts(const Case& about) {
  if (!about.report.system.acts) return "";
  for (const Act& act : *about.report.system.acts) {
    if (act.call == "compaction") return fmt::format(", memory was compacted meanwhile by {}", who(act.pid, act.comm));
  }
  return "";
}

// The page was not there, for another reason than the growth of a stack.
constexpr auto kAbsent = {MLT_CAUSE_FIRST_TOUCH, MLT_CAUSE_FILE_MAP, MLT_CAUSE_FILE_READ, MLT_CAUSE_SWAP_IN};

bool is_absent(mlt_cause cause) { return std::ranges::find(kAbsent, cause) != kAbsent.end(); }

/// Did a locked mapping fault mostly for pages that were not there? Those that a lock made present are of them, too.
bool lacked_pages(const VmaFaults& vma) { return vma.locked == MLT_LOCKED && is_absent(vma.cause); }

bool overlaps(const VmaFaults& vma, std::uint64_t start, std::uint64_t end) {
  return vma.start < end && start < vma.end;
}

/// Has a mapping in this range?
bool lacks_pages(const Process& process, std::uint64_t start, std::uint64_t end) {
  if (!process.faults.by_vma) return false;
  return std::ranges::any_of(*process.faults.by_vma,
                             [&](const VmaFaults& vma) { return lacked_pages(vma) && overlaps(vma, start, end); });
}

/// Have none but mappings in these ranges, as far as is known?
bool lacks_no_others(const Process& process, const std::vector<std::pair<std::uint64_t, std::uint64_t>>& ranges) {
  if (!process.faults.by_vma) return false;
  return std::ranges::all_of(*process.faults.by_vma, [&](const VmaFaults& vma) {
    const auto is_there = [&](const auto& range) { return overlaps(vma, range.first, range.second); };
    return !lacked_pages(vma) || std::ranges::any_of(ranges, is_there);
  });
}

std::uint64_t copies(const Process& process) { return access_faults(process, kLocked, {MLT_CAUSE_COW}).completed(); }

// Of a private mapping of a file it is the file's page that is copied at the first write, if it was read before. Known
// of mappings of which most faults are copies.
std::uint64_t copies_of_files(const Process& process) {
  std::uint64_t faults = 0;
  for (const VmaFaults& vma : process.faults.by_vma.value_or(std::vector<VmaFaults>{})) {
    const bool is_locked = vma.locked == MLT_LOCKED || vma.locked == MLT_LOCKED_ON_FAULT;
    if (is_locked && vma.cause == MLT_CAUSE_COW && is_of_file(vma)) faults += vma.completed();
  }
  return faults;
}

}  // namespace

// Pages of memory that no file has are shared because of a fork, and for nothing else.
Found fork_cow(const Process& process, const Case& about) {
  if (copies_of_files(process) * 2 > copies(process)) return {};
  Found seen = caused_by({MLT_CAUSE_COW}, Severity::problem, process, about);
  if (!seen) return seen;
  const auto forks = std::ranges::count(process.life, LifeEvent::Kind::fork, &LifeEvent::kind);
  seen->evidence["forks"] = forks;
  if (forks == 0) seen->remark = " (no fork was seen since the trace began)";
  return seen;
}

Found private_file_write(const Process& process, const Case& about) {
  if (copies_of_files(process) * 2 <= copies(process)) return {};
  return caused_by({MLT_CAUSE_COW}, Severity::warning, process, about);
}

// By design, so no more than a notice.
Found onfault_first_touch(const Process& process, const Case& about) {
  return report(access_faults(process, {MLT_LOCKED_ON_FAULT}, kAbsent), Severity::notice, about);
}

Found stack_growth(const Process& process, const Case& about) {
  return caused_by({MLT_CAUSE_STACK}, Severity::warning, process, about);
}

Found zero_page_write(const Process& process, const Case& about) {
  return caused_by({MLT_CAUSE_ZERO_PAGE}, Severity::warning, process, about);
}

Found shared_file_mkwrite(const Process& process, const Case& about) {
  return caused_by({MLT_CAUSE_MKWRITE}, Severity::problem, process, about);
}

Found numa_balancing(const Process& process, const Case& about) {
  return caused_by({MLT_CAUSE_NUMA_HINT}, Severity::problem, process, about);
}

Found page_migration(const Process& process, const Case& about) {
  Found seen = caused_by_others({MLT_CAUSE_MIGRATION}, moves_pages, Severity::problem, process, about);
  const bool moved_by_calls = process.acts && std::ranges::any_of(*process.acts, moves_pages);
  if (const std::string compacts = who_compacts(about); seen && !moved_by_calls && !compacts.empty())
    seen->remark = compacts;
  return seen;
}

Found ksm_write(const Process& process, const Case& about) {
  return caused_by({MLT_CAUSE_KSM}, Severity::problem, process, about);
}

Found soft_dirty_tracking(const Process& process, const Case& about) {
  return caused_by_others({MLT_CAUSE_SOFT_DIRTY}, clears_soft_dirty, Severity::problem, process, about);
}

Found write_protected(const Process& process, const Case& about) {
  return caused_by({MLT_CAUSE_WRITE_ENABLE}, Severity::warning, process, about);
}

Found userfaultfd(const Process& process, const Case& about) {
  // Protected, and let through at once (UFFD_FEATURE_WP_ASYNC): nobody waited.
  if (process.waits && process.waits->userfault && process.waits->userfault->waits == 0) return {};
  const auto manages = [](const Act& act) { return supplies_pages(act) || protects_by_userfaultfd(act); };
  return caused_by_others({MLT_CAUSE_UFFD_MISSING, MLT_CAUSE_UFFD_WP, MLT_CAUSE_UFFD_MINOR, MLT_CAUSE_UFFD_RWP},
                          manages, Severity::warning, process, about);
}

// What took the pages away, or kept the lock from bringing them, as far as a call was seen that was about them.
Found lock_not_effective(const Process& process, const Case& about) {
  constexpr std::uint64_t kDontneedLocked = 24;  // MADV_DONTNEED_LOCKED: the headers of Debian 12 lack it
  Found seen = report(access_faults(process, {MLT_LOCKED}, kAbsent), Severity::problem, about);
  if (!seen) return seen;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> discarded;
  bool last_is_discard = false;
  for (const LockCall& call : process.locks.calls) {
    if (call.call == MLT_CALL_MADVISE && call.ret == 0 && call.flags == kDontneedLocked &&
        lacks_pages(process, call.range_start, call.range_start + call.range_bytes)) {
      discarded.emplace_back(call.range_start, call.range_start + call.range_bytes);
      seen->evidence["discarded_bytes"] += figure(call.range_bytes);
      last_is_discard = true;
      seen->advice = "Keep what has to be there, or lock it again after giving it back: mlock makes it present.";
    }
    for (const CallRange& range : call.ranges) {
      if (range.kind != RangeKind::absent || !lacks_pages(process, range.start, range.end)) continue;
      seen->evidence["absent_bytes"] += figure(range.end - range.start);
      last_is_discard = false;
      seen->remark = fmt::format(": {} had not been able to make them present{}", call.name,
                                 range.explain.empty() ? "" : " (" + range.explain + ")");
    }
  }
  if (last_is_discard)
    seen->remark = lacks_no_others(process, discarded)
                       ? ": the process had discarded them itself (MADV_DONTNEED_LOCKED)"
                       : fmt::format(
                             "; the process had discarded {} of locked memory itself (MADV_DONTNEED_LOCKED), and "
                             "others lacked pages, too",
                             format_bytes(static_cast<std::uint64_t>(seen->evidence["discarded_bytes"])));
  if (seen->remark.empty()) seen->remark = "; what kept or took them away was not seen";
  return seen;
}

// Of memory that is locked on fault some of these faults are as they should be, and nobody knows how many.
Found locked_faults(const Process& process, const Case& about) {
  Found seen = report(access_faults(process, {MLT_LOCKED}, {MLT_CAUSE_UNKNOWN}), Severity::problem, about);
  if (!seen) {
    seen = report(access_faults(process, {MLT_LOCKED_ON_FAULT}, {MLT_CAUSE_UNKNOWN}), Severity::notice, about);
    if (seen) seen->remark = " (it is locked on fault: the first access to a page has to)";
    return seen;
  }
  if (has_event(process, LifeEvent::Kind::fork)) {
    seen->evidence["forks"] = std::ranges::count(process.life, LifeEvent::Kind::fork, &LifeEvent::kind);
    seen->remark = " (it forked, which makes locked memory copy-on-write)";
  }
  return seen;
}

}  // namespace mlt::rules
