// The kernel that runs here, without a virtual machine: what tracing adds to a fault in nanoseconds.
#pragma once

#include <string>

namespace bench {

/// Pairs of rounds in one process, one of each pair traced: whatever the machine does besides meets both alike. Empty
/// `signals`: the default ones.
int measure_native(const std::string& signals);

/// The same of the programs that do something like it, each started and ended for every pair. Those that are not there,
/// or do not run here, are said to be so.
int measure_native_peers();

}  // namespace bench
