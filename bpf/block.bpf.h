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
static const __u8 mlt_log2[256] = {0, 0, 1, 1, L4(2), L4(3), L4(3), L16(4), L16(5), L16(5), L64(6), L64(7), L64(7)};

/* The near octave of a duration, by its next lower quarters of a microsecond: log2 of their number, which is the index
 * here + 1. */
static const __u8 mlt_near_row[255] = {0, 1, 1, L4(2), L4(3), L4(3), L16(4), L16(5), L16(5), L64(6), L64(7), L64(7)};

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

/* The block that all threads of a process share; 0: there is no room for one. */
__noinline u32 mlt_block_shared(u32 proc, u32 class_id);

/*
 * The place of the block for a class of the thread whose record is at `place`; 0: none, which is counted. And: counts
 * the end of a fault in it, unless that was not seen: then `ns` is 0. Global functions, in block.bpf.c: the verifier
 * checks them once, and not again for every state in which they are called.
 */
__noinline u32 mlt_thread_block(u32 place, u32 class_id);
__noinline u32 mlt_count(u32 place, u32 class_id, u64 ns, u32 kind);

/* The same in the block that all threads of a process share. */
__noinline u32 mlt_count_shared(u32 index, u64 ns, u32 kind);

/* Counts what a block does not hold itself: once, as often as it has overflowed by, or less often. */
__noinline u32 mlt_count_far(u32 index, u64 ns, u64 number);

/* Where a block of one thread itself holds a duration; NULL: it does not. */
static __always_inline u32* mlt_near(struct mlt_block* block, u64 ns) {
  u64 high = ns >> MLT_NEAR_SHIFT;
  mlt_barrier(high);
  high--;
  mlt_barrier(high);
  if (high >= sizeof(mlt_near_row)) return NULL;
  u64 row = mlt_near_row[high];
  u64 sub = ns >> (MLT_NEAR_SHIFT - MLT_HIST_SUB_BITS);
  mlt_barrier(sub);
  u64 bucket = row << MLT_HIST_SUB_BITS | (sub >> row & (MLT_HIST_SUB - 1));
  mlt_barrier(bucket);
  return &block->near[bucket & (MLT_NEAR_BUCKETS - 1)];
}

/* A block of one thread, its last one, has one writer: no atomics. What the fault replaces is kept where it may have to
 * be taken back. */
static __always_inline void mlt_count_latency(struct mlt_thread* thread, struct mlt_block* block, u64 ns) {
  u64 number = 1;
  block->sum_ns += ns;
  if (ns < block->min_ns) {
    if (mlt_cfg.ends_untold) {
      thread->told |= MLT_TOLD_SHORTEST;
      thread->told_shortest = block->min_ns;
    }
    block->min_ns = ns;
  }
  if (ns > block->max_ns) {
    if (mlt_cfg.ends_untold) {
      thread->told |= MLT_TOLD_LONGEST;
      thread->told_longest = block->max_ns;
    }
    block->max_ns = ns;
  }
  u32* near = mlt_near(block, ns);
  if (near) {
    u32 count = *near + 1;
    mlt_barrier(count);
    *near = count;
    if (count) return;
    number <<= 32;
  }
  mlt_count_far(thread->last_block, ns, number);
}

#endif
