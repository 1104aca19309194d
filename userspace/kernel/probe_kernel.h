// Reads the facts about the running kernel: its types (BTF), its symbols, what kinds of probes it has.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "kernel/facts.h"
#include "kernel/kernel_types.h"
#include "util/result.h"

namespace mlt {

/// The function that mlt_cast in bpf/compat.bpf.h stands for.
inline constexpr std::string_view kCastFunction = "bpf_rdonly_cast";

/// Functions of interest -> numbers of their types in BTF.
using FunctionIds = std::map<std::string, std::uint32_t, std::less<>>;

/// What a session is made from: the facts, to plan with, and the types, to load with.
struct Kernel {
  KernelFacts facts;
  KernelTypes types;
  FunctionIds function_ids;
};

/// `btf_path`: kernel types to use instead of /sys/kernel/btf/vmlinux; empty: those. Never fails as a whole: what could
/// not be found out is left unknown in the facts, only an unreadable `btf_path` that the user gave is an error.
/// `with_symbols`: read /proc/kallsyms too. It tells functions that have a type but no symbol of that name, or two; it
/// takes a large part of a trace's start, which finds out the same by trying.
Result<Kernel> probe_kernel(const std::string& btf_path, bool with_symbols);

}  // namespace mlt
