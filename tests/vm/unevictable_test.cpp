// Pages that stay in memory: for whom, and why.
#include <gtest/gtest.h>

#include <map>

#include "truth.h"
#include "workload_runs.h"

namespace live {

namespace {

class SharedLock : public testing::TestWithParam<const char*> {};

TEST_P(SharedLock, PagesStayLockedElsewhereAndByWhom) {
  const Observed traced = of_workload_runs(std::string("shared-lock ") + GetParam());
  if (traced.nothing_to_see()) return;
  // The kernel forgets how often a page is locked while the page waits in a batch, and unlocks it for all then
  // (Documentation/mm/unevictable-lru.rst): what counts is what it has done.
  EXPECT_LE(traced.extra("mlocked_after"), traced.extra("still_locked_pages"));
  EXPECT_EQ(number(traced.process, "/pages/still_locked_elsewhere"), traced.extra("mlocked_after"));
  std::map<std::uint64_t, std::uint64_t> expected{{traced.extra("other_pid"), traced.extra("held_by_other")}};
  if (traced.truth["extra"].contains("second_pid"))
    expected[traced.extra("second_pid")] = traced.extra("held_by_second");
  std::map<std::uint64_t, std::uint64_t> holders;
  for (const Json& holder : traced.process.at("pages").at("still_locked_by")) {
    ASSERT_TRUE(holder.at("pid").is_number()) << traced.process.at("pages").dump();
    EXPECT_EQ(holder.at("comm"), "mlt-workload");
    holders[holder.at("pid")] = holder.at("pages");
  }
  EXPECT_EQ(holders, expected);
  expect_audit_holds(traced.report);
}

INSTANTIATE_TEST_SUITE_P(All, SharedLock, testing::Values("memory", "file", "anonymous", "halves", "self"),
                         [](const auto& info) { return std::string(info.param); });

std::uint64_t culled_so_far() {
  const std::string vmstat = read_file("/proc/vmstat");
  const std::string name = "unevictable_pgs_culled ";
  return std::stoull(vmstat.substr(vmstat.find(name) + name.size()));
}

class WithoutMlock : public testing::TestWithParam<const char*> {};

// Of whoever isn't traced there is but the sum: so each of them has a tracer of its own, and is alone while it runs.
TEST_P(WithoutMlock, UnevictablePagesOfOthersAreToldApart) {
  Json truth;
  const auto meanwhile = [&](const Traced&) {
    const std::string out = run({"mlt-workload", GetParam()}).out;
    truth = read_truth(out.substr(0, out.find('\n')));
  };
  const std::uint64_t before = culled_so_far();
  const Json report = trace_all({{"idle", {"mlt-workload", "idle", "--seconds", "0.01"}}},
                                {"--signals", "fault,page_lock,unevictable"}, meanwhile)
                          .report;
  ASSERT_TRUE(truth.is_object());
  if (truth.contains("unsupported") || !sees_everything(report)) {
    printf("nothing to see: %s\n", truth.dump().c_str());
    return;
  }
  expect_nothing_lost(report);
  const std::uint64_t unlocked = number(report, "/system/unevictable_without_mlock");
  // The kernel's own count ends with the work, when some pages may still be in a batch.
  EXPECT_GE(unlocked, number(truth, "/vmstat/unevictable_pgs_culled"));
  // Nobody else has such pages; but for a machine with other things to do.
  EXPECT_LE(unlocked, std::max(number(truth, "/extra/unevictable_pages"), culled_so_far() - before));
  EXPECT_LE(unlocked, number(report, "/system/other_unevictable_pages"));
}

INSTANTIATE_TEST_SUITE_P(All, WithoutMlock, testing::Values("shm-lock", "ramfs", "secretmem"), workload_name);

// The pages go back at once, in the call: no munlock, and no batch, is involved.
TEST(ShmUnlock, RescuesThePagesForTheCaller) {
  const Observed traced = of_workload_runs("shm-unlock");
  if (traced.nothing_to_see()) return;
  // What still waited in a batch when the pages were looked at is on the list by then, or never gets there.
  const std::uint64_t rescued = number(traced.process, "/pages/rescued");
  // An earlier program may have left pages in a batch that is emptied meanwhile: the audit compares the sum.
  EXPECT_LE(rescued, traced.vmstat("unevictable_pgs_rescued"));
  EXPECT_EQ(traced.extra("unevictable_after"), 0U);
  EXPECT_GE(rescued, traced.extra("unevictable_before"));
  EXPECT_LE(rescued, traced.truth["pages"].get<std::uint64_t>());
  EXPECT_GT(rescued, 0U);
  EXPECT_EQ(number(traced.process, "/pages/munlocked"), 0U);
  expect_audit_holds(traced.report, "pages rescued");
}

// munlock asks whether the page can be reclaimed now, and SHM_LOCK still says no.
TEST(ShmUnlock, MunlockRescuesNothingThatShmLockHolds) {
  const Observed stays = of_workload_runs("shm-lock-stays");
  const Observed unlocked = of_workload_runs("shm-lock-stays unlock");
  if (stays.nothing_to_see() || unlocked.nothing_to_see()) return;
  const std::uint64_t pages = stays.truth["pages"].get<std::uint64_t>();
  EXPECT_GT(stays.extra("unevictable_after"), 0U);
  EXPECT_EQ(number(stays.process, "/pages/munlocked"), pages);
  EXPECT_EQ(number(stays.process, "/pages/rescued"), 0U);
  EXPECT_EQ(number(stays.process, "/pages/to_unevictable"), 0U);
  // Once, and not for the munlock as well. What waits in a batch of munlock is rescued when that is flushed.
  const std::uint64_t rescued = number(unlocked.process, "/pages/rescued");
  EXPECT_GE(rescued + unlocked.extra("unevictable_after"), pages);
  EXPECT_LE(rescued, pages);
  EXPECT_EQ(number(unlocked.process, "/pages/munlocked"), pages);
  expect_audit_holds(stays.report, "pages rescued");
  expect_audit_holds(stays.report, "pages to unevictable");
}

// --- huge pages that are locked in part -----------------------------------------------------------------------------

class LockedInPart : public testing::TestWithParam<const char*> {};

TEST_P(LockedInPart, IsNotMlockedAndSaidSo) {
  const Observed traced = of_workload_runs(GetParam());
  if (traced.nothing_to_see()) return;
  const std::uint64_t locked = traced.extra("locked_pages");
  const std::uint64_t not_mlocked = traced.extra("locked_in_part") - traced.extra("mlocked_in_part");
  EXPECT_EQ(number(traced.process, "/locks/locked_bytes/end"), locked * 4096);
  EXPECT_EQ(number(traced.process, "/pages/locked_not_mlocked"), not_mlocked);
  expect_audit_holds(traced.report);
  if (not_mlocked == 0) return;
  const Json row =
      audit_row(traced.report, "locked resident bytes of " + std::to_string(traced.process["pid"].get<int>()));
  ASSERT_TRUE(row.is_object());
  EXPECT_EQ(row.at("kernel"), locked * 4096);
  EXPECT_EQ(row.at("verdict"), "unavailable");
  EXPECT_EQ(row.at("why"), std::to_string(not_mlocked) +
                               " pages are of huge pages that are locked in part, which the kernel does not mlock");
}

INSTANTIATE_TEST_SUITE_P(All, LockedInPart, testing::Values("thp-lock-middle", "thp-straddle", "thp-unlock-half"),
                         workload_name);

}  // namespace

}  // namespace live
