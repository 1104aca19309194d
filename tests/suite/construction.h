// What a workload knows of itself "by construction" rests on how it takes the kernel to work: that reading untouched
// memory maps the shared zero page, say. On a kernel that works otherwise the construction is wrong, not the tracer.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace suite {

/// Why the construction does not hold on this kernel, by a truth line (tests/workloads/README.md): a premise that the
/// workload found broken, or faults of the work that are not as many as it says. Empty: it holds.
std::string broken_construction(const nlohmann::json& truth);

/// The same truth with the kernel's own counters in the place of a construction that does not hold: where all faults
/// were to be of one origin, that origin has as many as getrusage counted; every other number that was only thought up
/// is null, which is compared with nothing. What was read from the kernel stays. A construction that holds is left
/// alone.
nlohmann::json by_the_kernels_counters(nlohmann::json truth);

}  // namespace suite
