#include "suite/results.h"

#include <algorithm>
#include <set>

namespace suite {

namespace {

using nlohmann::json;

double seconds_of(const json& test) {
  const std::string time = test.value("time", "0s");
  return std::stod(time.empty() ? "0" : time);
}

std::string text_of(const json& failures) {
  std::string text;
  for (const json& failure : failures) text += failure.value("failure", "") + "\n";
  return text;
}

}  // namespace

Results parse_results(const json& results) {
  Results found;
  if (!results.is_object() || !results.contains("testsuites")) return found;
  for (const json& suite : results.at("testsuites")) {
    for (const json& test : suite.at("testsuite")) {
      if (test.value("status", "") != "RUN") continue;
      const std::string name = test.value("classname", "") + "." + test.value("name", "");
      found.ran.push_back(name);
      found.slowest.emplace_back(seconds_of(test), name);
      if (test.contains("failures")) {
        found.failures.push_back({name, text_of(test.at("failures"))});
      } else if (test.value("result", "") == "SKIPPED") {
        found.skipped.push_back(name);
      } else {
        ++found.passed;
      }
    }
  }
  std::ranges::sort(found.slowest, std::ranges::greater());
  return found;
}

std::vector<std::string> missing(const std::vector<std::string>& wanted, const Results& results) {
  const std::set<std::string> ran(results.ran.begin(), results.ran.end());
  std::vector<std::string> absent;
  std::ranges::copy_if(wanted, std::back_inserter(absent),
                       [&](const std::string& test) { return !ran.contains(test); });
  return absent;
}

}  // namespace suite
