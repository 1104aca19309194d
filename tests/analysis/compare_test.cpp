#include "analysis/compare.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "analysis/crowd.h"
#include "report/fixtures.h"
#include "report/timeline_fixtures.h"

namespace mlt {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

/// A trace of `seconds` in which access faults come at `rate` a second, in bursts of `burst`.
DiffSide trace(double rate, std::uint64_t seconds, std::uint64_t burst, std::uint64_t seed, bool intervals = true,
               std::uint64_t latency_ns = 1000) {
  Report report = fixtures::quiet();
  report.window.duration_ns = seconds * kSecond;
  std::mt19937_64 random(seed);
  std::poisson_distribution<std::uint64_t> bursts(rate / static_cast<double>(burst));
  std::lognormal_distribution<double> latency(std::log(static_cast<double>(latency_ns)), 0.5);
  std::vector<TimelinePoint> points(seconds);
  FaultTotals all;
  for (std::uint64_t i = 0; i < seconds; ++i) {
    points[i].start_ns = i * kSecond;
    points[i].duration_ns = kSecond;
    points[i].pid = 812;
    FaultTotals& totals = points[i].by_origin[MLT_ORIGIN_ACCESS];
    totals.minor = bursts(random) * burst;
    for (std::uint64_t n = 0; n < totals.minor; ++n) totals.latency.add(static_cast<std::uint64_t>(latency(random)));
    points[i].by_cause[MLT_CAUSE_COW] = totals.minor;
    all.add(totals);
  }
  report.processes[0].faults.by_origin[MLT_ORIGIN_ACCESS] = all;
  report.processes[0].faults.by_class = {{{MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_COW}, all}};
  DiffSide side(report);
  if (intervals) {
    for (const TimelinePoint& point : points) side.add(point);
  }
  return side;
}

const Figure& figure(const Diff& diff, const std::string& key) {
  const auto found = std::ranges::find(diff.figures, key, &Figure::key);
  EXPECT_NE(found, diff.figures.end()) << key;
  return *found;
}

Change judged(const DiffSide& before, const DiffSide& after, const std::string& key) {
  return figure(compare(before, after), key).change;
}

TEST(Compare, ATraceWithItself) {
  const DiffSide busy(fixtures::busy());
  const Diff diff = compare(busy, busy);
  EXPECT_EQ(diff.verdict, DiffVerdict::same);
  EXPECT_EQ(diff.text, "Nothing differs by more than chance.");
  for (const Figure& one : diff.figures) EXPECT_TRUE(one.change == Change::noise || one.change == Change::unknown);
  for (const FindingDiff& one : diff.findings) EXPECT_EQ(one.change, FindingChange::stays);
}

TEST(Compare, ValuesThatOneSideAloneHas) {
  Report before = fixtures::quiet();
  before.processes.resize(3, before.processes[0]);
  for (Process& process : before.processes) process.ending = Ending{0, "", false, false, "", ""};
  Report after = before;
  EXPECT_TRUE(compare(DiffSide(before), DiffSide(after)).values.empty());
  after.processes[0].ending = Ending{std::nullopt, "SIGKILL", false, true, "machine", ""};
  const Diff diff = compare(DiffSide(before), DiffSide(after));
  ASSERT_EQ(diff.values.size(), 3U);
  EXPECT_EQ(diff.values[0].command, "") << "there is one only";
  EXPECT_EQ(diff.values[0].key, "ending.oom_killed");
  EXPECT_EQ(diff.values[1].key, "ending.signal");
  EXPECT_EQ(diff.values[1].before, (std::map<std::string, std::size_t>{{"", 3}}));
  EXPECT_EQ(diff.values[1].after, (std::map<std::string, std::size_t>{{"", 2}, {"SIGKILL", 1}}));
  EXPECT_EQ(diff.values[2].key, "ending.status");
  // How many have which may be chance.
  before.processes[1].ending = before.processes[2].ending = after.processes[0].ending;
  EXPECT_TRUE(compare(DiffSide(before), DiffSide(after)).values.empty());
}

TEST(Compare, RatesThatDifferAreToldFromChance) {
  EXPECT_EQ(judged(trace(500, 60, 1, 1), trace(500, 60, 1, 2), "faults.access"), Change::noise);
  EXPECT_EQ(judged(trace(500, 60, 1, 1), trace(700, 60, 1, 2), "faults.access"), Change::worse);
  EXPECT_EQ(judged(trace(700, 60, 1, 1), trace(500, 20, 1, 2), "faults.access"), Change::better);
  EXPECT_EQ(judged(trace(5000, 60, 1, 1), trace(5200, 60, 1, 2), "faults.access"), Change::noise)
      << "certain, but too little to matter";
}

// The same two rates: apart for faults that come one by one, not apart for bursts.
TEST(Compare, BurstsWidenTheRangeOfChance) {
  EXPECT_EQ(judged(trace(500, 30, 1, 1), trace(650, 30, 1, 2), "faults.access"), Change::worse);
  const Figure bursts = figure(compare(trace(500, 30, 1000, 3), trace(650, 30, 1000, 4)), "faults.access");
  EXPECT_EQ(bursts.change, Change::noise) << *bursts.before << " " << *bursts.after << " " << bursts.why;
}

/// With 200 pairs of equal traces, bursts and all, no more than a few may be called different.
TEST(Compare, EqualTracesAreRarelyCalledDifferent) {
  int false_alarms = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const std::uint64_t burst = seed % 2 == 0 ? 1 : 200;
    const Diff diff = compare(trace(400, 20, burst, 2 * seed + 1), trace(400, 20, burst, 2 * seed + 2));
    false_alarms += diff.verdict == DiffVerdict::same ? 0 : 1;
  }
  EXPECT_LE(false_alarms, 4);
}

TEST(Compare, WithoutIntervalsAFixedChangeIsAskedFor) {
  EXPECT_EQ(judged(trace(500, 60, 1, 1, false), trace(700, 60, 1, 2, false), "faults.access"), Change::noise);
  const Diff diff = compare(trace(500, 60, 1, 1, false), trace(800, 60, 1, 2, false));
  EXPECT_EQ(figure(diff, "faults.access").change, Change::worse);
  EXPECT_EQ(figure(diff, "faults.access").why, "no intervals: judged by size");
  EXPECT_EQ(judged(trace(1, 60, 1, 1, false), trace(2, 60, 1, 2, false), "faults.access"), Change::noise) << "few";
}

TEST(Compare, WhatNeverHappenedBeforeIsNew) {
  DiffSide before = trace(500, 20, 1, 1);
  DiffSide after = trace(500, 20, 1, 1);
  FaultTotals majors;
  majors.major = 150;
  after.report.processes[0].faults.by_origin[MLT_ORIGIN_KERNEL] = majors;
  EXPECT_EQ(judged(before, after, "faults.major"), Change::worse);
  EXPECT_EQ(figure(compare(before, after), "faults.major").why, "none on one side: judged by size");
}

TEST(Compare, Quantiles) {
  const Diff slower = compare(trace(500, 30, 1, 1, true, 1000), trace(500, 30, 1, 2, true, 1500));
  EXPECT_EQ(figure(slower, "latency.access.p50").change, Change::worse);
  EXPECT_EQ(figure(slower, "latency.access.p99").change, Change::worse);
  EXPECT_EQ(slower.verdict, DiffVerdict::regression);
  const Diff same = compare(trace(500, 30, 1, 1), trace(500, 30, 1, 2));
  EXPECT_EQ(figure(same, "latency.access.p50").change, Change::noise);
  EXPECT_EQ(figure(same, "latency.access.p99").change, Change::noise);
  const Diff few = compare(trace(5, 30, 1, 1), trace(5, 30, 1, 2));
  EXPECT_EQ(figure(few, "latency.access.p99").change, Change::unknown);
  EXPECT_TRUE(figure(few, "latency.access.p99").why.starts_with("too few faults: "));
}

TEST(Compare, WhatWasNotMeasuredIsNotJudged) {
  DiffSide before = trace(500, 20, 1, 1);
  DiffSide after = trace(500, 20, 1, 2);
  before.report.processes[0].swap->in = 4000;
  after.report.processes[0].swap.reset();
  const Figure swap = figure(compare(before, after), "swap.in");
  EXPECT_EQ(swap.change, Change::unknown);
  EXPECT_EQ(swap.after, std::nullopt);
  EXPECT_EQ(swap.why, "not measured on both sides");
}

TEST(Compare, FindingsThatCameAndWent) {
  Report old_report = fixtures::busy();
  Report new_report = fixtures::busy();
  // Another process of the same command: pids are not what a finding is known by.
  for (Process& process : new_report.processes) process.pid += 1000;
  for (Finding& finding : new_report.findings) finding.pid += 1000;
  old_report.findings.push_back({"swap-in", Severity::warning, 0, "swaps", {}, "", ""});
  new_report.findings[1].severity = Severity::problem;
  new_report.findings.push_back({"ksm", Severity::notice, 0, "merged", {}, "", ""});
  const Diff diff = compare(DiffSide(old_report), DiffSide(new_report));
  ASSERT_EQ(diff.findings.size(), 4U);
  EXPECT_EQ(diff.findings[0].finding.id, "ksm");
  EXPECT_EQ(diff.findings[0].change, FindingChange::came);
  EXPECT_EQ(diff.findings[1].finding.id, "fork-cow");
  EXPECT_EQ(diff.findings[1].change, FindingChange::graver);
  EXPECT_EQ(diff.findings[1].command, "trade-engine");
  EXPECT_EQ(diff.findings[2].change, FindingChange::stays);
  EXPECT_EQ(diff.findings[3].change, FindingChange::went);
  EXPECT_EQ(diff.verdict, DiffVerdict::mixed);
  EXPECT_EQ(diff.text, "1 finding is graver, 1 finding went.") << "a notice that came is no harm";
}

TEST(Compare, CommandsAreComparedEachWhenThereAreSeveral) {
  Report report = fixtures::busy();
  DiffSide before(report);
  report.processes[1].faults.by_origin[MLT_ORIGIN_ACCESS] = fixtures::minor_faults(5000, 650);
  DiffSide after(report);
  const Diff diff = compare(before, after);
  const auto gzip = std::ranges::find_if(
      diff.figures, [](const Figure& one) { return one.command == "gzip" && one.key == "faults.access"; });
  ASSERT_NE(gzip, diff.figures.end());
  EXPECT_EQ(gzip->change, Change::worse);
}

TEST(Compare, CaveatsWhereTheTwoWereMadeDifferently) {
  Report other = fixtures::busy();
  other.host.kernel = "6.12.1";
  other.coverage.signals[0] = {"fault", SignalState::partial, "kprobe:handle_mm_fault", ""};
  other.coverage.lost.events = 1;
  EXPECT_EQ(compare(DiffSide(fixtures::busy()), DiffSide(other)).caveats,
            (std::vector<std::string>{"Different kernels: 6.1.0-18-amd64 and 6.12.1.",
                                      "fault was measured in different ways: exact by fexit:handle_mm_fault, and "
                                      "partial by kprobe:handle_mm_fault.",
                                      "The second trace is incomplete."}));
}

TEST(Compare, EmptyReports) {
  const Diff diff = compare(DiffSide(Report{}), DiffSide(fixtures::busy()));
  for (const Figure& one : diff.figures) EXPECT_EQ(one.change, Change::unknown) << one.key;
}

// How much of a crowd is listed must not decide what differs.
TEST(Compare, ProcessesThatAreSummedUpCount) {
  const auto crowd = [](std::uint32_t processes, const char* signal) {
    Report report = fixtures::crowd(processes);
    for (Process& process : report.processes) {
      process.comm = process.pid % 2 == 0 ? "sh" : "make";
      process.exited = true;
      process.ending = Ending{std::nullopt, signal, false, false, "", ""};
    }
    return report;
  };
  const Report before = crowd(60, "SIGTERM");
  const Report after = crowd(90, "SIGSEGV");
  const auto summed = [](const Report& report) { return summed_up(report, {.processes = 10}).value(); };
  const Diff whole = compare(DiffSide(before), DiffSide(after));
  const Diff other = compare(DiffSide(summed(before)), DiffSide(summed(after)));
  ASSERT_EQ(whole.figures.size(), other.figures.size());
  for (const Figure& one : whole.figures) {
    const auto same = std::ranges::find_if(
        other.figures, [&](const Figure& figure) { return figure.key == one.key && figure.command == one.command; });
    ASSERT_NE(same, other.figures.end()) << one.command << " " << one.key;
    EXPECT_EQ(same->before, one.before) << one.command << " " << one.key;
    EXPECT_EQ(same->after, one.after) << one.command << " " << one.key;
    EXPECT_EQ(same->change, one.change) << one.command << " " << one.key;
  }
  ASSERT_EQ(whole.values.size(), other.values.size());
  for (const ValueDiff& one : whole.values) {
    const auto same = std::ranges::find_if(
        other.values, [&](const ValueDiff& value) { return value.key == one.key && value.command == one.command; });
    ASSERT_NE(same, other.values.end());
    EXPECT_EQ(same->before, one.before);
    EXPECT_EQ(same->after, one.after);
  }
  EXPECT_EQ(other.text, whole.text);
}

TEST(Compare, AFindingOfManyIsThatOfEachCommand) {
  const auto with = [](std::vector<Finding> findings) {
    Report report = fixtures::crowd(20);
    for (Process& process : report.processes) process.comm = process.pid % 2 == 0 ? "sh" : "make";
    report.findings = std::move(findings);
    return DiffSide(report);
  };
  const Finding one{"fork-cow", Severity::warning, 1000, "title", {}, "", ""};
  Finding many = one;
  many.processes = FindingProcesses{9, {1000, 1001}, {"sh", "make"}};
  const Diff diff = compare(with({one}), with({many}));
  ASSERT_EQ(diff.findings.size(), 2U);
  EXPECT_EQ(diff.findings[0].change, FindingChange::came);
  EXPECT_EQ(diff.findings[0].command, "make");
  EXPECT_EQ(diff.findings[1].change, FindingChange::stays);
  EXPECT_EQ(diff.findings[1].command, "sh");
}

}  // namespace
}  // namespace mlt
