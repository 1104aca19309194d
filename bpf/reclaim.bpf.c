// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reclaim: who had to wait for it, and whose locked pages it met.
 *
 * A stall is charged to the process that reclaims by itself because it needs memory. A page that reclaim meets is
 * charged to the process whose mapping the reverse map walk has before it, whoever walks: kswapd, or another process.
 */
#include "acts.bpf.h"
#include "calls.bpf.h"
#include "waits.bpf.h"

static __always_inline struct mlt_thread* mlt_reclaim_begin(u64 now) {
  struct mlt_thread* thread = mlt_current();
  if (thread) thread->reclaim_start = now;
  return thread;
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
  if (mlt_is_in_fault(thread)) {
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
int mlt_direct_begin(void* ctx) {
  mlt_reclaim_begin(bpf_ktime_get_ns());
  return 0;
}

SEC("raw_tp/mm_vmscan_direct_reclaim_end")
int mlt_direct_end(struct bpf_raw_tracepoint_args* ctx) { return mlt_reclaim_end(MLT_RECLAIM_DIRECT, ctx->args[0]); }

/*
 * Who is at the limit of a memory cgroup is one of those who fill it, traced or not. Not who writes to a file of one to
 * make it smaller: the tracepoint is met there, too.
 */
#define MLT_CGROUP2_MAGIC 0x63677270 /* CGROUP2_SUPER_MAGIC */

static __always_inline bool mlt_writes_to_cgroup(struct task_struct* task) {
  struct pt_regs* regs = mlt_user_regs();
  long nr = mlt_regs_nr(regs);
  if (nr != MLT_NR_WRITE && nr != MLT_NR_PWRITE64 && nr != MLT_NR_WRITEV && nr != MLT_NR_PWRITEV) return false;
  struct file* file = mlt_file_at(task, mlt_regs_arg0(regs));
  return file && BPF_CORE_READ(file, f_inode, i_sb, s_magic) == MLT_CGROUP2_MAGIC;
}

/* How long it need not be noted again that a thread was at the limit. */
#define MLT_LIMIT_NOTED_NS 1000000000

/* A traced process is noted now and then, and not counted: its reclaim is, in its own record. Under pressure a thread
 * reclaims for every few faults, and finding the entry costs as much as all the rest. */
static __always_inline void mlt_note_at_limit(struct mlt_thread* thread, u64 now) {
  if (thread && now - thread->limit_noted_ns < MLT_LIMIT_NOTED_NS) return;
  struct task_struct* task = (void*)bpf_get_current_task();
  if (mlt_phase != MLT_COMPLETE || (BPF_CORE_READ(task, flags) & PF_KTHREAD) || mlt_writes_to_cgroup(task)) return;
  struct kernfs_node* node = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn);
  struct mlt_act_key key = mlt_act_key(0, task, MLT_ACT_AT_LIMIT, MLT_ACT_NO_CALL, (u32)BPF_CORE_READ(node, id));
  struct mlt_act* act = mlt_act_at(&key, task);
  if (!act) return;
  if (thread) {
    thread->limit_noted_ns = act->last_ns = now;
  } else {
    mlt_act_count(act);
  }
  if (!act->cgroup[0]) bpf_probe_read_kernel_str(act->cgroup, sizeof(act->cgroup), BPF_CORE_READ(node, name));
}

SEC("raw_tp/mm_vmscan_memcg_reclaim_begin")
int mlt_memcg_begin(void* ctx) {
  u64 now = bpf_ktime_get_ns();
  mlt_note_at_limit(mlt_reclaim_begin(now), now);
  return 0;
}

SEC("raw_tp/mm_vmscan_memcg_reclaim_end")
int mlt_memcg_end(struct bpf_raw_tracepoint_args* ctx) { return mlt_reclaim_end(MLT_RECLAIM_MEMCG, ctx->args[0]); }

SEC("raw_tp/mm_vmscan_kswapd_wake")
int mlt_kswapd_wake(void* ctx) {
  if (mlt_phase == MLT_COMPLETE) mlt_add(mlt_stats.kswapd_wakeups, 1);
  return 0;
}
