#include "findings/findings.h"

#include <algorithm>
#include <array>

#include "findings/rules.h"

namespace mlt {
namespace {

using enum Severity;

constexpr std::string_view kRaiseLimit =
    "Raise RLIMIT_MEMLOCK (LimitMEMLOCK= of a systemd service, ulimit -l, --ulimit memlock of a container), or give "
    "the program CAP_IPC_LOCK.";

constexpr auto kRules = std::to_array<Rule>({
    // Locked, and still faulting.
    {"fork-cow", problem, "writes to locked memory fault and copy: fork made it copy-on-write",
     "Fork before locking, use vfork or posix_spawn, or mark the memory with MADV_DONTFORK.", "mlock(2), madvise(2)",
     rules::fork_cow},
    {"private-file-write", warning, "writes to a locked private mapping of a file fault and copy its pages",
     "What is writable when it is locked is copied by the lock. Make the mapping writable before locking it, or write "
     "to it once.",
     "mlock(2), mmap(2)", rules::private_file_write},
    {"onfault-first-touch", notice, "memory that is locked on fault faults at its first access",
     "That is what MCL_ONFAULT and MLOCK_ONFAULT do. Write to the memory once, or use MADV_POPULATE_WRITE, before it "
     "matters.",
     "mlock(2)", rules::onfault_first_touch},
    {"stack-growth", warning, "the locked stack faults page by page where it grows",
     "Touch the deepest stack that is needed once at the start, or work in threads: their stacks have a fixed size.",
     "mlock(2)", rules::stack_growth},
    {"zero-page-write", warning, "locked memory was read before it was written: it faults twice",
     "Write to the memory when preparing it; reading maps the shared zero page only.", "mlock(2)",
     rules::zero_page_write},
    {"shared-file-mkwrite", problem, "writes to a locked shared file fault: the file system tracks dirty pages",
     "After each writeback the first write to a page faults again, locked or not. Keep such memory on tmpfs, memfd or "
     "hugetlbfs, or write the file from another thread.",
     "mmap(2), msync(2)", rules::shared_file_mkwrite},
    {"numa-balancing", problem, "NUMA balancing makes locked memory inaccessible to see who uses it",
     "Set kernel.numa_balancing to 0, or bind threads and memory to nodes (numactl, MPOL_BIND).",
     "Documentation/admin-guide/sysctl/kernel.rst", rules::numa_balancing},
    {"page-migration", problem, "accesses to locked memory wait while its pages are moved",
     "A lock keeps pages in memory, not in place. Compaction, NUMA balancing and move_pages(2) move them, and which it "
     "was this does not tell. Against compaction: vm.compact_unevictable_allowed and vm.compaction_proactiveness 0, "
     "huge "
     "pages reserved at boot.",
     "Documentation/mm/unevictable-lru.rst", rules::page_migration},
    {"ksm-write", problem, "writes to locked memory fault: KSM had merged its pages",
     "Use MADV_UNMERGEABLE on this memory, or turn KSM off (/sys/kernel/mm/ksm/run).",
     "Documentation/admin-guide/mm/ksm.rst", rules::ksm_write},
    {"soft-dirty-tracking", problem, "writes to locked memory fault: somebody tracks them with soft-dirty bits",
     "A checkpointer or monitor writes to /proc/PID/clear_refs. Keep it away from this process.",
     "Documentation/admin-guide/mm/soft-dirty.rst", rules::soft_dirty_tracking},
    {"write-protected-again", warning, "writes to locked memory fault: its pages had become read-only",
     "mprotect, a fork whose child is gone, migration between NUMA nodes and swap-in leave pages read-only until they "
     "are written to; which it was this does not tell. Write to them once after such a change.",
     "mprotect(2)", rules::write_protected},
    {"userfaultfd", warning,
     "locked memory waits for another thread or process to supply its pages, or to let it write",
     "The memory is managed by userfaultfd (live migration, snapshots, a garbage collector). Let that finish before "
     "timing matters.",
     "userfaultfd(2)", rules::userfaultfd},
    {"lock-not-effective", problem, "pages of locked mappings were not there when they were accessed",
     "Lock it again with mlock, and check the result. A file that is cut, a hole that is punched into it, and shared "
     "memory "
     "that mprotect opens after the lock are what a lock does not stand up to.",
     "mlock(2), mmap(2)", rules::lock_not_effective},
    {"locked-faults", problem, "locked memory still faults",
     "Why is not known: this kernel could not be asked for causes, or the trace was not to.",
     "Documentation/mm/unevictable-lru.rst", rules::locked_faults},

    // Memory that should be locked.
    {"mapped-after-mcl-current", warning, "what was mapped after mlockall(MCL_CURRENT) is not locked, and faults",
     "Add MCL_FUTURE, or allocate everything before locking.", "mlockall(2)", rules::mapped_after_mcl_current},
    {"mcl-future-cancelled", warning, "a later mlockall without MCL_FUTURE cancelled the earlier one's",
     "Each mlockall replaces the flags: pass all of them every time. A library may be the one who calls.",
     "mlockall(2)", rules::mcl_future_cancelled},
    {"lock-lost-in-fork", notice, "a child runs without the locks of its parent",
     "Locks and MCL_FUTURE are not inherited: lock in the child, too, if it is to be on time.", "mlock(2), fork(2)",
     rules::lock_lost_in_fork},
    {"lock-lost-in-exec", warning, "execve dropped the locks",
     "Lock in the program that runs afterwards: locks and MCL_FUTURE don't pass through execve.", "mlock(2), execve(2)",
     rules::lock_lost_in_exec},
    {"shm-lock-not-present", notice, "memory under SHM_LOCK faults at its first accesses",
     "SHM_LOCK keeps pages from being reclaimed once they are there, and makes none present. Write to each page after "
     "shmctl, or mlock the mapping as well.",
     "shmctl(2), Documentation/mm/unevictable-lru.rst", rules::shm_lock_not_present},
    {"lock-without-effect", notice, "mlock reported success, and a mapping in its range is not locked",
     "Such mappings take no lock, and mlock passes over them. What they are made of is not swapped, with or without "
     "one; "
     "memory that has to stay has to be of another kind.",
     "mlock(2)", rules::lock_without_effect},
    {"locked-not-mlocked", notice, "pages of locked mappings are not marked as mlocked",
     "Kernels leave out huge pages that are locked in part, what comes from swap (since 6.11), and other pages that "
     "faults "
     "bring (up to 5.17); which these are this does not tell. They stay, but reclaim has to look at them. Lock once "
     "everything is there, and whole huge pages.",
     "Documentation/mm/unevictable-lru.rst", rules::locked_not_mlocked},

    // MCL_FUTURE.
    {"mcl-future-amplification", notice, "MCL_FUTURE made everything present that was mapped, used or not",
     "Add MCL_ONFAULT, or lock only the memory that matters.", "mlockall(2)", rules::mcl_future_amplification},
    {"thread-stack-populate", warning,
     "what mprotect opens, as new threads' stacks, is made present at once, with the process's mappings locked",
     "Give threads small stacks (pthread_attr_setstacksize), create them before mlockall, or add MCL_ONFAULT.",
     "pthread_attr_setstacksize(3)", rules::thread_stack_populate},
    {"allocation-refused-under-mcl-future", problem, "allocations fail: MCL_FUTURE counts them against RLIMIT_MEMLOCK",
     kRaiseLimit, "mlockall(2), setrlimit(2)", rules::allocation_refused},
    {"lock-headroom-low", warning, "MCL_FUTURE is in force, and RLIMIT_MEMLOCK leaves little room",
     "The next allocation or thread may fail. Raise the limit, or lock less.", "setrlimit(2)", rules::headroom_low},

    {"memory-not-returned", warning, "madvise gave no memory back: it refuses what is locked",
     "Allocators that return memory, or expect zeroes from it, must munlock it first or use MADV_DONTNEED_LOCKED; or "
     "accept that a locked process keeps what it once had.",
     "madvise(2)", rules::memory_not_returned},

    // Slow calls.
    {"slow-lock", warning, "locking took longer than making the pages present explains",
     "Lock early, before memory is short or swapped out; read files in first; use huge pages, or several threads.",
     "mlock(2)", rules::slow_lock},
    {"slow-unlock", notice, "unlocking took long",
     "Unlocking walks every page, and up to Linux 5.17 every mapping of it, while other calls of the process wait. "
     "Unlock in small pieces, or never.",
     "Documentation/mm/unevictable-lru.rst", rules::slow_unlock},
    {"reclaim-stall", problem, "the process had to free memory itself before it got any",
     "Give it more memory (memory.high, memory.max), lock less, or raise vm.min_free_kbytes.",
     "Documentation/admin-guide/cgroup-v2.rst", rules::reclaim_stall},

    // What faults wait for.
    {"working-set-too-large", problem, "pages of files are evicted and read again: not all that it uses fits in memory",
     "Give it more memory (memory.max, memory.high, or the machine), let it use less of its files at a time, or lock "
     "what must stay.",
     "Documentation/admin-guide/cgroup-v2.rst", rules::working_set_too_large},
    {"compaction-stall", problem, "faults had to move pages out of the way before they got a huge one",
     "Set /sys/kernel/mm/transparent_hugepage/defrag to defer or never, or leave huge pages to madvise; touch the "
     "memory "
     "early.",
     "Documentation/admin-guide/mm/transhuge.rst", rules::compaction_stall},
    {"writeback-wait", problem, "writes to mapped files waited for the disk",
     "What is being written to the disk may not change meanwhile, and who makes pages dirty too fast is held up. Write "
     "less, or elsewhere (tmpfs, memfd), or call msync before it matters.",
     "Documentation/admin-guide/sysctl/vm.rst", rules::writeback_wait},
    {"huge-page-cost", notice, "single faults took long to allocate and clear a huge page",
     "Touch the memory before it matters, or use small pages there (MADV_NOHUGEPAGE).", "madvise(2)",
     rules::huge_page_cost},
    {"userfaultfd-wait", problem, "accesses waited for another thread or process to supply pages",
     "The memory is managed by userfaultfd (live migration, snapshots, a garbage collector): who manages it is slow, "
     "or "
     "is asked too often.",
     "userfaultfd(2)", rules::userfaultfd_wait},
    {"memory-high-sleep", problem, "the process was held up for being over its cgroup's memory.high",
     "Raise memory.high, or use less memory in this cgroup.", "Documentation/admin-guide/cgroup-v2.rst",
     rules::memory_high_sleep},

    // Others wait.
    {"lock-holds-up-threads", problem, "threads waited for mmap_lock while another one locked memory",
     "Lock before the other threads matter, or piece by piece; create threads before MCL_FUTURE, or add MCL_ONFAULT. "
     "Since Linux 6.4 most page faults need no mmap_lock; whatever maps, unmaps or protects memory does.",
     "Documentation/mm/process_addrs.rst", rules::lock_holds_up_threads},
    {"mmap-lock-contention", warning, "threads waited for mmap_lock",
     "Map, unmap and fork less while others do or fault; share less of one address space. Since Linux 6.4 most page "
     "faults need no mmap_lock.",
     "Documentation/mm/process_addrs.rst", rules::mmap_lock_contention},

    {"memory-taken-by-others", warning, "pages were read again that another process had taken out of memory",
     "Exempt the process there (a memory tiering daemon, a supervisor that trims), or lock what must stay.",
     "process_madvise(2), madvise(2)", rules::memory_taken_by_others},
    {"faults-by-others", warning, "what another process does to its memory makes the process fault",
     "Keep it away from this process, or let it finish before timing matters.",
     "Documentation/admin-guide/mm/soft-dirty.rst, userfaultfd(2), move_pages(2)", rules::faults_by_others},

    // Address space.
    {"vma-fragmentation", warning, "locking pieces of mappings cut the address space into many",
     "Put what must be locked into one area of whole pages, and lock that once.", "mlock(2)", rules::vma_fragmentation},
    {"vma-limit-near", problem, "the process has nearly as many mappings as it may",
     "At the limit mmap fails, and so does locking or unlocking a part of a mapping. Raise vm.max_map_count, or make "
     "fewer.",
     "Documentation/admin-guide/sysctl/vm.rst", rules::vma_limit_near},

    // The machine.
    {"unevictable-growth", warning, "there is much more unevictable memory than when the trace began",
     "See whether it goes on. If it does, find who locks more and more; cap it with a memory cgroup or RLIMIT_MEMLOCK.",
     "Documentation/mm/unevictable-lru.rst", nullptr, rules::unevictable_growth},
    {"unevictable-high", warning, "much of the machine's memory is unevictable",
     "Everything else has to live with the rest. Lock less, or on fault, or add memory.",
     "Documentation/mm/unevictable-lru.rst", nullptr, rules::unevictable_high},
    {"memory-high-exceeded", problem, "the cgroup was over its memory.high, for which its processes are put to sleep",
     "Raise memory.high, or lock less: what is locked counts and can't be reclaimed, and who is over the limit sleeps "
     "for up to two seconds at a time, in whatever system call or page fault it is.",
     "Documentation/admin-guide/cgroup-v2.rst", nullptr, rules::memory_high_exceeded},
    {"reclaim-inefficient", warning, "reclaim looks at many pages for each that it can free",
     "Little is evictable or memory is short: lock less, or give the heaviest user a memory limit.",
     "Documentation/admin-guide/sysctl/vm.rst", nullptr, rules::reclaim_inefficient},

    // Swap.
    {"swap-in-storm", problem, "memory is swapped in at a high rate",
     "Lock what must not be swapped, set MemorySwapMax=0 for the service, or add memory.",
     "Documentation/admin-guide/cgroup-v2.rst", rules::swap_in_storm},
    {"fork-copies-swap", warning, "fork copied the swap entries of memory that was swapped out",
     "Fork before memory is swapped out, or use posix_spawn.", "fork(2)", rules::fork_copies_swap},
    {"exit-frees-swap", notice, "the exit took long, and had swap entries to give up",
     "Keep the process out of swap (MemorySwapMax=0), or don't wait for its end.",
     "Documentation/admin-guide/cgroup-v2.rst", rules::exit_frees_swap},
    {"guest-memory-swapped", warning, "memory of a virtual machine's process is swapped in: not all of it is locked",
     "Lock the guest (<locked/> of libvirt with a sufficient hard_limit, -overcommit mem-lock=on), or back it with "
     "huge "
     "pages. The guest itself can't see this.",
     "qemu(1)", rules::guest_memory_swapped},

    // Storms.
    {"fault-storm", warning, "page faults came in a storm",
     "Look at what the process did just before. After madvise, munmap or brk: reuse memory rather than give it back, "
     "keep malloc from trimming (M_TRIM_THRESHOLD). After fork: posix_spawn, or MADV_DONTFORK. New memory: populate it "
     "beforehand, or use huge pages.",
     "mallopt(3)", rules::fault_storm},
    {"major-fault-storm", warning, "the process waits for pages to be read",
     "Read files in before they matter (readahead, MAP_POPULATE), lock them, or add memory.", "readahead(2), mlock(2)",
     rules::major_fault_storm},

    // Calls that failed.
    {"lock-over-limit", problem, "locking failed, RLIMIT_MEMLOCK is too small", kRaiseLimit, "mlock(2), setrlimit(2)",
     rules::lock_over_limit},
    {"memlock-limit-of-others", warning, "RLIMIT_MEMLOCK refused calls that lock nothing by themselves",
     "Raise RLIMIT_MEMLOCK (prlimit --memlock, LimitMEMLOCK= of a systemd service, ulimit -l), or give the program "
     "CAP_IPC_LOCK. io_uring counts what all processes of the user have registered, perf what is pinned in the process "
     "beyond kernel.perf_event_mlock_kb: fewer or smaller buffers help, too.",
     "setrlimit(2), io_uring_register(2), perf_event_open(2)", rules::memlock_limit_of_others},
    {"lock-not-permitted", problem, "locking failed, RLIMIT_MEMLOCK is 0", kRaiseLimit, "mlock(2), user_namespaces(7)",
     rules::lock_not_permitted},
    {"lock-refused-by-policy", problem, "locking failed, though the limit allows it",
     "A seccomp filter or a security module refuses: look for SystemCallFilter= of the service and for @memlock in it.",
     "seccomp(2), systemd.exec(5)", rules::lock_refused_by_policy},
    {"lock-hole", warning, "locking failed on the way, part of the range is not mapped",
     "What comes before the hole stays locked. Lock each mapping by itself.", "mlock(2)", rules::lock_hole},
    {"unlock-hole", warning, "unlocking failed on the way, part of the range is not mapped",
     "What comes after the hole stays locked. Unlock each mapping by itself.", "mlock(2)", rules::unlock_hole},
    {"lock-not-populated", warning, "locking failed on the way, a page could not be made present",
     "What takes a lock in the range is locked all the same, and counted. Mend the reason that is named, or leave such "
     "parts out: PROT_NONE, what lies beyond the end of a file, what a file system or a pool has no room for.",
     "mlock(2)", rules::lock_not_populated},
    {"lock-too-many-mappings", problem, "locking or unlocking failed, the process has too many mappings",
     "Lock, and unlock, one large area instead of many small ones, or raise vm.max_map_count.",
     "Documentation/admin-guide/sysctl/vm.rst", rules::lock_mapping_bound},
    {"lock-out-of-memory", problem, "locking failed for want of memory",
     "Look at the memory cgroup (memory.max, memory.high) and at what is free; lock less.",
     "Documentation/admin-guide/cgroup-v2.rst", rules::lock_out_of_memory},
    {"lock-bad-argument", notice, "locking failed, its arguments are wrong",
     "A program that only tries out what the kernel offers may do so.", "mlock(2)", rules::lock_bad_argument},
    {"lock-failed", warning, "locking failed",
     "What was seen does not tell which rule decided: the call has the candidates.", "mlock(2)", rules::lock_failed},

    {"lock-incomplete", warning, "a lock call reported success, and parts of what it locked are not there",
     "mlockall, and mmap with MAP_LOCKED or under MCL_FUTURE, don't report what they could not make present: it is "
     "locked "
     "and counted, and its first access faults, or fails. Look at each of the ranges that the call lists.",
     "mlockall(2), mmap(2)", rules::lock_incomplete},
    {"lock-answered-by-filter", problem, "a seccomp filter answered lock calls with success: nothing is locked",
     "Ask whoever runs the sandbox to permit the calls; and look at VmLck in /proc/PID/status after locking.",
     "seccomp(2), proc_pid_status(5)", rules::lock_answered_by_filter},

    // Faults and accesses that failed, and what they ended.
    {"ended-by-fault", problem, "an access that failed ended the process",
     "Look at the reason beside it; a debugger or a core dump tells the place in the program.", "signal(7), core(5)",
     rules::ended_by_fault},
    {"ended-by-oom-killer", problem, "the OOM killer ended the process",
     "Give the cgroup or the machine more memory, or let the process use less. What is locked can't be reclaimed: it "
     "is "
     "the rest of the cgroup that has to give way.",
     "Documentation/admin-guide/cgroup-v2.rst", rules::ended_by_oom_killer},
    {"fault-beyond-file", problem, "accesses to a mapping beyond the end of its file",
     "The file is shorter than the mapping: it was never made as long, or somebody truncated it. ftruncate it before "
     "mapping, and don't shorten a file that others have mapped.",
     "mmap(2), ftruncate(2)", rules::fault_beyond_file},
    {"fault-file-system-full", problem, "pages could not be had: their file system is full, or a quota is used up",
     "A sparse file gets its blocks when its pages are touched or written. posix_fallocate reserves them and reports "
     "an "
     "error in time, and so does MADV_POPULATE_WRITE (Linux 5.14); give the file system more room (of /dev/shm in a "
     "container: --shm-size).",
     "posix_fallocate(3), madvise(2), tmpfs(5)", rules::fault_file_system_full},
    {"fault-no-huge-page", problem, "huge pages could not be had",
     "mmap only reserves huge pages, from the pool of the machine; that of the cgroup is charged when they are "
     "touched. "
     "Raise vm.nr_hugepages, or hugetlb.<size>.max of the cgroup, whose hugetlb.<size>.rsvd.max makes mmap fail "
     "instead; "
     "or do without huge pages.",
     "Documentation/admin-guide/mm/hugetlbpage.rst", rules::fault_no_huge_page},
    {"fault-poisoned", problem, "accesses to memory that is marked as poisoned",
     "The hardware found an error in it that it could not correct, or swap could not be read, or a monitor said so "
     "(UFFDIO_POISON). Look at the kernel's log; locking does not protect from it.",
     "Documentation/mm/hwpoison.rst", rules::fault_poisoned},
    {"fault-not-permitted", warning, "accesses that the mapping does not permit",
     "A program may make use of that (garbage collectors and debuggers do). Otherwise look at what protected the "
     "memory: "
     "mprotect, pkey_mprotect, MADV_GUARD_INSTALL.",
     "mprotect(2), pkeys(7), madvise(2)", rules::fault_not_permitted},
    {"fault-unmapped", warning, "accesses where nothing is mapped",
     "A pointer that is wrong, or memory that was unmapped already. A program may make use of that, too (tests for "
     "null "
     "by SIGSEGV).",
     "mmap(2)", rules::fault_unmapped},
    {"stack-growth-refused", problem, "the stack could not grow",
     "Raise the limit that is named; or need less stack: do deep recursion in a thread whose stack is made large "
     "enough. "
     "A locked stack counts against RLIMIT_MEMLOCK as it grows: touch all of it before locking.",
     "getrlimit(2), mlock(2), pthread_attr_setstacksize(3)", rules::stack_growth_refused},
    {"fault-no-memory", problem, "pages could not be had for want of memory",
     "Look at the limit of the memory cgroup (memory.max) and at what is free; lock less.",
     "Documentation/admin-guide/cgroup-v2.rst", rules::fault_no_memory},
    {"fault-refused-by-userfaultfd", warning, "userfaultfd answered accesses with a signal instead of a page",
     "UFFD_FEATURE_SIGBUS asks for that: the monitor, or the process itself, has to supply the page first.",
     "userfaultfd(2)", rules::fault_refused_by_userfaultfd},
    {"fault-failed", warning, "faults failed",
     "What was seen does not tell why. The kernel's log may; of a file on a disk or a network it is often an error of "
     "input and output.",
     "signal(7)", rules::fault_failed},

    // False alarms.
    {"populate-burst", info, "most faults are a lock at work, making pages present",
     "They save faults later. getrusage and /proc/PID/stat count them, perf's page-faults doesn't.", "mlock(2)",
     rules::populate_burst},
    {"populate-without-lock", info, "most faults are calls making pages present, and no lock",
     "MAP_POPULATE and MADV_POPULATE_* save faults later; O_DIRECT, KVM and drivers fault in what they take hold of. "
     "getrusage and /proc/PID/stat count them, perf's page-faults doesn't.",
     "mmap(2), madvise(2)", rules::populate_without_lock},
    {"major-without-io", info, "faults were called major, and they were not for pages to be read",
     "The kernel calls every fault major that it had to try twice. What a file system or a handler of userfaultfd did "
     "meanwhile is not seen.",
     "getrusage(2)", rules::major_without_io},
    {"cheap-faults", info, "many faults, and hardly any time in them",
     "Together they took less than a hundredth of the time: without them the program would hardly be faster.", "",
     rules::cheap_faults},
    {"spurious-faults", info, "faults found their page present and permitted, and had nothing to do",
     "Where threads touch the same new pages at the same time, one brings the page, and the faults of the others cost "
     "little.",
     "", rules::spurious_faults},
    {"vdso-data-page", info, "the vDSO's data page, which can't be locked, was mapped at its first use",
     "It holds the clock: once after start or fork. Call clock_gettime once before it matters.", "vdso(7)",
     rules::vdso_data_page},
});

void apply(const Rule& rule, const std::optional<Sighting>& seen, std::uint32_t pid, std::vector<Finding>& findings) {
  if (!seen) return;
  findings.push_back({std::string(rule.id), seen->severity, pid, std::string(rule.title) + seen->remark, seen->evidence,
                      seen->advice.empty() ? std::string(rule.advice) : seen->advice, std::string(rule.see)});
}

}  // namespace

std::span<const Rule> all_rules() { return kRules; }

std::vector<Finding> find(const Report& report, const FindingOptions& options) {
  const Case about{report, options};
  std::vector<Finding> findings;
  for (const Rule& rule : kRules) {
    if (rule.of_system != nullptr) apply(rule, rule.of_system(about), 0, findings);
    if (rule.of_process == nullptr) continue;
    for (const Process& process : report.processes) apply(rule, rule.of_process(process, about), process.pid, findings);
  }
  std::ranges::stable_sort(findings, std::greater{}, &Finding::severity);
  return findings;
}

}  // namespace mlt
