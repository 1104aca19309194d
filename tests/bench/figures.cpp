#include "figures.h"

#include <fmt/format.h>

#include <cmath>

namespace bench {

namespace {

// A run repeats itself to within one instruction.
constexpr double kTolerance = 5;

// What is kept of each tracer: the fault of a traced process, and of one that nobody traces.
constexpr std::string_view kKept[] = {"access", "populate"};

// Of an empty object, flatten would make a figure without a path.
Json by_path(const Json& figures) { return figures.empty() ? Json::object() : figures.flatten(); }

}  // namespace

Json kept_figures(const Json& run) {
  Json figures = Json::object();
  for (const Json& tracer : run.at("tracers")) {
    if (tracer.at("peer").get<bool>() || !tracer.contains("added")) continue;
    Json& kept = figures[tracer.at("name").get<std::string>()];
    for (const std::string_view operation : kKept) {
      for (const char* whose : {"traced", "untraced"}) {
        const Json& figure = tracer.at("added").at(whose).at(operation);
        if (!figure.is_null()) kept[whose][operation] = std::lround(figure.get<double>());
      }
    }
  }
  return figures;
}

Comparison compare(const Json& kept, const Json& now) {
  Comparison comparison;
  const Json were = by_path(kept);
  const Json are = by_path(now);
  for (const auto& [path, value] : were.items()) {
    if (!are.contains(path)) {
      comparison.risen.push_back(fmt::format("{}: no figure any more, it was {}", path, value.dump()));
      continue;
    }
    ++comparison.compared;
    const double before = value.get<double>();
    const double after = are.at(path).get<double>();
    const std::string line = fmt::format("{}: {} instructions, {} before", path, after, before);
    if (after > before + kTolerance) comparison.risen.push_back(line);
    if (after < before - kTolerance) comparison.fallen.push_back(line);
  }
  for (const auto& [path, value] : are.items()) {
    if (!were.contains(path))
      comparison.risen.push_back(fmt::format("{}: no figure is kept, now {}", path, value.dump()));
  }
  return comparison;
}

}  // namespace bench
