/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The configuration, the maps and the variables that all programs share; maps.bpf.c defines them. */
#ifndef MLT_MAPS_BPF_H
#define MLT_MAPS_BPF_H

#include "records.bpf.h"

extern const volatile struct mlt_config mlt_cfg;

/*
 * First filters, one byte for each value of a hash: nonzero where a traced process may be, by its tgid, or, where all
 * threads are known beforehand, where a traced thread may be, by the address of its task_struct. The former is all
 * nonzero when any process may be traced. Bytes, not bits: setting a bit would have to be atomic.
 */
extern __u8 mlt_known[MLT_INTEREST_SIZE];
extern __u8 mlt_interest[MLT_INTEREST_SIZE];

/* enum mlt_place_state of each place of each table, by kind of claim: the front end looks at these instead of walking
 * mlt_claims by system calls. */
extern __u8 mlt_places_state[MLT_CLAIM_KINDS * MLT_PLACES_MAX];

/* Behind this place of each table no place has been taken yet: see mlt_take. Two parts of some, by kind of claim. */
#define MLT_PARTS 16
extern __u32 mlt_unused_from[MLT_PARTS];

extern __u32 mlt_phase; /* enum mlt_phase */
extern struct mlt_stats mlt_stats;
extern __u64 mlt_copying;          /* traced threads that are in copy_page_range; more after an end that was missed */
extern __u64 mlt_unmapping_others; /* tasks in mlt_unmappings; more after an end that was missed */
extern __u64 mlt_acts_made;        /* entries of mlt_acts so far: the front end looks for them once there is one */
/* The task in out_of_memory, and what that was called with: oom_lock lets in one at a time. */
extern __u64 mlt_oom_task;
extern __u64 mlt_oom_control;
extern __u64 mlt_fault_was_counted;                    /* somebody's: see mlt_fault_counting */
extern __u64 mlt_max_map_count;                        /* address of the kernel's variable; 0: not known */
extern struct mlt_recent mlt_recent[MLT_RECENT_SLOTS]; /* by processor */
extern struct mlt_flush_begun mlt_flushes[MLT_FLUSH_SLOTS];
extern __u64 mlt_flush_turns;

struct mlt_thread_map {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, MLT_THREAD_MASK + 1);
  __type(key, u32);
  __type(value, struct mlt_thread);
};

struct mlt_block_map {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 2048);
  __type(key, u32);
  __type(value, struct mlt_block);
};

struct mlt_vma_map {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 4096);
  __type(key, u32);
  __type(value, struct mlt_vma);
};

struct mlt_proc_map {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1024);
  __type(key, u32);
  __type(value, struct mlt_proc);
};

struct mlt_tail_map {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 2048);
  __type(key, u32);
  __type(value, struct mlt_tail);
};

struct mlt_call_map {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1024);
  __type(key, u32);
  __type(value, struct mlt_call_count);
};

/* What a claim is for, in the upper half of the key: enum mlt_claim. The number of the place is in the lower half. */
#define MLT_CLAIM_SHIFT 32
#define MLT_CLAIM_AGAIN MLT_CLAIM_KINDS /* + another: whoever has this takes over a place that was given back */

struct mlt_claim_map {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 131072);
  __type(key, u64);
  __type(value, u64);
};

/* Address of a task_struct -> place of its thread record. */
struct mlt_place_map {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 32768);
  __type(key, u64);
  __type(value, u32);
};

/* Processes by the number that BPF sees, or that the user gave (the caller's PID namespace) -> process record. */
struct mlt_pid_map {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 32768);
  __type(key, u32);
  __type(value, u32);
};

/* (process record, class) -> shared block. */
struct mlt_shared_map {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 16384);
  __type(key, u64);
  __type(value, u32);
};

/* A mapping of a process whose thread has too many -> shared record. */
struct mlt_vma_key {
  u64 where; /* the inode, or the start of anonymous memory */
  u64 flags;
  u64 proc;
};

struct mlt_shared_vma_map {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 65536);
  __type(key, struct mlt_vma_key);
  __type(value, u32);
};

/* Folio on its way through a per-CPU batch -> the process on whose behalf it moves. */
struct mlt_move_map {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16384);
  __type(key, u64);
  __type(value, u32);
};

/* Whose an address space is. The record may have a new owner by the time it goes. */
struct mlt_space {
  u32 proc;
  u32 tgid;
};

struct mlt_space_map {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 32768);
  __type(key, u64); /* address of the mm_struct */
  __type(value, struct mlt_space);
};

/* A task in exit_mmap for a process that is not its own. */
struct mlt_unmapping {
  u64 start;
  u64 freed; /* swap entries */
  struct mlt_space space;
};

struct mlt_unmapping_map {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 1024);
  __type(key, u64); /* its address */
  __type(value, struct mlt_unmapping);
};

/* (process record, tgid of the keeper) -> pages that stayed mlocked because of it. */
struct mlt_keeper_map {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 4096);
  __type(key, u64);
  __type(value, struct mlt_keeper);
};

struct mlt_error_map {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 4096);
  __type(key, struct mlt_error_key);
  __type(value, struct mlt_error);
};

struct mlt_act_map {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 8192);
  __type(key, struct mlt_act_key);
  __type(value, struct mlt_act);
};

/* One entry unless stacks are asked for. */
struct mlt_stack_count_map {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 1);
  __type(key, struct mlt_stack_key);
  __type(value, struct mlt_stack_count);
};

struct mlt_cgroup_map {
  __uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
  __uint(max_entries, 1);
  __type(key, u32);
  __type(value, u32);
};

struct mlt_ring_map {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 1 << 20);
};

extern struct mlt_thread_map mlt_threads SEC(".maps");
extern struct mlt_block_map mlt_blocks SEC(".maps");
extern struct mlt_vma_map mlt_vmas SEC(".maps");
extern struct mlt_proc_map mlt_procs SEC(".maps");
extern struct mlt_tail_map mlt_tails SEC(".maps");
extern struct mlt_call_map mlt_call_counts SEC(".maps");
extern struct mlt_claim_map mlt_claims SEC(".maps");
extern struct mlt_place_map mlt_places SEC(".maps");
extern struct mlt_space_map mlt_spaces SEC(".maps");
extern struct mlt_pid_map mlt_tgids SEC(".maps");
extern struct mlt_pid_map mlt_wanted SEC(".maps");
extern struct mlt_shared_map mlt_shared SEC(".maps");
extern struct mlt_shared_vma_map mlt_shared_vmas SEC(".maps");
extern struct mlt_move_map mlt_moving SEC(".maps");
extern struct mlt_unmapping_map mlt_unmappings SEC(".maps");
extern struct mlt_keeper_map mlt_keepers SEC(".maps");
extern struct mlt_error_map mlt_errors SEC(".maps");
extern struct mlt_act_map mlt_acts SEC(".maps");
extern struct mlt_stack_count_map mlt_stack_counts SEC(".maps");
extern struct mlt_cgroup_map mlt_cgroup SEC(".maps");
extern struct mlt_ring_map mlt_ring SEC(".maps");

#endif
