#include "report/read_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "report/fixtures.h"
#include "report/golden.h"
#include "report/json.h"

namespace mlt {
namespace {

using Json = nlohmann::json;
using Pointer = Json::json_pointer;

/// What reading says about the busy report after `change`; empty: nothing.
template <typename Change>
std::string error_after(Change change) {
  Json document = Json::parse(to_json(fixtures::busy(), false));
  change(document);
  const auto report = read_json(document.dump());
  return report ? "" : report.error().message();
}

std::string error_with(const std::string& pointer, const Json& value) {
  return error_after([&](Json& document) { document.at(Pointer(pointer)) = value; });
}

std::string error_without(const std::string& parent, const std::string& key) {
  return error_after([&](Json& document) { document.at(Pointer(parent)).erase(key); });
}

void expect_round_trip(const Report& report) {
  const std::string text = to_json(report, true);
  const auto read = read_json(text);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(to_json(*read, true), text);
}

TEST(ReadJson, RoundTrip) {
  expect_round_trip(fixtures::quiet());
  expect_round_trip(fixtures::busy());
  expect_round_trip(fixtures::degraded());
  expect_round_trip(fixtures::crowd(20));
  expect_round_trip(fixtures::skipping({5, 1}));
  expect_round_trip(fixtures::skipping({0, 0}));
}

// tests/compat/README.md says where they are from. What they lack is null; what they have is what it was.
TEST(ReadJson, ReportsOfOlderVersions) {
  for (const char* name : {"report-first.json", "report-before-memory-high.json", "report-before-ending.json",
                           "report-before-crowds.json", "report-before-failed-faults.json"}) {
    const Json old = Json::parse(read_file(std::string(MLT_SOURCE_DIR "/tests/compat/") + name));
    const auto report = read_json(old.dump());
    ASSERT_TRUE(report) << name << ": " << report.error().message();
    EXPECT_EQ(report->system.memory_high.empty(), !old.at(Pointer("/system")).contains("memory_high"));
    EXPECT_FALSE(report->processes[0].ending);
    const Json now = Json::parse(to_json(*report, false));
    Json differing = Json::array();
    for (const Json& change : Json::diff(old, now)) {
      // What was null may have got a word that says so: a cause that was not determined.
      const bool was_null = change.at("op") == "replace" && old.at(Pointer(change.at("path"))).is_null();
      if (change.at("op") != "add" && !was_null) differing.push_back(change);
    }
    EXPECT_EQ(differing, Json::array()) << name;
  }
}

TEST(ReadJson, WhatTheKernelSkipped) {
  const auto read = read_json(to_json(fixtures::skipping({5, 1}), false));
  ASSERT_TRUE(read) << read.error().message();
  ASSERT_TRUE(read->coverage.skipped);
  EXPECT_EQ(read->coverage.skipped->unclassed, 5U);
  EXPECT_EQ(read->coverage.skipped->untimed, 1U);
  const auto& unknown = read->processes[0].faults.by_origin[MLT_ORIGIN_UNKNOWN];
  ASSERT_TRUE(unknown);
  EXPECT_EQ(unknown->minor, 5U);
  EXPECT_EQ(unknown->untimed, 5U);
  const auto none = read_json(to_json(fixtures::skipping({0, 0}), false));
  EXPECT_TRUE(none->coverage.skipped) << "asked, and none: that is not null";
  EXPECT_FALSE(read_json(to_json(fixtures::quiet(), false))->coverage.skipped);
}

// Up to 6.15 an exit is told after the address space is gone.
TEST(ReadJson, WhatIsNullStaysSo) {
  Report report = fixtures::busy();
  Process& process = report.processes[0];
  process.life.emplace_back().kind = LifeEvent::Kind::exit;
  ASSERT_FALSE(process.life.back().locked_bytes);
  expect_round_trip(report);
}

TEST(ReadJson, ExtremeNumbers) {
  Report report = fixtures::quiet();
  report.window.start_unix_ns = ~std::uint64_t{0};
  report.processes[0].locks.headroom_bytes = std::numeric_limits<std::int64_t>::min();
  report.processes[0].faults.by_origin[0]->latency.add(std::uint64_t{1} << 60);
  report.processes[0].faults.by_origin[0]->latency.add(0);
  expect_round_trip(report);
}

TEST(ReadJson, KindsComeBackFromTheirNames) {
  const auto report = read_json(to_json(fixtures::busy(), false));
  ASSERT_TRUE(report);
  const Process& process = report->processes[0];
  EXPECT_EQ(process.locks.calls[1].call, MLT_CALL_MLOCK2);
  EXPECT_EQ(process.locks.calls[2].rule, CallRule::over_limit);
  EXPECT_EQ(process.faults.by_class[0].fault_class, (FaultClass{MLT_ORIGIN_ACCESS, MLT_LOCKED, MLT_CAUSE_COW}));
  EXPECT_EQ(process.faults.by_origin[0]->latency.quantile(0.99),
            fixtures::busy().processes[0].faults.by_origin[0]->latency.quantile(0.99));
  EXPECT_FALSE(process.vma.changes[3].split);
}

TEST(ReadJson, WhatMayBeNullMayBeMissing) {
  EXPECT_EQ(error_without("/processes/0", "swap"), "");
  EXPECT_EQ(error_without("/processes/0/pages", "still_locked_elsewhere"), "");
  EXPECT_EQ(error_without("/processes/0/faults", "remote"), "");
  EXPECT_EQ(error_without("/host", "memory_bytes"), "");
}

TEST(ReadJson, UnknownKeysArePassedOver) {
  EXPECT_EQ(error_after([](Json& document) { document["processes"][0]["mood"] = "good"; }), "");
}

TEST(ReadJson, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(error_with("/processes/0/faults/access/minor", "12"),
            "a damaged report: processes[0].faults.access.minor is not a whole number");
  EXPECT_EQ(error_with("/processes/0/faults/access/minor", 1.5),
            "a damaged report: processes[0].faults.access.minor is not a whole number");
  EXPECT_EQ(error_with("/processes/0/faults/access/minor", -1),
            "a damaged report: processes[0].faults.access.minor is out of range");
  EXPECT_EQ(error_with("/processes/0/pid", 1LL << 40), "a damaged report: processes[0].pid is out of range");
  EXPECT_EQ(error_without("/processes/0", "pid"), "a damaged report: processes[0].pid is missing");
  EXPECT_EQ(error_without("/processes/0", "locks"), "a damaged report: processes[0].locks.limit_unlimited is missing");
  EXPECT_EQ(error_with("/processes/1/locks", 7), "a damaged report: processes[1].locks is not an object");
  EXPECT_EQ(error_with("/processes", "none"), "a damaged report: processes is not a list");
  EXPECT_EQ(error_with("/processes/0/comm", 7), "a damaged report: processes[0].comm is not a string");
  EXPECT_EQ(error_with("/processes/0/exited", 0), "a damaged report: processes[0].exited is not true or false");
  EXPECT_EQ(error_with("/coverage/audit/0/verdict", "perhaps"),
            "a damaged report: coverage.audit[0].verdict is none of the words that may stand here: 'perhaps'");
  EXPECT_EQ(error_with("/system/vmstat", {{"pgfault", "many"}}),
            "a damaged report: system.vmstat.pgfault is not a whole number");
}

TEST(ReadJson, HistogramsAreChecked) {
  const std::string latency = "/processes/0/faults/access/latency";
  EXPECT_EQ(error_with(latency + "/unit", "us"), "a damaged report: processes[0].faults.access.latency.unit is not ns");
  EXPECT_EQ(error_with(latency + "/buckets/0", {1, 2}),
            "a damaged report: processes[0].faults.access.latency.buckets[0] is not [from, to, count]");
  EXPECT_EQ(error_with(latency + "/buckets/0", {100, 101, 1}),
            "a damaged report: processes[0].faults.access.latency.buckets[0] is no bucket of this layout");
  EXPECT_EQ(error_with(latency + "/count", 3),
            "a damaged report: processes[0].faults.access.latency.buckets hold 5601, not 3");
}

TEST(ReadJson, OtherDocuments) {
  const auto error = [](std::string_view text) { return read_json(text).error().message(); };
  EXPECT_EQ(error("[]"), "not a report of mlocktrace: the document is not an object");
  EXPECT_EQ(error("{}"), "not a report of mlocktrace: type is missing");
  EXPECT_EQ(error(R"({"type":"interval","schema_version":1})"), "not a report of mlocktrace: type is not 'report'");
  EXPECT_EQ(error(R"({"type":"report","schema_version":2})"),
            "not a report of mlocktrace: schema_version is 2; this mlocktrace reads 1");
  EXPECT_TRUE(error("").starts_with("not JSON: "));
  EXPECT_TRUE(error("{\"type\": \"report\",\n oops").find("line 2") != std::string::npos) << error("{\n oops");
  EXPECT_TRUE(error(std::string(100'000, '[')).starts_with("not JSON: "));
}

}  // namespace
}  // namespace mlt
