// What others do to the memory of processes, from the counts of the kernel's side.
#pragma once

#include <cstdint>
#include <vector>

#include "model/counts.h"
#include "model/report.h"

namespace mlt {

/// Who held mmap_lock while threads of the process waited for it, most time first.
std::vector<OutsideWaits> build_outside(const std::vector<ActCount>& acts);

/// Everything else, the first first. `tgid`: of the process whose memory it is; 0: of no single one.
std::vector<Act> build_acts(const std::vector<ActCount>& acts, std::uint32_t tgid, std::uint64_t start_ns);

/// What was done to the machine and to cgroups.
std::vector<Act> build_system_acts(const Counts& counts, std::uint64_t start_ns);

}  // namespace mlt
