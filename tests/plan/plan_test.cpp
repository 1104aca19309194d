#include "plan/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "plan/capable.h"

namespace mlt {
namespace {

using fixtures::capable;
using fixtures::plan_for;
using fixtures::ways_of;
using fixtures::without_functions;
using fixtures::without_kinds;
using Ways = std::map<std::string, std::string>;

Ways best_ways() {
  return {{"process", "tracepoint raw_tp:sched_process_free"},
          {"fault", "fentry fexit:handle_mm_fault"},
          {"fault_entry", "tracepoint raw_tp:page_fault_kernel"},
          {"lock_call", "fentry fexit:__x64_sys_mprotect"},
          {"populate", "fentry fexit:__mm_populate"},
          {"page_lock", "fentry fentry:mlock_folio"},
          {"page_unlock", "fentry fentry:munlock_folio"},
          {"unevictable", "fentry raw_tp:mm_lru_insertion"},
          {"rescue", "fentry raw_tp:mm_lru_insertion"},
          {"vma_split", "fentry fexit:__split_vma"},
          {"vma_merge", "fentry fexit:commit_merge"}};
}

/// The capable kernel's ways, except for these.
Ways best_except(const Ways& changed) {
  Ways ways = changed;
  ways.merge(best_ways());
  return ways;
}

std::set<std::string_view> programs_of(const Plan& plan, std::string_view signal) {
  std::set<std::string_view> programs;
  for (const Probe& probe : plan.find(signal)->way->probes) programs.insert(probe.program);
  return programs;
}

/// Why the way with this kind and deciding probe was rejected; empty when it was not.
std::string rejection(const Plan& plan, std::string_view signal, std::string_view kind, std::string_view via) {
  for (const RejectedWay& rejected : plan.find(signal)->rejected) {
    if (rejected.way->kind == kind && rejected.way->via() == via) return rejected.reason;
  }
  return {};
}

// --- the capable kernel --------------------------------------------------------------------------------------------

TEST(Plan, CapableKernelMeasuresEverythingTheBestWay) {
  const Plan plan = plan_for(capable());
  EXPECT_EQ(ways_of(plan), best_ways());
  for (const PlannedSignal& planned : plan.signals) {
    EXPECT_TRUE(planned.wanted) << planned.signal->name;
    EXPECT_FALSE(planned.may_be_preempted) << planned.signal->name;
  }
  EXPECT_EQ(plan.find("fault")->remark(), "");
}

TEST(Plan, ListsSignalsInTheOrderOfTheTable) {
  const Plan plan = plan_for(capable());
  ASSERT_EQ(plan.signals.size(), all_signals().size());
  for (std::size_t i = 0; i < plan.signals.size(); ++i) EXPECT_EQ(plan.signals[i].signal, &all_signals()[i]);
}

TEST(Plan, ProbesAreListedOnceAndInTheOrderOfTheTable) {
  const Plan plan = plan_for(capable());
  const std::vector<Probe> probes = plan.probes();
  for (const Probe& probe : probes) EXPECT_EQ(std::ranges::count(probes, probe), 1) << probe.program;
  EXPECT_EQ(probes.front().program, "mlt_process_fork");
  // Shared by unevictable and rescue.
  EXPECT_EQ(std::ranges::count(probes, "mlt_lru_insertion", &Probe::program), 1);
  const auto place = [&](std::string_view program) { return std::ranges::find(probes, program, &Probe::program); };
  EXPECT_LT(place("mlt_fault_enter"), place("mlt_fault_exit"));
  EXPECT_LT(place("mlt_fault_exit"), place("mlt_mlock_fentry"));
}

TEST(Plan, UnknownNamesAreNotMeasured) {
  const Plan plan = plan_for(capable());
  EXPECT_EQ(plan.find("fualt"), nullptr);
  EXPECT_FALSE(plan.measures("fualt"));
}

// --- types and symbols ---------------------------------------------------------------------------------------------

TEST(PlanWithoutTypes, UsesKprobesAndKeepsTracepoints) {
  KernelFacts facts = capable();
  facts.no_btf = "no types here";
  facts.btf_functions.clear();
  facts.btf_tracepoints.clear();
  const Plan plan = plan_for(facts);
  EXPECT_EQ(ways_of(plan), best_except({{"fault", "kprobe kretprobe:handle_mm_fault"},
                                        {"lock_call", "kprobe kretprobe:__x64_sys_mprotect"},
                                        {"populate", "kprobe kretprobe:__mm_populate"},
                                        {"page_lock", "kprobe kprobe:mlock_folio"},
                                        {"page_unlock", "kprobe kprobe:munlock_folio"},
                                        {"unevictable", "kprobe raw_tp:mm_lru_insertion"},
                                        {"rescue", "kprobe raw_tp:mm_lru_insertion"},
                                        {"vma_split", "kprobe kretprobe:__split_vma"},
                                        {"vma_merge", "kprobe kretprobe:commit_merge"}}));
  EXPECT_EQ(rejection(plan, "fault", "fentry", "fexit:handle_mm_fault"), "no types here");
}

TEST(PlanWithoutTypes, NoKnowledgeAtAllIsNotNo) {
  KernelFacts facts = capable();
  facts.no_btf = "no types here";
  facts.btf_functions.clear();
  facts.btf_tracepoints.clear();
  facts.symbols.reset();
  const Plan plan = plan_for(facts);
  for (const PlannedSignal& planned : plan.signals) EXPECT_NE(planned.way, nullptr) << planned.signal->name;
  EXPECT_EQ(plan.find("page_lock")->way->kind, "kprobe");
  EXPECT_EQ(programs_of(plan, "page_lock"), (std::set<std::string_view>{"mlt_new_folio_kprobe", "mlt_folio_kprobe"}));
}

TEST(PlanSymbols, NotReadIsNotNo) {
  KernelFacts facts = capable();
  facts.symbols.reset();
  EXPECT_EQ(ways_of(plan_for(facts)), best_ways());
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
  EXPECT_EQ(ways_of(plan), best_except({{"fault", "kprobe kretprobe:handle_mm_fault"}}));
  EXPECT_EQ(rejection(plan, "fault", "fentry", "fexit:handle_mm_fault"),
            "this kernel's types have no function handle_mm_fault");
  EXPECT_NE(plan.find("fault")->remark().find("kretprobe loses"), std::string::npos);
}

TEST(PlanSymbols, TwoOfANameAreNotHookedByName) {
  KernelFacts facts = capable();
  (*facts.symbols)["handle_mm_fault"] = 2;
  const Plan plan = plan_for(facts);
  EXPECT_EQ(ways_of(plan), best_except({{"fault", "perf perf:major-faults"}}));
  EXPECT_EQ(rejection(plan, "fault", "fentry", "fexit:handle_mm_fault"), "this kernel has 2 functions handle_mm_fault");
  EXPECT_EQ(rejection(plan, "fault", "kprobe", "kretprobe:handle_mm_fault"),
            "this kernel has 2 functions handle_mm_fault");
}

// --- one function or tracepoint less -------------------------------------------------------------------------------

TEST(PlanWithoutFunction, FaultsFallBackToSoftwareEvents) {
  const Plan plan = plan_for(without_functions(capable(), {"handle_mm_fault"}));
  EXPECT_EQ(ways_of(plan), best_except({{"fault", "perf perf:major-faults"}}));
  EXPECT_TRUE(plan.find("fault")->way->approximate);
  EXPECT_NE(plan.find("fault")->remark().find("populate and remote faults"), std::string::npos);
}

TEST(PlanWithoutFunction, OneSystemCallTakesTheWholeWay) {
  const Plan plan = plan_for(without_functions(capable(), {"__x64_sys_mlock2"}));
  EXPECT_EQ(ways_of(plan), best_except({{"lock_call", "tracepoint tracepoint:syscalls/sys_exit_mprotect"}}));
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
            (std::set<std::string_view>{"mlt_flush_pages_fentry", "mlt_lru_insertion"}));
  EXPECT_EQ(programs_of(batch, "rescue"), (std::set<std::string_view>{"mlt_flush_pages_fentry", "mlt_lru_insertion"}));
}

TEST(PlanWithoutFunction, OldKernelsLockPagesWithoutBatches) {
  const KernelFacts facts =
      without_functions(capable(), {"mlock_new_folio", "mlock_new_page", "mlock_folio", "munlock_folio", "munlock_page",
                                    "mlock_folio_batch", "mlock_pagevec", "commit_merge", "vma_expand"});
  const Plan plan = plan_for(facts);
  EXPECT_EQ(ways_of(plan), best_except({{"page_lock", "fentry fentry:lru_cache_add_inactive_or_unevictable"},
                                        {"page_unlock", "fentry fentry:clear_page_mlock"},
                                        {"unevictable", "insertion raw_tp:mm_lru_insertion"},
                                        {"rescue", "insertion raw_tp:mm_lru_insertion"},
                                        {"vma_merge", "fentry fexit:__vma_adjust"}}));
  EXPECT_EQ(programs_of(plan, "unevictable"), std::set<std::string_view>{"mlt_lru_insertion_old"});
  EXPECT_NE(plan.find("page_unlock")->remark().find("still_locked_elsewhere"), std::string::npos);
}

TEST(PlanWithoutFunction, InsertionIsRightOnOldKernelsOnly) {
  const Plan plan = plan_for(without_functions(capable(), {"mlock_folio_batch", "mlock_pagevec", "mlock_vma_page"}));
  EXPECT_EQ(ways_of(plan), best_except({{"unevictable", "tracepoint raw_tp:mm_lru_insertion"}, {"rescue", "off"}}));
  EXPECT_TRUE(plan.find("unevictable")->way->approximate);
  EXPECT_EQ(rejection(plan, "rescue", "insertion", "raw_tp:mm_lru_insertion"),
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

TEST(PlanWithoutTracepoint, FaultClocksStartLater) {
  for (const char* tracepoint : {"page_fault_user", "page_fault_kernel"}) {
    KernelFacts facts = capable();
    facts.btf_tracepoints.erase(tracepoint);
    const Plan plan = plan_for(facts);
    EXPECT_EQ(ways_of(plan), best_except({{"fault_entry", "off"}}));
    EXPECT_EQ(plan.find("fault_entry")->remark(), std::string("this kernel has no tracepoint ") + tracepoint);
  }
}

TEST(PlanWithoutTracepoint, NoInsertionsNoPageMoves) {
  KernelFacts facts = capable();
  facts.btf_tracepoints.erase("mm_lru_insertion");
  EXPECT_EQ(ways_of(plan_for(facts)), best_except({{"unevictable", "off"}, {"rescue", "off"}}));
}

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

TEST(PlanRefused, KprobesAreNotMissedWhereFentryWorks) {
  EXPECT_EQ(ways_of(plan_for(without_kinds(capable(), {"kprobe"}))), best_ways());
}

TEST(PlanRefused, NoFunctionsCanBeHooked) {
  const Plan plan = plan_for(without_kinds(capable(), {"fentry", "kprobe"}));
  // Alone on an old kernel do insertions tell of page moves, and only beside page_lock.
  EXPECT_EQ(ways_of(plan), best_except({{"fault", "perf perf:major-faults"},
                                        {"lock_call", "tracepoint tracepoint:syscalls/sys_exit_mprotect"},
                                        {"populate", "off"},
                                        {"page_lock", "off"},
                                        {"page_unlock", "off"},
                                        {"unevictable", "tracepoint raw_tp:mm_lru_insertion"},
                                        {"rescue", "off"},
                                        {"vma_split", "off"},
                                        {"vma_merge", "off"}}));
  EXPECT_EQ(rejection(plan, "rescue", "insertion", "raw_tp:mm_lru_insertion"), "needs page_unlock, which is off");
  EXPECT_EQ(rejection(plan, "unevictable", "insertion", "raw_tp:mm_lru_insertion"), "needs page_lock, which is off");
}

TEST(PlanRefused, RawTracepointsAreTheLastWayToSystemCalls) {
  const Plan plan = plan_for(without_kinds(capable(), {"fentry", "kprobe", "tracepoint"}));
  EXPECT_EQ(ways_of(plan)["lock_call"], "raw raw_tp:sys_exit");
  EXPECT_EQ(ways_of(plan)["fault"], "perf perf:major-faults");
}

TEST(PlanRefused, RawTracepoints) {
  EXPECT_EQ(ways_of(plan_for(without_kinds(capable(), {"raw_tp"}))),
            best_except({{"process", "off"}, {"fault_entry", "off"}, {"unevictable", "off"}, {"rescue", "off"}}));
}

TEST(PlanRefused, OneProgramTakesItsWayOnly) {
  KernelFacts facts = capable();
  facts.refused_programs["mlt_fault_exit"] = "the verifier said no";
  const Plan plan = plan_for(facts);
  EXPECT_EQ(ways_of(plan), best_except({{"fault", "kprobe kretprobe:handle_mm_fault"}}));
  EXPECT_EQ(rejection(plan, "fault", "fentry", "fexit:handle_mm_fault"), "the verifier said no");
}

TEST(PlanRefused, ASharedProgramTakesAllItsWays) {
  KernelFacts facts = without_functions(capable(), {"mlock_vma_page"});
  facts.refused_programs["mlt_lru_insertion"] = "the verifier said no";
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
  EXPECT_EQ(ways_of(plan), best_except({{"page_lock", "off"}, {"unevictable", "tracepoint raw_tp:mm_lru_insertion"}}));
  EXPECT_EQ(rejection(plan, "unevictable", "fentry", "raw_tp:mm_lru_insertion"), "needs page_lock, which is off");
  EXPECT_FALSE(plan.find("unevictable")->remark().empty());
}

TEST(PlanNeedsSignal, RescuesNeedUnlocks) {
  const Plan plan = plan_for(without_functions(capable(), {"munlock_folio", "munlock_page", "__munlock_pagevec"}));
  EXPECT_EQ(ways_of(plan), best_except({{"page_unlock", "off"}, {"rescue", "off"}}));
}

TEST(PlanNeedsSignal, ASignalThatWasNotAskedForIsOff) {
  const Plan plan = plan_for(capable(), "unevictable");
  EXPECT_EQ(ways_of(plan)["unevictable"], "tracepoint raw_tp:mm_lru_insertion");
  EXPECT_EQ(ways_of(plan_for(capable(), "unevictable,page_lock"))["unevictable"], "fentry raw_tp:mm_lru_insertion");
}

// --- kernels that preempt in kernel mode ---------------------------------------------------------------------------

TEST(PlanPreemptible, HandlersThatAreNotPreemptedComeFirst) {
  KernelFacts facts = capable();
  facts.preemptible = true;
  const Plan plan = plan_for(facts);
  EXPECT_EQ(ways_of(plan), best_except({{"fault", "multi kretprobe.multi:handle_mm_fault"},
                                        {"lock_call", "multi kretprobe.multi:__x64_sys_mprotect"},
                                        {"populate", "multi kretprobe.multi:__mm_populate"},
                                        {"page_lock", "multi kprobe.multi:mlock_folio"},
                                        {"page_unlock", "multi kprobe.multi:munlock_folio"},
                                        {"unevictable", "multi raw_tp:mm_lru_insertion"},
                                        {"rescue", "multi raw_tp:mm_lru_insertion"},
                                        {"vma_split", "multi kretprobe.multi:__split_vma"},
                                        {"vma_merge", "multi kretprobe.multi:commit_merge"}}));
  for (const PlannedSignal& planned : plan.signals) EXPECT_FALSE(planned.may_be_preempted) << planned.signal->name;
  EXPECT_EQ(plan.find("fault")->remark(), "");
}

TEST(PlanPreemptible, TheDearerWayIsNotTakenWithoutNeed) {
  const Plan plan = plan_for(capable());
  EXPECT_EQ(rejection(plan, "fault", "multi", "kretprobe.multi:handle_mm_fault"),
            "dearer, and not needed: this kernel does not preempt probes");
}

TEST(PlanPreemptible, LostReturnsAreWorseThanSkippedProbes) {
  KernelFacts facts = capable();
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
  // The way's own limits come first.
  EXPECT_TRUE(plan.find("lock_call")->may_be_preempted);
  EXPECT_NE(plan.find("lock_call")->remark().find("32-bit"), std::string::npos);
}

TEST(PlanPreemptible, EveryFentryMayBePreempted) {
  KernelFacts facts = without_kinds(capable(), {"multi"});
  facts.preemptible = true;
  const Plan plan = plan_for(facts);
  EXPECT_EQ(ways_of(plan), best_ways());
  for (const PlannedSignal& planned : plan.signals) {
    const bool has_fentry =
        std::ranges::any_of(planned.way->probes, [](const Probe& probe) { return hook_kind(probe.hook) == "fentry"; });
    EXPECT_EQ(planned.may_be_preempted, has_fentry) << planned.signal->name;
  }
}

TEST(PlanPreemptible, KprobesAreNotPreempted) {
  KernelFacts facts = without_kinds(capable(), {"multi", "fentry"});
  facts.preemptible = true;
  const Plan plan = plan_for(facts);
  EXPECT_EQ(plan.find("fault")->way->kind, "kprobe");
  for (const PlannedSignal& planned : plan.signals) EXPECT_FALSE(planned.may_be_preempted) << planned.signal->name;
}

TEST(PlanPreemptible, MultiNeedsTheFunctionToo) {
  KernelFacts facts = without_functions(capable(), {"commit_merge"});
  facts.preemptible = true;
  const Plan plan = plan_for(facts);
  EXPECT_EQ(ways_of(plan)["vma_merge"], "fentry fexit:vma_expand");
  EXPECT_TRUE(plan.find("vma_merge")->may_be_preempted);
  EXPECT_EQ(ways_of(plan)["vma_split"], "multi kretprobe.multi:__split_vma");
}

// --- --signals -----------------------------------------------------------------------------------------------------

TEST(PlanSignals, OnlyWhatWasAskedForAndWhatEverythingNeeds) {
  const Plan plan = plan_for(capable(), "fault,vma_split");
  for (const PlannedSignal& planned : plan.signals) {
    const std::string_view name = planned.signal->name;
    const bool expected = name == "process" || name == "fault" || name == "vma_split";
    EXPECT_EQ(planned.way != nullptr, expected) << name;
    EXPECT_EQ(planned.wanted, expected) << name;
    EXPECT_EQ(planned.remark(), expected ? "" : "left out: not named by --signals") << name;
  }
  EXPECT_EQ(plan.probes().size(), 4U + 2U + 2U);
}

TEST(PlanSignals, AKindIsTakenEvenWhereABetterOneIs) {
  const Plan plan = plan_for(capable(), "fault:kprobe,lock_call");
  EXPECT_EQ(ways_of(plan)["fault"], "kprobe kretprobe:handle_mm_fault");
  EXPECT_EQ(rejection(plan, "fault", "fentry", "fexit:handle_mm_fault"), "not asked for");
  EXPECT_EQ(ways_of(plan)["lock_call"], "fentry fexit:__x64_sys_mprotect");
}

TEST(PlanSignals, AKindKeepsItsOwnLadder) {
  EXPECT_EQ(ways_of(plan_for(without_functions(capable(), {"commit_merge"}), "vma_merge:kprobe"))["vma_merge"],
            "kprobe kretprobe:__vma_adjust");
}

TEST(PlanSignals, NoOtherKindStepsIn) {
  const Plan plan = plan_for(without_kinds(capable(), {"kprobe"}), "fault:kprobe,lock_call");
  EXPECT_EQ(ways_of(plan)["fault"], "off");
  EXPECT_TRUE(plan.find("fault")->wanted);
  EXPECT_EQ(rejection(plan, "fault", "kprobe", "kretprobe:handle_mm_fault"), "this kernel has no kprobe");
}

// kprobe and kprobe.multi share programs, and a program is loaded as one of the two.
TEST(PlanSignals, AProgramIsAttachedByOneHook) {
  KernelFacts facts = capable();
  facts.preemptible = true;
  const Plan plan = plan_for(facts, "page_lock,page_unlock,unevictable:kprobe,rescue");
  std::map<std::string_view, Hook> hooks;
  for (const Probe& probe : plan.probes())
    EXPECT_EQ(hooks.emplace(probe.program, probe.hook).first->second, probe.hook) << probe.program;
}

// --- nothing to measure --------------------------------------------------------------------------------------------

TEST(PlanUnsupported, NothingCanBeAttached) {
  const auto plan =
      make_plan({}, without_kinds(capable(), {"fentry", "kprobe", "multi", "tracepoint", "raw_tp", "perf"}));
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().status, ExitStatus::unsupported);
  EXPECT_NE(plan.error().what.find("nothing can be attached on this kernel"), std::string::npos);
  // One reason stands for all.
  EXPECT_NE(plan.error().what.find("fault: this kernel has no perf"), std::string::npos) << plan.error().what;
  EXPECT_NE(plan.error().hint.find("mlocktrace probes"), std::string::npos);
}

TEST(PlanUnsupported, ProcessesAloneAreNotWorthATrace) {
  const KernelFacts facts = without_functions(capable(), {"populate_vma_page_range"});
  const auto plan = make_plan({{{"process", ""}, {"populate", ""}}}, facts);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().status, ExitStatus::unsupported);
  EXPECT_NE(plan.error().what.find("(populate: this kernel has no function populate_vma_page_range)"),
            std::string::npos)
      << plan.error().what;
}

TEST(PlanUnsupported, OneSignalIsEnough) {
  EXPECT_EQ(ways_of(plan_for(without_kinds(capable(), {"fentry", "kprobe", "multi", "tracepoint", "raw_tp"})))["fault"],
            "perf perf:major-faults");
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
  const KernelFacts facts = without_kinds(capable(), {"fentry", "kprobe"});
  EXPECT_EQ(unavailable({"p", Hook::fexit, "handle_mm_fault"}, facts), "this kernel has no fentry");
  EXPECT_EQ(unavailable({"p", Hook::kretprobe, "handle_mm_fault"}, facts), "this kernel has no kprobe");
  EXPECT_EQ(unavailable({"p", Hook::multi_return, "handle_mm_fault"}, facts), "");
  EXPECT_EQ(unavailable({"p", Hook::perf_minor, "minor-faults"}, facts), "");
}

// --- parse_signals -------------------------------------------------------------------------------------------------

TEST(ParseSignals, NamesAndKinds) {
  const auto wishes = parse_signals("fault:kprobe,lock_call");
  ASSERT_TRUE(wishes);
  ASSERT_EQ(wishes->size(), 2U);
  EXPECT_EQ((*wishes)[0].name, "fault");
  EXPECT_EQ((*wishes)[0].kind, "kprobe");
  EXPECT_EQ((*wishes)[1].name, "lock_call");
  EXPECT_EQ((*wishes)[1].kind, "");
}

TEST(ParseSignals, ErrorsNameTheMistakeAndTheChoice) {
  const auto unknown = parse_signals("fault,fualt");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().status, ExitStatus::usage);
  EXPECT_EQ(unknown.error().what, "unknown signal 'fualt'");
  for (const Signal& signal : all_signals())
    EXPECT_NE(unknown.error().hint.find(signal.name), std::string::npos) << signal.name;

  const auto kind = parse_signals("populate:perf");
  ASSERT_FALSE(kind);
  EXPECT_EQ(kind.error().status, ExitStatus::usage);
  EXPECT_EQ(kind.error().what, "signal 'populate' cannot be measured by 'perf'");

  for (const char* list : {"", ",", "fault,,populate", ",fault", "FAULT", " fault", "fault:fentry:kprobe"}) {
    const auto wishes = parse_signals(list);
    ASSERT_FALSE(wishes) << list;
    EXPECT_EQ(wishes.error().status, ExitStatus::usage) << list;
  }
}

}  // namespace
}  // namespace mlt
