// The kernel that runs here, without a virtual machine: what tracing adds to a fault in nanoseconds.
#pragma once

#include <string>

namespace bench {

/// Pairs of rounds in one process, one of each pair traced: whatever the machine does besides meets both alike. Empty
/// `signals`: the default ones.
int measure_native(const std::string& signals);

}  // namespace bench
