// The page of findings, docs/findings.md, and that what it names is there.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>

#include "findings/findings.h"
#include "findings/proofs.h"
#include "model/names.h"
#include "report/golden.h"
#include "suite/finding_table.h"
#include "suite/workload_table.h"

namespace mlt {
namespace {

const suite::WorkloadRow* workload_of(std::string_view label) {
  const auto rows = suite::workload_table();
  const auto found = std::ranges::find_if(rows, [&](const auto& row) { return row.label() == label; });
  return found == rows.end() ? nullptr : &*found;
}

bool lists(const suite::WorkloadRow& row, std::string_view finding) {
  std::istringstream words{std::string(row.findings)};
  for (std::string word; words >> word;) {
    if (word == finding) return true;
  }
  return false;
}

// "TEST(Findings, AnExitThatGivesUpSwap)" and the like, of all live tests.
std::set<std::string> live_tests() {
  std::set<std::string> tests;
  for (const auto& entry : std::filesystem::directory_iterator(MLT_SOURCE_DIR "/tests/vm")) {
    std::istringstream lines(read_file(entry.path()));
    for (std::string line; std::getline(lines, line);) {
      const std::size_t open = line.find('(');
      const std::size_t comma = line.find(", ", open);
      const std::size_t close = line.find(')', comma);
      if (!line.starts_with("TEST") || close == std::string::npos) continue;
      tests.insert(line.substr(open + 1, comma - open - 1) + "." + line.substr(comma + 2, close - comma - 2));
    }
  }
  return tests;
}

const suite::FindingRow& row_of(std::string_view finding) {
  static const suite::FindingRow none{};
  const auto rows = suite::finding_table();
  const auto found = std::ranges::find(rows, finding, &suite::FindingRow::finding);
  return found == rows.end() ? none : *found;
}

const Proof& proof_of(std::string_view finding) {
  static const Proof none{};
  const auto found = std::ranges::find(all_proofs(), finding, &Proof::finding);
  return found == all_proofs().end() ? none : *found;
}

TEST(FindingPage, EveryRuleHasItsProofAndItsTests) {
  std::multiset<std::string_view> rules, proofs, rows;
  for (const Rule& rule : all_rules()) rules.insert(rule.id);
  for (const Proof& proof : all_proofs()) proofs.insert(proof.finding);
  for (const suite::FindingRow& row : suite::finding_table()) rows.insert(row.finding);
  EXPECT_EQ(rules, proofs);
  EXPECT_EQ(rules, rows);
  for (const Proof& proof : all_proofs()) {
    EXPECT_FALSE(proof.measured.empty()) << proof.finding;
    EXPECT_FALSE(proof.look_alike.empty()) << proof.finding;
  }
}

TEST(FindingPage, NamesTestsThatAreThere) {
  const std::set<std::string> tests = live_tests();
  for (const suite::FindingRow& row : suite::finding_table()) {
    for (const std::string_view name : {row.shown_by, row.not_by}) {
      if (name.empty()) continue;  // none yet, which the page says
      if (suite::is_test(name)) {
        EXPECT_TRUE(tests.contains(std::string(name))) << row.finding << ": no test " << name;
        continue;
      }
      const suite::WorkloadRow* workload = workload_of(name);
      ASSERT_NE(workload, nullptr) << row.finding << ": no workload " << name;
      EXPECT_EQ(lists(*workload, row.finding), name == row.shown_by) << row.finding << " of " << name;
    }
  }
}

// In a table a text is one line, and a bar ends it.
std::string cell(std::string_view text) {
  std::string escaped;
  for (const char c : text) escaped += c == '|' ? std::string("\\|") : std::string(1, c);
  return escaped;
}

std::string_view or_none(std::string_view name) { return name.empty() ? "none yet" : name; }

TEST(FindingPage, IsMadeOfThem) {
  std::string page =
      "# What proves each finding\n\n"
      "Written by the unit tests (`MLT_UPDATE_GOLDEN=1 scripts/test unit`) from userspace/findings and\n"
      "tests/suite/finding_table.cpp. The last two columns are a workload of tests/workloads, or a live test: the one\n"
      "shows the finding, the other looks the same, and the finding must not be there.\n\n"
      "| finding | at most | what it says | what was measured | what looks the same, and what tells them apart | shown "
      "by | "
      "not by |\n|---|---|---|---|---|---|---|\n";
  for (const Rule& rule : all_rules()) {
    page += fmt::format("| `{}` | {} | {} | {} | {} | {} | {} |\n", rule.id, severity_name(rule.highest),
                        cell(rule.title), cell(proof_of(rule.id).measured), cell(proof_of(rule.id).look_alike),
                        or_none(row_of(rule.id).shown_by), or_none(row_of(rule.id).not_by));
  }
  expect_file("docs/findings.md", page);
}

}  // namespace
}  // namespace mlt
