// Numbers as people read and write them, and untrusted text made safe for a terminal. Independent of the locale.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mlt {

/// Three significant digits: "850 ns", "1.23 us", "4.5 ms", "2.1 s"; from ten minutes on "12 min 5 s", "3 h 20 min".
std::string format_duration(std::uint64_t nanoseconds);
/// Binary units: "40 KiB", "1.5 GiB"; at most two decimals, none when they would be zero.
std::string format_bytes(std::uint64_t bytes);
/// Three significant digits, but no more than two decimals: "1230", "0.5", "6.96".
std::string format_number(double value);
/// "12,550"
std::string format_count(std::uint64_t count);
std::string format_count(std::int64_t count);
/// "0.5/s", "12,550/s"; empty when no time has passed.
std::string format_rate(std::uint64_t count, std::uint64_t nanoseconds);
/// Decimal units, as memory bandwidth is given: "6.83 GB/s"; empty when no time has passed.
std::string format_throughput(std::uint64_t bytes, std::uint64_t nanoseconds);
/// "0x7f0000000000-0x7f0000800000 (8 MiB)"
std::string format_range(std::uint64_t start, std::uint64_t end);

/// At most five characters, for dense tables: "999", "1.2k", "12M" / "850ns", "1.2us", "120us" / "40K", "1.5G".
std::string compact_count(std::uint64_t count);
std::string compact_duration(std::uint64_t nanoseconds);
std::string compact_bytes(std::uint64_t bytes);

/// Nanoseconds of "500ms", "10s", "2m", "1.5s", "1h", "20us", "100ns"; a plain number is seconds. Empty for anything
/// else: a sign, blanks, unknown units, what 64 bits can't hold.
std::optional<std::uint64_t> parse_duration(std::string_view text);

/// Bytes of "64M", "1.5GiB", "500k", "4096": binary units, as format_bytes writes them. Empty for anything else.
std::optional<std::uint64_t> parse_bytes(std::string_view text);

/// `text` without anything that a terminal would act upon: control characters (C0, DEL, C1), bidirectional controls and
/// line separators, and bytes that are not valid UTF-8 become \xNN.
std::string sanitize(std::string_view text);

/// One code point at the start of `text`, or empty when the bytes there are not valid UTF-8 (nor is an empty text).
struct CodePoint {
  char32_t value;
  std::size_t length;  // bytes
};
std::optional<CodePoint> decode_utf8(std::string_view text);

}  // namespace mlt
