/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The only place that knows how kernels differ: one accessor a difference, each with the change it hides. Programs call
 * these and never learn which kernel they run on. All of them may be used from any program type.
 */
#ifndef MLT_COMPAT_BPF_H
#define MLT_COMPAT_BPF_H

#include "vmlinux.h"
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "mlocktrace.h"

#define MLT_PAGE 4096ULL

/* Keeps the compiler from moving a bounds check away from the access that needs it: 5.10 and 6.1 lose track otherwise.
 */
#define mlt_barrier(x) asm volatile("" : "+r"(x))

/* Macros in every kernel, so not in BTF. The values have not moved since 4.4 (VM_LOCKONFAULT). */
#define VM_READ 0x00000001UL
#define VM_WRITE 0x00000002UL
#define VM_EXEC 0x00000004UL
#define VM_SHARED 0x00000008UL
#define VM_GROWSDOWN 0x00000100UL
#define VM_UFFD_MISSING 0x00000200UL
#define VM_PFNMAP 0x00000400UL
#define VM_UFFD_WP 0x00001000UL
#define VM_LOCKED 0x00002000UL
#define VM_IO 0x00004000UL
#define VM_DONTEXPAND 0x00040000UL
#define VM_LOCKONFAULT 0x00080000UL
#define VM_HUGETLB 0x00400000UL
#define VM_SOFTDIRTY 0x08000000UL
#define VM_MIXEDMAP 0x10000000UL
#define VM_UFFD_RWP (1UL << 43) /* 7.3+: nothing had this bit before */
#define VM_SPECIAL (VM_IO | VM_DONTEXPAND | VM_PFNMAP | VM_MIXEDMAP)

/* PageAnon and PageKsm of include/linux/page-flags.h, in the low bits of page->mapping. */
#define MLT_MAPPING_ANON 1UL
#define MLT_MAPPING_KSM 3UL

/* enum fault_flag is in BTF from 5.14 on only; the values have not moved. */
#define FAULT_FLAG_WRITE 0x01U
#define FAULT_FLAG_RETRY_NOWAIT 0x08U
#define FAULT_FLAG_TRIED 0x20U
#define FAULT_FLAG_USER 0x40U
#define FAULT_FLAG_REMOTE 0x80U
#define FAULT_FLAG_INSTRUCTION 0x100U
#define FAULT_FLAG_UNSHARE 0x400U
#define FAULT_FLAG_VMA_LOCK 0x1000U

#define VM_FAULT_OOM 0x000001U
#define VM_FAULT_SIGBUS 0x000002U
#define VM_FAULT_MAJOR 0x000004U
#define VM_FAULT_HWPOISON 0x000010U
#define VM_FAULT_HWPOISON_LARGE 0x000020U
#define VM_FAULT_SIGSEGV 0x000040U
#define VM_FAULT_RETRY 0x000400U
#define VM_FAULT_FALLBACK 0x000800U
/* As in the kernel: VM_FAULT_FALLBACK counts as an error there too, but never leaves handle_mm_fault. */
#define VM_FAULT_ERROR \
  (VM_FAULT_OOM | VM_FAULT_SIGBUS | VM_FAULT_SIGSEGV | VM_FAULT_HWPOISON | VM_FAULT_HWPOISON_LARGE | VM_FAULT_FALLBACK)

#define CLONE_VFORK 0x00004000UL

/* signal->flags: the value has not moved since 2.6. */
#define SIGNAL_GROUP_EXIT 0x04U

#define MLT_SIGKILL 9
#define MLT_SIGBUS 7
#define MLT_SIGSEGV 11
#define RLIMIT_STACK 3
#define RLIMIT_MEMLOCK 8
#define RLIMIT_AS 9
#define MLT_CAP_IPC_LOCK (1u << 14)
#define SECCOMP_MODE_FILTER 2

#define PF_EXITING 0x00000004U
#define PF_MEMALLOC 0x00000800U /* reclaiming memory: kswapd always, others while they do it themselves */
#define PF_KSWAPD 0x00020000U
#define PF_KTHREAD 0x00200000U

/* page->flags became a struct (memdesc_flags_t) in 6.18: 53fbef56e07d "mm: introduce memdesc_flags_t". */
struct page___memdesc {
  struct {
    unsigned long f;
  } flags;
} __attribute__((preserve_access_index));

static __always_inline unsigned long mlt_page_flags(const void* page) {
  const struct page___memdesc* memdesc = page;
  const struct page* plain = page;

  if (bpf_core_field_exists(memdesc->flags.f)) return BPF_CORE_READ(memdesc, flags.f);
  return BPF_CORE_READ(plain, flags);
}

/* The same of a page that the verifier knows, as a fentry program is given it: one load instead of a call. */
static __always_inline unsigned long mlt_page_flags_typed(struct page* page) {
  struct page___memdesc* memdesc = (void*)page;
  return bpf_core_field_exists(memdesc->flags.f) ? memdesc->flags.f : page->flags;
}

/* The numbers of page flags move with nearly every release, and with the kernel's configuration. */
#define mlt_page_flag_number(name) bpf_core_enum_value(enum pageflags, name)
#define mlt_page_flag(name) (1UL << mlt_page_flag_number(name))

/*
 * Pages of a folio. The count moved from the second struct page (compound_nr, up to 5.19) into struct folio as
 * _folio_nr_pages (6.0) and _nr_pages (6.16).
 */
struct folio___nr {
  unsigned int _nr_pages;
} __attribute__((preserve_access_index));

struct folio___folio_nr {
  unsigned int _folio_nr_pages;
} __attribute__((preserve_access_index));

struct page___compound {
  unsigned int compound_nr;
} __attribute__((preserve_access_index));

static __always_inline u64 mlt_folio_pages(const void* folio, unsigned long flags) {
  const struct folio___nr* nr = folio;
  const struct folio___folio_nr* folio_nr = folio;

  if (!(flags & mlt_page_flag(PG_head))) return 1;
  if (bpf_core_field_exists(nr->_nr_pages)) return BPF_CORE_READ(nr, _nr_pages);
  if (bpf_core_field_exists(folio_nr->_folio_nr_pages)) return BPF_CORE_READ(folio_nr, _folio_nr_pages);
  const struct page___compound* second = folio + bpf_core_type_size(struct page);
  if (bpf_core_field_exists(second->compound_nr)) return BPF_CORE_READ(second, compound_nr);
  return 1;
}

/*
 * The first page of the compound page that this one belongs to. In all others of it one word has bit 0 set, and tells
 * which it is by the rest: up to 7.0 by its address. 7.1 gave the word another name ("mm: rename the 'compound_head'
 * field in the 'struct page' to 'compound_info'"), and where struct page has a size that is a power of two and hugetlb
 * may give up struct pages, the rest is what the address of this page is masked with ("mm: rework compound_head() for
 * power-of-2 sizeof(struct page)"). A mask is within a GiB of the end of all addresses, where no struct page is.
 */
struct page___info {
  unsigned long compound_info;
} __attribute__((preserve_access_index));

static __always_inline const struct page* mlt_page_head(const struct page* page) {
  const struct page___info* newer = (const void*)page;
  unsigned long word = 0;
  if (bpf_core_field_exists(page->compound_head)) word = BPF_CORE_READ(page, compound_head);
  if (bpf_core_field_exists(newer->compound_info)) word = BPF_CORE_READ(newer, compound_info);
  if (!(word & 1)) return page;
  return (const struct page*)(word > -(1UL << 30) ? (unsigned long)page & word : word - 1);
}

struct page___mapped {
  struct {
    int counter;
  } _mapcount;
} __attribute__((preserve_access_index));

/* As many entries as map a page of its own, less one. Parts of huge pages are mapped with the whole, too: not known. */
static __always_inline bool mlt_page_is_mapped_once(const struct page* page) {
  const struct page___mapped* mapped = (const void*)page;
  if (mlt_page_head(page) != page || (mlt_page_flags(page) & mlt_page_flag(PG_head))) return false;
  return BPF_CORE_READ(mapped, _mapcount.counter) == 0;
}

/*
 * Does the page belong to one process alone, for good? Only to be asked of anonymous pages. 5.19+ (6c287605fd56 "mm:
 * remember exclusively mapped anonymous pages with PG_anon_exclusive"); before, who else maps it has to be counted.
 */
static __always_inline bool mlt_page_is_exclusive(const struct page* page) {
  if (bpf_core_enum_value_exists(enum pageflags, PG_anon_exclusive))
    return mlt_page_flags(page) & mlt_page_flag(PG_anon_exclusive);
  return mlt_page_is_mapped_once(page);
}

/*
 * The name that prctl(PR_SET_VMA_ANON_NAME) gave, 5.17+ with CONFIG_ANON_VMA_NAME (9a10064f5625 "mm: add a field to
 * store names for private anonymous memory"). Up to 6.1 the field shares memory with that of file mappings: ask only of
 * anonymous memory. NULL: none.
 */
struct anon_vma_name {
  char name[1];
} __attribute__((preserve_access_index));

struct vm_area_struct___named {
  struct anon_vma_name* anon_name;
} __attribute__((preserve_access_index));

static __always_inline struct anon_vma_name* mlt_anon_name(const struct vm_area_struct* vma) {
  const struct vm_area_struct___named* named = (const void*)vma;
  return bpf_core_field_exists(named->anon_name) ? BPF_CORE_READ(named, anon_name) : NULL;
}

/* Reads the name; false where there is no such thing. */
static __always_inline bool mlt_anon_name_read(char* to, u32 size, const struct anon_vma_name* name) {
  if (!bpf_core_type_exists(struct anon_vma_name)) return false;
  return bpf_probe_read_kernel_str(to, size, (void*)name + bpf_core_field_offset(struct anon_vma_name, name)) > 0;
}

/*
 * The folio that swap_writepage(page, wbc) or swap_writeout(folio, …) is to write, or swap_readpage(page, …) or
 * swap_read_folio(folio, …) to read; since 7.3 the first argument of the newer ones is a context.
 */
static __always_inline struct page* mlt_swap_folio(struct page* first, struct page* second) {
  /* Both are read before one is chosen: the compiler would choose between their places in the context otherwise. */
  mlt_barrier(first);
  mlt_barrier(second);
  return bpf_core_type_exists(struct swap_io_ctx) ? second : first;
}

/*
 * The same for an fentry program, whose verifier refuses to read an argument that is a pointer to a pointer, as the
 * second one is before 7.3. The barriers are for the same reason as above.
 */
static __always_inline struct page* mlt_swap_folio_typed(const u64* args) {
  struct page* folio;
  if (bpf_core_type_exists(struct swap_io_ctx)) {
    folio = (void*)args[1];
    mlt_barrier(folio);
  } else {
    folio = (void*)args[0];
    mlt_barrier(folio);
  }
  return folio;
}

/* Where a page is in its mapping, in pages. The field of struct page has another name since 6.16; that of folio came
 * with 5.16. */
static __always_inline u64 mlt_page_index(const void* page) {
  const struct folio* folio = page;
  const struct page* plain = page;
  return bpf_core_field_exists(folio->index) ? BPF_CORE_READ(folio, index) : BPF_CORE_READ(plain, index);
}

static __always_inline u64 mlt_page_index_typed(struct page* page) {
  struct folio* folio = (void*)page;
  return bpf_core_field_exists(folio->index) ? folio->index : page->index;
}

/*
 * Where a folio that is in the swap cache, or is being read from swap, has its first page there, as swp_entry_t: in
 * page->private, which struct folio calls swap since 6.6 ("mm/swap: inline folio_set_swap_entry() and
 * folio_swap_entry()").
 */
static __always_inline u64 mlt_swap_entry(const void* page) {
  const struct folio* folio = page;
  const struct page* plain = page;
  return bpf_core_field_exists(folio->swap) ? BPF_CORE_READ(folio, swap.val) : BPF_CORE_READ(plain, private);
}

static __always_inline u64 mlt_swap_entry_typed(struct page* page) {
  struct folio* folio = (void*)page;
  return bpf_core_field_exists(folio->swap) ? folio->swap.val : page->private;
}

/*
 * How many VM_LOCKED VMAs hold the folio, 5.18+ (b109b87050df "mm/munlock: replace clear_page_mlock() by final
 * clearance"). The field shares memory with the LRU list pointers: ask only while PG_lru and PG_unevictable are set.
 */
static __always_inline unsigned int mlt_mlock_count(const void* folio) {
  const struct folio* f = folio;
  return bpf_core_field_exists(f->mlock_count) ? BPF_CORE_READ(f, mlock_count) : 0;
}

/* The batch of folios waiting for their mlock or munlock: struct pagevec (5.18 to 6.2), struct folio_batch (6.3+). */
struct folio_batch {
  unsigned char nr;
  void* folios[31];
} __attribute__((preserve_access_index));

struct pagevec {
  unsigned char nr;
  void* pages[15];
} __attribute__((preserve_access_index));

#define MLT_BATCH_MAX 31 /* 15 up to 6.8 */

static __always_inline unsigned int mlt_batch_size(const void* batch) {
  const struct folio_batch* folios = batch;
  const struct pagevec* pages = batch;
  if (bpf_core_type_exists(struct folio_batch)) return BPF_CORE_READ(folios, nr);
  return BPF_CORE_READ(pages, nr);
}

/* Address of the array of pointers in the batch. */
static __always_inline const void* mlt_batch_array(const void* batch) {
  if (bpf_core_type_exists(struct folio_batch)) return batch + bpf_core_field_offset(struct folio_batch, folios);
  return batch + bpf_core_field_offset(struct pagevec, pages);
}

/* Is no page of this file to be reclaimed? The number of the flag is the kernel's own affair. */
static __always_inline bool mlt_is_space_unevictable(const struct address_space* space) {
  return BPF_CORE_READ(space, flags) & (1UL << bpf_core_enum_value(enum mapping_flags, AS_UNEVICTABLE));
}

/*
 * What of an address space lies at an address: the VMA there, or the hole between two of them. Read without a lock: who
 * asks does so for a thread that waits, or whose call has just ended, and other threads may be changing the mappings.
 */
struct mlt_vma_search {
  u64 at; /* the node to look at next; at the end the address of the struct vm_area_struct, 0: a hole */
  u64 start;
  u64 end;
};

/* Up to 6.0 a red-black tree: 763ecb035029 "mm: remove the vma linked list" removed the last of it. */
struct mm_struct___rb {
  struct rb_root mm_rb;
} __attribute__((preserve_access_index));

struct vm_area_struct___rb {
  struct rb_node vm_rb;
} __attribute__((preserve_access_index));

static __always_inline u64 mlt_rb_root(struct mm_struct* mm) {
  struct mm_struct___rb* old = (void*)mm;
  return (u64)BPF_CORE_READ(old, mm_rb.rb_node);
}

static __always_inline bool mlt_rb_step(struct mlt_vma_search* search, u64 address) {
  u64 node = search->at;
  struct vm_area_struct* vma = (void*)(node - bpf_core_field_offset(struct vm_area_struct___rb, vm_rb));
  const struct rb_node* links = (void*)node;
  if (!node) return true;
  u64 start = BPF_CORE_READ(vma, vm_start);
  u64 end = BPF_CORE_READ(vma, vm_end);
  if (address < start) {
    search->end = start;
    search->at = (u64)BPF_CORE_READ(links, rb_left);
    return false;
  }
  search->start = end;
  search->at = (u64)BPF_CORE_READ(links, rb_right);
  if (address >= end) return false;
  search->at = (u64)vma;
  search->start = start;
  search->end = end;
  return true;
}

/*
 * A maple tree since 6.1 (d4af56c5c7c6 "mm: start tracking VMAs with maple tree"). What points to a node holds its
 * type, too; the root is marked as one, or is no node. Pivots are the last addresses of the slots, those that are not
 * used are 0, and the last slot has none. Slots of a leaf are VMAs, or empty (lib/maple_tree.c).
 */
#define MLT_MAPLE_SLOTS 16
#define MLT_MAPLE_IS_ROOT(entry) (((entry)&3) == 2 && (entry) > 4096)
#define MLT_MAPLE_TYPE(entry) ((entry) >> 3 & 15)
#define MLT_MAPLE_NODE(entry) ((entry) & ~255ULL)
enum { MLT_MAPLE_LEAF = 1, MLT_MAPLE_ARANGE = 3 };

static __always_inline u64 mlt_word_at(u64 address) {
  u64 word = 0;
  bpf_probe_read_kernel(&word, sizeof(word), (void*)address);
  return word;
}

static __always_inline u64 mlt_maple_root(struct mm_struct* mm) {
  u64 root = (u64)BPF_CORE_READ(mm, mm_mt.ma_root);
  return MLT_MAPLE_IS_ROOT(root) ? root : 0;
}

static __always_inline bool mlt_maple_step(struct mlt_vma_search* search, u64 address) {
  u64 entry = search->at;
  bool arange = MLT_MAPLE_TYPE(entry) == MLT_MAPLE_ARANGE;
  bool leaf = MLT_MAPLE_TYPE(entry) <= MLT_MAPLE_LEAF;
  u64 pivots = MLT_MAPLE_NODE(entry);
  u64 slots = pivots;
  u32 count = bpf_core_field_size(struct maple_range_64, slot) / sizeof(u64);
  u64 first = search->start;
  u64 last = search->end - 1;
  u32 slot = 0;
  if (!entry) return true;
  if (arange) {
    count = bpf_core_field_size(struct maple_arange_64, slot) / sizeof(u64);
    pivots += bpf_core_field_offset(struct maple_node, ma64.pivot);
    slots += bpf_core_field_offset(struct maple_node, ma64.slot);
  } else {
    pivots += bpf_core_field_offset(struct maple_node, mr64.pivot);
    slots += bpf_core_field_offset(struct maple_node, mr64.slot);
  }
  for (; slot < MLT_MAPLE_SLOTS - 1 && slot + 1 < count; slot++) {
    u64 pivot = mlt_word_at(pivots + slot * sizeof(u64));
    if ((!pivot && slot) || pivot >= last) break;
    if (pivot >= address) {
      last = pivot;
      break;
    }
    first = pivot + 1;
  }
  search->at = mlt_word_at(slots + slot * sizeof(u64));
  search->start = first;
  search->end = last + 1;
  return leaf;
}

/* Of 65,536 VMAs the red-black tree is at most 34 deep, and the maple tree far less. */
#define MLT_SEARCH_DEPTH 40

static __always_inline bool mlt_are_vmas_in_rb(void) {
  struct mm_struct___rb* old = 0;
  return bpf_core_field_exists(old->mm_rb);
}

/* Begins at the root, with the whole address space. */
static __always_inline void mlt_search_begin(struct mlt_vma_search* search, struct mm_struct* mm) {
  search->at = mlt_are_vmas_in_rb() ? mlt_rb_root(mm) : mlt_maple_root(mm);
  search->start = 0;
  search->end = BPF_CORE_READ(mm, task_size);
}

/* One level further down. True: it has ended. */
static __always_inline bool mlt_search_step(struct mlt_vma_search* search, u64 address) {
  return mlt_are_vmas_in_rb() ? mlt_rb_step(search, address) : mlt_maple_step(search, address);
}

/* The flags of a merge: vma_merge_struct.flags (6.12 to 6.16), vm_flags (6.17+). */
struct vma_merge_struct___flags {
  unsigned long flags;
} __attribute__((preserve_access_index));

static __always_inline unsigned long mlt_merge_flags(const struct vma_merge_struct* merge) {
  const struct vma_merge_struct___flags* old = (const void*)merge;
  if (bpf_core_field_exists(merge->vm_flags)) return BPF_CORE_READ(merge, vm_flags);
  if (bpf_core_field_exists(old->flags)) return BPF_CORE_READ(old, flags);
  return 0;
}

/*
 * Minor faults of the current task, as the kernel counts them; at a hundred instructions less where the helper is
 * there: 5.11, 3ca1032ab7ab "bpf: Implement get_current_task_btf and RET_PTR_TO_BTF_ID".
 */
static __always_inline u64 mlt_current_min_flt(void) {
  if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf))
    return bpf_get_current_task_btf()->min_flt;
  return BPF_CORE_READ((struct task_struct*)bpf_get_current_task(), min_flt);
}

/*
 * What is at the address is an object of the kernel's type of that number: the verifier believes it from here on, and a
 * kprobe program reads a field by a load, as a fentry program does, instead of by a call of a hundred instructions.
 * Nothing more than a mark: the front end puts the call of bpf_rdonly_cast in its place (a35b9af4ec2c "bpf: Add a kfunc
 * for generic type cast", 6.2), as libbpf would read all types of the kernel to do so. Where there is none it must not
 * be reached.
 */
static void* (*mlt_cast)(const void* object, u32 type) = (void*)MLT_CAST_MARK;

/* CAP_IPC_LOCK in the thread's effective set. As capable() asks for it it counts in the initial user namespace only. */
static __always_inline bool mlt_has_ipc_lock(struct task_struct* task) {
  const struct cred* cred = BPF_CORE_READ(task, cred);
  u32 effective = 0; /* the first 32 of them: kernel_cap_t was an array up to 6.2 */
  bpf_probe_read_kernel(&effective, sizeof(effective), (void*)cred + bpf_core_field_offset(struct cred, cap_effective));
  return effective & MLT_CAP_IPC_LOCK;
}

/*
 * Pages that io_uring, perf, xsk and, up to 5.10, BPF have accounted to the task's user; MLT_NOT_KNOWN where the kernel
 * is built without all of these.
 */
static __always_inline u64 mlt_user_locked(struct task_struct* task) {
  if (!bpf_core_field_exists(struct user_struct, locked_vm)) return MLT_NOT_KNOWN;
  return BPF_CORE_READ(task, cred, user, locked_vm.counter);
}

/* Is the task's user namespace the initial one? */
static __always_inline bool mlt_is_in_initial_users(struct task_struct* task) {
  return !BPF_CORE_READ(task, cred, user_ns, level);
}

/* Does the task sleep until something happens, as nobody does who holds mmap_lock? The field has another name
 * since 5.14: 2f064a59a11f "sched: Change task_struct::state". */
#define TASK_INTERRUPTIBLE 1

struct task_struct___state {
  long state;
} __attribute__((preserve_access_index));

struct task_struct___new_state {
  unsigned int __state;
} __attribute__((preserve_access_index));

static __always_inline bool mlt_is_asleep(const struct task_struct* task) {
  const struct task_struct___state* old = (const void*)task;
  const struct task_struct___new_state* state = (const void*)task;
  if (bpf_core_field_exists(state->__state)) return BPF_CORE_READ(state, __state) & TASK_INTERRUPTIBLE;
  return BPF_CORE_READ(old, state) & TASK_INTERRUPTIBLE;
}

/* A thread that has this pid; NULL: none any more. */
#define MLT_PIDTYPE_PID 0

static __always_inline struct task_struct* mlt_task_of_pid(const struct pid* pid) {
  void* link = BPF_CORE_READ(pid, tasks[MLT_PIDTYPE_PID].first);
  return link ? link - bpf_core_field_offset(struct task_struct, pid_links) : NULL;
}

/* The pid that a pidfd is for: in the file up to 6.8, then in its inode (cb12fd8e0dab "pidfd: add pidfs"), since when a
 * pid has a dentry. */
struct dentry;
struct pid___pidfs {
  struct dentry* stashed;
} __attribute__((preserve_access_index));

static __always_inline struct pid* mlt_pid_of_pidfd(const struct file* file) {
  const struct pid___pidfs* pidfs = NULL;
  if (bpf_core_field_exists(pidfs->stashed)) return BPF_CORE_READ(file, f_inode, i_private);
  return BPF_CORE_READ(file, private_data);
}

/* The address space that a reader of /proc/PID/maps and the like is at. It is in a part of its own since 6.17, for
 * readers that take the locks of single VMAs ("fs/proc/task_mmu: read proc/pid/maps under per-vma lock"). */
struct proc_maps_locking_ctx {
  struct mm_struct* mm;
} __attribute__((preserve_access_index));

struct proc_maps_private___locking {
  struct proc_maps_locking_ctx lock_ctx;
} __attribute__((preserve_access_index));

static __always_inline struct mm_struct* mlt_maps_mm(const struct proc_maps_private* maps) {
  const struct proc_maps_private___locking* locking = (const void*)maps;
  if (bpf_core_field_exists(locking->lock_ctx.mm)) return BPF_CORE_READ(locking, lock_ctx.mm);
  return BPF_CORE_READ(maps, mm);
}

/* Number of a task in the PID namespace of the given depth; 0 when that namespace does not hold it. */
static __always_inline u32 mlt_pid_at(struct task_struct* task, u32 level) {
  struct pid* pid = BPF_CORE_READ(task, thread_pid);
  const void* numbers = (void*)pid + bpf_core_field_offset(struct pid, numbers);
  u32 number = 0;
  if (level > BPF_CORE_READ(pid, level)) return 0;
  bpf_probe_read_kernel(&number, sizeof(number),
                        numbers + level * bpf_core_type_size(struct upid) + bpf_core_field_offset(struct upid, nr));
  return number;
}

/* The same in the PID namespace with this inode number. */
#define MLT_PID_LEVELS 8

static __always_inline u32 mlt_pid_in(struct task_struct* task, u32 inode) {
  struct pid* pid = BPF_CORE_READ(task, thread_pid);
  const void* numbers = (void*)pid + bpf_core_field_offset(struct pid, numbers);
  u32 level = BPF_CORE_READ(pid, level);
  for (u32 i = 0; i < MLT_PID_LEVELS && i <= level; i++) {
    const struct upid* number = numbers + i * bpf_core_type_size(struct upid);
    if (BPF_CORE_READ(number, ns, ns.inum) == inode) return BPF_CORE_READ(number, nr);
  }
  return 0;
}

#endif
