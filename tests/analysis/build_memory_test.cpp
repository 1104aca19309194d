// The part of the report that tells what became of pages and mappings.
#include <gtest/gtest.h>

#include <cstring>

#include "analysis/trace.h"

namespace mlt {
namespace {

using fixtures::capable;
using fixtures::kStartNs;
using fixtures::only_process;
using fixtures::process;
using fixtures::snapshot;
using fixtures::Trace;
using fixtures::without_functions;
using fixtures::without_kinds;

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

mlt_keeper keeper(std::uint32_t tgid, std::uint32_t pid, const char* comm, std::uint64_t pages) {
  mlt_keeper made{pages, tgid, pid, {}};
  std::strncpy(made.comm, comm, sizeof(made.comm) - 1);
  return made;
}

TEST(BuildPages, WhoStillLocksThem) {
  Trace trace;
  ProcessCounts& counts = trace.add(process(1, 42));
  counts.proc = counted_pages();
  counts.keepers[50] = keeper(50, 7, "inner", 1);
  counts.keepers[51] = keeper(51, 0, "elsewhere", 3);
  counts.keepers[52] = keeper(52, 52, "before", 0);  // in an earlier interval
  const std::vector<Keeper> keepers = only_process(trace).pages.still_locked_by;
  ASSERT_EQ(keepers.size(), 3U);
  // A process that the caller's PID namespace does not hold has the number that the kernel gave it.
  EXPECT_EQ(keepers[0].pid, 51U);
  EXPECT_EQ(keepers[0].comm, "elsewhere");
  EXPECT_EQ(keepers[0].pages, 3U);
  EXPECT_EQ(keepers[1].pid, 7U);
  EXPECT_EQ(keepers[1].pages, 1U);
  // The fifth page's was not found.
  EXPECT_EQ(keepers[2].pid, 0U);
  EXPECT_EQ(keepers[2].pages, 1U);
}

TEST(BuildPages, WhatIsNotIsUnknown) {
  Trace trace(capable(), "fault");
  trace.add(process(1, 42)).proc = counted_pages();
  const Pages pages = only_process(trace).pages;
  for (const Count& count :
       {pages.mlocked, pages.munlocked, pages.to_unevictable, pages.rescued, pages.still_locked_elsewhere})
    EXPECT_EQ(count, std::nullopt);
}

// Up to Linux 5.17 the page is munlocked, and locked again for the other mapping: it takes both signals to see that.
TEST(BuildPages, OldKernelsTellWhatIsStillLockedByLockingItAgain) {
  const KernelFacts old = without_functions(capable(), {"mlock_folio", "munlock_folio", "munlock_page"});
  for (const KernelFacts& facts : {old, without_kinds(old, {"fentry"})}) {
    Trace trace(facts);
    trace.add(process(1, 42)).proc = counted_pages();
    const Pages pages = only_process(trace).pages;
    EXPECT_EQ(pages.munlocked, 2U);
    EXPECT_EQ(pages.still_locked_elsewhere, 5U);
  }
  Trace unlocks(old, "page_unlock");
  unlocks.add(process(1, 42)).proc = counted_pages();
  EXPECT_EQ(only_process(unlocks).pages.munlocked, 2U);
  EXPECT_EQ(only_process(unlocks).pages.still_locked_elsewhere, std::nullopt);
  Trace locks(old, "page_lock");
  locks.add(process(1, 42)).proc = counted_pages();
  EXPECT_EQ(only_process(locks).pages.mlocked, 1U);
  EXPECT_EQ(only_process(locks).pages.still_locked_elsewhere, std::nullopt);
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
  counts.calls[MLT_CALL_MLOCK].populates = 1;
  counts.calls[MLT_CALL_MLOCK].populated_pages = 10;
  counts.calls[MLT_CALL_MLOCK].populate_ns = 100;
  counts.calls[MLT_CALL_OTHER].populates = 2;
  counts.calls[MLT_CALL_OTHER].populated_pages = 20;
  counts.calls[MLT_CALL_OTHER].populate_ns = 200;
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
  counts.calls[MLT_CALL_MLOCK].vma_splits = 2;
  counts.calls[MLT_CALL_MPROTECT].vma_splits = 1;
  counts.calls[MLT_CALL_MUNLOCK].vma_merges = 4;
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

}  // namespace
}  // namespace mlt
