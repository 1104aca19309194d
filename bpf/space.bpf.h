/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What lies where in an address space: a mapping with its file, or a hole. */
#ifndef MLT_SPACE_BPF_H
#define MLT_SPACE_BPF_H

#include "targets.bpf.h"

#define MLT_VMA_FLAGS \
  (VM_READ | VM_WRITE | VM_EXEC | VM_SHARED | VM_GROWSDOWN | VM_LOCKED | VM_LOCKONFAULT | VM_HUGETLB)

/* As the kernel names them in /proc/PID/maps. */
static __always_inline u32 mlt_vma_kind(const struct mlt_area* area) {
  const struct vm_area_struct* vma = (void*)area->vma;
  struct mm_struct* mm = BPF_CORE_READ(vma, vm_mm);
  if (area->flags & FAULT_FLAG_REMOTE) return MLT_VMA_OTHER;
  if (area->inode) return MLT_VMA_FILE;
  if (BPF_CORE_READ(vma, vm_ops)) return MLT_VMA_SPECIAL;
  if (area->start <= BPF_CORE_READ(mm, brk) && area->end >= BPF_CORE_READ(mm, start_brk)) return MLT_VMA_HEAP;
  u64 stack = BPF_CORE_READ(mm, start_stack);
  return area->start <= stack && area->end >= stack ? MLT_VMA_STACK : MLT_VMA_ANONYMOUS;
}

static __always_inline void mlt_area_read(struct mlt_area* area) {
  struct vm_area_struct* vma = (void*)area->vma;
  area->inode = (u64)BPF_CORE_READ(vma, vm_file, f_inode);
  area->start = BPF_CORE_READ(vma, vm_start);
  area->end = BPF_CORE_READ(vma, vm_end);
  area->anon_name = area->inode ? 0 : (u64)mlt_anon_name(vma);
  area->kind = mlt_vma_kind(area);
}

/*
 * Looks up the address in the address space of the current thread, whose record is at `place`: thread->area is what is
 * there. Without a VMA it is a hole, and has a start and an end only; then 0. In space.bpf.c.
 */
u32 mlt_space_find(u32 place, u64 address);

#define MLT_S_DAX 0x2000 /* include/linux/fs.h; 0 in a kernel without DAX, which then sets it for nothing else */

/* For the front end: what mlt_space_find found, or nothing but the bounds of a hole. */
static __always_inline void mlt_mapping_tell(struct mlt_mapping* to, const struct mlt_area* area) {
  __builtin_memset(to, 0, sizeof(*to));
  to->start = area->start;
  to->end = area->end;
  if (!area->vma) return;
  const struct vm_area_struct* vma = (void*)area->vma;
  const struct inode* inode = (void*)area->inode;
  to->vm_flags = area->vm_flags;
  to->kind = area->kind;
  to->state = MLT_IS_MAPPED;
  if (!inode) {
    if (area->anon_name) mlt_anon_name_read(to->name, sizeof(to->name), (void*)area->anon_name);
    return;
  }
  if (BPF_CORE_READ(inode, i_flags) & MLT_S_DAX) to->state |= MLT_IS_DAX;
  to->pgoff = BPF_CORE_READ(vma, vm_pgoff);
  to->inode_number = BPF_CORE_READ(inode, i_ino);
  to->file_bytes = BPF_CORE_READ(vma, vm_file, f_mapping, host, i_size);
  to->dev = BPF_CORE_READ(inode, i_sb, s_dev);
  to->file_system = BPF_CORE_READ(inode, i_sb, s_magic);
  bpf_probe_read_kernel_str(to->name, sizeof(to->name), BPF_CORE_READ(vma, vm_file, f_path.dentry, d_name.name));
}

#endif
