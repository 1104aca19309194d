// One function a command: wires the parts together. The value is the exit status when nothing went wrong.
#pragma once

#include "cli/options.h"
#include "util/result.h"

namespace mlt {

Result<int> run_trace(const TraceOptions& options);
Result<int> run_record(const RecordOptions& options);
Result<int> run_report(const ReportOptions& options);
Result<int> run_diff(const DiffOptions& options);
Result<int> run_probes(const ProbesOptions& options);

}  // namespace mlt
