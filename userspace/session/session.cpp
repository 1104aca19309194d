#include "session/session.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/perf_event.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

#include "mlocktrace.skel.h"
#include "session/libbpf_log.h"
#include "session/tables.h"
#include "util/fd.h"
#include "util/say.h"

namespace mlt {

namespace {

using Skeleton = std::unique_ptr<mlocktrace_bpf, decltype([](mlocktrace_bpf* skel) { mlocktrace_bpf__destroy(skel); })>;
using Link = std::unique_ptr<bpf_link, decltype([](bpf_link* link) { bpf_link__destroy(link); })>;
using Ring = std::unique_ptr<ring_buffer, decltype([](ring_buffer* ring) { ring_buffer__free(ring); })>;

// The initial PID namespace has a fixed inode number: PROC_PID_INIT_INO in the kernel.
constexpr ino_t kInitialPidNamespace = 0xEFFFFFFC;

// Records for the processes, threads and fault classes that may be met. A place costs memory whether used or not, and
// the tables are searched by hash: at most half full is the aim.
struct TableSizes {
  __u32 threads;
  __u32 blocks;
  __u32 procs;
};

TableSizes table_sizes(const SessionOptions& options) {
  if (options.mode != MLT_TARGET_PIDS) return {16384, 32768, 4096};
  // Records of threads that have exited stay until an RCU grace period has passed: a process that churns threads has
  // thousands of them.
  const __u32 threads = 16384;
  const auto blocks = std::bit_ceil(std::clamp<__u32>(4 * options.expected_threads, 2048, 32768));
  return {threads, blocks, 512};
}

Error permission_error(const std::string& what, int code) {
  if (code == EPERM || code == EACCES)
    return {what, code, "run as root, or with CAP_BPF and CAP_PERFMON", ExitStatus::unsupported};
  return {what, code, "", ExitStatus::unsupported};
}

// Software events count per CPU for all processes: the program filters.
Result<std::vector<Link>> attach_perf(bpf_program* program, Hook hook) {
  perf_event_attr attr{};
  attr.size = sizeof(attr);
  attr.type = PERF_TYPE_SOFTWARE;
  attr.config = hook == Hook::perf_minor ? PERF_COUNT_SW_PAGE_FAULTS_MIN : PERF_COUNT_SW_PAGE_FAULTS_MAJ;
  attr.sample_period = 1;
  std::vector<Link> links;
  const int cpus = libbpf_num_possible_cpus();
  for (int cpu = 0; cpu < cpus; ++cpu) {
    const int fd = static_cast<int>(syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC));
    if (fd < 0 && errno == ENODEV) continue;  // possible, but not online
    if (fd < 0) return fail("cannot open the page-fault software event", errno);
    Link link(bpf_program__attach_perf_event(program, fd));
    if (!link) {
      const int code = errno;
      close(fd);
      return fail("cannot attach to the page-fault software event", code);
    }
    links.push_back(std::move(link));
  }
  return links;
}

// One link for all the functions that a program serves.
Result<Link> attach_multi(bpf_program* program, bool returns, const std::vector<std::string>& functions) {
  std::vector<const char*> names;
  for (const std::string& function : functions) names.push_back(function.c_str());
  LIBBPF_OPTS(bpf_kprobe_multi_opts, opts);
  opts.syms = names.data();
  opts.cnt = names.size();
  opts.retprobe = returns;
  Link link(bpf_program__attach_kprobe_multi_opts(program, nullptr, &opts));
  if (!link) return fail("cannot attach to " + functions.front(), errno);
  return link;
}

Result<Link> attach_one(bpf_program* program, const Probe& probe) {
  const std::string target(probe.target);
  Link link;
  if (probe.hook == Hook::kprobe || probe.hook == Hook::kretprobe) {
    link.reset(bpf_program__attach_kprobe(program, probe.hook == Hook::kretprobe, target.c_str()));
  } else if (probe.hook == Hook::tracepoint) {
    const std::size_t slash = target.find('/');
    link.reset(
        bpf_program__attach_tracepoint(program, target.substr(0, slash).c_str(), target.substr(slash + 1).c_str()));
  } else {
    link.reset(bpf_program__attach(program));
  }
  if (!link) return fail("cannot attach to " + target, errno);
  return link;
}

// Everything after the first that a kprobe.multi program serves was attached with it.
std::vector<std::string> functions_of(const Probe& probe, const std::vector<Probe>& probes) {
  std::vector<std::string> functions;
  for (const Probe& other : probes) {
    if (other.program == probe.program) functions.emplace_back(other.target);
  }
  return functions;
}

Result<std::vector<Link>> attach_probe(bpf_program* program, const Probe& probe, const std::vector<Probe>& probes) {
  if (hook_kind(probe.hook) == "perf") return attach_perf(program, probe.hook);
  std::vector<Link> links;
  if (hook_kind(probe.hook) == "multi") {
    const auto functions = functions_of(probe, probes);
    if (functions.front() != probe.target) return links;
    auto link = attach_multi(program, probe.hook == Hook::multi_return, functions);
    if (!link) return tl::unexpected(link.error());
    links.push_back(std::move(*link));
    return links;
  }
  auto link = attach_one(program, probe);
  if (!link) return tl::unexpected(link.error());
  links.push_back(std::move(*link));
  return links;
}

// A skipped run of these loses nothing that is counted: the counters of a thread whose exit was missed are taken when
// the kernel frees it, and a fault whose exception was missed starts its clock at handle_mm_fault.
bool made_good(std::string_view program) {
  return program == "mlt_process_exit" || program == "mlt_exception_user" || program == "mlt_exception_kernel";
}

}  // namespace

struct Session::Impl {
  // Order of destruction matters: links first, then the mappings, then the object.
  Skeleton skel;
  Tables tables;
  Ring ring;
  Fd cgroup;
  std::vector<Link> links;
  SessionOptions options;
  const EventHandler* handler = nullptr;
  bool fills_interest = false;
  std::uint64_t skipped_before = 0;
  std::optional<std::uint64_t> skipped_at_end;

  Status open(const Plan& plan);
  Status load(const Plan& plan, std::optional<Refusal>& refusal);
  Status attach(const Plan& plan, std::optional<Refusal>& refusal);
  Status set_targets();
  /// Runs of programs that the kernel skipped because another one was under way on the same processor (5.12+).
  [[nodiscard]] std::uint64_t skipped_runs() const;
  void deliver(const mlt_event& event) { (*handler)(event, tables.id_of(event.proc)); }
  void configure(const TableSizes& sizes, const Plan& plan);
};

void Session::Impl::configure(const TableSizes& sizes, const Plan& plan) {
  mlt_config& cfg = const_cast<mlt_config&>(reinterpret_cast<const mlt_config&>(skel->rodata->mlt_cfg));
  cfg.target_mode = options.mode;
  cfg.target_tid = options.tid;
  cfg.follow = options.follow ? 1 : 0;
  cfg.thread_mask = sizes.threads - 1;
  cfg.block_mask = sizes.blocks - 1;
  cfg.proc_mask = sizes.procs - 1;
  cfg.has_exception = plan.measures("fault_entry") ? 1 : 0;
  struct stat ns {};
  if (stat("/proc/self/ns/pid", &ns) == 0 && ns.st_ino != kInitialPidNamespace) {
    cfg.pidns_dev = ns.st_dev;
    cfg.pidns_ino = ns.st_ino;
  } else {
    cfg.self_tgid = static_cast<__u32>(getpid());
  }
  // One byte a process is enough only where the numbers that BPF sees are those that the user gave.
  fills_interest = options.mode != MLT_TARGET_PIDS || cfg.pidns_ino != 0;
  bpf_map__set_max_entries(skel->maps.mlt_threads, sizes.threads);
  bpf_map__set_max_entries(skel->maps.mlt_blocks, sizes.blocks);
  bpf_map__set_max_entries(skel->maps.mlt_procs, sizes.procs);
}

Status Session::Impl::open(const Plan& plan) {
  LIBBPF_OPTS(bpf_object_open_opts, opts);
  if (!options.btf_path.empty()) opts.btf_custom_path = options.btf_path.c_str();
  skel.reset(mlocktrace_bpf__open_opts(&opts));
  if (!skel) return fail("cannot open the BPF object", errno);
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, skel->obj) bpf_program__set_autoload(program, false);
  for (const Probe& probe : plan.probes()) {
    program = bpf_object__find_program_by_name(skel->obj, std::string(probe.program).c_str());
    if (program == nullptr) return fail("the BPF object has no program " + std::string(probe.program));
    bpf_program__set_autoload(program, true);
    if (hook_kind(probe.hook) == "multi") bpf_program__set_expected_attach_type(program, BPF_TRACE_KPROBE_MULTI);
  }
  configure(table_sizes(options), plan);
  return {};
}

Status Session::Impl::load(const Plan& plan, std::optional<Refusal>& refusal) {
  LibbpfLog log(options.verbose);
  if (mlocktrace_bpf__load(skel.get()) == 0) return {};
  const int code = errno;
  const auto probes = plan.probes();
  if (const auto failed = std::ranges::find(probes, log.failed_program(), &Probe::program); failed != probes.end()) {
    // A locked-down kernel refuses whole kinds of programs.
    const bool whole_kind = code == EPERM;  // EACCES is the verifier's
    refusal = Refusal{log.failed_program(), whole_kind ? std::string(hook_kind(failed->hook)) : "",
                      "the kernel refused to load it: " + std::string(strerror(code))};
  }
  return fail(permission_error("cannot load the BPF programs", code));
}

Status Session::Impl::attach(const Plan& plan, std::optional<Refusal>& refusal) {
  LibbpfLog log(options.verbose);
  std::vector<std::string_view> working;  // kinds of which one is attached
  const auto probes = plan.probes();
  for (const Probe& probe : probes) {
    bpf_program* program = bpf_object__find_program_by_name(skel->obj, std::string(probe.program).c_str());
    const std::string_view kind = hook_kind(probe.hook);
    const auto begin = std::chrono::steady_clock::now();
    auto attached = attach_probe(program, probe, probes);
    if (options.verbose) {
      const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
      say(fmt::format("{} {}:{} {:.1f} ms", attached ? "attached" : "could not attach", hook_name(probe.hook),
                      probe.target, took.count()));
    }
    if (attached) {
      std::ranges::move(*attached, std::back_inserter(links));
      working.push_back(kind);
      continue;
    }
    const int code = attached.error().code;
    // When the first of its kind fails the kernel most likely has no such hooks at all.
    const bool whole_kind = std::ranges::find(working, kind) == working.end();
    const std::string reason = "the kernel refused to attach to " + std::string(probe.target) + ": " +
                               (code == 524 ? "not supported" : strerror(code));
    refusal = Refusal{std::string(probe.program), whole_kind ? std::string(kind) : "", reason};
    return fail(permission_error("cannot attach " + std::string(probe.program), code));
  }
  return {};
}

Status Session::Impl::set_targets() {
  if (options.mode == MLT_TARGET_CGROUP) {
    cgroup = Fd(::open(options.cgroup.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!cgroup) return fail("cannot open the cgroup " + options.cgroup, errno);
    const __u32 zero = 0;
    const __u32 fd = static_cast<__u32>(cgroup.get());
    if (bpf_map_update_elem(bpf_map__fd(skel->maps.mlt_cgroup), &zero, &fd, BPF_ANY) != 0)
      return fail(options.cgroup + " is not a cgroup v2 directory", errno,
                  "-c takes a directory of the unified hierarchy, such as /sys/fs/cgroup/system.slice");
  }
  for (const std::uint32_t pid : options.pids) {
    const __u32 key = pid;
    const __u32 value = 1;
    if (bpf_map_update_elem(bpf_map__fd(skel->maps.mlt_wanted), &key, &value, BPF_ANY) != 0)
      return fail("cannot enter pid " + std::to_string(pid) + " into the target table", errno);
  }
  return {};
}

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Result<Session> Session::start(const Plan& plan, const SessionOptions& options, std::optional<Refusal>& refusal) {
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  refusal.reset();
  if (Status status = impl->open(plan); !status) return tl::unexpected(status.error());
  if (Status status = impl->load(plan, refusal); !status) return tl::unexpected(status.error());
  if (Status status = impl->set_targets(); !status) return tl::unexpected(status.error());
  auto tables = Tables::map(impl->skel->maps.mlt_blocks, impl->skel->maps.mlt_procs, impl->skel->maps.mlt_claims);
  if (!tables) return tl::unexpected(tables.error());
  impl->tables = std::move(*tables);
  impl->ring.reset(ring_buffer__new(
      bpf_map__fd(impl->skel->maps.mlt_ring),
      [](void* context, void* data, size_t size) {
        if (size >= sizeof(mlt_event)) static_cast<Impl*>(context)->deliver(*static_cast<const mlt_event*>(data));
        return 0;
      },
      impl.get(), nullptr));
  if (!impl->ring) return fail("cannot read the ring buffer", errno);
  if (Status status = impl->attach(plan, refusal); !status) return tl::unexpected(status.error());
  return Session(std::move(impl));
}

void Session::open_gate() {
  // Skips before the gate opens are of no target: a process in a bpf() call skips its own probes, the tracer first of
  // all.
  impl_->skipped_before = impl_->skipped_runs();
  auto& interest = impl_->skel->bss->mlt_interest;
  if (impl_->fills_interest) {
    memset(interest, 1, sizeof(interest));
  } else {
    for (const std::uint32_t pid : impl_->options.pids) interest[pid % MLT_INTEREST_SIZE] = 1;
  }
}

void Session::close_gate() {
  // As above: what the tracer does from now on skips probes too.
  impl_->skipped_at_end = impl_->skipped_runs();
  memset(impl_->skel->bss->mlt_interest, 0, sizeof(impl_->skel->bss->mlt_interest));
}

void Session::drain_events(const EventHandler& handler) {
  impl_->handler = &handler;
  ring_buffer__consume(impl_->ring.get());
  impl_->handler = nullptr;
}

void Session::collect_retired() { impl_->tables.collect_retired(); }

std::uint64_t Session::Impl::skipped_runs() const {
  std::uint64_t skipped = 0;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, skel->obj) {
    bpf_prog_info info{};
    __u32 size = sizeof(info);
    if (const int fd = bpf_program__fd(program); fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0) {
      if (!made_good(bpf_program__name(program))) skipped += info.recursion_misses;
      if (options.verbose && info.recursion_misses != 0)
        say(fmt::format("{}: {} runs skipped by the kernel", bpf_program__name(program), info.recursion_misses));
    }
  }
  return skipped;
}

Counts Session::counts() {
  Counts counts = impl_->tables.counts();
  memcpy(&counts.stats, &impl_->skel->bss->mlt_stats, sizeof(counts.stats));
  counts.skipped_runs =
      (impl_->skipped_at_end ? *impl_->skipped_at_end : impl_->skipped_runs()) - impl_->skipped_before;
  return counts;
}

}  // namespace mlt
