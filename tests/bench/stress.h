// What of the faults of threads that outnumber the processors is counted, and known, when probes are skipped.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "program.h"

namespace bench {

struct StressOptions {
  std::uint64_t faults = 1'000'000;  // at least so many in each row
  int seconds = 60;                  // of one trace
};

/// In the machine that is measured: mlt-workload's mixture, alone and beside two processes that update BPF maps.
live::Json measure_stress(const StressOptions& options);

std::string stress_to_markdown(const std::vector<live::Json>& runs);

}  // namespace bench
