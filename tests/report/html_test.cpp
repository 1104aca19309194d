#include "report/html.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "report/fixtures.h"
#include "report/json.h"
#include "report/timeline_fixtures.h"

namespace mlt {
namespace {

using Json = nlohmann::json;

/// The data of a page, as its own program reads them.
Json data_of(std::string_view page) {
  const HtmlFrame frame = html_frame();
  EXPECT_TRUE(page.starts_with(frame.before));
  EXPECT_TRUE(page.ends_with(frame.after));
  page.remove_prefix(frame.before.size());
  page.remove_suffix(frame.after.size());
  return Json::parse(page);
}

std::size_t count_of(std::string_view text, std::string_view what) {
  std::size_t count = 0;
  for (std::size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

TEST(EscapeForScript, NothingEndsTheElement) {
  EXPECT_EQ(escape_for_script(R"({"a":"</script><!--&"})"), R"({"a":"\u003c/script\u003e\u003c!--\u0026"})");
  EXPECT_EQ(Json::parse(escape_for_script(R"({"<b>":"&"})")), Json::parse(R"({"<b>":"&"})"));
}

TEST(Html, TheFrameIsWholeAndLoadsNothing) {
  const HtmlFrame frame = html_frame();
  EXPECT_TRUE(frame.before.starts_with("<!doctype html>"));
  EXPECT_TRUE(frame.before.ends_with("<script type=\"application/json\" id=\"data\">"));
  EXPECT_TRUE(frame.after.starts_with("</script>\n<script>"));
  EXPECT_TRUE(frame.after.ends_with("</html>\n"));
  EXPECT_NE(frame.before.find("default-src 'none'; script-src 'sha256-"), std::string_view::npos);
  EXPECT_NE(frame.before.find("Permission is hereby granted"), std::string_view::npos) << "uPlot's licence";
  for (const std::string_view part : {frame.before, frame.after}) {
    EXPECT_EQ(count_of(part, " src="), 0U);
    EXPECT_EQ(count_of(part, "@import"), 0U);
    EXPECT_EQ(count_of(part, "innerHTML"), 0U);
  }
}

TEST(Html, HoldsTheReport) {
  const Json data = data_of(to_html(fixtures::busy()));
  EXPECT_EQ(data["report"], Json::parse(to_json(fixtures::busy(), false)));
  EXPECT_EQ(data["conclusion"]["severity"], "problem");
  EXPECT_EQ(data["conclusion"]["text"], "pid 4242 (trade-engine): locking failed, RLIMIT_MEMLOCK is too small: mlock.");
  EXPECT_EQ(data["lines"], Json::object());
}

TEST(Html, HostileNamesStayInsideTheData) {
  Report report = fixtures::busy();
  report.processes[0].comm = "</script><script>alert(1)</script>";
  report.processes[0].exe = "\xff\xfe<!--" + std::string(4096, '<');
  report.findings[0].title = "]]></SCRIPT >\n";
  const std::string page = to_html(report);
  const HtmlFrame frame = html_frame();
  const std::string_view inside =
      std::string_view(page).substr(frame.before.size(), page.size() - frame.before.size() - frame.after.size());
  EXPECT_EQ(inside.find_first_of("<>&"), std::string_view::npos);
  EXPECT_EQ(data_of(page)["report"]["processes"][0]["comm"], report.processes[0].comm);
}

TEST(Html, SeriesAddUpToThePoints) {
  const Timeline timeline = fixtures::stormy();
  const Json lines = data_of(to_html(fixtures::busy(), timeline))["lines"];
  std::uint64_t expected = 0;
  for (const TimelinePoint& point : timeline.points) expected += point.by_origin[MLT_ORIGIN_ACCESS].completed();
  const auto sum = [](const Json& list) {
    std::uint64_t total = 0;
    for (const Json& value : list) total += value.get<std::uint64_t>();
    return total;
  };
  const auto access = [&](const char* pid) { return sum(lines[pid]["series"]["access"]); };
  EXPECT_EQ(access("0"), expected);
  EXPECT_EQ(access("4242") + access("4250"), expected);
  EXPECT_EQ(lines["0"]["series"]["start_ns"].size(), 100U);
  EXPECT_EQ(lines["4250"]["series"]["start_ns"].size(), 4U);
  EXPECT_EQ(sum(lines["0"]["series"]["causes"]["cow"]), sum(lines["4242"]["series"]["causes"]["cow"]));
  std::uint64_t cells = 0;
  for (const Json& column : lines["0"]["grid"]["access"]) {
    for (std::size_t i = 1; i < column.size(); i += 2) cells += column[i].get<std::uint64_t>();
  }
  EXPECT_EQ(cells, expected);
}

TEST(Html, EventsReplaceTheGridWhenTheyAreWhole) {
  Report report = fixtures::quiet();
  HtmlBuilder builder(report);
  TimelinePoint point;
  point.duration_ns = report.window.duration_ns;
  point.pid = 812;
  point.by_origin[MLT_ORIGIN_ACCESS] = fixtures::minor_faults(2, 1000);
  builder.add(point);
  FaultEvent event;
  event.pid = 812;
  event.duration_ns = 1000;
  event.at_ns = report.window.duration_ns / 2;
  builder.add(event);
  EXPECT_FALSE(data_of(builder.take())["lines"]["812"]["grid"]["from_events"].get<bool>());
  builder.add(event);
  const Json grid = data_of(builder.take())["lines"]["812"]["grid"];
  EXPECT_TRUE(grid["from_events"].get<bool>());
  EXPECT_EQ(grid["access"][LatencyGrid::kMostColumns / 2], Json::array({bucket_index(1000), 2}));
}

TEST(Html, WhatTheKernelSkippedIsTold) {
  const auto skipped = [](SkippedProbes probes) {
    return data_of(to_html(fixtures::skipping(probes)))["facts"]["skipped"];
  };
  EXPECT_EQ(
      skipped({5, 1}),
      "5 faults of unknown class and 1 fault of unknown duration, counted all the same: the kernel skipped a probe");
  EXPECT_EQ(skipped({5, 0}), "5 faults of unknown class, counted all the same: the kernel skipped a probe");
  EXPECT_EQ(skipped({0, 0}), "");
  EXPECT_EQ(data_of(to_html(fixtures::quiet()))["facts"]["skipped"], "") << "the kernel was not asked";
}

TEST(Html, FaultsOfUnknownOriginAreASeries) {
  Timeline timeline;
  TimelinePoint& point = timeline.points.emplace_back();
  point.pid = 812;
  point.duration_ns = 1'000;
  point.by_origin[MLT_ORIGIN_UNKNOWN].minor = point.by_origin[MLT_ORIGIN_UNKNOWN].untimed = 5;
  EXPECT_EQ(data_of(to_html(fixtures::skipping({5, 0}), timeline))["lines"]["812"]["series"]["unknown"], Json{5});
}

TEST(Html, AddressesAreTextBecauseNumbersOfAScriptHave53Bits) {
  Timeline timeline;
  timeline.spaces = {{812, {}, {{0xffffffffff600000, 0xffffffffff601000, "--xp", 0, "[vsyscall]", 0, 0, 0, false}}}};
  const Json spaces = data_of(to_html(fixtures::quiet(), timeline))["spaces"];
  EXPECT_EQ(spaces[0]["after"][0]["start"], "ffffffffff600000");
}

}  // namespace
}  // namespace mlt
