#include "kernel/probe_kernel.h"

#include <bpf/libbpf.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "kernel/memory_layout.h"
#include "kernel/tracefs.h"
#include "proc/text_file.h"
#include "signals/signals.h"

namespace mlt {

namespace {

constexpr std::string_view kTracepointPrefix = "btf_trace_";
constexpr std::string_view kFprobeOnGraph = "fprobe_hlist";
constexpr std::string_view kQuickLookup = "kallsyms_lookup_names";
constexpr std::string_view kTrampolines = "btf_func_model";
constexpr std::string_view kVma = "vm_area_struct";

struct Interest {
  NameSet functions;
  NameSet types;
  std::set<std::string> tracepoint_types;  // what `types` has the names of
};

// Everything that some row of the table may hook: a kernel has a hundred thousand other names.
Interest names_of_interest() {
  Interest interest;
  interest.functions.insert(kCastFunction);
  interest.functions.insert(kQuickLookup);
  interest.types.insert(kFprobeOnGraph);
  interest.types.insert(kTrampolines);
  interest.types.insert(kVma);
  for (const Signal& signal : all_signals()) {
    for (const Alternative& way : signal.alternatives) {
      if (!way.needs_function.empty()) interest.functions.insert(way.needs_function);
      for (const Probe& probe : way.probes) {
        if (probe.hook == Hook::raw_tracepoint) {
          interest.types.insert(
              *interest.tracepoint_types.insert(std::string(kTracepointPrefix).append(probe.target)).first);
        } else if (probe.hook != Hook::tracepoint) {
          interest.functions.insert(probe.target);
        }
      }
    }
  }
  return interest;
}

void read_types(const Interest& interest, Kernel& kernel) {
  for (const KernelTypes::Named& function : kernel.types.functions()) {
    const char* name = kernel.types.name(function);
    if (!interest.functions.contains_padded(name)) continue;
    if (name == kQuickLookup) kernel.facts.quick_kprobes = true;
    kernel.facts.btf_functions.emplace(name);
    kernel.function_ids.emplace(name, function.id);
    if (kernel.types.takes_struct(function.id)) kernel.facts.struct_functions.emplace(name);
  }
  for (const KernelTypes::Named& type : kernel.types.relocatable()) {
    const char* name = kernel.types.name(type);
    if (!interest.types.contains_padded(name)) continue;
    // A type that came with fprobe on the function graph tracer.
    if (name == kFprobeOnGraph) kernel.facts.multi_keeps_returns = true;
    if (name == kVma && kernel.function_ids.contains(kCastFunction)) kernel.facts.vma_type = type.id;
    // A member that came with struct arguments in trampolines: 720e6a435194, 6.1.
    if (name == kTrampolines && kernel.types.has_member(type.id, "arg_flags")) kernel.facts.struct_functions.clear();
    const std::string_view tracepoint(name);
    if (tracepoint.starts_with(kTracepointPrefix))
      kernel.facts.btf_tracepoints.emplace(tracepoint.substr(kTracepointPrefix.size()));
  }
}

// Functions that are not the kernel's own, in the modules that they are named after: "ext4_should_retry_alloc". Each
// name is in the types of its module once, among the strings, which are not worth parsing all the rest for.
void read_module_types(const Interest& interest, KernelFacts& facts) {
  for (const std::string_view function : interest.functions.all()) {
    const std::size_t end = function.find('_');
    if (facts.btf_functions.contains(function) || end == 0 || end == std::string_view::npos) continue;
    const auto types = read_text_file("/sys/kernel/btf/" + std::string(function.substr(0, end)));
    const std::string name = '\0' + std::string(function) + '\0';
    if (types && types->find(name) != std::string::npos) facts.module_functions.emplace(function);
  }
}

// Counts the symbols of interest. Two names may share an address (aliases); one name at two addresses is what matters.
// A function of a module counts where the kernel itself has none of that name.
void read_symbols(const Interest& interest, KernelFacts& facts) {
  std::unique_ptr<FILE, decltype([](FILE* file) { fclose(file); })> file(fopen("/proc/kallsyms", "re"));
  if (!file) return;
  std::map<std::string, unsigned, std::less<>> counts, of_modules;
  bool any = false;
  char line[512];
  while (fgets(line, sizeof(line), file.get()) != nullptr) {
    // "ffffffff81000000 T name" and, for modules, "\t[module]"
    char* name = strchr(line, ' ');
    if (name == nullptr || name[1] == '\0' || name[2] != ' ') continue;
    name += 3;
    char* end = name + strcspn(name, "\t\n");
    any = true;
    const std::string_view symbol(name, static_cast<std::size_t>(end - name));
    if (interest.functions.contains(symbol)) ++(*end == '\t' ? of_modules : counts)[std::string(symbol)];
  }
  counts.merge(of_modules);  // what is there already stays
  if (any) facts.symbols = std::move(counts);
}

// "none voluntary full (lazy)": the mode in force is in parentheses.
bool is_preemptible(const utsname& name, const KernelFacts& facts) {
  for (const char* path : {"/sys/kernel/debug/sched/preempt", "/sys/kernel/debug/sched_preempt"}) {
    const auto text = read_text_file(path);
    if (!text) continue;
    return text->find("(full)") != std::string::npos || text->find("(lazy)") != std::string::npos;
  }
  const std::string_view version = static_cast<const char*>(name.version);
  if (version.find("PREEMPT_RT") != std::string_view::npos) return true;
  // Unknown. The newer kernels are lazily preemptible by default, and a wrong guess costs time, not truth.
  if (version.find("PREEMPT_DYNAMIC") != std::string_view::npos) return facts.multi_keeps_returns;
  return version.find("PREEMPT") != std::string_view::npos;
}

void read_kinds(KernelFacts& facts) {
  if (access("/sys/bus/event_source/devices/kprobe/type", F_OK) != 0 && errno == ENOENT &&
      access("/sys/bus/event_source", F_OK) == 0)
    facts.refused_kinds["kprobe"] = "this kernel has no kprobes";
  if (find_in_tracefs("events/syscalls", F_OK).empty())
    facts.refused_kinds["tracepoint"] = "tracefs is not mounted at /sys/kernel/tracing, or has no syscall events";
}

// The third number of /proc/PID/schedstat is how often it was put on a processor: not never, or nobody counts.
bool keeps_run_delay() {
  const auto text = read_text_file("/proc/self/schedstat");
  if (!text) return false;
  const auto words = split_words(*text);
  return words.size() >= 3 && words[2] != "0";
}

}  // namespace

Result<Kernel> probe_kernel(const std::string& btf_path, bool with_symbols) {
  const Interest interest = names_of_interest();
  Kernel kernel;
  KernelFacts& facts = kernel.facts;
  utsname name{};
  if (uname(&name) == 0) {
    facts.release = static_cast<const char*>(name.release);
    facts.arch = static_cast<const char*>(name.machine);
  }
  // A file that is no BTF is told by the error below, not by libbpf on stderr.
  libbpf_set_print(nullptr);
  auto types = KernelTypes::read(btf_path.empty() ? "/sys/kernel/btf/vmlinux" : btf_path);
  if (types) {
    kernel.types = std::move(*types);
    read_types(interest, kernel);
    if (btf_path.empty()) read_module_types(interest, facts);
    // Numbers of other types than the kernel's own are not right for it.
    if (!btf_path.empty()) facts.vma_type = 0;
  } else if (!btf_path.empty()) {
    types.error().hint = "--btf takes a BTF or ELF file of this kernel";
    return tl::unexpected(types.error());
  } else {
    facts.no_btf = "this kernel offers no types (/sys/kernel/btf/vmlinux); give them with --btf FILE";
  }
  if (with_symbols || !kernel.types) read_symbols(interest, facts);
  read_kinds(facts);
  facts.run_delay = keeps_run_delay();
  facts.kretprobe_room = !find_in_tracefs("kprobe_events", W_OK).empty();
  facts.preemptible = is_preemptible(name, facts);
  if (auto memory = read_memory_layout()) {
    facts.memory = *memory;
  } else {
    facts.no_memory_layout = memory.error().message();
  }
  return kernel;
}

}  // namespace mlt
