#include "report/json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "report/fixtures.h"
#include "report/golden.h"

namespace mlt {
namespace {

using Json = nlohmann::json;

TEST(JsonGolden, Quiet) { expect_golden("quiet.json", to_json(fixtures::quiet(), true)); }
TEST(JsonGolden, Busy) { expect_golden("busy.json", to_json(fixtures::busy(), true)); }
TEST(JsonGolden, Degraded) { expect_golden("degraded.json", to_json(fixtures::degraded(), true)); }

TEST(Json, PrettyAndCompactSayTheSame) {
  const Report report = fixtures::busy();
  const std::string compact = to_json(report, false);
  EXPECT_EQ(Json::parse(to_json(report, true)), Json::parse(compact));
  EXPECT_EQ(compact.find('\n'), compact.size() - 1);
}

TEST(Json, AnIntervalIsOneLine) {
  const std::string line = to_json_line(fixtures::busy());
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_EQ(Json::parse(line)["type"], "interval");
}

TEST(Json, WhatWasNotMeasuredIsNull) {
  const Json process = Json::parse(to_json(fixtures::degraded(), false))["processes"][0];
  EXPECT_TRUE(process["faults"]["populate"].is_null());
  EXPECT_EQ(process["faults"]["kernel"]["minor"], 0);
  EXPECT_TRUE(process["faults"]["kernel"]["latency"]["p50"].is_null());
  EXPECT_TRUE(process["faults"]["by_cause"][0]["locked"].is_null());
  EXPECT_EQ(process["faults"]["by_cause"][0]["cause"], "unknown");
  EXPECT_TRUE(process["threads"].is_null());
  EXPECT_TRUE(process["pages"]["mlocked"].is_null());
  EXPECT_TRUE(process["vma"]["splits"].is_null());
  EXPECT_TRUE(process["locks"]["locked_bytes"]["peak"].is_null());
  EXPECT_TRUE(process["reclaim"].is_null());
  EXPECT_TRUE(process["swap"].is_null());
  EXPECT_EQ(process["locks"]["headroom_bytes"], -56 * 1024);
}

TEST(Json, FailedCallsHaveTheNameOfTheirError) {
  const Json calls = Json::parse(to_json(fixtures::busy(), false))["processes"][0]["locks"]["calls"];
  EXPECT_TRUE(calls[0]["errno"].is_null());
  EXPECT_TRUE(calls[0]["explain"].is_null());
  EXPECT_EQ(calls[2]["ret"], -12);
  EXPECT_EQ(calls[2]["errno"], "ENOMEM");
}

TEST(Json, BucketsAddUpToTheCount) {
  const Json latency = Json::parse(to_json(fixtures::busy(), false))["processes"][0]["faults"]["access"]["latency"];
  std::uint64_t sum = 0;
  for (const Json& bucket : latency["buckets"]) {
    EXPECT_LT(bucket[0].get<std::uint64_t>(), bucket[1].get<std::uint64_t>());
    EXPECT_GT(bucket[2].get<std::uint64_t>(), 0U);
    sum += bucket[2].get<std::uint64_t>();
  }
  EXPECT_EQ(sum, latency["count"].get<std::uint64_t>());
  EXPECT_EQ(latency["unit"], "ns");
}

TEST(Json, BytesThatAreNotUtf8AreReplaced) {
  const Json process = Json::parse(to_json(fixtures::degraded(), true))["processes"][0];
  EXPECT_EQ(process["exe"], "/home/user/caf\xc3\xa9/\xef\xbf\xbd\xef\xbf\xbd/bench");
  EXPECT_EQ(process["comm"], "be\x1b]0;x\x07nch");
}

TEST(Json, AnEmptyReport) {
  const Json report = Json::parse(to_json({}, true));
  EXPECT_EQ(report["type"], "report");
  EXPECT_EQ(report["schema_version"], 1);
  EXPECT_EQ(report["processes"], Json::array());
  EXPECT_EQ(report["storms"], Json::array());
}

}  // namespace
}  // namespace mlt
