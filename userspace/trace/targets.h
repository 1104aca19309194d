// Turns the user's words for a target into what the session filters by, and watches the target's end.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/options.h"
#include "plan/plan.h"
#include "session/session.h"
#include "trace/child.h"
#include "util/fd.h"
#include "util/result.h"

namespace mlt {

/// Checks that the target exists and describes it for the session. `child` is the command's process, when there is one.
Result<SessionOptions> session_options(const TraceOptions& options, const std::optional<Child>& child);

/// What is to be attached for it.
PlanOptions plan_options(const std::vector<SignalWish>& signals, const SessionOptions& session);

/// How the report names the target.
Target describe_target(const TraceOptions& options, const SessionOptions& session);

/// Notices when nothing is left of what is traced, whoever its parent is.
class EndWatch {
 public:
  explicit EndWatch(const SessionOptions& targets);
  /// What has ended, in words, once all of it has; never where all processes are traced.
  [[nodiscard]] std::optional<std::string> ended();

 private:
  [[nodiscard]] bool processes_ended();
  [[nodiscard]] bool thread_ended() const;
  [[nodiscard]] bool cgroup_removed() const;

  const SessionOptions& targets_;
  std::vector<Fd> alive_;  // of the processes
  std::optional<std::uint64_t> thread_start_;
  Fd cgroup_;
};

}  // namespace mlt
