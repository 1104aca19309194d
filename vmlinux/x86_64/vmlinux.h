/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel types that the BPF programs read, and nothing else: written down once, per architecture, so that a build
 * never depends on the kernel of the machine it runs on. CO-RE relocates every field to the running kernel, so a struct
 * here needs the names and types of the fields in use, not their order or the other members. Where a field was renamed
 * or changed its type, the variants live as ___flavors in bpf/compat.bpf.h, not here.
 *
 * `scripts/gen-vmlinux KERNEL-BTF OBJECT` prints the same set of types as a given kernel has them, to compare with.
 */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#include <linux/types.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;
typedef _Bool bool;
enum { false = 0, true = 1 };

/* Register layout of a trapped context. The tail (r8 and up) is what PT_REGS_PARMn_SYSCALL need. */
struct pt_regs {
  unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};

/* Context of perf_event programs: kernel ABI, so never relocated. */
struct bpf_perf_event_data {
  struct pt_regs regs;
  __u64 sample_period;
  __u64 addr;
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
  int counter;
} atomic_t;

typedef struct {
  long counter;
} atomic_long_t;

struct file;
struct css_set;

struct mm_struct {
  unsigned long locked_vm; /* pages of VM_LOCKED VMAs: VmLck in /proc/PID/status */
  unsigned long total_vm;  /* pages mapped: VmSize */
  unsigned long def_flags; /* VM_LOCKED here is MCL_FUTURE in force: /proc does not show it */
  int map_count;           /* number of VMAs */
  struct task_struct *owner;
};

struct vm_area_struct {
  unsigned long vm_start;
  unsigned long vm_end;
  unsigned long vm_flags;
  struct mm_struct *vm_mm;
};

struct signal_struct {
  atomic_t live; /* threads that have not begun to exit */
};

struct task_struct {
  int pid;
  int tgid;
  unsigned int flags;
  void *stack;
  u64 start_boottime;
  unsigned long min_flt;
  unsigned long maj_flt;
  char comm[16];
  struct mm_struct *mm;
  struct task_struct *group_leader;
  struct signal_struct *signal;
};

struct page {
  unsigned long flags;
};

struct folio {
  unsigned int mlock_count; /* 5.18+; valid only while PG_lru and PG_unevictable are both set */
};

struct vma_merge_struct {
  unsigned long start;
  unsigned long end;
  unsigned long vm_flags;
};

/* Bit numbers move between versions: always read through bpf_core_enum_value. */
enum pageflags {
  PG_lru = 4,
  PG_head = 16,
  PG_unevictable = 20,
  PG_mlocked = 21,
};

#pragma clang attribute pop

#endif
