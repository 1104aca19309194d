// Plain building blocks of terminal text: wrapped paragraphs, tables, styles. Knows nothing about reports.
//
// Every text that is handed in is taken as untrusted and sanitized here, so that no renderer can forget it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mlt {

enum class Style { plain, bold, dim, red, yellow, green, cyan };

struct Span {
  std::string text;
  Style style = Style::plain;
};

/// Columns that a terminal needs for sanitized UTF-8.
std::size_t display_width(std::string_view text);

/// Breaks at blanks into a line of at most `first_width` columns and others of `rest_width`. A longer word stands alone
/// in its line, whole, unless `break_words`.
std::vector<std::string> wrap(std::string_view text, std::size_t first_width, std::size_t rest_width,
                              bool break_words = false);

/// A table that is sized by its content. A column in which every cell is empty is left out. At most one column is
/// flexible: it wraps when the table would be wider than the page.
class Table {
 public:
  enum class Align { left, right };
  struct Column {
    std::string title;
    Align align = Align::left;
    bool flexible = false;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// Missing cells are empty.
  void add_row(std::vector<Span> cells);
  /// A line across all columns, below the row that was added last.
  void add_note(Span note, std::size_t indent = 2);

  [[nodiscard]] bool empty() const { return lines_.empty(); }

 private:
  friend class Page;
  struct Line {
    std::vector<Span> cells;  // a note: one
    bool is_note = false;
    std::size_t indent = 0;
  };
  [[nodiscard]] std::vector<std::size_t> natural_widths() const;

  std::vector<Column> columns_;
  std::vector<Line> lines_;
};

/// Collects the lines of a text.
class Page {
 public:
  /// `width` 0: lines are never wrapped.
  Page(std::size_t width, bool color);

  [[nodiscard]] std::size_t width() const { return width_; }

  /// One empty line between what is there and what follows; any number of calls makes one.
  void blank() { blank_pending_ = !text_.empty(); }
  void line(std::size_t indent, const std::vector<Span>& spans);
  /// Wrapped; lines after the first are indented by `hanging` more.
  void paragraph(std::size_t indent, const Span& span, std::size_t hanging = 0);
  /// `label` and beside it, `label_width` columns further right, the wrapped text.
  void labelled(std::size_t indent, const Span& label, std::size_t label_width, const Span& text);
  void table(std::size_t indent, const Table& table);

  [[nodiscard]] std::size_t lines() const { return static_cast<std::size_t>(std::ranges::count(text_, '\n')); }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  void raw_line(std::string line);
  [[nodiscard]] std::string painted(std::string_view sanitized, Style style) const;
  void table_row(std::size_t indent, const Table& table, const std::vector<std::size_t>& widths,
                 const std::vector<Span>& cells);

  std::size_t width_;
  bool color_;
  bool blank_pending_ = false;
  std::string text_;
};

}  // namespace mlt
