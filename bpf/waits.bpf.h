/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What faults wait for. All of this runs where something waits, or reads, or reclaims: a fault that does not never
 * comes here. Who does sees to it that the end of the fault takes a closer look.
 */
#ifndef MLT_WAITS_BPF_H
#define MLT_WAITS_BPF_H

#include "calls.bpf.h"

static __noinline int mlt_wait_count(struct mlt_thread* thread, u32 kind, u64 ns) {
  thread->stalled_ns += ns;
  struct mlt_proc* proc = mlt_proc_at(thread->proc);
  mlt_barrier(kind);
  if (!proc || kind >= MLT_WAIT_NR) return 0;
  mlt_add(proc->waits[kind].waits, 1);
  mlt_add(proc->waits[kind].time_ns, ns);
  /* Of display only: of two at once the smaller may win. */
  if (ns > proc->longest.wait_ns[kind]) proc->longest.wait_ns[kind] = ns;
  return 0;
}

/* Until a page has been moved, read, written, or unlocked: the kernel sleeps in io_schedule then, if at all. */
static __always_inline bool mlt_waits_for_page(const struct mlt_thread* thread) {
  return thread->wait_kind >= MLT_WAIT_MIGRATION && thread->wait_kind <= MLT_WAIT_WRITEBACK;
}

/* The wait is over: when it was last seen to be, or now. For a page nobody waits who has not slept. */
static __noinline int mlt_wait_over(struct mlt_thread* thread) {
  u64 end = thread->wait_end ? thread->wait_end : bpf_ktime_get_ns();
  u64 ns = end - thread->wait_start;
  bool has_slept = thread->wait_end || !mlt_waits_for_page(thread);
  thread->wait_start = 0;
  thread->wait_end = 0;
  return has_slept ? mlt_wait_count(thread, thread->wait_kind, ns) : 0;
}

/*
 * Is the thread in a fault? Where the end of an attempt is not seen that has to be tried again, the record may say so
 * of one that was given up: of an access see mlt_is_in_access; a fault that may not wait is never tried again by the
 * kernel itself.
 */
static __always_inline bool mlt_is_in_fault(const struct mlt_thread* thread) {
  if (!thread->fault_state) return false;
  if (!mlt_cfg.ends_untold) return true;
  if (thread->kprobe_flags & FAULT_FLAG_RETRY_NOWAIT) return false;
  return thread->fault_class >= MLT_LOCK_STATE_NR * MLT_CAUSE_NR || mlt_is_in_access(thread);
}

/* Of a wait inside another one, or inside reclaim, the outer has the time. */
static __always_inline int mlt_wait_begin(struct mlt_thread* thread, u32 kind) {
  if (!thread->fault_state || thread->reclaim_start) return 0;
  if (thread->wait_start && !mlt_waits_for_page(thread)) return 0;
  if (thread->wait_start) mlt_wait_over(thread);
  thread->fault_state = MLT_FAULT;
  thread->wait_kind = kind;
  thread->wait_start = bpf_ktime_get_ns();
  return 0;
}

static __always_inline int mlt_wait_end(struct mlt_thread* thread, u32 kind) {
  return thread->wait_start && thread->wait_kind == kind ? mlt_wait_over(thread) : 0;
}

#endif
