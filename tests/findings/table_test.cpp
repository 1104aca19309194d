// What holds for every rule.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "findings/findings.h"
#include "findings/recipes.h"
#include "model/names.h"

namespace mlt {
namespace {

using fixtures::healthy;
using fixtures::recipes;

std::string ids_of(const std::vector<Finding>& findings) {
  std::string ids;
  for (const Finding& finding : findings) ids += (ids.empty() ? "" : " ") + finding.id;
  return ids;
}

std::vector<Finding> find_in(const Report& report) { return find(report, {}); }

TEST(FindingTable, IdsAreUniqueNames) {
  std::set<std::string_view> ids;
  for (const Rule& rule : all_rules()) {
    EXPECT_TRUE(ids.insert(rule.id).second) << rule.id;
    EXPECT_EQ(rule.id.find_first_not_of("abcdefghijklmnopqrstuvwxyz-"), std::string_view::npos) << rule.id;
  }
}

TEST(FindingTable, EveryRuleSaysWhatToDo) {
  for (const Rule& rule : all_rules()) {
    EXPECT_FALSE(rule.title.empty()) << rule.id;
    EXPECT_FALSE(rule.title.ends_with('.')) << rule.id;
    EXPECT_TRUE(rule.advice.ends_with('.')) << rule.id;
    EXPECT_NE(rule.of_process == nullptr, rule.of_system == nullptr) << rule.id;
  }
}

TEST(FindingTable, EveryRuleHasARecipe) {
  std::set<std::string> ids;
  for (const Rule& rule : all_rules()) ids.emplace(rule.id);
  for (const auto& [id, recipe] : recipes()) EXPECT_EQ(ids.erase(id), 1U) << "no rule " << id;
  EXPECT_TRUE(ids.empty()) << "no recipe for " << *ids.begin();
}

TEST(FindingTable, EveryRecipeIsRecognised) {
  for (const Rule& rule : all_rules()) {
    const std::string id(rule.id);
    Report report = healthy();
    recipes().at(id)(report);
    const auto findings = find_in(report);
    const auto found = std::ranges::find(findings, id, &Finding::id);
    ASSERT_NE(found, findings.end()) << id << " is not among: " << ids_of(findings);
    EXPECT_LE(found->severity, rule.highest) << id;
    EXPECT_EQ(found->pid, rule.of_process != nullptr ? 42U : 0U) << id;
    EXPECT_FALSE(found->evidence.empty()) << id;
    EXPECT_TRUE(found->title.starts_with(rule.title)) << found->title;
    EXPECT_EQ(found->advice, rule.advice);
    EXPECT_EQ(found->see, rule.see);
  }
}

// One cause, one finding: but a lock at work may be slow, and a storm may be cheap.
TEST(FindingTable, ARecipeIsNotTakenForAnother) {
  for (const auto& [id, recipe] : recipes()) {
    Report report = healthy();
    recipe(report);
    for (const Finding& finding : find_in(report)) {
      if (finding.severity < Severity::warning) continue;
      // What ended the process is a fault like others, and has its own finding, too.
      if (id == "ended-by-fault" && finding.id == "fault-unmapped") continue;
      EXPECT_EQ(finding.id, id);
    }
  }
}

/// Both can't be true of one process, or of one trace.
bool contradict(const std::string& one, const std::string& other) {
  static const std::set<std::pair<std::string, std::string>> pairs = {
      // With MCL_FUTURE what is mapped later is locked; and a call that sets it again cancels nothing.
      {"allocation-refused-under-mcl-future", "mapped-after-mcl-current"},
      {"lock-headroom-low", "mapped-after-mcl-current"},
      {"lock-headroom-low", "mcl-future-cancelled"},
      {"mapped-after-mcl-current", "mcl-future-amplification"},
      {"mapped-after-mcl-current", "mcl-future-cancelled"},
      {"mcl-future-amplification", "mcl-future-cancelled"},
      {"lock-headroom-low", "lock-lost-in-exec"},
      // Who has exited has nothing to expect; nor a child that is the copy of one.
      {"exit-frees-swap", "lock-headroom-low"},
      {"exit-frees-swap", "lock-lost-in-fork"},
      // The last mlockall decides.
      {"lock-incomplete", "mapped-after-mcl-current"},
      {"lock-incomplete", "mcl-future-cancelled"},
      {"ended-by-fault", "lock-headroom-low"},
      {"ended-by-fault", "lock-lost-in-fork"},
      {"ended-by-oom-killer", "lock-headroom-low"},
      {"ended-by-oom-killer", "lock-lost-in-fork"},
      // The child calls execve, as its parent did.
      {"lock-lost-in-exec", "lock-lost-in-fork"},
      // Cheap is what takes no time; and most faults are at access then.
      {"cheap-faults", "major-fault-storm"},
      {"cheap-faults", "populate-burst"},
      {"cheap-faults", "populate-without-lock"},
      // Most are one or the other.
      {"fork-cow", "private-file-write"},
      {"populate-burst", "populate-without-lock"},
      // A trend takes minutes: what is much in ten seconds no longer is.
      {"cheap-faults", "unevictable-growth"},
      {"lock-holds-up-threads", "unevictable-growth"},
      {"major-fault-storm", "unevictable-growth"},
      {"mmap-lock-contention", "unevictable-growth"},
      {"swap-in-storm", "unevictable-growth"},
  };
  return pairs.contains(std::minmax(one, other));
}

// Two things wrong in one process: neither hides the other.
TEST(FindingTable, TwoRecipesAreBothRecognised) {
  for (const auto& [first, make_first] : recipes()) {
    for (const auto& [second, make_second] : recipes()) {
      if (first == second || contradict(first, second)) continue;
      Report report = healthy();
      make_first(report);
      make_second(report);
      const auto findings = find_in(report);
      for (const std::string& id : {first, second})
        EXPECT_NE(std::ranges::find(findings, id, &Finding::id), findings.end())
            << first << " then " << second << ": " << id;
    }
  }
}

TEST(FindingTable, NothingMeasuredNothingFound) {
  Report report;
  report.processes.emplace_back();
  EXPECT_EQ(ids_of(find_in(report)), "");
  // All kinds of activity, and not one figure.
  report.processes[0].exited = true;
  report.processes[0].locks.calls_not_kept = 100;
  report.window.duration_ns = 100 * fixtures::kSecond;
  EXPECT_EQ(ids_of(find_in(report)), "");
}

TEST(FindingTable, AnIdleProcessIsHealthy) { EXPECT_EQ(ids_of(find_in(healthy())), ""); }

TEST(FindingTable, GravestFirst) {
  Report report = healthy();
  for (const char* id : {"vdso-data-page", "lock-bad-argument", "lock-over-limit", "lock-hole"})
    recipes().at(id)(report);
  EXPECT_EQ(ids_of(find_in(report)), "lock-over-limit lock-hole lock-bad-argument vdso-data-page");
}

TEST(FindingTable, EveryProcessIsLookedAt) {
  Report report = healthy();
  recipes().at("lock-hole")(report);
  report.processes.push_back(report.processes[0]);
  report.processes[1].pid = 43;
  const auto findings = find_in(report);
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[1].pid, 43U);
}

// --- options -------------------------------------------------------------------------------------------------------

TEST(Thresholds, AreSetByName) {
  FindingOptions options;
  std::uint64_t value = 100;
  std::set<std::string_view> names;
  for (const Threshold& threshold : all_thresholds()) {
    EXPECT_TRUE(names.insert(threshold.name).second) << threshold.name;
    EXPECT_FALSE(threshold.help.empty());
    ASSERT_TRUE(set_threshold(options, std::string(threshold.name) + "=" + std::to_string(++value)));
  }
  value = 100;
  // None sets another's value.
  for (const Threshold& threshold : all_thresholds()) EXPECT_EQ(options.*threshold.value, ++value) << threshold.name;
}

TEST(Thresholds, MistakesAreNamed) {
  FindingOptions options;
  for (const char* text : {"splits", "splits=", "splits=x", "splits=-1", "splits=1.5", "splits=1000000000"}) {
    const Status status = set_threshold(options, text);
    ASSERT_FALSE(status) << text;
    EXPECT_EQ(status.error().status, ExitStatus::usage);
    EXPECT_NE(status.error().message().find("splits=NUMBER"), std::string::npos) << status.error().message();
  }
  const Status unknown = set_threshold(options, "slpits=3");
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message().find("unknown threshold 'slpits'; there are: locked-faults,"), std::string::npos);
}

// Nothing divides by a threshold of 0 or overflows with a large one.
TEST(Thresholds, ExtremesAreTaken) {
  for (const char* value : {"=0", "=999999999"}) {
    FindingOptions options;
    for (const Threshold& threshold : all_thresholds())
      ASSERT_TRUE(set_threshold(options, std::string(threshold.name) + value));
    for (const auto& [id, recipe] : recipes()) {
      Report report = healthy();
      recipe(report);
      find(report, options);
    }
  }
}

TEST(FailOn, SeveritiesAndIds) {
  const std::vector<Finding> findings = {{"lock-hole", Severity::warning, 42, "", {}, "", ""}};
  const auto fails = [&](const char* list) { return fails_on(findings, parse_fail_on(list).value()); };
  EXPECT_TRUE(fails("warning"));
  EXPECT_TRUE(fails("notice"));  // or graver
  EXPECT_FALSE(fails("problem"));
  EXPECT_TRUE(fails("lock-hole"));
  EXPECT_FALSE(fails("fork-cow"));
  EXPECT_TRUE(fails("fork-cow,lock-hole"));
  EXPECT_FALSE(fails_on(findings, {}));
  EXPECT_FALSE(fails_on({}, {"info"}));
}

TEST(FailOn, UnknownWordsAreErrors) {
  for (const char* list : {"", "nope", "warning,", ",warning", "warning,nope", "Warning"}) {
    const auto words = parse_fail_on(list);
    ASSERT_FALSE(words) << list;
    EXPECT_EQ(words.error().status, ExitStatus::usage);
    EXPECT_NE(words.error().message().find("info, notice, warning, problem"), std::string::npos);
    EXPECT_NE(words.error().message().find("fork-cow"), std::string::npos);
  }
}

TEST(FindingList, NamesEverything) {
  const std::string text = list_findings();
  for (const Rule& rule : all_rules()) EXPECT_NE(text.find(rule.id), std::string::npos) << rule.id;
  for (const Threshold& threshold : all_thresholds()) EXPECT_NE(text.find(threshold.name), std::string::npos);
}

}  // namespace
}  // namespace mlt
