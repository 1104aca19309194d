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

  /// Whole kinds of hooks that do not work here, with the reason: "fentry", "kprobe", "tracepoint", "raw_tp", "perf".
  std::map<std::string, std::string, std::less<>> refused_kinds;
  /// Programs that the kernel refused to load or attach, with the reason.
  std::map<std::string, std::string, std::less<>> refused_programs;
};

}  // namespace mlt
