#include "plan/plan.h"

#include <algorithm>

namespace mlt {

namespace {

std::string function_problem(std::string_view function, const KernelFacts& facts) {
  if (!facts.symbols) {
    if (!facts.no_btf.empty() || facts.btf_functions.contains(function)) return {};
    return "this kernel's types have no function " + std::string(function);
  }
  const auto found = facts.symbols->find(function);
  if (found == facts.symbols->end()) return "this kernel has no function " + std::string(function);
  // Attaching by name could hit the wrong one of two.
  if (found->second > 1)
    return "this kernel has " + std::to_string(found->second) + " functions " + std::string(function);
  return {};
}

// `asked_for`: the user named this way.
std::string way_problem(const Alternative& way, bool asked_for, const Plan& plan, const KernelFacts& facts) {
  if (way.for_preemptible && !facts.preemptible && !asked_for)
    return "dearer, and not needed: this kernel does not preempt probes";
  const bool returns = std::ranges::find(way.probes, Hook::multi_return, &Probe::hook) != way.probes.end();
  if (returns && !facts.multi_keeps_returns) return "kretprobe.multi loses returns on this kernel";
  if (!way.needs_signal.empty() && !plan.measures(way.needs_signal))
    return "needs " + std::string(way.needs_signal) + ", which is off";
  if (!way.needs_function.empty()) {
    if (std::string problem = function_problem(way.needs_function, facts); !problem.empty()) return problem;
  }
  for (const Probe& probe : way.probes) {
    if (std::string reason = unavailable(probe, facts); !reason.empty()) return reason;
  }
  return {};
}

PlannedSignal choose(const Signal& signal, const std::string& kind, const Plan& plan, const KernelFacts& facts) {
  PlannedSignal planned;
  planned.signal = &signal;
  for (const Alternative& way : signal.alternatives) {
    std::string problem =
        !kind.empty() && way.kind != kind ? "not asked for" : way_problem(way, !kind.empty(), plan, facts);
    if (problem.empty()) {
      planned.way = &way;
      planned.may_be_preempted = facts.preemptible && std::ranges::any_of(way.probes, [](const Probe& probe) {
                                   return hook_kind(probe.hook) == "fentry";
                                 });
      break;
    }
    planned.rejected.push_back({&way, std::move(problem)});
  }
  return planned;
}

std::string signal_names() {
  std::string names;
  for (const Signal& signal : all_signals()) {
    if (!names.empty()) names += ", ";
    names += signal.name;
  }
  return names;
}

}  // namespace

std::string unavailable(const Probe& probe, const KernelFacts& facts) {
  if (const auto refused = facts.refused_kinds.find(hook_kind(probe.hook)); refused != facts.refused_kinds.end())
    return refused->second;
  if (const auto refused = facts.refused_programs.find(probe.program); refused != facts.refused_programs.end())
    return refused->second;
  switch (probe.hook) {
    case Hook::fentry:
    case Hook::fexit:
      if (!facts.no_btf.empty()) return facts.no_btf;
      if (!facts.btf_functions.contains(probe.target))
        return "this kernel's types have no function " + std::string(probe.target);
      return function_problem(probe.target, facts);
    case Hook::kprobe:
    case Hook::kretprobe:
    case Hook::multi_entry:
    case Hook::multi_return: return function_problem(probe.target, facts);
    case Hook::raw_tracepoint:
      if (facts.no_btf.empty() && !facts.btf_tracepoints.contains(probe.target))
        return "this kernel has no tracepoint " + std::string(probe.target);
      return {};
    case Hook::tracepoint:
    case Hook::perf_minor:
    case Hook::perf_major: return {};
  }
  return {};
}

Result<std::vector<SignalWish>> parse_signals(std::string_view list) {
  std::vector<SignalWish> wishes;
  while (!list.empty()) {
    const std::string_view item = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), item.size() + 1));
    const std::size_t colon = item.find(':');
    SignalWish wish{std::string(item.substr(0, colon)),
                    colon == std::string_view::npos ? "" : std::string(item.substr(colon + 1))};
    const Signal* signal = find_signal(wish.name);
    if (signal == nullptr)
      return fail("unknown signal '" + wish.name + "'", 0, "the signals are: " + signal_names(), ExitStatus::usage);
    if (!wish.kind.empty() &&
        std::ranges::find(signal->alternatives, wish.kind, &Alternative::kind) == signal->alternatives.end())
      return fail("signal '" + wish.name + "' cannot be measured by '" + wish.kind + "'", 0, "see `mlocktrace probes`",
                  ExitStatus::usage);
    wishes.push_back(std::move(wish));
  }
  if (wishes.empty())
    return fail("--signals names no signal", 0, "the signals are: " + signal_names(), ExitStatus::usage);
  return wishes;
}

std::string PlannedSignal::remark() const {
  if (way != nullptr && may_be_preempted && way->limits.empty())
    return "this kernel may preempt a probe, which is then skipped for other tasks; every skip is counted as lost";
  if (way != nullptr) return std::string(way->limits);
  if (!wanted) return "left out: not named by --signals";
  return rejected.empty() ? "no way to measure it" : rejected.front().reason;
}

std::vector<Probe> Plan::probes() const {
  std::vector<Probe> probes;
  for (const PlannedSignal& planned : signals) {
    if (planned.way == nullptr) continue;
    for (const Probe& probe : planned.way->probes) {
      const bool there = std::ranges::any_of(
          probes, [&](const Probe& other) { return other.program == probe.program && other.target == probe.target; });
      if (!there) probes.push_back(probe);
    }
  }
  return probes;
}

const PlannedSignal* Plan::find(std::string_view name) const {
  const auto found =
      std::ranges::find_if(signals, [&](const PlannedSignal& planned) { return planned.signal->name == name; });
  return found == signals.end() ? nullptr : &*found;
}

bool Plan::measures(std::string_view name) const {
  const PlannedSignal* planned = find(name);
  return planned != nullptr && planned->way != nullptr;
}

bool Plan::useful() const {
  return std::ranges::any_of(
      signals, [](const PlannedSignal& planned) { return planned.way != nullptr && !planned.signal->always; });
}

Result<Plan> make_plan(const PlanOptions& options, const KernelFacts& facts) {
  Plan plan;
  for (const Signal& signal : all_signals()) {
    const auto wish = std::ranges::find(options.signals, signal.name, &SignalWish::name);
    const bool wanted = options.signals.empty() || signal.always || wish != options.signals.end();
    if (wanted) {
      plan.signals.push_back(choose(signal, wish == options.signals.end() ? "" : wish->kind, plan, facts));
    } else {
      PlannedSignal left_out;
      left_out.signal = &signal;
      left_out.wanted = false;
      plan.signals.push_back(left_out);
    }
  }
  if (plan.useful()) return plan;
  std::string reason = "nothing can be attached on this kernel";
  for (const PlannedSignal& planned : plan.signals) {
    if (planned.signal->always || !planned.wanted || planned.rejected.empty()) continue;
    reason += " (" + std::string(planned.signal->name) + ": " + planned.rejected.back().reason + ")";
    break;
  }
  return fail(reason, 0, "`mlocktrace probes` shows every way that was tried", ExitStatus::unsupported);
}

}  // namespace mlt
