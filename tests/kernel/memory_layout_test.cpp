#include "kernel/memory_layout.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace mlt {
namespace {

constexpr std::uint64_t kNone = ~std::uint64_t{0};
constexpr std::uint64_t kTiB = std::uint64_t{1} << 40;
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kStructPage = 64;

constexpr std::string_view kFlags = "processor\t: 0\nflags\t\t: fpu vme de pse tsc smep smap\nbugs\t\t: spectre_v1\n";
constexpr std::string_view kFlags5 = "processor\t: 0\nflags\t\t: fpu vme de pse tsc la57 smep smap\n";
constexpr std::string_view kVmFlags = "VmFlags: rd wr mr mw me ac sd \n";
constexpr std::string_view kVmFlagsWithout = "VmFlags: rd wr mr mw me ac \n";

/// A kernel's memory as /proc/kcore lists it.
struct Kernel {
  std::uint64_t page_offset;
  std::uint64_t vmalloc;
  std::uint64_t vmalloc_size;
  std::uint64_t vmemmap;
  std::uint64_t text;

  /// Of each piece of RAM its direct mapping and its struct pages, the latter in whole pages.
  [[nodiscard]] std::vector<KernelSegment> segments(
      const std::vector<std::pair<std::uint64_t, std::uint64_t>>& ram) const {
    std::vector<KernelSegment> all = {{text, 0x1000000, 36 * kMiB},  // the text, where it was loaded
                                      {vmalloc, kNone, vmalloc_size},
                                      {0xffffffffc0000000, kNone, 1008 * kMiB},  // modules
                                      {0xffffffffff600000, kNone, 4096}};        // vsyscall
    for (const auto& [start, end] : ram) {
      all.push_back({page_offset + start, start, end - start});
      const std::uint64_t first = start / 4096 * kStructPage / 4096 * 4096;
      all.push_back({vmemmap + first, kNone, ((end - 1) / 4096 * kStructPage / 4096 + 1) * 4096 - first});
    }
    return all;
  }
};

/// Without KASLR: Documentation/arch/x86/x86_64/mm.rst.
constexpr Kernel kFour{0xffff888000000000, 0xffffc90000000000, 32 * kTiB, 0xffffea0000000000, 0xffffffff81000000};
constexpr Kernel kFive{0xff11000000000000, 0xffa0000000000000, 12800 * kTiB, 0xffd4000000000000, 0xffffffff81000000};
/// With it every base is a multiple of 1 GiB, and the text moves too.
constexpr Kernel kFourRandom{0xffff9e3ac0000000, 0xffffb7d700000000, 32 * kTiB, 0xffffdecc40000000, 0xffffffffa5600000};
constexpr Kernel kFiveRandom{0xff2f4d3740000000, 0xff7a1c80c0000000, 12800 * kTiB, 0xffa1b6e400000000,
                             0xffffffffb3200000};

/// A small guest: conventional memory and the rest below the hole for devices.
const std::vector<std::pair<std::uint64_t, std::uint64_t>> kSmall = {{0x1000, 0x9f000}, {0x100000, 0x7ffdc000}};
/// The same, with holes, and much above 4 GiB.
const std::vector<std::pair<std::uint64_t, std::uint64_t>> kLarge = {{0x1000, 0x9f000},
                                                                     {0x100000, 0x6cdef000},
                                                                     {0x6f000000, 0x70000000},
                                                                     {0x100000000, 0x1080000000},
                                                                     {0x2080000000, 0x4080000000}};

void expect_found(const Kernel& kernel, const MemoryLayout& layout, unsigned levels) {
  EXPECT_EQ(layout.levels, levels);
  EXPECT_EQ(layout.page_offset, kernel.page_offset);
  EXPECT_EQ(layout.vmemmap, kernel.vmemmap);
}

TEST(MemoryLayout, FourLevels) {
  for (const auto& ram : {kSmall, kLarge}) {
    expect_found(kFour, memory_layout(kFour.segments(ram), kFlags, kVmFlags), 4);
    expect_found(kFourRandom, memory_layout(kFourRandom.segments(ram), kFlags, kVmFlags), 4);
  }
}

TEST(MemoryLayout, FiveLevels) {
  for (const auto& ram : {kSmall, kLarge}) {
    expect_found(kFive, memory_layout(kFive.segments(ram), kFlags5, kVmFlags), 5);
    expect_found(kFiveRandom, memory_layout(kFiveRandom.segments(ram), kFlags5, kVmFlags), 5);
  }
}

TEST(MemoryLayout, TheOrderOfSegmentsDoesNotMatter) {
  std::vector<KernelSegment> segments = kFourRandom.segments(kLarge);
  for (std::size_t i = 0; i < segments.size(); ++i) {
    std::rotate(segments.begin(), segments.begin() + 1, segments.end());  // clang 14 knows no std::ranges::rotate
    expect_found(kFourRandom, memory_layout(segments, kFlags, kVmFlags), 4);
  }
  std::ranges::reverse(segments);
  expect_found(kFourRandom, memory_layout(segments, kFlags, kVmFlags), 4);
}

// The struct pages of what is left out at the start of RAM fill less than the alignment of the array.
TEST(MemoryLayout, TheFirstRamMayBeHigh) {
  expect_found(kFourRandom, memory_layout(kFourRandom.segments({{0x100000000, 0x180000000}}), kFlags, kVmFlags), 4);
}

TEST(MemoryLayout, IsNotKnownWithoutStructPages) {
  std::vector<KernelSegment> segments = kFourRandom.segments(kSmall);
  std::erase_if(segments, [](const KernelSegment& segment) {
    return segment.physical == kNone && segment.address >= kFourRandom.vmemmap && segment.address < kFourRandom.text;
  });
  const MemoryLayout layout = memory_layout(segments, kFlags, kVmFlags);
  EXPECT_EQ(layout.levels, 0U);
  EXPECT_EQ(layout.page_offset, 0U);
  EXPECT_EQ(layout.vmemmap, 0U);
}

TEST(MemoryLayout, IsNotKnownWithoutRam) {
  std::vector<KernelSegment> segments = kFour.segments(kSmall);
  std::erase_if(segments,
                [](const KernelSegment& segment) { return segment.physical != kNone && segment.address < kFour.text; });
  EXPECT_EQ(memory_layout(segments, kFlags, kVmFlags).levels, 0U);
  EXPECT_EQ(memory_layout({}, kFlags, kVmFlags).levels, 0U);
}

TEST(MemoryLayout, FiveLevelsAreAWordOfTheFlags) {
  const auto levels = [](std::string_view flags) { return memory_layout(kFour.segments(kSmall), flags, "").levels; };
  for (const char* flags :
       {"flags\t\t: la57 fpu\n", "flags\t\t: fpu la57\n", "flags\t\t: fpu la57", "la57", "flags\t\t: nola57 la57 x\n"})
    EXPECT_EQ(levels(flags), 5U) << flags;
  for (const char* flags : {"", "flags\t\t: fpu nola57 vme\n", "flags\t\t: fpu la570 vme\n", "flags\t\t: fpu la5 7\n",
                            "flags\t\t: fpu xla57x\n"})
    EXPECT_EQ(levels(flags), 4U) << flags;
}

TEST(MemoryLayout, SoftDirtyBitsAreToldByAMapping) {
  const auto soft_dirty = [](std::string_view flags) {
    return memory_layout(kFour.segments(kSmall), kFlags, flags).soft_dirty;
  };
  EXPECT_TRUE(soft_dirty(kVmFlags));
  EXPECT_TRUE(soft_dirty("VmFlags: rd \nSize: 4 kB\nVmFlags: rd wr sd\n"));
  EXPECT_FALSE(soft_dirty(kVmFlagsWithout));
  EXPECT_FALSE(soft_dirty(""));
  EXPECT_FALSE(soft_dirty("VmFlags: rd wsd sdx \n"));
}

}  // namespace
}  // namespace mlt
