// What is known of the running kernel, as plain values: planning decides from these alone, so a test can take one
// capability away from a capable host and see what changes. "Could not find out" is not "no".
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

namespace mlt {

struct KernelFacts {
  std::string release;  // uname -r
  std::string arch;     // uname -m

  /// Why kernel types are not available; empty: they are.
  std::string no_btf;

  /// Functions of interest in BTF. Meaningful only with BTF.
  std::set<std::string, std::less<>> btf_functions;
  /// Raw tracepoints of interest in BTF.
  std::set<std::string, std::less<>> btf_tracepoints;

  /// How often each symbol of interest stands in /proc/kallsyms; no value: not read.
  std::optional<std::map<std::string, unsigned, std::less<>>> symbols;

  /// Does the kernel preempt tasks in kernel mode? Then a task may be preempted inside a fentry or fexit program, and
  /// until it runs again that program is skipped for every other task on the processor: the kernel takes it for
  /// recursion (__bpf_prog_enter_recur). Seen to lose a quarter of the faults of 8 threads on 2 processors.
  /// kprobe.multi handlers run with preemption disabled.
  bool preemptible = false;
  /// kretprobe.multi keeps its state on the task's own shadow stack and so loses nothing: since fprobe was rebuilt on
  /// the function graph tracer (4346ba160409, 6.14).
  bool multi_keeps_returns = false;

  /// Whole kinds of hooks that do not work here, with the reason: see hook_kind.
  std::map<std::string, std::string, std::less<>> refused_kinds;
  /// Programs that the kernel refused to load or attach, with the reason.
  std::map<std::string, std::string, std::less<>> refused_programs;
};

}  // namespace mlt
