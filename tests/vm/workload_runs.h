// Every workload of the table (suite/workload_table.h) that does not run apart, under one tracer.
#pragma once

#include "suite/workload_table.h"
#include "trace_all.h"

namespace live {

/// The command of a row.
Words command_of(const suite::WorkloadRow& row);

/// Those that run together.
std::vector<suite::WorkloadRow> workloads_together();

/// All of them traced at once, the first time that a test asks.
const Traced& workload_runs();

/// A name for GoogleTest.
std::string test_name(std::string_view workload);

}  // namespace live
