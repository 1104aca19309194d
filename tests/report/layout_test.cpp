#include "report/layout.h"

#include <gtest/gtest.h>

namespace mlt {
namespace {

using Lines = std::vector<std::string>;
using enum Table::Align;

TEST(DisplayWidth, CountsColumns) {
  EXPECT_EQ(display_width(""), 0U);
  EXPECT_EQ(display_width("abc"), 3U);
  EXPECT_EQ(display_width("caf\xc3\xa9"), 4U);
  EXPECT_EQ(display_width("e\xcc\x81"), 1U);     // a combining accent
  EXPECT_EQ(display_width("\xe6\xbc\xa2"), 2U);  // a Chinese character
}

TEST(Wrap, AtBlanks) {
  EXPECT_EQ(wrap("", 10, 10), Lines{""});
  EXPECT_EQ(wrap("one two three", 20, 20), Lines{"one two three"});
  EXPECT_EQ(wrap("one two three", 7, 7), (Lines{"one two", "three"}));
  EXPECT_EQ(wrap("one two three", 3, 9), (Lines{"one", "two three"}));
}

TEST(Wrap, LongWordsStayWholeUnlessTheyMayBeBroken) {
  EXPECT_EQ(wrap("a 0123456789 b", 5, 5), (Lines{"a", "0123456789", "b"}));
  EXPECT_EQ(wrap("a 0123456789 b", 5, 5, true), (Lines{"a", "01234", "56789", "b"}));
  EXPECT_EQ(wrap("READ|WRITE|EXEC", 8, 8, true), (Lines{"READ|", "WRITE|", "EXEC"}));
  EXPECT_EQ(wrap("a/0123456789", 8, 8, true), (Lines{"a/012345", "6789"}));
  EXPECT_EQ(wrap("\xe6\xbc\xa2\xe6\xbc\xa2", 3, 3, true), (Lines{"\xe6\xbc\xa2", "\xe6\xbc\xa2"}));
}

TEST(Page, BlankLinesAreSingleAndBetween) {
  Page page(80, false);
  page.blank();
  page.line(0, {{"a"}});
  page.blank();
  page.blank();
  page.line(2, {{"b"}, {"c"}});
  page.blank();
  EXPECT_EQ(page.take(), "a\n\n  bc\n");
}

TEST(Page, ParagraphsHang) {
  Page page(40, false);
  page.paragraph(2, {"0123456789 0123456789 0123456789 0123456789"}, 4);
  EXPECT_EQ(page.take(), "  0123456789 0123456789 0123456789\n      0123456789\n");
}

TEST(Page, LabelledTextStaysInItsColumn) {
  Page page(40, false);
  page.labelled(2, {"label"}, 10, {"0123456789 0123456789 0123456789"});
  EXPECT_EQ(page.take(), "  label     0123456789 0123456789\n            0123456789\n");
}

TEST(Page, ColorsOnlyWhenAskedFor) {
  Page colored(80, true);
  colored.line(0, {{"x", Style::red}, {"y"}});
  EXPECT_EQ(colored.take(), "\x1b[31mx\x1b[0my\n");
}

TEST(Page, SanitizesEverything) {
  Page page(80, false);
  Table table({{"", left}});
  table.add_row({{"\x1b"}});
  table.add_note({"\x1b"}, 0);
  page.line(0, {{"\x1b"}});
  page.paragraph(0, {"\x1b"});
  page.labelled(0, {"\x1b"}, 6, {"\x1b"});
  page.table(0, table);
  EXPECT_EQ(page.take(), "\\x1b\n\\x1b\n\\x1b  \\x1b\n\\x1b\n\\x1b\n");
}

TEST(Table, AlignsAndLeavesEmptyColumnsOut) {
  Page page(80, false);
  Table table({{"name"}, {"never"}, {"count", right}});
  table.add_row({{"a"}, {}, {"1"}});
  table.add_row({{"longer"}, {}, {"1,000"}});
  table.add_note({"a note"});
  page.table(1, table);
  EXPECT_EQ(page.take(),
            " name    count\n"
            " a           1\n"
            " longer  1,000\n"
            "   a note\n");
}

TEST(Table, TheFlexibleColumnWraps) {
  Page page(40, false);
  Table table({{"what", left, true}, {"n", right}});
  table.add_row({{"some words that need more than one line"}, {"12345678"}});
  page.table(0, table);
  EXPECT_EQ(page.take(),
            "what                                   n\n"
            "some words that need more than  12345678\n"
            "one line\n");
}

TEST(Table, NoWidthMeansNoWrapping) {
  Page page(0, false);
  Table table({{"", left, true}});
  table.add_row({{std::string(300, 'x') + " " + std::string(300, 'y')}});
  page.table(0, table);
  EXPECT_EQ(page.take().size(), 602U);
}

}  // namespace
}  // namespace mlt
