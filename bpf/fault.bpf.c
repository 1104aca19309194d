// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Faults: count, origin, lock state and latency, for every completed handle_mm_fault.
 *
 * Counted as mm_account_fault does, so that the sum over all origins equals the task's min_flt + maj_flt: on return,
 * not when VM_FAULT_RETRY is set, errors apart, major when VM_FAULT_MAJOR or this was the second attempt. Where the
 * kernel may skip a probe, or the end does not tell how the fault ended, see settle.bpf.h.
 */
#include "after.bpf.h"
#include "block.bpf.h"
#include "calls.bpf.h"
#include "cause.bpf.h"
#include "failed.bpf.h"
#include "settle.bpf.h"
#include "stacks.bpf.h"
#include "waits.bpf.h"
#include "where.bpf.h"

/* As mm_account_fault decides it. */
static __always_inline u32 mlt_is_major(u32 flags, u32 ret) {
  return (ret & VM_FAULT_MAJOR) || (flags & FAULT_FLAG_TRIED) ? MLT_KIND_MAJOR : MLT_KIND_MINOR;
}

static __always_inline u32 mlt_class(u32 origin, u32 lock_state, u32 cause) {
  return (origin * MLT_LOCK_STATE_NR + lock_state) * MLT_CAUSE_NR + cause;
}

static __always_inline u32 mlt_origin(u32 flags, bool hardware) {
  if (hardware) return flags & FAULT_FLAG_USER ? MLT_ORIGIN_ACCESS : MLT_ORIGIN_KERNEL;
  return flags & FAULT_FLAG_REMOTE ? MLT_ORIGIN_REMOTE : MLT_ORIGIN_POPULATE;
}

static __always_inline u32 mlt_lock_state(u64 vm_flags) {
  if (__builtin_expect(!(vm_flags & VM_LOCKED), 1)) return MLT_UNLOCKED;
  return vm_flags & VM_LOCKONFAULT ? MLT_LOCKED_ON_FAULT : MLT_LOCKED;
}

struct mlt_stack_map mlt_stacks_0 SEC(".maps");
struct mlt_stack_map mlt_stacks_1 SEC(".maps");
struct mlt_stack_map mlt_stacks_2 SEC(".maps");
struct mlt_stack_map mlt_stacks_3 SEC(".maps");

/* A return probe that did not fire: its fault ended uncounted. Or, where it is settled, there was nothing to count: the
 * fault was given up between two attempts. */
static __always_inline void mlt_return_missed(struct mlt_thread* thread) {
  struct mlt_proc* proc = mlt_cfg.settles ? NULL : mlt_proc_at(thread->proc);
  if (proc) mlt_add(proc->missed_returns, 1);
  thread->none_under_way = 1;
  mlt_after_unseen_end(thread);
}

/* The clock of a hardware fault starts at the exception: waiting for mmap_lock is part of it. */
static __always_inline int mlt_exception(bool from_user) {
  /* A birth that the kernel did not announce (it may skip a tracepoint program) is made good here. */
  struct mlt_thread* thread = mlt_excepting();
  if (!thread) return 0;
  if (thread->fault_state) {
    /* An interrupt may fault (reading a user stack, say) while a fault is being handled: that one counts. */
    if (!from_user) return 0;
    /* Back in user mode without a return: it was missed. What is settled is so at the next entry, which tells whether
     * it is to be counted. */
    if (!mlt_cfg.settles) mlt_return_missed(thread);
  }
  thread->fault_start = bpf_ktime_get_ns();
  return 0;
}

/* The two counters are of the process: faults come here rarely. */
static __noinline int mlt_vma_lock_abort(struct mlt_thread* thread) {
  struct mlt_proc* proc = thread ? mlt_proc_at(thread->proc) : NULL;
  if (proc) mlt_add(proc->vma_lock_aborts, 1);
  return 0;
}

static __noinline int mlt_vma_lock_retry(struct mlt_thread* thread) {
  struct mlt_proc* proc = thread ? mlt_proc_at(thread->proc) : NULL;
  if (proc) mlt_add(proc->vma_lock_retries, 1);
  return 0;
}

/*
 * Plain: the end needs no closer look for this cause (mlt_check_first_touch, mlt_check_swapped_in), and no event. A
 * fault that turns out not to be minor always gets one, and so does one of a class that was not counted last.
 */
static __always_inline u8 mlt_fault_state_of(u32 cause, u32 lock_state) {
  bool plain = !mlt_cfg.fault_events && cause != MLT_CAUSE_SWAP_IN &&
               (cause != MLT_CAUSE_FIRST_TOUCH || lock_state == MLT_UNLOCKED);
  return plain ? MLT_PLAIN_FAULT : MLT_FAULT;
}

static __always_inline int mlt_fault_begin(void* ctx, struct mlt_thread* thread, struct vm_area_struct* vma, bool typed,
                                           u64 vm_flags, u64 address, u32 flags, bool hardware) {
  u64 expected = address | 1;
  if (thread->fault_address == expected) {
    /* What the first attempt found is the cause: by the second somebody may have brought the page. */
    if (!thread->fault_start) thread->fault_start = bpf_ktime_get_ns();
    thread->fault_state = MLT_FAULT;
    return 0;
  }
  if (!hardware || !mlt_cfg.has_exception || !thread->fault_start) thread->fault_start = bpf_ktime_get_ns();
  thread->fault_address = expected;
  mlt_where_begin(thread, vma, typed, vm_flags, address, flags);
  u32 cause = mlt_cause_of(thread, vma, typed, vm_flags, address, flags);
  u32 lock_state = mlt_lock_state(vm_flags);
  thread->fault_class = mlt_class(mlt_origin(flags, hardware), lock_state, MLT_CAUSE_UNKNOWN);
  thread->fault_cause = cause;
  thread->fault_state = mlt_fault_state_of(cause, lock_state);
  thread->fault_read = 0;
  thread->fault_mlocked = mlt_phase != MLT_COMPLETE;
  mlt_stacks_take(ctx, thread);
  /* The first attempt is already one with mmap_lock: somebody is changing the VMA, or it has to grow. */
  if (!mlt_cfg.has_vma_lock) return 0;
  mlt_barrier(flags); /* or it is looked at first */
  if ((flags & (FAULT_FLAG_USER | FAULT_FLAG_VMA_LOCK)) == FAULT_FLAG_USER) mlt_vma_lock_abort(thread);
  return 0;
}

/* The part of a call's time that a fault of each cause belongs to; MLT_PART_OTHER where none is named. */
const __u8 mlt_part_of[32] = {
    [MLT_CAUSE_FIRST_TOUCH] = MLT_PART_MEMORY, [MLT_CAUSE_STACK] = MLT_PART_MEMORY,
    [MLT_CAUSE_COW] = MLT_PART_MEMORY,         [MLT_CAUSE_ZERO_PAGE] = MLT_PART_MEMORY,
    [MLT_CAUSE_KSM] = MLT_PART_MEMORY,         [MLT_CAUSE_HUGETLB] = MLT_PART_MEMORY,
    [MLT_CAUSE_FILE_MAP] = MLT_PART_FILE,      [MLT_CAUSE_FILE_READ] = MLT_PART_FILE,
    [MLT_CAUSE_MKWRITE] = MLT_PART_FILE,       [MLT_CAUSE_SWAP_IN] = MLT_PART_SWAP_IN,
};

/* Nearly every fault is over sooner, and too soon to have been off the CPU for a time that matters. */
#define MLT_LONG_SHIFT 15

/* A fault inside a call that is followed: what the call's time went into. */
static __always_inline void mlt_fault_in_call(struct mlt_thread* thread, u64 ns, bool completed) {
  const u32 unlocked_populate = mlt_class(MLT_ORIGIN_POPULATE, MLT_UNLOCKED, MLT_CAUSE_UNKNOWN);
  if (completed && thread->fault_class == unlocked_populate) thread->call_unlocked_populates++;
  u64 waited = thread->fault_waited_ns;
  if (ns >> MLT_LONG_SHIFT) waited += mlt_off_cpu(thread);
  if (waited) {
    thread->fault_waited_ns = 0;
    ns = ns > waited ? ns - waited : 0;
  }
  thread->call_parts_ns[mlt_part_of[thread->fault_cause & 31] & (MLT_CALL_PARTS - 1)] += ns;
}

static __always_inline void mlt_tell_plain(struct mlt_thread* thread, u64 ns) {
  mlt_tell(thread, MLT_KIND_MINOR, ns);
  if (!mlt_cfg.ends_untold) return;
  thread->told = MLT_TOLD_MINOR;
  thread->told_class = thread->last_class;
  thread->told_block = thread->last_block;
}

/*
 * Nearly every fault ends here; that it was entered tells that faults count already. False: this one wants a closer
 * look, and nothing has been done about it.
 */
static __always_inline bool mlt_count_plain(struct mlt_thread* thread, u32 flags, u32 ret) {
  if (thread->fault_state != MLT_PLAIN_FAULT || (ret & (VM_FAULT_RETRY | VM_FAULT_ERROR | VM_FAULT_MAJOR)) ||
      (flags & FAULT_FLAG_TRIED) || thread->last_class != thread->fault_class + thread->fault_cause)
    return false;
  struct mlt_block* block = mlt_block_at(thread->last_block);
  if (!block) return false;
  u64 ns = bpf_ktime_get_ns() - thread->fault_start;
  if (mlt_cfg.settles) mlt_tell_plain(thread, ns);
  thread->fault_start = 0;
  thread->fault_address = 0;
  thread->fault_state = MLT_NO_FAULT;
  block->minor++;
  mlt_count_latency(thread, block, ns);
  if (thread->call_start) mlt_fault_in_call(thread, ns, true);
  struct mlt_vma* record = mlt_where(thread);
  if (record) mlt_where_count(thread, record, thread->fault_cause, ns, MLT_KIND_MINOR);
  if (mlt_cfg.stacks) mlt_stacks_change(thread->place, thread->last_class, ns, 1);
  return true;
}

/* Of this object alone. The front end makes it larger when faults are wanted one by one. */
struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 4096);
} mlt_fault_ring SEC(".maps");

/* The front end polls: a wakeup would cost a multiple of the fault. */
static __always_inline void mlt_report_fault(const struct mlt_thread* thread, u64 address, u32 class_id, u64 ns,
                                             u32 kind) {
  if (!mlt_cfg.fault_events || mlt_phase != MLT_COMPLETE) return;
  struct mlt_fault_event* event = bpf_ringbuf_reserve(&mlt_fault_ring, sizeof(*event), 0);
  if (!event) {
    mlt_add(mlt_stats.fault_ring_full, 1);
    return;
  }
  event->ns = bpf_ktime_get_ns();
  event->duration_ns = ns;
  event->address = address & ~1ULL;
  event->tid = thread->tid;
  event->proc = thread->proc;
  event->kind = class_id << 2 | kind;
  bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
}

static __always_inline u32 mlt_kind(u32 flags, u32 ret) {
  if (ret & VM_FAULT_RETRY) return MLT_KIND_RETRY;
  if (ret & VM_FAULT_ERROR) return MLT_KIND_ERROR;
  return mlt_is_major(flags, ret);
}

/* A fault of a traced process whose thread found no record: counted for the process as a whole, without latency. */
__noinline int mlt_count_homeless(u32 class_id, u32 kind) {
  u32 tgid = bpf_get_current_pid_tgid() >> 32;
  if (mlt_cfg.target_tid || mlt_phase < MLT_COUNTING) return 0;
  u32* proc = bpf_map_lookup_elem(&mlt_tgids, &tgid);
  u32 index = proc ? mlt_block_shared(*proc, class_id) : 0;
  if (index)
    mlt_count_shared(index, 0, kind);
  else if (proc)
    mlt_add(mlt_stats.block_full, 1);
  return 0;
}

/*
 * A page that is to be moved is unmapped first, and a moment later the entry says where it goes. Who faults in between
 * finds nothing, as if the page had never been there, and must not take that for the cause: then the fault brought
 * nothing either, and leaves the entry as others made it. Looked at only where the page ought to have been there.
 */
static __noinline void mlt_check_first_touch(struct mlt_thread* thread, u32 flags) {
  if (thread->fault_cause != MLT_CAUSE_FIRST_TOUCH || mlt_lock_state_of_class(thread->fault_class) != MLT_LOCKED)
    return;
  struct task_struct* task = (void*)bpf_get_current_task();
  if (mlt_is_special_entry(mlt_page_entry((u64)BPF_CORE_READ(task, mm, pgd), thread->fault_address)))
    thread->fault_cause = MLT_CAUSE_MIGRATION;
  else if (mlt_cfg.has_page_lock && (flags & FAULT_FLAG_WRITE) && !thread->fault_mlocked)
    thread->fault_cause = MLT_CAUSE_SPURIOUS;
}

/* The first fault of the thread that counts, which the kernel has counted by now, too (mm_account_fault). Of one that
 * was under way when the gate was opened at most the return is seen. */
__noinline int mlt_begin_counting(u32 place, u32 kind, u32 was_under_way) {
  struct mlt_thread* thread = mlt_thread_at(place);
  if (!thread) return 0;
  struct task_struct* task = (void*)bpf_get_current_task();
  u64 minor = BPF_CORE_READ(task, min_flt) - (kind == MLT_KIND_MINOR);
  u64 major = BPF_CORE_READ(task, maj_flt) - (kind == MLT_KIND_MAJOR);
  mlt_take_baseline(thread, minor, major, was_under_way);
  thread->told_min_flt = minor + (kind == MLT_KIND_MINOR);
  thread->told_maj_flt = major + (kind == MLT_KIND_MAJOR);
  return 0;
}

/* Has the fault in flight brought a huge page, and not the huge zero page, which costs nothing? */
static __always_inline bool mlt_has_brought_huge_page(const struct mlt_thread* thread) {
  struct task_struct* task = (void*)bpf_get_current_task();
  u64 entry = mlt_middle_entry((u64)BPF_CORE_READ(task, mm, pgd), thread->fault_address);
  if (!mlt_entry_present(entry) || !mlt_entry_huge(entry)) return false;
  return (u64)BPF_CORE_READ(mlt_entry_page(entry), mapping) & MLT_MAPPING_ANON;
}

/* A fault that reads is a major one; what it reads has no page yet. */
static __always_inline u32 mlt_read_kind(const struct mlt_thread* thread) {
  if (thread->fault_cause == MLT_CAUSE_SWAP_IN || thread->fault_refaulted == MLT_REFAULTED_SWAP)
    return MLT_WAIT_SWAP_READ;
  return thread->fault_refaulted ? MLT_WAIT_REFAULT : MLT_WAIT_FILE_READ;
}

/* What ends with an attempt at the fault. After a wait for userfaultfd there is always another one. */
__noinline int mlt_fault_waited(u32 place, u32 kind, u32 ret) {
  struct mlt_thread* thread = mlt_thread_at(place);
  u64 now = bpf_ktime_get_ns();
  if (!thread) return 0;
  if (thread->wait_kind == MLT_WAIT_PAGE_LOCK && (ret & VM_FAULT_MAJOR)) thread->wait_kind = mlt_read_kind(thread);
  if (thread->wait_start && (thread->wait_kind != MLT_WAIT_USERFAULT || kind == MLT_KIND_RETRY)) mlt_wait_over(thread);
  if (thread->huge_start && kind <= MLT_KIND_MAJOR && mlt_has_brought_huge_page(thread)) {
    u64 ns = now - thread->huge_start;
    u64 inside = thread->stalled_ns - thread->huge_stalled_ns;
    mlt_wait_count(thread, MLT_WAIT_HUGE_PAGE, ns > inside ? ns - inside : 0);
  }
  thread->wait_start = 0;
  thread->wait_end = 0;
  thread->huge_start = 0;
  if (kind != MLT_KIND_RETRY) thread->fault_refaulted = 0;
  return 0;
}

/* A return without its entry: the fault began before the trace, and what it was is not known. */
static __noinline int mlt_fault_end_alone(struct mlt_thread* thread, u32 ret) {
  bool has_completed = mlt_kind(0, ret) <= MLT_KIND_MAJOR;
  if (has_completed && !thread->has_counted && !thread->none_under_way)
    mlt_begin_counting(thread->place, MLT_KIND_RETRY, true);
  return 0;
}

static __always_inline void mlt_counted(struct mlt_thread* thread, u32 kind, u64 ns, bool entered) {
  if (!mlt_cfg.settles) return;
  mlt_tell(thread, kind, ns);
  if (entered || kind > MLT_KIND_MAJOR) return;
  struct mlt_proc* proc = mlt_proc_at(thread->proc);
  if (proc) mlt_add(proc->unentered_flt, 1);
  thread->fault_vma = 0;
}

/* A global function: the verifier checks it once. */
__noinline int mlt_major_ended(u32 place) {
  struct mlt_thread* thread = mlt_thread_at(place);
  if (thread) mlt_after_major(thread, thread->fault_address, 1);
  return 0;
}

/* For a fault that was in flight when the trace began. Its VMA may be gone: the lock state is not known. */
static __always_inline u32 mlt_class_in_flight(u32 flags, bool hardware) {
  return mlt_class(mlt_origin(flags, hardware), MLT_LOCK_UNKNOWN, 0);
}

/* `untold`, a constant: whether it was an error is not known yet. */
static __always_inline u32 mlt_fault_ended(u32 place, u32 flags, u32 hardware, u32 ret, bool untold) {
  struct mlt_thread* thread = mlt_thread_at(place);
  u32 kind = mlt_kind(flags, ret);
  u32 class_id = mlt_class_in_flight(flags, hardware);
  u64 ns = 0;
  if (!thread || mlt_phase < MLT_COUNTING) return 0;
  bool entered = thread->fault_state;
  thread->fault_state = 0;
  if (thread->wait_start || thread->huge_start || thread->fault_refaulted) mlt_fault_waited(thread->place, kind, ret);
  if (mlt_cfg.has_vma_lock && kind == MLT_KIND_RETRY && (flags & FAULT_FLAG_VMA_LOCK)) mlt_vma_lock_retry(thread);
  if (entered && hardware && kind == MLT_KIND_MINOR) mlt_check_first_touch(thread, flags);
  if (entered && kind <= MLT_KIND_MAJOR) mlt_after_special_entry(thread);
  if (entered) class_id = mlt_entered_class(thread, ret & VM_FAULT_MAJOR);
  if (entered && kind <= MLT_KIND_MAJOR) mlt_after_swap_in(thread, class_id, 1);
  if (kind != MLT_KIND_RETRY) {
    u64 start = thread->fault_start;
    if (entered && start) ns = bpf_ktime_get_ns() - start;
    if (!untold) mlt_report_fault(thread, thread->fault_address, class_id, ns, kind);
    if (entered && kind == MLT_KIND_ERROR && !untold) mlt_fault_failed(thread->place, class_id, flags, ret);
    if (kind == MLT_KIND_MAJOR) mlt_major_ended(thread->place);
    if (!untold && !thread->has_counted)
      mlt_begin_counting(thread->place, kind, !entered);
    else
      mlt_counted(thread, kind, ns, entered);
    thread->fault_start = 0;
    thread->fault_address = 0;
    if (thread->call_start) mlt_fault_in_call(thread, ns, entered && kind <= MLT_KIND_MAJOR);
  }
  if (untold) {
    thread->told = kind == MLT_KIND_MAJOR ? MLT_TOLD_MAJOR : MLT_TOLD_MINOR;
    thread->fault_read = 0;
  }
  mlt_count(place, class_id, ns, kind);
  return entered ? mlt_where_of(place, class_id, ns, kind) : 0;
}

/* Global functions: the verifier checks them once. And one for each of the two: what a program calls it has to get
 * through, even where that is never reached. */
__noinline u32 mlt_fault_end(u32 place, u32 flags, u32 hardware, u32 ret) {
  return mlt_fault_ended(place, flags, hardware, ret, false);
}

__noinline u32 mlt_fault_end_untold(u32 place, u32 flags, u32 hardware, u32 ret) {
  return mlt_fault_ended(place, flags, hardware, ret, true);
}

/*
 * An attempt at a fault begins, and the end of the one before was not seen. At the same address it is the same fault
 * again: that end was a retry, and the clock goes on. Otherwise the fault ended uncounted; or, where it is settled and
 * the kernel has counted nothing, it was given up.
 */
static __always_inline void mlt_fault_again(struct mlt_thread* thread, u64 address) {
  if (thread->fault_address != (address | 1)) {
    mlt_return_missed(thread);
    thread->fault_start = 0;
    return;
  }
  if (thread->wait_start || thread->huge_start || thread->fault_refaulted)
    mlt_fault_waited(thread->place, MLT_KIND_RETRY, thread->fault_read ? VM_FAULT_MAJOR : 0);
  if (mlt_cfg.has_vma_lock && (thread->kprobe_flags & FAULT_FLAG_VMA_LOCK)) mlt_vma_lock_retry(thread);
  mlt_count(thread->place, thread->fault_class + thread->fault_cause, 0, MLT_KIND_RETRY);
}

/* A global function. */
__noinline u32 mlt_fault_begins_again(u32 place, u64 address) {
  struct mlt_thread* thread = mlt_thread_at(place);
  if (thread && thread->fault_state) mlt_fault_again(thread, address);
  return 0;
}

/* What has to be done before anything is noted of the attempt that begins: seldom something. Calls do not nest here
 * where they need not: the verifier permits eight. */
static __always_inline void mlt_fault_before(struct mlt_thread* thread, u64 address) {
  if (!thread->fault_state && (!mlt_cfg.settles || mlt_is_settled(thread))) return;
  u32 place = thread->place;
  if (mlt_cfg.settles && mlt_fault_settle(place) && mlt_cfg.ends_untold)
    mlt_fault_has_failed(place, MLT_RETURN_UNKNOWN);
  mlt_fault_begins_again(place, address);
}

/* The arguments are read after the filter: for a process that is not traced nothing else should be done. */
SEC("fentry/handle_mm_fault")
int mlt_fault_enter(u64* ctx) {
  struct mlt_thread* thread = mlt_faulting();
  if (!thread) return 0;
  if (mlt_cfg.settles) mlt_fault_before(thread, ctx[1]);
  struct vm_area_struct* vma = (void*)ctx[0];
  return mlt_fault_begin(ctx, thread, vma, true, vma->vm_flags, ctx[1], ctx[2], ctx[3] != 0);
}

SEC("fexit/handle_mm_fault")
int mlt_fault_exit(u64* ctx) {
  struct mlt_current current;
  if (!mlt_is_of_interest(&current)) return 0;
  struct mlt_thread* thread = mlt_thread_of_interest(current);
  if (!thread)
    mlt_count_homeless(mlt_class_in_flight(ctx[2], ctx[3] != 0), mlt_kind(ctx[2], ctx[4]));
  else if (!mlt_count_plain(thread, ctx[2], ctx[4]))
    mlt_fault_end(thread->place, ctx[2], ctx[3] != 0, ctx[4]);
  return 0;
}

/*
 * kprobe and kretprobe: the return probe has no arguments, so the entry leaves them in the record; and it loses calls
 * when too many threads sleep in the function at once, which shows as an entry without a return.
 */
static __always_inline int mlt_fault_entered(void* ctx, struct vm_area_struct* vma, u64 address, u32 flags,
                                             bool hardware, bool typed) {
  struct mlt_thread* thread = mlt_faulting();
  if (!thread) return 0;
  mlt_fault_before(thread, address);
  thread->kprobe_flags = flags | (hardware ? MLT_KPROBE_HARDWARE : 0);
  if (typed) vma = mlt_cast(vma, mlt_cfg.vma_type);
  return mlt_fault_begin(ctx, thread, vma, typed, mlt_vma_field(vma, typed, vm_flags), address, flags, hardware);
}

SEC("kprobe/handle_mm_fault")
int BPF_KPROBE(mlt_fault_kprobe, struct vm_area_struct* vma, unsigned long address, unsigned int flags,
               struct pt_regs* regs) {
  return mlt_fault_entered(ctx, vma, address, flags, regs != NULL, false);
}

/* The same where the verifier can be told what a VMA is. */
SEC("kprobe/handle_mm_fault")
int BPF_KPROBE(mlt_fault_kprobe_typed, struct vm_area_struct* vma, unsigned long address, unsigned int flags,
               struct pt_regs* regs) {
  return mlt_fault_entered(ctx, vma, address, flags, regs != NULL, true);
}

/* A global function. The entry was skipped. What has completed is settled; an error the kernel does not count. */
__noinline u32 mlt_fault_error_alone(u32 place, u32 ret) {
  struct mlt_thread* thread = mlt_thread_at(place);
  if (!thread || !thread->has_counted || mlt_kind(0, ret) != MLT_KIND_ERROR) return 0;
  thread->told_class = MLT_CLASS_UNKNOWN;
  thread->told_address = 0;
  mlt_fault_failed_unseen(place);
  return mlt_count(place, MLT_CLASS_UNKNOWN, 0, MLT_KIND_ERROR);
}

SEC("kretprobe/handle_mm_fault")
int BPF_KRETPROBE(mlt_fault_kretprobe, unsigned int ret) {
  struct mlt_thread* thread = mlt_faulting();
  if (!thread) return 0;
  if (!thread->fault_state)
    return mlt_cfg.settles ? mlt_fault_error_alone(thread->place, ret) : mlt_fault_end_alone(thread, ret);
  u32 flags = thread->kprobe_flags;
  return mlt_count_plain(thread, flags, ret) ? 0
                                             : mlt_fault_end(thread->place, flags, flags & MLT_KPROBE_HARDWARE, ret);
}

/*
 * The end of a fault at the tracepoint memcg:count_memcg_events, 6.16+ (5817beda04a9 "memcg: add tracing for memcg stat
 * updates"): mm_account_fault counts every handle_mm_fault that does not return VM_FAULT_RETRY for its memory cgroup,
 * just before it does so for the task. Preemption is off around it (count_memcg_events: get_cpu), so it is never
 * skipped. How the fault ended it does not tell: that it is an error is found by the next one, as the kernel has not
 * counted it then.
 */
static __always_inline u32 mlt_origin_unentered(const struct mlt_thread* thread) {
  struct task_struct* task = (void*)bpf_get_current_task();
  if (BPF_CORE_READ(task, flags) & PF_EXITING) return MLT_ORIGIN_UNKNOWN;
  /* The last that came from user mode is the exception of a page fault, and no call. */
  if (mlt_cfg.has_exception && thread->fault_start && mlt_regs_nr(mlt_user_regs()) < 0) return MLT_ORIGIN_ACCESS;
  return MLT_ORIGIN_UNKNOWN;
}

/* The entry was skipped. A global function; what came before is settled. */
__noinline u32 mlt_fault_end_unentered(u32 place) {
  struct mlt_thread* thread = mlt_thread_at(place);
  if (!thread) return 0;
  u32 origin = mlt_origin_unentered(thread);
  u32 class_id = mlt_class(origin, MLT_LOCK_UNKNOWN, 0);
  u32 kind = thread->fault_read ? MLT_KIND_MAJOR : MLT_KIND_MINOR;
  u64 ns = origin == MLT_ORIGIN_ACCESS ? bpf_ktime_get_ns() - thread->fault_start : 0;
  thread->fault_address = 0;
  mlt_counted(thread, kind, ns, false);
  thread->fault_start = 0;
  thread->fault_read = 0;
  thread->told = kind == MLT_KIND_MAJOR ? MLT_TOLD_MAJOR : MLT_TOLD_MINOR;
  return mlt_count(place, class_id, ns, kind);
}

/* An end without an entry: that was skipped; or the fault began before the trace, which only the first can have. */
static __always_inline int mlt_fault_ends_unentered(struct mlt_thread* thread) {
  u32 place = thread->place;
  if (mlt_phase < MLT_COUNTING) return 0;
  if (!thread->has_counted && !thread->none_under_way && !thread->ended_unknown) {
    thread->ended_unknown = 1;
    return 0;
  }
  if (mlt_fault_settle(place)) mlt_fault_failed_unseen(place);
  return mlt_fault_end_unentered(place);
}

/* Comes before the end, if the kernel calls the fault a major one. */
static __always_inline int mlt_fault_reads(void) {
  struct mlt_thread* thread = mlt_faulting();
  if (!thread) return 0;
  thread->fault_read = 1;
  if (thread->fault_state) thread->fault_state = MLT_FAULT;
  return 0;
}

SEC("raw_tp/count_memcg_events")
int mlt_fault_counted(struct bpf_raw_tracepoint_args* ctx) {
  u32 item = ctx->args[1];
  if (item != bpf_core_enum_value(enum vm_event_item, PGFAULT))
    return item == bpf_core_enum_value(enum vm_event_item, PGMAJFAULT) ? mlt_fault_reads() : 0;
  struct mlt_current current;
  if (!mlt_is_of_interest(&current)) return 0;
  struct mlt_thread* thread = mlt_thread_of_interest(current);
  if (!thread) return mlt_count_homeless(MLT_CLASS_UNKNOWN, MLT_KIND_MINOR);
  if (!thread->fault_state) return mlt_fault_ends_unentered(thread);
  if (mlt_count_plain(thread, 0, 0)) return 0;
  u32 flags = thread->kprobe_flags;
  return mlt_fault_end_untold(thread->place, flags, flags & MLT_KPROBE_HARDWARE,
                              thread->fault_read ? VM_FAULT_MAJOR : 0);
}

/* Whether it fires at all: with cgroup_disable=memory it does not. */
SEC("raw_tp/count_memcg_events")
int mlt_fault_counting(struct bpf_raw_tracepoint_args* ctx) {
  if ((u32)ctx->args[1] == bpf_core_enum_value(enum vm_event_item, PGFAULT)) mlt_fault_was_counted = 1;
  return 0;
}

/* The proof of what a page table entry only suggests: the fault waits until the page has been moved. */
static __always_inline int mlt_migration(void) {
  struct mlt_thread* thread = mlt_faulting();
  if (!thread || !thread->fault_state) return 0;
  thread->fault_cause = MLT_CAUSE_MIGRATION;
  thread->fault_state = MLT_FAULT;
  return mlt_wait_begin(thread, MLT_WAIT_MIGRATION);
}

SEC("fentry/migration_entry_wait")
int BPF_PROG(mlt_migration_fentry) { return mlt_migration(); }

SEC("fentry/pmd_migration_entry_wait")
int BPF_PROG(mlt_pmd_migration_fentry) { return mlt_migration(); }

SEC("kprobe")
int BPF_KPROBE(mlt_migration_kprobe) { return mlt_migration(); }

/* One program for both: what the verifier has to follow is not little. */
SEC("raw_tp")
int mlt_exceptions(struct bpf_raw_tracepoint_args* ctx) { return mlt_exception(mlt_is_from_user(ctx)); }

/*
 * Where only tracepoints and perf events work: from the exception to the software event that mm_account_fault emits for
 * a completed hardware fault. Populate and remote faults emit none.
 */
static __always_inline int mlt_software_event(struct bpf_perf_event_data* ctx, bool major) {
  struct mlt_thread* thread = mlt_faulting();
  if (!thread) return 0;
  u64 start = thread->fault_start;
  thread->fault_start = 0;
  u32 origin = (ctx->regs.cs & 3) == 3 ? MLT_ORIGIN_ACCESS : MLT_ORIGIN_KERNEL;
  u32 class_id = mlt_class(origin, MLT_LOCK_UNKNOWN, 0);
  u64 ns = start ? bpf_ktime_get_ns() - start : 0;
  mlt_report_fault(thread, ctx->addr, class_id, ns, major);
  mlt_count(thread->place, class_id, ns, major);
  mlt_stacks_take(ctx, thread);
  if (mlt_cfg.stacks) mlt_stacks_change(thread->place, class_id, ns, 1);
  return 0;
}

SEC("perf_event")
int mlt_software_minor(struct bpf_perf_event_data* ctx) { return mlt_software_event(ctx, false); }

SEC("perf_event")
int mlt_software_major(struct bpf_perf_event_data* ctx) { return mlt_software_event(ctx, true); }
