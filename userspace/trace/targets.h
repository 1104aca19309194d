// Turns the user's words for a target into what the session filters by, and watches the target's end.
#pragma once

#include <optional>
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

/// Notices when all of the traced processes have exited, whoever their parent is.
class ExitWatch {
 public:
  explicit ExitWatch(const std::vector<std::uint32_t>& pids);
  /// True once every one of them has ended; never true without any.
  [[nodiscard]] bool all_ended();

 private:
  std::vector<Fd> alive_;
  bool any_ = false;
};

}  // namespace mlt
