#include "suite/test_table.h"

namespace suite {

namespace {

using enum Tier;

constexpr Needs kMemory = {.swap = true, .disk = true};
constexpr Needs kNodes = {.swap = true, .disk = true, .two_nodes = true};
// Reclaim and files need what they need there, too.
constexpr Needs kCounted = {.swap = true, .disk = true, .counted_time = true};

constexpr std::string_view kNoOwner =
    "with PREEMPT_RT mmap_lock keeps no owner, and who waits for a writer waits for another lock";

// Of a family, a test that takes long last: the others are dealt first.
constexpr Row kRows[] = {
    // That everything attaches, and every workload's counts: on every kernel.
    {"alternatives", "Alternatives.*", every_kernel, {}, true, 30},
    {"counts",
     "All/Workload.*:WorkloadTable.*:All/Causes.*:CausesOfAll.*:Construction.*:All/SwapIn.*:SwapLock.*:SwapFork.*:"
     "SwapReadahead.*:All/Userfaults.*:WaitsOfAll.*:All/SharedLock.*:ShmUnlock.*:All/LockedInPart.*:Life.*:Ending.*:"
     "FailedFaults.*:Others.*:LimitOfOthers.*",
     every_kernel, kMemory, true, 40},
    {"counts", "All/Pressure.*:PressureOfAll.*:ReclaimFault.*:LockedHalf.*:LockedNotMlocked.*:ShmLocked.*",
     every_kernel, kMemory, true, 20},
    {"counts", "TwoNodes/Causes.*:TwoNodes/Migration.*", every_kernel, kNodes, true, 20},
    // Workloads that run apart from the others.
    {"counts", "All/OwnCommand.*", every_kernel, {}, false, 3},
    {"counts", "SwapTight.*", every_kernel, kMemory, false, 4},
    {"counts", "Seccomp.*", every_kernel, {}, false, 4},
    // Nothing lost and nothing left behind differ with how a kernel hooks and whether it preempts.
    {"load", "Load.*", every_kernel, {}, false, 6},
    {"load", "Clean.*", every_kernel, {}, false, 5},

    // The kernel's counters of who ends or runs on meanwhile are taken otherwise on each.
    {"ends", "Ends.*", every_kernel, {}, false, 6},

    {"target", "Target.*", two_kernels, {}, false, 3},
    {"target", "OwnCommandStatus.*", two_kernels, {}, false, 3},
    {"output", "Output.*", two_kernels, {}, false, 4},
    {"where", "Where.*", two_kernels, {}, false, 4},
    {"storms", "All/Storms.*:StormsOfOthers.*", two_kernels, {}, true, 10},
    {"causes", "ManyMappings/Causes.*", two_kernels, {}, true, 20},
    {"causes", "CausesOfCommands.*", two_kernels, {}, false, 8},
    {"causes", "CausesOfSwap.*", two_kernels, kMemory, false, 15},
    {"findings", "Findings.*", two_kernels, kMemory, true, 25},
    {"contention", "Ways/HeldUp.*", two_kernels, {}, false, 4, kNoOwner},
    {"contention", "LockWait.*", two_kernels, {}, false, 4},
    {"contention", "VmaLock.*", two_kernels, {}, false, 4},
    {"calls", "All/CallParts.*:CallPartsOfAll.*", two_kernels, kMemory, true, 8},
    {"calls", "OffCpu.*:Compat.*", two_kernels, {}, false, 6},
    {"calls", "LimitAtTheCall.*:Madvise.*", two_kernels, {}, true, 8},
    {"system", "SwapDevices.*", two_kernels, kMemory, false, 3},
    {"system", "CgroupAudit.*", two_kernels, kMemory, false, 8},
    {"system", "MemoryHigh.*", two_kernels, kMemory, false, 8},
    {"system", "All/WithoutMlock.*", two_kernels, kMemory, true, 8},
    {"system", "SwapZeroes.*", two_kernels, kMemory, false, 4},
    {"system", "Collapse.*", two_kernels, kMemory, false, 10},
    {"system", "Soak.*", two_kernels, kNodes, false, 20},
    // That the killer is seen is tested on every kernel, with the limit of a cgroup (Ending.*).
    {"system", "TwoNodes/OomKilled.*", two_kernels, kNodes, false, 15},
    {"record", "All/RecordedCommand.*:Recorded.*", two_kernels, {}, true, 10},
    {"record", "RecordEvents.*", two_kernels, {}, true, 10},
    {"record", "Record.*", two_kernels, {}, false, 8},
    {"record", "Crowd.*", two_kernels, {}, false, 12},

    // Times, where the host's load has no say.
    {"timed", "Speed.*", every_kernel, kCounted, false, 15},
    {"timed", "Ways/TimedHeldUp.*", two_kernels, kCounted, true, 10, kNoOwner},
    {"timed", "All/TimedCallParts.*", two_kernels, kCounted, true, 10},
    {"timed", "TimedHealthy.*", two_kernels, kCounted, false, 10},
    {"cost", "Cost.*", one_kernel, kCounted, false, 30},

    {"files", "RecordError.*", two_kernels, kMemory, false, 10},
    {"files", "RecordKilled.*", two_kernels, kMemory, false, 20},
    {"files", "Formats.*", two_kernels, {}, true, 10},
    {"errors", "Error.*", two_kernels, {}, true, 10},
};

}  // namespace

std::span<const Row> test_table() { return kRows; }

}  // namespace suite
