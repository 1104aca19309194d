#include "analysis/audit_resident.h"

#include <gtest/gtest.h>

#include "analysis/trace.h"

namespace mlt {
namespace {

using fixtures::class_id;
using fixtures::faults;
using fixtures::process;
using fixtures::snapshot;
using fixtures::Trace;

constexpr std::uint64_t kPage = 4096;

/// Process 42 had 10 pages resident in locked mappings, mlocked 50 more and munlocked 20.
class ResidentAudit : public testing::Test {
 protected:
  ResidentAudit() {
    mlt_proc& proc = trace.add(process(1, 42)).proc;
    proc.mlocked = 50;
    proc.munlocked = 20;
    views().start = snapshot(0);
    views().resident_complete = {pages(10), pages(10)};
    close(40);
  }
  static LockedResident pages(std::uint64_t locked) { return {locked * kPage, locked * kPage}; }
  void close(std::uint64_t locked) { views().resident_close = {pages(locked), pages(locked)}; }
  void huge_mappings_split(std::int64_t splits) {
    trace.data.vmstat_start["thp_split_pmd"] = 7;
    trace.data.vmstat_end["thp_split_pmd"] = 7 + splits;
  }
  ProcessViews& views() { return trace.data.views[42]; }
  ProcessCounts& counts() { return trace.data.counts.processes.front(); }
  [[nodiscard]] std::optional<AuditCheck> find() const {
    return resident_check(trace.data.counts.processes.front(), trace.data);
  }
  [[nodiscard]] AuditCheck check() const {
    auto found = find();
    if (found) return *found;
    ADD_FAILURE() << "no check";
    return {};
  }

  Trace trace;
};

TEST_F(ResidentAudit, Equal) {
  EXPECT_EQ(check().check, "locked resident bytes of 42");
  EXPECT_EQ(check().source, "/proc/42/smaps Locked");
  EXPECT_EQ(check().verdict, Verdict::equal);
  EXPECT_EQ(check().why, "");
  EXPECT_EQ(check().traced, 40 * kPage);
  EXPECT_EQ(check().kernel, 40 * kPage);
}

TEST_F(ResidentAudit, OnePageDiffers) {
  for (const std::uint64_t locked : {39U, 41U}) {
    close(locked);
    EXPECT_EQ(check().verdict, Verdict::differs) << locked;
    EXPECT_EQ(check().why, "pages of its locked mappings are not mlocked, or mlocked pages are elsewhere");
  }
}

TEST_F(ResidentAudit, WhatCameWhileTheMappingsWereWalked) {
  views().resident_complete = {pages(8), pages(10)};
  views().resident_close = {pages(37), pages(38)};
  EXPECT_EQ(check().verdict, Verdict::equal);
  EXPECT_EQ(check().why, "within 12288 that came while the counters were read");
  EXPECT_EQ(check().kernel, 37 * kPage);
  EXPECT_EQ(check().slack, 3 * kPage);
}

TEST_F(ResidentAudit, ABornProcessBeganWithNothing) {
  views().start.reset();
  views().resident_complete = {};
  close(30);
  EXPECT_EQ(check().verdict, Verdict::equal);
}

TEST_F(ResidentAudit, LockedButNotMlockedIsResidentToo) {
  counts().proc.locked_not_mlocked = 100;
  close(140);
  EXPECT_EQ(check().verdict, Verdict::equal);
  // Reclaim mlocked some of them.
  counts().proc.culled = 30;
  counts().proc.mlocked += 30;
  EXPECT_EQ(check().verdict, Verdict::equal);
  close(120);
  EXPECT_EQ(check().verdict, Verdict::unavailable);
  EXPECT_EQ(check().why, "pages that are locked but not mlocked are not seen to go");
}

TEST_F(ResidentAudit, OfSharedPagesTheKernelCountsAShare) {
  close(35);
  views().resident_close.after->resident = 40 * kPage;
  EXPECT_EQ(check().verdict, Verdict::unavailable);
  EXPECT_EQ(check().why, "of a page that others map, too, the kernel counts a share");
}

TEST_F(ResidentAudit, HugePagesThatAreLockedInPart) {
  huge_mappings_split(1);
  close(40 + 511);
  EXPECT_EQ(check().verdict, Verdict::unavailable);
  EXPECT_EQ(check().why, "511 pages are of huge pages that are locked in part, which the kernel does not mlock");
  // More than one split can explain.
  close(40 + 512);
  EXPECT_EQ(check().verdict, Verdict::differs);
  // Fewer than were mlocked.
  close(39);
  EXPECT_EQ(check().verdict, Verdict::differs);
}

// A kernel up to 5.17; one fault maps sixteen pages at most.
TEST_F(ResidentAudit, PagesOfFilesThatFaultsBrought) {
  const Trace old(fixtures::without_functions(fixtures::capable(), {"mlock_folio"}), "page_lock,page_unlock");
  ASSERT_TRUE(old.plan.mlocks_after_populate());
  counts().by_class[class_id(MLT_ORIGIN_ACCESS, MLT_LOCKED, MLT_CAUSE_FILE_MAP)] = faults(2);
  close(40 + 32);
  EXPECT_EQ(check().verdict, Verdict::differs);
  trace.data.plan = &old.plan;
  EXPECT_EQ(check().verdict, Verdict::unavailable);
  EXPECT_EQ(check().why, "pages of files that faults brought are mlocked by reclaim only, when it meets them");
  close(40 + 33);
  EXPECT_EQ(check().verdict, Verdict::differs);
  close(39);
  EXPECT_EQ(check().verdict, Verdict::differs);
  // Populate mlocks what it brings, and nobody what is not locked.
  counts().by_class.clear();
  counts().by_class[class_id(MLT_ORIGIN_POPULATE, MLT_LOCKED, MLT_CAUSE_FILE_MAP)] = faults(2);
  counts().by_class[class_id(MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_FILE_MAP)] = faults(2);
  close(40 + 32);
  EXPECT_EQ(check().verdict, Verdict::differs);
}

TEST_F(ResidentAudit, NoRowWhereThereIsNothingToCompare) {
  views().resident_close.after.reset();
  EXPECT_FALSE(find());
  close(40);
  counts().proc.exit_ns = 1;
  EXPECT_FALSE(find());
  counts().proc.exit_ns = 0;
  views().resident_complete.before.reset();
  EXPECT_FALSE(find());
  views().resident_complete = {LockedResident{}, LockedResident{}};
  counts().proc.mlocked = counts().proc.munlocked = 0;
  close(0);
  EXPECT_FALSE(find());
}

TEST_F(ResidentAudit, NotWithoutTheSignals) {
  const Trace without(fixtures::capable(), "fault");
  trace.data.plan = &without.plan;
  EXPECT_FALSE(find());
}

}  // namespace
}  // namespace mlt
