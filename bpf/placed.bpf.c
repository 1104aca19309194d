// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Counts faults of mappings where that is not done in place: see where.bpf.h. */
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
  if (!thread) return 0;
  mlt_where_count(thread, class_id % MLT_CAUSE_NR, ns, kind);
  mlt_stacks_count(thread, class_id, ns, kind);
  return 0;
}
