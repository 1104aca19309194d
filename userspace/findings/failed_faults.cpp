// Faults and accesses that failed, by the reason that was seen; and what they ended.
#include <fmt/format.h>

#include <algorithm>

#include "findings/rules.h"
#include "model/names.h"
#include "util/units.h"

namespace mlt::rules {
namespace {

bool is_one_of(mlt_error_reason reason, std::initializer_list<mlt_error_reason> reasons) {
  return std::ranges::find(reasons, reason) != reasons.end();
}

void add_figures(Sighting& seen, const FailedFaults& failed) {
  if (failed.at.address != 0) seen.evidence["address"] = figure(failed.at.address);
  add_known(seen, "file_offset_bytes", failed.at.file_offset);
  add_known(seen, "file_bytes", failed.at.file_bytes);
  add_known(seen, "used_bytes", failed.used_bytes);
  add_known(seen, "limit_bytes", failed.limit_bytes);
  add_known(seen, "needed_bytes", failed.needed_bytes);
}

/// As grave as what came of it: an access that ended the process; one that raised a signal, which the program caught; a
/// call that got an error.
Severity grade(bool ended, bool signalled, Severity if_caught) {
  if (ended) return Severity::problem;
  return signalled ? if_caught : Severity::notice;
}

/// All that failed for these reasons; in words, what came of it first: an end, a signal, else that of which there is
/// most. `if_caught`: of a signal that the program goes on after.
Found failed_for(std::initializer_list<mlt_error_reason> reasons, Severity if_caught, const Process& process) {
  const FailedFaults* most = nullptr;
  std::uint64_t count = 0;
  std::uint64_t signals = 0;
  bool ended = false;
  if (!process.faults.failed) return {};
  for (const FailedFaults& failed : *process.faults.failed) {
    if (!is_one_of(failed.reason, reasons)) continue;
    if (most == nullptr || (failed.ended_process && !ended) || (failed.signals != 0 && signals == 0 && !ended))
      most = &failed;
    count += failed.count;
    signals += failed.signals;
    ended = ended || failed.ended_process;
  }
  if (most == nullptr) return {};
  Sighting seen{grade(ended, signals != 0, if_caught),
                {{"faults", figure(count)}, {"signals", figure(signals)}},
                ": " + describe(*most)};
  add_figures(seen, *most);
  return seen;
}

/// Empty: it did not end, or the kernel had given the address space up before it told of the end (up to 6.15).
Count locked_at_exit(const Process& process) {
  const auto found = std::find_if(process.life.rbegin(), process.life.rend(),
                                  [](const LifeEvent& event) { return event.kind == LifeEvent::Kind::exit; });
  return found == process.life.rend() ? std::nullopt : found->locked_bytes;
}

}  // namespace

Found ended_by_fault(const Process& process, const Case&) {
  if (!process.faults.failed) return {};
  const auto found = std::ranges::find(*process.faults.failed, true, &FailedFaults::ended_process);
  if (found == process.faults.failed->end()) return {};
  Sighting seen{Severity::problem, {{"signals", figure(found->signals)}}, ": " + describe(*found)};
  add_figures(seen, *found);
  return seen;
}

Found ended_by_oom_killer(const Process& process, const Case&) {
  if (!process.ending || !process.ending->oom_killed.value_or(false)) return {};
  const Ending& ending = *process.ending;
  Sighting seen{Severity::problem, {}, ""};
  if (ending.oom_limit == "cgroup") seen.remark = ": at the memory limit of cgroup " + ending.oom_cgroup;
  if (ending.oom_limit == "machine") seen.remark = ": the machine was out of memory";
  if (ending.oom_limit == "nodes") seen.remark = ": the NUMA nodes that it may use were out of memory";
  add_known(seen, "limit_bytes", ending.oom_limit_bytes);
  add_known(seen, "used_bytes", ending.oom_used_bytes);
  const Count locked = locked_at_exit(process);
  add_known(seen, "locked_bytes", locked);
  if (locked.value_or(0) != 0) seen.remark += fmt::format(", with {} locked", format_bytes(*locked));
  return seen;
}

Found fault_beyond_file(const Process& process, const Case&) {
  return failed_for({MLT_ERROR_BEYOND_FILE}, Severity::warning, process);
}

Found fault_file_system_full(const Process& process, const Case&) {
  return failed_for({MLT_ERROR_FILE_SYSTEM_FULL, MLT_ERROR_QUOTA}, Severity::warning, process);
}

Found fault_no_huge_page(const Process& process, const Case&) {
  return failed_for({MLT_ERROR_HUGE_PAGES, MLT_ERROR_HUGE_PAGES_CGROUP}, Severity::warning, process);
}

Found fault_poisoned(const Process& process, const Case&) {
  return failed_for({MLT_ERROR_POISON}, Severity::problem, process);
}

Found fault_not_permitted(const Process& process, const Case&) {
  return failed_for({MLT_ERROR_PROTECTION, MLT_ERROR_PROTECTION_KEY, MLT_ERROR_GUARD}, Severity::notice, process);
}

Found fault_unmapped(const Process& process, const Case&) {
  return failed_for({MLT_ERROR_UNMAPPED, MLT_ERROR_NO_ADDRESS}, Severity::notice, process);
}

Found stack_growth_refused(const Process& process, const Case&) {
  return failed_for(
      {MLT_ERROR_STACK_LIMIT, MLT_ERROR_STACK_LOCKED, MLT_ERROR_STACK_GAP, MLT_ERROR_STACK_SPACE, MLT_ERROR_STACK},
      Severity::warning, process);
}

Found fault_no_memory(const Process& process, const Case&) {
  return failed_for({MLT_ERROR_MEMORY, MLT_ERROR_MEMORY_CGROUP}, Severity::warning, process);
}

Found fault_refused_by_userfaultfd(const Process& process, const Case&) {
  return failed_for({MLT_ERROR_USERFAULTFD}, Severity::notice, process);
}

Found fault_failed(const Process& process, const Case&) {
  return failed_for({MLT_ERROR_UNKNOWN, MLT_ERROR_FILE_SYSTEM, MLT_ERROR_DEVICE}, Severity::warning, process);
}

}  // namespace mlt::rules
