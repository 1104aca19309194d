/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What was counted of a thread is compared with the kernel's own counters, min_flt and maj_flt of its task.
 *
 * The kernel skips probes: a fentry program while another task of the processor is preempted in it
 * (__bpf_prog_enter_recur), a kprobe program while one is preempted in an update of a map
 * (bpf_disable_instrumentation); a kretprobe loses calls when too many are under way. And the tracepoint that is
 * cheapest and never skipped (mlt_fault_counted) comes before the kernel knows whether the fault is an error. So what
 * the counters must be is kept in the record of the thread, and where they are not that, the last fault is taken back,
 * or those that nobody saw are counted without a class.
 *
 * It is the thread itself that settles, at its next fault or its end: of another one that runs the counters may be
 * about to move.
 */
#ifndef MLT_SETTLE_BPF_H
#define MLT_SETTLE_BPF_H

#include "claims.bpf.h"
#include "failed.bpf.h"

/*
 * To be called for the thread whose record is at `place` while it is in no handle_mm_fault, or in one that has not been
 * counted yet. Returns whether the last fault turned out to be an error that nobody has told of yet; the caller does:
 * see failed.bpf.h.
 */
__noinline u32 mlt_fault_settle(u32 place);

/*
 * At the first fault of the thread that counts, which `minor` and `major` are without: what the kernel had counted
 * before is not of this trace. When the record was made, before the gate was opened, it may have been less. Returns how
 * many faults there were since the opening: they were not seen, and stay in the sum; but for one that was under way
 * then.
 */
static __always_inline u64 mlt_take_baseline(struct mlt_thread* thread, u64 minor, u64 major, bool was_under_way) {
  bool is_opened = thread->opened_flt != MLT_NOT_OPENED;
  s64 unseen = is_opened ? minor + major - thread->opened_flt : 0;
  bool missed = unseen > !thread->none_under_way;
  thread->has_counted = 1;
  /* Of one that was born in the trace it is known; and at its end they may have been added to its process already. */
  if (!mlt_cfg.settles || !thread->none_under_way) {
    thread->taken_min_flt = minor - (missed ? unseen : 0);
    thread->taken_maj_flt = major;
  }
  if (missed) return unseen;
  bool is_doubtful = !thread->none_under_way && (unseen > 0 || was_under_way);
  struct mlt_proc* proc = is_doubtful ? mlt_proc_at(thread->proc) : NULL;
  if (proc) mlt_add(proc->under_way_flt, 1);
  return 0;
}

/* Is the current thread settled, as far as one counter tells? What it does not tell waits for the next fault that is
 * not minor, or for the thread's end. */
static __always_inline bool mlt_is_settled(const struct mlt_thread* thread) {
  return mlt_current_min_flt() == thread->told_min_flt && !(thread->told & MLT_TOLD_MAJOR);
}

/* It has been counted, and the kernel has done so, or is about to. */
static __always_inline void mlt_tell(struct mlt_thread* thread, u32 kind, u64 ns) {
  if (kind > MLT_KIND_MAJOR) return;
  if (kind == MLT_KIND_MAJOR)
    thread->told_maj_flt++;
  else
    thread->told_min_flt++;
  if (!mlt_cfg.ends_untold) return;
  thread->told_ns = ns;
  thread->told_address = thread->fault_address;
}

#endif
