#include "analysis/build_storms.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include "analysis/trace.h"

namespace mlt {
namespace {

StormSeen cow_storm() {
  StormSeen seen;
  seen.storm.pid = 42;
  seen.storm.cause = MLT_CAUSE_COW;
  return seen;
}

Frame function(const char* name) { return {name, "/bin/a", 0x1000, 16}; }

TEST(BuildStorms, NamesTheMapping) {
  fixtures::Trace trace;
  StormSeen seen = cow_storm();
  seen.vma = mlt_vma{};
  seen.vma->kind = MLT_VMA_FILE;
  seen.vma->inode_number = 7;
  strcpy(seen.vma->name, "libbig.so");
  trace.data.maps[42] = {{0x1000, 0x2000, "r--p", 0, 7, "/usr/lib/libbig.so"}};
  const auto storms = build_storms({seen, cow_storm()}, trace.data, {});
  EXPECT_EQ(storms.at(0).vma, "/usr/lib/libbig.so");
  EXPECT_EQ(storms.at(1).vma, "");
}

TEST(BuildStorms, TellsWhatCameBefore) {
  const fixtures::Trace trace;
  StormSeen seen = cow_storm();
  seen.trigger = fixtures::call_event(MLT_CALL_MADVISE, {0x10000, 4 << 20, MADV_DONTNEED});
  seen.trigger->head.ns = fixtures::kStartNs + 700;
  seen.trigger->head.tid = 43;
  const auto storms = build_storms({seen, cow_storm()}, trace.data, {});
  EXPECT_EQ(storms.at(0).trigger, (StormCall{700, 43, "madvise", "0x10000, 4 MiB, MADV_DONTNEED"}));
  EXPECT_EQ(storms.at(1).trigger, std::nullopt);
}

TEST(BuildStorms, TheStackOfMostOfTheSameCauseAtAccess) {
  const fixtures::Trace trace;
  Process process;
  process.pid = 42;
  const auto add = [&](mlt_origin origin, mlt_cause cause, std::vector<Frame> user) {
    StackFaults& stack = process.faults.stacks.emplace_back();
    stack.origin = origin;
    stack.cause = cause;
    stack.user = std::move(user);
  };
  add(MLT_ORIGIN_ACCESS, MLT_CAUSE_FIRST_TOUCH, {function("start")});
  add(MLT_ORIGIN_POPULATE, MLT_CAUSE_COW, {function("mlock")});
  add(MLT_ORIGIN_ACCESS, MLT_CAUSE_COW,
      {function("memset"), {"", "/usr/lib/libc.so.6", 0x2000, 0x30}, function("main")});
  add(MLT_ORIGIN_ACCESS, MLT_CAUSE_COW, {function("other")});
  process.faults.stacks[2].kernel = {function("exc_page_fault")};
  EXPECT_EQ(build_storms({cow_storm()}, trace.data, {process}).at(0).stack,
            "exc_page_fault <- memset <- libc.so.6+0x30 <- main");
  process.faults.stacks[2].user.assign(20, function("recurse"));
  const std::string text = build_storms({cow_storm()}, trace.data, {process}).at(0).stack;
  EXPECT_TRUE(text.ends_with("recurse <- recurse <- ...")) << text;
  EXPECT_EQ(build_storms({cow_storm()}, trace.data, {}).at(0).stack, "");
}

}  // namespace
}  // namespace mlt
