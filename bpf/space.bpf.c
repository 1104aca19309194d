// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Global functions: in each program the verifier checks them once, wherever they are called, and the steps of a search
 * not one by one. Part of the early and of the late objects.
 */
#include "space.bpf.h"

/* One step of the search in thread->area. */
__noinline u32 mlt_space_step(u32 place, u64 address) {
  struct mlt_thread* thread = mlt_thread_at(place);
  if (!thread) return 1;
  struct mlt_area* area = &thread->area;
  struct mlt_vma_search search = {area->vma, area->start, area->end};
  u32 is_over = mlt_search_step(&search, address);
  area->vma = search.at;
  area->start = search.start;
  area->end = search.end;
  return is_over;
}

__noinline u32 mlt_space_find(u32 place, u64 address) {
  struct mlt_thread* thread = mlt_thread_at(place);
  struct task_struct* task = (void*)bpf_get_current_task();
  struct mm_struct* mm = BPF_CORE_READ(task, mm);
  if (!thread || !mm) return 0;
  struct mlt_area* area = &thread->area;
  struct mlt_vma_search search;
  mlt_search_begin(&search, mm);
  __builtin_memset(area, 0, sizeof(*area));
  area->vma = search.at;
  area->end = search.end;
  u32 is_over = 0;
  for (u32 i = 0; i < MLT_SEARCH_DEPTH && !is_over; i++) is_over = mlt_space_step(place, address);
  if (!is_over) area->vma = 0;
  if (!area->vma) return 0;
  const struct vm_area_struct* vma = (void*)area->vma;
  area->vm_flags = BPF_CORE_READ(vma, vm_flags);
  area->flags = area->vm_flags & MLT_VMA_FLAGS;
  mlt_area_read(area);
  return 1;
}
