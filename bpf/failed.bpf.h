/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A fault that ended in an error: see failed.bpf.c. */
#ifndef MLT_FAILED_BPF_H
#define MLT_FAILED_BPF_H

#include "maps.bpf.h"

__noinline u32 mlt_fault_failed(u32 place, u32 class_id, u32 flags, u32 ret);

/*
 * The last fault of the current thread was an error, as is known only now: see settle.bpf.h. Its mappings are what they
 * were. `ret`: what is known of what handle_mm_fault returned: VM_FAULT_*, or MLT_RETURN_UNKNOWN.
 */
#define MLT_RETURN_UNKNOWN 0

__noinline u32 mlt_fault_has_failed(u32 place, u32 ret);

/* The same of a thread that has gone on since, or ended. */
__noinline u32 mlt_fault_failed_unseen(u32 place);

/*
 * Is it one that nobody has told of yet? By the sum of the kernel's counters, where the current thread is in no fault:
 * that it is to be taken back is left to mlt_fault_settle.
 */
static __always_inline bool mlt_has_failed(const struct mlt_thread* thread) {
  struct task_struct* task = (void*)bpf_get_current_task();
  if (!thread->told || thread->told_failed) return false;
  u64 counted = BPF_CORE_READ(task, min_flt) + BPF_CORE_READ(task, maj_flt);
  return counted < thread->told_min_flt + thread->told_maj_flt;
}

#endif
