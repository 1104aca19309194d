// Why pages fault: each cause has a workload that makes it on purpose, and mlocktrace must name it and what it means.
//
// Some need swap and a disk: scripts/vm run --swap 512M --disk 512M. Those of TwoNodes: scripts/vm run --numa 2.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <sstream>

#include "program.h"
#include "report_view.h"
#include "suite/finding_table.h"
#include "workload_runs.h"

namespace live {

namespace {

using suite::WorkloadRow;

// Those that run apart, on a machine of their own: the rows whose tests are of this name.
std::vector<WorkloadRow> apart(std::string_view tests) {
  std::vector<WorkloadRow> rows;
  std::ranges::copy_if(suite::workload_table(), std::back_inserter(rows),
                       [&](const WorkloadRow& row) { return row.apart == tests; });
  return rows;
}

std::vector<WorkloadRow> workloads_of_nodes() { return apart("TwoNodes/Causes.*"); }

// Every reading of its 65,530 mappings would hold the others up.
std::vector<WorkloadRow> workloads_of_many_mappings() { return apart("ManyMappings/Causes.*"); }

Traced trace(const std::vector<WorkloadRow>& rows) {
  std::map<std::string, Words> commands;
  for (const WorkloadRow& row : rows) commands[std::string(row.label())] = command_of(row);
  return trace_all(commands);
}

const Traced& traced_with(const WorkloadRow& row) {
  static std::map<std::string_view, Traced> apart_from_the_others;
  if (row.apart.empty()) return workload_runs();
  const auto found = apart_from_the_others.find(row.apart);
  return found != apart_from_the_others.end()
             ? found->second
             : apart_from_the_others.emplace(row.apart, trace(apart(row.apart))).first->second;
}

// Completed faults by cause, whoever made them.
std::map<std::string, std::uint64_t> faults_by_cause(const Json& process) {
  std::map<std::string, std::uint64_t> faults;
  for (const Json& row : process.at("faults").at("by_cause")) {
    const Json& cause = row.at("cause");
    const auto completed = row.at("minor").get<std::uint64_t>() + row.at("major").get<std::uint64_t>();
    if (completed != 0) faults[cause.is_null() ? "unknown" : cause.get<std::string>()] += completed;
  }
  return faults;
}

std::vector<std::string> finding_ids(const Json& report, pid_t pid) {
  std::vector<std::string> ids;
  for (const Json& finding : report.at("findings")) {
    if (finding.at("pid") == pid) ids.push_back(finding.at("id"));
  }
  return ids;
}

// Of those that a call is slow by: on a machine that is busy with others any may be. TimedHealthy looks for them.
constexpr const char* kOfTime = "slow-lock";

void expect_no_harm(const Json& report, const Json& pid, const char* but_for = kOfTime) {
  for (const Json& finding : report.at("findings")) {
    if ((!pid.is_null() && finding.at("pid") != pid) || finding.at("id") == but_for) continue;
    EXPECT_TRUE(finding.at("severity") == "info" || finding.at("severity") == "notice") << finding.dump();
  }
}

class Causes : public testing::TestWithParam<WorkloadRow> {
 protected:
  void SetUp() override {
    const Traced& traced = traced_with(GetParam());
    const auto found = traced.rows.find(name());
    ASSERT_NE(found, traced.rows.end());
    truth_ = found->second.truth;
    process_ = found->second.process;
    ASSERT_TRUE(truth_.is_object());
  }

  // This kernel lacks what the workload needs: it says so, and has nothing to compare.
  [[nodiscard]] bool nothing_to_see() const {
    return truth_.contains("unsupported") || !sees_everything(traced_with(GetParam()).report);
  }

  [[nodiscard]] static std::string name() { return std::string(GetParam().label()); }

  Json truth_;
  Json process_;
};

TEST_P(Causes, AreThoseOfTheWorkload) {
  if (!truth_.contains("causes") || nothing_to_see()) return;
  ASSERT_TRUE(process_.is_object());
  auto faults = faults_by_cause(process_);
  std::uint64_t all = 0;
  std::string line = "causes: " + name() + " ->";
  for (const auto& [cause, count] : faults) {
    all += count;
    line += " " + cause + "=" + std::to_string(count);
  }
  printf("%s\n", line.c_str());
  for (const Json& expected : truth_["causes"]) {
    std::uint64_t seen = 0;
    std::istringstream names(expected["cause"].get<std::string>());
    for (std::string name; std::getline(names, name, '|');) {
      seen += faults[name];
      faults.erase(name);
    }
    const auto least = expected["least"].get<std::uint64_t>();
    EXPECT_GE(seen * 100, least * 99) << expected;
    if (!expected["most"].is_null()) {
      EXPECT_LE(seen * 99, expected["most"].get<std::uint64_t>() * 100) << expected;
    }
  }
  std::uint64_t unexpected = 0;
  for (const auto& [cause, count] : faults) unexpected += count;
  EXPECT_LE(unexpected * 100, all) << line;
}

// Where time is counted in instructions a call that did what it had to is not called slow.
TEST(TimedHealthy, AreNoHarm) {
  std::map<std::string, Words> commands;
  for (const suite::WorkloadRow& row : workloads_together()) {
    if (row.findings == suite::kHealthy) commands[std::string(row.label())] = command_of(row);
  }
  ASSERT_FALSE(commands.empty());
  const Traced traced = trace_all(commands, {"--follow", "--threshold", "storm-seconds=600"});
  for (const auto& [name, row] : traced.rows) {
    SCOPED_TRACE(name);
    expect_no_harm(traced.report, row.truth.at("pid"), "");
  }
}

// With PREEMPT_RT mmap_lock does not keep who holds it.
bool expects_everywhere(std::string_view finding) {
  static const bool keeps_holders = access("/sys/kernel/realtime", F_OK) != 0;
  return finding != "lock-holds-up-threads" || keeps_holders;
}

TEST_P(Causes, AreFound) {
  if (nothing_to_see()) return;
  const std::vector<std::string> ids = finding_ids(traced_with(GetParam()).report, truth_["pid"].get<pid_t>());
  printf("findings: %s -> %s\n", name().c_str(), Json(ids).dump().c_str());
  if (GetParam().findings == suite::kHealthy) return;
  std::istringstream findings{std::string(GetParam().findings)};
  for (std::string expected; findings >> expected;) {
    if (!expects_everywhere(expected)) continue;
    EXPECT_NE(std::ranges::find(ids, expected), ids.end()) << expected << " is not among " << Json(ids);
  }
}

// By the table of findings: what each has to be told apart from. Those that it names as showing one list it, too.
TEST_P(Causes, AreNotTakenForWhatLooksTheSame) {
  if (nothing_to_see()) return;
  for (const suite::FindingRow& row : suite::finding_table()) {
    if (row.not_by != GetParam().label()) continue;
    const Json& report = traced_with(GetParam()).report;
    const std::string id(row.finding);
    for (const Json& pid : {truth_["pid"], Json()}) {  // of the process, or of the machine
      const Json* found = find_finding(report, id, pid);
      EXPECT_EQ(found, nullptr) << found->dump();
    }
  }
}

TEST_P(Causes, OfTheHealthyAreNoHarm) {
  if (GetParam().findings == suite::kHealthy && !truth_.contains("unsupported"))
    expect_no_harm(traced_with(GetParam()).report, truth_["pid"]);
}

std::string name_of(const testing::TestParamInfo<WorkloadRow>& info) { return test_name(info.param.label()); }

INSTANTIATE_TEST_SUITE_P(All, Causes, testing::ValuesIn(workloads_together()), name_of);
INSTANTIATE_TEST_SUITE_P(ManyMappings, Causes, testing::ValuesIn(workloads_of_many_mappings()), name_of);
INSTANTIATE_TEST_SUITE_P(TwoNodes, Causes, testing::ValuesIn(workloads_of_nodes()), name_of);

// What a kernel does decides whether there is anything to find.
TEST(CausesOfAll, FindingsGoWithTheirFigures) {
  if (!sees_everything(workload_runs().report)) return;
  const auto expect_found = [](const char* name, const char* id, bool expected) {
    const Json& truth = workload_runs().rows.at(name).truth;
    const std::vector<std::string> ids = finding_ids(workload_runs().report, truth.at("pid").get<pid_t>());
    EXPECT_EQ(std::ranges::find(ids, id) != ids.end(), expected) << name << ": " << id << " in " << Json(ids);
  };
  // Up to 6.1 a fault that is tried again is a major one.
  for (const char* name : {"uffd", "uffd-wp"}) {
    const Json& truth = workload_runs().rows.at(name).truth;
    if (!truth.contains("unsupported")) expect_found(name, "major-without-io", truth["work"]["major"] != 0);
  }
  // Whether mprotect leaves pages read-only, and who finds the page there in a race: what the report counts decides.
  const auto goes_with = [&](const char* name, const char* cause, std::uint64_t least, const char* id) {
    if (workload_runs().rows.at(name).truth.contains("unsupported")) return;
    auto faults = faults_by_cause(workload_runs().rows.at(name).process);
    printf("%s: %lu faults are %s\n", name, faults[cause], cause);
    expect_found(name, id, faults[cause] >= least);
  };
  goes_with("swap-read-write-locked", "write_enable", 1, "write-protected-again");
  goes_with("fork-gone-locked", "write_enable", 1, "write-protected-again");
  goes_with("fork-gone-locked", "cow", 1, "fork-cow");
  goes_with("race", "spurious", 100, "spurious-faults");
  // From 6.11 on what comes from swap into a locked mapping is not mlocked.
  const auto& [truth, process] = workload_runs().rows.at("swap-lock");
  if (truth.contains("unsupported")) return;
  const Json& pages = process.at("pages").at("locked_not_mlocked");
  expect_found("swap-lock", "locked-not-mlocked", !pages.is_null() && pages != 0);
}

TEST(CausesOfAll, NothingIsLost) { expect_nothing_lost(workload_runs().report); }

TEST(CausesOfCommands, TheHealthyHaveNothingToWarnOf) {
  const char* const pipeline =
      "i=0; while [ $i -lt 2000 ]; do echo $i; i=$((i+1)); done | sort -r | head -n 3 >/dev/null";
  const char* const work = "awk 'BEGIN { for (i = 0; i < 200000; i++) a[i] = i * i; print length(a) }' >/dev/null";
  for (const char* script : {pipeline, work}) {
    const Finished finished = run({"mlocktrace", "-q", "--json", "--", "sh", "-c", script});
    ASSERT_EQ(finished.status, 0) << finished.err;
    expect_no_harm(parse_report(finished.out), nullptr);
  }
}

// The program's start is in the trace: what it faulted in then was mapped before the call, and is locked by it.
TEST(CausesOfCommands, OnlyWhatIsMappedAfterMclCurrentIsCountedAsThat) {
  const Json report = trace_command({"mlt-workload", "lockall-current-then-map", "--pages", "512"}).report;
  if (!sees_everything(report)) return;
  const Json* found = find_finding(report, "mapped-after-mcl-current");
  ASSERT_NE(found, nullptr) << report.at("findings");
  const auto faults = found->at("evidence").at("faults").get<std::uint64_t>();
  EXPECT_GE(faults, 512U);
  EXPECT_LE(faults, 512U + 8) << "those of the workload's report";
}

// Alone, as the rate counts: a storm must be one in the whole of the trace, which swapping out is a part of. How long
// that takes depends on the machine.
TEST(CausesOfSwap, ManySwapInsAreAStorm) {
  const Traced traced = trace_all({{"swap-touch", {"mlt-workload", "swap-touch", "--pages", "32768"}}},
                                  {"--threshold", "swap-in-per-s=100"});
  const Json& truth = traced.rows.at("swap-touch").truth;
  if (truth.contains("unsupported") || !sees_everything(traced.report)) return;
  const std::vector<std::string> ids = finding_ids(traced.report, truth["pid"].get<pid_t>());
  EXPECT_NE(std::ranges::find(ids, "swap-in-storm"), ids.end()) << Json(ids);
}

}  // namespace

}  // namespace live
