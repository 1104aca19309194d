// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Page locking: PG_mlocked set and cleared, pages moved to the unevictable LRU list and back, in base pages, per
 * process.
 *
 * Counted from the state of the page, never from calls: mlock_vma_page runs again for pages that are mlocked, and
 * munlock_folio runs for every subpage of a huge page that is being split.
 *
 * The move between the lists is done later, when a per-CPU batch is flushed, by whichever task flushes it. So whoever
 * locks or unlocks a page leaves a note in mlt_moving, and the flush looks the owner up there.
 */
#include "core.bpf.h"

static __always_inline void mlt_note_move(const void* folio, u32 proc) {
  u64 key = (u64)folio;
  if (bpf_map_update_elem(&mlt_moving, &key, &proc, BPF_ANY)) mlt_add(mlt_stats.moving_full, 1);
}

/* A page of the current process was locked. `fresh`: it is new, so PG_mlocked cannot have been set. */
static __always_inline int mlt_page_lock(const void* folio, bool fresh) {
  struct mlt_thread* thread = mlt_current();
  unsigned long flags = mlt_page_flags(folio);
  if (thread) thread->fault_mlocked = 1;
  if (!fresh && (flags & mlt_page_flag(PG_mlocked))) return 0;
  u64 pages = mlt_folio_pages(folio, flags);
  struct mlt_proc* proc = thread ? mlt_proc_at(thread->proc) : NULL;
  if (!proc) {
    mlt_add(mlt_stats.other_mlocked, pages);
    return 0;
  }
  mlt_add(proc->mlocked, pages);
  mlt_note_move(folio, thread->proc);
  return 0;
}

SEC("fentry/mlock_new_folio")
int BPF_PROG(mlt_new_folio_fentry, void* folio) { return mlt_page_lock(folio, true); }

SEC("fentry/mlock_new_page")
int BPF_PROG(mlt_new_page_fentry, void* page) { return mlt_page_lock(page, true); }

SEC("fentry/mlock_folio")
int BPF_PROG(mlt_folio_fentry, void* folio) { return mlt_page_lock(folio, false); }

SEC("kprobe/mlock_new_folio")
int BPF_KPROBE(mlt_new_folio_kprobe, void* folio) { return mlt_page_lock(folio, true); }

SEC("kprobe/mlock_new_page")
int BPF_KPROBE(mlt_new_page_kprobe, void* page) { return mlt_page_lock(page, true); }

SEC("kprobe/mlock_folio")
int BPF_KPROBE(mlt_folio_kprobe, void* folio) { return mlt_page_lock(folio, false); }

/* Up to 5.17 a new page is mlocked on its way to the LRU list, without mlock_vma_page. */
static __always_inline int mlt_page_added(const void* page, u64 vm_flags) {
  if ((vm_flags & (VM_LOCKED | VM_SPECIAL)) != VM_LOCKED) return 0;
  return mlt_page_lock(page, false);
}

SEC("fentry/mlock_vma_page")
int BPF_PROG(mlt_vma_page_fentry, void* page) { return mlt_page_lock(page, false); }

SEC("fentry/lru_cache_add_inactive_or_unevictable")
int BPF_PROG(mlt_page_added_fentry, void* page, struct vm_area_struct* vma) {
  return mlt_page_added(page, vma->vm_flags);
}

SEC("kprobe/mlock_vma_page")
int BPF_KPROBE(mlt_vma_page_kprobe, void* page) { return mlt_page_lock(page, false); }

SEC("kprobe/lru_cache_add_inactive_or_unevictable")
int BPF_KPROBE(mlt_page_added_kprobe, void* page, struct vm_area_struct* vma) {
  return mlt_page_added(page, BPF_CORE_READ(vma, vm_flags));
}

/* 5.18 and later: the last of the VM_LOCKED VMAs that hold the page lets it go, or the count is not being kept. */
static __always_inline int mlt_page_unlock(const void* folio) {
  unsigned long flags = mlt_page_flags(folio);
  if (!(flags & mlt_page_flag(PG_mlocked))) return 0;
  struct mlt_thread* thread = mlt_current();
  struct mlt_proc* proc = thread ? mlt_proc_at(thread->proc) : NULL;
  unsigned long counted = mlt_page_flag(PG_lru) | mlt_page_flag(PG_unevictable);
  u64 pages = mlt_folio_pages(folio, flags);
  if ((flags & counted) == counted && mlt_mlock_count(folio) > 1) {
    if (proc) mlt_add(proc->still_locked, pages);
    return 0;
  }
  if (!proc) {
    mlt_add(mlt_stats.other_munlocked, pages);
    return 0;
  }
  mlt_add(proc->munlocked, pages);
  mlt_note_move(folio, thread->proc);
  return 0;
}

SEC("fentry/munlock_folio")
int BPF_PROG(mlt_unlock_folio_fentry, void* folio) { return mlt_page_unlock(folio); }

SEC("fentry/munlock_page")
int BPF_PROG(mlt_unlock_page_fentry, void* page) { return mlt_page_unlock(page); }

SEC("kprobe/munlock_folio")
int BPF_KPROBE(mlt_unlock_folio_kprobe, void* folio) { return mlt_page_unlock(folio); }

SEC("kprobe/munlock_page")
int BPF_KPROBE(mlt_unlock_page_kprobe, void* page) { return mlt_page_unlock(page); }

/* Up to 5.17: PG_mlocked is simply cleared, and set again later if another VMA still locks the page. */
static __always_inline int mlt_page_unlock_old(const void* page) {
  unsigned long flags = mlt_page_flags(page);
  if (!(flags & mlt_page_flag(PG_mlocked))) return 0;
  struct mlt_thread* thread = mlt_current();
  struct mlt_proc* proc = thread ? mlt_proc_at(thread->proc) : NULL;
  u64 pages = mlt_folio_pages(page, flags);
  if (!proc) {
    mlt_add(mlt_stats.other_munlocked, pages);
    return 0;
  }
  mlt_add(proc->munlocked, pages);
  mlt_note_move(page, thread->proc);
  return 0;
}

/* The i-th folio of a batch, with its tag in the two low bits. */
static __always_inline u64 mlt_batch_entry(const void* array, u32 i) {
  u64 entry = 0;
  bpf_probe_read_kernel(&entry, sizeof(entry), array + i * sizeof(entry));
  return entry;
}

static __noinline int mlt_unlock_batch_old(void* pagevec) {
  u32 size = mlt_batch_size(pagevec);
  const void* array = mlt_batch_array(pagevec);
  for (u32 i = 0; i < 15; i++) {
    if (i >= size) break;
    u64 page = mlt_batch_entry(array, i);
    if (page) mlt_page_unlock_old((void*)page);
  }
  return 0;
}

SEC("fentry/__munlock_pagevec")
int BPF_PROG(mlt_unlock_pagevec_fentry, void* pagevec) { return mlt_unlock_batch_old(pagevec); }

SEC("fentry/munlock_vma_page")
int BPF_PROG(mlt_unlock_vma_page_fentry, void* page) { return mlt_page_unlock_old(page); }

SEC("fentry/clear_page_mlock")
int BPF_PROG(mlt_clear_page_fentry, void* page) { return mlt_page_unlock_old(page); }

SEC("kprobe/__munlock_pagevec")
int BPF_KPROBE(mlt_unlock_pagevec_kprobe, void* pagevec) { return mlt_unlock_batch_old(pagevec); }

SEC("kprobe/munlock_vma_page")
int BPF_KPROBE(mlt_unlock_vma_page_kprobe, void* page) { return mlt_page_unlock_old(page); }

SEC("kprobe/clear_page_mlock")
int BPF_KPROBE(mlt_clear_page_kprobe, void* page) { return mlt_page_unlock_old(page); }

/* What mlock_folio and mlock_new_folio note in the pointer that they put into the batch; munlock_folio notes nothing.
 */
#define MLT_TAG_MLOCK 1
#define MLT_TAG_NEW 2

/* The flush of a batch, 5.18 and later. The conditions are those of __mlock_folio, __mlock_new_folio, __munlock_folio.
 */
static __always_inline void mlt_flush_entry(u64 entry) {
  u64 folio = entry & ~3ULL;
  u32 tag = entry & 3;
  u32* owner = bpf_map_lookup_elem(&mlt_moving, &folio);
  unsigned long flags = mlt_page_flags((void*)folio);
  bool lru = flags & mlt_page_flag(PG_lru);
  bool unevictable = flags & mlt_page_flag(PG_unevictable);

  bool culled = !unevictable && (tag == MLT_TAG_NEW || (tag == MLT_TAG_MLOCK && lru));
  bool rescued = tag == 0 && lru && unevictable && mlt_mlock_count((void*)folio) <= 1;
  if (culled || rescued) {
    u64 pages = mlt_folio_pages((void*)folio, flags);
    struct mlt_proc* proc = owner ? mlt_proc_at(*owner) : NULL;
    if (proc && culled)
      mlt_add(proc->unevictable, pages);
    else if (proc)
      mlt_add(proc->rescued, pages);
    else if (culled)
      mlt_add(mlt_stats.other_unevictable, pages);
    else
      mlt_add(mlt_stats.other_rescued, pages);
  }
  if (owner) bpf_map_delete_elem(&mlt_moving, &folio);
}

static long mlt_flush_nth(u32 i, const void** array) {
  mlt_flush_entry(mlt_batch_entry(*array, i));
  return 0;
}

/* bpf_loop (5.17+) is there wherever these batches are (5.18+); a plain loop takes the verifier 15,000 instructions. */
static __noinline int mlt_flush(void* batch) {
  const void* array = mlt_batch_array(batch);
  u32 size = mlt_batch_size(batch);
  bpf_loop(size < MLT_BATCH_MAX ? size : MLT_BATCH_MAX, mlt_flush_nth, &array, 0);
  return 0;
}

SEC("fentry/mlock_folio_batch")
int BPF_PROG(mlt_flush_folios_fentry, void* batch) { return mlt_flush(batch); }

SEC("fentry/mlock_pagevec")
int BPF_PROG(mlt_flush_pages_fentry, void* batch) { return mlt_flush(batch); }

SEC("kprobe/mlock_folio_batch")
int BPF_KPROBE(mlt_flush_folios_kprobe, void* batch) { return mlt_flush(batch); }

SEC("kprobe/mlock_pagevec")
int BPF_KPROBE(mlt_flush_pages_kprobe, void* batch) { return mlt_flush(batch); }

/*
 * Pages that reach the unevictable list by the ordinary way to the LRU lists. Up to 5.17 that is every locked page;
 * from then on those which were mlocked while still waiting to be added. They keep their note: a flush may follow.
 */
static __always_inline void mlt_inserted_unevictable(const void* folio, unsigned long flags) {
  u64 key = (u64)folio;
  u64 pages = mlt_folio_pages(folio, flags);
  u32* owner = bpf_map_lookup_elem(&mlt_moving, &key);
  struct mlt_proc* proc = owner ? mlt_proc_at(*owner) : NULL;
  if (proc)
    mlt_add(proc->unevictable, pages);
  else
    mlt_add(mlt_stats.other_unevictable, pages);
}

SEC("raw_tp/mm_lru_insertion")
int mlt_lru_insertion(struct bpf_raw_tracepoint_args* ctx) {
  const void* folio = (void*)ctx->args[0];
  unsigned long flags = mlt_page_flags(folio);
  if (flags & mlt_page_flag(PG_unevictable)) mlt_inserted_unevictable(folio, flags);
  return 0;
}

/* Up to 5.17 a munlocked page goes back the same way. Both moves end here, so the note is done with. */
SEC("raw_tp/mm_lru_insertion")
int mlt_lru_insertion_old(struct bpf_raw_tracepoint_args* ctx) {
  const void* page = (void*)ctx->args[0];
  u64 key = (u64)page;
  unsigned long flags = mlt_page_flags(page);
  if (flags & mlt_page_flag(PG_unevictable)) {
    mlt_inserted_unevictable(page, flags);
  } else {
    u32* owner = bpf_map_lookup_elem(&mlt_moving, &key);
    struct mlt_proc* proc = owner ? mlt_proc_at(*owner) : NULL;
    if (proc) mlt_add(proc->rescued, mlt_folio_pages(page, flags));
  }
  bpf_map_delete_elem(&mlt_moving, &key);
  return 0;
}

/* Where the locking itself cannot be seen: insertions by the current process. A flush by another task is its own. */
SEC("raw_tp/mm_lru_insertion")
int mlt_lru_insertion_current(struct bpf_raw_tracepoint_args* ctx) {
  const void* folio = (void*)ctx->args[0];
  unsigned long flags = mlt_page_flags(folio);
  if (!(flags & mlt_page_flag(PG_unevictable))) return 0;
  struct mlt_thread* thread = mlt_current();
  struct mlt_proc* proc = thread ? mlt_proc_at(thread->proc) : NULL;
  u64 pages = mlt_folio_pages(folio, flags);
  if (proc)
    mlt_add(proc->unevictable, pages);
  else
    mlt_add(mlt_stats.other_unevictable, pages);
  return 0;
}
