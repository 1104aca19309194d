// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What refuses a page inside a fault, and accesses that the memory manager is never asked about: a signal is all that
 * comes of them. Functions that are called rarely, and signals.
 */
#include <asm-generic/errno.h>

#include "error.bpf.h"
#include "failed.bpf.h"

#define SEGV_MAPERR 1
#define SEGV_ACCERR 2
#define SEGV_PKUERR 4
#define BUS_MCEERR_AR 4
#define BUS_MCEERR_AO 5
#define SI_KERNEL 0x80
#define MLT_STACK_GAP (256 * MLT_PAGE) /* stack_guard_gap, unless the kernel was booted with another one */

static __always_inline int mlt_refused(bool refused, u32 reason) {
  struct mlt_thread* thread = refused ? mlt_current() : NULL;
  if (thread && mlt_under_way(thread)) mlt_refuse(thread, reason);
  return 0;
}

/* For each huge page that is taken out of the pool. */
MLT_RESULT(hugetlb_cgroup_charge_cgroup, huge_charge, mlt_refused(ret < 0, MLT_ERROR_HUGE_PAGES_CGROUP), int ret,
           int size, unsigned long pages, void* cgroup)

/* Is asked where a block could not be had, and never else: whether to try again. */
SEC("kprobe/ext4_should_retry_alloc")
int BPF_KPROBE(mlt_ext4_full_kprobe) { return mlt_refused(true, MLT_ERROR_FILE_SYSTEM_FULL); }

MLT_RESULT(__dquot_alloc_space, quota, mlt_refused(ret == -EDQUOT, MLT_ERROR_QUOTA), int ret, void* inode, long number,
           int flags)

/* Of tmpfs: for room among its huge pages. Without a scan it is not reclaim that asks, but a page that found no block.
 */
static __always_inline int mlt_shmem_full(void* scan) { return mlt_refused(!scan, MLT_ERROR_FILE_SYSTEM_FULL); }
MLT_ENTRY(shmem_unused_huge_shrink, shmem_full, mlt_shmem_full(scan), void* info, void* scan)

/* The same where tmpfs has no huge pages: for each page that a file gets; 6.7+. */
MLT_RESULT(shmem_inode_acct_blocks, shmem_blocks, mlt_refused(ret == -ENOSPC, MLT_ERROR_FILE_SYSTEM_FULL), int ret,
           void* inode, long pages)

static __always_inline u64 mlt_rlimit(struct task_struct* task, u32 which) {
  return BPF_CORE_READ(task, signal, rlim[which].rlim_cur);
}

/*
 * Why the stack in thread->area, which ends at the hole that the address is in, did not grow down to it: the rules of
 * expand_downwards and acct_stack_growth (mm/vma.c, formerly mm/mmap.c), in their order. `hole` is where the mapping
 * below it ends.
 */
static __always_inline u32 mlt_reason_of_stack(struct mlt_thread* thread, u64 address, u64 hole) {
  struct task_struct* task = (void*)bpf_get_current_task();
  struct mm_struct* mm = BPF_CORE_READ(task, mm);
  u64 page = address & ~(MLT_PAGE - 1);
  u64 size = thread->area.end - page;
  u64 grow = thread->area.start - page;
  if (hole && page - hole < MLT_STACK_GAP) {
    thread->error_limit_bytes = MLT_STACK_GAP;
    thread->error_needed_bytes = page - hole;
    return MLT_ERROR_STACK_GAP;
  }
  thread->error_used_bytes = BPF_CORE_READ(mm, total_vm) * MLT_PAGE;
  thread->error_needed_bytes = grow;
  thread->error_limit_bytes = mlt_rlimit(task, RLIMIT_AS);
  if (thread->error_used_bytes + grow > thread->error_limit_bytes) return MLT_ERROR_STACK_SPACE;
  thread->error_used_bytes = thread->area.end - thread->area.start;
  thread->error_limit_bytes = mlt_rlimit(task, RLIMIT_STACK);
  if (size > thread->error_limit_bytes) return MLT_ERROR_STACK_LIMIT;
  thread->error_used_bytes = BPF_CORE_READ(mm, locked_vm) * MLT_PAGE;
  thread->error_limit_bytes = mlt_rlimit(task, RLIMIT_MEMLOCK);
  bool exempt = mlt_has_ipc_lock(task) && mlt_is_in_initial_users(task);
  if ((thread->area.vm_flags & VM_LOCKED) && !exempt && thread->error_used_bytes + grow > thread->error_limit_bytes)
    return MLT_ERROR_STACK_LOCKED;
  mlt_error_begin(thread);
  return MLT_ERROR_STACK;
}

/* Nothing is mapped at the address: if a stack follows, the access was an attempt to make it grow. */
static __always_inline u32 mlt_reason_of_hole(struct mlt_thread* thread, u64 address) {
  u64 hole = thread->area.start;
  if (mlt_space_find(thread->place, thread->area.end) && (thread->area.vm_flags & VM_GROWSDOWN))
    return mlt_reason_of_stack(thread, address, hole);
  mlt_space_find(thread->place, address);
  return MLT_ERROR_UNMAPPED;
}

/* The access was refused before the memory manager was asked for the page. */
static __always_inline u32 mlt_reason_of_access(struct mlt_thread* thread, u64 address, s32 code) {
  if (code == SEGV_PKUERR) return MLT_ERROR_PROTECTION_KEY;
  if (!mlt_space_find(thread->place, address))
    return code == SEGV_MAPERR ? mlt_reason_of_hole(thread, address) : MLT_ERROR_UNKNOWN;
  return code == SEGV_ACCERR ? MLT_ERROR_PROTECTION : MLT_ERROR_UNKNOWN;
}

/* SIGBUS where faults are not seen themselves. */
static __always_inline u32 mlt_reason_of_bus_error(struct mlt_thread* thread, u64 address, s32 code) {
  if (code == BUS_MCEERR_AR || code == BUS_MCEERR_AO) return MLT_ERROR_POISON;
  mlt_space_find(thread->place, address);
  return mlt_reason_of_sigbus(thread, address, MLT_CAUSE_UNKNOWN);
}

/* A global function: a signal for an access at which handle_mm_fault was not called, or is not seen. */
__noinline u32 mlt_access_failed(u32 place, u32 signal, u64 address, s32 code) {
  struct mlt_thread* thread = mlt_thread_at(place);
  struct task_struct* task = (void*)bpf_get_current_task();
  if (!thread) return 0;
  mlt_error_begin(thread);
  __builtin_memset(&thread->area, 0, sizeof(thread->area));
  if (signal == MLT_SIGBUS)
    thread->error.reason = mlt_reason_of_bus_error(thread, address, code);
  else if (code != SI_KERNEL)
    thread->error.reason = mlt_reason_of_access(thread, address, code);
  else
    thread->error.reason = mlt_was_no_address(task) ? MLT_ERROR_NO_ADDRESS : MLT_ERROR_UNKNOWN;
  thread->error.origin = MLT_ORIGIN_ACCESS;
  thread->error.was_fault = 0;
  mlt_error_count(place, address, mlt_access_of_exception(task));
  return 0;
}

/* If a signal ends the process, it is of this access; or of none that is known. */
static __always_inline void mlt_note_signal(struct mlt_thread* thread, u32 signal) {
  struct mlt_proc* proc = mlt_proc_at(thread->proc);
  struct mlt_error* error = bpf_map_lookup_elem(&mlt_errors, &thread->error);
  if (error) {
    mlt_add(error->signals, 1);
    error->signal = signal;
  }
  thread->error_address = 0;
  if (!proc) return;
  proc->ending.error = thread->error;
  proc->ending.error_signal = signal;
}

static __always_inline int mlt_signal_sent(struct task_struct* task) {
  u32 tgid = BPF_CORE_READ(task, tgid);
  u32 index = mlt_owner_of(tgid);
  struct mlt_proc* proc = index ? mlt_proc_at(index) : NULL;
  if (proc) proc->ending.error_signal = 0;
  return 0;
}

static __always_inline u32 mlt_return_of_signal(u32 signal, s32 code) {
  if (signal == MLT_SIGSEGV) return VM_FAULT_SIGSEGV;
  return code == BUS_MCEERR_AR ? VM_FAULT_HWPOISON : VM_FAULT_SIGBUS;
}

/* signal_generate(sig, info, task, group, result). An access raises its signal in its own thread, and has a code. */
static __always_inline int mlt_signal_generated(struct bpf_raw_tracepoint_args* ctx, bool settles) {
  u32 signal = ctx->args[0];
  if (signal != MLT_SIGSEGV && signal != MLT_SIGBUS) return 0;
  struct task_struct* task = (void*)ctx->args[2];
  const struct kernel_siginfo* info = (void*)ctx->args[1];
  bool raised = (u64)task == bpf_get_current_task() && ctx->args[1] > 1;
  s32 code = raised ? BPF_CORE_READ(info, si_code) : 0;
  if (code <= 0) return mlt_signal_sent(task);
  struct mlt_thread* thread = mlt_current();
  if (!thread) return 0;
  if (settles && mlt_has_failed(thread)) mlt_fault_has_failed(thread->place, mlt_return_of_signal(signal, code));
  u64 address = code == SI_KERNEL ? 0 : (u64)BPF_CORE_READ(info, _sifields._sigfault._addr);
  bool known = thread->error_address == ((address & ~(MLT_PAGE - 1)) | 1);
  if (!known) mlt_access_failed(thread->place, signal, address, code);
  mlt_note_signal(thread, signal);
  return 0;
}

SEC("raw_tp/signal_generate")
int mlt_error_signal(struct bpf_raw_tracepoint_args* ctx) { return mlt_signal_generated(ctx, false); }

/* Where the end of a fault does not tell that it is an error. */
SEC("raw_tp/signal_generate")
int mlt_error_signal_settling(struct bpf_raw_tracepoint_args* ctx) { return mlt_signal_generated(ctx, true); }
