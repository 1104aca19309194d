// What is known of the running kernel, as plain values: planning decides from these alone, so a test can take one
// capability away from a capable host and see what changes. "Could not find out" is not "no".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace mlt {

/// Where the kernel keeps what describes memory: enough to walk page tables and to look at a page.
struct MemoryLayout {
  unsigned levels = 0;            // of page tables: 4 or 5; 0: not known
  std::uint64_t page_offset = 0;  // physical address 0, as the kernel sees it
  std::uint64_t vmemmap = 0;      // the array of all struct page
  bool soft_dirty = false;        // CONFIG_MEM_SOFT_DIRTY
};

struct KernelFacts {
  std::string release;  // uname -r
  std::string arch;     // uname -m

  /// Why kernel types are not available; empty: they are.
  std::string no_btf;

  /// Functions of interest in BTF. Meaningful only with BTF.
  std::set<std::string, std::less<>> btf_functions;
  /// Functions of interest in the types of modules, which kprobes alone reach.
  std::set<std::string, std::less<>> module_functions;
  /// Of those in BTF, the ones that take a struct by value, where fentry and fexit programs cannot hook such functions.
  std::set<std::string, std::less<>> struct_functions;
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
  /// A kretprobe may ask for room for more than a few threads in its function at once: see session/kretprobe.h.
  bool kretprobe_room = false;
  /// A symbol is found by its name without a look at all others (60443c88f3a8, 6.2, and in later 6.1): before, a kprobe
  /// took longer to attach than anything else.
  bool quick_kprobes = false;
  /// Does the kernel keep how long a task was ready and did not run? Since 5.14 delay accounting alone does so only
  /// when it is switched on (e4042ad49235); with CONFIG_SCHEDSTATS it always does.
  bool run_delay = false;

  /// Number of struct vm_area_struct among the kernel's own types; 0: programs can't be told of it: see mlt_cast in
  /// bpf/compat.bpf.h.
  std::uint32_t vma_type = 0;

  MemoryLayout memory;
  /// Why the layout is not known; empty: it is.
  std::string no_memory_layout;

  /// Whole kinds of hooks that do not work here, with the reason: see hook_kind.
  std::map<std::string, std::string, std::less<>> refused_kinds;
  /// Programs that the kernel refused to load or attach, with the reason.
  std::map<std::string, std::string, std::less<>> refused_programs;
};

}  // namespace mlt
