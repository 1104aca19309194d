#include "analysis/trigger.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cerrno>

#include "analysis/trace.h"

namespace mlt {
namespace {

using fixtures::call_event;

mlt_event_call advice(std::uint64_t value) { return call_event(MLT_CALL_MADVISE, {0x10000, 0x2000, value}); }

TEST(PossibleTriggers, AreCallsAfterWhichPagesFault) {
  EXPECT_TRUE(possible_trigger(advice(MADV_DONTNEED).head));
  EXPECT_TRUE(possible_trigger(call_event(MLT_CALL_MUNLOCK, {0x10000, 0x2000}).head));
  EXPECT_FALSE(possible_trigger(advice(MADV_WILLNEED).head));
  EXPECT_FALSE(possible_trigger(call_event(MLT_CALL_MLOCK, {0x10000, 0x2000}).head));
  EXPECT_FALSE(possible_trigger(call_event(MLT_CALL_MMAP, {0, 0x2000, 3, 0x22}, -ENOMEM).head));
  mlt_event_call mapping = call_event(MLT_CALL_MMAP, {0, 0x2000, 3, 0x22});
  mapping.head.kind = MLT_EVENT_MAPPING;
  EXPECT_TRUE(possible_trigger(mapping.head));
}

TEST(PossibleTriggers, AreForksAndExecs) {
  mlt_event_process event{};
  event.head = {MLT_EVENT_FORK, 3, 42, MLT_CALL_FORK, 500};
  const auto fork = possible_trigger(event.head);
  ASSERT_TRUE(fork);
  EXPECT_EQ(fork->head.tid, 42U);
  EXPECT_EQ(fork->head.ns, 500U);
  event.head.kind = MLT_EVENT_EXIT;
  EXPECT_FALSE(possible_trigger(event.head));
  event.head.kind = MLT_EVENT_VFORK;  // nothing is copied
  EXPECT_FALSE(possible_trigger(event.head));
}

TEST(Triggers, LeadToCausesOfTheirOwn) {
  const mlt_event_call fork = call_event(MLT_CALL_FORK);
  const mlt_event_call map = call_event(MLT_CALL_MMAP);
  const mlt_event_call protect = call_event(MLT_CALL_MPROTECT);
  const mlt_event_call unlock = call_event(MLT_CALL_MUNLOCKALL);
  const mlt_event_call lock = call_event(MLT_CALL_MLOCK);
  const auto all = {&fork, &map, &protect, &unlock, &lock};
  const auto those_that = [&](mlt_cause cause) {
    std::vector<std::uint32_t> calls;
    for (const auto* call : all) {
      if (leads_to(*call, cause)) calls.push_back(call->head.call);
    }
    return calls;
  };
  using Calls = std::vector<std::uint32_t>;
  EXPECT_EQ(those_that(MLT_CAUSE_COW), (Calls{MLT_CALL_FORK, MLT_CALL_MMAP, MLT_CALL_MPROTECT}));
  EXPECT_EQ(those_that(MLT_CAUSE_FIRST_TOUCH), (Calls{MLT_CALL_MMAP, MLT_CALL_MPROTECT}));
  EXPECT_EQ(those_that(MLT_CAUSE_WRITE_ENABLE), (Calls{MLT_CALL_MPROTECT}));
  EXPECT_EQ(those_that(MLT_CAUSE_SWAP_IN), (Calls{MLT_CALL_MUNLOCKALL}));
  EXPECT_EQ(those_that(MLT_CAUSE_SOFT_DIRTY), Calls{});
  EXPECT_EQ(those_that(MLT_CAUSE_UNKNOWN),
            (Calls{MLT_CALL_FORK, MLT_CALL_MMAP, MLT_CALL_MPROTECT, MLT_CALL_MUNLOCKALL}));
  EXPECT_TRUE(leads_to(advice(MADV_FREE), MLT_CAUSE_FIRST_TOUCH));
  EXPECT_FALSE(leads_to(advice(MADV_PAGEOUT), MLT_CAUSE_FIRST_TOUCH));
  EXPECT_TRUE(leads_to(advice(MADV_PAGEOUT), MLT_CAUSE_SWAP_IN));
}

TEST(Triggers, TheWidestOrElseTheEarliest) {
  std::map<std::uint32_t, mlt_event_call> first{{MLT_CALL_MADVISE, advice(MADV_DONTNEED)}};
  std::map<std::uint32_t, mlt_event_call> second{{MLT_CALL_MMAP, call_event(MLT_CALL_MMAP, {0, 0x2000, 3, 0x22})}};
  first.at(MLT_CALL_MADVISE).head.ns = 1;
  second.at(MLT_CALL_MMAP).head.ns = 2;
  const auto widest = [&](mlt_cause cause) {
    const auto call = widest_trigger({&first, &second}, cause);
    return call ? call->head.call : std::uint32_t{MLT_CALL_NONE};
  };
  EXPECT_EQ(widest(MLT_CAUSE_FIRST_TOUCH), MLT_CALL_MADVISE);
  second.at(MLT_CALL_MMAP).args[1] = 0x2001;
  EXPECT_EQ(widest(MLT_CAUSE_FIRST_TOUCH), MLT_CALL_MMAP);
  second[MLT_CALL_FORK] = call_event(MLT_CALL_FORK);
  EXPECT_EQ(widest(MLT_CAUSE_FIRST_TOUCH), MLT_CALL_MMAP);
  EXPECT_EQ(widest(MLT_CAUSE_COW), MLT_CALL_FORK);
  EXPECT_EQ(widest(MLT_CAUSE_SWAP_IN), MLT_CALL_NONE);
}

}  // namespace
}  // namespace mlt
