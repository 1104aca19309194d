// What becomes of locks in a fork and in an exec.
#include <gtest/gtest.h>

#include "workload_runs.h"

namespace live {

namespace {

// The one event of a kind in the life of the process.
Json life_event(const Json& process, const std::string& kind) {
  Json found;
  for (const Json& event : process.at("life")) {
    if (event.at("kind") != kind) continue;
    EXPECT_TRUE(found.is_null()) << "more than one " << kind;
    found = event;
  }
  EXPECT_TRUE(found.is_object()) << "no " << kind << " in " << process.at("life").dump();
  return found;
}

struct Locks {
  std::uint64_t before;
  std::uint64_t after;
  bool mcl_future;
};

void expect_locks(const Json& event, const Locks& locks) {
  if (!event.is_object()) return;  // told already
  EXPECT_EQ(event.at("locked_bytes"), locks.before) << event.dump();
  EXPECT_EQ(event.at("locked_bytes_after"), locks.after) << event.dump();
  EXPECT_EQ(event.at("mcl_future"), locks.mcl_future) << event.dump();
  EXPECT_EQ(event.at("mcl_onfault"), false) << event.dump();
}

void expect_child(const Observed& traced, const std::string& kind, const Locks& locks) {
  const Json event = life_event(traced.process, kind);
  expect_locks(event, locks);
  if (event.is_object()) {
    EXPECT_EQ(event.at("child_pid"), traced.truth["children"][0]["pid"]) << event.dump();
  }
}

TEST(Life, AForkedChildRunsUnlocked) {
  const Observed traced = of_workload_runs("fork-cow-locked");
  const std::uint64_t locked = traced.truth["locked_kb"]["before"].get<std::uint64_t>() * 1024;
  expect_child(traced, "fork", {.before = locked, .after = 0, .mcl_future = false});
}

TEST(Life, AChildInTheSameMemorySharesTheLocks) {
  for (const auto& [workload, kind] : {std::pair{"vfork-locked", "vfork"}, std::pair{"clone-vm", "share"}}) {
    const Observed traced = of_workload_runs(workload);
    const std::uint64_t locked = traced.extra("locked_bytes");
    expect_child(traced, kind, {.before = locked, .after = locked, .mcl_future = true});
  }
}

TEST(Life, AnExecUndoesTheLocks) {
  const Observed traced = of_workload_runs("exec-locked");
  const Json& moved = traced.truth["pages_moved"];
  const auto locked = moved["mlocked"].get<std::uint64_t>() * 4096;
  expect_locks(life_event(traced.process, "exec"), {.before = locked, .after = 0, .mcl_future = true});
  if (traced.nothing_to_see()) return;
  EXPECT_EQ(number(traced.process, "/pages/mlocked"), moved["mlocked"]);
  EXPECT_EQ(number(traced.process, "/pages/munlocked"), moved["munlocked"]);
}

// Its calls have other numbers: what is said of them is nothing, and why.
TEST(Compat, CallsOfA32BitProgramAreNotKnown) {
  const Finished alone = run({"mlt-workload-32"});
  if (alone.status != 0) {
    printf("this kernel runs no programs of 32 bits: status %d\n", alone.status);
    return;
  }
  const Finished finished =
      run({"mlocktrace", "-q", "--json", "--signals",
           "fault,lock_call,populate,page_lock,page_unlock,vma_split,vma_merge", "--", "mlt-workload-32"});
  ASSERT_EQ(finished.status, 0) << finished.err;
  const Json report = parse_report(finished.out);
  expect_audit_holds(report, "faults of");
  ASSERT_EQ(report.at("processes").size(), 1U);
  const Json& process = report.at("processes")[0];
  const Json& locks = process.at("locks");
  EXPECT_EQ(locks.at("calls_unseen"), "a program of 32 bits, whose system calls are not followed");
  for (const char* key : {"calls", "calls_not_kept", "totals"}) EXPECT_TRUE(locks.at(key).is_null()) << key;
  EXPECT_TRUE(locks.at("locked_bytes").at("peak").is_null());
  if (!sees_everything(report)) return;
  // What functions of the kernel tell is as it is of any other.
  EXPECT_GE(*faults_of(process, "access"), 1000U);
  EXPECT_GE(process.at("pages").at("mlocked").get<std::uint64_t>(), 1000U);
  EXPECT_GE(process.at("vma").at("splits").get<std::uint64_t>(), 2U);
  int by_mlock = 0;
  for (const Json& change : process.at("vma").at("changes")) {
    if (change.at("cause") == "mlock") ++by_mlock;
    EXPECT_NE(change.at("cause"), "munmap") << change.dump();
  }
  EXPECT_GE(by_mlock, 2);
}

}  // namespace

}  // namespace live
