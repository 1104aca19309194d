// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A global function: the verifier checks it once, whoever calls it. Part of the early and of the late objects. */
#include "space.bpf.h"

__noinline u32 mlt_space_find(u32 place, u64 address) {
  struct mlt_thread* thread = mlt_thread_at(place);
  struct task_struct* task = (void*)bpf_get_current_task();
  struct mm_struct* mm = BPF_CORE_READ(task, mm);
  if (!thread || !mm) return 0;
  struct mlt_area* area = &thread->area;
  struct mlt_found found = {.end = BPF_CORE_READ(mm, task_size)};
  mlt_find_vma(&found, mm, address);
  __builtin_memset(area, 0, sizeof(*area));
  area->start = found.start;
  area->end = found.end;
  if (!found.vma) return 0;
  area->vma = found.vma;
  const struct vm_area_struct* vma = (void*)found.vma;
  area->vm_flags = BPF_CORE_READ(vma, vm_flags);
  area->flags = area->vm_flags & MLT_VMA_FLAGS;
  mlt_area_read(area);
  return 1;
}
