// Fault storms: found while the trace runs, from the counts of one moment after another.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "analysis/trigger.h"
#include "model/counts.h"
#include "model/report.h"

namespace mlt {

struct StormLimits {
  std::uint64_t per_s = 50'000;
  std::uint64_t time_percent = 5;  // of a CPU
  std::uint64_t factor = 10;       // times what is usual for the process
  std::uint64_t least_ns = 3'000'000'000;
};

/// What a process has faulted so far, at access. Faults that a lock makes are the lock at work and no storm.
struct FaultSample {
  std::uint32_t id = 0;  // ProcessCounts::id
  std::uint32_t pid = 0;
  std::uint32_t tgid = 0;  // in the initial PID namespace
  std::uint64_t faults = 0;
  std::uint64_t time_ns = 0;
  std::array<std::uint64_t, MLT_CAUSE_NR> by_cause{};
  // All of its faults, for nothing tells these apart.
  std::map<std::uint32_t, std::uint64_t> by_thread;  // 0: of threads that shared a block
  std::vector<mlt_vma> by_vma;
};

std::vector<FaultSample> fault_samples(const Counts& counts);

/// A storm, and what its words are made of: see build_storms.
struct StormSeen {
  Storm storm;  // without vma, stack and trigger
  std::uint32_t id = 0;
  std::optional<mlt_vma> vma;
  std::optional<mlt_event_call> trigger;
  bool lacks_fork = false;  // most faults are such as only a fork leads to, and none was seen
};

class StormWatch {
 public:
  explicit StormWatch(const StormLimits& limits) : limits_(limits) {}

  /// Takes in what a process did since the last samples.
  void add(std::uint32_t id, const mlt_event& event);

  /// Takes in the samples of a moment: `at_ns` since the start of the trace, later than the last one.
  void add(std::uint64_t at_ns, std::vector<FaultSample> samples);

  /// No more samples will come: what was kept to compare them with is given up.
  void end();

  /// Every storm so far, in order of time; one that still goes on ends here.
  [[nodiscard]] std::vector<StormSeen> storms() const;

 private:
  struct Current {
    StormSeen seen;
    FaultSample before;
    TriggerCalls around_start;
    Forks forks_before;
  };
  // Of each process there is one: what few of them need is not in it.
  struct Watched {
    FaultSample last;
    std::vector<std::uint64_t> usual;  // rates, without those that were unusual
    TriggerCalls calls;                // since the last sample
    TriggerCalls earlier_calls;        // between the last and the one before
    Forks forks;
    std::unique_ptr<Current> current;  // storm
  };

  void step(Watched& process, FaultSample now, std::uint64_t at_ns);
  void close(Watched& process);
  void add_fork(std::uint32_t id, const mlt_event_process& fork);
  [[nodiscard]] std::optional<StormSeen> finished(const Watched& process) const;

  StormLimits limits_;
  std::uint64_t last_ns_ = 0;
  std::map<std::uint32_t, Watched> processes_;
  std::map<std::uint32_t, mlt_event_call> births_;    // of traced children that had no sample yet; by their tgid
  std::uint64_t earlier_birth_ns_ = 0;                // the last of those that the last samples had the time to take in
  std::map<std::uint32_t, std::uint32_t> parent_of_;  // of traced children that share memory; by their record
  std::vector<StormSeen> storms_;
};

}  // namespace mlt
