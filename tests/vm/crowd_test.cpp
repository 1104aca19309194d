// Very many processes: what is printed of them stays readable, and every total is what it was.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "program.h"
#include "report_view.h"

namespace live {

namespace {

constexpr int kChildren = 1000;

/// Of the children, so that they are known among whatever else runs here.
constexpr const char* kName = "mlt-crowd";

void touch_memory() {
  auto* const memory =
      static_cast<volatile char*>(mmap(nullptr, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  for (int page = 0; page < 4; ++page) memory[page * 4096] = 1;
}

/// Short processes, one after the other; how many faults the kernel counted in them. They have their name from this
/// process, which is known by its own from the fault before.
std::uint64_t run_children() {
  std::uint64_t faults = 0;
  touch_memory();
  prctl(PR_SET_NAME, kName);
  for (int i = 0; i < kChildren; ++i) {
    const pid_t pid = fork();
    if (pid == 0) {
      touch_memory();
      _exit(i % 10 == 0 ? 3 : 0);
    }
    rusage usage{};
    EXPECT_EQ(wait4(pid, nullptr, 0, &usage), pid);
    faults += static_cast<std::uint64_t>(usage.ru_minflt + usage.ru_majflt);
  }
  prctl(PR_SET_NAME, "mlt-live-tests");
  return faults;
}

/// Of the children, listed or not: how many, their faults, and how many ended with status 3.
struct Sum {
  std::uint64_t processes = 0;
  std::uint64_t faults = 0;
  std::uint64_t with_status = 0;
};

Sum sum_of_children(const Json& report) {
  Sum sum;
  for (const Json& process : report.at("processes")) {
    if (process.at("comm") != kName) continue;
    ++sum.processes;
    sum.faults += completed_faults(process);
    sum.with_status += process.at("ending").at("status") == 3 ? 1 : 0;
  }
  for (const Json& group : report.at("process_groups")) {
    if (group.at("comm") != kName) continue;
    sum.processes += group.at("processes").get<std::uint64_t>();
    sum.faults += completed_faults(group);
    for (const Json& ending : group.at("endings"))
      if (ending.at("status") == 3) sum.with_status += ending.at("processes").get<std::uint64_t>();
  }
  return sum;
}

void expect_whole(const Json& report, std::uint64_t faults) {
  const Sum sum = sum_of_children(report);
  EXPECT_EQ(sum.processes, kChildren);
  EXPECT_EQ(sum.with_status, kChildren / 10);
  if (sees_everything(report)) {
    EXPECT_EQ(sum.faults, faults);
  }
}

std::uint64_t checks(const Json& report) {
  std::uint64_t count = report.at("coverage").at("audit").size();
  for (const Json& group : report.at("coverage").at("audit_groups")) {
    EXPECT_NE(group.at("verdict"), "differs") << group.dump();
    count += group.at("checks").get<std::uint64_t>();
  }
  return count;
}

TEST(Crowd, StaysReadableAndWhole) {
  const std::string path = std::filesystem::temp_directory_path() / "crowd.mlt";
  Program tracer({"mlocktrace", "record", "-a", "-o", path, "--signals", "fault"});
  ASSERT_TRUE(tracer.wait_for_stderr("tracing all processes")) << tracer.stderr_so_far();
  const std::uint64_t faults = run_children();
  tracer.signal(SIGINT);
  const Finished finished = tracer.finish();
  ASSERT_EQ(finished.status, 0) << finished.err;

  const std::string json = run({"mlocktrace", "report", path, "--json"}).out;
  EXPECT_LE(json.size(), 5'000'000U);
  const Json report = parse_report(json);
  EXPECT_LE(report.at("processes").size(), 100U);
  expect_nothing_lost(report);
  expect_whole(report, faults);

  const Json fewer = parse_report(run({"mlocktrace", "report", path, "--json", "--processes", "3"}).out);
  EXPECT_EQ(fewer.at("processes").size(), 3U);
  expect_whole(fewer, faults);
  EXPECT_EQ(checks(fewer), checks(report));
  EXPECT_GE(checks(report), std::uint64_t{kChildren});

  const std::string text = run({"mlocktrace", "report", path}).out;
  EXPECT_LE(std::ranges::count(text, '\n'), 200) << text;
  EXPECT_NE(text.find(" x "), std::string::npos) << text;
  std::filesystem::remove(path);
}

}  // namespace

}  // namespace live
