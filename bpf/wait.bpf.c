// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Every way a fault can wait, but for mmap_lock and reclaim, which calls wait for, too: see mmap_lock.bpf.c and
 * reclaim.bpf.c; and for migration, which is a cause of faults: see fault.bpf.c.
 */
#include "waits.bpf.h"

/* The record of the current thread, if it is in a fault. */
static __always_inline struct mlt_thread* mlt_in_fault(void) {
  struct mlt_thread* thread = mlt_current();
  return thread && mlt_is_in_fault(thread) ? thread : NULL;
}

/*
 * userfaultfd: the reason is the flag of the mapping, of which that of minor faults has had several numbers. It is the
 * cause, whatever the page table suggests. From here to the end of the attempt the thread sleeps; where it may not, or
 * where the process wants a signal in place of a wait (UFFD_FEATURE_SIGBUS), the fault ends in an error.
 */
static __always_inline int mlt_userfault(u64 reason) {
  struct mlt_thread* thread = mlt_faulting();
  if (!thread || !thread->fault_state) return 0;
  thread->fault_cause = reason & VM_UFFD_MISSING ? MLT_CAUSE_UFFD_MISSING
                        : reason & VM_UFFD_WP    ? MLT_CAUSE_UFFD_WP
                        : reason & VM_UFFD_RWP   ? MLT_CAUSE_UFFD_RWP
                                                 : MLT_CAUSE_UFFD_MINOR;
  return mlt_wait_begin(thread, MLT_WAIT_USERFAULT);
}

MLT_ENTRY(handle_userfault, userfault, mlt_userfault(reason), void* fault, unsigned long reason)

/* Where the end of an attempt that has to be tried again is not seen: for 6.16+ kernels, see mlt_fault_counted. */
SEC("kretprobe/handle_userfault")
int BPF_KRETPROBE(mlt_userfault_kretprobe, unsigned int ret) {
  struct mlt_thread* thread = mlt_faulting();
  if (!thread || !thread->wait_start || thread->wait_kind != MLT_WAIT_USERFAULT) return 0;
  if (ret & VM_FAULT_RETRY) return mlt_wait_over(thread);
  /* An error: nobody waited. */
  thread->wait_start = 0;
  return 0;
}

/*
 * Whoever waits for a page, or for a block of a file system, sleeps in io_schedule; the functions that wait for pages
 * are inlined. For what, the end of the attempt tells: a fault that reads is a major one. Writeback is announced.
 */
static __always_inline int mlt_asleep(void) {
  struct mlt_thread* thread = mlt_in_fault();
  if (!thread) return 0;
  if (!thread->wait_start) return mlt_wait_begin(thread, MLT_WAIT_PAGE_LOCK);
  thread->wait_end = 0;
  return 0;
}

/* Awake again: if it is not to sleep once more, the wait is over. */
static __always_inline int mlt_awake(void) {
  struct mlt_thread* thread = mlt_in_fault();
  if (thread && thread->wait_start && mlt_waits_for_page(thread)) thread->wait_end = bpf_ktime_get_ns();
  return 0;
}

MLT_ENTRY(io_schedule, io_schedule, mlt_asleep())
MLT_EXIT(io_schedule, io_schedule, mlt_awake())

/* Only where there is something to wait for. */
static __always_inline int mlt_writeback(void) {
  struct mlt_thread* thread = mlt_in_fault();
  return thread ? mlt_wait_begin(thread, MLT_WAIT_WRITEBACK) : 0;
}

SEC("raw_tp/folio_wait_writeback")
int mlt_folio_writeback(void* ctx) { return mlt_writeback(); }

SEC("raw_tp/wait_on_page_writeback")
int mlt_page_writeback(void* ctx) { return mlt_writeback(); }

/* A page that the cache remembers to have evicted is read again. */
static __always_inline int mlt_refault(const void* folio) {
  struct mlt_thread* thread = mlt_in_fault();
  struct mlt_proc* proc = thread ? mlt_proc_at(thread->proc) : NULL;
  if (!proc) return 0;
  u64 flags = mlt_page_flags(folio);
  u64 pages = mlt_folio_pages(folio, flags);
  bool is_of_swap = flags & mlt_page_flag(PG_swapbacked);
  thread->fault_state = MLT_FAULT;
  thread->fault_refaulted = is_of_swap ? MLT_REFAULTED_SWAP : MLT_REFAULTED_FILE;
  if (is_of_swap)
    mlt_add(proc->refaulted_swap, pages);
  else
    mlt_add(proc->refaulted_file, pages);
  return 0;
}

MLT_ENTRY(workingset_refault, refault, mlt_refault(folio), const void* folio)

/* Whoever makes more pages dirty than can be written is put to sleep; the kernel looks more often than it does that. */
static __always_inline u64 mlt_switches(void) {
  return BPF_CORE_READ((struct task_struct*)bpf_get_current_task(), nvcsw);
}

static __always_inline int mlt_dirty_begin(void) {
  struct mlt_thread* thread = mlt_in_fault();
  if (!thread) return 0;
  thread->wait_switches = mlt_switches();
  return mlt_wait_begin(thread, MLT_WAIT_DIRTY);
}

static __always_inline int mlt_dirty_end(void) {
  struct mlt_thread* thread = mlt_in_fault();
  if (!thread || !thread->wait_start || thread->wait_kind != MLT_WAIT_DIRTY) return 0;
  if (thread->wait_switches != mlt_switches()) return mlt_wait_over(thread);
  thread->wait_start = 0;
  return 0;
}

MLT_ENTRY(balance_dirty_pages, dirty, mlt_dirty_begin())
MLT_EXIT(balance_dirty_pages, dirty, mlt_dirty_end())

SEC("raw_tp/mm_compaction_begin")
int mlt_compaction_begin(void* ctx) {
  struct mlt_thread* thread = mlt_in_fault();
  return thread ? mlt_wait_begin(thread, MLT_WAIT_COMPACTION) : 0;
}

SEC("raw_tp/mm_compaction_end")
int mlt_compaction_end(void* ctx) {
  struct mlt_thread* thread = mlt_in_fault();
  return thread ? mlt_wait_end(thread, MLT_WAIT_COMPACTION) : 0;
}

/*
 * memory.high: at each return to user mode, where the kernel looks for such work at all, and since 5.18 also where a
 * charge is far over it (c9afe31ec443 "memcg: synchronously enforce memory.high for large overcharges"). It reclaims
 * first, which counts as that.
 */
static __always_inline int mlt_high_begin(void) {
  struct mlt_thread* thread = mlt_current();
  struct task_struct* task = (void*)bpf_get_current_task();
  if (!thread || !bpf_core_field_exists(task->memcg_nr_pages_over_high)) return 0;
  if (!BPF_CORE_READ(task, memcg_nr_pages_over_high)) return 0;
  thread->high_stalled_ns = thread->stalled_ns;
  thread->high_start = bpf_ktime_get_ns();
  return 0;
}

static __always_inline int mlt_high_end(void) {
  struct mlt_thread* thread = mlt_current();
  if (!thread || !thread->high_start) return 0;
  u64 ns = bpf_ktime_get_ns() - thread->high_start;
  u64 inside = thread->stalled_ns - thread->high_stalled_ns;
  thread->high_start = 0;
  bool in_fault = mlt_is_in_fault(thread);
  if (in_fault) thread->fault_state = MLT_FAULT;
  return mlt_wait_count(thread, in_fault ? MLT_WAIT_MEMORY_HIGH : MLT_WAIT_AFTER_HIGH, ns > inside ? ns - inside : 0);
}

/* Its name where it is called only for who is over it. */
MLT_ENTRY(__mem_cgroup_handle_over_high, over_high, mlt_high_begin())
MLT_EXIT(__mem_cgroup_handle_over_high, over_high, mlt_high_end())
MLT_ENTRY(mem_cgroup_handle_over_high, handle_high, mlt_high_begin())
MLT_EXIT(mem_cgroup_handle_over_high, handle_high, mlt_high_end())

/* Once for each 2 MiB, at most: whether a huge page comes of it, the end of the fault tells. */
static __always_inline int mlt_huge_page(void) {
  struct mlt_thread* thread = mlt_in_fault();
  if (!thread) return 0;
  thread->fault_state = MLT_FAULT;
  thread->huge_stalled_ns = thread->stalled_ns;
  thread->huge_start = bpf_ktime_get_ns();
  return 0;
}

MLT_ENTRY(do_huge_pmd_anonymous_page, huge_page, mlt_huge_page())
