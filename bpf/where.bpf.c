// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which record a mapping has: see where.bpf.h. */
#include "where.bpf.h"

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
  struct mlt_vma* record = found ? mlt_vma_at(found) : NULL;
  if (record) mlt_vma_last(thread, record, found);
  return found;
}
