// A trace from the first fault to the last: attaches, follows, collects, samples, ends. What becomes of it is a sink's
// business: printed, or recorded.
#pragma once

#include <functional>
#include <optional>
#include <set>

#include "analysis/build_timeline.h"
#include "analysis/storms.h"
#include "analysis/trace_data.h"
#include "cli/options.h"
#include "symbols/code_watch.h"
#include "trace/attach.h"
#include "trace/child.h"
#include "util/fd.h"

namespace mlt {

/// Takes what a trace yields. An error ends the trace.
class TraceSink {
 public:
  virtual ~TraceSink() = default;

  /// The report of everything up to now: takes the time of reading /proc for every process.
  using ReportNow = std::function<Report()>;

  /// Faults count, and a command has not begun yet.
  virtual Status begin(const TraceData& trace) = 0;
  /// The command has its address space, and has not run an instruction. Not called where it may not be held there.
  virtual Status command_held() { return {}; }
  /// An interval has passed. `part`: the trace cut to it, its counts those that came in it.
  virtual Status interval(const TraceData& part, const ReportNow& report_now) = 0;
  /// Single faults, when the session was asked for them.
  virtual void fault(const FaultEvent& event) = 0;
  /// Between intervals, some times a second.
  virtual Status tick() { return {}; }
  /// What came after the last interval; it takes the memory of another whole trace.
  using Rest = std::function<TraceData()>;

  /// The trace has ended.
  virtual Status end(const Rest& rest, const Report& report) = 0;
};

class TraceRun {
 public:
  /// `interval_ns`: how often the sink gets an interval; without a value it gets none.
  TraceRun(const TraceOptions& options, std::optional<std::uint64_t> interval_ns, SessionOptions targets,
           std::optional<Child> child, TraceSink& sink);

  /// The exit status: that of --fail-on, or the command's.
  Result<int> run(Kernel kernel, int signals);

 private:
  Status count_faults(Session& session);
  void look_at_cgroup();
  void around(Bracket<MemoryStat> CgroupViews::*moment, const std::function<void()>& happens);
  void count_everything();
  void start_clock();
  Status start_command();
  void name_command();
  Status follow_until_end(int signals);
  void end();
  Status collect();
  void look_at(TraceData& data, std::uint32_t pid, std::uint16_t program) const;
  void look_at_new();
  void look_at_code();
  void sample();
  Status cut_interval();
  [[nodiscard]] TraceData part_since_last(const Counts& now, std::uint64_t now_ns) const;
  void read_views(TraceData& data) const;
  [[nodiscard]] Report report_now(Counts counts, std::uint64_t now_ns) const;
  [[nodiscard]] Report report_of(const TraceData& data) const;
  Result<int> finish();
  [[nodiscard]] bool wants_to_end(int signals) const;
  [[nodiscard]] std::uint64_t time_to_wait() const;
  [[nodiscard]] std::vector<std::uint32_t> watched_pids() const;
  void look_for_not_mlocked(const std::set<std::uint32_t>& pids);
  [[nodiscard]] std::optional<FaultCounters> fault_counters(std::uint32_t pid) const;
  [[nodiscard]] std::vector<std::uint32_t> pids_to_walk() const;
  void say(const std::string& line) const;

  const TraceOptions& options_;
  std::optional<std::uint64_t> interval_ns_;
  SessionOptions targets_;
  std::optional<Child> child_;
  TraceSink& sink_;
  std::optional<Attached> attached_;
  std::string cgroup_directory_;  // of data_.cgroup
  TraceData data_;
  StormWatch storms_;
  std::uint64_t next_sample_ns_;    // since the start
  std::optional<Counts> previous_;  // of the last interval
  std::uint64_t intervals_ = 0;
  std::uint64_t interval_start_ns_ = 0;
  std::set<std::pair<std::uint32_t, std::uint16_t>> looked_at_;  // for what they have mapped: process, program
  std::uint64_t next_look_ns_ = 0;
  CodeWatch code_;  // of the command, when stacks are asked for
};

/// Everything before the trace: the command is started and held, the target checked, the kernel asked.
struct Prepared {
  Fd signals;  // Ctrl-C and kill: the report is still to come
  std::optional<Child> child;
  SessionOptions targets;
  Kernel kernel;
};
Result<Prepared> prepare_trace(const TraceOptions& options);

}  // namespace mlt
