// Where faults happen, against a workload that knows.
#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>

#include "program.h"
#include "report_view.h"
#include "trace_all.h"

namespace live {

namespace {

std::uint64_t completed(const Json& row) {
  return row.at("minor").get<std::uint64_t>() + row.at("major").get<std::uint64_t>();
}

std::uint64_t sum_over(const Json& rows, const std::function<bool(const Json&)>& wanted) {
  std::uint64_t sum = 0;
  for (const Json& row : rows) {
    if (wanted(row)) sum += completed(row);
  }
  return sum;
}

std::uint64_t faults_named(const Json& rows, const std::string& name) {
  return sum_over(rows, [&](const Json& row) { return row.at("name") == name; });
}

std::uint64_t faults_from(const Json& rows, const Json& start) {
  return sum_over(rows, [&](const Json& row) { return row.at("name") == "anonymous" && row.at("start") == start; });
}

// A fault that no mapping is known of is one too many.
void expect_all_placed(const Json& process) {
  const Json& rows = process.at("faults").at("by_vma");
  EXPECT_EQ(sum_over(rows, [](const Json& row) { return !row.at("name").is_null(); }), completed_faults(process))
      << rows.dump(1);
}

const Traced& places_and_threads() {
  static const Traced traced = trace_all(
      {{"places", {"mlt-workload", "places"}}, {"thread-churn", {"mlt-workload", "thread-churn", "threads=300"}}},
      {"--signals", "fault"});
  return traced;
}

TEST(Where, EveryFaultIsInItsMapping) {
  const Traced& traced = places_and_threads();
  const Observation& seen = traced.rows.at("places");
  ASSERT_TRUE(seen.process.is_object());
  const Json& rows = seen.process.at("faults").at("by_vma");
  if (!sees_everything(traced.report)) {
    EXPECT_TRUE(rows.is_null());
    return;
  }
  const Json& truth = seen.truth;
  const Json& extra = truth.at("extra");
  const auto pages = truth.at("pages").get<std::uint64_t>();
  EXPECT_EQ(faults_named(rows, "[stack]"), extra.at("stack")) << rows.dump(1);
  EXPECT_EQ(faults_named(rows, "[heap]"), pages) << rows.dump(1);
  EXPECT_EQ(faults_named(rows, "/memfd:places (deleted)"), pages) << rows.dump(1);
  EXPECT_EQ(faults_from(rows, extra.at("plain_start")), pages) << rows.dump(1);
  EXPECT_EQ(faults_from(rows, extra.at("locked_start")), pages) << rows.dump(1);
  if (!extra.at("named").is_null()) {
    EXPECT_EQ(faults_named(rows, "[anon:an arena]"), pages) << rows.dump(1);
  }
  std::uint64_t islands = 0;
  for (const Json& row : rows) {
    const bool is_island = row.at("end").get<std::uint64_t>() - row.at("start").get<std::uint64_t>() == 2 * 4096;
    if (row.at("name") == "anonymous" && is_island && completed(row) == extra.at("island_pages")) ++islands;
    if (row.at("start") == extra.at("locked_start")) {
      EXPECT_EQ(row.at("locked"), "yes") << row;
    } else if (row.at("start") == extra.at("plain_start")) {
      EXPECT_EQ(row.at("locked"), "no") << row;
    }
  }
  EXPECT_EQ(islands, extra.at("islands")) << rows.dump(1);
  expect_all_placed(seen.process);
  expect_nothing_lost(traced.report);
}

// From the first instruction to the last; nobody can ask /proc afterwards.
TEST(Where, OfACommandFromItsStart) {
  const auto [truth, report] = trace_command({"mlt-workload", "threads", "threads=24"}, {"--signals", "fault"});
  if (!sees_everything(report)) return;
  const Json& process = report.at("processes").at(0);
  expect_all_placed(process);
  EXPECT_GT(sum_over(process.at("faults").at("by_vma"),
                     [](const Json& row) {
                       return row.at("name").is_string() && row.at("permissions") == "r-xp" &&
                              row.at("name").get<std::string>().ends_with("mlt-workload");
                     }),
            0U);
}

TEST(Where, OfThreadsThatComeAndGo) {
  const Traced& traced = places_and_threads();
  const Observation& seen = traced.rows.at("thread-churn");
  ASSERT_TRUE(seen.process.is_object());
  if (sees_everything(traced.report)) expect_all_placed(seen.process);
}

const TracedCommand& touch_with_stacks() {
  static const TracedCommand traced = trace_command({"mlt-workload", "touch"}, {"--signals", "fault", "-U", "-K"});
  return traced;
}

// In every tier: a stack needs no hook at a function.
TEST(Where, EveryFaultHasItsStack) {
  const Json& report = touch_with_stacks().report;
  const Json& process = report.at("processes").at(0);
  const Json& stacks = process.at("faults").at("stacks");
  std::uint64_t all = 0;
  for (const Json& stack : stacks) all += stack.at("faults").get<std::uint64_t>();
  EXPECT_EQ(all, completed_faults(process));
  ASSERT_FALSE(stacks.empty());
  const Json& most = stacks.at(0);
  EXPECT_GE(most.at("faults"), 2048);
  ASSERT_FALSE(most.at("user").empty()) << most;
  const Json& innermost = most.at("user").at(0);
  ASSERT_TRUE(innermost.at("function").is_string()) << innermost;
  EXPECT_NE(innermost.at("function").get<std::string>().find("touch"), std::string::npos) << innermost;
  EXPECT_TRUE(innermost.at("module").get<std::string>().ends_with("mlt-workload")) << innermost;
  if (!sees_everything(report)) return;
  ASSERT_FALSE(most.at("kernel").empty()) << most;
  for (const Json& frame : most.at("kernel")) EXPECT_TRUE(frame.at("function").is_string()) << frame;
}

// A stack is looked for by a hash that others have, too.
TEST(Where, NoStackIsLostAmongMany) {
  const auto [truth, report] = trace_command({"mlt-workload", "call-paths"}, {"--signals", "fault", "-U"});
  expect_nothing_lost(report);
  std::uint64_t paths = 0;
  for (const Json& stack : report.at("processes").at(0).at("faults").at("stacks")) {
    const Json& user = stack.at("user");
    ASSERT_FALSE(user.empty()) << stack;
    if (!user[0].at("function").is_string()) continue;
    if (user[0].at("function").get<std::string>().find("turn_") == std::string::npos) continue;
    EXPECT_EQ(stack.at("faults"), 1U) << stack;
    ++paths;
  }
  EXPECT_EQ(paths, truth.at("pages"));
}

// It is over before /proc/PID/maps is read again, and so is what a shell starts.
TEST(Where, CodeOfAShortCommandHasItsName) {
  const Words itself = {"mlt-workload", "mapped-code"};
  for (const Words& command : {itself, Words{"sh", "-c", "mlt-workload mapped-code; :"}}) {
    const auto [truth, report] = trace_command(command, {"--signals", "fault", "-U", "--follow"});
    const Json* process = find_process(report, truth.at("pid"));
    ASSERT_NE(process, nullptr);
    std::uint64_t named = 0;
    for (const Json& stack : process->at("faults").at("stacks")) {
      if (!stack.at("user").empty() && stack.at("user")[0].at("function") == "write_by_mapped_code")
        named += stack.at("faults").get<std::uint64_t>();
    }
    EXPECT_GE(named, 256U) << process->at("faults").at("stacks");
  }
}

// Until it calls execve, a command is a copy of mlocktrace, whose code is at the same addresses.
TEST(Where, WhatRanBeforeTheCommandIsNotItsCode) {
  const Json& report = touch_with_stacks().report;
  std::uint64_t before = 0;
  for (const Json& stack : report.at("processes").at(0).at("faults").at("stacks")) {
    std::set<std::string> programs;
    for (const Json& frame : stack.at("user")) {
      if (!frame.at("module").is_string()) continue;
      const std::string module = frame.at("module");
      if (module.starts_with('/')) programs.insert(module.substr(module.rfind('/') + 1));
    }
    EXPECT_LE(programs.size(), 1U) << stack;
    if (programs.contains("mlocktrace")) before += stack.at("faults").get<std::uint64_t>();
  }
  EXPECT_GT(before, 0U);
}

}  // namespace

}  // namespace live
