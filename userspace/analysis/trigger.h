// Which calls lead to page faults: of which causes, and in which mappings.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "bpf/mlocktrace.h"

namespace mlt {

/// The event as a call, when it is one that succeeded and after which pages fault; a fork and an exec as well.
std::optional<mlt_event_call> possible_trigger(const mlt_event& event);

/// Bytes that the call made faults possible in; what is about the whole address space is larger than everything else.
std::uint64_t extent(const mlt_event_call& call);

/// Can such a call have led to faults of this cause in this mapping? It has to be one that leads to such faults in a
/// mapping of this kind, and to have been about these addresses.
bool leads_to(const mlt_event_call& call, mlt_cause cause, const mlt_vma& vma);

/// Faults that are to be explained: of one cause, and where they were.
struct FaultsSeen {
  mlt_cause cause = MLT_CAUSE_UNKNOWN;
  std::uint64_t faults = 0;
  std::vector<mlt_vma> by_vma;
  std::uint64_t duration_ns = 0;
};

/// Most of these faults are copies of private memory that is no file's.
bool only_fork_explains(const FaultsSeen& seen);

/// What a process did around the beginning of a storm, and how much more of the same it did during the storm.
class TriggerCalls {
 public:
  void add(const mlt_event_call& call);
  void add(const TriggerCalls& other);
  /// Only the calls, not how much they were.
  void add_calls(const TriggerCalls& other);
  /// Of what came later: only how much it was.
  void add_amount(const TriggerCalls& later);

  /// The call of the largest extent that can have led to most of these faults; of several the earliest. One that was
  /// about certain addresses comes before one that was about all.
  [[nodiscard]] std::optional<mlt_event_call> explain(const FaultsSeen& seen) const;

 private:
  struct Kind {
    std::vector<mlt_event_call> widest;
    std::uint64_t told = 0;
    std::uint64_t bytes = 0;  // of these
  };
  static void keep(Kind& kind, const mlt_event_call& call);
  [[nodiscard]] static bool suffices(const Kind& kind, const FaultsSeen& seen);

  std::map<std::uint32_t, Kind> by_call_;
};

/// The forks of a process, and its own birth by one. Fork makes private memory read-only for both sides, and every page
/// stays so until it is written to: however long that takes, and whether the other side still lives or not.
class Forks {
 public:
  void add(const mlt_event_call& fork, std::uint32_t child_proc);
  /// The child has another program's memory by now, or none.
  void child_left(std::uint32_t child_proc);

  /// The last fork of which the child may still share the memory; if there is none, the last.
  [[nodiscard]] std::optional<mlt_event_call> explain(const FaultsSeen& seen) const;

 private:
  struct Fork {
    mlt_event_call call;
    std::uint32_t child_proc = 0;  // 0: the child is not traced
    bool child_left = false;
  };
  std::vector<Fork> forks_;
};

}  // namespace mlt
