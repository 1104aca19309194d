#include "bench/figures.h"

#include <gtest/gtest.h>

namespace bench {

namespace {

Json run(double traced, double untraced) {
  const auto costs = [](double access) { return Json{{"access", access}, {"populate", 100}}; };
  Json mlocktrace = {{"name", "mlocktrace, faults"}, {"peer", false}};
  mlocktrace["added"] = {{"traced", costs(traced)}, {"untraced", costs(untraced)}};
  Json peer = mlocktrace;
  peer["name"] = "another tool";
  peer["peer"] = true;
  return {{"tracers", {mlocktrace, peer}}};
}

TEST(Figures, OnlyOwnFaultsAreKeptRounded) {
  EXPECT_EQ(
      kept_figures(run(500.6, 300)).dump(),
      R"({"mlocktrace, faults":{"traced":{"access":501,"populate":100},"untraced":{"access":300,"populate":100}}})");
}

TEST(Figures, FiveInstructionsAreNoDifference) {
  const auto found = compare(kept_figures(run(500, 300)), kept_figures(run(505, 295)));
  EXPECT_EQ(found.compared, 4);
  EXPECT_TRUE(found.risen.empty());
  EXPECT_TRUE(found.fallen.empty());
}

TEST(Figures, SixAreOne) {
  const auto found = compare(kept_figures(run(500, 300)), kept_figures(run(506, 294)));
  EXPECT_EQ(found.risen, (std::vector<std::string>{"/mlocktrace, faults/traced/access: 506 instructions, 500 before"}));
  EXPECT_EQ(found.fallen,
            (std::vector<std::string>{"/mlocktrace, faults/untraced/access: 294 instructions, 300 before"}));
}

TEST(Figures, OneThatIsMissingFails) {
  Json run_without = run(500, 300);
  run_without["tracers"][0].erase("added");
  const auto gone = compare(kept_figures(run(500, 300)), kept_figures(run_without));
  EXPECT_EQ(gone.risen.size(), 4U);
  EXPECT_EQ(gone.risen.front(), "/mlocktrace, faults/traced/access: no figure any more, it was 500");
  const auto added = compare(kept_figures(run_without), kept_figures(run(500, 300)));
  EXPECT_EQ(added.risen.size(), 4U);
  EXPECT_EQ(added.risen.front(), "/mlocktrace, faults/traced/access: no figure is kept, now 500");
}

}  // namespace

}  // namespace bench
