#include "analysis/same_findings.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "findings/findings.h"
#include "findings/recipes.h"

namespace mlt {
namespace {

using fixtures::healthy;
using fixtures::recipes;

/// Processes that each have what the recipe of a rule makes, of two commands.
std::vector<Finding> of_many(const std::string& id, std::uint32_t processes) {
  Report report = healthy();
  recipes().at(id)(report);
  const Process one = report.processes[0];
  report.processes.clear();
  for (std::uint32_t i = 0; i < processes; ++i) {
    report.processes.push_back(one);
    report.processes.back().pid = 5000 + i;
    report.processes.back().comm = i % 3 == 0 ? "make" : "sh";
  }
  return told_once(find(report, {}), report.processes);
}

TEST(SameFindings, FewAreTheirOwn) {
  const auto findings = of_many("fork-cow", 5);
  EXPECT_EQ(std::ranges::count(findings, "fork-cow", &Finding::id), 5);
  EXPECT_FALSE(findings.at(0).processes);
}

TEST(SameFindings, IsOneWithTheSumOfWhatAddsUp) {
  const auto alone = of_many("fork-cow", 1);
  const auto findings = of_many("fork-cow", 40);
  ASSERT_EQ(std::ranges::count(findings, "fork-cow", &Finding::id), 1);
  const Finding& all = *std::ranges::find(findings, "fork-cow", &Finding::id);
  const Finding& one = *std::ranges::find(alone, "fork-cow", &Finding::id);
  ASSERT_TRUE(all.processes);
  EXPECT_EQ(all.processes->count, 40U);
  EXPECT_EQ(all.processes->pids.size(), 10U);
  EXPECT_EQ(all.processes->pids.at(0), all.pid);
  EXPECT_EQ(all.processes->commands, (std::vector<std::string>{"sh", "make"}));
  EXPECT_EQ(all.severity, one.severity);
  EXPECT_EQ(all.evidence.at("faults"), 40 * one.evidence.at("faults"));
  EXPECT_EQ(all.evidence.at("time_ns"), 40 * one.evidence.at("time_ns"));
}

TEST(SameFindings, IsOfTheGravestAndALimitIsNoSum) {
  const auto one = of_many("lock-over-limit", 1);
  const auto findings = of_many("lock-over-limit", 12);
  const Finding& all = *std::ranges::find(findings, "lock-over-limit", &Finding::id);
  EXPECT_EQ(all.evidence.at("limit_bytes"),
            std::ranges::find(one, "lock-over-limit", &Finding::id)->evidence.at("limit_bytes"));
  EXPECT_TRUE(fails_on(findings, {"lock-over-limit"}));
  EXPECT_TRUE(fails_on(findings, {"problem"}));
}

TEST(SameFindings, WhatIsRemarkedOfOneIsLeftOut) {
  std::vector<Finding> findings;
  for (std::uint32_t i = 0; i < 6; ++i)
    findings.push_back(
        {"fault-storm", Severity::notice, i + 1, i < 3 ? "came, mostly cow" : "came, mostly ksm", {}, "", ""});
  EXPECT_EQ(told_once(findings, {}).at(0).title, "came");
  findings[0].title = "came";
  EXPECT_EQ(told_once(findings, {}).at(0).title, "came");
  EXPECT_TRUE(told_once(findings, {}).at(0).processes->commands.empty());
}

TEST(SameFindings, ToldTwiceIsToldOnce) {
  std::vector<Finding> findings(9, {"fork-cow", Severity::problem, 7, "title", {{"faults", 2}}, "", ""});
  const auto once = told_once(findings, {});
  const auto twice = told_once(once, {});
  ASSERT_EQ(twice.size(), 1U);
  EXPECT_EQ(twice[0].processes->count, 9U);
  EXPECT_EQ(twice[0].evidence.at("faults"), 18);
}

}  // namespace
}  // namespace mlt
