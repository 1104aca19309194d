// Storms of which the workload knows the mapping, the thread, and what led to it.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <ctime>
#include <map>
#include <memory>

#include "program.h"
#include "report_view.h"
#include "truth.h"

namespace live {

namespace {

struct Lead {
  std::string name;  // of the workload's setting
  std::string call;  // that led to it; empty: it is not known, and that is told
  std::string cause;
  std::string args = {};  // the end of them
};

void PrintTo(const Lead& lead, std::ostream* out) { *out << lead.name; }

constexpr std::uint64_t kPages = 4000;

// A server that writes a snapshot forks, and maps a little later on; the copies are the fork's work, and are so when
// the trace has not seen it. Those of a private mapping of a file are the mmap's.
const std::array kLeads = {Lead{"madvise", "madvise", "first_touch", "15.62 MiB, MADV_DONTNEED"},
                           Lead{"mmap", "mmap", "first_touch", "MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS"},
                           Lead{"fork", "fork", "cow"},
                           Lead{"save", "fork", "cow"},
                           Lead{"forked", "", "cow"},
                           Lead{"file", "mmap", "cow", "MAP_PRIVATE|MAP_FIXED"}};

std::int64_t clock_ns(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

struct Moment {
  std::int64_t earliest_ns, latest_ns;  // CLOCK_MONOTONIC
};

// What the clock of the day is ahead of CLOCK_MONOTONIC at most. It is read between two looks at the other, until
// they are close together.
std::int64_t day_ahead_ns() {
  std::int64_t ahead = 0;
  EXPECT_TRUE(wait_until([&] {
    const std::int64_t before = clock_ns(CLOCK_MONOTONIC);
    const std::int64_t day = clock_ns(CLOCK_REALTIME);
    const std::int64_t after = clock_ns(CLOCK_MONOTONIC);
    ahead = day - after;
    return after - before < 1'000'000;
  }));
  return ahead + 1'000'000;
}

struct Trace {
  Json report;
  Moment start;
  std::map<std::string, Json> truths;  // by the name of the lead
  Json locking;                        // of one that locks as many pages meanwhile
};

// All storms under one tracer, each of a process of its own.
const Trace& trace() {
  static const Trace trace = [] {
    std::map<std::string, std::unique_ptr<Program>> workloads;
    std::string pids;
    Program locking({"mlt-workload", "lock-untouched", "--pages", std::to_string(kPages), "--hold"});
    EXPECT_TRUE(locking.read_line().starts_with("ready"));
    pids = std::to_string(locking.pid());
    for (const Lead& lead : kLeads) {
      auto workload = std::make_unique<Program>(
          Words{"mlt-workload", "storm-after", "call=" + lead.name, "--seconds", "0.5", "--hold"});
      EXPECT_TRUE(workload->read_line().starts_with("ready"));
      pids += "," + std::to_string(workload->pid());
      workloads[lead.name] = std::move(workload);
    }
    // By these limits any second with faults is a storm, or a part of one.
    Program tracer({"mlocktrace", "--json", "-U", "--signals", "fault,fault_entry,cause,lock_call", "-p", pids,
                    "--threshold", "storm-per-s=10", "--threshold", "storm-seconds=0"});
    EXPECT_TRUE(tracer.wait_for_stderr("tracing")) << tracer.stderr_so_far();
    Trace trace;
    const std::int64_t tracing_ns = clock_ns(CLOCK_MONOTONIC);
    locking.send("g");
    for (const auto& [name, workload] : workloads) workload->send("g");
    trace.locking = read_truth(locking.read_line());
    for (const auto& [name, workload] : workloads) trace.truths[name] = read_truth(workload->read_line());
    tracer.signal(SIGINT);
    const Finished finished = tracer.finish();
    EXPECT_EQ(finished.status, 0) << finished.err;
    trace.report = parse_report(finished.out);
    // The tracer reads the clock of the day before the other.
    const Json& window = trace.report.at("window");
    trace.start = {window.at("start_unix_ns").get<std::int64_t>() - day_ahead_ns(),
                   std::min(tracing_ns, clock_ns(CLOCK_MONOTONIC) - window.at("duration_ns").get<std::int64_t>())};
    return trace;
  }();
  return trace;
}

class Storms : public testing::TestWithParam<Lead> {};

TEST_P(Storms, NameTheirMappingThreadAndCall) {
  const auto& [report, start, truths, locking] = trace();
  const Json& truth = truths.at(GetParam().name);
  ASSERT_TRUE(truth.is_object());
  const Json& extra = truth.at("extra");
  std::uint64_t faults = 0;
  std::uint64_t tid_faults = 0;
  std::uint64_t vma_faults = 0;
  const Json* first = nullptr;
  // It is one, unless the machine had better things to do for a second of it.
  for (const Json& storm : report.at("storms")) {
    if (storm.at("pid") != truth.at("pid")) continue;
    printf("storm: %s\n", storm.dump().c_str());
    if (first == nullptr) first = &storm;
    faults += storm.at("faults").get<std::uint64_t>();
    EXPECT_EQ(storm.at("tid"), extra.at("writer"));
    tid_faults += storm.at("tid_faults").get<std::uint64_t>();
    EXPECT_NE(storm.at("stack").get<std::string>().find("storm_after"), std::string::npos);
    if (sees_everything(report)) {
      const std::string file = storm.at("vma");
      if (GetParam().name == "file") {
        EXPECT_TRUE(file.starts_with("/memfd:stormy")) << file;
      } else {
        EXPECT_EQ(file, extra.at("named") == 1 ? "[anon:stormy]" : "anonymous");
      }
      EXPECT_EQ(storm.at("cause"), GetParam().cause);
      vma_faults += storm.at("vma_faults").get<std::uint64_t>();
    } else {
      EXPECT_TRUE(storm.at("vma").is_null());
    }
  }
  ASSERT_NE(first, nullptr) << report.at("storms");
  EXPECT_GE(faults, kPages * 99 / 100);
  EXPECT_GE(tid_faults, kPages * 99 / 100);
  if (sees_everything(report)) {
    EXPECT_GE(vma_faults, kPages * 99 / 100);
  }
  ASSERT_TRUE(measured(report, "lock_call"));
  const Json* found = find_finding(report, "fault-storm", truth.at("pid"));
  ASSERT_NE(found, nullptr) << report.at("findings");
  const std::string title = found->at("title");
  // Where nobody knows the mapping, nobody knows what led to faults in it.
  if (GetParam().call.empty() || !sees_everything(report)) {
    EXPECT_TRUE(first->at("trigger").is_null()) << first->at("trigger");
    EXPECT_EQ(title.find(" after "), std::string::npos) << title;
    EXPECT_EQ(first->at("trigger_unknown").is_string(), sees_everything(report)) << *first;
    return;
  }
  ASSERT_TRUE(first->at("trigger").is_object());
  EXPECT_TRUE(first->at("trigger_unknown").is_null());
  const Json& trigger = first->at("trigger");
  EXPECT_EQ(trigger.at("call"), GetParam().call);
  EXPECT_EQ(trigger.at("tid"), truth.at("pid"));
  if (!GetParam().args.empty()) {
    EXPECT_TRUE(trigger.at("args").get<std::string>().ends_with(GetParam().args)) << trigger;
  }
  const auto at = trigger.at("at_ns").get<std::int64_t>();
  EXPECT_LE(start.earliest_ns + at, extra.at("called_ns").get<std::int64_t>());
  EXPECT_GE(start.latest_ns + at, extra.at("calling_ns").get<std::int64_t>());
  EXPECT_NE(title.find("after " + GetParam().call), std::string::npos) << title;
}

// It faults them in as fast as it can, and not at an access.
TEST(StormsOfOthers, ALockAtWorkIsNone) {
  const Json& pid = trace().locking.at("pid");
  for (const Json& storm : trace().report.at("storms")) EXPECT_NE(storm.at("pid"), pid) << storm;
  EXPECT_EQ(find_finding(trace().report, "fault-storm", pid), nullptr);
}

INSTANTIATE_TEST_SUITE_P(All, Storms, testing::ValuesIn(kLeads), [](const auto& info) { return info.param.name; });

}  // namespace

}  // namespace live
