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

/* Calls whose duration and result are followed: the lock family, what maps memory, and what gives it back. */
static __always_inline bool mlt_is_followed(u32 call) { return call <= MLT_CALL_MADVISE; }

/* The system call that a thread is in, by the registers with which it entered the kernel. */
static __always_inline u32 mlt_system_call_by(const struct pt_regs* regs) {
  return mlt_regs_native(regs) ? mlt_call_of(mlt_regs_nr(regs)) : MLT_CALL_OTHER;
}

/* What the current thread is doing. */
static __noinline u32 mlt_current_call(struct mlt_thread* thread) {
  struct task_struct* task = (void*)bpf_get_current_task();
  if (BPF_CORE_READ(task, flags) & PF_EXITING) return MLT_CALL_EXIT;
  if (thread->fault_state && thread->fault_class < MLT_LOCK_STATE_NR * MLT_CAUSE_NR) return MLT_CALL_FAULT;
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
