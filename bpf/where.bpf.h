/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where faults happen: each thread has a record of counters for each mapping that it faulted in.
 *
 * A mapping is not its struct vm_area_struct, which is split, merged and moved about: it is a range of addresses with
 * one file, one set of permissions and one lock state. So a record is known again without a look at the VMA's bounds,
 * by the address and what else tells mappings apart; only an address that its record does not hold yet takes a search.
 */
#ifndef MLT_WHERE_BPF_H
#define MLT_WHERE_BPF_H

#include "space.bpf.h"

/* See where.bpf.c. */
__noinline u32 mlt_vma_find(u32 place, u32 slot);

static __always_inline void mlt_vma_last(struct mlt_thread* thread, const struct mlt_vma* record, u32 index) {
  thread->last_start = record->start;
  thread->last_size = record->size;
  thread->last_flags = record->flags;
  thread->last_inode = record->inode;
  thread->last_vma = index;
}

/* `typed`: the verifier knows that it is a VMA; a constant. */
static __always_inline u64 mlt_vma_inode(struct vm_area_struct* vma, bool typed) {
  if (!typed) return (u64)BPF_CORE_READ(vma, vm_file, f_inode);
  struct file* file = vma->vm_file;
  return file ? (u64)file->f_inode : 0;
}

/* Most faults are in the mapping that the one before was in; of others there is a cache by address. */
static __always_inline void mlt_where_begin(struct mlt_thread* thread, struct vm_area_struct* vma, bool typed,
                                            u64 vm_flags, u64 address, u32 flags) {
  u64 inode = mlt_vma_inode(vma, typed);
  u64 telling = (vm_flags & MLT_VMA_FLAGS) | (flags & FAULT_FLAG_REMOTE);
  u32 index = thread->last_vma;
  if (address - thread->last_start >= thread->last_size || thread->last_flags != telling ||
      thread->last_inode != inode) {
    u32 slot = mlt_hash(address >> 21) & (MLT_VMA_CACHE - 1);
    index = thread->vma_cache[slot];
    struct mlt_vma* record = mlt_vma_at(index);
    if (record && address - record->start < record->size && record->flags == telling && record->inode == inode) {
      mlt_vma_last(thread, record, index);
    } else {
      thread->area.vma = (u64)vma;
      thread->area.flags = telling;
      index = mlt_vma_find(thread->place, slot);
    }
  }
  thread->fault_vma = index;
}

/* A record is of one thread, or shared: then it is written by several CPUs. */
__noinline u32 mlt_where_shared(u32 index, u32 cause, u64 ns, u32 kind);

/* As mlt_where_count, and with the stacks of the fault. A global function. */
__noinline u32 mlt_where_of(u32 place, u32 class_id, u64 ns, u32 kind);

/* The record of the mapping that the last fault was entered in, if there is one. */
static __always_inline struct mlt_vma* mlt_where(const struct mlt_thread* thread) {
  return thread->fault_vma ? mlt_vma_at(thread->fault_vma) : NULL;
}

/* A fault in it, `record`. */
static __always_inline void mlt_where_count(struct mlt_thread* thread, struct mlt_vma* record, u32 cause, u64 ns,
                                            u32 kind) {
  if (record->state & MLT_BLOCK_SHARED) {
    mlt_where_shared(thread->fault_vma, cause, ns, kind);
    return;
  }
  if (kind == MLT_KIND_ERROR) {
    record->errors++;
    return;
  }
  mlt_barrier(cause);
  if (cause < MLT_CAUSE_NR) record->completed[cause]++;
  if (kind == MLT_KIND_MAJOR) record->major++;
  record->time_ns += ns;
  if (ns > record->max_ns) {
    if (mlt_cfg.ends_untold) {
      thread->told |= MLT_TOLD_LONGEST_IN_VMA;
      thread->told_longest_in_vma = record->max_ns;
    }
    record->max_ns = ns;
  }
}

#endif
