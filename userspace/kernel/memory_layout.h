// Finds out where the kernel keeps page tables and struct pages.
#pragma once

#include <span>
#include <string_view>

#include "kernel/facts.h"
#include "util/result.h"

namespace mlt {

/// One piece of kernel memory, as the program headers of /proc/kcore list them. `physical` is all ones where the piece
/// has no physical address of its own: vmalloc space, modules, the array of struct page.
struct KernelSegment {
  std::uint64_t address = 0;
  std::uint64_t physical = 0;
  std::uint64_t size = 0;
};

/// From the segments, the flags of /proc/cpuinfo and the VmFlags of some process. `levels` stays 0 when they tell too
/// little.
MemoryLayout memory_layout(std::span<const KernelSegment> segments, std::string_view cpu_flags,
                           std::string_view vm_flags);

/// Needs CAP_SYS_RAWIO, and a kernel that is not locked down.
Result<MemoryLayout> read_memory_layout();

}  // namespace mlt
