#include "analysis/audit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "analysis/trace.h"

namespace mlt {
namespace {

using fixtures::bracket;
using fixtures::call_event;
using fixtures::capable;
using fixtures::class_id;
using fixtures::faults;
using fixtures::process;
using fixtures::snapshot;
using fixtures::Trace;
using fixtures::without_functions;
using fixtures::without_kinds;

std::optional<AuditCheck> find(const TraceData& data, const std::string& name) {
  const auto checks = audit(data);
  const auto found = std::ranges::find(checks, name, &AuditCheck::check);
  return found == checks.end() ? std::nullopt : std::optional(*found);
}

AuditCheck check_of(const TraceData& data, const std::string& name) {
  auto check = find(data, name);
  if (check) return *check;
  ADD_FAILURE() << "no check '" << name << "'";
  return {};
}

/// A living process that was seen to fault `traced` times; what /proc says is the test's.
ProcessCounts faulting(std::uint64_t traced) {
  ProcessCounts counts = process(1, 42);
  counts.by_class[class_id(MLT_ORIGIN_ACCESS, MLT_UNLOCKED)] = faults(traced);
  return counts;
}

AuditCheck faults_against(std::uint64_t traced, const CounterBracket& open, const CounterBracket& close) {
  Trace trace(capable(), "fault");
  trace.add(faulting(traced));
  trace.data.views[42].gate_open = open;
  trace.data.views[42].gate_close = close;
  return check_of(trace.data, "faults of 42");
}

// --- faults of a living process ------------------------------------------------------------------------------------

TEST(AuditFaults, Equal) {
  const AuditCheck check = faults_against(100, bracket(500, 500), bracket(600, 600));
  EXPECT_EQ(check.verdict, Verdict::equal);
  EXPECT_EQ(check.why, "");
  EXPECT_EQ(check.traced, 100U);
  EXPECT_EQ(check.kernel, 100U);
  EXPECT_EQ(check.slack, 0U);
  EXPECT_EQ(check.source, "/proc/42/stat min_flt + maj_flt");
}

TEST(AuditFaults, OneMoreOrLessDiffers) {
  for (const std::uint64_t traced : {99, 101}) {
    const AuditCheck check = faults_against(traced, bracket(500, 500), bracket(600, 600));
    EXPECT_EQ(check.verdict, Verdict::differs) << traced;
    EXPECT_EQ(check.why, "some faults were not seen, or counted twice");
  }
}

TEST(AuditFaults, EveryOriginAndClassCounts) {
  Trace trace(capable(), "fault");
  ProcessCounts& counts = trace.add(process(1, 42));
  counts.by_class[class_id(MLT_ORIGIN_ACCESS, MLT_UNLOCKED)] = faults(10, 1);
  counts.by_class[class_id(MLT_ORIGIN_POPULATE, MLT_LOCKED)] = faults(20, 2);
  counts.by_class[class_id(MLT_ORIGIN_REMOTE, MLT_LOCKED_ON_FAULT)] = faults(30);
  // Neither completed: the kernel does not count them.
  counts.by_class[class_id(MLT_ORIGIN_ACCESS, MLT_UNLOCKED)].errors = 1000;
  counts.by_class[class_id(MLT_ORIGIN_ACCESS, MLT_UNLOCKED)].retries = 1000;
  trace.data.views[42].gate_open = {FaultCounters{100, 10}, FaultCounters{100, 10}};
  trace.data.views[42].gate_close = {FaultCounters{160, 13}, FaultCounters{160, 13}};
  const AuditCheck check = check_of(trace.data, "faults of 42");
  EXPECT_EQ(check.traced, 63U);
  EXPECT_EQ(check.kernel, 63U);
  EXPECT_EQ(check.verdict, Verdict::equal);
}

// The process ran on while its counters were read: the truth is in [600 - 510, 620 - 500].
TEST(AuditFaults, TheSlackIsABracket) {
  const CounterBracket open = bracket(500, 510);
  const CounterBracket close = bracket(600, 620);
  for (const std::uint64_t traced : {90, 100, 120}) {
    const AuditCheck check = faults_against(traced, open, close);
    EXPECT_EQ(check.kernel, 90U);
    EXPECT_EQ(check.slack, 30U);
    EXPECT_EQ(check.verdict, Verdict::equal) << traced;
    EXPECT_EQ(check.why, traced == 90 ? "" : "within 30 that came while the counters were read") << traced;
  }
  for (const std::uint64_t traced : {89, 121})
    EXPECT_EQ(faults_against(traced, open, close).verdict, Verdict::differs) << traced;
}

TEST(AuditFaults, AProcessBornDuringTheTraceBeganWithZero) {
  const AuditCheck check = faults_against(75, {}, bracket(75, 75));
  EXPECT_EQ(check.verdict, Verdict::equal);
  EXPECT_EQ(check.kernel, 75U);
}

TEST(AuditFaults, CountersThatCouldNotBeRead) {
  for (const CounterBracket& close : {CounterBracket{}, CounterBracket{FaultCounters{600, 0}, std::nullopt}}) {
    const AuditCheck check = faults_against(100, bracket(500, 500), close);
    EXPECT_EQ(check.verdict, Verdict::unavailable);
    EXPECT_EQ(check.why, "the kernel's counters could not be read");
    EXPECT_EQ(check.kernel, std::nullopt);
    EXPECT_EQ(check.traced, 100U);
  }
}

TEST(AuditFaults, WithoutAnyViewOfTheProcess) {
  Trace trace(capable(), "fault");
  trace.add(faulting(100));
  const AuditCheck check = check_of(trace.data, "faults of 42");
  EXPECT_EQ(check.verdict, Verdict::unavailable);
  EXPECT_EQ(check.why, "the kernel's counters could not be read");
}

TEST(AuditFaults, AWayThatSeesAPartCannotBeCompared) {
  Trace trace(without_kinds(capable(), {"fentry", "kprobe"}), "fault");
  ASSERT_TRUE(trace.plan.find("fault")->way->approximate);
  trace.add(faulting(100));
  trace.data.views[42].gate_open = bracket(500, 500);
  trace.data.views[42].gate_close = bracket(600, 600);
  const AuditCheck check = check_of(trace.data, "faults of 42");
  EXPECT_EQ(check.verdict, Verdict::unavailable);
  EXPECT_EQ(check.why, "populate and remote faults cannot be seen on this kernel");
  // Both numbers are shown all the same.
  EXPECT_EQ(check.traced, 100U);
  EXPECT_EQ(check.kernel, 100U);
}

TEST(AuditFaults, NotWithoutTheSignal) {
  Trace trace(capable(), "lock_call");
  trace.add(faulting(100));
  EXPECT_EQ(find(trace.data, "faults of 42"), std::nullopt);
}

TEST(AuditFaults, PidsAreThoseOfTheCaller) {
  Trace trace(capable(), "fault");
  ProcessCounts counts = faulting(1);
  counts.proc.tgid = 90042;
  trace.add(counts);
  trace.data.views[42].gate_close = bracket(1, 1);
  EXPECT_EQ(check_of(trace.data, "faults of 42").verdict, Verdict::equal);
  trace.data.counts.processes[0].proc.pid = 0;  // not known: the initial namespace's stands in
  EXPECT_EQ(check_of(trace.data, "faults of 90042").verdict, Verdict::unavailable);
}

// --- faults of a process that has exited ---------------------------------------------------------------------------

TEST(AuditFaults, OfAnExitedProcessAreThoseOfItsThreads) {
  Trace trace(capable(), "fault");
  ProcessCounts counts = faulting(100);
  counts.proc.exit_ns = fixtures::kStartNs + 1;
  counts.proc.exited_min_flt = 98;
  counts.proc.exited_maj_flt = 2;
  trace.add(counts);
  // Read before it ended: stale, and not to be used.
  trace.data.views[42].gate_close = bracket(5, 5);
  const AuditCheck check = check_of(trace.data, "faults of 42");
  EXPECT_EQ(check.verdict, Verdict::equal);
  EXPECT_EQ(check.source, "task min_flt + maj_flt at exit");
  EXPECT_EQ(check.kernel, 100U);
  EXPECT_EQ(check.slack, 0U);
  trace.data.counts.processes[0].proc.exited_min_flt = 99;
  EXPECT_EQ(check_of(trace.data, "faults of 42").verdict, Verdict::differs);
}

// A thread's counters were in no sum where the kernel skipped the program at its end: the process's are read instead.
TEST(AuditFaults, OfAProcessWhoseThreadsEndedUnannouncedAreThoseOfTheGroup) {
  Trace trace(capable(), "fault");
  ProcessCounts counts = faulting(100);
  counts.proc.exit_ns = fixtures::kStartNs + 1;
  counts.proc.exited_min_flt = 90;
  counts.proc.threads = 1;  // the leader, for which nobody has waited
  trace.add(counts);
  mlt_proc& proc = trace.data.counts.processes[0].proc;
  EXPECT_EQ(check_of(trace.data, "faults of 42").kernel, 90U);
  proc.threads = 2;
  EXPECT_EQ(check_of(trace.data, "faults of 42").verdict, Verdict::unavailable);
  trace.data.views[42].gate_open = bracket(400, 410);
  trace.data.views[42].gate_close = bracket(500, 500);
  const AuditCheck check = check_of(trace.data, "faults of 42");
  EXPECT_EQ(check.verdict, Verdict::equal);
  EXPECT_EQ(check.kernel, 90U);
  EXPECT_EQ(check.slack, 10U);
  // Freed, and so not to be seen in /proc any more.
  proc.threads = 1;
  proc.group_flt = 500;
  trace.data.views[42].gate_close = {};
  EXPECT_EQ(check_of(trace.data, "faults of 42").verdict, Verdict::equal);
  trace.data.views[42].gate_open = bracket(420, 430);
  EXPECT_EQ(check_of(trace.data, "faults of 42").verdict, Verdict::differs);
}

// --- locked bytes --------------------------------------------------------------------------------------------------

class AuditLocked : public testing::Test {
 protected:
  AuditLocked() {
    trace.add(process(1, 42));
    add_call(16);
  }
  void add_call(std::uint64_t locked_pages) {
    mlt_event_call call = call_event(MLT_CALL_MLOCK);
    call.locked_pages = locked_pages;
    trace.data.events[1].add(call.head);
  }
  // When the gate is about to be closed.
  void kernel_says(std::uint64_t bytes) {
    trace.data.views[42].locked_close = bytes;
    trace.data.views[42].locked_close_ns = 9;
  }
  [[nodiscard]] AuditCheck check() const { return check_of(trace.data, "locked bytes of 42"); }

  Trace trace{capable(), "lock_call"};
};

TEST_F(AuditLocked, EqualToVmLck) {
  kernel_says(65536);
  EXPECT_EQ(check().verdict, Verdict::equal);
  EXPECT_EQ(check().why, "");
  EXPECT_EQ(check().traced, 65536U);
  EXPECT_EQ(check().kernel, 65536U);
  EXPECT_EQ(check().source, "/proc/42/status VmLck");
}

TEST_F(AuditLocked, TheLastCallDecides) {
  add_call(4);
  kernel_says(16384);
  EXPECT_EQ(check().verdict, Verdict::equal);
}

TEST_F(AuditLocked, AnExecveAfterTheLastCallDecides) {
  mlt_event_process exec{};
  exec.head = {.kind = MLT_EVENT_EXEC, .proc = 1, .tid = 42, .call = MLT_CALL_NONE, .ns = 1};
  trace.data.events[1].add(exec.head);
  kernel_says(0);
  EXPECT_EQ(check().verdict, Verdict::equal);
  EXPECT_EQ(check().traced, 0U);
  trace.data.events[1].calls.back().head.ns = 2;  // what the new program locks
  kernel_says(65536);
  EXPECT_EQ(check().verdict, Verdict::equal);
  EXPECT_EQ(check().traced, 65536U);
}

TEST_F(AuditLocked, DiffersWithoutALockCall) {
  kernel_says(61440);
  EXPECT_EQ(check().verdict, Verdict::differs);
  EXPECT_EQ(check().why, "its size changed without a call that is followed: stack growth, or shmdt");
}

TEST_F(AuditLocked, NotWhenTheLastCallsWereNotKept) {
  trace.data.events[1].calls_not_kept = 1;
  kernel_says(65536);
  EXPECT_EQ(check().verdict, Verdict::unavailable);
  EXPECT_EQ(check().why, "the last of its calls were not kept");
}

TEST_F(AuditLocked, NotWhenItLockedWhileItWasRead) {
  kernel_says(0);
  trace.data.events[1].calls.back().head.ns = 9;
  EXPECT_EQ(check().verdict, Verdict::unavailable);
  EXPECT_EQ(check().why, "it was in such a call as the trace ended");
  trace.data.events[1].calls.back().head.ns = 8;
  EXPECT_EQ(check().verdict, Verdict::differs);
}

TEST_F(AuditLocked, NotWhenACallHasNotReturned) {
  kernel_says(0);
  trace.data.counts.processes[0].proc.calling = 1;
  EXPECT_EQ(check().verdict, Verdict::unavailable);
  EXPECT_EQ(check().why, "it was in such a call as the trace ended");
}

TEST_F(AuditLocked, NotOfWhatBeganAfterItWasRead) {
  trace.data.views[42].end = snapshot(65536);
  EXPECT_EQ(check().verdict, Verdict::unavailable);
  EXPECT_EQ(check().why, "it began as the trace ended");
}

TEST_F(AuditLocked, NotWhenItCouldNotBeRead) {
  EXPECT_EQ(check().verdict, Verdict::unavailable);
  EXPECT_EQ(check().why, "the process has exited");
  EXPECT_EQ(check().kernel, std::nullopt);
  EXPECT_EQ(check().traced, 65536U);
}

TEST_F(AuditLocked, NotOfAnExitedProcessNorWithoutACall) {
  kernel_says(65536);
  trace.data.counts.processes[0].proc.exit_ns = 1;
  EXPECT_EQ(find(trace.data, "locked bytes of 42"), std::nullopt);
  trace.data.counts.processes[0].proc.exit_ns = 0;
  EXPECT_NE(find(trace.data, "locked bytes of 42"), std::nullopt);
  trace.data.events[1].calls.clear();
  EXPECT_EQ(find(trace.data, "locked bytes of 42"), std::nullopt);
}

TEST_F(AuditLocked, PagesAreThoseOfTheHost) {
  trace.data.host.page_size = 16384;
  kernel_says(16 * 16384);
  EXPECT_EQ(check().traced, 16 * 16384U);
  EXPECT_EQ(check().verdict, Verdict::equal);
}

// --- pages, system-wide --------------------------------------------------------------------------------------------

AuditCheck mlocked_against(std::uint64_t traced, std::int64_t kernel) {
  Trace trace(capable(), "page_lock");
  ProcessCounts counts = process(1, 42);
  counts.proc.mlocked = traced;
  trace.add(counts);
  trace.data.vmstat_start["unevictable_pgs_mlocked"] = 7000;
  trace.data.vmstat_end["unevictable_pgs_mlocked"] = 7000 + kernel;
  return check_of(trace.data, "pages mlocked");
}

TEST(AuditPages, Equal) {
  const AuditCheck check = mlocked_against(500, 500);
  EXPECT_EQ(check.verdict, Verdict::equal);
  EXPECT_EQ(check.why, "");
  EXPECT_EQ(check.traced, 500U);
  EXPECT_EQ(check.kernel, 500U);
  EXPECT_EQ(check.source, "/proc/vmstat unevictable_pgs_mlocked");
}

// Read on both sides of the moments from which everything counts, and from which nothing does.
TEST(AuditPages, WhatCameWhileTheCountersWereRead) {
  Trace trace(capable(), "page_lock");
  ProcessCounts counts = process(1, 42);
  trace.add(counts);
  TraceData& data = trace.data;
  const char* counter = "unevictable_pgs_mlocked";
  data.vmstat_start[counter] = 1000;
  data.vmstat_completed[counter] = 2000;
  data.vmstat_closing[counter] = 7000;
  data.vmstat_end[counter] = 10'000;
  const auto check = [&](std::uint64_t traced) {
    data.counts.processes[0].proc.mlocked = traced;
    return check_of(data, "pages mlocked");
  };
  EXPECT_EQ(check(5000).kernel, 5000U);
  EXPECT_EQ(check(5000).slack, 4000U);
  EXPECT_EQ(check(5000).why, "");
  for (const std::uint64_t traced : {5001, 7000, 9000}) {
    EXPECT_EQ(check(traced).verdict, Verdict::equal) << traced;
    EXPECT_EQ(check(traced).why, "within 4000 that came while the counters were read");
  }
  for (const std::uint64_t traced : {4938, 9062}) EXPECT_EQ(check(traced).verdict, Verdict::equal) << traced;
  for (const std::uint64_t traced : {4937, 9063}) EXPECT_EQ(check(traced).verdict, Verdict::differs) << traced;
}

TEST(AuditPages, WhatReclaimByGenerationsMovesCannotBeSeen) {
  Trace trace(capable(), "page_lock,unevictable");
  ProcessCounts counts = process(1, 42);
  counts.proc.unevictable = 100;
  trace.add(counts);
  TraceData& data = trace.data;
  const auto grown = [&](const char* counter, std::int64_t by) {
    data.vmstat_start[counter] = 0;
    data.vmstat_end[counter] = by;
  };
  const auto verdict = [&] { return check_of(data, "pages to unevictable").verdict; };
  grown("unevictable_pgs_culled", 1000);
  grown("pgscan_direct", 5000);
  EXPECT_EQ(verdict(), Verdict::differs);
  data.by_generations = true;
  EXPECT_EQ(verdict(), Verdict::unavailable);
  EXPECT_NE(check_of(data, "pages to unevictable").why.find("lru_gen"), std::string::npos);
  grown("pgscan_direct", 0);  // there was no reclaim
  EXPECT_EQ(verdict(), Verdict::differs);
  grown("pgscan_direct", 5000);
  grown("unevictable_pgs_culled", 10);  // more was seen than there was
  EXPECT_EQ(verdict(), Verdict::differs);
}

TEST(AuditPages, WhatTwoProcessorsMovedAtOnce) {
  Trace trace(capable(), "page_lock,unevictable");
  ProcessCounts counts = process(1, 42);
  counts.proc.unevictable = 1200;
  trace.add(counts);
  trace.data.counts.stats.flushed_at_once = 138;
  trace.data.vmstat_start["unevictable_pgs_culled"] = 0;
  trace.data.vmstat_end["unevictable_pgs_culled"] = 1000;
  AuditCheck check = check_of(trace.data, "pages to unevictable");
  EXPECT_EQ(check.verdict, Verdict::equal);
  EXPECT_EQ(
      check.why,
      "within 200: of 138 pages that one processor moved while another one did, too, the kernel counts some once");
  trace.data.counts.stats.flushed_at_once = 137;
  EXPECT_EQ(check_of(trace.data, "pages to unevictable").verdict, Verdict::differs);
}

// Two processors, 31 pages each.
TEST(AuditPages, TheKernelLagsByItsBatches) {
  for (const std::int64_t kernel : {500 - 62, 500 - 1, 500 + 1, 500 + 62}) {
    const AuditCheck check = mlocked_against(500, kernel);
    EXPECT_EQ(check.verdict, Verdict::equal) << kernel;
    EXPECT_EQ(check.why, "within 62: the kernel counts when a processor's batch of 31 is flushed");
  }
  for (const std::int64_t kernel : {500 - 63, 500 + 63}) {
    const AuditCheck check = mlocked_against(500, kernel);
    EXPECT_EQ(check.verdict, Verdict::differs) << kernel;
    EXPECT_EQ(check.why, "the kernel moved pages by a way that no probe sees, or counts them later");
  }
}

TEST(AuditPages, AllProcessesAndTheUntracedCount) {
  Trace trace;
  for (const std::uint32_t pid : {1U, 2U}) {
    ProcessCounts counts = process(pid, pid);
    counts.proc.mlocked = 1000 * pid;
    counts.proc.munlocked = 2000 * pid;
    counts.proc.unevictable = 3000 * pid;
    counts.proc.rescued = 4000 * pid;
    trace.add(counts);
  }
  trace.data.counts.stats.other_mlocked = 10000;
  trace.data.counts.stats.other_munlocked = 20000;
  trace.data.counts.stats.other_unevictable = 30000;
  trace.data.counts.stats.other_rescued = 40000;
  for (const char* name : {"unevictable_pgs_mlocked", "unevictable_pgs_munlocked", "unevictable_pgs_stranded",
                           "unevictable_pgs_cleared", "unevictable_pgs_culled", "unevictable_pgs_rescued"})
    trace.data.vmstat_start[name] = trace.data.vmstat_end[name] = 0;
  trace.data.vmstat_end["unevictable_pgs_mlocked"] = 13000;
  // A page is munlocked in one of three ways.
  trace.data.vmstat_end["unevictable_pgs_munlocked"] = 20000;
  trace.data.vmstat_end["unevictable_pgs_stranded"] = 5000;
  trace.data.vmstat_end["unevictable_pgs_cleared"] = 1000;
  trace.data.vmstat_end["unevictable_pgs_culled"] = 39000;
  trace.data.vmstat_end["unevictable_pgs_rescued"] = 52000;
  for (const auto& [name, pages] : std::map<std::string, std::uint64_t>{{"pages mlocked", 13000},
                                                                        {"pages munlocked", 26000},
                                                                        {"pages to unevictable", 39000},
                                                                        {"pages rescued", 52000}}) {
    const AuditCheck check = check_of(trace.data, name);
    EXPECT_EQ(check.traced, pages) << name;
    EXPECT_EQ(check.kernel, pages) << name;
    EXPECT_EQ(check.verdict, Verdict::equal) << name;
  }
  EXPECT_EQ(check_of(trace.data, "pages munlocked").source,
            "/proc/vmstat unevictable_pgs_munlocked unevictable_pgs_stranded unevictable_pgs_cleared");
}

// Up to 5.17 clear_page_mlock counts a page that somebody has isolated as cleared and as stranded.
TEST(AuditPages, ClearedAndStranded) {
  Trace trace(capable(), "page_unlock");
  trace.add(process(1, 42)).proc.munlocked = 1000;
  trace.data.counts.stats.cleared_stranded = 300;
  for (const char* name : {"unevictable_pgs_munlocked", "unevictable_pgs_stranded", "unevictable_pgs_cleared"})
    trace.data.vmstat_start[name] = trace.data.vmstat_end[name] = 0;
  trace.data.vmstat_end["unevictable_pgs_stranded"] = 500;
  trace.data.vmstat_end["unevictable_pgs_cleared"] = 800;
  const AuditCheck check = check_of(trace.data, "pages munlocked");
  EXPECT_EQ(check.kernel, 1000U);
  EXPECT_EQ(check.verdict, Verdict::equal);
  EXPECT_EQ(check.why, "");
  EXPECT_EQ(check.source,
            "/proc/vmstat unevictable_pgs_munlocked unevictable_pgs_stranded unevictable_pgs_cleared "
            "(300 of it in two of these)");
}

TEST(AuditPages, ACounterThatTheKernelDoesNotHave) {
  Trace trace(capable(), "page_unlock");
  for (const char* name : {"unevictable_pgs_munlocked", "unevictable_pgs_stranded"})
    trace.data.vmstat_start[name] = trace.data.vmstat_end[name] = 0;
  const AuditCheck check = check_of(trace.data, "pages munlocked");
  EXPECT_EQ(check.verdict, Verdict::unavailable);
  EXPECT_EQ(check.why, "this kernel does not count it");
  EXPECT_EQ(check.kernel, std::nullopt);
}

TEST(AuditPages, AWayThatSeesAPartCannotBeCompared) {
  Trace trace(capable(), "unevictable");  // without page_lock: the approximate way
  ASSERT_TRUE(trace.plan.find("unevictable")->way->approximate);
  trace.data.vmstat_start["unevictable_pgs_culled"] = 5;
  trace.data.vmstat_end["unevictable_pgs_culled"] = 5;
  const AuditCheck check = check_of(trace.data, "pages to unevictable");
  EXPECT_EQ(check.verdict, Verdict::unavailable);
  EXPECT_EQ(check.why, "only a part of them can be seen on this kernel");
}

TEST(AuditPages, NotWithoutTheSignal) {
  Trace trace(without_functions(capable(), {"munlock_folio", "munlock_page", "munlock_vma_page"}));
  EXPECT_EQ(find(trace.data, "pages munlocked"), std::nullopt);
  EXPECT_EQ(find(trace.data, "pages rescued"), std::nullopt);
  EXPECT_NE(find(trace.data, "pages swapped out"), std::nullopt);
  Trace without(without_functions(capable(), {"swap_writeout", "swap_writepage"}));
  EXPECT_EQ(find(without.data, "pages swapped out"), std::nullopt);
  EXPECT_NE(find(trace.data, "pages mlocked"), std::nullopt);
  EXPECT_NE(find(trace.data, "pages to unevictable"), std::nullopt);
}

AuditCheck swapped_out_against(std::uint64_t own, std::uint64_t other, std::int64_t kernel) {
  Trace trace(capable(), "swap_out");
  trace.add(process(1, 42)).proc.swap_out = own;
  trace.data.counts.stats.other_swap_out = other;
  trace.data.vmstat_start["pswpout"] = 100;
  trace.data.vmstat_end["pswpout"] = 100 + kernel;
  return check_of(trace.data, "pages swapped out");
}

TEST(AuditPages, SwappedOut) {
  const AuditCheck check = swapped_out_against(500, 70, 570);
  EXPECT_EQ(check.verdict, Verdict::equal);
  EXPECT_EQ(check.why, "");
  EXPECT_EQ(check.traced, 570U);
  EXPECT_EQ(check.kernel, 570U);
  EXPECT_EQ(check.source, "/proc/vmstat pswpout");
}

TEST(AuditPages, SwappedOutButNotWritten) {
  const AuditCheck near = swapped_out_against(500, 0, 438);
  EXPECT_EQ(near.verdict, Verdict::equal);
  EXPECT_EQ(near.why, "within 62: more may come between the reading of the counters and the gate's moving");
  const AuditCheck far = swapped_out_against(500, 0, 437);
  EXPECT_EQ(far.verdict, Verdict::differs);
  EXPECT_EQ(far.why, "the kernel wrote pages by a way that no probe sees, or did not count them");
}

// A page that leaves for swap is in one of three counters, where the kernel has them; what zswap writes back is in two.
TEST(AuditPages, SwappedOutToWhereTheKernelCountsIt) {
  Trace trace(capable(), "swap_out");
  trace.add(process(1, 42)).proc.swap_out = 1000;
  const std::map<std::string, std::int64_t> counters{{"pswpout", 500}, {"swpout_zero", 400}, {"zswpout", 150}};
  for (const auto& [name, pages] : counters) {
    trace.data.vmstat_start[name] = 7;
    trace.data.vmstat_end[name] = 7 + pages;
  }
  const AuditCheck without = check_of(trace.data, "pages swapped out");
  EXPECT_EQ(without.kernel, 1050U);
  EXPECT_EQ(without.source, "/proc/vmstat pswpout swpout_zero zswpout");
  trace.data.vmstat_start["zswpwb"] = trace.data.vmstat_end["zswpwb"] = 20;
  EXPECT_EQ(check_of(trace.data, "pages swapped out").source, without.source);
  trace.data.vmstat_end["zswpwb"] = 70;
  const AuditCheck check = check_of(trace.data, "pages swapped out");
  EXPECT_EQ(check.kernel, 1000U);
  EXPECT_EQ(check.verdict, Verdict::equal);
  EXPECT_EQ(check.why, "");
  EXPECT_EQ(check.source, "/proc/vmstat pswpout swpout_zero zswpout (without 50 zswpwb)");
}

// --- pages that reclaim made unevictable, unseen -------------------------------------------------------------------

class CulledUnseen : public ::testing::Test {
 protected:
  static constexpr std::int64_t kSeen = 300 + 40 + 5;
  static constexpr std::int64_t kLag = 62;  // two processors, 31 pages each

  static void fill(Trace& trace, std::int64_t kernel) {
    trace.add(process(1, 42)).proc.unevictable = 300;
    trace.add(process(2, 43)).proc.unevictable = 40;
    trace.data.counts.stats.other_unevictable = 5;
    trace.data.vmstat_start["unevictable_pgs_culled"] = 7000;
    trace.data.vmstat_end["unevictable_pgs_culled"] = 7000 + kernel;
  }

  static std::uint64_t unseen(std::int64_t kernel, std::string_view signals = {}) {
    Trace trace(capable(), signals);
    fill(trace, kernel);
    return culled_unseen(trace.data);
  }
};

TEST_F(CulledUnseen, IsWhatTheKernelCountedBeyondItsLag) {
  EXPECT_EQ(unseen(kSeen), 0U);
  EXPECT_EQ(unseen(kSeen + kLag), 0U);
  // All of it then, not what exceeds the lag.
  EXPECT_EQ(unseen(kSeen + kLag + 1), 63U);
  EXPECT_EQ(unseen(kSeen + 100'000), 100'000U);
}

TEST_F(CulledUnseen, MoreSeenThanCountedIsNone) {
  EXPECT_EQ(unseen(kSeen - 1), 0U);
  EXPECT_EQ(unseen(0), 0U);
}

TEST_F(CulledUnseen, TheLagGrowsWithProcessors) {
  Trace trace;
  fill(trace, kSeen + 4 * 31);
  EXPECT_EQ(culled_unseen(trace.data), 124U);
  trace.data.host.cpus = 4;
  EXPECT_EQ(culled_unseen(trace.data), 0U);
}

TEST_F(CulledUnseen, CannotBeToldWithoutBothSides) {
  EXPECT_EQ(unseen(100'000, "fault"), 0U);
  EXPECT_EQ(unseen(100'000, "unevictable,page_lock"), 100'000U - kSeen);
  // Without page_lock it is the way that sees a part only: the rest was not looked for.
  EXPECT_EQ(unseen(100'000, "unevictable"), 0U);
  for (auto counters : {&TraceData::vmstat_start, &TraceData::vmstat_end}) {
    Trace trace;
    fill(trace, 100'000);
    (trace.data.*counters).erase("unevictable_pgs_culled");
    EXPECT_EQ(culled_unseen(trace.data), 0U);
  }
}

TEST(Audit, ChecksProcessesFirst) {
  Trace trace;
  trace.add(process(1, 42));
  trace.add(process(2, 43));
  std::vector<std::string> names;
  for (const AuditCheck& check : audit(trace.data)) names.push_back(check.check);
  EXPECT_EQ(names, (std::vector<std::string>{"faults of 42", "faults of 43", "pages mlocked", "pages munlocked",
                                             "pages to unevictable", "pages rescued", "pages swapped out"}));
}

}  // namespace
}  // namespace mlt
