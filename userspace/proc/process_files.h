// Readers of /proc/PID: the kernel's own view of a process, before and after a trace.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "util/result.h"

namespace mlt {

/// min_flt and maj_flt of /proc/PID/stat: all threads, dead ones too.
struct FaultCounters {
  std::uint64_t minor = 0;
  std::uint64_t major = 0;
  [[nodiscard]] std::uint64_t total() const { return minor + major; }
};

struct ProcessSnapshot {
  std::string comm;
  std::string exe;     // empty for kernel threads, or without permission
  std::string cgroup;  // path in the unified hierarchy, else the first one
  FaultCounters faults;
  std::uint64_t start_ticks = 0;  // with the pid the identity of a process
  std::optional<std::uint64_t> threads;
  std::optional<std::uint64_t> locked_bytes;   // VmLck
  std::optional<std::uint64_t> vma_count;      // lines of /proc/PID/maps
  std::optional<std::uint64_t> memlock_limit;  // soft RLIMIT_MEMLOCK in bytes; empty: unknown
  bool memlock_unlimited = false;
  bool can_lock_any = false;                   // CAP_IPC_LOCK, effective in the initial user namespace
  std::optional<std::uint64_t> vm_size_bytes;  // VmSize: what mlockall compares with the limit
  std::optional<bool> seccomp_filter;
  bool has_ended = false;                    // a zombie: its parent has not asked for its status yet
  std::optional<std::uint32_t> wait_status;  // of a zombie, as wait() will tell it
};

bool process_exists(std::uint32_t pid);

/// Whether a seccomp filter may answer system calls of its first thread. False, too, where that can't be read.
bool runs_filtered(std::uint32_t pid);

/// How many threads it has; 0: it is gone.
std::uint64_t count_threads(std::uint32_t pid);

/// The process that a thread belongs to.
Result<std::uint32_t> process_of_thread(std::uint32_t tid);

/// When a thread began, in clock ticks: with its number its identity. Empty: there is no such thread, or it has ended.
std::optional<std::uint64_t> start_of_thread(std::uint32_t pid, std::uint32_t tid);

/// Just the fault counters: cheap enough to read right beside opening and closing the gate.
std::optional<FaultCounters> read_fault_counters(std::uint32_t pid);
/// The same of one thread.
std::optional<FaultCounters> read_fault_counters(std::uint32_t pid, std::uint32_t tid);

/// What a process has locked and resident now, as /proc/PID/status says.
struct MemoryLevels {
  std::optional<std::uint64_t> locked_bytes;    // VmLck
  std::optional<std::uint64_t> resident_bytes;  // VmRSS
};
MemoryLevels read_memory_levels(std::uint32_t pid);

/// Everything that can be read; no value when the process is gone.
std::optional<ProcessSnapshot> read_process(std::uint32_t pid);

/// All processes there are.
std::vector<std::uint32_t> list_processes();

}  // namespace mlt
