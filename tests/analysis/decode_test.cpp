#include "analysis/decode.h"

#include <gtest/gtest.h>
#include <linux/mman.h>
#include <sys/mman.h>

#include "analysis/trace.h"

namespace mlt {
namespace {

using fixtures::call_event;

constexpr std::uint64_t kAddress = 0x7f5c00000000;
constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kPage = 4096;

std::string args(mlt_call call, std::initializer_list<std::uint64_t> values) {
  return decode_args(call_event(call, values));
}

TEST(DecodeArgs, Ranges) {
  EXPECT_EQ(args(MLT_CALL_MLOCK, {kAddress, 8 * kMiB}), "0x7f5c00000000, 8 MiB");
  EXPECT_EQ(args(MLT_CALL_MUNLOCK, {kAddress, 40960}), "0x7f5c00000000, 40 KiB");
  EXPECT_EQ(args(MLT_CALL_MUNMAP, {kAddress, 40960}), "0x7f5c00000000, 40 KiB");
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
  for (const mlt_call call : {MLT_CALL_NONE, MLT_CALL_FORK, MLT_CALL_OTHER, MLT_CALL_NR})
    EXPECT_EQ(args(call, {1, 2, 3, 4}), "") << call;
}

TEST(Decode, Advice) {
  EXPECT_EQ(decode_args(call_event(MLT_CALL_MADVISE, {0x7f5c00000000, 8 << 20, 4})),
            "0x7f5c00000000, 8 MiB, MADV_DONTNEED");
  EXPECT_EQ(decode_args(call_event(MLT_CALL_MADVISE, {0x7f5c00000000, 8 << 20, 24})),
            "0x7f5c00000000, 8 MiB, MADV_DONTNEED_LOCKED");
  EXPECT_EQ(decode_args(call_event(MLT_CALL_MADVISE, {0x7f5c00000000, 8 << 20, 4711})), "0x7f5c00000000, 8 MiB, 4711");
}

}  // namespace
}  // namespace mlt
