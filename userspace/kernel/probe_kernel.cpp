#include "kernel/probe_kernel.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <set>

#include "proc/text_file.h"
#include "signals/signals.h"

namespace mlt {

namespace {

using Btf = std::unique_ptr<btf, decltype([](btf* types) { btf__free(types); })>;

// libbpf's own error numbers begin here: libbpf.h, LIBBPF_ERRNO__START.
constexpr int kLibbpfErrors = 4000;

constexpr std::string_view kTracepointPrefix = "btf_trace_";

using Names = std::set<std::string, std::less<>>;

struct Interest {
  Names functions;
  Names tracepoints;
};

// Everything that some row of the table may hook: a kernel has a hundred thousand other names.
Interest names_of_interest() {
  Interest interest;
  for (const Signal& signal : all_signals()) {
    for (const Alternative& way : signal.alternatives) {
      if (!way.needs_function.empty()) interest.functions.emplace(way.needs_function);
      for (const Probe& probe : way.probes) {
        if (probe.hook == Hook::raw_tracepoint) {
          interest.tracepoints.emplace(probe.target);
        } else if (probe.hook != Hook::tracepoint) {
          interest.functions.emplace(probe.target);
        }
      }
    }
  }
  return interest;
}

void read_types(const btf& types, const Interest& interest, KernelFacts& facts) {
  const __u32 count = btf__type_cnt(&types);
  for (__u32 id = 1; id < count; ++id) {
    const btf_type* type = btf__type_by_id(&types, id);
    const std::string_view name = btf__name_by_offset(&types, type->name_off);
    if (btf_is_func(type)) {
      if (interest.functions.contains(name)) facts.btf_functions.emplace(name);
    } else if (btf_is_struct(type) && name == "fprobe_hlist") {
      // A type that came with fprobe on the function graph tracer.
      facts.multi_keeps_returns = true;
    } else if (btf_is_typedef(type) && name.starts_with(kTracepointPrefix)) {
      const std::string_view tracepoint = name.substr(kTracepointPrefix.size());
      if (interest.tracepoints.contains(tracepoint)) facts.btf_tracepoints.emplace(tracepoint);
    }
  }
}

// Counts the symbols of interest. Two names may share an address (aliases); one name at two addresses is what matters.
void read_symbols(const Interest& interest, KernelFacts& facts) {
  std::unique_ptr<FILE, decltype([](FILE* file) { fclose(file); })> file(fopen("/proc/kallsyms", "re"));
  if (!file) return;
  std::map<std::string, unsigned, std::less<>> counts;
  bool any = false;
  char line[512];
  while (fgets(line, sizeof(line), file.get()) != nullptr) {
    // "ffffffff81000000 T name" and, for modules, "\t[module]"
    char* name = strchr(line, ' ');
    if (name == nullptr || name[1] == '\0' || name[2] != ' ') continue;
    name += 3;
    char* end = name + strcspn(name, "\t\n");
    if (*end == '\t') continue;
    any = true;
    const std::string_view symbol(name, static_cast<std::size_t>(end - name));
    if (interest.functions.contains(symbol)) ++counts[std::string(symbol)];
  }
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
  if (access("/sys/kernel/tracing/events/syscalls", F_OK) != 0 &&
      access("/sys/kernel/debug/tracing/events/syscalls", F_OK) != 0)
    facts.refused_kinds["tracepoint"] = "tracefs is not mounted at /sys/kernel/tracing, or has no syscall events";
}

}  // namespace

Result<KernelFacts> probe_kernel(const std::string& btf_path, bool with_symbols) {
  const Interest interest = names_of_interest();
  KernelFacts facts;
  utsname name{};
  if (uname(&name) == 0) {
    facts.release = static_cast<const char*>(name.release);
    facts.arch = static_cast<const char*>(name.machine);
  }
  const char* path = btf_path.empty() ? "/sys/kernel/btf/vmlinux" : btf_path.c_str();
  // A file that is no BTF is told by the error below, not by libbpf on stderr.
  libbpf_set_print(nullptr);
  const Btf types(btf__parse(path, nullptr));
  if (types) {
    read_types(*types, interest, facts);
  } else if (!btf_path.empty()) {
    return fail("cannot read kernel types from " + btf_path, errno < kLibbpfErrors ? errno : 0,
                "--btf takes a BTF or ELF file of this kernel");
  } else {
    facts.no_btf = "this kernel offers no types (/sys/kernel/btf/vmlinux); give them with --btf FILE";
  }
  if (with_symbols || !types) read_symbols(interest, facts);
  read_kinds(facts);
  facts.preemptible = is_preemptible(name, facts);
  return facts;
}

}  // namespace mlt
