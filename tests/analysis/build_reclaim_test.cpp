// The part of the report that tells of reclaim and swap.
#include <gtest/gtest.h>

#include "analysis/trace.h"

namespace mlt {
namespace {

using fixtures::capable;
using fixtures::class_id;
using fixtures::faults;
using fixtures::only_process;
using fixtures::process;
using fixtures::Trace;
using fixtures::without_functions;
using fixtures::without_kinds;
using fixtures::without_layout;

mlt_proc reclaiming() {
  mlt_proc proc = process(1, 42).proc;
  proc.reclaim[MLT_RECLAIM_DIRECT] = {1, 2, 3};
  proc.reclaim[MLT_RECLAIM_MEMCG] = {5, 6, 7};
  proc.longest.reclaim_ns[MLT_RECLAIM_DIRECT] = 4;
  proc.longest.reclaim_ns[MLT_RECLAIM_MEMCG] = 8;
  proc.reclaim_in_fault_ns = 9;
  proc.reclaim_in_call_ns = 10;
  proc.met_locked_active = 11;
  proc.met_locked_inactive = 12;
  proc.culled = 13;
  return proc;
}

std::optional<Reclaim> reclaim_of(const KernelFacts& facts, std::string_view signals = {}) {
  Trace trace(facts, signals);
  trace.add(process(1, 42)).proc = reclaiming();
  return only_process(trace).reclaim;
}

KernelFacts without_stalls() {
  KernelFacts facts = capable();
  facts.btf_tracepoints.erase("mm_vmscan_direct_reclaim_begin");
  return facts;
}

/// No function that locks pages can be hooked, so nothing is known of those that reclaim meets.
KernelFacts without_locks(const KernelFacts& facts) {
  return without_functions(facts, {"mlock_folio", "mlock_vma_page"});
}

// --- reclaim -------------------------------------------------------------------------------------------------------

TEST(BuildReclaim, StallsAndWhatTheyWereIn) {
  const auto reclaim = reclaim_of(capable());
  ASSERT_TRUE(reclaim && reclaim->direct && reclaim->memcg);
  EXPECT_EQ(reclaim->direct->calls, 1U);
  EXPECT_EQ(reclaim->direct->time_ns, 2U);
  EXPECT_EQ(reclaim->direct->reclaimed, 3U);
  EXPECT_EQ(reclaim->direct->max_ns, 4U);
  EXPECT_EQ(reclaim->memcg->calls, 5U);
  EXPECT_EQ(reclaim->memcg->time_ns, 6U);
  EXPECT_EQ(reclaim->memcg->reclaimed, 7U);
  EXPECT_EQ(reclaim->memcg->max_ns, 8U);
  EXPECT_EQ(reclaim->in_fault_ns, 9U);
  EXPECT_EQ(reclaim->in_call_ns, 10U);
  EXPECT_EQ(reclaim->met_locked_active, 11U);
  EXPECT_EQ(reclaim->met_locked_inactive, 12U);
}

TEST(BuildReclaim, NoneIsNotUnknown) {
  Trace trace;
  trace.add(process(1, 42));
  const auto reclaim = only_process(trace).reclaim;
  ASSERT_TRUE(reclaim && reclaim->direct && reclaim->memcg);
  EXPECT_EQ(reclaim->direct->calls, 0U);
  EXPECT_EQ(reclaim->in_fault_ns, 0U);
  EXPECT_EQ(reclaim->met_locked_active, 0U);
}

TEST(BuildReclaim, NothingMeasuredIsNothingKnown) {
  EXPECT_FALSE(reclaim_of(capable(), "fault,lock_call").has_value());
  EXPECT_FALSE(reclaim_of(without_locks(without_stalls())).has_value());
}

TEST(BuildReclaim, WithoutStallsTheRestIsKnown) {
  const auto reclaim = reclaim_of(without_stalls());
  ASSERT_TRUE(reclaim);
  EXPECT_FALSE(reclaim->direct);
  EXPECT_FALSE(reclaim->memcg);
  EXPECT_EQ(reclaim->in_fault_ns, std::nullopt);
  EXPECT_EQ(reclaim->in_call_ns, std::nullopt);
  EXPECT_EQ(reclaim->met_locked_active, 11U);
}

TEST(BuildReclaim, WithoutThePagesItMetTheRestIsKnown) {
  const auto reclaim = reclaim_of(without_locks(capable()));
  ASSERT_TRUE(reclaim && reclaim->direct);
  EXPECT_EQ(reclaim->direct->calls, 1U);
  EXPECT_EQ(reclaim->met_locked_active, std::nullopt);
  EXPECT_EQ(reclaim->met_locked_inactive, std::nullopt);
}

// Up to Linux 5.17 reclaim leaves locked pages on the active list alone: none seen is not none there.
TEST(BuildReclaim, OldKernelsMeetInactivePagesOnly) {
  const KernelFacts old = without_functions(capable(), {"mlock_folio"});
  for (const KernelFacts& facts : {old, without_kinds(old, {"fentry"})}) {
    const auto reclaim = reclaim_of(facts);
    ASSERT_TRUE(reclaim);
    EXPECT_EQ(reclaim->met_locked_active, std::nullopt);
    EXPECT_EQ(reclaim->met_locked_inactive, 12U);
  }
}

// A probe that may be skipped is remarked upon, but it sees both lists.
TEST(BuildReclaim, PreemptionDoesNotHideTheActiveList) {
  KernelFacts facts = without_kinds(capable(), {"multi", "kprobe"});
  facts.preemptible = true;
  const auto reclaim = reclaim_of(facts);
  ASSERT_TRUE(reclaim);
  EXPECT_EQ(reclaim->met_locked_active, 11U);
}

// What runs inside a fault or a call is known only where these are followed from their entry.
TEST(BuildReclaim, PartsAreKnownBesideWhatTheyArePartsOf) {
  const auto alone = reclaim_of(capable(), "reclaim");
  ASSERT_TRUE(alone && alone->direct);
  EXPECT_EQ(alone->in_fault_ns, std::nullopt);
  EXPECT_EQ(alone->in_call_ns, std::nullopt);
  const auto calls = reclaim_of(capable(), "reclaim,lock_call");
  EXPECT_EQ(calls->in_fault_ns, std::nullopt);
  EXPECT_EQ(calls->in_call_ns, 10U);
  EXPECT_EQ(reclaim_of(capable(), "reclaim,fault")->in_fault_ns, 9U);
  // Software events come at the end of a fault only.
  EXPECT_EQ(reclaim_of(capable(), "reclaim,fault:perf")->in_fault_ns, std::nullopt);
}

TEST(BuildPages, CulledByReclaim) {
  Trace trace;
  trace.add(process(1, 42)).proc = reclaiming();
  EXPECT_EQ(only_process(trace).pages.culled_by_reclaim, 13U);
  Trace without(without_locks(capable()));
  without.add(process(1, 42)).proc = reclaiming();
  EXPECT_EQ(only_process(without).pages.culled_by_reclaim, std::nullopt);
  // Old kernels leave out passes over the active list, where nothing is culled.
  Trace old(without_functions(capable(), {"mlock_folio"}));
  old.add(process(1, 42)).proc = reclaiming();
  EXPECT_EQ(only_process(old).pages.culled_by_reclaim, 13U);
}

// The kernel counted more than was seen: some of it may have been of this process.
TEST(BuildPages, CulledByReclaimIsUnknownWhereSomeWereNotSeen) {
  Trace trace;
  trace.add(process(1, 42)).proc = reclaiming();
  trace.data.vmstat_start["unevictable_pgs_culled"] = 1000;
  trace.data.vmstat_end["unevictable_pgs_culled"] = 1000 + 62;
  EXPECT_EQ(only_process(trace).pages.culled_by_reclaim, 13U);
  trace.data.vmstat_end["unevictable_pgs_culled"] = 1000 + 63;
  const Process process = only_process(trace);
  EXPECT_EQ(process.pages.culled_by_reclaim, std::nullopt);
  // What it met is known all the same.
  ASSERT_TRUE(process.reclaim);
  EXPECT_EQ(process.reclaim->met_locked_active, 11U);
  EXPECT_EQ(process.reclaim->met_locked_inactive, 12U);
}

// --- locked_not_mlocked --------------------------------------------------------------------------------------------

TEST(BuildPages, LockedButNotMlockedIsWhatWasFoundAtTheEnd) {
  Trace trace;
  mlt_proc& proc = trace.add(process(1, 42)).proc;
  // What faults left so during the trace may be gone, or mlocked by reclaim, by then.
  proc.locked_not_mlocked = 7;
  EXPECT_EQ(only_process(trace).pages.locked_not_mlocked, std::nullopt);
  trace.data.views[42].not_mlocked = 5;
  EXPECT_EQ(only_process(trace).pages.locked_not_mlocked, 5U);
  EXPECT_EQ(only_process(trace).pages.locked_not_mlocked_unknown, "");
  trace.data.views[42].not_mlocked.reset();
  trace.data.views[42].not_mlocked_unknown = "no more than 4 GiB is looked at page by page";
  EXPECT_EQ(only_process(trace).pages.locked_not_mlocked_unknown, "no more than 4 GiB is looked at page by page");
  proc.exit_ns = 1;
  EXPECT_EQ(only_process(trace).pages.locked_not_mlocked_unknown, "");
}

// --- swap ----------------------------------------------------------------------------------------------------------

ProcessCounts swapping() {
  ProcessCounts counts = process(1, 42);
  counts.by_class[class_id(MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_SWAP_IN)] = faults(10, 2, 1000);
  counts.by_class[class_id(MLT_ORIGIN_REMOTE, MLT_LOCKED, MLT_CAUSE_SWAP_IN)] = faults(5, 1, 2000);
  counts.by_class[class_id(MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_FILE_READ)] = faults(0, 100, 9000);
  counts.by_class[class_id(MLT_ORIGIN_ACCESS, MLT_UNLOCKED)] = faults(1000);
  counts.proc.swap_out = 20;
  counts.proc.swap_out_self = 21;
  counts.proc.swap_out_kswapd = 22;
  counts.proc.swap_readahead = 24;
  counts.proc.swap_duplicated = 23;
  counts.proc.swap_duplicate_ns = 24;
  counts.proc.swap_freed = 25;
  counts.proc.swap_free_ns = 26;
  return counts;
}

std::optional<Swap> swap_of(const KernelFacts& facts, std::string_view signals = {}) {
  Trace trace(facts, signals);
  trace.add(swapping());
  return only_process(trace).swap;
}

TEST(BuildSwap, InIsWhatFaultsFound) {
  const auto swap = swap_of(capable());
  ASSERT_TRUE(swap);
  EXPECT_EQ(swap->in, 18U);
  EXPECT_EQ(swap->in_major, 3U);
  EXPECT_EQ(swap->in_ns, 12U * 1000 + 6U * 2000);
  EXPECT_EQ(swap->readahead, 24U);
}

Count read_when(const std::map<std::string, std::int64_t>& changes) {
  Trace trace(capable());
  trace.add(swapping());
  for (const auto& [name, change] : changes) {
    trace.data.vmstat_start[name] = 100;
    trace.data.vmstat_end[name] = 100 + change;
  }
  return only_process(trace).swap.value_or(Swap{}).in_read;
}

// Three major faults of this process; the kernel's counters are those of all.
TEST(BuildSwap, ReadIsWhatTheKernelLeavesNoDoubtAbout) {
  EXPECT_EQ(read_when({{"pswpin", 3}}), 3U);
  EXPECT_EQ(read_when({{"pswpin", 40}, {"swpin_zero", 0}, {"zswpin", 0}}), 3U);
  EXPECT_EQ(read_when({{"pswpin", 0}, {"swpin_zero", 3}}), 0U);
  EXPECT_EQ(read_when({{"pswpin", 40}, {"swpin_zero", 1}}), std::nullopt);
  EXPECT_EQ(read_when({{"pswpin", 40}, {"zswpin", 1}}), std::nullopt);
  // Kernels that have no counter of what zswap brings back.
  EXPECT_EQ(read_when({{"pswpin", 2}}), std::nullopt);
  EXPECT_EQ(read_when({}), std::nullopt);
}

TEST(BuildSwap, OutForkAndFree) {
  const auto swap = swap_of(capable());
  ASSERT_TRUE(swap);
  EXPECT_EQ(swap->out, 20U);
  EXPECT_EQ(swap->out_by_self, 21U);
  EXPECT_EQ(swap->out_by_kswapd, 22U);
  EXPECT_EQ(swap->duplicated, 23U);
  EXPECT_EQ(swap->duplicate_ns, 24U);
  EXPECT_EQ(swap->freed, 25U);
  EXPECT_EQ(swap->free_ns, 26U);
}

TEST(BuildSwap, EachPartIsUnknownWithoutItsSignal) {
  const auto no_in = swap_of(without_layout(capable()));
  ASSERT_TRUE(no_in);
  for (const Count& count : {no_in->in, no_in->in_major, no_in->in_read, no_in->in_ns}) EXPECT_EQ(count, std::nullopt);
  EXPECT_EQ(no_in->readahead, std::nullopt);
  EXPECT_EQ(no_in->out, 20U);
  const auto no_read = swap_of(without_functions(capable(), {"swap_read_folio", "swap_readpage"}));
  ASSERT_TRUE(no_read);
  EXPECT_EQ(no_read->readahead, std::nullopt);
  EXPECT_EQ(no_read->in, 18U);
  const auto no_out = swap_of(without_functions(capable(), {"swap_writeout", "swap_writepage"}));
  ASSERT_TRUE(no_out);
  for (const Count& count : {no_out->out, no_out->out_by_self, no_out->out_by_kswapd}) EXPECT_EQ(count, std::nullopt);
  EXPECT_EQ(no_out->in, 18U);
  const auto no_fork = swap_of(without_functions(capable(), {"copy_page_range"}));
  ASSERT_TRUE(no_fork);
  for (const Count& count : {no_fork->duplicated, no_fork->duplicate_ns}) EXPECT_EQ(count, std::nullopt);
  EXPECT_EQ(no_fork->freed, 25U);
  const auto no_free = swap_of(without_functions(capable(), {"exit_mmap"}));
  ASSERT_TRUE(no_free);
  for (const Count& count : {no_free->freed, no_free->free_ns}) EXPECT_EQ(count, std::nullopt);
  EXPECT_EQ(no_free->duplicated, 23U);
}

TEST(BuildSwap, IsUnknownWithoutAnySignal) {
  EXPECT_FALSE(swap_of(capable(), "fault").has_value());
  EXPECT_TRUE(swap_of(capable(), "swap_free").has_value());
}

// Software events have no cause: none is not zero.
TEST(BuildSwap, InIsUnknownBySoftwareEvents) {
  const auto swap = swap_of(capable(), "fault:perf,cause,swap_out");
  ASSERT_TRUE(swap);
  EXPECT_EQ(swap->in, std::nullopt);
  EXPECT_EQ(swap->out, 20U);
}

TEST(BuildSystem, SwapReadaheadIsOfAllProcesses) {
  Trace trace;
  EXPECT_FALSE(build_report(trace.data).system.swap_readahead.has_value());
  trace.data.vmstat_start = {{"swap_ra", 10}, {"swap_ra_hit", 5}};
  trace.data.vmstat_end = {{"swap_ra", 30}, {"swap_ra_hit", 12}};
  const auto readahead = build_report(trace.data).system.swap_readahead;
  ASSERT_TRUE(readahead);
  EXPECT_EQ(readahead->pages, 20U);
  EXPECT_EQ(readahead->hits, 7U);
}

// --- the system ----------------------------------------------------------------------------------------------------

void add_vmstat(Trace& trace) {
  trace.data.vmstat_start = {
      {"pgscan_kswapd", 100}, {"pgsteal_kswapd", 50}, {"pgscan_direct", 10}, {"pgsteal_direct", 5}};
  trace.data.vmstat_end = {
      {"pgscan_kswapd", 1100}, {"pgsteal_kswapd", 250}, {"pgscan_direct", 40}, {"pgsteal_direct", 5}};
  trace.data.counts.stats.kswapd_wakeups = 3;
}

TEST(BuildSystem, ReclaimIsWhatVmstatGrewBy) {
  Trace trace;
  add_vmstat(trace);
  const auto reclaim = build_report(trace.data).system.reclaim;
  ASSERT_TRUE(reclaim);
  EXPECT_EQ(reclaim->kswapd_wakeups, 3U);
  EXPECT_EQ(reclaim->kswapd_scanned, 1000U);
  EXPECT_EQ(reclaim->kswapd_reclaimed, 200U);
  EXPECT_EQ(reclaim->direct_scanned, 30U);
  EXPECT_EQ(reclaim->direct_reclaimed, 0U);
}

TEST(BuildSystem, WakeupsAreUnknownWithoutTheSignal) {
  Trace trace(without_stalls());
  add_vmstat(trace);
  const auto reclaim = build_report(trace.data).system.reclaim;
  ASSERT_TRUE(reclaim);
  EXPECT_EQ(reclaim->kswapd_wakeups, std::nullopt);
  EXPECT_EQ(reclaim->kswapd_scanned, 1000U);
}

TEST(BuildSystem, ReclaimIsUnknownWithoutVmstat) {
  const Trace trace;
  EXPECT_FALSE(build_report(trace.data).system.reclaim.has_value());
}

TEST(BuildSystem, SwapDevicesAreThoseAtTheEnd) {
  Trace trace;
  trace.data.swap_devices = {{"/dev/vda3", "partition", 2 << 20, 4096, -2}, {"/swapfile", "file", 1 << 20, 0, 5}};
  const auto devices = build_report(trace.data).system.swap_devices;
  ASSERT_EQ(devices.size(), 2U);
  EXPECT_EQ(devices[0].name, "/dev/vda3");
  EXPECT_EQ(devices[0].used_bytes, 4096U);
  EXPECT_EQ(devices[1].type, "file");
  EXPECT_EQ(devices[1].priority, 5);
}

TEST(BuildSystem, UnevictableWithoutMlock) {
  Trace trace;
  trace.data.counts.stats.unmlocked_unevictable = 9;
  EXPECT_EQ(build_report(trace.data).system.unevictable_without_mlock, 9U);
  Trace without(capable(), "fault");
  without.data.counts.stats.unmlocked_unevictable = 9;
  EXPECT_EQ(build_report(without.data).system.unevictable_without_mlock, std::nullopt);
}

}  // namespace
}  // namespace mlt
