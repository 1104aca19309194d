// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reclaim: who had to wait for it, and whose locked pages it met.
 *
 * A stall is charged to the process that reclaims by itself because it needs memory. A page that reclaim meets is
 * charged to the process whose mapping the reverse map walk has before it, whoever walks: kswapd, or another process.
 */
#include "calls.bpf.h"
#include "waits.bpf.h"

static __always_inline int mlt_reclaim_begin(void) {
  struct mlt_thread* thread = mlt_current();
  if (thread) thread->reclaim_start = bpf_ktime_get_ns();
  return 0;
}

static __always_inline int mlt_reclaim_end(u32 kind, u64 reclaimed) {
  struct mlt_thread* thread = mlt_current();
  if (!thread || !thread->reclaim_start) return 0;
  u64 ns = bpf_ktime_get_ns() - thread->reclaim_start;
  thread->reclaim_start = 0;
  struct mlt_proc* proc = mlt_proc_at(thread->proc);
  if (!proc) return 0;
  struct mlt_reclaim* reclaim = &proc->reclaim[kind];
  mlt_add(reclaim->calls, 1);
  mlt_add(reclaim->time_ns, ns);
  mlt_add(reclaim->reclaimed, reclaimed);
  /* Of display only: of two at once the smaller may win. */
  if (ns > proc->longest.reclaim_ns[kind]) proc->longest.reclaim_ns[kind] = ns;
  if (thread->fault_state) {
    thread->fault_state = MLT_FAULT;
    mlt_add(proc->reclaim_in_fault_ns, ns);
    mlt_wait_count(thread, kind == MLT_RECLAIM_DIRECT ? MLT_WAIT_DIRECT_RECLAIM : MLT_WAIT_MEMCG_RECLAIM, ns);
  } else {
    thread->stalled_ns += ns;
  }
  if (thread->call_start) mlt_add(proc->reclaim_in_call_ns, ns);
  mlt_waited(thread, MLT_PART_RECLAIM, ns);
  return 0;
}

SEC("raw_tp/mm_vmscan_direct_reclaim_begin")
int mlt_direct_begin(void* ctx) { return mlt_reclaim_begin(); }

SEC("raw_tp/mm_vmscan_direct_reclaim_end")
int mlt_direct_end(struct bpf_raw_tracepoint_args* ctx) { return mlt_reclaim_end(MLT_RECLAIM_DIRECT, ctx->args[0]); }

SEC("raw_tp/mm_vmscan_memcg_reclaim_begin")
int mlt_memcg_begin(void* ctx) { return mlt_reclaim_begin(); }

SEC("raw_tp/mm_vmscan_memcg_reclaim_end")
int mlt_memcg_end(struct bpf_raw_tracepoint_args* ctx) { return mlt_reclaim_end(MLT_RECLAIM_MEMCG, ctx->args[0]); }

SEC("raw_tp/mm_vmscan_kswapd_wake")
int mlt_kswapd_wake(void* ctx) {
  if (mlt_phase == MLT_COMPLETE) mlt_add(mlt_stats.kswapd_wakeups, 1);
  return 0;
}
