// What a block of the BPF programs and the tails of its histogram say together.
#pragma once

#include <span>

#include "bpf/mlocktrace.h"
#include "model/report.h"

namespace mlt {

FaultTotals totals_of(const mlt_block& block, std::span<const mlt_tail> tails);

}  // namespace mlt
