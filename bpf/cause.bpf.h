/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Why a page is not simply there: what the page table says of the address when handle_mm_fault is entered, together
 * with the flags of the mapping and the kind of access.
 */
#ifndef MLT_CAUSE_BPF_H
#define MLT_CAUSE_BPF_H

#include "arch.bpf.h"

/*
 * A field of a VMA. One that the verifier knows, as a fentry program is given it, is read by a load; any other by a
 * call of a hundred instructions.
 */
#define mlt_vma_field(vma, typed, field) ((typed) ? (u64)(vma)->field : (u64)BPF_CORE_READ(vma, field))
#define mlt_mm_field mlt_vma_field /* of its address space likewise */

/* Nothing there: neither a page nor a note where it went. */
static __always_inline u32 mlt_cause_of_nothing(struct vm_area_struct* vma, bool typed, u64 vm_flags) {
  bool has_ops = mlt_vma_field(vma, typed, vm_ops);
  /* A page of shared memory may be there, and is mapped then: the wait is the proof, where that is seen. */
  if ((vm_flags & VM_UFFD_MISSING) && !(has_ops && mlt_cfg.has_userfault)) return MLT_CAUSE_UFFD_MISSING;
  if (!has_ops) return vm_flags & VM_GROWSDOWN ? MLT_CAUSE_STACK : MLT_CAUSE_FIRST_TOUCH;
  /* The kernel's own mappings have no file; only some kernels mark them as if they were a device's. */
  bool special = (vm_flags & (VM_PFNMAP | VM_IO)) || !mlt_vma_field(vma, typed, vm_file);
  return special ? MLT_CAUSE_SPECIAL_MAP : MLT_CAUSE_FILE_MAP;
}

static __always_inline const struct page* mlt_entry_page(u64 entry) {
  return (void*)(mlt_cfg.vmemmap + mlt_entry_pfn(entry) * bpf_core_type_size(struct page));
}

/* Write to a page of a private mapping that may only be read. */
static __always_inline u32 mlt_cause_of_private_write(u64 entry, u64 vm_flags) {
  /* A device's memory is marked in the same way. */
  if (mlt_entry_special(entry)) return vm_flags & VM_PFNMAP ? MLT_CAUSE_COW : MLT_CAUSE_ZERO_PAGE;
  const struct page* page = mlt_entry_page(entry);
  u64 mapping = (u64)BPF_CORE_READ(mlt_page_head(page), mapping);
  if ((mapping & MLT_MAPPING_KSM) == MLT_MAPPING_KSM) return MLT_CAUSE_KSM;
  /* The huge zero page, whose entries are marked as special from 6.18 on only: it is nobody's, and no file's. */
  if (!mapping && mlt_entry_huge(entry)) return MLT_CAUSE_ZERO_PAGE;
  if (!(mapping & MLT_MAPPING_ANON)) return MLT_CAUSE_COW;
  if (mlt_cfg.has_soft_dirty && !(vm_flags & VM_SOFTDIRTY) && !mlt_entry_soft_dirty(entry)) return MLT_CAUSE_SOFT_DIRTY;
  return mlt_page_is_exclusive(page) ? MLT_CAUSE_WRITE_ENABLE : MLT_CAUSE_COW;
}

/* The cause of a fault that does not find nothing; MLT_CAUSE_NR: nothing but that what is to come is protected. A
 * global function: the verifier checks it once. */
__noinline u32 mlt_cause_of_entry(u64 entry, u64 vm_flags, u32 flags) {
  if (!mlt_entry_present(entry)) {
    if mlt_entry_protnone (entry)
      return (vm_flags & VM_UFFD_RWP) && mlt_entry_uffd_wp(entry) ? MLT_CAUSE_UFFD_RWP : MLT_CAUSE_NUMA_HINT;
    if (!mlt_is_special_entry(entry)) return MLT_CAUSE_SWAP_IN;
    return mlt_is_uffd_marker(entry) ? MLT_CAUSE_NR : MLT_CAUSE_SPECIAL_ENTRY;
  }
  if (!(flags & (FAULT_FLAG_WRITE | FAULT_FLAG_UNSHARE)) || mlt_entry_writable(entry)) return MLT_CAUSE_SPURIOUS;
  if (mlt_entry_uffd_wp(entry) && (vm_flags & VM_UFFD_WP)) return MLT_CAUSE_UFFD_WP;
  return vm_flags & VM_SHARED ? MLT_CAUSE_MKWRITE : mlt_cause_of_private_write(entry, vm_flags);
}

/*
 * As mlt_page_entry, which reads four tables, at a hundred instructions each: faults come in rows, and the lowest table
 * is most often that of the fault before. It stays what it is for as long as no TLB entries of the address space are
 * flushed, which they are after a table is taken out and before it is freed.
 */
static __always_inline u64 mlt_page_entry_of(struct mlt_page_table* last, struct mm_struct* mm, bool typed,
                                             u64 address) {
  u64 address_space = mlt_address_space(mm, typed);
  u64 flushes = mlt_flushes(mm, typed);
  u64 region = address >> 21;
  if (last->region != region || last->flushes != flushes || last->address_space != address_space || !last->table) {
    /* Through memory: there the verifier forgets that it is a pointer. */
    *(volatile u64*)&last->table = mlt_mm_field(mm, typed, pgd);
    u64 entry = mlt_middle_entry(*(volatile u64*)&last->table, address);
    last->table = 0;
    if (!mlt_is_table(entry)) return entry;
    last->address_space = address_space;
    last->flushes = flushes;
    last->region = region;
    last->table = mlt_next_table(entry);
  }
  return mlt_table_entry(last->table, address >> 12);
}

/* `typed`: the verifier knows that it is a VMA; a constant. */
static __always_inline u32 mlt_cause_of(struct mlt_thread* thread, struct vm_area_struct* vma, bool typed, u64 vm_flags,
                                        u64 address, u32 flags) {
  if (!mlt_cfg.page_levels) return MLT_CAUSE_UNKNOWN;
  if (vm_flags & VM_HUGETLB) return MLT_CAUSE_HUGETLB;
  struct mm_struct* mm = typed ? vma->vm_mm : BPF_CORE_READ(vma, vm_mm);
  u64 entry = mlt_page_entry_of(&thread->page_table, mm, typed, address);
  u32 cause = entry ? mlt_cause_of_entry(entry, vm_flags, flags) : MLT_CAUSE_NR;
  return cause == MLT_CAUSE_NR ? mlt_cause_of_nothing(vma, typed, vm_flags) : cause;
}

#endif
