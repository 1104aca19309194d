// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The one definition of everything that the families share. */
#include "core.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile struct mlt_config mlt_cfg = {
    .thread_mask = 1023,
    .block_mask = 2047,
    .proc_mask = 1023,
};

__u8 mlt_interest[MLT_INTEREST_SIZE];
struct mlt_stats mlt_stats;

struct mlt_thread_map mlt_threads SEC(".maps");
struct mlt_block_map mlt_blocks SEC(".maps");
struct mlt_proc_map mlt_procs SEC(".maps");
struct mlt_claim_map mlt_claims SEC(".maps");
struct mlt_place_map mlt_places SEC(".maps");
struct mlt_pid_map mlt_tgids SEC(".maps");
struct mlt_pid_map mlt_wanted SEC(".maps");
struct mlt_shared_map mlt_shared SEC(".maps");
struct mlt_move_map mlt_moving SEC(".maps");
struct mlt_cgroup_map mlt_cgroup SEC(".maps");
struct mlt_ring_map mlt_ring SEC(".maps");
