// What grows with the number of traced processes, threads and CPUs, and what does not.
#pragma once

#include <string>
#include <vector>

#include "program.h"

namespace bench {

struct GrowthOptions {
  int settle_seconds = 10;
  bool machine_only = false;  // what the number of possible CPUs makes of it
  int processes = 0;          // so many only; 0: all that there is to measure
};

/// In the machine that is measured: "processes", "threads" and "machine", a list of figures each.
live::Json measure_growth(const GrowthOptions& options);

std::string growth_to_markdown(const std::vector<live::Json>& runs);

}  // namespace bench
