// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Makes blocks of counters, and counts in them: see block.bpf.h. */
#include "block.bpf.h"

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

static __always_inline u32 mlt_block_of(struct mlt_thread* thread, u32 class_id) {
  if (class_id >= MLT_CLASS_NR) return 0;
  mlt_barrier(class_id);
  if (class_id >= MLT_CLASS_NR) return 0;
  u32 place = thread->block_of[class_id] - 1;
  mlt_barrier(place);
  u32 index = place < MLT_THREAD_BLOCKS ? thread->blocks[place] : mlt_block_new(thread->place, class_id);
  if (!index) mlt_add(mlt_stats.block_full, 1);
  return index;
}

__noinline u32 mlt_thread_block(u32 place, u32 class_id) {
  struct mlt_thread* thread = mlt_thread_at(place);
  return thread ? mlt_block_of(thread, class_id) : 0;
}

/*
 * Counts what a block does not hold itself: once, or as often as it has overflowed by. Of what finds no room, what it
 * took is not known.
 */
__noinline u32 mlt_count_far(u32 index, u64 ns, u64 number) {
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
__noinline u32 mlt_count_shared(u32 index, u64 ns, u32 kind) {
  struct mlt_block* block = mlt_block_at(index);
  if (!block) return 0;
  if (kind == MLT_KIND_RETRY)
    mlt_add(block->retries, 1);
  else if (kind == MLT_KIND_ERROR)
    mlt_add(block->errors, 1);
  else if (kind == MLT_KIND_MAJOR)
    mlt_add(block->major, 1);
  else
    mlt_add(block->minor, 1);
  if (kind > MLT_KIND_MAJOR) return 0;
  if (!ns) {
    mlt_add(block->untimed, 1);
    return 0;
  }
  mlt_add(block->sum_ns, ns);
  if (ns < block->min_ns) block->min_ns = ns;
  if (ns > block->max_ns) block->max_ns = ns;
  return mlt_count_far(index, ns, 1);
}

__noinline u32 mlt_count(u32 place, u32 class_id, u64 ns, u32 kind) {
  struct mlt_thread* thread = mlt_thread_at(place);
  u32 index = thread ? mlt_block_of(thread, class_id) : 0;
  struct mlt_block* block = index ? mlt_block_at(index) : NULL;
  if (!thread || !block) return 0;
  if (mlt_cfg.ends_untold) {
    thread->told_class = class_id;
    thread->told_block = index;
  }
  if (block->flags & MLT_BLOCK_SHARED) return mlt_count_shared(index, ns, kind);
  if (kind > MLT_KIND_MAJOR) {
    if (kind == MLT_KIND_ERROR)
      block->errors++;
    else
      block->retries++;
    return 0;
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
  return 0;
}
