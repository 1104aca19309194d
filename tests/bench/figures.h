// The figures that are kept: what a traced fault costs, by kernel and set of signals, to be compared with a new run.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace bench {

using Json = nlohmann::json;

/// The figures that are kept of a run, as they are written to the file.
Json kept_figures(const Json& run);

struct Comparison {
  std::vector<std::string> risen;  // lines for people; a figure that is missing on either side counts as risen
  std::vector<std::string> fallen;
  int compared = 0;
};

Comparison compare(const Json& kept, const Json& now);

}  // namespace bench
