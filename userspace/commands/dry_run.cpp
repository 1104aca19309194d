#include "commands/dry_run.h"

#include <fmt/format.h>

#include "commands/output.h"

namespace mlt {

Result<int> print_dry_run(const PlanOptions& wishes, const KernelFacts& facts) {
  auto plan = make_plan(wishes, facts);
  if (!plan) return tl::unexpected(plan.error());
  std::string text = fmt::format("Plan for Linux {} ({}); nothing is loaded.\n\n", facts.release, facts.arch);
  for (const PlannedSignal& planned : plan->signals) {
    text += fmt::format("{:<12} {}\n", planned.signal->name, planned.way != nullptr ? planned.way->via() : "off");
    if (const std::string remark = planned.remark(); !remark.empty()) text += fmt::format("{:<12}   {}\n", "", remark);
  }
  text += "\nPrograms, in the order in which they are attached:\n";
  for (const Probe& probe : plan->probes())
    text += fmt::format("  {:<28} {}:{}\n", probe.program, hook_name(probe.hook), probe.target);
  auto output = Output::open("");
  return output.and_then([&](Output& out) { return out.write(text); }).map([] { return 0; });
}

}  // namespace mlt
