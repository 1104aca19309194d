// What x86-64 decides.
#pragma once

#include <cstdint>
#include <string_view>

/// Of the functions that serve system calls: CONFIG_ARCH_HAS_SYSCALL_WRAPPER, 4.17+. A macro, as it begins literals.
#define MLT_SYSCALL_PREFIX "__x64_sys_"

namespace mlt::arch {

/// The tracepoints of the exception that begins a fault.
inline constexpr std::string_view kUserException = "page_fault_user";
inline constexpr std::string_view kKernelException = "page_fault_kernel";

/// Where the kernel's own text and modules begin: Documentation/arch/x86/x86_64/mm.rst.
inline constexpr std::uint64_t kTextStart = 0xffffffff80000000;
/// vmalloc space is 32 TiB at least, and the array of struct page 1 TiB at most with four levels.
inline constexpr std::uint64_t kVmallocLeast = std::uint64_t{1} << 44;
/// Randomized bases are multiples of this: PUD_SIZE.
inline constexpr std::uint64_t kBaseAlignment = std::uint64_t{1} << 30;

/// Levels of page tables: `cpu_has` tells of a word among the flags of /proc/cpuinfo.
template <typename CpuHas>
unsigned page_levels(const CpuHas& cpu_has) {
  return cpu_has("la57") ? 5 : 4;
}

}  // namespace mlt::arch
