#include "findings/rules.h"

#include <algorithm>

namespace mlt::rules {

std::uint64_t window_ns(const Case& about, std::uint64_t least) {
  return std::max(about.report.window.duration_ns, least);
}

std::uint64_t percent(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return 0;
  return static_cast<std::uint64_t>(static_cast<double>(part) * 100 / static_cast<double>(whole));
}

FaultTotals access_faults(const Process& process, std::initializer_list<mlt_lock_state> states,
                          std::initializer_list<mlt_cause> causes) {
  const auto in = [](const auto& list, auto value) { return std::ranges::find(list, value) != list.end(); };
  FaultTotals sum;
  for (const auto& [fault_class, totals] : process.faults.by_class) {
    const bool at_access = fault_class.origin == MLT_ORIGIN_ACCESS || fault_class.origin == MLT_ORIGIN_KERNEL;
    if (at_access && in(states, fault_class.locked) && in(causes, fault_class.cause)) sum.add(totals);
  }
  return sum;
}

CallTotals totals_of(const Process& process, mlt_call call) {
  const auto found = std::ranges::find(process.locks.totals, call, &CallTotals::call);
  return found == process.locks.totals.end() ? CallTotals{} : *found;
}

bool had_future(const Process& process) {
  return std::ranges::any_of(process.locks.calls, &LockCall::mcl_future) ||
         std::ranges::any_of(process.life, &LifeEvent::mcl_future);
}

bool has_event(const Process& process, LifeEvent::Kind kind) {
  return std::ranges::find(process.life, kind, &LifeEvent::kind) != process.life.end();
}

bool is_of_file(const VmaFaults& vma) { return vma.name.starts_with('/'); }

}  // namespace mlt::rules
