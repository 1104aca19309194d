#include "analysis/storms.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include "analysis/trace.h"
#include "model/vma_counts.h"

namespace mlt {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kMicrosecond = 1'000;

FaultSample sample(std::uint32_t id, std::uint64_t faults) {
  FaultSample sample;
  sample.id = id;
  sample.pid = 10 * id;
  sample.faults = sample.time_ns = faults;
  return sample;
}

// One process, a sample a second. A fault takes a microsecond unless said otherwise.
class Watch {
 public:
  explicit Watch(const StormLimits& limits = {}) : watch_(limits) { sample_.id = sample_.pid = 42; }

  Watch& seconds(int count, std::uint64_t per_s, std::uint64_t each_ns = kMicrosecond,
                 mlt_cause cause = MLT_CAUSE_FIRST_TOUCH) {
    for (int i = 0; i < count; ++i) {
      sample_.faults += per_s;
      sample_.time_ns += per_s * each_ns;
      sample_.by_cause.at(cause) += per_s;
      watch_.add(now_ += kSecond, {sample_});
    }
    return *this;
  }
  [[nodiscard]] std::vector<Storm> storms() const {
    std::vector<Storm> storms;
    for (const StormSeen& seen : watch_.storms()) storms.push_back(seen.storm);
    return storms;
  }

 private:
  StormWatch watch_;
  FaultSample sample_;
  std::uint64_t now_ = 0;
};

TEST(Storms, SteadyFaultsAreNone) {
  EXPECT_TRUE(Watch().seconds(120, 10'000).storms().empty());
  EXPECT_TRUE(Watch().seconds(120, 0).storms().empty());
}

TEST(Storms, ManyASecond) {
  const auto storms = Watch().seconds(3, 100, 100).seconds(4, 60'000, 10).seconds(5, 100, 100).storms();
  ASSERT_EQ(storms.size(), 1U);
  EXPECT_EQ(storms[0].pid, 42U);
  EXPECT_EQ(storms[0].start_ns, 3 * kSecond);
  EXPECT_EQ(storms[0].duration_ns, 4 * kSecond);
  EXPECT_EQ(storms[0].peak_per_s, 60'000U);
  EXPECT_EQ(storms[0].faults, 240'000U);
  EXPECT_EQ(storms[0].time_ns, 240'000U * 10);
  EXPECT_EQ(storms[0].cause, MLT_CAUSE_FIRST_TOUCH);
  // Too early to know what is usual.
  EXPECT_EQ(storms[0].baseline_per_s, std::nullopt);
}

TEST(Storms, MuchTime) {
  EXPECT_EQ(Watch().seconds(4, 1'000, 60 * kMicrosecond).storms().size(), 1U);
  EXPECT_TRUE(Watch().seconds(4, 1'000, 40 * kMicrosecond).storms().empty());
}

TEST(Storms, ShortBurstsAreNone) {
  EXPECT_TRUE(Watch().seconds(2, 90'000).seconds(1, 0).seconds(2, 90'000).storms().empty());
}

TEST(Storms, FarMoreThanIsUsual) {
  const auto storms = Watch().seconds(20, 500).seconds(5, 15'000).seconds(3, 500).storms();
  ASSERT_EQ(storms.size(), 1U);
  EXPECT_EQ(storms[0].start_ns, 20 * kSecond);
  EXPECT_EQ(storms[0].baseline_per_s, 500U);
  EXPECT_TRUE(Watch().seconds(20, 2'000).seconds(5, 15'000).storms().empty());  // 7.5 times
}

// An idle process that does a little is not in a storm, however many times more that is.
TEST(Storms, ManyTimesNearlyNothing) { EXPECT_TRUE(Watch().seconds(30, 0).seconds(10, 5'000).storms().empty()); }

TEST(Storms, WhatIsUsualDoesNotGrowWithTheStorm) {
  const auto storms = Watch().seconds(12, 500).seconds(100, 15'000).storms();
  ASSERT_EQ(storms.size(), 1U);
  EXPECT_EQ(storms[0].duration_ns, 100 * kSecond);
}

TEST(Storms, TheCauseOfMost) {
  const auto storms = Watch()
                          .seconds(2, 60'000, kMicrosecond, MLT_CAUSE_FIRST_TOUCH)
                          .seconds(3, 60'000, kMicrosecond, MLT_CAUSE_COW)
                          .storms();
  ASSERT_EQ(storms.size(), 1U);
  EXPECT_EQ(storms[0].cause, MLT_CAUSE_COW);
}

TEST(Storms, SeveralInOrderOfTime) {
  const auto storms = Watch().seconds(3, 60'000).seconds(1, 0).seconds(4, 70'000).storms();
  ASSERT_EQ(storms.size(), 2U);
  EXPECT_EQ(storms[0].start_ns, 0U);
  EXPECT_EQ(storms[1].start_ns, 4 * kSecond);
  EXPECT_EQ(storms[1].peak_per_s, 70'000U);
}

TEST(Storms, LimitsAreOptions) {
  StormLimits limits;
  limits.per_s = 100;
  limits.least_ns = kSecond;
  EXPECT_EQ(Watch(limits).seconds(1, 200).seconds(1, 0).storms().size(), 1U);
}

TEST(Storms, ProcessesAreToldApart) {
  StormWatch watch({});
  FaultSample calm = sample(1, 0);
  FaultSample wild = sample(2, 0);
  for (std::uint64_t second = 1; second <= 4; ++second) {
    calm.faults += 10;
    wild.faults += 100'000;
    watch.add(second * kSecond, {calm, wild});
  }
  ASSERT_EQ(watch.storms().size(), 1U);
  EXPECT_EQ(watch.storms()[0].storm.pid, 20U);
}

TEST(Storms, TheSameMomentTwiceIsIgnored) {
  StormWatch watch({});
  watch.add(kSecond, {sample(1, 100)});
  watch.add(kSecond, {sample(1, 200)});
  EXPECT_TRUE(watch.storms().empty());
}

mlt_vma mapping(std::uint64_t start, std::uint64_t faults) {
  mlt_vma vma{};
  vma.start = start;
  vma.size = 0x1000;
  vma.kind = MLT_VMA_ANONYMOUS;
  vma.completed[MLT_CAUSE_FIRST_TOUCH] = faults;
  return vma;
}

// What was there before the storm, and what came after, does not count.
TEST(Storms, TheMappingAndTheThreadOfMost) {
  StormWatch watch({});
  FaultSample now = sample(1, 0);
  auto second = [&, at = std::uint64_t{0}](std::uint64_t in_first, std::uint64_t in_second) mutable {
    now.faults += in_first + in_second;
    now.by_thread[11] += in_first;
    now.by_thread[12] += in_second;
    now.by_thread[0] += 1'000'000;  // of threads that could not be told apart
    now.by_vma = {mapping(0x10000, now.by_thread[11]), mapping(0x20000, now.by_thread[12])};
    watch.add(at += kSecond, {now});
  };
  second(40'000, 0);
  for (int i = 0; i < 3; ++i) second(10'000, 60'000);
  second(40'000, 0);
  ASSERT_EQ(watch.storms().size(), 1U);
  const StormSeen seen = watch.storms()[0];
  EXPECT_EQ(seen.storm.tid, 12U);
  EXPECT_EQ(seen.storm.tid_faults, 180'000U);
  ASSERT_TRUE(seen.vma);
  EXPECT_EQ(seen.vma->start, 0x20000U);
  EXPECT_EQ(seen.storm.vma_faults, 180'000U);
}

TEST(Storms, OfWhichNoMappingAndNoThreadIsKnown) {
  StormWatch watch({});
  watch.add(3 * kSecond, {sample(1, 900'000)});
  ASSERT_EQ(watch.storms().size(), 1U);
  EXPECT_FALSE(watch.storms()[0].vma);
  EXPECT_EQ(watch.storms()[0].storm.vma_faults, std::nullopt);
  EXPECT_EQ(watch.storms()[0].storm.tid, 0U);
  EXPECT_EQ(watch.storms()[0].storm.tid_faults, std::nullopt);
  EXPECT_FALSE(watch.storms()[0].trigger);
}

// Calls of seconds of a process that is calm for a while, and then is not.
class StormTriggers : public testing::Test {
 protected:
  static constexpr std::uint64_t kGiB = 1 << 30;

  void second(std::uint64_t faults, std::initializer_list<mlt_event_call> calls = {}) {
    for (mlt_event_call call : calls) {
      call.head.ns = ++ns_;
      watch_.add(1, call.head);
    }
    now_.faults += faults;
    now_.by_cause.at(cause_) += faults;
    if (now_.by_vma.empty()) now_.by_vma.push_back(memory_);
    now_.by_vma.front().completed[cause_] += faults;
    watch_.add(at_ += kSecond, {now_});
  }
  void fork(std::uint32_t child_proc = 0) {
    mlt_event_process event{};
    event.head = {MLT_EVENT_FORK, 1, 42, MLT_CALL_FORK, ++ns_};
    event.child_proc = child_proc;
    event.child_tgid = 100 + child_proc;
    watch_.add(1, event.head);
  }
  [[nodiscard]] StormSeen storm() {
    for (int i = 0; i < 3; ++i) second(70'000);
    const auto seen = watch_.storms();
    EXPECT_EQ(seen.size(), 1U);
    return seen.empty() ? StormSeen{} : seen.front();
  }
  /// The second argument of what led to the storm; empty: nothing.
  std::optional<std::uint64_t> trigger() {
    const auto found = storm().trigger;
    return found ? std::optional(found->args[1]) : std::nullopt;
  }
  static mlt_event_call discard(std::uint64_t bytes) {
    mlt_event_call call = fixtures::call_event(MLT_CALL_MADVISE, {0x10000, bytes, MADV_DONTNEED});
    call.head.kind = MLT_EVENT_MAPPING;
    return call;
  }
  void copies_from_now_on() { cause_ = MLT_CAUSE_COW; }

  StormWatch watch_{{}};

 private:
  FaultSample now_ = sample(1, 0);
  mlt_vma memory_ = mapping(0x10000, 0);
  mlt_cause cause_ = MLT_CAUSE_FIRST_TOUCH;
  std::uint64_t ns_ = 0;
  std::uint64_t at_ = 0;
};

TEST_F(StormTriggers, AreOfTheSecondBefore) {
  second(10, {discard(4 * kGiB)});
  second(10, {discard(3 * kGiB)});
  second(70'000);
  EXPECT_EQ(trigger(), 3 * kGiB);
}

TEST_F(StormTriggers, OrOfTheFirst) {
  second(10, {discard(3 * kGiB)});
  second(70'000, {discard(4 * kGiB), discard(2 * kGiB)});
  EXPECT_EQ(trigger(), 4 * kGiB);
}

// Enough for a storm, and by chance: what leads to most of it comes later.
TEST_F(StormTriggers, OrOfWhenMostOfItBegins) {
  second(60'000, {discard(0x1000)});
  second(60'000, {discard(4 * kGiB)});
  second(200'000);
  EXPECT_EQ(trigger(), 4 * kGiB);
}

TEST_F(StormTriggers, NotOfWhatComesInTheMidstOfIt) {
  second(60'000);
  second(60'000);
  second(60'000, {discard(4 * kGiB)});
  EXPECT_EQ(trigger(), std::nullopt);
}

TEST_F(StormTriggers, HaveToExplainIt) {
  fork();
  second(70'000, {fixtures::call_event(MLT_CALL_MLOCKALL, {MCL_CURRENT}), discard(0x1000)});
  EXPECT_EQ(trigger(), std::nullopt);
}

// A server that saves a snapshot: it forks, and maps a little now and then.
TEST_F(StormTriggers, AForkMayBeLongBefore) {
  copies_from_now_on();
  second(10);
  fork();
  for (int i = 0; i < 30; ++i) second(10);
  second(70'000, {fixtures::call_event(MLT_CALL_MMAP, {0, 4 << 20, 3, 0x22}, 0x10000)});
  const StormSeen seen = storm();
  ASSERT_TRUE(seen.trigger);
  EXPECT_EQ(seen.trigger->head.call, MLT_CALL_FORK);
  EXPECT_FALSE(seen.lacks_fork);
}

TEST_F(StormTriggers, AForkThatWasNotSeenIsMissed) {
  copies_from_now_on();
  second(70'000, {fixtures::call_event(MLT_CALL_MMAP, {0, 4 << 20, 3, 0x22}, 0x10000)});
  const StormSeen seen = storm();
  EXPECT_FALSE(seen.trigger);
  EXPECT_TRUE(seen.lacks_fork);
}

TEST_F(StormTriggers, AnExecTakesTheForksWithIt) {
  copies_from_now_on();
  fork();
  mlt_event_process exec{};
  exec.head = {MLT_EVENT_EXEC, 1, 42, MLT_CALL_EXECVE, 100};
  watch_.add(1, exec.head);
  second(10);
  second(10);
  EXPECT_FALSE(storm().trigger);
}

// The memory of a child is its parent's until it is written to.
TEST_F(StormTriggers, OfAChildItsBirth) {
  fork(7);
  FaultSample child = sample(2, 0);
  child.tgid = 107;
  child.by_vma = {mapping(0x10000, 0)};
  for (std::uint64_t second = 1; second <= 4; ++second) {
    child.faults += 70'000;
    child.by_cause.at(MLT_CAUSE_COW) += 70'000;
    child.by_vma.front().completed[MLT_CAUSE_COW] += 70'000;
    watch_.add(second * kSecond, {child});
  }
  const auto seen = watch_.storms();
  ASSERT_EQ(seen.size(), 1U);
  ASSERT_TRUE(seen[0].trigger);
  EXPECT_EQ(seen[0].trigger->head.call, MLT_CALL_FORK);
}

TEST(FaultSamples, AreThoseAtAccess) {
  using fixtures::class_id;
  Counts counts;
  ProcessCounts process = fixtures::process(7, 42);
  process.by_class[class_id(MLT_ORIGIN_ACCESS, MLT_LOCKED) + MLT_CAUSE_COW] = fixtures::faults(5, 1, 100);
  process.by_class[class_id(MLT_ORIGIN_KERNEL, MLT_UNLOCKED) + MLT_CAUSE_FIRST_TOUCH] = fixtures::faults(2, 0, 100);
  process.by_class[class_id(MLT_ORIGIN_POPULATE, MLT_LOCKED)] = fixtures::faults(1000);
  process.by_class[class_id(MLT_ORIGIN_REMOTE, MLT_LOCKED)] = fixtures::faults(1000);
  process.by_thread[43] = fixtures::faults(2, 1);
  process.by_vma = {mapping(0x10000, 4)};
  counts.processes.push_back(process);
  const auto samples = fault_samples(counts);
  ASSERT_EQ(samples.size(), 1U);
  EXPECT_EQ(samples[0].id, 7U);
  EXPECT_EQ(samples[0].pid, 42U);
  EXPECT_EQ(samples[0].faults, 8U);
  EXPECT_EQ(samples[0].time_ns, 800U);
  EXPECT_EQ(samples[0].by_cause[MLT_CAUSE_COW], 6U);
  EXPECT_EQ(samples[0].by_thread, (std::map<std::uint32_t, std::uint64_t>{{43, 3}}));
  ASSERT_EQ(samples[0].by_vma.size(), 1U);
  EXPECT_EQ(completed_faults(samples[0].by_vma[0]), 4U);
  EXPECT_EQ(samples[0].by_cause[MLT_CAUSE_FIRST_TOUCH], 2U);
}

}  // namespace
}  // namespace mlt
