// What the kernel's memory controller counts and limits.
#include <gtest/gtest.h>

#include <chrono>

#include "memory_cgroup.h"
#include "observed.h"

namespace live {

namespace {

void expect_equal(const Json& report, const std::string& name, std::uint64_t traced) {
  const Json row = audit_row(report, name);
  ASSERT_TRUE(row.is_object()) << "no audit of " << name << " in " << report.at("coverage").at("audit").dump();
  EXPECT_EQ(row.at("verdict"), "equal") << row.dump();
  EXPECT_EQ(row.at("traced"), traced) << row.dump();
}

// The kernel has the same number, and it is this one: each target is alone in the cgroup, so each has its tracer.
TEST(CgroupAudit, FaultsAndWhatIsResidentOfATargetThatIsAlone) {
  const MemoryCgroup cgroup;
  if (!cgroup.possible()) return;
  for (const bool by_pid : {true, false}) {
    // What is resident is asked of one process, by what page_lock and page_unlock see.
    const Words options = by_pid ? Words{"--signals", "fault,page_lock,page_unlock,swap_out"}
                                 : Words{"--signals", "fault,swap_out", "-c", cgroup.path()};
    const Traced all = trace_all({{"alone", cgroup.entered_by({"mlt-workload", "lock-untouched"})}}, options);
    const Observed traced(all, "alone");
    if (traced.nothing_to_see()) return;
    expect_equal(traced.report, "faults in the cgroup", traced.faults());
    if (cgroup.counts("pswpout")) expect_equal(traced.report, "pages swapped out in the cgroup", 0);
    const std::uint64_t locked_kb = traced.truth["locked_kb"]["after"];
    if (by_pid) {
      expect_equal(traced.report, "locked resident bytes of " + traced.truth["pid"].dump(), locked_kb * 1024);
    }
  }
}

TEST(CgroupAudit, IsNotToBeHadWithOthersInTheCgroup) {
  const MemoryCgroup cgroup;
  if (!cgroup.possible()) return;
  Program target({"mlt-workload", "idle", "--seconds", "600"});
  Program other({"mlt-workload", "idle", "--seconds", "600"});
  cgroup.enter(target.pid());
  cgroup.enter(other.pid());
  const Finished finished =
      run({"mlocktrace", "-q", "--json", "-d", "100ms", "--signals", "fault", "-p", std::to_string(target.pid())});
  ASSERT_EQ(finished.status, 0) << finished.err;
  const Json report = parse_report(finished.out);
  if (!sees_everything(report)) {
    printf("functions can't be hooked\n");
    return;
  }
  const Json row = audit_row(report, "faults in the cgroup");
  ASSERT_TRUE(row.is_object());
  EXPECT_EQ(row.at("verdict"), "unavailable");
  EXPECT_EQ(row.at("why"), "other processes are in the cgroup, too");
}

// What is locked can't be reclaimed: the kernel lets the process sleep instead.
TEST(MemoryHigh, SlowsDownWhoLocksMore) {
  const MemoryCgroup cgroup;
  if (!cgroup.possible()) return;
  constexpr std::uint64_t kHigh = 1024 * 4096;
  cgroup.set_high(kHigh);
  Program workload({"mlt-workload", "lock-untouched", "--hold", "--pages", "1100"});
  ASSERT_TRUE(workload.read_line().starts_with("ready"));
  cgroup.enter(workload.pid());
  Program tracer(
      {"mlocktrace", "--json", "--signals", "fault,reclaim,memory_high", "-p", std::to_string(workload.pid())});
  ASSERT_TRUE(tracer.wait_for_stderr("tracing")) << tracer.stderr_so_far();
  const std::uint64_t before = cgroup.exceeded_high();
  const auto start = std::chrono::steady_clock::now();
  workload.send("g");
  workload.read_line();
  const std::uint64_t at_least = cgroup.exceeded_high() - before;
  tracer.signal(SIGINT);
  const Finished finished = tracer.finish();
  const auto window_ns = static_cast<std::uint64_t>((std::chrono::steady_clock::now() - start).count());
  const std::uint64_t at_most = cgroup.exceeded_high() - before;
  workload.send("g");
  workload.finish();
  ASSERT_EQ(finished.status, 0) << finished.err;
  const Json report = parse_report(finished.out);
  const Json& limits = report.at("system").at("memory_high");
  ASSERT_EQ(limits.size(), 1U) << limits;
  printf("%s\n", limits.dump().c_str());
  EXPECT_TRUE(cgroup.path().ends_with(limits[0].at("cgroup").get<std::string>())) << limits;
  EXPECT_EQ(limits[0].at("limit_bytes"), kHigh);
  ASSERT_GT(at_least, 0U);
  EXPECT_GE(limits[0].at("exceeded"), at_least);
  EXPECT_LE(limits[0].at("exceeded"), at_most);
  const Json* finding = find_finding(report, "memory-high-exceeded");
  ASSERT_NE(finding, nullptr);
  EXPECT_EQ(finding->at("evidence").at("times"), limits[0].at("exceeded"));
  // It slept in its faults, or on the way back from the call.
  const Json& waits = report.at("processes").at(0).at("waits");
  printf("%s\n", waits.dump().c_str());
  const std::uint64_t slept_ns = number(waits, "/memory_high/time_ns") + number(waits, "/after_memory_high/time_ns");
  EXPECT_GT(slept_ns, 0U);
  EXPECT_LE(slept_ns, window_ns);
  EXPECT_NE(find_finding(report, "memory-high-sleep"), nullptr);
  if (limits[0].at("stalled_ns").is_null()) {
    printf("a kernel without PSI\n");
    return;
  }
  EXPECT_GT(limits[0].at("stalled_ns"), 0U);
  EXPECT_LE(limits[0].at("stalled_ns"), window_ns);
}

}  // namespace

}  // namespace live
