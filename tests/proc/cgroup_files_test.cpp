#include "proc/cgroup_files.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace mlt {
namespace {

namespace fs = std::filesystem;

/// A directory with files such as a cgroup has; what reads them cannot tell.
class CgroupFiles : public testing::Test {
 public:
  CgroupFiles() { fs::create_directories(directory_ / "below"); }
  ~CgroupFiles() override { fs::remove_all(directory_); }

 protected:
  void write(const std::string& name, const std::string& text) const { std::ofstream(directory_ / name) << text; }

  fs::path directory_ = fs::path(testing::TempDir()) / "mlt-cgroup-files";
};

TEST_F(CgroupFiles, MemoryStat) {
  write("cgroup.controllers", "memory\n");
  write("memory.stat", "anon 4096\npgfault 123\nbroken\nworse x\n");
  EXPECT_EQ(read_memory_stat(directory_), (MemoryStat{{"anon", 4096}, {"pgfault", 123}}));
}

TEST_F(CgroupFiles, NoneOfVersion1) {
  write("memory.stat", "pgfault 123\n");
  EXPECT_TRUE(read_memory_stat(directory_).empty());
}

TEST_F(CgroupFiles, NoneWithoutTheController) {
  write("cgroup.controllers", "cpu\n");
  EXPECT_TRUE(read_memory_stat(directory_).empty());
}

TEST_F(CgroupFiles, MemoryHighOfItAndThoseAboveWhereItIsSet) {
  write("memory.high", "1048576\n");
  write("memory.events", "low 0\nhigh 12\nmax 3\n");
  write("memory.pressure", "some avg10=0.00 avg60=1.20 avg300=0.00 total=2500\nfull avg10=0.00 total=1\n");
  write("below/memory.high", "max\n");
  const std::vector<MemoryHigh> above{{directory_, 1048576, 12, 2'500'000}};
  EXPECT_EQ(read_memory_high(directory_ / "below"), above);
  EXPECT_EQ(read_memory_high(directory_ / ""), above) << "-c may end in a slash";
  write("below/memory.high", "4096\n");
  fs::remove(directory_ / "memory.pressure");
  EXPECT_EQ(read_memory_high(directory_ / "below"),
            (std::vector<MemoryHigh>{{directory_ / "below", 4096, 0, {}}, {directory_, 1048576, 12, {}}}));
}

TEST(Pressure, IsTheTotalOfSome) {
  EXPECT_EQ(parse_pressure("some avg10=0.00 total=7\n"), 7000U);
  EXPECT_EQ(parse_pressure("full avg10=0.00 total=7\n"), std::nullopt);
  EXPECT_EQ(parse_pressure("some avg10=0.00 total=x\n"), std::nullopt);
  EXPECT_EQ(parse_pressure(""), std::nullopt);
}

TEST_F(CgroupFiles, MembersAreThoseBelowToo) {
  write("cgroup.procs", "12\n7\n");
  write("below/cgroup.procs", "30\n");
  auto pids = read_cgroup_members(directory_);
  std::ranges::sort(pids);
  EXPECT_EQ(pids, (std::vector<std::uint32_t>{7, 12, 30}));
  EXPECT_TRUE(read_cgroup_members(directory_ / "gone").empty());
}

}  // namespace
}  // namespace mlt
