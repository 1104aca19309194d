// The part of the report that tells how well it was measured, and what happened outside the processes.
#include <gtest/gtest.h>

#include <algorithm>

#include "analysis/trace.h"

namespace mlt {
namespace {

using fixtures::capable;
using fixtures::faults;
using fixtures::process;
using fixtures::Trace;
using fixtures::without_functions;
using fixtures::without_kinds;

SignalCoverage coverage_of(const Report& report, std::string_view name) {
  const auto& signals = report.coverage.signals;
  const auto found = std::ranges::find(signals, name, &SignalCoverage::name);
  if (found != signals.end()) return *found;
  ADD_FAILURE() << "no signal " << name;
  return {};
}

TEST(BuildCoverage, ExactPartialOff) {
  Trace trace(without_functions(capable(), {"__mm_populate"}));
  const Report report = build_report(trace.data);
  EXPECT_EQ(report.coverage.signals.size(), all_signals().size());
  const SignalCoverage fault = coverage_of(report, "fault");
  EXPECT_EQ(fault.state, SignalState::exact);
  EXPECT_EQ(fault.via, "fexit:handle_mm_fault");
  EXPECT_EQ(fault.limits, "");
  const SignalCoverage call = coverage_of(report, "lock_call");
  EXPECT_EQ(call.state, SignalState::partial);
  EXPECT_EQ(call.limits, "calls of 32-bit programs are not seen");
  const SignalCoverage populate = coverage_of(report, "populate");
  EXPECT_EQ(populate.state, SignalState::off);
  EXPECT_EQ(populate.via, "");
  EXPECT_NE(populate.limits, "");
}

TEST(BuildCoverage, AWayThatMayBePreemptedIsPartial) {
  KernelFacts facts = without_kinds(capable(), {"multi", "kprobe"});
  facts.preemptible = true;
  Trace trace(facts);
  EXPECT_EQ(coverage_of(build_report(trace.data), "fault").state, SignalState::partial);
}

TEST(BuildCoverage, OldKernelsSeeAPartOfWhatReclaimMeets) {
  Trace trace(without_functions(capable(), {"mlock_folio", "munlock_folio", "munlock_page"}));
  const Report report = build_report(trace.data);
  EXPECT_EQ(coverage_of(report, "reclaim_met").state, SignalState::partial);
  EXPECT_EQ(coverage_of(report, "reclaim_met").limits, "passes over the active list are not seen on this kernel");
  EXPECT_EQ(coverage_of(report, "page_lock").state, SignalState::exact);
  EXPECT_EQ(coverage_of(report, "page_unlock").state, SignalState::exact);
}

TEST(BuildCoverage, PagesThatNoProbeSawMakeReclaimPartial) {
  const auto met = [](std::int64_t culled, std::string_view signals = {}) {
    Trace trace(capable(), signals);
    trace.data.vmstat_start["unevictable_pgs_culled"] = 0;
    trace.data.vmstat_end["unevictable_pgs_culled"] = culled;
    return coverage_of(build_report(trace.data), "reclaim_met");
  };
  EXPECT_EQ(met(62).state, SignalState::exact);
  EXPECT_EQ(met(62).limits, "");
  EXPECT_EQ(met(63).state, SignalState::partial);
  EXPECT_EQ(met(63).limits, "this kernel made 63 pages unevictable where nothing can be hooked");
  EXPECT_EQ(met(63).via, "fentry:mlock_folio");
  // Off stays off, and says why.
  EXPECT_EQ(met(63, "unevictable,page_lock").state, SignalState::off);
  EXPECT_EQ(met(63, "unevictable,page_lock").limits, "left out: not named by --signals");
}

// Where only a part of the moves is looked for, the rest tells nothing of reclaim.
TEST(BuildCoverage, MovesThatWereNotLookedForAreNotUnhookable) {
  Trace trace(without_functions(capable(), {"mlock_folio_batch", "mlock_pagevec", "mlock_vma_page"}));
  ASSERT_TRUE(trace.plan.find("unevictable")->way->approximate);
  trace.data.vmstat_start["unevictable_pgs_culled"] = 0;
  trace.data.vmstat_end["unevictable_pgs_culled"] = 100'000;
  EXPECT_EQ(coverage_of(build_report(trace.data), "reclaim_met").state, SignalState::exact);
}

TEST(BuildCoverage, LossOfEveryKind) {
  Trace trace;
  EXPECT_FALSE(build_report(trace.data).coverage.lost.any());
  trace.data.counts.stats.ring_full = 1;
  trace.data.counts.stats.thread_full = 2;
  trace.data.counts.stats.block_full = 4;
  trace.data.counts.stats.proc_full = 8;
  trace.data.counts.stats.moving_full = 16;
  trace.data.counts.stats.stack_full = 32;
  trace.data.counts.skipped_runs = 100;
  trace.add(process(1, 42)).proc.missed_returns = 20;
  trace.add(process(2, 43)).proc.missed_returns = 3;
  const Lost lost = build_report(trace.data).coverage.lost;
  EXPECT_EQ(lost.events, 1U);
  EXPECT_EQ(lost.map_full, 62U);
  EXPECT_EQ(lost.missed_probes, 123U);
  EXPECT_TRUE(lost.any());
}

TEST(BuildCoverage, HasTheAudit) {
  Trace trace;
  trace.add(process(1, 42));
  const auto checks = build_report(trace.data).coverage.audit;
  EXPECT_TRUE(std::ranges::find(checks, "faults of 42", &AuditCheck::check) != checks.end());
}

TEST(BuildSystem, MemoryHighInTheWindow) {
  Trace trace;
  EXPECT_TRUE(build_report(trace.data).system.memory_high.empty());
  CgroupViews& cgroup = trace.data.cgroup.emplace();
  cgroup.high_start = {{"/a/b", 4096, 10, 500}, {"/a", 8192, 3, {}}, {"/gone", 1, 1, 1}};
  cgroup.high_end = {{"/a/b", 5000, 14, 900}, {"/a", 8192, 3, 70}, {"/new", 1, 1, 1}};
  const auto limits = build_report(trace.data).system.memory_high;
  ASSERT_EQ(limits.size(), 2U) << "no start to count from, no end to count to";
  EXPECT_EQ(limits[0].cgroup, "/a/b");
  EXPECT_EQ(limits[0].limit_bytes, 5000U);
  EXPECT_EQ(limits[0].exceeded, 4U);
  EXPECT_EQ(limits[0].stalled_ns, 400U);
  EXPECT_EQ(limits[1].exceeded, 0U);
  EXPECT_EQ(limits[1].stalled_ns, std::nullopt);
}

TEST(BuildSystem, WhatChanged) {
  Trace trace;
  trace.data.vmstat_start = {{"pgfault", 100}, {"nr_mlock", 50}, {"nr_unevictable", 5}};
  trace.data.vmstat_end = {{"pgfault", 130}, {"nr_mlock", 20}, {"nr_unevictable", 5}, {"new", 3}};
  trace.data.counts.stats.other_unevictable = 7;
  const System system = build_report(trace.data).system;
  EXPECT_EQ(system.vmstat, (std::map<std::string, std::int64_t>{{"pgfault", 30}, {"nr_mlock", -30}}));
  EXPECT_EQ(system.other_unevictable_pages, 7U);
  EXPECT_EQ(system.unevictable_pages, 5U);
  Trace without(capable(), "fault");
  EXPECT_EQ(build_report(without.data).system.other_unevictable_pages, std::nullopt);
}

}  // namespace
}  // namespace mlt
