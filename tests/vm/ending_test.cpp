// How processes end, as their parents are told.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "trace_all.h"
#include "workload_runs.h"

namespace live {

namespace {

/// Of a child, in the order in which they were made.
const Json& ending_of_child(const Observed& traced, std::size_t index) {
  static const Json kNone;
  const Json* child = find_process(traced.report, traced.truth["children"][index]["pid"]);
  EXPECT_NE(child, nullptr) << "child " << index;
  return child == nullptr ? kNone : child->at("ending");
}

TEST(Ending, IsWhatTheParentIsTold) {
  const Observed traced = of_workload_runs("endings");
  if (traced.nothing_to_see()) return;
  std::size_t index = 0;
  for (const char* key : {"exit_0", "exit_3", "sigterm", "sigsegv"}) {
    const int status = static_cast<int>(traced.extra(key));
    const Json& ending = ending_of_child(traced, index++);
    ASSERT_TRUE(ending.is_object()) << key;
    EXPECT_EQ(ending.at("status"), WIFEXITED(status) ? Json(WEXITSTATUS(status)) : Json()) << key;
    EXPECT_EQ(ending.at("signal"),
              WIFSIGNALED(status) ? Json("SIG" + std::string(sigabbrev_np(WTERMSIG(status)))) : Json())
        << key;
    EXPECT_EQ(ending.at("core_dumped"), WIFSIGNALED(status) && WCOREDUMP(status)) << key;
    EXPECT_EQ(ending.at("oom_killed"), measured(traced.report, "oom_kill") ? Json(false) : Json()) << key;
    EXPECT_TRUE(ending.at("oom_limit").is_null()) << key;
  }
  EXPECT_TRUE(traced.process.at("ending").is_null()) << "it lives";
}

TEST(Ending, ByTheOomKillerSaysForWhoseLimit) {
  const Observed traced = of_workload_runs("oom-killed");
  if (traced.nothing_to_see() || !measured(traced.report, "oom_kill")) return;
  ASSERT_EQ(traced.extra("oom_kills"), 1U);
  const Json& ending = ending_of_child(traced, 0);
  ASSERT_TRUE(ending.is_object());
  EXPECT_EQ(ending.at("signal"), "SIGKILL");
  EXPECT_EQ(ending.at("oom_killed"), true);
  EXPECT_EQ(ending.at("oom_limit"), "cgroup");
  const std::string cgroup = ending.at("oom_cgroup");
  EXPECT_TRUE(cgroup.ends_with("mlt-workload." + traced.truth["pid"].dump())) << cgroup;
}

// Of the whole machine, or of the nodes that the process may use.
class OomKilled : public testing::TestWithParam<const char*> {};

TEST_P(OomKilled, SaysForWhoseLimit) {
  const std::string limit = GetParam();
  const TracedCommand traced = trace_command({"mlt-workload", "oom-killed", "limit=" + limit}, {"--follow"});
  if (traced.truth.contains("unsupported")) return;
  ASSERT_EQ(traced.truth.at("extra").at("status"), SIGKILL);
  const Json* child = find_process(traced.report, traced.truth.at("children").at(0).at("pid"));
  ASSERT_NE(child, nullptr);
  const Json& ending = child->at("ending");
  EXPECT_EQ(ending.at("signal"), "SIGKILL");
  EXPECT_EQ(ending.at("oom_killed"), true);
  EXPECT_EQ(ending.at("oom_limit"), limit);
  EXPECT_TRUE(ending.at("oom_cgroup").is_null());
}

INSTANTIATE_TEST_SUITE_P(TwoNodes, OomKilled, testing::Values("machine", "nodes"),
                         [](const auto& limit) { return std::string(limit.param); });

}  // namespace

}  // namespace live
