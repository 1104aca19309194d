// What tests of planning expect: the ways that the capable kernel gets, and why another way was rejected.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "plan/capable.h"

namespace mlt::fixtures {

using Ways = std::map<std::string, std::string>;

inline Ways best_ways() {
  return {{"process", "iter iter:bpf_iter_task"},
          {"fault", "fentry fexit:handle_mm_fault"},
          {"fault_entry", "tracepoint raw_tp:page_fault_kernel"},
          {"cause", "fentry fentry:pmd_migration_entry_wait"},
          {"vma_lock", "fentry fexit:handle_mm_fault"},
          {"lock_call", "fentry fexit:__x64_sys_mprotect"},
          {"filtered_call", "fentry fexit:__secure_computing"},
          {"populate", "fentry fexit:__mm_populate"},
          {"lock_wait", "fentry fexit:rwsem_down_write_slowpath"},
          {"page_lock", "fentry fentry:mlock_folio"},
          {"page_unlock", "fentry fentry:munlock_folio"},
          {"unevictable", "fentry fentry:lru_add"},
          {"rescue", "fentry fentry:mlock_folio_batch"},
          {"vma_split", "fentry fexit:__split_vma"},
          {"vma_merge", "fentry fexit:commit_merge"},
          {"oom_kill", "fentry raw_tp:signal_generate"},
          {"fault_error", "fentry raw_tp:signal_generate"},
          {"limit_of_others", "fentry fexit:perf_mmap"},
          {"exec", "fentry fentry:begin_new_exec"},
          {"reclaim", "tracepoint raw_tp:mm_vmscan_direct_reclaim_end"},
          {"userfault", "fentry fentry:handle_userfault"},
          {"page_wait", "fentry fexit:io_schedule"},
          {"refault", "fentry fentry:workingset_refault"},
          {"dirty_wait", "fentry fexit:balance_dirty_pages"},
          {"compaction", "tracepoint raw_tp:mm_compaction_end"},
          {"memory_high", "fentry fexit:__mem_cgroup_handle_over_high"},
          {"huge_page", "fentry fentry:do_huge_pmd_anonymous_page"},
          {"reclaim_met", "fentry fentry:mlock_folio"},
          {"swap_out", "fentry fentry:swap_writeout"},
          {"swap_readahead", "fentry fentry:swap_read_folio"},
          {"swap_fork", "fentry fexit:copy_page_range"},
          {"swap_free", "fentry fexit:exit_mmap"},
          {"acts_of_others", "fentry fentry:clear_refs_write"},
          {"acts_on_machine", "fentry fentry:memory_reclaim"}};
}

/// The capable kernel's ways, except for these.
inline Ways best_except(const Ways& changed) {
  Ways ways = changed;
  ways.merge(best_ways());
  return ways;
}

inline std::set<std::string_view> programs_of(const Plan& plan, std::string_view signal) {
  std::set<std::string_view> programs;
  for (const Probe& probe : plan.find(signal)->way->probes) programs.insert(probe.program);
  return programs;
}

/// Why the way with this kind and deciding probe was rejected; empty when it was not.
inline std::string rejection(const Plan& plan, std::string_view signal, std::string_view kind, std::string_view via) {
  for (const RejectedWay& rejected : plan.find(signal)->rejected) {
    if (rejected.way->kind == kind && rejected.way->via() == via) return rejected.reason;
  }
  return {};
}

}  // namespace mlt::fixtures
