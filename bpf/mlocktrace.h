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

/* Why the page was not simply there. */
enum mlt_cause {
  MLT_CAUSE_UNKNOWN,
  MLT_CAUSE_NR,
};

/*
 * Every fault falls into one class; each thread has its own counters and histogram for each class it met.
 * class = (origin * MLT_LOCK_STATE_NR + lock state) * MLT_CAUSE_NR + cause
 */
#define MLT_CLASS_NR (MLT_ORIGIN_NR * MLT_LOCK_STATE_NR * MLT_CAUSE_NR)

/*
 * Latency histogram: log-linear, 8 buckets an octave, so a quantile is off by 1/16 at most. Values below 8 ns have a
 * bucket each; bucket i >= 8 holds [(8 + i % 8) << (i / 8 - 1), (9 + i % 8) << (i / 8 - 1)). The last octave is 2^39
 * ns, 550 s; whatever is longer counts there.
 */
#define MLT_HIST_SUB_BITS 3
#define MLT_HIST_SUB (1 << MLT_HIST_SUB_BITS)
#define MLT_HIST_OCTAVES 40
#define MLT_HIST_BUCKETS ((MLT_HIST_OCTAVES - MLT_HIST_SUB_BITS + 1) * MLT_HIST_SUB)

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

/* How a thread that has no record yet is decided upon. The interest table (see core.bpf.h) was asked before. */
enum mlt_target_mode {
  MLT_TARGET_PIDS,   /* the processes in mlt_wanted */
  MLT_TARGET_ALL,    /* every process */
  MLT_TARGET_CGROUP, /* every process below the cgroup in mlt_cgroup */
};

/* Fixed before load, so that the verifier removes what is not used. */
struct mlt_config {
  __u32 target_mode;
  __u32 target_tid;    /* 0, or the one thread to trace, in the caller's PID namespace */
  __u32 follow;        /* children of traced processes are traced too */
  __u32 self_tgid;     /* the tracer in the initial PID namespace when known: never traced by MLT_TARGET_ALL */
  __u32 thread_mask;   /* number of thread records - 1 (a power of two) */
  __u32 block_mask;    /* number of fault blocks - 1 */
  __u32 proc_mask;     /* number of process records - 1 */
  __u32 has_exception; /* the exception tracepoints are attached: they start a fault's clock */
  __u64 pidns_dev;     /* the caller's PID namespace; pidns_ino 0: the initial one, no translation needed */
  __u64 pidns_ino;
};

/*
 * Counters and latency of one fault class of one thread. Written by that thread alone, so without atomics; a block
 * that MLT_BLOCK_SHARED marks is the overflow of a whole process and is updated with atomics.
 */
#define MLT_BLOCK_SHARED 1u  /* of the process, not of a thread */
#define MLT_BLOCK_RETIRED 2u /* its thread has exited: the front end takes the block over and frees it */
#define MLT_BLOCK_FREE 4u    /* given back by the front end: may be claimed again */

struct mlt_block {
  __u64 task; /* owner: address of the task_struct; 0: free */
  __u32 proc; /* index of the process record */
  __u32 tid;  /* thread id in the initial PID namespace */
  __u16 class_id;
  __u16 flags;
  __u32 pad;
  __u64 minor;
  __u64 major;
  __u64 errors;  /* handle_mm_fault returned an error bit: SIGBUS, SIGSEGV, OOM, hardware poison */
  __u64 retries; /* handle_mm_fault returned VM_FAULT_RETRY and was, or will be, called again */
  __u64 untimed; /* part of minor + major: began before the trace did, so without a latency */
  __u64 sum_ns;
  __u64 min_ns;
  __u64 max_ns;
  __u64 buckets[MLT_HIST_BUCKETS];
};

/* Totals of one call of enum mlt_call in one process. */
struct mlt_call_total {
  __u64 calls;
  __u64 errors;
  __u64 time_ns;
  __u64 populates;       /* populate operations done inside the call */
  __u64 populated_pages; /* pages that these made present, or found present */
  __u64 populate_ns;
  __u64 vma_splits;
  __u64 vma_merges;
};

#define MLT_PROC_FREE 2u

/* One process. Rarely written, by any of its threads and by whoever works on its pages: atomics only. */
struct mlt_proc {
  __u64 start_boottime; /* of the thread group leader: with the pid the identity of the process */
  __u64 first_seen_ns;  /* CLOCK_MONOTONIC */
  __u64 exit_ns;        /* 0 while it lives */
  __u32 tgid;           /* in the initial PID namespace; 0: record free */
  __u32 pid;            /* in the caller's PID namespace; 0: not known yet */
  __u32 parent_tgid;    /* the traced parent that it was forked from; 0: none */
  __u32 gone;           /* 1: released by the kernel, the front end takes the record over; MLT_PROC_FREE: given back */
  char comm[16];
  /* The kernel's own counters, summed over the threads that exited during the trace: the audit's other side. */
  __u64 exited_min_flt;
  __u64 exited_maj_flt;
  /* Base pages. */
  __u64 mlocked;
  __u64 munlocked;
  __u64 unevictable;        /* moved to the unevictable LRU list */
  __u64 rescued;            /* moved back from it */
  __u64 still_locked;       /* munlocked here, still mlocked through another VMA */
  __u64 locked_not_mlocked; /* faulted in a VM_LOCKED VMA, and the page was not mlocked */
  __u64 missed_returns;     /* faults whose return probe did not fire */
  struct mlt_call_total calls[MLT_CALL_NR];
};

/* Loss and the like, for the whole trace. */
struct mlt_stats {
  __u64 ring_full;   /* events that found no room in the ring buffer */
  __u64 thread_full; /* faults of threads that found no record: counted in their process, without latency */
  __u64 block_full;  /* faults that found no block at all: not counted */
  __u64 proc_full;   /* processes that found no record: not traced */
  __u64 moving_full; /* pages whose mover could not be remembered: missing in unevictable or rescued */
  /* The same page counts for processes that are not traced: the audit compares the sum with /proc/vmstat. */
  __u64 other_mlocked;
  __u64 other_munlocked;
  __u64 other_unevictable;
  __u64 other_rescued;
};

enum mlt_event_kind {
  MLT_EVENT_CALL = 1,
  MLT_EVENT_SPLIT,
  MLT_EVENT_MERGE,
  MLT_EVENT_FORK,
  MLT_EVENT_EXEC,
  MLT_EVENT_EXIT,
};

struct mlt_event {
  __u32 kind;
  __u32 proc; /* index of the process record */
  __u32 tid;
  __u32 call; /* enum mlt_call: what the thread was doing */
  __u64 ns;   /* CLOCK_MONOTONIC; for a call its end */
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
  __u64 locked_pages; /* fork: the parent's; exec: before; exit: at exit */
  __u64 def_flags;
  __u32 child_proc; /* fork: record of the child */
  __u32 child_tgid;
  char comm[16]; /* exec: the new name */
};

#define MLT_INTEREST_SIZE 65536u

#ifdef __cplusplus
static_assert(sizeof(mlt_config) == 48);
static_assert(sizeof(mlt_block) == 8 + 4 + 4 + 2 + 2 + 4 + 8 * 8 + 8 * MLT_HIST_BUCKETS);
static_assert(sizeof(mlt_event) == 24);
static_assert(sizeof(mlt_event_call) == 24 + 4 * 8 + 4 * 8 + 8 + 16);
#else
_Static_assert(sizeof(struct mlt_config) == 48, "layout");
_Static_assert(sizeof(struct mlt_block) == 8 + 4 + 4 + 2 + 2 + 4 + 8 * 8 + 8 * MLT_HIST_BUCKETS, "layout");
_Static_assert(sizeof(struct mlt_event) == 24, "layout");
_Static_assert(sizeof(struct mlt_event_call) == 24 + 4 * 8 + 4 * 8 + 8 + 16, "layout");
#endif

#endif
