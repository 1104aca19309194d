/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Places of the tables. A record or block is found by hashing an address and looking at MLT_WAYS places. Claiming a
 * free place must be atomic, and 5.10 has neither compare-and-exchange nor fetch-and-add in BPF, so a place is claimed
 * by inserting its number into the hash map mlt_claims with BPF_NOEXIST.
 */
#ifndef MLT_CLAIMS_BPF_H
#define MLT_CLAIMS_BPF_H

#include "maps.bpf.h"

#define MLT_WAYS 8

#define mlt_add(where, n) __sync_fetch_and_add(&(where), (n))

static __always_inline u32 mlt_hash(u64 x) { return (x * 0x9e3779b97f4a7c15ULL) >> 32; }

static __always_inline struct mlt_proc* mlt_proc_at(u32 index) { return bpf_map_lookup_elem(&mlt_procs, &index); }

static __always_inline void mlt_unclaim(u64 kind, u32 index) {
  u64 key = kind | index;
  bpf_map_delete_elem(&mlt_claims, &key);
}

static __always_inline struct mlt_thread* mlt_thread_at(u32 index) { return bpf_map_lookup_elem(&mlt_threads, &index); }

/* The record of a thread, wherever it is. */
static __always_inline struct mlt_thread* mlt_thread_of(u64 task) {
  u32* place = bpf_map_lookup_elem(&mlt_places, &task);
  return place ? bpf_map_lookup_elem(&mlt_threads, place) : NULL;
}

/* Has the front end given the place back? It marks the record, and does not remove the claim: while a process is in a
 * bpf() call on a map, the kernel skips kprobe programs on that processor. */
static __always_inline bool mlt_is_released(u64 kind, u32 place) {
  if (kind == MLT_CLAIM_BLOCK) {
    struct mlt_block* block = bpf_map_lookup_elem(&mlt_blocks, &place);
    return block && (block->flags & MLT_BLOCK_FREE);
  }
  if (kind == MLT_CLAIM_VMA) {
    struct mlt_vma* vma = bpf_map_lookup_elem(&mlt_vmas, &place);
    return vma && (vma->state & MLT_BLOCK_FREE);
  }
  struct mlt_proc* proc = kind == MLT_CLAIM_PROC ? mlt_proc_at(place) : NULL;
  return proc && proc->gone == MLT_PROC_FREE;
}

static __always_inline u32 mlt_used(u64 kind, u32 place) {
  if (kind == MLT_CLAIM_BLOCK) mlt_used_blocks[place % MLT_BLOCKS_MAX] = 1;
  if (kind == MLT_CLAIM_VMA) mlt_used_vmas[place % MLT_VMAS_MAX] = 1;
  if (kind == MLT_CLAIM_PROC) mlt_used_procs[place % MLT_PROCS_MAX] = 1;
  return place;
}

/*
 * Takes a free place among `first` + 1 ... `first` + `mask`, starting where the hash says. Returns 0 when MLT_WAYS of
 * them are taken. Place 0 of a table is never used: 0 means none. Of two that want a released place, one removes its
 * claim.
 */
static __noinline u32 mlt_claim(u64 kind, u64 owner, u32 hash, u32 first, u32 mask) {
  u64 key = 0;
  for (u32 way = 0; way < MLT_WAYS; way++) {
    key = kind | (first + ((hash + way) & mask));
    if ((u32)key && !bpf_map_update_elem(&mlt_claims, &key, &owner, BPF_NOEXIST)) return mlt_used(kind, key);
  }
  /* Apart from the first try, which nearly always succeeds: the verifier has fewer ways to follow. */
  for (u32 way = 0; way < MLT_WAYS; way++) {
    key = kind | (first + ((hash + way) & mask));
    if (mlt_is_released(kind, key) && !bpf_map_delete_elem(&mlt_claims, &key)) break;
    key = 0;
  }
  return (u32)key && !bpf_map_update_elem(&mlt_claims, &key, &owner, BPF_NOEXIST) ? mlt_used(kind, key) : 0;
}

#endif
