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
 * Returns its index, 0 when there is no room. `leader` is the thread group leader. In targets.bpf.c, like all that has
 * to do with making records: a global function, which the verifier checks once and not for every state in which it is
 * called.
 */
u32 mlt_proc_new(u32 tgid, u64 leader, u32 parent_tgid);

static __always_inline void mlt_count_threads(u32 proc, s32 change) {
  struct mlt_proc* owner = mlt_proc_at(proc);
  if (owner) mlt_add(owner->threads, change);
}

/* Makes the record of a thread. Two may do it at once: its birth, and the walk at the start. */
u32 mlt_thread_new(u64 task, u32 proc, u32 tid);

/* Decides about the current thread, which has no record. */
u32 mlt_thread_adopt(u64 task, u64 pid_tgid);

/* The record of the current thread where it is not at the place that comes first: rare, so out of the way. */
static __noinline struct mlt_thread* mlt_thread_elsewhere(u64 task, u32 adopt_from) {
  struct mlt_thread* thread = mlt_thread_of(task);
  if (thread || mlt_cfg.adopt < adopt_from) return thread;
  u32 index = mlt_thread_adopt(task, bpf_get_current_pid_tgid());
  return index ? mlt_thread_at(index) : NULL;
}

/* The current thread: its task_struct, and the hash of that. */
struct mlt_current {
  u64 task;
  u64 hash;
};

static __always_inline void mlt_current_take(struct mlt_current* current) {
  current->task = bpf_get_current_task();
  u64 hash = mlt_hash_of_task(current->task);
  mlt_barrier(hash); /* or it is worked out again */
  current->hash = hash;
}

/* The first filter, which fills in `current`: most threads that nobody traces end here. */
static __always_inline bool mlt_is_of_interest(struct mlt_current* current) {
  if (mlt_cfg.adopt == MLT_ADOPT_NEVER) {
    mlt_current_take(current);
    if (!mlt_known[current->hash]) return false;
  } else {
    if (!mlt_interest[(bpf_get_current_pid_tgid() >> 32) % MLT_INTEREST_SIZE]) return false;
    mlt_current_take(current);
  }
  return true;
}

/* The record of the current thread, if it is at the place that comes first, as nearly every one is. */
static __always_inline struct mlt_thread* mlt_thread_in_place(struct mlt_current current) {
  struct mlt_thread* thread = mlt_thread_at(current.hash & MLT_THREAD_MASK);
  return thread && thread->task == current.task ? thread : NULL;
}

/*
 * The record of the current thread; one is made for it where mlt_cfg.adopt is MLT_ADOPT_ANYWHERE. All programs are
 * compiled twice: where every thread has its record already, the way that makes one is not even shown to the verifier,
 * which would follow it, or have to take it out, in each of them.
 */
static __always_inline struct mlt_thread* mlt_thread_of_interest(struct mlt_current current) {
  struct mlt_thread* thread = mlt_thread_in_place(current);
  if (thread) return thread;
#ifdef MLT_THREADS_ARE_KNOWN
  return mlt_thread_of(current.task);
#else
  return mlt_thread_elsewhere(current.task, MLT_ADOPT_ANYWHERE);
#endif
}

/* The same from a phase of the trace on. */
static __always_inline struct mlt_thread* mlt_current_from(enum mlt_phase phase) {
  struct mlt_current current;
  if (!mlt_is_of_interest(&current) || mlt_phase < phase) return NULL;
  return mlt_thread_of_interest(current);
}

/* The same at an exception, where one is made from MLT_ADOPT_AT_EXCEPTIONS on. */
static __always_inline struct mlt_thread* mlt_excepting(void) {
  struct mlt_current current;
  if (!mlt_is_of_interest(&current)) return NULL;
  struct mlt_thread* thread = mlt_thread_in_place(current);
  if (thread) return thread;
  return mlt_phase < MLT_COUNTING ? NULL : mlt_thread_elsewhere(current.task, MLT_ADOPT_AT_EXCEPTIONS);
}

/* The current thread's record for the programs that count faults; NULL when it is not traced. */
static __always_inline struct mlt_thread* mlt_faulting(void) { return mlt_current_from(MLT_COUNTING); }

/* The current thread's record for all others; NULL when it is not traced, or not everything is attached yet. */
static __always_inline struct mlt_thread* mlt_current(void) { return mlt_current_from(MLT_COMPLETE); }

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
