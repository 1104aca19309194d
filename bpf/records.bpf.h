/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The record of a traced thread. All its state lives here, and only the thread itself writes it, so the hot path needs
 * no atomics and no hash table; a process record (struct mlt_proc) is written by many and uses atomic additions.
 */
#ifndef MLT_RECORDS_BPF_H
#define MLT_RECORDS_BPF_H

#include "compat.bpf.h"
#include "mlocktrace.h"

/* What handle_mm_fault's return was. */
enum { MLT_KIND_MINOR, MLT_KIND_MAJOR, MLT_KIND_ERROR, MLT_KIND_RETRY };

#define MLT_THREAD_BLOCKS 32 /* further classes of a thread are counted for its process as a whole */
#define MLT_CALL_PARTS 8     /* MLT_PART_NR at least, and a power of two */
#define MLT_THREAD_VMAS 32   /* further mappings of a thread are counted for its process as a whole */
#define MLT_VMA_CACHE 8
#define MLT_NO_CLASS 0xffffU
#define MLT_KPROBE_HARDWARE 0x80000000U

#define MLT_NOT_OPENED (~0ULL)

/* A plain fault has to be counted, and nothing else, unless its return says otherwise. */
enum mlt_fault_state { MLT_NO_FAULT, MLT_FAULT, MLT_PLAIN_FAULT };

/* What the last fault was counted as, where it may have to be taken back, and what of its block or mapping it changed.
 */
enum mlt_told {
  MLT_TOLD_MINOR = 1,
  MLT_TOLD_MAJOR = 2,
  MLT_TOLD_SHORTEST = 4,
  MLT_TOLD_LONGEST = 8,
  MLT_TOLD_LONGEST_IN_VMA = 16,
};

enum mlt_refaulted { MLT_NOT_REFAULTED, MLT_REFAULTED_FILE, MLT_REFAULTED_SWAP };

/* A VMA as it is now, read where nothing is known to the verifier. */
struct mlt_area {
  u64 vma;      /* address of the struct vm_area_struct */
  u64 flags;    /* those that tell mappings apart: see struct mlt_vma */
  u64 vm_flags; /* all of them; where it was looked up by its address only */
  u64 inode;
  u64 start;
  u64 end;
  u64 anon_name;
  u32 kind;
};

/* The lowest page table that a fault of the thread looked into: see mlt_page_entry_of. */
struct mlt_page_table {
  u64 address_space;
  u64 flushes;
  u64 region; /* address >> 21 */
  u64 table;  /* 0: none */
};

/* The record of one thread: the fault and the call that it is in, and where its blocks are. */
struct mlt_thread {
  u64 task; /* address of the task_struct; 0: free */
  u32 proc;
  u32 tid;   /* in the initial PID namespace */
  u32 place; /* of this record in the table */
  /* The fault in flight. */
  u64 fault_start;   /* 0: none */
  u64 fault_address; /* page address | 1 while a retry of this fault is expected */
  u16 fault_class;   /* with the cause unknown */
  u8 fault_cause;
  u8 fault_state;   /* between entry and return of handle_mm_fault: enum mlt_fault_state */
  u8 fault_read;    /* an attempt at this fault was major */
  u8 fault_mlocked; /* a page was mlocked, or found mlocked, during the fault; or that cannot be seen yet */
  u32 kprobe_flags; /* fault flags and MLT_KPROBE_HARDWARE, for the kretprobe */
  /* Of the faults that ended: see settle.bpf.h. */
  u64 told_min_flt; /* what the kernel's counters must be; MLT_NOT_OPENED: not known yet */
  u64 told_maj_flt;
  u64 told_ns; /* of the last one: how long it took; 0: not known */
  u64 told_address;
  u64 told_shortest; /* what it replaced: see enum mlt_told */
  u64 told_longest;
  u64 told_longest_in_vma;
  u32 told_class;
  u32 told_block;
  u8 told;          /* enum mlt_told */
  u8 told_failed;   /* it was an error, and has been told as one; it is still to be taken back */
  u8 ended_unknown; /* the end of a fault was seen before any entry: of one that was under way, most likely */
  /* The block that the last fault was counted in, and its class: most often it is the next one's too. */
  u32 last_class;
  u32 last_block;
  struct mlt_page_table page_table;
  /* The system call in flight, when it is one of those that are followed. */
  u64 call_start; /* 0: none */
  u64 call_args[4];
  u64 call_locked_pages; /* when it began */
  u64 call_populate_ns;
  u64 call_populated;
  u64 call_unlocked_populates; /* faults that made pages present in mappings that are not VM_LOCKED */
  u32 call_splits;
  u32 call_merges;
  u64 call_parts_ns[MLT_CALL_PARTS];
  u64 call_run_delay;  /* of the task so far: what is in call_parts_ns */
  u64 fault_waited_ns; /* of the fault in flight inside the call: what belongs to other parts already */
  u64 populate_start;  /* in __mm_populate; 0: not */
  u64 range_start;     /* in populate_vma_page_range; 0: not */
  u64 range_vm_flags;  /* of its VMA at entry */
  u64 range_first;     /* what is to be populated */
  u64 range_end;
  u32 call_absent;  /* ranges that could not be made present */
  u32 call_told;    /* ranges that were told: MLT_EVENT_RANGE */
  u8 limit_told;    /* since io_account_mem was entered a refusal was counted */
  u64 limit_wanted; /* bytes that RLIMIT_MEMLOCK is being asked for, for other than the lock family: see limit.bpf.c */
  /* Of the range of a call that failed: see struct mlt_limits. */
  u64 call_range_locked;
  u64 call_range_unlocked;
  /* The last fault or access that failed: the record of what failed alike, and figures of whatever limit it met. */
  struct mlt_error_key error;
  u64 error_ns;
  u64 error_address; /* page address | 1 until a signal tells of it */
  u64 error_used_bytes;
  u64 error_limit_bytes;
  u64 error_needed_bytes;
  u64 error_css; /* of the cgroup whose limit it is; 0: none */
  /* What was seen to refuse inside a fault or a populate, and in which one: see mlt_refuse. */
  u64 refused_at;
  u32 refused_by;
  /* The kernel's fault counters of this thread: of what of them comes before the trace, see mlt_begin_counting. */
  u64 taken_min_flt; /* when it was first seen, or when they were last added to its process */
  u64 taken_maj_flt;
  u64 opened_flt;      /* both, after the gate was opened; MLT_NOT_OPENED: not known yet */
  u8 has_counted;      /* a fault: `taken` is exact */
  u64 last_birth;      /* start_boottime of its last child, which has been dealt with */
  u8 none_under_way;   /* when the gate was opened: it was born after that, or had a fault whose return was missed */
  u64 reclaim_start;   /* reclaiming by itself, since; 0: not */
  u64 limit_noted_ns;  /* when it was noted last that it reclaims at the limit of its memory cgroup */
  u64 wait_start;      /* the fault in flight waits since; 0: it does not */
  u64 wait_end;        /* when it seemed to be over; 0: it did not yet */
  u64 wait_switches;   /* how often the task had gone to sleep then */
  u64 stalled_ns;      /* waits of its faults, and reclaim, so far */
  u64 huge_start;      /* making a huge page present in the fault in flight, since; 0: not */
  u64 huge_stalled_ns; /* stalled_ns then */
  u64 high_start;      /* held up for being over memory.high, since; 0: not */
  u64 high_stalled_ns;
  u8 wait_kind;                     /* enum mlt_wait */
  u8 fault_refaulted;               /* the fault in flight reads a page that was evicted: enum mlt_refaulted */
  u64 lock_wait_start;              /* waiting for mmap_lock, since; 0: not */
  u32 lock_holder;                  /* enum mlt_call: what its holder was doing then */
  struct mlt_act_key lock_outsider; /* who else held it; act: MLT_ACT_NONE where nobody is known */
  u8 lock_wait_write;
  u8 lock_held_to_lock;
  u8 change_kind;   /* of the change of a VMA that is under way: MLT_EVENT_SPLIT or _MERGE */
  u64 copy_start;   /* in copy_page_range, since; 0: not */
  u32 copy_swapped; /* swap entries copied by it so far */
  u64 unmap_freed;  /* swap entries given up since the thread entered exit_mmap */
  u64 unmap_start;  /* in exit_mmap, since; 0: not */
  /* Before the execve under way gave up the address space. */
  u64 exec_locked_pages;
  u64 exec_def_flags;
  /* The VMA change under way: the VMA as it is before a split, or as it will be after a merge. */
  u64 change_start;
  u64 change_end; /* 0: none */
  u64 change_addr;
  u64 change_vm_flags;
  /* Who else holds what was munlocked last: the answer for these pages of this mapping, as long as it is fresh. */
  u64 keeper_mapping; /* page->mapping; 0: none */
  u64 keeper_first;
  u64 keeper_last;
  u64 keeper_jiffies;
  u32 keeper_tgid; /* 0: not found */
  /* The blocks of the fault classes that it met, and for each class its place in that list + 1; 0: none yet. */
  u32 blocks[MLT_THREAD_BLOCKS];
  u8 block_of[MLT_CLASS_NR];
  u8 block_count;
  /* The records of the mappings that it faulted in, those found last by a hash of the address, and that of the fault in
   * flight; 0: none. */
  u8 vma_count;
  u32 vmas[MLT_THREAD_VMAS];
  u32 vma_cache[MLT_VMA_CACHE];
  u32 fault_vma;
  /* What the record of the last fault's mapping says of it, and that record. */
  u32 last_vma;
  u64 last_start;
  u64 last_size;
  u64 last_flags;
  u64 last_inode;
  /* The stacks of the fault in flight, when they are asked for. */
  s32 user_stack;
  s32 kernel_stack;
  struct mlt_area area; /* what is looked for among the records */
};

/* Copied by the kernel: as stores it is a hundred and eighty instructions wherever threads are made, for the verifier
 * to follow each of them through every register. */
static const struct mlt_thread mlt_no_thread = {};

static __always_inline void mlt_thread_clear(struct mlt_thread* thread) {
  bpf_probe_read_kernel(thread, sizeof(*thread), &mlt_no_thread);
}

#endif
