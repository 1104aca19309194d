// Decides which probes to attach: pure, from the user's wishes and the facts about the kernel.
#pragma once

#include <string>
#include <vector>

#include "kernel/facts.h"
#include "signals/signals.h"
#include "util/result.h"

namespace mlt {

struct SignalWish {
  std::string name;
  std::string kind;  // which way to measure it; empty: the best there is
};

/// Parses "--signals": names with an optional ":kind", separated by commas.
Result<std::vector<SignalWish>> parse_signals(std::string_view list);

struct PlanOptions {
  std::vector<SignalWish> signals;  // empty: all
};

struct RejectedWay {
  const Alternative* way;
  std::string reason;
};

struct PlannedSignal {
  const Signal* signal = nullptr;
  const Alternative* way = nullptr;        // nullptr: not measured
  std::vector<RejectedWay> rejected = {};  // ways that were tried before, best first
  bool may_be_preempted = false;  // a fentry or fexit on a kernel that preempts it: see KernelFacts::preemptible
  bool wanted = true;             // false: left out because --signals did not name it

  /// One line for people: why it is off, or what the chosen way can't see.
  [[nodiscard]] std::string remark() const;
};

struct Plan {
  std::vector<PlannedSignal> signals;  // in the table's order, all of them

  /// The probes to attach, in order, each once.
  [[nodiscard]] std::vector<Probe> probes() const;
  [[nodiscard]] const PlannedSignal* find(std::string_view name) const;
  [[nodiscard]] bool measures(std::string_view name) const;
  /// Anything besides the signals that are always on?
  [[nodiscard]] bool useful() const;
};

/// Fails with ExitStatus::unsupported when nothing at all can be measured on this kernel.
Result<Plan> make_plan(const PlanOptions& options, const KernelFacts& facts);

/// Why a probe can't be had; empty: it can, as far as is known.
std::string unavailable(const Probe& probe, const KernelFacts& facts);

}  // namespace mlt
