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

#include "analysis/counts.h"
#include "bpf/mlocktrace.h"
#include "plan/plan.h"
#include "util/result.h"

namespace mlt {

struct SessionOptions {
  mlt_target_mode mode = MLT_TARGET_PIDS;
  std::vector<std::uint32_t> pids;     // as the caller sees them; for MLT_TARGET_PIDS
  std::uint32_t tid = 0;               // trace this thread only; its process is in `pids`
  std::uint32_t expected_threads = 0;  // of the targets, as far as is known: the tables are sized by it
  std::string cgroup;                  // path of a cgroup v2 directory; for MLT_TARGET_CGROUP
  bool follow = false;
  bool verbose = false;  // libbpf's messages to stderr
  std::string btf_path;
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

  /// Loads and attaches everything in the plan; nothing is counted until `open_gate`. `refusal` is set when another
  /// plan may do better.
  static Result<Session> start(const Plan& plan, const SessionOptions& options, std::optional<Refusal>& refusal);

  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  /// From here on faults and calls of the targets count.
  void open_gate();
  /// Nothing counts any more. The programs stay attached.
  void close_gate();

  /// Delivers the events that came since the last call, in order.
  void drain_events(const EventHandler& handler);

  /// Takes over the records of threads and processes that are gone and frees their places: called often enough, it
  /// keeps the tables from filling. Drain the events before: they name processes by place.
  void collect_retired();

  /// Everything counted so far.
  [[nodiscard]] Counts counts();

 private:
  struct Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mlt
