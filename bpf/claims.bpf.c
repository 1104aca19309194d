// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Takes places of the tables: see claims.bpf.h. Part of the early and of the late objects. */
#include "claims.bpf.h"

/* Where the record at a place has its MLT_BLOCK_FREE. The barrier keeps the compiler from adding to what may be NULL.
 */
#define MLT_STATE(map, kind_of_record, member)                             \
  do {                                                                     \
    struct kind_of_record* at_place = bpf_map_lookup_elem(&(map), &place); \
    if (!at_place) return NULL;                                            \
    mlt_barrier(at_place);                                                 \
    return &at_place->member;                                              \
  } while (0)

static __always_inline u32* mlt_state_of(u64 kind, u32 place) {
  if (kind == MLT_CLAIM_BLOCK) MLT_STATE(mlt_blocks, mlt_block, flags);
  if (kind == MLT_CLAIM_VMA) MLT_STATE(mlt_vmas, mlt_vma, state);
  if (kind == MLT_CLAIM_TAIL) MLT_STATE(mlt_tails, mlt_tail, state);
  if (kind == MLT_CLAIM_CALL) MLT_STATE(mlt_call_counts, mlt_call_count, state);
  if (kind == MLT_CLAIM_PROC) MLT_STATE(mlt_procs, mlt_proc, gone);
  return NULL;
}

static __always_inline u32 mlt_used(u64 kind, u32 place) {
  if (kind == MLT_CLAIM_BLOCK) mlt_used_blocks[place % MLT_BLOCKS_MAX] = 1;
  if (kind == MLT_CLAIM_VMA) mlt_used_vmas[place % MLT_VMAS_MAX] = 1;
  if (kind == MLT_CLAIM_PROC) mlt_used_procs[place % MLT_PROCS_MAX] = 1;
  if (kind == MLT_CLAIM_TAIL) mlt_used_tails[place % MLT_TAILS_MAX] = 1;
  if (kind == MLT_CLAIM_CALL) mlt_used_calls[place % MLT_CALLS_MAX] = 1;
  return place;
}

static __always_inline bool mlt_claim_place(u64 kind, u32 place, u64 owner) {
  u64 key = kind | place;
  return !bpf_map_update_elem(&mlt_claims, &key, &owner, BPF_NOEXIST);
}

/*
 * Takes over a place that the front end has given back. It marks the record, and does not remove the claim: while a
 * process is in a bpf() call on a map, the kernel skips kprobe programs on that processor. Of two that want the place,
 * the second one finds the mark gone.
 */
static __always_inline bool mlt_retake(u64 kind, u32 place) {
  u32* state = mlt_state_of(kind, place);
  if (!state || !(*state & MLT_BLOCK_FREE) || !mlt_claim_place(MLT_CLAIM_AGAIN | kind, place, 1)) return false;
  bool is_free = *(volatile u32*)state & MLT_BLOCK_FREE;
  if (is_free) *state = 0;
  mlt_unclaim(MLT_CLAIM_AGAIN | kind, place);
  return is_free;
}

__noinline u32 mlt_take(u64 kind, u64 owner, u32 first, u32 number) {
  u32 part = (kind >> 32 & 7) | (first ? 8 : 0);
  mlt_barrier(part);
  u32 next = mlt_unused_from[part & (MLT_PARTS - 1)];
  for (u32 way = 0; way < MLT_WAYS; way++) {
    u32 place = next + way;
    if (place >= number) break;
    if (!mlt_claim_place(kind, first + 1 + place, owner)) continue;
    mlt_unused_from[part & (MLT_PARTS - 1)] = place + 1;
    return mlt_used(kind, first + 1 + place);
  }
  if (next < number) mlt_unused_from[part & (MLT_PARTS - 1)] = next + MLT_WAYS;
  if (!number) return 0;
  u32 hash = mlt_hash(owner + next);
  for (u32 way = 0; way < MLT_WAYS; way++) {
    u32 place = first + 1 + (hash + way) % number;
    if (mlt_retake(kind, place) || mlt_claim_place(kind, place, owner)) return mlt_used(kind, place);
  }
  return 0;
}

__noinline u32 mlt_claim_thread(u64 owner, u32 hash, u32 first, u32 mask) {
  for (u32 way = 0; way < MLT_WAYS; way++) {
    u32 place = first + ((hash + way) & mask);
    if (place && mlt_claim_place(MLT_CLAIM_THREAD, place, owner)) return place;
  }
  return 0;
}
