#include "proc/maps_file.h"

#include <algorithm>

#include "proc/text_file.h"

namespace mlt {

namespace {

// A process that maps and unmaps files all the time would otherwise grow the tracer without bound.
constexpr std::size_t kRemembered = 16384;

// A newline in a path is written so.
std::string unescape(std::string_view name) {
  std::string text;
  constexpr std::string_view kNewline = "\\012";
  while (!name.empty()) {
    const bool newline = name.starts_with(kNewline);
    text += newline ? '\n' : name.front();
    name.remove_prefix(newline ? kNewline.size() : 1);
  }
  return text;
}

}  // namespace

std::optional<MapsLine> parse_maps_line(std::string_view line) {
  const auto words = split_words(line);
  if (words.size() < 5) return std::nullopt;
  const std::size_t dash = words[0].find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto start = parse_number(words[0].substr(0, dash), 16);
  const auto end = parse_number(words[0].substr(dash + 1), 16);
  const auto offset = parse_number(words[2], 16);
  if (!start || !end || !offset) return std::nullopt;
  MapsLine entry{*start, *end, std::string(words[1]), *offset, parse_number(words[4]).value_or(0), {}};
  // The name may hold blanks: all that follows the inode.
  if (words.size() > 5) entry.name = unescape(line.substr(static_cast<std::size_t>(words[5].data() - line.data())));
  return entry;
}

std::vector<MapsLine> parse_maps(std::string_view text) {
  std::vector<MapsLine> lines;
  for (const std::string_view line : split_lines(text)) {
    if (auto entry = parse_maps_line(line)) lines.push_back(std::move(*entry));
  }
  return lines;
}

std::vector<MapsLine> read_maps(std::uint32_t pid) {
  const auto text = read_text_file("/proc/" + std::to_string(pid) + "/maps");
  return text ? parse_maps(*text) : std::vector<MapsLine>{};
}

void remember_maps(std::vector<MapsLine>& known, const std::vector<MapsLine>& now) {
  if (known.empty()) {
    const auto named = std::ranges::count_if(now, [](const MapsLine& line) { return !line.name.empty(); });
    known.reserve(std::min(kRemembered, static_cast<std::size_t>(named)));
  }
  for (const MapsLine& line : now) {
    if (line.name.empty() || known.size() >= kRemembered) continue;
    if (std::ranges::find(known, line) == known.end()) known.push_back(line);
  }
}

}  // namespace mlt
