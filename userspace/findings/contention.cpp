// Others wait while one thread locks: mmap_lock.
#include <fmt/format.h>

#include <algorithm>

#include "findings/rules.h"
#include "model/names.h"

namespace mlt::rules {
namespace {

// Whoever waits for less would not know it from being scheduled away.
constexpr std::uint64_t kNoticedNs = 1'000'000;

bool locks_memory(mlt_call call) { return call >= MLT_CALL_MLOCK && call <= MLT_CALL_MUNLOCKALL; }
/// Locks what it maps under MCL_FUTURE, and mprotect what it makes accessible of a locked mapping; else nothing.
bool may_lock_memory(mlt_call call) { return call >= MLT_CALL_MMAP && call <= MLT_CALL_MPROTECT; }

/// What the lock was held for longest, of the waits while memory was being locked or of the others; empty: not known.
/// Of calls that may lock memory only the sum is known for both: such a call is named where no other can be longer.
std::string longest_holder(const LockWaits& waits, bool locking) {
  const HolderWaits* sure = nullptr;
  const HolderWaits* possible = nullptr;
  std::uint64_t rest_ns = locking ? waits.while_locking.time_ns : waits.all.time_ns - waits.while_locking.time_ns;
  std::uint64_t possible_ns = 0;
  for (const HolderWaits& holder : waits.holders) {
    if (may_lock_memory(holder.call)) {
      possible_ns += holder.waits.time_ns;
      if (possible == nullptr) possible = &holder;
    } else if (locks_memory(holder.call) == locking) {
      rest_ns -= std::min(rest_ns, holder.waits.time_ns);
      if (sure == nullptr && !holder.name.empty()) sure = &holder;
    }
  }
  const HolderWaits* longest = sure;
  if (possible != nullptr && (sure == nullptr || std::min(possible->waits.time_ns, rest_ns) > sure->waits.time_ns))
    longest = possible_ns <= rest_ns ? possible : nullptr;
  return longest != nullptr ? ", mostly by " + longest->name : "";
}

/// Per-VMA locks ought to spare page faults mmap_lock: how many they did not.
void add_vma_lock(std::map<std::string, std::int64_t>& evidence, const Process& process) {
  if (process.locks.vma_lock) evidence["vma_lock_aborts"] = figure(process.locks.vma_lock->aborts);
}

constexpr const char* kReadLess =
    "Let it read /proc/PID/status, or the files of the cgroup, in place of what is told mapping by mapping: the page "
    "tables of a whole mapping are walked meanwhile. Monitoring agents have a setting for it. If that must be: "
    "smaps_rollup, and rarely.";

void add_outsider(Sighting& sighting, const OutsideWaits& outsider) {
  sighting.evidence["outsider_pid"] = figure(outsider.pid);
  sighting.evidence["outsider_waits"] = figure(outsider.waits.waits);
  sighting.evidence["outsider_ns"] = figure(outsider.waits.time_ns);
  sighting.remark = fmt::format(", mostly by {}", outsider_text(outsider));
  const bool tells_mappings = outsider.file.starts_with("smaps") || outsider.file.ends_with("maps");
  if (tells_mappings || outsider.file == "pagemap") sighting.advice = kReadLess;
}

}  // namespace

Found lock_holds_up_threads(const Process& process, const Case& about) {
  if (!process.locks.mmap_lock) return {};
  const LockWaits& waits = *process.locks.mmap_lock;
  if (waits.while_locking.time_ns < kNoticedNs) return {};
  const std::uint64_t share = percent(waits.while_locking.time_ns, window_ns(about));
  Sighting sighting{share >= about.options.wait_percent          ? Severity::problem
                    : share >= about.options.locked_time_percent ? Severity::warning
                                                                 : Severity::notice,
                    {{"waits", figure(waits.while_locking.waits)},
                     {"time_ns", figure(waits.while_locking.time_ns)},
                     {"in_fault_ns", figure(waits.in_fault.time_ns)}},
                    longest_holder(waits, true)};
  add_vma_lock(sighting.evidence, process);
  return sighting;
}

Found mmap_lock_contention(const Process& process, const Case& about) {
  if (!process.locks.mmap_lock) return {};
  const LockWaits& waits = *process.locks.mmap_lock;
  const std::uint64_t count = waits.all.waits - waits.while_locking.waits;
  const std::uint64_t time_ns = waits.all.time_ns - waits.while_locking.time_ns;
  const std::uint64_t share = percent(time_ns, window_ns(about));
  if (share < about.options.locked_time_percent || time_ns < kNoticedNs) return {};
  Sighting sighting{share >= about.options.wait_percent ? Severity::warning : Severity::notice,
                    {{"waits", figure(count)}, {"time_ns", figure(time_ns)}, {"max_ns", figure(waits.max_ns)}},
                    longest_holder(waits, false)};
  if (const OutsideWaits* outsider = outside_holder(waits)) add_outsider(sighting, *outsider);
  add_vma_lock(sighting.evidence, process);
  return sighting;
}

}  // namespace mlt::rules
