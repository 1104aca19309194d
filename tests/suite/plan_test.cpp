#include "suite/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace suite {

namespace {

// A test or three for each row, from its patterns.
std::vector<std::string> some_tests() {
  std::vector<std::string> tests;
  for (const Row& row : test_table()) {
    std::string pattern(row.tests.substr(0, row.tests.find(':')));
    for (const char* name : {"A", "B", "C"}) {
      std::string test = pattern;
      if (const std::size_t star = test.find('*'); star != std::string::npos) {
        test.replace(star, 1, name);
      } else if (*name != 'A') {
        continue;
      }
      tests.push_back(test);
    }
  }
  return tests;
}

const Kernels kKernels{{"5.10", "6.1", "6.12", "6.18", "latest", "6.1-rt"}, "6.1"};

std::set<std::string> run_on(const Plan& plan, const std::string& kernel) {
  std::set<std::string> tests;
  for (const Guest& guest : plan.guests) {
    if (guest.kernel == kernel) tests.insert(guest.tests.begin(), guest.tests.end());
  }
  return tests;
}

const Row& row_of(const std::string& test) {
  return *std::ranges::find_if(test_table(), [&](const Row& row) { return matches(test, row.tests); });
}

TEST(SuitePlan, ReadsTheListOfGoogleTest) {
  const std::string list =
      "live tests on Linux 6.1.0 x86_64\n"
      "Speed.\n"
      "  FaultsCountSoon\n"
      "All/Workload.  # TypeParam = x\n"
      "  FaultsByOriginAreExact/touch  # GetParam() = touch --pages 3\n";
  EXPECT_EQ(parse_test_list(list),
            (std::vector<std::string>{"Speed.FaultsCountSoon", "All/Workload.FaultsByOriginAreExact/touch"}));
}

TEST(SuitePlan, PatternsAreThoseOfGoogleTest) {
  EXPECT_TRUE(matches("All/Workload.X/touch", "All/Workload.*"));
  EXPECT_TRUE(matches("Load.X", "Nothing.*:Load.?"));
  EXPECT_FALSE(matches("Load.XY", "Load.?"));
  EXPECT_FALSE(matches("RecordError.X", "Record.*"));
  EXPECT_TRUE(matches("A.b", "*"));
}

TEST(SuitePlan, EverythingIsEverywhereWhenAskedFor) {
  const std::vector<std::string> tests = some_tests();
  const Plan plan = make_plan(tests, kKernels, true);
  EXPECT_TRUE(plan.left_out.empty());
  for (const std::string& kernel : kKernels.all) {
    const std::set<std::string> there = run_on(plan, kernel);
    for (const std::string& test : tests) {
      const Row& row = row_of(test);
      const bool can =
          (row.tier != Tier::one_kernel || kernel == "6.1") && (row.not_with_rt.empty() || kernel != "6.1-rt");
      EXPECT_EQ(there.contains(test), can) << test << " on " << kernel;
    }
  }
}

TEST(SuitePlan, EachTestRunsOnceInOneGuestOfAKernel) {
  for (const bool full : {true, false}) {
    const Plan plan = make_plan(some_tests(), kKernels, full);
    for (const std::string& kernel : kKernels.all) {
      std::multiset<std::string> tests;
      for (const Guest& guest : plan.guests) {
        if (guest.kernel == kernel) tests.insert(guest.tests.begin(), guest.tests.end());
      }
      for (const std::string& test : tests) EXPECT_EQ(tests.count(test), 1U) << test << " on " << kernel;
    }
  }
}

TEST(SuitePlan, TheReferenceRunsAllAndTheNewestAllThatDependOnTheKernel) {
  const std::vector<std::string> tests = some_tests();
  const Plan plan = make_plan(tests, kKernels, false);
  EXPECT_EQ(run_on(plan, "6.1").size(), tests.size());
  const std::set<std::string> newest = run_on(plan, "latest");
  for (const std::string& test : tests) EXPECT_EQ(newest.contains(test), row_of(test).tier != Tier::one_kernel) << test;
}

TEST(SuitePlan, TheOthersHaveTestsOfEachFamilyAndTogetherAllOfThem) {
  const std::vector<std::string> tests = some_tests();
  const Plan plan = make_plan(tests, kKernels, false);
  std::set<std::string_view> families;
  for (const Row& row : test_table()) {
    if (row.tier != Tier::one_kernel) families.insert(row.family);
  }
  std::set<std::string> together;
  for (const char* kernel : {"5.10", "6.12", "6.18", "6.1-rt"}) {
    std::set<std::string_view> there;
    for (const std::string& test : run_on(plan, kernel)) there.insert(row_of(test).family);
    EXPECT_EQ(there, families) << kernel;
    together.merge(run_on(plan, kernel));
  }
  for (const std::string& test : tests)
    EXPECT_EQ(together.contains(test), row_of(test).tier != Tier::one_kernel) << test;
}

TEST(SuitePlan, WhatSharesATracerStaysTogether) {
  const Plan plan = make_plan(some_tests(), kKernels, false);
  for (const Guest& guest : plan.guests) {
    for (const std::string& test : guest.tests) {
      if (!row_of(test).together) continue;
      for (const std::string& other : some_tests()) {
        if (&row_of(other) != &row_of(test)) continue;
        EXPECT_NE(std::ranges::find(guest.tests, other), guest.tests.end()) << other << " in " << guest.name;
      }
    }
  }
}

TEST(SuitePlan, TheFilterOfAGuestIsForItsTestsAlone) {
  const std::vector<std::string> tests = some_tests();
  for (const bool full : {true, false}) {
    for (const Guest& guest : make_plan(tests, kKernels, full).guests) {
      for (const std::string& test : tests) {
        const bool wanted = std::ranges::find(guest.tests, test) != guest.tests.end();
        EXPECT_EQ(matches(test, guest.filter), wanted) << test << " in " << guest.name << ": " << guest.filter;
      }
    }
  }
}

TEST(SuitePlan, AGuestHasWhatItsTestsNeedAndTimeIsCountedApart) {
  for (const Guest& guest : make_plan(some_tests(), kKernels, true).guests) {
    for (const std::string& test : guest.tests) {
      const Needs& needs = row_of(test).needs;
      EXPECT_LE(needs.swap, guest.needs.swap) << test;
      EXPECT_LE(needs.disk, guest.needs.disk) << test;
      EXPECT_EQ(needs.two_nodes, guest.needs.two_nodes) << test;
      EXPECT_EQ(needs.counted_time, guest.needs.counted_time) << test;
    }
  }
}

TEST(SuitePlan, ATestOfNoRowIsAnError) {
  std::vector<std::string> tests = some_tests();
  EXPECT_EQ(make_plan(tests, kKernels, false).misplaced, std::vector<std::string>{});
  tests.emplace_back("Nobody.Knows");
  EXPECT_EQ(make_plan(tests, kKernels, false).misplaced, std::vector<std::string>{"Nobody.Knows is of 0 rows"});
}

TEST(SuitePlan, WithOneKernelItRunsAll) {
  const std::vector<std::string> tests = some_tests();
  EXPECT_EQ(run_on(make_plan(tests, {{"6.1"}, "6.1"}, false), "6.1").size(), tests.size());
}

// GoogleTest leaves out what comes after the minus.
TEST(SuitePlan, NativelyRunsWhatNeedsNoGuest) {
  const std::string filter = native_filter();
  ASSERT_TRUE(filter.starts_with("-"));
  for (const std::string& test : some_tests()) {
    const Needs& needs = row_of(test).needs;
    EXPECT_EQ(matches(test, filter.substr(1)), needs.two_nodes || needs.counted_time) << test;
  }
}

}  // namespace

}  // namespace suite
