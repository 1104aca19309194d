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

#include <asm-generic/errno-base.h>

#include "space.bpf.h"

static __always_inline struct mlt_vma* mlt_vma_at(u32 index) { return bpf_map_lookup_elem(&mlt_vmas, &index); }

static __always_inline bool mlt_is_part(const struct mlt_area* area, const struct mlt_vma* record) {
  if (record->flags != area->flags || record->inode != area->inode || record->kind != area->kind) return false;
  if (area->inode) return true;
  return record->anon_name == area->anon_name && area->start <= record->start + record->size &&
         area->end >= record->start;
}

static __always_inline void mlt_vma_widen(struct mlt_vma* record, const struct mlt_area* area) {
  u64 start = record->start;
  u64 end = start + record->size;
  if (area->start < start) start = area->start;
  if (area->end > end) end = area->end;
  record->start = start;
  record->size = end - start;
}

static __always_inline void mlt_vma_init(struct mlt_vma* record, const struct mlt_area* area, u32 proc, u64 owner,
                                         u32 state) {
  const struct vm_area_struct* vma = (void*)area->vma;
  struct file* file = BPF_CORE_READ(vma, vm_file);
  record->flags = area->flags;
  record->inode = area->inode;
  record->start = area->start;
  record->size = area->end - area->start;
  record->proc = proc;
  record->state = state | (file && mlt_is_space_unevictable(BPF_CORE_READ(file, f_mapping)) ? MLT_VMA_UNEVICTABLE : 0);
  record->anon_name = area->anon_name;
  record->kind = area->kind;
  if (file) {
    record->pgoff = BPF_CORE_READ(vma, vm_pgoff);
    record->inode_number = BPF_CORE_READ(file, f_inode, i_ino);
    record->dev = BPF_CORE_READ(file, f_inode, i_sb, s_dev);
    bpf_probe_read_kernel_str(record->name, sizeof(record->name), BPF_CORE_READ(file, f_path.dentry, d_name.name));
  } else if (area->anon_name) {
    mlt_anon_name_read(record->name, sizeof(record->name), (void*)area->anon_name);
  }
  /* Complete before the front end takes it for one. */
  record->task = owner;
}

/*
 * The record that all threads of a process share for a mapping which is one too many for a thread. As with blocks the
 * first part of the table is for these.
 */
static __always_inline u32 mlt_vma_shared(u32 proc, const struct mlt_area* area) {
  struct mlt_vma_key key = {area->inode ? area->inode : area->start, area->flags, proc};
  u32* found = bpf_map_lookup_elem(&mlt_shared_vmas, &key);
  if (found) {
    struct mlt_vma* vma = mlt_vma_at(*found);
    if (vma) mlt_vma_widen(vma, area);
    return *found;
  }
  u32 index = mlt_take(MLT_CLAIM_VMA, key.where + proc, 0, mlt_shared_part(mlt_cfg.vmas));
  struct mlt_vma* record = index ? mlt_vma_at(index) : NULL;
  if (!record) return 0;
  if (bpf_map_update_elem(&mlt_shared_vmas, &key, &index, BPF_NOEXIST)) {
    mlt_unclaim(MLT_CLAIM_VMA, index);
    found = bpf_map_lookup_elem(&mlt_shared_vmas, &key);
    return found ? *found : 0;
  }
  mlt_vma_init(record, area, proc, key.where | 1, MLT_BLOCK_SHARED);
  return index;
}

static __always_inline u32 mlt_vma_own(struct mlt_thread* thread, const struct mlt_area* area) {
  u32 count = thread->vma_count;
  if (count >= MLT_THREAD_VMAS) return 0;
  u32 shared = mlt_shared_part(mlt_cfg.vmas);
  u32 index = mlt_take(MLT_CLAIM_VMA, thread->task + area->start, shared, mlt_cfg.vmas - 1 - shared);
  struct mlt_vma* record = index ? mlt_vma_at(index) : NULL;
  if (!record) return 0;
  mlt_vma_init(record, area, thread->proc, thread->task, 0);
  mlt_barrier(count);
  if (count >= MLT_THREAD_VMAS) return 0;
  thread->vmas[count] = index;
  thread->vma_count = count + 1;
  return index;
}

/*
 * Is the record at `index` that of the thread's area? Then it holds it from now on. A global function: the verifier
 * checks it once, and not for each step of the search.
 */
__noinline u32 mlt_vma_is(u32 place, u32 index) {
  struct mlt_thread* thread = mlt_thread_at(place);
  struct mlt_vma* record = mlt_vma_at(index);
  if (!thread || !record || !mlt_is_part(&thread->area, record)) return 0;
  mlt_vma_widen(record, &thread->area);
  return 1;
}

/*
 * The record for thread->area of the thread whose record is at `place`, of which vma and flags are set; 0: there is no
 * room for one, and the report has a line for faults that it cannot place. A global function too.
 */
__noinline u32 mlt_vma_find(u32 place, u32 slot) {
  struct mlt_thread* thread = mlt_thread_at(place);
  u32 found = 0;
  if (!thread) return 0;
  mlt_area_read(&thread->area);
  for (u32 i = 0; i < MLT_THREAD_VMAS && !found; i++) {
    u32 index = thread->vmas[i];
    if (!index) break;
    if (mlt_vma_is(place, index)) found = index;
  }
  if (!found) found = mlt_vma_own(thread, &thread->area);
  if (!found) found = mlt_vma_shared(thread->proc, &thread->area);
  thread->vma_cache[slot & (MLT_VMA_CACHE - 1)] = found;
  return found;
}

/* Known to the early object alone, so that the late one need not share them. One entry each unless stacks are asked
 * for. */
struct mlt_stack_map {
  __uint(type, BPF_MAP_TYPE_STACK_TRACE);
  __uint(max_entries, 1);
  __type(key, u32);
  __uint(value_size, MLT_STACK_DEPTH * sizeof(u64));
};

struct mlt_stack_count_map {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 1);
  __type(key, struct mlt_stack_key);
  __type(value, struct mlt_stack_count);
};

struct mlt_stack_map mlt_stacks_0 SEC(".maps");
struct mlt_stack_map mlt_stacks_1 SEC(".maps");
struct mlt_stack_map mlt_stacks_2 SEC(".maps");
struct mlt_stack_map mlt_stacks_3 SEC(".maps");
struct mlt_stack_count_map mlt_stack_counts SEC(".maps");

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

static __always_inline void mlt_stacks_count(struct mlt_thread* thread, u32 class_id, u64 ns, u32 kind) {
  if (!mlt_cfg.stacks || kind > MLT_KIND_MAJOR) return;
  struct mlt_proc* proc = mlt_proc_at(thread->proc);
  if (!proc) return;
  struct mlt_stack_key key = {
      .start_boottime = proc->start_boottime,
      .tgid = proc->tgid,
      .user = mlt_cfg.stacks & MLT_STACK_USER ? thread->user_stack : -1,
      .kernel = mlt_cfg.stacks & MLT_STACK_KERNEL ? thread->kernel_stack : -1,
      .class_id = class_id,
      .program = proc->execs,
  };
  struct mlt_stack_count* count = bpf_map_lookup_elem(&mlt_stack_counts, &key);
  if (!count) {
    struct mlt_stack_count none = {};
    bpf_map_update_elem(&mlt_stack_counts, &key, &none, BPF_NOEXIST);
    count = bpf_map_lookup_elem(&mlt_stack_counts, &key);
  }
  if (!count) {
    mlt_add(mlt_stats.stack_full, 1);
    return;
  }
  mlt_add(count->faults, 1);
  mlt_add(count->time_ns, ns);
}

/* `typed`: the verifier knows that it is a VMA; a constant. */
static __always_inline u64 mlt_vma_inode(struct vm_area_struct* vma, bool typed) {
  if (!typed) return (u64)BPF_CORE_READ(vma, vm_file, f_inode);
  struct file* file = vma->vm_file;
  return file ? (u64)file->f_inode : 0;
}

static __always_inline void mlt_where_begin(struct mlt_thread* thread, struct vm_area_struct* vma, bool typed,
                                            u64 vm_flags, u64 address, u32 flags) {
  u64 inode = mlt_vma_inode(vma, typed);
  u64 telling = (vm_flags & MLT_VMA_FLAGS) | (flags & FAULT_FLAG_REMOTE);
  u32 slot = mlt_hash(address >> 21) & (MLT_VMA_CACHE - 1);
  u32 index = thread->vma_cache[slot];
  struct mlt_vma* record = mlt_vma_at(index);
  if (!record || address - record->start >= record->size || record->flags != telling || record->inode != inode) {
    thread->area.vma = (u64)vma;
    thread->area.flags = telling;
    index = mlt_vma_find(thread->place, slot);
  }
  thread->fault_vma = index;
}

static __noinline void mlt_where_shared(struct mlt_vma* record, u32 cause, u64 ns, u32 kind) {
  if (kind == MLT_KIND_ERROR) {
    mlt_add(record->errors, 1);
    return;
  }
  mlt_barrier(cause);
  if (cause < MLT_CAUSE_NR) mlt_add(record->completed[cause], 1);
  if (kind == MLT_KIND_MAJOR) mlt_add(record->major, 1);
  mlt_add(record->time_ns, ns);
  if (ns > record->max_ns) record->max_ns = ns;
}

static __always_inline void mlt_where_end(struct mlt_thread* thread, u32 cause, u64 ns, u32 kind) {
  u32 index = thread->fault_vma;
  struct mlt_vma* record = index && kind != MLT_KIND_RETRY ? mlt_vma_at(index) : NULL;
  if (!record) return;
  if (record->state & MLT_BLOCK_SHARED) {
    mlt_where_shared(record, cause, ns, kind);
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
  if (ns > record->max_ns) record->max_ns = ns;
}

#endif
