// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Programs that share a link of the kprobe.multi kind: attaching to a function takes the kernel through all that it can
 * trace, once for each link. The link's program goes on to that of the function, which has the number of its program as
 * cookie. It costs some forty instructions more than a link of one's own: for functions that are called rarely.
 */
#include "maps.bpf.h"

#define MLT_SHARING 64

struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, MLT_SHARING);
  __type(key, u32);
  __type(value, u32);
} mlt_entries SEC(".maps"), mlt_returns SEC(".maps");

SEC("kprobe")
int mlt_shared_entry(struct pt_regs* ctx) {
  bpf_tail_call(ctx, &mlt_entries, bpf_get_attach_cookie(ctx));
  return 0;
}

SEC("kretprobe")
int mlt_shared_return(struct pt_regs* ctx) {
  bpf_tail_call(ctx, &mlt_returns, bpf_get_attach_cookie(ctx));
  return 0;
}
