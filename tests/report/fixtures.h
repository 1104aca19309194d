// Realistic reports for the tests of the renderers.
#pragma once

#include <cstdint>

#include "model/report.h"

namespace mlt::fixtures {

/// `count` minor faults whose latencies lie around `median_ns`; the same ones each time, on every machine.
FaultTotals minor_faults(std::uint64_t count, std::uint64_t median_ns);

/// A process that locked before the trace and does little.
Report quiet();
/// Locks, splits VMAs, runs into its limit, forks, and faults again on locked memory.
Report busy();
/// A kernel on which much can't be attached, with losses and an audit that differs, and hostile names.
Report degraded();
/// quiet(), of 400 faults more, on a kernel that skipped these probes of them.
Report skipping(SkippedProbes skipped);
/// A system-wide trace of `processes` processes.
Report crowd(std::uint32_t processes);

}  // namespace mlt::fixtures
