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
 protected:
  CgroupFiles() { fs::create_directories(directory_ / "below"); }
  ~CgroupFiles() override { fs::remove_all(directory_); }
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
