#include "analysis/build_report.h"

#include <gtest/gtest.h>

#include <cstring>

#include "analysis/trace.h"

namespace mlt {
namespace {

using fixtures::call_event;
using fixtures::capable;
using fixtures::class_id;
using fixtures::faults;
using fixtures::kStartNs;
using fixtures::only_process;
using fixtures::process;
using fixtures::snapshot;
using fixtures::Trace;

TEST(BuildReport, TheTraceItself) {
  Trace trace;
  trace.data.target = {"pid", {42}, "", true};
  const Report report = build_report(trace.data);
  EXPECT_EQ(report.tool_version, "test");
  EXPECT_EQ(report.host.kernel, "6.1.0-test");
  EXPECT_EQ(report.window.start_unix_ns, 1'700'000'000'000'000'000U);
  EXPECT_EQ(report.window.duration_ns, 10'000'000'000U);
  EXPECT_EQ(report.window.complete_after_ns, 1'500'000'000U);
  EXPECT_EQ(report.target.pids, std::vector<std::uint32_t>{42});
  EXPECT_TRUE(report.processes.empty());
}

TEST(BuildReport, CompleteFromTheStart) {
  Trace trace;
  for (const std::uint64_t complete_ns : {kStartNs, kStartNs - 1, std::uint64_t{0}}) {
    trace.data.complete_ns = complete_ns;
    EXPECT_EQ(build_report(trace.data).window.complete_after_ns, 0U);
  }
}

TEST(BuildProcess, IdentityIsWhatTheCallerSees) {
  Trace trace;
  ProcessCounts parent = process(1, 42);
  parent.proc.tgid = 90042;
  ProcessCounts child = process(2, 43);
  child.proc.tgid = 90043;
  child.proc.parent_tgid = 90042;
  child.by_class[class_id(MLT_ORIGIN_ACCESS, MLT_UNLOCKED)] = faults(1);
  trace.add(parent);
  trace.add(child);
  mlt_event_process fork{};
  fork.head = {MLT_EVENT_FORK, 0, 42, MLT_CALL_FORK, kStartNs + 5};
  fork.child_tgid = 90043;
  trace.data.events[1].add(fork.head);
  const Report report = build_report(trace.data);
  ASSERT_EQ(report.processes.size(), 2U);
  // Most faults first.
  EXPECT_EQ(report.processes[0].pid, 43U);
  EXPECT_EQ(report.processes[0].parent_pid, 42U);
  EXPECT_EQ(report.processes[1].pid, 42U);
  EXPECT_EQ(report.processes[1].parent_pid, 0U);
  EXPECT_EQ(report.processes[1].children, std::vector<std::uint32_t>{43});
  EXPECT_TRUE(report.processes[0].children.empty());
  ASSERT_EQ(report.processes[1].life.size(), 1U);
  EXPECT_EQ(report.processes[1].life[0].child_pid, 43U);
}

/// Of a process in /system.slice/trade.service whose parent is told `status`.
Ending ending(std::uint32_t status, mlt_oom oom = MLT_OOM_NONE, const char* cgroup = "",
              const char* path = "/system.slice/trade.service", const char* signals = "") {
  Trace trace(capable(), signals);
  ProcessCounts& counts = trace.add(process(1, 42));
  counts.proc.exit_ns = kStartNs + 1;
  counts.proc.ending.status = status;
  counts.proc.ending.oom = oom;
  std::strncpy(counts.proc.ending.cgroup, cgroup, sizeof(counts.proc.ending.cgroup) - 1);
  trace.data.views[42].start = snapshot(0);
  trace.data.views[42].start->cgroup = path;
  const auto made = only_process(trace).ending;
  EXPECT_TRUE(made);
  return made.value_or(Ending{});
}

TEST(BuildEnding, OfAProcessThatRunsOn) {
  Trace trace;
  trace.add(process(1, 42));
  EXPECT_FALSE(only_process(trace).ending);
}

TEST(BuildEnding, AsTheParentIsTold) {
  EXPECT_EQ(ending(0).status, 0U);
  EXPECT_EQ(ending(3 << 8).status, 3U);
  EXPECT_EQ(ending(3 << 8).signal, "");
  EXPECT_EQ(ending(3 << 8).oom_killed, false);
  EXPECT_FALSE(ending(15).status);
  EXPECT_EQ(ending(15).signal, "SIGTERM");
  EXPECT_FALSE(ending(11).core_dumped);
  EXPECT_EQ(ending(11 | 0x80).signal, "SIGSEGV");
  EXPECT_TRUE(ending(11 | 0x80).core_dumped);
  EXPECT_EQ(ending(36).signal, "SIGRTMIN+2");
}

TEST(BuildEnding, ForWhoseLimit) {
  EXPECT_EQ(ending(9).oom_killed, false) << "SIGKILL of somebody else";
  EXPECT_EQ(ending(9, MLT_OOM_MACHINE).oom_killed, true);
  EXPECT_EQ(ending(9, MLT_OOM_MACHINE).oom_limit, "machine");
  EXPECT_EQ(ending(9, MLT_OOM_NODES).oom_limit, "nodes");
  EXPECT_EQ(ending(9, MLT_OOM_CGROUP, "trade.service").oom_limit, "cgroup");
  // The kernel sent it SIGKILL, but it had ended already.
  EXPECT_EQ(ending(3 << 8, MLT_OOM_MACHINE).oom_killed, false);
  EXPECT_EQ(ending(3 << 8, MLT_OOM_MACHINE).oom_limit, "");
  const Ending unseen = ending(9, MLT_OOM_NONE, "", "/a", "fault");
  EXPECT_EQ(unseen.signal, "SIGKILL");
  EXPECT_FALSE(unseen.oom_killed) << "nobody looked";
}

TEST(BuildEnding, OfWhichCgroup) {
  const auto cgroup = [](const char* name, const char* path) {
    return ending(9, MLT_OOM_CGROUP, name, path).oom_cgroup;
  };
  EXPECT_EQ(cgroup("trade.service", "/system.slice/trade.service"), "/system.slice/trade.service");
  EXPECT_EQ(cgroup("system.slice", "/system.slice/trade.service"), "/system.slice");
  EXPECT_EQ(cgroup("a", "/a/b/a/c"), "/a/b/a") << "the lowest of that name";
  EXPECT_EQ(cgroup("trade", "/system.slice/trade.service"), "trade") << "elsewhere: moved since, or in a namespace";
  EXPECT_EQ(cgroup("trade.service", ""), "trade.service");
}

TEST(BuildProcess, RelativesThatAreNotTracedKeepTheirNumber) {
  Trace trace;
  trace.add(process(1, 42)).proc.parent_tgid = 90041;
  EXPECT_EQ(only_process(trace).parent_pid, 90041U);
}

TEST(BuildProcess, WhatProcTold) {
  Trace trace;
  ProcessCounts& counts = trace.add(process(1, 42));
  ProcessSnapshot start = snapshot(0);
  start.exe = "/bin/old";
  start.cgroup = "/old";
  start.threads = 1;
  trace.data.views[42].start = start;
  EXPECT_EQ(only_process(trace).exe, "/bin/old");
  EXPECT_EQ(only_process(trace).comm, "worker");
  EXPECT_FALSE(only_process(trace).exited);
  ProcessSnapshot end = start;
  end.exe = "/bin/new";
  end.cgroup = "/new";
  end.threads = 5;
  trace.data.views[42].end = end;
  EXPECT_EQ(only_process(trace).exe, "/bin/new");
  EXPECT_EQ(only_process(trace).cgroup, "/new");
  EXPECT_EQ(only_process(trace).threads, 5U);
  counts.proc.exit_ns = 1;
  EXPECT_TRUE(only_process(trace).exited);
}

TEST(BuildProcess, Life) {
  Trace trace;
  trace.add(process(1, 42));
  mlt_event_process exec{};
  exec.head = {MLT_EVENT_EXEC, 0, 42, MLT_CALL_EXECVE, kStartNs + 5};
  exec.locked_pages = 16;
  exec.def_flags = 0x2000;
  strcpy(exec.comm, "next");
  trace.data.events[1].add(exec.head);
  mlt_event_process exit{};
  exit.head = {MLT_EVENT_EXIT, 0, 42, MLT_CALL_EXIT, kStartNs + 9};
  trace.data.events[1].add(exit.head);
  trace.data.events[1].life_not_kept = 3;
  const Process process = only_process(trace);
  EXPECT_EQ(process.life_not_kept, 3U);
  const auto& life = process.life;
  ASSERT_EQ(life.size(), 2U);
  EXPECT_EQ(life[0].kind, LifeEvent::Kind::exec);
  EXPECT_EQ(life[0].at_ns, 5U);
  EXPECT_EQ(life[0].locked_bytes, 65536U);
  EXPECT_TRUE(life[0].mcl_future);
  EXPECT_EQ(life[0].comm, "next");
  EXPECT_EQ(life[0].child_pid, 0U);
  EXPECT_EQ(life[1].kind, LifeEvent::Kind::exit);
  EXPECT_FALSE(life[1].mcl_future);
}

TEST(BuildProcess, WaysToHaveAChild) {
  Trace trace;
  trace.add(process(1, 42));
  const std::pair<mlt_event_kind, LifeEvent::Kind> kinds[] = {{MLT_EVENT_FORK, LifeEvent::Kind::fork},
                                                              {MLT_EVENT_VFORK, LifeEvent::Kind::vfork},
                                                              {MLT_EVENT_SHARE, LifeEvent::Kind::share}};
  for (const auto& [event_kind, kind] : kinds) {
    mlt_event_process event{};
    event.head = {event_kind, 0, 42, MLT_CALL_FORK, kStartNs + 5};
    event.child_tgid = 90000 + event_kind;
    event.locked_pages = 4;
    event.locked_pages_after = kind == LifeEvent::Kind::fork ? 0 : 4;
    event.def_flags = 0x82000;
    trace.data.events[1].add(event.head);
  }
  const auto life = only_process(trace).life;
  ASSERT_EQ(life.size(), 3U);
  for (std::size_t i = 0; i < life.size(); ++i) {
    EXPECT_EQ(life[i].kind, kinds[i].second);
    EXPECT_EQ(life[i].child_pid, 90000U + kinds[i].first);
    EXPECT_EQ(life[i].locked_bytes, 16384U);
    EXPECT_EQ(life[i].locked_bytes_after, i == 0 ? 0U : 16384U);
    EXPECT_TRUE(life[i].mcl_future);
    EXPECT_TRUE(life[i].mcl_onfault);
  }
}

TEST(BuildProcess, EventsGoById) {
  Trace trace;
  trace.add(process(1, 42)).proc.exit_ns = 1;
  trace.add(process(2, 42));  // the same pid again
  trace.data.events[2].add(call_event(MLT_CALL_MLOCK).head);
  const Report report = build_report(trace.data);
  ASSERT_EQ(report.processes.size(), 2U);
  EXPECT_TRUE(report.processes[0].locks.calls.empty());
  EXPECT_EQ(report.processes[1].locks.calls.size(), 1U);
}

}  // namespace
}  // namespace mlt
