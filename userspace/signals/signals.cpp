#include "signals/signals.h"

#include <algorithm>
#include <array>

#include "arch/arch.h"

namespace mlt {

namespace {

using enum Hook;

// The twins of fentry and fexit programs, which have the same name but for its end: see MLT_ENTRY in bpf/targets.bpf.h.
template <const auto& Probes>
struct Twins {
  static constexpr std::size_t kCount = std::size(Probes);
  static constexpr auto kNames = [] {
    std::array<std::array<char, 48>, kCount> names{};
    for (std::size_t i = 0; i < kCount; ++i) {
      const std::string_view name = Probes[i].program;
      const std::string_view end = Probes[i].hook == fentry ? "kprobe" : Probes[i].hook == fexit ? "kretprobe" : "";
      const std::string_view begin = end.empty() ? name : name.substr(0, name.rfind('_') + 1);
      std::ranges::copy(end, std::ranges::copy(begin, names[i].begin()).out);
    }
    return names;
  }();
  static constexpr auto kProbes = [] {
    std::array<Probe, kCount> probes{};
    for (std::size_t i = 0; i < kCount; ++i) {
      probes[i] = Probes[i];
      probes[i].program = kNames[i].data();
      if (probes[i].hook == fentry) probes[i].hook = kprobe;
      if (probes[i].hook == fexit) probes[i].hook = kretprobe;
    }
    return probes;
  }();
};
template <const auto& Probes>
constexpr auto kTwins = Twins<Probes>::kProbes;

// The same kprobe programs, attached as kprobe.multi: handlers run with preemption disabled.
template <std::size_t N>
constexpr std::array<Probe, N> as_multi(std::array<Probe, N> probes) {
  for (Probe& probe : probes) {
    if (probe.hook == kprobe) probe.hook = multi_entry;
    if (probe.hook == kretprobe) probe.hook = multi_return;
  }
  return probes;
}
template <std::size_t N>
constexpr std::array<Probe, N> as_multi(const Probe (&probes)[N]) {
  return as_multi(std::to_array(probes));
}

// The same, where they are called rarely: attached by one link with all others that are.
template <typename Probes>
constexpr auto as_rare_multi(const Probes& from) {
  auto probes = as_multi(from);
  for (Probe& probe : probes) probe.shares_link = probe.hook == multi_entry || probe.hook == multi_return;
  return probes;
}

constexpr Alternative multi(std::span<const Probe> probes, std::string_view limits = {},
                            std::string_view needs_signal = {}) {
  return {"multi", probes, limits, needs_signal, {}, true};
}

constexpr Alternative rare(Alternative way) {
  way.rare = true;
  return way;
}

// --- process -------------------------------------------------------------------------------------------------------

constexpr Probe kProcess[] = {{"mlt_process_fork", raw_tracepoint, "sched_process_fork"},
                              {"mlt_process_exec", raw_tracepoint, "sched_process_exec"},
                              {"mlt_process_exit", raw_tracepoint, "sched_process_exit"},
                              {"mlt_process_free", raw_tracepoint, "sched_process_free"}};
// The fork program before the iterator: what is born during the walk is seen twice rather than not at all.
constexpr Probe kProcessWalk[] = {{"mlt_process_fork", raw_tracepoint, "sched_process_fork"},
                                  {"mlt_process_exec", raw_tracepoint, "sched_process_exec"},
                                  {"mlt_process_exit", raw_tracepoint, "sched_process_exit"},
                                  {"mlt_process_free", raw_tracepoint, "sched_process_free"},
                                  {"mlt_find_threads", iterator, "bpf_iter_task"}};
constexpr Alternative kProcessWays[] = {{"iter", kProcessWalk, ""}, {"tracepoint", kProcess, ""}};

// --- fault ---------------------------------------------------------------------------------------------------------

constexpr Probe kFaultFentry[] = {{"mlt_fault_enter", fentry, "handle_mm_fault"},
                                  {"mlt_fault_exit", fexit, "handle_mm_fault"}};
constexpr Probe kFaultKprobe[] = {{"mlt_fault_kprobe", kprobe, "handle_mm_fault"},
                                  {"mlt_fault_kretprobe", kretprobe, "handle_mm_fault"}};
constexpr auto kFaultMulti = as_multi(kFaultKprobe);
constexpr Probe kFaultCounted[] = {{"mlt_fault_kprobe", kprobe, "handle_mm_fault"},
                                   {"mlt_fault_counted", raw_tracepoint, "count_memcg_events"}};
constexpr auto kFaultCountedMulti = as_multi(kFaultCounted);
constexpr Alternative at_memcg(std::span<const Probe> probes, std::string_view needs_function = {}) {
  Alternative way{"memcg", probes, {}, {}, needs_function, true};
  way.ends_untold = true;
  return way;
}
// kprobe.multi is cheaper than a kprobe where entries do without the function graph tracer: 2c67dc457bc6 "tracing:
// fprobe: optimization for entry only case".
constexpr std::string_view kCheapMulti = "fprobe_ftrace_entry";
constexpr Probe kFaultPerf[] = {{"mlt_software_minor", perf_minor, "minor-faults"},
                                {"mlt_software_major", perf_major, "major-faults"}};
constexpr Alternative kFaultWays[] = {
    at_memcg(kFaultCountedMulti, kCheapMulti),
    at_memcg(kFaultCounted),
    multi(kFaultMulti),
    {"fentry", kFaultFentry, ""},
    {"kprobe", kFaultKprobe, ""},
    {"perf",
     kFaultPerf,
     "no function can be hooked here: populate and remote faults, errors, retries, and which mapping a fault is in and "
     "whether it is locked, are not seen",
     {},
     {},
     false,
     true},
};

// Told by the flags of faults, from 6.4 on.
constexpr Alternative of_vma_locks(Alternative way) {
  way.needs_signal = "fault";
  way.needs_function = "lock_vma_under_rcu";
  return way;
}
constexpr Alternative kVmaLockWays[] = {
    of_vma_locks(at_memcg(kFaultCountedMulti)), of_vma_locks(at_memcg(kFaultCounted)), of_vma_locks(multi(kFaultMulti)),
    of_vma_locks({"fentry", kFaultFentry, ""}), of_vma_locks({"kprobe", kFaultKprobe, ""})};

constexpr Probe kFaultEntry[] = {{"mlt_exceptions", raw_tracepoint, arch::kUserException},
                                 {"mlt_exceptions", raw_tracepoint, arch::kKernelException}};
constexpr Alternative kFaultEntryWays[] = {{"tracepoint", kFaultEntry, ""}};

// The second of huge pages, which a kernel may be built without: those for real time are.
constexpr Probe kCauseFentry[] = {{"mlt_migration_fentry", fentry, "migration_entry_wait"},
                                  {"mlt_pmd_migration_fentry", fentry, "pmd_migration_entry_wait"}};
constexpr Probe kCauseKprobe[] = {{"mlt_migration_kprobe", kprobe, "migration_entry_wait"},
                                  {"mlt_migration_kprobe", kprobe, "pmd_migration_entry_wait"}};
constexpr auto kCauseMulti = as_multi(kCauseKprobe);
template <typename Probes>
constexpr auto of_small_pages(const Probes& probes) {
  return std::span(probes).template first<1>();
}

constexpr Alternative walking(Alternative way) {
  way.needs_signal = "fault";
  way.needs_page_tables = true;
  return way;
}
constexpr Alternative kCauseWays[] = {
    walking(multi(kCauseMulti)),           walking(multi(of_small_pages(kCauseMulti))),
    walking({"fentry", kCauseFentry, ""}), walking({"fentry", of_small_pages(kCauseFentry), ""}),
    walking({"kprobe", kCauseKprobe, ""}), walking({"kprobe", of_small_pages(kCauseKprobe), ""})};

// --- lock calls and populate ---------------------------------------------------------------------------------------

#define MLT_LOCK_CALLS(X) X(mlock) X(mlock2) X(munlock) X(mlockall) X(munlockall)
#define MLT_MAP_CALLS(X) X(mmap) X(brk) X(mremap) X(munmap) X(madvise) X(mprotect)
#define MLT_CALLS(X) MLT_LOCK_CALLS(X) MLT_MAP_CALLS(X)
#define MLT_FENTRY(name)                                           \
  Probe{"mlt_" #name "_fentry", fentry, MLT_SYSCALL_PREFIX #name}, \
      Probe{"mlt_" #name "_fexit", fexit, MLT_SYSCALL_PREFIX #name},
#define MLT_KPROBE(name)                                      \
  Probe{"mlt_call_kprobe", kprobe, MLT_SYSCALL_PREFIX #name}, \
      Probe{"mlt_call_kretprobe", kretprobe, MLT_SYSCALL_PREFIX #name},
#define MLT_TRACEPOINT(name)                                           \
  Probe{"mlt_call_tp_enter", tracepoint, "syscalls/sys_enter_" #name}, \
      Probe{"mlt_call_tp_exit", tracepoint, "syscalls/sys_exit_" #name},

constexpr Probe kCallFentry[] = {MLT_CALLS(MLT_FENTRY)};
constexpr Probe kCallKprobe[] = {MLT_CALLS(MLT_KPROBE)};
// Programs lock rarely, and map all the time.
constexpr Probe kCallMixed[] = {MLT_LOCK_CALLS(MLT_KPROBE) MLT_MAP_CALLS(MLT_FENTRY)};
constexpr auto kCallMulti = as_rare_multi(kCallKprobe);
constexpr Probe kCallTracepoint[] = {MLT_CALLS(MLT_TRACEPOINT)};
constexpr Probe kCallRaw[] = {{"mlt_raw_enter", raw_tracepoint, "sys_enter"},
                              {"mlt_raw_exit", raw_tracepoint, "sys_exit"}};
constexpr std::string_view k32Bit = "calls of 32-bit programs are not seen";
constexpr Alternative kCallWays[] = {
    multi(kCallMulti, k32Bit),       rare({"fentry", kCallFentry, k32Bit}),   {"fentry", kCallMixed, k32Bit},
    {"kprobe", kCallKprobe, k32Bit}, {"tracepoint", kCallTracepoint, k32Bit}, {"raw", kCallRaw, k32Bit},
};

// Called for nobody but those who run under a filter, at each of their calls.
constexpr Probe kSeccompFentry[] = {{"mlt_seccomp_fexit", fexit, "__secure_computing"}};
constexpr Probe kSeccompKprobe[] = {{"mlt_seccomp_kretprobe", kretprobe, "__secure_computing"}};
constexpr auto kSeccompMulti = as_rare_multi(kSeccompKprobe);
constexpr Probe kPermitFentry[] = {{"mlt_seccomp_permit_fexit", fexit, "__seccomp_permit_syscall"}};
constexpr Probe kPermitKprobe[] = {{"mlt_seccomp_kretprobe", kretprobe, "__seccomp_permit_syscall"}};
constexpr auto kPermitMulti = as_rare_multi(kPermitKprobe);
constexpr Alternative kSeccompWays[] = {multi(kSeccompMulti, k32Bit),       {"fentry", kSeccompFentry, k32Bit},
                                        {"kprobe", kSeccompKprobe, k32Bit}, multi(kPermitMulti, k32Bit),
                                        {"fentry", kPermitFentry, k32Bit},  {"kprobe", kPermitKprobe, k32Bit}};

constexpr Probe kPopulateFentry[] = {{"mlt_populate_fentry", fentry, "__mm_populate"},
                                     {"mlt_range_fentry", fentry, "populate_vma_page_range"},
                                     {"mlt_range_fexit", fexit, "populate_vma_page_range"},
                                     {"mlt_populate_fexit", fexit, "__mm_populate"}};
constexpr auto kPopulateKprobe = kTwins<kPopulateFentry>;
constexpr auto kPopulateMulti = as_rare_multi(kPopulateKprobe);
constexpr Alternative kPopulateWays[] = {
    multi(kPopulateMulti), rare({"fentry", kPopulateFentry, ""}), {"kprobe", kPopulateKprobe, ""}};

// --- waiting for mmap_lock -----------------------------------------------------------------------------------------

constexpr Probe kWaitFentry[] = {{"mlt_read_wait_fentry", fentry, "rwsem_down_read_slowpath"},
                                 {"mlt_read_wait_fexit", fexit, "rwsem_down_read_slowpath"},
                                 {"mlt_write_wait_fentry", fentry, "rwsem_down_write_slowpath"},
                                 {"mlt_write_wait_fexit", fexit, "rwsem_down_write_slowpath"}};
constexpr Probe kWaitKprobe[] = {{"mlt_read_wait_kprobe", kprobe, "rwsem_down_read_slowpath"},
                                 {"mlt_wait_kretprobe", kretprobe, "rwsem_down_read_slowpath"},
                                 {"mlt_write_wait_kprobe", kprobe, "rwsem_down_write_slowpath"},
                                 {"mlt_wait_kretprobe", kretprobe, "rwsem_down_write_slowpath"}};
constexpr auto kWaitMulti = as_rare_multi(kWaitKprobe);
constexpr Probe kWaitTracepoint[] = {{"mlt_contention_begin", raw_tracepoint, "contention_begin"},
                                     {"mlt_contention_end", raw_tracepoint, "contention_end"}};
// With PREEMPT_RT mmap_lock is of another kind, and has no slow path of that name.
constexpr Alternative kWaitWays[] = {multi(kWaitMulti),
                                     rare({"fentry", kWaitFentry, ""}),
                                     {"kprobe", kWaitKprobe, ""},
                                     {"tracepoint",
                                      kWaitTracepoint,
                                      "what a thread spins before it sleeps is not part of its wait",
                                      {},
                                      "rwsem_down_read_slowpath"},
                                     {"tracepoint", kWaitTracepoint,
                                      "what a thread spins before it sleeps is not part of its wait; who holds the "
                                      "lock is not known with PREEMPT_RT"}};

// --- pages and the unevictable LRU list ----------------------------------------------------------------------------

constexpr Probe kLockFolioFentry[] = {{"mlt_new_folio_fentry", fentry, "mlock_new_folio"},
                                      {"mlt_folio_fentry", fentry, "mlock_folio"}};
constexpr auto kLockFolioKprobe = kTwins<kLockFolioFentry>;
constexpr Probe kLockPageFentry[] = {{"mlt_new_page_fentry", fentry, "mlock_new_page"},
                                     {"mlt_folio_fentry", fentry, "mlock_folio"}};
constexpr auto kLockPageKprobe = kTwins<kLockPageFentry>;
constexpr Probe kLockOldFentry[] = {{"mlt_vma_page_fentry", fentry, "mlock_vma_page"},
                                    {"mlt_page_added_fentry", fentry, "lru_cache_add_inactive_or_unevictable"}};
constexpr auto kLockOldKprobe = kTwins<kLockOldFentry>;
constexpr auto kLockFolioMulti = as_multi(kLockFolioKprobe);
constexpr Alternative kPageLockWays[] = {multi(kLockFolioMulti),           {"fentry", kLockFolioFentry, ""},
                                         {"fentry", kLockPageFentry, ""},  {"fentry", kLockOldFentry, ""},
                                         {"kprobe", kLockFolioKprobe, ""}, {"kprobe", kLockPageKprobe, ""},
                                         {"kprobe", kLockOldKprobe, ""}};

constexpr Probe kFlushFolios{"mlt_flush_folios_fentry", fentry, "mlock_folio_batch"};
constexpr Probe kFlushPages{"mlt_flush_pages_fentry", fentry, "mlock_pagevec"};

constexpr Probe kUnlockFolioFentry[] = {kFlushFolios, {"mlt_unlock_folio_fentry", fentry, "munlock_folio"}};
constexpr auto kUnlockFolioKprobe = kTwins<kUnlockFolioFentry>;
constexpr Probe kUnlockPageFentry[] = {kFlushPages, {"mlt_unlock_page_fentry", fentry, "munlock_page"}};
constexpr auto kUnlockPageKprobe = kTwins<kUnlockPageFentry>;
constexpr Probe kUnlockOldFentry[] = {{"mlt_unlock_pagevec_fentry", fentry, "__munlock_pagevec"},
                                      {"mlt_unlock_vma_page_fentry", fentry, "munlock_vma_page"},
                                      {"mlt_clear_page_fentry", fentry, "clear_page_mlock"}};
constexpr auto kUnlockOldKprobe = kTwins<kUnlockOldFentry>;
constexpr auto kUnlockFolioMulti = as_multi(kUnlockFolioKprobe);
constexpr Alternative kPageUnlockWays[] = {multi(kUnlockFolioMulti),           {"fentry", kUnlockFolioFentry, ""},
                                           {"fentry", kUnlockPageFentry, ""},  {"fentry", kUnlockOldFentry, ""},
                                           {"kprobe", kUnlockFolioKprobe, ""}, {"kprobe", kUnlockPageKprobe, ""},
                                           {"kprobe", kUnlockOldKprobe, ""}};

// Pages move when their batch is flushed, if they are on a list by then; otherwise on their way to one.
constexpr Probe kLruAdd{"mlt_lru_add_fentry", fentry, "lru_add"};
constexpr Probe kLruAddFn{"mlt_lru_add_fn_fentry", fentry, "lru_add_fn"};
constexpr Probe kPagevecAdd{"mlt_pagevec_add_fentry", fentry, "__pagevec_lru_add_fn"};
constexpr Probe kPagevecAddOld{"mlt_pagevec_add_old_fentry", fentry, "__pagevec_lru_add_fn"};

constexpr Probe kMoveFentry[] = {kFlushFolios, kLruAdd};
constexpr Probe kMoveFnFentry[] = {kFlushFolios, kLruAddFn};
constexpr Probe kMovePageFentry[] = {kFlushPages, kLruAddFn};
constexpr Probe kMovePagevecFentry[] = {kFlushPages, kPagevecAdd};
constexpr Probe kMoveOldFentry[] = {kPagevecAddOld};
constexpr auto kMoveKprobe = kTwins<kMoveFentry>;
constexpr auto kMoveFnKprobe = kTwins<kMoveFnFentry>;
constexpr auto kMovePageKprobe = kTwins<kMovePageFentry>;
constexpr auto kMovePagevecKprobe = kTwins<kMovePagevecFentry>;
constexpr auto kMoveOldKprobe = kTwins<kMoveOldFentry>;
constexpr auto kMoveMulti = as_multi(kMoveKprobe);
constexpr auto kMoveFnMulti = as_multi(kMoveFnKprobe);
constexpr Probe kMoveCurrent[] = {{"mlt_lru_insertion_current", raw_tracepoint, "mm_lru_insertion"}};
constexpr Alternative kUnevictableWays[] = {
    multi(kMoveMulti, {}, "page_lock"),
    multi(kMoveFnMulti, {}, "page_lock"),
    {"fentry", kMoveFentry, "", "page_lock"},
    {"fentry", kMoveFnFentry, "", "page_lock"},
    {"fentry", kMovePageFentry, "", "page_lock"},
    {"fentry", kMovePagevecFentry, "", "page_lock"},
    {"fentry", kMoveOldFentry, "", "page_lock", "mlock_vma_page"},
    {"kprobe", kMoveKprobe, "", "page_lock"},
    {"kprobe", kMoveFnKprobe, "", "page_lock"},
    {"kprobe", kMovePageKprobe, "", "page_lock"},
    {"kprobe", kMovePagevecKprobe, "", "page_lock"},
    {"kprobe", kMoveOldKprobe, "", "page_lock", "mlock_vma_page"},
    {"tracepoint",
     kMoveCurrent,
     "only insertions that a traced process does itself; from Linux 5.18 on mlock moves pages without one",
     {},
     {},
     false,
     true},
};

// The same, and SHM_UNLOCK, which moves pages at once.
constexpr Probe kCheckFolios{"mlt_check_folios_fentry", fentry, "check_move_unevictable_folios"};
constexpr Probe kCheckPages{"mlt_check_pages_fentry", fentry, "check_move_unevictable_pages"};

constexpr Probe kRescueFentry[] = {kCheckFolios, kLruAdd, kFlushFolios};
constexpr Probe kRescueFnFentry[] = {kCheckFolios, kLruAddFn, kFlushFolios};
constexpr Probe kRescuePageFentry[] = {kCheckFolios, kLruAddFn, kFlushPages};
constexpr Probe kRescuePagevecFentry[] = {kCheckFolios, kPagevecAdd, kFlushPages};
constexpr Probe kRescuePagesFentry[] = {kCheckPages, kPagevecAdd, kFlushPages};
constexpr Probe kRescueOldFentry[] = {kCheckPages, kPagevecAddOld};
constexpr auto kRescueKprobe = kTwins<kRescueFentry>;
constexpr auto kRescueFnKprobe = kTwins<kRescueFnFentry>;
constexpr auto kRescuePageKprobe = kTwins<kRescuePageFentry>;
constexpr auto kRescuePagevecKprobe = kTwins<kRescuePagevecFentry>;
constexpr auto kRescuePagesKprobe = kTwins<kRescuePagesFentry>;
constexpr auto kRescueOldKprobe = kTwins<kRescueOldFentry>;
constexpr auto kRescueMulti = as_multi(kRescueKprobe);
constexpr auto kRescueFnMulti = as_multi(kRescueFnKprobe);
constexpr Alternative kRescueWays[] = {multi(kRescueMulti, {}, "page_unlock"),
                                       multi(kRescueFnMulti, {}, "page_unlock"),
                                       {"fentry", kRescueFentry, "", "page_unlock"},
                                       {"fentry", kRescueFnFentry, "", "page_unlock"},
                                       {"fentry", kRescuePageFentry, "", "page_unlock"},
                                       {"fentry", kRescuePagevecFentry, "", "page_unlock"},
                                       {"fentry", kRescuePagesFentry, "", "page_unlock"},
                                       {"fentry", kRescueOldFentry, "", "page_unlock", "mlock_vma_page"},
                                       {"kprobe", kRescueKprobe, "", "page_unlock"},
                                       {"kprobe", kRescueFnKprobe, "", "page_unlock"},
                                       {"kprobe", kRescuePageKprobe, "", "page_unlock"},
                                       {"kprobe", kRescuePagevecKprobe, "", "page_unlock"},
                                       {"kprobe", kRescuePagesKprobe, "", "page_unlock"},
                                       {"kprobe", kRescueOldKprobe, "", "page_unlock", "mlock_vma_page"}};

// --- VMAs ----------------------------------------------------------------------------------------------------------

constexpr Probe kSplitFentry[] = {{"mlt_split_fentry", fentry, "__split_vma"},
                                  {"mlt_split_fexit", fexit, "__split_vma"}};
constexpr auto kSplitKprobe = kTwins<kSplitFentry>;
constexpr auto kSplitMulti = as_rare_multi(kSplitKprobe);
constexpr Alternative kSplitWays[] = {
    multi(kSplitMulti), rare({"fentry", kSplitFentry, ""}), {"kprobe", kSplitKprobe, ""}};

constexpr Probe kMergeCommit[] = {{"mlt_commit_merge_fexit", fexit, "commit_merge"}};
// 6.3 to 6.11. Up to 6.2 vma_expand exists too, but is notrace, and __vma_adjust sees every merge; vma_shrink came
// after.
constexpr Probe kMergeExpand[] = {{"mlt_vma_merge_kretprobe", kretprobe, "vma_merge"},
                                  {"mlt_vma_expand_fexit", fexit, "vma_expand"}};
constexpr Probe kMergeAdjust[] = {{"mlt_vma_adjust_fexit", fexit, "__vma_adjust"}};
constexpr Probe kMergeCommitKprobe[] = {{"mlt_commit_merge_kprobe", kprobe, "commit_merge"},
                                        {"mlt_commit_merge_kretprobe", kretprobe, "commit_merge"}};
constexpr auto kMergeCommitMulti = as_rare_multi(kMergeCommitKprobe);
constexpr Probe kMergeAdjustKprobe[] = {{"mlt_vma_adjust_kprobe", kprobe, "__vma_adjust"},
                                        {"mlt_vma_adjust_kretprobe", kretprobe, "__vma_adjust"}};
constexpr Probe kMergeOnly[] = {{"mlt_vma_merge_kretprobe", kretprobe, "vma_merge"}};
constexpr std::string_view kInPlace = "a mapping that mmap or brk grows in place may not be seen on this kernel";
constexpr Alternative kMergeWays[] = {
    multi(kMergeCommitMulti),
    {"fentry", kMergeCommit, ""},
    {"fentry", kMergeExpand, {}, {}, "vma_shrink"},
    {"fentry", kMergeAdjust, kInPlace},
    {"kprobe", kMergeCommitKprobe, ""},
    {"kprobe", kMergeAdjustKprobe, kInPlace},
    {"kprobe", kMergeOnly, kInPlace},
};

// --- reclaim and swap ----------------------------------------------------------------------------------------------

constexpr Probe kReclaim[] = {{"mlt_direct_begin", raw_tracepoint, "mm_vmscan_direct_reclaim_begin"},
                              {"mlt_memcg_begin", raw_tracepoint, "mm_vmscan_memcg_reclaim_begin"},
                              {"mlt_kswapd_wake", raw_tracepoint, "mm_vmscan_kswapd_wake"},
                              {"mlt_memcg_end", raw_tracepoint, "mm_vmscan_memcg_reclaim_end"},
                              {"mlt_direct_end", raw_tracepoint, "mm_vmscan_direct_reclaim_end"}};
constexpr Alternative kReclaimWays[] = {{"tracepoint", kReclaim, ""}};

// --- what else faults wait for -------------------------------------------------------------------------------------

constexpr Probe kUserfaultFentry[] = {{"mlt_userfault_fentry", fentry, "handle_userfault"}};
constexpr auto kUserfaultKprobe = kTwins<kUserfaultFentry>;
// The end, too: see mlt_userfault_kretprobe.
constexpr Probe kUserfaultBoth[] = {{"mlt_userfault_kprobe", kprobe, "handle_userfault"},
                                    {"mlt_userfault_kretprobe", kretprobe, "handle_userfault"}};
constexpr auto kUserfaultMulti = as_rare_multi(kUserfaultBoth);
constexpr Alternative kUserfaultWays[] = {multi(kUserfaultMulti, {}, "fault"),
                                          {"fentry", kUserfaultFentry, "", "fault"},
                                          {"kprobe", kUserfaultKprobe, "", "fault"}};

constexpr Probe kFolioWaitFentry[] = {{"mlt_folio_writeback", raw_tracepoint, "folio_wait_writeback"},
                                      {"mlt_io_schedule_fentry", fentry, "io_schedule"},
                                      {"mlt_io_schedule_fexit", fexit, "io_schedule"}};
constexpr Probe kPageWaitFentry[] = {{"mlt_page_writeback", raw_tracepoint, "wait_on_page_writeback"},
                                     {"mlt_io_schedule_fentry", fentry, "io_schedule"},
                                     {"mlt_io_schedule_fexit", fexit, "io_schedule"}};
constexpr auto kFolioWaitKprobe = kTwins<kFolioWaitFentry>;
constexpr auto kFolioWaitMulti = as_rare_multi(kFolioWaitKprobe);
constexpr auto kPageWaitKprobe = kTwins<kPageWaitFentry>;
constexpr Alternative kPageWaitWays[] = {multi(kFolioWaitMulti, {}, "fault"),
                                         rare({"fentry", kFolioWaitFentry, "", "fault"}),
                                         rare({"fentry", kPageWaitFentry, "", "fault"}),
                                         {"kprobe", kFolioWaitKprobe, "", "fault"},
                                         {"kprobe", kPageWaitKprobe, "", "fault"}};

constexpr Probe kRefaultFentry[] = {{"mlt_refault_fentry", fentry, "workingset_refault"}};
constexpr auto kRefaultKprobe = kTwins<kRefaultFentry>;
constexpr auto kRefaultMulti = as_rare_multi(kRefaultKprobe);
constexpr Alternative kRefaultWays[] = {multi(kRefaultMulti, {}, "fault"),
                                        {"fentry", kRefaultFentry, "", "fault"},
                                        {"kprobe", kRefaultKprobe, "", "fault"}};

constexpr Probe kDirtyFentry[] = {{"mlt_dirty_fentry", fentry, "balance_dirty_pages"},
                                  {"mlt_dirty_fexit", fexit, "balance_dirty_pages"}};
constexpr auto kDirtyKprobe = kTwins<kDirtyFentry>;
constexpr auto kDirtyMulti = as_rare_multi(kDirtyKprobe);
constexpr Alternative kDirtyWays[] = {multi(kDirtyMulti, {}, "fault"),
                                      rare({"fentry", kDirtyFentry, "", "fault"}),
                                      {"kprobe", kDirtyKprobe, "", "fault"}};

constexpr Probe kCompaction[] = {{"mlt_compaction_begin", raw_tracepoint, "mm_compaction_begin"},
                                 {"mlt_compaction_end", raw_tracepoint, "mm_compaction_end"}};
constexpr Alternative kCompactionWays[] = {{"tracepoint", kCompaction, "", "fault"}};

constexpr Probe kOverHighFentry[] = {{"mlt_over_high_fentry", fentry, "__mem_cgroup_handle_over_high"},
                                     {"mlt_over_high_fexit", fexit, "__mem_cgroup_handle_over_high"}};
constexpr Probe kHandleHighFentry[] = {{"mlt_handle_high_fentry", fentry, "mem_cgroup_handle_over_high"},
                                       {"mlt_handle_high_fexit", fexit, "mem_cgroup_handle_over_high"}};
constexpr auto kOverHighKprobe = kTwins<kOverHighFentry>;
constexpr auto kOverHighMulti = as_rare_multi(kOverHighKprobe);
constexpr auto kHandleHighKprobe = kTwins<kHandleHighFentry>;
constexpr Alternative kMemoryHighWays[] = {multi(kOverHighMulti),
                                           rare({"fentry", kOverHighFentry, ""}),
                                           rare({"fentry", kHandleHighFentry, ""}),
                                           {"kprobe", kOverHighKprobe, ""},
                                           {"kprobe", kHandleHighKprobe, ""}};

constexpr Probe kHugePageFentry[] = {{"mlt_huge_page_fentry", fentry, "do_huge_pmd_anonymous_page"}};
constexpr auto kHugePageKprobe = kTwins<kHugePageFentry>;
constexpr auto kHugePageMulti = as_rare_multi(kHugePageKprobe);
// Whether a huge page came of it, the page table tells.
constexpr Alternative kHugePageWays[] = {multi(kHugePageMulti, {}, "cause"),
                                         {"fentry", kHugePageFentry, "", "cause"},
                                         {"kprobe", kHugePageKprobe, "", "cause"}};

// Reclaim mlocks what it meets in a VM_LOCKED mapping: the programs of page_lock see it.
constexpr std::string_view kMetOld = "passes over the active list are not seen on this kernel";
constexpr Alternative kMetWays[] = {
    multi(kLockFolioMulti, {}, "page_lock"),         {"fentry", kLockFolioFentry, "", "page_lock"},
    {"fentry", kLockPageFentry, "", "page_lock"},    {"fentry", kLockOldFentry, kMetOld, "page_lock"},
    {"kprobe", kLockFolioKprobe, "", "page_lock"},   {"kprobe", kLockPageKprobe, "", "page_lock"},
    {"kprobe", kLockOldKprobe, kMetOld, "page_lock"}};

constexpr Probe kOutPageFentry[] = {{"mlt_swap_writepage_fentry", fentry, "swap_writepage"}};
constexpr Probe kOutFolioFentry[] = {{"mlt_swap_writeout_fentry", fentry, "swap_writeout"}};
constexpr Probe kOutPageKprobe[] = {{"mlt_swap_write_kprobe", kprobe, "swap_writepage"}};
constexpr Probe kOutFolioKprobe[] = {{"mlt_swap_write_kprobe", kprobe, "swap_writeout"}};
constexpr auto kOutFolioMulti = as_rare_multi(kOutFolioKprobe);
constexpr Alternative kSwapOutWays[] = {multi(kOutFolioMulti),
                                        {"fentry", kOutFolioFentry, ""},
                                        {"fentry", kOutPageFentry, ""},
                                        {"kprobe", kOutFolioKprobe, ""},
                                        {"kprobe", kOutPageKprobe, ""}};

constexpr Probe kReadPageFentry[] = {{"mlt_swap_readpage_fentry", fentry, "swap_readpage"}};
constexpr Probe kReadFolioFentry[] = {{"mlt_swap_read_folio_fentry", fentry, "swap_read_folio"}};
constexpr Probe kReadPageKprobe[] = {{"mlt_swap_read_kprobe", kprobe, "swap_readpage"}};
constexpr Probe kReadFolioKprobe[] = {{"mlt_swap_read_kprobe", kprobe, "swap_read_folio"}};
constexpr auto kReadFolioMulti = as_rare_multi(kReadFolioKprobe);
// Which of a process's faults read from swap, their cause tells.
constexpr Alternative kSwapReadWays[] = {multi(kReadFolioMulti, {}, "cause"),
                                         {"fentry", kReadFolioFentry, "", "cause"},
                                         {"fentry", kReadPageFentry, "", "cause"},
                                         {"kprobe", kReadFolioKprobe, "", "cause"},
                                         {"kprobe", kReadPageKprobe, "", "cause"}};

// swap_duplicate takes a struct by value: not every kernel has that in fentry programs.
constexpr Probe kCopyDirectFentry[] = {{"mlt_copy_fentry", fentry, "copy_page_range"},
                                       {"mlt_duplicate_direct_fentry", fentry, "swap_dup_entry_direct"},
                                       {"mlt_copy_fexit", fexit, "copy_page_range"}};
constexpr Probe kCopyFentry[] = {{"mlt_copy_fentry", fentry, "copy_page_range"},
                                 {"mlt_duplicate_fentry", fentry, "swap_duplicate"},
                                 {"mlt_copy_fexit", fexit, "copy_page_range"}};
constexpr Probe kCopyMixed[] = {{"mlt_copy_fentry", fentry, "copy_page_range"},
                                {"mlt_duplicate_kprobe", kprobe, "swap_duplicate"},
                                {"mlt_copy_fexit", fexit, "copy_page_range"}};
constexpr Probe kCopyDirectKprobe[] = {{"mlt_copy_kprobe", kprobe, "copy_page_range"},
                                       {"mlt_duplicate_kprobe", kprobe, "swap_dup_entry_direct"},
                                       {"mlt_copy_kretprobe", kretprobe, "copy_page_range"}};
constexpr Probe kCopyKprobe[] = {{"mlt_copy_kprobe", kprobe, "copy_page_range"},
                                 {"mlt_duplicate_kprobe", kprobe, "swap_duplicate"},
                                 {"mlt_copy_kretprobe", kretprobe, "copy_page_range"}};
constexpr auto kCopyDirectMulti = as_rare_multi(kCopyDirectKprobe);
constexpr auto kCopyMulti = as_rare_multi(kCopyKprobe);
constexpr Alternative kSwapForkWays[] = {multi(kCopyDirectMulti),           multi(kCopyMulti),
                                         {"fentry", kCopyDirectFentry, ""}, {"fentry", kCopyFentry, ""},
                                         {"fentry", kCopyMixed, ""},        {"kprobe", kCopyDirectKprobe, ""},
                                         {"kprobe", kCopyKprobe, ""}};

// The functions that free take a struct by value, too: before 6.0 there is but the kprobe.
#define MLT_FREE_WAYS(name, program, any_program, function)                        \
  constexpr Probe name##Fentry[] = {{"mlt_exit_mmap_fentry", fentry, "exit_mmap"}, \
                                    {program "_fentry", fentry, function},         \
                                    {"mlt_exit_mmap_fexit", fexit, "exit_mmap"}};  \
  constexpr Probe name##Kprobe[] = {{"mlt_exit_mmap_kprobe", kprobe, "exit_mmap"}, \
                                    {any_program, kprobe, function},               \
                                    {"mlt_exit_mmap_kretprobe", kretprobe, "exit_mmap"}};
MLT_FREE_WAYS(kFreeOne, "mlt_free_one", "mlt_free_one_kprobe", "free_swap_and_cache")
MLT_FREE_WAYS(kFreeRun, "mlt_free_run", "mlt_free_run_kprobe", "free_swap_and_cache_nr")
MLT_FREE_WAYS(kFreeDirect, "mlt_free_direct", "mlt_free_run_kprobe", "swap_put_entries_direct")
#undef MLT_FREE_WAYS
constexpr auto kFreeRunMulti = as_rare_multi(kFreeRunKprobe);
constexpr auto kFreeDirectMulti = as_rare_multi(kFreeDirectKprobe);
constexpr Probe kFreeMixed[] = {{"mlt_exit_mmap_fentry", fentry, "exit_mmap"},
                                {"mlt_free_one_kprobe", kprobe, "free_swap_and_cache"},
                                {"mlt_exit_mmap_fexit", fexit, "exit_mmap"}};
constexpr Alternative kSwapFreeWays[] = {
    multi(kFreeDirectMulti),           multi(kFreeRunMulti),           {"fentry", kFreeDirectFentry, ""},
    {"fentry", kFreeRunFentry, ""},    {"fentry", kFreeOneFentry, ""}, {"fentry", kFreeMixed, ""},
    {"kprobe", kFreeDirectKprobe, ""}, {"kprobe", kFreeRunKprobe, ""}, {"kprobe", kFreeOneKprobe, ""}};

// --- exec ----------------------------------------------------------------------------------------------------------

constexpr Probe kExecFentry[] = {{"mlt_exec_fentry", fentry, "begin_new_exec"}};
constexpr Probe kExecKprobe[] = {{"mlt_exec_kprobe", kprobe, "begin_new_exec"}};
constexpr auto kExecMulti = as_rare_multi(kExecKprobe);
constexpr Probe kExecTracepoint[] = {{"mlt_exec_tp", tracepoint, "syscalls/sys_enter_execve"},
                                     {"mlt_exec_tp", tracepoint, "syscalls/sys_enter_execveat"}};
constexpr Probe kExecRaw[] = {{"mlt_exec_raw", raw_tracepoint, "sys_enter"}};
constexpr Alternative kExecWays[] = {multi(kExecMulti),
                                     {"fentry", kExecFentry, ""},
                                     {"kprobe", kExecKprobe, ""},
                                     {"tracepoint", kExecTracepoint, ""},
                                     {"raw", kExecRaw, ""}};

// --- the OOM killer -------------------------------------------------------------------------------------------------

constexpr Probe kOomFentry[] = {{"mlt_oom_fentry", fentry, "out_of_memory"},
                                {"mlt_oom_fexit", fexit, "out_of_memory"},
                                {"mlt_oom_signal", raw_tracepoint, "signal_generate"}};
constexpr auto kOomKprobe = kTwins<kOomFentry>;
constexpr auto kOomMulti = as_rare_multi(kOomKprobe);
constexpr Alternative kOomWays[] = {multi(kOomMulti), rare({"fentry", kOomFentry, ""}), {"kprobe", kOomKprobe, ""}};

// --- faults and accesses that fail ----------------------------------------------------------------------------------

// Rare functions all of them, but for the one that serves where tmpfs has no huge pages. That of ext4 may be in a
// module, where fentry programs go on newer kernels only.
constexpr Probe kRaised{"mlt_error_signal", raw_tracepoint, "signal_generate"};
constexpr Probe kHugeCharge{"mlt_huge_charge_fexit", fexit, "hugetlb_cgroup_charge_cgroup"};
constexpr Probe kQuota{"mlt_quota_fexit", fexit, "__dquot_alloc_space"};
constexpr Probe kExt4Full{"mlt_ext4_full_kprobe", kprobe, "ext4_should_retry_alloc"};
constexpr Probe kShmemFull{"mlt_shmem_full_fentry", fentry, "shmem_unused_huge_shrink"};
constexpr Probe kShmemBlocks{"mlt_shmem_blocks_fexit", fexit, "shmem_inode_acct_blocks"};
constexpr Probe kRefusedFentry[] = {kHugeCharge, kQuota, kShmemFull, kExt4Full, kRaised};
constexpr Probe kSmallFentry[] = {kHugeCharge, kQuota, kShmemBlocks, kExt4Full, kRaised};
constexpr Probe kExt4Fentry[] = {kHugeCharge, kQuota, kExt4Full, kRaised};
constexpr Probe kTmpfsFentry[] = {kHugeCharge, kQuota, kShmemFull, kRaised};
constexpr auto kRefusedKprobe = kTwins<kRefusedFentry>;
constexpr auto kSmallKprobe = kTwins<kSmallFentry>;
constexpr auto kExt4Kprobe = kTwins<kExt4Fentry>;
constexpr auto kTmpfsKprobe = kTwins<kTmpfsFentry>;
constexpr auto kRefusedMulti = as_rare_multi(kRefusedKprobe);
constexpr auto kSmallMulti = as_rare_multi(kSmallKprobe);
constexpr auto kTmpfsMulti = as_rare_multi(kTmpfsKprobe);
constexpr Probe kRaisedOnly[] = {kRaised};
constexpr std::string_view kExt4Only = "whether a file system was full is seen of ext4 only";
constexpr std::string_view kTmpfsOnly = "whether a file system was full is seen of tmpfs only";
constexpr Alternative kErrorWays[] = {
    multi(kRefusedMulti),
    {"fentry", kRefusedFentry, ""},
    {"kprobe", kRefusedKprobe, ""},
    multi(kSmallMulti),
    {"fentry", kSmallFentry, ""},
    {"kprobe", kSmallKprobe, ""},
    {"fentry", kExt4Fentry, kExt4Only},
    {"kprobe", kExt4Kprobe, kExt4Only},
    multi(kTmpfsMulti, kTmpfsOnly),
    {"fentry", kTmpfsFentry, kTmpfsOnly},
    {"kprobe", kTmpfsKprobe, kTmpfsOnly},
    {"tracepoint", kRaisedOnly, "why a file system, a quota or a cgroup refused a page is not seen"},
};

// --- others that RLIMIT_MEMLOCK refuses ------------------------------------------------------------------------------

// perf_mmap can't be hooked where the kernel's perf is built without the calls that ftrace needs, as up to 5.10; and
// the function of io_uring is a part of its callers there.
constexpr Probe kLimitUring{"mlt_limit_uring_fexit", fexit, "__io_account_mem"};
constexpr Probe kLimitPerf{"mlt_limit_perf_fexit", fexit, "perf_mmap"};
constexpr Probe kLimitFentry[] = {kLimitUring, kLimitPerf};
// Maps come before programs, and are most of what is charged.
constexpr Probe kLimitBpfFentry[] = {{"mlt_limit_map_fexit", fexit, "bpf_map_charge_init"}};
constexpr Probe kLimitAccount{"mlt_limit_account_kprobe", kprobe, "io_account_mem"};
constexpr Probe kLimitAccounted{"mlt_limit_account_kretprobe", kretprobe, "io_account_mem"};
constexpr Probe kLimitPages{"mlt_limit_pages_kprobe", kprobe, "__io_account_mem"};
constexpr Probe kLimitUringEnd{"mlt_limit_uring_kretprobe", kretprobe, "__io_account_mem"};
constexpr Probe kLimitArea{"mlt_limit_area_kprobe", kprobe, "perf_mmap"};
constexpr Probe kLimitPerfEnd{"mlt_limit_perf_kretprobe", kretprobe, "perf_mmap"};
// Its arguments differ from one kernel to the next: kprobes, for types are not asked.
constexpr Probe kLimitAccountFentry[] = {kLimitUring, kLimitAccount, kLimitAccounted, kLimitPerf};
constexpr Probe kLimitAccountKprobe[] = {kLimitAccount,   kLimitPages, kLimitUringEnd,
                                         kLimitAccounted, kLimitArea,  kLimitPerfEnd};
constexpr Probe kLimitKprobe[] = {kLimitPages, kLimitUringEnd, kLimitArea, kLimitPerfEnd};
constexpr Probe kLimitBpfKprobe[] = {{"mlt_limit_bytes_kprobe", kprobe, "bpf_map_charge_init"},
                                     {"mlt_limit_bpf_kretprobe", kretprobe, "bpf_map_charge_init"}};
constexpr std::string_view kBpfOnly = "of io_uring and perf it is not seen on this kernel; bpf: its maps only";
constexpr auto kLimitAccountMulti = as_rare_multi(kLimitAccountKprobe);
constexpr auto kLimitMulti = as_rare_multi(kLimitKprobe);
constexpr Probe kLimitUringOnly[] = {kLimitUring};
constexpr Probe kLimitPerfOnly[] = {kLimitPerf};
constexpr Alternative kLimitWays[] = {
    multi(kLimitAccountMulti),
    {"fentry", kLimitAccountFentry, ""},
    {"kprobe", kLimitAccountKprobe, ""},
    multi(kLimitMulti),
    {"fentry", kLimitFentry, ""},
    {"kprobe", kLimitKprobe, ""},
    {"fentry", kLimitBpfFentry, kBpfOnly},
    {"kprobe", kLimitBpfKprobe, kBpfOnly},
    {"fentry", kLimitUringOnly, "of perf it is not seen on this kernel"},
    {"fentry", kLimitPerfOnly, "of io_uring, if this kernel has it, it is not seen"},
};

// --- acts of others -------------------------------------------------------------------------------------------------

constexpr Probe kAccess{"mlt_access_fentry", fentry, "security_ptrace_access_check"};
constexpr Probe kDebugger{"mlt_arch_ptrace_fentry", fentry, "arch_ptrace"};
constexpr Probe kTaken{"mlt_reclaim_pages_fexit", fexit, "reclaim_pages"};
constexpr Probe kUserfaultfd{"mlt_userfaultfd_fentry", fentry, "userfaultfd_ioctl"};
constexpr Probe kPagemap{"mlt_pagemap_fentry", fentry, "do_pagemap_cmd"};
constexpr Probe kMigrate{"mlt_migrate_kprobe", kprobe, "migrate_pages"};
constexpr Probe kClearRefs{"mlt_clear_refs_fentry", fentry, "clear_refs_write"};

constexpr Probe kOthersFentry[] = {kAccess, kDebugger, kTaken, kUserfaultfd, kPagemap, kMigrate, kClearRefs};
constexpr Probe kOthersOldFentry[] = {kAccess, kDebugger, kTaken, kUserfaultfd, kMigrate, kClearRefs};
constexpr Probe kOthersFewFentry[] = {kAccess, kTaken, kClearRefs};
constexpr auto kOthersKprobe = kTwins<kOthersFentry>;
constexpr auto kOthersOldKprobe = kTwins<kOthersOldFentry>;
constexpr auto kOthersFewKprobe = kTwins<kOthersFewFentry>;
constexpr auto kOthersMulti = as_rare_multi(kOthersKprobe);
constexpr std::string_view kFewOthers = "of what others do, debuggers, userfaultfd and moved pages are not seen here";
constexpr Alternative kOthersWays[] = {multi(kOthersMulti),
                                       {"fentry", kOthersFentry, ""},
                                       {"fentry", kOthersOldFentry, ""},
                                       {"kprobe", kOthersKprobe, ""},
                                       {"kprobe", kOthersOldKprobe, ""},
                                       {"fentry", kOthersFewFentry, kFewOthers},
                                       {"kprobe", kOthersFewKprobe, kFewOthers}};

constexpr Probe kMachineFentry[] = {{"mlt_swapoff_fexit", fexit, MLT_SYSCALL_PREFIX "swapoff"},
                                    {"mlt_drop_caches_sysctl_handler_fentry", fentry, "drop_caches_sysctl_handler"},
                                    {"mlt_sysctl_compaction_handler_fentry", fentry, "sysctl_compaction_handler"},
                                    {"mlt_memory_high_write_fentry", fentry, "memory_high_write"},
                                    {"mlt_memory_max_write_fentry", fentry, "memory_max_write"},
                                    {"mlt_memory_reclaim_fentry", fentry, "memory_reclaim"}};
// One kprobe program serves all the functions that files are written by.
template <const auto& Probes>
constexpr auto with_one_for_files() {
  auto probes = kTwins<Probes>;
  for (Probe& probe : probes) {
    if (probe.hook == kprobe) probe.program = "mlt_file_written_kprobe";
  }
  return probes;
}
constexpr auto kMachineKprobe = with_one_for_files<kMachineFentry>();
constexpr auto kMachineMulti = as_rare_multi(kMachineKprobe);
// memory.reclaim came with 5.19.
template <typename Probes>
constexpr auto without_last(const Probes& probes) {
  return std::span(probes).first(std::size(probes) - 1);
}
constexpr Probe kCachesFentry[] = {{"mlt_drop_caches_sysctl_handler_fentry", fentry, "drop_caches_sysctl_handler"}};
constexpr auto kCachesKprobe = with_one_for_files<kCachesFentry>();
constexpr auto kCachesMulti = as_rare_multi(kCachesKprobe);
constexpr std::string_view kCachesOnly = "only what drops the page cache is seen here";
constexpr Alternative kMachineWays[] = {multi(kMachineMulti),
                                        {"fentry", kMachineFentry, ""},
                                        {"fentry", without_last(kMachineFentry), ""},
                                        {"kprobe", kMachineKprobe, ""},
                                        {"kprobe", without_last(kMachineKprobe), ""},
                                        multi(kCachesMulti, kCachesOnly),
                                        {"fentry", kCachesFentry, kCachesOnly},
                                        {"kprobe", kCachesKprobe, kCachesOnly}};

constexpr Signal kSignals[] = {
    {"process", "fork, exec and exit of traced processes; needed by everything else", kProcessWays, true, true},
    {"fault", "completed page faults by origin, lock state, minor and major, with latency", kFaultWays, false, true},
    {"fault_entry", "the clock of a fault starts at the exception, so lock waits are part of its latency",
     kFaultEntryWays, false, true},
    {"cause", "why each fault happened, from the page table; page migration by the wait for it", kCauseWays, false,
     true},
    {"vma_lock", "faults that needed mmap_lock, because they did not get or gave up the lock of their VMA",
     kVmaLockWays, false, true},
    {"lock_call",
     "mlock, mlock2, munlock, mlockall, munlockall; mapping calls under MAP_LOCKED or MCL_FUTURE; madvise that a lock "
     "refuses",
     kCallWays},
    {"filtered_call", "the same calls where a seccomp filter answers them and the kernel never sees them", kSeccompWays,
     false, false, true},
    {"populate", "pages made present by a call: how many, how long, which call", kPopulateWays},
    {"lock_wait", "waits for mmap_lock, in page faults and in calls, and for which call", kWaitWays},
    {"page_lock", "pages that became mlocked", kPageLockWays},
    {"page_unlock", "pages that were munlocked", kPageUnlockWays},
    {"unevictable", "pages moved to the unevictable LRU list", kUnevictableWays},
    {"rescue", "pages moved back from the unevictable LRU list", kRescueWays},
    {"vma_split", "mappings split in two, with the call that did it", kSplitWays},
    {"vma_merge", "mappings merged, with the call that did it", kMergeWays},
    {"oom_kill", "whom the OOM killer ends, and for whose limit", kOomWays},
    {"fault_error", "why faults and accesses fail, and the signals that tell of it", kErrorWays},
    {"limit_of_others", "what RLIMIT_MEMLOCK refuses to io_uring, to buffers of perf and, up to Linux 5.10, to bpf",
     kLimitWays},
    {"exec", "what an execve unlocks: the locked size before it", kExecWays},
    {"reclaim", "reclaim that a process had to do itself, and how much of it inside faults and lock calls",
     kReclaimWays},
    {"userfault", "faults that wait for userfaultfd, in each of its modes", kUserfaultWays},
    {"page_wait", "faults that wait for I/O, or for a page: until it is read, written back, or unlocked",
     kPageWaitWays},
    {"refault", "pages that faults read again, having been evicted not long ago", kRefaultWays},
    {"dirty_wait", "faults that make pages dirty faster than they can be written, and are held up for it", kDirtyWays},
    {"compaction", "faults that move pages out of the way before they get a huge one", kCompactionWays},
    {"memory_high", "sleeps for being over memory.high, in faults and after them", kMemoryHighWays},
    {"huge_page", "faults that allocate and clear a huge page", kHugePageWays},
    {"reclaim_met", "locked pages that reclaim met, and those that it made unevictable", kMetWays},
    {"swap_out", "pages written to swap, and by whom", kSwapOutWays},
    {"swap_readahead", "pages that swap-in faults read ahead", kSwapReadWays},
    {"swap_fork", "swap entries that fork copies, with the time it takes", kSwapForkWays},
    {"swap_free", "swap entries given up, with the time that exit takes", kSwapFreeWays},
    {"acts_of_others",
     "who takes pages of traced processes out of memory, protects, moves, writes or supplies them: process_madvise, "
     "clear_refs, move_pages, debuggers, userfaultfd",
     kOthersWays},
    {"acts_on_machine",
     "who drops the page cache, compacts memory, takes away swap, sets limits of memory cgroups or reclaims from them",
     kMachineWays},
};

}  // namespace

const Twin* twin_of(std::string_view program) {
  static constexpr Twin kTwins[] = {
      {"mlt_process_free", "mlt_process_free_settling", Twin::When::settles},
      {"mlt_find_threads", "mlt_find_threads_settling", Twin::When::settles},
      {"mlt_error_signal", "mlt_error_signal_settling", Twin::When::settles},
      {"mlt_fault_kprobe", "mlt_fault_kprobe_typed", Twin::When::knows_types},
      {"mlt_process_fork", "mlt_process_fork_again", Twin::When::preemptible, true},
  };
  const auto* found = std::ranges::find(kTwins, program, &Twin::program);
  return found == std::end(kTwins) ? nullptr : found;
}

std::string_view hook_name(Hook hook) {
  switch (hook) {
    case fentry: return "fentry";
    case fexit: return "fexit";
    case kprobe: return "kprobe";
    case kretprobe: return "kretprobe";
    case multi_entry: return "kprobe.multi";
    case multi_return: return "kretprobe.multi";
    case tracepoint: return "tracepoint";
    case raw_tracepoint: return "raw_tp";
    case iterator: return "iter";
    case perf_minor:
    case perf_major: return "perf";
  }
  return "?";
}

std::string_view hook_kind(Hook hook) {
  switch (hook) {
    case fentry:
    case fexit: return "fentry";
    case kprobe:
    case kretprobe: return "kprobe";
    case multi_entry:
    case multi_return: return "multi";
    case tracepoint: return "tracepoint";
    case raw_tracepoint: return "raw_tp";
    case iterator: return "iter";
    case perf_minor:
    case perf_major: return "perf";
  }
  return "?";
}

bool Alternative::uses(std::string_view hooks) const {
  return std::ranges::any_of(probes, [&](const Probe& probe) { return hook_kind(probe.hook) == hooks; });
}

std::string Alternative::via() const {
  const Probe& last = probes.back();
  std::string text{hook_name(last.hook)};
  return text.append(":").append(last.target);
}

std::span<const Signal> all_signals() { return kSignals; }

const Signal* find_signal(std::string_view name) {
  const auto* found = std::ranges::find(kSignals, name, &Signal::name);
  return found == std::end(kSignals) ? nullptr : found;
}

}  // namespace mlt
