// Everything that a trace gathered, before it is analysed: what BPF counted, the events, and what /proc said before and
// after. Plain values; tests make them up.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/counts.h"
#include "model/report.h"
#include "plan/plan.h"
#include "proc/cgroup_files.h"
#include "proc/maps_file.h"
#include "proc/process_files.h"
#include "proc/smaps.h"
#include "symbols/symbolizer.h"

namespace mlt {

/// Events of one process, in order of time, up to a limit; the totals in Counts are exact all the same.
struct ProcessEvents {
  std::vector<mlt_event_call> calls;
  std::uint64_t calls_not_kept = 0;
  std::map<std::size_t, std::vector<mlt_event_range>> ranges;  // what a call met, by its place in `calls`
  std::vector<mlt_event_vma> changes;
  std::uint64_t changes_not_kept = 0;
  std::vector<mlt_event_process> life;
  std::uint64_t life_not_kept = 0;
  std::uint64_t peak_locked_pages = 0;
  std::uint64_t peak_vma_count = 0;

  /// Sorts an event of the ring buffer into its list.
  void add(const mlt_event& event);

 private:
  void end_call(std::uint32_t tid, bool is_kept);
  std::map<std::uint32_t, std::vector<mlt_event_range>> open_ranges_;  // by thread: of the call that it is in
};

/// What the kernel counts, read twice around the moment that matters: the true value lies between.
template <class Counters>
struct Bracket {
  std::optional<Counters> before;
  std::optional<Counters> after;
};
using CounterBracket = Bracket<FaultCounters>;

/// /proc's view of one process.
struct ProcessViews {
  std::optional<ProcessSnapshot> start;
  std::optional<ProcessSnapshot> end;  // no value: it exited, or was never seen
  CounterBracket gate_open;
  CounterBracket gate_close;
  std::optional<std::uint64_t> locked_close;  // VmLck in bytes, before the gate was closed
  std::uint64_t locked_close_ns = 0;          // when it was read; CLOCK_MONOTONIC
  Bracket<LockedResident> resident_complete;
  Bracket<LockedResident> resident_close;
  std::optional<std::uint64_t> not_mlocked;  // see count_not_mlocked; when the gate was closed
  std::string not_mlocked_unknown;           // why it is not known
};

/// The cgroup (v2) that the target runs in.
struct CgroupViews {
  std::string path;  // as /proc/PID/cgroup has it
  std::vector<std::uint32_t> members_start;
  std::vector<std::uint32_t> members_end;
  Bracket<MemoryStat> gate_open;
  Bracket<MemoryStat> complete;
  Bracket<MemoryStat> gate_close;
  std::vector<MemoryHigh> high_start;  // of it and those above it
  std::vector<MemoryHigh> high_end;
};

struct TraceData {
  std::string tool_version;
  Host host;
  Target target;
  std::uint64_t start_unix_ns = 0;
  std::uint64_t start_ns = 0;     // CLOCK_MONOTONIC: faults count from here on
  std::uint64_t complete_ns = 0;  // everything else
  std::uint64_t end_ns = 0;
  const Plan* plan = nullptr;
  Counts counts;
  std::map<std::uint32_t, ProcessEvents> events;  // by ProcessCounts::id
  std::map<std::uint32_t, ProcessViews> views;    // by pid, as the caller sees it
  std::optional<CgroupViews> cgroup;              // no value: every process is traced
  // /proc/vmstat on both sides of the moments from which everything counts, and from which nothing does.
  std::map<std::string, std::int64_t> vmstat_start;
  std::map<std::string, std::int64_t> vmstat_completed;
  std::map<std::string, std::int64_t> vmstat_closing;
  std::map<std::string, std::int64_t> vmstat_end;
  std::map<std::uint32_t, std::vector<MapsLine>> maps;  // by pid: mappings with a name that were seen at any time
  std::vector<SwapDevice> swap_devices;                 // at the end
  Symbolizer symbols;                                   // of the code that was seen, when stacks are asked for
  std::optional<std::uint64_t> max_map_count;
  bool by_generations = false;  // reclaims_by_generations() of proc/system_files.h
};

}  // namespace mlt
