// Every workload of the table (suite/workload_table.h) that does not run apart, under one tracer.
#pragma once

#include "observed.h"
#include "suite/workload_table.h"
#include "trace_all.h"

namespace live {

/// The command of a row.
Words command_of(const suite::WorkloadRow& row);

/// Those that run together.
std::vector<suite::WorkloadRow> workloads_together();

/// All of them and their children traced at once, the first time that a test asks. By the label of their row.
const Traced& workload_runs();
Observed of_workload_runs(const std::string& label);

/// Some process has something in swap.
bool somebody_has_swapped();

/// No process that is not among them had anything in swap that it could read meanwhile.
bool only_workload_runs_swap();

/// A name for GoogleTest.
std::string test_name(std::string_view label);

}  // namespace live
