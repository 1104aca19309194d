// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Makes records. Global functions, of numbers only: in each program the verifier checks them once, and not for every
 * state in which they are called. Part of the early and of the late objects.
 */
#include "targets.bpf.h"

__noinline u32 mlt_proc_new(u32 tgid, u64 leader_address, u32 parent_tgid) {
  struct task_struct* leader = (void*)leader_address;
  u32 index = mlt_take(MLT_CLAIM_PROC, tgid, 0, mlt_cfg.procs - 1);
  struct mlt_proc* proc = index ? mlt_proc_at(index) : NULL;
  if (!proc) {
    mlt_add(mlt_stats.proc_full, 1);
    return 0;
  }
  /* Complete before others can find it. */
  proc->start_boottime = BPF_CORE_READ(leader, start_boottime);
  proc->first_seen_ns = bpf_ktime_get_ns();
  proc->parent_tgid = parent_tgid;
  BPF_CORE_READ_STR_INTO(&proc->comm, leader, comm);
  proc->gone = 0;
  proc->tgid = tgid;
  if (bpf_map_update_elem(&mlt_tgids, &tgid, &index, BPF_NOEXIST)) {
    /* Another thread of the process was faster. */
    proc->tgid = 0;
    mlt_unclaim(MLT_CLAIM_PROC, index);
    u32* theirs = bpf_map_lookup_elem(&mlt_tgids, &tgid);
    return theirs ? *theirs : 0;
  }
  mlt_space_begin(index, proc, leader, false);
  mlt_note_compat(proc, leader);
  return index;
}

/* The pid of the current process as the caller of mlocktrace sees it; 0 when its PID namespace does not hold it. */
static __always_inline u32 mlt_visible_tgid(u32 tgid) {
  struct bpf_pidns_info ns = {};
  if (!mlt_cfg.pidns_ino) return tgid;
  if (bpf_get_ns_current_pid_tgid(mlt_cfg.pidns_dev, mlt_cfg.pidns_ino, &ns, sizeof(ns))) return 0;
  return ns.tgid;
}

/* Decides about the current process, which has no record under its tgid. Returns its new or found record, or 0. */
static __always_inline u32 mlt_proc_adopt(u32 tgid) {
  u32 pid = mlt_visible_tgid(tgid);
  struct task_struct* task = (void*)bpf_get_current_task();

  if (!pid) return 0;
  if (mlt_cfg.target_mode == MLT_TARGET_PIDS) {
    if (!bpf_map_lookup_elem(&mlt_wanted, &pid)) return 0;
  } else if (mlt_cfg.target_mode == MLT_TARGET_CGROUP) {
    if (bpf_current_task_under_cgroup(&mlt_cgroup, 0) != 1) return 0;
  } else if (tgid == mlt_cfg.self_tgid || (BPF_CORE_READ(task, flags) & PF_KTHREAD)) {
    return 0;
  }
  u32 index = mlt_proc_new(tgid, (u64)BPF_CORE_READ(task, group_leader), 0);
  struct mlt_proc* proc = index ? mlt_proc_at(index) : NULL;
  if (proc) proc->pid = pid;
  /* Wanted once: whoever gets this number next is somebody else. Only now that its other threads find the record. */
  if (index && mlt_cfg.target_mode == MLT_TARGET_PIDS) bpf_map_delete_elem(&mlt_wanted, &pid);
  return index;
}

/*
 * The record of the process `tgid`, which is the current one; 0: it is not traced. A record of an earlier process of
 * the same number, whose end the kernel has not announced yet, is given up.
 */
static __always_inline u32 mlt_proc_of(u32 tgid) {
  u32* found = bpf_map_lookup_elem(&mlt_tgids, &tgid);
  u32 index = found ? *found : 0;
  struct mlt_proc* proc = index ? mlt_proc_at(index) : NULL;
  struct task_struct* task = (void*)bpf_get_current_task();
  if (proc && proc->start_boottime == BPF_CORE_READ(task, group_leader, start_boottime)) {
    if (!proc->pid) proc->pid = mlt_visible_tgid(tgid);
    return index;
  }
  if (proc) {
    proc->gone = 1;
    bpf_map_delete_elem(&mlt_tgids, &tgid);
  }
  return mlt_proc_adopt(tgid);
}

static __always_inline bool mlt_is_target_thread(u64 pid_tgid) {
  struct bpf_pidns_info ns = {};
  u32 tid = pid_tgid;
  if (!mlt_cfg.target_tid) return true;
  if (mlt_cfg.pidns_ino) {
    bpf_get_ns_current_pid_tgid(mlt_cfg.pidns_dev, mlt_cfg.pidns_ino, &ns, sizeof(ns));
    tid = ns.pid;
  }
  return tid == mlt_cfg.target_tid;
}

__noinline u32 mlt_thread_new(u64 key, u32 proc, u32 tid) {
  struct task_struct* task = (void*)key;
  u32* found = bpf_map_lookup_elem(&mlt_places, &key);
  u32 hash = mlt_hash_of_task(key);
  u32 index = found ? *found : mlt_claim_thread(key, hash, 0, MLT_THREAD_MASK);
  if (!index && mlt_cfg.more_threads)
    index = mlt_claim_thread(key, mlt_hash(key), MLT_THREAD_MASK + 1, mlt_cfg.more_threads - 1);
  struct mlt_thread* thread = index ? mlt_thread_at(index) : NULL;
  mlt_known[hash] = 1;
  if (!thread) {
    mlt_add(mlt_stats.thread_full, 1);
    return 0;
  }
  if (found && thread->tid == tid) return index;
  /* Or of an earlier task at this address, whose end the kernel did not announce. */
  mlt_thread_clear(thread);
  thread->taken_min_flt = BPF_CORE_READ(task, min_flt);
  thread->taken_maj_flt = BPF_CORE_READ(task, maj_flt);
  thread->opened_flt = mlt_phase < MLT_COUNTING ? MLT_NOT_OPENED : thread->taken_min_flt + thread->taken_maj_flt;
  thread->told_min_flt = MLT_NOT_OPENED;
  thread->proc = proc;
  thread->tid = tid;
  thread->place = index;
  thread->last_class = MLT_NO_CLASS;
  thread->task = key;
  /* Complete before others can find it. */
  mlt_count_threads(proc, 1);
  if (found || !bpf_map_update_elem(&mlt_places, &key, &index, BPF_NOEXIST)) return index;
  mlt_count_threads(proc, -1);
  thread->task = 0;
  mlt_unclaim(MLT_CLAIM_THREAD, index);
  found = bpf_map_lookup_elem(&mlt_places, &key);
  return found ? *found : 0;
}

/* Decides about the current thread, which has no record. */
__noinline u32 mlt_thread_adopt(u64 task, u64 pid_tgid) {
  u32 proc = mlt_proc_of(pid_tgid >> 32);
  if (!proc || !mlt_is_target_thread(pid_tgid)) return 0;
  return mlt_thread_new(task, proc, pid_tgid);
}
