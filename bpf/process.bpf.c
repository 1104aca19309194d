// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Birth and death of traced processes and threads: children are followed, records freed, the kernel's own fault
 * counters collected for the audit, and the locked size noted where it changes hands (fork and exec drop the locks).
 *
 * Raw tracepoints: a few per process or thread, and available wherever BPF is.
 */
#include "calls.bpf.h"
#include "events.bpf.h"
#include "settle.bpf.h"

static __always_inline void mlt_mm_state(struct mlt_event_process* event, struct task_struct* task) {
  struct mm_struct* mm = BPF_CORE_READ(task, mm);
  /* Up to 6.15 it is given up before the exit is announced. */
  event->locked_pages = mm ? BPF_CORE_READ(mm, locked_vm) : MLT_NOT_KNOWN;
  event->def_flags = mm ? BPF_CORE_READ(mm, def_flags) : 0;
}

/* How the child came to be. The tracepoint does not tell; the caller's registers do. */
static __always_inline u32 mlt_fork_kind(struct task_struct* parent, struct task_struct* child) {
  if (BPF_CORE_READ(parent, mm) != BPF_CORE_READ(child, mm)) return MLT_EVENT_FORK;
  struct pt_regs* regs = mlt_user_regs();
  bool compat = mlt_in_compat_call(parent);
  long nr = mlt_regs_nr(regs);
  u64 flags = compat ? mlt_compat_regs_arg0(regs) : mlt_regs_arg0(regs);
  if (nr == (compat ? MLT_COMPAT_NR_VFORK : MLT_NR_VFORK)) return MLT_EVENT_VFORK;
  if (nr == MLT_NR_CLONE3) {
    /* The flags come first in a struct. */
    u64* arguments = (void*)flags;
    flags = 0;
    bpf_probe_read_user(&flags, sizeof(flags), arguments);
  }
  return flags & CLONE_VFORK ? MLT_EVENT_VFORK : MLT_EVENT_SHARE;
}

/*
 * A fault that the kernel may have counted in the trace, and that is not traced: of a thread that was preempted on its
 * way out, or that was in a fault when the trace began, and in no other after that.
 */
static __always_inline void mlt_note_under_way(struct mlt_thread* thread, u64 counted) {
  struct mlt_proc* proc = mlt_proc_at(thread->proc);
  bool began_before = !thread->has_counted && !thread->none_under_way && counted > thread->opened_flt;
  /* Or it has been counted here, and the kernel is about to. */
  bool is_ahead = mlt_cfg.settles && thread->has_counted && thread->told_min_flt + thread->told_maj_flt > counted;
  if (proc && (thread->fault_state || began_before || is_ahead)) mlt_add(proc->under_way_flt, 1);
}

/*
 * At the exit of a thread and again when it is freed, of which the kernel may skip one: the fault counters that the
 * kernel kept for it, less what was taken before, and a return that did not fire. Of the thread whose record is at
 * `place`. A global function, as all that is called from several places here: the verifier checks it once.
 */
__noinline u32 mlt_take_counters(u32 place) {
  struct mlt_thread* thread = mlt_thread_at(place);
  struct mlt_proc* proc = thread ? mlt_proc_at(thread->proc) : NULL;
  if (!proc) return 0;
  struct task_struct* task = (void*)thread->task;
  u64 minor = BPF_CORE_READ(task, min_flt);
  u64 major = BPF_CORE_READ(task, maj_flt);
  /* What it had between these may be of before the gate was opened, or of after it was closed, or of neither. */
  u64 total = minor + major;
  u64 taken = thread->taken_min_flt + thread->taken_maj_flt;
  /* One more if it was in a fault when the gate was opened, and in none after that. */
  bool one_more = !thread->none_under_way && !thread->fault_state;
  u64 opened = thread->opened_flt < total ? thread->opened_flt + one_more : total;
  s64 doubtful = (mlt_phase == MLT_ENDED ? total : thread->has_counted ? taken : opened) - taken;
  if (doubtful > 0) mlt_add(proc->exited_doubtful_flt, doubtful);
  mlt_add(proc->exited_min_flt, minor - thread->taken_min_flt);
  mlt_add(proc->exited_maj_flt, major - thread->taken_maj_flt);
  thread->taken_min_flt = minor;
  thread->taken_maj_flt = major;
  /* Where it is settled, that tells what became of the fault. */
  if (mlt_cfg.settles) return 0;
  if (thread->fault_state) mlt_add(proc->missed_returns, 1);
  thread->fault_state = 0;
  return 0;
}

/*
 * When the thread is freed, or by the walk at the end. In twins of these programs: the verifier checks what settles
 * only where a kernel needs that (see settle.bpf.h). Of a thread that had no fault in the trace what the kernel counted
 * may be of before it.
 */
static __always_inline void mlt_settle_last(struct mlt_thread* thread, bool settles) {
  if (!settles || !mlt_cfg.settles || (!thread->has_counted && !thread->none_under_way)) return;
  if (mlt_fault_settle(thread->place)) mlt_fault_failed_unseen(thread->place);
}

/* Once the trace has ended. A process that nobody has waited for keeps its leader, whose last faults came after its
 * exit was announced (see mlt_process_free). */
static __always_inline void mlt_note_at_end(struct mlt_thread* thread, struct task_struct* task, u64 counted,
                                            bool settles) {
  struct mlt_proc* proc = mlt_proc_at(thread->proc);
  /* The counters of a task that sleeps do not move, and it is in no fault that has been counted here only. */
  bool is_over = BPF_CORE_READ(task, exit_state);
  if (is_over || mlt_is_asleep(task)) mlt_settle_last(thread, settles);
  if (proc && proc->exit_ns && is_over)
    mlt_take_counters(thread->place);
  else
    mlt_note_under_way(thread, counted);
}

/* Where the kernel keeps the setting that a file of /proc/sys shows. The file is open in the current process. */
static __always_inline u64 mlt_setting_of(u32 fd) {
  struct task_struct* task = (void*)bpf_get_current_task();
  struct file* file = mlt_file_at(task, fd);
  void* inode = BPF_CORE_READ(file, f_inode);
  struct proc_inode* of_proc = inode - bpf_core_field_offset(struct proc_inode, vfs_inode);
  return (u64)BPF_CORE_READ(of_proc, sysctl_entry, data);
}

/*
 * The threads that exist when the trace begins, one after the other. The front end reads this iterator before it opens
 * the gate, and once more after that, for what the kernel has counted of them by then; and when it has closed it. New
 * ones are entered at their birth by mlt_process_fork, which is attached before. `current` is the tracer.
 */
static __always_inline int mlt_find_thread(struct bpf_iter__task* ctx, bool settles) {
  struct task_struct* task = NULL;
  /* As a plain number: the verifier lets nobody hash a pointer that it knows. */
  bpf_core_read(&task, sizeof(task), &ctx->task);
  if (!task) return 0;
  if (mlt_phase != MLT_STARTING) {
    struct mlt_thread* thread = mlt_thread_of((u64)task);
    u64 counted = BPF_CORE_READ(task, min_flt) + BPF_CORE_READ(task, maj_flt);
    if (thread && mlt_phase == MLT_ENDED)
      mlt_note_at_end(thread, task, counted, settles);
    else if (thread)
      thread->opened_flt = counted;
    return 0;
  }
  if (mlt_cfg.max_map_count_fd && !mlt_max_map_count) mlt_max_map_count = mlt_setting_of(mlt_cfg.max_map_count_fd);
  u32 level = BPF_CORE_READ((struct task_struct*)bpf_get_current_task(), thread_pid, level);
  u32 pid = mlt_pid_at(BPF_CORE_READ(task, group_leader), level);
  if (!bpf_map_lookup_elem(&mlt_wanted, &pid)) return 0;
  if (mlt_cfg.target_tid && mlt_pid_at(task, level) != mlt_cfg.target_tid) return 0;
  u32 tgid = BPF_CORE_READ(task, tgid);
  u32* found = bpf_map_lookup_elem(&mlt_tgids, &tgid);
  u32 index = found ? *found : mlt_proc_new(tgid, (u64)BPF_CORE_READ(task, group_leader), 0);
  struct mlt_proc* proc = index ? mlt_proc_at(index) : NULL;
  if (!proc) return 0;
  proc->pid = pid;
  mlt_thread_new((u64)task, index, BPF_CORE_READ(task, pid));
  return 0;
}

/* Block and mapping of a thread that has ended: the front end may take them. */
__noinline u32 mlt_retire_block(u32 place, u64 task) {
  struct mlt_block* block = place ? bpf_map_lookup_elem(&mlt_blocks, &place) : NULL;
  if (block && block->task == task) block->flags |= MLT_BLOCK_RETIRED;
  return 0;
}

__noinline u32 mlt_retire_vma(u32 place, u64 task) {
  struct mlt_vma* vma = place ? bpf_map_lookup_elem(&mlt_vmas, &place) : NULL;
  if (vma && vma->task == task) vma->state |= MLT_BLOCK_RETIRED;
  return 0;
}

SEC("iter/task")
int mlt_find_threads(struct bpf_iter__task* ctx) { return mlt_find_thread(ctx, false); }

SEC("iter/task")
int mlt_find_threads_settling(struct bpf_iter__task* ctx) { return mlt_find_thread(ctx, true); }

/* Nobody writes its counters any more, and its address may be another task's. */
__noinline u32 mlt_thread_end(u32 index) {
  struct mlt_thread* thread = mlt_thread_at(index);
  if (!thread) return 0;
  u64 task = thread->task;
  struct mlt_proc* proc = mlt_proc_at(thread->proc);
  /* The end of its exit_mmap was missed. */
  if (proc && thread->unmap_freed) mlt_add(proc->swap_freed, thread->unmap_freed);
  for (u32 i = 0; i < MLT_THREAD_BLOCKS; i++) mlt_retire_block(thread->blocks[i], task);
  for (u32 i = 0; i < MLT_THREAD_VMAS; i++) mlt_retire_vma(thread->vmas[i], task);
  bpf_map_delete_elem(&mlt_places, &task);
  mlt_thread_clear(thread);
  mlt_unclaim(MLT_CLAIM_THREAD, index);
  return 0;
}

static __always_inline void mlt_proc_end(struct mlt_proc* proc) {
  u32 tgid = proc->tgid;
  bpf_map_delete_elem(&mlt_tgids, &tgid);
  proc->gone = 1;
}

/*
 * The child is at the address of a task whose end was not announced (mlt_process_free): what it does would be counted
 * as that one's. Seen on a kernel that runs no program on top of certain tasks: a softirq that frees others there is
 * not announced either, and not counted as skipped.
 */
static __always_inline void mlt_forget_earlier(struct task_struct* child) {
  u64 task = (u64)child;
  if (!mlt_known[mlt_hash_of_task(task)]) return;
  struct mlt_thread* thread = mlt_thread_of(task);
  /* The walk at the start may have met the child already. */
  if (!thread || thread->tid == (u32)BPF_CORE_READ(child, pid)) return;
  struct mlt_proc* proc = mlt_proc_at(thread->proc);
  bool ended = proc && proc->exit_ns && !proc->gone && proc->tgid == thread->tid;
  mlt_thread_end(thread->place);
  if (ended) mlt_proc_end(proc);
}

/* Has it not run before the gate was opened, then none of its faults was under way at that time. */
static __always_inline void mlt_thread_born(struct task_struct* child, u32 proc) {
  u32 index = mlt_thread_new((u64)child, proc, BPF_CORE_READ(child, pid));
  struct mlt_thread* thread = index ? mlt_thread_at(index) : NULL;
  if (thread) thread->none_under_way = mlt_phase >= MLT_COUNTING;
}

/* Runs in the parent, before the child runs; before the gate opens too, for the sake of the threads. */
SEC("raw_tp/sched_process_fork")
int mlt_process_fork(struct bpf_raw_tracepoint_args* ctx) {
  struct task_struct* parent = (void*)ctx->args[0];
  struct task_struct* child = (void*)ctx->args[1];
  u32 child_tgid = BPF_CORE_READ(child, tgid);
  u32 tgid = BPF_CORE_READ(parent, tgid);
  bool births = mlt_cfg.adopt != MLT_ADOPT_ANYWHERE;
  mlt_forget_earlier(child);
  struct mlt_thread* thread = births ? mlt_thread_of((u64)parent) : mlt_current();
  if (!thread) return 0;
  u64 birth = BPF_CORE_READ(child, start_boottime);
  if (thread->last_birth == birth) return 0;
  thread->last_birth = birth;
  if (child_tgid == tgid) {
    if (births && !mlt_cfg.target_tid) mlt_thread_born(child, thread->proc);
    return 0;
  }
  if (mlt_phase == MLT_ENDED) return 0;
  u32 index = mlt_cfg.follow ? mlt_proc_new(child_tgid, (u64)child, tgid) : 0;
  if (index) mlt_interest[child_tgid % MLT_INTEREST_SIZE] = 1;
  if (index && births) mlt_thread_born(child, index);
  struct mlt_event_process* event = mlt_phase == MLT_COMPLETE ? mlt_reserve(struct mlt_event_process) : NULL;
  if (!event) return 0;
  mlt_event_head(&event->head, mlt_fork_kind(parent, child), thread, MLT_CALL_FORK);
  mlt_mm_state(event, parent);
  event->locked_pages_after = BPF_CORE_READ(child, mm, locked_vm);
  event->child_proc = index;
  event->child_tgid = child_tgid;
  event->comm[0] = 0;
  mlt_submit(event);
  return 0;
}

struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, 1);
  __uint(key_size, sizeof(u32));
  __array(values, int(void*));
} mlt_births SEC(".maps") = {.values = {[0] = (void*)&mlt_process_fork}};

/*
 * On kernels that preempt: from 7.x on a raw tracepoint leaves preemption on, and its program is skipped while another
 * task of the processor is preempted in it (__bpf_trace_run). Seldom in both: what is called in this way is not asked.
 */
SEC("raw_tp/sched_process_fork")
int mlt_process_fork_again(struct bpf_raw_tracepoint_args* ctx) {
  bpf_tail_call(ctx, &mlt_births, 0);
  return 0;
}

SEC("raw_tp/sched_process_exec")
int mlt_process_exec(struct bpf_raw_tracepoint_args* ctx) {
  struct task_struct* task = (void*)ctx->args[0];
  struct mlt_thread* thread = mlt_current();
  if (!thread) return 0;
  struct mlt_proc* proc = mlt_proc_at(thread->proc);
  if (proc) {
    BPF_CORE_READ_STR_INTO(&proc->comm, task, comm);
    proc->execs++;
    mlt_space_begin(thread->proc, proc, task, true);
    mlt_note_compat(proc, task);
  }
  /* When another thread than the leader calls execve, it takes the leader's number over. */
  thread->tid = BPF_CORE_READ(task, pid);
  struct mlt_event_process* event = mlt_reserve(struct mlt_event_process);
  if (!event) return 0;
  mlt_event_head(&event->head, MLT_EVENT_EXEC, thread, MLT_CALL_EXECVE);
  event->locked_pages = thread->exec_locked_pages;
  event->def_flags = thread->exec_def_flags;
  event->locked_pages_after = BPF_CORE_READ(task, mm, locked_vm);
  event->child_proc = 0;
  event->child_tgid = 0;
  BPF_CORE_READ_STR_INTO(&event->comm, task, comm);
  mlt_submit(event);
  return 0;
}

/* It ended after the trace did. */
static __always_inline bool mlt_outlives(const struct mlt_proc* proc) {
  return mlt_phase == MLT_ENDED && !proc->exit_ns;
}

/* As the parent will be told it (wait_task_zombie): the group ended as one, or its threads one by one. */
static __always_inline u32 mlt_wait_status(struct task_struct* task) {
  if (BPF_CORE_READ(task, signal, flags) & SIGNAL_GROUP_EXIT) return BPF_CORE_READ(task, signal, group_exit_code);
  return BPF_CORE_READ(task, group_leader, exit_code);
}

SEC("raw_tp/sched_process_exit")
int mlt_process_exit(struct bpf_raw_tracepoint_args* ctx) {
  struct task_struct* task = (void*)ctx->args[0];
  struct mlt_thread* thread = mlt_faulting();
  if (!thread) return 0;
  struct mlt_proc* proc = mlt_proc_at(thread->proc);
  if (!proc) return 0;
  mlt_take_counters(thread->place);
  if (BPF_CORE_READ(task, signal, live.counter)) return 0;
  proc->exit_ns = bpf_ktime_get_ns();
  proc->ending.status = mlt_wait_status(task);
  /* Its exit_mmap may not be seen yet, and is not counted. */
  if (mlt_phase != MLT_COMPLETE) proc->spaces = 0;
  struct mlt_event_process* event = mlt_phase == MLT_COMPLETE ? mlt_reserve(struct mlt_event_process) : NULL;
  if (!event) return 0;
  mlt_event_head(&event->head, MLT_EVENT_EXIT, thread, MLT_CALL_EXIT);
  mlt_mm_state(event, task);
  event->locked_pages_after = 0;
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
static __always_inline int mlt_freed(struct bpf_raw_tracepoint_args* ctx, bool settles) {
  u64 task = ctx->args[0];
  struct task_struct* gone = (void*)task;
  u32 tgid = BPF_CORE_READ(gone, tgid);
  bool leader = (u32)BPF_CORE_READ(gone, pid) == tgid;
  struct mlt_thread* thread = mlt_thread_of(task);

  if (thread) {
    struct mlt_proc* proc = mlt_proc_at(thread->proc);
    if (proc && !mlt_outlives(proc)) {
      mlt_settle_last(thread, settles);
      mlt_take_counters(thread->place);
    }
    mlt_count_threads(thread->proc, -1);
    mlt_thread_end(thread->place);
  }
  if (!leader) return 0;
  u32* found = bpf_map_lookup_elem(&mlt_tgids, &tgid);
  struct mlt_proc* proc = found ? mlt_proc_at(*found) : NULL;
  /* The number may belong to a new process; and a leader that another thread's execve released has not ended its
   * process. */
  if (!proc || proc->start_boottime != BPF_CORE_READ(gone, start_boottime)) return 0;
  if (BPF_CORE_READ(gone, signal, live.counter) || mlt_outlives(proc)) return 0;
  /* The exit program may have been skipped: kernels that preempt tracepoint programs do that. */
  if (!proc->exit_ns) {
    proc->exit_ns = bpf_ktime_get_ns();
    proc->ending.status = mlt_wait_status(gone);
  }
  proc->group_flt = BPF_CORE_READ(gone, signal, min_flt) + BPF_CORE_READ(gone, signal, maj_flt);
  mlt_proc_end(proc);
  return 0;
}

SEC("raw_tp/sched_process_free")
int mlt_process_free(struct bpf_raw_tracepoint_args* ctx) { return mlt_freed(ctx, false); }

SEC("raw_tp/sched_process_free")
int mlt_process_free_settling(struct bpf_raw_tracepoint_args* ctx) { return mlt_freed(ctx, true); }
