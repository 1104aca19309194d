// The signals that mlocktrace can measure: one table row each, with the ways to measure it, best first. `probes`,
// `--help`, planning, attaching and the report's coverage all iterate this table.
#pragma once

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
  perf_minor,
  perf_major
};

/// "fentry", "kretprobe", …
std::string_view hook_name(Hook hook);

/// What a kernel has or lacks as a whole: "fentry", "kprobe", "multi", "tracepoint", "raw_tp", "perf". A fexit is
/// refused where a fentry is.
std::string_view hook_kind(Hook hook);

struct Probe {
  std::string_view program;  // in the BPF object
  Hook hook;
  std::string_view target;  // function, "category/event", raw tracepoint or software event
  bool operator==(const Probe&) const = default;
};

/// One way to measure a signal: all of its probes together.
struct Alternative {
  std::string_view kind;  // what --signals NAME:KIND asks for: "fentry", "kprobe", "tracepoint", "perf"
  std::span<const Probe> probes;
  std::string_view limits = {};          // what this way can't see; empty: nothing
  std::string_view needs_signal = {};    // works only beside this signal; empty: alone
  std::string_view needs_function = {};  // right only on kernels that have this function; empty: on any
  /// For kernels that preempt in kernel mode only: dearer, but never interrupted. See KernelFacts::preemptible.
  bool for_preemptible = false;
  bool approximate = false;  // what it counts is only a part, and how much is not known

  /// The probe that decides, as the report names it: "fexit:handle_mm_fault".
  [[nodiscard]] std::string via() const;
};

struct Signal {
  std::string_view name;
  std::string_view help;
  std::span<const Alternative> alternatives;
  bool always = false;  // part of every plan, whatever --signals says
};

std::span<const Signal> all_signals();
const Signal* find_signal(std::string_view name);

}  // namespace mlt
