#include "report/layout.h"

#include <algorithm>
#include <limits>

#include "util/units.h"

namespace mlt {
namespace {

constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max() / 2;
constexpr std::size_t kNarrowest = 40;
constexpr std::size_t kGap = 2;

std::string_view escape_of(Style style) {
  switch (style) {
    case Style::plain: return "";
    case Style::bold: return "\x1b[1m";
    case Style::dim: return "\x1b[2m";
    case Style::red: return "\x1b[31m";
    case Style::yellow: return "\x1b[33m";
    case Style::green: return "\x1b[32m";
    case Style::cyan: return "\x1b[36m";
  }
  return "";
}

std::string blanks(std::size_t count) { return std::string(count, ' '); }

/// Marks that stand on the character before them, and the blocks whose characters are two columns wide.
std::size_t columns_of(char32_t c) {
  if ((c >= 0x300 && c <= 0x36f) || c == 0x200b || c == 0x200d || (c >= 0xfe00 && c <= 0xfe0f)) return 0;
  const bool wide = (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) || (c >= 0xac00 && c <= 0xd7a3) ||
                    (c >= 0xf900 && c <= 0xfaff) || (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
                    (c >= 0x1f300 && c <= 0x1faff) || (c >= 0x20000 && c <= 0x3fffd);
  return wide ? 2 : 1;
}

/// Bytes of `text` that fit into `width` columns, at least one character.
std::size_t prefix_length(std::string_view text, std::size_t width) {
  std::size_t length = 0;
  std::size_t used = 0;
  while (length < text.size()) {
    const auto point = decode_utf8(text.substr(length)).value_or(CodePoint{U'?', 1});
    used += columns_of(point.value);
    if (used > width && length > 0) break;
    length += point.length;
  }
  return length;
}

void trim_right(std::string& line) { line.erase(line.find_last_not_of(' ') + 1); }

/// The sum of the widths of all columns that are shown, with the gaps between them.
std::size_t total_width(const std::vector<std::size_t>& widths) {
  std::size_t total = 0;
  for (const std::size_t width : widths) total += width == 0 ? 0 : width + (total == 0 ? 0 : kGap);
  return total;
}

/// Blanks at the start indent every line.
std::vector<std::string> wrap_indented(std::string_view text, std::size_t width) {
  const std::size_t indent = std::min({text.find_first_not_of(' '), text.size(), width / 2});
  text.remove_prefix(indent);
  std::vector<std::string> lines = wrap(text, width - indent, width - indent, true);
  for (std::string& line : lines) line.insert(0, indent, ' ');
  return lines;
}

// Where to break a word that is too long: behind a separator if one is in the latter half of what fits.
std::size_t break_of(std::string_view word, std::size_t width) {
  const std::size_t length = prefix_length(word, width);
  const std::size_t separator = word.substr(0, length).find_last_of("|/,");
  return separator != std::string_view::npos && separator >= length / 2 ? separator + 1 : length;
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const auto point = decode_utf8(text).value_or(CodePoint{U'?', 1});
    width += columns_of(point.value);
    text.remove_prefix(point.length);
  }
  return width;
}

std::vector<std::string> wrap(std::string_view text, std::size_t first_width, std::size_t rest_width,
                              bool break_words) {
  std::vector<std::string> lines(1);
  const auto width = [&] { return lines.size() == 1 ? first_width : rest_width; };
  while (!text.empty()) {
    const std::size_t gap = std::min(text.find_first_not_of(' '), text.size());
    text.remove_prefix(gap);
    std::string_view word = text.substr(0, std::min(text.find(' '), text.size()));
    text.remove_prefix(word.size());
    if (word.empty()) break;
    if (!lines.back().empty() && display_width(lines.back()) + gap + display_width(word) <= width()) {
      lines.back() += blanks(gap).append(word);
      continue;
    }
    if (!lines.back().empty()) lines.emplace_back();
    while (break_words && display_width(word) > width()) {
      const std::size_t length = break_of(word, width());
      lines.back() = word.substr(0, length);
      word.remove_prefix(length);
      lines.emplace_back();
    }
    lines.back() = word;
  }
  return lines;
}

void Table::add_row(std::vector<Span> cells) {
  cells.resize(columns_.size());
  for (Span& cell : cells) cell.text = sanitize(cell.text);
  lines_.push_back({std::move(cells)});
}

void Table::add_note(Span note, std::size_t indent) { lines_.push_back({{std::move(note)}, true, indent}); }

std::vector<std::size_t> Table::natural_widths() const {
  std::vector<std::size_t> widths(columns_.size(), 0);
  for (const Line& line : lines_) {
    if (line.is_note) continue;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      widths[i] = std::max(widths[i], display_width(line.cells[i].text));
    }
  }
  for (std::size_t i = 0; i < widths.size(); ++i) {
    if (widths[i] != 0) widths[i] = std::max(widths[i], display_width(columns_[i].title));
  }
  return widths;
}

Page::Page(std::size_t width, bool color)
    : width_(width == 0 ? kUnlimited : std::max(width, kNarrowest)), color_(color) {}

std::string Page::painted(std::string_view sanitized, Style style) const {
  if (!color_ || style == Style::plain || sanitized.empty()) return std::string(sanitized);
  return std::string(escape_of(style)).append(sanitized).append("\x1b[0m");
}

void Page::raw_line(std::string line) {
  trim_right(line);
  if (blank_pending_) text_ += '\n';
  blank_pending_ = false;
  text_ += line;
  text_ += '\n';
}

void Page::line(std::size_t indent, const std::vector<Span>& spans) {
  std::string text = blanks(indent);
  for (const Span& span : spans) text += painted(sanitize(span.text), span.style);
  raw_line(std::move(text));
}

void Page::paragraph(std::size_t indent, const Span& span, std::size_t hanging) {
  std::size_t margin = indent;
  for (const std::string& line : wrap(sanitize(span.text), width_ - indent, width_ - indent - hanging)) {
    raw_line(blanks(margin) + painted(line, span.style));
    margin = indent + hanging;
  }
}

void Page::labelled(std::size_t indent, const Span& label, std::size_t label_width, const Span& text) {
  std::string name = sanitize(label.text);
  const std::size_t used = display_width(name);
  std::string margin =
      blanks(indent) + painted(name, label.style) + blanks(used < label_width ? label_width - used : 1);
  const std::size_t width = width_ - indent - label_width;
  for (const std::string& line : wrap(sanitize(text.text), width, width)) {
    raw_line(margin + painted(line, text.style));
    margin = blanks(indent + label_width);
  }
}

void Page::table_row(std::size_t indent, const Table& table, const std::vector<std::size_t>& widths,
                     const std::vector<Span>& cells) {
  std::vector<std::vector<std::string>> wrapped(cells.size());
  std::size_t height = 1;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    wrapped[i] = table.columns_[i].flexible ? wrap_indented(cells[i].text, widths[i]) : std::vector{cells[i].text};
    height = std::max(height, widths[i] == 0 ? 0 : wrapped[i].size());
  }
  for (std::size_t row = 0; row < height; ++row) {
    std::string line = blanks(indent);
    std::size_t gap = 0;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (widths[i] == 0) continue;
      const std::string text = row < wrapped[i].size() ? wrapped[i][row] : "";
      const std::size_t used = display_width(text);
      const std::string padding = blanks(widths[i] > used ? widths[i] - used : 0);
      const bool right = table.columns_[i].align == Table::Align::right;
      line += blanks(gap) + (right ? padding : "") + painted(text, cells[i].style) + (right ? "" : padding);
      gap = kGap;
    }
    raw_line(std::move(line));
  }
}

void Page::table(std::size_t indent, const Table& table) {
  constexpr std::size_t kNarrowestColumn = 16;
  std::vector<std::size_t> widths = table.natural_widths();
  const std::size_t total = total_width(widths) + indent;
  std::vector<Span> titles;
  bool titled = false;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    const Table::Column& column = table.columns_[i];
    titles.push_back({column.title, Style::bold});
    titled = titled || (widths[i] != 0 && !column.title.empty());
    if (!column.flexible || total <= width_) continue;
    const std::size_t excess = total - width_;
    const std::size_t shrunk = widths[i] > excess ? widths[i] - excess : 0;
    widths[i] = std::min(widths[i], std::max(shrunk, kNarrowestColumn));
  }
  if (titled) table_row(indent, table, widths, titles);
  for (const Table::Line& line : table.lines_) {
    if (line.is_note) {
      paragraph(indent + line.indent, line.cells.front(), 2);
    } else {
      table_row(indent, table, widths, line.cells);
    }
  }
}

}  // namespace mlt
