// The BPF programs of mlocktrace that the kernel holds. Whoever else has some on this machine isn't in it.
#pragma once

#include <cstdint>
#include <set>

namespace live {

/// Ids of the programs that were not there when this test program began.
std::set<std::uint32_t> loaded_bpf_programs();
/// Waits until those that are loaded now are gone, which takes the kernel a moment. Returns how many stay.
std::size_t bpf_programs_left();

/// What the kernel measured of them, as far as it did.
struct BpfRuns {
  std::uint64_t count = 0;
  std::uint64_t time_ns = 0;
};
BpfRuns runs_of_bpf_programs();

}  // namespace live
