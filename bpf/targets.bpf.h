/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Is the current thread traced, and where is its record? Makes the records of processes and threads. */
#ifndef MLT_TARGETS_BPF_H
#define MLT_TARGETS_BPF_H

#include "claims.bpf.h"

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

/* Has its program 32 bits? Nothing that has more addresses ends at 4 GiB. */
static __always_inline void mlt_note_compat(struct mlt_proc* proc, struct task_struct* task) {
  u64 size = BPF_CORE_READ(task, mm, task_size);
  if (size && size <= 1ULL << 32) proc->compat = 1;
}

/*
 * Makes a record for a process that is to be traced and enters it under its tgid. Record 0 is never used.
 * Returns its index, 0 when there is no room. `leader` is the thread group leader.
 */
static __noinline u32 mlt_proc_new(u32 tgid, struct task_struct* leader, u32 parent_tgid) {
  u32 index = mlt_take(MLT_CLAIM_PROC, tgid, 0, mlt_cfg.procs - 1);
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
  mlt_note_compat(proc, leader);
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
  u32* found = bpf_map_lookup_elem(&mlt_tgids, &tgid);
  u32 index = found ? *found : 0;
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

static __always_inline void mlt_count_threads(u32 proc, s32 change) {
  struct mlt_proc* owner = mlt_proc_at(proc);
  if (owner) mlt_add(owner->threads, change);
}

/* Makes the record of a thread. Two may do it at once: its birth, and the walk at the start. */
static __noinline u32 mlt_thread_new(struct task_struct* task, u32 proc, u32 tid) {
  u64 key = (u64)task;
  u32* found = bpf_map_lookup_elem(&mlt_places, &key);
  u32 hash = mlt_hash(key);
  u32 index = found ? *found : mlt_claim_thread(key, hash, 0, MLT_THREAD_MASK);
  if (!index && mlt_cfg.more_threads)
    index = mlt_claim_thread(key, hash, MLT_THREAD_MASK + 1, mlt_cfg.more_threads - 1);
  struct mlt_thread* thread = index ? mlt_thread_at(index) : NULL;
  mlt_known[mlt_hash(key) % MLT_INTEREST_SIZE] = 1;
  if (!thread) {
    mlt_add(mlt_stats.thread_full, 1);
    return 0;
  }
  if (found && thread->tid == tid) return index;
  /* Or of an earlier task at this address, whose end the kernel did not announce. */
  mlt_thread_clear(thread);
  thread->taken_min_flt = BPF_CORE_READ(task, min_flt);
  thread->taken_maj_flt = BPF_CORE_READ(task, maj_flt);
  thread->opened_flt = mlt_phase < MLT_COUNTING ? MLT_NOT_OPENED : thread->taken_min_flt + thread->taken_maj_flt;
  thread->proc = proc;
  thread->tid = tid;
  thread->place = index;
  thread->last_class = MLT_NO_CLASS;
  thread->task = key;
  /* Complete before others can find it. */
  mlt_count_threads(proc, 1);
  if (found || !bpf_map_update_elem(&mlt_places, &key, &index, BPF_NOEXIST)) return index;
  mlt_count_threads(proc, -1);
  thread->task = 0;
  mlt_unclaim(MLT_CLAIM_THREAD, index);
  found = bpf_map_lookup_elem(&mlt_places, &key);
  return found ? *found : 0;
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

/*
 * A function's entry, or its return where the value does not matter, as a fentry and as a kprobe program:
 * mlt_NAME_fentry and mlt_NAME_kprobe, mlt_NAME_fexit and mlt_NAME_kretprobe. The arguments of the function come last.
 */
#define MLT_ENTRY(function, name, handler, ...)                        \
  SEC("fentry/" #function)                                             \
  int BPF_PROG(mlt_##name##_fentry, ##__VA_ARGS__) { return handler; } \
  SEC("kprobe/" #function)                                             \
  int BPF_KPROBE(mlt_##name##_kprobe, ##__VA_ARGS__) { return handler; }
#define MLT_EXIT(function, name, handler)              \
  SEC("fexit/" #function)                              \
  int BPF_PROG(mlt_##name##_fexit) { return handler; } \
  SEC("kretprobe/" #function)                          \
  int BPF_KRETPROBE(mlt_##name##_kretprobe) { return handler; }

/* The same where the value matters: `result` declares it, "int ret"; a fexit program has it behind the arguments. */
#define MLT_RESULT(function, name, handler, result, ...)                      \
  SEC("fexit/" #function)                                                     \
  int BPF_PROG(mlt_##name##_fexit, ##__VA_ARGS__, result) { return handler; } \
  SEC("kretprobe/" #function)                                                 \
  int BPF_KRETPROBE(mlt_##name##_kretprobe, result) { return handler; }

#endif
