// mlt-suite: what scripts/test asks about the live tests; see kUsage.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <sstream>
#include <string>

#include "suite/plan.h"
#include "suite/results.h"

namespace {

using suite::Guest;
using suite::Plan;
using suite::Results;

constexpr const char* kUsage =
    "usage: mlt-suite plan [--full] --reference KERNEL --tests LIST --out DIR KERNEL...\n"
    "           which guests run which of the tests in LIST (mlt-live-tests --gtest_list_tests): a line each,\n"
    "           NAME, KERNEL, machine options, number of tests and GoogleTest filter, with tabs between them; "
    "DIR/NAME.tests\n"
    "           has the names of its tests, DIR/plan.txt how many tests of each family run on each kernel, and what "
    "is\n"
    "           left out.  Status 1: the table of tests is wrong\n"
    "       mlt-suite native\n"
    "           the filter for what needs no virtual machine\n"
    "       mlt-suite results [--tests FILE] [--log FILE] --rerun COMMAND --status STATUS JSON\n"
    "           what a GoogleTest program that ended with STATUS found: first 'PASSED FAILED SKIPPED', then what "
    "failed\n"
    "           and the command that repeats it.  FILE: the names that had to run\n";

int usage() {
  std::fputs(kUsage, stderr);
  return 2;
}

std::string read(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// "--name value" pairs, "--full", and the rest.
struct Words {
  std::map<std::string, std::string> options;
  std::vector<std::string> rest;

  explicit Words(std::span<char*> words) {
    for (std::size_t i = 0; i < words.size(); ++i) {
      const std::string word = words[i];
      if (word == "--full") {
        options[word] = "yes";
      } else if (word.starts_with("--") && i + 1 < words.size()) {
        options[word] = words[++i];
      } else {
        rest.push_back(word);
      }
    }
  }
  [[nodiscard]] std::string operator[](const std::string& name) const {
    const auto found = options.find(name);
    return found != options.end() ? found->second : "";
  }
};

std::string machine_options(const suite::Needs& needs) {
  std::string options = "--memory 2G --cpus 2";
  if (needs.swap) options += " --swap 512M";
  if (needs.disk) options += " --disk 512M";
  if (needs.two_nodes) options += " --numa 2 --append numa_balancing=disable";
  if (needs.counted_time) options += " --icount";
  return options;
}

std::size_t total(const std::map<std::string, std::size_t>& by_kernel) {
  std::size_t sum = 0;
  for (const auto& [kernel, tests] : by_kernel) sum += tests;
  return sum;
}

// A row a family, a column a kernel: run, and of how many.
std::string to_text(const Plan& plan, const std::vector<std::string>& kernels, bool full) {
  std::string text = "live tests in virtual machines, of those there are:\n";
  text += fmt::format("  {:<13}", "");
  for (const std::string& kernel : kernels) {
    text += fmt::format(" {:>12}", kernel);
  }
  text += "\n";
  std::set<std::string> families;
  for (const auto* part : {&plan.runs, &plan.left_out}) {
    for (const auto& [family, by_kernel] : *part) families.insert(family);
  }
  const auto count = [](const auto& part, const std::string& family, const std::string& kernel) -> std::size_t {
    const auto of_family = part.find(family);
    if (of_family == part.end()) return 0;
    const auto found = of_family->second.find(kernel);
    return found != of_family->second.end() ? found->second : 0;
  };
  std::size_t left_out = 0;
  for (const std::string& family : families) {
    text += fmt::format("  {:<13}", family);
    for (const std::string& kernel : kernels) {
      const std::size_t runs = count(plan.runs, family, kernel);
      const std::size_t not_run = count(plan.left_out, family, kernel);
      left_out += not_run;
      const std::string of = std::to_string(runs) + (not_run != 0 ? "/" + std::to_string(runs + not_run) : "");
      text += fmt::format(" {:>12}", of);
    }
    text += "\n";
  }
  std::size_t runs = 0;
  for (const auto& [family, by_kernel] : plan.runs) runs += total(by_kernel);
  text += "  " + std::to_string(runs) + " run, " + std::to_string(left_out) + " left out";
  text += full ? "\n" : ": scripts/test --full runs them\n";
  for (const suite::Row& row : suite::test_table()) {
    if (row.tier == suite::Tier::one_kernel)
      text += fmt::format("  {} on the reference kernel only: its bounds were measured there\n", row.tests);
    if (!row.not_with_rt.empty()) text += fmt::format("  {} not on -rt: {}\n", row.tests, row.not_with_rt);
  }
  return text;
}

int plan(const Words& words) {
  const std::vector<std::string> tests = suite::parse_test_list(read(words["--tests"]));
  if (tests.empty() || words.rest.empty() || words["--out"].empty()) return usage();
  const bool full = !words["--full"].empty();
  const Plan made = suite::make_plan(tests, {words.rest, words["--reference"]}, full);
  for (const std::string& error : made.misplaced) fmt::print(stderr, "mlt-suite: {}\n", error);
  for (const Guest& guest : made.guests) {
    std::string name = guest.name;
    std::ranges::replace(name, ' ', '-');
    std::ofstream names(words["--out"] + "/" + name + ".tests");
    for (const std::string& test : guest.tests) names << test << "\n";
    fmt::print("{}\t{}\t{}\t{}\t{}\n", name, guest.kernel, machine_options(guest.needs), guest.tests.size(),
               guest.filter);
  }
  std::ofstream(words["--out"] + "/plan.txt") << to_text(made, words.rest, full);
  return made.misplaced.empty() ? 0 : 1;
}

std::string last_lines(const std::string& text, int lines) {
  std::size_t from = text.size();
  for (int i = 0; i <= lines && from != std::string::npos && from > 0; ++i) from = text.rfind('\n', from - 1);
  return from == std::string::npos ? text : text.substr(from);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

int results(const Words& words) {
  constexpr std::size_t kMostShown = 20;
  if (words.rest.size() != 1 || words["--status"].empty()) return usage();
  const Results found = suite::parse_results(nlohmann::json::parse(read(words.rest[0]), nullptr, false));
  const std::string rerun = words["--rerun"];
  std::string text;
  std::size_t failed = found.failures.size();
  for (std::size_t i = 0; i < std::min(failed, kMostShown); ++i) {
    const suite::Failure& failure = found.failures[i];
    text +=
        "FAILED " + failure.test + "\n" + failure.text + "again: " + rerun + " --gtest_filter='" + failure.test + "'\n";
  }
  if (failed > kMostShown) text += "and " + std::to_string(failed - kMostShown) + " more\n";
  const std::vector<std::string> absent = suite::missing(lines_of(read(words["--tests"])), found);
  // A program that died counts as one failure more: what it ran is not known.
  if (!absent.empty() || (words["--status"] != "0" && failed == 0)) {
    ++failed;
    text += "ended with status " + words["--status"];
    if (!absent.empty())
      text += ", and " + std::to_string(absent.size()) + " tests did not run, " + absent.front() + " first";
    text += "; its log ends:\n" + last_lines(read(words["--log"]), 60) + "\nagain: " + rerun + "\n";
  }
  fmt::print("{} {} {}\n{}", found.passed, failed, found.skipped.size(), text);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::span<char*> words(argv, static_cast<std::size_t>(argc));
  const std::string command = argc > 1 ? words[1] : "";
  if (command == "plan") return plan(Words(words.subspan(2)));
  if (command == "native") {
    fmt::print("{}\n", suite::native_filter());
    return 0;
  }
  if (command == "results") return results(Words(words.subspan(2)));
  return usage();
}
