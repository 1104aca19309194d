// The workloads about swap and what becomes of locks, which share one tracer.
#pragma once

#include "observed.h"

namespace live {

/// Traced the first time that a test asks.
const Traced& memory_table();
Observed of_memory_table(const std::string& name);

/// No process that is not of the table had anything in swap that it could read meanwhile.
bool only_memory_table_swaps();

}  // namespace live
