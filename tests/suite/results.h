// What GoogleTest programs found, from --gtest_output=json.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace suite {

struct Failure {
  std::string test;
  std::string text;
};

struct Results {
  std::size_t passed = 0;
  std::vector<Failure> failures;
  std::vector<std::string> skipped;
  std::vector<std::string> ran;
  std::vector<std::pair<double, std::string>> slowest;  // seconds, the slowest first
};

/// Fails (by an empty `ran`) on what is no result of GoogleTest's.
Results parse_results(const nlohmann::json& json);

/// Those of `wanted` that `results` does not have: the program died, or never ran them.
std::vector<std::string> missing(const std::vector<std::string>& wanted, const Results& results);

}  // namespace suite
