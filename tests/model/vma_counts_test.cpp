#include "model/vma_counts.h"

#include <gtest/gtest.h>

#include <cstring>

#include "model/mappings.h"

namespace mlt {
namespace {

using fixtures::file;
using fixtures::vma;

std::vector<mlt_vma> sum_of(const std::vector<mlt_vma>& parts) {
  std::vector<mlt_vma> list;
  for (const mlt_vma& part : parts) add_vma(list, part);
  return list;
}

TEST(VmaCounts, ThreadsInOneMappingAreOneLine) {
  const auto list = sum_of({vma(0x10000, 0x4000, 5), vma(0x10000, 0x4000, 7)});
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(completed_faults(list[0]), 12U);
  EXPECT_EQ(list[0].time_ns, 12'000U);
  EXPECT_EQ(list[0].max_ns, 1007U);
}

TEST(VmaCounts, AMappingThatGrewIsTheSame) {
  const auto list = sum_of({vma(0x10000, 0x4000, 1), vma(0xc000, 0x4000, 1), vma(0x14000, 0x1000, 1)});
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].start, 0xc000U);
  EXPECT_EQ(list[0].size, 0x9000U);
}

TEST(VmaCounts, ApartIsAnother) {
  mlt_vma locked = vma(0x10000, 0x4000, 1);
  locked.flags |= 0x2000;  // VM_LOCKED
  mlt_vma named = vma(0x10000, 0x4000, 1);
  strcpy(named.name, "arena");
  mlt_vma heap = vma(0x10000, 0x4000, 1);
  heap.kind = MLT_VMA_HEAP;
  const auto list = sum_of({vma(0x10000, 0x4000, 1), vma(0x15000, 0x4000, 1), locked, named, heap});
  EXPECT_EQ(list.size(), 5U);
}

TEST(VmaCounts, AFileIsOneLineWhereverItIsMapped) {
  const auto list =
      sum_of({file(0x10000, "libc.so.6", 7, 1), file(0x90000, "libc.so.6", 7, 2), file(0x10000, "libm.so.6", 8, 4)});
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(completed_faults(list[0]), 3U);
  EXPECT_EQ(list[0].start, 0x10000U);
  EXPECT_EQ(list[0].start + list[0].size, 0x91000U);
}

TEST(VmaCounts, ManyMappingsAreCutOff) {
  std::vector<mlt_vma> list;
  for (std::uint64_t i = 0; i < 5000; ++i) add_vma(list, vma(i * 0x10000, 0x1000, 1));
  EXPECT_EQ(list.size(), 4096U);
}

TEST(VmaCounts, SinceTakesAwayWhatWas) {
  const auto now = sum_of({vma(0x10000, 0x8000, 9), vma(0x90000, 0x1000, 3), file(0x20000, "libc.so.6", 7, 2)});
  const auto difference = vmas_since(now, {vma(0x10000, 0x4000, 4), vma(0x90000, 0x1000, 3)});
  ASSERT_EQ(difference.size(), 2U);
  EXPECT_EQ(completed_faults(difference[0]), 5U);
  EXPECT_EQ(difference[0].time_ns, 5000U);
  EXPECT_EQ(difference[0].max_ns, 1009U) << "of the whole time";
  EXPECT_EQ(completed_faults(difference[1]), 2U);
}

TEST(VmaCounts, SinceNeverGoesBelowZero) {
  const auto difference = vmas_since({vma(0x10000, 0x4000, 5)}, {vma(0x10000, 0x1000, 4), vma(0x13000, 0x1000, 4)});
  EXPECT_TRUE(difference.empty());
}

}  // namespace
}  // namespace mlt
