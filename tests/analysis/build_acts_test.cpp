// What others did to the memory of a process, from the counts.
#include "analysis/build_acts.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <cstring>

namespace mlt {
namespace {

constexpr std::uint16_t kProcessMadvise = 440;

ActCount act(std::uint32_t tgid, std::uint16_t kind, std::uint16_t nr, std::uint32_t detail) {
  ActCount one;
  one.key = {1, tgid, kind, nr, detail};
  one.act.count = 1;
  one.act.tgid = one.act.pid = tgid;
  one.act.first_ns = 1000;
  one.act.last_ns = 2000;
  strcpy(one.act.comm, "trimmer");
  return one;
}

Act built(const ActCount& one, std::uint32_t tgid = 42) {
  const std::vector<Act> acts = build_acts({one}, tgid, 400);
  return acts.size() == 1 ? acts.front() : Act{};
}

TEST(BuildActs, WhoDidWhatWhen) {
  ActCount one = act(7, MLT_ACT_MADVISE, kProcessMadvise, 21);
  one.act.count = 3;
  one.act.bytes = 8192;
  one.act.pages = 1;
  const Act made = built(one);
  EXPECT_EQ(made.pid, 7U);
  EXPECT_EQ(made.comm, "trimmer");
  EXPECT_FALSE(made.by_itself);
  EXPECT_EQ(made.call, "process_madvise");
  EXPECT_EQ(made.what, "MADV_PAGEOUT");
  EXPECT_EQ(made.calls, 3U);
  EXPECT_EQ(made.bytes, 8192U);
  EXPECT_EQ(made.pages, 1U);
  EXPECT_EQ(made.first_ns, 600U);
  EXPECT_EQ(made.last_ns, 1600U);
}

TEST(BuildActs, WhatIsNotKnownIsNotZero) {
  ActCount one = act(7, MLT_ACT_MADVISE, kProcessMadvise, 20);
  one.act.bytes = 8192;
  one.act.unsized = 1;
  EXPECT_EQ(built(one).bytes, std::nullopt) << "of one call it is not known";
  EXPECT_EQ(built(one).pages, std::nullopt) << "MADV_COLD takes none";
  one = act(42, MLT_ACT_MADVISE, SYS_madvise, 21);
  one.act.count = 0;
  one.act.pages = 5;
  EXPECT_TRUE(built(one).by_itself);
  EXPECT_EQ(built(one).calls, std::nullopt) << "only the pages were counted";
  EXPECT_EQ(built(one).pages, 5U);
  one.act.pid = 0;
  EXPECT_EQ(built(one).pid, 0U);
}

TEST(BuildActs, Words) {
  const Act cleared = built(act(7, MLT_ACT_CLEAR_REFS, SYS_write, 4));
  EXPECT_EQ(cleared.file, "clear_refs");
  EXPECT_EQ(cleared.value, "4");
  EXPECT_EQ(built(act(7, MLT_ACT_USERFAULTFD, SYS_ioctl, 3)).what, "UFFDIO_COPY");
  EXPECT_EQ(built(act(7, MLT_ACT_USERFAULTFD, SYS_ioctl, 6)).what, "UFFDIO_WRITEPROTECT");
  EXPECT_EQ(built(act(7, MLT_ACT_USERFAULTFD, SYS_ioctl, 0x3f)).what, "UFFDIO_API");
  EXPECT_EQ(built(act(7, MLT_ACT_PTRACE_ATTACH, SYS_ptrace, 0)).what, "attach");
  EXPECT_EQ(built(act(7, MLT_ACT_COMPACTION, MLT_ACT_NO_CALL, 0)).call, "compaction");
  EXPECT_EQ(built(act(7, MLT_ACT_VM_WRITE, SYS_process_vm_writev, 0)).call, "process_vm_writev");
  ActCount written = act(7, MLT_ACT_FILE_WRITE, SYS_write, 1);
  strcpy(written.act.name, "memory.high");
  strcpy(written.act.cgroup, "db.service");
  strcpy(written.act.value, "64M\n");
  EXPECT_EQ(built(written, 0).value, "64M");
  EXPECT_EQ(built(written, 0).cgroup, "db.service");
  EXPECT_FALSE(built(written, 0).by_itself);
}

// The reclaim of a traced process is in its own record.
TEST(BuildActs, WhoIsAtTheLimitOfACgroup) {
  Counts counts;
  counts.acts = {act(7, MLT_ACT_AT_LIMIT, MLT_ACT_NO_CALL, 1), act(42, MLT_ACT_AT_LIMIT, MLT_ACT_NO_CALL, 1)};
  counts.acts[0].act.count = 5;
  counts.acts[1].act.count = 2;
  counts.processes.resize(2);
  counts.processes[1].proc.tgid = 42;
  counts.processes[1].proc.reclaim[MLT_RECLAIM_MEMCG].calls = 30;
  std::vector<Act> acts = build_system_acts(counts, 0);
  ASSERT_EQ(acts.size(), 2U);
  EXPECT_EQ(acts[0].calls, 5U);
  EXPECT_EQ(acts[1].calls, 32U);
  counts.acts.push_back(act(42, MLT_ACT_AT_LIMIT, MLT_ACT_NO_CALL, 2));
  acts = build_system_acts(counts, 0);
  EXPECT_EQ(acts[1].calls, std::nullopt) << "in which cgroup is not known";
}

TEST(BuildActs, TheFirstComesFirst) {
  ActCount later = act(7, MLT_ACT_MOVE_PAGES, SYS_move_pages, 0);
  later.act.first_ns = 5000;
  const std::vector<Act> acts = build_acts({later, act(8, MLT_ACT_PTRACE_ATTACH, SYS_ptrace, 0)}, 42, 0);
  ASSERT_EQ(acts.size(), 2U);
  EXPECT_EQ(acts[0].pid, 8U);
  EXPECT_EQ(acts[1].pid, 7U);
}

}  // namespace
}  // namespace mlt
