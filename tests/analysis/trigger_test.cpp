#include "analysis/trigger.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cerrno>
#include <limits>

#include "analysis/trace.h"
#include "analysis/vma_flags.h"

namespace mlt {
namespace {

using fixtures::call_event;

constexpr std::uint64_t kStart = 0x10000;
constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kPages = kMiB / 4096;
constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kReadWrite = PROT_READ | PROT_WRITE;

mlt_event_call advice(std::uint64_t value) { return call_event(MLT_CALL_MADVISE, {kStart, kMiB, value}); }
mlt_event_call map(std::uint64_t at = kStart, std::uint64_t bytes = kMiB) {
  return call_event(MLT_CALL_MMAP, {0, bytes, kReadWrite}, static_cast<std::int64_t>(at));
}
mlt_event_call protect(std::uint64_t protection) { return call_event(MLT_CALL_MPROTECT, {kStart, kMiB, protection}); }

mlt_vma mapping(mlt_vma_kind kind, std::uint64_t flags = 0, std::uint64_t start = kStart, std::uint64_t bytes = kMiB) {
  mlt_vma vma{};
  vma.kind = kind;
  vma.flags = flags;
  vma.start = start;
  vma.size = bytes;
  return vma;
}

FaultsSeen seen(mlt_cause cause, mlt_vma vma, std::uint64_t faults = kPages) {
  vma.completed[cause] = faults;
  return {cause, faults, {vma}, kSecond};
}

const mlt_vma kMemory = mapping(MLT_VMA_ANONYMOUS);
const mlt_vma kHeap = mapping(MLT_VMA_HEAP);
const mlt_vma kPrivateFile = mapping(MLT_VMA_FILE);
const mlt_vma kSharedFile = mapping(MLT_VMA_FILE, kVmShared);

TEST(PossibleTriggers, AreCallsAfterWhichPagesFault) {
  EXPECT_TRUE(possible_trigger(advice(MADV_DONTNEED).head));
  EXPECT_TRUE(possible_trigger(call_event(MLT_CALL_MUNLOCK, {0x10000, 0x2000}).head));
  EXPECT_FALSE(possible_trigger(advice(MADV_WILLNEED).head));
  EXPECT_FALSE(possible_trigger(call_event(MLT_CALL_MLOCK, {0x10000, 0x2000}).head));
  EXPECT_FALSE(possible_trigger(call_event(MLT_CALL_MMAP, {0, 0x2000, 3, 0x22}, -ENOMEM).head));
  mlt_event_call mapping = map();
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

// Every pair of a call and a cause that is possible: in which mappings. Nothing else is.
TEST(Triggers, LeadToCausesOfTheirOwn) {
  const std::map<std::string, mlt_event_call> calls = {
      {"mmap", map()},
      {"brk", call_event(MLT_CALL_BRK, {kStart + kMiB}, kStart + kMiB)},
      {"mremap", call_event(MLT_CALL_MREMAP, {kStart, kMiB / 2, kMiB, 0}, kStart)},
      {"mprotect", protect(kReadWrite)},
      {"mprotect none", protect(PROT_NONE)},
      {"dontneed", advice(MADV_DONTNEED)},
      {"remove", advice(MADV_REMOVE)},
      {"pageout", advice(MADV_PAGEOUT)},
      {"mergeable", advice(MADV_MERGEABLE)},
      {"munlock", call_event(MLT_CALL_MUNLOCK, {kStart, kMiB})},
      {"munlockall", call_event(MLT_CALL_MUNLOCKALL)},
      {"mlock", call_event(MLT_CALL_MLOCK, {kStart, kMiB})},
      {"fork", call_event(MLT_CALL_FORK)},
      {"execve", call_event(MLT_CALL_EXECVE)},
  };
  const auto those_that = [&](mlt_cause cause, const mlt_vma& vma) {
    std::string names;
    for (const auto& [name, call] : calls) {
      if (leads_to(call, cause, vma)) names += (names.empty() ? "" : ", ") + name;
    }
    return names;
  };
  const std::string mapped = "dontneed, execve, mmap, mprotect, mremap, remove";
  EXPECT_EQ(those_that(MLT_CAUSE_FIRST_TOUCH, kMemory), "brk, " + mapped);
  EXPECT_EQ(those_that(MLT_CAUSE_ZERO_PAGE, kMemory), "brk, " + mapped);
  EXPECT_EQ(those_that(MLT_CAUSE_STACK, mapping(MLT_VMA_STACK)), "dontneed, execve, remove");
  EXPECT_EQ(those_that(MLT_CAUSE_COW, kMemory), "fork");
  EXPECT_EQ(those_that(MLT_CAUSE_COW, kHeap), "fork");
  EXPECT_EQ(those_that(MLT_CAUSE_COW, mapping(MLT_VMA_STACK)), "fork");
  EXPECT_EQ(those_that(MLT_CAUSE_COW, kPrivateFile), mapped);
  EXPECT_EQ(those_that(MLT_CAUSE_WRITE_ENABLE, kMemory), "fork, mprotect, mprotect none");
  EXPECT_EQ(those_that(MLT_CAUSE_WRITE_ENABLE, kSharedFile), "mprotect, mprotect none");
  EXPECT_EQ(those_that(MLT_CAUSE_FILE_MAP, kSharedFile),
            "dontneed, execve, mmap, mprotect, mremap, munlock, munlockall, pageout, remove");
  EXPECT_EQ(those_that(MLT_CAUSE_FILE_READ, kPrivateFile),
            "execve, mmap, mprotect, mremap, munlock, munlockall, pageout, remove");
  EXPECT_EQ(those_that(MLT_CAUSE_MKWRITE, kSharedFile), mapped);
  EXPECT_EQ(those_that(MLT_CAUSE_SWAP_IN, kMemory), "munlock, munlockall, pageout");
  EXPECT_EQ(those_that(MLT_CAUSE_KSM, kMemory), "mergeable");
  EXPECT_EQ(those_that(MLT_CAUSE_UFFD_MISSING, kMemory), mapped);
  EXPECT_EQ(those_that(MLT_CAUSE_HUGETLB, kMemory), mapped);
  EXPECT_EQ(those_that(MLT_CAUSE_SPECIAL_MAP, mapping(MLT_VMA_SPECIAL)), "execve, mmap, mprotect, mremap");
  for (const mlt_cause cause : {MLT_CAUSE_SOFT_DIRTY, MLT_CAUSE_UFFD_WP, MLT_CAUSE_NUMA_HINT, MLT_CAUSE_MIGRATION,
                                MLT_CAUSE_SPECIAL_ENTRY, MLT_CAUSE_SPURIOUS})
    EXPECT_EQ(those_that(cause, kMemory), "") << cause;
  // What the cause is, is not known; where the call was, is.
  EXPECT_EQ(those_that(MLT_CAUSE_UNKNOWN, kMemory),
            "brk, dontneed, execve, mmap, mprotect, mremap, munlock, munlockall, "
            "pageout, remove");
}

TEST(Triggers, AreAboutTheseAddresses) {
  const auto before = [](std::uint64_t end) { return mapping(MLT_VMA_ANONYMOUS, 0, end - 0x1000, 0x1000); };
  const auto from = [](std::uint64_t start) { return mapping(MLT_VMA_ANONYMOUS, 0, start, 0x1000); };
  const auto about = [&](const mlt_event_call& call, std::uint64_t start, std::uint64_t end) {
    EXPECT_FALSE(leads_to(call, MLT_CAUSE_FIRST_TOUCH, before(start)));
    EXPECT_TRUE(leads_to(call, MLT_CAUSE_FIRST_TOUCH, from(start)));
    EXPECT_TRUE(leads_to(call, MLT_CAUSE_FIRST_TOUCH, before(end)));
    EXPECT_FALSE(leads_to(call, MLT_CAUSE_FIRST_TOUCH, from(end)));
  };
  about(map(), kStart, kStart + kMiB);
  about(advice(MADV_DONTNEED), kStart, kStart + kMiB);
  about(protect(kReadWrite), kStart, kStart + kMiB);
  // A mapping that shrinks, or only moves, brings nothing new.
  const auto moved = call_event(MLT_CALL_MREMAP, {kStart, kMiB, kMiB, MREMAP_MAYMOVE}, 16 * kMiB);
  EXPECT_FALSE(leads_to(moved, MLT_CAUSE_FIRST_TOUCH, mapping(MLT_VMA_ANONYMOUS, 0, 16 * kMiB, 4 * kMiB)));
  // What mremap moves is there; what it adds is new; what it leaves behind is empty.
  about(call_event(MLT_CALL_MREMAP, {kStart, kMiB, 3 * kMiB, MREMAP_MAYMOVE}, 16 * kMiB), 17 * kMiB, 19 * kMiB);
  about(call_event(MLT_CALL_MREMAP, {kStart, kMiB, kMiB, MREMAP_MAYMOVE | MREMAP_DONTUNMAP}, 16 * kMiB), kStart,
        kStart + kMiB);
}

TEST(Triggers, TheWidestOrElseTheEarliest) {
  TriggerCalls calls;
  mlt_event_call first = advice(MADV_DONTNEED);
  mlt_event_call second = map();
  first.head.ns = 1;
  second.head.ns = 2;
  calls.add(second);
  calls.add(first);
  const auto explained = [&](mlt_cause cause) {
    const auto call = calls.explain(seen(cause, kMemory));
    return call ? call->head.call : std::uint32_t{MLT_CALL_NONE};
  };
  EXPECT_EQ(explained(MLT_CAUSE_FIRST_TOUCH), MLT_CALL_MADVISE);
  calls.add(map(kStart, 2 * kMiB));
  EXPECT_EQ(explained(MLT_CAUSE_FIRST_TOUCH), MLT_CALL_MMAP);
  // About these addresses, it says more than what was about all.
  calls.add(call_event(MLT_CALL_EXECVE));
  EXPECT_EQ(explained(MLT_CAUSE_FIRST_TOUCH), MLT_CALL_MMAP);
  EXPECT_EQ(explained(MLT_CAUSE_COW), MLT_CALL_NONE);
  EXPECT_EQ(explained(MLT_CAUSE_SWAP_IN), MLT_CALL_NONE);
}

// A call of 4 MiB somewhere in the same mapping did not lead to faults on 64 MiB of it.
TEST(Triggers, AreAboutEnough) {
  TriggerCalls calls;
  calls.add(map(kStart, 4 * kMiB));
  const mlt_vma merged = mapping(MLT_VMA_ANONYMOUS, 0, kStart, 64 * kMiB);
  EXPECT_TRUE(calls.explain(seen(MLT_CAUSE_FIRST_TOUCH, merged, 8 * kPages)));
  EXPECT_FALSE(calls.explain(seen(MLT_CAUSE_FIRST_TOUCH, merged, 64 * kPages)));
  // More of the same came while the storm lasted.
  TriggerCalls later;
  for (int i = 0; i < 8; ++i) later.add(map(kStart, 4 * kMiB));
  calls.add_amount(later);
  EXPECT_TRUE(calls.explain(seen(MLT_CAUSE_FIRST_TOUCH, merged, 64 * kPages)));
}

// Of calls in rows not all are told.
TEST(Triggers, ThatComeInRowsAreMoreThanIsKnown) {
  TriggerCalls calls;
  for (int i = 0; i < 50; ++i) calls.add(map(kStart, 0x1000));
  EXPECT_TRUE(calls.explain(seen(MLT_CAUSE_FIRST_TOUCH, kMemory, kPages)));
}

TEST(Triggers, AreAboutMostOfTheFaults) {
  TriggerCalls calls;
  calls.add(map());
  FaultsSeen faults = seen(MLT_CAUSE_FIRST_TOUCH, kMemory);
  mlt_vma other = mapping(MLT_VMA_ANONYMOUS, 0, 64 * kMiB);
  other.completed[MLT_CAUSE_FIRST_TOUCH] = kPages;
  faults.by_vma.push_back(other);
  faults.faults = 2 * kPages;
  EXPECT_TRUE(calls.explain(faults));
  faults.by_vma.back().completed[MLT_CAUSE_FIRST_TOUCH] = 2 * kPages;
  faults.faults = 3 * kPages;
  EXPECT_FALSE(calls.explain(faults));
}

TEST(ForksOfAProcess, ExplainCopiesOfItsMemory) {
  Forks forks;
  EXPECT_FALSE(forks.explain(seen(MLT_CAUSE_COW, kMemory)));
  forks.add(call_event(MLT_CALL_FORK), 0);
  EXPECT_TRUE(forks.explain(seen(MLT_CAUSE_COW, kMemory)));
  EXPECT_TRUE(forks.explain(seen(MLT_CAUSE_COW, kHeap)));
  EXPECT_FALSE(forks.explain(seen(MLT_CAUSE_COW, kPrivateFile)));
  EXPECT_FALSE(forks.explain(seen(MLT_CAUSE_FIRST_TOUCH, kMemory)));
  EXPECT_TRUE(only_fork_explains(seen(MLT_CAUSE_COW, kMemory)));
  EXPECT_FALSE(only_fork_explains(seen(MLT_CAUSE_COW, kPrivateFile)));
  EXPECT_FALSE(only_fork_explains(seen(MLT_CAUSE_WRITE_ENABLE, kMemory)));
}

TEST(ForksOfAProcess, TheLastWhoseChildIsThere) {
  Forks forks;
  const auto fork = [&](std::uint64_t ns, std::uint32_t child) {
    mlt_event_call call = call_event(MLT_CALL_FORK);
    call.head.ns = ns;
    forks.add(call, child);
  };
  const auto which = [&] { return forks.explain(seen(MLT_CAUSE_COW, kMemory))->head.ns; };
  fork(1, 11);
  fork(2, 12);
  EXPECT_EQ(which(), 2U);
  forks.child_left(12);
  EXPECT_EQ(which(), 1U);
  forks.child_left(11);
  EXPECT_EQ(which(), 2U) << "the pages stay read-only";
  fork(3, 13);
  for (std::uint32_t i = 0; i < 100; ++i) {
    fork(4 + i, 14 + i);
    forks.child_left(14 + i);
  }
  EXPECT_EQ(which(), 3U);
}

}  // namespace
}  // namespace mlt
