#include "recording/event_block.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "recording/sample.h"

namespace mlt {
namespace {

std::vector<FaultEvent> storm(std::uint64_t count) {
  std::vector<FaultEvent> events;
  for (std::uint64_t i = 0; i < count; ++i) events.push_back(sample::event(i));
  return events;
}

void expect_round_trip(const std::vector<FaultEvent>& events) {
  const auto back = decode_events(encode_events(events));
  ASSERT_TRUE(back) << back.error().message();
  ASSERT_EQ(back->size(), events.size());
  for (std::size_t i = 0; i < events.size(); ++i) sample::expect_equal((*back)[i], events[i]);
}

TEST(EventBlock, HoldsWhatWasPutIn) {
  expect_round_trip({});
  expect_round_trip(storm(1));
  expect_round_trip(storm(kBlockEvents));
}

TEST(EventBlock, HoldsTheLargestAndTheSmallestNumbers) {
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
  FaultEvent large{kMost, kMost, kMost, ~0U, ~0U, MLT_ORIGIN_REMOTE, MLT_LOCK_UNKNOWN, MLT_CAUSE_SPURIOUS, true, true};
  expect_round_trip({large, {}, large, large, {}});
}

TEST(EventBlock, AFaultTakesFewBytes) {
  // What the ring buffer's record takes is 32.
  EXPECT_LT(encode_events(storm(kBlockEvents)).size(), 12 * kBlockEvents);
}

TEST(EventBlock, WhateverIsWrongIsAnError) {
  const std::string block = encode_events(storm(500));
  for (std::size_t size = 0; size < block.size(); ++size) EXPECT_FALSE(decode_events(block.substr(0, size)));
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    std::string changed = block;
    changed[random() % changed.size()] ^= static_cast<char>(1 << random() % 8);
    // Compressed bytes have their own checksums only in the pages of the file: here it must end, and not crash.
    if (const auto events = decode_events(changed)) {
      EXPECT_LE(events->size(), changed.size() * 1000);
    }
  }
  EXPECT_FALSE(decode_events("garbage"));
}

}  // namespace
}  // namespace mlt
