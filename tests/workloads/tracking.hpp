#pragma once

#include "workload.hpp"

namespace workload {

// Write-protects all that the process has, as checkpointers do to learn what changes. `range` must be of new, present
// pages. False: this kernel can't.
bool track_writes(const Range& range);

inline constexpr const char* no_tracking = "no soft-dirty bits in this kernel";

}  // namespace workload
