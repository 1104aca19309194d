// The rules one by one: their evidence, their severity, and where they are silent.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <functional>

#include "findings/findings.h"
#include "findings/recipes.h"

namespace mlt {
namespace {

using fixtures::add_call;
using fixtures::add_faults;
using fixtures::add_life;
using fixtures::healthy;
using fixtures::kMiB;
using fixtures::kSecond;
using fixtures::pageout_by;
using fixtures::recipes;
using Evidence = std::map<std::string, std::int64_t>;

class Rules : public testing::Test {
 protected:
  /// The only finding of this id; an id of "" when there is none.
  [[nodiscard]] Finding found(std::string_view id) const {
    for (Finding& finding : find(report, options)) {
      if (finding.id == id) return std::move(finding);
    }
    return {};
  }
  [[nodiscard]] bool silent(std::string_view id) const { return found(id).id.empty(); }
  Finding recipe(const std::string& id) {
    recipes().at(id)(report);
    return found(id);
  }
  Process& process() { return report.processes[0]; }

  Report report = healthy();
  FindingOptions options;
};

using LockedFaults = Rules;
using LostLocks = Rules;
using Future = Rules;
using SlowCalls = Rules;
using Contention = Rules;
using AddressSpace = Rules;
using Machine = Rules;
using SwapRules = Rules;
using FailedCalls = Rules;
using FailedFaultsTest = Rules;
using FalseAlarms = Rules;
using StormRules = Rules;

// --- locked, and still faulting ------------------------------------------------------------------------------------

TEST_F(LockedFaults, EvidenceAndTheFork) {
  add_life(process(), LifeEvent::Kind::fork, kMiB);
  add_faults(process(), MLT_ORIGIN_ACCESS, MLT_LOCKED, MLT_CAUSE_COW, 60, 1000, 1);
  add_faults(process(), MLT_ORIGIN_KERNEL, MLT_LOCKED_ON_FAULT, MLT_CAUSE_COW, 2, 3000);
  const Finding finding = found("fork-cow");
  EXPECT_EQ(finding.evidence,
            (Evidence{{"faults", 63}, {"major", 1}, {"time_ns", 67'000}, {"max_ns", 3000}, {"forks", 1}}));
  EXPECT_EQ(finding.title, "writes to locked memory fault and copy: fork made it copy-on-write");
  EXPECT_EQ(finding.severity, Severity::notice);
}

TEST_F(LockedFaults, WithoutAForkItSaysSo) {
  add_faults(process(), MLT_ORIGIN_ACCESS, MLT_LOCKED, MLT_CAUSE_COW, 1);
  EXPECT_NE(found("fork-cow").title.find("no fork was seen"), std::string::npos);
}

TEST_F(LockedFaults, ManyAreAWarningLongOnesAProblem) {
  add_faults(process(), MLT_ORIGIN_ACCESS, MLT_LOCKED, MLT_CAUSE_MIGRATION, 64);
  EXPECT_EQ(found("page-migration").severity, Severity::warning);
  options.locked_faults = 65;
  EXPECT_EQ(found("page-migration").severity, Severity::notice);
  add_faults(process(), MLT_ORIGIN_ACCESS, MLT_LOCKED, MLT_CAUSE_MIGRATION, 1, kSecond / 10);
  EXPECT_EQ(found("page-migration").severity, Severity::problem);
  options.locked_time_percent = 2;
  EXPECT_EQ(found("page-migration").severity, Severity::warning);
}

TEST_F(LockedFaults, OnlyAccessesToLockedMemory) {
  add_faults(process(), MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_COW, 100);
  add_faults(process(), MLT_ORIGIN_ACCESS, MLT_LOCK_UNKNOWN, MLT_CAUSE_COW, 100);
  add_faults(process(), MLT_ORIGIN_POPULATE, MLT_LOCKED, MLT_CAUSE_COW, 100);
  add_faults(process(), MLT_ORIGIN_REMOTE, MLT_LOCKED, MLT_CAUSE_COW, 100);
  EXPECT_TRUE(silent("fork-cow"));
}

TEST_F(LockedFaults, OnFaultIsByDesign) {
  add_faults(process(), MLT_ORIGIN_ACCESS, MLT_LOCKED_ON_FAULT, MLT_CAUSE_FIRST_TOUCH, 5000);
  EXPECT_EQ(found("onfault-first-touch").severity, Severity::notice);
  EXPECT_EQ(found("onfault-first-touch").evidence["faults"], 5000);
  EXPECT_TRUE(silent("lock-not-effective"));
  EXPECT_TRUE(silent("locked-faults"));
}

// Where causes are not known, a first access is as it should be, and another fault is not.
TEST_F(LockedFaults, OnFaultOfUnknownCause) {
  add_faults(process(), MLT_ORIGIN_ACCESS, MLT_LOCKED_ON_FAULT, MLT_CAUSE_UNKNOWN, 5000);
  EXPECT_TRUE(silent("onfault-first-touch"));
  EXPECT_EQ(found("locked-faults").severity, Severity::notice);
  EXPECT_EQ(found("locked-faults").title,
            "locked memory still faults (it is locked on fault: the first access to a page has to)");
  add_faults(process(), MLT_ORIGIN_ACCESS, MLT_LOCKED, MLT_CAUSE_UNKNOWN, 5000);
  EXPECT_EQ(found("locked-faults").severity, Severity::warning);
}

// Of a file's private mapping the pages of the file are copied, fork or not.
TEST_F(LockedFaults, CopiesOfFiles) {
  EXPECT_EQ(recipe("private-file-write").evidence.at("faults"), 10);
  EXPECT_TRUE(silent("fork-cow"));
  process().faults.by_vma->front().name = "[anon:data]";
  EXPECT_TRUE(silent("private-file-write"));
  EXPECT_EQ(found("fork-cow").evidence.at("faults"), 10);
  // Without them most are copies of memory, wherever those were.
  process().faults.by_vma.reset();
  EXPECT_EQ(found("fork-cow").evidence.at("faults"), 10);
}

TEST_F(LockedFaults, WithoutCausesTheyAreStillTold) {
  add_faults(process(), MLT_ORIGIN_ACCESS, MLT_LOCKED, MLT_CAUSE_UNKNOWN, 4098);
  add_life(process(), LifeEvent::Kind::fork, kMiB);
  const Finding finding = found("locked-faults");
  EXPECT_EQ(finding.severity, Severity::warning);
  EXPECT_EQ(finding.evidence.at("forks"), 1);
  EXPECT_NE(finding.title.find("it forked"), std::string::npos);
}

// --- memory that should be locked ----------------------------------------------------------------------------------

TEST_F(LostLocks, MappedAfterMclCurrent) {
  const Finding finding = recipe("mapped-after-mcl-current");
  EXPECT_EQ(finding.severity, Severity::warning);
  EXPECT_EQ(finding.evidence,
            (Evidence{{"faults", 64}, {"time_ns", 64'000}, {"called_after_ns", static_cast<std::int64_t>(kSecond)}}));
}

TEST_F(LostLocks, WhatWasFaultedInBeforeTheCallIsNotMappedAfterIt) {
  recipe("mapped-after-mcl-current");
  LockCall& call = process().locks.calls.back();
  call.unlocked_faults = 60;
  const Finding finding = found("mapped-after-mcl-current");
  EXPECT_EQ(finding.severity, Severity::notice);
  EXPECT_EQ(finding.evidence, (Evidence{{"faults", 4}, {"called_after_ns", static_cast<std::int64_t>(kSecond)}}));
  call.unlocked_faults = 64;
  EXPECT_TRUE(silent("mapped-after-mcl-current"));
}

TEST_F(LostLocks, OfAProgramThatBeganInTheTraceOtherThreadsStartIsCountedToo) {
  recipe("mapped-after-mcl-current");
  add_life(process(), LifeEvent::Kind::exec, 0);
  EXPECT_EQ(found("mapped-after-mcl-current").severity, Severity::warning);
  process().faults.by_thread.resize(2);
  EXPECT_EQ(found("mapped-after-mcl-current").severity, Severity::notice);
  EXPECT_NE(found("mapped-after-mcl-current").title.find("other threads"), std::string::npos);
}

TEST_F(LostLocks, MclFutureOrMunlockallMakesItMoot) {
  recipe("mapped-after-mcl-current");
  add_call(process(), MLT_CALL_MUNLOCKALL);
  EXPECT_TRUE(silent("mapped-after-mcl-current"));
  LockCall& call = add_call(process(), MLT_CALL_MLOCKALL);
  call.flags = MCL_CURRENT | MCL_FUTURE;
  call.mcl_future = true;
  EXPECT_TRUE(silent("mapped-after-mcl-current"));
}

TEST_F(LostLocks, ACallThatFailedLocksNothing) {
  recipe("mapped-after-mcl-current");
  process().locks.calls.back().ret = -ENOMEM;
  EXPECT_TRUE(silent("mapped-after-mcl-current"));
}

TEST_F(LostLocks, CancelledIsNotTheSameAsNeverAsked) {
  const Finding finding = recipe("mcl-future-cancelled");
  EXPECT_EQ(finding.severity, Severity::warning);
  EXPECT_EQ(finding.evidence.at("faults"), 64);
  EXPECT_TRUE(silent("mapped-after-mcl-current"));
}

TEST_F(LostLocks, AChildThatLocksAgainLostNothing) {
  EXPECT_EQ(recipe("lock-lost-in-fork").evidence,
            (Evidence{{"child_pid", 43}, {"locked_bytes", static_cast<std::int64_t>(kMiB)}}));
  report.processes[1].locks.calls.push_back({});
  report.processes[1].locks.calls.back().call = MLT_CALL_MLOCKALL;
  report.processes[1].locks.calls.back().start_ns = 3 * kSecond;
  EXPECT_TRUE(silent("lock-lost-in-fork"));
}

TEST_F(LostLocks, AnExecOfMclFutureIsGraverThanOfALittleSecret) {
  add_life(process(), LifeEvent::Kind::exec, 4096);
  EXPECT_EQ(found("lock-lost-in-exec").severity, Severity::notice);
  process().life[0].mcl_future = true;
  EXPECT_EQ(found("lock-lost-in-exec").severity, Severity::warning);
  add_call(process(), MLT_CALL_MLOCK).start_ns = 3 * kSecond;
  EXPECT_TRUE(silent("lock-lost-in-exec"));
}

TEST_F(LostLocks, WhatShmLockDoesNotBring) {
  EXPECT_EQ(recipe("shm-lock-not-present").evidence, (Evidence{{"segments", 1}, {"faults", 20}, {"time_ns", 4000}}));
  VmaFaults& vma = process().faults.by_vma->back();
  vma.cause = MLT_CAUSE_SWAP_IN;
  EXPECT_TRUE(silent("shm-lock-not-present")) << "it was there once";
  vma.cause = MLT_CAUSE_FILE_MAP;
  vma.locked = MLT_LOCKED;
  EXPECT_TRUE(silent("shm-lock-not-present")) << "mlocked, and absent for another reason";
  vma.locked = MLT_UNLOCKED;
  vma.shm_locked = false;
  EXPECT_TRUE(silent("shm-lock-not-present"));
}

TEST_F(LostLocks, LocksOfNothing) {
  const Finding one = recipe("lock-without-effect");
  EXPECT_EQ(one.evidence, (Evidence{{"calls", 1}, {"range_bytes", 4096}}));
  EXPECT_TRUE(one.title.ends_with(": so it is")) << one.title;
  // What locks nothing because nothing was left to lock, or because it failed, is something else.
  add_call(process(), MLT_CALL_MLOCK).locked_bytes_after = 0;
  add_call(process(), MLT_CALL_MLOCK, -EPERM).locked_bytes_after = 0;
  EXPECT_EQ(found("lock-without-effect").evidence, one.evidence);
}

TEST_F(LostLocks, PartsThatAreNotThere) {
  EXPECT_EQ(recipe("lock-incomplete").evidence, (Evidence{{"calls", 1}, {"ranges", 1}, {"range_bytes", 4096}}));
  // MAP_POPULATE wants pages, and no lock; with MAP_LOCKED, or under MCL_FUTURE, it does.
  LockCall& call = process().locks.calls[0];
  call.call = MLT_CALL_MMAP;
  call.flags = MAP_POPULATE;
  EXPECT_TRUE(silent("lock-incomplete"));
  call.flags = MAP_LOCKED;
  EXPECT_EQ(found("lock-incomplete").evidence.at("ranges"), 1);
  // Address space that a program keeps free is no harm, unless something else is missing, too.
  EXPECT_EQ(found("lock-incomplete").severity, Severity::warning);
  call.ranges[0].reason = MLT_ERROR_PROTECTION;
  call.ranges[0].at.permissions = "---p";
  EXPECT_EQ(found("lock-incomplete").severity, Severity::info);
  call.absent_ranges = 2;
  EXPECT_EQ(found("lock-incomplete").severity, Severity::warning);
  // A call that fails says so itself.
  call.ret = -ENOMEM;
  EXPECT_TRUE(silent("lock-incomplete"));
}

TEST_F(LostLocks, AFilterThatSaysYes) {
  EXPECT_EQ(recipe("lock-answered-by-filter").evidence, (Evidence{{"calls", 1}, {"range_bytes", 4096}}));
  process().locks.calls[0].ret = -EPERM;
  EXPECT_TRUE(silent("lock-answered-by-filter"));
}

TEST_F(LostLocks, PagesWithoutTheMark) {
  EXPECT_EQ(recipe("locked-not-mlocked").evidence, (Evidence{{"pages", 5}}));
  process().pages.locked_not_mlocked.reset();
  EXPECT_TRUE(silent("locked-not-mlocked"));
}

// --- MCL_FUTURE ----------------------------------------------------------------------------------------------------

TEST_F(Future, Amplification) {
  EXPECT_EQ(
      recipe("mcl-future-amplification").evidence,
      (Evidence{{"calls", 1}, {"populated_bytes", 64 * static_cast<std::int64_t>(kMiB)}, {"time_ns", 7'000'000}}));
  options.future_mib = 65;
  EXPECT_TRUE(silent("mcl-future-amplification"));
}

// MAP_POPULATE populates as well, and was asked for.
TEST_F(Future, PopulateWithoutMclFuture) {
  recipe("mcl-future-amplification");
  process().locks.calls.clear();
  EXPECT_TRUE(silent("mcl-future-amplification"));
}

TEST_F(Future, AmplificationIsSilentWhereItIsNotMeasured) {
  recipe("mcl-future-amplification");
  process().populate.pages.reset();
  EXPECT_TRUE(silent("mcl-future-amplification"));
}

TEST_F(Future, ThreadStacks) {
  recipe("thread-stack-populate");
  add_call(process(), MLT_CALL_MPROTECT).pages_populated = 33;  // an arena that grows
  Finding finding = found("thread-stack-populate");
  EXPECT_EQ(finding.severity, Severity::notice);
  EXPECT_EQ(finding.evidence, (Evidence{{"calls", 1},
                                        {"populated_bytes", 8 * static_cast<std::int64_t>(kMiB)},
                                        {"time_ns", 3'000'000},
                                        {"max_ns", 3'000'000}}));
  for (int i = 0; i < 7; ++i) recipe("thread-stack-populate");
  EXPECT_EQ(found("thread-stack-populate").severity, Severity::warning);
}

// Where the C library maps a stack and makes it accessible at once, it is mmap that populates it.
TEST_F(Future, StacksThatMmapPopulates) {
  LockCall& call = add_call(process(), MLT_CALL_MMAP);
  call.pages_populated = 2048;
  EXPECT_TRUE(silent("thread-stack-populate"));
  call.flags = MAP_STACK;
  EXPECT_EQ(found("thread-stack-populate").evidence.at("calls"), 1);
  call.flags = MAP_STACK | MAP_POPULATE;  // whatever is locked, the call itself asks for the pages
  EXPECT_TRUE(silent("thread-stack-populate"));
}

TEST_F(Future, MemoryThatStays) {
  EXPECT_EQ(recipe("memory-not-returned").evidence,
            (Evidence{{"calls", 1}, {"range_bytes", static_cast<std::int64_t>(kMiB)}}));
  EXPECT_EQ(found("memory-not-returned").severity, Severity::notice);
  options.future_mib = 1;
  EXPECT_EQ(found("memory-not-returned").severity, Severity::warning);
}

TEST_F(Future, RefusedAllocations) {
  recipe("allocation-refused-under-mcl-future");
  const Finding finding = recipe("allocation-refused-under-mcl-future");
  EXPECT_EQ(finding.severity, Severity::problem);
  EXPECT_EQ(finding.evidence, (Evidence{{"calls", 2},
                                        {"range_bytes", 4096},
                                        {"locked_bytes", 4096},
                                        {"limit_bytes", 8 * static_cast<std::int64_t>(kMiB)}}));
  EXPECT_TRUE(silent("lock-over-limit"));
}

TEST_F(Future, Headroom) {
  EXPECT_EQ(recipe("lock-headroom-low").severity, Severity::warning);
  process().locks.headroom_bytes.reset();
  EXPECT_TRUE(silent("lock-headroom-low"));
  process().locks.headroom_bytes = 1;
  process().locks.calls.back().mcl_future = false;
  EXPECT_TRUE(silent("lock-headroom-low"));
}

// --- slow calls ----------------------------------------------------------------------------------------------------

TEST_F(SlowCalls, ALock) {
  const Finding finding = recipe("slow-lock");
  // 4 MiB at half of 2000 MB/s, and a millisecond.
  EXPECT_EQ(finding.evidence, (Evidence{{"calls", 1},
                                        {"slowest_ns", 50'000'000},
                                        {"allowed_ns", 4'194'304 + 1'000'000},
                                        {"pages", 1024},
                                        {"populate_ns", 0}}));
  EXPECT_EQ(finding.severity, Severity::notice);
  EXPECT_EQ(finding.title, "locking took longer than making the pages present explains");
  process().locks.calls[0].duration_ns = 5'000'000;
  EXPECT_TRUE(silent("slow-lock"));
}

TEST_F(SlowCalls, WhatTheTimeWasSpentOn) {
  recipe("slow-lock");
  const std::pair<Count CallParts::*, const char*> parts[] = {
      {&CallParts::memory_ns, "zeroing"},      {&CallParts::file_ns, "files"},
      {&CallParts::swap_in_ns, "swap"},        {&CallParts::reclaim_ns, "reclaiming"},
      {&CallParts::lock_wait_ns, "mmap_lock"}, {&CallParts::off_cpu_ns, "not running"}};
  for (const auto& [part, word] : parts) {
    process().locks.calls[0].parts = CallParts{};
    process().locks.calls[0].parts.*part = 40'000'000;
    process().locks.calls[0].parts.other_ns = 10'000'000;
    const Finding finding = found("slow-lock");
    EXPECT_NE(finding.title.find(word), std::string::npos) << finding.title;
    EXPECT_EQ(finding.evidence.at("other_ns"), 10'000'000);
    EXPECT_EQ(finding.evidence.size(), 7U);  // what took no time is left out
  }
  // What took the most need not be most of it.
  const auto ends_with = [&](std::uint64_t other_ns, const char* text) {
    process().locks.calls[0].parts.other_ns = other_ns;
    EXPECT_TRUE(found("slow-lock").title.ends_with(text)) << found("slow-lock").title;
  };
  ends_with(41'000'000, "(mostly on what is none of the parts that are measured)");
  process().locks.calls[0].duration_ns = 90'000'000;
  ends_with(41'000'000, "(more than anything else on what is none of the parts that are measured)");
}

TEST_F(SlowCalls, APageThatMemoryHighHeldBack) {
  recipe("slow-lock");
  process().cgroup = "/db.slice/db.service";
  process().locks.calls[0].parts.memory_ns = 40'000'000;
  report.system.memory_high = {{"/db.slice", 1 << 20, 2, 30'000'000}};
  EXPECT_NE(found("slow-lock").title.find("memory.high"), std::string::npos);
  for (const MemoryHighLimit& other :
       {MemoryHighLimit{"/db.slice", 1 << 20, 0, 30'000'000}, MemoryHighLimit{"/db.slice", 1 << 20, 2, 20'000'000},
        MemoryHighLimit{"/db", 1 << 20, 2, 30'000'000}}) {
    report.system.memory_high = {other};
    EXPECT_NE(found("slow-lock").title.find("zeroing"), std::string::npos) << other.cgroup;
  }
}

// Fast enough for its size, and yet most of it was waiting.
TEST_F(SlowCalls, ALockThatOnlyWaited) {
  recipe("slow-lock");
  LockCall& call = process().locks.calls[0];
  call.duration_ns = 5'000'000;
  call.parts.lock_wait_ns = 2'000'000;
  EXPECT_TRUE(silent("slow-lock"));
  call.parts.reclaim_ns = 600'000;
  EXPECT_NE(found("slow-lock").title.find("mmap_lock"), std::string::npos);
  call.duration_ns = 900'000;
  EXPECT_TRUE(silent("slow-lock"));
}

TEST_F(SlowCalls, WithoutTheNumberOfPagesNothingIsExpected) {
  recipe("slow-lock");
  process().populate.pages.reset();
  EXPECT_TRUE(silent("slow-lock"));
}

TEST_F(SlowCalls, VerySlowIsAWarning) {
  recipe("slow-lock");
  process().locks.calls[0].duration_ns = 200'000'000;
  EXPECT_EQ(found("slow-lock").severity, Severity::warning);
}

TEST_F(SlowCalls, Unlocks) {
  EXPECT_EQ(recipe("slow-unlock").evidence,
            (Evidence{{"calls", 1}, {"slowest_ns", 50'000'000}, {"allowed_ns", 1024 * 1000 + 1'000'000}}));
  // Everything that was locked is allowed for.
  process().locks.calls[0].call = MLT_CALL_MUNLOCKALL;
  process().locks.locked_bytes.peak = 1024 * kMiB;
  EXPECT_TRUE(silent("slow-unlock"));
}

TEST_F(SlowCalls, WaitsOfFaultsByShare) {
  EXPECT_EQ(recipe("compaction-stall").evidence, (Evidence{{"waits", 3}, {"time_ns", 900'000}, {"max_ns", 500'000}}));
  EXPECT_EQ(found("compaction-stall").severity, Severity::notice);
  process().waits->compaction->time_ns = 200'000'000;
  EXPECT_EQ(found("compaction-stall").severity, Severity::warning);
  process().waits->compaction->time_ns = 2 * kSecond;
  EXPECT_EQ(found("compaction-stall").severity, Severity::problem);
  process().waits->compaction = Waited{};
  EXPECT_TRUE(silent("compaction-stall"));
  process().waits->compaction.reset();
  EXPECT_TRUE(silent("compaction-stall"));
}

TEST_F(SlowCalls, WritebackAndBeingHeldUpTogether) {
  EXPECT_EQ(recipe("writeback-wait").evidence, (Evidence{{"waits", 4}, {"time_ns", 800'000}, {"max_ns", 400'000}}));
  process().waits->dirty = Waited{1, 200'000'000, 200'000'000};
  EXPECT_EQ(found("writeback-wait").evidence,
            (Evidence{{"waits", 5}, {"time_ns", 200'800'000}, {"max_ns", 200'000'000}, {"held_up_ns", 200'000'000}}));
  EXPECT_EQ(found("writeback-wait").severity, Severity::warning);
  process().waits->writeback.reset();
  EXPECT_EQ(found("writeback-wait").evidence.at("waits"), 1);
}

// Files that are read for the first time, or once, or were evicted long ago, are no working set.
TEST_F(SlowCalls, RefaultsNeedReclaimDuringTheTrace) {
  EXPECT_EQ(
      recipe("working-set-too-large").evidence,
      (Evidence{{"refaulted_pages", 2'000}, {"reclaimed", 1'600}, {"time_ns", 90'000'000}, {"max_ns", 3'000'000}}));
  EXPECT_NE(found("working-set-too-large").title.find("machine"), std::string::npos);
  process().reclaim->memcg = ReclaimStall{100, 1'000'000, 1'700, 50'000};
  EXPECT_NE(found("working-set-too-large").title.find("cgroup"), std::string::npos);
  process().reclaim->memcg.reset();
  report.system.reclaim->kswapd_reclaimed = 10;
  EXPECT_TRUE(silent("working-set-too-large"));
  report.system.reclaim->kswapd_reclaimed = 5'000;
  process().waits->refaulted_file = 0;
  process().waits->refaulted_swap = 2'000;
  EXPECT_TRUE(silent("working-set-too-large"));
  process().waits->refaulted_file.reset();
  EXPECT_TRUE(silent("working-set-too-large"));
}

TEST_F(SlowCalls, HugePagesOnlyWhereTheyTakeLong) {
  recipe("huge-page-cost");
  process().waits->huge_page = Waited{100, 20'000'000, 20'000'000};
  EXPECT_TRUE(silent("huge-page-cost"));
}

TEST_F(SlowCalls, UserfaultfdOfUnlockedMemory) {
  EXPECT_EQ(recipe("userfaultfd-wait").evidence,
            (Evidence{{"waits", 10}, {"time_ns", 2'000'000}, {"max_ns", 600'000}}));
  // Protected, and let through at once: nobody waited.
  process().waits->userfault = Waited{};
  EXPECT_TRUE(silent("userfaultfd-wait"));
}

TEST_F(SlowCalls, UserfaultfdOfLockedMemoryWithoutAWait) {
  recipe("userfaultfd");
  process().waits->userfault = Waited{1, 2'000, 2'000};
  EXPECT_FALSE(silent("userfaultfd"));
  process().waits->userfault = Waited{};
  EXPECT_TRUE(silent("userfaultfd"));
}

TEST_F(SlowCalls, SleepsForMemoryHighInFaultsAndAfterThem) {
  EXPECT_EQ(recipe("memory-high-sleep").evidence,
            (Evidence{{"waits", 3}, {"time_ns", 2'700'000}, {"max_ns", 2'000'000}}));
}

TEST_F(SlowCalls, ReclaimByShare) {
  EXPECT_EQ(recipe("reclaim-stall").evidence, (Evidence{{"stalls", 3}, {"time_ns", 900'000}, {"max_ns", 500'000}}));
  EXPECT_EQ(found("reclaim-stall").severity, Severity::notice);
  process().reclaim->memcg = ReclaimStall{2, 200'000'000, 10, 90'000'000};
  process().reclaim->in_fault_ns = 5;
  EXPECT_EQ(found("reclaim-stall").severity, Severity::warning);
  EXPECT_EQ(found("reclaim-stall").evidence.at("in_fault_ns"), 5);
  EXPECT_NE(found("reclaim-stall").title.find("cgroup"), std::string::npos);
  // Others of the same cgroup fill it, too; those of another one do not.
  process().cgroup = "/system.slice/db";
  const auto at_limit = [](std::uint32_t pid, const char* cgroup, std::uint64_t calls) {
    return Act{
        .pid = pid, .comm = "fill", .call = "reclaim at the limit of its cgroup", .cgroup = cgroup, .calls = calls};
  };
  report.system.acts = {{at_limit(42, "db", 9), at_limit(7, "db", 3), at_limit(8, "b", 5)}};
  EXPECT_TRUE(
      found("reclaim-stall")
          .title.ends_with(" (mostly as its memory cgroup was at its limit, which fill (pid 7) met, too, 3 times)"))
      << found("reclaim-stall").title;
  report.system.acts = {{at_limit(42, "db", 9), at_limit(8, "b", 5)}};
  EXPECT_TRUE(found("reclaim-stall").title.ends_with(" (mostly as its memory cgroup was at its limit)"));
  process().reclaim->memcg->time_ns = 2 * kSecond;
  EXPECT_EQ(found("reclaim-stall").severity, Severity::problem);
  process().reclaim.reset();
  EXPECT_TRUE(silent("reclaim-stall"));
}

// --- others wait ---------------------------------------------------------------------------------------------------

TEST_F(Contention, ThreadsWaitForALock) {
  const Finding finding = recipe("lock-holds-up-threads");
  EXPECT_EQ(finding.evidence, (Evidence{{"waits", 10}, {"time_ns", 200'000'000}, {"in_fault_ns", 100'000'000}}));
  EXPECT_EQ(finding.severity, Severity::warning);
  EXPECT_EQ(finding.title, "threads waited for mmap_lock while another one locked memory, mostly by mprotect");
  process().locks.vma_lock = {7, 3};
  EXPECT_EQ(found("lock-holds-up-threads").evidence.at("vma_lock_aborts"), 7);
  LockWaits& waits = *process().locks.mmap_lock;
  waits.while_locking.time_ns = kSecond;
  EXPECT_EQ(found("lock-holds-up-threads").severity, Severity::problem);
  waits.while_locking.time_ns = 1'000'000;
  EXPECT_EQ(found("lock-holds-up-threads").severity, Severity::notice);
  waits.while_locking.time_ns = 999'999;
  EXPECT_TRUE(silent("lock-holds-up-threads"));
  process().locks.mmap_lock.reset();
  EXPECT_TRUE(silent("lock-holds-up-threads"));
}

TEST_F(Contention, ThreadsWaitForOtherCalls) {
  const Finding finding = recipe("mmap-lock-contention");
  EXPECT_EQ(finding.evidence, (Evidence{{"waits", 4}, {"time_ns", 200'000'000}, {"max_ns", 3'000'000}}));
  EXPECT_EQ(finding.severity, Severity::notice);
  EXPECT_EQ(finding.title, "threads waited for mmap_lock, mostly by munmap");
  process().locks.vma_lock = {7, 3};
  EXPECT_EQ(found("mmap-lock-contention").evidence.at("vma_lock_aborts"), 7);
  LockWaits& waits = *process().locks.mmap_lock;
  waits.all.time_ns = kSecond;
  EXPECT_EQ(found("mmap-lock-contention").severity, Severity::warning);
  waits.all.time_ns = 99'000'000;
  EXPECT_TRUE(silent("mmap-lock-contention"));
}

TEST_F(Contention, WhoElseHeldTheLock) {
  recipe("mmap-lock-contention");
  LockWaits& waits = *process().locks.mmap_lock;
  waits.outside = {{{7, "agent", "read", "smaps", {3, 150'000'000}}, {8, "khugepaged", "", "", {1, 10'000'000}}}};
  Finding finding = found("mmap-lock-contention");
  EXPECT_EQ(finding.title, "threads waited for mmap_lock, mostly by agent (pid 7) in read of /proc/PID/smaps");
  EXPECT_NE(finding.advice.find("/proc/PID/status"), std::string::npos);
  EXPECT_EQ(finding.evidence.at("outsider_pid"), 7);
  EXPECT_EQ(finding.evidence.at("outsider_waits"), 3);
  EXPECT_EQ(finding.evidence.at("outsider_ns"), 150'000'000);
  waits.outside = {{{8, "khugepaged", "", "", {1, 150'000'000}}}};
  finding = found("mmap-lock-contention");
  EXPECT_EQ(finding.title, "threads waited for mmap_lock, mostly by khugepaged (pid 8)");
  EXPECT_EQ(finding.advice.find("/proc/PID/status"), std::string::npos);
  // Others held it longer.
  waits.outside = {{{7, "agent", "read", "smaps", {3, 50'000'000}}}};
  EXPECT_EQ(found("mmap-lock-contention").title, "threads waited for mmap_lock, mostly by munmap");
  waits.outside.reset();
  EXPECT_EQ(found("mmap-lock-contention").title, "threads waited for mmap_lock, mostly by munmap");
}

// --- the culprit outside ---------------------------------------------------------------------------------------------

using Outside = Rules;

TEST_F(Outside, WhoTookThePages) {
  const Finding finding = recipe("memory-taken-by-others");
  EXPECT_EQ(finding.severity, Severity::warning);
  EXPECT_EQ(finding.evidence, (Evidence{{"faults", 1000}, {"pages", 1024}, {"by_pid", 7}, {"calls", 1}}));
  EXPECT_EQ(finding.title,
            "pages were read again that another process had taken out of memory, trimmer (pid 7) by "
            "process_madvise(MADV_PAGEOUT)");
}

TEST_F(Outside, OfTwoWhoTookMost) {
  recipe("memory-taken-by-others");
  process().acts->push_back(pageout_by(8, "supervisor", 4096));
  EXPECT_EQ(found("memory-taken-by-others").evidence.at("by_pid"), 8);
  EXPECT_EQ(found("memory-taken-by-others").evidence.at("pages"), 5120);
}

TEST_F(Outside, NotMoreFaultsThanPagesTaken) {
  recipe("memory-taken-by-others");
  process().major_where_taken = 2000;
  EXPECT_EQ(found("memory-taken-by-others").evidence.at("faults"), 1024);
}

TEST_F(Outside, MemoryThatWasShortMayHaveTakenThemToo) {
  recipe("memory-taken-by-others");
  report.system.reclaim.emplace().kswapd_reclaimed = 10;
  EXPECT_EQ(found("memory-taken-by-others").severity, Severity::notice);
}

TEST_F(Outside, WhatDidNotTakePagesIsNotToBlame) {
  recipe("memory-taken-by-others");
  process().acts = {pageout_by(42, "worker", 1024)};  // itself
  EXPECT_TRUE(silent("memory-taken-by-others"));
  process().acts = {pageout_by(7, "trimmer", 0)};  // there were none to take
  EXPECT_TRUE(silent("memory-taken-by-others"));
  process().acts = {pageout_by(7, "trimmer", 1024)};
  process().acts->front().what = "MADV_COLD";
  EXPECT_TRUE(silent("memory-taken-by-others"));
  process().acts = {pageout_by(7, "trimmer", 1024)};
  process().major_where_taken = 0;  // nothing was read again
  EXPECT_TRUE(silent("memory-taken-by-others"));
  process().major_where_taken.reset();
  EXPECT_TRUE(silent("memory-taken-by-others"));
  process().acts.reset();
  process().major_where_taken = 1000;
  EXPECT_TRUE(silent("memory-taken-by-others"));
}

TEST_F(Outside, WhoMakesItFault) {
  const Finding finding = recipe("faults-by-others");
  EXPECT_EQ(finding.severity, Severity::notice);
  EXPECT_EQ(finding.evidence, (Evidence{{"faults", 100}, {"by_pid", 7}, {"calls", 2}, {"time_ns", 100'000}}));
  EXPECT_TRUE(finding.title.ends_with(", criu (pid 7): 4 to clear_refs")) << finding.title;
  add_faults(process(), MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_SOFT_DIRTY, 100, 2'000'000);
  EXPECT_EQ(found("faults-by-others").severity, Severity::warning);
  process().acts->front().value = "1";  // clears what no fault comes of
  EXPECT_TRUE(silent("faults-by-others"));
  process().acts->front().value = "4";
  process().acts->front().by_itself = true;
  EXPECT_TRUE(silent("faults-by-others"));
}

TEST_F(Outside, AnActWithoutItsFaultsIsNoHarm) {
  process().acts = {{{.pid = 7, .comm = "mover", .call = "move_pages", .calls = 1},
                     {.pid = 8, .comm = "gdb", .call = "ptrace", .what = "attach", .calls = 1}}};
  add_faults(process(), MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_SOFT_DIRTY, 100);
  EXPECT_TRUE(silent("faults-by-others"));
  add_faults(process(), MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_MIGRATION, 3);
  EXPECT_EQ(found("faults-by-others").evidence.at("by_pid"), 7);
  EXPECT_EQ(found("faults-by-others").evidence.at("faults"), 3);
}

TEST_F(Outside, FindingsOfLockedMemorySayWho) {
  recipe("soft-dirty-tracking");
  EXPECT_TRUE(found("soft-dirty-tracking").title.ends_with(", by whom was not seen"));
  process().acts = {{{.pid = 7, .comm = "criu", .call = "write", .file = "clear_refs", .value = "4", .calls = 2}}};
  EXPECT_TRUE(found("soft-dirty-tracking").title.ends_with(", by criu (pid 7): 4 to clear_refs"));
  process().acts->front().by_itself = true;
  EXPECT_TRUE(found("soft-dirty-tracking").title.ends_with(", by the process itself: 4 to clear_refs"));
  process().acts.reset();
  EXPECT_TRUE(found("soft-dirty-tracking").title.ends_with("soft-dirty bits"));
}

TEST_F(Outside, PagesThatAreMovedForLargeOnes) {
  recipe("page-migration");
  report.system.acts = {{{.pid = 40, .comm = "kcompactd0", .call = "compaction", .calls = 2}}};
  EXPECT_TRUE(found("page-migration").title.ends_with(", memory was compacted meanwhile by kcompactd0 (pid 40)"));
  process().acts = {{{.pid = 7, .comm = "numad", .call = "migrate_pages", .calls = 1}}};
  EXPECT_TRUE(found("page-migration").title.ends_with(", by numad (pid 7): migrate_pages"));
}

// A lock that is held by mmap is held to lock memory only under MCL_FUTURE; the sum says how much of it was.
TEST_F(Contention, WhoHeldTheLockIsNamedWhereItIsKnown) {
  recipe("lock-holds-up-threads");
  const auto by = [&](std::uint64_t mlock_ns, std::uint64_t mmap_ns, std::uint64_t locking_ns) {
    LockWaits& waits = *process().locks.mmap_lock;
    waits.holders = {{MLT_CALL_MLOCK, "mlock", {1, mlock_ns}}, {MLT_CALL_MMAP, "mmap", {1, mmap_ns}}};
    std::ranges::sort(waits.holders, std::greater(), [](const HolderWaits& holder) { return holder.waits.time_ns; });
    waits.all.time_ns = mlock_ns + mmap_ns;
    waits.while_locking.time_ns = locking_ns;
    const std::string title = found("lock-holds-up-threads").title;
    const std::size_t at = title.find(", mostly by ");
    return at == std::string::npos ? "" : title.substr(at + 12);
  };
  constexpr std::uint64_t kMs = 1'000'000;
  EXPECT_EQ(by(37 * kMs, 38 * kMs, 37 * kMs), "mlock");
  EXPECT_EQ(by(37 * kMs, 38 * kMs, 75 * kMs), "mmap");
  EXPECT_EQ(by(37 * kMs, 90 * kMs, 60 * kMs), "mlock");
  EXPECT_EQ(by(37 * kMs, 90 * kMs, 80 * kMs), "");
}

TEST_F(Contention, NeitherHidesTheOther) {
  recipe("mmap-lock-contention");
  recipe("lock-holds-up-threads");
  process().locks.mmap_lock->all.time_ns += 100'000'000;
  process().locks.mmap_lock->while_locking.time_ns += 100'000'000;
  EXPECT_EQ(found("lock-holds-up-threads").evidence.at("time_ns"), 300'000'000);
  EXPECT_EQ(found("mmap-lock-contention").evidence.at("time_ns"), 200'000'000);
}

// --- address space, machine, swap ----------------------------------------------------------------------------------

TEST_F(AddressSpace, Fragmentation) {
  EXPECT_EQ(recipe("vma-fragmentation").evidence,
            (Evidence{{"calls", 32}, {"splits", 63}, {"merges", 0}, {"mappings", 40}}));
  process().locks.totals[0].vma_merges = 40;  // most were merged again
  EXPECT_TRUE(silent("vma-fragmentation"));
  process().locks.totals[0].vma_merges = 0;
  process().vma.splits.reset();
  EXPECT_TRUE(silent("vma-fragmentation"));
}

TEST_F(AddressSpace, TheBoundOfMappings) {
  EXPECT_EQ(recipe("vma-limit-near").severity, Severity::warning);
  process().vma.count.peak = 60'000;
  EXPECT_EQ(found("vma-limit-near").severity, Severity::problem);
  EXPECT_EQ(found("vma-limit-near").evidence, (Evidence{{"mappings", 60'000}, {"max_map_count", 65530}}));
  process().vma.max_map_count.reset();
  EXPECT_TRUE(silent("vma-limit-near"));
}

TEST_F(Machine, GrowthNeedsAMinute) {
  process().pages.to_unevictable = 9000;
  process().pages.rescued = 1000;
  EXPECT_EQ(recipe("unevictable-growth").evidence, (Evidence{{"growth_bytes", 40'960'000},
                                                             {"memory_bytes", 1 << 30},
                                                             {"largest_pid", 42},
                                                             {"largest_bytes", 8000 * 4096}}));
  report.window.duration_ns = 30 * kSecond;
  EXPECT_TRUE(silent("unevictable-growth"));
}

TEST_F(Machine, MemoryHighBySharesOfTheTime) {
  const Finding seen = recipe("memory-high-exceeded");
  EXPECT_EQ(seen.severity, Severity::problem);
  EXPECT_TRUE(seen.title.ends_with("(/)")) << seen.title;
  EXPECT_EQ(seen.evidence, (Evidence{{"times", 12}, {"limit_bytes", 512 << 20}, {"stalled_ns", 3'000'000'000}}));
  MemoryHighLimit& limit = report.system.memory_high[1];
  limit.stalled_ns = 1000;
  EXPECT_EQ(found("memory-high-exceeded").severity, Severity::notice);
  limit.stalled_ns.reset();
  EXPECT_EQ(found("memory-high-exceeded").severity, Severity::warning) << "no PSI";
  limit.exceeded = 0;
  EXPECT_TRUE(silent("memory-high-exceeded")) << "others waited";
}

TEST_F(Machine, ShareOfMemory) {
  EXPECT_EQ(recipe("unevictable-high").evidence.at("unevictable_bytes"), 150'000 * 4096);
  report.host.memory_bytes.reset();
  EXPECT_TRUE(silent("unevictable-high"));
}

TEST_F(Machine, ReclaimThatGetsNothing) {
  EXPECT_EQ(recipe("reclaim-inefficient").evidence, (Evidence{{"scanned", 9000}, {"reclaimed", 1000}, {"stalls", 2}}));
  report.system.vmstat["pgsteal_direct"] = 5000;
  EXPECT_TRUE(silent("reclaim-inefficient"));
}

TEST_F(SwapRules, AStormIsARate) {
  process().swap->in_major = 900;
  process().swap->in_read = 900;
  process().swap->in_ns = 5'000'000;
  EXPECT_EQ(recipe("swap-in-storm").evidence,
            (Evidence{{"pages", 20'000}, {"pages_per_s", 2000}, {"read", 900}, {"time_ns", 5'000'000}}));
  // Some read, and whose is not known; nobody did.
  process().swap->in_read.reset();
  EXPECT_FALSE(found("swap-in-storm").evidence.contains("read"));
  process().swap->in_read = 0;
  EXPECT_TRUE(silent("swap-in-storm"));
  process().swap->in_read = 900;
  report.window.duration_ns = 60 * kSecond;
  EXPECT_TRUE(silent("swap-in-storm"));
  process().swap.reset();
  EXPECT_TRUE(silent("swap-in-storm"));
}

TEST_F(SwapRules, ForkAndExit) {
  EXPECT_EQ(recipe("fork-copies-swap").severity, Severity::notice);
  process().swap->duplicate_ns = 30'000'000;
  EXPECT_EQ(found("fork-copies-swap").severity, Severity::warning);
  EXPECT_EQ(found("fork-copies-swap").evidence, (Evidence{{"entries", 1024}, {"time_ns", 30'000'000}}));
  EXPECT_EQ(recipe("exit-frees-swap").evidence, (Evidence{{"entries", 1024}, {"time_ns", 20'000'000}}));
  process().exited = false;
  EXPECT_TRUE(silent("exit-frees-swap"));
}

TEST_F(SwapRules, Guests) {
  EXPECT_EQ(recipe("guest-memory-swapped").evidence, (Evidence{{"pages", 3}, {"locked_bytes", 0}}));
  process().comm = "worker";
  EXPECT_TRUE(silent("guest-memory-swapped"));
}

// --- storms --------------------------------------------------------------------------------------------------------

TEST_F(StormRules, UnusualAndCostlyIsAWarning) {
  const Finding finding = recipe("fault-storm");
  EXPECT_EQ(finding.severity, Severity::warning);
  EXPECT_EQ(finding.title,
            "page faults came in a storm, mostly first_touch, mostly in [heap], mostly by thread 43, after "
            "madvise(0x10000, 4 MiB, MADV_DONTNEED)");
  EXPECT_EQ(finding.evidence, (Evidence{{"storms", 1},
                                        {"faults", 300'000},
                                        {"time_ns", static_cast<std::int64_t>(kSecond)},
                                        {"longest_ns", static_cast<std::int64_t>(4 * kSecond)},
                                        {"peak_per_s", 90'000},
                                        {"usual_per_s", 500}}));
  report.storms[0].vma.clear();
  report.storms[0].tid = 0;
  report.storms[0].trigger = StormCall{kSecond, 42, "fork", ""};
  EXPECT_EQ(found("fault-storm").title, "page faults came in a storm, mostly first_touch, after fork");
  report.storms[0].time_ns = kSecond / 10;
  EXPECT_EQ(found("fault-storm").severity, Severity::notice);
  report.storms[0].time_ns = kSecond;
  report.storms[0].baseline_per_s.reset();
  EXPECT_EQ(found("fault-storm").severity, Severity::notice);
  report.storms[0].pid = 43;
  EXPECT_TRUE(silent("fault-storm"));
}

// The most frequent cause, the mapping with most and the thread with most need not be of the same faults.
TEST_F(StormRules, WhatIsNotTrueOfMostIsNotSaid) {
  recipe("fault-storm");
  Storm& storm = report.storms[0];
  storm.trigger.reset();
  storm.cause_faults = storm.vma_faults = storm.tid_faults = storm.faults / 2;
  EXPECT_EQ(found("fault-storm").title, "page faults came in a storm");
  storm.vma_faults = storm.faults / 2 + 1;
  EXPECT_EQ(found("fault-storm").title, "page faults came in a storm, mostly in [heap]");
  report.storms.push_back(storm);
  report.storms[1].duration_ns -= 1;
  EXPECT_EQ(found("fault-storm").title, "page faults came in a storm 2 times, the longest, mostly in [heap]");
}

TEST_F(StormRules, ReadsThatLast) {
  EXPECT_EQ(recipe("major-fault-storm").severity, Severity::notice);
  EXPECT_EQ(found("major-fault-storm").evidence.at("major_per_s"), 40);
  report.window.duration_ns = 60 * kSecond;
  EXPECT_TRUE(silent("major-fault-storm"));
  add_faults(process(), MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_SWAP_IN, 0, 10'000'000, 600);
  EXPECT_EQ(found("major-fault-storm").severity, Severity::warning);
}

// --- failed calls --------------------------------------------------------------------------------------------------

TEST_F(FailedCalls, OverTheLimit) {
  for (const std::uint64_t mib : {4, 6, 5}) {
    LockCall& call = add_call(process(), MLT_CALL_MLOCK, -ENOMEM);
    call.rule = CallRule::over_limit;
    call.range_bytes = mib * kMiB;
    call.locked_bytes_after = 4 * kMiB;
  }
  add_call(process(), MLT_CALL_MLOCKALL, -ENOMEM).rule = CallRule::vm_size_over_limit;
  const Finding finding = found("lock-over-limit");
  EXPECT_EQ(finding.severity, Severity::problem);
  EXPECT_EQ(finding.title, "locking failed, RLIMIT_MEMLOCK is too small: mlock");
  const auto mib = static_cast<std::int64_t>(kMiB);
  EXPECT_EQ(finding.evidence, (Evidence{{"calls", 4},
                                        {"range_bytes", 6 * mib},
                                        {"locked_bytes", 4 * mib},
                                        {"limit_bytes", 8 * mib},
                                        {"missing_bytes", 2 * mib}}));
}

// The process's own may be another one by then.
TEST_F(FailedCalls, TheLimitIsThatOfTheCall) {
  recipe("lock-over-limit");
  process().locks.calls[0].limit_bytes = 4096;
  EXPECT_EQ(found("lock-over-limit").evidence.at("limit_bytes"), 4096);
  EXPECT_EQ(found("lock-over-limit").evidence.at("missing_bytes"), 4096);
  recipe("allocation-refused-under-mcl-future");
  process().locks.calls[1].limit_bytes = 8192;
  EXPECT_EQ(found("allocation-refused-under-mcl-future").evidence.at("limit_bytes"), 8192);
}

TEST_F(FailedCalls, MlockallAlone) {
  LockCall& call = add_call(process(), MLT_CALL_MLOCKALL, -ENOMEM);
  call.rule = CallRule::vm_size_over_limit;
  call.range_bytes = 0;
  EXPECT_EQ(found("lock-over-limit").title, "locking failed, RLIMIT_MEMLOCK is too small: mlockall");
  EXPECT_FALSE(found("lock-over-limit").evidence.contains("missing_bytes"));
}

TEST_F(FailedCalls, TheBoundOfMappings) {
  EXPECT_EQ(recipe("lock-too-many-mappings").evidence.at("max_map_count"), 200);
  // The setting may have been another one at the call: that of the trace proves nothing.
  process().locks.calls[0].max_map_count.reset();
  EXPECT_FALSE(found("lock-too-many-mappings").evidence.contains("max_map_count"));
}

TEST_F(FailedCalls, SuccessesAreNone) {
  add_call(process(), MLT_CALL_MLOCK);
  EXPECT_TRUE(find(report, options).empty());
}

// Of EINVAL there is one rule: the exact total, also of calls that are not listed. Of ENOMEM there are several.
TEST_F(FailedCalls, ExactTotalsWhereAnErrorHasOneRule) {
  recipe("lock-bad-argument");
  CallTotals totals;
  totals.call = MLT_CALL_MLOCK;
  totals.errors = 10'305 + 7;
  totals.errors_by_errno = {{"EINVAL", 10'305}, {"ENOMEM", 7}};
  process().locks.totals.push_back(totals);
  process().locks.calls_not_kept = 9'000;
  EXPECT_EQ(found("lock-bad-argument").evidence.at("calls"), 10'305);
  add_call(process(), MLT_CALL_MLOCK, -ENOMEM).rule = CallRule::hole;
  const Finding hole = found("lock-hole");
  EXPECT_EQ(hole.evidence.at("calls"), 1);
  EXPECT_TRUE(hole.title.ends_with("(of the 2 calls that are listed)")) << hole.title;
}

TEST_F(FailedCalls, ACapabilityThatDoesNotCount) {
  recipe("lock-over-limit");
  LockCall& call = process().locks.calls[0];
  EXPECT_NE(found("lock-over-limit").advice.find("give the program CAP_IPC_LOCK"), std::string::npos);
  call.cap_elsewhere = true;
  const Finding finding = found("lock-over-limit");
  EXPECT_EQ(finding.advice.find("give the program CAP_IPC_LOCK"), std::string::npos) << finding.advice;
  EXPECT_NE(finding.title.find("user namespace"), std::string::npos) << finding.title;
}

TEST_F(FailedCalls, HowMuchWouldBeEnough) {
  recipe("lock-over-limit");
  process().locks.calls[0].needed_for_mapping_bytes = 16 * kMiB;
  process().locks.calls[0].needed_for_all_bytes = 20 * kMiB;
  const Finding finding = found("lock-over-limit");
  EXPECT_EQ(finding.evidence.at("needed_for_mapping_bytes"), 16 * static_cast<std::int64_t>(kMiB));
  EXPECT_EQ(finding.evidence.at("needed_for_all_bytes"), 20 * static_cast<std::int64_t>(kMiB));
  EXPECT_NE(finding.title.find("for the whole mapping 16 MiB would do"), std::string::npos) << finding.title;
}

TEST_F(FailedCalls, WhatOthersHoldIsNotPartOfALock) {
  recipe("lock-over-limit");
  LockCall& call = process().locks.calls[0];
  call.user_locked_bytes = call.pinned_bytes = 0;
  EXPECT_FALSE(found("lock-over-limit").evidence.contains("user_locked_bytes"));
  EXPECT_EQ(found("lock-over-limit").title.find("io_uring"), std::string::npos);
  call.user_locked_bytes = 2 * kMiB;
  Finding finding = found("lock-over-limit");
  EXPECT_EQ(finding.evidence.at("user_locked_bytes"), 2 * static_cast<std::int64_t>(kMiB));
  EXPECT_FALSE(finding.evidence.contains("pinned_bytes"));
  EXPECT_TRUE(finding.title.ends_with("have accounted to its user (2 MiB)")) << finding.title;
  call.pinned_bytes = kMiB;
  finding = found("lock-over-limit");
  EXPECT_TRUE(finding.title.ends_with("have accounted to its user (2 MiB) or pinned in it (1 MiB)")) << finding.title;
}

TEST_F(FailedCalls, OfOthersByTheLimit) {
  const Finding finding = recipe("memlock-limit-of-others");
  EXPECT_EQ(finding.severity, Severity::warning);
  EXPECT_TRUE(finding.title.ends_with(
      ": io_uring 3 times (ENOMEM), 32 KiB beside the 48 KiB that its user has, limit 64 KiB; 80 KiB would do"))
      << finding.title;
  EXPECT_EQ(finding.evidence, (Evidence{{"calls", 3},
                                        {"limit_bytes", 65536},
                                        {"wanted_bytes", 32768},
                                        {"user_locked_bytes", 49152},
                                        {"pinned_bytes", 16384},
                                        {"enough_bytes", 81920}}));
  EXPECT_NE(finding.advice.find("CAP_IPC_LOCK"), std::string::npos);
  EXPECT_EQ(finding.advice.find("5.11"), std::string::npos);
}

TEST_F(FailedCalls, OfOthersWhatIsNotKnownIsNotSaid) {
  recipe("memlock-limit-of-others");
  std::vector<LimitRefusals>& all = *process().locks.limit_refusals;
  all[0].wanted_bytes.reset();
  all[0].user_locked_bytes.reset();
  all[0].enough_bytes.reset();
  EXPECT_TRUE(found("memlock-limit-of-others").title.ends_with(": io_uring 3 times (ENOMEM), limit 64 KiB"));
  EXPECT_FALSE(found("memlock-limit-of-others").evidence.contains("user_locked_bytes"));
  LimitRefusals& bpf = all.emplace_back();
  bpf.kind = MLT_LIMITED_BPF;
  bpf.calls = 1;
  bpf.error = "EPERM";
  bpf.limit_bytes = 65536;
  const Finding both = found("memlock-limit-of-others");
  EXPECT_EQ(both.evidence.at("calls"), 4);
  EXPECT_NE(both.advice.find("Linux 5.11"), std::string::npos) << both.advice;
  all.clear();
  EXPECT_TRUE(silent("memlock-limit-of-others"));
  process().locks.limit_refusals.reset();
  EXPECT_TRUE(silent("memlock-limit-of-others"));
}

// --- faults that failed --------------------------------------------------------------------------------------------

TEST_F(FailedFaultsTest, AreAsGraveAsWhatCameOfThem) {
  const Finding caught = recipe("fault-beyond-file");
  EXPECT_EQ(caught.severity, Severity::warning);
  EXPECT_EQ(caught.evidence.at("faults"), 3);
  EXPECT_TRUE(caught.title.ends_with(": write at /dev/shm/ring (rw-s), SIGBUS: so it is")) << caught.title;
  FailedFaults& failed = process().faults.failed->front();
  failed.signals = 0;  // of a call, which got an error
  EXPECT_EQ(found("fault-beyond-file").severity, Severity::notice);
  failed.ended_process = true;
  EXPECT_EQ(found("fault-beyond-file").severity, Severity::problem);
  process().faults.failed.reset();
  EXPECT_TRUE(silent("fault-beyond-file"));
}

// A garbage collector may live by it.
TEST_F(FailedFaultsTest, OfProtectionAreNoHarmWhereTheProgramGoesOn) {
  EXPECT_EQ(recipe("fault-not-permitted").severity, Severity::notice);
  EXPECT_TRUE(silent("ended-by-fault"));
  process().faults.failed->front().ended_process = true;
  EXPECT_EQ(found("ended-by-fault").severity, Severity::problem);
}

TEST_F(FailedFaultsTest, TheOomKillerIsNamedWithItsLimit) {
  const Finding finding = recipe("ended-by-oom-killer");
  EXPECT_EQ(finding.evidence, (Evidence{{"limit_bytes", 8 * static_cast<std::int64_t>(kMiB)},
                                        {"locked_bytes", static_cast<std::int64_t>(kMiB)},
                                        {"used_bytes", 8 * static_cast<std::int64_t>(kMiB)}}));
  EXPECT_TRUE(finding.title.ends_with(": at the memory limit of cgroup /db.slice, with 1 MiB locked")) << finding.title;
  process().ending->oom_killed = false;  // somebody else sent SIGKILL
  EXPECT_TRUE(silent("ended-by-oom-killer"));
}

// --- false alarms --------------------------------------------------------------------------------------------------

TEST_F(FalseAlarms, PopulateIsTheLockAtWork) {
  EXPECT_EQ(recipe("populate-burst").evidence, (Evidence{{"faults", 4096}, {"time_ns", 4'096'000}}));
  EXPECT_TRUE(silent("populate-without-lock"));
  add_faults(process(), MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_FIRST_TOUCH, 4096);
  EXPECT_TRUE(silent("populate-burst"));
}

TEST_F(FalseAlarms, PopulateOfWhatIsNotLockedIsNoLock) {
  EXPECT_EQ(recipe("populate-without-lock").evidence,
            (Evidence{{"faults", 4096}, {"time_ns", 4'096'000}, {"by_call", 4096}}));
  EXPECT_EQ(found("populate-without-lock").title,
            "most faults are calls making pages present, and no lock, mostly by madvise");
  EXPECT_TRUE(silent("populate-burst"));
  // Of a call that is not followed: read(2) with O_DIRECT.
  process().locks.totals[0].unlocked_populate_faults = 2048;
  EXPECT_EQ(found("populate-without-lock").title,
            "most faults are calls making pages present, and no lock (by which call is not known)");
  process().locks.totals[0].unlocked_populate_faults.reset();
  EXPECT_FALSE(found("populate-without-lock").evidence.contains("by_call"));
}

TEST_F(FalseAlarms, WhereTheMappingIsNotSeenNobodyKnowsWhetherItIsALock) {
  add_faults(process(), MLT_ORIGIN_POPULATE, MLT_LOCK_UNKNOWN, MLT_CAUSE_FIRST_TOUCH, 4096);
  EXPECT_TRUE(silent("populate-burst"));
  EXPECT_TRUE(silent("populate-without-lock"));
}

TEST_F(FalseAlarms, ReadsAreReallyMajor) {
  add_faults(process(), MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_FILE_READ, 0, 1000, 64);
  add_faults(process(), MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_SWAP_IN, 0, 1000, 64);
  add_faults(process(), MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_UNKNOWN, 0, 1000, 64);
  EXPECT_TRUE(silent("major-without-io"));
  EXPECT_EQ(recipe("major-without-io").evidence, (Evidence{{"major", 64}}));
}

TEST_F(FalseAlarms, FaultsThatCostLittle) {
  EXPECT_EQ(recipe("cheap-faults").evidence.at("faults"), 20'000);
  // Half of them began before the trace: their time is not known.
  process().faults.by_origin[MLT_ORIGIN_ACCESS]->untimed = 10'000;
  EXPECT_TRUE(silent("cheap-faults"));
  process().faults.by_origin[MLT_ORIGIN_ACCESS]->untimed = 0;
  report.window.duration_ns = 60 * kSecond;
  EXPECT_TRUE(silent("cheap-faults"));
}

TEST_F(FalseAlarms, TheVdsoConcernsThoseWhoLock) {
  EXPECT_EQ(recipe("vdso-data-page").severity, Severity::info);
  process().locks.locked_bytes.peak = 0;
  EXPECT_TRUE(silent("vdso-data-page"));
}

}  // namespace
}  // namespace mlt
