// Which tests run in which guest: pure, from the table, the tests that there are, and the kernels.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "suite/test_table.h"

namespace suite {

/// The names in what `--gtest_list_tests` prints: "All/Workload.FaultsByOriginAreExact/touch".
std::vector<std::string> parse_test_list(const std::string& text);

/// Whether a test is among those of a GoogleTest pattern ('*', '?', alternatives with ':').
bool matches(std::string_view test, std::string_view patterns);

struct Kernels {
  std::vector<std::string> all;  // oldest first; the newest is the last that is not for real time
  std::string reference;

  [[nodiscard]] const std::string& newest() const;
};

/// A machine with one kernel, and what it runs.
struct Guest {
  std::string name;  // "6.1", "6.1 nodes", "latest 2"
  std::string kernel;
  Needs needs;
  std::vector<std::string> tests;
  int seconds = 0;

  /// A GoogleTest filter for exactly these tests.
  std::string filter;
};

struct Plan {
  std::vector<Guest> guests;                                           // those that take longest first
  std::map<std::string, std::map<std::string, std::size_t>> left_out;  // by family, by kernel
  std::map<std::string, std::map<std::string, std::size_t>> runs;      // likewise
  std::vector<std::string> misplaced;  // tests of no row or of several, rows without a test: the table is wrong
};

Plan make_plan(const std::vector<std::string>& tests, const Kernels& kernels, bool full);

/// A GoogleTest filter for what needs no guest: time that is counted, or two nodes of memory, no machine has by chance.
std::string native_filter();

}  // namespace suite
