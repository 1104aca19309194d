// A kernel that has everything that the table of signals knows: tests take one capability away and see what changes.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "plan/plan.h"

namespace mlt::fixtures {

/// Every function, tracepoint and iterator of the table, with types and symbols, and page tables that can be walked. It
/// does not preempt in kernel mode.
inline KernelFacts capable() {
  KernelFacts facts;
  facts.release = "6.1.0-test";
  facts.arch = "x86_64";
  facts.multi_keeps_returns = true;
  facts.kretprobe_room = true;
  facts.run_delay = true;
  facts.memory = {4, 0xffff888000000000, 0xffffea0000000000, true};
  facts.symbols.emplace();
  const auto add_function = [&](std::string_view name) {
    facts.btf_functions.emplace(name);
    (*facts.symbols)[std::string(name)] = 1;
  };
  for (const Signal& signal : all_signals()) {
    for (const Alternative& way : signal.alternatives) {
      if (!way.needs_function.empty()) add_function(way.needs_function);
      for (const Probe& probe : way.probes) {
        const std::string_view kind = hook_kind(probe.hook);
        if (kind == "raw_tp") facts.btf_tracepoints.emplace(probe.target);
        if (kind == "fentry" || kind == "kprobe" || kind == "multi" || kind == "iter") add_function(probe.target);
      }
    }
  }
  return facts;
}

/// The kernel has no such function: neither types nor a symbol. Only of functions that the table names: to take away
/// another one would test nothing.
inline KernelFacts without_functions(KernelFacts facts, const std::vector<std::string>& names) {
  static const KernelFacts kAll = capable();
  for (const std::string& name : names) {
    EXPECT_TRUE(kAll.btf_functions.contains(name)) << "no signal hooks " << name;
    facts.btf_functions.erase(name);
    if (facts.symbols) facts.symbols->erase(name);
  }
  return facts;
}

inline KernelFacts without_kinds(KernelFacts facts, const std::vector<std::string>& kinds) {
  for (const std::string& kind : kinds) facts.refused_kinds[kind] = "this kernel has no " + kind;
  return facts;
}

/// No types: nothing is known of the functions and tracepoints in them.
inline KernelFacts without_types(KernelFacts facts) {
  facts.no_btf = "no types here";
  facts.btf_functions.clear();
  facts.btf_tracepoints.clear();
  return facts;
}

/// Page tables can't be walked.
inline KernelFacts without_layout(KernelFacts facts) {
  facts.memory = {};
  facts.no_memory_layout = "cannot open /proc/kcore: Operation not permitted";
  return facts;
}

inline std::vector<SignalWish> wishes(std::string_view list) {
  if (list.empty()) return {};
  auto parsed = parse_signals(list);
  if (parsed) return *parsed;
  ADD_FAILURE() << parsed.error().message();
  return {};
}

/// The plan, which must succeed. `signals` as after --signals.
inline Plan plan_for(const KernelFacts& facts, std::string_view signals = {}) {
  auto plan = make_plan({wishes(signals), true}, facts);
  if (plan) return *plan;
  ADD_FAILURE() << plan.error().message();
  return {};
}

/// What each signal is measured by: "fentry fexit:handle_mm_fault", or "off".
inline std::map<std::string, std::string> ways_of(const Plan& plan) {
  std::map<std::string, std::string> ways;
  for (const PlannedSignal& planned : plan.signals) {
    std::string& way = ways[std::string(planned.signal->name)];
    way = planned.way == nullptr ? "off" : std::string(planned.way->kind) + " " + planned.way->via();
  }
  return ways;
}

}  // namespace mlt::fixtures
