/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Why a page is not simply there: what the page table says of the address when handle_mm_fault is entered, together
 * with the flags of the mapping and the kind of access. x86-64, 4 and 5 levels.
 *
 * The layout of entries is that of arch/x86/include/asm/pgtable_64.h, which has not changed since 4.19: in an entry
 * that is not present the five highest bits are the type of swap entry.
 */
#ifndef MLT_CAUSE_BPF_H
#define MLT_CAUSE_BPF_H

#include "core.bpf.h"

#define MLT_PRESENT 0x001ULL
#define MLT_WRITABLE 0x002ULL
#define MLT_HUGE 0x080ULL     /* in a PUD or PMD */
#define MLT_PROTNONE 0x100ULL /* in an entry that is not present */
#define MLT_SPECIAL 0x200ULL  /* no struct page to speak of: the zero page, in anonymous memory */
#define MLT_UFFD_WP 0x400ULL
#define MLT_SOFT_DIRTY 0x800ULL
#define MLT_PHYSICAL 0x000ffffffffff000ULL
#define MLT_SWAP_TYPE_SHIFT 59

/*
 * Types from MAX_SWAPFILES on are no swap: migration, hardware poison, device memory, markers. How many types there are
 * of these depends on the configuration; with all of them MAX_SWAPFILES is 23, and nobody has so many swap devices.
 */
#define MLT_SWAP_TYPES 23

static __always_inline u64 mlt_table_entry(u64 table, u32 index) {
  u64 entry = 0;
  bpf_probe_read_kernel(&entry, sizeof(entry), (void*)(table + (index & 511) * sizeof(entry)));
  return entry;
}

static __always_inline u64 mlt_next_table(u64 entry) { return mlt_cfg.page_offset + (entry & MLT_PHYSICAL); }

static __always_inline bool mlt_is_table(u64 entry) { return (entry & (MLT_PRESENT | MLT_HUGE)) == MLT_PRESENT; }

/* The entry for the lowest page table of the address; where there is none, what maps the address, or 0. */
static __always_inline u64 mlt_middle_entry(u64 table, u64 address) {
  u64 entry;
  if (mlt_cfg.page_levels == 5) {
    entry = mlt_table_entry(table, address >> 48);
    if (!(entry & MLT_PRESENT)) return 0;
    table = mlt_next_table(entry);
  }
  entry = mlt_table_entry(table, address >> 39);
  if (!(entry & MLT_PRESENT)) return 0;
  entry = mlt_table_entry(mlt_next_table(entry), address >> 30);
  return mlt_is_table(entry) ? mlt_table_entry(mlt_next_table(entry), address >> 21) : entry;
}

/* The entry that maps the address, or would; 0 where there is not even a table for it. `table` is mm->pgd. */
static __always_inline u64 mlt_page_entry(u64 table, u64 address) {
  u64 entry = mlt_middle_entry(table, address);
  return mlt_is_table(entry) ? mlt_table_entry(mlt_next_table(entry), address >> 12) : entry;
}

/*
 * Where in swap the page is whose entry says that it is there, as swp_entry_t tells it (pte_to_swp_entry): its type is
 * above 58 bits of offset (SWP_TYPE_SHIFT of include/linux/swapops.h: an xarray value has 63, and types 5). In the page
 * table the offset follows the type and is inverted (__swp_offset, since 4.19: 2f22b4cd45b6 "x86/speculation/l1tf:
 * Protect swap entries against L1TF").
 */
static __always_inline u64 mlt_swap_entry_of(u64 entry) {
  return entry >> MLT_SWAP_TYPE_SHIFT << 58 | ~entry << 5 >> 14;
}

/* Neither a page nor swap: on the move, poisoned, a marker. */
static __always_inline bool mlt_is_special_entry(u64 entry) {
  return entry && !(entry & (MLT_PRESENT | MLT_PROTNONE)) && entry >> MLT_SWAP_TYPE_SHIFT >= MLT_SWAP_TYPES;
}

/*
 * A field of a VMA. One that the verifier knows, as a fentry program is given it, is read by a load; any other by a
 * call of a hundred instructions.
 */
#define mlt_vma_field(vma, known, field) ((known) ? (u64)(vma)->field : (u64)BPF_CORE_READ(vma, field))
#define mlt_mm_field mlt_vma_field /* of its address space likewise */

/* Nothing there: neither a page nor a note where it went. */
static __always_inline u32 mlt_cause_of_nothing(struct vm_area_struct* vma, bool known, u64 vm_flags) {
  if (vm_flags & VM_UFFD_MISSING) return MLT_CAUSE_UFFD_MISSING;
  if (!mlt_vma_field(vma, known, vm_ops)) return vm_flags & VM_GROWSDOWN ? MLT_CAUSE_STACK : MLT_CAUSE_FIRST_TOUCH;
  /* The kernel's own mappings have no file; only some kernels mark them as if they were a device's. */
  bool special = (vm_flags & (VM_PFNMAP | VM_IO)) || !mlt_vma_field(vma, known, vm_file);
  return special ? MLT_CAUSE_SPECIAL_MAP : MLT_CAUSE_FILE_MAP;
}

/* Write to a page of a private mapping that may only be read. */
static __always_inline u32 mlt_cause_of_private_write(u64 entry, u64 vm_flags) {
  if (entry & MLT_SPECIAL) return MLT_CAUSE_ZERO_PAGE;
  const struct page* page = (void*)(mlt_cfg.vmemmap + ((entry & MLT_PHYSICAL) >> 12) * bpf_core_type_size(struct page));
  u64 mapping = (u64)BPF_CORE_READ(mlt_page_head(page), mapping);
  if ((mapping & MLT_MAPPING_KSM) == MLT_MAPPING_KSM) return MLT_CAUSE_KSM;
  if (!(mapping & MLT_MAPPING_ANON)) return MLT_CAUSE_COW;
  if (mlt_cfg.has_soft_dirty && !(vm_flags & VM_SOFTDIRTY) && !(entry & MLT_SOFT_DIRTY)) return MLT_CAUSE_SOFT_DIRTY;
  return mlt_page_is_exclusive(page) ? MLT_CAUSE_WRITE_ENABLE : MLT_CAUSE_COW;
}

/* The cause of a fault that does not find nothing. */
static __noinline u32 mlt_cause_of_entry(u64 entry, u64 vm_flags, u32 flags) {
  if (!(entry & MLT_PRESENT)) {
    if (entry & MLT_PROTNONE) return MLT_CAUSE_NUMA_HINT;
    if (!mlt_is_special_entry(entry)) return MLT_CAUSE_SWAP_IN;
    /* It marks what is protected and not there: PTE_MARKER_UFFD_WP. */
    return vm_flags & VM_UFFD_WP ? MLT_CAUSE_UFFD_WP : MLT_CAUSE_SPECIAL_ENTRY;
  }
  if (!(flags & (FAULT_FLAG_WRITE | FAULT_FLAG_UNSHARE)) || (entry & MLT_WRITABLE)) return MLT_CAUSE_SPURIOUS;
  if ((entry & MLT_UFFD_WP) && (vm_flags & VM_UFFD_WP)) return MLT_CAUSE_UFFD_WP;
  return vm_flags & VM_SHARED ? MLT_CAUSE_MKWRITE : mlt_cause_of_private_write(entry, vm_flags);
}

/*
 * As mlt_page_entry, which reads four tables, at a hundred instructions each: faults come in rows, and the lowest table
 * is most often that of the fault before. It stays what it is for as long as no TLB entries of the address space are
 * flushed, which they are after a table is taken out and before it is freed (flush_tlb_mm_range and
 * arch_tlbbatch_add_pending count tlb_gen, 4.14+: f39681ed0f48 "x86/mm: Give each mm TLB flush generation a unique
 * ID").
 */
static __always_inline u64 mlt_page_entry_of(struct mlt_page_table* last, struct mm_struct* mm, bool known,
                                             u64 address) {
  u64 address_space = mlt_mm_field(mm, known, context.ctx_id);
  u64 flushes = mlt_mm_field(mm, known, context.tlb_gen.counter);
  u64 region = address >> 21;
  if (last->region != region || last->flushes != flushes || last->address_space != address_space || !last->table) {
    /* Through memory: there the verifier forgets that it is a pointer. */
    *(volatile u64*)&last->table = mlt_mm_field(mm, known, pgd);
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

/* `known`: the verifier knows the VMA; a constant. */
static __always_inline u32 mlt_cause_of(struct mlt_thread* thread, struct vm_area_struct* vma, bool known, u64 vm_flags,
                                        u64 address, u32 flags) {
  if (!mlt_cfg.page_levels) return MLT_CAUSE_UNKNOWN;
  if (vm_flags & VM_HUGETLB) return MLT_CAUSE_HUGETLB;
  struct mm_struct* mm = known ? vma->vm_mm : BPF_CORE_READ(vma, vm_mm);
  u64 entry = mlt_page_entry_of(&thread->page_table, mm, known, address);
  return entry ? mlt_cause_of_entry(entry, vm_flags, flags) : mlt_cause_of_nothing(vma, known, vm_flags);
}

#endif
