// From wishes to a running session: plan, load, attach; and when the kernel refuses a probe, plan again without it.
#pragma once

#include "cli/options.h"
#include "kernel/facts.h"
#include "session/session.h"
#include "util/result.h"

namespace mlt {

struct Attached {
  Plan plan;
  Session session;
};

Result<Attached> attach(const PlanOptions& wishes, KernelFacts facts, const SessionOptions& options);

}  // namespace mlt
