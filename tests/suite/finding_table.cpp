#include "suite/finding_table.h"

namespace suite {

namespace {

constexpr FindingRow kFindings[] = {
    // Locked, and still faulting.
    {"fork-cow", "fork-cow-locked", "private-file-write"},
    {"private-file-write", "private-file-write", "fork-cow-locked"},
    {"onfault-first-touch", "onfault", "punch-hole"},
    {"stack-growth", "stack-grow-locked", "stack-grow"},
    {"zero-page-write", "onfault-read-write", "onfault"},
    {"shared-file-mkwrite", "file-locked", "shm-locked"},
    {"numa-balancing", "numa-hint", "migration"},
    {"page-migration", "migration", "swap-read-write-locked"},
    {"ksm-write", "ksm", "fork-cow-locked"},
    {"soft-dirty-tracking", "soft-dirty", "mprotect-again-locked"},
    {"write-protected-again", "CausesOfAll.FindingsGoWithTheirFigures", "soft-dirty"},
    {"userfaultfd", "uffd-wp", "uffd"},
    {"lock-not-effective", "punch-hole", "onfault"},
    {"locked-faults", "Findings.LockedMemoryThatFaultsForUnknownCauses", "fork-cow-locked"},
    // Memory that should be locked.
    {"mapped-after-mcl-current", "lockall-current-then-map", "lockall-future-map"},
    {"mcl-future-cancelled", "lockall-future-cancelled", "lockall-current-then-map"},
    {"lock-lost-in-fork", "Findings.AChildWithoutTheLocksOfItsParent", "fork-cow-locked"},
    {"lock-lost-in-exec", "exec-locked", "vfork-locked"},
    {"shm-lock-not-present", "shm-lock", "shm-lock-stays"},
    {"lock-without-effect", "lock-passed-over driver", "lock-twice"},
    {"locked-not-mlocked", "thp-lock-middle", "thp-lock"},
    // MCL_FUTURE.
    {"mcl-future-amplification", "lockall-future-malloc", "lockall-onfault"},
    {"thread-stack-populate", "thread-stacks-locked", "map-populate"},
    {"allocation-refused-under-mcl-future", "lockall-limit", "lock-limit"},
    {"lock-headroom-low", "lockall-limit", "lock-limit"},
    {"memory-not-returned", "dontneed-locked", "discard-locked"},
    // Slow calls.
    {"slow-lock", "swap-lock", "TimedHealthy.AreNoHarm"},
    {"slow-unlock", "Findings.UnlockingThatTakesLongerThanScheduling",
     "Findings.UnlockingThatTakesLongerThanScheduling"},
    {"reclaim-stall", "lock-over-max", "lock-untouched"},
    // Others wait.
    {"lock-holds-up-threads", "held-up", "unmap-held-up"},
    {"mmap-lock-contention", "Findings.WhoWaitsForAnUnmap", "two-threads"},
    // Address space.
    {"vma-fragmentation", "lock-alternate", "lock-middle"},
    {"vma-limit-near", "lock-mapping-bound", "lock-alternate"},
    // The machine.
    {"unevictable-growth", "Findings.MoreOfItThanBefore", "Findings.AMachineAtRest"},
    {"unevictable-high", "Findings.MemoryOfTheMachineThatReclaimCannotTake", "Findings.AMachineAtRest"},
    {"memory-high-exceeded", "MemoryHigh.SlowsDownWhoLocksMore", "Findings.AMachineAtRest"},
    {"reclaim-inefficient", "Findings.ReclaimThatFindsLittle", "Findings.AMachineAtRest"},
    // Swap.
    {"swap-in-storm", "CausesOfSwap.ManySwapInsAreAStorm", "SwapZeroes.WhatIsNotReadIsNotSaidToBe"},
    {"fork-copies-swap", "swap-fork", "fork-cow"},
    {"exit-frees-swap", "Findings.AnExitThatGivesUpSwap", "Findings.AnExitThatGivesUpSwap"},
    {"guest-memory-swapped", "Findings.AVirtualMachineThatIsSwapped", "swap-touch"},
    // Storms.
    {"fault-storm", "Storms.NameTheirMappingThreadAndCall", "StormsOfOthers.ALockAtWorkIsNone"},
    {"major-fault-storm", "Findings.AVirtualMachineThatIsSwapped", "file-cold"},
    // Calls that failed.
    {"lock-over-limit", "lock-limit", "lock-noperm"},
    {"memlock-limit-of-others", "LimitOfOthers.IoUring", "uring-limit address"},
    {"lock-not-permitted", "lock-noperm", "lock-limit"},
    {"lock-refused-by-policy", "Seccomp.ACallThatIsRefusedIsSeen", "lock-noperm"},
    {"lock-hole", "lock-hole", "lock-none"},
    {"unlock-hole", "unlock-hole", "lock-hole"},
    {"lock-not-populated", "lock-none", "lock-hole"},
    {"lock-too-many-mappings", "lock-bound-lowered", "lock-hole"},
    {"lock-out-of-memory", "lock-over-max", "lock-limit"},
    {"lock-bad-argument", "lock-badflags", "dontneed-locked"},
    {"lock-failed", "lock-hole-far", "lock-hole"},
    {"lock-incomplete", "lockall-in-vain", "lock-none"},
    {"lock-answered-by-filter", "Seccomp.ASuccessThatIsNoneIsTold", "Seccomp.ACallThatIsRefusedIsSeen"},
    // Faults and accesses that failed.
    {"ended-by-fault", "FailedFaults.ThatEndAProcess", "FailedFaults.ASignalThatIsSentEndsNothingByAFault"},
    {"ended-by-oom-killer", "FailedFaults.TheOomKillerIsNamed", "killed-by-fault"},
    {"fault-beyond-file", "sigbus-loop", "tmpfs-full"},
    {"fault-file-system-full", "tmpfs-full", "sigbus-loop"},
    {"fault-no-huge-page", "huge-pages-gone", "sigbus-loop"},
    {"fault-poisoned", "uffd-poisoned", "uffd-refused"},
    {"fault-not-permitted", "segv-loop", "sigbus-loop"},
    {"fault-unmapped", "access-refused unmapped", "access-refused protected"},
    {"stack-growth-refused", "stack-refused locked", "access-refused unmapped"},
    {"fault-no-memory", "lock-over-max", "tmpfs-full"},
    {"fault-refused-by-userfaultfd", "uffd-refused", "uffd-poisoned"},
    {"fault-failed", "driver-refused", "sigbus-loop"},
    // What others did.
    {"memory-taken-by-others", "pageout-by-other", "pageout-by-itself"},
    {"faults-by-others", "refs-cleared", "poked"},
    // What faults waited for.
    {"working-set-too-large", "refault", "refault once"},
    {"compaction-stall", "", "Findings.AMachineAtRest"},
    {"writeback-wait", "dirty-file", "refault once"},
    {"huge-page-cost", "WaitsOfAll.HugePagesAreCounted", "Findings.AMachineAtRest"},
    {"userfaultfd-wait", "Userfaults.WaitUntilSomebodyAnswers", "WaitsOfAll.AnErrorOfUserfaultfdIsNoWait"},
    {"memory-high-sleep", "MemoryHigh.SlowsDownWhoLocksMore", "Findings.AMachineAtRest"},
    // False alarms.
    {"populate-burst", "lockall-future-malloc", "populate-write"},
    {"populate-without-lock", "populate-write", "lockall-future-malloc"},
    {"major-without-io", "CausesOfAll.FindingsGoWithTheirFigures", "file-cold"},
    {"cheap-faults", "Findings.ManyFaultsThatCostLittle", "Findings.ManyFaultsThatCostLittle"},
    {"spurious-faults", "CausesOfAll.FindingsGoWithTheirFigures", "two-threads"},
    {"vdso-data-page", "vdso", "touch"},
};

}  // namespace

std::span<const FindingRow> finding_table() { return kFindings; }

}  // namespace suite
