// Fault storms: found while the trace runs, from the counts of one moment after another.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

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
};

class StormWatch {
 public:
  explicit StormWatch(const StormLimits& limits) : limits_(limits) {}

  /// Takes in what a process did since the last samples.
  void add(std::uint32_t id, const mlt_event& event);

  /// Takes in the samples of a moment: `at_ns` since the start of the trace, later than the last one.
  void add(std::uint64_t at_ns, std::vector<FaultSample> samples);

  /// Every storm so far, in order of time; one that still goes on ends here.
  [[nodiscard]] std::vector<StormSeen> storms() const;

 private:
  using WidestCalls = std::map<std::uint32_t, mlt_event_call>;  // by enum mlt_call

  struct Watched {
    FaultSample last;
    std::deque<std::uint64_t> usual;  // rates, without those that were unusual
    WidestCalls calls;                // since the last sample
    WidestCalls earlier_calls;        // between the last and the one before
    std::optional<StormSeen> current;
    FaultSample before;  // the current storm
  };

  void step(Watched& process, FaultSample now, std::uint64_t at_ns);
  void close(Watched& process);
  [[nodiscard]] std::optional<StormSeen> finished(const Watched& process) const;

  StormLimits limits_;
  std::uint64_t last_ns_ = 0;
  std::map<std::uint32_t, Watched> processes_;
  std::vector<StormSeen> storms_;
};

}  // namespace mlt
