#include "analysis/decode.h"

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
constexpr std::int64_t kNoLimit = -1;
// From kAddress on beyond the end of the address space.
constexpr std::uint64_t kTooLong = ~std::uint64_t{0} - 2 * kPage + 1;

std::string args(mlt_call call, std::initializer_list<std::uint64_t> values) {
  return decode_args(call_event(call, values));
}

// --- arguments -----------------------------------------------------------------------------------------------------

TEST(DecodeArgs, Ranges) {
  EXPECT_EQ(args(MLT_CALL_MLOCK, {kAddress, 8 * kMiB}), "0x7f5c00000000, 8 MiB");
  EXPECT_EQ(args(MLT_CALL_MUNLOCK, {kAddress, 40960}), "0x7f5c00000000, 40 KiB");
  EXPECT_EQ(args(MLT_CALL_MLOCK, {0, 0}), "0x0, 0 B");
  // What else is in the registers does not belong to the call.
  EXPECT_EQ(args(MLT_CALL_MLOCK, {kAddress, kPage, 0x77, 0x88}), "0x7f5c00000000, 4 KiB");
}

TEST(DecodeArgs, Mlock2) {
  EXPECT_EQ(args(MLT_CALL_MLOCK2, {kAddress, 8 * kMiB, MLOCK_ONFAULT}), "0x7f5c00000000, 8 MiB, MLOCK_ONFAULT");
  EXPECT_EQ(args(MLT_CALL_MLOCK2, {kAddress, kPage, 0}), "0x7f5c00000000, 4 KiB, 0");
  EXPECT_EQ(args(MLT_CALL_MLOCK2, {kAddress, kPage, 0x7}), "0x7f5c00000000, 4 KiB, MLOCK_ONFAULT|0x6");
}

TEST(DecodeArgs, Mlockall) {
  EXPECT_EQ(args(MLT_CALL_MLOCKALL, {MCL_CURRENT}), "MCL_CURRENT");
  EXPECT_EQ(args(MLT_CALL_MLOCKALL, {MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT}), "MCL_CURRENT|MCL_FUTURE|MCL_ONFAULT");
  EXPECT_EQ(args(MLT_CALL_MLOCKALL, {MCL_FUTURE | 0x100}), "MCL_FUTURE|0x100");
  EXPECT_EQ(args(MLT_CALL_MLOCKALL, {0x8}), "0x8");
  EXPECT_EQ(args(MLT_CALL_MLOCKALL, {0}), "0");
}

TEST(DecodeArgs, MunlockallHasNone) { EXPECT_EQ(args(MLT_CALL_MUNLOCKALL, {1, 2, 3, 4}), ""); }

TEST(DecodeArgs, Mmap) {
  EXPECT_EQ(args(MLT_CALL_MMAP, {0, 4 * kMiB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED}),
            "0x0, 4 MiB, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_LOCKED");
  EXPECT_EQ(args(MLT_CALL_MMAP, {kAddress, kPage, PROT_NONE, MAP_SHARED | MAP_FIXED | MAP_POPULATE}),
            "0x7f5c00000000, 4 KiB, PROT_NONE, MAP_SHARED|MAP_FIXED|MAP_POPULATE");
  EXPECT_EQ(args(MLT_CALL_MMAP, {0, kPage, PROT_EXEC, MAP_SHARED_VALIDATE | MAP_SYNC}),
            "0x0, 4 KiB, PROT_EXEC, MAP_SHARED_VALIDATE|MAP_SYNC");
  EXPECT_EQ(args(MLT_CALL_MMAP, {0, kPage, PROT_READ | 0x40, 0}), "0x0, 4 KiB, PROT_READ|0x40, 0");
  // The size of huge pages has no name here.
  EXPECT_EQ(args(MLT_CALL_MMAP, {0, 2 * kMiB, PROT_READ, MAP_PRIVATE | MAP_HUGETLB | 21U << 26}),
            "0x0, 2 MiB, PROT_READ, MAP_PRIVATE|MAP_HUGETLB|0x54000000");
}

TEST(DecodeArgs, EveryNamedMapFlag) {
  EXPECT_EQ(args(MLT_CALL_MMAP,
                 {0, kPage, PROT_READ,
                  MAP_GROWSDOWN | MAP_DENYWRITE | MAP_NORESERVE | MAP_NONBLOCK | MAP_STACK | MAP_FIXED_NOREPLACE}),
            "0x0, 4 KiB, PROT_READ, "
            "MAP_GROWSDOWN|MAP_DENYWRITE|MAP_NORESERVE|MAP_NONBLOCK|MAP_STACK|MAP_FIXED_NOREPLACE");
}

TEST(DecodeArgs, BrkRemapProtect) {
  EXPECT_EQ(args(MLT_CALL_BRK, {0x55d000000000, 1, 2, 3}), "0x55d000000000");
  EXPECT_EQ(args(MLT_CALL_MREMAP, {kAddress, kMiB, 2 * kMiB, MREMAP_MAYMOVE}),
            "0x7f5c00000000, 1 MiB -> 2 MiB, MREMAP_MAYMOVE");
  EXPECT_EQ(args(MLT_CALL_MREMAP, {kAddress, kPage, 0, 0}), "0x7f5c00000000, 4 KiB -> 0 B, 0");
  EXPECT_EQ(args(MLT_CALL_MREMAP, {kAddress, kPage, kPage, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP | 0x10}),
            "0x7f5c00000000, 4 KiB -> 4 KiB, MREMAP_MAYMOVE|MREMAP_FIXED|MREMAP_DONTUNMAP|0x10");
  EXPECT_EQ(args(MLT_CALL_MPROTECT, {kAddress, kPage, PROT_READ | PROT_WRITE}),
            "0x7f5c00000000, 4 KiB, PROT_READ|PROT_WRITE");
  EXPECT_EQ(args(MLT_CALL_MPROTECT, {kAddress, kPage, PROT_NONE}), "0x7f5c00000000, 4 KiB, PROT_NONE");
}

TEST(DecodeArgs, CallsWithoutARecordOfArguments) {
  for (const mlt_call call : {MLT_CALL_NONE, MLT_CALL_MUNMAP, MLT_CALL_FORK, MLT_CALL_OTHER, MLT_CALL_NR})
    EXPECT_EQ(args(call, {1, 2, 3, 4}), "") << call;
}

// --- explanations of failures --------------------------------------------------------------------------------------

std::string explain(const mlt_event_call& call, std::int64_t limit = kNoLimit) {
  return explain_call(call, limit, kPage);
}

constexpr const char* kPartly =
    "part of the range is not mapped or cannot be populated, or the process has too many mappings; what came before "
    "that part stays locked";

TEST(ExplainError, MayNotLockAtAll) {
  EXPECT_EQ(explain(call_event(MLT_CALL_MLOCK, {kAddress, kPage}, -EPERM), 0),
            "RLIMIT_MEMLOCK is 0 and the thread lacks CAP_IPC_LOCK");
  EXPECT_EQ(explain(call_event(MLT_CALL_MLOCK, {kAddress, kPage}, -EPERM), 65536),
            "refused although the limit is not 0: a seccomp filter or a security module decided");
}

TEST(ExplainError, TheLimitWouldBeExceeded) {
  mlt_event_call call = call_event(MLT_CALL_MLOCK, {kAddress, 40960}, -ENOMEM);
  call.locked_pages = 10;
  EXPECT_EQ(explain(call, 65536), "40 KiB more would exceed RLIMIT_MEMLOCK: 40 KiB locked, limit 64 KiB");
  call.head.call = MLT_CALL_MLOCK2;
  EXPECT_EQ(explain(call, 65536), "40 KiB more would exceed RLIMIT_MEMLOCK: 40 KiB locked, limit 64 KiB");
  call.locked_pages = 0;
  EXPECT_EQ(explain(call, 40959), "40 KiB more would exceed RLIMIT_MEMLOCK: 0 B locked, limit 40 KiB");
}

TEST(ExplainError, TheLimitIsNotToBlame) {
  mlt_event_call call = call_event(MLT_CALL_MLOCK, {kAddress, 24576}, -ENOMEM);
  call.locked_pages = 10;
  // Exactly up to the limit is allowed.
  EXPECT_EQ(explain(call, 65536), kPartly);
  call.args[1] = kMiB;
  EXPECT_EQ(explain(call, kNoLimit), kPartly);
}

TEST(ExplainError, PagesOfTheHost) {
  mlt_event_call call = call_event(MLT_CALL_MLOCK, {kAddress, 65536}, -ENOMEM);
  call.locked_pages = 1;
  EXPECT_EQ(explain_call(call, 65536, 65536), "64 KiB more would exceed RLIMIT_MEMLOCK: 64 KiB locked, limit 64 KiB");
}

// The kernel locks whole pages: 4096 bytes that begin within a page are two.
TEST(ExplainError, TheLimitCountsWholePages) {
  mlt_event_call call = call_event(MLT_CALL_MLOCK, {kAddress + 1, kPage}, -ENOMEM);
  call.locked_pages = 15;
  EXPECT_TRUE(explain(call, 65536).find("would exceed RLIMIT_MEMLOCK") != std::string::npos) << explain(call, 65536);
}

TEST(ExplainError, HugeLengthsDoNotWrapAround) {
  mlt_event_call call = call_event(MLT_CALL_MLOCK, {0, ~std::uint64_t{0} - kPage + 1}, -ENOMEM);
  call.locked_pages = 2;
  EXPECT_TRUE(explain(call, 65536).find("would exceed RLIMIT_MEMLOCK") != std::string::npos) << explain(call, 65536);
}

TEST(ExplainError, UnlockingHasNoLimitAndLocksNothing) {
  mlt_event_call call = call_event(MLT_CALL_MUNLOCK, {kAddress, kMiB}, -ENOMEM);
  call.locked_pages = 10;
  const std::string text = explain(call, 65536);
  EXPECT_NE(text.find("not mapped"), std::string::npos) << text;
  EXPECT_EQ(text.find("RLIMIT_MEMLOCK"), std::string::npos) << text;
  EXPECT_EQ(text.find("stays locked"), std::string::npos) << text;
}

TEST(ExplainError, Mlockall) {
  EXPECT_EQ(explain(call_event(MLT_CALL_MLOCKALL, {MCL_CURRENT}, -ENOMEM), 65536),
            "the whole address space (VmSize) is larger than RLIMIT_MEMLOCK");
  EXPECT_EQ(explain(call_event(MLT_CALL_MLOCKALL, {0x10}, -EINVAL)),
            "flags must be MCL_CURRENT, MCL_FUTURE or both, with or without MCL_ONFAULT, and nothing else");
}

TEST(ExplainError, ArgumentsThatAreWrong) {
  EXPECT_EQ(explain(call_event(MLT_CALL_MLOCK2, {kAddress, kPage, 2}, -EINVAL)), "the only flag is MLOCK_ONFAULT");
  EXPECT_EQ(explain(call_event(MLT_CALL_MLOCK, {kAddress, kTooLong}, -EINVAL)), "address plus length overflow");
  EXPECT_EQ(explain(call_event(MLT_CALL_MUNLOCK, {kAddress, kTooLong}, -EINVAL)), "address plus length overflow");
}

// With a flag that exists, mlock2 fails as mlock does.
TEST(ExplainError, Mlock2WithGoodFlags) {
  for (const std::uint64_t flags : {0, MLOCK_ONFAULT})
    EXPECT_EQ(explain(call_event(MLT_CALL_MLOCK2, {kAddress, kTooLong, flags}, -EINVAL)),
              "address plus length overflow")
        << flags;
}

// Under MCL_FUTURE every failing mmap and mremap is recorded; most of their EINVALs have nothing to do with overflow.
TEST(ExplainError, MappingCallsHaveManyReasonsForEinval) {
  EXPECT_EQ(explain(call_event(MLT_CALL_MMAP, {0, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS}, -EINVAL)), "");
  EXPECT_EQ(explain(call_event(MLT_CALL_MREMAP, {kAddress + 1, kPage, kPage, 0}, -EINVAL)), "");
}

TEST(ExplainError, TryAgain) {
  mlt_event_call call = call_event(MLT_CALL_MMAP, {0, kMiB, PROT_READ, MAP_PRIVATE | MAP_LOCKED}, -EAGAIN);
  call.locked_pages = 16;
  EXPECT_EQ(explain(call, 65536),
            "under MCL_FUTURE or MAP_LOCKED the mapping would exceed RLIMIT_MEMLOCK (64 KiB locked)");
  EXPECT_EQ(explain(call_event(MLT_CALL_MLOCK, {kAddress, kPage}, -EAGAIN)),
            "the memory to be locked could not be allocated");
}

TEST(ExplainError, OthersSpeakForThemselves) {
  EXPECT_EQ(explain(call_event(MLT_CALL_MLOCK, {kAddress, kPage}, -EINTR)), "");
}

// --- explanations of successes -------------------------------------------------------------------------------------

TEST(ExplainSuccess, PlainLocksNeedNone) {
  for (const mlt_call call : {MLT_CALL_MLOCK, MLT_CALL_MLOCK2, MLT_CALL_MUNLOCK, MLT_CALL_MUNLOCKALL, MLT_CALL_MREMAP})
    EXPECT_EQ(explain(call_event(call, {kAddress, kPage}), 0), "") << call;
}

TEST(ExplainSuccess, Mlockall) {
  EXPECT_EQ(explain(call_event(MLT_CALL_MLOCKALL, {MCL_CURRENT})),
            "without MCL_FUTURE: mappings made from now on are not locked");
  EXPECT_EQ(explain(call_event(MLT_CALL_MLOCKALL, {MCL_CURRENT | MCL_FUTURE})), "");
}

constexpr const char* kFuture = "MCL_FUTURE is in force: the new mapping is locked and populated at once";

TEST(ExplainSuccess, MappingsUnderMclFuture) {
  // mmap returns an address: not an error, though it may look negative.
  mlt_event_call call =
      call_event(MLT_CALL_MMAP, {0, kMiB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS}, static_cast<std::int64_t>(kAddress));
  EXPECT_EQ(explain(call), "");
  call.populated_pages = 256;
  EXPECT_EQ(explain(call), kFuture);
  for (const std::uint64_t asked : {MAP_LOCKED, MAP_POPULATE}) {
    call.args[3] = MAP_PRIVATE | asked;
    EXPECT_EQ(explain(call), "") << asked;
  }
}

// brk has one argument. The fourth register still holds what the call before it left there, an mmap's flags for one.
TEST(ExplainSuccess, BrkUnderMclFuture) {
  for (const std::uint64_t rest : {0, MAP_LOCKED, MAP_POPULATE}) {
    mlt_event_call call = call_event(MLT_CALL_BRK, {0x55d000021000, 0, 0, rest}, 0x55d000021000);
    call.populated_pages = 33;
    EXPECT_EQ(explain(call), kFuture) << rest;
  }
}

TEST(ExplainSuccess, WritableMappingsArePopulated) {
  EXPECT_EQ(explain(call_event(MLT_CALL_MPROTECT, {kAddress, kPage, PROT_READ | PROT_WRITE})),
            "made a locked private mapping writable: the kernel populates it at once, holding mmap_lock for writing");
}

}  // namespace
}  // namespace mlt
