#include "plan/plan.h"

#include <algorithm>
#include <utility>

namespace mlt {

namespace {

std::string function_problem(std::string_view function, const KernelFacts& facts) {
  if (!facts.symbols) {
    if (!facts.no_btf.empty() || facts.btf_functions.contains(function) || facts.module_functions.contains(function))
      return {};
    return "this kernel's types have no function " + std::string(function);
  }
  const auto found = facts.symbols->find(function);
  if (found == facts.symbols->end()) return "this kernel has no function " + std::string(function);
  // Attaching by name could hit the wrong one of two.
  if (found->second > 1)
    return "this kernel has " + std::to_string(found->second) + " functions " + std::string(function);
  return {};
}

bool hooks_function(const Probe& probe) {
  const std::string_view kind = hook_kind(probe.hook);
  return kind == "fentry" || kind == "kprobe" || kind == "multi";
}

// Two programs of different signals on one function would count twice what they share.
std::string conflict(const Probe& probe, const Plan& plan) {
  if (!hooks_function(probe)) return {};
  for (const PlannedSignal& planned : plan.signals) {
    if (planned.way == nullptr) continue;
    const auto same_target = [&](const Probe& other) { return hooks_function(other) && other.target == probe.target; };
    if (std::ranges::none_of(planned.way->probes, same_target)) continue;
    if (std::ranges::find(planned.way->probes, probe.program, &Probe::program) != planned.way->probes.end()) continue;
    return std::string(planned.signal->name) + " hooks " + std::string(probe.target) + " by " +
           std::string(planned.way->kind);
  }
  return {};
}

// Why a way is not even tried; empty: it is. `kind`: what the user asked for.
std::string passed_over(const Alternative& way, const SignalWish& wish, const KernelFacts& facts) {
  if (wish.way != nullptr) return &way == wish.way ? "" : "not asked for";
  if (!wish.kind.empty()) return way.kind == wish.kind ? "" : "not asked for";
  if (way.for_preemptible && !facts.preemptible) return "dearer, and not needed: this kernel does not preempt probes";
  return {};
}

std::string way_problem(const Alternative& way, const Plan& plan, const KernelFacts& facts) {
  if (!way.needs_signal.empty()) {
    const PlannedSignal* needed = plan.find(way.needs_signal);
    const std::string needs = "needs " + std::string(way.needs_signal);
    if (needed == nullptr || needed->way == nullptr) return needs + ", which is off";
    // What rests on a part of the events would itself be wrong by an unknown amount.
    if (needed->way->approximate) return needs + ", of which only a part is seen here";
  }
  if (way.ends_untold && plan.single_faults) return "how a fault ended is known only after it: not for single faults";
  if (std::string reason = unavailable(way, facts); !reason.empty()) return reason;
  for (const Probe& probe : way.probes) {
    if (std::string reason = conflict(probe, plan); !reason.empty()) return reason;
  }
  return {};
}

bool may_be_preempted(const Alternative& way, const KernelFacts& facts) {
  return facts.preemptible && way.uses("fentry");
}

// Why another way would be better; empty: none is.
std::string_view drawback(const Alternative& way, const KernelFacts& facts) {
  if (may_be_preempted(way, facts)) return "this kernel may preempt it, and then skips it";
  // By a quarter on 7.3: `scripts/bench latest`. What is called rarely is the quicker to attach.
  if (way.uses(Hook::multi_return) && facts.kretprobe_room && !way.shares_link())
    return "dearer than a kretprobe, which has room for every thread here";
  // On 6.1 a fentry and a fexit of one function take 18 million instructions, and a kprobe and a kretprobe 11: the
  // first of each has the kernel look through all that can be hooked, and so has the second fentry, twice.
  if (way.rare && way.uses("fentry") && facts.quick_kprobes && facts.kretprobe_room)
    return "slower to attach than kprobes, for what is rarely called";
  return {};
}

// A way after the chosen one that has no drawback and sees as much.
const Alternative* better(const PlannedSignal& planned, const SignalWish& wish, const Plan& plan,
                          const KernelFacts& facts) {
  for (const Alternative& way : planned.signal->alternatives) {
    if (&way > planned.way && drawback(way, facts).empty() &&
        (way.limits.empty() || way.limits == planned.way->limits) && passed_over(way, wish, facts).empty() &&
        way_problem(way, plan, facts).empty())
      return &way;
  }
  return nullptr;
}

PlannedSignal choose(const Signal& signal, const SignalWish& wish, const Plan& plan, const KernelFacts& facts) {
  PlannedSignal planned;
  planned.signal = &signal;
  for (const Alternative& way : signal.alternatives) {
    if (std::string reason = passed_over(way, wish, facts); !reason.empty()) {
      planned.rejected.push_back({&way, std::move(reason), true});
      continue;
    }
    std::string problem = way_problem(way, plan, facts);
    if (problem.empty()) {
      planned.way = &way;
      break;
    }
    planned.rejected.push_back({&way, std::move(problem)});
  }
  if (planned.way == nullptr) return planned;
  if (const std::string_view reason = drawback(*planned.way, facts); !reason.empty()) {
    if (const Alternative* way = better(planned, wish, plan, facts))
      planned.rejected.push_back({std::exchange(planned.way, way), std::string(reason), true});
  }
  planned.may_be_preempted = may_be_preempted(*planned.way, facts);
  planned.may_lose_returns = planned.way->uses(Hook::kretprobe) && !facts.kretprobe_room;
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

std::string unavailable(const Alternative& way, const KernelFacts& facts) {
  if (way.uses(Hook::multi_return) && !facts.multi_keeps_returns) return "kretprobe.multi loses returns on this kernel";
  if (way.needs_page_tables && facts.memory.levels == 0) return facts.no_memory_layout;
  if (!way.needs_function.empty()) {
    if (std::string problem = function_problem(way.needs_function, facts); !problem.empty()) return problem;
  }
  for (const Probe& probe : way.probes) {
    if (std::string reason = unavailable(probe, facts); !reason.empty()) return reason;
  }
  return {};
}

std::string unavailable(const Probe& probe, const KernelFacts& facts) {
  if (const auto refused = facts.refused_kinds.find(hook_kind(probe.hook)); refused != facts.refused_kinds.end())
    return refused->second;
  const Twin* twin = twin_of(probe.program);
  for (const std::string_view program : {probe.program, twin != nullptr ? twin->other : ""}) {
    if (const auto refused = facts.refused_programs.find(program); refused != facts.refused_programs.end())
      return refused->second;
  }
  switch (probe.hook) {
    case Hook::fentry:
    case Hook::fexit:
      if (!facts.no_btf.empty()) return facts.no_btf;
      if (!facts.btf_functions.contains(probe.target))
        return "this kernel's types have no function " + std::string(probe.target);
      if (facts.struct_functions.contains(probe.target))
        return std::string(probe.target) + " takes a struct by value, which this kernel's fentry programs cannot have";
      return function_problem(probe.target, facts);
    case Hook::kprobe:
    case Hook::kretprobe:
    case Hook::multi_entry:
    case Hook::multi_return: return function_problem(probe.target, facts);
    case Hook::raw_tracepoint:
      if (facts.no_btf.empty() && !facts.btf_tracepoints.contains(probe.target))
        return "this kernel has no tracepoint " + std::string(probe.target);
      return {};
    case Hook::iterator:
      if (!facts.no_btf.empty()) return facts.no_btf;
      return facts.btf_functions.contains(probe.target) ? "" : "this kernel has no " + std::string(probe.target);
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
  if (way != nullptr) {
    std::string text(way->limits);
    const auto add = [&](std::string_view limit) { text.append(text.empty() ? "" : "; ").append(limit); };
    if (may_be_preempted)
      add("this kernel may preempt a probe, which is then skipped for other tasks; every skip is counted as lost");
    if (may_lose_returns)
      add("a kretprobe loses calls when more threads are in the function at once than it has room for");
    return text;
  }
  if (needless) return "no process that is traced by number or cgroup ran under a seccomp filter";
  if (!wanted) return "left out: not named by --signals";
  // The best way that was wanted says why it is off.
  const auto tried = std::ranges::find(rejected, false, &RejectedWay::passed_over);
  return tried == rejected.end() ? "no way to measure it" : tried->reason;
}

bool Plan::applies(const Twin& twin) const {
  switch (twin.when) {
    case Twin::When::settles: return settles();
    case Twin::When::knows_types: return vma_type != 0;
    case Twin::When::preemptible: return preemptible;
  }
  return false;
}

std::vector<Probe> Plan::probes(Part part) const {
  std::vector<Probe> probes;
  const auto add = [&probes](const Probe& probe) {
    const bool there = std::ranges::any_of(
        probes, [&](const Probe& other) { return other.program == probe.program && other.target == probe.target; });
    if (!there) probes.push_back(probe);
  };
  for (const PlannedSignal& planned : signals) {
    if (planned.way == nullptr || (part != Part::all && planned.signal->early != (part == Part::early))) continue;
    for (Probe probe : planned.way->probes) {
      const Twin* twin = twin_of(probe.program);
      const bool has_twin = twin != nullptr && applies(*twin);
      if (has_twin && twin->beside) add(probe);
      if (has_twin) probe.program = twin->other;
      add(probe);
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

bool Plan::mlocks_after_populate() const {
  const PlannedSignal* lock = find("page_lock");
  return lock != nullptr && lock->way != nullptr && lock->way->probes.front().target == "mlock_vma_page";
}

bool Plan::settles() const {
  const PlannedSignal* fault = find("fault");
  return preemptible && fault != nullptr && fault->way != nullptr && !fault->way->approximate;
}

bool Plan::ends_untold() const {
  const PlannedSignal* fault = find("fault");
  return settles() && fault->way->ends_untold;
}

bool Plan::knows_lock_holders() const {
  const PlannedSignal* wait = find("lock_wait");
  return wait != nullptr && wait->way != nullptr && wait->way != &wait->signal->alternatives.back();
}

bool Plan::useful() const {
  return std::ranges::any_of(
      signals, [](const PlannedSignal& planned) { return planned.way != nullptr && !planned.signal->always; });
}

Result<Plan> make_plan(const PlanOptions& options, const KernelFacts& facts) {
  Plan plan;
  plan.preemptible = facts.preemptible;
  plan.run_delay = facts.run_delay;
  plan.single_faults = options.single_faults;
  plan.vma_type = facts.vma_type;
  plan.memory = facts.memory;
  for (const Signal& signal : all_signals()) {
    const auto wish = std::ranges::find(options.signals, signal.name, &SignalWish::name);
    const bool named = wish != options.signals.end();
    const bool wanted = options.signals.empty() || signal.always || named;
    const bool needless = wanted && !named && signal.filtered && !options.filtered;
    if (wanted && !needless) {
      plan.signals.push_back(choose(signal, named ? *wish : SignalWish{}, plan, facts));
    } else {
      PlannedSignal left_out;
      left_out.signal = &signal;
      left_out.wanted = wanted;
      left_out.needless = needless;
      plan.signals.push_back(left_out);
    }
  }
  if (plan.useful() || options.may_be_useless) return plan;
  std::string reason = "nothing can be attached on this kernel";
  for (const PlannedSignal& planned : plan.signals) {
    if (planned.signal->always || !planned.wanted) continue;
    const auto tried = std::ranges::find(planned.rejected.rbegin(), planned.rejected.rend(), false,
                                         &RejectedWay::passed_over);  // the last resort of those that were asked for
    if (tried == planned.rejected.rend()) continue;
    reason += " (" + std::string(planned.signal->name) + ": " + tried->reason + ")";
    break;
  }
  return fail(reason, 0, "`mlocktrace probes` shows every way that was tried", ExitStatus::unsupported);
}

}  // namespace mlt
