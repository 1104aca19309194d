// Every workload of known truth, under -p: what mlocktrace counted equals what the workload knows of itself.
//
// All workloads are started and held before their work; one mlocktrace traces them all; they do their work one after
// another; the report is taken while they still live. So the whole table costs one start of the tracer.
#include <gtest/gtest.h>

#include <csignal>
#include <map>
#include <memory>

#include "program.h"
#include "report_view.h"

namespace live {

namespace {

// Left out here because they need other circumstances; each has a test of its own.
const std::map<std::string, std::string> kElsewhere = {
    {"storm", "behaviour_test.cpp"},     {"uffd", "behaviour_test.cpp"},
    {"idle", "nothing to see"},          {"story", "for people"},
    {"exec-self", "commands_test.cpp"},  {"exit-locked", "commands_test.cpp"},
    {"published-sample", "needs 1 GiB"},
};

std::vector<std::string> workload_names() {
  std::vector<std::string> names;
  std::istringstream list(run({"mlt-workload", "--list"}).out);
  for (std::string line; std::getline(list, line);) {
    const std::string name = line.substr(0, line.find_first_of(" \t"));
    if (!name.empty() && !kElsewhere.contains(name)) names.push_back(name);
  }
  return names;
}

struct Observation {
  Json truth;
  Json process;  // of the report; null when it is not there
};

// Everything traced at once, the first time that a test asks.
struct Table {
  Json report;
  std::map<std::string, Observation> rows;
  Table();
};

Table::Table() {
  std::map<std::string, std::unique_ptr<Program>> held;
  std::string pids;
  for (const std::string& name : workload_names()) {
    Words command = {"mlt-workload", name, "--hold"};
    if (name == "file-locked") command.push_back("dir=/tmp");
    auto program = std::make_unique<Program>(command);
    if (!program->read_line().starts_with("ready")) {
      ADD_FAILURE() << name << ": " << program->finish().err;
      continue;
    }
    pids += (pids.empty() ? "" : ",") + std::to_string(program->pid());
    held[name] = std::move(program);
  }
  Program tracer({"mlocktrace", "--json", "-p", pids});
  EXPECT_TRUE(tracer.wait_for_stderr("tracing")) << tracer.stderr_so_far();
  for (auto& [name, program] : held) {
    program->send("g");
    const std::string line = program->read_line();
    EXPECT_FALSE(line.empty()) << name;
    rows[name].truth = Json::parse(line, nullptr, false);
  }
  tracer.signal(SIGINT);
  const Finished finished = tracer.finish();
  EXPECT_EQ(finished.status, 0) << finished.err;
  report = parse_report(finished.out);
  for (auto& [name, program] : held) {
    if (const Json* process = find_process(report, static_cast<std::uint64_t>(program->pid())))
      rows[name].process = *process;
    program->send("x");
  }
}

const Table& table() {
  static const Table table;
  return table;
}

class Workload : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const auto found = table().rows.find(GetParam());
    ASSERT_NE(found, table().rows.end());
    truth_ = found->second.truth;
    process_ = found->second.process;
    ASSERT_TRUE(truth_.is_object());
    // A process that did nothing that is measured has no entry: then nothing must have been expected of it.
    if (process_.is_null() && sees_everything(table().report)) {
      EXPECT_EQ(truth_["work"]["minor"].get<int>() + truth_["work"]["major"].get<int>(), 0);
    }
  }

  // Every kernel is given the same list; what one lacks is told by the workload itself.
  [[nodiscard]] bool unsupported() const { return truth_.contains("unsupported"); }

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
  if (process_.is_null() || !sees_everything(table().report)) return;
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
    if (expected.is_null() || !measured(table().report, signal)) continue;
    EXPECT_EQ(process_["pages"][report_key], expected) << truth_.dump();
  }
}

TEST_P(Workload, SplitsAndMergesAreExact) {
  if (unsupported() || process_.is_null()) return;
  const Json& vma = truth_["vma"];
  if (!vma["splits"].is_null() && measured(table().report, "vma_split")) {
    EXPECT_EQ(process_["vma"]["splits"], vma["splits"]) << truth_.dump();
  }
  if (!vma["merges"].is_null() && measured(table().report, "vma_merge")) {
    EXPECT_EQ(process_["vma"]["merges"], vma["merges"]) << truth_.dump();
  }
}

TEST_P(Workload, LockCallsAreAllThereWithTheirResults) {
  if (process_.is_null() || !measured(table().report, "lock_call")) return;
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

INSTANTIATE_TEST_SUITE_P(All, Workload, testing::ValuesIn(workload_names()), [](const auto& info) {
  std::string name = info.param;
  std::ranges::replace(name, '-', '_');
  return name;
});

TEST(WorkloadTable, NothingIsLostAndTheAuditHolds) {
  expect_nothing_lost(table().report);
  expect_audit_holds(table().report, "faults of");
}

TEST(WorkloadTable, ThereAreWorkloads) { EXPECT_GE(workload_names().size(), 40U); }

}  // namespace

}  // namespace live
