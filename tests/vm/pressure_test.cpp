// More memory than a cgroup may have: who pays, who is spared.
#include <gtest/gtest.h>

#include "memory_cgroup.h"
#include "observed.h"

namespace live {

namespace {

struct Table {
  bool of_a_cgroup = false;
  Traced traced;
};

// Each presses a cgroup of its own, and what they make the kernel count is counted in the cgroup above, too: where
// there is one, it is what is traced.
const Table& table() {
  static const Table table = [] {
    std::map<std::string, Words> commands;
    for (const char* name : {"reclaim-fault", "pressure", "lock-cull", "shm-cull"})
      commands[name] = {"mlt-workload", name};
    Words options = {"--signals",
                     "fault,cause,lock_call,page_lock,page_unlock,unevictable,reclaim,reclaim_met,swap_out"};
    Table table;
    const MemoryCgroup cgroup;
    table.of_a_cgroup = cgroup.possible();
    // Their own are made beside this one.
    const MemoryCgroup start(table.of_a_cgroup ? cgroup.path() : "");
    if (table.of_a_cgroup) {
      for (auto& [name, command] : commands) command = start.entered_by(command);
      options.insert(options.end(), {"-c", cgroup.path()});
    }
    table.traced = trace_all(commands, options);
    expect_nothing_lost(table.traced.report);
    return table;
  }();
  return table;
}

Observed of_pressure(const std::string& name) { return {table().traced, name}; }

class Pressure : public testing::TestWithParam<const char*> {};

TEST_P(Pressure, IsChargedToTheProcessThatHadToReclaim) {
  const Observed traced = of_pressure(GetParam());
  if (traced.nothing_to_see()) return;
  EXPECT_EQ(number(traced.process, "/reclaim/memcg/calls"), traced.extra("memcg_reclaims"));
  EXPECT_GE(number(traced.process, "/reclaim/memcg/reclaimed"), traced.extra("memcg_reclaimed") * 9 / 10);
  EXPECT_EQ(number(traced.process, "/reclaim/direct/calls"), 0U);
  const std::uint64_t time = number(traced.process, "/reclaim/memcg/time_ns");
  EXPECT_GT(time, 0U);
  EXPECT_GT(number(traced.process, "/reclaim/memcg/max_ns"), 0U);
  EXPECT_LE(number(traced.process, "/reclaim/memcg/max_ns"), time);
  // All of it waits inside faults, and no lock call meets the limit.
  EXPECT_EQ(number(traced.process, "/reclaim/in_fault_ns"), time);
  EXPECT_EQ(number(traced.process, "/reclaim/in_call_ns"), 0U);
  EXPECT_GT(number(traced.process, "/swap/in"), 0U);
  EXPECT_GT(number(traced.process, "/swap/out"), 0U);
  EXPECT_LE(number(traced.process, "/swap/out"), traced.vmstat("pswpout"));
  EXPECT_LE(number(traced.process, "/swap/out_by_self"), number(traced.process, "/swap/out"));
}

INSTANTIATE_TEST_SUITE_P(All, Pressure, testing::Values("reclaim-fault", "pressure", "lock-cull", "shm-cull"),
                         workload_name);

TEST(ReclaimFault, WhatIsNoFirstTouchIsASwapIn) {
  const Observed traced = of_pressure("reclaim-fault");
  if (traced.nothing_to_see()) return;
  EXPECT_EQ(number(traced.process, "/swap/in"), traced.faults() - traced.extra("pressing_pages"));
  EXPECT_EQ(number(traced.process, "/swap/in_major"), traced.major_faults());
}

TEST(LockedHalf, IsSpared) {
  const Observed traced = of_pressure("pressure");
  if (traced.nothing_to_see()) return;
  EXPECT_EQ(traced.extra("locked_present"), traced.extra("locked_pages"));
  EXPECT_EQ(number(traced.process, "/pages/mlocked"), traced.extra("locked_pages"));
  EXPECT_EQ(number(traced.process, "/pages/munlocked"), 0U);
  EXPECT_EQ(number(traced.process, "/pages/locked_not_mlocked"), 0U);
}

// Locked but not mlocked, it is still on the lists that reclaim goes through: that stops at the mapping.
TEST(LockedNotMlocked, IsMetByReclaimAndSpared) {
  const Observed traced = of_pressure("lock-cull");
  if (traced.nothing_to_see()) return;
  EXPECT_EQ(traced.extra("locked_present"), traced.extra("locked_pages"));
  // A kernel that leaves locked pages on the active list alone meets them on the other.
  const Json& active = traced.process.at("reclaim").at("met_locked_active");
  const std::uint64_t met =
      (active.is_null() ? 0 : active.get<std::uint64_t>()) + number(traced.process, "/reclaim/met_locked_inactive");
  EXPECT_GE(met, traced.extra("mlocked_after") - traced.extra("mlocked_before_pressure"));
}

TEST(ShmLocked, IsCulledByReclaim) {
  const Observed traced = of_pressure("shm-cull");
  if (traced.nothing_to_see()) return;
  // Some kernels move these pages where nothing can be hooked: then the number is missing, not wrong.
  const Json& culled = traced.process.at("pages").at("culled_by_reclaim");
  if (culled.is_null()) {
    printf("what reclaim culls can't be seen here\n");
    return;
  }
  // Reclaim puts them into a batch of its processor's, which somebody else may empty: 31 pages at most on each.
  const std::uint64_t moved = traced.extra("unevictable_after") - traced.extra("unevictable_before_pressure");
  const std::uint64_t batches = 31 * traced.report["host"]["cpus"].get<std::uint64_t>();
  EXPECT_LE(culled.get<std::uint64_t>(), moved);
  EXPECT_GE(culled.get<std::uint64_t>() + batches, moved);
}

TEST(PressureOfAll, AgreesWithTheCgroupsOwnCounts) {
  if (of_pressure("pressure").nothing_to_see() || !table().of_a_cgroup) return;
  const Json& report = table().traced.report;
  const Json faults = audit_row(report, "faults in the cgroup");
  ASSERT_TRUE(faults.is_object());
  EXPECT_EQ(faults.at("verdict"), "equal") << faults.dump();
  printf("%s\n", faults.dump().c_str());
  // Newer kernels only.
  const Json row = audit_row(report, "pages swapped out in the cgroup");
  if (!row.is_object()) return;
  printf("%s\n", row.dump().c_str());
  EXPECT_EQ(row.at("verdict"), "equal") << row.dump();
  std::uint64_t out = 0;
  for (const Json& process : report.at("processes")) {
    if (!process.at("swap").is_null()) out += number(process, "/swap/out");
  }
  EXPECT_EQ(row.at("traced"), out);
}

}  // namespace

}  // namespace live
