// What others do to the memory of a process: the workloads know who it is, what it does and how often.
#include <gtest/gtest.h>

#include "observed.h"
#include "workload_runs.h"

namespace live {

namespace {

bool not_measured(const Observed& traced, const char* signal) {
  if (traced.nothing_to_see()) return true;
  if (measured(traced.report, signal)) return false;
  printf("%s can't be measured\n", signal);
  return true;
}

/// The only act on the process by `pid`, by `call`, of which `key` is `value`; null, and a failure, where there is
/// none.
Json act_of(const Json& process, const Json& pid, const char* call, const char* key, const char* value) {
  Json found;
  for (const Json& act : process.at("acts")) {
    if (act.at("pid") != pid || act.at("call") != call || act.at(key) != value) continue;
    EXPECT_TRUE(found.is_null()) << process.at("acts");
    found = act;
  }
  EXPECT_FALSE(found.is_null()) << process.at("acts");
  return found;
}

TEST(Others, WhoHoldsMmapLockIsNamed) {
  const Observed traced = of_workload_runs("smaps-reader");
  if (not_measured(traced, "lock_wait")) return;
  const Json& outside = traced.process.at("locks").at("mmap_lock").at("outside");
  if (outside.is_null()) return;  // PREEMPT_RT
  printf("%s\n", outside.dump().c_str());
  std::uint64_t waits = 0;
  for (const Json& one : outside) {
    if (one.at("comm") == "mlocktrace") continue;  // it reads /proc/PID/smaps, too
    EXPECT_EQ(one.at("pid"), traced.extra("by_pid")) << one;
    EXPECT_EQ(one.at("comm"), "mlt-agent") << one;
    EXPECT_EQ(one.at("call"), "read") << one;
    EXPECT_EQ(one.at("file"), "smaps") << one;
    waits += number(one, "/waits");
  }
  // Where smaps is read under the locks of single mappings, hardly anybody waits: there is nothing to be told, then.
  if (number(traced.process, "/locks/mmap_lock/waits") > 10) {
    EXPECT_GT(waits, 0U) << traced.process.at("locks").at("mmap_lock");
  }
}

TEST(Others, WhoReadsOfItselfHoldsNobodyUp) {
  const Observed traced = of_workload_runs("smaps-reader own");
  if (not_measured(traced, "lock_wait")) return;
  const Json& outside = traced.process.at("locks").at("mmap_lock").at("outside");
  if (outside.is_null()) return;
  for (const Json& one : outside) EXPECT_NE(one.at("pid"), traced.extra("by_pid")) << one;
}

TEST(Others, WhoTakesPages) {
  const Observed traced = of_workload_runs("pageout-by-other");
  if (not_measured(traced, "acts_of_others")) return;
  const Json act = act_of(traced.process, traced.extra("by_pid"), "process_madvise", "what", "MADV_PAGEOUT");
  ASSERT_TRUE(act.is_object());
  EXPECT_EQ(act.at("comm"), "mlt-trimmer");
  EXPECT_EQ(act.at("by_itself"), false);
  EXPECT_EQ(act.at("calls"), 1);
  EXPECT_EQ(act.at("bytes"), number(traced.truth, "/pages") * 4096);
  EXPECT_EQ(act.at("pages"), traced.extra("taken"));
  EXPECT_EQ(number(traced.process, "/major_where_taken"), traced.major_faults());
  const Json* finding = find_finding(traced.report, "memory-taken-by-others", traced.truth.at("pid"));
  ASSERT_NE(finding, nullptr);
  EXPECT_EQ(finding->at("evidence").at("by_pid"), traced.extra("by_pid"));
  EXPECT_EQ(finding->at("evidence").at("faults"), traced.extra("taken"));
}

TEST(Others, WhatAProcessTakesItselfIsNobodyElsesFault) {
  const Observed traced = of_workload_runs("pageout-by-itself");
  if (not_measured(traced, "acts_of_others")) return;
  const Json own = act_of(traced.process, traced.truth.at("pid"), "madvise", "what", "MADV_PAGEOUT");
  ASSERT_TRUE(own.is_object());
  EXPECT_EQ(own.at("by_itself"), true);
  EXPECT_EQ(own.at("pages"), traced.extra("taken"));
  const Json other = act_of(traced.process, traced.extra("by_pid"), "process_madvise", "what", "MADV_PAGEOUT");
  ASSERT_TRUE(other.is_object());
  EXPECT_EQ(other.at("pages"), 0) << "nothing of it was in memory";
  EXPECT_EQ(find_finding(traced.report, "memory-taken-by-others", traced.truth.at("pid")), nullptr);
}

TEST(Others, WhoTracksWrites) {
  const Observed traced = of_workload_runs("refs-cleared");
  if (not_measured(traced, "acts_of_others")) return;
  const Json act = act_of(traced.process, traced.extra("by_pid"), "write", "file", "clear_refs");
  ASSERT_TRUE(act.is_object());
  EXPECT_EQ(act.at("comm"), "mlt-tracker");
  EXPECT_EQ(act.at("value"), "4");
  EXPECT_EQ(act.at("calls"), traced.extra("calls"));
}

TEST(Others, WhoWritesToIt) {
  const Observed traced = of_workload_runs("poked");
  if (not_measured(traced, "acts_of_others")) return;
  const Json attach = act_of(traced.process, traced.extra("by_pid"), "ptrace", "what", "attach");
  ASSERT_TRUE(attach.is_object());
  EXPECT_EQ(attach.at("calls"), 1);
  EXPECT_EQ(attach.at("comm"), "mlt-debugger");
  const Json poke = act_of(traced.process, traced.extra("by_pid"), "ptrace", "what", "poke");
  ASSERT_TRUE(poke.is_object());
  EXPECT_EQ(poke.at("calls"), traced.extra("pokes"));
  EXPECT_EQ(poke.at("bytes"), traced.extra("pokes") * sizeof(long));
  Json written;
  for (const Json& act : traced.process.at("acts")) {
    if (act.at("call") == "process_vm_writev") written = act;
  }
  ASSERT_TRUE(written.is_object()) << traced.process.at("acts");
  EXPECT_EQ(written.at("calls"), 1);
  EXPECT_EQ(written.at("bytes"), number(traced.truth, "/pages") * 4096);
  EXPECT_EQ(traced.process.at("acts").size(), 3U) << traced.process.at("acts");
}

TEST(Others, WhoSuppliesPages) {
  const Observed traced = of_workload_runs("uffd-by-other");
  if (not_measured(traced, "acts_of_others")) return;
  const Json act = act_of(traced.process, traced.extra("by_pid"), "ioctl", "what", "UFFDIO_COPY");
  ASSERT_TRUE(act.is_object());
  EXPECT_EQ(act.at("comm"), "mlt-monitor");
  EXPECT_EQ(act.at("calls"), number(traced.truth, "/pages"));
  EXPECT_EQ(act.at("bytes"), number(traced.truth, "/pages") * 4096);
  // Where the process is its own monitor.
  const Observed own = of_workload_runs("uffd");
  if (own.nothing_to_see()) return;
  const Json by_itself = act_of(own.process, own.truth.at("pid"), "ioctl", "what", "UFFDIO_COPY");
  ASSERT_TRUE(by_itself.is_object());
  EXPECT_EQ(by_itself.at("by_itself"), true);
}

TEST(Others, WhoActsOnTheMachine) {
  const Observed traced = of_workload_runs("machine-acts");
  if (not_measured(traced, "acts_on_machine")) return;
  Json dropped;
  Json limited;
  Json reclaimed;
  for (const Json& act : traced.report.at("system").at("acts")) {
    if (act.at("pid") != traced.truth.at("pid")) continue;
    if (act.at("file") == "drop_caches") dropped = act;
    if (act.at("file") == "memory.high") limited = act;
    if (act.at("file") == "memory.reclaim") reclaimed = act;
  }
  ASSERT_TRUE(dropped.is_object() && limited.is_object()) << traced.report.at("system").at("acts");
  EXPECT_EQ(dropped.at("value"), "4");
  EXPECT_EQ(dropped.at("calls"), 1);
  EXPECT_EQ(limited.at("value"), "64M");
  EXPECT_EQ(limited.at("cgroup"), "mlt-acts");
  ASSERT_EQ(reclaimed.is_object(), traced.extra("reclaims") != 0) << traced.report.at("system").at("acts");
  if (reclaimed.is_null()) return;
  EXPECT_EQ(reclaimed.at("value"), "0");
  EXPECT_EQ(reclaimed.at("calls"), 1);
  EXPECT_EQ(reclaimed.at("cgroup"), "mlt-acts");
}

TEST(Others, WhoScansAndProtects) {
  const Observed traced = of_workload_runs("scanned");
  if (not_measured(traced, "acts_of_others")) return;
  const Json act =
      act_of(traced.process, traced.extra("by_pid"), "ioctl", "what", "PAGEMAP_SCAN with PM_SCAN_WP_MATCHING");
  ASSERT_TRUE(act.is_object());
  EXPECT_EQ(act.at("comm"), "mlt-scanner");
  EXPECT_EQ(act.at("calls"), 1);
  const Json* finding = find_finding(traced.report, "faults-by-others", traced.truth.at("pid"));
  ASSERT_NE(finding, nullptr);
  EXPECT_EQ(finding->at("evidence").at("by_pid"), traced.extra("by_pid"));
}

// Who fills a cgroup is at its limit.
TEST(Others, WhoFillsACgroup) {
  const Observed traced = of_workload_runs("reclaim-fault");
  if (not_measured(traced, "reclaim")) return;
  Json filler;
  for (const Json& act : traced.report.at("system").at("acts")) {
    const bool at_limit = act.at("call") == "reclaim at the limit of its cgroup";
    if (at_limit && act.at("pid") == traced.truth.at("pid")) filler = act;
  }
  ASSERT_TRUE(filler.is_object()) << traced.report.at("system").at("acts");
  EXPECT_EQ(filler.at("calls"), number(traced.process, "/reclaim/memcg/calls"));
  EXPECT_TRUE(filler.at("cgroup").is_string());
}

// An act that made nobody wait or fault is no finding.
TEST(Others, WhatDoesNoHarmIsNoFinding) {
  for (const char* label : {"poked", "machine-acts", "smaps-reader own"}) {
    const Observed traced = of_workload_runs(label);
    if (traced.nothing_to_see()) continue;
    for (const char* id : {"faults-by-others", "memory-taken-by-others"})
      EXPECT_EQ(find_finding(traced.report, id, traced.truth.at("pid")), nullptr) << label;
  }
}

}  // namespace

}  // namespace live
