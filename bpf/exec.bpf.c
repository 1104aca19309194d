// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The locks that an execve is about to drop: when sched_process_exec comes, the old address space is gone. */
#include "calls.bpf.h"

static __always_inline int mlt_before_exec(void) {
  struct mlt_thread* thread = mlt_current();
  if (!thread) return 0;
  struct task_struct* task = (void*)bpf_get_current_task();
  struct mm_struct* mm = BPF_CORE_READ(task, mm);
  thread->exec_locked_pages = BPF_CORE_READ(mm, locked_vm);
  thread->exec_def_flags = BPF_CORE_READ(mm, def_flags);
  return 0;
}

MLT_ENTRY(begin_new_exec, exec, mlt_before_exec())

SEC("tp")
int mlt_exec_tp(void* ctx) { return mlt_before_exec(); }

/* From every system call, where the others are not to be had. */
SEC("raw_tp/sys_enter")
int mlt_exec_raw(struct bpf_raw_tracepoint_args* ctx) {
  u32 call = mlt_call_in((void*)bpf_get_current_task(), ctx->args[1]);
  return call == MLT_CALL_EXECVE ? mlt_before_exec() : 0;
}
