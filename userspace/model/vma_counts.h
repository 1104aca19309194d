// What BPF counted by mapping: a record for each mapping of each thread.
#pragma once

#include <cstdint>
#include <vector>

#include "bpf/mlocktrace.h"

namespace mlt {

inline std::uint64_t end_of(const mlt_vma& vma) { return vma.start + vma.size; }

/// Adds `vma` to the record of the same mapping in `list`, or as a new one. Several threads have a record each, and so
/// has what was mapped at the same place again.
void add_vma(std::vector<mlt_vma>& list, const mlt_vma& vma);

/// What came since `before`; the longest fault stays that of the whole time.
std::vector<mlt_vma> vmas_since(const std::vector<mlt_vma>& now, const std::vector<mlt_vma>& before);

std::uint64_t completed_faults(const mlt_vma& vma);

}  // namespace mlt
