#include "analysis/build_timeline.h"

#include <gtest/gtest.h>

#include "analysis/trace.h"

namespace mlt {
namespace {

using fixtures::class_id;
using fixtures::Trace;

TEST(TimelinePoints, AreWhatEachProcessDid) {
  Trace trace;
  auto& busy = trace.add(fixtures::process(1, 4242));
  busy.by_class[class_id(MLT_ORIGIN_ACCESS, MLT_LOCKED, MLT_CAUSE_COW)] = fixtures::faults(7, 1);
  busy.by_class[class_id(MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_SWAP_IN)] = fixtures::faults(2, 3);
  busy.by_class[class_id(MLT_ORIGIN_POPULATE, MLT_LOCKED, MLT_CAUSE_COW)] = fixtures::faults(5);
  busy.proc.mlocked = 11;
  busy.proc.munlocked = 12;
  busy.proc.swap_out = 13;
  busy.calls[MLT_CALL_MLOCK].populated_pages = 14;
  busy.calls[MLT_CALL_MMAP].populated_pages = 6;
  busy.proc.reclaim[MLT_RECLAIM_DIRECT].time_ns = 100;
  busy.proc.reclaim[MLT_RECLAIM_MEMCG].time_ns = 20;
  trace.add(fixtures::process(2, 4250));
  trace.data.start_ns += 3'000'000'000;
  trace.data.end_ns = trace.data.start_ns + 1'000'000'000;
  const auto points = timeline_points(trace.data, fixtures::kStartNs);
  ASSERT_EQ(points.size(), 2U);
  const TimelinePoint& point = points[0];
  EXPECT_EQ(point.pid, 4242U);
  EXPECT_EQ(point.start_ns, 3'000'000'000U);
  EXPECT_EQ(point.duration_ns, 1'000'000'000U);
  EXPECT_EQ(point.by_origin[MLT_ORIGIN_ACCESS].minor, 9U);
  EXPECT_EQ(point.by_origin[MLT_ORIGIN_ACCESS].major, 4U);
  EXPECT_EQ(point.by_origin[MLT_ORIGIN_ACCESS].latency.count(), 13U);
  EXPECT_EQ(point.by_origin[MLT_ORIGIN_POPULATE].minor, 5U);
  EXPECT_EQ(point.by_origin[MLT_ORIGIN_KERNEL].completed(), 0U);
  EXPECT_EQ(point.by_cause[MLT_CAUSE_COW], 13U);
  EXPECT_EQ(point.by_cause[MLT_CAUSE_SWAP_IN], 5U);
  EXPECT_EQ(point.swap_in, 5U);
  EXPECT_EQ(point.swap_out, 13U);
  EXPECT_EQ(point.mlocked, 11U);
  EXPECT_EQ(point.munlocked, 12U);
  EXPECT_EQ(point.pages_populated, 20U);
  EXPECT_EQ(point.reclaim_ns, 120U);
  EXPECT_EQ(points[1].pid, 4250U);
}

TEST(TimelinePoints, WhatWasNotMeasuredHasNoValue) {
  Trace trace(fixtures::capable(), "fault");
  trace.add(fixtures::process(1, 4242));
  const auto points = timeline_points(trace.data, fixtures::kStartNs);
  ASSERT_EQ(points.size(), 1U);
  EXPECT_FALSE(points[0].mlocked);
  EXPECT_FALSE(points[0].munlocked);
  EXPECT_FALSE(points[0].pages_populated);
  EXPECT_FALSE(points[0].swap_in);
  EXPECT_FALSE(points[0].swap_out);
  EXPECT_FALSE(points[0].reclaim_ns);
}

TEST(FaultEvent, IsTheKernelsRecord) {
  mlt_fault_event record{};
  record.ns = fixtures::kStartNs + 5000;
  record.duration_ns = 700;
  record.address = 0x7f5a80001000;
  record.tid = 4243;
  record.kind = static_cast<__u16>(class_id(MLT_ORIGIN_KERNEL, MLT_LOCKED_ON_FAULT, MLT_CAUSE_SPURIOUS) << 2 | 1);
  const FaultEvent event = fault_event(record, 4242, fixtures::kStartNs);
  EXPECT_EQ(event.at_ns, 5000U);
  EXPECT_EQ(event.duration_ns, 700U);
  EXPECT_EQ(event.address, 0x7f5a80001000U);
  EXPECT_EQ(event.pid, 4242U);
  EXPECT_EQ(event.tid, 4243U);
  EXPECT_EQ(event.origin, MLT_ORIGIN_KERNEL);
  EXPECT_EQ(event.locked, MLT_LOCKED_ON_FAULT);
  EXPECT_EQ(event.cause, MLT_CAUSE_SPURIOUS);
  EXPECT_TRUE(event.major);
  EXPECT_FALSE(event.error);
  record.kind = static_cast<__u16>(class_id(MLT_ORIGIN_REMOTE, MLT_LOCK_UNKNOWN, MLT_CAUSE_UNKNOWN) << 2 | 2);
  record.ns = fixtures::kStartNs - 1;
  EXPECT_TRUE(fault_event(record, 1, fixtures::kStartNs).error);
  EXPECT_FALSE(fault_event(record, 1, fixtures::kStartNs).major);
  EXPECT_EQ(fault_event(record, 1, fixtures::kStartNs).at_ns, 0U);
}

}  // namespace
}  // namespace mlt
