// Tries every way to measure every signal on the kernel that runs.
#pragma once

#include <string>
#include <vector>

#include "cli/options.h"
#include "plan/plan.h"
#include "session/session.h"
#include "util/result.h"

namespace mlt {

struct TriedWay {
  const Signal* signal = nullptr;
  const Alternative* way = nullptr;
  std::string reason;  // why it can't be had here; empty: it was loaded and attached
};

/// In the table's order. Those that `best` has were attached already; the others are, for a moment and with no target,
/// as many at once as do not get in each other's way. Fails only when something else than a probe is refused.
Result<std::vector<TriedWay>> try_every_way(const Plan& best, const ProbesOptions& options,
                                            const SessionOptions& session);

}  // namespace mlt
