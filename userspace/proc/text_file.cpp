#include "proc/text_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "util/fd.h"

namespace mlt {

namespace {

// A character at a time: find_first_of would call memchr for each of them, and a trace of all processes reads
// megabytes.
template <typename IsSeparator>
std::vector<std::string_view> split(std::string_view text, IsSeparator is_separator) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    while (at < text.size() && !is_separator(text[at])) ++at;
    if (at != begin) parts.push_back(text.substr(begin, at - begin));
    ++at;
  }
  return parts;
}

}  // namespace

std::optional<std::string> read_text_file(const std::string& path) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return std::nullopt;
  std::string text;
  std::array<char, 16384> buffer;  // NOLINT(*-member-init): read fills what is used
  ssize_t length = 0;
  while ((length = read(file.get(), buffer.data(), buffer.size())) > 0)
    text.append(buffer.data(), static_cast<std::size_t>(length));
  // A process that is gone answers ESRCH.
  if (length < 0) return std::nullopt;
  return text;
}

std::vector<std::string_view> split_lines(std::string_view text) {
  return split(text, [](char c) { return c == '\n'; });
}

std::vector<std::string_view> split_words(std::string_view text) {
  return split(text, [](char c) { return c == ' ' || c == '\t' || c == '\n'; });
}

std::optional<std::uint64_t> parse_number(std::string_view text, int base) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

}  // namespace mlt
