#include "session/tracing_programs.h"

#include <bpf/bpf.h>

#include <cerrno>
#include <string>
#include <string_view>

namespace mlt {

namespace {

constexpr std::string_view kIterator = "iter/";

// "fentry/handle_mm_fault" hooks that function; "iter/task" the one that declares the iterator.
std::string hooked_function(std::string_view section) {
  const std::string name(section.substr(section.find('/') + 1));
  return section.starts_with(kIterator) ? "bpf_iter_" + name : name;
}

int prepare(bpf_program* program, bpf_prog_load_opts* opts, long ids) {
  const auto& known = *reinterpret_cast<const FunctionIds*>(ids);
  const auto found = known.find(hooked_function(bpf_program__section_name(program)));
  if (found == known.end()) return -ESRCH;
  opts->attach_btf_id = found->second;
  return bpf_program__set_type(program, BPF_PROG_TYPE_TRACING);
}

}  // namespace

TracingPrograms::TracingPrograms(const FunctionIds& ids) {
  // Never unregistered: up to libbpf 1.2 the table of handlers is freed with the last one, and used afterwards
  // (libbpf: fix realloc API handling in zero-sized edge cases).
  static const int first = libbpf_register_prog_handler("mlocktrace/", BPF_PROG_TYPE_UNSPEC, {}, nullptr);
  static_cast<void>(first);
  LIBBPF_OPTS(libbpf_prog_handler_opts, opts);
  opts.cookie = reinterpret_cast<long>(&ids);
  opts.prog_prepare_load_fn = prepare;
  const std::pair<const char*, bpf_attach_type> sections[] = {
      {"fentry/", BPF_TRACE_FENTRY}, {"fexit/", BPF_TRACE_FEXIT}, {kIterator.data(), BPF_TRACE_ITER}};
  for (const auto& [section, attach_type] : sections) {
    // Of another type until the moment it is loaded: for one of its own libbpf would read the kernel's types.
    const int handler = libbpf_register_prog_handler(section, BPF_PROG_TYPE_RAW_TRACEPOINT, attach_type, &opts);
    if (handler >= 0) handlers_.push_back(handler);
  }
}

TracingPrograms::~TracingPrograms() {
  for (const int handler : handlers_) libbpf_unregister_prog_handler(handler);
}

}  // namespace mlt
