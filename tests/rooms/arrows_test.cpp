// The folders of userspace/ depend on each other in one direction: which one may include which is this table.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>

namespace mlt {
namespace {

using Rooms = std::map<std::string, std::set<std::string>>;

const Rooms kAllowed{
    {"util", {}},
    {"arch", {}},
    {"signals", {"arch", "util"}},
    {"model", {"util"}},
    {"proc", {"model", "util"}},
    {"kernel", {"arch", "proc", "signals", "util"}},
    {"symbols", {"model", "proc", "util"}},
    {"plan", {"kernel", "signals", "util"}},
    {"session", {"kernel", "model", "plan", "proc", "util"}},
    {"analysis", {"model", "plan", "proc", "symbols", "util"}},
    {"findings", {"model", "util"}},
    {"report", {"analysis", "model", "util"}},
    {"recording", {"model", "report", "util"}},
    {"cli", {"findings", "plan", "proc", "recording", "util"}},
    {"trace", {"analysis", "cli", "findings", "kernel", "model", "plan", "proc", "session", "symbols", "util"}},
    {"commands",
     {"analysis", "cli", "findings", "kernel", "model", "plan", "proc", "recording", "report", "session", "symbols",
      "trace", "util"}},
};

// The folders that the files of one include headers of.
std::set<std::string> included_by(const std::filesystem::path& room) {
  std::set<std::string> rooms;
  for (const auto& file : std::filesystem::directory_iterator(room)) {
    std::ifstream lines(file.path());
    for (std::string line; std::getline(lines, line);) {
      const std::string begin = "#include \"";
      const std::size_t slash = line.find('/');
      if (line.starts_with(begin) && slash != std::string::npos)
        rooms.insert(line.substr(begin.size(), slash - begin.size()));
    }
  }
  rooms.erase(room.filename());
  rooms.erase("bpf");  // mlocktrace.h: what both sides share
  return rooms;
}

TEST(Rooms, ArrowsAreThoseOfTheTable) {
  std::set<std::string> rooms;
  for (const auto& room : std::filesystem::directory_iterator(MLT_SOURCE_DIR "/userspace")) {
    if (!room.is_directory()) continue;
    const std::string name = room.path().filename();
    rooms.insert(name);
    ASSERT_TRUE(kAllowed.contains(name)) << name;
    for (const std::string& other : included_by(room.path()))
      EXPECT_TRUE(kAllowed.at(name).contains(other)) << name << " includes " << other;
  }
  EXPECT_EQ(rooms.size(), kAllowed.size());
}

// No two are allowed to include each other, by way of others either.
TEST(Rooms, ThereIsNoWayBack) {
  Rooms left = kAllowed;
  while (!left.empty()) {
    std::set<std::string> without;
    for (const auto& [name, needs] : left) {
      bool all_done = true;
      for (const std::string& other : needs) all_done &= !left.contains(other);
      if (all_done) without.insert(name);
    }
    ASSERT_FALSE(without.empty()) << "a circle around " << left.begin()->first;
    for (const std::string& name : without) left.erase(name);
  }
}

}  // namespace
}  // namespace mlt
