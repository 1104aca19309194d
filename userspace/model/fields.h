// The table of fields: a figure is a line here. See field.h.
//
// Keys are added, never renamed or given another meaning; one that is added is `.since(…)` the version that brings it.
#pragma once

#include "model/field.h"
#include "model/names.h"
#include "model/timeline.h"

namespace mlt::model {

using Origin = Word<origin_name, MLT_ORIGIN_NR>;
using LockState = Word<lock_state_name, MLT_LOCK_STATE_NR>;
using Cause = Word<cause_name, MLT_CAUSE_NR>;
using enum Unit;

// ---- Faults

template <>
struct Fields<FaultTotals> {
  static constexpr std::string_view name = "fault_totals";
  static constexpr std::string_view meaning =
      "Faults of one origin. time_ns is the time spent in them; untimed ones began before the trace, or a probe was "
      "skipped: part of minor or major, not of the latency.";
  static constexpr auto list =
      std::tuple{field("minor", &FaultTotals::minor),
                 field("major", &FaultTotals::major),
                 field("errors", &FaultTotals::errors),
                 field("retries", &FaultTotals::retries),
                 field("untimed", &FaultTotals::untimed),
                 field("time_ns", [](const FaultTotals& totals) { return totals.latency.sum(); }).unit(nanoseconds),
                 field("latency", &FaultTotals::latency)};
};

template <>
struct Fields<FaultClass> {
  static constexpr std::string_view name = "fault_class";
  static constexpr auto list =
      std::tuple{field<Cause>("cause", &FaultClass::cause, "\"unknown\": not determined.").since("0.1"),
                 field<Origin>("origin", &FaultClass::origin),
                 field<LockState>("locked", &FaultClass::locked,
                                  "VM_LOCKED of the VMA at the fault; null: the attached probes can't see it.")};
};

template <>
struct Fields<ClassFaults> {
  static constexpr std::string_view name = "class_faults";
  static constexpr auto list = std::tuple{inlined(&ClassFaults::fault_class), inlined(&ClassFaults::totals)};
};

template <>
struct Fields<ThreadFaults> {
  static constexpr std::string_view name = "thread_faults";
  static constexpr auto list =
      std::tuple{field<NullIfZero>("tid", &ThreadFaults::tid, "null: threads that could not be told apart."),
                 inlined(&ThreadFaults::totals)};
};

template <>
struct Fields<VmaFaults> {
  static constexpr std::string_view name = "vma_faults";
  static constexpr auto known = [](const VmaFaults& faults) { return !faults.name.empty(); };
  static constexpr auto list = std::tuple{
      field("start", &VmaFaults::start).where(known).unit(address),
      field("end", &VmaFaults::end).where(known).unit(address),
      field<NullIfEmpty>("name", &VmaFaults::name,
                         "As /proc/PID/maps has it, or \"anonymous\"; null: faults that no mapping is known of."),
      field("offset", &VmaFaults::offset, "In the file.").where(known).unit(bytes),
      field<NullIfEmpty>("permissions", &VmaFaults::permissions, "\"rw-p\""),
      field<LockState>("locked", &VmaFaults::locked,
                       "VM_LOCKED of the VMA at the faults: parts that differ in it are entries of their own."),
      field("shm_locked", &VmaFaults::shm_locked,
            "A System V segment that was under SHM_LOCK when a fault met it first: that keeps pages, and makes none "
            "present. null: not looked for.")
          .since("0.2"),
      field<Cause>("cause", &VmaFaults::cause, "Of most of the faults."),
      field("minor", &VmaFaults::minor),
      field("major", &VmaFaults::major),
      field("errors", &VmaFaults::errors),
      field("time_ns", &VmaFaults::time_ns).unit(nanoseconds),
      field("max_ns", &VmaFaults::max_ns).unit(nanoseconds)};
};

template <>
struct Fields<Frame> {
  static constexpr std::string_view name = "frame";
  static constexpr auto list =
      std::tuple{field<NullIfEmpty>("function", &Frame::function, "null: not known."),
                 field<NullIfEmpty>("module", &Frame::module,
                                    "Path of the program or library; \"[kernel]\" or \"[MODULE]\" for kernel code."),
                 field<Hexadecimal>("address", &Frame::address, "A number may not hold it."),
                 field("offset", &Frame::offset, "In the function, or in the module without one.").unit(bytes)};
};

template <>
struct Fields<StackFaults> {
  static constexpr std::string_view name = "stack_faults";
  static constexpr auto list = std::tuple{field("kernel", &StackFaults::kernel, "Innermost first."),
                                          field("user", &StackFaults::user, "Innermost first."),
                                          field<Origin>("origin", &StackFaults::origin),
                                          field<Cause>("cause", &StackFaults::cause, "Of most of the faults."),
                                          field("faults", &StackFaults::faults),
                                          field("time_ns", &StackFaults::time_ns).unit(nanoseconds)};
};

using ErrorReason = Word<error_reason_name, MLT_ERROR_NR>;

template <>
struct Fields<FailedAt> {
  static constexpr std::string_view name = "failed_at";
  static constexpr auto known = [](const FailedAt& at) { return at.end != 0; };
  static constexpr auto list = std::tuple{
      field("address", &FailedAt::address, "null: not known.")
          .where([](const FailedAt& at) { return at.address != 0; })
          .unit(address),
      field("start", &FailedAt::start, "Of the mapping; of the hole where nothing is mapped.")
          .where(known)
          .unit(address),
      field("end", &FailedAt::end).where(known).unit(address),
      field<NullIfEmpty>("name", &FailedAt::name,
                         "As /proc/PID/maps has it, or \"anonymous\"; null: nothing is mapped there, or not known."),
      field<NullIfEmpty>("permissions", &FailedAt::permissions, "\"rw-p\""),
      field<LockState>("locked", &FailedAt::locked),
      field("file_offset", &FailedAt::file_offset, "Of the address, or of the start; null: no file.").unit(bytes),
      field("file_bytes", &FailedAt::file_bytes, "The size of the file then.").unit(bytes),
      field<NullIfEmpty>("file_system", &FailedAt::file_system, "\"ext4\", or its magic number.")};
};

template <>
struct Fields<FailedFaults> {
  static constexpr std::string_view name = "failed_faults";
  static constexpr std::string_view meaning =
      "Faults and accesses that failed for one reason, by one origin, in one file or mapping. Beside the numbers it is "
      "told of the first.";
  static constexpr auto list = std::tuple{
      field<ErrorReason>("reason", &FailedFaults::reason, "null: what was seen does not tell."),
      field<Origin>("origin", &FailedFaults::origin),
      field("was_fault", &FailedFaults::was_fault,
            "Part of the errors of this origin; false: refused before the memory manager was asked, so that no counter "
            "of the kernel has it."),
      field<NullIfEmpty>("access", &FailedFaults::access, "read, write or execute."),
      field("count", &FailedFaults::count),
      field("signals", &FailedFaults::signals, "Of these, those that raised a signal: a call that fails raises none."),
      field<NullIfEmpty>("signal", &FailedFaults::signal),
      field("ended_process", &FailedFaults::ended_process, "The last of these signals ended the process."),
      field("first_ns", &FailedFaults::first_ns).unit(nanoseconds),
      field("last_ns", &FailedFaults::last_ns).unit(nanoseconds),
      field<NullIfZero>("tid", &FailedFaults::tid),
      field<NullIfEmpty>("call", &FailedFaults::call, "What the thread was doing."),
      inlined(&FailedFaults::at),
      field("used_bytes", &FailedFaults::used_bytes, "Where the reason is a limit.").unit(bytes),
      field("limit_bytes", &FailedFaults::limit_bytes).unit(bytes),
      field("needed_bytes", &FailedFaults::needed_bytes, "What was wanted beside that.").unit(bytes),
      field<NullIfEmpty>("cgroup", &FailedFaults::cgroup, "Whose limit: the last part of its path."),
      field<NullIfEmpty>("explain", &FailedFaults::explain)};
};

template <mlt_origin Of>
constexpr auto by_origin = [](auto& faults) -> auto& {
  return faults.by_origin[Of];
};

template <>
struct Fields<Faults> {
  static constexpr std::string_view name = "faults";
  static constexpr std::string_view meaning = "An origin is null when no probe that is attached can see it.";
  static constexpr auto list =
      std::tuple{field("access", by_origin<MLT_ORIGIN_ACCESS>),
                 field("kernel", by_origin<MLT_ORIGIN_KERNEL>),
                 field("populate", by_origin<MLT_ORIGIN_POPULATE>),
                 field("remote", by_origin<MLT_ORIGIN_REMOTE>),
                 field("unknown", by_origin<MLT_ORIGIN_UNKNOWN>,
                       "The kernel counted them, and skipped the probe that would have told; null: it is not asked, or "
                       "skips none.")
                     .since("0.2"),
                 field("by_cause", &Faults::by_class, "Largest time first."),
                 field("by_vma", &Faults::by_vma,
                       "Most faults first; together all faults of the process. null: no probe sees the mapping."),
                 field("by_thread", &Faults::by_thread, "Most faults first."),
                 field("stacks", &Faults::stacks, "Most faults first; empty unless asked for."),
                 field("failed", &Faults::failed,
                       "Why faults and accesses failed, most of them first; null: that was not looked for.")
                     .since("0.2")};
  static_assert(MLT_ORIGIN_NR == 5);
};

// ---- Locks

template <>
struct Fields<CallParts> {
  static constexpr std::string_view name = "call_parts";
  static constexpr std::string_view meaning =
      "What the time went into: no two parts overlap. A part that was not measured is null, and other_ns has it.";
  static constexpr auto list = std::tuple{
      field("memory_ns", &CallParts::memory_ns, "Allocating, zeroing, copying.").unit(nanoseconds),
      field("file_ns", &CallParts::file_ns, "Mapping pages of files, reading them if need be.").unit(nanoseconds),
      field("swap_in_ns", &CallParts::swap_in_ns, "Bringing pages back from swap.").unit(nanoseconds),
      field("reclaim_ns", &CallParts::reclaim_ns, "Reclaim by the caller.").unit(nanoseconds),
      field("lock_wait_ns", &CallParts::lock_wait_ns, "Waiting for mmap_lock.").unit(nanoseconds),
      field("off_cpu_ns", &CallParts::off_cpu_ns,
            "Ready to run, while others had the processor: run_delay, the second number of /proc/PID/schedstat.")
          .since("0.2")
          .unit(nanoseconds),
      field("other_ns", &CallParts::other_ns).unit(nanoseconds)};
};

template <>
struct Fields<CallRange> {
  static constexpr std::string_view name = "call_range";
  static constexpr std::string_view meaning = "What a call met in a part of its range.";
  static constexpr auto list = std::tuple{
      field<Word<range_kind_name, static_cast<std::size_t>(RangeKind::hole) + 1>>(
          "kind", &CallRange::kind,
          "absent: its pages could not be made present; unlockable: a mapping that takes no lock; hole: nothing is "
          "mapped there."),
      field("range_start", &CallRange::start).unit(address),
      field("range_end", &CallRange::end).unit(address),
      field<ErrorReason>("reason", &CallRange::reason, "Of an absent range; null: not known."),
      field<NullIfEmpty>("error", &CallRange::error),
      inlined(&CallRange::at),
      field<NullIfEmpty>("explain", &CallRange::explain)};
};

template <>
struct Fields<LockCall> {
  static constexpr std::string_view name = "lock_call";
  static constexpr std::string_view meaning =
      "One call. start_ns counts from the start of the trace; ret is negative and errno has its name when the call "
      "failed.";
  static constexpr auto list = std::tuple{
      field("start_ns", &LockCall::start_ns).unit(nanoseconds),
      field<NullIfZero>("tid", &LockCall::tid),
      field("call", &LockCall::name),
      field("args", &LockCall::args),
      field("ret", &LockCall::ret),
      field<NullIfEmpty>("errno", [](const LockCall& call) { return errno_name(call.ret); }),
      field("duration_ns", &LockCall::duration_ns).unit(nanoseconds),
      field("populate_ns", &LockCall::populate_ns).unit(nanoseconds),
      field("pages_populated", &LockCall::pages_populated).unit(pages),
      field("vma_splits", &LockCall::vma_splits),
      field("vma_merges", &LockCall::vma_merges),
      field("locked_bytes_after", &LockCall::locked_bytes_after).unit(bytes),
      field("limit_bytes", &LockCall::limit_bytes,
            "Soft RLIMIT_MEMLOCK at the moment the call failed; null: it did not fail, or no limit applied.")
          .unit(bytes),
      field("parts", &LockCall::parts).since("0.1"),
      field<Word<call_rule_name, static_cast<std::size_t>(CallRule::undetermined) + 1>>(
          "rule", &LockCall::rule, "The kernel's rule by which it failed; null for a success.")
          .since("0.1"),
      field<NullIfEmpty>("explain", &LockCall::explain),
      field("cap_elsewhere", &LockCall::cap_elsewhere,
            "It failed with CAP_IPC_LOCK effective in a user namespace other than the initial one, where it "
            "is in vain.")
          .since("0.2"),
      field("filtered", &LockCall::filtered, "A seccomp filter answered it: the kernel did not see it.").since("0.2"),
      field("needed_bytes", &LockCall::needed_bytes,
            "RLIMIT_MEMLOCK was met: how large it has to be for this call: what was locked, and what of the range was "
            "not; null: it was not met, or not known.")
          .since("0.2")
          .unit(bytes),
      field("needed_for_mapping_bytes", &LockCall::needed_for_mapping_bytes,
            "The same for all of the mapping in which the call wants the first page that is not locked yet.")
          .since("0.2")
          .unit(bytes),
      field("needed_for_all_bytes", &LockCall::needed_for_all_bytes,
            "The same for the whole address space: VmSize then.")
          .since("0.2")
          .unit(bytes),
      field("user_locked_bytes", &LockCall::user_locked_bytes,
            "When the call failed: what io_uring, perf and the like have accounted to the user, in all its processes. "
            "mlock does not count it. null: it did not fail, or not known.")
          .since("0.2")
          .unit(bytes),
      field("pinned_bytes", &LockCall::pinned_bytes,
            "The same of what they, RDMA and others hold in the process: VmPin of /proc/PID/status.")
          .since("0.2")
          .unit(bytes),
      field("mappings", &LockCall::mappings, "Of the process when the call failed; null: it did not.").since("0.2"),
      field("max_map_count", &LockCall::max_map_count, "vm.max_map_count then; null: it did not, or not known.")
          .since("0.2"),
      field("absent_ranges", &LockCall::absent_ranges, "Parts whose pages could not be made present.").since("0.2"),
      field("ranges", &LockCall::ranges, "What it met in parts of its range; of many the first.").since("0.2").table()};
};

template <>
struct Fields<CallTotals> {
  static constexpr std::string_view name = "call_totals";
  static constexpr std::string_view meaning = "All calls of one kind: exact even when not every one is listed.";
  static constexpr auto list =
      std::tuple{field("call", &CallTotals::name),
                 field("calls", &CallTotals::calls),
                 field("errors", &CallTotals::errors),
                 field("errors_by_errno", &CallTotals::errors_by_errno,
                       "By EPERM, ENOMEM, EAGAIN and EINVAL; the others together.")
                     .since("0.2"),
                 field("time_ns", &CallTotals::time_ns).unit(nanoseconds),
                 field("populates", &CallTotals::populates),
                 field("pages_populated", &CallTotals::pages_populated).unit(pages),
                 field("populate_ns", &CallTotals::populate_ns).unit(nanoseconds),
                 field("vma_splits", &CallTotals::vma_splits),
                 field("vma_merges", &CallTotals::vma_merges),
                 field("parts", &CallTotals::parts).since("0.1"),
                 field("unlocked_populate_faults", &CallTotals::unlocked_populate_faults,
                       "Faults by which these calls made pages present in mappings that are not "
                       "locked: MAP_POPULATE, MADV_POPULATE_READ and _WRITE.")
                     .since("0.2")};
};

template <>
struct Fields<HolderWaits> {
  static constexpr std::string_view name = "holder_waits";
  static constexpr auto list =
      std::tuple{field<NullIfEmpty>("call", &HolderWaits::name, "null: not known, or not a thread of the process."),
                 field("waits", of<&HolderWaits::waits, &Waits::waits>),
                 field("time_ns", of<&HolderWaits::waits, &Waits::time_ns>).unit(nanoseconds)};
};

template <>
struct Fields<OutsideWaits> {
  static constexpr std::string_view name = "outside_waits";
  static constexpr auto list = std::tuple{
      field("pid", &OutsideWaits::pid, "Who held it: another process, or a thread of the kernel."),
      field("comm", &OutsideWaits::comm),
      field<NullIfEmpty>("call", &OutsideWaits::call, "The system call that it was in; null: none, or not known."),
      field<NullIfEmpty>("file", &OutsideWaits::file, "What it read or wrote, by its name in /proc/PID."),
      field("waits", of<&OutsideWaits::waits, &Waits::waits>),
      field("time_ns", of<&OutsideWaits::waits, &Waits::time_ns>).unit(nanoseconds)};
};

template <>
struct Fields<LockWaits> {
  static constexpr std::string_view name = "lock_waits";
  static constexpr std::string_view meaning =
      "How long threads of the process waited for its mmap_lock, and what whoever held it was doing when they began "
      "to; null: not measured.";
  static constexpr auto list = std::tuple{
      field("waits", of<&LockWaits::all, &Waits::waits>),
      field("time_ns", of<&LockWaits::all, &Waits::time_ns>).unit(nanoseconds),
      field("max_ns", &LockWaits::max_ns).unit(nanoseconds),
      field("write_waits", of<&LockWaits::write, &Waits::waits>),
      field("write_ns", of<&LockWaits::write, &Waits::time_ns>).unit(nanoseconds),
      field("fault_waits", of<&LockWaits::in_fault, &Waits::waits>),
      field("in_fault_ns", of<&LockWaits::in_fault, &Waits::time_ns>).unit(nanoseconds),
      field("in_call_ns", &LockWaits::in_call_ns).unit(nanoseconds),
      field("waits_while_locking", of<&LockWaits::while_locking, &Waits::waits>),
      field("while_locking_ns", of<&LockWaits::while_locking, &Waits::time_ns>,
            "Of time_ns, what was waited for calls that lock memory: mlock and the like, and mapping calls under "
            "MCL_FUTURE.")
          .unit(nanoseconds),
      field("holders", &LockWaits::holders, "Most time first.").table(),
      field("outside", &LockWaits::outside,
            "Of the waits whose holder was no thread of the process, those where it was found out who: most time "
            "first. null: this kernel does not tell.")
          .since("0.2")
          .table()};
};

template <>
struct Fields<VmaLock> {
  static constexpr std::string_view name = "vma_lock";
  static constexpr std::string_view meaning =
      "Faults at access that needed mmap_lock in spite of per-VMA locks (Linux 6.4+), as vma_lock_abort and "
      "vma_lock_retry of /proc/vmstat count them for all processes. null: not measured, or not in this kernel.";
  static constexpr auto list = std::tuple{
      field("aborts", &VmaLock::aborts, "Did not get the lock, because the VMA was being changed or had to grow."),
      field("retries", &VmaLock::retries, "Gave it up.")};
};

using LimitedKind = Word<limited_name, MLT_LIMITED_NR>;

template <>
struct Fields<LimitRefusals> {
  static constexpr std::string_view name = "limit_refusals";
  static constexpr std::string_view meaning =
      "Calls of one kind that RLIMIT_MEMLOCK refused; the figures are of the one that wanted most. io_uring and bpf "
      "compare the limit with what is accounted to the user, perf with what is pinned in the process, mlock with "
      "neither.";
  static constexpr auto list =
      std::tuple{field<LimitedKind>("kind", &LimitRefusals::kind, "bpf: up to Linux 5.10."),
                 field("calls", &LimitRefusals::calls),
                 field("error", &LimitRefusals::error, "What the limit gives; the call may return another one."),
                 field("limit_bytes", &LimitRefusals::limit_bytes, "Soft RLIMIT_MEMLOCK then.").unit(bytes),
                 field("wanted_bytes", &LimitRefusals::wanted_bytes, "null: not seen.").unit(bytes),
                 field("user_locked_bytes", &LimitRefusals::user_locked_bytes,
                       "Accounted to the user then, in all its processes; null: not known.")
                     .unit(bytes),
                 field("pinned_bytes", &LimitRefusals::pinned_bytes, "VmPin of the process then.").unit(bytes),
                 field("locked_bytes", &LimitRefusals::locked_bytes, "VmLck of the process then.").unit(bytes),
                 field("enough_bytes", &LimitRefusals::enough_bytes,
                       "A limit that would have done for this call; of perf perhaps more than it needs, as it takes a "
                       "part from kernel.perf_event_mlock_kb. null: not known.")
                     .unit(bytes)};
};

template <>
struct Fields<Size3> {
  static constexpr std::string_view name = "size3";
  static constexpr std::string_view meaning = "At the start and the end of the trace, and the largest value between.";
  static constexpr auto list =
      std::tuple{field("start", &Size3::start), field("end", &Size3::end), field("peak", &Size3::peak)};
};

template <>
struct Fields<Locks> {
  static constexpr std::string_view name = "locks";
  static constexpr auto calls_are_seen = [](const Locks& locks) { return locks.calls_unseen.empty(); };
  static constexpr auto list = std::tuple{
      field<NullIfEmpty>("calls_unseen", &Locks::calls_unseen,
                         "Why the process's calls were not seen; null: they were.")
          .since("0.2"),
      field("calls", &Locks::calls, "In order of time; null: not seen.").where(calls_are_seen).table(),
      field("calls_not_kept", &Locks::calls_not_kept).where(calls_are_seen),
      field("totals", &Locks::totals).where(calls_are_seen).table(),
      field("locked_bytes", &Locks::locked_bytes).unit(bytes),
      field("limit_bytes", &Locks::limit_bytes, "Soft RLIMIT_MEMLOCK.").unit(bytes),
      field("limit_unlimited", &Locks::limit_unlimited),
      field("exempt", &Locks::exempt, "CAP_IPC_LOCK in the initial user namespace: the limit does not apply."),
      field("headroom_bytes", &Locks::headroom_bytes, "limit - locked; null when exempt, unlimited or unknown.")
          .unit(bytes),
      field("mmap_lock", &Locks::mmap_lock).since("0.1"),
      field("vma_lock", &Locks::vma_lock).since("0.1"),
      field("limit_refusals", &Locks::limit_refusals,
            "What RLIMIT_MEMLOCK refused to others than the lock family. null: not measured.")
          .since("0.2")
          .table()};
};

// ---- Pages, VMAs, life

template <>
struct Fields<Keeper> {
  static constexpr std::string_view name = "keeper";
  static constexpr auto list =
      std::tuple{field<NullIfZero>("pid", &Keeper::pid, "A process that has pages locked; null: it was not found."),
                 field("comm", &Keeper::comm).where([](const Keeper& keeper) { return keeper.pid != 0; }),
                 field("pages", &Keeper::pages).unit(pages)};
};

template <>
struct Fields<Pages> {
  static constexpr std::string_view name = "pages";
  static constexpr std::string_view meaning = "Base pages: a huge page counts as all the base pages in it.";
  static constexpr auto list = std::tuple{
      field("mlocked", &Pages::mlocked).unit(pages),
      field("munlocked", &Pages::munlocked).unit(pages),
      field("to_unevictable", &Pages::to_unevictable).unit(pages),
      field("rescued", &Pages::rescued).unit(pages),
      field("culled_by_reclaim", &Pages::culled_by_reclaim).unit(pages),
      field("still_locked_elsewhere", &Pages::still_locked_elsewhere).unit(pages),
      field("still_locked_by", &Pages::still_locked_by,
            "Because of whom: where several hold a page, one of them. The pages add up to still_locked_elsewhere.")
          .since("0.1")
          .table(),
      field("locked_not_mlocked", &Pages::locked_not_mlocked,
            "Resident pages of its locked mappings that were neither mlocked nor unevictable otherwise when the trace "
            "ended. null: the process had ended, the trace has not, or see locked_not_mlocked_unknown.")
          .unit(pages),
      field<NullIfEmpty>("locked_not_mlocked_unknown", &Pages::locked_not_mlocked_unknown,
                         "Why locked_not_mlocked could not be found out.")
          .since("0.2")};
};

template <>
struct Fields<Populate> {
  static constexpr std::string_view name = "populate";
  static constexpr auto list =
      std::tuple{field("calls", &Populate::calls), field("pages", &Populate::pages).unit(pages),
                 field("time_ns", &Populate::time_ns).unit(nanoseconds)};
};

template <>
struct Fields<VmaChange> {
  static constexpr std::string_view name = "vma_change";
  static constexpr auto list = std::tuple{field("at_ns", &VmaChange::at_ns).unit(nanoseconds),
                                          field<NullIfZero>("tid", &VmaChange::tid),
                                          field<Word<vma_change_name, 2>>("kind", &VmaChange::split),
                                          field("start", &VmaChange::start).unit(address),
                                          field("end", &VmaChange::end).unit(address),
                                          field("addr", &VmaChange::addr, "Where it was split; null for a merge.")
                                              .where([](const VmaChange& change) { return change.split; })
                                              .unit(address),
                                          field("locked", &VmaChange::locked),
                                          field<NullIfEmpty>("cause", &VmaChange::cause)};
};

template <>
struct Fields<Vma> {
  static constexpr std::string_view name = "vma";
  static constexpr auto list = std::tuple{field("splits", &Vma::splits),
                                          field("merges", &Vma::merges),
                                          field("count", &Vma::count),
                                          field("max_map_count", &Vma::max_map_count),
                                          field("changes", &Vma::changes, "In order of time.").table(),
                                          field("changes_not_kept", &Vma::changes_not_kept)};
};

template <>
struct Fields<LifeEvent> {
  static constexpr std::string_view name = "life_event";
  static constexpr auto list = std::tuple{
      field("at_ns", &LifeEvent::at_ns).unit(nanoseconds),
      field<Word<life_kind_name, static_cast<std::size_t>(LifeEvent::Kind::exit) + 1>>(
          "kind", &LifeEvent::kind,
          "vfork: the child runs in this address space until its execve; share: it stays there (CLONE_VM)."),
      field<NullIfZero>("child_pid", &LifeEvent::child_pid),
      field(
          "locked_bytes", &LifeEvent::locked_bytes,
          "A child was made: of the parent; exec: before it; exit: at the exit; null: the kernel had given the address "
          "space up by then.")
          .unit(bytes),
      field("locked_bytes_after", &LifeEvent::locked_bytes_after, "A child was made: of the child; exec: after it.")
          .since("0.1")
          .unit(bytes),
      field("mcl_future", &LifeEvent::mcl_future, "MCL_FUTURE was in force before."),
      field("mcl_onfault", &LifeEvent::mcl_onfault, "MCL_ONFAULT was in force before.").since("0.1"),
      field<NullIfEmpty>("comm", &LifeEvent::comm),
      field<NullIfEmpty>("child_comm", &LifeEvent::child_comm,
                         "The child's name when it was last seen; null: no child was made, or it was not traced.")
          .since("0.2")};
};

// ---- Reclaim, swap

template <>
struct Fields<ReclaimStall> {
  static constexpr std::string_view name = "reclaim_stall";
  static constexpr std::string_view meaning = "Reclaim that the process did itself, having to wait for memory.";
  static constexpr auto list =
      std::tuple{field("calls", &ReclaimStall::calls), field("time_ns", &ReclaimStall::time_ns).unit(nanoseconds),
                 field("reclaimed", &ReclaimStall::reclaimed).unit(pages),
                 field("max_ns", &ReclaimStall::max_ns, "The longest.").unit(nanoseconds)};
};

template <>
struct Fields<Reclaim> {
  static constexpr std::string_view name = "reclaim";
  static constexpr auto list = std::tuple{
      field("direct", &Reclaim::direct, "The machine was short of memory."),
      field("memcg", &Reclaim::memcg, "The memory cgroup was over its limit."),
      field("in_fault_ns", &Reclaim::in_fault_ns, "The part of both that was inside page faults.").unit(nanoseconds),
      field("in_call_ns", &Reclaim::in_call_ns, "The part of both that was inside lock calls.").unit(nanoseconds),
      field("met_locked_active", &Reclaim::met_locked_active,
            "Pages of this process that reclaim passed by because a mapping was VM_LOCKED.")
          .unit(pages),
      field("met_locked_inactive", &Reclaim::met_locked_inactive, "The same, of the inactive list.").unit(pages)};
};

template <>
struct Fields<Waited> {
  static constexpr std::string_view name = "waited";
  static constexpr auto list =
      std::tuple{field("waits", &Waited::waits, "How often.").since("0.2"),
                 field("time_ns", &Waited::time_ns).unit(nanoseconds).since("0.2"),
                 field("max_ns", &Waited::max_ns, "The longest.").unit(nanoseconds).since("0.2")};
};

template <>
struct Fields<FaultWaits> {
  static constexpr std::string_view name = "fault_waits";
  static constexpr std::string_view meaning =
      "What the faults of the process waited for, or took long for: parts of their time, which don't overlap.";
  static constexpr auto list = std::tuple{
      field("userfault", &FaultWaits::userfault, "For another thread or process, by userfaultfd.").since("0.2"),
      field("migration", &FaultWaits::migration, "Until a page had been moved.").since("0.2"),
      field("file_read", &FaultWaits::file_read, "Until a page of a file had been read.").since("0.2"),
      field("refault", &FaultWaits::refault, "The same, where it had been evicted not long ago.").since("0.2"),
      field("swap_read", &FaultWaits::swap_read, "Until a page had been read from swap.").since("0.2"),
      field("page_lock", &FaultWaits::page_lock,
            "Until somebody else was done with a page, or a block of the file system was read or written.")
          .since("0.2"),
      field("writeback", &FaultWaits::writeback, "Until a page had been written back.").since("0.2"),
      field("dirty", &FaultWaits::dirty, "Held up for making pages dirty faster than they are written.").since("0.2"),
      field("compaction", &FaultWaits::compaction, "Moving pages out of the way of a huge one.").since("0.2"),
      field("direct_reclaim", &FaultWaits::direct_reclaim, "Reclaim inside faults, as the machine was short of memory.")
          .since("0.2"),
      field("memcg_reclaim", &FaultWaits::memcg_reclaim, "The same, as the memory cgroup was over its limit.")
          .since("0.2"),
      field("memory_high", &FaultWaits::memory_high, "Asleep for being over memory.high.").since("0.2"),
      field("huge_page", &FaultWaits::huge_page, "No wait: allocating and clearing huge pages.").since("0.2"),
      field("after_memory_high", &FaultWaits::after_memory_high,
            "No part of a fault's time: asleep for being over memory.high after a fault or a call, on the way back to "
            "user mode.")
          .since("0.2"),
      field("refaulted_file", &FaultWaits::refaulted_file,
            "Pages of files that faults read again, having been evicted not long ago.")
          .unit(pages)
          .since("0.2"),
      field("refaulted_swap", &FaultWaits::refaulted_swap, "The same, from swap.").unit(pages).since("0.2")};
};

template <>
struct Fields<Swap> {
  static constexpr std::string_view name = "swap";
  static constexpr auto list = std::tuple{
      field("in", &Swap::in, "Faults that found a swap entry."),
      field("in_major", &Swap::in_major, "Of these, those whose page was not in the swap cache."),
      field(
          "in_read", &Swap::in_read,
          "Of these, those that read from a swap device. Null: of all major ones some brought back pages of zeroes, or "
          "what zswap had taken, and the kernel doesn't tell whose.")
          .since("0.2"),
      field("in_ns", &Swap::in_ns).unit(nanoseconds),
      field("readahead", &Swap::readahead, "Pages that they read besides those that they needed.").unit(pages),
      field("out", &Swap::out, "Pages of this process written to swap by anybody.").unit(pages),
      field("out_by_self", &Swap::out_by_self).unit(pages),
      field("out_by_kswapd", &Swap::out_by_kswapd).unit(pages),
      field("duplicated", &Swap::duplicated, "Swap entries that fork copied."),
      field("duplicate_ns", &Swap::duplicate_ns, "The copying of the page tables with them.").unit(nanoseconds),
      field("freed", &Swap::freed, "Swap entries given up by unmapping and by exit."),
      field("free_ns", &Swap::free_ns, "The unmapping at exit.").unit(nanoseconds)};
};

template <>
struct Fields<Ending> {
  static constexpr std::string_view name = "ending";
  static constexpr auto list = std::tuple{
      field("status", &Ending::status, "Of exit(); null: a signal ended it.").compared(),
      field<NullIfEmpty>("signal", &Ending::signal, "The signal that ended it, by its name.").compared(),
      field("core_dumped", &Ending::core_dumped),
      field("oom_killed", &Ending::oom_killed, "Whether the OOM killer ended it; null: that was not looked for.")
          .compared(),
      field<NullIfEmpty>("oom_limit", &Ending::oom_limit,
                         "Whose limit that was for: machine, nodes (those that a cpuset or a memory policy permits), "
                         "cgroup."),
      field<NullIfEmpty>("oom_cgroup", &Ending::oom_cgroup,
                         "Which cgroup: its path, or its name where that of the process is not known."),
      field("oom_limit_bytes", &Ending::oom_limit_bytes, "The limit of that cgroup.").since("0.2").unit(bytes),
      field("oom_used_bytes", &Ending::oom_used_bytes, "What was used of it then.").since("0.2").unit(bytes)};
};

template <>
struct Fields<Act> {
  static constexpr std::string_view name = "act";
  static constexpr std::string_view meaning =
      "What one process did in one way to the memory of another, of its own, of a cgroup or of the machine.";
  static constexpr auto list = std::tuple{
      field<NullIfZero>("pid", &Act::pid, "Who; null: not in the caller's PID namespace."),
      field("comm", &Act::comm),
      field("by_itself", &Act::by_itself, "It was its own memory."),
      field("call", &Act::call, "The system call, or what the kernel did without one."),
      field<NullIfEmpty>("what", &Act::what, "The advice, the request."),
      field<NullIfEmpty>("file", &Act::file, "That was written to; of swapoff the device."),
      field<NullIfEmpty>("cgroup", &Act::cgroup, "Whose file it is: the last part of its path."),
      field<NullIfEmpty>("value", &Act::value, "That was written."),
      field("calls", &Act::calls, "null: not counted."),
      field("bytes", &Act::bytes, "Of memory that the calls named; null: not known of all of them.").unit(bytes),
      field("pages", &Act::pages, "That it took out of memory; null: not looked for.").unit(pages),
      field("first_ns", &Act::first_ns, "Since the start of the trace.").unit(nanoseconds),
      field("last_ns", &Act::last_ns).unit(nanoseconds)};
};

template <>
struct Fields<Process> {
  static constexpr std::string_view name = "process";
  static constexpr auto list =
      std::tuple{field("pid", &Process::pid),
                 field<NullIfZero>("parent_pid", &Process::parent_pid),
                 field("comm", &Process::comm),
                 field<NullIfEmpty>("exe", &Process::exe),
                 field<NullIfEmpty>("cgroup", &Process::cgroup),
                 field("threads", &Process::threads),
                 field("exited", &Process::exited),
                 field("ending", &Process::ending, "How it ended; null: it runs on.").since("0.2"),
                 field("faults", &Process::faults).table(),
                 field("populate", &Process::populate),
                 field("locks", &Process::locks),
                 field("pages", &Process::pages),
                 field("vma", &Process::vma),
                 field("life", &Process::life, "In order of time.").table(),
                 field("life_not_kept", &Process::life_not_kept).since("0.1"),
                 field("swap", &Process::swap),
                 field("reclaim", &Process::reclaim),
                 field("waits", &Process::waits).since("0.2"),
                 field("children", &Process::children, "PIDs of the traced processes that this one forked.").table(),
                 field("acts", &Process::acts,
                       "What others, or the process itself, did to its memory by calls that do such things: the first "
                       "of them first. null: not looked for.")
                     .since("0.2")
                     .table(),
                 field("major_where_taken", &Process::major_where_taken,
                       "Major faults at addresses between those of pages that others had taken out of memory, after "
                       "that. null: not looked for.")
                     .since("0.2")};
};

template <>
struct Fields<GroupEnding> {
  static constexpr std::string_view name = "group_ending";
  static constexpr auto list = std::tuple{field("processes", &GroupEnding::processes), inlined(&GroupEnding::ending)};
};

template <>
struct Fields<ProcessGroup> {
  static constexpr std::string_view name = "process_group";
  static constexpr std::string_view meaning =
      "The processes of one command that are not listed one by one. What adds up is the sum of theirs, and stands "
      "where "
      "a process has it; a longest time is the longest. Lists of single calls, changes, threads and mappings are empty "
      "or null.";
  static constexpr auto list = std::tuple{
      field<NullIfEmpty>("comm", &ProcessGroup::comm, "null: of all other commands."),
      field("processes", &ProcessGroup::processes),
      field("exited", &ProcessGroup::exited, "Of these."),
      field("endings", &ProcessGroup::endings, "How they ended, most processes first.").table(),
      field("faults", of<&ProcessGroup::sum, &Process::faults>).table(),
      field("populate", of<&ProcessGroup::sum, &Process::populate>),
      field("locks", of<&ProcessGroup::sum, &Process::locks>),
      field("pages", of<&ProcessGroup::sum, &Process::pages>),
      field("vma", of<&ProcessGroup::sum, &Process::vma>),
      field("life_not_kept", of<&ProcessGroup::sum, &Process::life_not_kept>, "All their forks, execs and exits."),
      field("swap", of<&ProcessGroup::sum, &Process::swap>),
      field("reclaim", of<&ProcessGroup::sum, &Process::reclaim>),
      field("waits", of<&ProcessGroup::sum, &Process::waits>).since("0.2")};
};

// ---- What surrounds the processes

template <>
struct Fields<SignalCoverage> {
  static constexpr std::string_view name = "signal_coverage";
  static constexpr auto list = std::tuple{
      field("name", &SignalCoverage::name),
      field<Word<signal_state_name, static_cast<std::size_t>(SignalState::off) + 1>>("state", &SignalCoverage::state),
      field<NullIfEmpty>("via", &SignalCoverage::via), field<NullIfEmpty>("limits", &SignalCoverage::limits)};
};

template <>
struct Fields<Lost> {
  static constexpr std::string_view name = "lost";
  static constexpr auto list = std::tuple{field("events", &Lost::events), field("map_full", &Lost::map_full),
                                          field("missed_probes", &Lost::missed_probes)};
};

template <>
struct Fields<SkippedProbes> {
  static constexpr std::string_view name = "skipped_probes";
  static constexpr std::string_view meaning =
      "Faults of which the kernel skipped a probe, and that are counted: its own counters told of them.";
  static constexpr auto list =
      std::tuple{field("unclassed", &SkippedProbes::unclassed, "At the entry: their origin and cause are not known."),
                 field("untimed", &SkippedProbes::untimed, "At the end alone: how long they took is not known.")};
};

template <>
struct Fields<AuditCheck> {
  static constexpr std::string_view name = "audit_check";
  static constexpr auto list = std::tuple{
      field("check", &AuditCheck::check),
      field("traced", &AuditCheck::traced),
      field("kernel", &AuditCheck::kernel),
      field("slack", &AuditCheck::slack, "The kernel's value is only known to lie in [kernel, kernel + slack]."),
      field("source", &AuditCheck::source),
      field<Word<verdict_name, static_cast<std::size_t>(Verdict::unavailable) + 1>>("verdict", &AuditCheck::verdict),
      field<NullIfEmpty>("why", &AuditCheck::why)};
};

template <>
struct Fields<AuditGroup> {
  static constexpr std::string_view name = "audit_group";
  static constexpr std::string_view meaning =
      "Checks of one kind that came to the same, in sum, of processes that are not listed one by one.";
  static constexpr auto list = std::tuple{
      field("check", &AuditGroup::check),
      field("checks", &AuditGroup::checks),
      field("traced", &AuditGroup::traced),
      field("kernel", &AuditGroup::kernel),
      field("slack", &AuditGroup::slack),
      field("source", &AuditGroup::source),
      field<Word<verdict_name, static_cast<std::size_t>(Verdict::unavailable) + 1>>("verdict", &AuditGroup::verdict),
      field<NullIfEmpty>("why", &AuditGroup::why)};
};

template <>
struct Fields<Coverage> {
  static constexpr std::string_view name = "coverage";
  static constexpr auto list = std::tuple{
      field("signals", &Coverage::signals), field("lost", &Coverage::lost),
      field("skipped", &Coverage::skipped, "null: faults were not compared with the kernel's counters one by one.")
          .since("0.2"),
      field("audit", &Coverage::audit, "Each that differs, and those of the processes that are listed one by one."),
      field("audit_groups", &Coverage::audit_groups, "The others.").since("0.2")};
};

template <>
struct Fields<StormCall> {
  static constexpr std::string_view name = "storm_call";
  static constexpr auto list = std::tuple{
      field("at_ns", &StormCall::at_ns, "Its end.").unit(nanoseconds), field<NullIfZero>("tid", &StormCall::tid),
      field("call", &StormCall::name, "fork and execve too."), field<NullIfEmpty>("args", &StormCall::args)};
};

template <>
struct Fields<Storm> {
  static constexpr std::string_view name = "storm";
  static constexpr auto list = std::tuple{
      field<NullIfZero>("pid", &Storm::pid),
      field("start_ns", &Storm::start_ns).unit(nanoseconds),
      field("duration_ns", &Storm::duration_ns).unit(nanoseconds),
      field("peak_per_s", &Storm::peak_per_s),
      field<Cause>("cause", &Storm::cause, "Of most of its faults."),
      field<NullIfEmpty>("vma", &Storm::vma,
                         "The mapping in which most of the process's faults of that time were, as /proc/PID/maps names "
                         "it."),
      field<NullIfEmpty>("stack", &Storm::stack,
                         "Where most faults of this cause came from, innermost function first: in the whole of the "
                         "trace, not in the storm alone. null: not asked for (-U, -K)."),
      field("faults", &Storm::faults, "At access; those of calls don't count."),
      field("time_ns", &Storm::time_ns, "In these faults.").unit(nanoseconds),
      field("baseline_per_s", &Storm::baseline_per_s,
            "What was usual before; null: much by itself, without comparison."),
      field("vma_faults", &Storm::vma_faults, "Faults of that time in vma, those of calls too."),
      field<NullIfZero>("tid", &Storm::tid, "The thread that took most of the faults of that time."),
      field("tid_faults", &Storm::tid_faults, "Of that thread, those of calls too."),
      field("trigger", &Storm::trigger,
            "What the process did before: of its calls from a second before the start to a second after it that can "
            "have led to most of the faults of this cause where they were, the one of the largest range; or the fork, "
            "however long before, that made the memory copy-on-write. null: none was seen."),
      field("cause_faults", &Storm::cause_faults, "Of the faults, those of this cause.").since("0.2"),
      field<NullIfEmpty>("trigger_unknown", &Storm::trigger_unknown,
                         "There must have been a trigger: why it is not known. null: nothing says that there was one.")
          .since("0.2")};
};

template <>
struct Fields<FindingProcesses> {
  static constexpr std::string_view name = "finding_processes";
  static constexpr auto list =
      std::tuple{field("count", &FindingProcesses::count),
                 field("pids", &FindingProcesses::pids, "The gravest first; not all of them."),
                 field("commands", &FindingProcesses::commands, "Most processes first; not all of them.")};
};

template <>
struct Fields<Finding> {
  static constexpr std::string_view name = "finding";
  static constexpr auto list = std::tuple{
      field("id", &Finding::id).pattern("^[a-z0-9]+(-[a-z0-9]+)*$"),
      field<Word<severity_name, static_cast<std::size_t>(Severity::problem) + 1>>("severity", &Finding::severity),
      field<NullIfZero>("pid", &Finding::pid, "null: the system."),
      field("title", &Finding::title),
      field("evidence", &Finding::evidence),
      field<NullIfEmpty>("advice", &Finding::advice),
      field<NullIfEmpty>("see", &Finding::see),
      field(
          "processes", &Finding::processes,
          "Of a finding of many processes: pid is the gravest, and the evidence is of all of them where it adds up, of "
          "that one elsewhere. null: it is of pid alone.")
          .since("0.2")};
};

// ---- The system

template <>
struct Fields<SystemReclaim> {
  static constexpr std::string_view name = "system_reclaim";
  static constexpr std::string_view meaning = "Pages of the whole system; scanned and reclaimed are from /proc/vmstat.";
  static constexpr auto list = std::tuple{field("kswapd_wakeups", &SystemReclaim::kswapd_wakeups),
                                          field("kswapd_scanned", &SystemReclaim::kswapd_scanned).unit(pages),
                                          field("kswapd_reclaimed", &SystemReclaim::kswapd_reclaimed).unit(pages),
                                          field("direct_scanned", &SystemReclaim::direct_scanned).unit(pages),
                                          field("direct_reclaimed", &SystemReclaim::direct_reclaimed).unit(pages)};
};

template <>
struct Fields<SwapReadahead> {
  static constexpr std::string_view name = "swap_readahead";
  static constexpr auto list = std::tuple{field("pages", &SwapReadahead::pages, "Read ahead from swap.").unit(pages),
                                          field("hits", &SwapReadahead::hits, "Faults that found such a page.")};
};

template <>
struct Fields<SwapDevice> {
  static constexpr std::string_view name = "swap_device";
  static constexpr auto list =
      std::tuple{field("name", &SwapDevice::name), field("type", &SwapDevice::type, "partition or file."),
                 field("size_bytes", &SwapDevice::size_bytes).unit(bytes),
                 field("used_bytes", &SwapDevice::used_bytes).unit(bytes),
                 field("priority", &SwapDevice::priority, "The highest is used first.")};
};

template <>
struct Fields<MemoryHighLimit> {
  static constexpr std::string_view name = "memory_high_limit";
  static constexpr auto list = std::tuple{
      field("cgroup", &MemoryHighLimit::cgroup), field("limit_bytes", &MemoryHighLimit::limit_bytes).unit(bytes),
      field("exceeded", &MemoryHighLimit::exceeded, "Times, from memory.events."),
      field("stalled_ns", &MemoryHighLimit::stalled_ns,
            "At least one process of the cgroup waited for memory, from memory.pressure. Null: this kernel does not "
            "tell.")
          .unit(nanoseconds)};
};

template <>
struct Fields<System> {
  static constexpr std::string_view name = "system";
  static constexpr auto list = std::tuple{
      field("vmstat", &System::vmstat, "What changed, by its name in /proc/vmstat."),
      field("other_unevictable_pages", &System::other_unevictable_pages).unit(pages),
      field("unevictable_without_mlock", &System::unevictable_without_mlock,
            "Moved there without mlock, whichever process they are of: ramfs, SHM_LOCK, secretmem.")
          .unit(pages),
      field("reclaim", &System::reclaim),
      field("swap_devices", &System::swap_devices),
      field("swap_readahead", &System::swap_readahead,
            "Of all processes, from /proc/vmstat. Null: this kernel does not count them."),
      field("unevictable_pages", &System::unevictable_pages, "On the unevictable list at the end, whoever's they are.")
          .unit(pages),
      field("memory_high", &System::memory_high,
            "Of the cgroup that the target runs in and of those above it, where it is set.")
          .since("0.2"),
      field("acts", &System::acts,
            "What any process did to the memory of all, or to a cgroup's: the first of them first. null: not looked "
            "for.")
          .since("0.2")
          .table()};
};

template <>
struct Fields<Host> {
  static constexpr std::string_view name = "host";
  static constexpr auto list = std::tuple{field("kernel", &Host::kernel), field("arch", &Host::arch),
                                          field("cpus", &Host::cpus), field("page_size", &Host::page_size).unit(bytes),
                                          field("memory_bytes", &Host::memory_bytes).since("0.1").unit(bytes)};
};

template <>
struct Fields<Window> {
  static constexpr std::string_view name = "window";
  static constexpr auto list =
      std::tuple{field("start_unix_ns", &Window::start_unix_ns, "Faults count from here on.").unit(nanoseconds),
                 field("duration_ns", &Window::duration_ns).unit(nanoseconds),
                 field("complete_after_ns", &Window::complete_after_ns,
                       "Everything else counts from this moment on, since the start.")
                     .since("0.1")
                     .unit(nanoseconds)};
};

template <>
struct Fields<Target> {
  static constexpr std::string_view name = "target";
  static constexpr auto list =
      std::tuple{field("kind", &Target::kind).pattern("^(pid|tid|cgroup|all|command)$"), field("pids", &Target::pids),
                 field<NullIfEmpty>("text", &Target::text, "The cgroup's path or the command line."),
                 field("follow", &Target::follow)};
};

template <>
struct Fields<MapsEntry> {
  static constexpr std::string_view name = "maps_entry";
  static constexpr auto list = std::tuple{field("start", &MapsEntry::start).unit(address),
                                          field("end", &MapsEntry::end).unit(address),
                                          field("permissions", &MapsEntry::permissions),
                                          field("offset", &MapsEntry::offset).unit(bytes),
                                          field("name", &MapsEntry::name),
                                          field("resident_bytes", &MapsEntry::resident_bytes).unit(bytes),
                                          field("locked_bytes", &MapsEntry::locked_bytes).unit(bytes),
                                          field("swapped_bytes", &MapsEntry::swapped_bytes).unit(bytes),
                                          field("locked", &MapsEntry::locked)};
};

template <>
struct Fields<Report> {
  static constexpr std::string_view name = "report";
  static constexpr auto list = std::tuple{field("host", &Report::host),
                                          field("window", &Report::window),
                                          field("target", &Report::target),
                                          field("coverage", &Report::coverage),
                                          field("processes", &Report::processes, "Most faults first."),
                                          field("process_groups", &Report::groups,
                                                "Of a crowd: the processes that are not listed above, by command, most "
                                                "time first. With them, every total is whole.")
                                              .since("0.2"),
                                          field("system", &Report::system),
                                          field("storms", &Report::storms),
                                          field("findings", &Report::findings, "Gravest first.")};
};

}  // namespace mlt::model
