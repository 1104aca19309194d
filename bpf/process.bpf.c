// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Birth and death of traced processes and threads: children are followed, records freed, the kernel's own fault
 * counters collected for the audit, and the locked size noted where it changes hands (fork and exec drop the locks).
 *
 * Raw tracepoints: a few per process or thread, and available wherever BPF is.
 */
#include "core.bpf.h"

static __always_inline void mlt_mm_state(struct mlt_event_process* event, struct task_struct* task) {
  struct mm_struct* mm = BPF_CORE_READ(task, mm);
  event->locked_pages = mm ? BPF_CORE_READ(mm, locked_vm) : 0;
  event->def_flags = mm ? BPF_CORE_READ(mm, def_flags) : 0;
}

/* Runs in the parent, before the child runs. */
SEC("raw_tp/sched_process_fork")
int mlt_process_fork(struct bpf_raw_tracepoint_args* ctx) {
  struct task_struct* parent = (void*)ctx->args[0];
  struct task_struct* child = (void*)ctx->args[1];
  u32 child_tgid = BPF_CORE_READ(child, tgid);
  struct mlt_thread* thread = mlt_current();
  /* A new thread has the tgid of its process and needs nothing. */
  if (!thread || child_tgid == (u32)BPF_CORE_READ(parent, tgid)) return 0;
  u32 index = mlt_cfg.follow ? mlt_proc_new(child_tgid, child, BPF_CORE_READ(parent, tgid)) : 0;
  struct mlt_event_process* event = mlt_reserve(struct mlt_event_process);
  if (!event) return 0;
  mlt_event_head(&event->head, MLT_EVENT_FORK, thread, MLT_CALL_FORK);
  mlt_mm_state(event, parent);
  event->child_proc = index;
  event->child_tgid = child_tgid;
  event->comm[0] = 0;
  mlt_submit(event);
  return 0;
}

SEC("raw_tp/sched_process_exec")
int mlt_process_exec(struct bpf_raw_tracepoint_args* ctx) {
  struct task_struct* task = (void*)ctx->args[0];
  struct mlt_thread* thread = mlt_current();
  if (!thread) return 0;
  struct mlt_proc* proc = mlt_proc_at(thread->proc);
  if (proc) BPF_CORE_READ_STR_INTO(&proc->comm, task, comm);
  /* When another thread than the leader calls execve, it takes the leader's number over. */
  thread->tid = BPF_CORE_READ(task, pid);
  struct mlt_event_process* event = mlt_reserve(struct mlt_event_process);
  if (!event) return 0;
  mlt_event_head(&event->head, MLT_EVENT_EXEC, thread, MLT_CALL_EXECVE);
  mlt_mm_state(event, task);
  event->child_proc = 0;
  event->child_tgid = 0;
  BPF_CORE_READ_STR_INTO(&event->comm, task, comm);
  mlt_submit(event);
  return 0;
}

/* The fault counters that the kernel kept for this thread, less what was taken before. */
static __always_inline void mlt_take_counters(struct mlt_proc* proc, struct mlt_thread* thread,
                                              struct task_struct* task) {
  u64 minor = BPF_CORE_READ(task, min_flt);
  u64 major = BPF_CORE_READ(task, maj_flt);
  mlt_add(proc->exited_min_flt, minor - thread->taken_min_flt);
  mlt_add(proc->exited_maj_flt, major - thread->taken_maj_flt);
  thread->taken_min_flt = minor;
  thread->taken_maj_flt = major;
}

SEC("raw_tp/sched_process_exit")
int mlt_process_exit(struct bpf_raw_tracepoint_args* ctx) {
  struct task_struct* task = (void*)ctx->args[0];
  struct mlt_thread* thread = mlt_current();
  if (!thread) return 0;
  struct mlt_proc* proc = mlt_proc_at(thread->proc);
  if (!proc) return 0;
  mlt_take_counters(proc, thread, task);
  if (thread->in_fault) mlt_add(proc->missed_returns, 1);
  if (BPF_CORE_READ(task, signal, live.counter)) return 0;
  proc->exit_ns = bpf_ktime_get_ns();
  struct mlt_event_process* event = mlt_reserve(struct mlt_event_process);
  if (!event) return 0;
  mlt_event_head(&event->head, MLT_EVENT_EXIT, thread, MLT_CALL_EXIT);
  mlt_mm_state(event, task);
  event->child_proc = 0;
  event->child_tgid = 0;
  event->comm[0] = 0;
  mlt_submit(event);
  return 0;
}

/*
 * The task is gone for good: no fault of it can follow, and its number and address may be used again. Runs in any
 * context, long after the exit for a process whose parent does not wait. From 6.16 on the exit tracepoint comes before
 * the address space is given up, so the last faults are taken from here.
 */
SEC("raw_tp/sched_process_free")
int mlt_process_free(struct bpf_raw_tracepoint_args* ctx) {
  u64 task = ctx->args[0];
  struct task_struct* gone = (void*)task;
  u32 tgid = BPF_CORE_READ(gone, tgid);
  bool leader = (u32)BPF_CORE_READ(gone, pid) == tgid;
  u32* place = bpf_map_lookup_elem(&mlt_places, &task);
  struct mlt_thread* thread = place ? bpf_map_lookup_elem(&mlt_threads, place) : NULL;

  if (thread) {
    u32 index = *place;
    struct mlt_proc* proc = mlt_proc_at(thread->proc);
    if (proc) mlt_take_counters(proc, thread, gone);
    for (u32 i = 0; i < MLT_CLASS_NR; i++) {
      u32 block_place = thread->block[i];
      struct mlt_block* block = block_place ? bpf_map_lookup_elem(&mlt_blocks, &block_place) : NULL;
      if (block && block->task == task) block->flags |= MLT_BLOCK_RETIRED;
    }
    bpf_map_delete_elem(&mlt_places, &task);
    __builtin_memset(thread, 0, sizeof(*thread));
    mlt_unclaim(MLT_CLAIM_THREAD, index);
  }
  if (!leader) return 0;
  u32* known = bpf_map_lookup_elem(&mlt_tgids, &tgid);
  struct mlt_proc* proc = known ? mlt_proc_at(*known) : NULL;
  /* The number may belong to a new process; and a leader that another thread's execve released has not ended its
   * process. */
  if (!proc || proc->start_boottime != BPF_CORE_READ(gone, start_boottime)) return 0;
  if (BPF_CORE_READ(gone, signal, live.counter)) return 0;
  /* The exit program may have been skipped: kernels that preempt tracepoint programs do that. */
  if (!proc->exit_ns) proc->exit_ns = bpf_ktime_get_ns();
  bpf_map_delete_elem(&mlt_tgids, &tgid);
  proc->gone = 1;
  return 0;
}
