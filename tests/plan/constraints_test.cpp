// Which way is taken where the kernel refuses some, where one needs another, and where probes are preempted.
#include <gtest/gtest.h>

#include <algorithm>

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
using fixtures::without_layout;

// --- what the kernel refuses ---------------------------------------------------------------------------------------

TEST(PlanRefused, FentryGivesWayToKprobe) {
  const Plan plan = plan_for(without_kinds(capable(), {"fentry"}));
  for (const PlannedSignal& planned : plan.signals) {
    ASSERT_NE(planned.way, nullptr) << planned.signal->name;
    EXPECT_NE(planned.way->kind, "fentry") << planned.signal->name;
  }
  EXPECT_EQ(rejection(plan, "fault", "fentry", "fexit:handle_mm_fault"), "this kernel has no fentry");
  EXPECT_EQ(plan.find("fault_entry")->way->kind, "tracepoint");
}

// But for a function of seven arguments, and one that is in a module.
TEST(PlanRefused, KprobesAreNotMissedWhereFentryWorks) {
  const Plan plan = plan_for(without_kinds(capable(), {"kprobe"}));
  EXPECT_EQ(ways_of(plan), best_ways());
  EXPECT_NE(plan.find("fault_error")->remark().find("tmpfs only"), std::string::npos);
  EXPECT_NE(plan.find("acts_of_others")->remark().find("moved pages are not seen"), std::string::npos);
}

TEST(PlanRefused, NoFunctionsCanBeHooked) {
  const Plan plan = plan_for(without_kinds(capable(), {"fentry", "kprobe"}));
  EXPECT_EQ(ways_of(plan), best_except({{"fault", "perf perf:major-faults"},
                                        {"cause", "off"},
                                        {"vma_lock", "off"},
                                        {"userfault", "off"},
                                        {"page_wait", "off"},
                                        {"refault", "off"},
                                        {"dirty_wait", "off"},
                                        {"compaction", "off"},
                                        {"huge_page", "off"},
                                        {"memory_high", "off"},
                                        {"lock_call", "tracepoint tracepoint:syscalls/sys_exit_mprotect"},
                                        {"filtered_call", "off"},
                                        {"populate", "off"},
                                        {"lock_wait", "tracepoint raw_tp:contention_end"},
                                        {"page_lock", "off"},
                                        {"page_unlock", "off"},
                                        {"unevictable", "tracepoint raw_tp:mm_lru_insertion"},
                                        {"rescue", "off"},
                                        {"vma_split", "off"},
                                        {"vma_merge", "off"},
                                        {"oom_kill", "off"},
                                        {"fault_error", "tracepoint raw_tp:signal_generate"},
                                        {"limit_of_others", "off"},
                                        {"exec", "tracepoint tracepoint:syscalls/sys_enter_execveat"},
                                        {"reclaim_met", "off"},
                                        {"swap_out", "off"},
                                        {"swap_readahead", "off"},
                                        {"swap_fork", "off"},
                                        {"swap_free", "off"},
                                        {"acts_of_others", "off"},
                                        {"acts_on_machine", "off"}}));
  EXPECT_EQ(rejection(plan, "rescue", "fentry", "fentry:mlock_folio_batch"), "needs page_unlock, which is off");
  EXPECT_EQ(rejection(plan, "unevictable", "fentry", "fentry:lru_add"), "needs page_lock, which is off");
}

TEST(PlanRefused, RawTracepointsAreTheLastWayToSystemCalls) {
  const Plan plan = plan_for(without_kinds(capable(), {"fentry", "kprobe", "tracepoint"}));
  EXPECT_EQ(ways_of(plan)["lock_call"], "raw raw_tp:sys_exit");
  EXPECT_EQ(ways_of(plan)["fault"], "perf perf:major-faults");
}

TEST(PlanRefused, RawTracepoints) {
  EXPECT_EQ(ways_of(plan_for(without_kinds(capable(), {"raw_tp"}))), best_except({{"process", "off"},
                                                                                  {"fault_entry", "off"},
                                                                                  {"oom_kill", "off"},
                                                                                  {"fault_error", "off"},
                                                                                  {"reclaim", "off"},
                                                                                  {"page_wait", "off"},
                                                                                  {"compaction", "off"}}));
}

TEST(PlanRefused, WithoutIteratorsThreadsAreFoundLater) {
  const Plan plan = plan_for(without_kinds(capable(), {"iter"}));
  EXPECT_EQ(ways_of(plan), best_except({{"process", "tracepoint raw_tp:sched_process_free"}}));
  EXPECT_EQ(rejection(plan, "process", "iter", "iter:bpf_iter_task"), "this kernel has no iter");
  EXPECT_FALSE(programs_of(plan, "process").contains("mlt_find_threads"));
  // Neither way leaves anything out.
  EXPECT_EQ(plan.find("process")->remark(), "");
}

TEST(PlanRefused, AnIteratorIsDeclaredByAFunction) {
  KernelFacts facts = capable();
  facts.btf_functions.erase("bpf_iter_task");
  const Plan plan = plan_for(facts);
  EXPECT_EQ(ways_of(plan), best_except({{"process", "tracepoint raw_tp:sched_process_free"}}));
  EXPECT_EQ(rejection(plan, "process", "iter", "iter:bpf_iter_task"), "this kernel has no bpf_iter_task");
}

TEST(PlanRefused, OneProgramTakesItsWayOnly) {
  KernelFacts facts = capable();
  facts.refused_programs["mlt_fault_exit"] = "the verifier said no";
  const Plan plan = plan_for(facts);
  EXPECT_EQ(ways_of(plan), best_except({{"fault", "kprobe kretprobe:handle_mm_fault"},
                                        {"vma_lock", "kprobe kretprobe:handle_mm_fault"}}));
  EXPECT_EQ(rejection(plan, "fault", "fentry", "fexit:handle_mm_fault"), "the verifier said no");
}

TEST(PlanRefused, ASharedProgramTakesAllItsWays) {
  KernelFacts facts = without_functions(capable(), {"mlock_vma_page", "__pagevec_lru_add_fn"});
  for (const char* program :
       {"mlt_lru_add_fentry", "mlt_lru_add_kprobe", "mlt_lru_add_fn_fentry", "mlt_lru_add_fn_kprobe"})
    facts.refused_programs[program] = "the verifier said no";
  EXPECT_EQ(ways_of(plan_for(facts)),
            best_except({{"unevictable", "tracepoint raw_tp:mm_lru_insertion"}, {"rescue", "off"}}));
}

TEST(PlanRefused, AKindIsToldBeforeAProgram) {
  KernelFacts facts = without_kinds(capable(), {"fentry"});
  facts.refused_programs["mlt_fault_enter"] = "the verifier said no";
  EXPECT_EQ(unavailable({"mlt_fault_enter", Hook::fentry, "handle_mm_fault"}, facts), "this kernel has no fentry");
}

// --- needs_signal --------------------------------------------------------------------------------------------------

TEST(PlanNeedsSignal, MovesNeedLocks) {
  const Plan plan = plan_for(
      without_functions(capable(), {"mlock_folio", "mlock_vma_page", "lru_cache_add_inactive_or_unevictable"}));
  EXPECT_EQ(ways_of(plan),
            best_except(
                {{"page_lock", "off"}, {"unevictable", "tracepoint raw_tp:mm_lru_insertion"}, {"reclaim_met", "off"}}));
  EXPECT_EQ(rejection(plan, "unevictable", "fentry", "fentry:lru_add"), "needs page_lock, which is off");
  EXPECT_FALSE(plan.find("unevictable")->remark().empty());
}

TEST(PlanNeedsSignal, WhatReclaimMeetsIsSeenWherePagesAreLocked) {
  const Plan alone = plan_for(capable(), "reclaim_met,swap_out");
  EXPECT_EQ(ways_of(alone)["reclaim_met"], "off");
  EXPECT_EQ(rejection(alone, "reclaim_met", "fentry", "fentry:mlock_folio"), "needs page_lock, which is off");
  EXPECT_EQ(ways_of(plan_for(capable(), "reclaim_met,page_lock"))["reclaim_met"], "fentry fentry:mlock_folio");
}

TEST(PlanNeedsSignal, RescuesNeedUnlocks) {
  const Plan plan = plan_for(without_functions(capable(), {"munlock_folio", "munlock_page", "__munlock_pagevec"}));
  EXPECT_EQ(ways_of(plan), best_except({{"page_unlock", "off"}, {"rescue", "off"}}));
}

TEST(PlanNeedsSignal, ASignalThatWasNotAskedForIsOff) {
  const Plan plan = plan_for(capable(), "unevictable");
  EXPECT_EQ(ways_of(plan)["unevictable"], "tracepoint raw_tp:mm_lru_insertion");
  EXPECT_EQ(ways_of(plan_for(capable(), "unevictable,page_lock"))["unevictable"], "fentry fentry:lru_add");
}

// --- needs_page_tables ---------------------------------------------------------------------------------------------

TEST(PlanNeedsPageTables, NoLayoutNoCauses) {
  const Plan plan = plan_for(without_layout(capable()));
  EXPECT_EQ(ways_of(plan), best_except({{"cause", "off"}, {"huge_page", "off"}, {"swap_readahead", "off"}}));
  EXPECT_EQ(plan.find("cause")->remark(), "cannot open /proc/kcore: Operation not permitted");
  for (const RejectedWay& rejected : plan.find("cause")->rejected) {
    if (rejected.passed_over) continue;
    EXPECT_EQ(rejected.reason, "cannot open /proc/kcore: Operation not permitted") << rejected.way->kind;
  }
  EXPECT_EQ(plan.memory.levels, 0U);
}

TEST(PlanNeedsPageTables, TheProgramsGetTheLayout) {
  KernelFacts facts = capable();
  facts.memory = {5, 0xff11000000000000, 0xffd4000000000000, false};
  const Plan plan = plan_for(facts);
  EXPECT_EQ(ways_of(plan), best_ways());
  EXPECT_EQ(plan.memory.levels, 5U);
  EXPECT_EQ(plan.memory.page_offset, 0xff11000000000000U);
  EXPECT_EQ(plan.memory.vmemmap, 0xffd4000000000000U);
  EXPECT_FALSE(plan.memory.soft_dirty);
}

TEST(PlanNeedsPageTables, CausesNeedFaults) {
  const Plan plan = plan_for(capable(), "cause,lock_call");
  EXPECT_EQ(ways_of(plan)["cause"], "off");
  EXPECT_EQ(rejection(plan, "cause", "fentry", "fentry:pmd_migration_entry_wait"), "needs fault, which is off");
  EXPECT_EQ(ways_of(plan_for(capable(), "cause,fault"))["cause"], "fentry fentry:pmd_migration_entry_wait");
}

TEST(PlanNeedsPageTables, SoftwareEventsTellNoCause) {
  EXPECT_EQ(ways_of(plan_for(capable(), "fault:perf,cause"))["cause"], "off");
}

// --- kernels that preempt in kernel mode ---------------------------------------------------------------------------

// Up to 6.15.
KernelFacts without_memcg(KernelFacts facts) {
  facts.btf_tracepoints.erase("count_memcg_events");
  return facts;
}

// The end that is never skipped; entries by what is cheaper to enter by.
TEST(PlanPreemptible, FaultsEndAtTheMemoryCgroup) {
  KernelFacts facts = capable();
  facts.preemptible = true;
  EXPECT_EQ(ways_of(plan_for(facts))["fault"], "memcg raw_tp:count_memcg_events");
  EXPECT_EQ(plan_for(facts).find("fault")->way->probes.front().hook, Hook::multi_entry);
  facts = without_functions(facts, {"fprobe_ftrace_entry"});
  EXPECT_EQ(ways_of(plan_for(facts))["fault"], "memcg raw_tp:count_memcg_events");
  EXPECT_EQ(plan_for(facts).find("fault")->way->probes.front().hook, Hook::kprobe);
  EXPECT_EQ(ways_of(plan_for(without_memcg(facts)))["fault"], "kprobe kretprobe:handle_mm_fault");
}

TEST(PlanPreemptible, WhatIsCountedIsSettled) {
  KernelFacts facts = capable();
  EXPECT_FALSE(plan_for(facts).settles());
  EXPECT_FALSE(plan_for(facts).ends_untold());
  facts.preemptible = true;
  EXPECT_TRUE(plan_for(facts).settles());
  EXPECT_TRUE(plan_for(facts).ends_untold());
  const auto has = [](const Plan& plan, std::string_view program) {
    const std::vector<Probe> probes = plan.probes();
    return std::ranges::find(probes, program, &Probe::program) != probes.end();
  };
  EXPECT_TRUE(has(plan_for(facts), "mlt_process_free_settling"));
  EXPECT_FALSE(has(plan_for(facts), "mlt_process_free"));
  facts = without_memcg(facts);
  EXPECT_TRUE(plan_for(facts).settles());
  EXPECT_FALSE(plan_for(facts).ends_untold());
  // Software events see a part of the faults.
  EXPECT_FALSE(plan_for(facts, "fault:perf").settles());
  EXPECT_TRUE(has(plan_for(facts, "fault:perf"), "mlt_process_free"));
}

TEST(PlanPreemptible, KprobesAreToldOfTypes) {
  KernelFacts facts = capable();
  const auto has = [&](std::string_view program) {
    const std::vector<Probe> probes = plan_for(facts, "fault:kprobe").probes(Plan::Part::early);
    return std::ranges::find(probes, program, &Probe::program) != probes.end();
  };
  EXPECT_TRUE(has("mlt_fault_kprobe"));
  facts.vma_type = 1234;
  EXPECT_TRUE(has("mlt_fault_kprobe_typed"));
  EXPECT_FALSE(has("mlt_fault_kprobe"));
}

TEST(PlanPreemptible, ARefusedTwinTakesTheWay) {
  KernelFacts facts = capable();
  facts.preemptible = true;
  facts.refused_programs["mlt_find_threads_settling"] = "the verifier said no";
  EXPECT_EQ(ways_of(plan_for(facts))["process"], "tracepoint raw_tp:sched_process_free");
}

// A single fault is told as it ends, and an error as one.
TEST(PlanPreemptible, SingleFaultsNeedTheirReturn) {
  KernelFacts facts = capable();
  facts.preemptible = true;
  PlanOptions options;
  options.single_faults = true;
  const auto plan = make_plan(options, facts);
  ASSERT_TRUE(plan);
  EXPECT_EQ(ways_of(*plan)["fault"], "kprobe kretprobe:handle_mm_fault");
  EXPECT_EQ(rejection(*plan, "fault", "memcg", "raw_tp:count_memcg_events"),
            "how a fault ended is known only after it: not for single faults");
}

TEST(PlanPreemptible, HandlersThatAreNotPreemptedComeFirst) {
  KernelFacts facts = without_memcg(capable());
  facts.preemptible = true;
  const Plan plan = plan_for(facts);
  EXPECT_EQ(ways_of(plan), best_except({{"fault", "kprobe kretprobe:handle_mm_fault"},
                                        {"vma_lock", "kprobe kretprobe:handle_mm_fault"},
                                        {"cause", "multi kprobe.multi:pmd_migration_entry_wait"},
                                        {"lock_call", "multi kretprobe.multi:__x64_sys_mprotect"},
                                        {"filtered_call", "multi kretprobe.multi:__secure_computing"},
                                        {"populate", "multi kretprobe.multi:__mm_populate"},
                                        {"lock_wait", "multi kretprobe.multi:rwsem_down_write_slowpath"},
                                        {"page_lock", "multi kprobe.multi:mlock_folio"},
                                        {"page_unlock", "multi kprobe.multi:munlock_folio"},
                                        {"unevictable", "multi kprobe.multi:lru_add"},
                                        {"rescue", "multi kprobe.multi:mlock_folio_batch"},
                                        {"vma_split", "multi kretprobe.multi:__split_vma"},
                                        {"vma_merge", "multi kretprobe.multi:commit_merge"},
                                        {"userfault", "multi kretprobe.multi:handle_userfault"},
                                        {"page_wait", "multi kretprobe.multi:io_schedule"},
                                        {"refault", "multi kprobe.multi:workingset_refault"},
                                        {"dirty_wait", "multi kretprobe.multi:balance_dirty_pages"},
                                        {"memory_high", "multi kretprobe.multi:__mem_cgroup_handle_over_high"},
                                        {"huge_page", "multi kprobe.multi:do_huge_pmd_anonymous_page"},
                                        {"oom_kill", "multi raw_tp:signal_generate"},
                                        {"fault_error", "multi raw_tp:signal_generate"},
                                        {"acts_of_others", "multi kprobe.multi:clear_refs_write"},
                                        {"acts_on_machine", "multi kprobe.multi:memory_reclaim"},
                                        {"limit_of_others", "multi kretprobe.multi:perf_mmap"},
                                        {"exec", "multi kprobe.multi:begin_new_exec"},
                                        {"reclaim_met", "multi kprobe.multi:mlock_folio"},
                                        {"swap_out", "multi kprobe.multi:swap_writeout"},
                                        {"swap_readahead", "multi kprobe.multi:swap_read_folio"},
                                        {"swap_fork", "multi kretprobe.multi:copy_page_range"},
                                        {"swap_free", "multi kretprobe.multi:exit_mmap"}}));
  for (const PlannedSignal& planned : plan.signals) EXPECT_FALSE(planned.may_be_preempted) << planned.signal->name;
  EXPECT_EQ(plan.find("fault")->remark(), "");
  EXPECT_EQ(rejection(plan, "fault", "multi", "kretprobe.multi:handle_mm_fault"),
            "dearer than a kretprobe, which has room for every thread here");
  // What is called rarely is attached by one link with all others.
  EXPECT_TRUE(plan.find("lock_call")->way->shares_link());
}

// They lose calls otherwise.
TEST(PlanPreemptible, KretprobesNeedRoom) {
  KernelFacts facts = without_memcg(capable());
  facts.preemptible = true;
  facts.kretprobe_room = false;
  EXPECT_EQ(ways_of(plan_for(facts))["fault"], "multi kretprobe.multi:handle_mm_fault");
  facts.kretprobe_room = true;
  EXPECT_EQ(ways_of(plan_for(without_kinds(facts, {"kprobe"})))["fault"], "multi kretprobe.multi:handle_mm_fault");
}

TEST(PlanPreemptible, TheDearerWayIsNotTakenWithoutNeed) {
  const Plan plan = plan_for(capable());
  EXPECT_EQ(rejection(plan, "fault", "multi", "kretprobe.multi:handle_mm_fault"),
            "dearer, and not needed: this kernel does not preempt probes");
}

// Where functions are found quickly by their names, what is rarely called is hooked by what is attached more quickly.
TEST(PlanRare, KprobesAreQuickerToAttach) {
  KernelFacts facts = capable();
  facts.quick_kprobes = true;
  const Plan plan = plan_for(facts);
  EXPECT_EQ(ways_of(plan), best_except({{"populate", "kprobe kretprobe:__mm_populate"},
                                        {"lock_wait", "kprobe kretprobe:rwsem_down_write_slowpath"},
                                        {"vma_split", "kprobe kretprobe:__split_vma"},
                                        {"oom_kill", "kprobe raw_tp:signal_generate"},
                                        {"page_wait", "kprobe kretprobe:io_schedule"},
                                        {"dirty_wait", "kprobe kretprobe:balance_dirty_pages"},
                                        {"memory_high", "kprobe kretprobe:__mem_cgroup_handle_over_high"}}));
  EXPECT_EQ(rejection(plan, "populate", "fentry", "fexit:__mm_populate"),
            "slower to attach than kprobes, for what is rarely called");
  // Of system calls those that lock; all programs map memory.
  const auto programs = programs_of(plan, "lock_call");
  EXPECT_TRUE(programs.contains("mlt_call_kretprobe"));
  EXPECT_TRUE(programs.contains("mlt_mmap_fexit"));
  EXPECT_FALSE(programs.contains("mlt_mlock_fexit"));
  EXPECT_FALSE(programs_of(plan_for(capable()), "lock_call").contains("mlt_call_kretprobe"));
}

// Without room a kretprobe loses calls, and without kprobes there is nothing better.
TEST(PlanRare, FentryStaysWhereKprobesAreWorse) {
  KernelFacts facts = capable();
  facts.quick_kprobes = true;
  EXPECT_EQ(ways_of(plan_for(without_kinds(facts, {"kprobe"})))["populate"], "fentry fexit:__mm_populate");
  facts.kretprobe_room = false;
  EXPECT_EQ(ways_of(plan_for(facts)), best_ways());
}

TEST(PlanPreemptible, KprobesComeBeforeWhatIsPreempted) {
  KernelFacts facts = without_memcg(capable());
  facts.preemptible = true;
  facts.multi_keeps_returns = false;
  const Plan plan = plan_for(facts);
  EXPECT_EQ(ways_of(plan)["fault"], "kprobe kretprobe:handle_mm_fault");
  EXPECT_EQ(ways_of(plan)["lock_call"], "kprobe kretprobe:__x64_sys_mprotect");
  EXPECT_EQ(rejection(plan, "fault", "fentry", "fexit:handle_mm_fault"),
            "this kernel may preempt it, and then skips it");
  for (const PlannedSignal& planned : plan.signals) EXPECT_FALSE(planned.may_be_preempted) << planned.signal->name;
  // With room for every thread there is.
  EXPECT_EQ(plan.find("fault")->remark(), "");
  facts.kretprobe_room = false;
  EXPECT_NE(plan_for(facts).find("fault")->remark().find("kretprobe loses"), std::string::npos);
}

// A way that sees less is no better.
TEST(PlanPreemptible, WhatIsPreemptedComesBeforeWhatIsBlind) {
  KernelFacts facts = without_functions(without_memcg(capable()), {"commit_merge"});
  facts.preemptible = true;
  facts.multi_keeps_returns = false;
  EXPECT_EQ(ways_of(plan_for(facts))["vma_merge"], "fentry fexit:vma_expand");
}

TEST(PlanPreemptible, SkippedProbesAreBetterThanNone) {
  KernelFacts facts = without_kinds(without_memcg(capable()), {"kprobe"});
  facts.preemptible = true;
  facts.multi_keeps_returns = false;
  const Plan plan = plan_for(facts);
  EXPECT_EQ(ways_of(plan)["fault"], "fentry fexit:handle_mm_fault");
  EXPECT_EQ(rejection(plan, "fault", "multi", "kretprobe.multi:handle_mm_fault"),
            "kretprobe.multi loses returns on this kernel");
  EXPECT_TRUE(plan.find("fault")->may_be_preempted);
  EXPECT_NE(plan.find("fault")->remark().find("preempt"), std::string::npos);
  // Tracepoint handlers are not preempted.
  EXPECT_FALSE(plan.find("process")->may_be_preempted);
  EXPECT_FALSE(plan.find("fault_entry")->may_be_preempted);
  EXPECT_EQ(ways_of(plan)["lock_call"], "tracepoint tracepoint:syscalls/sys_exit_mprotect");
  EXPECT_EQ(plan.find("lock_call")->remark(), "calls of 32-bit programs are not seen");
}

TEST(PlanPreemptible, EveryFentryMayBePreempted) {
  KernelFacts facts = without_kinds(without_memcg(capable()), {"multi", "kprobe"});
  facts.preemptible = true;
  const Plan plan = plan_for(facts);
  // Tracepoints serve some.
  EXPECT_EQ(ways_of(plan), best_except({{"lock_call", "tracepoint tracepoint:syscalls/sys_exit_mprotect"},
                                        {"exec", "tracepoint tracepoint:syscalls/sys_enter_execveat"}}));
  for (const PlannedSignal& planned : plan.signals) {
    EXPECT_EQ(planned.may_be_preempted, planned.way != nullptr && planned.way->uses("fentry")) << planned.signal->name;
  }
}

TEST(PlanPreemptible, KprobesAreNotPreempted) {
  KernelFacts facts = without_kinds(without_memcg(capable()), {"multi", "fentry"});
  facts.preemptible = true;
  const Plan plan = plan_for(facts);
  EXPECT_EQ(plan.find("fault")->way->kind, "kprobe");
  for (const PlannedSignal& planned : plan.signals) EXPECT_FALSE(planned.may_be_preempted) << planned.signal->name;
}

TEST(PlanPreemptible, OthersNeedTheFunctionToo) {
  KernelFacts facts = without_functions(without_memcg(capable()), {"commit_merge"});
  facts.preemptible = true;
  const Plan plan = plan_for(facts);
  EXPECT_EQ(ways_of(plan)["vma_merge"], "fentry fexit:vma_expand");
  EXPECT_TRUE(plan.find("vma_merge")->may_be_preempted);
  EXPECT_EQ(ways_of(plan)["vma_split"], "multi kretprobe.multi:__split_vma");
}

// --- unavailable ---------------------------------------------------------------------------------------------------

TEST(Unavailable, TellsWhy) {
  const KernelFacts facts = capable();
  EXPECT_EQ(unavailable({"p", Hook::fexit, "handle_mm_fault"}, facts), "");
  EXPECT_EQ(unavailable({"p", Hook::fexit, "absent"}, facts), "this kernel's types have no function absent");
  for (const Hook hook : {Hook::kprobe, Hook::kretprobe, Hook::multi_entry, Hook::multi_return}) {
    EXPECT_EQ(unavailable({"p", hook, "handle_mm_fault"}, facts), "");
    EXPECT_EQ(unavailable({"p", hook, "absent"}, facts), "this kernel has no function absent");
  }
  EXPECT_EQ(unavailable({"p", Hook::raw_tracepoint, "sys_enter"}, facts), "");
  EXPECT_EQ(unavailable({"p", Hook::raw_tracepoint, "absent"}, facts), "this kernel has no tracepoint absent");
}

TEST(Unavailable, FexitIsRefusedWithFentryAndKretprobeWithKprobe) {
  const KernelFacts facts = without_kinds(without_memcg(capable()), {"fentry", "kprobe"});
  EXPECT_EQ(unavailable({"p", Hook::fexit, "handle_mm_fault"}, facts), "this kernel has no fentry");
  EXPECT_EQ(unavailable({"p", Hook::kretprobe, "handle_mm_fault"}, facts), "this kernel has no kprobe");
  EXPECT_EQ(unavailable({"p", Hook::multi_return, "handle_mm_fault"}, facts), "");
  EXPECT_EQ(unavailable({"p", Hook::perf_minor, "minor-faults"}, facts), "");
}

}  // namespace
}  // namespace mlt
