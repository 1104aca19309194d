// Processes that are well get nothing that would worry anybody.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include "findings/findings.h"
#include "findings/recipes.h"

namespace mlt {
namespace {

using fixtures::add_call;
using fixtures::add_faults;
using fixtures::add_life;
using fixtures::healthy;
using fixtures::kMiB;
using fixtures::kSecond;

void expect_calm(const Report& report) {
  for (const Finding& finding : find(report, {})) EXPECT_LT(finding.severity, Severity::warning) << finding.id;
}

// Locks all it has and will have, at the start; then runs without a fault.
TEST(Healthy, ARealTimeProgramThatDoesItRight) {
  Report report = healthy();
  Process& process = report.processes[0];
  add_life(process, LifeEvent::Kind::exec, 0);
  add_faults(process, MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_FIRST_TOUCH, 300);
  add_faults(process, MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_FILE_READ, 0, 200'000, 60);
  add_faults(process, MLT_ORIGIN_POPULATE, MLT_LOCKED, MLT_CAUSE_FIRST_TOUCH, 20'000, 1200);
  LockCall& call = add_call(process, MLT_CALL_MLOCKALL);
  call.flags = MCL_CURRENT | MCL_FUTURE;
  call.mcl_future = true;
  call.pages_populated = 20'000;
  call.populate_ns = 24'000'000;
  call.duration_ns = 24'500'000;
  process.populate = {1, 20'000, 24'000'000};
  process.pages.mlocked = process.pages.to_unevictable = 20'000;
  process.locks.limit_bytes.reset();
  process.locks.headroom_bytes.reset();
  process.locks.limit_unlimited = true;
  process.locks.locked_bytes = {0, 80 * kMiB, 80 * kMiB};
  report.system.vmstat["nr_unevictable"] = 20'000;
  expect_calm(report);
}

TEST(Healthy, ABufferThatIsLocked) {
  Report report = healthy();
  Process& process = report.processes[0];
  LockCall& call = add_call(process, MLT_CALL_MLOCK);
  call.vma_splits = 2;
  call.pages_populated = 1024;
  call.duration_ns = call.populate_ns = 2'000'000;
  process.populate = {1, 1024, 2'000'000};
  add_faults(process, MLT_ORIGIN_POPULATE, MLT_LOCKED, MLT_CAUSE_FIRST_TOUCH, 1024);
  add_faults(process, MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_FIRST_TOUCH, 5000);
  EXPECT_TRUE(find(report, {}).empty());
}

// Hundreds of short processes, and some that fault for seconds as fast as they can.
TEST(Healthy, ACompile) {
  Report report = healthy();
  report.window.duration_ns = 60 * kSecond;
  Process& compiler = report.processes[0];
  compiler.comm = "cc1plus";
  compiler.exited = true;
  add_life(compiler, LifeEvent::Kind::exec, 0);
  add_faults(compiler, MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_FIRST_TOUCH, 200'000, 900);
  add_faults(compiler, MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_FILE_MAP, 3'000, 700);
  add_faults(compiler, MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_FILE_READ, 0, 150'000, 900);
  add_faults(compiler, MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_COW, 2'000, 1'100);
  Storm storm;
  storm.pid = 42;
  storm.duration_ns = 6 * kSecond;
  storm.faults = 180'000;
  storm.time_ns = kSecond;
  report.storms.push_back(storm);
  expect_calm(report);
}

TEST(Healthy, AShellPipeline) {
  Report report = healthy();
  Process& shell = report.processes[0];
  add_faults(shell, MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_COW, 800);
  for (std::uint32_t pid = 43; pid < 47; ++pid) {
    add_life(report.processes[0], LifeEvent::Kind::fork, 0);
    report.processes[0].life.back().child_pid = pid;
    Process child = healthy().processes[0];
    child.pid = pid;
    child.parent_pid = 42;
    child.exited = true;
    add_life(child, LifeEvent::Kind::exec, 0);
    add_faults(child, MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_FILE_MAP, 90);
    report.processes.push_back(child);
  }
  EXPECT_TRUE(find(report, {}).empty());
}

// A daemon that holds a secret, and starts helpers now and then.
TEST(Healthy, AnIdleDaemon) {
  Report report = healthy();
  report.window.duration_ns = 600 * kSecond;
  Process& daemon = report.processes[0];
  daemon.locks.locked_bytes = {65536, 65536, 65536};
  add_faults(daemon, MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_FIRST_TOUCH, 40);
  add_faults(daemon, MLT_ORIGIN_ACCESS, MLT_LOCKED, MLT_CAUSE_COW, 3);
  add_life(daemon, LifeEvent::Kind::fork, 65536);
  daemon.life.back().child_pid = 43;
  Process helper = healthy().processes[0];
  helper.pid = 43;
  helper.parent_pid = 42;
  add_life(helper, LifeEvent::Kind::exec, 0);
  report.processes.push_back(helper);
  expect_calm(report);
}

// The helper runs in the daemon's memory until its exec: what it seems to lose is the daemon's, and stays.
TEST(Healthy, AHelperByVfork) {
  Report report = healthy();
  add_life(report.processes[0], LifeEvent::Kind::vfork, kMiB, true);
  report.processes[0].life.back().child_pid = 43;
  Process helper = healthy().processes[0];
  helper.pid = 43;
  helper.parent_pid = 42;
  add_life(helper, LifeEvent::Kind::exec, kMiB, true);
  report.processes.push_back(helper);
  EXPECT_TRUE(find(report, {}).empty());
}

}  // namespace
}  // namespace mlt
