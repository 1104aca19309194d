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

typedef struct {
  s64 counter;
} atomic64_t;

typedef unsigned long pte_marker;

struct cgroup_subsys_state;

struct css_set {
  struct cgroup_subsys_state *subsys[16]; /* by enum cgroup_subsys_id */
  struct cgroup *dfl_cgrp;                /* of the unified hierarchy */
};

enum vm_event_item {
  PGFAULT = 29,
  PGMAJFAULT = 30,
};

enum cgroup_subsys_id {
  memory_cgrp_id = 4,
};

struct page_counter {
  atomic_long_t usage; /* pages */
  unsigned long max;
  struct page_counter *parent;
};

struct qstr {
  const unsigned char *name;
};

struct dentry {
  struct dentry *d_parent;
  struct qstr d_name;
};

struct path {
  struct dentry *dentry;
};

struct super_block {
  unsigned int s_dev;
  unsigned long s_magic; /* of the kind of file system: linux/magic.h */
  void *s_fs_info;
};

struct inode {
  unsigned short i_mode;
  unsigned int i_flags;
  struct super_block *i_sb;
  unsigned long i_ino;
  long long i_size;
  void *i_private;
};

struct file {
  struct inode *f_inode;
  struct address_space *f_mapping; /* its pages: of a block device not those of f_inode */
  struct path f_path;
  void *private_data;
};

struct fdtable {
  unsigned int max_fds;
  struct file **fd;
};

struct files_struct {
  struct fdtable *fdt;
};

struct hlist_node {
  struct hlist_node *next;
};

struct hlist_head {
  struct hlist_node *first;
};

/* Of /proc/PID/maps, smaps, smaps_rollup, numa_maps while they are open. */
struct seq_file {
  void *private;
};

struct proc_maps_private {
  struct task_struct *task; /* NULL: not between the start and the end of a part that is read */
  struct mm_struct *mm;
};

struct ctl_table {
  void *data; /* the variable */
};

/* A file of /proc; of /proc/sys if it has a sysctl_entry. */
struct proc_inode {
  struct pid *pid; /* whose directory of /proc it is in */
  struct ctl_table *sysctl_entry;
  struct inode vfs_inode;
};

struct hstate {
  unsigned int order;
  unsigned long free_huge_pages;
  unsigned long resv_huge_pages;
  unsigned long nr_huge_pages;
};

struct hugetlbfs_sb_info {
  struct hstate *hstate;
};

struct percpu_counter {
  s64 count;
};

struct shmem_sb_info {
  unsigned long max_blocks;
  struct percpu_counter used_blocks;
};

struct userfaultfd_ctx {
  unsigned int features;
  struct mm_struct *mm;
};

struct vm_userfaultfd_ctx {
  struct userfaultfd_ctx *ctx;
};

struct swap_io_ctx {
  int unused;
};

struct vm_operations_struct;

struct rb_node {
  unsigned long __rb_parent_color; /* the parent; the two low bits are the colour */
  struct rb_node *rb_right;
  struct rb_node *rb_left;
};

struct rb_root {
  struct rb_node *rb_node;
};

struct rb_root_cached {
  struct rb_root rb_root;
};

struct address_space {
  struct inode *host;
  unsigned long flags;          /* enum mapping_flags */
  struct rb_root_cached i_mmap; /* the mappings of a file: vm_area_struct.shared.rb */
};

struct anon_vma {
  struct rb_root_cached rb_root; /* the mappings of anonymous memory: anon_vma_chain.rb */
};

/* Where an address space keeps its VMAs since 6.1: mlt_space_find. */
struct maple_range_64 {
  unsigned long pivot[15];
  void *slot[16];
};

struct maple_arange_64 {
  unsigned long pivot[9];
  void *slot[10];
};

struct maple_node {
  struct maple_range_64 mr64;
  struct maple_arange_64 ma64;
};

struct maple_tree {
  void *ma_root;
};

struct anon_vma_chain {
  struct vm_area_struct *vma;
  struct rb_node rb;
  unsigned long rb_subtree_last; /* the highest page that this node or one below it shows */
};

struct rw_semaphore {
  atomic_long_t owner; /* task_struct of the writer, or of the last reader; the low bits are flags */
};

typedef struct {
  u64 ctx_id;         /* of the address space: never used again */
  atomic64_t tlb_gen; /* counts the flushes of its TLB entries */
} mm_context_t;

struct mm_struct {
  void *pgd; /* the uppermost page table */
  unsigned long task_size; /* where its addresses end */
  unsigned long locked_vm; /* pages of VM_LOCKED VMAs: VmLck in /proc/PID/status */
  atomic64_t pinned_vm;    /* pages that drivers, io_uring and perf hold: VmPin */
  unsigned long total_vm;  /* pages mapped: VmSize */
  unsigned long def_flags; /* VM_LOCKED here is MCL_FUTURE in force: /proc does not show it */
  int map_count;           /* number of VMAs */
  unsigned long start_brk; /* the heap: up to brk */
  unsigned long brk;
  unsigned long start_stack; /* the main thread's stack lies around it */
  struct task_struct *owner;
  struct rw_semaphore mmap_lock;
  mm_context_t context;
  struct maple_tree mm_mt;
};

struct vm_area_struct {
  unsigned long vm_start;
  unsigned long vm_end;
  unsigned long vm_pgoff; /* where in the file, or in the anon_vma, it begins: in pages */
  unsigned long vm_flags;
  struct mm_struct *vm_mm;
  const struct vm_operations_struct *vm_ops; /* NULL: anonymous memory */
  struct file *vm_file;
  struct vm_userfaultfd_ctx vm_userfaultfd_ctx;
  struct {
    struct rb_node rb;
    unsigned long rb_subtree_last;
  } shared;
};

struct rlimit {
  unsigned long rlim_cur;
  unsigned long rlim_max;
};

struct signal_struct {
  struct rlimit rlim[16];
  atomic_t live; /* threads that have not begun to exit */
  unsigned long min_flt;
  unsigned long maj_flt;
  int group_exit_code;
  unsigned int flags;
};

struct ns_common {
  unsigned int inum;
};

struct pid_namespace {
  struct ns_common ns;
};

/* The number of a task in one PID namespace. */
struct upid {
  int nr;
  struct pid_namespace *ns;
};

struct pid {
  unsigned int level; /* depth of the innermost PID namespace that it is in: the length of numbers, less one */
  struct hlist_head tasks[4]; /* by enum pid_type: task_struct.pid_links */
  struct upid numbers[1];
};

struct user_namespace {
  int level; /* 0: the initial one */
};

struct user_struct {
  atomic_long_t locked_vm; /* pages that io_uring, perf and the like have accounted to the user */
};

struct cred {
  struct user_struct *user;
  struct {
    u32 low;
  } cap_effective;
  struct user_namespace *user_ns;
};

struct seccomp {
  int mode;
};

struct thread_info {
  u32 status;
};

struct thread_struct {
  unsigned long trap_nr; /* of the last exception */
  unsigned long error_code;
};

struct kernel_siginfo {
  int si_code;
  union {
    struct {
      void *_addr;
    } _sigfault;
  } _sifields;
};

struct sched_info {
  unsigned long long run_delay; /* ns that the task waited on a run queue */
};

struct task_struct {
  struct thread_info thread_info; /* first of all, also in the kernel */
  struct hlist_node pid_links[4];
  struct files_struct *files;
  struct css_set *cgroups;
  struct pid *thread_pid;
  int pid;
  int tgid;
  unsigned int flags;
  void *stack;
  struct sched_info sched_info;
  u64 start_boottime;
  int exit_state;
  int exit_code;
  unsigned long min_flt;
  unsigned long maj_flt;
  unsigned int memcg_nr_pages_over_high;
  unsigned long nvcsw;
  char comm[16];
  struct mm_struct *mm;
  struct task_struct *group_leader;
  struct signal_struct *signal;
  const struct cred *cred;
  struct seccomp seccomp;
  struct thread_struct thread;
};

struct page {
  unsigned long flags;
  struct address_space *mapping; /* the two low bits tell anonymous and KSM pages */
  unsigned long index;
  unsigned long private;
  unsigned long compound_head;
};

typedef struct {
  unsigned long val;
} swp_entry_t;

struct folio {
  unsigned long index;      /* in pages; 5.16+ */
  swp_entry_t swap;         /* 6.6+ */
  unsigned int mlock_count; /* 5.18+; valid only while PG_lru and PG_unevictable are both set */
};

struct kernfs_node {
  const char *name;
  u64 id;
};

struct cgroup {
  struct kernfs_node *kn;
};

struct cgroup_subsys_state {
  struct cgroup *cgroup;
};

struct mem_cgroup {
  struct cgroup_subsys_state css;
  struct page_counter memory;
};

enum oom_constraint {
  CONSTRAINT_NONE,
};

/* What out_of_memory is called with. */
struct oom_control {
  struct mem_cgroup *memcg; /* NULL: the machine is out of memory */
  enum oom_constraint constraint;
};

struct bpf_iter__task {
  struct task_struct *task;
};

struct vma_merge_struct {
  unsigned long start;
  unsigned long end;
  unsigned long vm_flags;
};

/* Bit numbers move between versions: always read through bpf_core_enum_value. */
enum pageflags {
  PG_locked = 0,
  PG_writeback = 1,
  PG_uptodate = 3,
  PG_lru = 4,
  PG_active = 5,
  PG_workingset = 9,
  PG_head = 16,
  PG_anon_exclusive = 17,
  PG_swapbacked = 19,
  PG_unevictable = 20,
  PG_mlocked = 21,
};

/* What pages are moved for. */
enum migrate_reason {
  MR_COMPACTION = 0,
};

enum mapping_flags {
  AS_UNEVICTABLE = 3,
};

#pragma clang attribute pop

#endif
