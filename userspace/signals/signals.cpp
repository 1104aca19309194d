#include "signals/signals.h"

#include <algorithm>
#include <array>

namespace mlt {

namespace {

using enum Hook;

constexpr std::string_view kKretprobeLoss =
    "a kretprobe loses calls when more threads sleep in the function at once than it has room for; losses are counted";

// The same kprobe programs, attached as kprobe.multi: handlers run with preemption disabled.
template <std::size_t N>
constexpr std::array<Probe, N> as_multi(const Probe (&probes)[N]) {
  std::array<Probe, N> multi{};
  for (std::size_t i = 0; i < N; ++i) {
    multi[i] = probes[i];
    if (probes[i].hook == kprobe) multi[i].hook = multi_entry;
    if (probes[i].hook == kretprobe) multi[i].hook = multi_return;
  }
  return multi;
}

constexpr Alternative multi(std::span<const Probe> probes, std::string_view limits = {},
                            std::string_view needs_signal = {}) {
  return {"multi", probes, limits, needs_signal, {}, true};
}

// --- process -------------------------------------------------------------------------------------------------------

constexpr Probe kProcess[] = {{"mlt_process_fork", raw_tracepoint, "sched_process_fork"},
                              {"mlt_process_exec", raw_tracepoint, "sched_process_exec"},
                              {"mlt_process_exit", raw_tracepoint, "sched_process_exit"},
                              {"mlt_process_free", raw_tracepoint, "sched_process_free"}};
constexpr Alternative kProcessWays[] = {{"tracepoint", kProcess, ""}};

// --- fault ---------------------------------------------------------------------------------------------------------

constexpr Probe kFaultFentry[] = {{"mlt_fault_enter", fentry, "handle_mm_fault"},
                                  {"mlt_fault_exit", fexit, "handle_mm_fault"}};
constexpr Probe kFaultKprobe[] = {{"mlt_fault_kprobe", kprobe, "handle_mm_fault"},
                                  {"mlt_fault_kretprobe", kretprobe, "handle_mm_fault"}};
constexpr auto kFaultMulti = as_multi(kFaultKprobe);
constexpr Probe kFaultPerf[] = {{"mlt_software_minor", perf_minor, "minor-faults"},
                                {"mlt_software_major", perf_major, "major-faults"}};
constexpr Alternative kFaultWays[] = {
    multi(kFaultMulti),
    {"fentry", kFaultFentry, ""},
    {"kprobe", kFaultKprobe, kKretprobeLoss},
    {"perf",
     kFaultPerf,
     "no function can be hooked here: populate and remote faults, errors, retries and the lock state of the mapping "
     "are not seen",
     {},
     {},
     false,
     true},
};

constexpr Probe kFaultEntry[] = {{"mlt_exception_user", raw_tracepoint, "page_fault_user"},
                                 {"mlt_exception_kernel", raw_tracepoint, "page_fault_kernel"}};
constexpr Alternative kFaultEntryWays[] = {{"tracepoint", kFaultEntry, ""}};

// --- lock calls and populate ---------------------------------------------------------------------------------------

#define MLT_CALLS(X) X(mlock) X(mlock2) X(munlock) X(mlockall) X(munlockall) X(mmap) X(brk) X(mremap) X(mprotect)
#define MLT_FENTRY(name) \
  Probe{"mlt_" #name "_fentry", fentry, "__x64_sys_" #name}, Probe{"mlt_" #name "_fexit", fexit, "__x64_sys_" #name},
#define MLT_KPROBE(name) \
  Probe{"mlt_call_kprobe", kprobe, "__x64_sys_" #name}, Probe{"mlt_call_kretprobe", kretprobe, "__x64_sys_" #name},
#define MLT_TRACEPOINT(name)                                           \
  Probe{"mlt_call_tp_enter", tracepoint, "syscalls/sys_enter_" #name}, \
      Probe{"mlt_call_tp_exit", tracepoint, "syscalls/sys_exit_" #name},

constexpr Probe kCallFentry[] = {MLT_CALLS(MLT_FENTRY)};
constexpr Probe kCallKprobe[] = {MLT_CALLS(MLT_KPROBE)};
constexpr auto kCallMulti = as_multi(kCallKprobe);
constexpr Probe kCallTracepoint[] = {MLT_CALLS(MLT_TRACEPOINT)};
constexpr Probe kCallRaw[] = {{"mlt_raw_enter", raw_tracepoint, "sys_enter"},
                              {"mlt_raw_exit", raw_tracepoint, "sys_exit"}};
constexpr std::string_view k32Bit = "calls of 32-bit programs are not seen";
constexpr Alternative kCallWays[] = {
    multi(kCallMulti, k32Bit),
    {"fentry", kCallFentry, k32Bit},
    {"kprobe", kCallKprobe, "calls of 32-bit programs are not seen; kretprobes may lose calls under load"},
    {"tracepoint", kCallTracepoint, k32Bit},
    {"raw", kCallRaw, k32Bit},
};

constexpr Probe kPopulateFentry[] = {{"mlt_populate_fentry", fentry, "__mm_populate"},
                                     {"mlt_range_fentry", fentry, "populate_vma_page_range"},
                                     {"mlt_range_fexit", fexit, "populate_vma_page_range"},
                                     {"mlt_populate_fexit", fexit, "__mm_populate"}};
constexpr Probe kPopulateKprobe[] = {{"mlt_populate_kprobe", kprobe, "__mm_populate"},
                                     {"mlt_range_kprobe", kprobe, "populate_vma_page_range"},
                                     {"mlt_range_kretprobe", kretprobe, "populate_vma_page_range"},
                                     {"mlt_populate_kretprobe", kretprobe, "__mm_populate"}};
constexpr auto kPopulateMulti = as_multi(kPopulateKprobe);
constexpr Alternative kPopulateWays[] = {
    multi(kPopulateMulti), {"fentry", kPopulateFentry, ""}, {"kprobe", kPopulateKprobe, kKretprobeLoss}};

// --- pages and the unevictable LRU list ----------------------------------------------------------------------------

constexpr Probe kLockFolioFentry[] = {{"mlt_new_folio_fentry", fentry, "mlock_new_folio"},
                                      {"mlt_folio_fentry", fentry, "mlock_folio"}};
constexpr Probe kLockPageFentry[] = {{"mlt_new_page_fentry", fentry, "mlock_new_page"},
                                     {"mlt_folio_fentry", fentry, "mlock_folio"}};
constexpr Probe kLockOldFentry[] = {{"mlt_vma_page_fentry", fentry, "mlock_vma_page"},
                                    {"mlt_page_added_fentry", fentry, "lru_cache_add_inactive_or_unevictable"}};
constexpr Probe kLockFolioKprobe[] = {{"mlt_new_folio_kprobe", kprobe, "mlock_new_folio"},
                                      {"mlt_folio_kprobe", kprobe, "mlock_folio"}};
constexpr auto kLockFolioMulti = as_multi(kLockFolioKprobe);
constexpr Probe kLockPageKprobe[] = {{"mlt_new_page_kprobe", kprobe, "mlock_new_page"},
                                     {"mlt_folio_kprobe", kprobe, "mlock_folio"}};
constexpr Probe kLockOldKprobe[] = {{"mlt_vma_page_kprobe", kprobe, "mlock_vma_page"},
                                    {"mlt_page_added_kprobe", kprobe, "lru_cache_add_inactive_or_unevictable"}};
constexpr Alternative kPageLockWays[] = {multi(kLockFolioMulti),           {"fentry", kLockFolioFentry, ""},
                                         {"fentry", kLockPageFentry, ""},  {"fentry", kLockOldFentry, ""},
                                         {"kprobe", kLockFolioKprobe, ""}, {"kprobe", kLockPageKprobe, ""},
                                         {"kprobe", kLockOldKprobe, ""}};

constexpr Probe kUnlockFolioFentry[] = {{"mlt_unlock_folio_fentry", fentry, "munlock_folio"}};
constexpr Probe kUnlockPageFentry[] = {{"mlt_unlock_page_fentry", fentry, "munlock_page"}};
constexpr Probe kUnlockOldFentry[] = {{"mlt_unlock_pagevec_fentry", fentry, "__munlock_pagevec"},
                                      {"mlt_unlock_vma_page_fentry", fentry, "munlock_vma_page"},
                                      {"mlt_clear_page_fentry", fentry, "clear_page_mlock"}};
constexpr Probe kUnlockFolioKprobe[] = {{"mlt_unlock_folio_kprobe", kprobe, "munlock_folio"}};
constexpr auto kUnlockFolioMulti = as_multi(kUnlockFolioKprobe);
constexpr Probe kUnlockPageKprobe[] = {{"mlt_unlock_page_kprobe", kprobe, "munlock_page"}};
constexpr Probe kUnlockOldKprobe[] = {{"mlt_unlock_pagevec_kprobe", kprobe, "__munlock_pagevec"},
                                      {"mlt_unlock_vma_page_kprobe", kprobe, "munlock_vma_page"},
                                      {"mlt_clear_page_kprobe", kprobe, "clear_page_mlock"}};
constexpr std::string_view kOldUnlock =
    "this kernel unlocks a page first and locks it again when another mapping still holds it: still_locked_elsewhere "
    "cannot be told";
constexpr Alternative kPageUnlockWays[] = {multi(kUnlockFolioMulti),
                                           {"fentry", kUnlockFolioFentry, ""},
                                           {"fentry", kUnlockPageFentry, ""},
                                           {"fentry", kUnlockOldFentry, kOldUnlock},
                                           {"kprobe", kUnlockFolioKprobe, ""},
                                           {"kprobe", kUnlockPageKprobe, ""},
                                           {"kprobe", kUnlockOldKprobe, kOldUnlock}};

constexpr Probe kMoveFolioFentry[] = {{"mlt_flush_folios_fentry", fentry, "mlock_folio_batch"},
                                      {"mlt_lru_insertion", raw_tracepoint, "mm_lru_insertion"}};
constexpr Probe kMovePageFentry[] = {{"mlt_flush_pages_fentry", fentry, "mlock_pagevec"},
                                     {"mlt_lru_insertion", raw_tracepoint, "mm_lru_insertion"}};
constexpr Probe kMoveFolioKprobe[] = {{"mlt_flush_folios_kprobe", kprobe, "mlock_folio_batch"},
                                      {"mlt_lru_insertion", raw_tracepoint, "mm_lru_insertion"}};
constexpr auto kMoveFolioMulti = as_multi(kMoveFolioKprobe);
constexpr Probe kMovePageKprobe[] = {{"mlt_flush_pages_kprobe", kprobe, "mlock_pagevec"},
                                     {"mlt_lru_insertion", raw_tracepoint, "mm_lru_insertion"}};
constexpr Probe kMoveOld[] = {{"mlt_lru_insertion_old", raw_tracepoint, "mm_lru_insertion"}};
constexpr Probe kMoveCurrent[] = {{"mlt_lru_insertion_current", raw_tracepoint, "mm_lru_insertion"}};
constexpr Alternative kUnevictableWays[] = {
    multi(kMoveFolioMulti, {}, "page_lock"),
    {"fentry", kMoveFolioFentry, "", "page_lock"},
    {"fentry", kMovePageFentry, "", "page_lock"},
    {"kprobe", kMoveFolioKprobe, "", "page_lock"},
    {"kprobe", kMovePageKprobe, "", "page_lock"},
    {"insertion", kMoveOld, "", "page_lock", "mlock_vma_page"},
    {"tracepoint",
     kMoveCurrent,
     "only insertions that a traced process does itself; from Linux 5.18 on mlock moves pages without one",
     {},
     {},
     false,
     true},
};
constexpr Alternative kRescueWays[] = {
    multi(kMoveFolioMulti, {}, "page_unlock"),      {"fentry", kMoveFolioFentry, "", "page_unlock"},
    {"fentry", kMovePageFentry, "", "page_unlock"}, {"kprobe", kMoveFolioKprobe, "", "page_unlock"},
    {"kprobe", kMovePageKprobe, "", "page_unlock"}, {"insertion", kMoveOld, "", "page_unlock", "mlock_vma_page"}};

// --- VMAs ----------------------------------------------------------------------------------------------------------

constexpr Probe kSplitFentry[] = {{"mlt_split_fentry", fentry, "__split_vma"},
                                  {"mlt_split_fexit", fexit, "__split_vma"}};
constexpr Probe kSplitKprobe[] = {{"mlt_split_kprobe", kprobe, "__split_vma"},
                                  {"mlt_split_kretprobe", kretprobe, "__split_vma"}};
constexpr auto kSplitMulti = as_multi(kSplitKprobe);
constexpr Alternative kSplitWays[] = {
    multi(kSplitMulti), {"fentry", kSplitFentry, ""}, {"kprobe", kSplitKprobe, kKretprobeLoss}};

constexpr Probe kMergeCommit[] = {{"mlt_commit_merge_fexit", fexit, "commit_merge"}};
// 6.3 to 6.11. Up to 6.2 vma_expand exists too, but is notrace, and __vma_adjust sees every merge; vma_shrink came
// after.
constexpr Probe kMergeExpand[] = {{"mlt_vma_merge_kretprobe", kretprobe, "vma_merge"},
                                  {"mlt_vma_expand_fexit", fexit, "vma_expand"}};
constexpr Probe kMergeAdjust[] = {{"mlt_vma_adjust_fexit", fexit, "__vma_adjust"}};
constexpr Probe kMergeCommitKprobe[] = {{"mlt_commit_merge_kprobe", kprobe, "commit_merge"},
                                        {"mlt_commit_merge_kretprobe", kretprobe, "commit_merge"}};
constexpr auto kMergeCommitMulti = as_multi(kMergeCommitKprobe);
constexpr Probe kMergeAdjustKprobe[] = {{"mlt_vma_adjust_kprobe", kprobe, "__vma_adjust"},
                                        {"mlt_vma_adjust_kretprobe", kretprobe, "__vma_adjust"}};
constexpr Probe kMergeOnly[] = {{"mlt_vma_merge_kretprobe", kretprobe, "vma_merge"}};
constexpr std::string_view kInPlace = "a mapping that mmap or brk grows in place may not be seen on this kernel";
constexpr Alternative kMergeWays[] = {
    multi(kMergeCommitMulti),
    {"fentry", kMergeCommit, ""},
    {"fentry", kMergeExpand, {}, {}, "vma_shrink"},
    {"fentry", kMergeAdjust, kInPlace},
    {"kprobe", kMergeCommitKprobe, kKretprobeLoss},
    {"kprobe", kMergeAdjustKprobe, kInPlace},
    {"kprobe", kMergeOnly, kInPlace},
};

constexpr Signal kSignals[] = {
    {"process", "fork, exec and exit of traced processes; needed by everything else", kProcessWays, true},
    {"fault", "completed page faults by origin, lock state, minor and major, with latency", kFaultWays},
    {"fault_entry", "the clock of a fault starts at the exception, so lock waits are part of its latency",
     kFaultEntryWays},
    {"lock_call", "mlock, mlock2, munlock, mlockall, munlockall; mapping calls under MAP_LOCKED or MCL_FUTURE",
     kCallWays},
    {"populate", "pages made present by a call: how many, how long, which call", kPopulateWays},
    {"page_lock", "pages that became mlocked", kPageLockWays},
    {"page_unlock", "pages that were munlocked", kPageUnlockWays},
    {"unevictable", "pages moved to the unevictable LRU list", kUnevictableWays},
    {"rescue", "pages moved back from the unevictable LRU list", kRescueWays},
    {"vma_split", "mappings split in two, with the call that did it", kSplitWays},
    {"vma_merge", "mappings merged, with the call that did it", kMergeWays},
};

}  // namespace

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
    case perf_minor:
    case perf_major: return "perf";
  }
  return "?";
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
