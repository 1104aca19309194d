// What grows with the number of traced processes, threads and CPUs, and what does not.
#pragma once

#include <string>
#include <vector>

#include "program.h"

namespace bench {

/// In the machine that is measured: "processes", "threads" and "machine", a list of figures each.
live::Json measure_growth(int settle_seconds, bool machine_only);

std::string growth_to_markdown(const std::vector<live::Json>& runs);

}  // namespace bench
