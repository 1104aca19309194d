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
#define MLT_KPROBE_HARDWARE 0x80000000U

/* The record of one thread: the fault and the call that it is in, and where its blocks are. */
struct mlt_thread {
  u64 task; /* address of the task_struct; 0: free */
  u32 proc;
  u32 tid; /* in the initial PID namespace */
  /* The fault in flight. */
  u64 fault_start;   /* 0: none */
  u64 fault_address; /* page address | 1 while a retry of this fault is expected */
  u16 fault_class;
  u8 in_fault;      /* between entry and return of handle_mm_fault */
  u8 fault_mlocked; /* a page was mlocked, or found mlocked, during the fault */
  u32 kprobe_flags; /* fault flags and MLT_KPROBE_HARDWARE, for the kretprobe */
  /* The system call in flight, when it is one of those that are followed. */
  u64 call_start; /* 0: none */
  u64 call_args[4];
  u64 call_populate_ns;
  u64 call_populated;
  u32 call_splits;
  u32 call_merges;
  u64 populate_start; /* in __mm_populate; 0: not */
  u64 range_start;    /* in populate_vma_page_range; 0: not */
  u64 range_vm_flags; /* of its VMA at entry */
  /* The kernel's counters of this thread when it was first seen, or when they were last added to its process. */
  u64 taken_min_flt;
  u64 taken_maj_flt;
  /* The VMA change under way: the VMA as it is before a split, or as it will be after a merge. */
  u64 change_start;
  u64 change_end; /* 0: none */
  u64 change_addr;
  u64 change_vm_flags;
  /* Block of each fault class; 0: none yet. */
  u16 block[MLT_CLASS_NR];
};

extern const volatile struct mlt_config mlt_cfg;

/*
 * First filter, one byte for each value of tgid modulo its size: nonzero where a traced process may be. All nonzero
 * when any process may be traced. The front end zeroes it to stop counting everywhere at once. Bytes, not bits: setting
 * a bit would have to be atomic.
 */
extern __u8 mlt_interest[MLT_INTEREST_SIZE];
extern struct mlt_stats mlt_stats;

struct mlt_thread_map {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1024);
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

/* Folio on its way through a per-CPU batch -> the process on whose behalf it moves. */
struct mlt_move_map {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16384);
  __type(key, u64);
  __type(value, u32);
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
extern struct mlt_proc_map mlt_procs SEC(".maps");
extern struct mlt_claim_map mlt_claims SEC(".maps");
extern struct mlt_place_map mlt_places SEC(".maps");
extern struct mlt_pid_map mlt_tgids SEC(".maps");
extern struct mlt_pid_map mlt_wanted SEC(".maps");
extern struct mlt_shared_map mlt_shared SEC(".maps");
extern struct mlt_move_map mlt_moving SEC(".maps");
extern struct mlt_cgroup_map mlt_cgroup SEC(".maps");
extern struct mlt_ring_map mlt_ring SEC(".maps");

#define mlt_add(where, n) __sync_fetch_and_add(&(where), (n))

/* Keeps the compiler from moving a bounds check away from the access that needs it: 5.10 and 6.1 lose track otherwise.
 */
#define mlt_barrier(x) asm volatile("" : "+r"(x))

static __always_inline u32 mlt_hash(u64 x) { return (x * 0x9e3779b97f4a7c15ULL) >> 32; }

static __always_inline struct mlt_proc* mlt_proc_at(u32 index) { return bpf_map_lookup_elem(&mlt_procs, &index); }

/* Has the front end given the place back? It marks the record, and does not remove the claim: while a process is in a
 * bpf() call on a map, the kernel skips kprobe programs on that processor. */
static __always_inline bool mlt_is_released(u64 kind, u32 place) {
  if (kind == MLT_CLAIM_BLOCK) {
    struct mlt_block* block = bpf_map_lookup_elem(&mlt_blocks, &place);
    return block && (block->flags & MLT_BLOCK_FREE);
  }
  struct mlt_proc* proc = kind == MLT_CLAIM_PROC ? mlt_proc_at(place) : NULL;
  return proc && proc->gone == MLT_PROC_FREE;
}

/*
 * Takes a free place among `first` + 1 ... `first` + `mask`, starting where the hash says. Returns 0 when MLT_WAYS of
 * them are taken. Place 0 of a table is never used: 0 means none. Of two that want a released place, one removes its
 * claim.
 */
static __noinline u32 mlt_claim(u64 kind, u64 owner, u32 hash, u32 first, u32 mask) {
  for (u32 way = 0; way < MLT_WAYS; way++) {
    u32 place = first + ((hash + way) & mask);
    u64 key = kind | place;
    if (!place) continue;
    if (!bpf_map_update_elem(&mlt_claims, &key, &owner, BPF_NOEXIST)) return place;
    if (mlt_is_released(kind, place) && !bpf_map_delete_elem(&mlt_claims, &key) &&
        !bpf_map_update_elem(&mlt_claims, &key, &owner, BPF_NOEXIST))
      return place;
  }
  return 0;
}

static __always_inline void mlt_unclaim(u64 kind, u32 index) {
  u64 key = kind | index;
  bpf_map_delete_elem(&mlt_claims, &key);
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
  mlt_interest[tgid % MLT_INTEREST_SIZE] = 1;
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
static __noinline u32 mlt_proc_adopt(u32 tgid) {
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
static __noinline u32 mlt_proc_of(u32 tgid) {
  u32* known = bpf_map_lookup_elem(&mlt_tgids, &tgid);
  u32 index = known ? *known : 0;
  struct mlt_proc* proc = index ? mlt_proc_at(index) : NULL;
  if (!proc) return mlt_proc_adopt(tgid);
  struct task_struct* task = (void*)bpf_get_current_task();
  if (proc->start_boottime == BPF_CORE_READ(task, group_leader, start_boottime)) {
    if (!proc->pid) proc->pid = mlt_visible_tgid(tgid);
    return index;
  }
  proc->gone = 1;
  bpf_map_delete_elem(&mlt_tgids, &tgid);
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

/* Finds or claims the current thread's record, where the place that its hash names is not it. */
static __noinline struct mlt_thread* mlt_thread_find(u64 task, u64 pid_tgid) {
  u32* place = bpf_map_lookup_elem(&mlt_places, &task);
  if (place) return bpf_map_lookup_elem(&mlt_threads, place);
  u32 proc = mlt_proc_of(pid_tgid >> 32);
  if (!proc || !mlt_is_target_thread(pid_tgid)) return NULL;
  u32 index = mlt_claim(MLT_CLAIM_THREAD, task, mlt_hash(task), 0, mlt_cfg.thread_mask);
  struct mlt_thread* thread = index ? bpf_map_lookup_elem(&mlt_threads, &index) : NULL;
  if (!thread || bpf_map_update_elem(&mlt_places, &task, &index, BPF_ANY)) {
    mlt_add(mlt_stats.thread_full, 1);
    return NULL;
  }
  struct task_struct* self = (void*)task;
  thread->taken_min_flt = BPF_CORE_READ(self, min_flt);
  thread->taken_maj_flt = BPF_CORE_READ(self, maj_flt);
  thread->proc = proc;
  thread->tid = pid_tgid;
  thread->task = task;
  return thread;
}

/* The current thread's record; NULL when it is not traced. */
static __always_inline struct mlt_thread* mlt_current(void) {
  u64 pid_tgid = bpf_get_current_pid_tgid();
  if (!mlt_interest[(pid_tgid >> 32) % MLT_INTEREST_SIZE]) return NULL;
  u64 task = bpf_get_current_task();
  u32 index = mlt_hash(task) & mlt_cfg.thread_mask;
  struct mlt_thread* thread = bpf_map_lookup_elem(&mlt_threads, &index);
  if (thread && thread->task == task) return thread;
  return mlt_thread_find(task, pid_tgid);
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

/* What the current thread is doing: the system call that it is in, from the registers that it entered the kernel with.
 */
static __noinline u32 mlt_current_call(struct mlt_thread* thread) {
  struct task_struct* task = (void*)bpf_get_current_task();
  if (BPF_CORE_READ(task, flags) & PF_EXITING) return MLT_CALL_EXIT;
  if (thread->in_fault && thread->fault_class < MLT_LOCK_STATE_NR * MLT_CAUSE_NR) return MLT_CALL_FAULT;
  struct pt_regs* regs = mlt_user_regs();
  /* A 32-bit task numbers its calls differently. */
  if ((BPF_CORE_READ(regs, cs) & 0xffff) != 0x33) return MLT_CALL_OTHER;
  switch (BPF_CORE_READ(regs, orig_ax)) {
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

static __always_inline struct mlt_call_total* mlt_call_total(struct mlt_proc* proc, u32 call) {
  if (call >= MLT_CALL_NR) return NULL;
  mlt_barrier(call);
  if (call >= MLT_CALL_NR) return NULL;
  return &proc->calls[call];
}

#endif
