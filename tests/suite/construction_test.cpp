#include "suite/construction.h"

#include <gtest/gtest.h>

namespace suite {

namespace {

using nlohmann::json;

// What `mlt-workload touch-read-write` printed on a kernel without the shared zero page, and what it prints elsewhere.
json truth_of_reading_then_writing(std::uint64_t faults) {
  return {{"workload", "touch-read-write"},
          {"pages", 2048},
          {"work", {{"minor", faults}, {"major", 0}}},
          {"faults", {{"access", 4096}, {"kernel", 0}, {"populate", 0}, {"remote", 0}}},
          {"consistent", faults == 4096},
          {"causes",
           {{{"cause", "first_touch"}, {"least", 2048}, {"most", 2048}},
            {{"cause", "zero_page"}, {"least", 2048}, {"most", 2048}}}},
          {"pages_moved", {{"mlocked", 0}, {"munlocked", 0}}},
          {"vma", {{"splits", 0}, {"merges", 0}, {"count_before", 31}, {"count_after", 31}}},
          {"locked_kb", {{"before", 0}, {"after", 0}}}};
}

TEST(Construction, ThatHoldsIsTheTruth) {
  const json truth = truth_of_reading_then_writing(4096);
  EXPECT_EQ(broken_construction(truth), "");
  EXPECT_EQ(by_the_kernels_counters(truth), truth);
}

TEST(Construction, WithoutTheSharedZeroPageTheKernelsCountIsTheTruth) {
  const json truth = truth_of_reading_then_writing(2048);
  EXPECT_EQ(broken_construction(truth), "2048 faults where 4096 were expected");
  const json settled = by_the_kernels_counters(truth);
  EXPECT_EQ(settled.at("faults"), (json{{"access", 2048}, {"kernel", 0}, {"populate", 0}, {"remote", 0}}));
  EXPECT_FALSE(settled.contains("causes"));
  EXPECT_EQ(settled.at("pages_moved"), (json{{"mlocked", nullptr}, {"munlocked", nullptr}}));
  EXPECT_TRUE(settled.at("vma").at("splits").is_null());
  // What /proc and getrusage said is as true as before.
  EXPECT_EQ(settled.at("vma").at("count_after"), 31);
  EXPECT_EQ(settled.at("locked_kb"), truth.at("locked_kb"));
  EXPECT_EQ(settled.at("work"), truth.at("work"));
}

TEST(Construction, OfSeveralOriginsNobodyKnowsWhichHadHowMany) {
  json truth = truth_of_reading_then_writing(2048);
  truth["faults"]["populate"] = 512;
  EXPECT_EQ(broken_construction(truth), "2048 faults where 4608 were expected");
  const json settled = by_the_kernels_counters(truth);
  for (const json& of_origin : settled.at("faults")) EXPECT_TRUE(of_origin.is_null());
}

// As many faults, and yet other pages: a read-only mapping that is locked has no zero pages then.
TEST(Construction, ABrokenPremiseIsEnough) {
  json truth = truth_of_reading_then_writing(4096);
  truth["broken_premise"] = "reading untouched memory maps the shared zero page";
  EXPECT_EQ(broken_construction(truth), "it is not so that reading untouched memory maps the shared zero page");
  const json settled = by_the_kernels_counters(truth);
  EXPECT_EQ(settled.at("faults").at("access"), 4096);
  EXPECT_TRUE(settled.at("pages_moved").at("mlocked").is_null());
}

TEST(Construction, WhatIsUnknownAnywayIsNoContradiction) {
  json truth = truth_of_reading_then_writing(4096);
  truth["faults"]["access"] = nullptr;
  truth.erase("consistent");
  EXPECT_EQ(broken_construction(truth), "");
}

}  // namespace

}  // namespace suite
