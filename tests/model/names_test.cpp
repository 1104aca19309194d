#include "model/names.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>

namespace mlt {
namespace {

TEST(Names, OriginsAreThoseOfTheContract) {
  EXPECT_EQ(origin_name(MLT_ORIGIN_ACCESS), "access");
  EXPECT_EQ(origin_name(MLT_ORIGIN_KERNEL), "kernel");
  EXPECT_EQ(origin_name(MLT_ORIGIN_POPULATE), "populate");
  EXPECT_EQ(origin_name(MLT_ORIGIN_REMOTE), "remote");
}

TEST(Names, LockStates) {
  EXPECT_EQ(lock_state_name(MLT_UNLOCKED), "no");
  EXPECT_EQ(lock_state_name(MLT_LOCKED), "yes");
  EXPECT_EQ(lock_state_name(MLT_LOCKED_ON_FAULT), "on_fault");
  EXPECT_EQ(lock_state_name(MLT_LOCK_UNKNOWN), "");
}

TEST(Names, CausesAreDistinct) {
  std::set<std::string_view> names;
  for (int cause = 0; cause < MLT_CAUSE_NR; ++cause) {
    const std::string_view name = cause_name(static_cast<mlt_cause>(cause));
    EXPECT_FALSE(name.empty()) << cause;
    EXPECT_TRUE(names.insert(name).second) << name;
  }
  EXPECT_EQ(cause_name(MLT_CAUSE_UNKNOWN), "unknown");
  EXPECT_EQ(cause_name(MLT_CAUSE_FILE_READ), "file_read");
  EXPECT_EQ(cause_name(MLT_CAUSE_SWAP_IN), "swap_in");
  EXPECT_EQ(cause_name(MLT_CAUSE_SPURIOUS), "spurious");
  EXPECT_EQ(cause_name(MLT_CAUSE_NR), "");
}

TEST(Names, LifeKindsAreDistinct) {
  using enum LifeEvent::Kind;
  std::set<std::string_view> names;
  for (const LifeEvent::Kind kind : {fork, vfork, share, exec, exit}) names.insert(life_kind_name(kind));
  EXPECT_EQ(names, (std::set<std::string_view>{"fork", "vfork", "share", "exec", "exit"}));
}

TEST(Names, CallsAreDistinct) {
  std::set<std::string_view> names;
  for (int call = MLT_CALL_NONE + 1; call < MLT_CALL_NR; ++call) names.insert(call_name(static_cast<mlt_call>(call)));
  EXPECT_EQ(names.size(), MLT_CALL_NR - 1U);
  EXPECT_EQ(call_name(MLT_CALL_MLOCK2), "mlock2");
  EXPECT_EQ(call_name(MLT_CALL_EXECVE), "execve");
  EXPECT_EQ(call_name(MLT_CALL_NR), "");
}

TEST(Names, Verdicts) {
  EXPECT_EQ(verdict_name(Verdict::unavailable), "unavailable");
  EXPECT_EQ(signal_state_name(SignalState::partial), "partial");
  EXPECT_EQ(severity_name(Severity::problem), "problem");
  EXPECT_EQ(life_kind_name(LifeEvent::Kind::exec), "exec");
}

TEST(Errno, OfASystemCallsResult) {
  EXPECT_EQ(errno_name(0), "");
  EXPECT_EQ(errno_name(0x7f0000000000), "");
  EXPECT_EQ(errno_name(-ENOMEM), "ENOMEM");
  EXPECT_EQ(errno_name(-EPERM), "EPERM");
  EXPECT_EQ(errno_name(-4000), "errno 4000");
  EXPECT_EQ(errno_name(-5000), "");  // an address, not an error
  EXPECT_FALSE(is_error(-5000));
  EXPECT_TRUE(is_error(-4095));
}

TEST(Describe, Targets) {
  EXPECT_EQ(describe({"pid", {1, 2}, "", true}), "pids 1, 2 and children");
  EXPECT_EQ(describe({"tid", {7}, "", false}), "thread 7");
  EXPECT_EQ(describe({"all", {}, "", false}), "all processes");
  EXPECT_EQ(describe({"cgroup", {}, "/a/b", true}), "cgroup /a/b and children");
}

}  // namespace
}  // namespace mlt
