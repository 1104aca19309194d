// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The system calls that lock or unlock memory, map memory which MCL_FUTURE locks, or give up locked memory; and
 * populate, the work of making pages present that they ask for.
 *
 * Calls that never have to do with locking (an mmap without MAP_LOCKED in a process without MCL_FUTURE, a munmap of
 * unlocked memory, an madvise that no lock stands in the way of) count in nothing; some of them are told, for they may
 * lead to a storm of faults. The hooks are functions, not the syscalls:* tracepoints, by preference: one such
 * tracepoint sends every system call of every process through the kernel's slow path.
 */
#include <asm-generic/errno.h>

#include "after.bpf.h"
#include "calls.bpf.h"
#include "error.bpf.h"
#include "events.bpf.h"
#include "failed.bpf.h"

#define MAP_LOCKED 0x2000
#define MCL_CURRENT 1
#define ERESTARTSYS 512
#define MADV_DONTNEED_LOCKED 24

/* The arguments are those of the user's registers: what the hooks are given differs, and 5.10's BTF lacks its type. */
static __always_inline int mlt_call_enter(void) {
  struct mlt_thread* thread = mlt_current();
  if (!thread) return 0;
  struct pt_regs* regs = mlt_user_regs();
  thread->call_args[0] = mlt_regs_arg0(regs);
  thread->call_args[1] = mlt_regs_arg1(regs);
  thread->call_args[2] = mlt_regs_arg2(regs);
  thread->call_args[3] = mlt_regs_arg3(regs);
  thread->call_locked_pages = BPF_CORE_READ((struct task_struct*)bpf_get_current_task(), mm, locked_vm);
  thread->call_populate_ns = 0;
  thread->call_populated = 0;
  thread->call_unlocked_populates = 0;
  thread->call_splits = 0;
  thread->call_merges = 0;
  thread->call_absent = 0;
  thread->call_told = 0;
  thread->call_range_locked = 0;
  thread->call_range_unlocked = 0;
  __builtin_memset(thread->call_parts_ns, 0, sizeof(thread->call_parts_ns));
  thread->fault_waited_ns = 0;
  thread->call_run_delay = mlt_run_delay();
  struct mlt_proc* proc = thread->call_start ? NULL : mlt_proc_at(thread->proc);
  if (proc) mlt_add(proc->calling, 1);
  thread->call_start = bpf_ktime_get_ns();
  return 0;
}

static __always_inline bool mlt_is_error(s64 ret) { return ret < 0 && ret >= -4095; }

/* brk returns the break as it is, also when it was refused to move it up. */
static __always_inline bool mlt_is_refused(struct mlt_thread* thread, u32 call, s64 ret) {
  return mlt_is_error(ret) || (call == MLT_CALL_BRK && thread->call_args[0] > (u64)ret);
}

/* Memory that stays because it is locked, or that goes although it is. */
static __always_inline bool mlt_madvise_matters(struct mlt_thread* thread, struct mm_struct* mm, s64 ret) {
  return ret == -EINVAL ? BPF_CORE_READ(mm, locked_vm) != 0 : thread->call_args[2] == MADV_DONTNEED_LOCKED;
}

/*
 * Locked memory goes with munmap, with a heap that shrinks, with mremap, and under what is mapped over it. More of it
 * than before comes from calls that lock, perhaps of another thread.
 */
static __always_inline bool mlt_gives_up_locked(struct mlt_thread* thread, struct mm_struct* mm) {
  return BPF_CORE_READ(mm, locked_vm) < thread->call_locked_pages;
}

/* Did the call change, use or want a lock? Always, for the lock family. */
static __always_inline bool mlt_call_matters(struct mlt_thread* thread, u32 call, u64 def_flags, struct mm_struct* mm,
                                             s64 ret) {
  if (call == MLT_CALL_MADVISE) return mlt_madvise_matters(thread, mm, ret);
  if (call <= MLT_CALL_MUNLOCKALL || thread->call_populate_ns || mlt_gives_up_locked(thread, mm)) return true;
  if (call == MLT_CALL_MUNMAP) return false;
  if (call == MLT_CALL_MMAP && (thread->call_args[3] & MAP_LOCKED)) return true;
  /* A locked mapping may not grow (vma_to_resize, check_prep_vma): mremap gives this error for nothing else. */
  if (call == MLT_CALL_MREMAP && ret == -EAGAIN) return true;
  /* Under MCL_FUTURE: mappings are locked, and may be refused. mprotect neither locks nor unlocks. */
  return call != MLT_CALL_MPROTECT && (def_flags & VM_LOCKED);
}

/*
 * A program may map memory a million times a second: the process tells of one call in ten milliseconds, and of what is
 * more than twice as large as the last that it told of.
 */
#define MLT_TELL_NS 10000000

static __always_inline bool mlt_tells(struct mlt_proc* proc, struct mlt_thread* thread, u32 call, s64 ret, u64 now) {
  if (mlt_is_error(ret) || call == MLT_CALL_MUNMAP) return false;
  u64 bytes = call == MLT_CALL_BRK ? 0 : thread->call_args[1];
  if (now - proc->told_ns < MLT_TELL_NS && bytes <= 2 * proc->told_bytes) return false;
  proc->told_ns = now;
  proc->told_bytes = bytes;
  return true;
}

static __always_inline void mlt_call_failed(struct mlt_call_total* total, s64 ret) {
  u32 by = MLT_ERRNO_OTHER;
  if (ret == -EPERM) by = MLT_ERRNO_PERM;
  if (ret == -ENOMEM) by = MLT_ERRNO_NOMEM;
  if (ret == -EAGAIN) by = MLT_ERRNO_AGAIN;
  if (ret == -EINVAL) by = MLT_ERRNO_INVAL;
  mlt_barrier(by);
  if (by < MLT_ERRNO_NR) mlt_add(total->errors_by[by], 1);
}

static __always_inline void mlt_call_count(struct mlt_proc* proc, struct mlt_thread* thread, u32 call, s64 ret,
                                           u64 duration) {
  struct mlt_call_total* total = mlt_call_total(thread, proc, call);
  if (!total) return;
  mlt_add(total->calls, 1);
  if (mlt_is_error(ret)) mlt_call_failed(total, ret);
  mlt_add(total->time_ns, duration);
  /* Those that are 0, too: the verifier would follow each branch through all the rest. */
  for (u32 part = 0; part < MLT_PART_NR; part++) mlt_add(total->parts_ns[part], thread->call_parts_ns[part]);
  mlt_add(total->unlocked_populate_faults, thread->call_unlocked_populates);
}

/* A global function: the verifier checks it once, and not in each of the programs. */
__noinline u64 mlt_user_pages(u32 place) {
  struct mlt_thread* thread = mlt_thread_at(place);
  return thread ? mlt_user_locked((void*)thread->task) : MLT_NOT_KNOWN;
}

/* The process may change its limit, or end, before anybody else can look. */
static __always_inline void mlt_read_limits(struct mlt_limits* limits, struct task_struct* task, struct mm_struct* mm) {
  limits->memlock_bytes = BPF_CORE_READ(task, signal, rlim[RLIMIT_MEMLOCK].rlim_cur);
  limits->mapped_pages = BPF_CORE_READ(mm, total_vm);
  limits->pinned_pages = BPF_CORE_READ(mm, pinned_vm.counter);
  limits->map_count = BPF_CORE_READ(mm, map_count);
  limits->flags = MLT_LIMITS_KNOWN;
  if (mlt_has_ipc_lock(task))
    limits->flags |= mlt_is_in_initial_users(task) ? MLT_LIMITS_IPC_LOCK : MLT_LIMITS_IPC_LOCK_ELSEWHERE;
  u32 max_map_count = 0;
  if (mlt_max_map_count) bpf_probe_read_kernel(&max_map_count, sizeof(max_map_count), (void*)mlt_max_map_count);
  limits->max_map_count = max_map_count;
  if (!bpf_core_field_exists(task->seccomp.mode)) return;
  bool filtered = BPF_CORE_READ(task, seccomp.mode) == SECCOMP_MODE_FILTER;
  limits->flags |= filtered ? MLT_LIMITS_SECCOMP : MLT_LIMITS_NO_SECCOMP;
}

/* Tells of a part of the range of the call that the thread is in; the mapping, or the hole, is in thread->area. */
static __always_inline void mlt_range_tell(struct mlt_thread* thread, u32 kind, u64 start, u64 end, u32 reason,
                                           u64 address, s64 error) {
  if (thread->call_told >= MLT_RANGES_TOLD) return;
  struct mlt_event_range* event = mlt_reserve(struct mlt_event_range);
  if (!event) return;
  thread->call_told++;
  mlt_event_head(&event->head, MLT_EVENT_RANGE, thread, MLT_CALL_NONE);
  event->start = start;
  event->end = end;
  event->address = address;
  event->error = error;
  event->range = kind;
  event->reason = reason;
  mlt_mapping_tell(&event->mapping, &thread->area);
  mlt_submit(event);
}

/*
 * Tells of what is at the start of this rest of the range of a call, if it is of the kind. Returns where to go on. A
 * global function: the verifier checks it once, not at each step of the loop.
 */
__noinline u64 mlt_range_step(u32 place, u64 start, u64 end, u32 kind) {
  struct mlt_thread* thread = mlt_thread_at(place);
  if (!thread) return end;
  u32 is_mapped = mlt_space_find(place, start);
  /* What lies beyond the address space ends below where it starts. */
  u64 next = thread->area.end > start && thread->area.end < end ? thread->area.end : end;
  bool is_locked = is_mapped && (thread->area.vm_flags & VM_LOCKED);
  if (is_locked) thread->call_range_locked += next - start;
  if (is_mapped && !is_locked && !thread->call_range_unlocked)
    thread->call_range_unlocked = thread->area.end - thread->area.start;
  /* At the first hole the call stopped. What the kernel maps for itself, as the vDSO, is in every process. */
  bool is_such = kind == MLT_RANGE_HOLE ? !is_mapped && !thread->call_told
                                        : is_mapped && !is_locked && thread->area.kind != MLT_VMA_SPECIAL;
  if (is_such) mlt_range_tell(thread, kind, start, next, MLT_ERROR_UNKNOWN, 0, 0);
  return next;
}

/* So many steps; returns where to go on. In two storeys: the verifier checks 16 + 32 calls, and not 512. */
#define MLT_RANGE_STEPS 16
#define MLT_RANGE_LOOKS 32

__noinline u64 mlt_range_steps(u32 place, u64 start, u64 end, u32 kind) {
  for (u32 i = 0; i < MLT_RANGE_STEPS && start < end; i++) start = mlt_range_step(place, start, end, kind);
  return start;
}

/*
 * What lies in the range of a call that has ended: the hole at which it stopped, mappings that took no lock. Of what
 * comes after 512 mappings nothing is said.
 */
__noinline u32 mlt_range_look(u32 place, u64 start, u64 end, u32 kind) {
  for (u32 i = 0; i < MLT_RANGE_LOOKS && start < end; i++) start = mlt_range_steps(place, start, end, kind);
  struct mlt_thread* thread = mlt_thread_at(place);
  if (thread && start < end) thread->call_range_locked = MLT_NOT_KNOWN;
  return 0;
}

static __always_inline void mlt_call_look(struct mlt_thread* thread, u32 call, s64 ret) {
  u64 start = thread->call_args[0] & ~(MLT_PAGE - 1);
  u64 end = (thread->call_args[0] + thread->call_args[1] + MLT_PAGE - 1) & ~(MLT_PAGE - 1);
  bool of_range = call <= MLT_CALL_MUNLOCK;
  if (of_range && ret == -ENOMEM)
    mlt_range_look(thread->place, start, end, MLT_RANGE_HOLE);
  else if ((call == MLT_CALL_MLOCK || call == MLT_CALL_MLOCK2) && !ret)
    mlt_range_look(thread->place, start, end, MLT_RANGE_UNLOCKABLE);
  else if (call == MLT_CALL_MLOCKALL && !ret && (thread->call_args[0] & MCL_CURRENT))
    mlt_range_look(thread->place, 0, ~0ULL, MLT_RANGE_UNLOCKABLE);
}

/*
 * What the thread, whose record is at `place`, had to fault in of unlocked memory so far. A global function: the
 * verifier checks it once.
 */
__noinline u64 mlt_unlocked_faults(u32 place) {
  struct mlt_thread* thread = mlt_thread_at(place);
  u64 sum = 0;
  if (!thread) return 0;
  for (u32 i = 0; i < MLT_THREAD_BLOCKS; i++) {
    u32 index = thread->blocks[i];
    struct mlt_block* block = index ? bpf_map_lookup_elem(&mlt_blocks, &index) : NULL;
    if (!block || block->task != thread->task) continue;
    u32 cause = block->class_id % MLT_CAUSE_NR;
    u32 locked = mlt_lock_state_of_class(block->class_id);
    u32 origin = mlt_origin_of_class(block->class_id);
    if (locked != MLT_UNLOCKED || (origin != MLT_ORIGIN_ACCESS && origin != MLT_ORIGIN_KERNEL)) continue;
    if (MLT_SPARED_BY_LOCK >> cause & 1) sum += block->minor + block->major;
  }
  return sum;
}

/*
 * Inlined, like all that it calls: up to 6.3 the verifier prunes next to nothing in a program that has functions of its
 * own (__mark_reg_unknown takes every number as precise), and looks at 4,700 instructions for each call, not at 700.
 */
static __always_inline int mlt_call_end(u32 call, s64 ret, u32 was_filtered) {
  struct mlt_thread* thread = mlt_current();
  if (!thread || !thread->call_start) return 0;
  u64 now = bpf_ktime_get_ns();
  u64 duration = now - thread->call_start;
  thread->call_start = 0;
  mlt_off_cpu(thread);
  struct task_struct* task = (void*)bpf_get_current_task();
  struct mm_struct* mm = BPF_CORE_READ(task, mm);
  u64 def_flags = BPF_CORE_READ(mm, def_flags);
  bool matters = mlt_call_matters(thread, call, def_flags, mm, ret);
  struct mlt_proc* proc = mlt_proc_at(thread->proc);
  if (proc) mlt_add(proc->calling, -1);
  if (!proc) return 0;
  if (matters || thread->call_unlocked_populates) mlt_call_count(proc, thread, call, ret, duration);
  if (!matters && !mlt_tells(proc, thread, call, ret, now)) return 0;
  if (call <= MLT_CALL_MLOCKALL && !was_filtered) mlt_call_look(thread, call, ret);
  struct mlt_event_call* event = mlt_reserve(struct mlt_event_call);
  if (!event) return 0;
  mlt_event_head(&event->head, matters ? MLT_EVENT_CALL : MLT_EVENT_MAPPING, thread, call);
  __builtin_memcpy(event->args, thread->call_args, sizeof(event->args));
  event->ret = ret;
  event->duration_ns = duration;
  event->populate_ns = thread->call_populate_ns;
  event->populated_pages = thread->call_populated;
  event->vma_splits = thread->call_splits;
  event->vma_merges = thread->call_merges;
  event->locked_pages = BPF_CORE_READ(mm, locked_vm);
  event->def_flags = def_flags;
  __builtin_memcpy(event->parts_ns, thread->call_parts_ns, sizeof(event->parts_ns));
  __builtin_memset(&event->limits, 0, sizeof(event->limits));
  event->absent_ranges = thread->call_absent;
  event->was_filtered = was_filtered;
  event->unlocked_faults = call == MLT_CALL_MLOCKALL ? mlt_unlocked_faults(thread->place) : 0;
  if (mlt_is_refused(thread, call, ret)) {
    mlt_read_limits(&event->limits, task, mm);
    event->limits.user_pages = mlt_user_pages(thread->place);
  }
  event->limits.unlocked_bytes = thread->call_range_unlocked;
  event->limits.range_locked_bytes = thread->call_range_locked;
  mlt_submit(event);
  return 0;
}

static __always_inline int mlt_call_exit(u32 call, s64 ret) { return mlt_call_end(call, ret, false); }

/* A fentry or fexit program belongs to one function: a pair for each call. */
#define MLT_CALL_FUNCTION(name, call)                            \
  SEC("fentry/" MLT_SYSCALL_PREFIX #name)                        \
  int BPF_PROG(mlt_##name##_fentry) { return mlt_call_enter(); } \
  SEC("fexit/" MLT_SYSCALL_PREFIX #name)                         \
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
MLT_CALL_FUNCTION(munmap, MLT_CALL_MUNMAP)
MLT_CALL_FUNCTION(madvise, MLT_CALL_MADVISE)

/* Everything else serves all calls: which one it is, the user's registers tell. */
static __always_inline int mlt_call_exit_any(s64 ret) {
  struct pt_regs* regs = mlt_user_regs();
  u32 call = mlt_call_of(mlt_regs_nr(regs));
  return mlt_is_followed(call) ? mlt_call_exit(call, ret) : 0;
}

/*
 * A call that a seccomp filter answers never gets to its function: SystemCallFilter=~@memlock of a service is the usual
 * one. The answer stands in the user's registers.
 */
static __always_inline int mlt_call_filtered(void) {
  struct mlt_thread* thread = mlt_current();
  if (!thread) return 0;
  struct pt_regs* regs = mlt_user_regs();
  s64 ret;
  if (!mlt_regs_filtered(regs, &ret)) return 0;
  u32 call = mlt_followed_call(mlt_regs_nr(regs));
  if (call == MLT_CALL_OTHER) return 0;
  mlt_call_enter();
  return mlt_call_end(call, ret, true);
}

SEC("fexit/__secure_computing")
int BPF_PROG(mlt_seccomp_fexit) { return mlt_call_filtered(); }

/* Its name since it answers whether the call is permitted. */
SEC("fexit/__seccomp_permit_syscall")
int BPF_PROG(mlt_seccomp_permit_fexit) { return mlt_call_filtered(); }

SEC("kretprobe")
int BPF_KRETPROBE(mlt_seccomp_kretprobe) { return mlt_call_filtered(); }

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
  return mlt_followed_call(ctx->args[1]) == MLT_CALL_OTHER ? 0 : mlt_call_enter();
}

SEC("raw_tp/sys_exit")
int mlt_raw_exit(struct bpf_raw_tracepoint_args* ctx) { return mlt_call_exit_any(ctx->args[1]); }

/*
 * Populate. __mm_populate is the operation; populate_vma_page_range its work on one VMA, called several times because a
 * fault may drop mmap_lock, and alone by mprotect of a locked private mapping (mprotect_fixup), where the whole work is
 * done with mmap_lock held for writing.
 */
static __always_inline void mlt_set_populating(struct mlt_thread* thread, u32 call) {
  struct mlt_proc* proc = mlt_proc_at(thread->proc);
  if (proc) proc->populating = call;
}

static __always_inline int mlt_populate_enter(void) {
  struct mlt_thread* thread = mlt_current();
  if (!thread) return 0;
  thread->populate_start = bpf_ktime_get_ns();
  mlt_set_populating(thread, mlt_current_call(thread));
  return 0;
}

static __always_inline void mlt_populate_count(struct mlt_thread* thread, u64 operations, u64 pages, u64 ns) {
  struct mlt_proc* proc = mlt_proc_at(thread->proc);
  struct mlt_call_total* total = proc ? mlt_call_total(thread, proc, mlt_current_call(thread)) : NULL;
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
  mlt_set_populating(thread, MLT_CALL_NONE);
  mlt_populate_count(thread, 1, 0, ns);
  return 0;
}

/* The VMA's flags are kept from the entry: when mmap_lock was dropped, it may be gone at the exit. */
static __always_inline int mlt_range_enter(struct vm_area_struct* vma, u64 start, u64 end) {
  struct mlt_thread* thread = mlt_current();
  if (!thread) return 0;
  thread->range_first = start;
  thread->range_end = end;
  thread->range_vm_flags = BPF_CORE_READ(vma, vm_flags);
  thread->range_start = bpf_ktime_get_ns();
  if (!thread->populate_start) mlt_set_populating(thread, mlt_current_call(thread));
  return 0;
}

/* Of a populate that called no handle_mm_fault: the pages were refused before, or are huge ones. */
static __always_inline u32 mlt_reason_of_range(struct mlt_thread* thread, s64 ret) {
  const struct mlt_area* area = &thread->area;
  if (ret == -EHWPOISON) return MLT_ERROR_POISON;
  if (!area->vma) return MLT_ERROR_UNMAPPED;
  if (!(area->vm_flags & (VM_READ | VM_WRITE | VM_EXEC))) return MLT_ERROR_PROTECTION;
  if (area->vm_flags & (VM_PFNMAP | VM_IO)) return MLT_ERROR_DEVICE;
  return mlt_reason_of_sigbus(thread, thread->range_first, MLT_CAUSE_UNKNOWN);
}

/*
 * The pages from the one that failed to the end of the range are not made present: the kernel goes on with the next
 * mapping, or gives up (__mm_populate, mm/gup.c). A global function.
 */
__noinline u32 mlt_range_failed(u32 place, s64 ret) {
  struct mlt_thread* thread = mlt_thread_at(place);
  if (!thread) return 0;
  bool by_fault = thread->error_ns >= thread->range_start && thread->error.origin == MLT_ORIGIN_POPULATE;
  u64 address = by_fault ? thread->error_address & ~1ULL : 0;
  u32 reason = thread->error.reason;
  mlt_space_find(place, thread->range_first);
  if (!by_fault) {
    mlt_error_begin(thread);
    reason = mlt_reason_of_range(thread, ret);
  }
  thread->call_absent++;
  mlt_range_tell(thread, MLT_RANGE_ABSENT, thread->range_first, thread->range_end, reason, address, ret);
  return 0;
}

static __always_inline int mlt_range_exit(long ret) {
  struct mlt_thread* thread = mlt_current();
  if (!thread || !thread->range_start) return 0;
  u64 ns = bpf_ktime_get_ns() - thread->range_start;
  /* Not if it is to end because somebody kills it. */
  if (ret < 0 && ret != -EINTR && ret != -ERESTARTSYS) mlt_range_failed(thread->place, ret);
  thread->range_start = 0;
  /* VM_LOCKONFAULT: the kernel returns the whole range without having touched it. */
  u64 pages = ret > 0 && !(thread->range_vm_flags & VM_LOCKONFAULT) ? ret : 0;
  /* Inside __mm_populate the time is that of the operation. */
  bool alone = !thread->populate_start;
  if (alone) mlt_set_populating(thread, MLT_CALL_NONE);
  mlt_populate_count(thread, alone, pages, alone ? ns : 0);
  return 0;
}

MLT_ENTRY(__mm_populate, populate, mlt_populate_enter())
MLT_EXIT(__mm_populate, populate, mlt_populate_exit())
MLT_ENTRY(populate_vma_page_range, range, mlt_range_enter(vma, start, end), struct vm_area_struct* vma,
          unsigned long start, unsigned long end)

SEC("fexit/populate_vma_page_range")
int BPF_PROG(mlt_range_fexit, struct vm_area_struct* vma, unsigned long start, unsigned long end, int* locked,
             long ret) {
  return mlt_range_exit(ret);
}

/* A fault that was an error, and is not known to be one yet, is what ended the populate. */
SEC("kretprobe/populate_vma_page_range")
int BPF_KRETPROBE(mlt_range_kretprobe, long ret) {
  struct mlt_thread* thread = ret < 0 ? mlt_current() : NULL;
  if (thread && mlt_has_failed(thread))
    mlt_fault_has_failed(thread->place, ret == -ENOMEM      ? VM_FAULT_OOM
                                        : ret == -EHWPOISON ? VM_FAULT_HWPOISON
                                                            : VM_FAULT_SIGBUS);
  return mlt_range_exit(ret);
}
