// The part of the report that tells of lock calls and limits.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstring>

#include "analysis/trace.h"

namespace mlt {
namespace {

using fixtures::call_event;
using fixtures::capable;
using fixtures::kStartNs;
using fixtures::only_process;
using fixtures::process;
using fixtures::snapshot;
using fixtures::Trace;

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
  EXPECT_EQ(call.rule, CallRule::limit_zero);
  EXPECT_TRUE(call.explain.starts_with("RLIMIT_MEMLOCK is 0")) << call.explain;
  EXPECT_EQ(call.flags, std::uint64_t{MLOCK_ONFAULT});
  EXPECT_EQ(call.range_bytes, std::uint64_t{8 << 20});
  EXPECT_FALSE(call.mcl_future);
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

// What a call is explained by comes from the calls before it, and from what /proc said.
TEST(BuildLocks, CallsKnowWhatCameBefore) {
  Trace trace;
  trace.add(process(1, 42));
  mlt_event_call future = call_event(MLT_CALL_MLOCKALL, {MCL_FUTURE});
  future.def_flags = 0x2000;
  trace.data.events[1].add(future.head);
  trace.data.events[1].add(call_event(MLT_CALL_MLOCKALL, {MCL_CURRENT}).head);
  trace.data.events[1].add(call_event(MLT_CALL_MLOCKALL, {MCL_CURRENT}, -ENOMEM).head);
  trace.data.views[42].end = snapshot(0);
  trace.data.views[42].end->memlock_limit = 65536;
  trace.data.views[42].end->vm_size_bytes = 8 << 20;
  const auto calls = only_process(trace).locks.calls;
  ASSERT_EQ(calls.size(), 3U);
  EXPECT_TRUE(calls[0].mcl_future);
  EXPECT_TRUE(calls[1].explain.starts_with("cancels the MCL_FUTURE")) << calls[1].explain;
  EXPECT_EQ(calls[2].rule, CallRule::vm_size_over_limit);
  EXPECT_TRUE(calls[2].explain.find("8 MiB, limit 64 KiB") != std::string::npos) << calls[2].explain;
}

// /proc was asked before the call and after it: what counts is what held when it failed.
TEST(BuildLocks, LimitsAreThoseOfTheMomentOfTheFailure) {
  Trace trace;
  trace.add(process(1, 42));
  trace.data.views[42].start = trace.data.views[42].end = snapshot(0);
  trace.data.views[42].end->memlock_unlimited = true;
  trace.data.views[42].end->can_lock_any = true;
  mlt_event_call event = call_event(MLT_CALL_MLOCKALL, {MCL_CURRENT}, -ENOMEM);
  event.limits = {65536, 2048, 40, MLT_LIMITS_KNOWN, 0, 0, 0, 0, MLT_NOT_KNOWN, 0};
  trace.data.events[1].add(event.head);
  event.limits.flags |= MLT_LIMITS_IPC_LOCK;
  trace.data.events[1].add(event.head);
  event.limits = {~0ULL, 2048, 40, MLT_LIMITS_KNOWN, 0, 0, 0, 0, MLT_NOT_KNOWN, 0};
  trace.data.events[1].add(event.head);
  const auto calls = only_process(trace).locks.calls;
  ASSERT_EQ(calls.size(), 3U);
  EXPECT_EQ(calls[0].rule, CallRule::vm_size_over_limit);
  EXPECT_EQ(calls[0].limit_bytes, 65536U);
  EXPECT_NE(calls[0].explain.find("8 MiB, limit 64 KiB"), std::string::npos) << calls[0].explain;
  for (const int exempt : {1, 2}) {
    EXPECT_EQ(calls[static_cast<std::size_t>(exempt)].rule, CallRule::none);
    EXPECT_EQ(calls[static_cast<std::size_t>(exempt)].limit_bytes, std::nullopt);
  }
}

// What can't be read is null, and never 0.
TEST(BuildLocks, WhatOthersHeldAtThatMoment) {
  Trace trace;
  trace.add(process(1, 42));
  mlt_event_call event = call_event(MLT_CALL_MLOCK, {0x7f0000000000, 1 << 20}, -ENOMEM);
  event.limits = {65536, 2048, 40, MLT_LIMITS_KNOWN, 0, 0, 0, 0, 5, 3};
  trace.data.events[1].add(event.head);
  event.limits.user_pages = MLT_NOT_KNOWN;
  trace.data.events[1].add(event.head);
  event.limits = {};
  event.ret = 0;
  trace.data.events[1].add(event.head);
  const auto calls = only_process(trace).locks.calls;
  ASSERT_EQ(calls.size(), 3U);
  EXPECT_EQ(calls[0].user_locked_bytes, 5U * 4096);
  EXPECT_EQ(calls[0].pinned_bytes, 3U * 4096);
  EXPECT_EQ(calls[1].user_locked_bytes, std::nullopt);
  EXPECT_EQ(calls[2].user_locked_bytes, std::nullopt);
  EXPECT_EQ(calls[2].pinned_bytes, std::nullopt);
}

TEST(BuildLocks, WhatTheLimitRefusedToOthers) {
  Trace trace;
  ProcessCounts counts = process(1, 42);
  counts.proc.limited[MLT_LIMITED_IO_URING] = 3;
  counts.proc.refusals[MLT_LIMITED_IO_URING] = {65536, 8192, 12, 4, 0, -ENOMEM};
  counts.proc.limited[MLT_LIMITED_PERF] = 1;
  counts.proc.refusals[MLT_LIMITED_PERF] = {65536, 0, MLT_NOT_KNOWN, 4, 0, -EPERM};
  trace.add(counts);
  const auto refusals = only_process(trace).locks.limit_refusals;
  ASSERT_TRUE(refusals);
  ASSERT_EQ(refusals->size(), 2U);
  const LimitRefusals& ring = refusals->front();
  EXPECT_EQ(ring.kind, MLT_LIMITED_IO_URING);
  EXPECT_EQ(ring.calls, 3U);
  EXPECT_EQ(ring.error, "ENOMEM");
  EXPECT_EQ(ring.user_locked_bytes, 12U * 4096);
  EXPECT_EQ(ring.enough_bytes, 12U * 4096 + 8192);
  const LimitRefusals& buffer = refusals->back();
  EXPECT_EQ(buffer.error, "EPERM");
  EXPECT_EQ(buffer.user_locked_bytes, std::nullopt);
  EXPECT_EQ(buffer.wanted_bytes, std::nullopt);
  EXPECT_EQ(buffer.enough_bytes, std::nullopt);
}

TEST(BuildLocks, TheSeccompFilterOfThatMoment) {
  Trace trace;
  trace.add(process(1, 42));
  mlt_event_call event = call_event(MLT_CALL_MLOCK, {0x7f0000000000, 4096}, -EPERM);
  for (const unsigned flag : {MLT_LIMITS_SECCOMP, MLT_LIMITS_NO_SECCOMP, 0U}) {
    event.limits = {65536, 2048, 40, MLT_LIMITS_KNOWN | flag, 0, 0, 0, 0, MLT_NOT_KNOWN, 0};
    trace.data.events[1].add(event.head);
  }
  const auto calls = only_process(trace).locks.calls;
  ASSERT_EQ(calls.size(), 3U);
  EXPECT_NE(calls[0].explain.find("its seccomp filter"), std::string::npos) << calls[0].explain;
  EXPECT_NE(calls[1].explain.find("no seccomp filter"), std::string::npos) << calls[1].explain;
  EXPECT_NE(calls[2].explain.find("a seccomp filter or"), std::string::npos) << calls[2].explain;
}

TEST(BuildLocks, WhatTheTimeOfACallWentInto) {
  mlt_event_call event = call_event(MLT_CALL_MLOCK);
  event.duration_ns = 1000;
  for (int part = 0; part < MLT_PART_NR; ++part) event.parts_ns[part] = static_cast<__u64>(part) * 10;
  const auto parts_of = [&](const KernelFacts& facts, std::string_view signals) {
    Trace trace(facts, signals);
    trace.add(process(1, 42));
    trace.data.events[1].add(event.head);
    return only_process(trace).locks.calls.at(0).parts;
  };
  const CallParts all = parts_of(capable(), {});
  EXPECT_EQ(all.memory_ns, 10U);
  EXPECT_EQ(all.file_ns, 20U);
  EXPECT_EQ(all.swap_in_ns, 30U);
  EXPECT_EQ(all.reclaim_ns, 40U);
  EXPECT_EQ(all.lock_wait_ns, 50U);
  EXPECT_EQ(all.off_cpu_ns, 60U);
  EXPECT_EQ(all.other_ns, 790U);
  const CallParts some = parts_of(capable(), "lock_call,reclaim");
  EXPECT_EQ(some.memory_ns, std::nullopt);
  EXPECT_EQ(some.swap_in_ns, std::nullopt);
  EXPECT_EQ(some.lock_wait_ns, std::nullopt);
  EXPECT_EQ(some.reclaim_ns, 40U);
  EXPECT_EQ(some.off_cpu_ns, 60U);
  EXPECT_EQ(some.other_ns, 900U);
  KernelFacts facts = capable();
  facts.run_delay = false;
  EXPECT_EQ(parts_of(facts, {}).off_cpu_ns, std::nullopt);
  EXPECT_EQ(parts_of(facts, {}).other_ns, 850U);
  event.duration_ns = 100;  // less than its parts: clocks are read at different places
  EXPECT_EQ(parts_of(capable(), {}).other_ns, 0U);
}

TEST(BuildLocks, CallsOfA32BitProgramAreNotKnown) {
  Trace trace;
  ProcessCounts counts = process(1, 42);
  counts.proc.compat = 1;
  counts.calls[MLT_CALL_MLOCK].populates = 3;
  trace.add(counts);
  trace.data.views[42].end = fixtures::snapshot(65536);
  const Locks locks = only_process(trace).locks;
  EXPECT_EQ(locks.calls_unseen, "a program of 32 bits, whose system calls are not followed");
  EXPECT_TRUE(locks.totals.empty());
  EXPECT_EQ(locks.locked_bytes.end, 65536U);
  EXPECT_EQ(locks.locked_bytes.peak, std::nullopt);
}

// It may lower its limit and drop its privileges after the trace began.
TEST(BuildLocks, TheLimitOfAProcessThatIsGone) {
  Trace trace;
  trace.add(process(1, 42));
  trace.data.views[42].start = snapshot(0);
  trace.data.views[42].start->can_lock_any = true;
  mlt_event_call event = call_event(MLT_CALL_MLOCK, {0x7f0000000000, 8 << 20}, -ENOMEM);
  event.locked_pages = 2;
  event.limits = {65536, 2048, 40, MLT_LIMITS_KNOWN, 0, 0, 0, 0, MLT_NOT_KNOWN, 0};
  trace.data.events[1].add(event.head);
  trace.data.events[1].add(call_event(MLT_CALL_MUNLOCKALL, {}, 0).head);
  const Locks gone = only_process(trace).locks;
  EXPECT_FALSE(gone.exempt);
  EXPECT_EQ(gone.limit_bytes, 65536U);
  EXPECT_EQ(gone.headroom_bytes, 65536 - 8192);
  trace.data.views[42].end = trace.data.views[42].start;
  EXPECT_TRUE(only_process(trace).locks.exempt) << "what /proc says at the end is the newest";
}

TEST(BuildLocks, WaitsForMmapLock) {
  Trace trace;
  ProcessCounts& counts = trace.add(process(1, 42));
  counts.proc.mmap_lock_read = {5, 500};
  counts.proc.mmap_lock_write = {2, 300};
  counts.proc.longest.mmap_lock_ns = 250;
  counts.proc.mmap_lock_in_fault = {4, 400};
  counts.proc.mmap_lock_while_locking = {3, 350};
  counts.proc.mmap_lock_held_by[MLT_CALL_NONE] = {1, 50};
  counts.proc.mmap_lock_held_by[MLT_CALL_MPROTECT] = {6, 750};
  counts.calls[MLT_CALL_MLOCK].parts_ns[MLT_PART_LOCK_WAIT] = 70;
  counts.calls[MLT_CALL_MMAP].parts_ns[MLT_PART_LOCK_WAIT] = 30;
  const auto waits = only_process(trace).locks.mmap_lock;
  ASSERT_TRUE(waits);
  EXPECT_EQ(waits->all.waits, 7U);
  EXPECT_EQ(waits->all.time_ns, 800U);
  EXPECT_EQ(waits->write.time_ns, 300U);
  EXPECT_EQ(waits->max_ns, 250U);
  EXPECT_EQ(waits->in_fault.time_ns, 400U);
  EXPECT_EQ(waits->in_call_ns, 100U);
  EXPECT_EQ(waits->while_locking.waits, 3U);
  ASSERT_EQ(waits->holders.size(), 2U);
  EXPECT_EQ(waits->holders[0].name, "mprotect");
  EXPECT_EQ(waits->holders[0].waits.time_ns, 750U);
  EXPECT_EQ(waits->holders[1].name, "");
}

TEST(BuildLocks, WhoElseHeldMmapLock) {
  Trace trace;
  ProcessCounts& counts = trace.add(process(1, 42));
  const auto held = [&](std::uint32_t tgid, std::uint32_t pid, std::uint16_t nr, const char* comm, const char* file,
                        std::uint64_t ns) {
    ActCount& one = counts.acts.emplace_back();
    one.key = {1, tgid, MLT_ACT_HELD_MMAP_LOCK, nr, 0};
    one.act = {2, 0, 0, ns, 1, 2, 0, tgid, pid, {}, {}, {}, {}};
    strcpy(one.act.comm, comm);
    strcpy(one.act.name, file);
  };
  held(50, 7, SYS_read, "agent", "smaps", 300);
  held(51, 0, SYS_process_vm_readv, "elsewhere", "", 500);
  held(30, 30, MLT_ACT_NO_CALL, "khugepaged", "", 100);
  held(52, 52, 999, "novel", "", 50);
  const auto waits = only_process(trace).locks.mmap_lock;
  ASSERT_TRUE(waits && waits->outside);
  const std::vector<OutsideWaits>& outside = *waits->outside;
  ASSERT_EQ(outside.size(), 4U);
  EXPECT_EQ(outside[0].pid, 51U);
  EXPECT_EQ(outside[0].call, "process_vm_readv");
  EXPECT_EQ(outside[1].pid, 7U);
  EXPECT_EQ(outside[1].comm, "agent");
  EXPECT_EQ(outside[1].call, "read");
  EXPECT_EQ(outside[1].file, "smaps");
  EXPECT_EQ(outside[1].waits.waits, 2U);
  EXPECT_EQ(outside[1].waits.time_ns, 300U);
  EXPECT_EQ(outside[2].call, "");
  EXPECT_EQ(outside[3].call, "system call 999");
  EXPECT_TRUE(only_process(trace).acts->empty()) << "to hold it is no act by itself";
}

TEST(BuildLocks, WaitsThatWereNotMeasured) {
  Trace trace(capable(), "lock_call");
  trace.add(process(1, 42));
  EXPECT_FALSE(only_process(trace).locks.mmap_lock);
  Trace alone(capable(), "lock_wait");
  alone.add(process(1, 42));
  ASSERT_TRUE(only_process(alone).locks.mmap_lock);
  EXPECT_EQ(only_process(alone).locks.mmap_lock->in_call_ns, std::nullopt);
}

TEST(BuildLocks, FaultsWithoutTheLockOfTheirVma) {
  Trace trace;
  ProcessCounts& counts = trace.add(process(1, 42));
  counts.proc.vma_lock_aborts = 5;
  counts.proc.vma_lock_retries = 3;
  const auto lock = only_process(trace).locks.vma_lock;
  ASSERT_TRUE(lock);
  EXPECT_EQ(lock->aborts, 5U);
  EXPECT_EQ(lock->retries, 3U);
  Trace old(fixtures::without_functions(capable(), {"lock_vma_under_rcu"}));
  old.add(process(1, 42));
  EXPECT_FALSE(only_process(old).locks.vma_lock);
}

TEST(BuildLocks, TotalsOfKindsThatHappened) {
  Trace trace;
  ProcessCounts& counts = trace.add(process(1, 42));
  counts.calls[MLT_CALL_MLOCK] = {1, {0, 1, 0, 1, 0}, 300, 4, 5, 6, 7, 8, {5, 10, 20, 30, 40, 50}, 9};
  counts.calls[MLT_CALL_FAULT].vma_splits = 1;  // no call, but it did something
  const auto totals = only_process(trace).locks.totals;
  ASSERT_EQ(totals.size(), 2U);
  EXPECT_EQ(totals[0].name, "mlock");
  EXPECT_EQ(totals[0].calls, 1U);
  EXPECT_EQ(totals[0].errors, 2U);
  EXPECT_EQ(totals[0].errors_by_errno, (std::map<std::string, std::int64_t>{{"ENOMEM", 1}, {"EINVAL", 1}}));
  EXPECT_EQ(totals[0].time_ns, 300U);
  EXPECT_EQ(totals[0].parts.swap_in_ns, 30U);
  EXPECT_EQ(totals[0].parts.other_ns, 150U);
  EXPECT_EQ(totals[0].populates, 4U);
  EXPECT_EQ(totals[0].pages_populated, 5U);
  EXPECT_EQ(totals[0].populate_ns, 6U);
  EXPECT_EQ(totals[0].vma_splits, 7U);
  EXPECT_EQ(totals[0].vma_merges, 8U);
  EXPECT_EQ(totals[0].unlocked_populate_faults, 9U);
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

}  // namespace
}  // namespace mlt
