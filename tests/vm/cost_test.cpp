// What tracing costs the traced. To be run under `scripts/vm run --icount`, where a nanosecond is an instruction: times
// on a shared machine say nothing.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "program.h"
#include "report_view.h"

namespace live {

namespace {

// Processor time of the workload's work; 0: nothing to be measured here.
double cpu_ns(const Words& command) {
  constexpr int kPatience = 300;  // where an instruction takes a nanosecond, a disk takes what it takes
  const Finished finished = Program(command).finish(kPatience);
  EXPECT_EQ(finished.status, 0) << finished.err;
  const Json truth = Json::parse(finished.out, nullptr, false);
  if (!truth.is_object() || truth.contains("unsupported")) return 0;
  return truth.at("cpu_ns").get<double>();
}

// By how much the work of reclaim grows when these signals are traced, in percent. How much the kernel scans for a page
// differs from run to run, so runs with and without take turns, and the least of each are compared.
double growth(const std::string& signals) {
  constexpr int kRounds = 18;
  const Words workload = {"mlt-workload", "reclaim-fault", "--pages", "2048"};
  Words traced = {"mlocktrace", "-q", "-o", "/dev/null", "--signals", signals, "--"};
  traced.insert(traced.end(), workload.begin(), workload.end());
  double alone = std::numeric_limits<double>::max();
  double with = alone;
  for (int round = 0; round < kRounds; ++round) {
    alone = std::min(alone, cpu_ns(workload));
    with = std::min(with, cpu_ns(traced));
  }
  if (alone == 0) return 0;  // a kernel without memory cgroups
  const double percent = (with / alone - 1) * 100;
  printf("cost: %s: %.0f without, %.0f traced: %+.2f %%\n", signals.c_str(), alone, with, percent);
  return percent;
}

// The work of every fault here is to reclaim: what the programs at reclaim's functions add to it.
TEST(Cost, ReclaimUnderPressure) { EXPECT_LT(growth("reclaim,reclaim_met,page_lock"), 3); }

// Every page of this work is written to swap: what it costs to find out whose it was.
TEST(Cost, SwapOutUnderPressure) { EXPECT_LT(growth("swap_out"), 3); }

// With the entries that it gives up as it ends: one program run for each, and as many as it has pages.
TEST(Cost, AllOfSwapUnderPressure) {
  EXPECT_LT(growth("reclaim,reclaim_met,page_lock,swap_out,swap_fork,swap_free"), 6);
}

}  // namespace

}  // namespace live
