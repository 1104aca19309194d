#include "proc/text_file.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <limits>

namespace mlt {
namespace {

using Parts = std::vector<std::string_view>;

class TextFileTest : public testing::Test {
 protected:
  void TearDown() override { std::remove(path_.c_str()); }
  void write(const std::string& text) { std::ofstream(path_, std::ios::binary) << text; }

  std::string path_ = testing::TempDir() + "mlt-text-file-" +
                      testing::UnitTest::GetInstance()->current_test_info()->name() + "-" +
                      std::to_string(testing::UnitTest::GetInstance()->random_seed());
};

TEST_F(TextFileTest, ReadsTheWholeFile) {
  // More than one read's worth, and not a multiple of it.
  std::string text;
  while (text.size() < 50'000) text += "line " + std::to_string(text.size()) + "\n";
  write(text);
  EXPECT_EQ(read_text_file(path_), text);
}

TEST_F(TextFileTest, AnEmptyFileIsNotAMissingOne) {
  EXPECT_EQ(read_text_file(path_), std::nullopt);
  write("");
  EXPECT_EQ(read_text_file(path_), "");
}

TEST_F(TextFileTest, KeepsZeroBytes) {
  write(std::string("a\0b", 3));
  EXPECT_EQ(read_text_file(path_), std::string("a\0b", 3));
}

TEST_F(TextFileTest, AFailingReadIsNoText) {
  // A directory can be opened, but not read.
  EXPECT_EQ(read_text_file(testing::TempDir()), std::nullopt);
}

TEST(SplitLines, SkipsEmptyOnes) {
  EXPECT_EQ(split_lines("a b\nc\n"), (Parts{"a b", "c"}));
  EXPECT_EQ(split_lines("\n\na\n\nb"), (Parts{"a", "b"}));
  EXPECT_EQ(split_lines(""), Parts{});
  EXPECT_EQ(split_lines("\n"), Parts{});
}

TEST(SplitWords, AtBlanksTabsAndNewlines) {
  EXPECT_EQ(split_words("VmLck:\t      64 kB\n"), (Parts{"VmLck:", "64", "kB"}));
  EXPECT_EQ(split_words("  a  "), Parts{"a"});
  EXPECT_EQ(split_words(" \t\n"), Parts{});
  EXPECT_EQ(split_words(""), Parts{});
}

TEST(ParseNumber, TakesTheWholeText) {
  EXPECT_EQ(parse_number("0"), 0U);
  EXPECT_EQ(parse_number("0042"), 42U);
  EXPECT_EQ(parse_number("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
  for (const char* text : {"", "-1", "+1", " 1", "1 ", "1x", "x", "0x10", "1.5", "18446744073709551616"})
    EXPECT_EQ(parse_number(text), std::nullopt) << "'" << text << "'";
}

TEST(ParseNumber, OtherBases) {
  EXPECT_EQ(parse_number("000001ffffffffff", 16), 0x1ffffffffffU);
  EXPECT_EQ(parse_number("FF", 16), 255U);
  EXPECT_EQ(parse_number("ff", 10), std::nullopt);
}

}  // namespace
}  // namespace mlt
