// What workloads say of themselves.
#pragma once

#include <string>

#include "program.h"

namespace live {

/// The truth line of a workload, to be compared with. Where its construction does not hold on this kernel, the kernel's
/// own counters are the truth, and the log says so: see suite/construction.h. On the kernels that the project names
/// (MLT_PINNED is set in their virtual machines) it must hold: there that is a failure.
Json read_truth(const std::string& line);

}  // namespace live
