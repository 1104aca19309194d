#include "proc/system_files.h"

#include <gtest/gtest.h>
#include <sys/utsname.h>
#include <unistd.h>

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

TEST(MaxMapCount, IsALimitOfMappings) {
  const auto limit = read_max_map_count();
  ASSERT_TRUE(limit);
  EXPECT_GT(*limit, 1000U);
}

TEST(Host, IsThisOne) {
  const Host host = read_host();
  utsname name{};
  ASSERT_EQ(uname(&name), 0);
  EXPECT_EQ(host.kernel, static_cast<const char*>(name.release));
  EXPECT_EQ(host.arch, static_cast<const char*>(name.machine));
  EXPECT_EQ(host.cpus, static_cast<std::uint32_t>(sysconf(_SC_NPROCESSORS_ONLN)));
  EXPECT_EQ(host.page_size, static_cast<std::uint64_t>(getpagesize()));
}

}  // namespace
}  // namespace mlt
