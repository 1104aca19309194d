/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which system call a thread is in, and what its time went into. */
#ifndef MLT_CALLS_BPF_H
#define MLT_CALLS_BPF_H

#include "arch.bpf.h"
#include "targets.bpf.h"

/*
 * The registers that the current task entered the kernel with. bpf_task_pt_regs came with 5.15 (dd6e10fbd9fb); before,
 * they are at the top of the kernel stack.
 */
static __always_inline struct pt_regs* mlt_user_regs(void) {
  if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
    return (struct pt_regs*)bpf_task_pt_regs(bpf_get_current_task_btf());
  struct task_struct* task = (void*)bpf_get_current_task();
  void* stack = BPF_CORE_READ(task, stack);
  return stack + MLT_THREAD_SIZE - bpf_core_type_size(struct pt_regs);
}

/* The same of another task of its kind: at the same place of its stack. In 32 bits, as the pointer is a trusted one. */
static __always_inline struct pt_regs* mlt_user_regs_of(struct task_struct* task) {
  struct task_struct* current = (void*)bpf_get_current_task();
  u32 offset = (u32)(u64)mlt_user_regs() - (u32)(u64)BPF_CORE_READ(current, stack);
  return BPF_CORE_READ(task, stack) + offset;
}

/* A file that the task has open; NULL: no such. */
static __always_inline struct file* mlt_file_at(struct task_struct* task, u32 fd) {
  struct fdtable* table = BPF_CORE_READ(task, files, fdt);
  struct file* file = NULL;
  if (fd >= BPF_CORE_READ(table, max_fds)) return NULL;
  bpf_probe_read_kernel(&file, sizeof(file), BPF_CORE_READ(table, fd) + fd);
  return file;
}

/* Calls whose duration and result are followed: the lock family, what maps memory, and what gives it back. */
static __always_inline bool mlt_is_followed(u32 call) { return call <= MLT_CALL_MADVISE; }

/* The system call of this number that a task is in. */
static __always_inline u32 mlt_call_in(struct task_struct* task, long nr) {
  return mlt_in_compat_call(task) ? mlt_compat_call_of(nr) : mlt_call_of(nr);
}

/* The same, if it is one that is followed: none of a 32-bit program is. Otherwise MLT_CALL_OTHER. */
static __always_inline u32 mlt_followed_call(long nr) {
  u32 call = mlt_call_of(nr);
  bool is_followed = mlt_is_followed(call) && !mlt_in_compat_call((void*)bpf_get_current_task());
  return is_followed ? call : MLT_CALL_OTHER;
}

/*
 * Is the thread in an access that faults? Where the end of an attempt is not seen that has to be tried again, the
 * record still says so when the kernel has given it up, for a signal: then the thread has come from user mode by a call
 * since.
 */
static __always_inline bool mlt_is_in_access(const struct mlt_thread* thread) {
  if (!thread->fault_state || thread->fault_class >= MLT_LOCK_STATE_NR * MLT_CAUSE_NR) return false;
  return !mlt_cfg.ends_untold || mlt_regs_nr(mlt_user_regs()) < 0;
}

/* What the current thread is doing. */
static __noinline u32 mlt_current_call(struct mlt_thread* thread) {
  struct task_struct* task = (void*)bpf_get_current_task();
  if (BPF_CORE_READ(task, flags) & PF_EXITING) return MLT_CALL_EXIT;
  if (mlt_is_in_access(thread)) return MLT_CALL_FAULT;
  return mlt_call_in(task, mlt_regs_nr(mlt_user_regs()));
}

/* The process makes this call for the first time. A global function: rare, and the verifier checks it once. */
__weak __noinline u32 mlt_call_new(u32 index, u32 call) {
  struct mlt_proc* proc = mlt_proc_at(index);
  if (!proc || call >= MLT_CALL_NR) return 0;
  /* Not in order: that is one more function in each program. */
  u32 place = mlt_take_hashed(MLT_CLAIM_CALL, (u64)index << 32 | call, 0, mlt_cfg.calls - 1);
  struct mlt_call_count* count = place ? bpf_map_lookup_elem(&mlt_call_counts, &place) : NULL;
  mlt_barrier(call);
  if (!count || call >= MLT_CALL_NR) {
    mlt_add(mlt_stats.call_full, 1);
    return 0;
  }
  count->call = call;
  count->proc = index;
  proc->call_places[call] = place;
  return place;
}

/* What the thread's process does by this call. */
static __always_inline struct mlt_call_total* mlt_call_total(struct mlt_thread* thread, struct mlt_proc* proc,
                                                             u32 call) {
  if (call >= MLT_CALL_NR) return NULL;
  mlt_barrier(call);
  if (call >= MLT_CALL_NR) return NULL;
  u32 place = proc->call_places[call];
  if (!place) place = mlt_call_new(thread->proc, call);
  struct mlt_call_count* count = place ? bpf_map_lookup_elem(&mlt_call_counts, &place) : NULL;
  if (!count) return NULL;
  /* Or the compiler adds to what may be NULL. */
  mlt_barrier(count);
  return &count->total;
}

/*
 * How long the current task was ready and did not run, ever: the second number of /proc/PID/schedstat. The helper came
 * with 5.11 (3ca1032ab7ab "bpf: Implement get_current_task_btf and RET_PTR_TO_BTF_ID").
 */
static __always_inline u64 mlt_run_delay(void) {
  if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf))
    return bpf_get_current_task_btf()->sched_info.run_delay;
  return BPF_CORE_READ((struct task_struct*)bpf_get_current_task(), sched_info.run_delay);
}

/*
 * Inside a call: how long the thread was not running since this was last asked. It is asked at the end of whatever is a
 * part of the call, so that there it is a part of its own.
 */
static __always_inline u64 mlt_off_cpu(struct mlt_thread* thread) {
  u64 delay = mlt_run_delay();
  u64 ns = delay - thread->call_run_delay;
  thread->call_run_delay = delay;
  thread->call_parts_ns[MLT_PART_OFF_CPU] += ns;
  return ns;
}

/* Time that the current thread waited: part of its call, and not of what else the fault in flight does. */
static __always_inline void mlt_waited(struct mlt_thread* thread, u32 part, u64 ns) {
  if (!thread->call_start) return;
  u64 off_cpu = mlt_off_cpu(thread);
  if (ns > off_cpu) thread->call_parts_ns[part] += ns - off_cpu;
  if (thread->fault_address) thread->fault_waited_ns += ns > off_cpu ? ns : off_cpu;
}

#endif
