// What the BPF programs counted, as plain values: the session's product and the analysis' input.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "analysis/report.h"
#include "bpf/mlocktrace.h"

namespace mlt {

struct ProcessCounts {
  std::uint32_t id = 0;  // unique in a trace, unlike the pid
  mlt_proc proc{};
  std::map<std::uint16_t, FaultTotals> by_class;   // key: class number of bpf/mlocktrace.h
  std::map<std::uint32_t, FaultTotals> by_thread;  // key: tid; 0: threads that shared a block
};

struct Counts {
  std::vector<ProcessCounts> processes;
  mlt_stats stats{};
  std::uint64_t skipped_runs = 0;  // of any program: the kernel took them for recursion

  /// What came since `earlier`, an older state of the same trace. Processes that were idle in between are left out.
  [[nodiscard]] Counts since(const Counts& earlier) const;
};

}  // namespace mlt
