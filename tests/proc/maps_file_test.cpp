#include "proc/maps_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

namespace mlt {
namespace {

constexpr std::string_view kMaps =
    "55d0c0000000-55d0c0012000 r-xp 00001000 fe:01 1048602                    /opt/a program (deleted)\n"
    "55d0c1000000-55d0c1021000 rw-p 00000000 00:00 0                          [heap]\n"
    "7f5a80000000-7f5a84000000 rw-p 00000000 00:00 0 \n"
    "7f5a90000000-7f5a90001000 rw-s 7fffffff000 00:01 2049                    /tmp/two\\012lines\n"
    "garbage\n"
    "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";

TEST(Maps, LinesAreTakenApart) {
  const std::vector<MapsLine> lines = parse_maps(kMaps);
  const std::vector<MapsLine> expected = {
      {0x55d0c0000000, 0x55d0c0012000, "r-xp", 0x1000, 1048602, "/opt/a program (deleted)"},
      {0x55d0c1000000, 0x55d0c1021000, "rw-p", 0, 0, "[heap]"},
      {0x7f5a80000000, 0x7f5a84000000, "rw-p", 0, 0, ""},
      {0x7f5a90000000, 0x7f5a90001000, "rw-s", 0x7fffffff000, 2049, "/tmp/two\nlines"},
      {0xffffffffff600000, 0xffffffffff601000, "--xp", 0, 0, "[vsyscall]"}};
  EXPECT_EQ(lines, expected);
}

TEST(Maps, WhatHasANameIsRememberedOnce) {
  std::vector<MapsLine> known;
  remember_maps(known, parse_maps(kMaps));
  remember_maps(known, parse_maps(kMaps));
  EXPECT_EQ(known.size(), 4U);
  EXPECT_TRUE(std::ranges::none_of(known, &std::string::empty, &MapsLine::name));
}

TEST(Maps, OfAProcess) {
  const auto lines = read_maps(static_cast<std::uint32_t>(getpid()));
  const auto here = reinterpret_cast<std::uint64_t>(&kMaps);
  EXPECT_TRUE(std::ranges::any_of(lines, [&](const MapsLine& line) { return line.start <= here && here < line.end; }));
  EXPECT_TRUE(read_maps(0).empty());
}

}  // namespace
}  // namespace mlt
