#include "proc/system_files.h"

#include <gtest/gtest.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

namespace mlt {
namespace {

TEST(Vmstat, CountersOfTheAuditAreThere) {
  const Vmstat vmstat = read_vmstat();
  for (const char* name : {"pgfault", "unevictable_pgs_culled", "unevictable_pgs_rescued", "unevictable_pgs_mlocked",
                           "unevictable_pgs_munlocked"})
    EXPECT_TRUE(vmstat.contains(name)) << name;
}

TEST(Vmstat, IsReadAnewEachTime) {
  const std::int64_t before = read_vmstat()["pgfault"];
  // Faults of this process alone are enough; the kernel folds its per-processor counters in now and then.
  std::int64_t after = before;
  for (int attempt = 0; attempt < 5000 && after == before; ++attempt) {
    std::string touched(1 << 20, 'x');
    EXPECT_EQ(touched.back(), 'x');
    after = read_vmstat()["pgfault"];
  }
  EXPECT_GT(after, before);
}

constexpr const char* kSwapTitles = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";

TEST(SwapDevices, OfALineEach) {
  const auto devices = parse_swap_devices(std::string(kSwapTitles) +
                                          "/dev/vda3                               partition\t2097148\t\t16384\t\t-2\n"
                                          "/swapfile                               file    \t524284\t\t0\t\t32767\n");
  ASSERT_EQ(devices.size(), 2U);
  EXPECT_EQ(devices[0].name, "/dev/vda3");
  EXPECT_EQ(devices[0].type, "partition");
  EXPECT_EQ(devices[0].size_bytes, 2097148U * 1024);
  EXPECT_EQ(devices[0].used_bytes, 16384U * 1024);
  EXPECT_EQ(devices[0].priority, -2);
  EXPECT_EQ(devices[1].name, "/swapfile");
  EXPECT_EQ(devices[1].type, "file");
  EXPECT_EQ(devices[1].used_bytes, 0U);
  EXPECT_EQ(devices[1].priority, 32767);
}

TEST(SwapDevices, NamesAreUnescaped) {
  const auto name = [](const std::string& escaped) {
    const auto devices = parse_swap_devices(escaped + " file 4 0 -1\n");
    return devices.size() == 1 ? devices[0].name : "none";
  };
  EXPECT_EQ(name(R"(/var/my\040swap\011file)"), "/var/my swap\tfile");
  EXPECT_EQ(name(R"(/back\134slash\134040)"), R"(/back\slash\040)");
  EXPECT_EQ(name(R"(/swapfile\040(deleted))"), "/swapfile (deleted)");
  // Not what the kernel writes: kept as it is.
  EXPECT_EQ(name(R"(/end\04)"), R"(/end\04)");
  EXPECT_EQ(name(R"(/octal\089)"), R"(/octal\089)");
}

TEST(SwapDevices, NoneWithoutSwap) {
  EXPECT_TRUE(parse_swap_devices(kSwapTitles).empty());
  EXPECT_TRUE(parse_swap_devices("").empty());
  EXPECT_TRUE(parse_swap_devices("/dev/vda3 partition 2097148 lots -2\n").empty());
}

TEST(SwapDevices, OfThisMachineUseNoMoreThanTheyHave) {
  for (const SwapDevice& device : read_swap_devices()) {
    EXPECT_FALSE(device.name.empty());
    EXPECT_LE(device.used_bytes, device.size_bytes);
  }
}

TEST(MaxMapCount, IsALimitOfMappings) {
  const auto limit = read_max_map_count();
  ASSERT_TRUE(limit);
  EXPECT_GT(*limit, 1000U);
}

// By two hundred, less what else ended meanwhile.
TEST(ThreadCount, GrowsWithThreads) {
  const auto before = read_thread_count();
  ASSERT_TRUE(before);
  EXPECT_GE(*before, 2U);
  std::atomic<bool> stop = false;
  std::vector<std::jthread> threads(200);
  for (std::jthread& thread : threads) thread = std::jthread([&] { stop.wait(false); });
  const auto during = read_thread_count();
  stop = true;
  stop.notify_all();
  ASSERT_TRUE(during);
  EXPECT_GE(*during, *before + 100);
}

TEST(Host, IsThisOne) {
  const Host host = read_host();
  utsname name{};
  ASSERT_EQ(uname(&name), 0);
  EXPECT_EQ(host.kernel, static_cast<const char*>(name.release));
  EXPECT_EQ(host.arch, static_cast<const char*>(name.machine));
  EXPECT_EQ(host.cpus, static_cast<std::uint32_t>(sysconf(_SC_NPROCESSORS_ONLN)));
  EXPECT_EQ(host.page_size, static_cast<std::uint64_t>(getpagesize()));
  ASSERT_TRUE(host.memory_bytes);
  EXPECT_GE(*host.memory_bytes, std::uint64_t{16} << 20);
}

}  // namespace
}  // namespace mlt
