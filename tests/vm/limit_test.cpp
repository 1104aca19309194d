// What RLIMIT_MEMLOCK refuses to others than the lock family, as the workloads know it. Of the runs of all workloads.
#include <gtest/gtest.h>

#include <string>

#include "observed.h"
#include "workload_runs.h"

namespace live {

namespace {

class LimitOfOthers : public testing::Test {
 protected:
  // Whether this kernel has what the workload needs, and mlocktrace sees that kind.
  static bool is_seen(const Observed& seen, const char* kind) {
    if (seen.nothing_to_see() || !measured(seen.report, "limit_of_others")) return false;
    for (const Json& signal : seen.report.at("coverage").at("signals")) {
      if (signal.at("name") != "limit_of_others" || signal.at("limits").is_null()) continue;
      const std::string limits = signal.at("limits");
      if (limits.find("of " + std::string(kind)) == std::string::npos &&
          limits.find("and " + std::string(kind)) == std::string::npos)
        continue;
      printf("%s\n", limits.c_str());
      return false;
    }
    return true;
  }

  // The only row, and that there is a finding of its figures.
  static Json refused(const Observed& seen, const char* kind, const char* error) {
    const Json& rows = seen.process.at("locks").at("limit_refusals");
    EXPECT_EQ(rows.size(), 1U) << rows;
    if (rows.size() != 1) return {};
    const Json& row = rows[0];
    printf("%s\n", row.dump().c_str());
    EXPECT_EQ(row.at("kind"), kind);
    EXPECT_EQ(row.at("error"), error);
    EXPECT_EQ(row.at("calls"), seen.extra("refused"));
    EXPECT_EQ(row.at("limit_bytes"), seen.extra("limit_bytes"));
    const Json* finding = find_finding(seen.report, "memlock-limit-of-others", seen.truth.at("pid"));
    EXPECT_NE(finding, nullptr) << seen.report.at("findings");
    if (finding == nullptr) return row;
    printf("%s\n", finding->dump().c_str());
    EXPECT_EQ(finding->at("severity"), "warning");
    EXPECT_EQ(finding->at("evidence").at("calls"), seen.extra("refused"));
    EXPECT_EQ(finding->at("evidence").at("enough_bytes"), row.at("enough_bytes"));
    return row;
  }

  static void expect_none(const char* label) {
    const Observed seen = of_workload_runs(label);
    if (seen.nothing_to_see() || !measured(seen.report, "limit_of_others")) return;
    SCOPED_TRACE(label);
    if (seen.process.is_object()) {
      EXPECT_TRUE(seen.process.at("locks").at("limit_refusals").empty()) << seen.process.at("locks");
    }
    EXPECT_EQ(find_finding(seen.report, "memlock-limit-of-others", seen.truth.at("pid")), nullptr);
  }
};

// Some kernels count the rings, too.
TEST_F(LimitOfOthers, IoUring) {
  const Observed seen = of_workload_runs("uring-limit");
  if (!is_seen(seen, "io_uring")) return;
  const Json row = refused(seen, "io_uring", "ENOMEM");
  ASSERT_TRUE(row.is_object());
  const auto user = row.at("user_locked_bytes").get<std::uint64_t>();
  EXPECT_EQ(row.at("wanted_bytes"), seen.extra("wanted_bytes"));
  EXPECT_GE(user, seen.extra("held_bytes"));
  EXPECT_GE(row.at("pinned_bytes"), seen.extra("held_bytes"));
  EXPECT_EQ(row.at("enough_bytes"), user + seen.extra("wanted_bytes"));
}

TEST_F(LimitOfOthers, BuffersOfPerf) {
  const Observed seen = of_workload_runs("perf-limit");
  if (!is_seen(seen, "perf")) return;
  const Json row = refused(seen, "perf", "EPERM");
  ASSERT_TRUE(row.is_object());
  EXPECT_EQ(row.at("wanted_bytes"), seen.extra("wanted_bytes"));
  EXPECT_EQ(row.at("pinned_bytes"), 0);
  EXPECT_EQ(row.at("enough_bytes"), seen.extra("wanted_bytes"));
}

TEST_F(LimitOfOthers, MapsOfBpf) {
  const Observed seen = of_workload_runs("bpf-limit");
  if (!is_seen(seen, "bpf")) return;
  const Json row = refused(seen, "bpf", "EPERM");
  ASSERT_TRUE(row.is_object());
  EXPECT_GT(row.at("wanted_bytes").get<std::uint64_t>(), seen.extra("limit_bytes"));
}

TEST_F(LimitOfOthers, OtherErrorsAreNone) {
  for (const char* label : {"uring-limit address", "perf-limit size"}) expect_none(label);
}

TEST_F(LimitOfOthers, WhoIsExemptIsNotRefused) { expect_none("uring-limit exempt"); }

TEST_F(LimitOfOthers, WhatTheyHoldIsToldBesideALock) {
  const Observed seen = of_workload_runs("lock-beside-uring");
  if (seen.nothing_to_see() || !measured(seen.report, "lock_call")) return;
  const Json& calls = seen.process.at("locks").at("calls");
  ASSERT_EQ(calls.size(), 1U) << calls;
  EXPECT_GE(calls[0].at("user_locked_bytes"), seen.extra("held_bytes")) << calls[0];
  EXPECT_GE(calls[0].at("pinned_bytes"), seen.extra("held_bytes")) << calls[0];
  const Json* finding = find_finding(seen.report, "lock-over-limit", seen.truth.at("pid"));
  ASSERT_NE(finding, nullptr) << seen.report.at("findings");
  printf("%s\n", finding->dump().c_str());
  EXPECT_EQ(finding->at("evidence").at("user_locked_bytes"), calls[0].at("user_locked_bytes"));
  EXPECT_EQ(finding->at("evidence").at("pinned_bytes"), calls[0].at("pinned_bytes"));
}

}  // namespace

}  // namespace live
