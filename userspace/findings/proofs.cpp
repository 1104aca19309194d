#include "findings/proofs.h"

#include <array>

namespace mlt {
namespace {

constexpr auto kProofs = std::to_array<Proof>({
    // Locked, and still faulting: a cause is what the page table said when the fault began, a lock what the mapping
    // said.
    {"fork-cow", "a write met a read-only entry of a page that is not the process's alone, in a locked mapping",
     "a first write to a private mapping of a file copies, too: told by the mapping; an entry that is read-only for "
     "other "
     "reasons: its page is the process's alone, or KSM's"},
    {"private-file-write",
     "a write met a read-only entry in a locked private mapping of a file, and most such faults were in such mappings",
     "copies after a fork: they are in memory that no file has"},
    {"onfault-first-touch", "nothing was there at an access, in a mapping that is VM_LOCKED and VM_LOCKONFAULT",
     "pages that a lock should have brought: the mapping is not VM_LOCKONFAULT"},
    {"stack-growth", "nothing was there at an access, in a locked mapping that grows downwards",
     "a thread's stack, which has a fixed size: its mapping does not grow"},
    {"zero-page-write", "a write met the shared zero page in a locked mapping",
     "memory that is written to first: nothing was there"},
    {"shared-file-mkwrite", "a write met a read-only entry in a locked shared mapping",
     "shared memory, which nobody writes back: its entries stay writable"},
    {"numa-balancing", "the entry was made inaccessible (PROT_NONE) in a mapping that is not",
     "a page that is being moved: its entry says so"},
    {"page-migration", "the entry said that the page is being moved, and the fault completed",
     "a page that is in swap, whose entry says so; the hint of NUMA balancing before a move: the page is still there"},
    {"ksm-write", "a write met a page that belongs to KSM in a locked mapping",
     "a copy after a fork: an ordinary page"},
    {"soft-dirty-tracking",
     "a write met a read-only entry without its soft-dirty bit, in a mapping that was cleared (/proc/PID/clear_refs)",
     "entries that mprotect left read-only: their mapping was not cleared"},
    {"write-protected-again", "a write met a read-only entry of a page that is the process's alone",
     "a copy after a fork: the page is not its own; soft-dirty tracking: the mapping was cleared"},
    {"userfaultfd",
     "the mapping is registered with userfaultfd, and nothing was there, or its entry is protected by it",
     "the same of memory that is not locked, which has no finding"},
    {"lock-not-effective", "nothing, or a swap entry, was there at an access, in a locked mapping that is not on fault",
     "memory that is locked on fault: VM_LOCKONFAULT"},
    {"locked-faults", "a fault at an access in a locked mapping, and its cause was not looked at",
     "none: where causes are measured, one of the others says which"},

    // Memory that should be locked.
    {"mapped-after-mcl-current",
     "after an mlockall(MCL_CURRENT) that succeeded, faults in mappings that are not locked, of causes that a lock "
     "spares",
     "faults before the call: those of its thread are taken off; a munlock since, which is told; MCL_FUTURE"},
    {"mcl-future-cancelled", "an mlockall without MCL_FUTURE that succeeded, and MCL_FUTURE was in force before",
     "an mlockall(MCL_CURRENT) with nothing before it"},
    {"lock-lost-in-fork",
     "the parent had locked memory, or MCL_FUTURE, at a fork; its child lives, runs the same program and "
     "has not locked",
     "children that call execve, end, or lock by themselves"},
    {"lock-lost-in-exec", "the process had locked memory, or MCL_FUTURE, at an execve, and has not locked again",
     "a child of vfork, which gives up its parent's memory and not locks of its own"},
    {"shm-lock-not-present",
     "faults that found no page, in a System V segment none of whose pages may be reclaimed (AS_UNEVICTABLE) when the "
     "first of them met it",
     "a segment whose pages were there before SHM_LOCK; one without it"},
    {"lock-without-effect", "an mlock of a range succeeded, and a mapping in the range was not VM_LOCKED after it",
     "an empty range, or a lock on top of others"},
    {"locked-not-mlocked",
     "at the end of the trace, page by page: in a locked mapping, and neither mlocked nor unevictable "
     "(/proc/kpageflags)",
     "the zero page, which is not counted; pages of huge pages, which have the mark of the whole"},

    // MCL_FUTURE.
    {"mcl-future-amplification", "MCL_FUTURE was in force, and mapping calls made so many pages present",
     "MAP_POPULATE: what it brought into mappings that are not locked is taken off; MCL_ONFAULT: nothing is made "
     "present"},
    {"thread-stack-populate", "single calls of mprotect, or of mmap with MAP_STACK, made so many pages present",
     "MAP_POPULATE and MAP_LOCKED, which ask for it; that the memory is a stack is not seen, and the title says what "
     "else it "
     "may be"},
    {"allocation-refused-under-mcl-future",
     "a mapping call failed, what it wanted exceeds RLIMIT_MEMLOCK, and MCL_FUTURE was in force",
     "the same of mlock or MAP_LOCKED: no MCL_FUTURE"},
    {"lock-headroom-low",
     "the last call left MCL_FUTURE in force, and the limit less what is locked is below headroom-mib",
     "a low limit without MCL_FUTURE; a process that may lock without limit"},
    {"memory-not-returned",
     "madvise failed with EINVAL for advice that gives memory back, of an aligned address, in a process with locked "
     "memory",
     "the same in a process that has locked nothing; MADV_DONTNEED_LOCKED"},

    // Slow calls.
    {"slow-lock",
     "the call took longer than twice its pages at lock-mb-per-s, or waited for more than half of its time",
     "a lock of much memory, at its usual speed; up to a millisecond more, which scheduling explains"},
    {"slow-unlock",
     "the call took longer than its range at unlock-ns-per-page, or waited for more than half of its time",
     "an unlock of much memory; up to a millisecond more, which scheduling explains"},
    {"reclaim-stall", "the process itself ran reclaim: how often, how long, for the machine or for its cgroup",
     "reclaim by kswapd or by others, which costs it nothing"},

    // Others wait.
    {"lock-holds-up-threads", "waits for mmap_lock that began while its holder was in a call that locks memory",
     "waits for a holder that does something else"},
    {"mmap-lock-contention",
     "waits for mmap_lock that began while its holder did not lock memory, by their share of time",
     "waits for a lock at work"},

    // Address space.
    {"vma-fragmentation",
     "mlock and munlock split more mappings than splits-per-call, and the splits were not merged again",
     "a lock in the middle of a mapping, which makes two; splits that merge again"},
    {"vma-limit-near", "the number of mappings, seen at splits and at both ends, by vm.max_map_count",
     "many mappings, far from the limit"},

    // The machine.
    {"unevictable-growth", "nr_unevictable at the end less that at the beginning, by the minute",
     "a program that locks when it starts, in a trace shorter than trend-seconds; whether it goes on is not seen"},
    {"unevictable-high", "nr_unevictable at the end, by the memory of the machine",
     "much that is locked of more memory"},
    {"memory-high-exceeded", "the cgroup's memory.events counted `high` in the window; memory.pressure how long",
     "a limit that is set, and kept"},
    {"reclaim-inefficient",
     "pgscan_* by pgsteal_* of /proc/vmstat, where somebody had to reclaim by himself (allocstall)",
     "reclaim that finds what it looks for; kswapd alone"},

    // Swap.
    {"swap-in-storm", "faults on swap entries a second, on average of the trace, and some were read from a device",
     "pages of zeroes and those of zswap, which are not read"},
    {"fork-copies-swap", "fork copied swap entries", "a fork of what is in memory"},
    {"exit-frees-swap", "unmapping at the exit took long, and gave up swap entries; which of it was theirs is not seen",
     "an exit that gives up a few, and is short"},
    {"guest-memory-swapped", "faults on swap entries of a process that has the name of QEMU's machines",
     "the same of other programs"},

    // Storms.
    {"fault-storm",
     "faults at access a second, their time, and what was usual, second by second; what is said of most is true of "
     "more than "
     "half",
     "a lock or another call that makes pages present; a program that starts, which has no usual rate: no more than a "
     "notice"},
    {"major-fault-storm", "major faults on files and on swap a second, without those that read nothing, and their time",
     "a few reads, or short ones"},

    // Calls that failed.
    {"lock-over-limit", "the call's range and what was locked exceed RLIMIT_MEMLOCK, as they were then",
     "other reasons of ENOMEM and EAGAIN: the range is within the limit. What io_uring, perf and RDMA hold is "
     "accounted elsewhere and said beside it; what VFIO holds (account_locked_vm) is a part of what was locked"},
    {"memlock-limit-of-others",
     "the kernel's function that asks the limit refused: of io_uring (__io_account_mem, io_account_mem) and, up to "
     "5.10, of bpf it has no other reason; of perf_mmap EPERM without CAP_IPC_LOCK, and what is pinned and was wanted "
     "exceed the limit",
     "ENOMEM and EFAULT of io_uring_register for other reasons: the limit is not asked, or does not refuse; with "
     "CAP_IPC_LOCK io_uring does not ask"},
    {"lock-not-permitted", "EPERM, RLIMIT_MEMLOCK 0 and no CAP_IPC_LOCK, as they were then",
     "EPERM of a filter: the limit is not 0"},
    {"lock-refused-by-policy", "EPERM, and RLIMIT_MEMLOCK is not 0 or does not bind", "EPERM of a limit of 0"},
    {"lock-hole", "ENOMEM of mlock, after a part was locked, within the limit and with mappings to spare",
     "a page that can't be made present: the whole range is locked"},
    {"unlock-hole", "ENOMEM of munlock, with mappings to spare", "mlock across a hole"},
    {"lock-not-populated", "ENOMEM of mlock, and all of the range is locked, or some of it was made present",
     "a hole: the range is locked up to there"},
    {"lock-too-many-mappings", "ENOMEM, and the process has vm.max_map_count mappings",
     "a hole, with mappings to spare"},
    {"lock-out-of-memory", "EAGAIN of a lock, within the limit", "EAGAIN of the limit"},
    {"lock-bad-argument", "EINVAL", "an error by what is mapped there"},
    {"lock-failed", "an error of which what was seen leaves several rules", "one of the others, where one is left"},

    {"lock-incomplete", "a lock call succeeded, and populate_vma_page_range returned an error inside it",
     "a call that fails for the same reason says so; MAP_POPULATE alone asks for no lock"},
    {"lock-answered-by-filter", "the seccomp filter was seen to answer a lock call with success",
     "a filter that refuses; a lock that the kernel made"},

    // Faults and accesses that failed.
    {"ended-by-fault",
     "the last signal that was generated for such an access, and none that somebody sent after it, is the one that "
     "ended "
     "the process",
     "the same signal sent by kill; one that was caught"},
    {"ended-by-oom-killer", "the OOM killer sent the SIGKILL that ended the process", "SIGKILL of somebody else"},
    {"fault-beyond-file", "SIGBUS or an error of a populate, and the page is beyond i_size",
     "a file system that is full"},
    {"fault-file-system-full",
     "inside the fault tmpfs found no block, ext4 asked whether to try again for want of one, or the quota refused",
     "beyond the end of the file: i_size is looked at first"},
    {"fault-no-huge-page", "the pool has no page that is not promised, or the hugetlb cgroup refused the charge",
     "beyond the end of a file of huge pages"},
    {"fault-poisoned", "VM_FAULT_HWPOISON, or an entry that is marked so", "other reasons for SIGBUS"},
    {"fault-not-permitted", "SIGSEGV with SEGV_ACCERR or SEGV_PKUERR, or an entry that is a guard",
     "nothing is mapped there: SEGV_MAPERR"},
    {"fault-unmapped", "SIGSEGV with SEGV_MAPERR and nothing mapped at the address, or a general protection exception",
     "a stack that may not grow: a mapping that grows downwards follows"},
    {"stack-growth-refused",
     "nothing is mapped at the address, a stack follows, and the rules of the kernel for its growth, with the numbers "
     "of "
     "that moment, say no",
     "nothing mapped, and no stack that follows"},
    {"fault-no-memory", "VM_FAULT_OOM; of a cgroup: its counter, or one above it, has no room left",
     "a file system in memory that is full"},
    {"fault-refused-by-userfaultfd", "SIGBUS in a mapping whose userfaultfd has UFFD_FEATURE_SIGBUS",
     "pages that it has marked as poisoned"},
    {"fault-failed", "an error of which nothing of the above was seen", "all of the above"},

    // What others did.
    {"memory-taken-by-others",
     "pages of the process were taken out of memory by a call of another process, and major faults followed at "
     "addresses "
     "between those",
     "the same by the process itself; reclaim for want of memory"},
    {"faults-by-others",
     "faults in memory that is not locked, of a cause that another process was seen to make: it protected, moved or "
     "supplied the pages",
     "another process that acts on the memory, and no such fault; faults of that cause where nobody was seen to act"},

    // What faults waited for.
    {"working-set-too-large",
     "pages of files that the faults read had been evicted not long before (workingset_refault), and as many were "
     "reclaimed during the trace",
     "a file that is read for the first time: the kernel remembers nothing of it"},
    {"compaction-stall", "faults compacted memory themselves before they got theirs",
     "pages that are moved for others: the fault waits for the entry"},
    {"writeback-wait", "faults waited for pages to be written, or were held up as they made too many dirty",
     "waits for pages to be read"},
    {"huge-page-cost", "the time of the faults that brought huge pages", "many small faults"},
    {"userfaultfd-wait", "faults in memory that is not locked waited in handle_userfault",
     "userfaultfd that answers with a signal: nobody waits"},
    {"memory-high-sleep", "the process slept in mem_cgroup_handle_over_high",
     "reclaim for memory.max: it works, and does not sleep"},

    // False alarms.
    {"populate-burst",
     "more than half of all faults made pages present on behalf of a call, in mappings that are locked",
     "MAP_POPULATE, MADV_POPULATE_*, O_DIRECT: the mapping is not locked"},
    {"populate-without-lock",
     "more than half of all faults made pages present on behalf of a call, in mappings that are not locked; the calls "
     "count "
     "theirs",
     "a lock at work: the mapping is locked"},
    {"major-without-io", "major faults of causes that read no page",
     "major faults on files and swap entries, and those of unknown cause"},
    {"cheap-faults", "many faults at access, and their time together is below a hundredth of the trace",
     "as many, and dear; faults of which the time is not known"},
    {"spurious-faults", "the entry was present and permitted the access when the fault began",
     "faults with work to do"},
    {"vdso-data-page", "a fault in [vvar], of a process that locked memory",
     "a driver's mapping, which can't be locked either: told by its name"},
});

}  // namespace

std::span<const Proof> all_proofs() { return kProofs; }

}  // namespace mlt
