// mlocktrace --dry-run: the plan, without loading anything.
#pragma once

#include "kernel/facts.h"
#include "plan/plan.h"
#include "util/result.h"

namespace mlt {

Result<int> print_dry_run(const PlanOptions& wishes, const KernelFacts& facts);

}  // namespace mlt
