// What looks bad and is not.
#include <fmt/format.h>

#include <algorithm>

#include "findings/rules.h"

namespace mlt::rules {
namespace {

constexpr auto kAnyState = {MLT_UNLOCKED, MLT_LOCKED, MLT_LOCKED_ON_FAULT, MLT_LOCK_UNKNOWN};

FaultTotals populate_faults(const Process& process, mlt_lock_state state) {
  FaultTotals sum;
  for (const auto& [fault_class, totals] : process.faults.by_class) {
    if (fault_class.origin == MLT_ORIGIN_POPULATE && fault_class.locked == state) sum.add(totals);
  }
  return sum;
}

Found populates_if_most(const Process& process, const FaultTotals& populates) {
  constexpr std::uint64_t kMany = 1000;
  const std::uint64_t faults = populates.completed();
  if (faults < kMany || faults * 2 <= process.faults.of_all_origins().completed()) return {};
  return Sighting{Severity::info, {{"faults", figure(faults)}, {"time_ns", figure(populates.latency.sum())}}, ""};
}

bool locked_anything(const Process& process) {
  return process.locks.locked_bytes.peak.value_or(process.locks.locked_bytes.end.value_or(0)) != 0;
}

}  // namespace

// A lock at work is known by the mapping: it is VM_LOCKED before its pages are made present.
Found populate_burst(const Process& process, const Case&) {
  return populates_if_most(process, populate_faults(process, MLT_LOCKED));
}

// The same for whoever asks for pages without a lock: MAP_POPULATE and MADV_POPULATE_*, and what else takes hold of the
// caller's pages (get_user_pages): O_DIRECT, KVM for its guest, drivers. The calls that are followed count theirs.
Found populate_without_lock(const Process& process, const Case&) {
  const FaultTotals faults = populate_faults(process, MLT_UNLOCKED);
  Found seen = populates_if_most(process, faults);
  if (!seen) return seen;
  const CallTotals* most = nullptr;
  for (const CallTotals& totals : process.locks.totals) {
    if (totals.unlocked_populate_faults.value_or(0) * 2 > faults.completed()) most = &totals;
  }
  if (most == nullptr) {
    seen->remark = " (by which call is not known)";
    return seen;
  }
  seen->remark = fmt::format(", mostly by {}", most->name);
  seen->evidence["by_call"] = figure(*most->unlocked_populate_faults);
  return seen;
}

// A fault that had to be tried twice is called major. Those of these causes read nothing.
Found major_without_io(const Process& process, const Case&) {
  const FaultTotals faults = access_faults(
      process, kAnyState,
      {MLT_CAUSE_FIRST_TOUCH, MLT_CAUSE_STACK, MLT_CAUSE_COW, MLT_CAUSE_ZERO_PAGE, MLT_CAUSE_KSM, MLT_CAUSE_SOFT_DIRTY,
       MLT_CAUSE_WRITE_ENABLE, MLT_CAUSE_MKWRITE, MLT_CAUSE_UFFD_MISSING, MLT_CAUSE_UFFD_WP, MLT_CAUSE_UFFD_MINOR,
       MLT_CAUSE_UFFD_RWP, MLT_CAUSE_NUMA_HINT, MLT_CAUSE_MIGRATION, MLT_CAUSE_SPURIOUS});
  if (faults.major == 0) return {};
  return Sighting{Severity::info, {{"major", figure(faults.major)}}, ""};
}

Found cheap_faults(const Process& process, const Case& about) {
  constexpr std::uint64_t kMany = 10'000;
  constexpr std::uint64_t kManyPerSecond = 1'000;
  const FaultTotals* faults = nullptr;
  if (const auto& access = process.faults.by_origin[MLT_ORIGIN_ACCESS]) faults = &*access;
  if (faults == nullptr || faults->completed() < kMany || faults->latency.empty()) return {};
  if (faults->completed() * kSecond / window_ns(about) < kManyPerSecond) return {};
  // Where the trace sees no times, or few, nothing can be said of them.
  if (faults->untimed > faults->completed() / 10) return {};
  if (percent(faults->latency.sum(), window_ns(about)) >= 1) return {};
  return Sighting{Severity::info,
                  {{"faults", figure(faults->completed())},
                   {"time_ns", figure(faults->latency.sum())},
                   {"median_ns", figure(faults->latency.quantile(0.5))}},
                  ""};
}

Found spurious_faults(const Process& process, const Case&) {
  constexpr std::uint64_t kMany = 100;
  const std::uint64_t faults = access_faults(process, kAnyState, {MLT_CAUSE_SPURIOUS}).completed();
  if (faults < kMany) return {};
  return Sighting{Severity::info, {{"faults", figure(faults)}}, ""};
}

// Only for those who locked everything and wonder about the one that is left. Drivers map what can't be locked, too: it
// is the vDSO's by the name of the mapping.
Found vdso_data_page(const Process& process, const Case&) {
  if (!process.faults.by_vma || !locked_anything(process)) return {};
  std::uint64_t faults = 0;
  for (const VmaFaults& vma : *process.faults.by_vma) {
    if (vma.cause == MLT_CAUSE_SPECIAL_MAP && vma.name.starts_with("[vvar")) faults += vma.completed();
  }
  if (faults == 0) return {};
  return Sighting{Severity::info, {{"faults", figure(faults)}}, ""};
}

}  // namespace mlt::rules
