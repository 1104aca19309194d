// From what a trace gathered to the report model. Pure.
#pragma once

#include "analysis/trace_data.h"

namespace mlt {

Report build_report(const TraceData& data);

}  // namespace mlt
