/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The only place that knows how kernels differ: one accessor a difference, each with the change it hides. Programs call
 * these and never learn which kernel they run on. All of them may be used from any program type.
 */
#ifndef MLT_COMPAT_BPF_H
#define MLT_COMPAT_BPF_H

#include "vmlinux.h"
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

/* Macros in every kernel, so not in BTF. The values have not moved since 4.4 (VM_LOCKONFAULT). */
#define VM_PFNMAP 0x00000400UL
#define VM_LOCKED 0x00002000UL
#define VM_IO 0x00004000UL
#define VM_DONTEXPAND 0x00040000UL
#define VM_LOCKONFAULT 0x00080000UL
#define VM_MIXEDMAP 0x10000000UL
#define VM_SPECIAL (VM_IO | VM_DONTEXPAND | VM_PFNMAP | VM_MIXEDMAP)

/* enum fault_flag is in BTF from 5.14 on only; the values have not moved. */
#define FAULT_FLAG_TRIED 0x20U
#define FAULT_FLAG_USER 0x40U
#define FAULT_FLAG_REMOTE 0x80U

#define VM_FAULT_OOM 0x000001U
#define VM_FAULT_SIGBUS 0x000002U
#define VM_FAULT_MAJOR 0x000004U
#define VM_FAULT_HWPOISON 0x000010U
#define VM_FAULT_HWPOISON_LARGE 0x000020U
#define VM_FAULT_SIGSEGV 0x000040U
#define VM_FAULT_RETRY 0x000400U
#define VM_FAULT_FALLBACK 0x000800U
/* As in the kernel: VM_FAULT_FALLBACK counts as an error there too, but never leaves handle_mm_fault. */
#define VM_FAULT_ERROR \
  (VM_FAULT_OOM | VM_FAULT_SIGBUS | VM_FAULT_SIGSEGV | VM_FAULT_HWPOISON | VM_FAULT_HWPOISON_LARGE | VM_FAULT_FALLBACK)

#define PF_EXITING 0x00000004U
#define PF_KTHREAD 0x00200000U

/* page->flags became a struct (memdesc_flags_t) in 6.18: 53fbef56e07d "mm: introduce memdesc_flags_t". */
struct page___memdesc {
  struct {
    unsigned long f;
  } flags;
} __attribute__((preserve_access_index));

static __always_inline unsigned long mlt_page_flags(const void* page) {
  const struct page___memdesc* memdesc = page;
  const struct page* plain = page;

  if (bpf_core_field_exists(memdesc->flags.f)) return BPF_CORE_READ(memdesc, flags.f);
  return BPF_CORE_READ(plain, flags);
}

/* The numbers of page flags move with nearly every release, and with the kernel's configuration. */
#define mlt_page_flag(name) (1UL << bpf_core_enum_value(enum pageflags, name))

/*
 * Pages of a folio. The count moved from the second struct page (compound_nr, up to 5.19) into struct folio as
 * _folio_nr_pages (6.0) and _nr_pages (6.16).
 */
struct folio___nr {
  unsigned int _nr_pages;
} __attribute__((preserve_access_index));

struct folio___folio_nr {
  unsigned int _folio_nr_pages;
} __attribute__((preserve_access_index));

struct page___compound {
  unsigned int compound_nr;
} __attribute__((preserve_access_index));

static __always_inline u64 mlt_folio_pages(const void* folio, unsigned long flags) {
  const struct folio___nr* nr = folio;
  const struct folio___folio_nr* folio_nr = folio;

  if (!(flags & mlt_page_flag(PG_head))) return 1;
  if (bpf_core_field_exists(nr->_nr_pages)) return BPF_CORE_READ(nr, _nr_pages);
  if (bpf_core_field_exists(folio_nr->_folio_nr_pages)) return BPF_CORE_READ(folio_nr, _folio_nr_pages);
  const struct page___compound* second = folio + bpf_core_type_size(struct page);
  if (bpf_core_field_exists(second->compound_nr)) return BPF_CORE_READ(second, compound_nr);
  return 1;
}

/*
 * How many VM_LOCKED VMAs hold the folio, 5.18+ (b109b87050df "mm/munlock: replace clear_page_mlock() by final
 * clearance"). The field shares memory with the LRU list pointers: ask only while PG_lru and PG_unevictable are set.
 */
static __always_inline unsigned int mlt_mlock_count(const void* folio) {
  const struct folio* f = folio;
  return bpf_core_field_exists(f->mlock_count) ? BPF_CORE_READ(f, mlock_count) : 0;
}

/* The batch of folios waiting for their mlock or munlock: struct pagevec (5.18 to 6.2), struct folio_batch (6.3+). */
struct folio_batch {
  unsigned char nr;
  void* folios[31];
} __attribute__((preserve_access_index));

struct pagevec {
  unsigned char nr;
  void* pages[15];
} __attribute__((preserve_access_index));

#define MLT_BATCH_MAX 31 /* 15 up to 6.8 */

static __always_inline unsigned int mlt_batch_size(const void* batch) {
  const struct folio_batch* folios = batch;
  const struct pagevec* pages = batch;
  if (bpf_core_type_exists(struct folio_batch)) return BPF_CORE_READ(folios, nr);
  return BPF_CORE_READ(pages, nr);
}

/* Address of the array of pointers in the batch. */
static __always_inline const void* mlt_batch_array(const void* batch) {
  if (bpf_core_type_exists(struct folio_batch)) return batch + bpf_core_field_offset(struct folio_batch, folios);
  return batch + bpf_core_field_offset(struct pagevec, pages);
}

/* The flags of a merge: vma_merge_struct.flags (6.12 to 6.16), vm_flags (6.17+). */
struct vma_merge_struct___flags {
  unsigned long flags;
} __attribute__((preserve_access_index));

static __always_inline unsigned long mlt_merge_flags(const struct vma_merge_struct* merge) {
  const struct vma_merge_struct___flags* old = (const void*)merge;
  if (bpf_core_field_exists(merge->vm_flags)) return BPF_CORE_READ(merge, vm_flags);
  if (bpf_core_field_exists(old->flags)) return BPF_CORE_READ(old, flags);
  return 0;
}

/*
 * The registers that the current task entered the kernel with. bpf_task_pt_regs came with 5.15 (dd6e10fbd9fb); before,
 * they are at the top of the kernel stack, whose size is fixed on x86-64.
 */
#define MLT_X86_THREAD_SIZE 16384 /* without KASAN; the FRED padding came later than the helper */

static __always_inline struct pt_regs* mlt_user_regs(void) {
  if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
    return (struct pt_regs*)bpf_task_pt_regs(bpf_get_current_task_btf());
  struct task_struct* task = (void*)bpf_get_current_task();
  void* stack = BPF_CORE_READ(task, stack);
  return stack + MLT_X86_THREAD_SIZE - bpf_core_type_size(struct pt_regs);
}

#endif
