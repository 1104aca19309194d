// The report model: what a trace found, ready for any renderer. Plain values, no behaviour, no BPF, no /proc.
//
// A quantity that could not be measured is an empty optional, never 0, and `Coverage` says why. Durations are
// nanoseconds, pages are base pages, sizes are bytes.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bpf/mlocktrace.h"
#include "util/histogram.h"

namespace mlt {

using Count = std::optional<std::uint64_t>;

/// What was not measured adds nothing.
inline void add(Count& sum, const Count& value) {
  if (value) sum = sum.value_or(0) + *value;
}

/// Faults of one origin or class. The time spent in them is latency.sum(); `untimed` of them began before the trace
/// and count in minor or major, but not in the latency.
struct FaultTotals {
  std::uint64_t minor = 0;
  std::uint64_t major = 0;
  std::uint64_t errors = 0;
  std::uint64_t retries = 0;
  std::uint64_t untimed = 0;
  Histogram latency;

  void add(const FaultTotals& other) {
    minor += other.minor;
    major += other.major;
    errors += other.errors;
    retries += other.retries;
    untimed += other.untimed;
    latency.merge(other.latency);
  }
  [[nodiscard]] std::uint64_t completed() const { return minor + major; }
};

struct FaultClass {
  mlt_origin origin = MLT_ORIGIN_ACCESS;
  mlt_lock_state locked = MLT_UNLOCKED;
  mlt_cause cause = MLT_CAUSE_UNKNOWN;
  // clang-tidy 14 takes the zero that the result is compared with for a pointer.
  auto operator<=>(const FaultClass&) const = default;  // NOLINT(modernize-use-nullptr)
};

struct ClassFaults {
  FaultClass fault_class;
  FaultTotals totals;
};

struct ThreadFaults {
  std::uint32_t tid = 0;  // 0: threads that could not be told apart
  FaultTotals totals;
};

/// Faults in one mapping, by the name that /proc/PID/maps gives it. What was told apart by the lock state or by the
/// permissions is a mapping of its own.
struct VmaFaults {
  std::uint64_t start = 0;  // of the mapping when it was last seen; where only parts were, of the parts together
  std::uint64_t end = 0;
  std::string name;          // path, "[heap]", "[stack]", "[anon:NAME]", "anonymous"; empty: faults of unknown place
  std::uint64_t offset = 0;  // in the file
  std::string permissions;   // "rw-p"
  mlt_lock_state locked = MLT_UNLOCKED;
  std::optional<bool> shm_locked;       // a System V segment that was under SHM_LOCK when it was met first
  mlt_cause cause = MLT_CAUSE_UNKNOWN;  // of most of the faults
  std::uint64_t minor = 0;
  std::uint64_t major = 0;
  std::uint64_t errors = 0;
  std::uint64_t time_ns = 0;
  std::uint64_t max_ns = 0;
  [[nodiscard]] std::uint64_t completed() const { return minor + major; }
};

/// One function of a stack.
struct Frame {
  std::string function;  // demangled; empty: not known
  std::string module;    // path of the executable or library; "[kernel]" or "[MODULE]" for kernel code
  std::uint64_t address = 0;
  std::uint64_t offset = 0;  // in the function, or in the module when the function is not known
};

/// Faults that came from one place of the program.
struct StackFaults {
  std::vector<Frame> kernel;  // innermost first; empty unless asked for
  std::vector<Frame> user;
  mlt_origin origin = MLT_ORIGIN_ACCESS;
  mlt_cause cause = MLT_CAUSE_UNKNOWN;  // of most of the faults
  std::uint64_t faults = 0;
  std::uint64_t time_ns = 0;
};

/// A mapping in which something failed, as it was then; or the hole among the mappings.
struct FailedAt {
  std::uint64_t address = 0;  // 0: not known
  std::uint64_t start = 0;    // of the mapping or hole; end 0: not known
  std::uint64_t end = 0;
  std::string name;         // as that of VmaFaults; empty: nothing is mapped there, or it is not known
  std::string permissions;  // "rw-p"; empty likewise
  mlt_lock_state locked = MLT_LOCK_UNKNOWN;
  Count file_offset;        // of the address, or of the start; empty: no file
  Count file_bytes;         // its size then
  std::string file_system;  // "ext4"; empty: no file
};

/// Faults and accesses that failed alike: for one reason, by one origin, in one file or mapping. What is told beside
/// the numbers is of the first of them.
struct FailedFaults {
  mlt_error_reason reason = MLT_ERROR_UNKNOWN;
  mlt_origin origin = MLT_ORIGIN_ACCESS;
  bool was_fault = true;  // part of the errors of FaultTotals; else refused before the memory manager was asked
  std::string access;     // "read", "write", "execute"
  std::uint64_t count = 0;
  std::uint64_t signals = 0;   // of these, those that raised a signal; a call that fails raises none
  std::string signal;          // "SIGBUS"; empty: none was raised
  bool ended_process = false;  // the last of these signals did
  std::uint64_t first_ns = 0;  // since the start of the trace
  std::uint64_t last_ns = 0;
  std::uint32_t tid = 0;
  std::string call;  // what the thread was doing: "page fault", "mlock", …
  FailedAt at;
  Count used_bytes;  // where the reason is a limit
  Count limit_bytes;
  Count needed_bytes;
  std::string cgroup;   // whose limit
  std::string explain;  // one sentence
};

struct Faults {
  /// Empty when no probe that is attached can see this origin.
  std::array<std::optional<FaultTotals>, MLT_ORIGIN_NR> by_origin;
  std::vector<ClassFaults> by_class;                // largest time first
  std::vector<ThreadFaults> by_thread;              // largest count first
  std::optional<std::vector<VmaFaults>> by_vma;     // largest count first; their sum is that of by_origin
  std::vector<StackFaults> stacks;                  // largest count first
  std::optional<std::vector<FailedFaults>> failed;  // largest count first; empty: why faults fail was not looked for

  /// Of unknown origin there are none unless the kernel skips probes.
  [[nodiscard]] bool has_row(std::size_t origin) const {
    return origin != MLT_ORIGIN_UNKNOWN || (by_origin[origin] && by_origin[origin]->completed() != 0);
  }

  /// Of every origin that could be measured.
  [[nodiscard]] FaultTotals of_all_origins() const {
    FaultTotals sum;
    for (const auto& totals : by_origin) {
      if (totals) sum.add(*totals);
    }
    return sum;
  }
};

/// The rule of the kernel by which a call failed.
enum class CallRule {
  none,                // it succeeded, or failed for a reason that has nothing to do with locking
  limit_zero,          // RLIMIT_MEMLOCK is 0
  policy,              // seccomp or a security module
  over_limit,          // the range and what was locked before exceed RLIMIT_MEMLOCK
  vm_size_over_limit,  // mlockall: the address space exceeds RLIMIT_MEMLOCK
  hole,                // part of the range is not mapped
  too_many_mappings,   // vm.max_map_count
  not_populated,       // a page could not be made present
  no_memory,
  bad_argument,
  locked_memory,  // madvise: what is locked can't be given back
  undetermined,   // one of these, but what was seen does not tell which
};

/// What the time of calls went into. The parts don't overlap. One that was not measured is empty: `other` holds it.
struct CallParts {
  Count memory_ns;             // allocating memory, zeroing or copying it
  Count file_ns;               // mapping pages of files, and reading them if need be
  Count swap_in_ns;            // bringing pages back from swap
  Count reclaim_ns;            // reclaim that the caller did itself
  Count lock_wait_ns;          // waiting for mmap_lock
  Count off_cpu_ns;            // ready to run, while others had the processor
  std::uint64_t other_ns = 0;  // mappings, page tables
};

/// What a part of a call's range is.
enum class RangeKind {
  absent,      // mapped, and its pages could not be made present
  unlockable,  // a mapping that takes no lock
  hole,        // nothing is mapped there
};

struct CallRange {
  RangeKind kind = RangeKind::absent;
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  mlt_error_reason reason = MLT_ERROR_UNKNOWN;  // absent only
  std::string error;                            // absent: "EFAULT", as populate_vma_page_range returned it
  FailedAt at;                                  // absent: the first page that failed, where it is known
  std::string explain;                          // half a sentence: "the page at 1 MiB is beyond the end of …"
};

/// One call of the lock family, a mapping call that populated or was refused because of locking, or an madvise that
/// locked memory refused.
struct LockCall {
  std::uint64_t start_ns = 0;  // since the start of the trace
  std::uint32_t tid = 0;
  mlt_call call = MLT_CALL_NONE;
  std::string name;      // "mlock2"
  std::string args;      // "0x7f0000000000, 8 MiB, MLOCK_ONFAULT"
  std::int64_t ret = 0;  // as the system call returned it: negative errno on failure
  std::uint64_t duration_ns = 0;
  std::uint64_t populate_ns = 0;
  std::uint64_t pages_populated = 0;
  std::uint32_t vma_splits = 0;
  std::uint32_t vma_merges = 0;
  std::uint64_t locked_bytes_after = 0;
  std::string explain;  // one sentence, or empty
  CallRule rule = CallRule::none;
  std::uint64_t flags = 0;            // mlockall: MCL_*; mlock2: MLOCK_*; mmap: MAP_*; madvise: MADV_*
  std::uint64_t range_start = 0;      // its first page; 0: it names no range
  std::uint64_t range_bytes = 0;      // whole pages of the range; by how much mremap or brk wanted to grow
  bool mcl_future = false;            // in force after the call
  std::uint64_t unlocked_faults = 0;  // mlockall: what the thread had of them before, of the causes MLT_SPARED_BY_LOCK
  CallParts parts;
  /// Soft RLIMIT_MEMLOCK when the call failed; empty: unlimited, or CAP_IPC_LOCK, or it did not fail, or not known.
  Count limit_bytes;
  /// CAP_IPC_LOCK was effective when the call failed, but in a user namespace other than the initial one.
  bool cap_elsewhere = false;
  bool filtered = false;  // a seccomp filter answered it, and the kernel did not see it
  /// Where the limit was met: how large it has to be for this call, for the whole of the mapping in which it wants the
  /// first page that is not locked yet, and for the whole address space, with what was locked before. Empty: it was not
  /// met, or not known.
  Count needed_bytes;
  Count needed_for_mapping_bytes;
  Count needed_for_all_bytes;
  /// What else the limit is asked for, when the call failed: what is accounted to the user and pinned in the address
  /// space. mlock counts neither. Empty: it did not fail, or not known.
  Count user_locked_bytes;
  Count pinned_bytes;
  Count mappings;  // of the process when the call failed, and vm.max_map_count; empty: it did not, or not known
  Count max_map_count;
  std::uint64_t absent_ranges = 0;  // parts that could not be made present
  std::vector<CallRange> ranges;    // what the call met; of absent ranges the first
};

/// Totals of all calls of one kind: exact even when not every call could be kept as a LockCall.
struct CallTotals {
  mlt_call call = MLT_CALL_NONE;
  std::string name;
  std::uint64_t calls = 0;
  std::uint64_t errors = 0;
  std::uint64_t time_ns = 0;
  std::uint64_t populates = 0;
  std::uint64_t pages_populated = 0;
  std::uint64_t populate_ns = 0;
  std::uint64_t vma_splits = 0;
  std::uint64_t vma_merges = 0;
  CallParts parts = {};
  Count unlocked_populate_faults = {};  // faults by which they made pages present in mappings that are not locked
  std::map<std::string, std::int64_t> errors_by_errno = {};  // "EINVAL": 3; the rare ones together as "other"
};

struct Waits {
  std::uint64_t waits = 0;
  std::uint64_t time_ns = 0;
};

/// What the holder of mmap_lock was doing when waits for it began.
struct HolderWaits {
  mlt_call call = MLT_CALL_NONE;
  std::string name;  // empty: not known, or not a thread of the process
  Waits waits;
};

/// Waits for somebody outside the process who held its mmap_lock when they began.
struct OutsideWaits {
  std::uint32_t pid = 0;
  std::string comm;
  std::string call;  // the system call that it was in; empty: none, of a kernel thread, or not known
  std::string file;  // that it read or wrote, by its name in /proc/PID; empty: none
  Waits waits;
};

/// How long the threads of a process waited for its mmap_lock.
struct LockWaits {
  Waits all;
  Waits write;  // of all, those to write; the others are to read
  std::uint64_t max_ns = 0;
  Waits in_fault;                    // of all, those in page faults
  Count in_call_ns;                  // of all, in calls of `Locks::totals`
  Waits while_locking;               // of all, while the holder's call locked memory
  std::vector<HolderWaits> holders;  // most time first
  /// Of those whose holder was no thread of the process, the ones where it was found out who: most time first. Empty:
  /// not measured.
  std::optional<std::vector<OutsideWaits>> outside = {};
};

/// Faults at access that needed mmap_lock in spite of per-VMA locks.
struct VmaLock {
  std::uint64_t aborts = 0;   // did not get the lock: somebody was changing the VMA, or it had to grow
  std::uint64_t retries = 0;  // gave it up: this kind of fault needs mmap_lock, or waits for something else
};

/// Calls of one kind that RLIMIT_MEMLOCK refused, other than those of the lock family. The figures are of the one that
/// wanted most.
struct LimitRefusals {
  mlt_limited kind = MLT_LIMITED_IO_URING;
  std::uint64_t calls = 0;
  std::string error;  // "ENOMEM"
  std::uint64_t limit_bytes = 0;
  Count wanted_bytes;              // empty: not seen
  Count user_locked_bytes;         // accounted to the user by all its processes; empty: not known
  std::uint64_t pinned_bytes = 0;  // mm->pinned_vm of the process
  std::uint64_t locked_bytes = 0;  // mm->locked_vm of it: what mlock counts
  Count enough_bytes;              // a limit that would have done for this call; empty: not known
};

/// What the limit was compared with, beside what was wanted: perf asks what is pinned, the others what the user has.
inline Count counted_by_limit(const LimitRefusals& refused) {
  return refused.kind == MLT_LIMITED_PERF ? refused.pinned_bytes : refused.user_locked_bytes;
}

struct Size3 {
  Count start;
  Count end;
  Count peak;
};

struct Locks {
  /// Why calls of it were not seen, so that neither they nor their totals nor the peak are known; empty: they were.
  std::string calls_unseen;
  std::vector<LockCall> calls;  // in order of time
  std::uint64_t calls_not_kept = 0;
  std::vector<CallTotals> totals;  // only kinds that happened
  Size3 locked_bytes;
  Count limit_bytes;  // soft RLIMIT_MEMLOCK; empty: unlimited or unknown
  bool limit_unlimited = false;
  bool exempt = false;                         // CAP_IPC_LOCK in the initial user namespace: the limit does not apply
  std::optional<std::int64_t> headroom_bytes;  // limit - locked; empty when exempt, unlimited or unknown
  std::optional<LockWaits> mmap_lock;          // empty: not measured
  std::optional<VmaLock> vma_lock;             // empty: not measured, or the kernel has none (before 6.4)
  /// What the limit refused to others; empty: not measured.
  std::optional<std::vector<LimitRefusals>> limit_refusals;
};

/// Because of whom pages that a process munlocked stayed mlocked: another process, or itself through another mapping.
struct Keeper {
  std::uint32_t pid = 0;  // 0: not found
  std::string comm;
  std::uint64_t pages = 0;
};

struct Pages {
  Count mlocked;
  Count munlocked;
  Count to_unevictable;
  Count rescued;
  Count culled_by_reclaim;
  Count still_locked_elsewhere;
  std::vector<Keeper> still_locked_by;  // of these, most pages first; where several hold a page, one of them
  /// Resident pages of its VM_LOCKED mappings that are not mlocked when the trace ends. Empty: it had ended, or see
  /// below.
  Count locked_not_mlocked;
  std::string locked_not_mlocked_unknown = {};  // why that is not known; or empty
};

/// Reclaim that a process did itself because it had to wait for memory.
struct ReclaimStall {
  std::uint64_t calls = 0;
  std::uint64_t time_ns = 0;
  std::uint64_t reclaimed = 0;  // pages
  std::uint64_t max_ns = 0;     // the longest
};

struct Reclaim {
  std::optional<ReclaimStall> direct;  // the machine was short of memory
  std::optional<ReclaimStall> memcg;   // the memory cgroup was over its limit
  Count in_fault_ns;                   // the part of both that was inside page faults
  Count in_call_ns;                    // the part of both that was inside lock calls
  Count met_locked_active;             // pages of this process that reclaim passed by because a mapping was VM_LOCKED
  Count met_locked_inactive;
};

struct Waited {
  std::uint64_t waits = 0;
  std::uint64_t time_ns = 0;
  std::uint64_t max_ns = 0;  // the longest
};

/// What the faults of a process waited for, or took long for: parts of their time, which don't overlap. What is left is
/// not explained. Each is empty where it was not measured.
struct FaultWaits {
  std::optional<Waited> userfault;  // for another thread or process, by userfaultfd
  std::optional<Waited> migration;  // until a page had been moved
  std::optional<Waited> file_read;  // until a page of a file had been read
  std::optional<Waited> refault;    // the same, where it had been evicted not long ago
  std::optional<Waited> swap_read;  // until a page had been read from swap
  std::optional<Waited>
      page_lock;  // until somebody else was done with a page, or a block of the file system read or written
  std::optional<Waited> writeback;       // until a page had been written back
  std::optional<Waited> dirty;           // held up for making pages dirty too fast
  std::optional<Waited> compaction;      // moving pages out of the way of a huge one
  std::optional<Waited> direct_reclaim;  // reclaim that they did themselves, as in `Reclaim`
  std::optional<Waited> memcg_reclaim;
  std::optional<Waited> memory_high;  // asleep for being over memory.high
  std::optional<Waited> huge_page;    // no wait: allocating and clearing huge pages
  /// No part of a fault's time: asleep for being over memory.high after a fault or a call, on the way back to user
  /// mode.
  std::optional<Waited> after_memory_high;
  Count refaulted_file;  // pages that were read again, having been evicted not long ago
  Count refaulted_swap;  // the same, from swap
};

struct Swap {
  Count in;           // faults that found a swap entry
  Count in_major;     // of these, the major ones: the page was not in the swap cache
  Count in_read;      // of these, those that read from a swap device; null: some did not, and whose is not known
  Count in_ns;        // time in all of them
  Count readahead;    // pages that they read besides those that they needed
  Count out;          // pages of this process written to swap, whoever did it
  Count out_by_self;  // of these, by the process itself
  Count out_by_kswapd;
  Count duplicated;    // swap entries copied by fork
  Count duplicate_ns;  // time of the copying of page tables that copied them
  Count freed;         // swap entries given up by unmapping and by exit
  Count free_ns;       // time of the unmapping at exit
};

struct Populate {
  Count calls;
  Count pages;
  Count time_ns;
};

struct VmaChange {
  std::uint64_t at_ns = 0;  // since the start of the trace
  std::uint32_t tid = 0;
  bool split = true;  // else a merge
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint64_t addr = 0;  // where it was split
  bool locked = false;     // the VMA had VM_LOCKED
  std::string cause;       // the call that did it: "mlock", "mprotect", "page fault"
};

struct Vma {
  Count splits;
  Count merges;
  Size3 count;
  Count max_map_count;
  std::vector<VmaChange> changes;  // in order of time
  std::uint64_t changes_not_kept = 0;
};

struct LifeEvent {
  std::uint64_t at_ns = 0;
  /// vfork: the child runs in the parent's address space until it calls execve; share: it stays there (CLONE_VM).
  enum class Kind { fork, vfork, share, exec, exit } kind = Kind::fork;
  std::uint32_t child_pid = 0;           // fork, vfork, share
  Count locked_bytes;                    // of the parent; of the process before exec or exit; empty: not known
  std::uint64_t locked_bytes_after = 0;  // of the child; of the process after exec
  bool mcl_future = false;               // MCL_FUTURE was in force before: /proc does not show it
  bool mcl_onfault = false;              // the same for MCL_ONFAULT
  std::string comm;                      // exec: the new name
  std::string child_comm = {};           // the child's name when it was last seen; empty: it was not traced
};

/// How a process ended.
struct Ending {
  Count status;                    // of exit(); empty: a signal ended it
  std::string signal;              // that ended it: "SIGSEGV"
  bool core_dumped = false;        // by the kernel: written, or handed to a program
  std::optional<bool> oom_killed;  // by the OOM killer; empty: that was not looked for
  std::string oom_limit;           // whose limit that was for: "machine", "nodes" or "cgroup"
  std::string oom_cgroup;          // which, as /proc/PID/cgroup has it; its name alone where the process's is not known
  Count oom_limit_bytes = std::nullopt;  // that limit, and what was used of it; of a cgroup
  Count oom_used_bytes = std::nullopt;
};

/// What somebody did to the memory of a process, or to that of the machine: all that one did in the same way.
struct Act {
  std::uint32_t pid = 0;
  std::string comm;
  bool by_itself = false;      // the process whose memory it is
  std::string call;            // the system call, or what the kernel did without one
  std::string what = {};       // "MADV_PAGEOUT", "UFFDIO_COPY"; empty: the call says it
  std::string file = {};       // that was written to, or the swap device; empty: none
  std::string cgroup = {};     // whose file it is; empty: no cgroup's
  std::string value = {};      // that was written
  Count calls = {};            // empty: not counted
  Count bytes = {};            // of memory that the calls named; empty: not known of all of them
  Count pages = {};            // that they took out of memory; empty: not looked for
  std::uint64_t first_ns = 0;  // since the start of the trace
  std::uint64_t last_ns = 0;
};

struct Process {
  std::uint32_t pid = 0;         // in the caller's PID namespace
  std::uint32_t parent_pid = 0;  // the traced process that forked it; 0: none
  std::string comm;
  std::string exe;
  std::string cgroup;
  Count threads;
  bool exited = false;
  std::optional<Ending> ending;  // empty: it runs on
  Faults faults;
  Populate populate;
  Locks locks;
  Pages pages;
  Vma vma;
  std::optional<Reclaim> reclaim;  // empty: not measured
  std::optional<FaultWaits> waits;
  std::optional<Swap> swap;
  std::vector<LifeEvent> life;  // in order of time
  std::uint64_t life_not_kept = 0;
  std::vector<std::uint32_t> children;   // traced processes that this one forked
  std::optional<std::vector<Act>> acts;  // on its memory, by others and by itself, the first of them first
  Count major_where_taken;  // major faults at addresses between those of pages that others had taken, after that
};

/// How many of a group ended in one way.
struct GroupEnding {
  Ending ending;
  std::uint64_t processes = 0;
};

/// The processes of one command that are not listed one by one, in sum: with them, the totals of a report are whole.
struct ProcessGroup {
  std::string comm;  // empty: of all other commands
  std::uint64_t processes = 0;
  std::uint64_t exited = 0;
  std::vector<GroupEnding> endings;
  /// What adds up, added up. Calls, changes, life and the like are not listed, but counted as not kept; of times that
  /// are the longest, the longest; a limit only where it is that of each.
  Process sum;
};

enum class SignalState { exact, partial, off };

struct SignalCoverage {
  std::string name;
  SignalState state = SignalState::off;
  std::string via;     // "fexit:handle_mm_fault"; empty when off
  std::string limits;  // what it can't see, or why it is off; empty when there is nothing to say
};

struct Lost {
  std::uint64_t events = 0;         // records that found no room in the ring buffer
  std::uint64_t map_full = 0;       // faults, processes or pages that found no room in a map
  std::uint64_t missed_probes = 0;  // probes that the kernel skipped, and what they would have seen is not known
  [[nodiscard]] bool any() const { return events + map_full + missed_probes != 0; }
};

/// Faults of which the kernel skipped a probe, and that are counted: its own counters told of them.
struct SkippedProbes {
  std::uint64_t unclassed = 0;  // at the entry: of no known class
  std::uint64_t untimed = 0;    // at the end, and no other: of no known duration
  [[nodiscard]] bool any() const { return unclassed + untimed != 0; }
};

enum class Verdict { equal, differs, unavailable };

struct AuditCheck {
  std::string check;  // "faults of pid 123"
  Count traced;
  Count kernel;
  /// The kernel's value is only known to lie in [kernel, kernel + slack]: the process ran on while it was read.
  std::uint64_t slack = 0;
  std::string source;  // "/proc/123/stat min_flt + maj_flt"
  Verdict verdict = Verdict::unavailable;
  std::string why;  // empty when equal
};

/// Checks of one kind that came to the same, of processes that are not listed one by one. None that differs is in one.
struct AuditGroup {
  std::string check;  // "faults"
  std::uint64_t checks = 0;
  Count traced;  // in sum
  Count kernel;
  std::uint64_t slack = 0;
  std::string source;  // "/proc/PID/stat min_flt + maj_flt"
  Verdict verdict = Verdict::unavailable;
  std::string why;
};

struct Coverage {
  std::vector<SignalCoverage> signals;
  Lost lost;
  std::optional<SkippedProbes> skipped;  // empty: faults were not compared with the kernel's counters one by one
  std::vector<AuditCheck> audit;
  std::vector<AuditGroup> audit_groups;  // with `audit`, all checks that were made
  [[nodiscard]] bool has_skipped() const { return skipped && skipped->any(); }
};

/// A call that may have led to a storm.
struct StormCall {
  std::uint64_t at_ns = 0;  // its end, since the start of the trace
  std::uint32_t tid = 0;
  std::string name;  // "madvise"
  std::string args;  // "0x7f0000000000, 512 MiB, MADV_DONTNEED"; empty: fork and execve
  bool operator==(const StormCall&) const = default;
};

/// A time in which a process faulted far more than is usual, or than it should.
struct Storm {
  std::uint32_t pid = 0;
  std::uint64_t start_ns = 0;  // since the start of the trace
  std::uint64_t duration_ns = 0;
  std::uint64_t peak_per_s = 0;
  mlt_cause cause = MLT_CAUSE_UNKNOWN;  // of most of the faults
  std::string vma;                      // where most of them were; empty: not known
  /// "innermost <- its caller <- …": where most faults of this cause came from in the whole of the trace, for stacks
  /// are known by then only. Empty: not asked for.
  std::string stack;
  std::uint64_t faults = 0;
  std::uint64_t time_ns = 0;  // in them
  Count baseline_per_s;       // what was usual before; empty: much by itself, without comparison
  Count vma_faults;           // faults of that time in `vma`, those of calls too
  std::uint32_t tid = 0;      // the thread that took most of them; 0: not known
  Count tid_faults;           // of it, those of calls too
  /// What the process did before: of its calls from a second before the start to a second after it that can have led to
  /// most of the faults of this cause, where they were, the one of the largest range; or the fork, however long before,
  /// that made the memory copy-on-write. Empty: none was seen.
  std::optional<StormCall> trigger;
  std::string trigger_unknown = {};  // there must have been one, and why it is not known; or empty
  Count cause_faults = {};           // of the faults, those of `cause`
};

enum class Severity { info, notice, warning, problem };

/// Which processes a finding is of that is of many.
struct FindingProcesses {
  std::uint64_t count = 0;
  std::vector<std::uint32_t> pids;    // the gravest first; not all of them
  std::vector<std::string> commands;  // most processes first; not all of them
};

struct Finding {
  std::string id;
  Severity severity = Severity::info;
  std::uint32_t pid = 0;  // 0: the system
  std::string title;
  std::map<std::string, std::int64_t> evidence;
  std::string advice;
  std::string see;
  /// Of many processes: `pid` is the gravest, and the evidence is of all where it adds up, of that one elsewhere.
  std::optional<FindingProcesses> processes = std::nullopt;
};

struct Host {
  std::string kernel;
  std::string arch;
  std::uint32_t cpus = 0;
  std::uint64_t page_size = 4096;
  Count memory_bytes = std::nullopt;
};

struct Window {
  std::uint64_t start_unix_ns = 0;
  std::uint64_t duration_ns = 0;
  /// Faults count from the start; everything else from this moment on, since the start: its probes were attached later.
  std::uint64_t complete_after_ns = 0;
};

struct Target {
  std::string kind;  // "pid", "tid", "cgroup", "all", "command"
  std::vector<std::uint32_t> pids;
  std::string text;  // the cgroup's path or the command line; empty otherwise
  bool follow = false;
};

struct SwapDevice {
  std::string name;  // path of the device or file
  std::string type;  // "partition" or "file"
  std::uint64_t size_bytes = 0;
  std::uint64_t used_bytes = 0;
  std::int64_t priority = 0;
};

/// Reclaim by the kernel's own threads.
struct SystemReclaim {
  Count kswapd_wakeups;
  std::uint64_t kswapd_scanned = 0;  // pages, from /proc/vmstat
  std::uint64_t kswapd_reclaimed = 0;
  std::uint64_t direct_scanned = 0;
  std::uint64_t direct_reclaimed = 0;
};

/// Swap readahead of all processes: how much of it was of use is known for the system only.
struct SwapReadahead {
  std::uint64_t pages = 0;  // read ahead
  std::uint64_t hits = 0;   // of these and earlier ones, faults that found such a page
};

/// memory.high of the cgroup that the target runs in, or of one above it: over it, processes have to reclaim and are
/// put to sleep for up to two seconds at a time. Locked memory can't be reclaimed.
struct MemoryHighLimit {
  std::string cgroup;
  std::uint64_t limit_bytes = 0;
  std::uint64_t exceeded = 0;  // times, in the window
  Count stalled_ns;            // at least one process of the cgroup waited for memory; empty: this kernel has no PSI
};

struct System {
  std::map<std::string, std::int64_t> vmstat;  // what changed, by /proc/vmstat name
  Count other_unevictable_pages;               // moved to the unevictable LRU, of processes that were not traced
  /// Moved there with no mlock, of any process: ramfs, SHM_LOCK, secretmem.
  Count unevictable_without_mlock;
  std::optional<SystemReclaim> reclaim;
  std::vector<SwapDevice> swap_devices;
  std::optional<SwapReadahead> swap_readahead;  // empty: this kernel does not count it
  Count unevictable_pages;                      // on the unevictable list at the end, whoever's
  std::vector<MemoryHighLimit> memory_high;     // where one is set
  std::optional<std::vector<Act>> acts;         // on the machine or a cgroup, by any process; the first of them first
};

struct Report {
  std::string tool_version;
  Host host;
  Window window;
  Target target;
  Coverage coverage;
  std::vector<Process> processes;    // most faults first
  std::vector<ProcessGroup> groups;  // of a crowd: the processes that are not among those, most time first
  System system;
  std::vector<Finding> findings;  // gravest first
  std::vector<Storm> storms;      // in order of time
};

}  // namespace mlt
