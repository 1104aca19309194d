#include "report/diff.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "report/fixtures.h"
#include "report/golden.h"
#include "report/html.h"
#include "report/timeline_fixtures.h"

namespace mlt {
namespace {

const DiffNames kNames{"calm.mlt", "busy.mlt"};

TEST(DiffGolden, Text) { expect_golden("diff.txt", diff_to_text(fixtures::calm_and_busy(), kNames, {})); }
TEST(DiffGolden, Verbose) {
  expect_golden("diff-verbose.txt", diff_to_text(fixtures::calm_and_busy(), kNames, {.verbose = true}));
}
TEST(DiffGolden, Json) { expect_golden("diff.json", diff_to_json(fixtures::calm_and_busy(), kNames, true)); }

TEST(DiffText, NothingDiffers) {
  const DiffSide quiet(fixtures::quiet());
  const std::string text = diff_to_text(compare(quiet, quiet), {"a", "b"}, {});
  EXPECT_TRUE(
      text.starts_with("mlocktrace diff: a (before) and b (after)\nSAME: Nothing differs by more than chance.\n"))
      << text;
}

TEST(DiffText, HostileNamesDoNotReachTheTerminal) {
  Report hostile = fixtures::busy();
  for (Process& process : hostile.processes) process.comm = "\x1b[2J\n\xff";
  const DiffSide side(hostile);
  const std::string text = diff_to_text(compare(DiffSide(fixtures::quiet()), side), {"\x1b", "\x07"}, {});
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find('\x07'), std::string::npos);
}

TEST(DiffHtml, HoldsTheDiff) {
  const HtmlFrame frame = html_frame();
  std::string page = diff_to_html(fixtures::calm_and_busy(), {"</script>", "b"});
  page = page.substr(frame.before.size(), page.size() - frame.before.size() - frame.after.size());
  EXPECT_EQ(page.find('<'), std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(page)["diff"]["before"], "</script>");
}

}  // namespace
}  // namespace mlt
