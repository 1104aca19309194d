// Locked pages that the kernel moves: to another node, or into a huge page.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <iterator>
#include <sstream>
#include <thread>

#include "observed.h"
#include "printed.h"

namespace live {

namespace {

constexpr const char* kMoves = "fault,lock_call,page_lock,page_unlock,unevictable,rescue";

const Traced& moves() {
  static const Traced traced = [] {
    Traced traced = trace_all({{"by self", {"mlt-workload", "move-pages", "by=self"}},
                               {"by another", {"mlt-workload", "move-pages", "by=another"}}},
                              {"--signals", std::string(kMoves) + ",acts_of_others"});
    expect_nothing_lost(traced.report);
    return traced;
  }();
  return traced;
}

class Migration : public testing::TestWithParam<const char*> {};

// A page that moves is munlocked, and its copy is mlocked: by whoever moves it, which nobody else is charged with.
TEST_P(Migration, OfLockedPagesIsChargedToWhoeverMovesThem) {
  const Observed traced(moves(), std::string("by ") + GetParam());
  if (traced.nothing_to_see()) return;
  const std::uint64_t moved = traced.extra("moved_locked");
  EXPECT_EQ(moved, 2 * traced.extra("locked_pages"));
  EXPECT_EQ(traced.extra("moved_unlocked"), moved);
  EXPECT_EQ(traced.extra("mlocked_after"), traced.extra("locked_pages"));
  const std::uint64_t own = GetParam() == std::string("self") ? moved : 0;
  EXPECT_EQ(number(traced.process, "/pages/mlocked"), own);
  EXPECT_EQ(number(traced.process, "/pages/munlocked"), own);
  EXPECT_EQ(traced.vmstat("unevictable_pgs_mlocked"), moved);
  EXPECT_EQ(number(traced.process, "/locks/locked_bytes/start"), traced.extra("locked_pages") * 4096);
  EXPECT_EQ(number(traced.process, "/locks/locked_bytes/end"), traced.extra("locked_pages") * 4096);
  EXPECT_TRUE(traced.process.at("locks").at("calls").empty());
  for (const char* row : {"pages mlocked", "pages munlocked", "pages to unevictable", "pages rescued"})
    expect_audit_holds(traced.report, row);
}

TEST_P(Migration, WhoMovesThemIsTold) {
  const Observed traced(moves(), std::string("by ") + GetParam());
  if (traced.nothing_to_see() || !measured(traced.report, "acts_of_others")) return;
  const Json& acts = traced.process.at("acts");
  ASSERT_EQ(acts.size(), 1U) << acts;
  EXPECT_EQ(acts[0].at("call"), "move_pages") << acts;
  const bool by_itself = GetParam() == std::string("self");
  EXPECT_EQ(acts[0].at("by_itself"), by_itself) << acts;
  EXPECT_EQ(acts[0].at("pid") == traced.truth.at("pid"), by_itself) << acts;
  if (by_itself) return;
  EXPECT_EQ(acts[0].at("calls"), 2) << acts;  // there and back
  EXPECT_EQ(acts[0].at("bytes"), 4 * traced.extra("locked_pages") * 4096) << acts;
}

INSTANTIATE_TEST_SUITE_P(TwoNodes, Migration, testing::Values("self", "another"),
                         [](const auto& info) { return std::string(info.param); });

// --- everything at once --------------------------------------------------------------------------------------------

// Whatever locks pages, lets go of them, and moves them, while the kernel compacts memory: not a page is counted
// otherwise than by the kernel, but for those that wait in a batch.
TEST(Soak, NoPageIsCountedOtherwiseThanByTheKernel) {
  std::atomic<bool> compacting{true};
  std::thread compaction([&] {
    while (compacting) {
      write_file("/proc/sys/vm/compact_memory", "1");
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  });
  const std::vector<std::string> workloads = {
      "lock-touched", "lock-twice",   "lock-alternate",  "munmap-locked",   "fork-cow-locked", "fork-gone-locked",
      "thp-lock",     "thp-fork-cow", "thp-unlock-half", "truncate-locked", "shared-lock",     "shm-lock-stays",
      "shm-unlock",   "ksm",          "ksm-unmerge",     "swap-lock",       "move-pages",      "move-pages by=another",
      "migration"};
  Words words = {"mlocktrace", "-q", "--json", "--follow", "--signals", std::string(kMoves) + ",swap_out", "--"};
  std::ranges::copy(one_after_another(workloads), std::back_inserter(words));
  const Finished finished = run(words);
  compacting = false;
  compaction.join();
  ASSERT_EQ(finished.status, 0) << finished.err;
  // What they say of their faults goes wrong where a page is on the move: it is not asked for here.
  std::istringstream lines(finished.out);
  std::size_t done = 0;
  for (std::string line; std::getline(lines, line);) done += line.starts_with("{\"workload\"") ? 1 : 0;
  EXPECT_EQ(done, workloads.size());
  const Json report = printed_report(finished.out);
  expect_nothing_lost(report);
  for (const char* row :
       {"pages mlocked", "pages munlocked", "pages to unevictable", "pages rescued", "pages swapped out"})
    expect_audit_holds(report, row);
}

// --- khugepaged ----------------------------------------------------------------------------------------------------

// khugepaged copies small pages that are mlocked into a huge one. It munlocks them while they wait to be put back: the
// kernel calls them stranded, and rescues them when they are.
TEST(Collapse, OfMlockedPagesIsSeen) {
  const std::string khugepaged = "/sys/kernel/mm/transparent_hugepage/khugepaged/";
  if (!std::filesystem::exists(khugepaged)) {
    printf("no khugepaged\n");
    return;
  }
  // It takes its time: not for nothing.
  const Finished tried = run({"mlocktrace", "-q", "--json", "--signals", "fault", "--", "true"});
  if (!sees_everything(parse_report(tried.out))) {
    printf("functions can't be hooked\n");
    return;
  }
  const auto collapsed = [] {
    const std::string vmstat = read_file("/proc/vmstat");
    const std::string name = "thp_collapse_alloc ";
    return std::stoul(vmstat.substr(vmstat.find(name) + name.size()));
  };
  const std::string pause = read_file(khugepaged + "scan_sleep_millisecs");
  const std::string at_once = read_file(khugepaged + "pages_to_scan");
  const std::uint64_t before = collapsed();
  const auto meanwhile = [&](const Traced& traced) {
    if (traced.rows.at("thp-fork-cow").truth.contains("unsupported")) return;
    // Not while the tracer reads the counters, at its end.
    write_file(khugepaged + "pages_to_scan", "4096");
    write_file(khugepaged + "scan_sleep_millisecs", "200");
    for (int i = 0; i < 600 && collapsed() < before + 4; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    write_file(khugepaged + "scan_sleep_millisecs", pause);
    write_file(khugepaged + "pages_to_scan", at_once);
    std::this_thread::sleep_for(std::chrono::seconds(2));
  };
  const Traced all = trace_all({{"thp-fork-cow", {"mlt-workload", "thp-fork-cow"}}}, {"--signals", kMoves}, meanwhile);
  const Observed traced(all, "thp-fork-cow");
  expect_nothing_lost(traced.report);
  if (traced.nothing_to_see()) return;
  EXPECT_GT(collapsed(), before);
  for (const char* row : {"pages mlocked", "pages munlocked", "pages to unevictable", "pages rescued"})
    expect_audit_holds(traced.report, row);
}

}  // namespace

}  // namespace live
