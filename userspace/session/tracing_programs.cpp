#include "session/tracing_programs.h"

#include <bpf/bpf.h>

#include <cerrno>
#include <string>
#include <string_view>

#include "bpf/mlocktrace.h"

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

// Where the kernel has no such function, the mark is in a branch that is not taken.
int prepare_cast(bpf_program* program, bpf_prog_load_opts* /*opts*/, long ids) {
  const auto& known = *reinterpret_cast<const FunctionIds*>(ids);
  const auto found = known.find(kCastFunction);
  if (found == known.end()) return 0;
  const bpf_insn* begin = bpf_program__insns(program);
  std::vector<bpf_insn> instructions(begin, begin + bpf_program__insn_cnt(program));
  for (bpf_insn& one : instructions) {
    if (one.code != (BPF_JMP | BPF_CALL) || one.src_reg != 0 || one.imm != MLT_CAST_MARK) continue;
    one.src_reg = BPF_PSEUDO_KFUNC_CALL;
    one.imm = static_cast<__s32>(found->second);
  }
  return bpf_program__set_insns(program, instructions.data(), instructions.size());
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
  LIBBPF_OPTS(libbpf_prog_handler_opts, cast);
  cast.cookie = reinterpret_cast<long>(&ids);
  cast.prog_prepare_load_fn = prepare_cast;
  const int handler = libbpf_register_prog_handler("kprobe/handle_mm_fault", BPF_PROG_TYPE_KPROBE, {}, &cast);
  if (handler >= 0) handlers_.push_back(handler);
}

TracingPrograms::~TracingPrograms() {
  for (const int handler : handlers_) libbpf_unregister_prog_handler(handler);
}

}  // namespace mlt
