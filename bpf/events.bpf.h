/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Events that are told one by one. */
#ifndef MLT_EVENTS_BPF_H
#define MLT_EVENTS_BPF_H

#include "claims.bpf.h"

/* Room for an event in the ring buffer, counted when there is none. The front end polls: events never wake it. */
#define mlt_reserve(type)                                           \
  ({                                                                \
    type* event_ = bpf_ringbuf_reserve(&mlt_ring, sizeof(type), 0); \
    if (!event_) mlt_add(mlt_stats.ring_full, 1);                   \
    event_;                                                         \
  })
#define mlt_submit(event) bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP)

static __always_inline void mlt_event_head(struct mlt_event* head, u32 kind, struct mlt_thread* thread, u32 call) {
  head->kind = kind;
  head->proc = thread->proc;
  head->tid = thread->tid;
  head->call = call;
  head->ns = bpf_ktime_get_ns();
}

#endif
