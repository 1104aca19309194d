// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* VMA splits and merges, with the ranges and the call that caused them. */
#include "calls.bpf.h"
#include "events.bpf.h"

static __always_inline struct mlt_thread* mlt_change_begin(u32 kind, u64 start, u64 end, u64 addr, u64 vm_flags) {
  struct mlt_thread* thread = mlt_current();
  if (!thread) return NULL;
  thread->change_kind = kind;
  thread->change_start = start;
  thread->change_end = end;
  thread->change_addr = addr;
  thread->change_vm_flags = vm_flags;
  return thread;
}

/*
 * Counts and reports the change that was begun, if it succeeded. What ends may be no change of its own: up to 6.2
 * __split_vma calls __vma_adjust, whose return probe knows no arguments.
 */
static __noinline int mlt_change_end(struct mlt_thread* thread, u32 kind, int ret) {
  if (!thread || ret || !thread->change_end || thread->change_kind != kind) return 0;
  u32 call = mlt_current_call(thread);
  struct mlt_proc* proc = mlt_proc_at(thread->proc);
  struct mlt_call_total* total = proc ? mlt_call_total(thread, proc, call) : NULL;
  if (kind == MLT_EVENT_SPLIT) {
    thread->call_splits++;
    if (total) mlt_add(total->vma_splits, 1);
  } else {
    thread->call_merges++;
    if (total) mlt_add(total->vma_merges, 1);
  }
  struct mlt_event_vma* event = mlt_reserve(struct mlt_event_vma);
  if (event) {
    mlt_event_head(&event->head, kind, thread, call);
    event->start = thread->change_start;
    event->end = thread->change_end;
    event->addr = thread->change_addr;
    event->vm_flags = thread->change_vm_flags;
    struct task_struct* task = (void*)bpf_get_current_task();
    event->map_count = BPF_CORE_READ(task, mm, map_count);
    mlt_submit(event);
  }
  thread->change_end = 0;
  return 0;
}

/* __split_vma(mm or vmi, vma, addr, new_below): the range as it was is known at the entry only, success at the exit. */
static __always_inline int mlt_split_enter(struct vm_area_struct* vma, u64 addr) {
  mlt_change_begin(MLT_EVENT_SPLIT, BPF_CORE_READ(vma, vm_start), BPF_CORE_READ(vma, vm_end), addr,
                   BPF_CORE_READ(vma, vm_flags));
  return 0;
}

MLT_ENTRY(__split_vma, split, mlt_split_enter(vma, addr), void* mm_or_iterator, struct vm_area_struct* vma,
          unsigned long addr)

SEC("fexit/__split_vma")
int BPF_PROG(mlt_split_fexit, void* mm_or_iterator, struct vm_area_struct* vma, unsigned long addr, int new_below,
             int ret) {
  return mlt_change_end(mlt_current(), MLT_EVENT_SPLIT, ret);
}

SEC("kretprobe/__split_vma")
int BPF_KRETPROBE(mlt_split_kretprobe, int ret) { return mlt_change_end(mlt_current(), MLT_EVENT_SPLIT, ret); }

static __always_inline int mlt_merged(u64 start, u64 end, u64 vm_flags) {
  return mlt_change_end(mlt_change_begin(MLT_EVENT_MERGE, start, end, 0, vm_flags), MLT_EVENT_MERGE, 0);
}

/*
 * 6.12 and later: commit_merge(vmg, …) ends every kind of merge. It had six arguments up to 6.15 and has one since, so
 * the result is asked for by helper (5.17+) instead of by its place. vmg->start and end are the merged range. Where no
 * flags are given execve moves its stack (relocate_vma_down), which is no merge.
 */
SEC("fexit/commit_merge")
int mlt_commit_merge_fexit(u64* ctx) {
  u64 ret = 0;
  if (bpf_get_func_ret(ctx, &ret) || (int)ret) return 0;
  struct vma_merge_struct* merge = (void*)ctx[0];
  u64 vm_flags = mlt_merge_flags(merge);
  return vm_flags ? mlt_merged(BPF_CORE_READ(merge, start), BPF_CORE_READ(merge, end), vm_flags) : 0;
}

SEC("kprobe/commit_merge")
int BPF_KPROBE(mlt_commit_merge_kprobe, struct vma_merge_struct* merge) {
  u64 vm_flags = mlt_merge_flags(merge);
  if (vm_flags) mlt_change_begin(MLT_EVENT_MERGE, BPF_CORE_READ(merge, start), BPF_CORE_READ(merge, end), 0, vm_flags);
  return 0;
}

SEC("kretprobe/commit_merge")
int BPF_KRETPROBE(mlt_commit_merge_kretprobe, int ret) { return mlt_change_end(mlt_current(), MLT_EVENT_MERGE, ret); }

/*
 * 6.3 to 6.11: vma_merge returns the VMA that is left, or NULL. It is short, so a kretprobe loses nothing, and fexit
 * cannot have its 13 arguments on some versions. mmap and brk grow a VMA in place with vma_expand (6.5+).
 */
SEC("kretprobe/vma_merge")
int BPF_KRETPROBE(mlt_vma_merge_kretprobe, struct vm_area_struct* vma) {
  if (!vma) return 0;
  return mlt_merged(BPF_CORE_READ(vma, vm_start), BPF_CORE_READ(vma, vm_end), BPF_CORE_READ(vma, vm_flags));
}

SEC("fexit/vma_expand")
int BPF_PROG(mlt_vma_expand_fexit, void* iterator, struct vm_area_struct* vma, unsigned long start, unsigned long end,
             unsigned long pgoff, struct vm_area_struct* next, int ret) {
  return ret ? 0 : mlt_merged(start, end, BPF_CORE_READ(vma, vm_flags));
}

/* Up to 6.2: __vma_adjust(vma, start, end, pgoff, insert, expand) with `expand` is a merge, with `insert` a split. */
SEC("fexit/__vma_adjust")
int BPF_PROG(mlt_vma_adjust_fexit, struct vm_area_struct* vma, unsigned long start, unsigned long end,
             unsigned long pgoff, struct vm_area_struct* insert, struct vm_area_struct* expand, int ret) {
  if (ret || insert || !expand) return 0;
  return mlt_merged(BPF_CORE_READ(expand, vm_start), BPF_CORE_READ(expand, vm_end), BPF_CORE_READ(expand, vm_flags));
}

SEC("kprobe/__vma_adjust")
int BPF_KPROBE(mlt_vma_adjust_kprobe, struct vm_area_struct* vma, unsigned long start, unsigned long end) {
  /* The fifth argument is `insert`, the sixth `expand`. */
  struct vm_area_struct* expand = (void*)mlt_kprobe_arg5(ctx);
  if (expand && !mlt_kprobe_arg4(ctx))
    mlt_change_begin(MLT_EVENT_MERGE, start, end, 0, BPF_CORE_READ(expand, vm_flags));
  return 0;
}

SEC("kretprobe/__vma_adjust")
int BPF_KRETPROBE(mlt_vma_adjust_kretprobe, int ret) { return mlt_change_end(mlt_current(), MLT_EVENT_MERGE, ret); }
