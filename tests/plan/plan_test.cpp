#include "plan/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "plan/ways.h"

namespace mlt {
namespace {

using fixtures::best_ways;
using fixtures::capable;
using fixtures::plan_for;
using fixtures::rejection;
using fixtures::ways_of;
using fixtures::without_functions;
using fixtures::without_kinds;
using fixtures::without_types;

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
  EXPECT_EQ(std::ranges::count(probes, "mlt_lru_add_fentry", &Probe::program), 1);
  const auto place = [&](std::string_view program) { return std::ranges::find(probes, program, &Probe::program); };
  EXPECT_LT(place("mlt_fault_enter"), place("mlt_fault_exit"));
  EXPECT_LT(place("mlt_fault_exit"), place("mlt_mlock_fentry"));
}

TEST(Plan, BirthsAreHookedTwiceWhereProbesArePreempted) {
  KernelFacts facts = capable();
  const auto births = [&] {
    std::vector<std::string_view> programs;
    for (const Probe& probe : plan_for(facts).probes()) {
      if (probe.target == "sched_process_fork") programs.push_back(probe.program);
    }
    return programs;
  };
  EXPECT_EQ(births(), (std::vector<std::string_view>{"mlt_process_fork"}));
  facts.preemptible = true;
  EXPECT_EQ(births(), (std::vector<std::string_view>{"mlt_process_fork", "mlt_process_fork_again"}));
}

TEST(Plan, UnknownNamesAreNotMeasured) {
  const Plan plan = plan_for(capable());
  EXPECT_EQ(plan.find("fualt"), nullptr);
  EXPECT_FALSE(plan.measures("fualt"));
}

// --- early and late ------------------------------------------------------------------------------------------------

/// Kernels on which different ways are taken.
std::vector<KernelFacts> kernels() {
  std::vector<KernelFacts> all = {
      capable(), capable(), without_types(capable()), without_kinds(capable(), {"fentry", "kprobe"}),
      without_functions(capable(),
                        {"swap_writeout", "mlock_new_folio", "swap_dup_entry_direct", "swap_put_entries_direct"})};
  all[1].preemptible = true;
  return all;
}

TEST(PlanParts, AreAllAndDisjoint) {
  for (const KernelFacts& facts : kernels()) {
    const Plan plan = plan_for(facts);
    const std::vector<Probe> early = plan.probes(Plan::Part::early);
    const std::vector<Probe> late = plan.probes(Plan::Part::late);
    EXPECT_FALSE(early.empty());
    EXPECT_FALSE(late.empty());
    for (const Probe& probe : early) EXPECT_EQ(std::ranges::count(late, probe), 0) << probe.program;
    std::vector<Probe> both = early;
    both.insert(both.end(), late.begin(), late.end());
    // In the order of the table, too: the early signals are its first.
    EXPECT_EQ(both, plan.probes());
    EXPECT_EQ(plan.probes(Plan::Part::all), plan.probes());
  }
}

TEST(PlanParts, EarlyIsWhatCountsFaults) {
  const Plan plan = plan_for(capable());
  std::set<std::string_view> programs;
  for (const Probe& probe : plan.probes(Plan::Part::early)) programs.insert(probe.program);
  EXPECT_EQ(programs,
            (std::set<std::string_view>{"mlt_process_fork", "mlt_process_exec", "mlt_process_exit", "mlt_process_free",
                                        "mlt_find_threads", "mlt_fault_enter", "mlt_fault_exit", "mlt_exceptions",
                                        "mlt_exceptions", "mlt_migration_fentry", "mlt_pmd_migration_fentry"}));
}

TEST(PlanParts, OnePartMayBeEmpty) {
  const Plan plan = plan_for(capable(), "fault");
  EXPECT_TRUE(plan.probes(Plan::Part::late).empty());
  EXPECT_EQ(plan.probes(Plan::Part::early), plan.probes());
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
  EXPECT_EQ(plan.probes().size(), 5U + 2U + 2U);
}

// It would cost every system call of whoever runs under a filter.
TEST(PlanSignals, FilteredCallsAreLookedForWhereThereIsAFilterOrByName) {
  const auto planned = [](const PlanOptions& options) {
    const auto plan = make_plan(options, capable());
    EXPECT_TRUE(plan) << plan.error().message();
    return *plan->find("filtered_call");
  };
  EXPECT_NE(planned({{}, true}).way, nullptr);
  EXPECT_NE(planned({{{"filtered_call", ""}}, false}).way, nullptr);
  const PlannedSignal needless = planned({});
  EXPECT_EQ(needless.way, nullptr);
  EXPECT_TRUE(needless.wanted);
  EXPECT_EQ(needless.remark(), "no process that is traced by number or cgroup ran under a seccomp filter");
  EXPECT_EQ(planned({{{"fault", ""}}, false}).remark(), "left out: not named by --signals");
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

// reclaim_met looks at page_lock's events, and rescue at those of unevictable: two programs would count them twice.
TEST(PlanSignals, SharedFunctionsAreHookedOnce) {
  const KernelFacts facts = without_functions(capable(), {"mlock_vma_page", "mlock_pagevec"});
  const Plan locks = plan_for(facts, "page_lock:kprobe,reclaim_met");
  EXPECT_EQ(ways_of(locks)["page_lock"], "kprobe kprobe:mlock_folio");
  EXPECT_EQ(ways_of(locks)["reclaim_met"], "kprobe kprobe:mlock_folio");
  EXPECT_EQ(rejection(locks, "reclaim_met", "fentry", "fentry:mlock_folio"),
            "page_lock hooks mlock_new_folio by kprobe");
  const Plan moves = plan_for(facts, "page_lock,page_unlock:kprobe,unevictable:kprobe,rescue");
  EXPECT_EQ(ways_of(moves)["rescue"], "kprobe kprobe:mlock_folio_batch");
  EXPECT_EQ(rejection(moves, "rescue", "fentry", "fentry:mlock_folio_batch"), "unevictable hooks lru_add by kprobe");
  const Plan both = plan_for(facts, "page_lock:kprobe,reclaim_met:fentry");
  EXPECT_EQ(ways_of(both)["reclaim_met"], "off");
  EXPECT_EQ(both.find("reclaim_met")->remark(), "page_lock hooks mlock_new_folio by kprobe");
}

// Where it is not seen who locks a page, the list's insertions are looked at by a program of their own: by no other.
TEST(PlanSignals, OneProgramAtTheListsInsertions) {
  const Plan plan = plan_for(without_functions(capable(), {"mlock_folio", "mlock_vma_page"}));
  EXPECT_EQ(ways_of(plan)["page_lock"], "off");
  EXPECT_NE(ways_of(plan)["rescue"], "off");
  const auto probes = plan.probes();
  EXPECT_EQ(std::ranges::count(probes, "mm_lru_insertion", &Probe::target), 1);
}

// --- nothing to measure --------------------------------------------------------------------------------------------

TEST(PlanUnsupported, NothingCanBeAttached) {
  const auto plan =
      make_plan({}, without_kinds(capable(), {"fentry", "kprobe", "multi", "tracepoint", "raw_tp", "iter", "perf"}));
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

// Whoever tries one way after another wants to know why each can't be had.
TEST(PlanUnsupported, APlanOfNothingMayBeWanted) {
  const KernelFacts facts = without_functions(capable(), {"populate_vma_page_range"});
  const auto plan = make_plan({{{"populate", ""}}, false, true}, facts);
  ASSERT_TRUE(plan) << plan.error().message();
  EXPECT_FALSE(plan->useful());
  EXPECT_FALSE(plan->measures("populate"));
  EXPECT_TRUE(plan->measures("process"));
}

TEST(PlanUnsupported, OneSignalIsEnough) {
  EXPECT_EQ(ways_of(plan_for(
                without_kinds(capable(), {"fentry", "kprobe", "multi", "tracepoint", "raw_tp", "iter"})))["fault"],
            "perf perf:major-faults");
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
