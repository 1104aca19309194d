// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Counts where faults came from, and in which mapping, where that is not done in place: see where.bpf.h and
 * stacks.bpf.h. */
#include "where.bpf.h"

#include "stacks.bpf.h"

__noinline u32 mlt_where_shared(u32 index, u32 cause, u64 ns, u32 kind) {
  struct mlt_vma* record = mlt_vma_at(index);
  if (!record) return 0;
  if (kind == MLT_KIND_ERROR) {
    mlt_add(record->errors, 1);
    return 0;
  }
  mlt_barrier(cause);
  if (cause < MLT_CAUSE_NR) mlt_add(record->completed[cause], 1);
  if (kind == MLT_KIND_MAJOR) mlt_add(record->major, 1);
  mlt_add(record->time_ns, ns);
  if (ns > record->max_ns) record->max_ns = ns;
  return 0;
}

__noinline u32 mlt_where_of(u32 place, u32 class_id, u64 ns, u32 kind) {
  struct mlt_thread* thread = mlt_thread_at(place);
  struct mlt_vma* record = thread && kind != MLT_KIND_RETRY ? mlt_where(thread) : NULL;
  if (record) mlt_where_count(thread, record, class_id % MLT_CAUSE_NR, ns, kind);
  if (mlt_cfg.stacks && kind <= MLT_KIND_MAJOR) mlt_stacks_change(place, class_id, ns, 1);
  return 0;
}

__noinline u32 mlt_stacks_change(u32 place, u32 class_id, u64 ns, s32 change) {
  struct mlt_thread* thread = mlt_thread_at(place);
  struct mlt_proc* proc = thread ? mlt_proc_at(thread->proc) : NULL;
  if (!proc) return 0;
  struct mlt_stack_key key = {
      .start_boottime = proc->start_boottime,
      .tgid = proc->tgid,
      .user = mlt_cfg.stacks & MLT_STACK_USER ? thread->user_stack : -1,
      .kernel = mlt_cfg.stacks & MLT_STACK_KERNEL ? thread->kernel_stack : -1,
      .class_id = class_id,
      .program = proc->execs,
  };
  struct mlt_stack_count* count = bpf_map_lookup_elem(&mlt_stack_counts, &key);
  if (!count && change > 0) {
    struct mlt_stack_count none = {};
    bpf_map_update_elem(&mlt_stack_counts, &key, &none, BPF_NOEXIST);
    count = bpf_map_lookup_elem(&mlt_stack_counts, &key);
    if (!count) mlt_add(mlt_stats.stack_full, 1);
  }
  if (!count) return 0;
  mlt_add(count->faults, (s64)change);
  mlt_add(count->time_ns, ns * (s64)change);
  return 0;
}
