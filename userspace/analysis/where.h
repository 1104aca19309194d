// Where faults happened: what BPF counted by mapping, put together and named.
#pragma once

#include <cstdint>
#include <vector>

#include "model/counts.h"
#include "model/report.h"
#include "proc/maps_file.h"
#include "symbols/symbolizer.h"

namespace mlt {

/// As /proc/PID/maps names it. `maps` has what was seen of the process.
std::string vma_name(const mlt_vma& vma, const std::vector<MapsLine>& maps);

/// "rw-p"
std::string permissions_of(const mlt_vma& vma);

mlt_lock_state lock_state_of(const mlt_vma& vma);

/// Largest count first. Faults of the process that no mapping has are a last entry without a name.
std::vector<VmaFaults> build_by_vma(const ProcessCounts& process, const std::vector<MapsLine>& maps);

/// A kernel stack, innermost first, without how it got into the tracer: what handle_mm_fault called; the trampoline
/// that a traced function enters by its first instruction, and the function itself that stands on both sides of it.
std::vector<Frame> without_tracer(const std::vector<Frame>& stack);

/// Largest count first. Past so many the rest is one entry without frames.
std::vector<StackFaults> build_stacks(const ProcessCounts& process, std::uint32_t pid, const Symbolizer& symbols);

}  // namespace mlt
