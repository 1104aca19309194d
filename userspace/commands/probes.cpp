// mlocktrace probes: every signal, the ways to measure it, and which one this kernel gets, by attaching them all.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "commands/commands.h"
#include "commands/every_way.h"
#include "commands/output.h"
#include "kernel/probe_kernel.h"
#include "trace/attach.h"

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

using nlohmann::ordered_json;

ordered_json to_json(const Plan& plan, const KernelFacts& facts) {
  ordered_json signals = ordered_json::array();
  for (const PlannedSignal& planned : plan.signals) {
    ordered_json signal = {{"name", planned.signal->name}, {"help", planned.signal->help}};
    signal["via"] = planned.way != nullptr ? ordered_json(planned.way->via()) : nullptr;
    signal["remark"] = planned.remark();
    signal["rejected"] = ordered_json::array();
    for (const RejectedWay& rejected : planned.rejected)
      signal["rejected"].push_back(
          {{"kind", rejected.way->kind}, {"via", rejected.way->via()}, {"reason", rejected.reason}});
    signals.push_back(std::move(signal));
  }
  return {
      {"type", "probes"}, {"schema_version", 1}, {"kernel", facts.release}, {"arch", facts.arch}, {"signals", signals}};
}

std::string to_text(const std::vector<TriedWay>& ways) {
  std::string text = "\nEvery way, each attached for a moment:\n";
  const Signal* signal = nullptr;
  for (const TriedWay& tried : ways) {
    if (tried.signal != signal) text += fmt::format("{}\n", tried.signal->name);
    signal = tried.signal;
    text += fmt::format("  {} {:<11} {:<38} {}\n", tried.reason.empty() ? "ok" : "- ", tried.way->kind,
                        tried.way->via(), tried.reason);
  }
  return text;
}

ordered_json to_json(const std::vector<TriedWay>& ways) {
  ordered_json list = ordered_json::array();
  for (const TriedWay& tried : ways) {
    ordered_json functions = ordered_json::array();
    for (const Probe& probe : tried.way->probes) functions.push_back(probe.target);
    list.push_back({{"signal", tried.signal->name},
                    {"kind", tried.way->kind},
                    {"via", tried.way->via()},
                    {"targets", std::move(functions)},
                    {"attached", tried.reason.empty()},
                    {"reason", tried.reason.empty() ? ordered_json() : ordered_json(tried.reason)}});
  }
  return list;
}

}  // namespace

Result<int> run_probes(const ProbesOptions& options) {
  auto kernel = probe_kernel(options.common.btf_path, true);
  if (!kernel) return tl::unexpected(kernel.error());
  const KernelFacts facts = kernel->facts;
  SessionOptions session;
  session.verbose = options.common.verbose;
  // Attached for real, for a moment, with no target: what the kernel lists and what it lets one do may differ.
  Plan plan;
  {
    auto attached =
        attach({options.common.signals, true}, std::move(*kernel), session, [](Session&) { return Status(); });
    if (!attached) return tl::unexpected(attached.error());
    plan = std::move(attached->plan);
  }
  std::string text = to_text(plan, facts);
  ordered_json json = to_json(plan, facts);
  if (options.every) {
    auto ways = try_every_way(plan, options, session);
    if (!ways) return tl::unexpected(ways.error());
    text += to_text(*ways);
    json["ways"] = to_json(*ways);
  }
  if (options.common.json) text = json.dump(2) + "\n";
  auto output = Output::open("");
  return output.and_then([&](Output& out) { return out.write(text); }).map([] { return 0; });
}

}  // namespace mlt
