/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What x86-64 decides: numbers and registers of system calls, the layout of page tables. */
#ifndef MLT_ARCH_X86_64_BPF_H
#define MLT_ARCH_X86_64_BPF_H

#include <asm-generic/errno.h>

#include "maps.bpf.h"

/* ---- System calls */

/* Of the functions that serve them. */
#define MLT_SYSCALL_PREFIX "__x64_sys_"

/* By their numbers: arch/x86/entry/syscalls/syscall_64.tbl. */
static __always_inline u32 mlt_call_of(long nr) {
  switch (nr) {
    case 9: return MLT_CALL_MMAP;
    case 10: return MLT_CALL_MPROTECT;
    case 11: return MLT_CALL_MUNMAP;
    case 12: return MLT_CALL_BRK;
    case 25: return MLT_CALL_MREMAP;
    case 28: return MLT_CALL_MADVISE;
    case 56:
    case 57:
    case 58:
    case 435: return MLT_CALL_FORK;
    case 59:
    case 322: return MLT_CALL_EXECVE;
    case 149: return MLT_CALL_MLOCK;
    case 150: return MLT_CALL_MUNLOCK;
    case 151: return MLT_CALL_MLOCKALL;
    case 152: return MLT_CALL_MUNLOCKALL;
    case 325: return MLT_CALL_MLOCK2;
    default: return MLT_CALL_OTHER;
  }
}
/* The same of a 32-bit program: arch/x86/entry/syscalls/syscall_32.tbl. */
static __always_inline u32 mlt_compat_call_of(long nr) {
  switch (nr) {
    case 90:
    case 192: return MLT_CALL_MMAP;
    case 125: return MLT_CALL_MPROTECT;
    case 91: return MLT_CALL_MUNMAP;
    case 45: return MLT_CALL_BRK;
    case 163: return MLT_CALL_MREMAP;
    case 219: return MLT_CALL_MADVISE;
    case 2:
    case 120:
    case 190:
    case 435: return MLT_CALL_FORK;
    case 11:
    case 358: return MLT_CALL_EXECVE;
    case 150: return MLT_CALL_MLOCK;
    case 151: return MLT_CALL_MUNLOCK;
    case 152: return MLT_CALL_MLOCKALL;
    case 153: return MLT_CALL_MUNLOCKALL;
    case 376: return MLT_CALL_MLOCK2;
    default: return MLT_CALL_OTHER;
  }
}

/* Those by which one process acts on the memory of another. */
#define MLT_NR_READ 0
#define MLT_NR_WRITE 1
#define MLT_NR_IOCTL 16
#define MLT_NR_PREAD64 17
#define MLT_NR_PWRITE64 18
#define MLT_NR_READV 19
#define MLT_NR_WRITEV 20
#define MLT_NR_MADVISE 28
#define MLT_NR_PTRACE 101
#define MLT_NR_SWAPOFF 168
#define MLT_NR_MBIND 237
#define MLT_NR_MIGRATE_PAGES 256
#define MLT_NR_MOVE_PAGES 279
#define MLT_NR_PREADV 295
#define MLT_NR_PWRITEV 296
#define MLT_NR_PROCESS_VM_READV 310
#define MLT_NR_PROCESS_VM_WRITEV 311
#define MLT_NR_PROCESS_MADVISE 440
#define MLT_NR_PROCESS_MRELEASE 448

#define MLT_NR_VFORK 58
#define MLT_COMPAT_NR_VFORK 190
#define MLT_NR_CLONE3 435 /* in both */

/* Of the registers that a task entered the kernel with. The number is negative in an exception. */
#define mlt_regs_nr(regs) ((long)BPF_CORE_READ(regs, orig_ax))
#define mlt_regs_arg0(regs) BPF_CORE_READ(regs, di)
#define mlt_regs_arg1(regs) BPF_CORE_READ(regs, si)
#define mlt_regs_arg2(regs) BPF_CORE_READ(regs, dx)
#define mlt_regs_arg3(regs) BPF_CORE_READ(regs, r10)
#define mlt_regs_arg4(regs) BPF_CORE_READ(regs, r8)
#define mlt_compat_regs_arg0(regs) BPF_CORE_READ(regs, bx)

/*
 * Is the task in a call of a 32-bit program? Then the number is one of theirs. An execve changes both before the new
 * program starts (set_personality_ia32 and set_personality_64bit, arch/x86/kernel/process_64.c), so the code segment in
 * the registers does not tell. TS_COMPAT is a macro, and has been 2 since 2.6.
 */
static __always_inline bool mlt_in_compat_call(struct task_struct* task) {
  return BPF_CORE_READ(task, thread_info.status) & 2;
}

/*
 * Has a seccomp filter answered the call? The answer stands in the registers, where a call that is let through still
 * has what every one begins with (arch/x86/entry/entry_64.S). It may be success, too. A filter that answers -ENOSYS is
 * not told from one that permits.
 */
static __always_inline bool mlt_regs_filtered(const struct pt_regs* regs, s64* ret) {
  *ret = BPF_CORE_READ(regs, ax);
  return *ret != -ENOSYS;
}

/* Is the task inside the call still? What it returns stands there afterwards, until the next one. */
static __always_inline bool mlt_regs_in_call(const struct pt_regs* regs) {
  return mlt_regs_nr(regs) >= 0 && (long)BPF_CORE_READ(regs, ax) == -ENOSYS;
}

/* Of the kernel stack, which ends with these registers; without KASAN. The FRED padding came later than the helper that
 * makes this needless. */
#define MLT_THREAD_SIZE 16384

/* Of a kprobe: the fifth and the sixth argument of the function. */
#define mlt_kprobe_arg4(ctx) ((u64)(ctx)->r8)
#define mlt_kprobe_arg5(ctx) ((u64)(ctx)->r9)

/* ---- Exceptions */

/* The access that a page fault of the task was about, from the error code (arch/x86/mm/fault.c). */
static __always_inline u32 mlt_access_of_exception(struct task_struct* task) {
  u64 code = BPF_CORE_READ(task, thread.error_code);
  return code & 2 ? MLT_ACCESS_WRITE : code & 16 ? MLT_ACCESS_EXEC : MLT_ACCESS_READ;
}

/* exceptions:page_fault_user and page_fault_kernel(address, regs, error_code): which one it is. X86_PF_USER */
static __always_inline bool mlt_is_from_user(struct bpf_raw_tracepoint_args* ctx) { return ctx->args[2] & 4; }

/* Was the last exception of the task one for an address that can't be mapped? X86_TRAP_GP */
static __always_inline bool mlt_was_no_address(struct task_struct* task) {
  return BPF_CORE_READ(task, thread.trap_nr) == 13;
}

/* ---- Page tables, of 4 and 5 levels */

/*
 * The layout of entries is that of arch/x86/include/asm/pgtable_64.h, which has not changed since 4.19: in an entry
 * that is not present the five highest bits are the type of swap entry.
 */
#define MLT_PRESENT 0x001ULL
#define MLT_WRITABLE 0x002ULL
#define MLT_HUGE 0x080ULL     /* in a PUD or PMD */
#define MLT_PROTNONE 0x100ULL /* in an entry that is not present */
#define MLT_SPECIAL 0x200ULL  /* no struct page to speak of: the zero page, in anonymous memory */
#define MLT_UFFD_WP 0x400ULL
#define MLT_SOFT_DIRTY 0x800ULL
#define MLT_PHYSICAL 0x000ffffffffff000ULL
#define MLT_SWAP_TYPE_SHIFT 59

#define mlt_entry_present(entry) ((entry)&MLT_PRESENT)
#define mlt_entry_writable(entry) ((entry)&MLT_WRITABLE)
#define mlt_entry_protnone(entry) ((entry)&MLT_PROTNONE)
#define mlt_entry_special(entry) ((entry)&MLT_SPECIAL)
/* Of one in memory: among the lowest entries a device's have the bit, too. */
#define mlt_entry_huge(entry) ((entry)&MLT_HUGE)
#define mlt_entry_uffd_wp(entry) ((entry)&MLT_UFFD_WP)
#define mlt_entry_soft_dirty(entry) ((entry)&MLT_SOFT_DIRTY)
#define mlt_entry_pfn(entry) (((entry)&MLT_PHYSICAL) >> 12)

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

/*
 * PTE_MARKER_* of an entry that is a marker (5.19+, 679d10331910 "mm: introduce PTE_MARKER swap entry"), which is the
 * last of all types; 0: it is none. The marker is the offset.
 */
#define MLT_MARKER_TYPE 31
#define MLT_MARKER_UFFD_WP 1
#define MLT_MARKER_POISONED 2
#define MLT_MARKER_GUARD 4

static __always_inline u64 mlt_entry_marker(u64 entry) {
  bool is_marker = !(entry & (MLT_PRESENT | MLT_PROTNONE)) && entry >> MLT_SWAP_TYPE_SHIFT == MLT_MARKER_TYPE;
  return is_marker ? ~entry << 5 >> 14 : 0;
}

/* Neither a page nor swap: on the move, poisoned, a marker. */
static __always_inline bool mlt_is_special_entry(u64 entry) {
  return entry && !(entry & (MLT_PRESENT | MLT_PROTNONE)) && entry >> MLT_SWAP_TYPE_SHIFT >= MLT_SWAP_TYPES;
}

/* Nothing but a note that the page to come is to be protected. Before there were markers the type was another's. */
static __always_inline bool mlt_is_uffd_marker(u64 entry) {
  return bpf_core_type_exists(pte_marker) && (mlt_entry_marker(entry) & MLT_MARKER_UFFD_WP);
}

/*
 * How often TLB entries of an address space were flushed (flush_tlb_mm_range and arch_tlbbatch_add_pending count it),
 * and what tells the address space from others: 4.14+, f39681ed0f48 "x86/mm: Give each mm TLB flush generation a unique
 * ID". `typed` as of mlt_vma_field.
 */
#define mlt_address_space(mm, typed) mlt_mm_field(mm, typed, context.ctx_id)
#define mlt_flushes(mm, typed) mlt_mm_field(mm, typed, context.tlb_gen.counter)

#endif
