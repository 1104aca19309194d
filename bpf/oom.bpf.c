// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Whom the OOM killer ends, and for whose limit. It has no function that every kernel lets hook for each victim; but it
 * sends SIGKILL from within out_of_memory, to those too that share the victim's memory or its cgroup
 * (memory.oom.group).
 */
#include "targets.bpf.h"

/* Of include/trace/events/signal.h; not in BTF. */
#define TRACE_SIGNAL_IGNORED 1

static __always_inline int mlt_oom_begin(struct oom_control* control) {
  mlt_oom_control = (u64)control;
  mlt_oom_task = bpf_get_current_task();
  return 0;
}

static __always_inline int mlt_oom_end(void) {
  mlt_oom_task = 0;
  return 0;
}

MLT_ENTRY(out_of_memory, oom, mlt_oom_begin(control), struct oom_control* control)
MLT_EXIT(out_of_memory, oom, mlt_oom_end())

static __always_inline void mlt_oom_note(struct mlt_ending* ending, struct oom_control* control) {
  struct mem_cgroup* memcg = BPF_CORE_READ(control, memcg);
  if (!memcg) {
    bool all = BPF_CORE_READ(control, constraint) == bpf_core_enum_value(enum oom_constraint, CONSTRAINT_NONE);
    ending->oom = all ? MLT_OOM_MACHINE : MLT_OOM_NODES;
    return;
  }
  const char* name = BPF_CORE_READ(memcg, css.cgroup, kn, name);
  ending->oom = MLT_OOM_CGROUP;
  ending->oom_limit = BPF_CORE_READ(memcg, memory.max);
  ending->oom_used = BPF_CORE_READ(memcg, memory.usage.counter);
  bpf_probe_read_kernel_str(ending->cgroup, sizeof(ending->cgroup), name);
}

/* signal_generate(sig, info, task, group, result). It is ignored by what is being ended already. */
SEC("raw_tp/signal_generate")
int mlt_oom_signal(struct bpf_raw_tracepoint_args* ctx) {
  if (ctx->args[0] != MLT_SIGKILL || mlt_oom_task != bpf_get_current_task()) return 0;
  if (ctx->args[4] == TRACE_SIGNAL_IGNORED) return 0;
  u32 tgid = BPF_CORE_READ((struct task_struct*)ctx->args[2], tgid);
  u32* found = bpf_map_lookup_elem(&mlt_tgids, &tgid);
  struct mlt_proc* proc = found ? mlt_proc_at(*found) : NULL;
  if (proc) mlt_oom_note(&proc->ending, (struct oom_control*)mlt_oom_control);
  return 0;
}
