#include "report/text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <regex>
#include <sstream>

#include "report/fixtures.h"
#include "report/golden.h"
#include "report/layout.h"
#include "util/units.h"

namespace mlt {
namespace {

class Text : public testing::Test {
 protected:
  void SetUp() override {
    setenv("TZ", "UTC0", 1);
    tzset();
  }
};

using TextGolden = Text;
using IntervalText = Text;

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string rendered(const Report& report, const TextOptions& options = {}) { return to_text(report, options); }

std::size_t widest_line(const std::string& text) {
  std::istringstream lines(text);
  std::size_t widest = 0;
  for (std::string line; std::getline(lines, line);) widest = std::max(widest, display_width(line));
  return widest;
}

FaultTotals minor_faults(std::uint64_t count) { return fixtures::minor_faults(count, 1000); }

/// The title and the first number of the rows below the line that starts with `heading`.
std::vector<std::string> first_columns(const std::string& text, const std::string& heading, std::size_t count) {
  std::istringstream lines(text.substr(text.find("\n" + heading) + 1));
  std::vector<std::string> rows;
  std::string line;
  std::getline(lines, line);
  while (rows.size() < count && std::getline(lines, line)) {
    std::smatch found;
    if (std::regex_search(line, found, std::regex("^ *([a-z_, ]*[a-z])( +[0-9,]+)?")))
      rows.push_back(found[1].str() + std::regex_replace(found[2].str(), std::regex(" +"), " "));
  }
  return rows;
}

TEST_F(TextGolden, Quiet) { expect_golden("quiet.txt", rendered(fixtures::quiet())); }
TEST_F(TextGolden, Busy) { expect_golden("busy.txt", rendered(fixtures::busy())); }
TEST_F(TextGolden, Degraded) { expect_golden("degraded.txt", rendered(fixtures::degraded())); }
TEST_F(TextGolden, BusyVerbose) { expect_golden("busy-verbose.txt", rendered(fixtures::busy(), {.verbose = true})); }
TEST_F(TextGolden, Crowd) { expect_golden("crowd.txt", rendered(fixtures::crowd(25))); }
TEST_F(TextGolden, Interval) { expect_golden("interval.txt", to_interval_text(fixtures::busy(), true)); }

TEST_F(Text, FitsItsWidth) {
  for (const std::size_t width : {80U, 100U, 120U, 200U}) {
    for (const Report& report : {fixtures::quiet(), fixtures::busy(), fixtures::degraded(), fixtures::crowd(25)}) {
      EXPECT_LE(widest_line(rendered(report, {.width = width})), width);
    }
  }
}

TEST_F(Text, HasNoEscapesWithoutColor) {
  EXPECT_FALSE(contains(rendered(fixtures::degraded()), "\x1b"));
  EXPECT_FALSE(contains(to_interval_text(fixtures::degraded(), true), "\x1b"));
}

TEST_F(Text, ColorChangesNothingElse) {
  const std::string colored = rendered(fixtures::busy(), {.color = true});
  EXPECT_TRUE(contains(colored, "\x1b[31mproblem\x1b[0m"));
  std::string plain = std::regex_replace(colored, std::regex("\x1b\\[[0-9]+m"), "");
  EXPECT_EQ(plain, rendered(fixtures::busy()));
}

TEST_F(Text, AsciiWhereThereIsNoUnicode) {
  const std::string text = rendered(fixtures::busy(), {.unicode = false});
  EXPECT_TRUE(std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; }));
  EXPECT_TRUE(contains(text, "####"));
}

TEST_F(Text, FindingsComeBeforeProcesses) {
  const std::string text = rendered(fixtures::busy());
  EXPECT_LT(text.find("fork-cow"), text.find("PROCESS 4242"));
  EXPECT_FALSE(contains(rendered(fixtures::quiet()), "FINDINGS"));
}

TEST_F(Text, ManyFindingsAreShortened) {
  Report report = fixtures::busy();
  report.findings.resize(25, report.findings.back());
  EXPECT_TRUE(contains(rendered(report), "(5 more, none of them graver: -v or --json)"));
  EXPECT_FALSE(contains(rendered(report, {.verbose = true}), "none of them graver"));
}

TEST_F(Text, LossAndDifferencesAreToldFirst) {
  const std::string text = rendered(fixtures::degraded());
  EXPECT_LT(text.find("INCOMPLETE"), text.find("PROCESS 77"));
  EXPECT_LT(text.find("AUDIT: 1 check differs"), text.find("PROCESS 77"));
  EXPECT_FALSE(contains(rendered(fixtures::quiet()), "INCOMPLETE"));
}

TEST_F(Text, ManyCallsAreShortened) {
  const std::string text = rendered(fixtures::degraded());
  EXPECT_TRUE(contains(text, "mlock(0x55d0c0de1009, 4 KiB)"));  // the tenth
  EXPECT_FALSE(contains(text, "mlock(0x55d0c0de1010, 4 KiB)"));
  EXPECT_TRUE(contains(text, "mlock(0x55d0c0de1013, 4 KiB)"));  // the slowest
  EXPECT_TRUE(contains(text, "mlock(0x55d0c0de1025, 4 KiB)"));  // the fifth last
  EXPECT_TRUE(contains(text, "(3 more: -v or --json)"));
  EXPECT_TRUE(contains(text, "1,250 further calls"));
  EXPECT_TRUE(contains(rendered(fixtures::degraded(), {.verbose = true}), "mlock(0x55d0c0de1010, 4 KiB)"));
}

TEST_F(Text, ManyVmaChangesAreShortened) {
  Report report = fixtures::busy();
  std::vector<VmaChange>& changes = report.processes[0].vma.changes;
  changes.clear();
  for (std::uint64_t i = 0; i < 30; ++i) {
    changes.push_back({i * 1'000'000'000, 1, true, 0x1000, 0x3000, 0x2000, i == 0, "mprotect"});
  }
  report.processes[0].vma.changes_not_kept = 7;
  const std::string text = rendered(report);
  EXPECT_TRUE(contains(text, "   0.000  split  mprotect  locked  0x1000-0x3000 (8 KiB) at +4 KiB\n"));
  EXPECT_TRUE(contains(text, "(15 more: -v or --json)"));
  EXPECT_TRUE(contains(text, "  25.000  split"));
  EXPECT_FALSE(contains(text, "  24.000  split"));
  EXPECT_TRUE(contains(text, "7 further changes were counted"));
}

TEST_F(Text, ForksAndExitsThatWereNotKeptAreCounted) {
  Report report = fixtures::busy();
  EXPECT_FALSE(contains(rendered(report), "of forks, execs and exits"));
  report.processes[0].life_not_kept = 1;
  EXPECT_TRUE(contains(rendered(report), "1 further event of forks"));
  report.processes[0].life_not_kept = 1010;
  EXPECT_TRUE(contains(rendered(report), "1,010 further events of forks"));
}

TEST_F(Text, OfManyProcessesFiveAreDetailed) {
  Report report = fixtures::crowd(15);
  std::string text = rendered(report);
  EXPECT_TRUE(contains(text, "15 PROCESSES, most time in faults and calls first\n"));
  EXPECT_TRUE(contains(text, "PROCESS 1004 "));
  EXPECT_FALSE(contains(text, "PROCESS 1005 "));
  EXPECT_TRUE(contains(rendered(report, {.verbose = true}), "PROCESS 1014 "));

  report.findings = {{"fork-cow", Severity::warning, 1009, "title", {}, "", ""}};
  EXPECT_TRUE(contains(rendered(report), "PROCESS 1009 "));
}

/// `processes` short ones of one command, whose parent is the first.
Report short_programs(std::uint32_t processes) {
  Report report = fixtures::crowd(processes);
  Process& parent = report.processes[0];
  for (std::uint32_t i = 1; i < processes; ++i) {
    Process& process = report.processes[i];
    process.comm = "sh";
    process.exited = true;
    process.ending = Ending{0, "", false, false, "", ""};
    parent.life.push_back({i * 1'000'000, LifeEvent::Kind::fork, process.pid, 0, 0, false, false, "", "sh"});
  }
  return report;
}

TEST_F(Text, ManyShortProgramsAreALine) {
  const Report report = short_programs(614);
  const std::string text = rendered(report);
  EXPECT_TRUE(contains(text, "614 PROCESSES"));
  EXPECT_TRUE(contains(text, "594 x"));
  EXPECT_TRUE(contains(text, "sh (exited)"));
  EXPECT_TRUE(contains(text, "   0.001  forked 613 x sh, until 0.613\n"));
  EXPECT_LE(std::ranges::count(text, '\n'), 200);
  // 10 faults for each process that comes after it, and itself.
  EXPECT_TRUE(contains(text, format_count(std::uint64_t{614 * 615 / 2 * 10})));
}

TEST_F(Text, AsManyProcessesAsAreAskedFor) {
  const Report report = short_programs(60);
  EXPECT_TRUE(contains(rendered(report, {.processes = 5}), "55 x"));
  EXPECT_FALSE(contains(rendered(report, {.processes = 60}), " x   "));
  EXPECT_TRUE(contains(rendered(report, {.processes = 60}), "\n  1059  "));
  EXPECT_FALSE(contains(rendered(report, {.verbose = true}), "until"));
  EXPECT_TRUE(contains(rendered(report, {.verbose = true}), "forked pid 1059\n"));
}

TEST_F(Text, AFindingOfManyNamesThem) {
  Report report = short_programs(60);
  report.findings = {{"fork-cow",
                      Severity::warning,
                      1055,
                      "title",
                      {{"faults", 9}},
                      "",
                      "",
                      FindingProcesses{40, {1055, 1056}, {"sh"}}}};
  const std::string text = to_text(report, {.width = 0});
  EXPECT_TRUE(contains(text, "40 processes (sh): title [fork-cow]\n"));
  EXPECT_TRUE(
      contains(text, "Of: pids 1055, 1056 and 38 more; counts and times are of all, the rest is of the first\n"));
  EXPECT_TRUE(contains(text, "  1055"));
  EXPECT_TRUE(contains(text, "PROCESS 1055 "));
}

TEST_F(Text, TenProcessesNeedNoOverview) {
  const std::string text = rendered(fixtures::crowd(10));
  EXPECT_FALSE(contains(text, "PROCESSES"));
  EXPECT_TRUE(contains(text, "PROCESS 1009 "));
}

TEST_F(Text, AnEmptyReport) { EXPECT_TRUE(contains(rendered({}), "No process was seen.\n")); }

TEST_F(Text, ManyChecksAreSummedUp) {
  Report report = fixtures::quiet();
  const auto check = [](const std::string& name, Verdict verdict, const char* why) {
    AuditCheck one;
    one.check = name;
    one.traced = one.kernel = 5;
    one.source = "the source";
    one.verdict = verdict;
    one.why = why;
    return one;
  };
  std::vector<AuditCheck>& audit = report.coverage.audit;
  audit.clear();
  for (int i = 0; i < 2000; ++i) audit.push_back(check("faults of " + std::to_string(100 + i), Verdict::equal, ""));
  for (int i = 0; i < 30; ++i)
    audit.push_back(check("faults of " + std::to_string(3000 + i), Verdict::unavailable, "why"));
  for (int i = 0; i < 15; ++i) audit.push_back(check("faults of " + std::to_string(4000 + i), Verdict::differs, "how"));
  for (const char* name : {"pages mlocked", "pages munlocked"}) audit.push_back(check(name, Verdict::equal, ""));
  const std::string text = to_text(report, {.width = 0});
  EXPECT_TRUE(contains(text, "faults of 2,000 processes   10,000  10,000  equal\n"));
  EXPECT_TRUE(
      contains(text, "faults of 30 processes         150     150  unavailable\n    why\n    kernel: the source\n"));
  EXPECT_TRUE(contains(text, "faults of 4009                   5       5  differs\n"));
  EXPECT_FALSE(contains(text, "faults of 4010"));
  EXPECT_TRUE(
      contains(text, "faults of 5 processes more                  differs\n    pids 4010, 4011, 4012, 4013, 4014\n"));
  EXPECT_TRUE(contains(text, "2 checks more, equal"));
  EXPECT_TRUE(contains(rendered(report, {.verbose = true}), "faults of 4010"));
}

TEST_F(Text, ReclaimAndSwapAreToldOnlyWhenTheyDidSomething) {
  for (const char* fact : {"reclaim", "spared", "swap"}) EXPECT_FALSE(contains(rendered(fixtures::quiet()), fact));
  Report report = fixtures::quiet();
  report.processes[0].swap->in = 5;
  EXPECT_TRUE(contains(rendered(report), "  swap in         5 faults\n"));
  report.processes[0].reclaim->memcg = ReclaimStall{1, 2'000, 32, 2'000};
  EXPECT_TRUE(contains(rendered(report), "  memcg reclaim   waited 1 time, 2 us (longest 2 us), 32 pages reclaimed\n"));
}

TEST_F(Text, CulledWithoutMlockIsNotNothing) {
  Report report = fixtures::quiet();
  report.processes[0].pages.culled_by_reclaim = 7;
  EXPECT_TRUE(contains(rendered(report), "7 culled by reclaim"));
}

TEST_F(Text, LifeTellsWhoRunsUnlocked) {
  constexpr std::uint64_t kMiB = 1 << 20;
  using Kind = LifeEvent::Kind;
  const auto told = [](const LifeEvent& event) {
    Report report = fixtures::quiet();
    report.processes[0].life = {event};
    return to_text(report, {.width = 0});
  };
  EXPECT_TRUE(contains(told({0, Kind::fork, 9, 8 * kMiB, 0, true, false, ""}),
                       "forked pid 9 (8 MiB locked, MCL_FUTURE in force; the child runs unlocked)\n"));
  EXPECT_TRUE(contains(told({0, Kind::fork, 9, 0, 0, false, false, ""}), "forked pid 9\n"));
  EXPECT_TRUE(
      contains(told({0, Kind::exec, 0, 8 * kMiB, 0, true, true, "sh"}),
               "executed sh (8 MiB locked, MCL_FUTURE | MCL_ONFAULT in force; the new program runs unlocked)\n"));
  EXPECT_TRUE(
      contains(told({0, Kind::exec, 0, 8 * kMiB, kMiB, false, false, "sh"}), "the new program has 1 MiB locked"));
}

Report with_classes(std::vector<ClassFaults> classes) {
  Report report = fixtures::quiet();
  report.processes[0].faults.by_class = std::move(classes);
  return report;
}

TEST_F(Text, CausesStandBelowTheirClass) {
  const std::string text =
      rendered(with_classes({{{MLT_ORIGIN_ACCESS, MLT_LOCKED, MLT_CAUSE_COW}, minor_faults(30)},
                             {{MLT_ORIGIN_POPULATE, MLT_LOCKED, MLT_CAUSE_COW}, minor_faults(20)},
                             {{MLT_ORIGIN_ACCESS, MLT_LOCKED, MLT_CAUSE_UNKNOWN}, minor_faults(5)},
                             {{MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_KSM}, minor_faults(1)}}));
  EXPECT_EQ(first_columns(text, "  by class", 7),
            (std::vector<std::string>{"access, locked 35", "cow 30", "unknown 5", "populate, locked 20", "all cow",
                                      "access, not locked 1", "all ksm"}));
}

// What could not be determined is not hidden behind what could.
TEST_F(Text, AnUnknownCauseIsToldWhereOthersAreKnown) {
  EXPECT_TRUE(contains(rendered(with_classes({{{MLT_ORIGIN_ACCESS, MLT_LOCKED, MLT_CAUSE_COW}, minor_faults(3)},
                                              {{MLT_ORIGIN_KERNEL, MLT_LOCKED, MLT_CAUSE_UNKNOWN}, minor_faults(2)}})),
                       "    all unknown\n"));
  EXPECT_FALSE(contains(rendered(with_classes({{{MLT_ORIGIN_ACCESS, MLT_LOCKED, MLT_CAUSE_UNKNOWN}, minor_faults(3)}})),
                        "unknown"));
}

TEST_F(Text, OneClassIsShownForItsCause) {
  EXPECT_TRUE(contains(rendered(with_classes({{{MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_STACK}, minor_faults(3)}})),
                       "all stack\n"));
  EXPECT_FALSE(contains(
      rendered(with_classes({{{MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_UNKNOWN}, minor_faults(3)}})), "by class"));
}

TEST_F(Text, EveryClassFitsItsWidth) {
  std::vector<ClassFaults> classes;
  for (int origin = 0; origin < MLT_ORIGIN_NR; ++origin) {
    for (int locked = 0; locked < MLT_LOCK_STATE_NR; ++locked) {
      for (int cause = 0; cause < MLT_CAUSE_NR; ++cause) {
        FaultTotals totals = minor_faults(100);
        totals.minor = 123'456;
        totals.major = 123;
        classes.push_back(
            {{static_cast<mlt_origin>(origin), static_cast<mlt_lock_state>(locked), static_cast<mlt_cause>(cause)},
             totals});
      }
    }
  }
  EXPECT_LE(widest_line(rendered(with_classes(classes), {.width = 80})), 80U);
}

TEST_F(Text, TheMomentFromWhichEverythingCounts) {
  Report report = fixtures::quiet();
  report.window.complete_after_ns = 1'400'000'000;
  EXPECT_TRUE(contains(rendered(report), "  since    faults count from the start, everything else from 1.4 s on\n"));
  report.window.complete_after_ns = 0;
  EXPECT_FALSE(contains(rendered(report), "since"));
}

TEST_F(Text, WhatTheKernelSkippedIsTold) {
  const std::string both = to_text(fixtures::skipping({5, 1}), {.width = 0});
  EXPECT_TRUE(contains(both,
                       "  skipped  5 faults of unknown class and 1 fault of unknown duration, counted all the "
                       "same: the kernel skipped a probe.\n  lost     no fault\n"));
  EXPECT_EQ(first_columns(both, "  faults ", 6),
            (std::vector<std::string>{"access 395", "kernel 0", "populate 0", "remote 0", "unknown 5", "total 400"}));
  EXPECT_EQ(first_columns(both, "  by class", 4), (std::vector<std::string>{"access, locked 395", "all first_touch",
                                                                            "unknown, lock state n", "all unknown"}));
  EXPECT_TRUE(contains(to_text(fixtures::skipping({200, 0}), {.width = 0}),
                       "  skipped  200 faults of unknown class, counted all the same: the kernel skipped a probe.\n"
                       "  lost     no fault\n"));
  EXPECT_TRUE(contains(to_text(fixtures::skipping({0, 2}), {.width = 0}),
                       "  skipped  2 faults of unknown duration, counted all the same: the kernel skipped a probe.\n"
                       "  lost     no fault\n"));
}

TEST_F(Text, WhereNothingWasSkippedNothingIsSaidOfIt) {
  const std::string text = rendered(fixtures::skipping({0, 0}));
  EXPECT_TRUE(contains(text, "  lost     nothing\n"));
  EXPECT_FALSE(contains(text, "skipped"));
  EXPECT_EQ(first_columns(text, "  faults ", 5),
            (std::vector<std::string>{"access 400", "kernel 0", "populate 0", "remote 0", "total 400"}));
}

TEST_F(Text, SkippedAndLostAreTwoThings) {
  Report report = fixtures::skipping({5, 0});
  report.coverage.lost.missed_probes = 3;
  const std::string text = to_text(report, {.width = 0});
  EXPECT_TRUE(contains(text, "  skipped  5 faults of unknown class"));
  EXPECT_TRUE(contains(text, "  LOST     3 probes did not fire. The numbers above are incomplete.\n"));
}

TEST_F(Text, UnevictablePagesOfOthers) {
  Report report = fixtures::quiet();
  EXPECT_FALSE(contains(rendered(report), "unevictable list:"));
  report.system.unevictable_without_mlock = 2;
  EXPECT_TRUE(contains(to_text(report, {.width = 0}),
                       "  moved to the unevictable list: 2 pages of whatever process "
                       "without mlock (ramfs, SHM_LOCK, secretmem)\n"));
  report.system.other_unevictable_pages = 1;
  EXPECT_TRUE(contains(to_text(report, {.width = 0}),
                       "list: 1 page of processes that were not traced, 2 pages of whatever process without mlock"));
}

TEST_F(Text, Targets) {
  Report report = fixtures::quiet();
  report.target = {"pid", {1, 2}, "", false};
  EXPECT_TRUE(contains(rendered(report), "mlocktrace 0.1.0: pids 1, 2, traced"));
  report.target = {"tid", {7}, "", false};
  EXPECT_TRUE(contains(rendered(report), ": thread 7, traced"));
  report.target = {"cgroup", {}, "/a\nb", false};
  EXPECT_TRUE(contains(rendered(report), ": cgroup /a\\x0ab, traced"));
  report.target = {"all", {}, "", false};
  EXPECT_TRUE(contains(rendered(report), ": all processes, traced"));
}

TEST_F(IntervalText, HasAHeaderOnRequest) {
  const std::string text = to_interval_text(fixtures::busy(), false);
  EXPECT_FALSE(contains(text, "comm"));
  EXPECT_TRUE(contains(to_interval_text(fixtures::busy(), true), text));
}

TEST_F(IntervalText, ASlowRateIsNotZero) {
  EXPECT_TRUE(contains(to_interval_text(fixtures::quiet(), false), "   <1 "));
}

TEST_F(IntervalText, OnlyActiveOnesOfManyProcesses) {
  Report report = fixtures::crowd(30);
  report.processes[3].faults.by_origin = {};
  const std::string text = to_interval_text(report, false);
  EXPECT_FALSE(contains(text, "worker-3\n"));
  EXPECT_TRUE(contains(text, "worker-20\n"));
  EXPECT_TRUE(contains(text, "(9 more with fewer faults)"));
}

}  // namespace
}  // namespace mlt
