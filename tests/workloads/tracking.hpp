#pragma once

#include "workload.hpp"

namespace workload {

// Write-protects all that the process has, as checkpointers do to learn what changes. `range` must be of new, present
// pages. False: this kernel can't.
bool track_writes(const Range& range);

inline constexpr const char* no_tracking = "no soft-dirty bits in this kernel";

// Writes the same to every page of `range`, and lets KSM merge them. Otherwise: why not.
const char* merge(const Range& range);

}  // namespace workload
