#include "analysis/crowd.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "report/fixtures.h"
#include "report/json.h"
#include "report/read_json.h"

namespace mlt {
namespace {

/// `processes` of three commands, every third with a lock call, every fifth killed.
Report crowd(std::uint32_t processes) {
  Report report = fixtures::crowd(processes);
  for (std::uint32_t i = 0; i < processes; ++i) {
    Process& process = report.processes[i];
    process.comm = i % 3 == 0 ? "sh" : i % 3 == 1 ? "true" : "worker-" + std::to_string(i);
    process.exited = true;
    process.ending =
        i % 5 == 0 ? Ending{std::nullopt, "SIGKILL", false, false, "", ""} : Ending{0, "", false, false, "", ""};
    process.locks.locked_bytes = {std::nullopt, std::nullopt, 4096 * i};
    process.faults.by_class = {{{MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_COW}, *process.faults.by_origin[0]}};
    process.life = {{i, LifeEvent::Kind::exit, 0, 0, 0, false, false, "", ""}};
    process.vma.splits = i;
    process.pages.mlocked = i % 2 == 0 ? Count{i} : std::nullopt;
    if (i % 3 == 0) {
      LockCall call;
      call.name = "mlock";
      call.start_ns = i;
      call.ret = i % 2 == 0 ? -12 : 0;
      call.duration_ns = 1000;
      process.locks.calls.assign(i % 4, call);
      process.locks.totals = {{MLT_CALL_MLOCK, "mlock", i % 4 + 1, 0, 5000 * i, 1, 7, 10, 1, 0}};
      process.locks.calls_not_kept = 1;
    }
    AuditCheck check;
    check.check = "faults of " + std::to_string(process.pid);
    check.traced = check.kernel = 10 * (i + 1);
    check.source = "/proc/" + std::to_string(process.pid) + "/stat min_flt + maj_flt";
    check.verdict = i % 7 == 0 ? Verdict::unavailable : i == 40 ? Verdict::differs : Verdict::equal;
    if (i % 7 == 0) check.why = "the kernel's counters could not be read";
    report.coverage.audit.push_back(check);
  }
  AuditCheck system;
  system.check = "pages mlocked";
  system.verdict = Verdict::equal;
  report.coverage.audit.push_back(system);
  return report;
}

/// What must be the same however it is listed.
std::string totals(const Report& report) {
  Report sum;
  ProcessGroup group;
  group.sum = sum_of(report);
  // In no order that the listing decides.
  std::ranges::sort(group.sum.faults.by_class, {}, &ClassFaults::fault_class);
  group.processes = count_of_processes(report);
  sum.groups.push_back(group);
  return to_json(sum, true);
}

TEST(Crowd, WhatIsWithinBoundsStays) {
  EXPECT_FALSE(summed_up(crowd(20), {.processes = 20}));
  EXPECT_FALSE(summed_up(crowd(60), {}));
}

TEST(Crowd, TotalsStayWhole) {
  const Report whole = crowd(61);
  for (const std::size_t bound : {1U, 5U, 20U, 60U}) {
    const auto some = summed_up(whole, {.processes = bound, .rows = 1, .groups = 3});
    ASSERT_TRUE(some);
    EXPECT_EQ(some->processes.size(), bound);
    EXPECT_LE(some->groups.size(), 4U);
    EXPECT_EQ(totals(*some), totals(whole)) << bound;
  }
}

TEST(Crowd, SummedUpTwiceIsSummedUpOnce) {
  const Report whole = crowd(61);
  const auto once = summed_up(whole, {.processes = 20});
  const auto first = summed_up(whole, {.processes = 40});
  ASSERT_TRUE(once && first);
  const auto twice = summed_up(*first, {.processes = 20});
  ASSERT_TRUE(twice);
  EXPECT_EQ(totals(*twice), totals(*once));
  EXPECT_EQ(twice->processes.size(), once->processes.size());
  EXPECT_FALSE(summed_up(*once, {.processes = 20}));
}

TEST(Crowd, TheBusiestAreListedInTheOrderOfTheReport) {
  Report whole = crowd(30);
  whole.processes[29].locks.totals = {{MLT_CALL_MLOCK, "mlock", 1, 0, 1'000'000'000, 0, 0, 0, 0, 0}};
  const auto some = summed_up(whole, {.processes = 2});
  ASSERT_TRUE(some);
  ASSERT_EQ(some->processes.size(), 2U);
  EXPECT_EQ(some->processes[1].pid, whole.processes[29].pid);
}

TEST(Crowd, PopulatingCountsOnce) {
  Process process;
  process.faults.by_origin[MLT_ORIGIN_POPULATE] = fixtures::minor_faults(10, 1000);
  const std::uint64_t in_faults = process.faults.by_origin[MLT_ORIGIN_POPULATE]->latency.sum();
  process.locks.totals = {{MLT_CALL_MLOCK, "mlock", 1, 0, in_faults + 700, 1, 10, in_faults + 200, 0, 0}};
  EXPECT_EQ(busy_ns(process), in_faults + 500);
}

TEST(Crowd, WhatAWarningIsOfIsListed) {
  Report whole = crowd(60);
  whole.findings = {{"fork-cow", Severity::warning, whole.processes[55].pid, "title", {}, "", ""},
                    {"cheap-faults", Severity::info, whole.processes[56].pid, "title", {}, "", ""}};
  const auto some = summed_up(whole, {.processes = 3});
  ASSERT_TRUE(some);
  ASSERT_EQ(some->processes.size(), 4U);
  EXPECT_EQ(some->processes[3].pid, whole.processes[55].pid);
}

TEST(Crowd, EveryCheckIsThereAndWhatDiffersByItself) {
  const Report whole = crowd(61);
  const auto some = summed_up(whole, {.processes = 4});
  ASSERT_TRUE(some);
  const auto count = [](const Report& report, Verdict verdict) {
    std::uint64_t checks = 0;
    for (const AuditCheck& check : report.coverage.audit) checks += check.verdict == verdict ? 1 : 0;
    for (const AuditGroup& group : report.coverage.audit_groups) checks += group.verdict == verdict ? group.checks : 0;
    return checks;
  };
  for (const Verdict verdict : {Verdict::equal, Verdict::differs, Verdict::unavailable})
    EXPECT_EQ(count(*some, verdict), count(whole, verdict));
  const auto differs = std::ranges::find(some->coverage.audit, Verdict::differs, &AuditCheck::verdict);
  ASSERT_NE(differs, some->coverage.audit.end());
  EXPECT_EQ(differs->check, "faults of " + std::to_string(whole.processes[40].pid));
  ASSERT_EQ(some->coverage.audit_groups.size(), 2U);
  EXPECT_EQ(some->coverage.audit_groups[0].check, "faults");
  EXPECT_EQ(some->coverage.audit_groups[0].source, "/proc/PID/stat min_flt + maj_flt");
  EXPECT_TRUE(std::ranges::any_of(some->coverage.audit,
                                  [](const AuditCheck& check) { return check.check == "pages mlocked"; }));
}

TEST(Crowd, ReasonsThatDifferInNumbersAreOne) {
  std::vector<AuditGroup> groups;
  for (const char* why : {"12 pages are of huge pages", "7 pages are of huge pages", "something else"}) {
    AuditCheck check;
    check.check = "locked resident bytes of pid 12";
    check.why = why;
    add_to_groups(groups, check);
  }
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].why, "N pages are of huge pages");
  EXPECT_EQ(groups[0].checks, 2U);
  EXPECT_EQ(groups[1].why, "something else");
}

TEST(Crowd, WhichProcessACheckIsOf) {
  EXPECT_EQ(check_of("faults of 12")->pid, 12U);
  EXPECT_EQ(check_of("faults of pid 12")->kind, "faults");
  EXPECT_EQ(check_of("locked resident bytes of 4194304")->kind, "locked resident bytes");
  for (const char* other : {"pages mlocked", "faults in the cgroup", "12", "of 12", "x12", ""})
    EXPECT_FALSE(check_of(other));
}

TEST(Crowd, CallsThatFailedStayWhereListsAreShort) {
  Report whole = crowd(10);
  std::vector<LockCall>& calls = whole.processes[0].locks.calls;
  calls.assign(10, {});
  for (std::size_t i = 0; i < calls.size(); ++i) {
    calls[i].start_ns = i;
    calls[i].duration_ns = 100 - i;
    calls[i].ret = i == 8 ? -12 : 0;
  }
  const auto some = summed_up(whole, {.processes = 5, .rows = 3});
  ASSERT_TRUE(some);
  const Locks& locks = some->processes[0].locks;
  ASSERT_EQ(locks.calls.size(), 3U);
  EXPECT_EQ(locks.calls[0].start_ns, 0U);
  EXPECT_EQ(locks.calls[1].start_ns, 1U);
  EXPECT_EQ(locks.calls[2].ret, -12);
  EXPECT_EQ(locks.calls_not_kept, whole.processes[0].locks.calls_not_kept + 7);
}

TEST(Crowd, IsReadAsItWasWritten) {
  const auto some = summed_up(crowd(61), {.processes = 4, .groups = 3});
  ASSERT_TRUE(some);
  const std::string json = to_json(*some, true);
  const auto read = read_json(json);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(to_json(*read, true), json);
  EXPECT_EQ(read->groups[0].sum.comm, read->groups[0].comm);
}

}  // namespace
}  // namespace mlt
