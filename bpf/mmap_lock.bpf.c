// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Waiting for mmap_lock: how long a process waits for its own, in page faults and in calls, and what whoever held it
 * was doing. All of this runs where a lock is contended: who gets it at once never comes here.
 *
 * Per-VMA locks (6.4+) spare most faults this wait; the others, and all calls that map memory, still take mmap_lock.
 */
#include "calls.bpf.h"

/* rw_semaphore.owner: the last reader, which may be gone. The two bits above mean other things. */
#define RWSEM_READER_OWNED 1UL
#define RWSEM_OWNER_FLAGS 7UL

static __always_inline bool mlt_is_own_mmap_lock(const void* lock) {
  struct task_struct* task = (void*)bpf_get_current_task();
  const void* mm = BPF_CORE_READ(task, mm);
  return mm && lock == mm + bpf_core_field_offset(struct mm_struct, mmap_lock);
}

/* What a thread of the same process is doing, by the registers with which it entered the kernel. */
static __always_inline u32 mlt_call_of_task(struct task_struct* task, struct mm_struct* mm) {
  struct task_struct* current = (void*)bpf_get_current_task();
  /* Another process may hold the lock for a moment, reading /proc/PID/maps; and an old reader may be anything now. */
  if (!task || task == current || BPF_CORE_READ(task, mm) != mm) return MLT_CALL_NONE;
  if (BPF_CORE_READ(task, flags) & PF_EXITING) return MLT_CALL_EXIT;
  struct pt_regs* regs = mlt_user_regs_of(task);
  return mlt_regs_nr(regs) < 0 ? MLT_CALL_FAULT : mlt_call_in(task, mlt_regs_nr(regs));
}

/* What the holder is doing. Of several readers the owner is the last; a populate reads long, and is known by itself. */
static __always_inline u32 mlt_holder(struct mm_struct* mm, u32 populating) {
  if (!bpf_core_field_exists(mm->mmap_lock.owner)) return MLT_CALL_NONE;
  u64 owner = BPF_CORE_READ(mm, mmap_lock.owner.counter);
  if ((owner & RWSEM_READER_OWNED) && populating) return populating;
  return mlt_call_of_task((void*)(owner & ~RWSEM_OWNER_FLAGS), mm);
}

/* Does the call lock memory? mlock and the like; under MCL_FUTURE whatever maps; and mprotect only populates to lock.
 */
static __always_inline bool mlt_locks_memory(u32 call, struct mm_struct* mm, u32 populating) {
  if (call >= MLT_CALL_MLOCK && call <= MLT_CALL_MUNLOCKALL) return true;
  if (call == MLT_CALL_MPROTECT && populating == call) return true;
  return call >= MLT_CALL_MMAP && call <= MLT_CALL_MPROTECT && (BPF_CORE_READ(mm, def_flags) & VM_LOCKED);
}

static __always_inline void mlt_wait_begin(bool write) {
  struct mlt_thread* thread = mlt_current();
  struct mlt_proc* proc = thread ? mlt_proc_at(thread->proc) : NULL;
  if (!proc) return;
  struct task_struct* task = (void*)bpf_get_current_task();
  struct mm_struct* mm = BPF_CORE_READ(task, mm);
  u32 holder = mlt_holder(mm, proc->populating);
  thread->lock_holder = holder;
  thread->lock_held_to_lock = mlt_locks_memory(holder, mm, proc->populating);
  thread->lock_wait_write = write;
  thread->lock_wait_start = bpf_ktime_get_ns();
}

static __always_inline void mlt_wait_add(struct mlt_lock_wait* wait, u64 ns) {
  mlt_add(wait->waits, 1);
  mlt_add(wait->time_ns, ns);
}

/* Before handle_mm_fault, too. A fault that the kernel takes inside a call counts as the call's. */
static __always_inline bool mlt_is_faulting(struct mlt_thread* thread) {
  return !thread->call_start && (thread->fault_start || mlt_regs_nr(mlt_user_regs()) < 0);
}

static __always_inline int mlt_wait_end(void) {
  struct mlt_thread* thread = mlt_current();
  if (!thread || !thread->lock_wait_start) return 0;
  u64 ns = bpf_ktime_get_ns() - thread->lock_wait_start;
  thread->lock_wait_start = 0;
  struct mlt_proc* proc = mlt_proc_at(thread->proc);
  if (!proc) return 0;
  mlt_wait_add(thread->lock_wait_write ? &proc->mmap_lock_write : &proc->mmap_lock_read, ns);
  /* Of display only: of two at once the smaller may win. */
  if (ns > proc->longest.mmap_lock_ns) proc->longest.mmap_lock_ns = ns;
  if (mlt_is_faulting(thread)) mlt_wait_add(&proc->mmap_lock_in_fault, ns);
  if (thread->lock_held_to_lock) mlt_wait_add(&proc->mmap_lock_while_locking, ns);
  u32 holder = thread->lock_holder;
  mlt_barrier(holder);
  if (holder < MLT_CALL_NR) mlt_wait_add(&proc->mmap_lock_held_by[holder], ns);
  mlt_waited(thread, MLT_PART_LOCK_WAIT, ns);
  return 0;
}

/* The slow paths of all rw_semaphores: they do not nest. One return that did not fire ends with the next wait. */
static __always_inline int mlt_slow_path(const void* lock, bool write) {
  if (mlt_is_own_mmap_lock(lock)) {
    mlt_wait_begin(write);
    return 0;
  }
  struct mlt_thread* thread = mlt_current();
  if (thread) thread->lock_wait_start = 0;
  return 0;
}

SEC("fentry/rwsem_down_read_slowpath")
int BPF_PROG(mlt_read_wait_fentry, struct rw_semaphore* lock) { return mlt_slow_path(lock, false); }

SEC("fexit/rwsem_down_read_slowpath")
int BPF_PROG(mlt_read_wait_fexit) { return mlt_wait_end(); }

SEC("fentry/rwsem_down_write_slowpath")
int BPF_PROG(mlt_write_wait_fentry, struct rw_semaphore* lock) { return mlt_slow_path(lock, true); }

SEC("fexit/rwsem_down_write_slowpath")
int BPF_PROG(mlt_write_wait_fexit) { return mlt_wait_end(); }

SEC("kprobe/rwsem_down_read_slowpath")
int BPF_KPROBE(mlt_read_wait_kprobe, const void* lock) { return mlt_slow_path(lock, false); }

SEC("kprobe/rwsem_down_write_slowpath")
int BPF_KPROBE(mlt_write_wait_kprobe, const void* lock) { return mlt_slow_path(lock, true); }

SEC("kretprobe")
int BPF_KRETPROBE(mlt_wait_kretprobe) { return mlt_wait_end(); }

/* 5.19+. For locks of every kind: whose it is comes first, before anything that takes a lock itself. */
#define LCB_F_WRITE 4

SEC("raw_tp/contention_begin")
int mlt_contention_begin(struct bpf_raw_tracepoint_args* ctx) {
  if (mlt_is_own_mmap_lock((void*)ctx->args[0])) mlt_wait_begin(ctx->args[1] & LCB_F_WRITE);
  return 0;
}

SEC("raw_tp/contention_end")
int mlt_contention_end(struct bpf_raw_tracepoint_args* ctx) {
  return mlt_is_own_mmap_lock((void*)ctx->args[0]) ? mlt_wait_end() : 0;
}
