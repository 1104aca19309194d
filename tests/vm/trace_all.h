// Several workloads under one tracer.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "program.h"

namespace live {

struct Observation {
  Json truth;
  Json process;  // of the report; null when it is not there
};

struct Traced {
  Json report;
  std::map<std::string, Observation> rows;
};

/// All commands, each that of a workload, are started and held before their work; one mlocktrace traces them all; they
/// do their work one after another, in the order of their names; the report is taken while they still live. So a whole
/// table costs one start of the tracer, which is given `options`, too: with -c it traces that cgroup instead. Before
/// the trace ends `meanwhile` is called, which has all truths, but no report.
Traced trace_all(const std::map<std::string, Words>& commands, const Words& options = {},
                 const std::function<void(const Traced&)>& meanwhile = {});

/// The same of one mlocktrace that starts all workloads, one after another: each is over before the next begins, and
/// before anybody can look at its /proc.
Traced trace_in_turn(const std::vector<std::string>& workloads, const Words& options = {});

/// One command, which prints the truth of a workload, traced with `options` from its start to its end.
struct TracedCommand {
  Json truth;
  Json report;
};
TracedCommand trace_command(const Words& command, const Words& options = {});

}  // namespace live
