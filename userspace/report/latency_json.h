// A latency histogram as JSON: H of the contract, wherever it stands.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "util/histogram.h"

namespace mlt {

/// With its quantiles, and [lo, hi, count] of each bucket that holds something.
nlohmann::ordered_json latency_json(const Histogram& histogram);

}  // namespace mlt
