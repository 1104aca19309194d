// From wishes to a running session: plan, load, attach; and when the kernel refuses a probe, plan again without it.
#pragma once

#include <functional>

#include "cli/options.h"
#include "kernel/probe_kernel.h"
#include "session/session.h"
#include "util/result.h"

namespace mlt {

struct Attached {
  Plan plan;
  Session session;
};

/// Called when faults can be counted and the rest is still to be attached; more than once when a refused plan concerned
/// the faults too.
using OnFaults = std::function<Status(Session&)>;

Result<Attached> attach(const PlanOptions& wishes, Kernel kernel, const SessionOptions& options,
                        const OnFaults& on_faults);

}  // namespace mlt
