/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What one process does to the memory of another, by the system call that it is in: at which address space it is, and
 * the table of such acts.
 */
#ifndef MLT_ACTS_BPF_H
#define MLT_ACTS_BPF_H

#include "calls.bpf.h"

/* ---- The table */

/* What an act is counted under. `task` did it; kernel threads have numbers, too. */
static __always_inline struct mlt_act_key mlt_act_key(u32 proc, struct task_struct* task, u32 act, u32 nr, u32 detail) {
  struct mlt_act_key key = {};
  key.proc = proc;
  key.tgid = BPF_CORE_READ(task, tgid);
  key.act = act;
  key.nr = nr;
  key.detail = detail;
  return key;
}

/* The key as two words. */
union mlt_act_words {
  struct mlt_act_key key;
  u64 words[2];
};

/* Makes the entry, unless there is one. In others.bpf.c: a global function, which the verifier checks once, and not
 * again wherever it is called. */
int mlt_act_make(u64 first, u64 second, u64 task);

/* Its entry; a new one has yet to be given a name. NULL: there is no room. */
static __always_inline struct mlt_act* mlt_act_at(struct mlt_act_key* key, struct task_struct* task) {
  struct mlt_act* found = bpf_map_lookup_elem(&mlt_acts, key);
  if (found) return found;
  union mlt_act_words words = {.key = *key};
  mlt_act_make(words.words[0], words.words[1], (u64)task);
  return bpf_map_lookup_elem(&mlt_acts, key);
}

/* Counts one. */
static __always_inline void mlt_act_count(struct mlt_act* act) {
  mlt_add(act->count, 1);
  act->last_ns = bpf_ktime_get_ns();
}

/* ---- Files and processes */

#define MLT_PROC_MAGIC 0x9fa0 /* PROC_SUPER_MAGIC */

static __always_inline bool mlt_is_in_proc(const struct file* file) {
  return BPF_CORE_READ(file, f_inode, i_sb, s_magic) == MLT_PROC_MAGIC;
}

/* The process in whose directory of /proc the file is. */
static __always_inline struct task_struct* mlt_task_of_file(const struct file* file) {
  const struct proc_inode* inode =
      (void*)BPF_CORE_READ(file, f_inode) - bpf_core_field_offset(struct proc_inode, vfs_inode);
  struct pid* pid = BPF_CORE_READ(inode, pid);
  return pid ? mlt_task_of_pid(pid) : NULL;
}

/* The last part of the path: of files that are named here not more than 15 letters. */
union mlt_short_name {
  char text[16];
  u64 words[2];
};

static __always_inline union mlt_short_name mlt_name_of(const struct file* file) {
  union mlt_short_name name = {};
  bpf_probe_read_kernel_str(name.text, sizeof(name.text), BPF_CORE_READ(file, f_path.dentry, d_name.name));
  return name;
}

static __always_inline u32 mlt_hash_of_name(const union mlt_short_name* name) {
  return mlt_hash(name->words[0] ^ name->words[1] * 31);
}

/* Compared as words: what comes after the end is zero. */
#define mlt_is_named(name, literal)                                                 \
  ({                                                                                \
    const union mlt_short_name literal_ = {.text = literal};                        \
    (name)->words[0] == literal_.words[0] && (name)->words[1] == literal_.words[1]; \
  })

/* Is this the process's number as the other task, which gave it in a call, sees it? */
static __always_inline bool mlt_is_number_of(u32 number, struct task_struct* task, struct task_struct* seer) {
  struct task_struct* leader = BPF_CORE_READ(task, group_leader);
  return number && number == mlt_pid_at(leader, BPF_CORE_READ(seer, thread_pid, level));
}

#endif
