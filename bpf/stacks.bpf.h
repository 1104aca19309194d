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
  if (mlt_cfg.stacks & MLT_STACK_USER) thread->user_stack = mlt_stack_take(ctx, BPF_F_USER_STACK);
  if (mlt_cfg.stacks & MLT_STACK_KERNEL) thread->kernel_stack = mlt_stack_take(ctx, 0);
}

/* The count of the stacks that the last fault of the thread came from; NULL: there is none. */
static __always_inline struct mlt_stack_count* mlt_stacks_counted(const struct mlt_thread* thread, u32 class_id,
                                                                  bool make) {
  struct mlt_proc* proc = mlt_proc_at(thread->proc);
  if (!proc) return NULL;
  struct mlt_stack_key key = {
      .start_boottime = proc->start_boottime,
      .tgid = proc->tgid,
      .user = mlt_cfg.stacks & MLT_STACK_USER ? thread->user_stack : -1,
      .kernel = mlt_cfg.stacks & MLT_STACK_KERNEL ? thread->kernel_stack : -1,
      .class_id = class_id,
      .program = proc->execs,
  };
  struct mlt_stack_count* count = bpf_map_lookup_elem(&mlt_stack_counts, &key);
  if (count || !make) return count;
  struct mlt_stack_count none = {};
  bpf_map_update_elem(&mlt_stack_counts, &key, &none, BPF_NOEXIST);
  return bpf_map_lookup_elem(&mlt_stack_counts, &key);
}

static __always_inline void mlt_stacks_count(struct mlt_thread* thread, u32 class_id, u64 ns, u32 kind) {
  if (!mlt_cfg.stacks || kind > MLT_KIND_MAJOR) return;
  struct mlt_stack_count* count = mlt_stacks_counted(thread, class_id, true);
  if (!count) {
    mlt_add(mlt_stats.stack_full, 1);
    return;
  }
  mlt_add(count->faults, 1);
  mlt_add(count->time_ns, ns);
}

/* It was no completed fault, or one of another class. */
static __always_inline void mlt_stacks_uncount(const struct mlt_thread* thread, u32 class_id, u64 ns) {
  struct mlt_stack_count* count = mlt_cfg.stacks ? mlt_stacks_counted(thread, class_id, false) : NULL;
  if (!count) return;
  mlt_add(count->faults, -1);
  mlt_add(count->time_ns, -ns);
}

#endif
