// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The one definition of everything that the families share. */
#include "maps.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile struct mlt_config mlt_cfg = {
    .blocks = 2048,
    .procs = 1024,
    .vmas = 4096,
    .tails = 2048,
    .calls = 1024,
};

__u8 mlt_known[MLT_INTEREST_SIZE];
__u8 mlt_interest[MLT_INTEREST_SIZE];
__u8 mlt_places_state[MLT_CLAIM_KINDS * MLT_PLACES_MAX];
__u32 mlt_unused_from[MLT_PARTS];
__u32 mlt_phase;
__u64 mlt_copying;
__u64 mlt_unmapping_others;
__u64 mlt_acts_made;
__u64 mlt_oom_task;
__u64 mlt_oom_control;
__u64 mlt_fault_was_counted;
__u64 mlt_max_map_count;
struct mlt_stats mlt_stats;
struct mlt_recent mlt_recent[MLT_RECENT_SLOTS];
struct mlt_flush_begun mlt_flushes[MLT_FLUSH_SLOTS];
__u64 mlt_flush_turns;

struct mlt_thread_map mlt_threads SEC(".maps");
struct mlt_block_map mlt_blocks SEC(".maps");
struct mlt_vma_map mlt_vmas SEC(".maps");
struct mlt_proc_map mlt_procs SEC(".maps");
struct mlt_tail_map mlt_tails SEC(".maps");
struct mlt_call_map mlt_call_counts SEC(".maps");
struct mlt_claim_map mlt_claims SEC(".maps");
struct mlt_place_map mlt_places SEC(".maps");
struct mlt_space_map mlt_spaces SEC(".maps");
struct mlt_pid_map mlt_tgids SEC(".maps");
struct mlt_pid_map mlt_wanted SEC(".maps");
struct mlt_shared_map mlt_shared SEC(".maps");
struct mlt_shared_vma_map mlt_shared_vmas SEC(".maps");
struct mlt_move_map mlt_moving SEC(".maps");
struct mlt_unmapping_map mlt_unmappings SEC(".maps");
struct mlt_keeper_map mlt_keepers SEC(".maps");
struct mlt_error_map mlt_errors SEC(".maps");
struct mlt_act_map mlt_acts SEC(".maps");
struct mlt_stack_count_map mlt_stack_counts SEC(".maps");
struct mlt_cgroup_map mlt_cgroup SEC(".maps");
struct mlt_ring_map mlt_ring SEC(".maps");
