// Small text files of the kernel: read whole, cut into lines and words, parse numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mlt {

std::optional<std::string> read_text_file(const std::string& path);
std::vector<std::string_view> split_lines(std::string_view text);
std::vector<std::string_view> split_words(std::string_view text);
/// The whole of `text` as an unsigned number, else no value.
std::optional<std::uint64_t> parse_number(std::string_view text, int base = 10);

}  // namespace mlt
