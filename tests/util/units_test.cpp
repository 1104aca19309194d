#include "util/units.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>

namespace mlt {
namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kSecond = 1'000'000'000;

TEST(FormatDuration, HasThreeSignificantDigits) {
  EXPECT_EQ(format_duration(0), "0 ns");
  EXPECT_EQ(format_duration(850), "850 ns");
  EXPECT_EQ(format_duration(999), "999 ns");
  EXPECT_EQ(format_duration(1000), "1 us");
  EXPECT_EQ(format_duration(1234), "1.23 us");
  EXPECT_EQ(format_duration(12'345), "12.3 us");
  EXPECT_EQ(format_duration(123'456), "123 us");
  EXPECT_EQ(format_duration(4'500'000), "4.5 ms");
  EXPECT_EQ(format_duration(2'100'000'000), "2.1 s");
}

TEST(FormatDuration, RoundsIntoTheNextUnit) {
  EXPECT_EQ(format_duration(9'996), "10 us");
  EXPECT_EQ(format_duration(99'960), "100 us");
  EXPECT_EQ(format_duration(999'499), "999 us");
  EXPECT_EQ(format_duration(999'500), "1 ms");
  EXPECT_EQ(format_duration(999'999'999), "1 s");
}

TEST(FormatDuration, LongOnesAreInMinutesAndHours) {
  EXPECT_EQ(format_duration(599 * kSecond), "599 s");
  EXPECT_EQ(format_duration(599'600'000'000), "10 min 0 s");
  EXPECT_EQ(format_duration(1234 * kSecond), "20 min 34 s");
  EXPECT_EQ(format_duration(7260 * kSecond), "2 h 1 min");
  EXPECT_EQ(format_duration(kMost), "5124095 h 34 min");
}

TEST(FormatBytes, ExactMultiplesHaveNoFraction) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(40 * 1024), "40 KiB");
  EXPECT_EQ(format_bytes(1536), "1.5 KiB");
  EXPECT_EQ(format_bytes(std::uint64_t{3} << 29), "1.5 GiB");
  EXPECT_EQ(format_bytes((1 << 20) - 1), "1 MiB");
  EXPECT_EQ(format_bytes(kMost), "16 EiB");
}

TEST(FormatCount, SeparatesThousands) {
  EXPECT_EQ(format_count(std::uint64_t{0}), "0");
  EXPECT_EQ(format_count(std::uint64_t{999}), "999");
  EXPECT_EQ(format_count(std::uint64_t{12'550}), "12,550");
  EXPECT_EQ(format_count(kMost), "18,446,744,073,709,551,615");
  EXPECT_EQ(format_count(std::int64_t{-100}), "-100");
  EXPECT_EQ(format_count(std::int64_t{-1000}), "-1,000");
  EXPECT_EQ(format_count(std::numeric_limits<std::int64_t>::min()), "-9,223,372,036,854,775,808");
}

TEST(FormatRate, PerSecond) {
  EXPECT_EQ(format_rate(5, 10 * kSecond), "0.5/s");
  EXPECT_EQ(format_rate(12'550, kSecond), "12,550/s");
  EXPECT_EQ(format_rate(9996, 10 * kSecond), "1,000/s");
  EXPECT_EQ(format_rate(0, kSecond), "0/s");
  EXPECT_EQ(format_rate(5, 0), "");
}

TEST(FormatThroughput, Decimal) {
  EXPECT_EQ(format_throughput(std::uint64_t{16384} * 4096, 9'640'000), "6.96 GB/s");
  EXPECT_EQ(format_throughput(500, kSecond), "500 B/s");
  EXPECT_EQ(format_throughput(500, 0), "");
}

TEST(FormatRange, HasItsSize) {
  EXPECT_EQ(format_range(0x7f0000000000, 0x7f0000800000), "0x7f0000000000-0x7f0000800000 (8 MiB)");
}

TEST(Compact, IsAtMostFiveCharacters) {
  EXPECT_EQ(compact_count(999), "999");
  EXPECT_EQ(compact_count(1234), "1.2k");
  EXPECT_EQ(compact_count(999'999), "1M");
  EXPECT_EQ(compact_duration(850), "850ns");
  EXPECT_EQ(compact_duration(1250), "1.2us");
  EXPECT_EQ(compact_duration(123'456), "123us");
  EXPECT_EQ(compact_bytes(0), "0B");
  EXPECT_EQ(compact_bytes(40 * 1024), "40K");
  EXPECT_EQ(compact_bytes(1023), "1K");
  for (std::uint64_t value = 1; value < kMost / 3; value = value * 3 + 1) {
    EXPECT_LE(compact_count(value).size(), 4U) << value;
    EXPECT_LE(compact_bytes(value).size(), 4U) << value;
    EXPECT_LE(compact_duration(std::min(value, 9999 * kSecond)).size(), 5U) << value;
  }
}

TEST(ParseDuration, AcceptsUnits) {
  EXPECT_EQ(parse_duration("500ms"), 500'000'000U);
  EXPECT_EQ(parse_duration("10s"), 10 * kSecond);
  EXPECT_EQ(parse_duration("2m"), 120 * kSecond);
  EXPECT_EQ(parse_duration("2min"), 120 * kSecond);
  EXPECT_EQ(parse_duration("1h"), 3600 * kSecond);
  EXPECT_EQ(parse_duration("1.5s"), 1'500'000'000U);
  EXPECT_EQ(parse_duration("0.1"), 100'000'000U);
  EXPECT_EQ(parse_duration("20us"), 20'000U);
  EXPECT_EQ(parse_duration("100ns"), 100U);
  EXPECT_EQ(parse_duration("3"), 3 * kSecond);
  EXPECT_EQ(parse_duration("0"), 0U);
}

TEST(ParseDuration, RefusesEverythingElse) {
  for (const char* text : {"", "s", "-1", "+1", " 1", "1 s", "1s ", "1x", "1e3", "0x10", "inf", "nan", "1.2.3", ".5",
                           "99999999999999999999", "1,5"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(ParseBytes, AcceptsUnits) {
  EXPECT_EQ(parse_bytes("4096"), 4096U);
  EXPECT_EQ(parse_bytes("64K"), 65536U);
  EXPECT_EQ(parse_bytes("64k"), 65536U);
  EXPECT_EQ(parse_bytes("64KB"), 65536U);
  EXPECT_EQ(parse_bytes("64KiB"), 65536U);
  EXPECT_EQ(parse_bytes("1.5M"), 1'572'864U);
  EXPECT_EQ(parse_bytes("2G"), std::uint64_t{2} << 30);
  EXPECT_EQ(parse_bytes("1TiB"), std::uint64_t{1} << 40);
  EXPECT_EQ(parse_bytes("0"), 0U);
}

TEST(ParseBytes, RefusesEverythingElse) {
  for (const char* text : {"", "M", "-1M", "+1", " 1M", "1 M", "1M ", "1X", "1mb", "1MiBx", "1iB", "1B", "1e3", "0x10",
                           "inf", "9999999999T", "1,5M"}) {
    EXPECT_EQ(parse_bytes(text), std::nullopt) << text;
  }
}

TEST(Sanitize, KeepsText) {
  EXPECT_EQ(sanitize("redis-server"), "redis-server");
  EXPECT_EQ(sanitize("caf\xc3\xa9 \xe6\xbc\xa2 \xf0\x9f\x98\x80"), "caf\xc3\xa9 \xe6\xbc\xa2 \xf0\x9f\x98\x80");
  EXPECT_EQ(sanitize("a\\x2db"), "a\\x2db");
}

TEST(Sanitize, ShowsWhatATerminalWouldActUpon) {
  EXPECT_EQ(sanitize("\x1b[31mred\n\t\x7f"), "\\x1b[31mred\\x0a\\x09\\x7f");
  EXPECT_EQ(sanitize(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(sanitize("\xc2\x9b"
                     "31m"),
            "\\xc2\\x9b"
            "31m");                                        // C1: CSI
  EXPECT_EQ(sanitize("\xe2\x80\xae"), "\\xe2\\x80\\xae");  // right-to-left override
  EXPECT_EQ(sanitize("\xe2\x80\xa8"), "\\xe2\\x80\\xa8");  // line separator
}

TEST(Sanitize, ShowsInvalidUtf8) {
  EXPECT_EQ(sanitize("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(sanitize("\xc3"), "\\xc3");  // cut short
  EXPECT_EQ(sanitize("\xc3("), "\\xc3(");
  EXPECT_EQ(sanitize("\xc0\xaf"), "\\xc0\\xaf");                    // overlong
  EXPECT_EQ(sanitize("\xe0\x80\xaf"), "\\xe0\\x80\\xaf");           // overlong
  EXPECT_EQ(sanitize("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // surrogate
  EXPECT_EQ(sanitize("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // beyond U+10FFFF
}

}  // namespace
}  // namespace mlt
