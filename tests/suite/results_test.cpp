#include "suite/results.h"

#include <gtest/gtest.h>

namespace suite {

namespace {

using nlohmann::json;

// As GoogleTest 1.12 writes it.
const char* const kResults = R"({"tests": 4, "failures": 1, "testsuites": [
  {"name": "Load", "tests": 2, "testsuite": [
    {"name": "A", "status": "RUN", "result": "COMPLETED", "time": "1.5s", "classname": "Load"},
    {"name": "B", "status": "RUN", "result": "COMPLETED", "time": "0.25s", "classname": "Load",
     "failures": [{"failure": "load_test.cpp:7\none", "type": ""}, {"failure": "load_test.cpp:8\ntwo", "type": ""}]},
    {"name": "C", "status": "NOTRUN", "result": "SUPPRESSED", "time": "0s", "classname": "Load"}]},
  {"name": "All/Workload", "tests": 2, "testsuite": [
    {"name": "D/touch", "value_param": "touch", "status": "RUN", "result": "SKIPPED", "time": "0s",
     "classname": "All/Workload"}]}]})";

TEST(SuiteResults, AreReadFromJson) {
  const Results results = parse_results(json::parse(kResults));
  EXPECT_EQ(results.passed, 1U);
  ASSERT_EQ(results.failures.size(), 1U);
  EXPECT_EQ(results.failures[0].test, "Load.B");
  EXPECT_EQ(results.failures[0].text, "load_test.cpp:7\none\nload_test.cpp:8\ntwo\n");
  EXPECT_EQ(results.skipped, std::vector<std::string>{"All/Workload.D/touch"});
  EXPECT_EQ(results.slowest.at(0), (std::pair{1.5, std::string("Load.A")}));
}

TEST(SuiteResults, WhatDidNotRunIsMissing) {
  const Results results = parse_results(json::parse(kResults));
  EXPECT_EQ(missing({"Load.A", "Load.C", "Load.B"}, results), std::vector<std::string>{"Load.C"});
}

TEST(SuiteResults, OfAProgramThatDiedAreNone) {
  const Results results = parse_results(json::parse("{\"tests\": 4,", nullptr, false));
  EXPECT_TRUE(results.ran.empty());
  EXPECT_EQ(missing({"Load.A"}, results), std::vector<std::string>{"Load.A"});
}

}  // namespace

}  // namespace suite
