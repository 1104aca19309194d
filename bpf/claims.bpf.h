/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Places of the tables. Claiming a free place must be atomic, and 5.10 has neither compare-and-exchange nor
 * fetch-and-add in BPF, so a place is claimed by inserting its number into the hash map mlt_claims with BPF_NOEXIST.
 */
#ifndef MLT_CLAIMS_BPF_H
#define MLT_CLAIMS_BPF_H

#include "maps.bpf.h"

#define MLT_WAYS 8

#define mlt_add(where, n) __sync_fetch_and_add(&(where), (n))

/* Of a table's places, those of records that the threads of a process share. */
static __always_inline u32 mlt_shared_part(u32 places) { return places / 4; }

/* 2^64 by the golden ratio: the upper bits of a product with it are a hash. */
#define MLT_HASH_FACTOR 0x9e3779b97f4a7c15ULL

static __always_inline u32 mlt_hash(u64 x) { return (x * MLT_HASH_FACTOR) >> 32; }

/* Of the address of a task_struct: its place in mlt_known, and in the table of threads what comes first. */
static __always_inline u64 mlt_hash_of_task(u64 task) { return (task * MLT_HASH_FACTOR) >> (64 - MLT_INTEREST_BITS); }

static __always_inline struct mlt_proc* mlt_proc_at(u32 index) { return bpf_map_lookup_elem(&mlt_procs, &index); }

static __always_inline struct mlt_vma* mlt_vma_at(u32 index) { return bpf_map_lookup_elem(&mlt_vmas, &index); }

static __always_inline void mlt_unclaim(u64 kind, u32 index) {
  u64 key = kind << MLT_CLAIM_SHIFT | index;
  bpf_map_delete_elem(&mlt_claims, &key);
}

static __always_inline struct mlt_thread* mlt_thread_at(u32 index) { return bpf_map_lookup_elem(&mlt_threads, &index); }

/* The record of a thread, wherever it is. */
static __always_inline struct mlt_thread* mlt_thread_of(u64 task) {
  u32* place = bpf_map_lookup_elem(&mlt_places, &task);
  return place ? bpf_map_lookup_elem(&mlt_threads, place) : NULL;
}

/*
 * Takes a free place among `first` + 1 ... `first` + `number`; 0: none was found. Place 0 of a table is never used: 0
 * means none. They are taken in order, as long as there are some that were never taken: of a table that is mostly empty
 * the front end has only that part in its memory. After that by a hash, MLT_WAYS of them. Global functions, each of one
 * loop: the verifier checks them once, and does not follow the second for every way out of the first.
 */
u32 mlt_take_unused(u64 kind, u64 owner, u32 first, u32 number);
u32 mlt_take_hashed(u64 kind, u64 owner, u32 first, u32 number);

static __always_inline u32 mlt_take(u64 kind, u64 owner, u32 first, u32 number) {
  u32 place = mlt_take_unused(kind, owner, first, number);
  return place ? place : mlt_take_hashed(kind, owner, first, number);
}

/* Takes a free place for a thread, whose record is looked for where the hash says. Global, too. */
u32 mlt_claim_thread(u64 owner, u32 hash, u32 first, u32 mask);

#endif
