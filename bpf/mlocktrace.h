/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the BPF programs and the C++ front end share: the words (origins, causes, calls), the configuration, the records
 * that live in maps and the events that pass through the ring buffer. Both sides include this file and nothing else of
 * each other; the static asserts at the end keep their layouts equal.
 *
 * Words are the kernel's own. A *fault* is one completed call chain of handle_mm_fault: the call that returned without
 * VM_FAULT_RETRY. Page counts are always in base pages: a transparent huge page is 512.
 */
#ifndef MLOCKTRACE_H
#define MLOCKTRACE_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

/* Who needed the page. Derived from what handle_mm_fault was given. */
enum mlt_origin {
  MLT_ORIGIN_ACCESS,   /* a hardware fault in user mode */
  MLT_ORIGIN_KERNEL,   /* kernel code touching user memory: copy_to_user and the like */
  MLT_ORIGIN_POPULATE, /* get_user_pages on the own address space: mlock, mmap, brk, mprotect, madvise, O_DIRECT */
  MLT_ORIGIN_REMOTE,   /* get_user_pages on another address space: ptrace, process_vm_*, KSM */
  MLT_ORIGIN_UNKNOWN,  /* the kernel counted it, and skipped the probe that would have told */
  MLT_ORIGIN_NR,
};

/* VM_LOCKED and VM_LOCKONFAULT of the VMA at the moment of the fault. */
enum mlt_lock_state {
  MLT_UNLOCKED,
  MLT_LOCKED,
  MLT_LOCKED_ON_FAULT,
  MLT_LOCK_UNKNOWN, /* the attached probes do not see the VMA */
  MLT_LOCK_STATE_NR,
};

/* Why the page was not simply there: what the page table said when handle_mm_fault was entered, and what came after. */
enum mlt_cause {
  MLT_CAUSE_UNKNOWN,
  MLT_CAUSE_FIRST_TOUCH,   /* nothing there yet, anonymous memory */
  MLT_CAUSE_STACK,         /* the same in a mapping that grows downwards: a main thread's stack */
  MLT_CAUSE_FILE_MAP,      /* nothing there yet, file or shared memory: the page was in memory */
  MLT_CAUSE_FILE_READ,     /* the same, and the kernel called it major: it had to be read */
  MLT_CAUSE_COW,           /* write to a private page that is shared or read-only: copied, or taken over */
  MLT_CAUSE_ZERO_PAGE,     /* write to memory that was read before: the zero page is replaced */
  MLT_CAUSE_KSM,           /* write to a page that KSM merged */
  MLT_CAUSE_SOFT_DIRTY,    /* write to a page protected by /proc/PID/clear_refs */
  MLT_CAUSE_WRITE_ENABLE,  /* write to an own page whose entry was read-only: after mprotect, migration, swap-in */
  MLT_CAUSE_MKWRITE,       /* write to a clean page of a shared file mapping: dirty tracking */
  MLT_CAUSE_UFFD_MISSING,  /* userfaultfd: another thread or process must supply the page */
  MLT_CAUSE_UFFD_WP,       /* userfaultfd write protection */
  MLT_CAUSE_NUMA_HINT,     /* made inaccessible by automatic NUMA balancing */
  MLT_CAUSE_MIGRATION,     /* the page is being moved, from a device's memory too */
  MLT_CAUSE_SWAP_IN,       /* the page is in swap or the swap cache */
  MLT_CAUSE_SPECIAL_ENTRY, /* hardware poison, guard marker: such faults end in an error */
  MLT_CAUSE_SPECIAL_MAP,   /* device or kernel mapping: the vDSO's data, for one */
  MLT_CAUSE_HUGETLB,       /* hugetlbfs */
  MLT_CAUSE_SPURIOUS,      /* present and permitted: another thread was faster */
  MLT_CAUSE_UFFD_MINOR,    /* userfaultfd: the page is in memory, and another thread or process must map it */
  MLT_CAUSE_UFFD_RWP,      /* userfaultfd protection against reads, too */
  MLT_CAUSE_NR,
};

/* Causes, by bits, of which locking the memory would have spared an access: those that locked memory meets too apart.
 */
#define MLT_SPARED_BY_LOCK                                                                                    \
  (1u << MLT_CAUSE_UNKNOWN | 1u << MLT_CAUSE_FIRST_TOUCH | 1u << MLT_CAUSE_STACK | 1u << MLT_CAUSE_FILE_MAP | \
   1u << MLT_CAUSE_FILE_READ | 1u << MLT_CAUSE_COW | 1u << MLT_CAUSE_ZERO_PAGE | 1u << MLT_CAUSE_SWAP_IN)

/*
 * Every fault falls into one class; each thread has its own counters and histogram for each class it met.
 * class = (origin * MLT_LOCK_STATE_NR + lock state) * MLT_CAUSE_NR + cause
 */
#define MLT_CLASS_NR (MLT_ORIGIN_NR * MLT_LOCK_STATE_NR * MLT_CAUSE_NR)

/* Of a fault of which nothing is known but that there was one. */
#define MLT_CLASS_UNKNOWN ((MLT_ORIGIN_UNKNOWN * MLT_LOCK_STATE_NR + MLT_LOCK_UNKNOWN) * MLT_CAUSE_NR)

/*
 * Latency histogram: log-linear, 8 buckets an octave, so a quantile is off by 1/16 at most. Values below 8 ns have a
 * bucket each; bucket i >= 8 holds [(8 + i % 8) << (i / 8 - 1), (9 + i % 8) << (i / 8 - 1)). The last octave is 2^39
 * ns, 550 s; whatever is longer counts there.
 */
#define MLT_HIST_SUB_BITS 3
#define MLT_HIST_SUB (1 << MLT_HIST_SUB_BITS)
#define MLT_HIST_OCTAVES 40
#define MLT_HIST_ROWS (MLT_HIST_OCTAVES - MLT_HIST_SUB_BITS + 1)
#define MLT_HIST_BUCKETS (MLT_HIST_ROWS * MLT_HIST_SUB)

/* Nearly all faults take from a quarter of a microsecond to 65: these eight octaves a block holds itself. */
#define MLT_NEAR_SHIFT 8
#define MLT_NEAR_ROWS 8
#define MLT_NEAR_FIRST ((MLT_NEAR_SHIFT - MLT_HIST_SUB_BITS + 1) * MLT_HIST_SUB)
#define MLT_NEAR_BUCKETS (MLT_NEAR_ROWS * MLT_HIST_SUB)

/* The system calls whose effect on locking is followed. Order: the lock family first. */
enum mlt_call {
  MLT_CALL_NONE,
  MLT_CALL_MLOCK,
  MLT_CALL_MLOCK2,
  MLT_CALL_MUNLOCK,
  MLT_CALL_MLOCKALL,
  MLT_CALL_MUNLOCKALL,
  MLT_CALL_MMAP,
  MLT_CALL_BRK,
  MLT_CALL_MREMAP,
  MLT_CALL_MPROTECT,
  MLT_CALL_MUNMAP,
  MLT_CALL_MADVISE,
  MLT_CALL_FORK,
  MLT_CALL_EXECVE,
  MLT_CALL_EXIT,
  MLT_CALL_OTHER, /* any other system call */
  MLT_CALL_FAULT, /* no system call: inside a page fault, such as stack growth */
  MLT_CALL_NR,
};

/* How a thread that has no record yet is decided upon. The interest table (see maps.bpf.h) was asked before. */
enum mlt_target_mode {
  MLT_TARGET_PIDS,   /* the processes in mlt_wanted */
  MLT_TARGET_ALL,    /* every process */
  MLT_TARGET_CGROUP, /* every process below the cgroup in mlt_cgroup */
};

/* Where the trace is. Probes that count faults are attached first, and their gate is opened first. */
enum mlt_phase {
  MLT_STARTING,
  MLT_ENDED,
  MLT_COUNTING, /* faults, while other probes are still being attached */
  MLT_COMPLETE, /* every probe is attached */
};

/*
 * Threads get their record when the trace begins or when they are born, or else when a program first meets them. The
 * latter takes the verifier some thousand instructions in each program that does it.
 */
enum mlt_adopt {
  MLT_ADOPT_NEVER,
  MLT_ADOPT_AT_EXCEPTIONS, /* for births that are not announced: a kernel that preempts programs may skip one */
  MLT_ADOPT_ANYWHERE,
};

#define MLT_STACK_USER 1u
#define MLT_STACK_KERNEL 2u
#define MLT_STACK_DEPTH 127 /* PERF_MAX_STACK_DEPTH */

/*
 * A stack map keeps one stack for each value of a hash and refuses every other one that has it (bpf_get_stackid(), in
 * bpf-helpers(7): -EEXIST). Of 300 stacks in 16,384 places, three are refused. So there are several maps of one size:
 * what one refuses is kept by the next. Number of a stack: its place, and the number of its map above that.
 */
#define MLT_STACK_MAPS 4
#define MLT_STACK_MAP_SHIFT 24
#define MLT_STACK_PLACE ((1 << MLT_STACK_MAP_SHIFT) - 1)

/* Faults that came from one place, by the numbers of its stacks; negative: could not be read, or found no room. */
struct mlt_stack_key {
  __u64 start_boottime; /* of the process, which it tells apart together with its number */
  __u32 tgid;
  __s32 user;
  __s32 kernel;
  __u16 class_id;
  __u16 program; /* how often the process had called execve: where its code is; the lower bits */
};

struct mlt_stack_count {
  __u64 faults;
  __u64 time_ns;
};

/*
 * Number of thread records that are looked for by hash - 1, a power of two. Records of threads that have exited stay
 * until an RCU grace period has passed: a process that churns threads has thousands of them.
 */
#define MLT_THREAD_MASK 16383u

/* Where a program calls what the front end puts in its place before the load: see mlt_cast in compat.bpf.h. */
#define MLT_CAST_MARK 0x6d6c7401

/* Fixed before load, so that the verifier removes what is not used. */
struct mlt_config {
  __u32 target_mode;
  __u32 target_tid; /* 0, or the one thread to trace, in the caller's PID namespace */
  __u32 follow;     /* children of traced processes are traced too */
  __u32 self_tgid;  /* the tracer in the initial PID namespace when known: never traced by MLT_TARGET_ALL */
  __u32 blocks;     /* places of the tables; the first is never used */
  __u32 procs;
  __u32 has_exception;         /* the exception tracepoints are attached: they start a fault's clock */
  __u32 adopt;                 /* enum mlt_adopt */
  __u32 page_levels;           /* of page tables: 4 or 5; 0: causes are not determined */
  __u32 has_soft_dirty;        /* the kernel keeps soft-dirty bits */
  __u32 mlocks_after_populate; /* pages are mlocked by the populate after the fault, not in it: up to 5.17 */
  __u32 has_page_lock;         /* it is seen when a page is mlocked */
  __u32 has_exit_mmap;         /* it is seen when an address space goes */
  __u32 fault_events;          /* every fault is reported as a struct mlt_fault_event too */
  __u32 vmas;
  __u32 stacks;           /* MLT_STACK_*: what is taken of each fault */
  __u32 has_vma_lock;     /* faults at access are tried under the lock of their VMA alone: from 6.4 on */
  __u32 more_threads;     /* thread records beyond those that are looked for by hash; a power of two, or 0 */
  __u32 max_map_count_fd; /* of the tracer: /proc/sys/vm/max_map_count; 0: not open */
  __u32 has_userfault;    /* it is seen when a fault waits for userfaultfd */
  __u64 page_offset;      /* where the kernel maps physical memory */
  __u64 vmemmap;          /* the array of all struct page */
  __u32 counter_lag;      /* by how much the common part of a percpu_counter may be behind */
  __u32 tails;            /* places again */
  __u32 calls;
  __u32 settles;     /* what is counted is compared with the kernel's own counters: see settle.bpf.h */
  __u32 ends_untold; /* the end of a fault does not tell how it ended: likewise */
  __u32 vma_type;    /* number of struct vm_area_struct in the kernel's types: see mlt_cast; 0: no cast */
  __u64 pidns_dev;   /* the caller's PID namespace; pidns_ino 0: the initial one, no translation needed */
  __u64 pidns_ino;
};

/* Tables whose places are taken and given back: what a claim of one is for. Records name places by 16 bits. */
enum mlt_claim {
  MLT_CLAIM_THREAD = 1,
  MLT_CLAIM_BLOCK,
  MLT_CLAIM_PROC,
  MLT_CLAIM_VMA,
  MLT_CLAIM_TAIL,
  MLT_CLAIM_CALL,
  MLT_CLAIM_KINDS = 8
};
#define MLT_PLACES_MAX 65536u

/* Of a place. Given back by the front end, which has emptied it: it may be taken again. */
enum mlt_place_state { MLT_PLACE_UNUSED, MLT_PLACE_TAKEN, MLT_PLACE_GIVEN_BACK };

/*
 * Counters and latency of one fault class of one thread. Written by that thread alone, so without atomics; a block
 * that MLT_BLOCK_SHARED marks is the overflow of a whole process and is updated with atomics.
 */
#define MLT_BLOCK_SHARED 1u    /* of the process, not of a thread */
#define MLT_BLOCK_RETIRED 2u   /* its thread has exited: the front end takes the block over and frees it */
#define MLT_VMA_UNEVICTABLE 4u /* of a mapping: no page of its file may be reclaimed, as with SHM_LOCK */

struct mlt_block {
  __u64 task; /* owner: address of the task_struct; 0: free */
  __u32 proc; /* index of the process record */
  __u32 tid;  /* thread id in the initial PID namespace */
  __u16 class_id;
  __u16 pad;
  __u32 flags;
  __u64 minor;
  __u64 major;
  __u64 errors;  /* handle_mm_fault returned an error bit: SIGBUS, SIGSEGV, OOM, hardware poison */
  __u64 retries; /* handle_mm_fault returned VM_FAULT_RETRY and was, or will be, called again */
  __u64 untimed; /* part of minor + major, without a latency: it began before the trace did, or a probe was skipped */
  __u64 sum_ns;
  __u64 min_ns;
  __u64 max_ns;
  /*
   * The histogram: of a block of one thread that of its near octaves here, what overflows and all that is farther in
   * the tails, of a shared one everything there. Place of the tail that was last made for each octave; 0: none yet.
   */
  __u32 near[MLT_NEAR_BUCKETS];
  __u16 tails[MLT_HIST_ROWS];
  __u16 pad_tails[2];
};

/* One octave of a block's histogram. Two that write a shared block may each make one: then both are of it. */
struct mlt_tail {
  __u32 block; /* whose it is; 0: nobody's yet */
  __u32 row;
  __u64 buckets[MLT_HIST_SUB];
};

/* What the time of a call went into. No two overlap; what is left is the work on mappings and page tables. */
enum mlt_part {
  MLT_PART_OTHER,     /* faults of causes that are none of the following */
  MLT_PART_MEMORY,    /* faults that allocate memory and zero or copy it */
  MLT_PART_FILE,      /* faults that map pages of files, reading them if need be */
  MLT_PART_SWAP_IN,   /* faults that bring pages back from swap */
  MLT_PART_RECLAIM,   /* reclaim that the thread did itself */
  MLT_PART_LOCK_WAIT, /* waiting for mmap_lock */
  MLT_PART_OFF_CPU,   /* ready to run, while others had the processor: of none of the above */
  MLT_PART_NR,
};

/* What a mapping without a file is. */
enum mlt_vma_kind {
  MLT_VMA_FILE,
  MLT_VMA_ANONYMOUS,
  MLT_VMA_HEAP,
  MLT_VMA_STACK,
  MLT_VMA_SPECIAL, /* of the kernel's making: the vDSO and its data */
  MLT_VMA_OTHER,   /* of another address space: another process, or the next program of an execve */
};

#define MLT_VMA_NAME 64

/*
 * Faults of one thread in one mapping. Parts of a mapping that have the same permissions and lock state share a record,
 * and so has what was mapped there again. Written by that thread alone, like a block; `state` has the flags of a block.
 */
struct mlt_vma {
  /* What a fault is compared with. */
  __u64 flags; /* those of vm_flags that tell mappings apart; of another address space: FAULT_FLAG_REMOTE */
  __u64 inode; /* address of the struct inode; 0: no file */
  __u64 start; /* of all parts seen */
  __u64 size;  /* from there to the end of all of them; 0: nothing seen yet */
  __u64 completed[MLT_CAUSE_NR];
  __u64 major; /* of these */
  __u64 errors;
  __u64 time_ns;
  __u64 max_ns;
  __u64 task; /* owner: address of the task_struct, of a shared one something else; 0: free */
  __u32 proc; /* index of the process record */
  __u32 state;
  __u64 anon_name; /* address of the kernel's copy of the name; 0: none */
  __u64 pgoff;
  __u64 inode_number;
  __u32 dev; /* as the kernel numbers it: major << 20 | minor */
  __u32 kind;
  char name[MLT_VMA_NAME]; /* last part of the path, or the name that prctl gave; may be cut */
};

/* A mapping in which something failed, or the hole among the mappings. */
#define MLT_IS_MAPPED 1u
#define MLT_IS_DAX 2u /* the file's pages are those of its device: S_DAX */

struct mlt_mapping {
  __u64 start;
  __u64 end;
  __u64 vm_flags;
  __u64 pgoff;
  __u64 inode_number; /* 0: no file */
  __u64 file_bytes;   /* i_size */
  __u64 file_system;  /* its magic number: linux/magic.h */
  __u32 dev;          /* as in struct mlt_vma */
  __u32 kind;         /* enum mlt_vma_kind */
  __u32 state;        /* MLT_IS_*; 0: a hole */
  char name[MLT_VMA_NAME];
  __u32 pad;
};

/* Why a page could not be had, as far as there is evidence of it at that moment. */
enum mlt_error_reason {
  MLT_ERROR_UNKNOWN,
  MLT_ERROR_BEYOND_FILE,       /* the page is beyond the end of its file */
  MLT_ERROR_FILE_SYSTEM_FULL,  /* ENOSPC */
  MLT_ERROR_QUOTA,             /* EDQUOT */
  MLT_ERROR_FILE_SYSTEM,       /* it did not make the page writable; by which error is not seen */
  MLT_ERROR_HUGE_PAGES,        /* the pool of huge pages has none left */
  MLT_ERROR_HUGE_PAGES_CGROUP, /* the hugetlb cgroup does not permit another one */
  MLT_ERROR_POISON,            /* hardware, or marked as if */
  MLT_ERROR_PROTECTION,        /* the mapping does not permit this access */
  MLT_ERROR_PROTECTION_KEY,    /* pkeys(7) */
  MLT_ERROR_GUARD,             /* MADV_GUARD_INSTALL */
  MLT_ERROR_UNMAPPED,          /* nothing is mapped there */
  MLT_ERROR_STACK_LIMIT,       /* a stack that had to grow: RLIMIT_STACK */
  MLT_ERROR_STACK_LOCKED,      /* the same: it is locked, and would exceed RLIMIT_MEMLOCK */
  MLT_ERROR_STACK_GAP,         /* the same: another mapping is too near */
  MLT_ERROR_STACK_SPACE,       /* the same: RLIMIT_AS */
  MLT_ERROR_STACK,             /* the same: none of these */
  MLT_ERROR_MEMORY,            /* there is no memory */
  MLT_ERROR_MEMORY_CGROUP,     /* the memory cgroup permits no more */
  MLT_ERROR_USERFAULTFD,       /* UFFD_FEATURE_SIGBUS: instead of waiting for the page */
  MLT_ERROR_DEVICE,            /* the driver, or whatever part of the kernel the mapping is of, refused */
  MLT_ERROR_NO_ADDRESS,        /* not an address that could be mapped: a general protection exception */
  MLT_ERROR_NR,
};

/*
 * Faults and accesses that failed alike: for one reason, by one origin, in one file or mapping. Most of it is of the
 * first.
 */
struct mlt_error_key {
  __u64 where; /* address of the inode, or start of the mapping or hole */
  __u32 proc;
  __u16 reason;   /* enum mlt_error_reason */
  __u8 origin;    /* enum mlt_origin */
  __u8 was_fault; /* handle_mm_fault was called; otherwise the access was refused before that */
};

struct mlt_error {
  __u64 count;
  __u64 signals; /* of these, those that a signal told the thread */
  __u64 first_ns;
  __u64 last_ns;
  __u64 address;
  /* What was there, what is permitted, what was wanted: bytes, where the reason has to do with a limit. */
  __u64 used_bytes;
  __u64 limit_bytes;
  __u64 needed_bytes;
  __u32 tid;
  __u32 call;   /* enum mlt_call: what the thread was doing */
  __u32 access; /* MLT_ACCESS_* */
  __u32 signal; /* 0: none */
  struct mlt_mapping mapping;
  char cgroup[64]; /* whose limit: the last part of its path */
};

#define MLT_ACCESS_READ 1u
#define MLT_ACCESS_WRITE 2u
#define MLT_ACCESS_EXEC 4u

/* What a call failed by, for the totals. */
enum mlt_errno {
  MLT_ERRNO_PERM,  /* EPERM */
  MLT_ERRNO_NOMEM, /* ENOMEM */
  MLT_ERRNO_AGAIN, /* EAGAIN */
  MLT_ERRNO_INVAL, /* EINVAL */
  MLT_ERRNO_OTHER,
  MLT_ERRNO_NR,
};

/* Who else than the lock family asks RLIMIT_MEMLOCK. */
enum mlt_limited {
  MLT_LIMITED_IO_URING,
  MLT_LIMITED_PERF, /* mmap of a buffer */
  MLT_LIMITED_BPF,  /* up to 5.10 */
  MLT_LIMITED_NR,
};

#define MLT_NOT_KNOWN (~0ULL)

/* What it refused to one of these: of the calls of a process the one that wanted most. */
struct mlt_refusal {
  __u64 limit_bytes;
  __u64 wanted_bytes; /* 0: not seen */
  __u64 user_pages;   /* user_struct.locked_vm, or MLT_NOT_KNOWN */
  __u64 pinned_pages; /* mm->pinned_vm */
  __u64 locked_pages; /* mm->locked_vm */
  __s64 error;
};

/* Totals of one call of enum mlt_call in one process. */
struct mlt_call_total {
  __u64 calls;
  __u64 errors_by[MLT_ERRNO_NR];
  __u64 time_ns;
  __u64 populates;       /* populate operations done inside the call */
  __u64 populated_pages; /* pages that these made present, or found present */
  __u64 populate_ns;
  __u64 vma_splits;
  __u64 vma_merges;
  __u64 parts_ns[MLT_PART_NR];
  __u64 unlocked_populate_faults; /* in mappings that are not VM_LOCKED: nobody's lock asked for these pages */
};

/* A process makes few kinds of calls, if any. Two of its threads may each make a record for one: both count. */
struct mlt_call_count {
  __u32 proc; /* index of the process record; 0: nobody's yet */
  __u16 call; /* enum mlt_call */
  __u16 pad;
  struct mlt_call_total total;
};

/* Waits for the process's own mmap_lock. */
struct mlt_lock_wait {
  __u64 waits;
  __u64 time_ns;
};

/* Reclaim that a process did itself, by what made it. */
enum mlt_reclaim_kind {
  MLT_RECLAIM_DIRECT, /* the machine was short of memory */
  MLT_RECLAIM_MEMCG,  /* a memory cgroup was over its limit */
  MLT_RECLAIM_NR,
};

struct mlt_reclaim {
  __u64 calls;
  __u64 time_ns;
  __u64 reclaimed; /* pages */
};

/*
 * What a fault waits for, or takes long for. No two overlap: what compaction and reclaim wait for is theirs, and the
 * last three are without what else was inside of them.
 */
enum mlt_wait {
  MLT_WAIT_USERFAULT, /* for another thread or process, by userfaultfd */
  MLT_WAIT_MIGRATION, /* until a page has been moved */
  MLT_WAIT_FILE_READ, /* until a page of a file has been read */
  MLT_WAIT_REFAULT,   /* the same, and it was evicted not long ago */
  MLT_WAIT_SWAP_READ, /* until a page has been read from swap */
  MLT_WAIT_PAGE_LOCK, /* until somebody else is done with a page, or a block of the file system is read or written */
  MLT_WAIT_WRITEBACK, /* until a page has been written to where it belongs */
  MLT_WAIT_DIRTY,     /* too much is dirty: whoever makes more has to wait */
  MLT_WAIT_COMPACTION,
  MLT_WAIT_DIRECT_RECLAIM,
  MLT_WAIT_MEMCG_RECLAIM,
  MLT_WAIT_MEMORY_HIGH, /* put to sleep for being over memory.high */
  MLT_WAIT_HUGE_PAGE,   /* allocating a huge page, and clearing it */
  MLT_WAIT_AFTER_HIGH,  /* as MEMORY_HIGH, but after a fault or a call, on the way back to user mode */
  MLT_WAIT_NR,
};

struct mlt_waited {
  __u64 waits;
  __u64 time_ns;
};

/* Of the whole trace: no difference of two of these is the longest in between. */
struct mlt_longest {
  __u64 reclaim_ns[MLT_RECLAIM_NR];
  __u64 wait_ns[MLT_WAIT_NR];
  __u64 mmap_lock_ns; /* wait for it */
};

/* Whose limit it was that made the OOM killer end a process. */
enum mlt_oom {
  MLT_OOM_NONE, /* it did not */
  MLT_OOM_MACHINE,
  MLT_OOM_NODES, /* the NUMA nodes that a cpuset or a memory policy permits */
  MLT_OOM_CGROUP,
  MLT_OOM_NR
};

/* How a process ended. */
struct mlt_ending {
  __u32 status;    /* as wait() tells it */
  __u32 oom;       /* enum mlt_oom */
  char cgroup[64]; /* whose limit: the last part of its path */
  __u64 oom_limit; /* that limit, and what was used of it: pages */
  __u64 oom_used;
  /* The last access that a signal told a thread of: if such a signal ended the process, it is this one. */
  struct mlt_error_key error;
  __u32 error_signal; /* 0: none, or somebody has sent such a signal since */
  __u32 pad;
};

/* One process. Rarely written, by any of its threads and by whoever works on its pages: atomics only. */
struct mlt_proc {
  __u64 start_boottime; /* of the thread group leader: with the pid the identity of the process */
  __u64 first_seen_ns;  /* CLOCK_MONOTONIC */
  __u64 exit_ns;        /* 0 while it lives */
  __u32 tgid;           /* in the initial PID namespace; 0: record free */
  __u32 pid;            /* in the caller's PID namespace; 0: not known yet */
  __u32 parent_tgid;    /* the traced parent that it was forked from; 0: none */
  __u32 gone;           /* released by the kernel: the front end takes the record over */
  __u32 populating;     /* enum mlt_call: in this one a thread is making pages present; of several the last to begin */
  __u32 execs;          /* since it is traced */
  __u32 spaces;         /* address spaces of it that exit_mmap is still to give up: so long the record is written */
  __u32 calling;        /* threads of it in calls that are followed */
  __u32 threads;        /* that had a record, less those of which the kernel has announced that they are freed */
  __u32 compat;         /* it ran a program of 32 bits, whose calls are not followed, since it is traced */
  char comm[16];
  struct mlt_ending ending; /* where exit_ns is set */
  __u64 told_ns;            /* the last MLT_EVENT_MAPPING: when, and of how many bytes */
  __u64 told_bytes;
  /* From here to `longest` nothing but counters. */
  /* The kernel's own counters, summed over the threads that exited during the trace: the audit's other side. */
  __u64 exited_min_flt;
  __u64 exited_maj_flt;
  __u64 exited_doubtful_flt; /* of both: as many of them may have been counted before the trace began */
  __u64 group_flt;           /* of both, all that the kernel counted for it in its life: once its leader is freed */
  __u64 under_way_flt;       /* they began before the trace, or ended after it: counted in it by one side, perhaps */
  /* Base pages. */
  __u64 mlocked;
  __u64 munlocked;
  __u64 unevictable;        /* moved to the unevictable LRU list */
  __u64 rescued;            /* moved back from it */
  __u64 still_locked;       /* munlocked here, still mlocked through another VMA */
  __u64 locked_not_mlocked; /* faulted in a VM_LOCKED VMA, and the page was not mlocked */
  __u64 missed_returns;     /* faults whose return probe did not fire, and that are not counted */
  /* Faults that are counted all the same, as the kernel's own counters tell: see settle.bpf.h. */
  __u64 unentered_flt;     /* the probe at their entry was skipped: without a class */
  __u64 unended_flt;       /* the one at their end was, and no other: without a duration */
  __u64 culled;            /* mlocked, or else made unevictable, by reclaim when it met the page */
  __u64 met_locked_active; /* passes of reclaim that stopped at a VM_LOCKED mapping, by the page's list */
  __u64 met_locked_inactive;
  struct mlt_reclaim reclaim[MLT_RECLAIM_NR];
  __u64 reclaim_in_fault_ns;
  __u64 reclaim_in_call_ns;
  struct mlt_waited waits[MLT_WAIT_NR];
  __u64 refaulted_file; /* pages that its faults read again, having been evicted not long ago */
  __u64 refaulted_swap;
  __u64 swap_out; /* written to swap, whoever did it */
  __u64 swap_out_self;
  __u64 swap_out_kswapd;
  __u64 swap_readahead;  /* pages that its swap-in faults read besides those that they needed */
  __u64 swap_duplicated; /* entries copied by fork */
  __u64 swap_duplicate_ns;
  __u64 swap_freed; /* entries given up */
  __u64 swap_free_ns;
  __u64 failed;                  /* faults and accesses that failed: mlt_errors tells of them */
  __u64 limited[MLT_LIMITED_NR]; /* calls that RLIMIT_MEMLOCK refused */
  struct mlt_lock_wait mmap_lock_read;
  struct mlt_lock_wait mmap_lock_write;
  struct mlt_lock_wait mmap_lock_in_fault;      /* of both, those inside page faults */
  struct mlt_lock_wait mmap_lock_while_locking; /* of both, those while it was held by a call that locks memory */
  struct mlt_lock_wait mmap_lock_held_by[MLT_CALL_NR]; /* what its holder was doing when the wait began */
  __u64 vma_lock_aborts;  /* faults at access that did not get the lock of their VMA and took mmap_lock */
  __u64 vma_lock_retries; /* faults that gave it up and were tried again with mmap_lock */
  __u64 taken_major;      /* major faults where others had taken pages, after that */
  struct mlt_longest longest;
  /* Addresses of what others had taken out of memory; taken_end 0: nothing. */
  __u64 taken_start;
  __u64 taken_end;
  struct mlt_refusal refusals[MLT_LIMITED_NR]; /* where `limited` is not 0 */
  /* For each call the place of its struct mlt_call_count that was last made; 0: none yet. */
  __u16 call_places[MLT_CALL_NR];
  __u16 pad_calls[3];
};

/* A process because of which pages that another one munlocked stayed mlocked. */
struct mlt_keeper {
  __u64 pages;
  __u32 tgid; /* in the initial PID namespace */
  __u32 pid;  /* in the caller's PID namespace; 0: that does not hold it */
  char comm[16];
};

/*
 * What somebody does to the memory of a process, or to that of all. Most often another process; but also the process
 * itself, by the same calls.
 */
enum mlt_act_kind {
  MLT_ACT_NONE,
  MLT_ACT_HELD_MMAP_LOCK, /* while threads of the process waited for it: `count` is of waits, `time_ns` theirs */
  MLT_ACT_MADVISE,        /* process_madvise, and what an madvise of its own pages out; detail: the advice */
  MLT_ACT_CLEAR_REFS,     /* a write to /proc/PID/clear_refs; detail: the number written */
  MLT_ACT_MOVE_PAGES,
  MLT_ACT_MIGRATE_PAGES,
  MLT_ACT_MBIND,
  MLT_ACT_PTRACE_ATTACH,
  MLT_ACT_PTRACE_WRITE,
  MLT_ACT_VM_WRITE,        /* process_vm_writev */
  MLT_ACT_USERFAULTFD,     /* an ioctl of a userfaultfd; detail: its number */
  MLT_ACT_PAGEMAP_PROTECT, /* PAGEMAP_SCAN that protects against writes */
  /* On the machine, or on a cgroup. */
  MLT_ACT_FILE_WRITE, /* to a file of /proc/sys/vm or of a memory cgroup, by `name` */
  MLT_ACT_SWAPOFF,
  MLT_ACT_COMPACTION, /* pages moved to make room for large ones */
  MLT_ACT_DAMON,      /* pages taken by a monitor of the kernel's */
  /* Reclaim because its memory cgroup, or one above it, was at its limit; `count` is of processes that are not traced:
   * what the others did is counted in their own records. */
  MLT_ACT_AT_LIMIT,
  MLT_ACT_NR,
};

#define MLT_ACT_NO_CALL 0xffffu

struct mlt_act_key {
  __u32 proc; /* record of the process whose memory it is; 0: of no single one */
  __u32 tgid; /* who, in the initial PID namespace */
  __u16 act;
  __u16 nr; /* of the system call; MLT_ACT_NO_CALL: none, or not known */
  __u32 detail;
};

#define MLT_ACT_NAME 32

struct mlt_act {
  __u64 count;
  __u64 bytes; /* of memory that was named, where it was */
  __u64 pages; /* that were taken out of memory, or moved */
  __u64 time_ns;
  __u64 first_ns; /* CLOCK_MONOTONIC */
  __u64 last_ns;
  __u64 unsized; /* of `count`, those whose bytes are not known */
  __u32 tgid;
  __u32 pid; /* in the caller's PID namespace; 0: that does not hold it */
  char comm[16];
  char name[MLT_ACT_NAME];   /* of the file or the device; may be cut */
  char cgroup[MLT_ACT_NAME]; /* whose file it is: the last part of its path; may be cut */
  char value[MLT_ACT_NAME];  /* that was written to the file; may be cut */
};

/* Loss and the like, for the whole trace. */
struct mlt_stats {
  __u64 ring_full;   /* events that found no room in the ring buffer */
  __u64 thread_full; /* faults of threads that found no record: counted in their process, without latency */
  __u64 block_full;  /* faults that found no block at all: not counted */
  __u64 proc_full;   /* processes that found no record: not traced */
  __u64 stack_full;  /* stacks of faults that found no room, and faults that found none in the count of stacks */
  __u64 moving_full; /* pages whose mover could not be remembered: missing in unevictable or rescued */
  /* The same page counts for processes that are not traced: the audit compares the sum with /proc/vmstat. */
  __u64 other_mlocked;
  __u64 other_munlocked;
  __u64 other_unevictable;
  __u64 other_rescued;
  __u64 other_swap_out;
  __u64 unmlocked_unevictable; /* moved to the unevictable LRU list without being mlocked, of any process */
  __u64 cleared_stranded; /* munlocked by clear_page_mlock, and counted as cleared and as stranded, of any process */
  __u64 kswapd_wakeups;
  __u64 flushed_at_once; /* moved to the unevictable LRU list while another processor flushed its batch, too */
  __u64 acts_full;       /* acts of others that found no room */
  __u64 fault_ring_full; /* single faults that found no room in their ring buffer: counted all the same */
  __u64 error_full;      /* faults and accesses that failed and found no room in the map of these */
  __u64 tail_full;       /* faults that found no room for how long they took: counted all the same */
  __u64 call_full;       /* calls, and what they did, that found no room */
};

/* The last answer that was found on a processor: whose page it is that has this page->mapping. BPF alone uses it. */
#define MLT_RECENT_SLOTS 64

struct mlt_recent {
  __u64 mapping;
  __u64 first; /* page->index from here */
  __u64 last;  /* to here */
  __u64 owner; /* record of the process; 0: none that is traced */
  __u64 check; /* of all the others, and of the tick of the clock: it is neither torn nor old */
};

/* The last flushes of mlock batches, some of which may be under way on other processors. BPF alone uses them. */
#define MLT_FLUSH_SLOTS 4

struct mlt_flush_begun {
  __u64 batch; /* address: of a processor */
  __u64 last;  /* its last entry then: the folio */
  __u64 size;
  __u64 turn; /* which of all flushes it is */
};

enum mlt_event_kind {
  MLT_EVENT_CALL = 1,
  MLT_EVENT_MAPPING, /* a call that has nothing to do with locking, but after which pages fault: not all are told */
  MLT_EVENT_SPLIT,
  MLT_EVENT_MERGE,
  MLT_EVENT_FORK,
  MLT_EVENT_VFORK, /* the child borrows the parent's address space */
  MLT_EVENT_SHARE, /* the child shares it */
  MLT_EVENT_EXEC,
  MLT_EVENT_EXIT,
  MLT_EVENT_RANGE, /* what a call met in a part of its range: before the MLT_EVENT_CALL of its thread */
};

struct mlt_event {
  __u32 kind;
  __u32 proc; /* index of the process record */
  __u32 tid;
  __u32 call; /* enum mlt_call: what the thread was doing */
  __u64 ns;   /* CLOCK_MONOTONIC; for a call its end */
};

/* What decided about a call that failed, as it was then. */
#define MLT_LIMITS_KNOWN 1u      /* the call failed: the fields are filled in */
#define MLT_LIMITS_IPC_LOCK 2u   /* CAP_IPC_LOCK was effective, in the initial user namespace */
#define MLT_LIMITS_SECCOMP 4u    /* a seccomp filter was in force */
#define MLT_LIMITS_NO_SECCOMP 8u /* none was; neither: not known */
#define MLT_LIMITS_IPC_LOCK_ELSEWHERE \
  16u /* CAP_IPC_LOCK was effective in another user namespace, where it is in vain */

struct mlt_limits {
  __u64 memlock_bytes; /* soft RLIMIT_MEMLOCK; all ones: unlimited */
  __u64 mapped_pages;  /* mm->total_vm: VmSize */
  __u32 map_count;
  __u32 flags;
  __u32 max_map_count; /* vm.max_map_count; 0: not known */
  __u32 pad;
  __u64 unlocked_bytes;     /* of the first mapping in the range that is not locked yet; 0: none, or not known */
  __u64 range_locked_bytes; /* of the range, when the call had failed; MLT_NOT_KNOWN: not looked at to its end */
  __u64 user_pages;         /* user_struct.locked_vm, or MLT_NOT_KNOWN */
  __u64 pinned_pages;       /* mm->pinned_vm */
};

struct mlt_event_call {
  struct mlt_event head;
  __u64 args[4];
  __s64 ret;
  __u64 duration_ns;
  __u64 populate_ns;
  __u64 populated_pages;
  __u32 vma_splits;
  __u32 vma_merges;
  __u64 locked_pages; /* mm->locked_vm after the call */
  __u64 def_flags;    /* mm->def_flags after the call */
  __u64 parts_ns[MLT_PART_NR];
  struct mlt_limits limits;
  __u32 absent_ranges;   /* parts that could not be made present: the first of them are told */
  __u32 was_filtered;    /* a seccomp filter answered it */
  __u64 unlocked_faults; /* mlockall: what the thread had of them before, of the causes MLT_SPARED_BY_LOCK */
};

/* What a part of a call's range is. */
enum mlt_range_kind {
  MLT_RANGE_ABSENT = 1, /* mapped, and its pages could not be made present */
  MLT_RANGE_UNLOCKABLE, /* a mapping that takes no lock */
  MLT_RANGE_HOLE,
};

#define MLT_RANGES_TOLD 16 /* of one call */

struct mlt_event_range {
  struct mlt_event head;
  __u64 start;
  __u64 end;
  __u64 address; /* absent: the first page that failed; 0: not known */
  __s64 error;   /* what populate_vma_page_range returned */
  __u32 range;   /* enum mlt_range_kind */
  __u32 reason;  /* enum mlt_error_reason */
  struct mlt_mapping mapping;
};

struct mlt_event_vma {
  struct mlt_event head;
  __u64 start; /* split: the VMA before; merge: the VMA after */
  __u64 end;
  __u64 addr; /* split: where; merge: 0 */
  __u64 vm_flags;
  __u64 map_count; /* VMAs of the process when it happened, give or take this one */
};

struct mlt_event_process {
  struct mlt_event head;
  __u64 locked_pages; /* of the parent; before an exec; at exit */
  __u64 def_flags;
  __u64 locked_pages_after; /* of the child; after an exec */
  __u32 child_proc;         /* fork: record of the child */
  __u32 child_tgid;
  char comm[16]; /* exec: the new name */
};

/* A completed fault, for those who want every single one. Small: it is written up to some hundred thousand times a
 * second. */
struct mlt_fault_event {
  __u64 ns;          /* CLOCK_MONOTONIC; its end */
  __u64 duration_ns; /* 0: it began before the trace */
  __u64 address;     /* without its lowest bit; 0: not known */
  __u32 tid;
  __u16 proc; /* index of the process record */
  __u16 kind; /* 4 * class + 0: minor, 1: major, 2: error */
};

#define MLT_INTEREST_BITS 16
#define MLT_INTEREST_SIZE (1u << MLT_INTEREST_BITS)

#ifdef __cplusplus
static_assert(sizeof(mlt_config) == 136);
static_assert(sizeof(mlt_block) == 8 + 8 + 8 + 8 * 8 + 4 * MLT_NEAR_BUCKETS + 2 * (MLT_HIST_ROWS + 2));
static_assert(sizeof(mlt_tail) == 8 + 8 * MLT_HIST_SUB);
static_assert(sizeof(mlt_call_count) == 8 + sizeof(mlt_call_total));
static_assert(sizeof(mlt_vma) == 8 * (12 + MLT_CAUSE_NR) + 16 + MLT_VMA_NAME);
static_assert(sizeof(mlt_event) == 24);
static_assert(sizeof(mlt_mapping) == 8 * 7 + 4 * 4 + MLT_VMA_NAME);
static_assert(sizeof(mlt_error_key) == 16);
static_assert(sizeof(mlt_error) == 8 * 8 + 4 * 4 + sizeof(mlt_mapping) + 64);
static_assert(sizeof(mlt_event_range) == 24 + 4 * 8 + 8 + sizeof(mlt_mapping));
static_assert(sizeof(mlt_fault_event) == 32);
static_assert(sizeof(mlt_event_call) == 24 + 4 * 8 + 4 * 8 + 8 + 16 + MLT_PART_NR * 8 + 80);
#else
_Static_assert(sizeof(struct mlt_config) == 136, "layout");
_Static_assert(sizeof(struct mlt_block) == 8 + 8 + 8 + 8 * 8 + 4 * MLT_NEAR_BUCKETS + 2 * (MLT_HIST_ROWS + 2),
               "layout");
_Static_assert(sizeof(struct mlt_tail) == 8 + 8 * MLT_HIST_SUB, "layout");
_Static_assert(sizeof(struct mlt_call_count) == 8 + sizeof(struct mlt_call_total), "layout");
_Static_assert(sizeof(struct mlt_vma) == 8 * (12 + MLT_CAUSE_NR) + 16 + MLT_VMA_NAME, "layout");
_Static_assert(sizeof(struct mlt_event) == 24, "layout");
_Static_assert(sizeof(struct mlt_mapping) == 8 * 7 + 4 * 4 + MLT_VMA_NAME, "layout");
_Static_assert(sizeof(struct mlt_error_key) == 16, "layout");
_Static_assert(sizeof(struct mlt_error) == 8 * 8 + 4 * 4 + sizeof(struct mlt_mapping) + 64, "layout");
_Static_assert(sizeof(struct mlt_event_range) == 24 + 4 * 8 + 8 + sizeof(struct mlt_mapping), "layout");
_Static_assert(sizeof(struct mlt_fault_event) == 32, "layout");
_Static_assert(sizeof(struct mlt_event_call) == 24 + 4 * 8 + 4 * 8 + 8 + 16 + MLT_PART_NR * 8 + 80, "layout");
#endif

#endif
