// Bits of a mapping's vm_flags and of an address space's def_flags; the same in every kernel.
#pragma once

#include <cstdint>

namespace mlt {

inline constexpr std::uint64_t kVmRead = 0x1;
inline constexpr std::uint64_t kVmWrite = 0x2;
inline constexpr std::uint64_t kVmExec = 0x4;
inline constexpr std::uint64_t kVmShared = 0x8;
inline constexpr std::uint64_t kVmGrowsdown = 0x100;
inline constexpr std::uint64_t kVmPfnmap = 0x400;
inline constexpr std::uint64_t kVmLocked = 0x2000;
inline constexpr std::uint64_t kVmIo = 0x4000;
inline constexpr std::uint64_t kVmDontexpand = 0x40000;
inline constexpr std::uint64_t kVmLockOnFault = 0x80000;
inline constexpr std::uint64_t kVmHugetlb = 0x400000;
inline constexpr std::uint64_t kVmMixedmap = 0x10000000;
inline constexpr std::uint64_t kVmDroppable = std::uint64_t{1} << 40;  // 6.11+

}  // namespace mlt
