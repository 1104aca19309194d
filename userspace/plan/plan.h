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
  std::string kind;                  // which way to measure it; empty: the best there is
  const Alternative* way = nullptr;  // this one and no other; nullptr: any of the kind
};

/// Parses "--signals": names with an optional ":kind", separated by commas.
Result<std::vector<SignalWish>> parse_signals(std::string_view list);

struct PlanOptions {
  std::vector<SignalWish> signals;  // empty: all
  bool filtered = false;            // some of the processes run under a seccomp filter
  bool may_be_useless = false;      // a plan is wanted though nothing, or nothing but what is always on, can be had
  bool single_faults = false;       // each fault is told as it ends
};

struct RejectedWay {
  const Alternative* way;
  std::string reason;
  bool passed_over = false;  // it may well work: another kind was asked for, or it is dearer than needed
};

struct PlannedSignal {
  const Signal* signal = nullptr;
  const Alternative* way = nullptr;        // nullptr: not measured
  std::vector<RejectedWay> rejected = {};  // ways that were tried before, best first
  bool may_be_preempted = false;  // a fentry or fexit on a kernel that preempts it: see KernelFacts::preemptible
  bool may_lose_returns = false;  // a kretprobe on a kernel that has little room for them
  bool wanted = true;             // false: left out because --signals did not name it
  bool needless = false;          // left out, though wanted: there is nothing to see

  /// One line for people: why it is off, or what the chosen way can't see.
  [[nodiscard]] std::string remark() const;
};

struct Plan {
  std::vector<PlannedSignal> signals;  // in the table's order, all of them
  bool preemptible = false;            // see KernelFacts::preemptible
  bool run_delay = false;              // see KernelFacts::run_delay
  bool single_faults = false;          // see PlanOptions
  std::uint32_t vma_type = 0;          // see KernelFacts::vma_type
  MemoryLayout memory;                 // for the programs that walk page tables

  /// The probes to attach, in order, each once: all, or those of the signals that come early, or of the others.
  enum class Part { all, early, late };
  [[nodiscard]] std::vector<Probe> probes(Part part = Part::all) const;
  [[nodiscard]] const PlannedSignal* find(std::string_view name) const;
  [[nodiscard]] bool measures(std::string_view name) const;
  /// Up to 5.17 a page is not mlocked by the fault that brings it into a locked mapping, but by the populate after it.
  [[nodiscard]] bool mlocks_after_populate() const;
  /// Is the twin of a program needed on this kernel?
  [[nodiscard]] bool applies(const Twin& twin) const;
  /// What is counted of a thread's faults is compared with the kernel's own counters: see bpf/settle.bpf.h.
  [[nodiscard]] bool settles() const;
  /// Whether a fault was an error is known only after it: likewise.
  [[nodiscard]] bool ends_untold() const;
  /// Whose mmap_lock a thread waits for; not with PREEMPT_RT.
  [[nodiscard]] bool knows_lock_holders() const;
  /// Anything besides the signals that are always on?
  [[nodiscard]] bool useful() const;
};

/// Fails with ExitStatus::unsupported when nothing at all can be measured on this kernel, unless the options permit it.
Result<Plan> make_plan(const PlanOptions& options, const KernelFacts& facts);

/// Why this kernel lacks what a way needs, whatever else is measured; empty: it lacks nothing, as far as is known.
std::string unavailable(const Alternative& way, const KernelFacts& facts);

/// Why a probe can't be had; empty: it can, as far as is known.
std::string unavailable(const Probe& probe, const KernelFacts& facts);

}  // namespace mlt
