#include "analysis/build_report.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "analysis/trace.h"

namespace mlt {
namespace {

using fixtures::call_event;
using fixtures::capable;
using fixtures::class_id;
using fixtures::faults;
using fixtures::kStartNs;
using fixtures::process;
using fixtures::snapshot;
using fixtures::Trace;
using fixtures::without_functions;
using fixtures::without_kinds;

Process only_process(const Trace& trace) {
  Report report = build_report(trace.data);
  if (report.processes.size() == 1) return std::move(report.processes.front());
  ADD_FAILURE() << report.processes.size() << " processes";
  return {};
}

TEST(BuildReport, TheTraceItself) {
  Trace trace;
  trace.data.target = {"pid", {42}, "", true};
  const Report report = build_report(trace.data);
  EXPECT_EQ(report.tool_version, "test");
  EXPECT_EQ(report.host.kernel, "6.1.0-test");
  EXPECT_EQ(report.window.start_unix_ns, 1'700'000'000'000'000'000U);
  EXPECT_EQ(report.window.duration_ns, 10'000'000'000U);
  EXPECT_EQ(report.target.pids, std::vector<std::uint32_t>{42});
  EXPECT_TRUE(report.processes.empty());
}

// --- faults --------------------------------------------------------------------------------------------------------

TEST(BuildFaults, ByOriginIsTheSumOfItsClasses) {
  Trace trace;
  ProcessCounts& counts = trace.add(process(1, 42));
  counts.by_class[class_id(MLT_ORIGIN_ACCESS, MLT_UNLOCKED)] = faults(10, 1);
  counts.by_class[class_id(MLT_ORIGIN_ACCESS, MLT_LOCKED)] = faults(20, 2);
  counts.by_class[class_id(MLT_ORIGIN_POPULATE, MLT_LOCKED_ON_FAULT)] = faults(5);
  const Faults built = only_process(trace).faults;
  ASSERT_TRUE(built.by_origin[MLT_ORIGIN_ACCESS] && built.by_origin[MLT_ORIGIN_POPULATE]);
  EXPECT_EQ(built.by_origin[MLT_ORIGIN_ACCESS]->minor, 30U);
  EXPECT_EQ(built.by_origin[MLT_ORIGIN_ACCESS]->major, 3U);
  EXPECT_EQ(built.by_origin[MLT_ORIGIN_ACCESS]->latency.count(), 33U);
  EXPECT_EQ(built.by_origin[MLT_ORIGIN_POPULATE]->minor, 5U);
  // Seen to be none, not unknown.
  ASSERT_TRUE(built.by_origin[MLT_ORIGIN_REMOTE]);
  EXPECT_EQ(built.by_origin[MLT_ORIGIN_REMOTE]->completed(), 0U);
}

TEST(BuildFaults, ClassNumbersAreTakenApart) {
  Trace trace;
  ProcessCounts& counts = trace.add(process(1, 42));
  std::vector<FaultClass> expected;
  for (int origin = 0; origin < MLT_ORIGIN_NR; ++origin) {
    for (int locked = 0; locked < MLT_LOCK_STATE_NR; ++locked) {
      expected.push_back({static_cast<mlt_origin>(origin), static_cast<mlt_lock_state>(locked), MLT_CAUSE_UNKNOWN});
      counts.by_class[class_id(expected.back().origin, expected.back().locked)] = faults(1);
    }
  }
  std::vector<FaultClass> built;
  for (const ClassFaults& of_class : only_process(trace).faults.by_class) built.push_back(of_class.fault_class);
  std::ranges::sort(built);
  EXPECT_EQ(built, expected);
}

TEST(BuildFaults, ClassesByTimeAndThreadsByCount) {
  Trace trace;
  ProcessCounts& counts = trace.add(process(1, 42));
  counts.by_class[class_id(MLT_ORIGIN_ACCESS, MLT_UNLOCKED)] = faults(100, 0, 10);
  counts.by_class[class_id(MLT_ORIGIN_REMOTE, MLT_UNLOCKED)] = faults(2, 0, 5000);
  counts.by_thread[1] = faults(3);
  counts.by_thread[2] = faults(1, 8);
  counts.by_thread[3] = faults(5);
  const Faults built = only_process(trace).faults;
  ASSERT_EQ(built.by_class.size(), 2U);
  EXPECT_EQ(built.by_class[0].fault_class.origin, MLT_ORIGIN_REMOTE);
  std::vector<std::uint32_t> tids;
  for (const ThreadFaults& thread : built.by_thread) tids.push_back(thread.tid);
  EXPECT_EQ(tids, (std::vector<std::uint32_t>{2, 3, 1}));
}

TEST(BuildFaults, SoftwareEventsSeeHardwareFaultsOnly) {
  Trace trace(without_kinds(capable(), {"fentry", "kprobe"}));
  trace.add(process(1, 42));
  const Faults built = only_process(trace).faults;
  EXPECT_TRUE(built.by_origin[MLT_ORIGIN_ACCESS]);
  EXPECT_TRUE(built.by_origin[MLT_ORIGIN_KERNEL]);
  EXPECT_FALSE(built.by_origin[MLT_ORIGIN_POPULATE]);
  EXPECT_FALSE(built.by_origin[MLT_ORIGIN_REMOTE]);
}

TEST(BuildFaults, NothingIsKnownWithoutTheSignal) {
  Trace trace(capable(), "lock_call");
  trace.add(process(1, 42));
  for (const auto& totals : only_process(trace).faults.by_origin) EXPECT_FALSE(totals);
}

// --- lock calls ----------------------------------------------------------------------------------------------------

TEST(BuildLocks, ACall) {
  Trace trace;
  trace.add(process(1, 42));
  mlt_event_call event = call_event(MLT_CALL_MLOCK2, {0x7f0000000000, 8 << 20, MLOCK_ONFAULT}, -EPERM);
  event.head.ns = kStartNs + 5'000;
  event.head.tid = 43;
  event.duration_ns = 2'000;
  event.populate_ns = 1'500;
  event.populated_pages = 7;
  event.vma_splits = 2;
  event.vma_merges = 1;
  event.locked_pages = 3;
  trace.data.events[1].add(event.head);
  trace.data.events[1].calls_not_kept = 9;
  trace.data.views[42].end = snapshot(0);
  trace.data.views[42].end->memlock_limit = 0;
  const Locks locks = only_process(trace).locks;
  ASSERT_EQ(locks.calls.size(), 1U);
  const LockCall& call = locks.calls[0];
  EXPECT_EQ(call.start_ns, 3'000U);  // since the trace began; the event's time is the call's end
  EXPECT_EQ(call.tid, 43U);
  EXPECT_EQ(call.call, MLT_CALL_MLOCK2);
  EXPECT_EQ(call.name, "mlock2");
  EXPECT_EQ(call.args, "0x7f0000000000, 8 MiB, MLOCK_ONFAULT");
  EXPECT_EQ(call.ret, -EPERM);
  EXPECT_EQ(call.duration_ns, 2'000U);
  EXPECT_EQ(call.populate_ns, 1'500U);
  EXPECT_EQ(call.pages_populated, 7U);
  EXPECT_EQ(call.vma_splits, 2U);
  EXPECT_EQ(call.vma_merges, 1U);
  EXPECT_EQ(call.locked_bytes_after, 12288U);
  EXPECT_EQ(call.explain, "RLIMIT_MEMLOCK is 0 and the thread lacks CAP_IPC_LOCK");
  EXPECT_EQ(locks.calls_not_kept, 9U);
}

TEST(BuildLocks, ACallThatBeganBeforeTheTrace) {
  Trace trace;
  trace.add(process(1, 42));
  mlt_event_call event = call_event(MLT_CALL_MLOCK);
  event.head.ns = kStartNs + 10;
  event.duration_ns = 1'000;
  trace.data.events[1].add(event.head);
  EXPECT_EQ(only_process(trace).locks.calls.at(0).start_ns, 0U);
}

TEST(BuildLocks, TotalsOfKindsThatHappened) {
  Trace trace;
  ProcessCounts& counts = trace.add(process(1, 42));
  counts.proc.calls[MLT_CALL_MLOCK] = {1, 2, 3, 4, 5, 6, 7, 8};
  counts.proc.calls[MLT_CALL_FAULT].vma_splits = 1;  // no call, but it did something
  const auto totals = only_process(trace).locks.totals;
  ASSERT_EQ(totals.size(), 2U);
  EXPECT_EQ(totals[0].name, "mlock");
  EXPECT_EQ(totals[0].calls, 1U);
  EXPECT_EQ(totals[0].errors, 2U);
  EXPECT_EQ(totals[0].time_ns, 3U);
  EXPECT_EQ(totals[0].populates, 4U);
  EXPECT_EQ(totals[0].pages_populated, 5U);
  EXPECT_EQ(totals[0].populate_ns, 6U);
  EXPECT_EQ(totals[0].vma_splits, 7U);
  EXPECT_EQ(totals[0].vma_merges, 8U);
  EXPECT_EQ(totals[1].name, "page fault");
}

TEST(BuildLocks, LockedBytesPeakBetweenTheViews) {
  Trace trace;
  trace.add(process(1, 42));
  trace.data.views[42].start = snapshot(4096);
  trace.data.views[42].end = snapshot(8192);
  EXPECT_EQ(only_process(trace).locks.locked_bytes.peak, 8192U);
  trace.data.events[1].peak_locked_pages = 16;
  const Size3 size = only_process(trace).locks.locked_bytes;
  EXPECT_EQ(size.start, 4096U);
  EXPECT_EQ(size.end, 8192U);
  EXPECT_EQ(size.peak, 65536U);
}

TEST(BuildLocks, ThePeakIsNotKnownWithoutTheSignal) {
  Trace trace(capable(), "fault");
  trace.add(process(1, 42));
  trace.data.views[42].start = trace.data.views[42].end = snapshot(4096);
  EXPECT_EQ(only_process(trace).locks.locked_bytes.peak, std::nullopt);
  EXPECT_EQ(only_process(trace).locks.locked_bytes.end, 4096U);
}

class BuildLimit : public testing::Test {
 protected:
  BuildLimit() {
    trace.add(process(1, 42));
    trace.data.views[42].end = snapshot(40960);
    trace.data.views[42].end->memlock_limit = 65536;
  }
  ProcessSnapshot& view() { return *trace.data.views[42].end; }

  Trace trace;
};

TEST_F(BuildLimit, HeadroomIsWhatIsLeft) {
  EXPECT_EQ(only_process(trace).locks.limit_bytes, 65536U);
  EXPECT_EQ(only_process(trace).locks.headroom_bytes, 24576);
  view().locked_bytes = 81920;  // the limit was lowered since
  EXPECT_EQ(only_process(trace).locks.headroom_bytes, -16384);
}

TEST_F(BuildLimit, NoHeadroomWhereTheLimitDoesNotApply) {
  view().can_lock_any = true;
  const Locks exempt = only_process(trace).locks;
  EXPECT_TRUE(exempt.exempt);
  EXPECT_EQ(exempt.limit_bytes, 65536U);
  EXPECT_EQ(exempt.headroom_bytes, std::nullopt);
}

TEST_F(BuildLimit, UnlimitedOrUnknown) {
  view().memlock_limit.reset();
  EXPECT_EQ(only_process(trace).locks.headroom_bytes, std::nullopt);
  EXPECT_FALSE(only_process(trace).locks.limit_unlimited);
  view().memlock_unlimited = true;
  EXPECT_TRUE(only_process(trace).locks.limit_unlimited);
  EXPECT_EQ(only_process(trace).locks.limit_bytes, std::nullopt);
}

TEST_F(BuildLimit, OfAnExitedProcessTheLastThatWasSeen) {
  trace.data.views[42].start = trace.data.views[42].end;
  trace.data.views[42].end.reset();
  EXPECT_EQ(only_process(trace).locks.limit_bytes, 65536U);
}

// --- pages, populate, VMAs -----------------------------------------------------------------------------------------

mlt_proc counted_pages() {
  mlt_proc proc = process(1, 42).proc;
  proc.mlocked = 1;
  proc.munlocked = 2;
  proc.unevictable = 3;
  proc.rescued = 4;
  proc.still_locked = 5;
  return proc;
}

TEST(BuildPages, WhatIsMeasured) {
  Trace trace;
  trace.add(process(1, 42)).proc = counted_pages();
  const Pages pages = only_process(trace).pages;
  EXPECT_EQ(pages.mlocked, 1U);
  EXPECT_EQ(pages.munlocked, 2U);
  EXPECT_EQ(pages.to_unevictable, 3U);
  EXPECT_EQ(pages.rescued, 4U);
  EXPECT_EQ(pages.still_locked_elsewhere, 5U);
}

TEST(BuildPages, WhatIsNotIsUnknown) {
  Trace trace(capable(), "fault");
  trace.add(process(1, 42)).proc = counted_pages();
  const Pages pages = only_process(trace).pages;
  for (const Count& count :
       {pages.mlocked, pages.munlocked, pages.to_unevictable, pages.rescued, pages.still_locked_elsewhere})
    EXPECT_EQ(count, std::nullopt);
}

TEST(BuildPages, OldKernelsCannotTellWhatIsStillLocked) {
  Trace trace(without_functions(capable(), {"munlock_folio", "munlock_page"}));
  trace.add(process(1, 42)).proc = counted_pages();
  EXPECT_EQ(only_process(trace).pages.munlocked, 2U);
  EXPECT_EQ(only_process(trace).pages.still_locked_elsewhere, std::nullopt);
}

// A probe that may be skipped is remarked upon, but it can tell.
TEST(BuildPages, PreemptionDoesNotHideWhatIsStillLocked) {
  KernelFacts facts = without_kinds(capable(), {"multi"});
  facts.preemptible = true;
  Trace trace(facts);
  trace.add(process(1, 42)).proc = counted_pages();
  EXPECT_EQ(only_process(trace).pages.still_locked_elsewhere, 5U);
}

TEST(BuildPopulate, IsTheSumOverCalls) {
  Trace trace;
  ProcessCounts& counts = trace.add(process(1, 42));
  counts.proc.calls[MLT_CALL_MLOCK].populates = 1;
  counts.proc.calls[MLT_CALL_MLOCK].populated_pages = 10;
  counts.proc.calls[MLT_CALL_MLOCK].populate_ns = 100;
  counts.proc.calls[MLT_CALL_OTHER].populates = 2;
  counts.proc.calls[MLT_CALL_OTHER].populated_pages = 20;
  counts.proc.calls[MLT_CALL_OTHER].populate_ns = 200;
  const Populate populate = only_process(trace).populate;
  EXPECT_EQ(populate.calls, 3U);
  EXPECT_EQ(populate.pages, 30U);
  EXPECT_EQ(populate.time_ns, 300U);
}

TEST(BuildPopulate, IsUnknownWithoutTheSignal) {
  Trace trace(without_functions(capable(), {"__mm_populate"}));
  trace.add(process(1, 42));
  const Populate populate = only_process(trace).populate;
  EXPECT_EQ(populate.calls, std::nullopt);
  EXPECT_EQ(populate.pages, std::nullopt);
  EXPECT_EQ(populate.time_ns, std::nullopt);
}

TEST(BuildVma, Changes) {
  Trace trace;
  ProcessCounts& counts = trace.add(process(1, 42));
  counts.proc.calls[MLT_CALL_MLOCK].vma_splits = 2;
  counts.proc.calls[MLT_CALL_MPROTECT].vma_splits = 1;
  counts.proc.calls[MLT_CALL_MUNLOCK].vma_merges = 4;
  mlt_event_vma split{};
  split.head = {MLT_EVENT_SPLIT, 0, 43, MLT_CALL_MLOCK, kStartNs + 7};
  split.start = 0x1000;
  split.end = 0x9000;
  split.addr = 0x4000;
  split.vm_flags = 0x2000;
  split.map_count = 40;
  trace.data.events[1].add(split.head);
  mlt_event_vma merge{};
  merge.head = {MLT_EVENT_MERGE, 0, 43, MLT_CALL_FAULT, kStartNs + 8};
  merge.vm_flags = 0x1000;
  merge.map_count = 39;
  trace.data.events[1].add(merge.head);
  trace.data.events[1].changes_not_kept = 6;
  trace.data.max_map_count = 65530;
  const Vma vma = only_process(trace).vma;
  EXPECT_EQ(vma.splits, 3U);
  EXPECT_EQ(vma.merges, 4U);
  EXPECT_EQ(vma.max_map_count, 65530U);
  EXPECT_EQ(vma.changes_not_kept, 6U);
  ASSERT_EQ(vma.changes.size(), 2U);
  EXPECT_EQ(vma.changes[0].at_ns, 7U);
  EXPECT_EQ(vma.changes[0].tid, 43U);
  EXPECT_TRUE(vma.changes[0].split);
  EXPECT_EQ(vma.changes[0].start, 0x1000U);
  EXPECT_EQ(vma.changes[0].end, 0x9000U);
  EXPECT_EQ(vma.changes[0].addr, 0x4000U);
  EXPECT_TRUE(vma.changes[0].locked);
  EXPECT_EQ(vma.changes[0].cause, "mlock");
  EXPECT_FALSE(vma.changes[1].split);
  EXPECT_FALSE(vma.changes[1].locked);
  EXPECT_EQ(vma.changes[1].cause, "page fault");
  EXPECT_EQ(vma.count.start, std::nullopt);
  EXPECT_EQ(vma.count.peak, 40U);
}

TEST(BuildVma, CountsAreThoseOfTheViews) {
  Trace trace(capable(), "fault");
  trace.add(process(1, 42));
  EXPECT_EQ(only_process(trace).vma.count.peak, std::nullopt);
  trace.data.views[42].start = snapshot(0);
  trace.data.views[42].start->vma_count = 30;
  trace.data.views[42].end = snapshot(0);
  trace.data.views[42].end->vma_count = 25;
  const Vma vma = only_process(trace).vma;
  EXPECT_EQ(vma.count.start, 30U);
  EXPECT_EQ(vma.count.end, 25U);
  EXPECT_EQ(vma.count.peak, 30U);
  EXPECT_EQ(vma.splits, std::nullopt);
  EXPECT_EQ(vma.merges, std::nullopt);
}

// --- processes -----------------------------------------------------------------------------------------------------

TEST(BuildProcess, IdentityIsWhatTheCallerSees) {
  Trace trace;
  ProcessCounts parent = process(1, 42);
  parent.proc.tgid = 90042;
  ProcessCounts child = process(2, 43);
  child.proc.tgid = 90043;
  child.proc.parent_tgid = 90042;
  child.by_class[class_id(MLT_ORIGIN_ACCESS, MLT_UNLOCKED)] = faults(1);
  trace.add(parent);
  trace.add(child);
  mlt_event_process fork{};
  fork.head = {MLT_EVENT_FORK, 0, 42, MLT_CALL_FORK, kStartNs + 5};
  fork.child_tgid = 90043;
  trace.data.events[1].add(fork.head);
  const Report report = build_report(trace.data);
  ASSERT_EQ(report.processes.size(), 2U);
  // Most faults first.
  EXPECT_EQ(report.processes[0].pid, 43U);
  EXPECT_EQ(report.processes[0].parent_pid, 42U);
  EXPECT_EQ(report.processes[1].pid, 42U);
  EXPECT_EQ(report.processes[1].parent_pid, 0U);
  ASSERT_EQ(report.processes[1].life.size(), 1U);
  EXPECT_EQ(report.processes[1].life[0].child_pid, 43U);
}

TEST(BuildProcess, RelativesThatAreNotTracedKeepTheirNumber) {
  Trace trace;
  trace.add(process(1, 42)).proc.parent_tgid = 90041;
  EXPECT_EQ(only_process(trace).parent_pid, 90041U);
}

TEST(BuildProcess, WhatProcTold) {
  Trace trace;
  ProcessCounts& counts = trace.add(process(1, 42));
  ProcessSnapshot start = snapshot(0);
  start.exe = "/bin/old";
  start.cgroup = "/old";
  start.threads = 1;
  trace.data.views[42].start = start;
  EXPECT_EQ(only_process(trace).exe, "/bin/old");
  EXPECT_EQ(only_process(trace).comm, "worker");
  EXPECT_FALSE(only_process(trace).exited);
  ProcessSnapshot end = start;
  end.exe = "/bin/new";
  end.cgroup = "/new";
  end.threads = 5;
  trace.data.views[42].end = end;
  EXPECT_EQ(only_process(trace).exe, "/bin/new");
  EXPECT_EQ(only_process(trace).cgroup, "/new");
  EXPECT_EQ(only_process(trace).threads, 5U);
  counts.proc.exit_ns = 1;
  EXPECT_TRUE(only_process(trace).exited);
}

TEST(BuildProcess, Life) {
  Trace trace;
  trace.add(process(1, 42));
  mlt_event_process exec{};
  exec.head = {MLT_EVENT_EXEC, 0, 42, MLT_CALL_EXECVE, kStartNs + 5};
  exec.locked_pages = 16;
  exec.def_flags = 0x2000;
  strcpy(exec.comm, "next");
  trace.data.events[1].add(exec.head);
  mlt_event_process exit{};
  exit.head = {MLT_EVENT_EXIT, 0, 42, MLT_CALL_EXIT, kStartNs + 9};
  trace.data.events[1].add(exit.head);
  const auto life = only_process(trace).life;
  ASSERT_EQ(life.size(), 2U);
  EXPECT_EQ(life[0].kind, LifeEvent::Kind::exec);
  EXPECT_EQ(life[0].at_ns, 5U);
  EXPECT_EQ(life[0].locked_bytes, 65536U);
  EXPECT_TRUE(life[0].mcl_future);
  EXPECT_EQ(life[0].comm, "next");
  EXPECT_EQ(life[0].child_pid, 0U);
  EXPECT_EQ(life[1].kind, LifeEvent::Kind::exit);
  EXPECT_FALSE(life[1].mcl_future);
}

TEST(BuildProcess, EventsGoById) {
  Trace trace;
  trace.add(process(1, 42)).proc.exit_ns = 1;
  trace.add(process(2, 42));  // the same pid again
  trace.data.events[2].add(call_event(MLT_CALL_MLOCK).head);
  const Report report = build_report(trace.data);
  ASSERT_EQ(report.processes.size(), 2U);
  EXPECT_TRUE(report.processes[0].locks.calls.empty());
  EXPECT_EQ(report.processes[1].locks.calls.size(), 1U);
}

// --- coverage and system -------------------------------------------------------------------------------------------

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
  KernelFacts facts = without_kinds(capable(), {"multi"});
  facts.preemptible = true;
  Trace trace(facts);
  EXPECT_EQ(coverage_of(build_report(trace.data), "fault").state, SignalState::partial);
}

TEST(BuildCoverage, LossOfEveryKind) {
  Trace trace;
  EXPECT_FALSE(build_report(trace.data).coverage.lost.any());
  trace.data.counts.stats.ring_full = 1;
  trace.data.counts.stats.thread_full = 2;
  trace.data.counts.stats.block_full = 4;
  trace.data.counts.stats.proc_full = 8;
  trace.data.counts.stats.moving_full = 16;
  trace.data.counts.skipped_runs = 100;
  trace.add(process(1, 42)).proc.missed_returns = 20;
  trace.add(process(2, 43)).proc.missed_returns = 3;
  const Lost lost = build_report(trace.data).coverage.lost;
  EXPECT_EQ(lost.events, 1U);
  EXPECT_EQ(lost.map_full, 30U);
  EXPECT_EQ(lost.missed_probes, 123U);
  EXPECT_TRUE(lost.any());
}

TEST(BuildCoverage, HasTheAudit) {
  Trace trace;
  trace.add(process(1, 42));
  const auto checks = build_report(trace.data).coverage.audit;
  EXPECT_TRUE(std::ranges::find(checks, "faults of 42", &AuditCheck::check) != checks.end());
}

TEST(BuildSystem, WhatChanged) {
  Trace trace;
  trace.data.vmstat_start = {{"pgfault", 100}, {"nr_mlock", 50}, {"nr_unevictable", 5}};
  trace.data.vmstat_end = {{"pgfault", 130}, {"nr_mlock", 20}, {"nr_unevictable", 5}, {"new", 3}};
  trace.data.counts.stats.other_unevictable = 7;
  const System system = build_report(trace.data).system;
  EXPECT_EQ(system.vmstat, (std::map<std::string, std::int64_t>{{"pgfault", 30}, {"nr_mlock", -30}}));
  EXPECT_EQ(system.other_unevictable_pages, 7U);
  Trace without(capable(), "fault");
  EXPECT_EQ(build_report(without.data).system.other_unevictable_pages, std::nullopt);
}

}  // namespace
}  // namespace mlt
