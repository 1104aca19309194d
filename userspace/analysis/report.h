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
  auto operator<=>(const FaultClass&) const = default;
};

struct ClassFaults {
  FaultClass fault_class;
  FaultTotals totals;
};

struct ThreadFaults {
  std::uint32_t tid = 0;  // 0: threads that could not be told apart
  FaultTotals totals;
};

struct Faults {
  /// Empty when no probe that is attached can see this origin.
  std::array<std::optional<FaultTotals>, MLT_ORIGIN_NR> by_origin;
  std::vector<ClassFaults> by_class;    // largest time first
  std::vector<ThreadFaults> by_thread;  // largest count first
};

/// One call of the lock family, or a mapping call that populated or was refused because of locking.
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
};

struct Size3 {
  Count start;
  Count end;
  Count peak;
};

struct Locks {
  std::vector<LockCall> calls;  // in order of time
  std::uint64_t calls_not_kept = 0;
  std::vector<CallTotals> totals;  // only kinds that happened
  Size3 locked_bytes;
  Count limit_bytes;  // soft RLIMIT_MEMLOCK; empty: unlimited or unknown
  bool limit_unlimited = false;
  bool exempt = false;                         // CAP_IPC_LOCK in the initial user namespace: the limit does not apply
  std::optional<std::int64_t> headroom_bytes;  // limit - locked; empty when exempt, unlimited or unknown
};

struct Pages {
  Count mlocked;
  Count munlocked;
  Count to_unevictable;
  Count rescued;
  Count culled_by_reclaim;
  Count still_locked_elsewhere;
  Count locked_not_mlocked;
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
  enum class Kind { fork, exec, exit } kind = Kind::fork;
  std::uint32_t child_pid = 0;     // fork
  std::uint64_t locked_bytes = 0;  // fork: the parent's; exec: before; exit: at exit
  bool mcl_future = false;         // MCL_FUTURE was in force
  std::string comm;                // exec: the new name
};

struct Process {
  std::uint32_t pid = 0;         // in the caller's PID namespace
  std::uint32_t parent_pid = 0;  // the traced process that forked it; 0: none
  std::string comm;
  std::string exe;
  std::string cgroup;
  Count threads;
  bool exited = false;
  Faults faults;
  Populate populate;
  Locks locks;
  Pages pages;
  Vma vma;
  std::vector<LifeEvent> life;
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
  std::uint64_t missed_probes = 0;  // return probes that did not fire
  [[nodiscard]] bool any() const { return events + map_full + missed_probes != 0; }
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

struct Coverage {
  std::vector<SignalCoverage> signals;
  Lost lost;
  std::vector<AuditCheck> audit;
};

enum class Severity { info, notice, warning, problem };

struct Finding {
  std::string id;
  Severity severity = Severity::info;
  std::uint32_t pid = 0;  // 0: the system
  std::string title;
  std::map<std::string, std::int64_t> evidence;
  std::string advice;
  std::string see;
};

struct Host {
  std::string kernel;
  std::string arch;
  std::uint32_t cpus = 0;
  std::uint64_t page_size = 4096;
};

struct Window {
  std::uint64_t start_unix_ns = 0;
  std::uint64_t duration_ns = 0;
};

struct Target {
  std::string kind;  // "pid", "tid", "cgroup", "all", "command"
  std::vector<std::uint32_t> pids;
  std::string text;  // the cgroup's path or the command line; empty otherwise
  bool follow = false;
};

struct System {
  std::map<std::string, std::int64_t> vmstat;  // what changed, by /proc/vmstat name
  Count other_unevictable_pages;               // moved to the unevictable LRU, of processes that were not traced
};

struct Report {
  std::string tool_version;
  Host host;
  Window window;
  Target target;
  Coverage coverage;
  std::vector<Process> processes;  // most faults first
  System system;
  std::vector<Finding> findings;  // gravest first
};

}  // namespace mlt
