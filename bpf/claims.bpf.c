// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Takes places of the tables: see claims.bpf.h. Part of the early and of the late objects. */
#include "claims.bpf.h"

static __always_inline u8* mlt_state_of(u64 kind, u32 place) {
  u64 index = kind * MLT_PLACES_MAX + place;
  /* 5.10 has to see the bound right before it is used. */
  mlt_barrier(index);
  return &mlt_places_state[index & (sizeof(mlt_places_state) - 1)];
}

static __always_inline u32 mlt_used(u64 kind, u32 place) {
  *mlt_state_of(kind, place) = MLT_PLACE_TAKEN;
  return place;
}

static __always_inline bool mlt_claim_place(u64 kind, u32 place, u64 owner) {
  u64 key = kind << MLT_CLAIM_SHIFT | place;
  return !bpf_map_update_elem(&mlt_claims, &key, &owner, BPF_NOEXIST);
}

/*
 * Takes over a place that the front end has given back. It marks the place, and does not remove the claim: while a
 * process is in a bpf() call on a map, the kernel skips kprobe programs on that processor. Of two that want the place,
 * the second one finds the mark gone.
 */
static __always_inline bool mlt_retake(u64 kind, u32 place) {
  volatile u8* state = mlt_state_of(kind, place);
  if (*state != MLT_PLACE_GIVEN_BACK || !mlt_claim_place(MLT_CLAIM_AGAIN + kind, place, 1)) return false;
  bool is_free = *state == MLT_PLACE_GIVEN_BACK;
  if (is_free) *state = MLT_PLACE_TAKEN;
  mlt_unclaim(MLT_CLAIM_AGAIN + kind, place);
  return is_free;
}

/* So many may be after the same place at once; who finds none then goes by the hash. */
#define MLT_RIVALS 4

__noinline u32 mlt_take_unused(u64 kind, u64 owner, u32 first, u32 number) {
  u32 part = kind % MLT_CLAIM_KINDS + (first ? MLT_CLAIM_KINDS : 0);
  mlt_barrier(part);
  u32* unused_from = &mlt_unused_from[part & (MLT_PARTS - 1)];
  u32 next = *unused_from;
  if (next >= number) return 0;
  for (u32 way = 0; way < MLT_RIVALS; way++) {
    u32 place = next + way;
    if (place >= number) break;
    if (!mlt_claim_place(kind, first + 1 + place, owner)) continue;
    *unused_from = place + 1;
    return mlt_used(kind, first + 1 + place);
  }
  *unused_from = next + MLT_RIVALS;
  return 0;
}

__noinline u32 mlt_take_hashed(u64 kind, u64 owner, u32 first, u32 number) {
  if (!number) return 0;
  u32 hash = mlt_hash(owner);
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
