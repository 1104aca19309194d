// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * See settle.bpf.h. All of this is rare: the last fault was an error, or a probe was skipped. Global functions: in each
 * program the verifier checks them once.
 */
#include "settle.bpf.h"

#include "after.bpf.h"
#include "block.bpf.h"
#include "stacks.bpf.h"
#include "where.bpf.h"

/*
 * The duration of the last fault is not one, or is of another class. A near bucket that has just overflowed is empty:
 * what it had is in a tail (see mlt_count_latency). Atomic, as the block may be shared.
 */
static __always_inline void mlt_uncount_latency(struct mlt_thread* thread, struct mlt_block* block) {
  u32 index = thread->told_block;
  u64 ns = thread->told_ns;
  if (!ns) {
    mlt_add(block->untimed, -1);
    return;
  }
  u64 number = 1;
  u32* near = block->flags & MLT_BLOCK_SHARED ? NULL : mlt_near(block, ns);
  if (near) {
    u32 count = *near;
    *near = count - 1;
    number = count ? 0 : 1ULL << 32;
  }
  if (number) mlt_count_far(index, ns, -number);
  mlt_add(block->sum_ns, -ns);
  if (thread->told & MLT_TOLD_SHORTEST) block->min_ns = thread->told_shortest;
  if (thread->told & MLT_TOLD_LONGEST) block->max_ns = thread->told_longest;
}

/* Takes the last fault of the thread back, wherever it has been counted. */
__noinline u32 mlt_uncount(u32 place) {
  struct mlt_thread* thread = mlt_thread_at(place);
  if (!thread) return 0;
  bool is_major = thread->told & MLT_TOLD_MAJOR;
  u32 class_id = thread->told_class;
  u32 cause = class_id % MLT_CAUSE_NR;
  struct mlt_block* block = mlt_block_at(thread->told_block);
  if (block) {
    mlt_add(block->minor, -!is_major);
    mlt_add(block->major, -is_major);
    mlt_uncount_latency(thread, block);
  }
  if (mlt_cfg.stacks) mlt_stacks_change(place, class_id, thread->told_ns, -1);
  struct mlt_vma* record = mlt_where(thread);
  if (!record) return 0;
  mlt_barrier(cause);
  if (cause < MLT_CAUSE_NR) mlt_add(record->completed[cause], -1);
  mlt_add(record->major, -is_major);
  mlt_add(record->time_ns, -thread->told_ns);
  if (thread->told & MLT_TOLD_LONGEST_IN_VMA) record->max_ns = thread->told_longest_in_vma;
  return 0;
}

/* The last fault was an error. */
__noinline u32 mlt_retell_error(u32 place) {
  struct mlt_thread* thread = mlt_thread_at(place);
  if (!thread) return 0;
  u32 class_id = thread->told_class;
  mlt_uncount(place);
  struct mlt_block* block = mlt_block_at(thread->told_block);
  if (block) mlt_add(block->errors, 1);
  struct mlt_vma* record = mlt_where(thread);
  if (record) mlt_add(record->errors, 1);
  mlt_after_swap_in(thread, class_id, -1);
  if (thread->told & MLT_TOLD_MAJOR) mlt_after_major(thread, thread->told_address, -1);
  bool is_populate = mlt_origin_of_class(class_id) == MLT_ORIGIN_POPULATE;
  if (thread->call_unlocked_populates && is_populate && mlt_lock_state_of_class(class_id) == MLT_UNLOCKED)
    thread->call_unlocked_populates--;
  return 0;
}

/* The last fault was of the other kind: a major one that the kernel did not announce, or the opposite. */
__noinline u32 mlt_retell_kind(u32 place, u32 kind) {
  struct mlt_thread* thread = mlt_thread_at(place);
  if (!thread) return 0;
  u32 class_id = thread->told_class;
  u32 cause = class_id % MLT_CAUSE_NR;
  mlt_uncount(place);
  mlt_after_major(thread, thread->told_address, kind == MLT_KIND_MAJOR ? 1 : -1);
  if (kind == MLT_KIND_MAJOR && cause == MLT_CAUSE_FILE_MAP)
    class_id += MLT_CAUSE_FILE_READ - MLT_CAUSE_FILE_MAP;
  else if (kind == MLT_KIND_MINOR && cause == MLT_CAUSE_FILE_READ)
    class_id -= MLT_CAUSE_FILE_READ - MLT_CAUSE_FILE_MAP;
  mlt_count(place, class_id, thread->told_ns, kind);
  return mlt_where_of(place, class_id, thread->told_ns, kind);
}

/* Faults that nobody saw: of so many the thread can tell nothing. */
__noinline u32 mlt_count_unseen(u32 place, u64 minor, u64 major) {
  struct mlt_thread* thread = mlt_thread_at(place);
  if (!thread) return 0;
  u32 class_id = MLT_CLASS_UNKNOWN;
  u32 index = mlt_thread_block(place, class_id);
  struct mlt_block* block = index ? mlt_block_at(index) : NULL;
  struct mlt_proc* proc = mlt_proc_at(thread->proc);
  if (proc) mlt_add(proc->unentered_flt, minor + major);
  if (!block) return 0;
  mlt_add(block->minor, minor);
  mlt_add(block->major, major);
  mlt_add(block->untimed, minor + major);
  return 0;
}

/* A fault that was entered, and of which the end was not seen: it has completed. */
__noinline u32 mlt_count_unended(u32 place, u32 kind) {
  struct mlt_thread* thread = mlt_thread_at(place);
  if (!thread) return 0;
  struct mlt_proc* proc = mlt_proc_at(thread->proc);
  mlt_after_special_entry(thread);
  u32 class_id = mlt_entered_class(thread, kind == MLT_KIND_MAJOR);
  mlt_count(place, class_id, 0, kind);
  mlt_where_of(place, class_id, 0, kind);
  if (proc) mlt_add(proc->unended_flt, 1);
  mlt_after_unseen_end(thread);
  return 0;
}

/* The first fault of the thread that counts: none of it is unsettled, but faults may have been missed before it. */
static __always_inline void mlt_settle_begin(struct mlt_thread* thread, u64 minor, u64 major) {
  u64 missed = mlt_take_baseline(thread, minor, major, false);
  thread->told_min_flt = minor;
  thread->told_maj_flt = major;
  if (missed) mlt_count_unseen(thread->place, missed, 0);
}

__noinline u32 mlt_fault_settle(u32 place) {
  struct mlt_thread* thread = mlt_thread_at(place);
  if (!thread) return 0;
  const struct task_struct* task = (void*)thread->task;
  u64 minor = BPF_CORE_READ(task, min_flt);
  u64 major = BPF_CORE_READ(task, maj_flt);
  if (!thread->has_counted) {
    mlt_settle_begin(thread, minor, major);
    return 0;
  }
  s64 more_minor = minor - thread->told_min_flt;
  s64 more_major = major - thread->told_maj_flt;
  u32 told = thread->told;
  bool was_error = false;
  thread->told_min_flt = minor;
  thread->told_maj_flt = major;
  if (((told & MLT_TOLD_MINOR) && more_minor < 0) || ((told & MLT_TOLD_MAJOR) && more_major < 0)) {
    bool is_minor = told & MLT_TOLD_MAJOR && more_minor > 0;
    bool is_major = told & MLT_TOLD_MINOR && more_major > 0;
    more_minor += !!(told & MLT_TOLD_MINOR) - is_minor;
    more_major += !!(told & MLT_TOLD_MAJOR) - is_major;
    was_error = !is_minor && !is_major;
    if (was_error)
      mlt_retell_error(place);
    else
      mlt_retell_kind(place, is_major ? MLT_KIND_MAJOR : MLT_KIND_MINOR);
  }
  was_error = was_error && !thread->told_failed;
  thread->told = 0;
  thread->told_failed = 0;
  /* What came after the trace has ended is not of it. */
  if (mlt_phase == MLT_ENDED) return was_error;
  if (thread->fault_state && (more_minor > 0 || more_major > 0)) {
    bool is_major = more_major > 0;
    more_minor -= !is_major;
    more_major -= is_major;
    mlt_count_unended(place, is_major ? MLT_KIND_MAJOR : MLT_KIND_MINOR);
  }
  if (more_minor < 0) more_minor = 0;
  if (more_major < 0) more_major = 0;
  if (more_minor || more_major) mlt_count_unseen(place, more_minor, more_major);
  return was_error;
}
