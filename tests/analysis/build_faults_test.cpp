// The part of the report that counts faults.
#include <gtest/gtest.h>

#include <algorithm>

#include "analysis/trace.h"

namespace mlt {
namespace {

using fixtures::capable;
using fixtures::class_id;
using fixtures::faults;
using fixtures::only_process;
using fixtures::process;
using fixtures::Trace;
using fixtures::without_kinds;

TEST(BuildFaults, ByOriginIsTheSumOfItsClasses) {
  Trace trace;
  ProcessCounts& counts = trace.add(process(1, 42));
  counts.by_class[class_id(MLT_ORIGIN_ACCESS, MLT_UNLOCKED)] = faults(10, 1);
  counts.by_class[class_id(MLT_ORIGIN_ACCESS, MLT_LOCKED)] = faults(20, 2);
  counts.by_class[class_id(MLT_ORIGIN_POPULATE, MLT_LOCKED_ON_FAULT)] = faults(5);
  const Faults built = only_process(trace).faults;
  ASSERT_TRUE(built.by_origin[MLT_ORIGIN_ACCESS] && built.by_origin[MLT_ORIGIN_POPULATE]);
  EXPECT_EQ(built.by_origin[MLT_ORIGIN_ACCESS]->minor, 30U);
  EXPECT_EQ(built.by_origin[MLT_ORIGIN_ACCESS]->major, 3U);
  EXPECT_EQ(built.by_origin[MLT_ORIGIN_ACCESS]->latency.count(), 33U);
  EXPECT_EQ(built.by_origin[MLT_ORIGIN_POPULATE]->minor, 5U);
  // Seen to be none, not unknown.
  ASSERT_TRUE(built.by_origin[MLT_ORIGIN_REMOTE]);
  EXPECT_EQ(built.by_origin[MLT_ORIGIN_REMOTE]->completed(), 0U);
}

TEST(BuildFaults, ClassNumbersAreTakenApart) {
  Trace trace;
  ProcessCounts& counts = trace.add(process(1, 42));
  std::vector<FaultClass> expected;
  for (int origin = 0; origin < MLT_ORIGIN_NR; ++origin) {
    for (int locked = 0; locked < MLT_LOCK_STATE_NR; ++locked) {
      for (int cause = 0; cause < MLT_CAUSE_NR; ++cause) {
        const FaultClass fault_class{static_cast<mlt_origin>(origin), static_cast<mlt_lock_state>(locked),
                                     static_cast<mlt_cause>(cause)};
        expected.push_back(fault_class);
        counts.by_class[class_id(fault_class.origin, fault_class.locked, fault_class.cause)] = faults(1);
      }
    }
  }
  std::vector<FaultClass> built;
  for (const ClassFaults& of_class : only_process(trace).faults.by_class) built.push_back(of_class.fault_class);
  std::ranges::sort(built);
  EXPECT_EQ(built, expected);
}

TEST(BuildFaults, ClassesByTimeAndThreadsByCount) {
  Trace trace;
  ProcessCounts& counts = trace.add(process(1, 42));
  counts.by_class[class_id(MLT_ORIGIN_ACCESS, MLT_UNLOCKED)] = faults(100, 0, 10);
  counts.by_class[class_id(MLT_ORIGIN_REMOTE, MLT_UNLOCKED)] = faults(2, 0, 5000);
  counts.by_thread[1] = faults(3);
  counts.by_thread[2] = faults(1, 8);
  counts.by_thread[3] = faults(5);
  const Faults built = only_process(trace).faults;
  ASSERT_EQ(built.by_class.size(), 2U);
  EXPECT_EQ(built.by_class[0].fault_class.origin, MLT_ORIGIN_REMOTE);
  std::vector<std::uint32_t> tids;
  for (const ThreadFaults& thread : built.by_thread) tids.push_back(thread.tid);
  EXPECT_EQ(tids, (std::vector<std::uint32_t>{2, 3, 1}));
}

TEST(BuildFaults, SoftwareEventsSeeHardwareFaultsOnly) {
  Trace trace(without_kinds(capable(), {"fentry", "kprobe"}));
  trace.add(process(1, 42));
  const Faults built = only_process(trace).faults;
  EXPECT_TRUE(built.by_origin[MLT_ORIGIN_ACCESS]);
  EXPECT_TRUE(built.by_origin[MLT_ORIGIN_KERNEL]);
  EXPECT_FALSE(built.by_origin[MLT_ORIGIN_POPULATE]);
  EXPECT_FALSE(built.by_origin[MLT_ORIGIN_REMOTE]);
}

TEST(BuildFaults, NothingIsKnownWithoutTheSignal) {
  Trace trace(capable(), "lock_call");
  trace.add(process(1, 42));
  for (const auto& totals : only_process(trace).faults.by_origin) EXPECT_FALSE(totals);
}

}  // namespace
}  // namespace mlt
