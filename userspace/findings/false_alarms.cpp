// What looks bad and is not.
#include <algorithm>

#include "findings/rules.h"

namespace mlt::rules {
namespace {

constexpr auto kAnyState = {MLT_UNLOCKED, MLT_LOCKED, MLT_LOCKED_ON_FAULT, MLT_LOCK_UNKNOWN};

std::uint64_t completed(const std::optional<FaultTotals>& totals) { return totals ? totals->completed() : 0; }

std::uint64_t at_access(const Process& process) {
  return completed(process.faults.by_origin[MLT_ORIGIN_ACCESS]) +
         completed(process.faults.by_origin[MLT_ORIGIN_KERNEL]);
}

bool locked_anything(const Process& process) {
  return process.locks.locked_bytes.peak.value_or(process.locks.locked_bytes.end.value_or(0)) != 0;
}

}  // namespace

Found populate_burst(const Process& process, const Case&) {
  constexpr std::uint64_t kMany = 1000;
  const std::uint64_t populated = completed(process.faults.by_origin[MLT_ORIGIN_POPULATE]);
  if (populated < kMany || populated < at_access(process)) return {};
  return Sighting{Severity::info,
                  {{"faults", figure(populated)},
                   {"time_ns", figure(process.faults.by_origin[MLT_ORIGIN_POPULATE]->latency.sum())}},
                  ""};
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

// Only for those who locked everything and wonder about the one that is left.
Found vdso_data_page(const Process& process, const Case&) {
  const std::uint64_t faults = access_faults(process, kAnyState, {MLT_CAUSE_SPECIAL_MAP}).completed();
  if (faults == 0 || !locked_anything(process)) return {};
  return Sighting{Severity::info, {{"faults", figure(faults)}}, ""};
}

}  // namespace mlt::rules
