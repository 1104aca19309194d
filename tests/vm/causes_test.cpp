// Why pages fault: each cause has a workload that makes it on purpose, and mlocktrace must name it and what it means.
//
// Some need swap and a disk: scripts/vm run --swap 512M --disk 512M. Those of TwoNodes: scripts/vm run --numa 2.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "program.h"
#include "report_view.h"
#include "trace_all.h"

namespace live {

namespace {

struct Recipe {
  Words words;                        // the workload and its settings
  std::vector<std::string> findings;  // that must be there
  bool healthy = false;               // nothing to warn of
};

void PrintTo(const Recipe& recipe, std::ostream* out) { *out << recipe.words[0]; }

const std::vector<Recipe>& recipes() {
  static const std::string dir = access("/mnt", W_OK) == 0 ? "dir=/mnt" : "dir=/tmp";
  static const std::vector<Recipe> all = {
      {{"touch"}, {}, true},
      {{"touch-locked-none"}, {}, true},
      {{"lock-untouched", "--pages", "256"}, {}, true},
      {{"lock-middle", "--pages", "256"}, {}, true},
      {{"map-populate"}, {}, true},
      {{"two-threads"}, {}, true},
      {{"idle", "--seconds", "1"}, {}, true},
      {{"touch-read"}, {}},
      {{"touch-read-write"}, {}},
      {{"kernel-read"}, {}},
      {{"remote-write"}, {}},
      {{"discard"}, {}},
      {{"discard-locked"}, {"lock-not-effective"}},
      {{"onfault"}, {"onfault-first-touch"}},
      {{"onfault-read-write"}, {"onfault-first-touch", "zero-page-write"}},
      {{"stack-grow"}, {}},
      {{"stack-grow-locked"}, {"stack-growth"}},
      {{"shm-lock"}, {}},
      {{"shm-locked"}, {}},
      {{"file-locked", dir, "--pages", "256"}, {"shared-file-mkwrite"}},
      {{"file-cold", dir}, {}},
      {{"fork-cow"}, {}},
      {{"fork-cow-locked"}, {"fork-cow"}},
      {{"thp-lock"}, {}},
      {{"thp-fork-cow"}, {"fork-cow"}},
      {{"soft-dirty"}, {"soft-dirty-tracking"}},
      {{"ksm"}, {"ksm-write"}},
      {{"mprotect-again"}, {}},
      {{"uffd", "threads=16", "hold_ms=10"}, {}},
      {{"uffd-wp"}, {"userfaultfd"}},
      {{"swap-touch"}, {}},
      {{"swap-read-write"}, {}},
      {{"swap-lock"}, {"slow-lock"}},
      {{"vdso"}, {"vdso-data-page"}},
      {{"hugetlb"}, {"lock-without-effect"}},
      {{"race"}, {}},
      {{"lockall-current-then-map"}, {"mapped-after-mcl-current"}},
      {{"lockall-future-cancelled"}, {"mcl-future-cancelled"}},
      {{"lockall-future-malloc", "count=80"}, {"mcl-future-amplification", "populate-burst"}},
      {{"thread-stacks-locked"}, {"thread-stack-populate"}},
      {{"fork-and-soft-dirty"}, {"fork-cow", "soft-dirty-tracking"}},
      {{"file-and-zero-page", dir}, {"shared-file-mkwrite", "zero-page-write"}},
      {{"fork-and-lockall"}, {"fork-cow", "mapped-after-mcl-current"}},
      {{"lock-alternate", "--pages", "128"}, {"vma-fragmentation"}},
      {{"lock-limit"}, {"lock-over-limit"}},
      {{"lockall-limit"}, {"lock-over-limit", "allocation-refused-under-mcl-future", "lock-headroom-low"}},
      {{"lock-noperm"}, {"lock-not-permitted"}},
      {{"lock-hole"}, {"lock-hole"}},
      {{"lock-none"}, {"lock-not-populated"}},
      {{"lock-badflags"}, {"lock-bad-argument"}},
      {{"exec-locked"}, {"lock-lost-in-exec"}},
      {{"swap-fork"}, {"fork-copies-swap"}},
      {{"lockall-beyond-end"}, {"lock-not-effective"}},
      {{"lockall-current-then-file", dir}, {"mapped-after-mcl-current"}},
      {{"lockall-current-then-brk"}, {"mapped-after-mcl-current"}},
      {{"punch-hole"}, {"lock-not-effective"}},
      {{"truncate-locked"}, {"lock-not-effective"}},
      {{"fork-gone-locked"}, {"fork-cow"}},
      {{"mprotect-shared"}, {"lock-not-effective"}},
      {{"lockall-future-brk-cycle", "cycles=10"}, {"mcl-future-amplification", "populate-burst"}},
      {{"ksm-unmerge"}, {}},
      {{"lock-reclaim", dir}, {"reclaim-stall", "slow-lock"}},
      {{"lock-over-max"}, {"lock-out-of-memory", "reclaim-stall"}},
      {{"held-up"}, {"lock-holds-up-threads"}},
      {{"dontneed-locked"}, {"memory-not-returned"}},
      {{"held-up-and-refused"}, {"lock-holds-up-threads", "memory-not-returned"}},
  };
  return all;
}

// These need a machine of their own, with two nodes.
const std::vector<Recipe>& recipes_of_nodes() {
  static const std::vector<Recipe> all = {{{"numa-hint"}, {"numa-balancing"}}, {{"migration"}, {"page-migration"}}};
  return all;
}

// Apart from the others: every reading of its 65,530 mappings would hold them up.
const std::vector<Recipe>& recipes_of_many_mappings() {
  static const std::vector<Recipe> all = {{{"lock-mapping-bound"}, {"lock-too-many-mappings", "vma-limit-near"}}};
  return all;
}

Traced trace(const std::vector<Recipe>& recipes) {
  std::map<std::string, Words> commands;
  for (const Recipe& recipe : recipes) {
    Words& command = commands[recipe.words[0]] = {"mlt-workload"};
    command.insert(command.end(), recipe.words.begin(), recipe.words.end());
  }
  return trace_all(commands);
}

const Traced& table() {
  static const Traced table = trace(recipes());
  return table;
}

const Traced& table_of_nodes() {
  static const Traced table = trace(recipes_of_nodes());
  return table;
}

const Traced& table_of_many_mappings() {
  static const Traced table = trace(recipes_of_many_mappings());
  return table;
}

const Traced& table_with(const Recipe& recipe) {
  const auto is_among = [&](const std::vector<Recipe>& others) {
    return std::ranges::find(others, recipe.words, &Recipe::words) != others.end();
  };
  if (is_among(recipes_of_nodes())) return table_of_nodes();
  return is_among(recipes_of_many_mappings()) ? table_of_many_mappings() : table();
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

void expect_no_harm(const Json& report, const Json& pid) {
  for (const Json& finding : report.at("findings")) {
    if (!pid.is_null() && finding.at("pid") != pid) continue;
    EXPECT_TRUE(finding.at("severity") == "info" || finding.at("severity") == "notice") << finding.dump();
  }
}

class Causes : public testing::TestWithParam<Recipe> {
 protected:
  void SetUp() override {
    const Traced& traced = table_with(GetParam());
    const auto found = traced.rows.find(GetParam().words[0]);
    ASSERT_NE(found, traced.rows.end());
    truth_ = found->second.truth;
    process_ = found->second.process;
    ASSERT_TRUE(truth_.is_object());
  }

  // This kernel lacks what the workload needs: it says so, and has nothing to compare.
  [[nodiscard]] bool nothing_to_see() const {
    return truth_.contains("unsupported") || !sees_everything(table_with(GetParam()).report);
  }

  Json truth_;
  Json process_;
};

TEST_P(Causes, AreThoseOfTheWorkload) {
  if (!truth_.contains("causes") || nothing_to_see()) return;
  ASSERT_TRUE(process_.is_object());
  auto faults = faults_by_cause(process_);
  std::uint64_t all = 0;
  std::string line = "causes: " + GetParam().words[0] + " ->";
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

TEST_P(Causes, AreFound) {
  if (nothing_to_see()) return;
  const std::vector<std::string> ids = finding_ids(table_with(GetParam()).report, truth_["pid"].get<pid_t>());
  printf("findings: %s -> %s\n", GetParam().words[0].c_str(), Json(ids).dump().c_str());
  for (const std::string& expected : GetParam().findings)
    EXPECT_NE(std::ranges::find(ids, expected), ids.end()) << expected << " is not among " << Json(ids);
}

TEST_P(Causes, OfTheHealthyAreNoHarm) {
  if (GetParam().healthy && !truth_.contains("unsupported"))
    expect_no_harm(table_with(GetParam()).report, truth_["pid"]);
}

std::string name_of(const testing::TestParamInfo<Recipe>& info) {
  std::string name = info.param.words[0];
  std::ranges::replace(name, '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, Causes, testing::ValuesIn(recipes()), name_of);
INSTANTIATE_TEST_SUITE_P(ManyMappings, Causes, testing::ValuesIn(recipes_of_many_mappings()), name_of);
INSTANTIATE_TEST_SUITE_P(TwoNodes, Causes, testing::ValuesIn(recipes_of_nodes()), name_of);

// What a kernel does decides whether there is anything to find.
TEST(CausesOfAll, FindingsGoWithTheirFigures) {
  if (!sees_everything(table().report)) return;
  const auto expect_found = [](const char* name, const char* id, bool expected) {
    const Json& truth = table().rows.at(name).truth;
    const std::vector<std::string> ids = finding_ids(table().report, truth.at("pid").get<pid_t>());
    EXPECT_EQ(std::ranges::find(ids, id) != ids.end(), expected) << name << ": " << id << " in " << Json(ids);
  };
  // Up to 6.1 a fault that is tried again is a major one.
  for (const char* name : {"uffd", "uffd-wp"}) {
    const Json& truth = table().rows.at(name).truth;
    if (!truth.contains("unsupported")) expect_found(name, "major-without-io", truth["work"]["major"] != 0);
  }
  // From 6.11 on what comes from swap into a locked mapping is not mlocked.
  const auto& [truth, process] = table().rows.at("swap-lock");
  if (truth.contains("unsupported")) return;
  const Json& pages = process.at("pages").at("locked_not_mlocked");
  expect_found("swap-lock", "locked-not-mlocked", !pages.is_null() && pages != 0);
}

TEST(CausesOfAll, NothingIsLost) { expect_nothing_lost(table().report); }

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

// Alone, as the rate counts: a storm must be one in the whole of the trace.
TEST(CausesOfSwap, ManySwapInsAreAStorm) {
  const Traced traced = trace_all({{"swap-touch", {"mlt-workload", "swap-touch", "--pages", "32768"}}});
  const Json& truth = traced.rows.at("swap-touch").truth;
  if (truth.contains("unsupported") || !sees_everything(traced.report)) return;
  const std::vector<std::string> ids = finding_ids(traced.report, truth["pid"].get<pid_t>());
  EXPECT_NE(std::ranges::find(ids, "swap-in-storm"), ids.end()) << Json(ids);
}

}  // namespace

}  // namespace live
