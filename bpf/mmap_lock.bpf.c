// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Waiting for mmap_lock: how long a process waits for its own, in page faults and in calls, and what whoever held it
 * was doing. All of this runs where a lock is contended: who gets it at once never comes here.
 *
 * Per-VMA locks (6.4+) spare most faults this wait; the others, and all calls that map memory, still take mmap_lock.
 */
#include "acts.bpf.h"

/* rw_semaphore.owner: the last reader, which may be gone. The two bits above mean other things. */
#define RWSEM_READER_OWNED 1UL
#define RWSEM_OWNER_FLAGS 7UL

static __always_inline bool mlt_is_own_mmap_lock(const void* lock) {
  struct task_struct* task = (void*)bpf_get_current_task();
  const void* mm = BPF_CORE_READ(task, mm);
  return mm && lock == mm + bpf_core_field_offset(struct mm_struct, mmap_lock);
}

/*
 * What a thread of the same process is doing, by the registers with which it entered the kernel. An old reader may be
 * back in user mode: then it holds nothing.
 */
static __always_inline u32 mlt_call_of_task(struct task_struct* task, bool reads) {
  if (BPF_CORE_READ(task, flags) & PF_EXITING) return MLT_CALL_EXIT;
  struct pt_regs* regs = mlt_user_regs_of(task);
  if (mlt_regs_nr(regs) < 0) return MLT_CALL_FAULT;
  if (reads && !mlt_regs_in_call(regs)) return MLT_CALL_NONE;
  return mlt_call_in(task, mlt_regs_nr(regs));
}

/*
 * Is whoever reads or writes this file at the address space now? Of what is told mapping by mapping (maps, smaps,
 * numa_maps) that is known: it has the task at hand while it has the lock. Of other files in the process's directory of
 * /proc it is taken to be.
 */
static __always_inline bool mlt_file_is_at(const struct file* file, struct mm_struct* mm,
                                           const union mlt_short_name* name) {
  if (!mlt_is_in_proc(file)) return false;
  if (!mlt_is_named(name, "smaps") && !mlt_is_named(name, "smaps_rollup") && !mlt_is_named(name, "maps") &&
      !mlt_is_named(name, "numa_maps")) {
    struct task_struct* of = mlt_task_of_file(file);
    return of && BPF_CORE_READ(of, mm) == mm;
  }
  const struct seq_file* seq = BPF_CORE_READ(file, private_data);
  const struct proc_maps_private* maps = BPF_CORE_READ(seq, private);
  return BPF_CORE_READ(maps, task) && mlt_maps_mm(maps) == mm;
}

/* Does the call of another process read or write this address space? `name` becomes that of the file. */
static __always_inline bool mlt_call_is_at(struct task_struct* task, struct pt_regs* regs, struct mm_struct* mm,
                                           union mlt_short_name* name) {
  struct task_struct* current = (void*)bpf_get_current_task();
  struct file* file = NULL;
  switch (mlt_regs_nr(regs)) {
    case MLT_NR_READ:
    case MLT_NR_PREAD64:
    case MLT_NR_READV:
    case MLT_NR_PREADV:
    case MLT_NR_WRITE:
    case MLT_NR_PWRITE64:
    case MLT_NR_WRITEV:
    case MLT_NR_PWRITEV:
    case MLT_NR_IOCTL:
      file = mlt_file_at(task, mlt_regs_arg0(regs));
      if (!file) return false;
      *name = mlt_name_of(file);
      return mlt_file_is_at(file, mm, name);
    case MLT_NR_PROCESS_VM_READV:
    case MLT_NR_PROCESS_VM_WRITEV:
    case MLT_NR_MOVE_PAGES:
    case MLT_NR_MIGRATE_PAGES: return mlt_is_number_of(mlt_regs_arg0(regs), current, task);
    case MLT_NR_PTRACE: return mlt_is_number_of(mlt_regs_arg1(regs), current, task);
    case MLT_NR_PROCESS_MADVISE:
    case MLT_NR_PROCESS_MRELEASE:
      file = mlt_file_at(task, mlt_regs_arg0(regs));
      struct pid* pid = file ? mlt_pid_of_pidfd(file) : NULL;
      return pid && pid == BPF_CORE_READ(current, group_leader, thread_pid);
    default: return false;
  }
}

/*
 * Notes whom the thread, whose record is at `place`, is to wait for, if that is known: a task outside its process that
 * has the lock. Who writes is sure to have it. The last reader may be gone, even its task: it must be at this address
 * space now, or be a kernel thread that is not asleep: khugepaged and ksmd go from one to the other. A global function:
 * the verifier checks it once.
 */
__noinline int mlt_note_outsider(u32 place, u64 owner, u32 reads) {
  struct mlt_thread* thread = mlt_thread_at(place);
  if (!thread) return 0;
  struct task_struct* task = (void*)owner;
  struct mm_struct* mm = BPF_CORE_READ((struct task_struct*)bpf_get_current_task(), mm);
  union mlt_short_name name = {};
  u32 nr = MLT_ACT_NO_CALL;
  if (BPF_CORE_READ(task, flags) & PF_KTHREAD) {
    if (reads && mlt_is_asleep(task)) return 0;
  } else {
    struct pt_regs* regs = mlt_user_regs_of(task);
    bool is_known = mlt_regs_in_call(regs) && !mlt_in_compat_call(task);
    bool is_at = is_known && mlt_call_is_at(task, regs, mm, &name);
    if (reads && !is_at) return 0;
    if (is_known) nr = mlt_regs_nr(regs);
    if (!is_at) name = (union mlt_short_name){};
  }
  u32 detail = mlt_hash_of_name(&name);
  struct mlt_act_key key = mlt_act_key(thread->proc, task, MLT_ACT_HELD_MMAP_LOCK, nr, detail);
  struct mlt_act* act = mlt_act_at(&key, task);
  if (!act) return 0;
  if (!act->name[0]) __builtin_memcpy(act->name, name.text, sizeof(name.text));
  thread->lock_outsider = key;
  return 0;
}

/*
 * What the holder is doing. Of several readers the owner is the last; a populate reads long, and is known by itself.
 * With PREEMPT_RT there is none.
 */
static __always_inline u32 mlt_holder(struct mlt_thread* thread, struct mm_struct* mm, u32 populating) {
  thread->lock_outsider.act = MLT_ACT_NONE;
  if (!bpf_core_field_exists(mm->mmap_lock.owner)) return MLT_CALL_NONE;
  u64 owner = BPF_CORE_READ(mm, mmap_lock.owner.counter);
  bool reads = owner & RWSEM_READER_OWNED;
  if (reads && populating) return populating;
  struct task_struct* task = (void*)(owner & ~RWSEM_OWNER_FLAGS);
  if (!task || (u64)task == bpf_get_current_task()) return MLT_CALL_NONE;
  if (BPF_CORE_READ(task, mm) == mm && !(BPF_CORE_READ(task, flags) & PF_KTHREAD)) return mlt_call_of_task(task, reads);
  mlt_note_outsider(thread->place, (u64)task, reads);
  return MLT_CALL_NONE;
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
  u32 holder = mlt_holder(thread, mm, proc->populating);
  thread->lock_holder = holder;
  thread->lock_held_to_lock = mlt_locks_memory(holder, mm, proc->populating);
  thread->lock_wait_write = write;
  thread->lock_wait_start = bpf_ktime_get_ns();
}

static __always_inline void mlt_wait_add(struct mlt_lock_wait* wait, u64 ns) {
  mlt_add(wait->waits, 1);
  mlt_add(wait->time_ns, ns);
}

/* The wait for somebody outside the process is over. */
static __always_inline void mlt_waited_for_outsider(struct mlt_thread* thread, u64 ns) {
  if (thread->lock_outsider.act == MLT_ACT_NONE) return;
  struct mlt_act_key key = thread->lock_outsider;
  thread->lock_outsider.act = MLT_ACT_NONE;
  struct mlt_act* act = bpf_map_lookup_elem(&mlt_acts, &key);
  if (!act) return;
  mlt_act_count(act);
  mlt_add(act->time_ns, ns);
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
  mlt_waited_for_outsider(thread, ns);
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
