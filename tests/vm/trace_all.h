// Several workloads under one tracer.
#pragma once

#include <map>
#include <string>

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
/// do their work one after another; the report is taken while they still live. So a whole table costs one start of the
/// tracer, which is given `options`, too.
Traced trace_all(const std::map<std::string, Words>& commands, const Words& options = {});

/// One command, which prints the truth of a workload first, traced with `options` from its start to its end.
struct TracedCommand {
  Json truth;
  Json report;
};
TracedCommand trace_command(const Words& command, const Words& options = {});

}  // namespace live
