#include "util/units.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <span>

namespace mlt {
namespace {

struct Unit {
  double size;
  std::string_view name;
};

constexpr std::array<Unit, 4> kTime{{{1, "ns"}, {1e3, "us"}, {1e6, "ms"}, {1e9, "s"}}};
constexpr std::array<Unit, 7> kBinary{
    {{1, "B"}, {0x1p10, "KiB"}, {0x1p20, "MiB"}, {0x1p30, "GiB"}, {0x1p40, "TiB"}, {0x1p50, "PiB"}, {0x1p60, "EiB"}}};
constexpr std::array<Unit, 7> kBinaryLetters{
    {{1, "B"}, {0x1p10, "K"}, {0x1p20, "M"}, {0x1p30, "G"}, {0x1p40, "T"}, {0x1p50, "P"}, {0x1p60, "E"}}};
constexpr std::array<Unit, 7> kCountLetters{
    {{1, ""}, {1e3, "k"}, {1e6, "M"}, {1e9, "G"}, {1e12, "T"}, {1e15, "P"}, {1e18, "E"}}};
constexpr std::array<Unit, 5> kThroughput{{{1, "B/s"}, {1e3, "kB/s"}, {1e6, "MB/s"}, {1e9, "GB/s"}, {1e12, "TB/s"}}};

constexpr std::uint64_t kSecond = 1'000'000'000;

void trim_zeros(std::string& number) {
  if (number.find('.') == std::string::npos) return;
  number.erase(number.find_last_not_of('0') + 1);
  if (number.back() == '.') number.pop_back();
}

/// `value` with `digits` significant digits, never in exponent form, without zeros at the end.
std::string significant(double value, int digits) {
  const int whole = value < 1 ? 1 : static_cast<int>(std::log10(value)) + 1;
  std::string text = fmt::format("{:.{}f}", value, std::max(0, digits - whole));
  trim_zeros(text);
  return text;
}

/// The largest unit of which there is at least one. `step` lies a rounding error below the ratio between units: what
/// would be printed as 1000 of one unit is printed as 1 of the next.
const Unit& pick_unit(double value, std::span<const Unit> units, double step) {
  std::size_t i = 0;
  while (i + 1 < units.size() && value / units[i].size >= step) ++i;
  return units[i];
}

std::string scaled(double value, std::span<const Unit> units, int digits, std::string_view space) {
  const Unit& unit = pick_unit(value, units, 999.5);
  return fmt::format("{}{}{}", significant(value / unit.size, digits), space, unit.name);
}

template <typename Integer>
std::string grouped(Integer count) {
  std::string text = fmt::format("{}", count);
  const std::size_t first_digit = text.front() == '-' ? 1 : 0;
  for (std::size_t i = text.size(); i > first_digit + 3;) {
    i -= 3;
    text.insert(i, 1, ',');
  }
  return text;
}

std::optional<double> unit_of_duration(std::string_view name) {
  struct Name {
    std::string_view text;
    double nanoseconds;
  };
  static constexpr std::array<Name, 8> kNames{
      {{"", 1e9}, {"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"min", 60e9}, {"h", 3600e9}}};
  for (const Name& known : kNames) {
    if (known.text == name) return known.nanoseconds;
  }
  return std::nullopt;
}

bool steers_terminal(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x061c || (c >= 0x200e && c <= 0x200f) ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

}  // namespace

std::string format_duration(std::uint64_t nanoseconds) {
  const std::uint64_t seconds = nanoseconds / kSecond + (nanoseconds % kSecond >= kSecond / 2 ? 1 : 0);
  if (seconds >= 3600) return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
  if (seconds >= 600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  return scaled(static_cast<double>(nanoseconds), kTime, 3, " ");
}

std::string format_bytes(std::uint64_t bytes) {
  const Unit& unit = pick_unit(static_cast<double>(bytes), kBinary, 1023.995);
  std::string number = fmt::format("{:.2f}", static_cast<double>(bytes) / unit.size);
  trim_zeros(number);
  return fmt::format("{} {}", number, unit.name);
}

std::string format_number(double value) { return significant(value, 3); }

std::string format_count(std::uint64_t count) { return grouped(count); }
std::string format_count(std::int64_t count) { return grouped(count); }

std::string format_rate(std::uint64_t count, std::uint64_t nanoseconds) {
  if (nanoseconds == 0) return "";
  const double rate = static_cast<double>(count) * 1e9 / static_cast<double>(nanoseconds);
  if (rate < 999.5) return significant(rate, 3) + "/s";
  return grouped(static_cast<std::uint64_t>(std::llround(rate))) + "/s";
}

std::string format_throughput(std::uint64_t bytes, std::uint64_t nanoseconds) {
  if (nanoseconds == 0) return "";
  return scaled(static_cast<double>(bytes) * 1e9 / static_cast<double>(nanoseconds), kThroughput, 3, " ");
}

std::string format_range(std::uint64_t start, std::uint64_t end) {
  return fmt::format("{:#x}-{:#x} ({})", start, end, format_bytes(end - start));
}

std::string compact_count(std::uint64_t count) {
  if (count < 1000) return fmt::format("{}", count);
  return scaled(static_cast<double>(count), kCountLetters, 2, "");
}

std::string compact_duration(std::uint64_t nanoseconds) {
  return scaled(static_cast<double>(nanoseconds), kTime, 2, "");
}

std::string compact_bytes(std::uint64_t bytes) {
  const Unit& unit = pick_unit(static_cast<double>(bytes), kBinaryLetters, 999.5);
  return fmt::format("{}{}", significant(static_cast<double>(bytes) / unit.size, 2), unit.name);
}

std::optional<std::uint64_t> parse_duration(std::string_view text) {
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc{}) return std::nullopt;
  const auto unit = unit_of_duration(text.substr(static_cast<std::size_t>(end - text.data())));
  if (!unit) return std::nullopt;
  const double nanoseconds = number * *unit;
  if (!(nanoseconds < static_cast<double>(std::numeric_limits<std::int64_t>::max()))) return std::nullopt;
  return static_cast<std::uint64_t>(std::llround(nanoseconds));
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc{}) return std::nullopt;
  std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  // K, k, KB and KiB all mean 1024 here.
  if (unit.ends_with("iB") && unit.size() == 3) {
    unit.remove_suffix(2);
  } else if (unit.ends_with("B") && unit.size() == 2) {
    unit.remove_suffix(1);
  }
  constexpr std::string_view kUnits = "KMGT";
  if (unit.size() > 1) return std::nullopt;
  std::size_t power = 0;
  if (!unit.empty()) {
    const std::size_t place = kUnits.find(unit == "k" ? 'K' : unit.front());
    if (place == std::string_view::npos) return std::nullopt;
    power = place + 1;
  }
  const double bytes = std::ldexp(number, static_cast<int>(10 * power));
  if (!(bytes < static_cast<double>(std::numeric_limits<std::int64_t>::max()))) return std::nullopt;
  return static_cast<std::uint64_t>(bytes);
}

std::optional<CodePoint> decode_utf8(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return CodePoint{lead, 1};
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return std::nullopt;
  auto value = static_cast<char32_t>(lead & (0x7f >> length));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return std::nullopt;
    value = (value << 6) | (byte(i) & 0x3f);
  }
  static constexpr std::array<char32_t, 5> kSmallest{0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < kSmallest[length] || value > 0x10ffff || surrogate) return std::nullopt;
  return CodePoint{value, length};
}

std::string sanitize(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  while (!text.empty()) {
    const auto point = decode_utf8(text);
    const std::size_t length = point ? point->length : 1;
    if (point && !steers_terminal(point->value)) {
      safe.append(text.substr(0, length));
    } else {
      for (const char c : text.substr(0, length)) safe += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
    text.remove_prefix(length);
  }
  return safe;
}

}  // namespace mlt
