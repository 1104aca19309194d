// The BPF side at run time: loads a plan's programs, attaches them, hands out what they counted. The only code that
// knows libbpf objects. Resources are released by the destructor; detaching may take seconds on old kernels, so print
// the report first.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "bpf/mlocktrace.h"
#include "kernel/probe_kernel.h"
#include "model/counts.h"
#include "plan/plan.h"
#include "util/result.h"

namespace mlt {

struct SessionOptions {
  mlt_target_mode mode = MLT_TARGET_PIDS;
  std::vector<std::uint32_t> pids;  // as the caller sees them; for MLT_TARGET_PIDS
  std::uint32_t tid = 0;            // trace this thread only; its process is in `pids`
  bool command = false;             // the target is a program that begins with the trace: what it will do is not known
  std::uint32_t expected_threads = 0;  // of the targets, as far as is known: the tables are sized by it
  std::string cgroup;                  // path of a cgroup v2 directory; for MLT_TARGET_CGROUP
  bool follow = false;
  bool fault_events = false;  // every fault as an event too, from `complete` on
  bool verbose = false;       // libbpf's messages to stderr
  std::uint32_t stacks = 0;   // MLT_STACK_*
};

/// Something went wrong with one program: the planner may choose another way and try again.
struct Refusal {
  std::string program;
  std::string kind;  // whole kind of hooks refused: "fentry", …; empty: this program only
  std::string reason;
};

class Session {
 public:
  /// Gets an event and the id of its process: ProcessCounts::id.
  using EventHandler = std::function<void(const mlt_event&, std::uint32_t)>;

  /// Loads everything in the plan and attaches the early signals; nothing is counted until `open_gate`. `refusal` is
  /// set when another plan may do better.
  static Result<Session> start(const Plan& plan, const Kernel& kernel, const SessionOptions& options,
                               std::optional<Refusal>& refusal);

  /// Would the early signals of this plan be attached just as they are now?
  [[nodiscard]] bool serves(const Plan& plan) const;

  /// Attaches the other signals, in place of those of an earlier plan. They count from `complete` on.
  Status attach_rest(const Plan& plan, const Kernel& kernel, std::optional<Refusal>& refusal);

  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  /// From here on faults of the targets count.
  Status open_gate();
  /// From here on everything counts.
  void complete();
  /// Nothing counts any more. The programs stay attached.
  void close_gate();

  /// Delivers the events that came since the last call, in order.
  void drain_events(const EventHandler& handler);

  /// Gets a fault and the number of its process, as the caller sees it.
  using FaultHandler = std::function<void(const mlt_fault_event&, std::uint32_t)>;
  /// The same for single faults, when they were asked for.
  void drain_faults(const FaultHandler& handler);

  /// Takes over the records of threads and processes that are gone and frees their places: called often enough, it
  /// keeps the tables from filling. Drain the events before: they name processes by place.
  void collect_retired();

  /// Threads of ended processes that the kernel has not freed yet: what it counted for them may be added only then.
  [[nodiscard]] bool awaits_threads() const;

  /// Processes that have a record and had not ended at the last collection, as the caller sees them.
  [[nodiscard]] const std::vector<AliveProcess>& alive() const;

  /// Everything counted so far.
  [[nodiscard]] Counts counts();
  /// The same at the end of the trace: it is not asked again.
  [[nodiscard]] Counts last_counts();
  /// Adds the stacks to the processes. After the gate was closed: reading them makes the kernel skip probes.
  void add_stacks(Counts& counts) const;

 private:
  struct Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mlt
