// The signals that mlocktrace can measure: one table row each, with the ways to measure it, best first. `probes`,
// `--help`, planning, attaching and the report's coverage all iterate this table.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace mlt {

enum class Hook {
  fentry,
  fexit,
  kprobe,
  kretprobe,
  multi_entry,
  multi_return,
  tracepoint,
  raw_tracepoint,
  iterator,
  perf_minor,
  perf_major
};

/// "fentry", "kretprobe", …
std::string_view hook_name(Hook hook);

/// What a kernel has or lacks as a whole: "fentry", "kprobe", "multi", "tracepoint", "raw_tp", "iter", "perf". A fexit
/// is refused where a fentry is.
std::string_view hook_kind(Hook hook);

struct Probe {
  std::string_view program;  // in the BPF object
  Hook hook;
  std::string_view target;  // function (of an iterator: that declares it), "category/event", raw tracepoint or event
  /// Of kprobe.multi: attached by one link with all others of its hook: see bpf/shared.bpf.c.
  bool shares_link = false;
  bool operator==(const Probe&) const = default;
};

/// One way to measure a signal: all of its probes together.
struct Alternative {
  std::string_view kind;  // what --signals NAME:KIND asks for: "fentry", "kprobe", "tracepoint", "perf"
  std::span<const Probe> probes;
  std::string_view limits = {};          // what this way can't see; empty: nothing
  std::string_view needs_signal = {};    // works only beside this signal; empty: alone
  std::string_view needs_function = {};  // right, or the best, only where the kernel has it; empty: anywhere
  /// For kernels that preempt in kernel mode only: dearer, but never interrupted. See KernelFacts::preemptible.
  bool for_preemptible = false;
  bool approximate = false;        // what it counts is only a part, and how much is not known
  bool needs_page_tables = false;  // the programs walk them: see KernelFacts::memory
  bool ends_untold = false;        // whether a fault was an error is known only after it: not for single faults
  /// Begins and ends of functions that are rarely called: what it takes to attach matters, not what a call takes.
  bool rare = false;

  /// Has probes of this kind: see hook_kind.
  [[nodiscard]] bool uses(std::string_view hooks) const;
  [[nodiscard]] bool uses(Hook hook) const { return std::ranges::find(probes, hook, &Probe::hook) != probes.end(); }

  [[nodiscard]] bool shares_link() const {
    return std::ranges::find(probes, true, &Probe::shares_link) != probes.end();
  }

  /// The probe that decides, as the report names it: "fexit:handle_mm_fault".
  [[nodiscard]] std::string via() const;
};

struct Signal {
  std::string_view name;
  std::string_view help;
  std::span<const Alternative> alternatives;
  bool always = false;    // part of every plan, whatever --signals says
  bool early = false;     // attached before the others, and counts from then on
  bool filtered = false;  // there is nothing to see of processes that run under no seccomp filter
};

/// What a kernel's programs do besides, or do in another way, where it can or must be done: by twins of them.
struct Twin {
  std::string_view program;
  std::string_view other;
  enum class When {
    settles,      // faults are settled: see bpf/settle.bpf.h
    knows_types,  // see KernelFacts::vma_type
    preemptible   // see KernelFacts::preemptible
  } when;
  bool beside = false;  // both are attached: one makes good what is skipped of the other. Or `other` takes its place
};

/// Null: it has none.
const Twin* twin_of(std::string_view program);

std::span<const Signal> all_signals();
const Signal* find_signal(std::string_view name);

}  // namespace mlt
