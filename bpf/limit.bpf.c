// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who else than the lock family meets RLIMIT_MEMLOCK: the functions that ask it, at their return. They are called when
 * buffers are registered, mapped or made, and nothing more is done unless they refuse.
 *
 * io_uring compares it with what is accounted to the user (user_struct.locked_vm), of all processes of that user, and
 * asks only those without CAP_IPC_LOCK. So did BPF, which asked everybody: up to 5.10, for since 3ac1f01b43b6 "bpf:
 * Eliminate rlimit-based memory accounting for bpf progs" and its like it is charged to the memory cgroup. perf takes
 * from the user what kernel.perf_event_mlock_kb permits for each processor, and compares the limit with the rest and
 * what is pinned in the address space (mm->pinned_vm): d44248a41337 "perf/core: Rework memory accounting in
 * perf_mmap()". mlock looks at mm->locked_vm alone.
 */
#include <asm-generic/errno.h>

#include "targets.bpf.h"

/*
 * perf_mmap has other reasons for other errors, and a security module may be one for this: that the limit decided is
 * told only where what is pinned and what was wanted exceed it.
 */
static __always_inline bool mlt_is_limit_of_perf(struct task_struct* task, const struct mlt_refusal* now) {
  if (now->error != -EPERM || (mlt_has_ipc_lock(task) && mlt_is_in_initial_users(task))) return false;
  return now->pinned_pages * MLT_PAGE + now->wanted_bytes > now->limit_bytes;
}

/* A global function: the verifier checks it once. */
__noinline u32 mlt_limit_refused(u32 place, u32 kind, s64 error, u64 wanted_bytes) {
  struct mlt_thread* thread = mlt_thread_at(place);
  struct mlt_proc* proc = thread ? mlt_proc_at(thread->proc) : NULL;
  struct task_struct* task = (void*)bpf_get_current_task();
  if (!proc || kind >= MLT_LIMITED_NR) return 0;
  struct mlt_refusal now = {.limit_bytes = BPF_CORE_READ(task, signal, rlim[RLIMIT_MEMLOCK].rlim_cur),
                            .wanted_bytes = wanted_bytes,
                            .user_pages = mlt_user_locked(task),
                            .pinned_pages = BPF_CORE_READ(task, mm, pinned_vm.counter),
                            .locked_pages = BPF_CORE_READ(task, mm, locked_vm),
                            .error = error};
  if (kind == MLT_LIMITED_PERF && !mlt_is_limit_of_perf(task, &now)) return 0;
  /* Of display only: of two at once either may win. */
  if (!proc->limited[kind] || wanted_bytes > proc->refusals[kind].wanted_bytes) proc->refusals[kind] = now;
  mlt_add(proc->limited[kind], 1);
  thread->limit_told = 1;
  return 0;
}

/* Whoever asks has faulted before, and has its record: to look for a new one would be most of each program. */
static __always_inline struct mlt_thread* mlt_asker(void) {
  return mlt_phase == MLT_COMPLETE ? mlt_thread_of(bpf_get_current_task()) : NULL;
}

static __always_inline struct mlt_thread* mlt_refused_asker(s64 ret) { return ret < 0 ? mlt_asker() : NULL; }

static __always_inline int mlt_limit_asked(u32 kind, s64 ret, u64 wanted_bytes) {
  struct mlt_thread* thread = mlt_refused_asker(ret);
  if (thread) mlt_limit_refused(thread->place, kind, ret, wanted_bytes);
  return 0;
}

static __always_inline u64 mlt_whole_pages(u64 bytes) { return (bytes + MLT_PAGE - 1) & ~(MLT_PAGE - 1); }

static __always_inline u64 mlt_size_of(struct vm_area_struct* vma) {
  return BPF_CORE_READ(vma, vm_end) - BPF_CORE_READ(vma, vm_start);
}

SEC("fexit/__io_account_mem")
int BPF_PROG(mlt_limit_uring_fexit, void* user, unsigned long pages, int ret) {
  return mlt_limit_asked(MLT_LIMITED_IO_URING, ret, pages * MLT_PAGE);
}

SEC("fexit/perf_mmap")
int BPF_PROG(mlt_limit_perf_fexit, void* file, struct vm_area_struct* vma, int ret) {
  return ret < 0 ? mlt_limit_asked(MLT_LIMITED_PERF, ret, mlt_size_of(vma)) : 0;
}

SEC("fexit/bpf_map_charge_init")
int BPF_PROG(mlt_limit_map_fexit, void* memory, u64 size, int ret) {
  return ret == -EPERM ? mlt_limit_asked(MLT_LIMITED_BPF, ret, mlt_whole_pages(size)) : 0;
}

/* At the return nothing is left of the arguments: what is wanted is noted at the entry. */
static __always_inline int mlt_limit_note(u64 wanted_bytes) {
  struct mlt_thread* thread = mlt_asker();
  if (thread) thread->limit_wanted = wanted_bytes;
  return 0;
}

SEC("kprobe/__io_account_mem")
int BPF_KPROBE(mlt_limit_pages_kprobe, void* user, unsigned long pages) { return mlt_limit_note(pages * MLT_PAGE); }

SEC("kprobe/perf_mmap")
int BPF_KPROBE(mlt_limit_area_kprobe, void* file, struct vm_area_struct* vma) {
  return mlt_limit_note(mlt_size_of(vma));
}

SEC("kprobe/bpf_map_charge_init")
int BPF_KPROBE(mlt_limit_bytes_kprobe, void* memory, u64 size) { return mlt_limit_note(mlt_whole_pages(size)); }

static __always_inline int mlt_limit_returned(u32 kind, s64 ret) {
  struct mlt_thread* thread = mlt_refused_asker(ret);
  if (thread) mlt_limit_refused(thread->place, kind, ret, thread->limit_wanted);
  return 0;
}

/*
 * For buffers the compiler may make the function that asks a part of this one, which then asks by itself; or not, and
 * it has been counted already. How many pages it is for is its last argument: the second, or the third since it is
 * given an address space before that ("io_uring/rsrc: refactor io_{un}account_mem() to take {user,mm}_struct param").
 */
SEC("kprobe/io_account_mem")
int BPF_KPROBE(mlt_limit_account_kprobe, void* user, u64 second, u64 third) {
  struct mlt_thread* thread = mlt_asker();
  if (!thread) return 0;
  bool is_number = second && second >> 52 == 0;
  thread->limit_told = 0;
  thread->limit_wanted = (is_number ? second : third) * MLT_PAGE;
  return 0;
}

SEC("kretprobe/io_account_mem")
int BPF_KRETPROBE(mlt_limit_account_kretprobe, int ret) {
  struct mlt_thread* thread = mlt_refused_asker(ret);
  if (thread && !thread->limit_told) mlt_limit_refused(thread->place, MLT_LIMITED_IO_URING, ret, thread->limit_wanted);
  return 0;
}

SEC("kretprobe/__io_account_mem")
int BPF_KRETPROBE(mlt_limit_uring_kretprobe, int ret) { return mlt_limit_returned(MLT_LIMITED_IO_URING, ret); }

SEC("kretprobe/perf_mmap")
int BPF_KRETPROBE(mlt_limit_perf_kretprobe, int ret) { return mlt_limit_returned(MLT_LIMITED_PERF, ret); }

/* Too large a size for any limit: E2BIG. */
SEC("kretprobe/bpf_map_charge_init")
int BPF_KRETPROBE(mlt_limit_bpf_kretprobe, int ret) {
  return ret == -EPERM ? mlt_limit_returned(MLT_LIMITED_BPF, ret) : 0;
}
