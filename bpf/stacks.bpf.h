/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The stacks that faults came from, when they are asked for. */
#ifndef MLT_STACKS_BPF_H
#define MLT_STACKS_BPF_H

#include <asm-generic/errno-base.h>

#include "claims.bpf.h"

/* One entry each unless stacks are asked for; fault.bpf.c defines them, which alone takes stacks. */
struct mlt_stack_map {
  __uint(type, BPF_MAP_TYPE_STACK_TRACE);
  __uint(max_entries, 1);
  __type(key, u32);
  __uint(value_size, MLT_STACK_DEPTH * sizeof(u64));
};

extern struct mlt_stack_map mlt_stacks_0 SEC(".maps");
extern struct mlt_stack_map mlt_stacks_1 SEC(".maps");
extern struct mlt_stack_map mlt_stacks_2 SEC(".maps");
extern struct mlt_stack_map mlt_stacks_3 SEC(".maps");

static __always_inline s32 mlt_stack_number(s32 map, s32 place) {
  return place < 0 ? place : map << MLT_STACK_MAP_SHIFT | place;
}

static __always_inline s32 mlt_stack_take(void* ctx, u64 flags) {
  s32 number = bpf_get_stackid(ctx, &mlt_stacks_0, flags);
  if (number == -EEXIST) number = mlt_stack_number(1, bpf_get_stackid(ctx, &mlt_stacks_1, flags));
  if (number == -EEXIST) number = mlt_stack_number(2, bpf_get_stackid(ctx, &mlt_stacks_2, flags));
  if (number == -EEXIST) number = mlt_stack_number(3, bpf_get_stackid(ctx, &mlt_stacks_3, flags));
  if (number == -EEXIST) mlt_add(mlt_stats.stack_full, 1);
  return number;
}

/* Taken at the entry: a return probe of the kretprobe kind sees no kernel stack. User stacks by frame pointers. */
static __always_inline void mlt_stacks_take(void* ctx, struct mlt_thread* thread) {
  if (!mlt_cfg.stacks) return;
  if (mlt_cfg.stacks & MLT_STACK_USER) thread->user_stack = mlt_stack_take(ctx, BPF_F_USER_STACK);
  if (mlt_cfg.stacks & MLT_STACK_KERNEL) thread->kernel_stack = mlt_stack_take(ctx, 0);
}

/*
 * Counts the stacks of the last fault of the thread whose record is at `place`; `change`: 1, or -1 where it was no
 * completed fault, or one of another class. A global function, in placed.bpf.c; only where stacks are asked for.
 */
__noinline u32 mlt_stacks_change(u32 place, u32 class_id, u64 ns, s32 change);

#endif
