/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Faults and accesses that fail: why, by what can be seen at that moment, and how often. Nothing of this runs unless
 * one fails.
 */
#ifndef MLT_ERROR_BPF_H
#define MLT_ERROR_BPF_H

#include "arch.bpf.h"
#include "calls.bpf.h"
#include "space.bpf.h"

#define MLT_S_IFMT 0170000
#define MLT_S_IFREG 0100000
#define MLT_S_IFBLK 0060000
#define MLT_UFFD_FEATURE_SIGBUS (1 << 7)
/* page_counter values may lag behind by what each processor has charged in advance: MEMCG_CHARGE_BATCH. */
#define MLT_CHARGE_BATCH 64

/*
 * A function inside the fault or the populate under way has refused: the next error of that fault, or of that populate
 * where it calls no handle_mm_fault (huge pages up to 6.1), is by this reason. It may still be tried again, and work.
 */
static __always_inline u64 mlt_under_way(const struct mlt_thread* thread) {
  return thread->fault_address ? thread->fault_address : thread->range_start;
}

static __always_inline void mlt_refuse(struct mlt_thread* thread, u32 reason) {
  thread->refused_at = mlt_under_way(thread);
  thread->refused_by = reason;
}

/* Where in its file the address is, in bytes. */
static __always_inline u64 mlt_file_offset(const struct mlt_area* area, u64 address) {
  const struct vm_area_struct* vma = (void*)area->vma;
  return (address - area->start) + BPF_CORE_READ(vma, vm_pgoff) * MLT_PAGE;
}

static __always_inline bool mlt_is_file(const struct mlt_area* area) {
  const struct inode* inode = (void*)area->inode;
  u32 type = inode ? BPF_CORE_READ(inode, i_mode) & MLT_S_IFMT : 0;
  return type == MLT_S_IFREG || type == MLT_S_IFBLK;
}

static __always_inline bool mlt_is_beyond_file(const struct mlt_area* area, u64 address) {
  if (!mlt_is_file(area)) return false;
  const struct vm_area_struct* vma = (void*)area->vma;
  s64 size = BPF_CORE_READ(vma, vm_file, f_mapping, host, i_size);
  return (s64)mlt_file_offset(area, address & ~(MLT_PAGE - 1)) >= size;
}

/* Are all huge pages of the size that the file is made of taken, or promised to others? */
static __always_inline bool mlt_are_huge_pages_gone(struct mlt_thread* thread) {
  const struct inode* inode = (void*)thread->area.inode;
  const struct hugetlbfs_sb_info* info = BPF_CORE_READ(inode, i_sb, s_fs_info);
  struct hstate* pages = BPF_CORE_READ(info, hstate);
  u64 bytes = MLT_PAGE << (BPF_CORE_READ(pages, order) & 31);
  u64 all = BPF_CORE_READ(pages, nr_huge_pages);
  u64 free = BPF_CORE_READ(pages, free_huge_pages);
  u64 promised = BPF_CORE_READ(pages, resv_huge_pages);
  if (free > promised) return false;
  thread->error_limit_bytes = all * bytes;
  thread->error_used_bytes = (all - free + promised) * bytes;
  thread->error_needed_bytes = bytes;
  return true;
}

/*
 * Has tmpfs no page more to give, as far as can be told? Each processor keeps some of the counter to itself. Asked
 * where a page within the file was refused.
 */
#define MLT_TMPFS_MAGIC 0x01021994

static __always_inline bool mlt_is_tmpfs_full(const struct mlt_area* area) {
  const struct inode* inode = (void*)area->inode;
  if (!inode || BPF_CORE_READ(inode, i_sb, s_magic) != MLT_TMPFS_MAGIC) return false;
  const struct shmem_sb_info* info = BPF_CORE_READ(inode, i_sb, s_fs_info);
  u64 most = BPF_CORE_READ(info, max_blocks);
  return most && BPF_CORE_READ(info, used_blocks.count) + mlt_cfg.counter_lag >= (s64)most;
}

static __always_inline u64 mlt_css_of(struct task_struct* task, u32 subsystem) {
  struct css_set* set = BPF_CORE_READ(task, cgroups);
  u64 css = 0;
  bpf_probe_read_kernel(&css, sizeof(css),
                        (void*)set + bpf_core_field_offset(struct css_set, subsys) + subsystem * sizeof(css));
  return css;
}

/* The counter, or one above it, that has no room for so many pages more: noted, with its cgroup. */
#define MLT_CGROUP_DEPTH 16

static __always_inline bool mlt_is_at_limit(struct mlt_thread* thread, u64 counter, u64 in_cgroup, u64 pages) {
  for (u32 i = 0; i < MLT_CGROUP_DEPTH && counter; i++) {
    const struct page_counter* at = (void*)counter;
    u64 used = BPF_CORE_READ(at, usage.counter);
    u64 max = BPF_CORE_READ(at, max);
    if (used + pages > max) {
      thread->error_used_bytes = used * MLT_PAGE;
      thread->error_limit_bytes = max * MLT_PAGE;
      thread->error_css = counter - in_cgroup;
      return true;
    }
    counter = (u64)BPF_CORE_READ(at, parent);
  }
  return false;
}

static __always_inline bool mlt_is_memory_at_limit(struct mlt_thread* thread) {
  if (!bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id)) return false;
  struct task_struct* task = (void*)bpf_get_current_task();
  u64 css = mlt_css_of(task, bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id));
  u64 offset = bpf_core_field_offset(struct mem_cgroup, memory);
  return css && mlt_is_at_limit(thread, css + offset, offset, MLT_CHARGE_BATCH);
}

static __always_inline u32 mlt_reason_of_memory(struct mlt_thread* thread) {
  return mlt_is_memory_at_limit(thread) ? MLT_ERROR_MEMORY_CGROUP : MLT_ERROR_MEMORY;
}

static __always_inline bool mlt_is_userfaultfd(const struct mlt_thread* thread) {
  if (!bpf_core_field_exists(struct vm_area_struct, vm_userfaultfd_ctx)) return false;
  struct vm_area_struct* vma = (void*)thread->area.vma;
  return BPF_CORE_READ(vma, vm_userfaultfd_ctx.ctx, features) & MLT_UFFD_FEATURE_SIGBUS;
}

/* VM_FAULT_SIGBUS, of the mapping in thread->area. The order is that in which the kernel looks. */
static __always_inline u32 mlt_reason_of_sigbus(struct mlt_thread* thread, u64 address, u32 cause) {
  const struct mlt_area* area = &thread->area;
  if (!area->vma) return MLT_ERROR_UNKNOWN;
  if (cause == MLT_CAUSE_UFFD_MISSING && mlt_is_userfaultfd(thread)) return MLT_ERROR_USERFAULTFD;
  if (mlt_is_beyond_file(area, address)) return MLT_ERROR_BEYOND_FILE;
  if (thread->refused_by && thread->refused_at == mlt_under_way(thread)) return thread->refused_by;
  if (area->vm_flags & VM_HUGETLB) return mlt_are_huge_pages_gone(thread) ? MLT_ERROR_HUGE_PAGES : MLT_ERROR_UNKNOWN;
  if ((area->vm_flags & (VM_PFNMAP | VM_IO | VM_MIXEDMAP)) || area->kind == MLT_VMA_SPECIAL ||
      (area->inode && !mlt_is_file(area)))
    return MLT_ERROR_DEVICE;
  if (mlt_is_tmpfs_full(area)) return MLT_ERROR_FILE_SYSTEM_FULL;
  return cause == MLT_CAUSE_MKWRITE ? MLT_ERROR_FILE_SYSTEM : MLT_ERROR_UNKNOWN;
}

static __always_inline u32 mlt_reason_of_marker(u64 address) {
  struct task_struct* task = (void*)bpf_get_current_task();
  u64 marker = mlt_cfg.page_levels ? mlt_entry_marker(mlt_page_entry((u64)BPF_CORE_READ(task, mm, pgd), address)) : 0;
  if (marker & MLT_MARKER_GUARD) return MLT_ERROR_GUARD;
  return marker & MLT_MARKER_POISONED ? MLT_ERROR_POISON : MLT_ERROR_UNKNOWN;
}

/* `ret`: as of handle_mm_fault; 0: by which error it ended is not known. */
static __always_inline u32 mlt_reason_of_fault(struct mlt_thread* thread, u64 address, u32 cause, u32 ret) {
  if (ret & (VM_FAULT_HWPOISON | VM_FAULT_HWPOISON_LARGE)) return MLT_ERROR_POISON;
  if (ret & VM_FAULT_OOM) return mlt_reason_of_memory(thread);
  u32 reason = mlt_reason_of_marker(address);
  if (reason != MLT_ERROR_UNKNOWN || (ret && !(ret & VM_FAULT_SIGBUS))) return reason;
  reason = mlt_reason_of_sigbus(thread, address, cause);
  /* These take for granted that it was one. */
  bool is_of_sigbus = reason == MLT_ERROR_DEVICE || reason == MLT_ERROR_FILE_SYSTEM;
  return is_of_sigbus && !ret ? MLT_ERROR_UNKNOWN : reason;
}

static __always_inline u32 mlt_access_of_fault(u32 flags) {
  return flags & FAULT_FLAG_WRITE         ? MLT_ACCESS_WRITE
         : flags & FAULT_FLAG_INSTRUCTION ? MLT_ACCESS_EXEC
                                          : MLT_ACCESS_READ;
}

/*
 * Counts what failed with what failed alike: of the thread whose record is at `place`, whose `error` has reason and
 * origin, and whose `area` is what is at the address. A global function, in failed.bpf.c.
 */
__noinline u32 mlt_error_count(u32 place, u64 address, u32 access);

static __always_inline void mlt_error_begin(struct mlt_thread* thread) {
  thread->error_used_bytes = 0;
  thread->error_limit_bytes = 0;
  thread->error_needed_bytes = 0;
  thread->error_css = 0;
}

#endif
