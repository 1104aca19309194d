// mlocktrace probes: every signal, the ways to measure it, and which one this kernel gets, by attaching them all.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "commands/attach.h"
#include "commands/commands.h"
#include "commands/output.h"
#include "kernel/probe_kernel.h"

namespace mlt {

namespace {

std::string signal_text(const PlannedSignal& planned) {
  std::string text = fmt::format("{}: {}\n", planned.signal->name, planned.signal->help);
  for (const RejectedWay& rejected : planned.rejected)
    text += fmt::format("  -  {:<11} {:<38} {}\n", rejected.way->kind, rejected.way->via(), rejected.reason);
  if (planned.way == nullptr) return text + (planned.wanted ? "  => off\n" : "  => left out\n");
  text += fmt::format("  => {:<11} {}\n", planned.way->kind, planned.way->via());
  if (const std::string remark = planned.remark(); !remark.empty()) text += fmt::format("     {}\n", remark);
  return text;
}

std::string to_text(const Plan& plan, const KernelFacts& facts) {
  std::string text = fmt::format("Linux {} ({})\n", facts.release, facts.arch);
  for (const PlannedSignal& planned : plan.signals) text += "\n" + signal_text(planned);
  return text;
}

std::string to_json(const Plan& plan, const KernelFacts& facts) {
  nlohmann::ordered_json signals = nlohmann::ordered_json::array();
  for (const PlannedSignal& planned : plan.signals) {
    nlohmann::ordered_json signal = {{"name", planned.signal->name}, {"help", planned.signal->help}};
    signal["via"] = planned.way != nullptr ? nlohmann::ordered_json(planned.way->via()) : nullptr;
    signal["remark"] = planned.remark();
    signal["rejected"] = nlohmann::ordered_json::array();
    for (const RejectedWay& rejected : planned.rejected)
      signal["rejected"].push_back(
          {{"kind", rejected.way->kind}, {"via", rejected.way->via()}, {"reason", rejected.reason}});
    signals.push_back(std::move(signal));
  }
  const nlohmann::ordered_json probes = {
      {"type", "probes"}, {"schema_version", 1}, {"kernel", facts.release}, {"arch", facts.arch}, {"signals", signals}};
  return probes.dump(2) + "\n";
}

}  // namespace

Result<int> run_probes(const ProbesOptions& options) {
  auto kernel = probe_kernel(options.common.btf_path, true);
  if (!kernel) return tl::unexpected(kernel.error());
  const KernelFacts facts = kernel->facts;
  SessionOptions session;
  session.verbose = options.common.verbose;
  // Attached for real, for a moment, with no target: what the kernel lists and what it lets one do may differ.
  auto attached =
      attach({options.common.signals, true}, std::move(*kernel), session, [](Session&) { return Status(); });
  if (!attached) return tl::unexpected(attached.error());
  const std::string text = options.common.json ? to_json(attached->plan, facts) : to_text(attached->plan, facts);
  auto output = Output::open("");
  return output.and_then([&](Output& out) { return out.write(text); }).map([] { return 0; });
}

}  // namespace mlt
