#include "analysis/audit_resident.h"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/kernel_count.h"
#include "model/fault_class.h"

namespace mlt {

namespace {

// In bytes. The kernel's value lies in [least, most].
struct Comparison {
  std::uint64_t traced = 0;
  std::uint64_t least = 0;
  std::uint64_t most = 0;
  bool shared = false;  // a part of it is mapped by others, too

  [[nodiscard]] bool agrees() const { return traced >= least && traced <= most; }
  [[nodiscard]] bool is_less_by_at_most(std::uint64_t bytes) const { return traced < least && least - traced <= bytes; }
};

std::optional<Comparison> compare(const ProcessCounts& process, const TraceData& data) {
  const auto found = data.views.find(visible_pid(process.proc));
  if (found == data.views.end() || process.proc.exit_ns != 0 || data.target.kind == "tid") return std::nullopt;
  const ProcessViews& views = found->second;
  if (!data.plan->measures("page_lock") || !data.plan->measures("page_unlock")) return std::nullopt;
  if (!views.resident_close.before || !views.resident_close.after) return std::nullopt;
  // A process that was born during the trace began with nothing.
  if (views.start && (!views.resident_complete.before || !views.resident_complete.after)) return std::nullopt;
  const LockedResident open_before = views.resident_complete.before.value_or(LockedResident{});
  const LockedResident open_after = views.resident_complete.after.value_or(LockedResident{});
  const auto [open_least, open_most] = std::minmax(open_before.locked, open_after.locked);
  const auto [least, most] = std::minmax(views.resident_close.before->locked, views.resident_close.after->locked);
  const mlt_proc& proc = process.proc;
  // Reclaim mlocks what is locked and not mlocked when it meets it.
  const std::uint64_t not_mlocked = proc.locked_not_mlocked - std::min(proc.locked_not_mlocked, proc.culled);
  const auto change = static_cast<std::int64_t>((proc.mlocked - proc.munlocked + not_mlocked) * data.host.page_size);
  Comparison comparison;
  comparison.traced =
      static_cast<std::uint64_t>(std::max<std::int64_t>(static_cast<std::int64_t>(open_most) + change, 0));
  comparison.least = least;
  comparison.most = most + (open_most - open_least);
  const LockedResident& last = *views.resident_close.after;
  comparison.shared = open_after.resident != open_after.locked || last.resident != last.locked;
  return comparison;
}

// Mappings of huge pages that were split, by anybody, and what of each may be locked at most without being mlocked.
std::uint64_t most_in_part(const TraceData& data) {
  const std::int64_t splits = growth(data.vmstat_start, data.vmstat_end, "thp_split_pmd").value_or(0);
  const std::uint64_t huge_page = data.host.page_size * (data.host.page_size / sizeof(std::uint64_t));
  return static_cast<std::uint64_t>(splits) * (huge_page - data.host.page_size);
}

// Up to 5.17 a page of a file that a fault maps into a locked mapping is mlocked by no more than reclaim, when that
// meets it. A fault maps the pages around the one that it is for, too: 16 in all (fault_around_bytes, mm/memory.c).
std::uint64_t most_faulted_from_files(const ProcessCounts& process, const TraceData& data) {
  constexpr std::uint64_t kFaultAround = 16;
  if (!data.plan->mlocks_after_populate()) return 0;
  std::uint64_t faults = 0;
  for (const auto& [id, totals] : process.by_class) {
    const FaultClass of = class_of(id);
    const bool is_locked = of.locked == MLT_LOCKED || of.locked == MLT_LOCKED_ON_FAULT;
    const bool is_of_file = of.cause == MLT_CAUSE_FILE_MAP || of.cause == MLT_CAUSE_FILE_READ;
    if (is_locked && is_of_file && of.origin != MLT_ORIGIN_POPULATE) faults += totals.minor + totals.major;
  }
  return faults * kFaultAround * data.host.page_size;
}

std::uint64_t bytes_in_part(const Comparison& comparison, const TraceData& data) {
  if (comparison.shared || comparison.traced >= comparison.least) return 0;
  const std::uint64_t beyond = comparison.least - comparison.traced;
  return beyond <= most_in_part(data) ? beyond : 0;
}

}  // namespace

std::optional<AuditCheck> resident_check(const ProcessCounts& process, const TraceData& data) {
  const auto comparison = compare(process, data);
  if (!comparison || (comparison->traced == 0 && comparison->most == 0)) return std::nullopt;
  const std::uint32_t pid = visible_pid(process.proc);
  AuditCheck check;
  check.check = fmt::format("locked resident bytes of {}", pid);
  check.source = fmt::format("/proc/{}/smaps Locked", pid);
  check.traced = comparison->traced;
  check.kernel = comparison->least;
  check.slack = comparison->most - comparison->least;
  if (comparison->agrees()) {
    check.verdict = Verdict::equal;
    if (comparison->traced != comparison->least)
      check.why = fmt::format("within {} that came while the counters were read", check.slack);
  } else if (const std::uint64_t bytes = bytes_in_part(*comparison, data); bytes != 0) {
    check.why = fmt::format("{} pages are of huge pages that are locked in part, which the kernel does not mlock",
                            bytes / data.host.page_size);
  } else if (comparison->is_less_by_at_most(most_faulted_from_files(process, data))) {
    check.why = "pages of files that faults brought are mlocked by reclaim only, when it meets them";
  } else if (comparison->shared || process.proc.still_locked != 0) {
    check.why = "of a page that others map, too, the kernel counts a share";
  } else if (process.proc.locked_not_mlocked != 0) {
    check.why = "pages that are locked but not mlocked are not seen to go";
  } else {
    check.verdict = Verdict::differs;
    check.why = "pages of its locked mappings are not mlocked, or mlocked pages are elsewhere";
  }
  return check;
}

}  // namespace mlt
