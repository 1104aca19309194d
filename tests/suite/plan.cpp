#include "suite/plan.h"

#include <algorithm>
#include <sstream>

namespace suite {

namespace {

// Guests are about as long as this, so that two processors have as much to do until the end.
constexpr int kMostSeconds = 150;

// What takes a second on the reference kernel. With PREEMPT_RT spin locks sleep, and grace periods take long.
int seconds_on(const std::string& kernel, const Row& row) { return row.seconds * (kernel.ends_with("-rt") ? 2 : 1); }

bool matches_one(std::string_view text, std::string_view pattern) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*')
    return matches_one(text, pattern.substr(1)) || (!text.empty() && matches_one(text.substr(1), pattern));
  return !text.empty() && (pattern[0] == '?' || pattern[0] == text[0]) &&
         matches_one(text.substr(1), pattern.substr(1));
}

// What is not torn apart: tests that share a tracer, or a single one.
struct Unit {
  const Row* row;
  std::vector<std::string> tests;
};

// In the table's order; tells of tests that no row has, or several.
std::vector<Unit> units_of(const std::vector<std::string>& tests, std::vector<std::string>& misplaced) {
  std::map<const Row*, std::vector<std::string>> by_row;
  for (const std::string& test : tests) {
    std::vector<const Row*> rows;
    for (const Row& row : test_table()) {
      if (matches(test, row.tests)) rows.push_back(&row);
    }
    if (rows.size() != 1) misplaced.push_back(test + " is of " + std::to_string(rows.size()) + " rows");
    if (!rows.empty()) by_row[rows.front()].push_back(test);
  }
  std::vector<Unit> units;
  for (const Row& row : test_table()) {
    const auto found = by_row.find(&row);
    if (found == by_row.end()) {
      misplaced.push_back("no test matches " + std::string(row.tests));
    } else if (row.together) {
      units.push_back({&row, found->second});
    } else {
      for (const std::string& test : found->second) units.push_back({&row, {test}});
    }
  }
  return units;
}

// Of n kernels that share a family of `count` units, those that run the unit number `index`: all have one, and each
// unit is on one. Where there are fewer units than kernels, the units go round.
bool is_dealt(std::size_t index, std::size_t count, std::size_t kernel, std::size_t kernels) {
  return count >= kernels ? index % kernels == kernel : kernel % count == index;
}

bool may_run(const Row& row, const std::string& kernel) { return row.not_with_rt.empty() || !kernel.ends_with("-rt"); }

// The kernels that share a row: all but the two that run all of it.
std::vector<std::string> sharers_of(const Row& row, const Kernels& kernels) {
  std::vector<std::string> sharers;
  std::ranges::copy_if(kernels.all, std::back_inserter(sharers), [&](const std::string& kernel) {
    return kernel != kernels.reference && kernel != kernels.newest() && may_run(row, kernel);
  });
  return sharers;
}

// For each unit, whether this kernel runs it.
std::vector<bool> chosen(const std::vector<Unit>& units, const std::string& kernel, const Kernels& kernels, bool full) {
  // Units are dealt to the same kernels where they are of one family, and none of them is kept from some.
  using Hand = std::pair<std::string_view, bool>;
  const auto hand_of = [](const Unit& unit) { return Hand(unit.row->family, unit.row->not_with_rt.empty()); };
  std::map<Hand, std::size_t> count;
  for (const Unit& unit : units) count[hand_of(unit)] += unit.row->tier == Tier::two_kernels ? 1 : 0;
  std::map<Hand, std::size_t> dealt;
  std::vector<bool> runs;
  for (const Unit& unit : units) {
    bool wanted = kernel == kernels.reference || unit.row->tier == Tier::every_kernel;
    if (unit.row->tier == Tier::two_kernels) {
      const std::vector<std::string> sharers = sharers_of(*unit.row, kernels);
      const auto place = static_cast<std::size_t>(std::ranges::find(sharers, kernel) - sharers.begin());
      const std::size_t index = dealt[hand_of(unit)]++;
      wanted |= full || place == sharers.size() || is_dealt(index, count[hand_of(unit)], place, sharers.size());
    }
    runs.push_back(wanted && may_run(*unit.row, kernel));
  }
  return runs;
}

int shape_of(const Needs& needs) { return needs.counted_time ? 2 : needs.two_nodes ? 1 : 0; }

std::string filter_of(const std::vector<std::string>& tests, const std::vector<std::string>& all) {
  // Whole rows by their pattern: shorter, and better to read.
  std::string filter;
  for (const Row& row : test_table()) {
    std::vector<std::string> of_row;
    std::ranges::copy_if(tests, std::back_inserter(of_row),
                         [&](const std::string& test) { return matches(test, row.tests); });
    if (of_row.empty()) continue;
    const auto there = std::ranges::count_if(all, [&](const std::string& test) { return matches(test, row.tests); });
    if (static_cast<std::size_t>(there) == of_row.size()) of_row = {std::string(row.tests)};
    for (const std::string& pattern : of_row) filter += (filter.empty() ? "" : ":") + pattern;
  }
  return filter;
}

void add_needs(Needs& needs, const Needs& more) {
  needs.swap |= more.swap;
  needs.disk |= more.disk;
  needs.two_nodes |= more.two_nodes;
  needs.counted_time |= more.counted_time;
}

// The guests of one kernel: one a kind of machine, or several where that takes long.
std::vector<Guest> guests_of(const std::string& kernel, const std::vector<Unit>& units, const std::vector<bool>& runs) {
  constexpr const char* kNames[] = {"", " nodes", " counted"};
  std::vector<Guest> guests;
  for (int shape = 0; shape < 3; ++shape) {
    int seconds = 0;
    for (std::size_t i = 0; i < units.size(); ++i) {
      if (runs[i] && shape_of(units[i].row->needs) == shape) seconds += seconds_on(kernel, *units[i].row);
    }
    const int parts = std::max(1, (seconds + kMostSeconds / 2) / kMostSeconds);
    std::vector<Guest> of_shape(static_cast<std::size_t>(parts));
    for (std::size_t i = 0; i < units.size(); ++i) {
      if (!runs[i] || shape_of(units[i].row->needs) != shape) continue;
      Guest& guest = *std::ranges::min_element(of_shape, {}, &Guest::seconds);
      guest.tests.insert(guest.tests.end(), units[i].tests.begin(), units[i].tests.end());
      guest.seconds += seconds_on(kernel, *units[i].row);
      add_needs(guest.needs, units[i].row->needs);
    }
    for (int part = 1; part <= parts; ++part) {
      Guest& guest = of_shape[static_cast<std::size_t>(part - 1)];
      if (guest.tests.empty()) continue;
      guest.kernel = kernel;
      guest.name = kernel + kNames[shape] + (part > 1 ? " " + std::to_string(part) : "");
      guests.push_back(std::move(guest));
    }
  }
  return guests;
}

}  // namespace

std::vector<std::string> parse_test_list(const std::string& text) {
  std::vector<std::string> tests;
  std::string suite;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    // "Suite." begins in the first column, "  Test" and "  Test/name  # GetParam() = …" do not.
    line = line.substr(0, line.find("  #"));
    if (line.empty() || line.find_first_of(' ', 2) != std::string::npos) continue;
    if (line.starts_with("  ")) {
      tests.push_back(suite + line.substr(2));
    } else if (line.ends_with('.')) {
      suite = line;
    }
  }
  return tests;
}

bool matches(std::string_view test, std::string_view patterns) {
  while (true) {
    const std::size_t colon = patterns.find(':');
    if (matches_one(test, patterns.substr(0, colon))) return true;
    if (colon == std::string_view::npos) return false;
    patterns.remove_prefix(colon + 1);
  }
}

const std::string& Kernels::newest() const {
  const auto found = std::ranges::find_if(all.rbegin(), all.rend(),
                                          [](const std::string& kernel) { return !kernel.ends_with("-rt"); });
  return found != all.rend() ? *found : reference;
}

Plan make_plan(const std::vector<std::string>& tests, const Kernels& kernels, bool full) {
  Plan plan;
  const std::vector<Unit> units = units_of(tests, plan.misplaced);
  for (const std::string& kernel : kernels.all) {
    const std::vector<bool> runs = chosen(units, kernel, kernels, full);
    const std::vector<bool> could = chosen(units, kernel, kernels, true);
    for (std::size_t i = 0; i < units.size(); ++i) {
      if (!could[i]) continue;
      (runs[i] ? plan.runs : plan.left_out)[std::string(units[i].row->family)][kernel] += units[i].tests.size();
    }
    std::ranges::move(guests_of(kernel, units, runs), std::back_inserter(plan.guests));
  }
  for (Guest& guest : plan.guests) guest.filter = filter_of(guest.tests, tests);
  std::ranges::stable_sort(plan.guests, std::ranges::greater(), &Guest::seconds);
  return plan;
}

std::string native_filter() {
  std::string filter = "-";
  for (const Row& row : test_table()) {
    if (shape_of(row.needs) == 0) continue;
    filter += (filter.size() > 1 ? ":" : "") + std::string(row.tests);
  }
  return filter;
}

}  // namespace suite
