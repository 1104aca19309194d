// The rules, a group a file, and what they share. Private to the findings.
#pragma once

#include <initializer_list>

#include "findings/findings.h"

namespace mlt::rules {

using Found = std::optional<Sighting>;

/// A figure as evidence holds it.
inline std::int64_t figure(std::uint64_t value) { return static_cast<std::int64_t>(value); }

/// Evidence of this name, unless it is not known.
inline void add_known(Sighting& seen, const char* name, const Count& count) {
  if (count) seen.evidence[name] = figure(*count);
}

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kMiB = 1 << 20;

/// Length of the trace, but at least `least`: a share of an instant says nothing.
std::uint64_t window_ns(const Case& about, std::uint64_t least = kSecond);

/// `part` in percent of `whole`, rounded down; 0 of nothing.
std::uint64_t percent(std::uint64_t part, std::uint64_t whole);

/// Faults at access, by the program or by the kernel on its behalf, of the given causes in mappings of these states.
FaultTotals access_faults(const Process& process, std::initializer_list<mlt_lock_state> states,
                          std::initializer_list<mlt_cause> causes);

/// The totals of one kind of call; all zero when there was none.
CallTotals totals_of(const Process& process, mlt_call call);

/// The mlockall flag, or def_flags after any call, or what fork, exec and exit saw: MCL_FUTURE was in force.
bool had_future(const Process& process);

bool has_event(const Process& process, LifeEvent::Kind kind);

/// By its name: that of a mapping without a file is none that a path can have.
bool is_of_file(const VmaFaults& vma);

// ---- A: locked, and still faulting (locked_faults.cpp)
Found fork_cow(const Process& process, const Case& about);
Found private_file_write(const Process& process, const Case& about);
Found onfault_first_touch(const Process& process, const Case& about);
Found stack_growth(const Process& process, const Case& about);
Found zero_page_write(const Process& process, const Case& about);
Found shared_file_mkwrite(const Process& process, const Case& about);
Found numa_balancing(const Process& process, const Case& about);
Found page_migration(const Process& process, const Case& about);
Found ksm_write(const Process& process, const Case& about);
Found soft_dirty_tracking(const Process& process, const Case& about);
Found write_protected(const Process& process, const Case& about);
Found userfaultfd(const Process& process, const Case& about);
Found lock_not_effective(const Process& process, const Case& about);
Found locked_faults(const Process& process, const Case& about);
// Memory that should be locked and is not (lost_locks.cpp)
Found mapped_after_mcl_current(const Process& process, const Case& about);
Found mcl_future_cancelled(const Process& process, const Case& about);
Found lock_lost_in_fork(const Process& process, const Case& about);
Found lock_lost_in_exec(const Process& process, const Case& about);
Found locked_not_mlocked(const Process& process, const Case& about);
Found shm_lock_not_present(const Process& process, const Case& about);
Found lock_without_effect(const Process& process, const Case& about);

// ---- What faults wait for (waits.cpp)
Found working_set_too_large(const Process& process, const Case& about);
Found compaction_stall(const Process& process, const Case& about);
Found writeback_wait(const Process& process, const Case& about);
Found huge_page_cost(const Process& process, const Case& about);
Found userfaultfd_wait(const Process& process, const Case& about);
Found memory_high_sleep(const Process& process, const Case& about);

// ---- B: MCL_FUTURE (future.cpp)
Found mcl_future_amplification(const Process& process, const Case& about);
Found thread_stack_populate(const Process& process, const Case& about);
Found allocation_refused(const Process& process, const Case& about);
Found headroom_low(const Process& process, const Case& about);
Found memory_not_returned(const Process& process, const Case& about);

// ---- D: slow calls (slow_calls.cpp)
Found slow_lock(const Process& process, const Case& about);
Found slow_unlock(const Process& process, const Case& about);
Found reclaim_stall(const Process& process, const Case& about);

// ---- E: others wait (contention.cpp)
Found lock_holds_up_threads(const Process& process, const Case& about);
Found mmap_lock_contention(const Process& process, const Case& about);

// ---- The culprit is another process (outside.cpp)
Found memory_taken_by_others(const Process& process, const Case& about);
Found faults_by_others(const Process& process, const Case& about);

using IsSuch = bool (*)(const Act& act);
bool clears_soft_dirty(const Act& act);
bool protects_by_userfaultfd(const Act& act);
bool supplies_pages(const Act& act);
bool moves_pages(const Act& act);

/// ", by criu (pid 7): clear_refs"; who is not known is said, too, where it was looked for. Else empty.
std::string by_whom(const Process& process, IsSuch is_such);

/// ", after trimmer (pid 7) had paged out 1,024 pages"; empty where nobody did, or nothing was read again.
std::string after_pageout(const Process& process);

/// Who else held mmap_lock for most of the time that threads of the process waited for it; null: nobody, or not known.
const OutsideWaits* outside_holder(const LockWaits& waits);

// ---- F: fragmentation.cpp
Found vma_fragmentation(const Process& process, const Case& about);
Found vma_limit_near(const Process& process, const Case& about);

// ---- G: unevictable.cpp
Found unevictable_growth(const Case& about);
Found unevictable_high(const Case& about);
Found memory_high_exceeded(const Case& about);
Found reclaim_inefficient(const Case& about);

// ---- H: swap.cpp
Found swap_in_storm(const Process& process, const Case& about);
Found fork_copies_swap(const Process& process, const Case& about);
Found exit_frees_swap(const Process& process, const Case& about);

// ---- J: machines.cpp
Found guest_memory_swapped(const Process& process, const Case& about);

// ---- Storms (storms.cpp)
Found fault_storm(const Process& process, const Case& about);
Found major_fault_storm(const Process& process, const Case& about);

// ---- Failed calls (errors.cpp)
Found lock_over_limit(const Process& process, const Case& about);
Found memlock_limit_of_others(const Process& process, const Case& about);
Found lock_not_permitted(const Process& process, const Case& about);
Found lock_refused_by_policy(const Process& process, const Case& about);
Found lock_hole(const Process& process, const Case& about);
Found unlock_hole(const Process& process, const Case& about);
Found lock_not_populated(const Process& process, const Case& about);
Found lock_mapping_bound(const Process& process, const Case& about);
Found lock_out_of_memory(const Process& process, const Case& about);
Found lock_bad_argument(const Process& process, const Case& about);
Found lock_failed(const Process& process, const Case& about);

Found lock_incomplete(const Process& process, const Case& about);
Found lock_answered_by_filter(const Process& process, const Case& about);

// ---- Faults and accesses that failed (failed_faults.cpp)
Found ended_by_fault(const Process& process, const Case& about);
Found ended_by_oom_killer(const Process& process, const Case& about);
Found fault_beyond_file(const Process& process, const Case& about);
Found fault_file_system_full(const Process& process, const Case& about);
Found fault_no_huge_page(const Process& process, const Case& about);
Found fault_poisoned(const Process& process, const Case& about);
Found fault_not_permitted(const Process& process, const Case& about);
Found fault_unmapped(const Process& process, const Case& about);
Found stack_growth_refused(const Process& process, const Case& about);
Found fault_no_memory(const Process& process, const Case& about);
Found fault_refused_by_userfaultfd(const Process& process, const Case& about);
Found fault_failed(const Process& process, const Case& about);

// ---- K: false_alarms.cpp
Found populate_burst(const Process& process, const Case& about);
Found populate_without_lock(const Process& process, const Case& about);
Found major_without_io(const Process& process, const Case& about);
Found cheap_faults(const Process& process, const Case& about);
Found spurious_faults(const Process& process, const Case& about);
Found vdso_data_page(const Process& process, const Case& about);

}  // namespace mlt::rules
