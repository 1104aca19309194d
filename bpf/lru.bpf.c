// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Page locking: PG_mlocked set and cleared, pages moved to the unevictable LRU list and back, in base pages, per
 * process.
 *
 * Counted from the state of the page, never from calls: mlock_vma_page runs again for pages that are mlocked, and
 * munlock_folio runs for every subpage of a huge page that is being split.
 *
 * The move between the lists is done later, when a per-CPU batch is flushed, by whichever task flushes it. So whoever
 * locks or unlocks a page leaves a note in mlt_moving, and the flush looks the owner up there. Whether a page moves is
 * decided where the kernel decides it, on the same conditions: its counters know no others.
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

/* An address that the verifier takes for a pointer to something, as a plain number: global functions take no others. */
static __always_inline u64 mlt_number(const void* address) {
  u64 number = 0;
  bpf_probe_read_kernel(&number, sizeof(number), &address);
  return number;
}

/* The process of this record; NULL: none, or one that has ended, whose record may have been read for the last time. */
static __always_inline struct mlt_proc* mlt_noted_proc(u32 index) {
  struct mlt_proc* proc = index ? mlt_proc_at(index) : NULL;
  return proc && !proc->gone ? proc : NULL;
}

/* Made unevictable by its mapping, whoever locks it: ramfs, SHM_LOCK, secretmem. */
static __always_inline bool mlt_is_unevictable_file(const void* folio) {
  const struct page* page = folio;
  struct address_space* mapping = BPF_CORE_READ(page, mapping);
  return mapping && !((u64)mapping & 3) && mlt_is_space_unevictable(mapping);
}

/*
 * A page reached the unevictable list because of its mapping; returns on whose behalf. A global function, as some
 * below: the verifier checks it once, and not on every way that leads to it.
 */
__noinline u32 mlt_made_unevictable_by_file(u64 folio, u32 index, u64 pages) {
  mlt_add(mlt_stats.unmlocked_unevictable, pages);
  if (!index) index = mlt_mapper_of((void*)folio, pages, 0);
  /* Put back by reclaim. The last of them may wait in the processor's batch until somebody else comes by. */
  struct mlt_proc* mapper = index && mlt_is_reclaiming() ? mlt_proc_at(index) : NULL;
  if (mapper) mlt_add(mapper->culled, pages);
  return index;
}

/*
 * A page reached the unevictable list; `by_file`: because of its mapping. `index`: record of the process on whose
 * behalf; 0: not known, or not traced.
 */
static __always_inline void mlt_made_unevictable(const void* folio, bool by_file, u32 index, u64 pages) {
  if (by_file && mlt_phase == MLT_COMPLETE) index = mlt_made_unevictable_by_file(mlt_number(folio), index, pages);
  struct mlt_proc* proc = mlt_noted_proc(index);
  mlt_add_pages(proc, unevictable, pages);
}

static __always_inline void mlt_note_move(const void* folio, u32 proc) {
  u64 key = (u64)folio;
  if (bpf_map_update_elem(&mlt_moving, &key, &proc, BPF_ANY)) mlt_add(mlt_stats.moving_full, 1);
}

/*
 * A note may tell more. From 5.18 on: that the flush has found the page on no list, which comes to one later; how often
 * it was counted as munlocked since the last flush. Up to 5.17: that it is being munlocked, and that it was on the
 * unevictable list then.
 */
#define MLT_NOTE_FLUSHED 0x80000000U
#define MLT_NOTE_UNLOCKED 0x01000000U
#define MLT_NOTE_UNLOCKED_SHIFT 24
#define MLT_NOTE_UNLOCKED_MAX 15U
#define MLT_NOTE_UNLOCK 0x40000000U
#define MLT_NOTE_UNEVICTABLE 0x20000000U
#define MLT_NOTE_PROC 0x00ffffffU

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
  struct mlt_proc* proc = mlt_noted_proc(index);
  *note = index;
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

static __always_inline u32 mlt_note_unlocked(u32 note) {
  return note >> MLT_NOTE_UNLOCKED_SHIFT & MLT_NOTE_UNLOCKED_MAX;
}

/*
 * 5.18 and later: the last of the VM_LOCKED VMAs that hold the page lets it go, or the count is not being kept. So it
 * looks by now: the kernel decides when it flushes the batch, in which more may wait that is about this page. What was
 * foretold wrongly is put right then, and what nobody who is traced does is counted then only.
 */
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
  if (!proc) return 0;
  mlt_add(proc->munlocked, pages);
  u64 key = (u64)folio;
  u32 note = thread->proc | MLT_NOTE_UNLOCKED;
  if (!bpf_map_update_elem(&mlt_moving, &key, &note, BPF_NOEXIST)) return 0;
  u32* found = bpf_map_lookup_elem(&mlt_moving, &key);
  if (found)
    *found = note + mlt_note_unlocked(*found) * MLT_NOTE_UNLOCKED;
  else
    mlt_add(mlt_stats.moving_full, 1);
  return 0;
}

MLT_ENTRY(munlock_folio, unlock_folio, mlt_page_unlock(folio), void* folio)
MLT_ENTRY(munlock_page, unlock_page, mlt_page_unlock(page), void* page)

/*
 * Up to 5.17: PG_mlocked is simply cleared, and set again if another mapping still locks the page. A page that somebody
 * has isolated is left to him: he may never put it back, as when it is migrated, and no note may outlast it.
 */
static __always_inline int mlt_page_unlock_old(const void* page, u32 unlocking, u32 index) {
  unsigned long flags = mlt_page_flags(page);
  if (!(flags & mlt_page_flag(PG_mlocked))) return 0;
  struct mlt_proc* proc = index ? mlt_proc_at(index) : NULL;
  u64 pages = mlt_folio_pages(page, flags);
  mlt_add_pages(proc, munlocked, pages);
  u32 listed = unlocking && (flags & mlt_page_flag(PG_unevictable)) ? MLT_NOTE_UNEVICTABLE : 0;
  if (flags & mlt_page_flag(PG_lru)) mlt_note_move(page, index | unlocking | listed);
  return 0;
}

/* The record of the current process; 0: it is not traced. Asked before the stack is needed for anything else. */
static __always_inline u32 mlt_current_proc(void) {
  struct mlt_thread* thread = mlt_current();
  return thread ? thread->proc : 0;
}

/* The i-th folio of a batch, with its tag in the two low bits. */
static __always_inline u64 mlt_batch_entry(const void* array, u32 i) {
  u64 entry = 0;
  bpf_probe_read_kernel(&entry, sizeof(entry), array + i * sizeof(entry));
  return entry;
}

#define MLT_PAGEVEC_MAX 15

/*
 * A page that KSM has merged may be in there more than once. It is munlocked once. Pages are told apart by 32 bits of
 * their address, which do for 256 GiB of struct page: the stack has no room for more.
 */
static __noinline int mlt_unlock_batch_old(void* pagevec, u32 index) {
  u32 keys[MLT_PAGEVEC_MAX] = {};
  u32 size = mlt_batch_size(pagevec);
  const void* array = mlt_batch_array(pagevec);
#pragma unroll
  for (u32 i = 0; i < MLT_PAGEVEC_MAX; i++) keys[i] = mlt_batch_entry(array, i) >> 6;
  for (u32 i = 0; i < MLT_PAGEVEC_MAX; i++) {
    if (i >= size) break;
    u64 page = mlt_batch_entry(array, i);
    u64 is_new = 1;
#pragma unroll
    for (u32 j = 0; j < MLT_PAGEVEC_MAX; j++) is_new &= mlt_is_set(keys[j] ^ keys[i]) | (1 ^ mlt_is_less(j, i));
    if (page && is_new) mlt_page_unlock_old((void*)page, MLT_NOTE_UNLOCK, index);
  }
  return 0;
}

MLT_ENTRY(__munlock_pagevec, unlock_pagevec, mlt_unlock_batch_old(pagevec, mlt_current_proc()), void* pagevec)
MLT_ENTRY(munlock_vma_page, unlock_vma_page, mlt_page_unlock_old(page, MLT_NOTE_UNLOCK, mlt_current_proc()), void* page)

/*
 * Where the page is unmapped, truncated or replaced. One that somebody has isolated meanwhile, such as khugepaged, the
 * kernel counts as unevictable_pgs_cleared and as unevictable_pgs_stranded.
 */
static __always_inline int mlt_page_cleared(const void* page) {
  unsigned long flags = mlt_page_flags(page);
  unsigned long twice = mlt_page_flag(PG_mlocked) | mlt_page_flag(PG_unevictable);
  if (mlt_phase == MLT_COMPLETE && (flags & (twice | mlt_page_flag(PG_lru))) == twice)
    mlt_add(mlt_stats.cleared_stranded, mlt_folio_pages(page, flags));
  return mlt_page_unlock_old(page, 0, mlt_current_proc());
}

MLT_ENTRY(clear_page_mlock, clear_page, mlt_page_cleared(page), void* page)

/* What mlock_folio and mlock_new_folio note in the pointer that they put into the batch; munlock_folio notes nothing.
 */
#define MLT_TAG_MLOCK 1
#define MLT_TAG_NEW 2

/* What a turn of the flush goes by and changes; each 0 or 1, but for the count. Small: of the stack, 512 bytes are for
 * all functions that are under way, and a flush has six. */
struct mlt_turn {
  u8 lru;
  u8 unevictable;
  u8 mlocked;
  u8 held; /* by its mapping, whoever locks it */
  u32 count;
};

#define MLT_TURN_CULLED 1
#define MLT_TURN_RESCUED 2
#define MLT_TURN_UNLOCKED 4

/*
 * A folio's turn in the flush of a batch, 5.18 and later: what __mlock_folio, __mlock_new_folio and __munlock_folio do.
 * Without branches: the verifier would follow each of them through all turns.
 */
static __always_inline u64 mlt_turn(struct mlt_turn* folio, u64 tag) {
  u64 locks = tag & MLT_TAG_MLOCK;
  u64 adds = (tag / MLT_TAG_NEW) & (1 ^ locks);
  u64 unlocks = 1 ^ (locks | adds);
  u64 held = folio->mlocked | folio->held;
  u64 listed = folio->lru & folio->unevictable;
  u64 culled = held & (adds | (locks & folio->lru & (1 ^ folio->unevictable)));
  u64 rescued = locks & listed & (1 ^ held);
  folio->count += locks & listed & folio->mlocked;
  folio->count -= unlocks & listed & mlt_is_set(folio->count);
  u64 ends = unlocks & (1 ^ (listed & mlt_is_set(folio->count)));
  rescued |= ends & listed & (1 ^ folio->held);
  u64 unlocked = folio->mlocked & ends;
  folio->mlocked ^= unlocked;
  folio->unevictable = (folio->unevictable | culled) & (1 ^ rescued);
  folio->count = mlt_choose(culled, folio->mlocked, folio->count);
  folio->lru |= adds;
  return culled * MLT_TURN_CULLED | rescued * MLT_TURN_RESCUED | unlocked * MLT_TURN_UNLOCKED;
}

struct mlt_flush {
  const void* array;
  u64 seen;   /* a bit for each folio that had its turn; several may share one */
  u64 done;   /* a bit for each entry whose note is done with */
  u64 others; /* a bit for each of mlt_flushes that began before, and is under way on another processor */
};

/*
 * Two processors may flush a folio that two processes lock: both find it on no unevictable list when they begin, and
 * who gets the lock of the LRU lists second finds it there. Which flush began first decides who counts it. A flush is
 * over when its batch is empty, or something else is in there (mlock_folio_batch).
 */
__noinline u32 mlt_flush_begin(u64 batch, u32 size) {
  const void* array = mlt_batch_array((void*)batch);
  u64 turn = __sync_fetch_and_add(&mlt_flush_turns, 1);
  struct mlt_flush_begun* own = &mlt_flushes[turn % MLT_FLUSH_SLOTS];
  u64 others = 0;
  own->batch = batch;
  own->size = size;
  own->last = mlt_batch_entry(array, size ? size - 1 : 0) & ~3ULL;
  own->turn = turn;
  for (u32 i = 0; i < MLT_FLUSH_SLOTS; i++) {
    struct mlt_flush_begun* other = &mlt_flushes[i];
    void* theirs = (void*)other->batch;
    if (!theirs || (u64)theirs == batch || other->turn >= turn) continue;
    u32 filled = mlt_batch_size(theirs);
    if (!filled || filled != other->size) continue;
    if ((mlt_batch_entry(mlt_batch_array(theirs), filled - 1) & ~3ULL) == other->last) others |= 1ULL << i;
  }
  return others;
}

struct mlt_search {
  const void* array;
  u64 folio;
  u64 found;
};

/* An entry loses its tag when its turn begins: what has one is still to come. */
static long mlt_search_nth(u32 i, struct mlt_search* search) {
  u64 entry = mlt_batch_entry(search->array, i);
  search->found |= (entry & ~3ULL) == search->folio && (entry & 3);
  return search->found;
}

/* Will another processor, which began before, lock the folio? */
__noinline u32 mlt_is_flushed_elsewhere(u64 others, u64 folio) {
  struct mlt_search search = {.folio = folio};
  for (u32 i = 0; i < MLT_FLUSH_SLOTS; i++) {
    if (!(others >> i & 1)) continue;
    void* batch = (void*)mlt_flushes[i].batch;
    u32 size = mlt_batch_size(batch);
    search.array = mlt_batch_array(batch);
    bpf_loop(size < MLT_BATCH_MAX ? size : MLT_BATCH_MAX, mlt_search_nth, &search, 0);
  }
  return search.found;
}

struct mlt_replay {
  const void* array;
  u64 folio;
  struct mlt_turn state;
};

static long mlt_replay_nth(u32 i, struct mlt_replay* replay) {
  u64 entry = mlt_batch_entry(replay->array, i);
  if ((entry & ~3ULL) == replay->folio) mlt_turn(&replay->state, entry & 3);
  return 0;
}

/*
 * The turn of the i-th entry. A page that is locked and unlocked soon is in the batch more than once, and what the
 * kernel finds at its second turn is what the first one left.
 * A global function: the verifier checks it once, and not for each turn of the loop (217 million instructions on 7.3).
 */
__noinline int mlt_flush_entry(struct mlt_flush* flush, u32 i) {
  if (!flush) return 0;
  u64 entry = mlt_batch_entry(flush->array, i);
  u64 folio = entry & ~3ULL;
  unsigned long flags = mlt_page_flags((void*)folio);
  struct mlt_replay replay = {
      .array = flush->array,
      .folio = folio,
      .state = {.lru = mlt_is_set(flags & mlt_page_flag(PG_lru)),
                .unevictable = mlt_is_set(flags & mlt_page_flag(PG_unevictable)),
                .mlocked = mlt_is_set(flags & mlt_page_flag(PG_mlocked)),
                .held = mlt_is_unevictable_file((void*)folio)},
  };
  if (replay.state.lru & replay.state.unevictable) replay.state.count = mlt_mlock_count((void*)folio);
  u64 bit = 1ULL << (((folio >> 6) ^ (folio >> 15)) & 63);
  if (flush->seen & bit) bpf_loop(i, mlt_replay_nth, &replay, 0);
  flush->seen |= bit;
  u64 moved = mlt_turn(&replay.state, entry & 3);
  if (flush->others && (moved & MLT_TURN_CULLED)) {
    if (mlt_is_flushed_elsewhere(flush->others, folio)) moved &= ~MLT_TURN_CULLED;
    mlt_add(mlt_stats.flushed_at_once, mlt_folio_pages((void*)folio, flags));
  }
  u32* note = bpf_map_lookup_elem(&mlt_moving, &folio);
  u32 index = note ? *note & MLT_NOTE_PROC : 0;
  u64 foretold = note && !(entry & 3) ? mlt_note_unlocked(*note) : 0;
  u64 unlocked = moved / MLT_TURN_UNLOCKED;
  if (moved | foretold) {
    u64 pages = mlt_folio_pages((void*)folio, flags);
    struct mlt_proc* proc = mlt_noted_proc(index);
    /* On whose behalf the note tells. */
    if ((moved & MLT_TURN_CULLED) && replay.state.held && mlt_phase == MLT_COMPLETE)
      mlt_add(mlt_stats.unmlocked_unevictable, pages);
    if (moved & MLT_TURN_CULLED) mlt_add_pages(proc, unevictable, pages);
    if (moved & MLT_TURN_RESCUED) mlt_add_pages(proc, rescued, pages);
    if (unlocked != foretold) mlt_add_pages(proc, munlocked, (unlocked - foretold) * pages);
  }
  if (!note) return 0;
  if (!(entry & 3)) *note &= ~(MLT_NOTE_UNLOCKED_MAX << MLT_NOTE_UNLOCKED_SHIFT);
  /*
   * On no list: it is moved when it comes to one. Not so what is munlocked then: that is being migrated, and what comes
   * to a list is another page.
   */
  if (replay.state.lru || !(entry & MLT_TAG_MLOCK))
    flush->done |= 1ULL << (i & 63);
  else
    *note = index | MLT_NOTE_FLUSHED;
  return 0;
}

static long mlt_flush_nth(u32 i, struct mlt_flush* flush) {
  mlt_flush_entry(flush, i);
  return 0;
}

static long mlt_forget_nth(u32 i, struct mlt_flush* flush) {
  if (!(flush->done >> (i & 63) & 1)) return 0;
  u64 folio = mlt_batch_entry(flush->array, i) & ~3ULL;
  bpf_map_delete_elem(&mlt_moving, &folio);
  return 0;
}

/* bpf_loop (5.17+) is there wherever these batches are (5.18+); a plain loop takes the verifier 15,000 instructions. */
static __noinline int mlt_flush(void* batch) {
  struct mlt_flush flush = {.array = mlt_batch_array(batch)};
  u32 size = mlt_batch_size(batch);
  if (size > MLT_BATCH_MAX) size = MLT_BATCH_MAX;
  flush.others = mlt_flush_begin(mlt_number(batch), size);
  bpf_loop(size, mlt_flush_nth, &flush, 0);
  if (flush.done) bpf_loop(size, mlt_forget_nth, &flush, 0);
  return 0;
}

MLT_ENTRY(mlock_folio_batch, flush_folios, mlt_flush(batch), void* batch)
MLT_ENTRY(mlock_pagevec, flush_pages, mlt_flush(batch), void* batch)

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
  struct mlt_check check = {.array = mlt_batch_array(batch), .proc = mlt_current_proc()};
  u32 size = mlt_batch_size(batch);
  bpf_loop(size < MLT_BATCH_MAX ? size : MLT_BATCH_MAX, mlt_check_nth, &check, 0);
  return 0;
}

/* Up to 5.18, where bpf_loop is missing or this is the function's only name. */
static __noinline int mlt_check_move_old(void* pagevec) {
  u32 index = mlt_current_proc();
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

/*
 * A page comes to a list by the ordinary way: up to 5.17 all that move do, from then on those that were on no list when
 * their batch was flushed, and those that were isolated: by compaction, migration, khugepaged, reclaim. It brings
 * PG_unevictable along if it was on that list, or is the copy of one that was.
 */
static __noinline int mlt_listed(const void* folio, unsigned long flags, bool by_file) {
  bool was = flags & mlt_page_flag(PG_unevictable);
  bool held = (flags & mlt_page_flag(PG_mlocked)) || by_file;
  u64 key = (u64)folio;
  u32* note = bpf_map_lookup_elem(&mlt_moving, &key);
  u32 index = note ? *note & MLT_NOTE_PROC : 0;
  u64 pages = mlt_folio_pages(folio, flags);
  struct mlt_proc* proc = mlt_noted_proc(index);
  if (held && !was) mlt_made_unevictable(folio, by_file, index, pages);
  if (was && !held) mlt_add_pages(proc, rescued, pages);
  /* Otherwise a flush follows. */
  if (note && (*note & MLT_NOTE_FLUSHED)) bpf_map_delete_elem(&mlt_moving, &key);
  return 0;
}

static __always_inline int mlt_lru_added(const void* folio, unsigned long flags) {
  bool by_file = mlt_is_unevictable_file(folio);
  unsigned long moves = mlt_page_flag(PG_unevictable) | mlt_page_flag(PG_mlocked);
  return by_file || (flags & moves) ? mlt_listed(folio, flags, by_file) : 0;
}

#define MLT_LRU_ADDED(function, name, ...)                                                                     \
  SEC("fentry/" #function)                                                                                     \
  int BPF_PROG(mlt_##name##_fentry, ##__VA_ARGS__) { return mlt_lru_added(page, mlt_page_flags_typed(page)); } \
  SEC("kprobe/" #function)                                                                                     \
  int BPF_KPROBE(mlt_##name##_kprobe, ##__VA_ARGS__) { return mlt_lru_added(page, mlt_page_flags(page)); }

/* The page comes second from 6.0 on, when folio_batch_move_lru() came and __pagevec_lru_add_fn went. */
MLT_LRU_ADDED(lru_add, lru_add, void* list, struct page* page)
MLT_LRU_ADDED(lru_add_fn, lru_add_fn, void* list, struct page* page)
MLT_LRU_ADDED(__pagevec_lru_add_fn, pagevec_add, struct page* page)

/*
 * Up to 5.17 every move ends here, so the note is done with. A page that but one mapping holds is rescued by the
 * munlock itself, on its way here.
 */
static __always_inline int mlt_lru_added_old(const void* page) {
  u64 key = (u64)page;
  unsigned long flags = mlt_page_flags(page);
  u64 pages = mlt_folio_pages(page, flags);
  u32* found = bpf_map_lookup_elem(&mlt_moving, &key);
  u32 note = found ? *found : 0;
  u32 index = note & MLT_NOTE_PROC;
  struct mlt_proc* proc = mlt_noted_proc(index);
  bool was = flags & mlt_page_flag(PG_unevictable);
  bool by_file = mlt_is_unevictable_file(page);
  bool held = (flags & mlt_page_flag(PG_mlocked)) || by_file;
  if (was ? !held : note & MLT_NOTE_UNEVICTABLE) mlt_add_pages(proc, rescued, pages);
  if (!was && held) mlt_made_unevictable(page, by_file, index, pages);
  if (found) bpf_map_delete_elem(&mlt_moving, &key);
  return 0;
}

MLT_ENTRY(__pagevec_lru_add_fn, pagevec_add_old, mlt_lru_added_old(page), void* page)

/* Where the locking itself cannot be seen: insertions by the current process. A flush by another task is its own. */
SEC("raw_tp/mm_lru_insertion")
int mlt_lru_insertion_current(struct bpf_raw_tracepoint_args* ctx) {
  const void* folio = (void*)ctx->args[0];
  unsigned long flags = mlt_page_flags(folio);
  if (!(flags & mlt_page_flag(PG_unevictable))) return 0;
  mlt_made_unevictable(folio, mlt_is_unevictable_file(folio), mlt_current_proc(), mlt_folio_pages(folio, flags));
  return 0;
}
