/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who maps a page, found as the kernel's reverse map does: through the interval tree of the page's anon_vma or file,
 * whose nodes are VMAs by the part of the mapping that they show. Also of a page that is on its way out: it keeps its
 * anon_vma when it is unmapped. No lock is held: what is read may be changing, so that a walk may miss something, but
 * it always ends.
 */
#ifndef MLT_RMAP_BPF_H
#define MLT_RMAP_BPF_H

#include "calls.bpf.h"

#define MLT_WALK_STEPS 20

static __always_inline u64 mlt_page_mapping(const struct page* page) { return (u64)BPF_CORE_READ(page, mapping); }

/*
 * A walk through the VMAs that show a part of [first, last], from the root of the tree. A step has no branches: the
 * verifier would follow each of them through all the steps that are left.
 */
struct mlt_walk {
  u64 node; /* 0: at its end */
  u64 first;
  u64 last;
  u64 shown_first; /* what the VMA of the last step shows */
  u64 shown_last;
  u64 is_anon;    /* 1: the nodes are of anon_vma_chain, 0: of vm_area_struct */
  u64 is_new;     /* 1: on the way down to the node */
  u64 right_left; /* 1: its right side has still to be seen */
  u32 steps;
};

static __always_inline struct mlt_walk mlt_walk_begin(u64 mapping, u64 first, u64 pages) {
  u64 kind = mapping & MLT_MAPPING_KSM;
  struct anon_vma* anon = (void*)(mapping - kind);
  struct address_space* file = (void*)mapping;
  struct mlt_walk walk = {.first = first, .last = first + pages - 1, .is_new = 1, .right_left = 1};
  if (!mapping || kind > MLT_MAPPING_ANON) return walk;
  walk.is_anon = kind;
  walk.node = (u64)(kind ? BPF_CORE_READ(anon, rb_root.rb_root.rb_node) : BPF_CORE_READ(file, i_mmap.rb_root.rb_node));
  return walk;
}

/* 1 or 0, and one of two, without a branch: which the compiler must not know. Numbers of pages are below 2^63. */
static __always_inline u64 mlt_is_less(u64 a, u64 b) {
  u64 distance = a - b;
  mlt_barrier(distance);
  return distance >> 63;
}
static __always_inline u64 mlt_is_set(u64 x) {
  u64 negative = -x;
  mlt_barrier(negative);
  return (x | negative) >> 63;
}
static __always_inline u64 mlt_choose(u64 bit, u64 if_set, u64 if_not) { return if_not ^ ((if_set ^ if_not) & -bit); }

/* struct rb_node, which has been so since 2.6: read at once. */
struct mlt_links {
  u64 parent_color;
  u64 right;
  u64 left;
};

/* One step. Returns the VMA that it came to if that shows any of the pages, else NULL. */
static __always_inline struct vm_area_struct* mlt_walk_step(struct mlt_walk* walk) {
  u64 node = walk->node;
  u64 anon = walk->is_anon;
  u64 chain = node - bpf_core_field_offset(struct anon_vma_chain, rb);
  u64 vma = mlt_choose(anon, mlt_word_at(chain + bpf_core_field_offset(struct anon_vma_chain, vma)),
                       node - bpf_core_field_offset(struct vm_area_struct, shared.rb));
  struct mlt_links links = {};
  bpf_probe_read_kernel(&links, sizeof(links), (void*)node);
  struct vm_area_struct* shows = (void*)vma;
  u64 first = BPF_CORE_READ(shows, vm_pgoff);
  u64 last = first - 1 + ((BPF_CORE_READ(shows, vm_end) - BPF_CORE_READ(shows, vm_start)) >> 12);
  u64 found = walk->is_new & ~mlt_is_less(walk->last, first) & ~mlt_is_less(last, walk->first);
  /* Both sides know how far they reach, and the tree is in order of where the VMAs begin. */
  u64 reach = mlt_choose(
      anon,
      bpf_core_field_offset(struct anon_vma_chain, rb_subtree_last) - bpf_core_field_offset(struct anon_vma_chain, rb),
      bpf_core_field_offset(struct vm_area_struct, shared.rb_subtree_last) -
          bpf_core_field_offset(struct vm_area_struct, shared.rb));
  u64 to_left = walk->is_new & mlt_is_set(links.left) & ~mlt_is_less(mlt_word_at(links.left + reach), walk->first);
  u64 to_right = walk->right_left & ~to_left & mlt_is_set(links.right) & ~mlt_is_less(walk->last, first) &
                 ~mlt_is_less(mlt_word_at(links.right + reach), walk->first);
  u64 parent = links.parent_color & ~3UL;
  u64 from_left = 1 ^ mlt_is_set(mlt_word_at(parent + bpf_core_field_offset(struct rb_node, rb_left)) ^ node);
  walk->shown_first = first;
  walk->shown_last = last;
  walk->node = mlt_choose(to_left, links.left, mlt_choose(to_right, links.right, parent));
  walk->is_new = to_left | to_right;
  walk->right_left = walk->is_new | from_left;
  walk->steps++;
  return (void*)(vma & -found);
}

/*
 * Goes on to a mapping of a traced process and returns its record; 0: none of those that were looked at. With
 * `vm_flags` only to mappings that have one of these. Each turn has two ways only, and both lead out of the loop.
 */
static __noinline u32 mlt_walk_to_traced(struct mlt_walk* walk, u64 vm_flags) {
  u64 any = 1 ^ mlt_is_set(vm_flags);
  for (u32 i = 0; walk->node && i < MLT_WALK_STEPS; i++) {
    struct vm_area_struct* vma = mlt_walk_step(walk);
    u64 is_such = mlt_is_set((u64)vma) & (any | mlt_is_set(BPF_CORE_READ(vma, vm_flags) & vm_flags));
    u32 tgid = (u32)BPF_CORE_READ(vma, vm_mm, owner, tgid) & (u32)-is_such;
    u32* owner = bpf_map_lookup_elem(&mlt_tgids, &tgid);
    if (owner) return *owner;
  }
  return 0;
}

/* A traced process that maps a part of the folio. */
static __always_inline u32 mlt_mapper_of(const void* folio, u64 pages, u64 vm_flags) {
  if (mlt_phase != MLT_COMPLETE) return 0;
  struct mlt_walk walk = mlt_walk_begin(mlt_page_mapping(folio), mlt_page_index(folio), pages);
  return mlt_walk_to_traced(&walk, vm_flags);
}

/* Does the current thread let go of whole mappings? They are VM_LOCKED then until they are gone. */
static __always_inline bool mlt_is_unmapping(struct mlt_thread* thread) {
  u32 call = mlt_current_call(thread);
  return !call || call > MLT_CALL_MUNLOCKALL;
}

/* Where nobody is found, how many pages are not asked about for that reason. */
#define MLT_KEEPER_RUN 32

/*
 * Looks for a VM_LOCKED mapping of these pages besides the one that the current process munlocks. Returns the leader of
 * its owner; another process is preferred, then the current one if it has `least_own` of them; NULL: none found. Leaves
 * in the thread which pages the answer is good for.
 */
static __noinline struct task_struct* mlt_find_keeper(struct mlt_thread* thread, u64 mapping, u64 first, u64 pages,
                                                      u64 least_own) {
  struct task_struct* task = (void*)bpf_get_current_task();
  u64 own_mm = (u64)BPF_CORE_READ(task, mm);
  u32 own_tgid = bpf_get_current_pid_tgid() >> 32;
  struct mlt_walk walk = mlt_walk_begin(mapping, first, pages);
  struct task_struct* keeper = NULL;
  u64 own_mappings = 0;
  u64 shown_first = 0;
  u64 shown_last = 0;
  for (u32 i = 0; walk.node && i < MLT_WALK_STEPS; i++) {
    struct vm_area_struct* vma = mlt_walk_step(&walk);
    struct task_struct* owner = BPF_CORE_READ(vma, vm_mm, owner);
    u64 locked = mlt_is_set((u64)vma) & mlt_is_set(BPF_CORE_READ(vma, vm_flags) & VM_LOCKED);
    u64 others = mlt_is_set((u64)BPF_CORE_READ(vma, vm_mm) ^ own_mm);
    u32 tgid = BPF_CORE_READ(owner, tgid);
    own_mappings += locked & (1 ^ others);
    shown_first = mlt_choose(locked, walk.shown_first, shown_first);
    shown_last = mlt_choose(locked, walk.shown_last, shown_last);
    keeper = (void*)((u64)BPF_CORE_READ(owner, group_leader) & -(locked & others & mlt_is_set(tgid ^ own_tgid)));
    if (keeper) break;
  }
  if (!keeper && own_mappings >= least_own) keeper = BPF_CORE_READ(task, group_leader);
  thread->keeper_mapping = mapping;
  thread->keeper_first = keeper ? shown_first : first;
  thread->keeper_last = keeper ? shown_last : first + MLT_KEEPER_RUN;
  thread->keeper_jiffies = bpf_jiffies64();
  thread->keeper_tgid = keeper ? BPF_CORE_READ(keeper, tgid) : 0;
  return keeper;
}

static __noinline struct mlt_keeper* mlt_keeper_new(u64 key, struct task_struct* leader) {
  struct mlt_keeper keeper = {.tgid = key};
  keeper.pid = mlt_cfg.pidns_ino ? mlt_pid_in(leader, mlt_cfg.pidns_ino) : keeper.tgid;
  BPF_CORE_READ_STR_INTO(&keeper.comm, leader, comm);
  bpf_map_update_elem(&mlt_keepers, &key, &keeper, BPF_NOEXIST);
  return bpf_map_lookup_elem(&mlt_keepers, &key);
}

/*
 * Pages that the current process munlocked stay mlocked: because of whom? A munlock of many pages asks for each of
 * them, and the answer is nearly always that of the page before: it is kept until the clock ticks.
 */
static __noinline int mlt_still_locked(struct mlt_thread* thread, struct mlt_proc* proc, const void* folio, u64 pages) {
  u64 mapping = mlt_page_mapping(folio);
  u64 first = mlt_page_index(folio);
  struct task_struct* keeper = NULL;
  mlt_add(proc->still_locked, pages);
  if (thread->keeper_mapping != mapping || first < thread->keeper_first || first > thread->keeper_last ||
      thread->keeper_jiffies != bpf_jiffies64())
    keeper = mlt_find_keeper(thread, mapping, first, pages, mlt_is_unmapping(thread) ? 2 : 1);
  if (!thread->keeper_tgid) return 0;
  u64 key = (u64)thread->proc << 32 | thread->keeper_tgid;
  struct mlt_keeper* found = bpf_map_lookup_elem(&mlt_keepers, &key);
  if (!found && keeper) found = mlt_keeper_new(key, keeper);
  if (found) mlt_add(found->pages, pages);
  return 0;
}

#endif
