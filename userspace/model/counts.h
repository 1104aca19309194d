// What the BPF programs counted, as plain values: the session's product and the analysis' input.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "bpf/mlocktrace.h"
#include "model/report.h"

namespace mlt {

/// Faults of one class that came from one place. Addresses, innermost first; empty: not asked for, or not readable.
struct StackCount {
  std::vector<std::uint64_t> kernel;
  std::vector<std::uint64_t> user;
  std::uint16_t class_id = 0;
  std::uint16_t program = 0;  // see Symbolizer
  std::uint64_t faults = 0;
  std::uint64_t time_ns = 0;
};

/// Faults and accesses that failed alike.
struct ErrorCount {
  mlt_error_key key{};
  mlt_error error{};
};

/// The number by which the caller knows the process: BPF sees that of the initial PID namespace, and notes the other
/// one where they differ.
inline std::uint32_t visible_pid(const mlt_proc& proc) { return proc.pid != 0 ? proc.pid : proc.tgid; }

/// Has it ended, and of some of its threads the kernel has announced neither that nor that they are freed? That may
/// still come; on some kernels a program is skipped that another thread on the same processor is in. A leader that
/// nobody has waited for is not meant.
inline bool misses_ends(const mlt_proc& proc) {
  const std::uint32_t leader = proc.group_flt == 0 ? 1 : 0;
  return proc.exit_ns != 0 && proc.threads > leader;
}

/// What somebody did to the memory of a process, or of the machine.
struct ActCount {
  mlt_act_key key{};
  mlt_act act{};
};

void add(mlt_call_total& sum, const mlt_call_total& part);

/// Within one process.
bool same(const mlt_error_key& a, const mlt_error_key& b);

/// A process that had not ended, as the caller sees it.
struct AliveProcess {
  std::uint32_t pid = 0;
  std::uint16_t program = 0;  // see Symbolizer
};

struct ProcessCounts {
  std::uint32_t id = 0;  // unique in a trace, unlike the pid
  mlt_proc proc{};
  std::map<std::uint16_t, FaultTotals> by_class;   // key: class number of bpf/mlocktrace.h
  std::map<std::uint32_t, FaultTotals> by_thread;  // key: tid; 0: threads that shared a block
  std::map<mlt_call, mlt_call_total> calls;        // those that it made, or that made pages present for it
  std::map<std::uint32_t, mlt_keeper> keepers;     // of pages that it munlocked; key: tgid
  std::vector<ErrorCount> errors;
  std::vector<ActCount> acts;      // on its memory
  std::vector<mlt_vma> by_vma;     // see model/vma_counts.h
  std::vector<StackCount> stacks;  // at the end of the trace only
};

struct Counts {
  std::vector<ProcessCounts> processes;
  mlt_stats stats{};
  std::vector<ActCount> acts;      // on no single process's memory
  std::uint64_t skipped_runs = 0;  // of any program: the kernel took them for recursion

  /// What came since `earlier`, an older state of the same trace. Processes that were idle in between are left out.
  [[nodiscard]] Counts since(const Counts& earlier) const;
};

}  // namespace mlt
