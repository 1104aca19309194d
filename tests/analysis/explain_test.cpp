#include "analysis/explain.h"

#include <gtest/gtest.h>
#include <linux/mman.h>
#include <sys/mman.h>

#include <cerrno>

#include "analysis/trace.h"

namespace mlt {
namespace {

using fixtures::call_event;

constexpr std::uint64_t kAddress = 0x7f5c00000000;
constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kVmLocked = 0x2000;
// From kAddress on beyond the end of the address space.
constexpr std::uint64_t kTooLong = ~std::uint64_t{0} - 2 * kPage + 1;

CallContext limited(std::uint64_t limit) {
  CallContext context;
  context.limit_bytes = limit;
  context.limit_is_current = true;
  return context;
}

CallContext unlimited() {
  CallContext context;
  context.unlimited = true;
  context.limit_is_current = true;
  return context;
}

// Everything is known: 40 mappings of 65530, nothing locked before.
CallContext all_known(std::uint64_t limit) {
  CallContext context = limited(limit);
  context.locked_before_bytes = 0;
  context.vma_count = 40;
  context.max_map_count = 65530;
  context.sees_populate = true;
  return context;
}

Explanation explain_call(const mlt_event_call& call, const CallContext& context) {
  return mlt::explain_call(call, {}, context);
}

CallRange range(RangeKind kind, const std::string& explain = "") {
  CallRange range;
  range.kind = kind;
  range.start = kAddress;
  range.end = kAddress + 4 * kPage;
  range.explain = explain;
  return range;
}

void expect(const mlt_event_call& call, const CallContext& context, CallRule rule, const std::string& text,
            const std::vector<CallRange>& ranges = {}) {
  const Explanation explanation = mlt::explain_call(call, ranges, context);
  EXPECT_EQ(explanation.rule, rule) << explanation.text;
  EXPECT_EQ(explanation.text, text);
}

mlt_event_call lock(std::uint64_t length, std::int64_t ret, std::uint64_t locked_pages = 0) {
  mlt_event_call call = call_event(MLT_CALL_MLOCK, {kAddress, length}, ret);
  call.locked_pages = locked_pages;
  return call;
}

// --- may not lock at all -------------------------------------------------------------------------------------------

TEST(ExplainPermission, TheLimitIsZero) {
  expect(lock(kPage, -EPERM), limited(0), CallRule::limit_zero,
         "RLIMIT_MEMLOCK is 0 and the thread lacks CAP_IPC_LOCK: raise the limit");
}

TEST(ExplainPermission, SomebodyElseDecided) {
  CallContext context = limited(65536);
  expect(lock(kPage, -EPERM), context, CallRule::policy,
         "refused although RLIMIT_MEMLOCK is 64 KiB, not 0: a seccomp filter or a security module decided");
  context.seccomp_filter = true;
  expect(lock(kPage, -EPERM), context, CallRule::policy,
         "refused although RLIMIT_MEMLOCK is 64 KiB, not 0: its seccomp filter, or a security module, decided");
  context = unlimited();
  context.seccomp_filter = false;
  expect(lock(kPage, -EPERM), context, CallRule::policy,
         "refused although RLIMIT_MEMLOCK does not bind: it has no seccomp filter, so a security module decided");
}

TEST(ExplainPermission, AFilterThatWasSeenToAnswer) {
  mlt_event_call call = lock(kPage, -EPERM);
  call.was_filtered = 1;
  expect(call, limited(0), CallRule::policy, "a seccomp filter refused it: the kernel never looked at RLIMIT_MEMLOCK");
}

TEST(ExplainPermission, ACapabilityOfAnotherUserNamespace) {
  CallContext context = limited(0);
  context.cap_elsewhere = true;
  expect(lock(kPage, -EPERM), context, CallRule::limit_zero,
         "RLIMIT_MEMLOCK is 0, and the CAP_IPC_LOCK that the thread has is in vain outside the initial user namespace: "
         "raise the limit");
}

TEST(ExplainPermission, TheLimitIsNotKnown) {
  EXPECT_EQ(explain_call(lock(kPage, -EPERM), {}).rule, CallRule::undetermined);
}

// A program that sets its own limit, or drops its capabilities, and is gone when the trace ends.
TEST(ExplainPermission, WhatWasTrueBeforeTheTraceProvesNothing) {
  for (CallContext context : {limited(65536), unlimited()}) {
    context.limit_is_current = false;
    EXPECT_EQ(explain_call(lock(kPage, -EPERM), context).rule, CallRule::undetermined);
    expect(
        lock(kPage, -ENOMEM), context, CallRule::undetermined,
        "RLIMIT_MEMLOCK would be exceeded, or part of the range is not mapped or cannot be populated, or the process "
        "had too many mappings, or the kernel no memory for another one; what came before that part stays locked");
    EXPECT_EQ(explain_call(call_event(MLT_CALL_MLOCKALL, {MCL_CURRENT}, -ENOMEM), context).rule,
              CallRule::vm_size_over_limit);
  }
}

TEST(ExplainPermission, OfMappingsOnlyThoseThatAskForALock) {
  mlt_event_call call = call_event(MLT_CALL_MMAP, {0, kPage, PROT_EXEC, MAP_SHARED}, -EPERM);
  expect(call, limited(0), CallRule::none, "");
  call.args[3] |= MAP_LOCKED;
  EXPECT_EQ(explain_call(call, limited(0)).rule, CallRule::limit_zero);
}

// --- the limit -----------------------------------------------------------------------------------------------------

TEST(ExplainLimit, TheFiguresThatWereCompared) {
  mlt_event_call call = lock(40960, -ENOMEM, 10);
  const char* text = "40 KiB more would exceed RLIMIT_MEMLOCK: 40 KiB locked, limit 64 KiB; 80 KiB would do";
  expect(call, limited(65536), CallRule::over_limit, text);
  call.head.call = MLT_CALL_MLOCK2;
  expect(call, limited(65536), CallRule::over_limit, text);
  expect(lock(40960, -ENOMEM), limited(40959), CallRule::over_limit,
         "40 KiB more would exceed RLIMIT_MEMLOCK: 0 B locked, limit 40 KiB; 40 KiB would do");
}

TEST(ExplainLimit, ExactlyUpToTheLimitIsAllowed) {
  EXPECT_NE(explain_call(lock(24576, -ENOMEM, 10), limited(65536)).rule, CallRule::over_limit);
  EXPECT_NE(explain_call(lock(kMiB, -ENOMEM, 10), unlimited()).rule, CallRule::over_limit);
}

TEST(ExplainLimit, PagesOfTheHost) {
  CallContext context = limited(65536);
  context.page_size = 65536;
  expect(lock(65536, -ENOMEM, 1), context, CallRule::over_limit,
         "64 KiB more would exceed RLIMIT_MEMLOCK: 64 KiB locked, limit 64 KiB; 128 KiB would do");
}

// The kernel locks whole pages: 4096 bytes that begin within a page are two.
TEST(ExplainLimit, WholePagesCount) {
  mlt_event_call call = lock(kPage, -ENOMEM, 15);
  call.args[0] += 1;
  EXPECT_EQ(explain_call(call, limited(65536)).rule, CallRule::over_limit);
}

TEST(ExplainLimit, HugeLengthsDoNotWrapAround) {
  const mlt_event_call call = call_event(MLT_CALL_MLOCK, {0, ~std::uint64_t{0} - kPage + 1}, -ENOMEM);
  EXPECT_EQ(explain_call(call, limited(65536)).rule, CallRule::over_limit);
}

// The kernel asks for the limit before it touches a mapping.
TEST(ExplainLimit, ACallThatGotFurtherWasNotStoppedByIt) {
  mlt_event_call call = lock(40960, -ENOMEM, 10);
  call.vma_splits = 1;
  EXPECT_NE(explain_call(call, limited(65536)).rule, CallRule::over_limit);
  EXPECT_NE(explain_call(lock(40960, -ENOMEM, 10), all_known(65536)).rule, CallRule::over_limit);
}

TEST(ExplainLimit, MlockallComparesTheAddressSpace) {
  const mlt_event_call call = call_event(MLT_CALL_MLOCKALL, {MCL_CURRENT}, -ENOMEM);
  CallContext context = limited(65536);
  expect(call, context, CallRule::vm_size_over_limit,
         "the whole address space (VmSize) is larger than RLIMIT_MEMLOCK; raise the limit above VmSize, or mlock only "
         "what must be locked");
  context.vm_size_bytes = 12 * kMiB;
  expect(call, context, CallRule::vm_size_over_limit,
         "the whole address space (VmSize) is larger than RLIMIT_MEMLOCK: 12 MiB, limit 64 KiB; raise the limit above "
         "VmSize, or mlock only what must be locked");
  expect(call, unlimited(), CallRule::none, "");
}

TEST(ExplainLimit, MappingsUnderMclFuture) {
  mlt_event_call call = call_event(MLT_CALL_MMAP, {0, kMiB, PROT_READ, MAP_PRIVATE}, -EAGAIN);
  call.locked_pages = 16;
  call.def_flags = kVmLocked;
  expect(call, limited(65536), CallRule::over_limit,
         "1 MiB more would exceed RLIMIT_MEMLOCK: 64 KiB locked, limit 64 KiB; 1.06 MiB would do; MCL_FUTURE is in "
         "force, so whatever is mapped counts");
  expect(
      call, {}, CallRule::over_limit,
      "the mapping would exceed RLIMIT_MEMLOCK (64 KiB locked); MCL_FUTURE is in force, so whatever is mapped counts");
  call.args[3] |= MAP_LOCKED;
  expect(call, {}, CallRule::over_limit,
         "the mapping would exceed RLIMIT_MEMLOCK (64 KiB locked); MAP_LOCKED asks for a lock");
}

// The kernel counts no page twice.
TEST(ExplainLimit, WhatOfTheRangeIsLockedAlreadyDoesNotCountAgain) {
  mlt_event_call call = lock(400 * 1024, -ENOMEM, 40);
  call.limits.range_locked_bytes = 40 * 4096;
  expect(call, limited(80 * 4096), CallRule::over_limit,
         "240 KiB more would exceed RLIMIT_MEMLOCK: 160 KiB locked, limit 320 KiB; 400 KiB would do");
  // All of what comes before the hole was locked: the limit had no objection.
  call.args[0] = kAddress - 40 * 4096;
  call.args[1] = 60 * 4096;
  CallContext context = limited(80 * 4096);
  context.limit_is_current = true;
  expect(call, context, CallRule::hole,
         "nothing is mapped at 0x7f5c00000000-0x7f5c00004000; what came before that part stays locked",
         {range(RangeKind::hole)});
}

TEST(ExplainLimit, MremapCountsWhatItGrowsBy) {
  mlt_event_call call = call_event(MLT_CALL_MREMAP, {kAddress, kMiB, kMiB + kPage}, -EAGAIN);
  call.locked_pages = 256;
  expect(call, limited(kMiB), CallRule::over_limit,
         "4 KiB more would exceed RLIMIT_MEMLOCK: 1 MiB locked, limit 1 MiB; 1 MiB would do; a locked mapping stays "
         "locked when it grows");
}

// brk does not fail: it returns the break that was.
TEST(ExplainLimit, BrkThatStays) {
  mlt_event_call call = call_event(MLT_CALL_BRK, {0x55d000021000}, 0x55d000000000);
  expect(call, limited(65536), CallRule::none, "");
  call.def_flags = kVmLocked;
  EXPECT_EQ(explain_call(call, limited(65536)).rule, CallRule::over_limit);
  expect(call, unlimited(), CallRule::none, "");
  call.args[0] = 0;
  expect(call, limited(65536), CallRule::none, "");
}

// --- mappings ------------------------------------------------------------------------------------------------------

TEST(ExplainMappings, AHole) {
  const std::vector<CallRange> hole = {range(RangeKind::hole)};
  expect(lock(kMiB, -ENOMEM, 16), all_known(64 * kMiB), CallRule::hole,
         "nothing is mapped at 0x7f5c00000000-0x7f5c00004000; what came before that part stays locked (64 KiB)", hole);
  expect(lock(kMiB, -ENOMEM), all_known(64 * kMiB), CallRule::hole,
         "nothing is mapped at 0x7f5c00000000-0x7f5c00004000; what came before that part stays locked", hole);
}

// The limit comes before the mappings, and stops a call whatever is in its range.
TEST(ExplainMappings, AHoleBehindTheLimit) {
  EXPECT_EQ(mlt::explain_call(lock(kMiB, -ENOMEM), {range(RangeKind::hole)}, limited(65536)).rule,
            CallRule::over_limit);
}

TEST(ExplainMappings, PopulateFailed) {
  mlt_event_call call = lock(kMiB, -ENOMEM, 256);
  expect(call, all_known(64 * kMiB), CallRule::not_populated,
         "pages could not be made present at 0x7f5c00000000-0x7f5c00004000: the mapping is ---p; the whole range is "
         "locked all the same",
         {range(RangeKind::absent, "the mapping is ---p")});
  expect(call, all_known(64 * kMiB), CallRule::not_populated,
         "pages could not be made present at 0x7f5c00000000-0x7f5c00004000: why is not known; the whole range is "
         "locked all the same",
         {range(RangeKind::absent)});
  call.populate_ns = 1;
  expect(call, all_known(64 * kMiB), CallRule::not_populated,
         "a page could not be made present, why was not seen; the whole range is locked all the same");
  // Where populate is not seen: all of the range is locked, so it came that far.
  EXPECT_EQ(explain_call(lock(kMiB, -ENOMEM, 256), all_known(64 * kMiB)).rule, CallRule::not_populated);
}

TEST(ExplainMappings, TooMany) {
  CallContext context = all_known(64 * kMiB);
  context.vma_count = 65529;
  expect(lock(kPage, -ENOMEM), context, CallRule::too_many_mappings,
         "a mapping had to be split, and the process has 65,529 of at most 65,530 (vm.max_map_count): lock one large "
         "area instead of many small ones, or raise it");
  // At the call itself a split is refused at the bound, and not before.
  context.max_map_count_is_current = true;
  EXPECT_EQ(explain_call(lock(kPage, -ENOMEM), context).rule, CallRule::undetermined);
  context.vma_count = 65530;
  EXPECT_EQ(explain_call(lock(kPage, -ENOMEM), context).rule, CallRule::too_many_mappings);
  // Nothing of what comes before the hole was locked: the call did not get to it.
  mlt_event_call before = lock(2 * kPage, -ENOMEM);
  before.args[0] = kAddress - kPage;
  EXPECT_EQ(mlt::explain_call(before, {range(RangeKind::hole)}, context).rule, CallRule::too_many_mappings);
  before.limits.range_locked_bytes = kPage;
  EXPECT_EQ(mlt::explain_call(before, {range(RangeKind::hole)}, context).rule, CallRule::hole);
  // A hole that was seen is one.
  EXPECT_EQ(mlt::explain_call(lock(kPage, -ENOMEM), {range(RangeKind::hole)}, context).rule, CallRule::hole);
}

// Not even where no other reason is left.
TEST(ExplainMappings, WhatWasSeenDoesNotTell) {
  expect(lock(kMiB, -ENOMEM), unlimited(), CallRule::undetermined,
         "part of the range is not mapped or cannot be populated, or the process had too many mappings, or the kernel "
         "no memory for another one; what came before that part stays locked");
  expect(lock(kMiB, -ENOMEM), all_known(64 * kMiB), CallRule::undetermined,
         "part of the range is not mapped, or the process had too many mappings, or the kernel no memory for another "
         "one; what came before that part stays locked");
}

TEST(ExplainMappings, UnlockingHasNoLimitAndLocksNothing) {
  mlt_event_call call = call_event(MLT_CALL_MUNLOCK, {kAddress, kMiB}, -ENOMEM);
  call.locked_pages = 10;
  expect(call, limited(65536), CallRule::undetermined,
         "part of the range is not mapped, or the process had too many mappings, or the kernel no memory for another "
         "one; what came before that part is unlocked, what comes after it stays locked");
  expect(call, all_known(65536), CallRule::hole,
         "nothing is mapped at 0x7f5c00000000-0x7f5c00004000; what came before that part is unlocked, what comes after "
         "it stays locked",
         {range(RangeKind::hole)});
}

// --- the rest of the failures --------------------------------------------------------------------------------------

TEST(ExplainError, ArgumentsThatAreWrong) {
  expect(call_event(MLT_CALL_MLOCKALL, {0x10}, -EINVAL), {}, CallRule::bad_argument,
         "flags must be MCL_CURRENT, MCL_FUTURE or both, with or without MCL_ONFAULT, and nothing else");
  expect(call_event(MLT_CALL_MLOCK2, {kAddress, kPage, 2}, -EINVAL), {}, CallRule::bad_argument,
         "the only flag is MLOCK_ONFAULT");
  for (const mlt_call call : {MLT_CALL_MLOCK, MLT_CALL_MUNLOCK})
    expect(call_event(call, {kAddress, kTooLong}, -EINVAL), {}, CallRule::bad_argument, "address plus length overflow");
  // With a flag that exists, mlock2 fails as mlock does.
  for (const std::uint64_t flags : {0, MLOCK_ONFAULT})
    expect(call_event(MLT_CALL_MLOCK2, {kAddress, kTooLong, flags}, -EINVAL), {}, CallRule::bad_argument,
           "address plus length overflow");
}

// Under MCL_FUTURE every failing mmap and mremap is recorded; most of their EINVALs have nothing to do with overflow.
TEST(ExplainError, MappingCallsHaveReasonsOfTheirOwn) {
  expect(call_event(MLT_CALL_MMAP, {0, 0, PROT_READ, MAP_PRIVATE}, -EINVAL), {}, CallRule::none, "");
  expect(call_event(MLT_CALL_MREMAP, {kAddress + 1, kPage, kPage, 0}, -EINVAL), {}, CallRule::none, "");
  expect(call_event(MLT_CALL_MMAP, {0, kMiB, PROT_READ, MAP_PRIVATE}, -ENOMEM), limited(0), CallRule::none, "");
  expect(call_event(MLT_CALL_MPROTECT, {kAddress, kPage, PROT_READ}, -EAGAIN), limited(0), CallRule::none, "");
}

TEST(ExplainError, NoMemory) {
  expect(lock(kPage, -EAGAIN), {}, CallRule::no_memory,
         "the memory to be locked could not be allocated: the machine, or the memory cgroup, has none left");
}

TEST(ExplainError, Killed) {
  expect(lock(kPage, -EINTR), {}, CallRule::none, "the process was killed while it waited for the call");
}

// --- successes -----------------------------------------------------------------------------------------------------

std::string success(const mlt_event_call& call, bool future_before = false) {
  CallContext context;
  context.future_before = future_before;
  const Explanation explanation = explain_call(call, context);
  EXPECT_EQ(explanation.rule, CallRule::none);
  return explanation.text;
}

TEST(ExplainSuccess, PlainLocksNeedNone) {
  for (const mlt_call kind :
       {MLT_CALL_MLOCK, MLT_CALL_MLOCK2, MLT_CALL_MUNLOCK, MLT_CALL_MUNLOCKALL, MLT_CALL_MREMAP}) {
    mlt_event_call call = call_event(kind, {kAddress, kPage});
    call.locked_pages = 1;
    EXPECT_EQ(success(call), "") << kind;
  }
}

TEST(ExplainSuccess, PartsThatAreNotThere) {
  mlt_event_call call = call_event(MLT_CALL_MLOCKALL, {MCL_CURRENT});
  call.absent_ranges = 3;
  expect(
      call, {}, CallRule::none,
      "reports success, but pages could not be made present at 0x7f5c00000000-0x7f5c00004000: the mapping is ---p; at "
      "0x7f5c00000000-0x7f5c00004000: why is not known, and 1 more such parts",
      {range(RangeKind::absent, "the mapping is ---p"), range(RangeKind::absent)});
}

TEST(ExplainSuccess, OfAFilterThatLocksNothing) {
  mlt_event_call call = lock(kPage, 0);
  call.was_filtered = 1;
  expect(call, {}, CallRule::none,
         "a seccomp filter answered it with success: the kernel never saw it, and did nothing");
}

TEST(ExplainSuccess, LocksThatLockNothing) {
  EXPECT_EQ(success(lock(2 * kMiB, 0)), "");  // of what kind the mapping is was not seen
  expect(lock(2 * kMiB, 0), {}, CallRule::none,
         "not locked: 0x7f5c00000000-0x7f5c00004000, MAP_DROPPABLE, whose pages are dropped and never swapped",
         {range(RangeKind::unlockable, "MAP_DROPPABLE, whose pages are dropped and never swapped")});
  expect(lock(2 * kMiB, 0), {}, CallRule::none,
         "not locked: 0x7f5c00000000-0x7f5c00004000, which takes no lock; why is not known",
         {range(RangeKind::unlockable)});
  EXPECT_EQ(success(lock(0, 0, 5)), "the length, in whole pages, is 0: nothing was locked");
  EXPECT_EQ(success(lock(~std::uint64_t{0}, 0, 5)), "the length, in whole pages, is 0: nothing was locked");
}

TEST(ExplainSuccess, OnFault) {
  const std::string text = "on fault: no page was made present, the first access to each still faults";
  mlt_event_call call = call_event(MLT_CALL_MLOCK2, {kAddress, kPage, MLOCK_ONFAULT});
  call.locked_pages = 1;
  EXPECT_EQ(success(call), text);
  EXPECT_EQ(success(call_event(MLT_CALL_MLOCKALL, {MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT})), text);
}

TEST(ExplainSuccess, Mlockall) {
  const mlt_event_call current = call_event(MLT_CALL_MLOCKALL, {MCL_CURRENT});
  EXPECT_EQ(success(current), "without MCL_FUTURE: mappings made from now on are not locked");
  EXPECT_EQ(success(current, true),
            "cancels the MCL_FUTURE that was in force: mappings made from now on are not locked");
  EXPECT_EQ(success(call_event(MLT_CALL_MLOCKALL, {MCL_CURRENT | MCL_FUTURE})), "");
  EXPECT_EQ(success(call_event(MLT_CALL_MLOCKALL, {MCL_FUTURE})),
            "without MCL_CURRENT: what is mapped already is not locked by this");
  EXPECT_EQ(success(call_event(MLT_CALL_MUNLOCKALL), true),
            "ends MCL_FUTURE too: mappings made from now on are not locked");
}

constexpr const char* kFuture = "MCL_FUTURE is in force: the new mapping is locked and populated at once";

TEST(ExplainSuccess, MappingsUnderMclFuture) {
  // mmap returns an address: not an error, though it may look negative.
  mlt_event_call call =
      call_event(MLT_CALL_MMAP, {0, kMiB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS}, static_cast<std::int64_t>(kAddress));
  EXPECT_EQ(success(call), "");
  call.populated_pages = 256;
  EXPECT_EQ(success(call), kFuture);
  for (const std::uint64_t asked : {MAP_LOCKED, MAP_POPULATE}) {
    call.args[3] = MAP_PRIVATE | asked;
    EXPECT_EQ(success(call), "") << asked;
  }
}

// brk has one argument. The fourth register still holds what the call before it left there, an mmap's flags for one.
TEST(ExplainSuccess, BrkUnderMclFuture) {
  for (const std::uint64_t rest : {0, MAP_LOCKED, MAP_POPULATE}) {
    mlt_event_call call = call_event(MLT_CALL_BRK, {0x55d000021000, 0, 0, rest}, 0x55d000021000);
    call.populated_pages = 33;
    EXPECT_EQ(success(call), kFuture) << rest;
  }
}

TEST(ExplainSuccess, WritableMappingsArePopulated) {
  EXPECT_EQ(success(call_event(MLT_CALL_MUNMAP, {kAddress, kPage})),
            "what it unmapped was locked, all of it or a part");
  EXPECT_EQ(success(call_event(MLT_CALL_MPROTECT, {kAddress, kPage, PROT_READ | PROT_WRITE})),
            "made a locked private mapping writable: the kernel populates it at once, holding mmap_lock for writing");
}

// --- madvise -------------------------------------------------------------------------------------------------------

mlt_event_call advise(std::uint64_t advice, std::int64_t ret, std::uint64_t locked_pages = 16,
                      std::uint64_t address = kAddress) {
  mlt_event_call call = call_event(MLT_CALL_MADVISE, {address, kMiB, advice}, ret);
  call.locked_pages = locked_pages;
  return call;
}

TEST(ExplainAdvice, LockedMemoryStays) {
  expect(advise(MADV_DONTNEED, -EINVAL), {}, CallRule::locked_memory,
         "MADV_DONTNEED does not take locked memory: it stays, with what is in it; munlock it first, or use "
         "MADV_DONTNEED_LOCKED (Linux 5.18)");
  expect(advise(MADV_PAGEOUT, -EINVAL), {}, CallRule::locked_memory,
         "MADV_PAGEOUT does not take locked memory: it stays, with what is in it; munlock it first");
}

TEST(ExplainAdvice, OtherReasonsAreNotTakenForALock) {
  expect(advise(MADV_DONTNEED, -EINVAL, 0), {}, CallRule::none, "");                 // nothing is locked
  expect(advise(MADV_DONTNEED, -EINVAL, 16, kAddress + 1), {}, CallRule::none, "");  // not on a page
  expect(advise(MADV_MERGEABLE, -EINVAL), {}, CallRule::none, "");                   // no lock refuses that
  expect(advise(4711, -EINVAL), {}, CallRule::none, "");
  expect(advise(MADV_DONTNEED, -ENOMEM), {}, CallRule::none, "");
}

TEST(ExplainAdvice, WhatGoesAlthoughItIsLocked) {
  expect(advise(24, 0), {}, CallRule::none,
         "gave the pages back although they are locked: the next access to each faults");
}

}  // namespace
}  // namespace mlt
