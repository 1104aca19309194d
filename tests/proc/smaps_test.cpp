#include "proc/smaps.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "proc/process_files.h"

namespace mlt {
namespace {

TEST(ParseSmaps, EveryMappingAndWhatOfItIsThere) {
  const auto entries = parse_smaps(
      "55d0c0de0000-55d0c0df0000 rw-p 00000000 00:00 0                          [heap]\n"
      "Size:                 64 kB\n"
      "Rss:                  12 kB\n"
      "Pss_Dirty:             8 kB\n"
      "Swap:                 20 kB\n"
      "SwapPss:              20 kB\n"
      "Locked:               4 kB\n"
      "VmFlags: rd wr mr mw me lo ac sd\n"
      "7f5a80000000-7f5a80010000 r--s 00002000 08:01 1234    /srv/a b (deleted)\n"
      "Rss:                   0 kB\n"
      "VmFlags: rd mr mw me\n"
      "7f5a90000000-7f5a90001000 ---p 00000000 00:00 0\n");
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].start, 0x55d0c0de0000U);
  EXPECT_EQ(entries[0].end, 0x55d0c0df0000U);
  EXPECT_EQ(entries[0].permissions, "rw-p");
  EXPECT_EQ(entries[0].name, "[heap]");
  EXPECT_EQ(entries[0].resident_bytes, 12U * 1024);
  EXPECT_EQ(entries[0].swapped_bytes, 20U * 1024);
  EXPECT_EQ(entries[0].locked_bytes, 4U * 1024);
  EXPECT_TRUE(entries[0].locked);
  EXPECT_EQ(entries[1].name, "/srv/a b (deleted)");
  EXPECT_EQ(entries[1].offset, 0x2000U);
  EXPECT_FALSE(entries[1].locked);
  EXPECT_EQ(entries[2].name, "");
}

TEST(ParseSmaps, NothingOfGarbage) {
  EXPECT_TRUE(parse_smaps("").empty());
  EXPECT_TRUE(parse_smaps("Rss: 12 kB\nx-y rw-p 0 0 0\n\n-\n").empty());
}

TEST(ReadSmaps, OwnLockedMemory) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  void* memory = mmap(nullptr, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  // AddressSanitizer makes mlock(3) do nothing.
  ASSERT_EQ(syscall(SYS_mlock, memory, 4 * page), 0);
  const auto address = reinterpret_cast<std::uint64_t>(memory);
  const auto entries = read_smaps(static_cast<std::uint32_t>(getpid()));
  const auto found = std::ranges::find_if(
      entries, [&](const MapsEntry& entry) { return entry.start <= address && address < entry.end; });
  ASSERT_NE(found, entries.end());
  EXPECT_TRUE(found->locked);
  EXPECT_GE(found->locked_bytes, 4 * page);
  EXPECT_GE(found->resident_bytes, 4 * page);
  const MemoryLevels levels = read_memory_levels(static_cast<std::uint32_t>(getpid()));
  ASSERT_TRUE(levels.locked_bytes && levels.resident_bytes);
  EXPECT_GE(*levels.locked_bytes, 4 * page);
  EXPECT_GT(*levels.resident_bytes, 1U << 20);
  const auto locked = read_locked_resident(static_cast<std::uint32_t>(getpid()));
  ASSERT_TRUE(locked);
  EXPECT_GE(locked->locked, 4 * page);
  EXPECT_GE(locked->resident, locked->locked);
  munmap(memory, 4 * page);
}

TEST(ReadSmaps, OfNobody) {
  EXPECT_TRUE(read_smaps(4'000'000).empty());
  EXPECT_FALSE(read_memory_levels(4'000'000).resident_bytes);
}

TEST(LockedResident, SumsUpTheLockedMappings) {
  const LockedResident sum =
      locked_resident(parse_smaps("1000-9000 rw-p 00000000 00:00 0 \nRss: 32 kB\nLocked: 0 kB\nVmFlags: rd wr\n"
                                  "10000-19000 rw-p 00000000 00:00 0 \nRss: 36 kB\nLocked: 36 kB\nVmFlags: rd wr lo\n"
                                  "20000-29000 rw-p 00000000 00:00 0 \nRss: 8 kB\nLocked: 4 kB\nVmFlags: rd wr lo\n"));
  EXPECT_EQ(sum.resident, 44U * 1024);
  EXPECT_EQ(sum.locked, 40U * 1024);
}

TEST(LockedResident, OfNobody) { EXPECT_FALSE(read_locked_resident(4'000'000)); }

}  // namespace
}  // namespace mlt
