// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who acts on the memory of traced processes from outside, and on that of the whole machine: takes pages out, protects
 * them, moves them, writes to them, fills them in. All of it is rare, and nothing of it runs in a fault of the process.
 *
 * Which call it is and what it wants, the user's registers tell: they are the same on every kernel, while the functions
 * that serve the calls are not. A program of 32 bits has others, and is passed over.
 */
#include "acts.bpf.h"

#define PTRACE_POKETEXT 4
#define PTRACE_POKEDATA 5
#define PTRACE_ATTACH 16
#define PTRACE_SEIZE 0x4206
#define PM_SCAN_WP_MATCHING 1

__noinline int mlt_act_make(u64 first, u64 second, u64 task) {
  union mlt_act_words words = {.words = {first, second}};
  struct mlt_act act = {};
  struct task_struct* leader = BPF_CORE_READ((struct task_struct*)task, group_leader);
  act.tgid = words.key.tgid;
  act.pid = mlt_cfg.pidns_ino ? mlt_pid_in(leader, mlt_cfg.pidns_ino) : act.tgid;
  act.first_ns = bpf_ktime_get_ns();
  BPF_CORE_READ_STR_INTO(&act.comm, leader, comm);
  s64 error = bpf_map_update_elem(&mlt_acts, &words, &act, BPF_NOEXIST);
  if (!error)
    mlt_add(mlt_acts_made, 1);
  else if (error != -EEXIST)
    mlt_add(mlt_stats.acts_full, 1);
  return 0;
}

/* The registers of the current task, where they are those of a call that is known; NULL: they are not. */
static __always_inline struct pt_regs* mlt_calling_regs(void) {
  struct task_struct* task = (void*)bpf_get_current_task();
  if (mlt_phase != MLT_COMPLETE || (BPF_CORE_READ(task, flags) & PF_KTHREAD) || mlt_in_compat_call(task)) return NULL;
  struct pt_regs* regs = mlt_user_regs();
  return mlt_regs_nr(regs) >= 0 ? regs : NULL;
}

static __always_inline struct mlt_act* mlt_act_of(u32 proc, u32 act, u32 nr, u32 detail) {
  struct task_struct* task = (void*)bpf_get_current_task();
  struct mlt_act_key key = mlt_act_key(proc, task, act, nr, detail);
  return mlt_act_at(&key, task);
}

/* ---- Ranges of memory that a call names */

#define MLT_RANGES 32
#define MLT_RANGES_UNKNOWN (~0ULL)

struct mlt_iovec {
  u64 base;
  u64 length;
};

enum mlt_of_ranges { MLT_RANGES_BYTES, MLT_RANGES_START, MLT_RANGES_END };

/* Of a vector of ranges in the memory of the current task: how much it is, or from where to where. A global function,
 * too. */
__noinline u64 mlt_ranges(u64 vector, u64 count, u32 which) {
  u64 start = ~0ULL;
  u64 end = 0;
  u64 bytes = 0;
  if (count > MLT_RANGES) return which == MLT_RANGES_END ? 0 : MLT_RANGES_UNKNOWN;
  for (u32 i = 0; i < MLT_RANGES && i < count; i++) {
    struct mlt_iovec range = {};
    bpf_probe_read_user(&range, sizeof(range), (void*)(vector + i * sizeof(range)));
    bytes += range.length;
    if (range.base < start) start = range.base;
    if (range.base + range.length > end) end = range.base + range.length;
  }
  return which == MLT_RANGES_BYTES ? bytes : which == MLT_RANGES_START ? start : end;
}

static __always_inline void mlt_act_add_bytes(struct mlt_act* act, u64 bytes) {
  if (bytes != MLT_RANGES_UNKNOWN)
    mlt_add(act->bytes, bytes);
  else
    mlt_add(act->unsized, 1);
}

/* ---- Calls that reach into another process: all of them ask whether they may */

static __always_inline int mlt_access(struct task_struct* target) {
  u64 bytes = MLT_RANGES_UNKNOWN;
  u32 proc = mlt_owner_of(BPF_CORE_READ(target, tgid));
  struct pt_regs* regs = proc ? mlt_calling_regs() : NULL;
  if (!regs) return 0;
  long nr = mlt_regs_nr(regs);
  u32 kind = MLT_ACT_NONE;
  u32 detail = 0;
  u64 request = mlt_regs_arg0(regs);
  switch (nr) {
    case MLT_NR_PROCESS_MADVISE:
      kind = MLT_ACT_MADVISE;
      detail = mlt_regs_arg3(regs);
      bytes = mlt_ranges(mlt_regs_arg1(regs), mlt_regs_arg2(regs), MLT_RANGES_BYTES);
      break;
    case MLT_NR_PROCESS_VM_WRITEV:
      kind = MLT_ACT_VM_WRITE;
      bytes = mlt_ranges(mlt_regs_arg3(regs), mlt_regs_arg4(regs), MLT_RANGES_BYTES);
      break;
    case MLT_NR_MOVE_PAGES:
      /* Without nodes it only asks where they are. */
      if (!mlt_regs_arg3(regs)) return 0;
      kind = MLT_ACT_MOVE_PAGES;
      bytes = mlt_regs_arg1(regs) << 12;
      break;
    case MLT_NR_MIGRATE_PAGES: kind = MLT_ACT_MIGRATE_PAGES; break;
    case MLT_NR_PTRACE:
      if (request != PTRACE_ATTACH && request != PTRACE_SEIZE) return 0;
      kind = MLT_ACT_PTRACE_ATTACH;
      break;
    default: return 0;
  }
  struct mlt_act* act = mlt_act_of(proc, kind, nr, detail);
  if (!act) return 0;
  mlt_act_count(act);
  mlt_act_add_bytes(act, bytes);
  return 0;
}

MLT_ENTRY(security_ptrace_access_check, access, mlt_access(target), struct task_struct* target)

/* A debugger that is attached already. Newer kernels have ptrace_access_vm inlined. */
static __always_inline int mlt_debug(struct task_struct* target, long request) {
  bool pokes = request == PTRACE_POKETEXT || request == PTRACE_POKEDATA;
  u32 proc = pokes ? mlt_owner_of(BPF_CORE_READ(target, tgid)) : 0;
  struct mlt_act* act = proc ? mlt_act_of(proc, MLT_ACT_PTRACE_WRITE, MLT_NR_PTRACE, 0) : NULL;
  if (!act) return 0;
  mlt_act_count(act);
  mlt_act_add_bytes(act, sizeof(long));
  return 0;
}

MLT_ENTRY(arch_ptrace, arch_ptrace, mlt_debug(target, request), struct task_struct* target, long request)

/* ---- Pages that a call, or a monitor of the kernel's, takes out of memory */

/* Where they were: major faults there, from now on, have to do with it. */
static __always_inline void mlt_note_taken(u32 index, struct pt_regs* regs) {
  struct mlt_proc* proc = mlt_proc_at(index);
  u64 vector = mlt_regs_arg1(regs);
  u64 count = mlt_regs_arg2(regs);
  u64 start = mlt_ranges(vector, count, MLT_RANGES_START);
  u64 end = mlt_ranges(vector, count, MLT_RANGES_END);
  if (!proc || !end) return;
  if (!proc->taken_end || start < proc->taken_start) proc->taken_start = start;
  if (end > proc->taken_end) proc->taken_end = end;
}

static __always_inline int mlt_pages_taken(u64 pages) {
  struct task_struct* task = (void*)bpf_get_current_task();
  if (!pages || mlt_phase != MLT_COMPLETE) return 0;
  if (BPF_CORE_READ(task, flags) & PF_KTHREAD) {
    struct mlt_act* act = mlt_act_of(0, MLT_ACT_DAMON, MLT_ACT_NO_CALL, 0);
    if (!act) return 0;
    mlt_act_count(act);
    mlt_add(act->pages, pages);
    return 0;
  }
  struct pt_regs* regs = mlt_calling_regs();
  if (!regs) return 0;
  long nr = mlt_regs_nr(regs);
  bool by_itself = nr == MLT_NR_MADVISE;
  u32 detail = by_itself ? mlt_regs_arg2(regs) : mlt_regs_arg3(regs);
  struct task_struct* target = by_itself ? task : NULL;
  if (nr == MLT_NR_PROCESS_MADVISE) {
    struct file* file = mlt_file_at(task, mlt_regs_arg0(regs));
    struct pid* pid = file ? mlt_pid_of_pidfd(file) : NULL;
    target = pid ? mlt_task_of_pid(pid) : NULL;
  }
  u32 proc = target ? mlt_owner_of(BPF_CORE_READ(target, tgid)) : 0;
  struct mlt_act* act = proc ? mlt_act_of(proc, MLT_ACT_MADVISE, nr, detail) : NULL;
  if (!act) return 0;
  mlt_add(act->pages, pages);
  act->last_ns = bpf_ktime_get_ns();
  if (BPF_CORE_READ(target, tgid) != BPF_CORE_READ(task, tgid)) mlt_note_taken(proc, regs);
  return 0;
}

/* How many arguments stand before the result differs. Up to 5.16, where this helper is not known, it is one. */
SEC("fexit/reclaim_pages")
int mlt_reclaim_pages_fexit(u64* ctx) {
  u64 pages = 0;
  if (!bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_func_ret)) return mlt_pages_taken(ctx[1]);
  bpf_get_func_ret(ctx, &pages);
  return mlt_pages_taken(pages);
}

SEC("kretprobe/reclaim_pages")
int BPF_KRETPROBE(mlt_reclaim_pages_kretprobe, long pages) { return mlt_pages_taken(pages); }

/* ---- Files that are written to */

/* Where the call takes what it writes from. */
static __always_inline u64 mlt_written_from(struct pt_regs* regs) {
  long nr = mlt_regs_nr(regs);
  u64 from = mlt_regs_arg1(regs);
  struct mlt_iovec first = {};
  if (nr == MLT_NR_WRITE || nr == MLT_NR_PWRITE64) return from;
  if (nr != MLT_NR_WRITEV && nr != MLT_NR_PWRITEV) return 0;
  bpf_probe_read_user(&first, sizeof(first), (void*)from);
  return first.base;
}

static __always_inline int mlt_file_written(void) {
  struct pt_regs* regs = mlt_calling_regs();
  u64 from = regs ? mlt_written_from(regs) : 0;
  struct task_struct* task = (void*)bpf_get_current_task();
  struct file* file = from ? mlt_file_at(task, mlt_regs_arg0(regs)) : NULL;
  if (!file) return 0;
  union mlt_short_name name = mlt_name_of(file);
  union mlt_short_name value = {};
  bpf_probe_read_user(value.text, 8, (void*)from);
  if (mlt_is_named(&name, "clear_refs")) {
    struct task_struct* target = mlt_task_of_file(file);
    u32 proc = target ? mlt_owner_of(BPF_CORE_READ(target, tgid)) : 0;
    struct mlt_act* act = proc ? mlt_act_of(proc, MLT_ACT_CLEAR_REFS, MLT_NR_WRITE, value.text[0] - '0') : NULL;
    if (act) mlt_act_count(act);
    return 0;
  }
  u32 detail = mlt_hash_of_name(&name) ^ mlt_hash(value.words[0]) ^ (u32)BPF_CORE_READ(file, f_inode, i_ino);
  struct mlt_act* act = mlt_act_of(0, MLT_ACT_FILE_WRITE, MLT_NR_WRITE, detail);
  if (!act) return 0;
  mlt_act_count(act);
  if (act->name[0]) return 0;
  bpf_probe_read_user_str(act->value, sizeof(act->value), (void*)from);
  if (!mlt_is_in_proc(file)) {
    const unsigned char* cgroup = BPF_CORE_READ(file, f_path.dentry, d_parent, d_name.name);
    bpf_probe_read_kernel_str(act->cgroup, sizeof(act->cgroup), cgroup);
  }
  __builtin_memcpy(act->name, name.text, sizeof(name.text));
  return 0;
}

MLT_ENTRY(clear_refs_write, clear_refs, mlt_file_written())

/* A fentry program belongs to one function; the kprobe serves all of these. */
#define MLT_FILE_FUNCTION(function) \
  SEC("fentry/" #function)          \
  int BPF_PROG(mlt_##function##_fentry) { return mlt_file_written(); }

MLT_FILE_FUNCTION(drop_caches_sysctl_handler)
MLT_FILE_FUNCTION(sysctl_compaction_handler)
MLT_FILE_FUNCTION(memory_high_write)
MLT_FILE_FUNCTION(memory_max_write)
MLT_FILE_FUNCTION(memory_reclaim)

SEC("kprobe")
int BPF_KPROBE(mlt_file_written_kprobe) { return mlt_file_written(); }

/* Of one that took place. */
static __always_inline int mlt_swap_taken_away(long ret) {
  struct pt_regs* regs = ret ? NULL : mlt_calling_regs();
  if (!regs) return 0;
  u64 path = mlt_regs_arg0(regs);
  union mlt_short_name name = {};
  bpf_probe_read_user_str(name.text, sizeof(name.text), (void*)path);
  struct mlt_act* act = mlt_act_of(0, MLT_ACT_SWAPOFF, MLT_NR_SWAPOFF, mlt_hash_of_name(&name));
  if (!act) return 0;
  mlt_act_count(act);
  bpf_probe_read_user_str(act->name, sizeof(act->name), (void*)path);
  return 0;
}

SEC("fexit/" MLT_SYSCALL_PREFIX "swapoff")
int BPF_PROG(mlt_swapoff_fexit, const struct pt_regs* regs, long ret) { return mlt_swap_taken_away(ret); }

SEC("kretprobe/" MLT_SYSCALL_PREFIX "swapoff")
int BPF_KRETPROBE(mlt_swapoff_kretprobe, long ret) { return mlt_swap_taken_away(ret); }

/* ---- Who supplies or protects pages */

static __always_inline u32 mlt_owner_of_mm(struct mm_struct* mm) {
  return mlt_phase == MLT_COMPLETE ? mlt_owner_of(BPF_CORE_READ(mm, owner, tgid)) : 0;
}

/* The low byte of an ioctl's number tells it from the others of its kind. */
#define mlt_ioctl_nr(command) ((command)&0xff)
#define MLT_UFFDIO_COPY 0x03
#define MLT_UFFDIO_MOVE 0x05
#define MLT_UFFDIO_API 0x3f

/* The length stands after two addresses where pages are copied or moved, and else after one. */
static __always_inline int mlt_supply(struct file* file, u32 command, u64 argument) {
  struct userfaultfd_ctx* context = BPF_CORE_READ(file, private_data);
  u32 proc = mlt_owner_of_mm(BPF_CORE_READ(context, mm));
  u32 nr = mlt_ioctl_nr(command);
  struct mlt_act* act = proc ? mlt_act_of(proc, MLT_ACT_USERFAULTFD, MLT_NR_IOCTL, nr) : NULL;
  if (!act) return 0;
  mlt_act_count(act);
  u64 bytes = 0;
  u64 at = argument + (nr == MLT_UFFDIO_COPY || nr == MLT_UFFDIO_MOVE ? 2 : 1) * sizeof(u64);
  bool known = nr != MLT_UFFDIO_API && !bpf_probe_read_user(&bytes, sizeof(bytes), (void*)at);
  mlt_act_add_bytes(act, known ? bytes : MLT_RANGES_UNKNOWN);
  return 0;
}

MLT_ENTRY(userfaultfd_ioctl, userfaultfd, mlt_supply(file, command, argument), struct file* file, u32 command,
          u64 argument)

/* PAGEMAP_SCAN is the only one so far. 6.7+: 52526ca7fdb9 "fs/proc/task_mmu: implement IOCTL to get and optionally
 * clear info about PTEs". */
struct mlt_pm_scan {
  u64 size;
  u64 flags;
  u64 start;
  u64 end;
};

static __always_inline int mlt_pagemap(struct file* file, u64 argument) {
  u32 proc = mlt_owner_of_mm(BPF_CORE_READ(file, private_data));
  struct mlt_pm_scan scan = {};
  if (!proc || bpf_probe_read_user(&scan, sizeof(scan), (void*)argument)) return 0;
  if (!(scan.flags & PM_SCAN_WP_MATCHING)) return 0;
  struct mlt_act* act = mlt_act_of(proc, MLT_ACT_PAGEMAP_PROTECT, MLT_NR_IOCTL, 0);
  if (!act) return 0;
  mlt_act_count(act);
  mlt_act_add_bytes(act, scan.end - scan.start);
  return 0;
}

MLT_ENTRY(do_pagemap_cmd, pagemap, mlt_pagemap(file, argument), struct file* file, u32 command, u64 argument)

/* ---- Who moves pages */

/*
 * A call of a process moves its own; those that move others' are seen above. A kprobe alone: with its seven arguments
 * fentry programs take the function from 6.7 on only (473e3150e30a "bpf, x86: allow function arguments up to 12 for
 * TRACING").
 */
SEC("kprobe/migrate_pages")
int BPF_KPROBE(mlt_migrate_kprobe) {
  struct task_struct* task = (void*)bpf_get_current_task();
  if (mlt_phase != MLT_COMPLETE) return 0;
  if ((u32)mlt_kprobe_arg5(ctx) == bpf_core_enum_value(enum migrate_reason, MR_COMPACTION)) {
    struct mlt_act* act = mlt_act_of(0, MLT_ACT_COMPACTION, MLT_ACT_NO_CALL, 0);
    if (act) mlt_act_count(act);
    return 0;
  }
  struct pt_regs* regs = mlt_calling_regs();
  if (!regs) return 0;
  long nr = mlt_regs_nr(regs);
  u32 kind = nr == MLT_NR_MOVE_PAGES      ? MLT_ACT_MOVE_PAGES
             : nr == MLT_NR_MIGRATE_PAGES ? MLT_ACT_MIGRATE_PAGES
             : nr == MLT_NR_MBIND         ? MLT_ACT_MBIND
                                          : MLT_ACT_NONE;
  u64 number = kind == MLT_ACT_MBIND ? 0 : mlt_regs_arg0(regs);
  if (kind == MLT_ACT_NONE || (number && !mlt_is_number_of(number, task, task))) return 0;
  u32 proc = mlt_owner_of(BPF_CORE_READ(task, tgid));
  struct mlt_act* act = proc ? mlt_act_of(proc, kind, nr, 0) : NULL;
  if (act) act->last_ns = bpf_ktime_get_ns();
  return 0;
}
