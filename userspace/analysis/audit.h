// Compares what was traced with what the kernel counted itself. Pure.
#pragma once

#include <vector>

#include "analysis/trace_data.h"

namespace mlt {

std::vector<AuditCheck> audit(const TraceData& data);

}  // namespace mlt
