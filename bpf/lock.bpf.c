// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The system calls that lock or unlock memory, or that map memory which MCL_FUTURE locks; and populate, the work of
 * making pages present that they ask for.
 *
 * Calls that never have to do with locking (an mmap without MAP_LOCKED in a process without MCL_FUTURE) leave no event
 * and count in nothing. The hooks are functions, not the syscalls:* tracepoints, by preference: one such tracepoint
 * sends every system call of every process through the kernel's slow path.
 */
#include "core.bpf.h"

#define MAP_LOCKED 0x2000

/* The arguments are those of the user's registers: what the hooks are given differs, and 5.10's BTF lacks its type. */
static __always_inline int mlt_call_enter(void) {
  struct mlt_thread* thread = mlt_current();
  if (!thread) return 0;
  struct pt_regs* regs = mlt_user_regs();
  thread->call_args[0] = BPF_CORE_READ(regs, di);
  thread->call_args[1] = BPF_CORE_READ(regs, si);
  thread->call_args[2] = BPF_CORE_READ(regs, dx);
  thread->call_args[3] = BPF_CORE_READ(regs, r10);
  thread->call_populate_ns = 0;
  thread->call_populated = 0;
  thread->call_splits = 0;
  thread->call_merges = 0;
  thread->call_start = bpf_ktime_get_ns();
  return 0;
}

static __always_inline bool mlt_is_error(s64 ret) { return ret < 0 && ret >= -4095; }

/* Did the call change, use or want a lock? Always, for the lock family. */
static __always_inline bool mlt_call_matters(struct mlt_thread* thread, u32 call, u64 def_flags) {
  if (call <= MLT_CALL_MUNLOCKALL || thread->call_populate_ns) return true;
  if (call == MLT_CALL_MMAP && (thread->call_args[3] & MAP_LOCKED)) return true;
  /* Under MCL_FUTURE: mappings are locked, and may be refused. mprotect neither locks nor unlocks. */
  return call != MLT_CALL_MPROTECT && (def_flags & VM_LOCKED);
}

static __noinline int mlt_call_exit(u32 call, s64 ret) {
  struct mlt_thread* thread = mlt_current();
  if (!thread || !thread->call_start) return 0;
  u64 duration = bpf_ktime_get_ns() - thread->call_start;
  thread->call_start = 0;
  struct task_struct* task = (void*)bpf_get_current_task();
  struct mm_struct* mm = BPF_CORE_READ(task, mm);
  u64 def_flags = BPF_CORE_READ(mm, def_flags);
  if (!mlt_call_matters(thread, call, def_flags)) return 0;

  struct mlt_proc* proc = mlt_proc_at(thread->proc);
  struct mlt_call_total* total = proc ? mlt_call_total(proc, call) : NULL;
  if (total) {
    mlt_add(total->calls, 1);
    if (mlt_is_error(ret)) mlt_add(total->errors, 1);
    mlt_add(total->time_ns, duration);
  }
  struct mlt_event_call* event = mlt_reserve(struct mlt_event_call);
  if (!event) return 0;
  mlt_event_head(&event->head, MLT_EVENT_CALL, thread, call);
  __builtin_memcpy(event->args, thread->call_args, sizeof(event->args));
  event->ret = ret;
  event->duration_ns = duration;
  event->populate_ns = thread->call_populate_ns;
  event->populated_pages = thread->call_populated;
  event->vma_splits = thread->call_splits;
  event->vma_merges = thread->call_merges;
  event->locked_pages = BPF_CORE_READ(mm, locked_vm);
  event->def_flags = def_flags;
  mlt_submit(event);
  return 0;
}

/* The followed calls by their numbers (x86-64). */
static __always_inline u32 mlt_call_of(long nr) {
  switch (nr) {
    case 9: return MLT_CALL_MMAP;
    case 10: return MLT_CALL_MPROTECT;
    case 12: return MLT_CALL_BRK;
    case 25: return MLT_CALL_MREMAP;
    case 149: return MLT_CALL_MLOCK;
    case 150: return MLT_CALL_MUNLOCK;
    case 151: return MLT_CALL_MLOCKALL;
    case 152: return MLT_CALL_MUNLOCKALL;
    case 325: return MLT_CALL_MLOCK2;
    default: return MLT_CALL_NONE;
  }
}

/* A fentry or fexit program belongs to one function: a pair for each call. */
#define MLT_CALL_FUNCTION(name, call)                            \
  SEC("fentry/__x64_sys_" #name)                                 \
  int BPF_PROG(mlt_##name##_fentry) { return mlt_call_enter(); } \
  SEC("fexit/__x64_sys_" #name)                                  \
  int BPF_PROG(mlt_##name##_fexit, const struct pt_regs* regs, long ret) { return mlt_call_exit(call, ret); }

MLT_CALL_FUNCTION(mlock, MLT_CALL_MLOCK)
MLT_CALL_FUNCTION(mlock2, MLT_CALL_MLOCK2)
MLT_CALL_FUNCTION(munlock, MLT_CALL_MUNLOCK)
MLT_CALL_FUNCTION(mlockall, MLT_CALL_MLOCKALL)
MLT_CALL_FUNCTION(munlockall, MLT_CALL_MUNLOCKALL)
MLT_CALL_FUNCTION(mmap, MLT_CALL_MMAP)
MLT_CALL_FUNCTION(brk, MLT_CALL_BRK)
MLT_CALL_FUNCTION(mremap, MLT_CALL_MREMAP)
MLT_CALL_FUNCTION(mprotect, MLT_CALL_MPROTECT)

/* Everything else serves all calls: which one it is, the user's registers tell. */
static __always_inline int mlt_call_exit_any(s64 ret) {
  struct pt_regs* regs = mlt_user_regs();
  u32 call = mlt_call_of(BPF_CORE_READ(regs, orig_ax));
  return call == MLT_CALL_NONE ? 0 : mlt_call_exit(call, ret);
}

SEC("kprobe")
int BPF_KPROBE(mlt_call_kprobe) { return mlt_call_enter(); }

SEC("kretprobe")
int BPF_KRETPROBE(mlt_call_kretprobe, long ret) { return mlt_call_exit_any(ret); }

/* Of the record of syscalls:sys_exit_*: the common fields and the number come first. */
struct mlt_syscall_exit {
  u64 common;
  u64 nr;
  s64 ret;
};

SEC("tp")
int mlt_call_tp_enter(void* ctx) { return mlt_call_enter(); }

SEC("tp")
int mlt_call_tp_exit(struct mlt_syscall_exit* ctx) { return mlt_call_exit_any(ctx->ret); }

/* From every system call, where the others are not to be had. */
SEC("raw_tp/sys_enter")
int mlt_raw_enter(struct bpf_raw_tracepoint_args* ctx) {
  return mlt_call_of(ctx->args[1]) == MLT_CALL_NONE ? 0 : mlt_call_enter();
}

SEC("raw_tp/sys_exit")
int mlt_raw_exit(struct bpf_raw_tracepoint_args* ctx) { return mlt_call_exit_any(ctx->args[1]); }

/*
 * Populate. __mm_populate is the operation; populate_vma_page_range its work on one VMA, called several times because a
 * fault may drop mmap_lock, and alone by mprotect of a locked private mapping (mprotect_fixup), where the whole work is
 * done with mmap_lock held for writing.
 */
static __always_inline int mlt_populate_enter(void) {
  struct mlt_thread* thread = mlt_current();
  if (thread) thread->populate_start = bpf_ktime_get_ns();
  return 0;
}

static __always_inline void mlt_populate_count(struct mlt_thread* thread, u64 operations, u64 pages, u64 ns) {
  struct mlt_proc* proc = mlt_proc_at(thread->proc);
  struct mlt_call_total* total = proc ? mlt_call_total(proc, mlt_current_call(thread)) : NULL;
  thread->call_populated += pages;
  thread->call_populate_ns += ns;
  if (!total) return;
  if (operations) mlt_add(total->populates, operations);
  if (pages) mlt_add(total->populated_pages, pages);
  if (ns) mlt_add(total->populate_ns, ns);
}

static __always_inline int mlt_populate_exit(void) {
  struct mlt_thread* thread = mlt_current();
  if (!thread || !thread->populate_start) return 0;
  u64 ns = bpf_ktime_get_ns() - thread->populate_start;
  thread->populate_start = 0;
  mlt_populate_count(thread, 1, 0, ns);
  return 0;
}

/* The VMA's flags are kept from the entry: when mmap_lock was dropped, it may be gone at the exit. */
static __always_inline int mlt_range_enter(struct vm_area_struct* vma) {
  struct mlt_thread* thread = mlt_current();
  if (!thread) return 0;
  thread->range_vm_flags = BPF_CORE_READ(vma, vm_flags);
  thread->range_start = bpf_ktime_get_ns();
  return 0;
}

static __always_inline int mlt_range_exit(long ret) {
  struct mlt_thread* thread = mlt_current();
  if (!thread || !thread->range_start) return 0;
  u64 ns = bpf_ktime_get_ns() - thread->range_start;
  thread->range_start = 0;
  /* VM_LOCKONFAULT: the kernel returns the whole range without having touched it. */
  u64 pages = ret > 0 && !(thread->range_vm_flags & VM_LOCKONFAULT) ? ret : 0;
  /* Inside __mm_populate the time is that of the operation. */
  bool alone = !thread->populate_start;
  mlt_populate_count(thread, alone, pages, alone ? ns : 0);
  return 0;
}

SEC("fentry/__mm_populate")
int BPF_PROG(mlt_populate_fentry) { return mlt_populate_enter(); }

SEC("fexit/__mm_populate")
int BPF_PROG(mlt_populate_fexit) { return mlt_populate_exit(); }

SEC("fentry/populate_vma_page_range")
int BPF_PROG(mlt_range_fentry, struct vm_area_struct* vma) { return mlt_range_enter(vma); }

SEC("fexit/populate_vma_page_range")
int BPF_PROG(mlt_range_fexit, struct vm_area_struct* vma, unsigned long start, unsigned long end, int* locked,
             long ret) {
  return mlt_range_exit(ret);
}

SEC("kprobe/__mm_populate")
int BPF_KPROBE(mlt_populate_kprobe) { return mlt_populate_enter(); }

SEC("kretprobe/__mm_populate")
int BPF_KRETPROBE(mlt_populate_kretprobe) { return mlt_populate_exit(); }

SEC("kprobe/populate_vma_page_range")
int BPF_KPROBE(mlt_range_kprobe, struct vm_area_struct* vma) { return mlt_range_enter(vma); }

SEC("kretprobe/populate_vma_page_range")
int BPF_KRETPROBE(mlt_range_kretprobe, long ret) { return mlt_range_exit(ret); }
