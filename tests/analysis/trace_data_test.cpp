#include "analysis/trace_data.h"

#include <gtest/gtest.h>

#include <array>

#include "analysis/trace.h"

namespace mlt {
namespace {

using fixtures::class_id;
using fixtures::faults;
using fixtures::process;

constexpr std::uint16_t kAccess = class_id(MLT_ORIGIN_ACCESS, MLT_UNLOCKED);
constexpr std::uint16_t kPopulate = class_id(MLT_ORIGIN_POPULATE, MLT_LOCKED);

Counts counts_of(std::vector<ProcessCounts> processes) {
  Counts counts;
  counts.processes = std::move(processes);
  return counts;
}

// --- Counts::since -------------------------------------------------------------------------------------------------

TEST(CountsSince, FaultsOfAClassAndAThread) {
  ProcessCounts before = process(1, 42);
  before.by_class[kAccess] = faults(100, 10, 1000);
  before.by_thread[7] = faults(100, 10, 1000);
  ProcessCounts now = before;
  FaultTotals more = faults(5, 2, 9000);
  more.errors = 3;
  more.retries = 4;
  more.untimed = 1;
  now.by_class[kAccess].add(more);
  now.by_thread[7].add(more);
  const Counts difference = counts_of({now}).since(counts_of({before}));
  ASSERT_EQ(difference.processes.size(), 1U);
  for (const FaultTotals& totals :
       {difference.processes[0].by_class.at(kAccess), difference.processes[0].by_thread.at(7)}) {
    EXPECT_EQ(totals.minor, 5U);
    EXPECT_EQ(totals.major, 2U);
    EXPECT_EQ(totals.errors, 3U);
    EXPECT_EQ(totals.retries, 4U);
    EXPECT_EQ(totals.untimed, 1U);
    EXPECT_EQ(totals.latency.count(), 7U);
    EXPECT_EQ(totals.latency.sum(), 63'000U);
    // The slower ones came in this interval; those of before are gone from it.
    EXPECT_GT(totals.latency.quantile(0.01), 8000U);
  }
}

TEST(CountsSince, ClassesAndThreadsWithoutNewsAreLeftOut) {
  ProcessCounts before = process(1, 42);
  before.by_class[kAccess] = faults(100);
  before.by_thread[7] = faults(100);
  ProcessCounts now = before;
  now.by_class[kPopulate] = faults(3);
  now.by_thread[8] = faults(3);
  const Counts difference = counts_of({now}).since(counts_of({before}));
  ASSERT_EQ(difference.processes.size(), 1U);
  EXPECT_EQ(difference.processes[0].by_class.size(), 1U);
  EXPECT_EQ(difference.processes[0].by_class.at(kPopulate).minor, 3U);
  EXPECT_EQ(difference.processes[0].by_thread.size(), 1U);
  EXPECT_EQ(difference.processes[0].by_thread.at(8).minor, 3U);
}

TEST(CountsSince, FailedFaultsAreNewsToo) {
  const ProcessCounts before = process(1, 42);
  ProcessCounts errors = before;
  errors.by_class[kAccess].errors = 1;
  EXPECT_EQ(counts_of({errors}).since(counts_of({before})).processes.size(), 1U);
  ProcessCounts retries = before;
  retries.by_class[kAccess].retries = 1;
  EXPECT_EQ(counts_of({retries}).since(counts_of({before})).processes.size(), 1U);
}

TEST(CountsSince, NewProcessesAreWhole) {
  ProcessCounts born = process(2, 43);
  born.by_class[kAccess] = faults(8);
  born.proc.mlocked = 5;
  const Counts difference = counts_of({born}).since({});
  ASSERT_EQ(difference.processes.size(), 1U);
  EXPECT_EQ(difference.processes[0].by_class.at(kAccess).minor, 8U);
  EXPECT_EQ(difference.processes[0].proc.mlocked, 5U);
}

TEST(CountsSince, IdleProcessesAreLeftOut) {
  ProcessCounts idle = process(1, 42);
  idle.by_class[kAccess] = faults(100);
  idle.proc.mlocked = 7;
  idle.calls[MLT_CALL_MLOCK].calls = 1;
  ProcessCounts busy = process(2, 43);
  ProcessCounts busier = busy;
  busier.by_class[kAccess] = faults(1);
  const Counts difference = counts_of({idle, busier}).since(counts_of({idle, busy}));
  ASSERT_EQ(difference.processes.size(), 1U);
  EXPECT_EQ(difference.processes[0].id, 2U);
}

// A pid may be used again in the same trace.
TEST(CountsSince, ProcessesAreToldByTheirId) {
  ProcessCounts old = process(1, 42);
  old.by_class[kAccess] = faults(100);
  ProcessCounts young = process(2, 42);
  young.by_class[kAccess] = faults(1);
  const Counts difference = counts_of({young}).since(counts_of({old}));
  ASSERT_EQ(difference.processes.size(), 1U);
  EXPECT_EQ(difference.processes[0].by_class.at(kAccess).minor, 1U);
}

TEST(CountsSince, EveryNumberOfTheProcess) {
  ProcessCounts before = process(1, 42);
  before.proc.first_seen_ns = 11;
  before.proc.start_boottime = 12;
  constexpr auto kNumbers = std::to_array({&mlt_proc::exited_min_flt,
                                           &mlt_proc::exited_maj_flt,
                                           &mlt_proc::mlocked,
                                           &mlt_proc::munlocked,
                                           &mlt_proc::unevictable,
                                           &mlt_proc::rescued,
                                           &mlt_proc::still_locked,
                                           &mlt_proc::missed_returns,
                                           &mlt_proc::locked_not_mlocked,
                                           &mlt_proc::culled,
                                           &mlt_proc::met_locked_active,
                                           &mlt_proc::met_locked_inactive,
                                           &mlt_proc::reclaim_in_fault_ns,
                                           &mlt_proc::reclaim_in_call_ns,
                                           &mlt_proc::swap_out,
                                           &mlt_proc::swap_out_self,
                                           &mlt_proc::swap_out_kswapd,
                                           &mlt_proc::swap_readahead,
                                           &mlt_proc::swap_duplicated,
                                           &mlt_proc::swap_duplicate_ns,
                                           &mlt_proc::swap_freed,
                                           &mlt_proc::swap_free_ns});
  for (const auto number : kNumbers) before.proc.*number = 1000;
  ProcessCounts now = before;
  std::uint64_t step = 0;
  for (const auto number : kNumbers) now.proc.*number += ++step;
  now.proc.exit_ns = 99;
  const Counts difference = counts_of({now}).since(counts_of({before}));
  ASSERT_EQ(difference.processes.size(), 1U);
  const mlt_proc& proc = difference.processes[0].proc;
  step = 0;
  for (const auto number : kNumbers) EXPECT_EQ(proc.*number, ++step);
  // Identity and state are not differences.
  EXPECT_EQ(proc.tgid, 42U);
  EXPECT_EQ(proc.first_seen_ns, 11U);
  EXPECT_EQ(proc.start_boottime, 12U);
  EXPECT_EQ(proc.exit_ns, 99U);
  EXPECT_STREQ(proc.comm, "worker");
}

TEST(CountsSince, PagesOfEveryKeeper) {
  ProcessCounts before = process(1, 42);
  before.proc.still_locked = 10;
  before.keepers[50].pages = 10;
  ProcessCounts now = before;
  now.proc.still_locked = 17;
  now.keepers[50].pages = 12;
  now.keepers[51].pages = 5;
  const Counts difference = counts_of({now}).since(counts_of({before}));
  ASSERT_EQ(difference.processes.size(), 1U);
  EXPECT_EQ(difference.processes[0].keepers.at(50).pages, 2U);
  EXPECT_EQ(difference.processes[0].keepers.at(51).pages, 5U);
}

TEST(CountsSince, WhatOthersDid) {
  ProcessCounts before = process(1, 42);
  ActCount& old = before.acts.emplace_back();
  old.key = {1, 7, MLT_ACT_MADVISE, 440, 21};
  old.act.count = 2;
  old.act.pages = 10;
  old.act.first_ns = 100;
  old.act.last_ns = 200;
  ProcessCounts now = before;
  EXPECT_TRUE(counts_of({now}).since(counts_of({before})).processes.empty()) << "nobody did anything";
  now.acts[0].act.count = 3;
  now.acts[0].act.pages = 14;
  now.acts[0].act.last_ns = 300;
  now.acts.push_back(now.acts[0]);
  now.acts[1].key.tgid = 8;
  const Counts difference = counts_of({now}).since(counts_of({before}));
  ASSERT_EQ(difference.processes.size(), 1U);
  ASSERT_EQ(difference.processes[0].acts.size(), 2U);
  EXPECT_EQ(difference.processes[0].acts[0].act.count, 1U);
  EXPECT_EQ(difference.processes[0].acts[0].act.pages, 4U);
  EXPECT_EQ(difference.processes[0].acts[1].act.count, 3U);
}

TEST(CountsSince, EveryNumberOfACall) {
  ProcessCounts before = process(1, 42);
  before.calls[MLT_CALL_MLOCK] = {10, {20, 0, 0, 0, 1}, 30, 40, 50, 60, 70, 80, {0, 90, 100, 110, 120, 130}, 5};
  before.calls[MLT_CALL_EXECVE].calls = 5;
  ProcessCounts now = before;
  now.calls[MLT_CALL_MLOCK] = {11, {22, 0, 0, 0, 3}, 33, 44, 55, 66, 77, 88, {0, 99, 110, 121, 132, 143}, 7};
  const Counts difference = counts_of({now}).since(counts_of({before}));
  ASSERT_EQ(difference.processes.size(), 1U);
  const mlt_call_total& total = difference.processes[0].calls.at(MLT_CALL_MLOCK);
  EXPECT_EQ(total.calls, 1U);
  EXPECT_EQ(total.errors_by[MLT_ERRNO_PERM], 2U);
  EXPECT_EQ(total.errors_by[MLT_ERRNO_OTHER], 2U);
  EXPECT_EQ(total.time_ns, 3U);
  EXPECT_EQ(total.populates, 4U);
  EXPECT_EQ(total.populated_pages, 5U);
  EXPECT_EQ(total.populate_ns, 6U);
  EXPECT_EQ(total.vma_splits, 7U);
  EXPECT_EQ(total.vma_merges, 8U);
  EXPECT_EQ(total.parts_ns[MLT_PART_MEMORY], 9U);
  EXPECT_EQ(total.parts_ns[MLT_PART_LOCK_WAIT], 13U);
  EXPECT_EQ(total.unlocked_populate_faults, 2U);
  EXPECT_FALSE(difference.processes[0].calls.contains(MLT_CALL_EXECVE)) << "it made none";
}

TEST(CountsSince, WaitsButTheLongest) {
  ProcessCounts before = process(1, 42);
  before.proc.mmap_lock_read = {10, 100};
  before.proc.longest.mmap_lock_ns = 70;
  before.proc.mmap_lock_held_by[MLT_CALL_MLOCK] = {10, 100};
  ProcessCounts now = before;
  now.proc.mmap_lock_read = {11, 105};
  now.proc.mmap_lock_held_by[MLT_CALL_MLOCK] = {11, 105};
  const Counts difference = counts_of({now}).since(counts_of({before}));
  ASSERT_EQ(difference.processes.size(), 1U);  // a wait is enough not to be idle
  const mlt_proc& proc = difference.processes[0].proc;
  EXPECT_EQ(proc.mmap_lock_read.waits, 1U);
  EXPECT_EQ(proc.mmap_lock_read.time_ns, 5U);
  EXPECT_EQ(proc.mmap_lock_held_by[MLT_CALL_MLOCK].time_ns, 5U);
  EXPECT_EQ(proc.longest.mmap_lock_ns, 70U);
}

TEST(CountsSince, EveryNumberOfReclaimButTheLongest) {
  ProcessCounts before = process(1, 42);
  before.proc.reclaim[MLT_RECLAIM_DIRECT] = {10, 20, 30};
  before.proc.reclaim[MLT_RECLAIM_MEMCG] = {100, 200, 300};
  before.proc.longest.reclaim_ns[MLT_RECLAIM_DIRECT] = 900;
  before.proc.longest.reclaim_ns[MLT_RECLAIM_MEMCG] = 50;
  ProcessCounts now = before;
  now.proc.reclaim[MLT_RECLAIM_DIRECT] = {11, 22, 33};
  now.proc.reclaim[MLT_RECLAIM_MEMCG] = {104, 205, 306};
  now.proc.longest.reclaim_ns[MLT_RECLAIM_MEMCG] = 70;
  const Counts difference = counts_of({now}).since(counts_of({before}));
  ASSERT_EQ(difference.processes.size(), 1U);
  const mlt_reclaim& direct = difference.processes[0].proc.reclaim[MLT_RECLAIM_DIRECT];
  EXPECT_EQ(direct.calls, 1U);
  EXPECT_EQ(direct.time_ns, 2U);
  EXPECT_EQ(direct.reclaimed, 3U);
  // No difference of two longest ones is the longest in between: it stays that of the whole trace.
  const mlt_longest& longest = difference.processes[0].proc.longest;
  EXPECT_EQ(longest.reclaim_ns[MLT_RECLAIM_DIRECT], 900U);
  const mlt_reclaim& memcg = difference.processes[0].proc.reclaim[MLT_RECLAIM_MEMCG];
  EXPECT_EQ(memcg.calls, 4U);
  EXPECT_EQ(memcg.time_ns, 5U);
  EXPECT_EQ(memcg.reclaimed, 6U);
  EXPECT_EQ(longest.reclaim_ns[MLT_RECLAIM_MEMCG], 70U);
}

// Reclaim and swap often come to a process that does nothing, or by the hand of another.
TEST(CountsSince, ReclaimAndSwapAloneAreNews) {
  ProcessCounts before = process(1, 42);
  before.proc.reclaim[MLT_RECLAIM_DIRECT] = {1, 2, 3};
  constexpr auto kNews = std::to_array({&mlt_proc::culled, &mlt_proc::met_locked_active, &mlt_proc::met_locked_inactive,
                                        &mlt_proc::swap_out, &mlt_proc::swap_readahead, &mlt_proc::swap_duplicated,
                                        &mlt_proc::swap_freed});
  for (const auto number : kNews) {
    ProcessCounts now = before;
    now.proc.*number = 1;
    EXPECT_EQ(counts_of({now}).since(counts_of({before})).processes.size(), 1U);
  }
  for (int kind = 0; kind < MLT_RECLAIM_NR; ++kind) {
    ProcessCounts now = before;
    ++now.proc.reclaim[kind].calls;
    EXPECT_EQ(counts_of({now}).since(counts_of({before})).processes.size(), 1U) << kind;
  }
  // The longest that came before is no news.
  EXPECT_TRUE(counts_of({before}).since(counts_of({before})).processes.empty());
}

// Page moves come late, when a batch is flushed: often alone in their interval.
TEST(CountsSince, PageMovesAloneAreNews) {
  for (const auto number : {&mlt_proc::mlocked, &mlt_proc::munlocked, &mlt_proc::unevictable, &mlt_proc::rescued}) {
    const ProcessCounts before = process(1, 42);
    ProcessCounts now = before;
    now.proc.*number = 1;
    EXPECT_EQ(counts_of({now}).since(counts_of({before})).processes.size(), 1U)
        << (number == &mlt_proc::unevictable ? "unevictable"
            : number == &mlt_proc::rescued   ? "rescued"
                                             : "(un)locked");
  }
}

// Loss is never hidden.
TEST(CountsSince, WhatFailedAlike) {
  ProcessCounts before = process(1, 42);
  before.errors = {{{.where = 7, .proc = 1, .reason = MLT_ERROR_BEYOND_FILE, .origin = 0, .was_fault = 1}, {}}};
  before.errors[0].error.count = 3;
  ProcessCounts now = before;
  now.proc.failed = 6;
  now.errors[0].error.count = 5;
  now.errors.push_back({{.where = 8, .proc = 1, .reason = MLT_ERROR_BEYOND_FILE, .origin = 0, .was_fault = 1}, {}});
  now.errors[1].error.count = 1;
  const Counts difference = counts_of({now}).since(counts_of({before}));
  ASSERT_EQ(difference.processes.size(), 1U);
  ASSERT_EQ(difference.processes[0].errors.size(), 2U);
  EXPECT_EQ(difference.processes[0].errors[0].error.count, 2U);
  EXPECT_EQ(difference.processes[0].errors[1].error.count, 1U);
}

TEST(CountsSince, LossAloneIsNews) {
  const ProcessCounts before = process(1, 42);
  ProcessCounts now = before;
  now.proc.missed_returns = 1;
  EXPECT_EQ(counts_of({now}).since(counts_of({before})).processes.size(), 1U);
}

TEST(CountsSince, LossOfTheWholeTrace) {
  Counts before;
  before.stats = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20};
  Counts now;
  now.stats = {11, 22, 33, 44, 55, 66, 77, 88, 99, 110, 121, 132, 143, 154, 165, 176, 187, 198, 209, 220};
  const mlt_stats stats = now.since(before).stats;
  EXPECT_EQ(stats.ring_full, 10U);
  EXPECT_EQ(stats.thread_full, 20U);
  EXPECT_EQ(stats.block_full, 30U);
  EXPECT_EQ(stats.proc_full, 40U);
  EXPECT_EQ(stats.stack_full, 50U);
  EXPECT_EQ(stats.moving_full, 60U);
  EXPECT_EQ(stats.other_mlocked, 70U);
  EXPECT_EQ(stats.other_munlocked, 80U);
  EXPECT_EQ(stats.other_unevictable, 90U);
  EXPECT_EQ(stats.other_rescued, 100U);
  EXPECT_EQ(stats.other_swap_out, 110U);
  EXPECT_EQ(stats.unmlocked_unevictable, 120U);
  EXPECT_EQ(stats.cleared_stranded, 130U);
  EXPECT_EQ(stats.kswapd_wakeups, 140U);
  EXPECT_EQ(stats.flushed_at_once, 150U);
  EXPECT_EQ(stats.acts_full, 160U);
  EXPECT_EQ(stats.fault_ring_full, 170U);
  EXPECT_EQ(stats.error_full, 180U);
  EXPECT_EQ(stats.tail_full, 190U);
  EXPECT_EQ(stats.call_full, 200U);
}

TEST(CountsSince, SkippedRuns) {
  Counts before;
  before.skipped_runs = 100;
  Counts now;
  now.skipped_runs = 107;
  EXPECT_EQ(now.since(before).skipped_runs, 7U);
}

// --- ProcessEvents::add --------------------------------------------------------------------------------------------

mlt_event_vma vma_event(mlt_event_kind kind, std::uint64_t map_count) {
  mlt_event_vma event{};
  event.head.kind = kind;
  event.map_count = map_count;
  return event;
}

mlt_event_process life_event(mlt_event_kind kind) {
  mlt_event_process event{};
  event.head.kind = kind;
  return event;
}

TEST(ProcessEventsAdd, SortsEveryKind) {
  ProcessEvents events;
  mlt_event_call call{};
  call.head.kind = MLT_EVENT_CALL;
  call.args[1] = 4096;
  call.locked_pages = 3;
  events.add(call.head);
  for (const auto kind : {MLT_EVENT_SPLIT, MLT_EVENT_MERGE}) events.add(vma_event(kind, 50).head);
  for (const auto kind : {MLT_EVENT_FORK, MLT_EVENT_VFORK, MLT_EVENT_SHARE, MLT_EVENT_EXEC, MLT_EVENT_EXIT})
    events.add(life_event(kind).head);
  ASSERT_EQ(events.calls.size(), 1U);
  EXPECT_EQ(events.calls[0].args[1], 4096U);
  EXPECT_EQ(events.calls[0].locked_pages, 3U);
  ASSERT_EQ(events.changes.size(), 2U);
  EXPECT_EQ(events.changes[0].head.kind, MLT_EVENT_SPLIT);
  EXPECT_EQ(events.changes[1].head.kind, MLT_EVENT_MERGE);
  ASSERT_EQ(events.life.size(), 5U);
  EXPECT_EQ(events.life[1].head.kind, MLT_EVENT_VFORK);
  EXPECT_EQ(events.life[2].head.kind, MLT_EVENT_SHARE);
  EXPECT_EQ(events.life[3].head.kind, MLT_EVENT_EXEC);
}

TEST(ProcessEventsAdd, UnknownKindsAreIgnored) {
  ProcessEvents events;
  mlt_event_call unknown{};
  for (const std::uint32_t kind : {0U, MLT_EVENT_EXIT + 1U, 1000U}) {
    unknown.head.kind = kind;
    events.add(unknown.head);
  }
  EXPECT_TRUE(events.calls.empty() && events.changes.empty() && events.life.empty());
  EXPECT_EQ(events.calls_not_kept + events.changes_not_kept + events.life_not_kept, 0U);
}

TEST(ProcessEventsAdd, KeepsTheFirstAndCountsTheRest) {
  ProcessEvents events;
  mlt_event_call call{};
  call.head.kind = MLT_EVENT_CALL;
  for (std::uint64_t i = 0; i < 2010; ++i) {
    call.head.ns = i;
    events.add(call.head);
    events.add(vma_event(MLT_EVENT_SPLIT, i).head);
    events.add(life_event(MLT_EVENT_FORK).head);
  }
  EXPECT_EQ(events.calls.size(), 2000U);
  EXPECT_EQ(events.calls_not_kept, 10U);
  EXPECT_EQ(events.calls.back().head.ns, 1999U);
  EXPECT_EQ(events.changes.size(), 2000U);
  EXPECT_EQ(events.changes_not_kept, 10U);
  EXPECT_EQ(events.life.size(), 1000U);
  EXPECT_EQ(events.life_not_kept, 1010U);
}

// The peaks are exact even where the events are not kept.
TEST(ProcessEventsAdd, PeaksAreOfAllEvents) {
  ProcessEvents events;
  mlt_event_call call{};
  call.head.kind = MLT_EVENT_CALL;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    events.add(call.head);
    events.add(vma_event(MLT_EVENT_SPLIT, 1).head);
  }
  call.locked_pages = 77;
  events.add(call.head);
  events.add(vma_event(MLT_EVENT_MERGE, 88).head);
  call.locked_pages = 5;
  events.add(call.head);
  events.add(vma_event(MLT_EVENT_MERGE, 6).head);
  EXPECT_EQ(events.peak_locked_pages, 77U);
  EXPECT_EQ(events.peak_vma_count, 88U);
}

}  // namespace
}  // namespace mlt
