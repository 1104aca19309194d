// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Swap, but for swapping in, which is a cause of faults: pages written out, by whom; pages that those faults read;
 * entries that fork copies and that unmapping gives up, with the time it takes.
 */
#include "cause.bpf.h"
#include "rmap.bpf.h"

static __always_inline u64 mlt_recent_check(const struct mlt_recent* recent) {
  return (recent->mapping * 3 + recent->first * 5 + recent->last * 7 + recent->owner) ^ bpf_jiffies64();
}

/*
 * A traced process that has the page mapped. Reclaim writes many pages of one mapping in a row, so the answer is kept
 * until the clock ticks: by then another process may have its address space at the same address.
 */
static __always_inline u32 mlt_swapped_owner(u64 mapping, u64 index, u64 pages) {
  struct mlt_recent* recent = &mlt_recent[bpf_get_smp_processor_id() % MLT_RECENT_SLOTS];
  if (recent->mapping == mapping && index >= recent->first && index <= recent->last &&
      recent->check == mlt_recent_check(recent))
    return recent->owner;
  struct mlt_walk walk = mlt_walk_begin(mapping, index, pages);
  u32 owner = mlt_walk_to_traced(&walk, 0);
  /* Where nobody is found the whole mapping is nobody's if its tree has but one VMA. */
  bool known = owner || walk.steps == 1;
  recent->mapping = mapping;
  recent->first = known ? walk.shown_first : index;
  recent->last = known ? walk.shown_last : index;
  recent->owner = owner;
  recent->check = mlt_recent_check(recent);
  return owner;
}

/* Charged to a process that had the page mapped; it is written by whoever reclaims. */
static __always_inline int mlt_swapped_out(u64 pages, u64 mapping, u64 index) {
  if (mlt_phase != MLT_COMPLETE) return 0;
  u32 owner = mlt_swapped_owner(mapping, index, pages);
  struct mlt_proc* proc = owner ? mlt_proc_at(owner) : NULL;
  if (!proc) {
    mlt_add(mlt_stats.other_swap_out, pages);
    return 0;
  }
  mlt_add(proc->swap_out, pages);
  if (bpf_get_current_pid_tgid() >> 32 == proc->tgid) {
    mlt_add(proc->swap_out_self, pages);
    return 0;
  }
  struct task_struct* task = (void*)bpf_get_current_task();
  if (BPF_CORE_READ(task, flags) & PF_KSWAPD) mlt_add(proc->swap_out_kswapd, pages);
  return 0;
}

/* Of a page that the verifier knows: one load each, but for the mapping, which is to be a number and not a pointer. */
static __always_inline int mlt_swapped_out_typed(struct page* page) {
  return mlt_swapped_out(mlt_folio_pages(page, mlt_page_flags_typed(page)), mlt_page_mapping(page),
                         mlt_page_index_typed(page));
}

SEC("fentry/swap_writepage")
int BPF_PROG(mlt_swap_writepage_fentry, struct page* page) { return mlt_swapped_out_typed(page); }

SEC("fentry/swap_writeout")
int BPF_PROG(mlt_swap_writeout_fentry) { return mlt_swapped_out_typed(mlt_swap_folio_typed(ctx)); }

SEC("kprobe")
int BPF_KPROBE(mlt_swap_write_kprobe, struct page* first, struct page* second) {
  struct page* folio = mlt_swap_folio(first, second);
  return mlt_swapped_out(mlt_folio_pages(folio, mlt_page_flags(folio)), mlt_page_mapping(folio), mlt_page_index(folio));
}

/* Where in swap the page is that the fault in flight needs; 0: it has arrived. Nothing is at 0: a swap header is. */
static __always_inline u64 mlt_needed_entry(const struct mlt_thread* thread) {
  u64 entry = mlt_table_entry(thread->page_table.table, thread->fault_address >> 12);
  return entry & (MLT_PRESENT | MLT_PROTNONE) ? 0 : mlt_swap_entry_of(entry);
}

/*
 * A folio is read: the one that the fault needs, or one that is read ahead with it. Which of them it is the kernel
 * marks later only. Of those that a fault reads none need be the one that it needs, as somebody else may be reading
 * that; and more than one may, as reclaim may take it back while those around it are read. Shared memory that is read
 * is no swap-in fault.
 */
static __always_inline int mlt_swap_read(u64 first, u64 pages) {
  struct mlt_thread* thread = mlt_current();
  if (!thread || !thread->fault_state || thread->fault_cause != MLT_CAUSE_SWAP_IN) return 0;
  if (mlt_needed_entry(thread) - first < pages) return 0;
  struct mlt_proc* proc = mlt_proc_at(thread->proc);
  if (proc) mlt_add(proc->swap_readahead, pages);
  return 0;
}

SEC("fentry/swap_readpage")
int BPF_PROG(mlt_swap_readpage_fentry, struct page* page) {
  return mlt_swap_read(mlt_swap_entry_typed(page), mlt_folio_pages(page, mlt_page_flags_typed(page)));
}

SEC("fentry/swap_read_folio")
int BPF_PROG(mlt_swap_read_folio_fentry) {
  struct page* folio = mlt_swap_folio_typed(ctx);
  return mlt_swap_read(mlt_swap_entry_typed(folio), mlt_folio_pages(folio, mlt_page_flags_typed(folio)));
}

SEC("kprobe")
int BPF_KPROBE(mlt_swap_read_kprobe, struct page* first, struct page* second) {
  struct page* folio = mlt_swap_folio(first, second);
  return mlt_swap_read(mlt_swap_entry(folio), mlt_folio_pages(folio, mlt_page_flags(folio)));
}

/*
 * swap_duplicate runs for every entry that copy_page_range copies; up to 6.19 also for pages that reclaim unmaps, so
 * only what happens inside the copying counts: nearly always there is none.
 */
static __always_inline int mlt_copy_begin(void) {
  struct mlt_thread* thread = mlt_current();
  if (!thread) return 0;
  thread->copy_swapped = 0;
  thread->copy_start = bpf_ktime_get_ns();
  mlt_add(mlt_copying, 1);
  return 0;
}

static __always_inline int mlt_copy_end(void) {
  struct mlt_thread* thread = mlt_current();
  if (!thread || !thread->copy_start) return 0;
  u64 ns = bpf_ktime_get_ns() - thread->copy_start;
  thread->copy_start = 0;
  mlt_add(mlt_copying, -1);
  struct mlt_proc* proc = thread->copy_swapped ? mlt_proc_at(thread->proc) : NULL;
  if (!proc) return 0;
  mlt_add(proc->swap_duplicated, thread->copy_swapped);
  mlt_add(proc->swap_duplicate_ns, ns);
  return 0;
}

static __always_inline int mlt_duplicated(void) {
  if (!mlt_copying) return 0;
  struct mlt_thread* thread = mlt_current();
  if (thread && thread->copy_start) thread->copy_swapped++;
  return 0;
}

MLT_ENTRY(copy_page_range, copy, mlt_copy_begin())
MLT_EXIT(copy_page_range, copy, mlt_copy_end())

SEC("fentry/swap_duplicate")
int BPF_PROG(mlt_duplicate_fentry) { return mlt_duplicated(); }

SEC("fentry/swap_dup_entry_direct")
int BPF_PROG(mlt_duplicate_direct_fentry) { return mlt_duplicated(); }

SEC("kprobe")
int BPF_KPROBE(mlt_duplicate_kprobe) { return mlt_duplicated(); }

/* Takes note of whose the address space was; of nobody's who is traced: all 0. */
static __always_inline void mlt_space_take(struct mm_struct* mm, struct mlt_space* taken) {
  u64 key = (u64)mm;
  struct mlt_space* space = bpf_map_lookup_elem(&mlt_spaces, &key);
  if (!space) return;
  *taken = *space;
  bpf_map_delete_elem(&mlt_spaces, &key);
}

/*
 * exit_mmap runs in whichever task lets go of the address space last: nearly always one of its own. But whoever reads
 * /proc/PID/smaps holds it for so long, and so does reclaim that walks it. Such a task has no record, or that of
 * another process, and the process may be gone by then.
 */
static __always_inline int mlt_unmap_all_begin(struct mm_struct* mm) {
  struct mlt_thread* thread = mlt_current();
  u64 task = bpf_get_current_task();
  struct mlt_unmapping other = {.start = bpf_ktime_get_ns()};
  mlt_space_take(mm, &other.space);
  bool own =
      thread && (other.space.proc == thread->proc || (BPF_CORE_READ((struct task_struct*)task, flags) & PF_EXITING));
  bool is_other = !own && mlt_space_owner(&other.space);
  if (is_other && mlt_phase == MLT_COMPLETE && !bpf_map_update_elem(&mlt_unmappings, &task, &other, BPF_ANY)) {
    mlt_add(mlt_unmapping_others, 1);
    return 0;
  }
  mlt_space_end(&other.space);
  if (thread && !is_other && mlt_phase == MLT_COMPLETE) thread->unmap_start = other.start;
  return 0;
}

static __always_inline void mlt_unmapped_all(struct mlt_proc* proc, u64 freed, u64 start) {
  if (!proc || !freed) return;
  mlt_add(proc->swap_freed, freed);
  mlt_add(proc->swap_free_ns, bpf_ktime_get_ns() - start);
}

static __always_inline struct mlt_unmapping* mlt_unmapping_other(u64 task) {
  return mlt_unmapping_others ? bpf_map_lookup_elem(&mlt_unmappings, &task) : NULL;
}

static __always_inline int mlt_unmap_all_end(void) {
  u64 task = bpf_get_current_task();
  struct mlt_unmapping* other = mlt_unmapping_other(task);
  if (other) {
    mlt_unmapped_all(mlt_space_owner(&other->space), other->freed, other->start);
    mlt_space_end(&other->space);
    bpf_map_delete_elem(&mlt_unmappings, &task);
    mlt_add(mlt_unmapping_others, -1);
    return 0;
  }
  struct mlt_thread* thread = mlt_current();
  if (!thread || !thread->unmap_start) return 0;
  mlt_unmapped_all(mlt_proc_at(thread->proc), thread->unmap_freed, thread->unmap_start);
  thread->unmap_start = 0;
  thread->unmap_freed = 0;
  return 0;
}

/* An exit gives up entry after entry: they are added to the process's at its end. */
static __always_inline int mlt_freed(u32 entries) {
  struct mlt_unmapping* other = mlt_unmapping_other(bpf_get_current_task());
  if (other) {
    other->freed += entries;
    return 0;
  }
  struct mlt_thread* thread = mlt_current();
  if (!thread) return 0;
  if (thread->unmap_start) {
    thread->unmap_freed += entries;
    return 0;
  }
  struct mlt_proc* proc = mlt_proc_at(thread->proc);
  if (proc) mlt_add(proc->swap_freed, entries);
  return 0;
}

MLT_ENTRY(exit_mmap, exit_mmap, mlt_unmap_all_begin(mm), struct mm_struct* mm)
MLT_EXIT(exit_mmap, exit_mmap, mlt_unmap_all_end())

/* One entry a call up to 6.9, a run of them since. */
MLT_ENTRY(free_swap_and_cache, free_one, mlt_freed(1))

SEC("fentry/free_swap_and_cache_nr")
int BPF_PROG(mlt_free_run_fentry, u64 entry, u32 entries) { return mlt_freed(entries); }

SEC("fentry/swap_put_entries_direct")
int BPF_PROG(mlt_free_direct_fentry, u64 entry, u32 entries) { return mlt_freed(entries); }

SEC("kprobe")
int BPF_KPROBE(mlt_free_run_kprobe, u64 entry, u32 entries) { return mlt_freed(entries); }
