#include "analysis/audit_cgroup.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "analysis/trace.h"

namespace mlt {
namespace {

using fixtures::capable;
using fixtures::class_id;
using fixtures::faults;
using fixtures::process;
using fixtures::snapshot;
using fixtures::Trace;
using fixtures::without_kinds;

/// Process 42, which faulted `traced` times, alone in a cgroup whose pgfault went from 1000 to 1000 + `kernel`.
class CgroupAudit : public testing::Test {
 protected:
  void alone(std::uint64_t traced, std::int64_t kernel) {
    trace.data.target = {.kind = "pid", .pids = {42}, .text = "", .follow = false};
    ProcessCounts& counts = trace.add(process(1, 42));
    counts.by_class[class_id(MLT_ORIGIN_ACCESS, MLT_UNLOCKED)] = faults(traced);
    trace.data.views[42].start = trace.data.views[42].end = in_cgroup("/job");
    CgroupViews& cgroup = trace.data.cgroup.emplace();
    cgroup.path = "/job";
    cgroup.members_start = cgroup.members_end = {42};
    set("pgfault", 1000, 1000 + kernel);
  }
  void set(const std::string& name, std::int64_t start, std::int64_t end) {
    CgroupViews& cgroup = *trace.data.cgroup;
    for (auto* bracket : {&cgroup.gate_open, &cgroup.complete, &cgroup.gate_close}) {
      for (auto* stat : {&bracket->before, &bracket->after}) {
        if (!*stat) stat->emplace();
        (**stat)[name] = bracket == &cgroup.gate_close ? end : start;
      }
    }
  }
  static ProcessSnapshot in_cgroup(const std::string& path) {
    ProcessSnapshot view = snapshot(0);
    view.cgroup = path;
    return view;
  }
  FaultTotals& totals(mlt_origin origin = MLT_ORIGIN_ACCESS) {
    return trace.data.counts.processes.front().by_class[class_id(origin, MLT_UNLOCKED)];
  }
  [[nodiscard]] std::optional<AuditCheck> find(const std::string& name) const {
    const auto checks = cgroup_audit(trace.data);
    const auto found = std::ranges::find(checks, name, &AuditCheck::check);
    return found == checks.end() ? std::nullopt : std::optional(*found);
  }
  [[nodiscard]] AuditCheck check(const std::string& name = "faults in the cgroup") const {
    auto found = find(name);
    if (found) return *found;
    ADD_FAILURE() << "no check '" << name << "'";
    return {};
  }
  void expect_unavailable(const std::string& why) const {
    const auto checks = cgroup_audit(trace.data);
    ASSERT_EQ(checks.size(), 1U);
    EXPECT_EQ(checks.front().check, "faults in the cgroup");
    EXPECT_EQ(checks.front().verdict, Verdict::unavailable);
    EXPECT_EQ(checks.front().kernel, std::nullopt);
    EXPECT_EQ(checks.front().why, why);
  }

  Trace trace;
};

TEST_F(CgroupAudit, Equal) {
  alone(500, 500);
  EXPECT_EQ(check().verdict, Verdict::equal);
  EXPECT_EQ(check().why, "");
  EXPECT_EQ(check().traced, 500U);
  EXPECT_EQ(check().kernel, 500U);
  EXPECT_EQ(check().source, "memory.stat pgfault of /job");
}

// Two processors, 128 each.
TEST_F(CgroupAudit, TheKernelAddsUpLate) {
  alone(5000, 5000 - 256);
  EXPECT_EQ(check().verdict, Verdict::equal);
  EXPECT_EQ(check().why, "within 256: the kernel adds up a cgroup's counters late, 128 a processor");
  for (const std::int64_t kernel : {5000 - 257, 5000 + 257}) {
    set("pgfault", 1000, 1000 + kernel);
    EXPECT_EQ(check().verdict, Verdict::differs) << kernel;
    EXPECT_EQ(check().why, "the kernel counts others, or not all was seen");
  }
}

TEST_F(CgroupAudit, WhatCameWhileTheCountersWereRead) {
  alone(5300, 5000);
  trace.data.cgroup->gate_open.before->at("pgfault") = 800;
  trace.data.cgroup->gate_close.after->at("pgfault") += 100;
  EXPECT_EQ(check().kernel, 5000U);
  EXPECT_EQ(check().slack, 300U);
  EXPECT_EQ(check().verdict, Verdict::equal);
  EXPECT_EQ(check().why, "within 300 that came while the counters were read");
}

TEST_F(CgroupAudit, FaultsThatFailCountAndThoseTriedAgainMay) {
  alone(5000, 6500);
  totals().errors = 500;
  totals().retries = 1000;
  EXPECT_EQ(check().traced, 5500U);
  EXPECT_EQ(check().verdict, Verdict::equal);
  EXPECT_EQ(check().why,
            "within 256: the kernel adds up a cgroup's counters late, 128 a processor; 1000 were tried again, which is "
            "counted again");
  set("pgfault", 1000, 1000 + 5500);
  EXPECT_EQ(check().why, "");
}

TEST_F(CgroupAudit, FaultsInMemoryOfOthersMayCountElsewhere) {
  alone(5000, 5000);
  totals(MLT_ORIGIN_REMOTE).minor = 1000;
  EXPECT_EQ(check().traced, 6000U);
  EXPECT_EQ(check().verdict, Verdict::equal);
  EXPECT_EQ(check().why,
            "within 256: the kernel adds up a cgroup's counters late, 128 a processor; 1000 were in memory of other "
            "processes");
}

TEST_F(CgroupAudit, WhatTheKernelDoesNotCountIsNoRow) {
  alone(5000, 5000);
  trace.data.counts.processes.front().proc.swap_out = 300;
  EXPECT_EQ(find("pages swapped out in the cgroup"), std::nullopt);
  set("pswpout", 0, 300);
  EXPECT_EQ(check("pages swapped out in the cgroup").verdict, Verdict::equal);
  EXPECT_EQ(check("pages swapped out in the cgroup").source, "memory.stat pswpout of /job");
}

TEST_F(CgroupAudit, SwappedOutToWhereTheKernelCountsIt) {
  alone(5000, 5000);
  trace.data.counts.processes.front().proc.swap_out = 3000;
  set("pswpout", 0, 1000);
  set("swpout_zero", 10, 1510);
  set("zswpout", 0, 700);
  set("zswpwb", 5, 205);
  const AuditCheck sum = check("pages swapped out in the cgroup");
  EXPECT_EQ(sum.kernel, 3000U);
  EXPECT_EQ(sum.verdict, Verdict::equal);
  EXPECT_EQ(sum.why, "");
  EXPECT_EQ(sum.source, "memory.stat pswpout swpout_zero zswpout (without zswpwb) of /job");
}

TEST_F(CgroupAudit, NotWithOthersInTheCgroup) {
  alone(500, 500);
  trace.data.cgroup->members_end = {42, 43};
  expect_unavailable("other processes are in the cgroup, too");
  // Unless they are traced.
  trace.add(process(2, 43));
  EXPECT_EQ(check().verdict, Verdict::equal);
  // Or the cgroup was asked for.
  trace.data.cgroup->members_end = {42, 44};
  trace.data.target.kind = "cgroup";
  EXPECT_EQ(check().verdict, Verdict::equal);
}

TEST_F(CgroupAudit, NotWithoutACgroupThatCounts) {
  alone(500, 500);
  trace.data.cgroup->gate_open.before->clear();
  expect_unavailable("no memory.stat: the cgroup is not of version 2, or has no memory controller");
  set("pgfault", 1000, 1500);
  trace.data.cgroup->gate_close.after->clear();
  expect_unavailable("the cgroup was removed");
  trace.data.cgroup.reset();
  EXPECT_TRUE(cgroup_audit(trace.data).empty());
}

TEST_F(CgroupAudit, NotOfAThread) {
  alone(500, 500);
  trace.data.target.kind = "tid";
  expect_unavailable("only one thread is traced");
}

TEST_F(CgroupAudit, NotWhenTheTargetMoves) {
  alone(500, 500);
  trace.data.views[42].end = in_cgroup("/job2");
  expect_unavailable("not all that is traced was in one cgroup");
  trace.data.views[42].end = in_cgroup("/job/part");
  EXPECT_EQ(check().verdict, Verdict::equal);
}

TEST_F(CgroupAudit, NotWithChildrenThatAreNotTraced) {
  alone(500, 500);
  mlt_event_process fork{};
  fork.head.kind = MLT_EVENT_FORK;
  trace.data.events[1].add(fork.head);
  expect_unavailable("it has children, which are not traced: --follow");
  trace.data.target.follow = true;
  EXPECT_EQ(check().verdict, Verdict::equal);
}

TEST_F(CgroupAudit, NotWhereFaultsAreSeenInPart) {
  const Trace partial(without_kinds(capable(), {"fentry", "kprobe"}));
  alone(500, 500);
  trace.data.plan = &partial.plan;
  EXPECT_TRUE(cgroup_audit(trace.data).empty());
}

}  // namespace
}  // namespace mlt
