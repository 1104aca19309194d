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
#include "rmap.bpf.h"

/* Adds pages to a process, or to what everybody else did: the kernel's counters know no processes. */
#define mlt_add_pages(proc, name, pages)        \
  ({                                            \
    if (proc)                                   \
      mlt_add((proc)->name, (pages));           \
    else if (mlt_phase == MLT_COMPLETE)         \
      mlt_add(mlt_stats.other_##name, (pages)); \
  })

/* Made unevictable by its mapping, whoever locks it: ramfs, SHM_LOCK, secretmem. */
static __always_inline bool mlt_is_unevictable_file(const void* folio) {
  const struct page* page = folio;
  struct address_space* mapping = BPF_CORE_READ(page, mapping);
  if (!mapping || ((u64)mapping & 3)) return false;
  return BPF_CORE_READ(mapping, flags) & (1UL << bpf_core_enum_value(enum mapping_flags, AS_UNEVICTABLE));
}

/* A page reached the unevictable list. `index`: record of the process on whose behalf; 0: not known, or not traced. */
static __always_inline void mlt_made_unevictable(const void* folio, u32 index, u64 pages) {
  if (mlt_is_unevictable_file(folio) && mlt_phase == MLT_COMPLETE) {
    mlt_add(mlt_stats.unmlocked_unevictable, pages);
    if (!index) index = mlt_mapper_of(folio, pages, 0);
    /* Put back by reclaim. The last of them may wait in the processor's batch until somebody else comes by. */
    struct mlt_proc* mapper = index && mlt_is_reclaiming() ? mlt_proc_at(index) : NULL;
    if (mapper) mlt_add(mapper->culled, pages);
  }
  struct mlt_proc* proc = index ? mlt_proc_at(index) : NULL;
  mlt_add_pages(proc, unevictable, pages);
}

static __always_inline void mlt_note_move(const void* folio, u32 proc) {
  u64 key = (u64)folio;
  if (bpf_map_update_elem(&mlt_moving, &key, &proc, BPF_ANY)) mlt_add(mlt_stats.moving_full, 1);
}

/* A note may tell, too, that the page comes from the unevictable list; up to 5.17 that it is being munlocked. */
#define MLT_NOTE_UNLOCK 0x80000000U
#define MLT_NOTE_UNEVICTABLE 0x40000000U
#define MLT_NOTE_PROC 0x3fffffffU

/*
 * Reclaim met a page that is not mlocked in a VM_LOCKED mapping, and stops there: from 5.18 on folio_referenced_one, on
 * its way through either list, before that try_to_unmap_one. Both mlock the page on behalf of the mapping. Not so with
 * a huge page that is locked in part: that is not mlocked, and not seen here.
 */
static __always_inline void mlt_met_locked(const void* folio, unsigned long flags, u64 pages) {
  u32 index = mlt_mapper_of(folio, pages, VM_LOCKED);
  struct mlt_proc* proc = index ? mlt_proc_at(index) : NULL;
  bool mlocked = flags & mlt_page_flag(PG_mlocked);
  if (proc && (flags & mlt_page_flag(PG_active)))
    mlt_add(proc->met_locked_active, pages);
  else if (proc)
    mlt_add(proc->met_locked_inactive, pages);
  if (mlocked) return;
  mlt_add_pages(proc, mlocked, pages);
  if (!proc) return;
  mlt_add(proc->culled, pages);
  mlt_note_move(folio, index);
}

/* A page of the current process was locked. `fresh`: it is new, so PG_mlocked cannot have been set. */
static __always_inline int mlt_page_lock(const void* folio, bool fresh) {
  struct mlt_thread* thread = mlt_current();
  unsigned long flags = mlt_page_flags(folio);
  if (thread) thread->fault_mlocked = 1;
  if (!fresh && mlt_is_reclaiming()) {
    mlt_met_locked(folio, flags, mlt_folio_pages(folio, flags));
    return 0;
  }
  if (!fresh && (flags & mlt_page_flag(PG_mlocked))) return 0;
  u64 pages = mlt_folio_pages(folio, flags);
  struct mlt_proc* proc = thread ? mlt_proc_at(thread->proc) : NULL;
  mlt_add_pages(proc, mlocked, pages);
  if (proc) mlt_note_move(folio, thread->proc);
  return 0;
}

MLT_ENTRY(mlock_new_folio, new_folio, mlt_page_lock(folio, true), void* folio)
MLT_ENTRY(mlock_new_page, new_page, mlt_page_lock(page, true), void* page)
MLT_ENTRY(mlock_folio, folio, mlt_page_lock(folio, false), void* folio)

/* Up to 5.17 a new page is mlocked on its way to the LRU list, without mlock_vma_page. */
static __always_inline int mlt_page_added(const void* page, u64 vm_flags) {
  if ((vm_flags & (VM_LOCKED | VM_SPECIAL)) != VM_LOCKED) return 0;
  return mlt_page_lock(page, false);
}

/*
 * Up to 5.17 munlock clears PG_mlocked and then looks whether another VM_LOCKED mapping holds the page: if so it is
 * mlocked again, on behalf of that one.
 */
static __always_inline int mlt_page_lock_old(const void* page) {
  u64 key = (u64)page;
  unsigned long flags = mlt_page_flags(page);
  u32* note = bpf_map_lookup_elem(&mlt_moving, &key);
  if (!note || !(*note & MLT_NOTE_UNLOCK) || (flags & mlt_page_flag(PG_mlocked))) return mlt_page_lock(page, false);
  u64 pages = mlt_folio_pages(page, flags);
  u32 index = *note & MLT_NOTE_PROC;
  struct mlt_proc* proc = index ? mlt_proc_at(index) : NULL;
  *note |= MLT_NOTE_UNEVICTABLE;
  mlt_add_pages(proc, munlocked, -pages);
  struct mlt_thread* thread = mlt_current();
  if (proc && thread && thread->proc == index)
    mlt_still_locked(thread, proc, page, pages);
  else if (proc)
    mlt_add(proc->still_locked, pages);
  if (mlt_phase == MLT_COMPLETE) mlt_add(mlt_stats.other_mlocked, pages);
  return 0;
}

MLT_ENTRY(mlock_vma_page, vma_page, mlt_page_lock_old(page), void* page)

SEC("fentry/lru_cache_add_inactive_or_unevictable")
int BPF_PROG(mlt_page_added_fentry, void* page, struct vm_area_struct* vma) {
  return mlt_page_added(page, vma->vm_flags);
}

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
    return proc ? mlt_still_locked(thread, proc, folio, pages) : 0;
  }
  mlt_add_pages(proc, munlocked, pages);
  if (!proc) return 0;
  u64 key = (u64)folio;
  u32* put_back = flags & mlt_page_flag(PG_lru) ? NULL : bpf_map_lookup_elem(&mlt_moving, &key);
  mlt_note_move(folio, thread->proc | (put_back ? *put_back & MLT_NOTE_UNEVICTABLE : 0));
  return 0;
}

MLT_ENTRY(munlock_folio, unlock_folio, mlt_page_unlock(folio), void* folio)
MLT_ENTRY(munlock_page, unlock_page, mlt_page_unlock(page), void* page)

/* Up to 5.17: PG_mlocked is simply cleared, and set again if another mapping still locks the page. */
static __always_inline int mlt_page_unlock_old(const void* page) {
  unsigned long flags = mlt_page_flags(page);
  if (!(flags & mlt_page_flag(PG_mlocked))) return 0;
  struct mlt_thread* thread = mlt_current();
  struct mlt_proc* proc = thread ? mlt_proc_at(thread->proc) : NULL;
  u64 pages = mlt_folio_pages(page, flags);
  mlt_add_pages(proc, munlocked, pages);
  mlt_note_move(page, MLT_NOTE_UNLOCK | (proc ? thread->proc : 0));
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

MLT_ENTRY(__munlock_pagevec, unlock_pagevec, mlt_unlock_batch_old(pagevec), void* pagevec)
MLT_ENTRY(munlock_vma_page, unlock_vma_page, mlt_page_unlock_old(page), void* page)

/*
 * Where the page is unmapped, truncated or replaced. One that somebody has isolated meanwhile, such as khugepaged, the
 * kernel counts as unevictable_pgs_cleared and as unevictable_pgs_stranded.
 */
static __always_inline int mlt_page_cleared(const void* page) {
  unsigned long flags = mlt_page_flags(page);
  unsigned long twice = mlt_page_flag(PG_mlocked) | mlt_page_flag(PG_unevictable);
  if (mlt_phase == MLT_COMPLETE && (flags & (twice | mlt_page_flag(PG_lru))) == twice)
    mlt_add(mlt_stats.cleared_stranded, mlt_folio_pages(page, flags));
  return mlt_page_unlock_old(page);
}

MLT_ENTRY(clear_page_mlock, clear_page, mlt_page_cleared(page), void* page)

/* What mlock_folio and mlock_new_folio note in the pointer that they put into the batch; munlock_folio notes nothing.
 */
#define MLT_TAG_MLOCK 1
#define MLT_TAG_NEW 2

/*
 * The flush of a batch, 5.18 and later. The conditions are those of __mlock_folio, __mlock_new_folio, __munlock_folio.
 * A global function: the verifier checks it once, and not for each turn of the loop (217 million instructions on 7.3).
 */
__noinline int mlt_flush_entry(u64 entry) {
  u64 folio = entry & ~3ULL;
  u32 tag = entry & 3;
  u32* owner = bpf_map_lookup_elem(&mlt_moving, &folio);
  unsigned long flags = mlt_page_flags((void*)folio);
  bool lru = flags & mlt_page_flag(PG_lru);
  bool unevictable = flags & mlt_page_flag(PG_unevictable);

  bool culled = !unevictable && (tag == MLT_TAG_NEW || (tag == MLT_TAG_MLOCK && lru));
  bool rescued = tag == 0 && lru && unevictable && mlt_mlock_count((void*)folio) <= 1;
  u32 note = owner ? *owner : 0;
  /* Put back, but still waiting to be added: the kernel calls it stranded now, and rescued when it is added. */
  bool stranded = tag == 0 && !lru && unevictable && (note & MLT_NOTE_UNEVICTABLE) &&
                  (flags & mlt_page_flag(PG_mlocked)) && !mlt_is_unevictable_file((void*)folio);
  if (culled || rescued || stranded) {
    u64 pages = mlt_folio_pages((void*)folio, flags);
    u32 index = note & MLT_NOTE_PROC;
    struct mlt_proc* proc = index ? mlt_proc_at(index) : NULL;
    if (culled)
      mlt_made_unevictable((void*)folio, index, pages);
    else
      mlt_add_pages(proc, rescued, pages);
  }
  if (owner) bpf_map_delete_elem(&mlt_moving, &folio);
  return 0;
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

MLT_ENTRY(mlock_folio_batch, flush_folios, mlt_flush(batch), void* batch)
MLT_ENTRY(mlock_pagevec, flush_pages, mlt_flush(batch), void* batch)

/*
 * Pages that reach the unevictable list by the ordinary way to the LRU lists. Up to 5.17 that is every locked page;
 * from then on those which were mlocked while still waiting to be added. They keep their note: a flush may follow.
 */
static __always_inline void mlt_inserted_unevictable(const void* folio, unsigned long flags) {
  u64 key = (u64)folio;
  u64 pages = mlt_folio_pages(folio, flags);
  u32* note = bpf_map_lookup_elem(&mlt_moving, &key);
  if (note && (*note & MLT_NOTE_UNEVICTABLE)) {
    *note &= ~MLT_NOTE_UNEVICTABLE;
    if (!*note) bpf_map_delete_elem(&mlt_moving, &key);
    return;
  }
  mlt_made_unevictable(folio, note ? *note : 0, pages);
}

/*
 * A page that was isolated goes back to where it was: compaction takes mlocked pages off the list, and moves not all of
 * them. The kernel counts no move then, unless the page has become evictable meanwhile.
 */
static __always_inline int mlt_put_back(const void* folio) {
  unsigned long flags = mlt_page_flags(folio);
  if (!(flags & mlt_page_flag(PG_unevictable))) return 0;
  if ((flags & mlt_page_flag(PG_mlocked)) || mlt_is_unevictable_file(folio))
    mlt_note_move(folio, MLT_NOTE_UNEVICTABLE);
  else if (mlt_phase == MLT_COMPLETE)
    mlt_add(mlt_stats.other_rescued, mlt_folio_pages(folio, flags));
  return 0;
}

MLT_ENTRY(folio_putback_lru, put_back, mlt_put_back(folio), void* folio)

/*
 * A page that is migrated gives PG_unevictable to its copy, but not PG_mlocked: that comes back with the mappings, and
 * from 5.18 on the copy is on a list before (c3096e6782b7 "mm/migrate: __unmap_and_move() push good newpage to LRU").
 * So the kernel counts it as rescued there. It counts nothing where the mapping itself makes the copy unevictable.
 */
static __always_inline int mlt_migrated(const void* copy, const void* folio) {
  unsigned long flags = mlt_page_flags(folio);
  if (!(flags & mlt_page_flag(PG_unevictable))) return 0;
  if (mlt_is_unevictable_file(copy))
    mlt_note_move(copy, MLT_NOTE_UNEVICTABLE);
  else if (mlt_phase == MLT_COMPLETE)
    mlt_add(mlt_stats.other_rescued, mlt_folio_pages(folio, flags));
  return 0;
}

MLT_ENTRY(folio_migrate_flags, migrated, mlt_migrated(copy, folio), void* copy, void* folio)

/*
 * SHM_UNLOCK, whose pages go back at once, without the batch. The condition is that of check_move_unevictable_folios;
 * the mapping is evictable already.
 */
static __always_inline void mlt_checked(u64 folio, u32 index) {
  unsigned long flags = mlt_page_flags((void*)folio);
  unsigned long on_list = mlt_page_flag(PG_lru) | mlt_page_flag(PG_unevictable);
  if ((flags & (on_list | mlt_page_flag(PG_mlocked))) != on_list || mlt_is_unevictable_file((void*)folio)) return;
  u64 pages = mlt_folio_pages((void*)folio, flags);
  struct mlt_proc* proc = index ? mlt_proc_at(index) : NULL;
  mlt_add_pages(proc, rescued, pages);
}

struct mlt_check {
  const void* array;
  u32 proc;
};

static long mlt_check_nth(u32 i, struct mlt_check* check) {
  mlt_checked(mlt_batch_entry(check->array, i), check->proc);
  return 0;
}

static __noinline int mlt_check_move(void* batch) {
  struct mlt_thread* thread = mlt_current();
  struct mlt_check check = {.array = mlt_batch_array(batch), .proc = thread ? thread->proc : 0};
  u32 size = mlt_batch_size(batch);
  bpf_loop(size < MLT_BATCH_MAX ? size : MLT_BATCH_MAX, mlt_check_nth, &check, 0);
  return 0;
}

/* Up to 5.18, where bpf_loop is missing or this is the function's only name. */
static __noinline int mlt_check_move_old(void* pagevec) {
  struct mlt_thread* thread = mlt_current();
  u32 index = thread ? thread->proc : 0;
  u32 size = mlt_batch_size(pagevec);
  const void* array = mlt_batch_array(pagevec);
  for (u32 i = 0; i < 15; i++) {
    if (i >= size) break;
    mlt_checked(mlt_batch_entry(array, i), index);
  }
  return 0;
}

MLT_ENTRY(check_move_unevictable_folios, check_folios, mlt_check_move(batch), void* batch)
MLT_ENTRY(check_move_unevictable_pages, check_pages, mlt_check_move_old(pagevec), void* pagevec)

SEC("raw_tp/mm_lru_insertion")
int mlt_lru_insertion(struct bpf_raw_tracepoint_args* ctx) {
  const void* folio = (void*)ctx->args[0];
  unsigned long flags = mlt_page_flags(folio);
  if (flags & mlt_page_flag(PG_unevictable)) mlt_inserted_unevictable(folio, flags);
  return 0;
}

/* Up to 5.17 a page that stays unevictable is inserted again, and so is the copy of one that is migrated. */
static __always_inline int mlt_put_back_old(const void* page) {
  unsigned long stays = mlt_page_flag(PG_unevictable) | mlt_page_flag(PG_mlocked);
  if ((mlt_page_flags(page) & stays) == stays) mlt_note_move(page, MLT_NOTE_UNEVICTABLE);
  return 0;
}

MLT_ENTRY(putback_lru_page, put_back_old, mlt_put_back_old(page), void* page)

/* Up to 5.17 a munlocked page goes back the same way. Both moves end here, so the note is done with. */
SEC("raw_tp/mm_lru_insertion")
int mlt_lru_insertion_old(struct bpf_raw_tracepoint_args* ctx) {
  const void* page = (void*)ctx->args[0];
  u64 key = (u64)page;
  unsigned long flags = mlt_page_flags(page);
  u64 pages = mlt_folio_pages(page, flags);
  u32* found = bpf_map_lookup_elem(&mlt_moving, &key);
  u32 note = found ? *found : 0;
  u32 index = note & MLT_NOTE_PROC;
  struct mlt_proc* proc = index ? mlt_proc_at(index) : NULL;
  if (note & MLT_NOTE_UNEVICTABLE) {
    /* It was on the unevictable list and is back there. */
  } else if (flags & mlt_page_flag(PG_unevictable)) {
    mlt_made_unevictable(page, index, pages);
  } else if (note & MLT_NOTE_UNLOCK) {
    mlt_add_pages(proc, rescued, pages);
  }
  if (found) bpf_map_delete_elem(&mlt_moving, &key);
  return 0;
}

/* Where the locking itself cannot be seen: insertions by the current process. A flush by another task is its own. */
SEC("raw_tp/mm_lru_insertion")
int mlt_lru_insertion_current(struct bpf_raw_tracepoint_args* ctx) {
  const void* folio = (void*)ctx->args[0];
  unsigned long flags = mlt_page_flags(folio);
  if (!(flags & mlt_page_flag(PG_unevictable))) return 0;
  struct mlt_thread* thread = mlt_current();
  mlt_made_unevictable(folio, thread ? thread->proc : 0, mlt_folio_pages(folio, flags));
  return 0;
}
