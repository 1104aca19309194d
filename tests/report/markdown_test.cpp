#include "report/markdown.h"

#include <gtest/gtest.h>

#include "report/fixtures.h"
#include "report/golden.h"
#include "util/units.h"

namespace mlt {
namespace {

TEST(MarkdownGolden, Quiet) { expect_golden("quiet.md", to_markdown(fixtures::quiet())); }
TEST(MarkdownGolden, Busy) { expect_golden("busy.md", to_markdown(fixtures::busy())); }
TEST(MarkdownGolden, Degraded) { expect_golden("degraded.md", to_markdown(fixtures::degraded())); }

TEST(MarkdownText, NothingMeansAnything) {
  EXPECT_EQ(markdown_text("a*b*_c_ `d` [e](f) # ~~g~~ h|i \\"), R"(a\*b\*\_c\_ \`d\` \[e\](f) \# \~\~g\~\~ h\|i \\)");
  EXPECT_EQ(markdown_text("<img src=x> &lt; @root"), "&lt;img src=x&gt; &amp;lt; &#64;root");
  EXPECT_EQ(markdown_text("a\nb\x1b[31m\xff"), R"(a\\x0ab\\x1b\[31m\\xff)");
}

TEST(MarkdownCode, NothingEndsTheSpan) {
  EXPECT_EQ(markdown_code("plain"), "`plain`");
  EXPECT_EQ(markdown_code("a`b``c"), "```a`b``c```");
  EXPECT_EQ(markdown_code("`"), "`` ` ``");
  EXPECT_EQ(markdown_code(""), "`  `");
  EXPECT_EQ(markdown_code("a|b\nc"), "`a\\|b\\x0ac`");
  EXPECT_EQ(markdown_code("</details><script>"), "`</details><script>`");
}

TEST(MarkdownText, LongNamesLoseTheirMiddle) {
  const std::string text = markdown_text(std::string(4096, 'x') + "end");
  EXPECT_LT(text.size(), 220U);
  EXPECT_TRUE(text.ends_with("xend"));
  std::string wide;
  for (int i = 0; i < 1000; ++i) wide += "\xc3\xa9";
  for (const char c : {'a', 'b', 'c'}) {
    wide.insert(0, 1, c);
    EXPECT_EQ(sanitize(markdown_text(wide)).find("\\x"), std::string::npos) << "no character is cut in two";
  }
}

TEST(Markdown, ManyProcessesAndCallsAreSummedUp) {
  const std::string crowd = to_markdown(fixtures::crowd(50));
  EXPECT_NE(crowd.find("| 18 × | of other commands: still running |"), std::string::npos) << crowd;
  EXPECT_NE(crowd.find("| **all** |  | 12,750 |"), std::string::npos) << crowd;
  EXPECT_EQ(crowd.find("## Process 1003"), std::string::npos);
  const std::string degraded = to_markdown(fixtures::degraded());
  EXPECT_NE(degraded.find("8 ms"), std::string::npos) << "the slowest call stays";
}

TEST(Markdown, WhatTheKernelSkippedIsTold) {
  const std::string both = to_markdown(fixtures::skipping({5, 1}));
  EXPECT_NE(both.find("**Skipped:** 5 faults of unknown class and 1 fault of unknown duration, counted all the same: "
                      "the kernel skipped a probe.\n\nNo fault was lost.\n"),
            std::string::npos)
      << both;
  EXPECT_NE(both.find("\n| unknown | 5 | 0 | 0 | – | – | – | – |\n"), std::string::npos) << both;
  EXPECT_NE(both.find("\n| unknown | lock state n/a | unknown | 5 | 0 | 0 | – | – | – | – |\n"), std::string::npos);
  const std::string unclassed = to_markdown(fixtures::skipping({1, 0}));
  EXPECT_NE(unclassed.find("**Skipped:** 1 fault of unknown class, counted all the same: the kernel skipped a "
                           "probe.\n\nNo fault was lost.\n"),
            std::string::npos)
      << unclassed;
  EXPECT_EQ(both.find("Nothing was lost."), std::string::npos);
}

TEST(Markdown, WhereNothingWasSkippedNothingIsSaidOfIt) {
  const std::string none = to_markdown(fixtures::skipping({0, 0}));
  EXPECT_NE(none.find("Nothing was lost.\n"), std::string::npos) << none;
  EXPECT_EQ(none.find("Skipped"), std::string::npos);
  EXPECT_EQ(none.find("unknown"), std::string::npos);
}

TEST(Markdown, SkippedAndLostAreTwoThings) {
  Report report = fixtures::skipping({5, 0});
  report.coverage.lost.missed_probes = 3;
  const std::string text = to_markdown(report);
  EXPECT_NE(text.find("**Skipped:** 5 faults"), std::string::npos) << text;
  EXPECT_NE(text.find("**Lost:** 0 events, 0 counts in full tables and 3 probes."), std::string::npos) << text;
  EXPECT_EQ(text.find("No fault was lost."), std::string::npos);
}

TEST(Markdown, EveryRowOfATableHasAsManyCellsAsItsHead) {
  Report report = fixtures::busy();
  for (Process& process : report.processes) process.comm = process.exe = "a|b`c\n|d";
  for (LockCall& call : report.processes[0].locks.calls) call.args = call.explain = "|`|\n|";
  std::size_t cells = 0;
  std::size_t start = 0;
  const std::string text = to_markdown(report);
  while (start < text.size()) {
    const std::string line = text.substr(start, text.find('\n', start) - start);
    start += line.size() + 1;
    if (!line.starts_with("|")) {
      cells = 0;
      continue;
    }
    std::size_t bars = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (line[i] == '\\')
        ++i;
      else if (line[i] == '|')
        ++bars;
    }
    if (cells == 0) cells = bars;
    EXPECT_EQ(bars, cells) << line;
  }
}

}  // namespace
}  // namespace mlt
