// Every workload of known truth, under -p: what mlocktrace counted equals what the workload knows of itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "program.h"
#include "report_view.h"
#include "workload_runs.h"

namespace live {

namespace {

class Workload : public testing::TestWithParam<suite::WorkloadRow> {
 protected:
  void SetUp() override {
    const auto found = workload_runs().rows.find(std::string(GetParam().label()));
    ASSERT_NE(found, workload_runs().rows.end());
    truth_ = found->second.truth;
    process_ = found->second.process;
    ASSERT_TRUE(truth_.is_object());
    // A process that did nothing that is measured has no entry: then nothing must have been expected of it.
    if (process_.is_null() && sees_everything(workload_runs().report)) {
      EXPECT_EQ(truth_["work"]["minor"].get<int>() + truth_["work"]["major"].get<int>(), 0);
    }
  }

  // Every kernel is given the same list; what one lacks is told by the workload itself.
  [[nodiscard]] bool unsupported() const { return truth_.contains("unsupported"); }
  // After an execve a workload knows what it did since: the tracer saw what came before, too.
  [[nodiscard]] bool knows_a_part() const { return truth_.contains("resumed"); }

  Json truth_;
  Json process_;
};

TEST_P(Workload, FaultsByOriginAreExact) {
  if (unsupported() || process_.is_null()) return;
  for (const char* origin : {"access", "kernel", "populate", "remote"}) {
    const Json& expected = truth_["faults"][origin];
    const auto traced = faults_of(process_, origin);
    if (expected.is_null() || !traced) continue;
    EXPECT_EQ(*traced, expected.get<std::uint64_t>()) << origin << "\n" << truth_.dump();
  }
}

TEST_P(Workload, FaultsEqualTheKernelsOwnCount) {
  if (process_.is_null() || knows_a_part() || !sees_everything(workload_runs().report)) return;
  EXPECT_EQ(completed_faults(process_),
            truth_["work"]["minor"].get<std::uint64_t>() + truth_["work"]["major"].get<std::uint64_t>())
      << truth_.dump();
  std::uint64_t major = 0;
  for (const char* origin : {"access", "kernel", "populate", "remote"})
    major += process_["faults"][origin]["major"].get<std::uint64_t>();
  EXPECT_EQ(major, truth_["work"]["major"].get<std::uint64_t>());
}

TEST_P(Workload, LatencyIsThatOfEveryFault) {
  if (process_.is_null()) return;
  for (const char* origin : {"access", "kernel", "populate", "remote"}) {
    const Json& faults = process_["faults"][origin];
    if (faults.is_null()) continue;
    const std::uint64_t completed = faults["minor"].get<std::uint64_t>() + faults["major"].get<std::uint64_t>();
    EXPECT_EQ(faults["latency"]["count"].get<std::uint64_t>() + faults["untimed"].get<std::uint64_t>(), completed);
    EXPECT_EQ(faults["latency"]["sum"], faults["time_ns"]);
    std::uint64_t in_buckets = 0;
    for (const Json& bucket : faults["latency"]["buckets"]) in_buckets += bucket[2].get<std::uint64_t>();
    EXPECT_EQ(in_buckets, faults["latency"]["count"].get<std::uint64_t>());
    EXPECT_EQ(faults["untimed"], 0);
  }
}

TEST_P(Workload, PagesLockedAndUnlockedAreExact) {
  if (unsupported() || process_.is_null()) return;
  for (const auto& [truth_key, report_key, signal] :
       {std::tuple{"mlocked", "mlocked", "page_lock"}, std::tuple{"munlocked", "munlocked", "page_unlock"}}) {
    const Json& expected = truth_["pages_moved"][truth_key];
    if (expected.is_null() || !measured(workload_runs().report, signal)) continue;
    EXPECT_EQ(process_["pages"][report_key], expected) << truth_.dump();
  }
}

// Whatever it was that a kernel left out: found page by page by the workload, too.
TEST_P(Workload, LockedPagesThatAreNotMlockedAreCounted) {
  if (process_.is_null() || truth_["locked_not_mlocked"].is_null()) return;
  EXPECT_EQ(process_["pages"]["locked_not_mlocked"], truth_["locked_not_mlocked"]);
  if (truth_["locked_not_mlocked"] != 0)
    printf("not mlocked: %s %s\n", GetParam().label().data(), truth_["locked_not_mlocked"].dump().c_str());
}

TEST_P(Workload, SplitsAndMergesAreExact) {
  if (unsupported() || process_.is_null()) return;
  const Json& vma = truth_["vma"];
  if (!vma["splits"].is_null() && measured(workload_runs().report, "vma_split")) {
    EXPECT_EQ(process_["vma"]["splits"], vma["splits"]) << truth_.dump();
  }
  if (!vma["merges"].is_null() && measured(workload_runs().report, "vma_merge")) {
    EXPECT_EQ(process_["vma"]["merges"], vma["merges"]) << truth_.dump();
  }
}

TEST_P(Workload, LockCallsAreAllThereWithTheirResults) {
  if (process_.is_null() || knows_a_part() || !measured(workload_runs().report, "lock_call")) return;
  Json traced = Json::array();
  for (const Json& call : process_["locks"]["calls"]) {
    const std::string name = call["call"];
    if (name.starts_with("m") && name.find("lock") != std::string::npos)
      traced.push_back({{"call", name}, {"failed", call["ret"].get<std::int64_t>() < 0}});
  }
  Json expected = Json::array();
  for (const Json& call : truth_["calls"]) {
    const std::string name = call["call"];
    if (name.starts_with("m") && name.find("lock") != std::string::npos)
      expected.push_back({{"call", name}, {"failed", call["ret"].get<std::int64_t>() < 0}});
  }
  EXPECT_EQ(traced, expected);
}

TEST_P(Workload, LockedSizeIsThatOfProc) {
  if (process_.is_null()) return;
  EXPECT_EQ(process_["locks"]["locked_bytes"]["end"], truth_["locked_kb"]["after"].get<std::uint64_t>() * 1024);
}

// Whatever changed it was followed: the last that changed it left it as /proc shows it.
TEST_P(Workload, LockedSizeIsThatOfTheLastCall) {
  if (process_.is_null() || process_["locks"]["calls"].empty()) return;
  const std::string name = "locked bytes of " + std::to_string(process_["pid"].get<int>());
  const Json& audit = workload_runs().report.at("coverage").at("audit");
  const auto check = std::ranges::find_if(audit, [&](const Json& row) { return row.at("check") == name; });
  ASSERT_NE(check, audit.end()) << name;
  EXPECT_EQ((*check)["verdict"], "equal") << check->dump();
}

INSTANTIATE_TEST_SUITE_P(All, Workload, testing::ValuesIn(workloads_together()),
                         [](const auto& info) { return test_name(info.param.label()); });

// The workloads work one after another: where the kernel's counters moved by more than what was traced.
void tell_whose_pages_differ() {
  for (const auto& [counter, pages] : {std::pair{"unevictable_pgs_mlocked", "mlocked"},
                                       {"unevictable_pgs_culled", "to_unevictable"},
                                       {"unevictable_pgs_rescued", "rescued"}}) {
    for (const auto& [name, row] : workload_runs().rows) {
      if (row.process.is_null() || !row.process["pages"][pages].is_number()) continue;
      const auto kernel = row.truth["vmstat"][counter].get<std::int64_t>();
      const auto traced = row.process["pages"][pages].get<std::int64_t>();
      if (kernel != traced) printf("%s of %s: %ld traced, %ld by the kernel\n", pages, name.c_str(), traced, kernel);
    }
  }
}

TEST(WorkloadTable, NothingIsLostAndTheAuditHolds) {
  expect_nothing_lost(workload_runs().report);
  expect_audit_holds(workload_runs().report, "faults of");
  if (HasFailure()) tell_whose_pages_differ();
}

TEST(WorkloadTable, HasEveryWorkload) {
  std::set<std::string> in_table;
  for (const suite::WorkloadRow& row : suite::workload_table()) in_table.emplace(row.name());
  std::set<std::string> there;
  std::istringstream list(run({"mlt-workload", "--list"}).out);
  for (std::string line; std::getline(list, line);) there.insert(line.substr(0, line.find(' ')));
  EXPECT_EQ(in_table, there);
}

}  // namespace

}  // namespace live
