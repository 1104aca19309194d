// Storms of which the workload knows the mapping, the thread, and what led to it.
#include <gtest/gtest.h>

#include <ctime>

#include "program.h"
#include "report_view.h"

namespace live {

namespace {

struct Lead {
  std::string call;
  std::string cause;
  std::string args;  // the end of them
};

void PrintTo(const Lead& lead, std::ostream* out) { *out << lead.call; }

constexpr std::uint64_t kPages = 4000;

class Storms : public testing::TestWithParam<Lead> {
 protected:
  // 1,000 faults a second are one by these limits.
  static Json trace(pid_t pid, Program& workload, Json& truth) {
    Program tracer({"mlocktrace", "--json", "-U", "-p", std::to_string(pid), "--threshold", "storm-per-s=100",
                    "--threshold", "storm-seconds=3"});
    EXPECT_TRUE(tracer.wait_for_stderr("tracing")) << tracer.stderr_so_far();
    workload.send("g");
    truth = Json::parse(workload.read_line(), nullptr, false);
    tracer.signal(SIGINT);
    const Finished finished = tracer.finish();
    EXPECT_EQ(finished.status, 0) << finished.err;
    workload.send("x");
    return parse_report(finished.out);
  }
};

TEST_P(Storms, NameTheirMappingThreadAndCall) {
  Program workload({"mlt-workload", "storm-after", "call=" + GetParam().call, "--hold"});
  ASSERT_TRUE(workload.read_line().starts_with("ready"));
  Json truth;
  const Json report = trace(workload.pid(), workload, truth);
  ASSERT_TRUE(truth.is_object());
  const Json& extra = truth.at("extra");
  ASSERT_EQ(report.at("storms").size(), 1U) << report.at("storms");
  const Json& storm = report.at("storms").at(0);
  printf("storm: %s\n", storm.dump().c_str());
  EXPECT_GE(storm.at("faults"), kPages * 99 / 100);
  EXPECT_EQ(storm.at("tid"), extra.at("writer"));
  EXPECT_GE(storm.at("tid_faults"), kPages * 99 / 100);
  EXPECT_NE(storm.at("stack").get<std::string>().find("storm_after"), std::string::npos);
  if (sees_everything(report)) {
    EXPECT_EQ(storm.at("vma"), extra.at("named") == 1 ? "[anon:stormy]" : "anonymous");
    EXPECT_GE(storm.at("vma_faults"), kPages * 99 / 100);
    EXPECT_EQ(storm.at("cause"), GetParam().cause);
  } else {
    EXPECT_TRUE(storm.at("vma").is_null());
  }
  if (!measured(report, "lock_call")) return;
  ASSERT_TRUE(storm.at("trigger").is_object());
  const Json& trigger = storm.at("trigger");
  EXPECT_EQ(trigger.at("call"), GetParam().call);
  EXPECT_EQ(trigger.at("tid"), workload.pid());
  if (!GetParam().args.empty()) {
    EXPECT_TRUE(trigger.at("args").get<std::string>().ends_with(GetParam().args)) << trigger;
  }
  // The workload's clock is CLOCK_MONOTONIC, the report's of the day.
  timespec monotonic{};
  timespec day{};
  clock_gettime(CLOCK_MONOTONIC, &monotonic);
  clock_gettime(CLOCK_REALTIME, &day);
  const auto ns = [](const timespec& time) { return time.tv_sec * 1'000'000'000L + time.tv_nsec; };
  const long start = report.at("window").at("start_unix_ns").get<long>() - (ns(day) - ns(monotonic));
  const long called = extra.at("called_ns").get<long>() - start;
  EXPECT_NEAR(static_cast<double>(trigger.at("at_ns").get<long>()), static_cast<double>(called), 100e6);
  for (const Json& finding : report.at("findings")) {
    if (finding.at("id") == "fault-storm") {
      EXPECT_NE(finding.at("title").get<std::string>().find("after " + GetParam().call), std::string::npos) << finding;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Storms,
                         testing::Values(Lead{"madvise", "first_touch", "15.62 MiB, MADV_DONTNEED"},
                                         Lead{"mmap", "first_touch", "MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS"},
                                         Lead{"fork", "cow", ""}),
                         [](const auto& info) { return info.param.call; });

}  // namespace

}  // namespace live
