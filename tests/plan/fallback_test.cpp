// Which way is taken on a kernel that lacks types, a symbol, a function or a tracepoint.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "plan/plan.h"
#include "plan/ways.h"

namespace mlt {
namespace {

using fixtures::best_except;
using fixtures::best_ways;
using fixtures::capable;
using fixtures::plan_for;
using fixtures::programs_of;
using fixtures::rejection;
using fixtures::ways_of;
using fixtures::without_functions;
using fixtures::without_kinds;
using fixtures::without_types;

// --- types and symbols ---------------------------------------------------------------------------------------------

TEST(PlanWithoutTypes, UsesKprobesAndKeepsTracepoints) {
  const Plan plan = plan_for(without_types(capable()));
  EXPECT_EQ(ways_of(plan), best_except({{"process", "tracepoint raw_tp:sched_process_free"},
                                        {"fault", "kprobe kretprobe:handle_mm_fault"},
                                        {"vma_lock", "kprobe kretprobe:handle_mm_fault"},
                                        {"cause", "kprobe kprobe:pmd_migration_entry_wait"},
                                        {"lock_call", "kprobe kretprobe:__x64_sys_mprotect"},
                                        {"filtered_call", "kprobe kretprobe:__secure_computing"},
                                        {"populate", "kprobe kretprobe:__mm_populate"},
                                        {"lock_wait", "kprobe kretprobe:rwsem_down_write_slowpath"},
                                        {"page_lock", "kprobe kprobe:mlock_folio"},
                                        {"page_unlock", "kprobe kprobe:munlock_folio"},
                                        {"unevictable", "kprobe kprobe:lru_add"},
                                        {"rescue", "kprobe kprobe:mlock_folio_batch"},
                                        {"vma_split", "kprobe kretprobe:__split_vma"},
                                        {"vma_merge", "kprobe kretprobe:commit_merge"},
                                        {"userfault", "kprobe kprobe:handle_userfault"},
                                        {"page_wait", "kprobe kretprobe:io_schedule"},
                                        {"refault", "kprobe kprobe:workingset_refault"},
                                        {"dirty_wait", "kprobe kretprobe:balance_dirty_pages"},
                                        {"memory_high", "kprobe kretprobe:__mem_cgroup_handle_over_high"},
                                        {"huge_page", "kprobe kprobe:do_huge_pmd_anonymous_page"},
                                        {"oom_kill", "kprobe raw_tp:signal_generate"},
                                        {"fault_error", "kprobe raw_tp:signal_generate"},
                                        {"acts_of_others", "kprobe kprobe:clear_refs_write"},
                                        {"acts_on_machine", "kprobe kprobe:memory_reclaim"},
                                        {"limit_of_others", "kprobe kretprobe:perf_mmap"},
                                        {"exec", "kprobe kprobe:begin_new_exec"},
                                        {"reclaim_met", "kprobe kprobe:mlock_folio"},
                                        {"swap_out", "kprobe kprobe:swap_writeout"},
                                        {"swap_readahead", "kprobe kprobe:swap_read_folio"},
                                        {"swap_fork", "kprobe kretprobe:copy_page_range"},
                                        {"swap_free", "kprobe kretprobe:exit_mmap"}}));
  EXPECT_EQ(rejection(plan, "fault", "fentry", "fexit:handle_mm_fault"), "no types here");
}

TEST(PlanWithoutTypes, NoKnowledgeAtAllIsNotNo) {
  KernelFacts facts = without_types(capable());
  facts.symbols.reset();
  const Plan plan = plan_for(facts);
  for (const PlannedSignal& planned : plan.signals) EXPECT_NE(planned.way, nullptr) << planned.signal->name;
  EXPECT_EQ(plan.find("page_lock")->way->kind, "kprobe");
  EXPECT_EQ(programs_of(plan, "page_lock"), (std::set<std::string_view>{"mlt_new_folio_kprobe", "mlt_folio_kprobe"}));
}

TEST(PlanTypes, AFunctionThatTakesAStructIsHookedByAKprobe) {
  KernelFacts facts = without_functions(capable(), {"swap_dup_entry_direct"});
  facts.struct_functions = {"swap_duplicate"};
  const Plan plan = plan_for(facts);
  EXPECT_EQ(programs_of(plan, "swap_fork"),
            (std::set<std::string_view>{"mlt_copy_fentry", "mlt_duplicate_kprobe", "mlt_copy_fexit"}));
}

TEST(PlanSymbols, NotReadIsNotNo) {
  KernelFacts facts = capable();
  facts.symbols.reset();
  EXPECT_EQ(ways_of(plan_for(facts)), best_ways());
}

TEST(PlanSymbols, AFunctionOfAModuleTakesAKprobe) {
  KernelFacts facts = capable();
  facts.symbols.reset();
  facts.btf_functions.erase("ext4_should_retry_alloc");
  EXPECT_NE(plan_for(facts).find("fault_error")->remark().find("tmpfs only"), std::string::npos);
  facts.module_functions.emplace("ext4_should_retry_alloc");
  EXPECT_EQ(plan_for(facts).find("fault_error")->remark(), "");
}

TEST(PlanSymbols, ATypeWithoutASymbolCannotBeHooked) {
  KernelFacts facts = capable();
  facts.symbols->erase("__split_vma");
  const Plan plan = plan_for(facts);
  EXPECT_EQ(ways_of(plan), best_except({{"vma_split", "off"}}));
  EXPECT_EQ(rejection(plan, "vma_split", "fentry", "fexit:__split_vma"), "this kernel has no function __split_vma");
  EXPECT_EQ(rejection(plan, "vma_split", "kprobe", "kretprobe:__split_vma"), "this kernel has no function __split_vma");
}

TEST(PlanSymbols, ASymbolWithoutATypeTakesAKprobe) {
  KernelFacts facts = capable();
  facts.btf_functions.erase("handle_mm_fault");
  const Plan plan = plan_for(facts);
  EXPECT_EQ(ways_of(plan), best_except({{"fault", "kprobe kretprobe:handle_mm_fault"},
                                        {"vma_lock", "kprobe kretprobe:handle_mm_fault"}}));
  EXPECT_EQ(rejection(plan, "fault", "fentry", "fexit:handle_mm_fault"),
            "this kernel's types have no function handle_mm_fault");
  EXPECT_EQ(plan.find("fault")->remark(), "");
}

TEST(PlanSymbols, TwoOfANameAreNotHookedByName) {
  KernelFacts facts = capable();
  (*facts.symbols)["handle_mm_fault"] = 2;
  const Plan plan = plan_for(facts);
  EXPECT_EQ(ways_of(plan), best_except({{"fault", "perf perf:major-faults"},
                                        {"cause", "off"},
                                        {"vma_lock", "off"},
                                        {"userfault", "off"},
                                        {"page_wait", "off"},
                                        {"refault", "off"},
                                        {"dirty_wait", "off"},
                                        {"compaction", "off"},
                                        {"huge_page", "off"},
                                        {"swap_readahead", "off"}}));
  EXPECT_EQ(rejection(plan, "fault", "fentry", "fexit:handle_mm_fault"), "this kernel has 2 functions handle_mm_fault");
  EXPECT_EQ(rejection(plan, "fault", "kprobe", "kretprobe:handle_mm_fault"),
            "this kernel has 2 functions handle_mm_fault");
}

// A way that was not tried tells nothing of why a signal is off.
TEST(PlanRemark, IsTheReasonOfTheBestWayThatWasTried) {
  const KernelFacts facts = without_functions(capable(), {"__split_vma"});
  EXPECT_EQ(plan_for(facts).find("vma_split")->remark(), "this kernel's types have no function __split_vma");
  EXPECT_EQ(plan_for(facts, "fault,vma_split:kprobe").find("vma_split")->remark(),
            "this kernel has no function __split_vma");
  EXPECT_EQ(plan_for(facts, "fault,vma_split:multi").find("vma_split")->remark(),
            "this kernel has no function __split_vma");
}

// --- one function or tracepoint less -------------------------------------------------------------------------------

TEST(PlanWithoutFunction, WithoutPerVmaLocksNoFaultGivesOneUp) {
  const Plan plan = plan_for(without_functions(capable(), {"lock_vma_under_rcu"}));
  EXPECT_EQ(ways_of(plan), best_except({{"vma_lock", "off"}}));
  EXPECT_EQ(plan.find("vma_lock")->remark(), "this kernel has no function lock_vma_under_rcu");
}

TEST(PlanWithoutFunction, FaultsFallBackToSoftwareEvents) {
  const Plan plan = plan_for(without_functions(capable(), {"handle_mm_fault"}));
  EXPECT_EQ(ways_of(plan), best_except({{"fault", "perf perf:major-faults"},
                                        {"cause", "off"},
                                        {"vma_lock", "off"},
                                        {"userfault", "off"},
                                        {"page_wait", "off"},
                                        {"refault", "off"},
                                        {"dirty_wait", "off"},
                                        {"compaction", "off"},
                                        {"huge_page", "off"},
                                        {"swap_readahead", "off"}}));
  EXPECT_TRUE(plan.find("fault")->way->approximate);
  EXPECT_NE(plan.find("fault")->remark().find("populate and remote faults"), std::string::npos);
  EXPECT_NE(plan.find("fault")->remark().find("which mapping a fault is in"), std::string::npos);
  // Software events tell neither the address nor the page table's state before.
  for (const char* signal : {"cause", "vma_lock"})
    EXPECT_EQ(plan.find(signal)->rejected.back().reason, "needs fault, of which only a part is seen here");
}

TEST(PlanWithoutFunction, OneSystemCallTakesTheWholeWay) {
  const Plan plan = plan_for(without_functions(capable(), {"__x64_sys_mlock2"}));
  EXPECT_EQ(ways_of(plan), best_except({{"lock_call", "tracepoint tracepoint:syscalls/sys_exit_mprotect"}}));
}

TEST(PlanWithoutFunction, ASeccompFilterIsAskedUnderEitherName) {
  const KernelFacts renamed = without_functions(capable(), {"__secure_computing"});
  EXPECT_EQ(ways_of(plan_for(renamed)), best_except({{"filtered_call", "fentry fexit:__seccomp_permit_syscall"}}));
  EXPECT_EQ(programs_of(plan_for(without_types(renamed)), "filtered_call"),
            std::set<std::string_view>{"mlt_seccomp_kretprobe"});
}

TEST(PlanWithoutFunction, PopulateIsOff) {
  for (const char* function : {"__mm_populate", "populate_vma_page_range"}) {
    const Plan plan = plan_for(without_functions(capable(), {function}));
    EXPECT_EQ(ways_of(plan), best_except({{"populate", "off"}})) << function;
    EXPECT_EQ(plan.find("populate")->rejected.back().reason, std::string("this kernel has no function ") + function);
  }
}

TEST(PlanWithoutFunction, PagesInsteadOfFolios) {
  const Plan plan = plan_for(without_functions(capable(), {"mlock_new_folio"}));
  EXPECT_EQ(ways_of(plan), best_ways());
  EXPECT_EQ(programs_of(plan, "page_lock"), (std::set<std::string_view>{"mlt_new_page_fentry", "mlt_folio_fentry"}));
  const Plan unlock = plan_for(without_functions(capable(), {"munlock_folio"}));
  EXPECT_EQ(ways_of(unlock), best_except({{"page_unlock", "fentry fentry:munlock_page"}}));
  const Plan batch = plan_for(without_functions(capable(), {"mlock_folio_batch"}));
  EXPECT_EQ(programs_of(batch, "unevictable"),
            (std::set<std::string_view>{"mlt_flush_pages_fentry", "mlt_lru_add_fn_fentry"}));
  EXPECT_EQ(programs_of(batch, "rescue"),
            (std::set<std::string_view>{"mlt_check_folios_fentry", "mlt_lru_add_fn_fentry", "mlt_flush_pages_fentry"}));
}

// What SHM_UNLOCK rescues.
TEST(PlanWithoutFunction, UnlockedSharedMemoryIsSeenByPagesOrFolios) {
  const Plan pages = plan_for(
      without_functions(capable(), {"check_move_unevictable_folios", "mlock_folio_batch", "lru_add", "lru_add_fn"}));
  EXPECT_EQ(programs_of(pages, "rescue"),
            (std::set<std::string_view>{"mlt_check_pages_fentry", "mlt_pagevec_add_fentry", "mlt_flush_pages_fentry"}));
  const KernelFacts old = without_functions(capable(), {"mlock_folio_batch", "mlock_pagevec", "munlock_folio"});
  EXPECT_EQ(programs_of(plan_for(old), "rescue"),
            (std::set<std::string_view>{"mlt_check_pages_fentry", "mlt_pagevec_add_old_fentry"}));
  EXPECT_EQ(programs_of(plan_for(without_kinds(old, {"fentry"})), "rescue"),
            (std::set<std::string_view>{"mlt_check_pages_kprobe", "mlt_pagevec_add_old_kprobe"}));
}

TEST(PlanWithoutFunction, OldKernelsLockPagesWithoutBatches) {
  const KernelFacts facts =
      without_functions(capable(), {"mlock_new_folio", "mlock_new_page", "mlock_folio", "munlock_folio", "munlock_page",
                                    "mlock_folio_batch", "mlock_pagevec", "commit_merge", "vma_expand"});
  const Plan plan = plan_for(facts);
  EXPECT_EQ(ways_of(plan), best_except({{"page_lock", "fentry fentry:lru_cache_add_inactive_or_unevictable"},
                                        {"page_unlock", "fentry fentry:clear_page_mlock"},
                                        {"unevictable", "fentry fentry:__pagevec_lru_add_fn"},
                                        {"rescue", "fentry fentry:__pagevec_lru_add_fn"},
                                        {"reclaim_met", "fentry fentry:lru_cache_add_inactive_or_unevictable"},
                                        {"vma_merge", "fentry fexit:__vma_adjust"}}));
  EXPECT_EQ(programs_of(plan, "unevictable"), std::set<std::string_view>{"mlt_pagevec_add_old_fentry"});
  EXPECT_EQ(plan.find("unevictable")->remark(), "");
  EXPECT_EQ(programs_of(plan_for(without_kinds(facts, {"fentry"})), "unevictable"),
            std::set<std::string_view>{"mlt_pagevec_add_old_kprobe"});
  // What is relocked for another mapping is seen as it happens.
  EXPECT_EQ(plan.find("page_lock")->remark(), "");
  EXPECT_EQ(plan.find("page_unlock")->remark(), "");
}

// By either kind: the ways of old kernels leave nothing out, except for what reclaim does with them.
TEST(PlanWithoutFunction, OldKernelsHaveNoLimitsButReclaims) {
  const KernelFacts old = without_functions(capable(), {"mlock_folio", "munlock_folio", "munlock_page"});
  for (const KernelFacts& facts : {old, without_types(old)}) {
    const Plan plan = plan_for(facts);
    const std::string_view kind = facts.no_btf.empty() ? "fentry" : "kprobe";
    for (const char* signal : {"page_lock", "page_unlock", "reclaim_met"})
      EXPECT_EQ(plan.find(signal)->way->kind, kind) << signal;
    EXPECT_EQ(plan.find("page_lock")->way->probes.front().target, "mlock_vma_page");
    EXPECT_EQ(plan.find("page_unlock")->way->probes.back().target, "clear_page_mlock");
    EXPECT_EQ(plan.find("page_lock")->remark(), "");
    EXPECT_EQ(plan.find("page_unlock")->remark(), "");
    EXPECT_EQ(plan.find("reclaim_met")->remark(), "passes over the active list are not seen on this kernel");
  }
}

TEST(PlanWithoutFunction, AllMovesByTheOrdinaryWayAreOnOldKernelsOnly) {
  const Plan plan = plan_for(without_functions(capable(), {"mlock_folio_batch", "mlock_pagevec", "mlock_vma_page"}));
  EXPECT_EQ(ways_of(plan), best_except({{"page_unlock", "fentry fentry:clear_page_mlock"},
                                        {"unevictable", "tracepoint raw_tp:mm_lru_insertion"},
                                        {"rescue", "off"}}));
  EXPECT_TRUE(plan.find("unevictable")->way->approximate);
  EXPECT_EQ(rejection(plan, "rescue", "fentry", "fentry:__pagevec_lru_add_fn"),
            "this kernel has no function mlock_vma_page");
}

TEST(PlanWithoutFunction, MergesHaveALadder) {
  const Plan expand = plan_for(without_functions(capable(), {"commit_merge"}));
  EXPECT_EQ(ways_of(expand), best_except({{"vma_merge", "fentry fexit:vma_expand"}}));
  EXPECT_EQ(expand.find("vma_merge")->remark(), "");
  const Plan adjust = plan_for(without_functions(capable(), {"commit_merge", "vma_expand"}));
  EXPECT_EQ(ways_of(adjust), best_except({{"vma_merge", "fentry fexit:__vma_adjust"}}));
  // Kernels that have both __vma_adjust and vma_expand do all through the first.
  const Plan both = plan_for(without_functions(capable(), {"commit_merge", "vma_shrink"}));
  EXPECT_EQ(ways_of(both), best_except({{"vma_merge", "fentry fexit:__vma_adjust"}}));
  const Plan only = plan_for(without_functions(capable(), {"commit_merge", "vma_expand", "__vma_adjust"}));
  EXPECT_EQ(ways_of(only), best_except({{"vma_merge", "kprobe kretprobe:vma_merge"}}));
  EXPECT_NE(only.find("vma_merge")->remark(), "");
}

TEST(PlanWithoutFunction, SwapHasLadders) {
  const Plan page = plan_for(without_functions(capable(), {"swap_writeout"}));
  EXPECT_EQ(ways_of(page), best_except({{"swap_out", "fentry fentry:swap_writepage"}}));
  // The function that writes is enough: whose the page is stands in the page.
  EXPECT_EQ(programs_of(plan_for(capable()), "swap_out"), std::set<std::string_view>{"mlt_swap_writeout_fentry"});
  EXPECT_EQ(programs_of(page, "swap_out"), std::set<std::string_view>{"mlt_swap_writepage_fentry"});
  const Plan kprobe = plan_for(without_types(without_functions(capable(), {"swap_writeout"})));
  EXPECT_EQ(ways_of(kprobe)["swap_out"], "kprobe kprobe:swap_writepage");
  EXPECT_EQ(programs_of(kprobe, "swap_out"), std::set<std::string_view>{"mlt_swap_write_kprobe"});
  const Plan neither = plan_for(without_functions(capable(), {"swap_writeout", "swap_writepage"}));
  EXPECT_EQ(ways_of(neither), best_except({{"swap_out", "off"}}));
  const Plan read_page = plan_for(without_functions(capable(), {"swap_read_folio"}));
  EXPECT_EQ(ways_of(read_page), best_except({{"swap_readahead", "fentry fentry:swap_readpage"}}));
  const Plan duplicate = plan_for(without_functions(capable(), {"swap_dup_entry_direct"}));
  EXPECT_EQ(ways_of(duplicate), best_ways());
  EXPECT_EQ(programs_of(duplicate, "swap_fork"),
            (std::set<std::string_view>{"mlt_copy_fentry", "mlt_duplicate_fentry", "mlt_copy_fexit"}));
  const Plan run = plan_for(without_functions(capable(), {"swap_put_entries_direct"}));
  EXPECT_EQ(run.find("swap_free")->way->probes[1].target, "free_swap_and_cache_nr");
  const Plan one = plan_for(without_functions(capable(), {"swap_put_entries_direct", "free_swap_and_cache_nr"}));
  EXPECT_EQ(one.find("swap_free")->way->probes[1].target, "free_swap_and_cache");
  EXPECT_EQ(programs_of(one, "swap_free"),
            (std::set<std::string_view>{"mlt_exit_mmap_fentry", "mlt_free_one_fentry", "mlt_exit_mmap_fexit"}));
  EXPECT_EQ(ways_of(one), best_ways());
}

// A kernel that refuses fentry programs on functions that take a struct by value.
TEST(PlanWithoutFunction, ExitMayMixFentryAndKprobe) {
  KernelFacts facts = without_functions(capable(), {"swap_put_entries_direct", "free_swap_and_cache_nr"});
  facts.refused_programs["mlt_free_one_fentry"] = "the verifier said no";
  const Plan plan = plan_for(facts);
  EXPECT_EQ(ways_of(plan), best_ways());
  EXPECT_EQ(programs_of(plan, "swap_free"),
            (std::set<std::string_view>{"mlt_exit_mmap_fentry", "mlt_free_one_kprobe", "mlt_exit_mmap_fexit"}));
}

TEST(PlanWithoutFunction, ForkMayMixFentryAndKprobe) {
  KernelFacts facts = without_functions(capable(), {"swap_dup_entry_direct"});
  facts.refused_programs["mlt_duplicate_fentry"] = "the verifier said no";
  const Plan plan = plan_for(facts);
  EXPECT_EQ(ways_of(plan), best_ways());
  EXPECT_EQ(programs_of(plan, "swap_fork"),
            (std::set<std::string_view>{"mlt_copy_fentry", "mlt_duplicate_kprobe", "mlt_copy_fexit"}));
}

// Reclaim mlocks what it meets, so the programs are those of page_lock, and attached once.
TEST(PlanWithoutFunction, ReclaimMeetsWhatPageLockSees) {
  KernelFacts preemptible = capable();
  preemptible.preemptible = true;
  const KernelFacts page = without_functions(capable(), {"mlock_new_folio"});
  const KernelFacts old = without_functions(capable(), {"mlock_folio"});
  for (const auto& [facts, programs] : std::vector<std::pair<KernelFacts, std::set<std::string_view>>>{
           {capable(), {"mlt_new_folio_fentry", "mlt_folio_fentry"}},
           {page, {"mlt_new_page_fentry", "mlt_folio_fentry"}},
           {old, {"mlt_vma_page_fentry", "mlt_page_added_fentry"}},
           {preemptible, {"mlt_new_folio_kprobe", "mlt_folio_kprobe"}},
           {without_types(capable()), {"mlt_new_folio_kprobe", "mlt_folio_kprobe"}},
           {without_types(page), {"mlt_new_page_kprobe", "mlt_folio_kprobe"}},
           {without_types(old), {"mlt_vma_page_kprobe", "mlt_page_added_kprobe"}}}) {
    const Plan plan = plan_for(facts);
    EXPECT_EQ(programs_of(plan, "reclaim_met"), programs);
    EXPECT_EQ(programs_of(plan, "page_lock"), programs);
    const bool is_old = programs.contains("mlt_vma_page_fentry") || programs.contains("mlt_vma_page_kprobe");
    EXPECT_EQ(plan.find("reclaim_met")->remark(),
              is_old ? "passes over the active list are not seen on this kernel" : "");
    const std::vector<Probe> probes = plan.probes();
    for (const std::string_view program : programs)
      EXPECT_EQ(std::ranges::count(probes, program, &Probe::program), 1) << program;
  }
}

TEST(PlanWithoutFunction, ExecIsSeenAtTheSystemCall) {
  EXPECT_EQ(ways_of(plan_for(without_functions(capable(), {"begin_new_exec"}))),
            best_except({{"exec", "tracepoint tracepoint:syscalls/sys_enter_execveat"}}));
}

TEST(PlanWithoutTracepoint, NoStallsWithoutTheirEnd) {
  KernelFacts facts = capable();
  facts.btf_tracepoints.erase("mm_vmscan_memcg_reclaim_end");
  EXPECT_EQ(ways_of(plan_for(facts)), best_except({{"reclaim", "off"}}));
}

TEST(PlanWithoutTracepoint, FaultClocksStartLater) {
  for (const char* tracepoint : {"page_fault_user", "page_fault_kernel"}) {
    KernelFacts facts = capable();
    facts.btf_tracepoints.erase(tracepoint);
    const Plan plan = plan_for(facts);
    EXPECT_EQ(ways_of(plan), best_except({{"fault_entry", "off"}}));
    EXPECT_EQ(plan.find("fault_entry")->remark(), std::string("this kernel has no tracepoint ") + tracepoint);
  }
}

TEST(PlanLockWait, FunctionsThenTracepoints) {
  const KernelFacts without = without_functions(capable(), {"rwsem_down_write_slowpath"});
  const Plan plan = plan_for(without);
  EXPECT_EQ(ways_of(plan), best_except({{"lock_wait", "tracepoint raw_tp:contention_end"}}));
  EXPECT_NE(plan.find("lock_wait")->remark().find("spins"), std::string::npos);
  KernelFacts old = without;
  old.btf_tracepoints.erase("contention_begin");
  EXPECT_EQ(ways_of(plan_for(old)), best_except({{"lock_wait", "off"}}));
}

TEST(PlanWithoutTracepoint, NoInsertionsNoMovesToUnevictable) {
  KernelFacts facts = without_functions(capable(), {"mlock_folio_batch", "mlock_pagevec", "mlock_vma_page"});
  facts.btf_tracepoints.erase("mm_lru_insertion");
  EXPECT_EQ(
      ways_of(plan_for(facts)),
      best_except({{"page_unlock", "fentry fentry:clear_page_mlock"}, {"unevictable", "off"}, {"rescue", "off"}}));
}

}  // namespace
}  // namespace mlt
