/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Blocks of counters, one for each class of faults that a thread has: how many, how they ended, a histogram of how long
 * they took. A block of one thread has one writer; what finds no room is counted in one that its process shares.
 */
#ifndef MLT_BLOCK_BPF_H
#define MLT_BLOCK_BPF_H

#include "claims.bpf.h"

/* log2 of a byte; the table beats a chain of comparisons by 36 instructions a fault. */
#define L4(n) n, n, n, n
#define L16(n) L4(n), L4(n), L4(n), L4(n)
#define L64(n) L16(n), L16(n), L16(n), L16(n)
const __u8 mlt_log2[256] = {0, 0, 1, 1, L4(2), L4(3), L4(3), L16(4), L16(5), L16(5), L64(6), L64(7), L64(7)};

/* The near octave of a duration, by its next lower quarters of a microsecond: log2 of their number, which is the index
 * here + 1. */
const __u8 mlt_near_row[255] = {0, 1, 1, L4(2), L4(3), L4(3), L16(4), L16(5), L16(5), L64(6), L64(7), L64(7)};

/* The bucket of a duration of which `highest` is the highest bit. */
static __always_inline u32 mlt_bucket_in(u64 ns, u32 highest) {
  u32 octave = highest - MLT_HIST_SUB_BITS;
  return (octave + 1) * MLT_HIST_SUB + ((ns >> octave) & (MLT_HIST_SUB - 1));
}

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
  return mlt_bucket_in(ns, shift + mlt_log2[(ns >> shift) & 0xff]);
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
 * The block that all threads of a process share when they found none of their own. The first part of the table is for
 * these, the rest for threads, so that a process with very many threads cannot starve the others.
 */
__noinline u32 mlt_block_shared(u32 proc, u32 class_id) {
  u64 key = (u64)proc << 32 | class_id;
  u32* found = bpf_map_lookup_elem(&mlt_shared, &key);
  if (found) return *found;
  u32 index = mlt_take(MLT_CLAIM_BLOCK, key, 0, mlt_shared_part(mlt_cfg.blocks));
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

/*
 * A block for a class that the thread, whose record is at `place`, meets for the first time. A global function, like
 * the one above: the verifier checks it once, and not again for every state in which it is called.
 */
__noinline u32 mlt_block_new(u32 place, u32 class_id) {
  struct mlt_thread* thread = mlt_thread_at(place);
  if (!thread) return 0;
  u32 count = thread->block_count;
  if (count >= MLT_THREAD_BLOCKS || class_id >= MLT_CLASS_NR) return mlt_block_shared(thread->proc, class_id);
  u32 shared = mlt_shared_part(mlt_cfg.blocks);
  u32 index = mlt_take(MLT_CLAIM_BLOCK, thread->task + class_id, shared, mlt_cfg.blocks - 1 - shared);
  struct mlt_block* block = index ? mlt_block_at(index) : NULL;
  if (block)
    mlt_block_init(block, thread->proc, thread->tid, class_id, thread->task);
  else
    index = mlt_block_shared(thread->proc, class_id);
  mlt_barrier(count);
  mlt_barrier(class_id);
  if (count >= MLT_THREAD_BLOCKS || class_id >= MLT_CLASS_NR) return index;
  thread->blocks[count] = index;
  thread->block_of[class_id] = count + 1;
  thread->block_count = count + 1;
  return index;
}

/* The place of the thread's block for a class; 0: none, which is counted. */
static __always_inline u32 mlt_thread_block(struct mlt_thread* thread, u32 class_id) {
  if (class_id >= MLT_CLASS_NR) return 0;
  mlt_barrier(class_id);
  if (class_id >= MLT_CLASS_NR) return 0;
  u32 place = thread->block_of[class_id] - 1;
  mlt_barrier(place);
  u32 index = place < MLT_THREAD_BLOCKS ? thread->blocks[place] : mlt_block_new(thread->place, class_id);
  if (!index) mlt_add(mlt_stats.block_full, 1);
  return index;
}

/*
 * Counts what a block does not hold itself: once, or as often as it has overflowed by. Of what finds no room, what it
 * took is not known. A global function: rare, and the verifier checks it once.
 */
__noinline int mlt_count_far(u32 index, u64 ns, u64 number) {
  struct mlt_block* block = mlt_block_at(index);
  u32 bucket = mlt_bucket(ns);
  u32 row = bucket / MLT_HIST_SUB;
  mlt_barrier(row);
  if (!block || row >= MLT_HIST_ROWS) return 0;
  u32 place = block->tails[row];
  struct mlt_tail* tail = NULL;
  if (place) {
    tail = bpf_map_lookup_elem(&mlt_tails, &place);
  } else {
    place = mlt_take(MLT_CLAIM_TAIL, index + row, 0, mlt_cfg.tails - 1);
    if (place) tail = bpf_map_lookup_elem(&mlt_tails, &place);
    if (tail) {
      tail->row = row;
      tail->block = index;
      block->tails[row] = place;
    }
  }
  if (tail) {
    mlt_add(tail->buckets[bucket & (MLT_HIST_SUB - 1)], number);
    return 0;
  }
  mlt_add(block->untimed, number);
  mlt_add(block->sum_ns, -ns);
  mlt_add(mlt_stats.tail_full, number);
  return 0;
}

/* A shared block is written by several CPUs. Minimum and maximum may miss a concurrent one: they are of display only.
 */
static __noinline void mlt_count_shared(struct mlt_block* block, u32 index, u64 ns, u32 kind) {
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
  mlt_count_far(index, ns, 1);
}

/* A block of one thread, its last one, has one writer: no atomics. */
static __always_inline void mlt_count_latency(struct mlt_thread* thread, struct mlt_block* block, u64 ns) {
  u64 number = 1;
  block->sum_ns += ns;
  if (ns < block->min_ns) block->min_ns = ns;
  if (ns > block->max_ns) block->max_ns = ns;
  u64 high = ns >> MLT_NEAR_SHIFT;
  mlt_barrier(high);
  high--;
  mlt_barrier(high);
  if (high < sizeof(mlt_near_row)) {
    u64 row = mlt_near_row[high];
    u64 sub = ns >> (MLT_NEAR_SHIFT - MLT_HIST_SUB_BITS);
    mlt_barrier(sub);
    u64 bucket = row << MLT_HIST_SUB_BITS | (sub >> row & (MLT_HIST_SUB - 1));
    mlt_barrier(bucket);
    u32* place = &block->near[bucket & (MLT_NEAR_BUCKETS - 1)];
    u32 count = *place + 1;
    mlt_barrier(count);
    *place = count;
    if (count) return;
    number <<= 32;
  }
  mlt_count_far(thread->last_block, ns, number);
}

static __always_inline void mlt_count(struct mlt_thread* thread, u32 class_id, u64 ns, u32 kind) {
  u32 index = mlt_thread_block(thread, class_id);
  struct mlt_block* block = index ? mlt_block_at(index) : NULL;
  if (!block) return;
  if (block->flags & MLT_BLOCK_SHARED) {
    mlt_count_shared(block, index, ns, kind);
    return;
  }
  if (kind > MLT_KIND_MAJOR) {
    if (kind == MLT_KIND_ERROR)
      block->errors++;
    else
      block->retries++;
    return;
  }
  thread->last_class = class_id;
  thread->last_block = index;
  if (kind == MLT_KIND_MAJOR)
    block->major++;
  else
    block->minor++;
  if (ns)
    mlt_count_latency(thread, block, ns);
  else
    block->untimed++;
}

#endif
