// Timelines that go with the reports of fixtures.h.
#pragma once

#include <cstdint>

#include "analysis/compare.h"
#include "model/timeline.h"

namespace mlt::fixtures {

/// Of busy(): 100 ms intervals, locks, a fork at 5 s and the storm of copy-on-write that follows; the address space
/// before and after.
Timeline stormy();
/// The calm first half of busy(), against all of it.
Diff calm_and_busy();
/// Interval `i` of a long trace of the process of quiet(): a wave, and now and then a spike of one interval.
TimelinePoint long_run(std::uint64_t i);

}  // namespace mlt::fixtures
