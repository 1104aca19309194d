/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What every family of programs uses: the configuration, the maps, and "is the current thread traced, and where is its
 * record". All state of a thread lives in one record that only this thread writes, so the hot path needs no atomics and
 * no hash table; a process record is written by many and uses atomic additions.
 *
 * A record or block is found by hashing an address and looking at MLT_WAYS places. Claiming a free place must be
 * atomic, and 5.10 has neither compare-and-exchange nor fetch-and-add in BPF, so a place is claimed by inserting its
 * number into the hash map mlt_claims with BPF_NOEXIST.
 */
#ifndef MLT_CORE_BPF_H
#define MLT_CORE_BPF_H

#include "compat.bpf.h"
#include "mlocktrace.h"

#define MLT_WAYS 8
#define MLT_THREAD_BLOCKS 32 /* further classes of a thread are counted for its process as a whole */
#define MLT_CALL_PARTS 8     /* MLT_PART_NR at least, and a power of two */
#define MLT_THREAD_VMAS 32   /* further mappings of a thread are counted for its process as a whole */
#define MLT_VMA_CACHE 8
#define MLT_NO_CLASS 0xffff
#define MLT_KPROBE_HARDWARE 0x80000000U

/* A plain fault has to be counted, and nothing else, unless its return says otherwise. */
enum mlt_in_fault { MLT_IN_NO_FAULT, MLT_IN_FAULT, MLT_IN_PLAIN_FAULT };

/* A VMA as it is now, read where nothing is known to the verifier. */
struct mlt_area {
  u64 vma; /* address of the struct vm_area_struct */
  u64 flags;
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
  u8 in_fault;      /* between entry and return of handle_mm_fault: enum mlt_in_fault */
  u8 fault_read;    /* an attempt at this fault was major */
  u8 fault_mlocked; /* a page was mlocked, or found mlocked, during the fault; or that cannot be seen yet */
  u32 kprobe_flags; /* fault flags and MLT_KPROBE_HARDWARE, for the kretprobe */
  /* The block that the last fault was counted in, and its class: most often it is the next one's too. */
  u16 last_class;
  u16 last_block;
  struct mlt_page_table page_table;
  /* The system call in flight, when it is one of those that are followed. */
  u64 call_start; /* 0: none */
  u64 call_args[4];
  u64 call_locked_pages; /* when it began */
  u64 call_populate_ns;
  u64 call_populated;
  u32 call_splits;
  u32 call_merges;
  u64 call_parts_ns[MLT_CALL_PARTS];
  u64 fault_waited_ns; /* of the fault in flight inside the call: what belongs to other parts already */
  u64 populate_start;  /* in __mm_populate; 0: not */
  u64 range_start;     /* in populate_vma_page_range; 0: not */
  u64 range_vm_flags;  /* of its VMA at entry */
  /* The kernel's counters of this thread when it was first seen, or when they were last added to its process. */
  u64 taken_min_flt;
  u64 taken_maj_flt;
  u64 reclaim_start;   /* reclaiming by itself, since; 0: not */
  u64 lock_wait_start; /* waiting for mmap_lock, since; 0: not */
  u32 lock_holder;     /* enum mlt_call: what its holder was doing then */
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
  u64 holder_mapping; /* page->mapping; 0: none */
  u64 holder_first;
  u64 holder_last;
  u64 holder_jiffies;
  u32 holder_tgid; /* 0: not found */
  /* The blocks of the fault classes that it met, and for each class its place in that list + 1; 0: none yet. */
  u16 blocks[MLT_THREAD_BLOCKS];
  u8 block_of[MLT_CLASS_NR];
  u8 block_count;
  /* The records of the mappings that it faulted in, those found last by a hash of the address, and that of the fault in
   * flight; 0: none. */
  u8 vma_count;
  u16 vmas[MLT_THREAD_VMAS];
  u16 vma_cache[MLT_VMA_CACHE];
  u16 fault_vma;
  /* The stacks of the fault in flight, when they are asked for. */
  s32 user_stack;
  s32 kernel_stack;
  struct mlt_area area; /* what is looked for among the records */
};

extern const volatile struct mlt_config mlt_cfg;

/*
 * First filters, one byte for each value of a hash: nonzero where a traced process may be, by its tgid, or, where all
 * threads are known beforehand, where a traced thread may be, by the address of its task_struct. The former is all
 * nonzero when any process may be traced. Bytes, not bits: setting a bit would have to be atomic.
 */
extern __u8 mlt_known[MLT_INTEREST_SIZE];
extern __u8 mlt_interest[MLT_INTEREST_SIZE];

/*
 * One byte for each place of a table: nonzero once it has been taken, for the front end, which looks at these instead
 * of walking mlt_claims by system calls.
 */
#define MLT_BLOCKS_MAX 131072
#define MLT_VMAS_MAX 131072
#define MLT_PROCS_MAX 32768
extern __u8 mlt_used_blocks[MLT_BLOCKS_MAX];
extern __u8 mlt_used_vmas[MLT_VMAS_MAX];
extern __u8 mlt_used_procs[MLT_PROCS_MAX];

extern __u32 mlt_phase; /* enum mlt_phase */
extern struct mlt_stats mlt_stats;
extern __u64 mlt_copying;          /* traced threads that are in copy_page_range; more after an end that was missed */
extern __u64 mlt_unmapping_others; /* tasks in mlt_unmappings; more after an end that was missed */
extern struct mlt_recent mlt_recent[MLT_RECENT_SLOTS]; /* by processor */

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

/* What a claim is for, in the upper half of the key; the number of the place is in the lower half. */
#define MLT_CLAIM_THREAD (1ULL << 32)
#define MLT_CLAIM_BLOCK (2ULL << 32)
#define MLT_CLAIM_PROC (3ULL << 32)
#define MLT_CLAIM_VMA (4ULL << 32)

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

/* (process record, tgid of the holder) -> pages that stayed mlocked because of it. */
struct mlt_holder_map {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 4096);
  __type(key, u64);
  __type(value, struct mlt_holder);
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
extern struct mlt_claim_map mlt_claims SEC(".maps");
extern struct mlt_place_map mlt_places SEC(".maps");
extern struct mlt_space_map mlt_spaces SEC(".maps");
extern struct mlt_pid_map mlt_tgids SEC(".maps");
extern struct mlt_pid_map mlt_wanted SEC(".maps");
extern struct mlt_shared_map mlt_shared SEC(".maps");
extern struct mlt_shared_vma_map mlt_shared_vmas SEC(".maps");
extern struct mlt_move_map mlt_moving SEC(".maps");
extern struct mlt_unmapping_map mlt_unmappings SEC(".maps");
extern struct mlt_holder_map mlt_holders SEC(".maps");
extern struct mlt_cgroup_map mlt_cgroup SEC(".maps");
extern struct mlt_ring_map mlt_ring SEC(".maps");

/* What handle_mm_fault's return was. */
enum { MLT_KIND_MINOR, MLT_KIND_MAJOR, MLT_KIND_ERROR, MLT_KIND_RETRY };

#define mlt_add(where, n) __sync_fetch_and_add(&(where), (n))

static __always_inline u32 mlt_hash(u64 x) { return (x * 0x9e3779b97f4a7c15ULL) >> 32; }

static __always_inline struct mlt_proc* mlt_proc_at(u32 index) { return bpf_map_lookup_elem(&mlt_procs, &index); }

static __always_inline void mlt_unclaim(u64 kind, u32 index) {
  u64 key = kind | index;
  bpf_map_delete_elem(&mlt_claims, &key);
}

static __always_inline struct mlt_thread* mlt_thread_at(u32 index) { return bpf_map_lookup_elem(&mlt_threads, &index); }

/* The record of a thread, wherever it is. */
static __always_inline struct mlt_thread* mlt_thread_of(u64 task) {
  u32* place = bpf_map_lookup_elem(&mlt_places, &task);
  return place ? bpf_map_lookup_elem(&mlt_threads, place) : NULL;
}

/* Has the front end given the place back? It marks the record, and does not remove the claim: while a process is in a
 * bpf() call on a map, the kernel skips kprobe programs on that processor. */
static __always_inline bool mlt_is_released(u64 kind, u32 place) {
  if (kind == MLT_CLAIM_BLOCK) {
    struct mlt_block* block = bpf_map_lookup_elem(&mlt_blocks, &place);
    return block && (block->flags & MLT_BLOCK_FREE);
  }
  if (kind == MLT_CLAIM_VMA) {
    struct mlt_vma* vma = bpf_map_lookup_elem(&mlt_vmas, &place);
    return vma && (vma->state & MLT_BLOCK_FREE);
  }
  struct mlt_proc* proc = kind == MLT_CLAIM_PROC ? mlt_proc_at(place) : NULL;
  return proc && proc->gone == MLT_PROC_FREE;
}

static __always_inline u32 mlt_used(u64 kind, u32 place) {
  if (kind == MLT_CLAIM_BLOCK) mlt_used_blocks[place % MLT_BLOCKS_MAX] = 1;
  if (kind == MLT_CLAIM_VMA) mlt_used_vmas[place % MLT_VMAS_MAX] = 1;
  if (kind == MLT_CLAIM_PROC) mlt_used_procs[place % MLT_PROCS_MAX] = 1;
  return place;
}

/*
 * Takes a free place among `first` + 1 ... `first` + `mask`, starting where the hash says. Returns 0 when MLT_WAYS of
 * them are taken. Place 0 of a table is never used: 0 means none. Of two that want a released place, one removes its
 * claim.
 */
static __noinline u32 mlt_claim(u64 kind, u64 owner, u32 hash, u32 first, u32 mask) {
  u64 key = 0;
  for (u32 way = 0; way < MLT_WAYS; way++) {
    key = kind | (first + ((hash + way) & mask));
    if ((u32)key && !bpf_map_update_elem(&mlt_claims, &key, &owner, BPF_NOEXIST)) return mlt_used(kind, key);
  }
  /* Apart from the first try, which nearly always succeeds: the verifier has fewer ways to follow. */
  for (u32 way = 0; way < MLT_WAYS; way++) {
    key = kind | (first + ((hash + way) & mask));
    if (mlt_is_released(kind, key) && !bpf_map_delete_elem(&mlt_claims, &key)) break;
    key = 0;
  }
  return (u32)key && !bpf_map_update_elem(&mlt_claims, &key, &owner, BPF_NOEXIST) ? mlt_used(kind, key) : 0;
}

static __always_inline struct mlt_proc* mlt_space_owner(const struct mlt_space* space) {
  struct mlt_proc* proc = space->proc ? mlt_proc_at(space->proc) : NULL;
  return proc && proc->tgid == space->tgid ? proc : NULL;
}

/*
 * The address space is this process's: a new one, or that of the first that has it, where several do (vfork). exit_mmap
 * removes it, in whichever task that runs. An entry of nobody's is of a space whose exit_mmap was missed.
 */
static __always_inline void mlt_space_begin(u32 index, struct mlt_proc* proc, struct task_struct* task, bool is_new) {
  if (!mlt_cfg.has_exit_mmap) return;
  u64 mm = (u64)BPF_CORE_READ(task, mm);
  struct mlt_space space = {.proc = index, .tgid = proc->tgid};
  struct mlt_space* others = is_new ? NULL : bpf_map_lookup_elem(&mlt_spaces, &mm);
  if (!mm || (others && mlt_space_owner(others))) return;
  if (!bpf_map_update_elem(&mlt_spaces, &mm, &space, BPF_ANY)) mlt_add(proc->spaces, 1);
}

static __always_inline void mlt_space_end(const struct mlt_space* space) {
  struct mlt_proc* proc = mlt_space_owner(space);
  if (proc) mlt_add(proc->spaces, -1);
}

/*
 * Makes a record for a process that is to be traced and enters it under its tgid. Record 0 is never used.
 * Returns its index, 0 when there is no room. `leader` is the thread group leader.
 */
static __noinline u32 mlt_proc_new(u32 tgid, struct task_struct* leader, u32 parent_tgid) {
  u32 index = mlt_claim(MLT_CLAIM_PROC, tgid, mlt_hash(tgid), 0, mlt_cfg.proc_mask);
  struct mlt_proc* proc = index ? mlt_proc_at(index) : NULL;
  if (!proc) {
    mlt_add(mlt_stats.proc_full, 1);
    return 0;
  }
  /* Complete before others can find it. */
  proc->start_boottime = BPF_CORE_READ(leader, start_boottime);
  proc->first_seen_ns = bpf_ktime_get_ns();
  proc->parent_tgid = parent_tgid;
  BPF_CORE_READ_STR_INTO(&proc->comm, leader, comm);
  proc->gone = 0;
  proc->tgid = tgid;
  if (bpf_map_update_elem(&mlt_tgids, &tgid, &index, BPF_NOEXIST)) {
    /* Another thread of the process was faster. */
    proc->tgid = 0;
    mlt_unclaim(MLT_CLAIM_PROC, index);
    u32* theirs = bpf_map_lookup_elem(&mlt_tgids, &tgid);
    return theirs ? *theirs : 0;
  }
  mlt_space_begin(index, proc, leader, false);
  return index;
}

/* The pid of the current process as the caller of mlocktrace sees it; 0 when its PID namespace does not hold it. */
static __always_inline u32 mlt_visible_tgid(u32 tgid) {
  struct bpf_pidns_info ns = {};
  if (!mlt_cfg.pidns_ino) return tgid;
  if (bpf_get_ns_current_pid_tgid(mlt_cfg.pidns_dev, mlt_cfg.pidns_ino, &ns, sizeof(ns))) return 0;
  return ns.tgid;
}

/* Decides about the current process, which has no record under its tgid. Returns its new or found record, or 0. */
static __always_inline u32 mlt_proc_adopt(u32 tgid) {
  u32 pid = mlt_visible_tgid(tgid);
  struct task_struct* task = (void*)bpf_get_current_task();

  if (!pid) return 0;
  if (mlt_cfg.target_mode == MLT_TARGET_PIDS) {
    if (!bpf_map_lookup_elem(&mlt_wanted, &pid)) return 0;
  } else if (mlt_cfg.target_mode == MLT_TARGET_CGROUP) {
    if (bpf_current_task_under_cgroup(&mlt_cgroup, 0) != 1) return 0;
  } else if (tgid == mlt_cfg.self_tgid || (BPF_CORE_READ(task, flags) & PF_KTHREAD)) {
    return 0;
  }
  u32 index = mlt_proc_new(tgid, BPF_CORE_READ(task, group_leader), 0);
  struct mlt_proc* proc = index ? mlt_proc_at(index) : NULL;
  if (proc) proc->pid = pid;
  /* Wanted once: whoever gets this number next is somebody else. Only now that its other threads find the record. */
  if (index && mlt_cfg.target_mode == MLT_TARGET_PIDS) bpf_map_delete_elem(&mlt_wanted, &pid);
  return index;
}

/*
 * The record of the process `tgid`, which is the current one; 0: it is not traced. A record of an earlier process of
 * the same number, whose end the kernel has not announced yet, is given up.
 */
static __always_inline u32 mlt_proc_of(u32 tgid) {
  u32* known = bpf_map_lookup_elem(&mlt_tgids, &tgid);
  u32 index = known ? *known : 0;
  struct mlt_proc* proc = index ? mlt_proc_at(index) : NULL;
  struct task_struct* task = (void*)bpf_get_current_task();
  if (proc && proc->start_boottime == BPF_CORE_READ(task, group_leader, start_boottime)) {
    if (!proc->pid) proc->pid = mlt_visible_tgid(tgid);
    return index;
  }
  if (proc) {
    proc->gone = 1;
    bpf_map_delete_elem(&mlt_tgids, &tgid);
  }
  return mlt_proc_adopt(tgid);
}

static __always_inline bool mlt_is_target_thread(u64 pid_tgid) {
  struct bpf_pidns_info ns = {};
  u32 tid = pid_tgid;
  if (!mlt_cfg.target_tid) return true;
  if (mlt_cfg.pidns_ino) {
    bpf_get_ns_current_pid_tgid(mlt_cfg.pidns_dev, mlt_cfg.pidns_ino, &ns, sizeof(ns));
    tid = ns.pid;
  }
  return tid == mlt_cfg.target_tid;
}

/* Makes the record of a thread. Two may do it at once: its birth, and the walk at the start. */
static __noinline u32 mlt_thread_new(struct task_struct* task, u32 proc, u32 tid) {
  u64 key = (u64)task;
  u32* known = bpf_map_lookup_elem(&mlt_places, &key);
  u32 hash = mlt_hash(key);
  u32 index = known ? *known : mlt_claim(MLT_CLAIM_THREAD, key, hash, 0, MLT_THREAD_MASK);
  if (!index && mlt_cfg.more_threads)
    index = mlt_claim(MLT_CLAIM_THREAD, key, hash, MLT_THREAD_MASK + 1, mlt_cfg.more_threads - 1);
  struct mlt_thread* thread = index ? mlt_thread_at(index) : NULL;
  mlt_known[mlt_hash(key) % MLT_INTEREST_SIZE] = 1;
  if (!thread) {
    mlt_add(mlt_stats.thread_full, 1);
    return 0;
  }
  if (known && thread->tid == tid) return index;
  /* Or of an earlier task at this address, whose end the kernel did not announce. */
  __builtin_memset(thread, 0, sizeof(*thread));
  thread->taken_min_flt = BPF_CORE_READ(task, min_flt);
  thread->taken_maj_flt = BPF_CORE_READ(task, maj_flt);
  thread->proc = proc;
  thread->tid = tid;
  thread->place = index;
  thread->last_class = MLT_NO_CLASS;
  thread->task = key;
  /* Complete before others can find it. */
  if (known || !bpf_map_update_elem(&mlt_places, &key, &index, BPF_NOEXIST)) return index;
  thread->task = 0;
  mlt_unclaim(MLT_CLAIM_THREAD, index);
  known = bpf_map_lookup_elem(&mlt_places, &key);
  return known ? *known : 0;
}

/* Decides about the current thread, which has no record. */
static __noinline u32 mlt_thread_adopt(u64 task, u64 pid_tgid) {
  u32 proc = mlt_proc_of(pid_tgid >> 32);
  if (!proc || !mlt_is_target_thread(pid_tgid)) return 0;
  return mlt_thread_new((void*)task, proc, pid_tgid);
}

/* The record of the current thread where it is not at the place that comes first: rare, so out of the way. */
static __noinline struct mlt_thread* mlt_thread_elsewhere(u64 task, u32 adopt_from) {
  struct mlt_thread* thread = mlt_thread_of(task);
  if (thread || mlt_cfg.adopt < adopt_from) return thread;
  u32 index = mlt_thread_adopt(task, bpf_get_current_pid_tgid());
  return index ? mlt_thread_at(index) : NULL;
}

/* The first filter: most threads that nobody traces end here. The address is needed anyway, the tgid is not. */
static __always_inline bool mlt_is_of_interest(u64 task) {
  if (mlt_cfg.adopt == MLT_ADOPT_NEVER) return mlt_known[mlt_hash(task) % MLT_INTEREST_SIZE];
  return mlt_interest[(bpf_get_current_pid_tgid() >> 32) % MLT_INTEREST_SIZE];
}

/*
 * The record of the current thread; one is made for it where mlt_cfg.adopt is `adopt_from` or more. The programs of the
 * later part are compiled twice: where every thread has its record already, the way that makes one is not even shown to
 * the verifier, which would follow it in each of them.
 */
static __always_inline struct mlt_thread* mlt_thread_of_interest(u64 task, enum mlt_adopt adopt_from) {
  struct mlt_thread* thread = mlt_thread_at(mlt_hash(task) & MLT_THREAD_MASK);
  if (thread && thread->task == task) return thread;
#ifdef MLT_THREADS_ARE_KNOWN
  return mlt_thread_of(task);
#else
  return mlt_thread_elsewhere(task, adopt_from);
#endif
}

/* The same from a phase of the trace on. */
static __always_inline struct mlt_thread* mlt_current_from(enum mlt_phase phase, enum mlt_adopt adopt_from) {
  u64 task = bpf_get_current_task();
  if (!mlt_is_of_interest(task) || mlt_phase < phase) return NULL;
  return mlt_thread_of_interest(task, adopt_from);
}

/* The current thread's record for the programs that count faults; NULL when it is not traced. */
static __always_inline struct mlt_thread* mlt_faulting(void) {
  return mlt_current_from(MLT_COUNTING, MLT_ADOPT_ANYWHERE);
}

/* The current thread's record for all others; NULL when it is not traced, or not everything is attached yet. */
static __always_inline struct mlt_thread* mlt_current(void) {
  return mlt_current_from(MLT_COMPLETE, MLT_ADOPT_ANYWHERE);
}

/* The record of the process that owns an address space, for programs that run on behalf of another one; 0: none. */
static __always_inline u32 mlt_owner_of(u32 tgid) {
  if (mlt_phase != MLT_COMPLETE || !tgid || !mlt_interest[tgid % MLT_INTEREST_SIZE]) return 0;
  u32* index = bpf_map_lookup_elem(&mlt_tgids, &tgid);
  return index ? *index : 0;
}

static __always_inline bool mlt_is_reclaiming(void) {
  struct task_struct* task = (void*)bpf_get_current_task();
  return BPF_CORE_READ(task, flags) & PF_MEMALLOC;
}

/* Room for an event in the ring buffer, counted when there is none. The front end polls: events never wake it. */
#define mlt_reserve(type)                                           \
  ({                                                                \
    type* event_ = bpf_ringbuf_reserve(&mlt_ring, sizeof(type), 0); \
    if (!event_) mlt_add(mlt_stats.ring_full, 1);                   \
    event_;                                                         \
  })
#define mlt_submit(event) bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP)

static __always_inline void mlt_event_head(struct mlt_event* head, u32 kind, struct mlt_thread* thread, u32 call) {
  head->kind = kind;
  head->proc = thread->proc;
  head->tid = thread->tid;
  head->call = call;
  head->ns = bpf_ktime_get_ns();
}

/* System calls by their numbers (x86-64). */
static __always_inline u32 mlt_call_of(long nr) {
  switch (nr) {
    case 9: return MLT_CALL_MMAP;
    case 10: return MLT_CALL_MPROTECT;
    case 11: return MLT_CALL_MUNMAP;
    case 12: return MLT_CALL_BRK;
    case 25: return MLT_CALL_MREMAP;
    case 28: return MLT_CALL_MADVISE;
    case 56:
    case 57:
    case 58:
    case 435: return MLT_CALL_FORK;
    case 59:
    case 322: return MLT_CALL_EXECVE;
    case 149: return MLT_CALL_MLOCK;
    case 150: return MLT_CALL_MUNLOCK;
    case 151: return MLT_CALL_MLOCKALL;
    case 152: return MLT_CALL_MUNLOCKALL;
    case 325: return MLT_CALL_MLOCK2;
    default: return MLT_CALL_OTHER;
  }
}

/* Calls whose duration and result are followed: the lock family, what maps memory, and what gives it back. */
static __always_inline bool mlt_is_followed(u32 call) { return call <= MLT_CALL_MADVISE; }

/* The system call that a thread is in, by the registers with which it entered the kernel. */
static __always_inline u32 mlt_system_call_by(const struct pt_regs* regs) {
  /* A 32-bit task numbers its calls differently. */
  if ((BPF_CORE_READ(regs, cs) & 0xffff) != 0x33) return MLT_CALL_OTHER;
  return mlt_call_of(BPF_CORE_READ(regs, orig_ax));
}

/* What the current thread is doing. */
static __noinline u32 mlt_current_call(struct mlt_thread* thread) {
  struct task_struct* task = (void*)bpf_get_current_task();
  if (BPF_CORE_READ(task, flags) & PF_EXITING) return MLT_CALL_EXIT;
  if (thread->in_fault && thread->fault_class < MLT_LOCK_STATE_NR * MLT_CAUSE_NR) return MLT_CALL_FAULT;
  return mlt_system_call_by(mlt_user_regs());
}

static __always_inline struct mlt_call_total* mlt_call_total(struct mlt_proc* proc, u32 call) {
  if (call >= MLT_CALL_NR) return NULL;
  mlt_barrier(call);
  if (call >= MLT_CALL_NR) return NULL;
  return &proc->calls[call];
}

/* Time that the current thread waited: part of its call, and not of what else the fault in flight does. */
static __always_inline void mlt_waited(struct mlt_thread* thread, u32 part, u64 ns) {
  if (!thread->call_start) return;
  thread->call_parts_ns[part] += ns;
  if (thread->fault_address) thread->fault_waited_ns += ns;
}

#endif
