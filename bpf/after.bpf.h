/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a fault turns out to have been at its end, and what a completed one means to its process. `change`: 1, or -1
 * where it has to be taken back (see settle.bpf.h); the record of the thread is that of the fault.
 */
#ifndef MLT_AFTER_BPF_H
#define MLT_AFTER_BPF_H

#include "claims.bpf.h"

static __always_inline u32 mlt_origin_of_class(u32 class_id) { return class_id / (MLT_CAUSE_NR * MLT_LOCK_STATE_NR); }
static __always_inline u32 mlt_lock_state_of_class(u32 class_id) { return class_id / MLT_CAUSE_NR % MLT_LOCK_STATE_NR; }

/* Of a fault that was entered; `is_major`: this attempt at it. */
static __always_inline u32 mlt_entered_class(struct mlt_thread* thread, bool is_major) {
  u32 cause = thread->fault_cause;
  if (is_major) thread->fault_read = 1;
  if (cause == MLT_CAUSE_FILE_MAP && thread->fault_read) cause = MLT_CAUSE_FILE_READ;
  return thread->fault_class + cause;
}

/*
 * The entry was neither a page nor swap, and the fault completed. Poison and guards end in an error: the page was on
 * the move, and arrived before the kernel looked and would have waited for it; or it came back from a device's memory.
 * Nothing is counted last as a completed special entry: none that enters as one is plain.
 */
static __always_inline void mlt_after_special_entry(struct mlt_thread* thread) {
  if (thread->fault_cause == MLT_CAUSE_SPECIAL_ENTRY) thread->fault_cause = MLT_CAUSE_MIGRATION;
}

/* Nobody saw it end: what it waited for is not known. */
static __always_inline void mlt_after_unseen_end(struct mlt_thread* thread) {
  thread->wait_start = 0;
  thread->wait_end = 0;
  thread->huge_start = 0;
  thread->fault_refaulted = 0;
  thread->fault_state = 0;
  thread->fault_address = 0;
}

/*
 * A page that comes from swap into a VM_LOCKED mapping is not mlocked from 6.11 on, where do_swap_page adds it as a new
 * anonymous page; and up to 5.17 only if it was a populate that brought it.
 */
static __always_inline void mlt_after_swap_in(const struct mlt_thread* thread, u32 class_id, s64 change) {
  if (class_id % MLT_CAUSE_NR != MLT_CAUSE_SWAP_IN || thread->fault_mlocked) return;
  if (mlt_cfg.mlocks_after_populate && mlt_origin_of_class(class_id) == MLT_ORIGIN_POPULATE) return;
  u32 lock_state = mlt_lock_state_of_class(class_id);
  if (lock_state != MLT_LOCKED && lock_state != MLT_LOCKED_ON_FAULT) return;
  struct mlt_proc* proc = mlt_proc_at(thread->proc);
  if (proc) mlt_add(proc->locked_not_mlocked, change);
}

/* A major fault, where others had taken pages before? */
static __always_inline void mlt_after_major(const struct mlt_thread* thread, u64 address, s64 change) {
  struct mlt_proc* proc = mlt_proc_at(thread->proc);
  if (!proc || !proc->taken_end) return;
  if (address >= proc->taken_start && address < proc->taken_end) mlt_add(proc->taken_major, change);
}

#endif
