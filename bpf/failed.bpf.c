// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Faults and accesses that failed are counted, and faults looked into. */
#include "failed.bpf.h"

#include "after.bpf.h"
#include "error.bpf.h"

/* As the map wants it: a record that nothing is in yet. */
static const struct mlt_error mlt_no_error = {};

static __always_inline void mlt_error_tell(struct mlt_error* error, const struct mlt_thread* thread) {
  struct task_struct* task = (void*)bpf_get_current_task();
  error->call =
      thread->error.origin == MLT_ORIGIN_ACCESS ? MLT_CALL_FAULT : mlt_call_in(task, mlt_regs_nr(mlt_user_regs()));
  error->used_bytes = thread->error_used_bytes;
  error->limit_bytes = thread->error_limit_bytes;
  error->needed_bytes = thread->error_needed_bytes;
  mlt_mapping_tell(&error->mapping, &thread->area);
  if (thread->error_css) {
    const struct cgroup_subsys_state* css = (void*)thread->error_css;
    bpf_probe_read_kernel_str(error->cgroup, sizeof(error->cgroup), BPF_CORE_READ(css, cgroup, kn, name));
  }
}

/* `looked`: the thread's `area` and limits are of it, and the thread is the current one. */
static __always_inline u32 mlt_error_add(struct mlt_thread* thread, u64 address, u32 access, bool looked) {
  u64 now = bpf_ktime_get_ns();
  struct mlt_proc* proc = mlt_proc_at(thread->proc);
  if (proc) mlt_add(proc->failed, 1);
  thread->error.proc = thread->proc;
  thread->error.where = !looked ? 0 : thread->area.inode ? thread->area.inode : thread->area.start;
  thread->error_ns = now;
  thread->error_address = (address & ~(MLT_PAGE - 1)) | 1;
  struct mlt_error* error = bpf_map_lookup_elem(&mlt_errors, &thread->error);
  if (!error) {
    bpf_map_update_elem(&mlt_errors, &thread->error, &mlt_no_error, BPF_NOEXIST);
    error = bpf_map_lookup_elem(&mlt_errors, &thread->error);
  }
  if (!error) {
    mlt_add(mlt_stats.error_full, 1);
    return 0;
  }
  if (!error->first_ns) {
    error->first_ns = now;
    error->address = address;
    error->tid = thread->tid;
    error->access = access;
    if (looked) mlt_error_tell(error, thread);
  }
  error->last_ns = now;
  mlt_add(error->count, 1);
  return 0;
}

__noinline u32 mlt_error_count(u32 place, u64 address, u32 access) {
  struct mlt_thread* thread = mlt_thread_at(place);
  return thread ? mlt_error_add(thread, address, access, true) : 0;
}

__noinline u32 mlt_fault_failed_unseen(u32 place) {
  struct mlt_thread* thread = mlt_thread_at(place);
  if (!thread) return 0;
  thread->error.reason = MLT_ERROR_UNKNOWN;
  thread->error.origin = mlt_origin_of_class(thread->told_class);
  thread->error.was_fault = 1;
  return mlt_error_add(thread, thread->told_address & ~1ULL, mlt_access_of_fault(thread->kprobe_flags), false);
}

/*
 * handle_mm_fault returned an error: thread->fault_address is where, and the mapping is what it was. Where it was in
 * another address space than the current one nothing is looked up. A global function: it is called rarely, and the
 * verifier checks it once.
 */
__noinline u32 mlt_fault_failed(u32 place, u32 class_id, u32 flags, u32 ret) {
  struct mlt_thread* thread = mlt_thread_at(place);
  if (!thread) return 0;
  u64 address = thread->fault_address & ~1ULL;
  u32 origin = mlt_origin_of_class(class_id);
  u32 reason = MLT_ERROR_UNKNOWN;
  mlt_error_begin(thread);
  if (origin == MLT_ORIGIN_REMOTE)
    __builtin_memset(&thread->area, 0, sizeof(thread->area));
  else
    mlt_space_find(place, address);
  if (origin != MLT_ORIGIN_REMOTE || (ret & (VM_FAULT_HWPOISON | VM_FAULT_HWPOISON_LARGE)))
    reason = mlt_reason_of_fault(thread, address, class_id % MLT_CAUSE_NR, ret);
  thread->error.reason = reason;
  thread->error.origin = origin;
  thread->error.was_fault = 1;
  mlt_error_count(place, address, mlt_access_of_fault(flags));
  return 0;
}

__noinline u32 mlt_fault_has_failed(u32 place, u32 ret) {
  struct mlt_thread* thread = mlt_thread_at(place);
  if (!thread) return 0;
  u64 under_way = thread->fault_address;
  /* Where it has been taken back already, there is nothing left to be remembered. */
  thread->told_failed = thread->told != 0;
  thread->fault_address = thread->told_address;
  mlt_fault_failed(place, thread->told_class, thread->kprobe_flags, ret);
  thread->fault_address = under_way;
  return 0;
}
