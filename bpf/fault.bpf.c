// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Faults: count, origin, lock state and latency, for every completed handle_mm_fault.
 *
 * Counted as mm_account_fault does, so that the sum over all origins equals the task's min_flt + maj_flt: on return,
 * not when VM_FAULT_RETRY is set, errors apart, major when VM_FAULT_MAJOR or this was the second attempt.
 */
#include "core.bpf.h"

/* log2 of a byte; the table beats a chain of comparisons by 36 instructions a fault. */
#define L4(n) n, n, n, n
#define L16(n) L4(n), L4(n), L4(n), L4(n)
#define L64(n) L16(n), L16(n), L16(n), L16(n)
static const u8 mlt_log2[256] = {0, 0, 1, 1, L4(2), L4(3), L4(3), L16(4), L16(5), L16(5), L64(6), L64(7), L64(7)};

static __always_inline u32 mlt_bucket(u64 ns) {
  u32 shift = 0;
  if (ns < MLT_HIST_SUB) return ns;
  if (ns >> MLT_HIST_OCTAVES) return MLT_HIST_BUCKETS - 1;
  if (ns >> 32)
    shift = 32;
  else if (ns >> 24)
    shift = 24;
  else if (ns >> 16)
    shift = 16;
  else if (ns >> 8)
    shift = 8;
  u32 octave = shift + mlt_log2[(ns >> shift) & 0xff] - MLT_HIST_SUB_BITS;
  return (octave + 1) * MLT_HIST_SUB + ((ns >> octave) & (MLT_HIST_SUB - 1));
}

static __always_inline struct mlt_block* mlt_block_at(u32 index) { return bpf_map_lookup_elem(&mlt_blocks, &index); }

static __always_inline void mlt_block_init(struct mlt_block* block, u32 proc, u32 tid, u32 class_id, u64 owner) {
  block->proc = proc;
  block->tid = tid;
  block->class_id = class_id;
  block->flags = tid ? 0 : MLT_BLOCK_SHARED;
  block->min_ns = ~0ULL;
  block->task = owner;
}

/*
 * The block that all threads of a process share when they found none of their own. The lower half of the table is for
 * these, the upper for threads, so that a process with very many threads cannot starve the others.
 */
static __noinline u32 mlt_block_shared(u32 proc, u32 class_id) {
  u64 key = (u64)proc << 32 | class_id;
  u32* found = bpf_map_lookup_elem(&mlt_shared, &key);
  if (found) return *found;
  u32 index = mlt_claim(MLT_CLAIM_BLOCK, key, mlt_hash(key), 0, mlt_cfg.block_mask >> 1);
  struct mlt_block* block = index ? mlt_block_at(index) : NULL;
  if (!block) return 0;
  if (bpf_map_update_elem(&mlt_shared, &key, &index, BPF_NOEXIST)) {
    mlt_unclaim(MLT_CLAIM_BLOCK, index);
    found = bpf_map_lookup_elem(&mlt_shared, &key);
    return found ? *found : 0;
  }
  mlt_block_init(block, proc, 0, class_id, key);
  return index;
}

/* A block for a class that the thread meets for the first time. */
static __noinline u32 mlt_block_new(struct mlt_thread* thread, u32 class_id) {
  u32 half = mlt_cfg.block_mask >> 1;
  u32 index = mlt_claim(MLT_CLAIM_BLOCK, thread->task, mlt_hash(thread->task + class_id), half + 1, half);
  struct mlt_block* block = index ? mlt_block_at(index) : NULL;
  if (!block) return mlt_block_shared(thread->proc, class_id);
  mlt_block_init(block, thread->proc, thread->tid, class_id, thread->task);
  return index;
}

static __always_inline struct mlt_block* mlt_thread_block(struct mlt_thread* thread, u32 class_id) {
  if (class_id >= MLT_CLASS_NR) return NULL;
  mlt_barrier(class_id);
  if (class_id >= MLT_CLASS_NR) return NULL;
  u16* place = &thread->block[class_id];
  u32 index = *place;
  if (!index) {
    index = mlt_block_new(thread, class_id);
    if (!index) {
      mlt_add(mlt_stats.block_full, 1);
      return NULL;
    }
    *place = index;
  }
  return mlt_block_at(index);
}

/* What handle_mm_fault's return was. */
enum { MLT_KIND_MINOR, MLT_KIND_MAJOR, MLT_KIND_ERROR, MLT_KIND_RETRY };

/* As mm_account_fault decides it. */
static __always_inline u32 mlt_is_major(u32 flags, u32 ret) {
  return (ret & VM_FAULT_MAJOR) || (flags & FAULT_FLAG_TRIED) ? MLT_KIND_MAJOR : MLT_KIND_MINOR;
}

/* A shared block is written by several CPUs. Minimum and maximum may miss a concurrent one: they are of display only.
 */
static __noinline void mlt_count_shared(struct mlt_block* block, u64 ns, u32 kind) {
  if (kind == MLT_KIND_RETRY)
    mlt_add(block->retries, 1);
  else if (kind == MLT_KIND_ERROR)
    mlt_add(block->errors, 1);
  else if (kind == MLT_KIND_MAJOR)
    mlt_add(block->major, 1);
  else
    mlt_add(block->minor, 1);
  if (kind > MLT_KIND_MAJOR) return;
  if (!ns) {
    mlt_add(block->untimed, 1);
    return;
  }
  mlt_add(block->sum_ns, ns);
  if (ns < block->min_ns) block->min_ns = ns;
  if (ns > block->max_ns) block->max_ns = ns;
  u32 bucket = mlt_bucket(ns);
  mlt_barrier(bucket);
  if (bucket < MLT_HIST_BUCKETS) mlt_add(block->buckets[bucket], 1);
}

static __always_inline u32 mlt_class(u32 origin, u32 lock_state, u32 cause) {
  return (origin * MLT_LOCK_STATE_NR + lock_state) * MLT_CAUSE_NR + cause;
}

static __always_inline u32 mlt_origin(u32 flags, bool hardware) {
  if (hardware) return flags & FAULT_FLAG_USER ? MLT_ORIGIN_ACCESS : MLT_ORIGIN_KERNEL;
  return flags & FAULT_FLAG_REMOTE ? MLT_ORIGIN_REMOTE : MLT_ORIGIN_POPULATE;
}

static __always_inline u32 mlt_lock_state(u64 vm_flags) {
  if (!(vm_flags & VM_LOCKED)) return MLT_UNLOCKED;
  return vm_flags & VM_LOCKONFAULT ? MLT_LOCKED_ON_FAULT : MLT_LOCKED;
}

/* A return probe that did not fire: its fault ended uncounted. */
static __always_inline void mlt_return_missed(struct mlt_thread* thread) {
  struct mlt_proc* proc = mlt_proc_at(thread->proc);
  if (proc) mlt_add(proc->missed_returns, 1);
  thread->in_fault = 0;
  thread->fault_address = 0;
}

/* The clock of a hardware fault starts at the exception: waiting for mmap_lock is part of it. */
static __always_inline int mlt_exception(bool from_user) {
  struct mlt_thread* thread = mlt_current();
  if (!thread) return 0;
  if (thread->in_fault) {
    /* An interrupt may fault (reading a user stack, say) while a fault is being handled: that one counts. */
    if (!from_user) return 0;
    /* Back in user mode without a return: it was missed. */
    mlt_return_missed(thread);
  }
  thread->fault_start = bpf_ktime_get_ns();
  return 0;
}

static __always_inline void mlt_fault_begin(u64 vm_flags, u64 address, u32 flags, bool hardware) {
  struct mlt_thread* thread = mlt_current();
  if (!thread) return;
  u64 expected = address | 1;
  if (hardware && mlt_cfg.has_exception ? !thread->fault_start : thread->fault_address != expected)
    thread->fault_start = bpf_ktime_get_ns();
  thread->fault_address = expected;
  thread->fault_class = mlt_class(mlt_origin(flags, hardware), mlt_lock_state(vm_flags), MLT_CAUSE_UNKNOWN);
  thread->in_fault = 1;
}

static __always_inline void mlt_count(struct mlt_thread* thread, u32 class_id, u64 ns, u32 kind) {
  struct mlt_block* block = mlt_thread_block(thread, class_id);
  if (!block) return;
  if (block->flags & MLT_BLOCK_SHARED) {
    mlt_count_shared(block, ns, kind);
    return;
  }
  if (kind > MLT_KIND_MAJOR) {
    if (kind == MLT_KIND_ERROR)
      block->errors++;
    else
      block->retries++;
    return;
  }
  if (kind == MLT_KIND_MAJOR)
    block->major++;
  else
    block->minor++;
  if (!ns) {
    block->untimed++;
    return;
  }
  block->sum_ns += ns;
  if (ns < block->min_ns) block->min_ns = ns;
  if (ns > block->max_ns) block->max_ns = ns;
  u32 bucket = mlt_bucket(ns);
  mlt_barrier(bucket);
  if (bucket < MLT_HIST_BUCKETS) block->buckets[bucket]++;
}

static __always_inline u32 mlt_kind(u32 flags, u32 ret) {
  if (ret & VM_FAULT_RETRY) return MLT_KIND_RETRY;
  if (ret & VM_FAULT_ERROR) return MLT_KIND_ERROR;
  return mlt_is_major(flags, ret);
}

/* A fault of a traced process whose thread found no record: counted for the process as a whole, without latency. */
static __noinline int mlt_count_homeless(u32 class_id, u32 kind) {
  u32 tgid = bpf_get_current_pid_tgid() >> 32;
  if (!mlt_interest[tgid % MLT_INTEREST_SIZE] || mlt_cfg.target_tid) return 0;
  u32* proc = bpf_map_lookup_elem(&mlt_tgids, &tgid);
  u32 index = proc ? mlt_block_shared(*proc, class_id) : 0;
  struct mlt_block* block = index ? mlt_block_at(index) : NULL;
  if (block)
    mlt_count_shared(block, 0, kind);
  else if (proc)
    mlt_add(mlt_stats.block_full, 1);
  return 0;
}

static __always_inline void mlt_fault_end(u32 flags, bool hardware, u32 ret) {
  struct mlt_thread* thread = mlt_current();
  u32 kind = mlt_kind(flags, ret);
  /* For a fault that was in flight when the trace began. Its VMA may be gone: the lock state is not known. */
  u32 class_id = mlt_class(mlt_origin(flags, hardware), MLT_LOCK_UNKNOWN, 0);
  u64 ns = 0;

  if (!thread) {
    mlt_count_homeless(class_id, kind);
    return;
  }
  bool entered = thread->in_fault;
  thread->in_fault = 0;
  if (entered) class_id = thread->fault_class;
  if (kind != MLT_KIND_RETRY) {
    u64 start = thread->fault_start;
    thread->fault_start = 0;
    thread->fault_address = 0;
    if (entered && start) ns = bpf_ktime_get_ns() - start;
    /* Without an entry: the kernel has counted it before the record took the kernel's counters. */
    if (!entered && kind == MLT_KIND_MAJOR) thread->taken_maj_flt--;
    if (!entered && kind == MLT_KIND_MINOR) thread->taken_min_flt--;
  }
  mlt_count(thread, class_id, ns, kind);
}

SEC("fentry/handle_mm_fault")
int BPF_PROG(mlt_fault_enter, struct vm_area_struct* vma, unsigned long address, unsigned int flags,
             struct pt_regs* regs) {
  mlt_fault_begin(vma->vm_flags, address, flags, regs != NULL);
  return 0;
}

SEC("fexit/handle_mm_fault")
int BPF_PROG(mlt_fault_exit, struct vm_area_struct* vma, unsigned long address, unsigned int flags,
             struct pt_regs* regs, unsigned int ret) {
  mlt_fault_end(flags, regs != NULL, ret);
  return 0;
}

/*
 * kprobe and kretprobe: the return probe has no arguments, so the entry leaves them in the record; and it loses calls
 * when too many threads sleep in the function at once, which shows as an entry without a return.
 */
SEC("kprobe/handle_mm_fault")
int BPF_KPROBE(mlt_fault_kprobe, struct vm_area_struct* vma, unsigned long address, unsigned int flags,
               struct pt_regs* regs) {
  struct mlt_thread* thread = mlt_current();
  if (!thread) return 0;
  if (thread->in_fault && thread->fault_address == (address | 1)) {
    /* The same fault again: the return that did not fire was a retry, and the clock goes on. */
    mlt_count(thread, thread->fault_class, 0, MLT_KIND_RETRY);
  } else if (thread->in_fault) {
    mlt_return_missed(thread);
    thread->fault_start = 0;
  }
  thread->kprobe_flags = flags | (regs ? MLT_KPROBE_HARDWARE : 0);
  mlt_fault_begin(BPF_CORE_READ(vma, vm_flags), address, flags, regs != NULL);
  return 0;
}

SEC("kretprobe/handle_mm_fault")
int BPF_KRETPROBE(mlt_fault_kretprobe, unsigned int ret) {
  struct mlt_thread* thread = mlt_current();
  /* Without an entry nothing is known of this return: it began before the trace. */
  if (!thread || !thread->in_fault) return 0;
  mlt_fault_end(thread->kprobe_flags, thread->kprobe_flags & MLT_KPROBE_HARDWARE, ret);
  return 0;
}

SEC("raw_tp/page_fault_user")
int mlt_exception_user(void* ctx) { return mlt_exception(true); }

SEC("raw_tp/page_fault_kernel")
int mlt_exception_kernel(void* ctx) { return mlt_exception(false); }

/*
 * Where only tracepoints and perf events work: from the exception to the software event that mm_account_fault emits for
 * a completed hardware fault. Populate and remote faults emit none.
 */
static __always_inline int mlt_software_event(struct bpf_perf_event_data* ctx, bool major) {
  struct mlt_thread* thread = mlt_current();
  if (!thread) return 0;
  u64 start = thread->fault_start;
  thread->fault_start = 0;
  u32 origin = (ctx->regs.cs & 3) == 3 ? MLT_ORIGIN_ACCESS : MLT_ORIGIN_KERNEL;
  mlt_count(thread, mlt_class(origin, MLT_LOCK_UNKNOWN, 0), start ? bpf_ktime_get_ns() - start : 0, major);
  return 0;
}

SEC("perf_event")
int mlt_software_minor(struct bpf_perf_event_data* ctx) { return mlt_software_event(ctx, false); }

SEC("perf_event")
int mlt_software_major(struct bpf_perf_event_data* ctx) { return mlt_software_event(ctx, true); }
