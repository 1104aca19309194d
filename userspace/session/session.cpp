#include "session/session.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/perf_event.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>

#include "mlocktrace_early.skel.h"
#include "mlocktrace_early_adopting.skel.h"
#include "mlocktrace_late.skel.h"
#include "mlocktrace_late_adopting.skel.h"
#include "session/kretprobe.h"
#include "session/libbpf_log.h"
#include "session/tables.h"
#include "session/tracing_programs.h"
#include "util/fd.h"
#include "util/mapping.h"
#include "util/say.h"

namespace mlt {

namespace {

// What a link hangs on goes after it.
struct Unlink {
  std::optional<KretprobeDefinition> definition = {};
  void operator()(bpf_link* link) {
    bpf_link__destroy(link);
    definition.reset();
  }
};
using Link = std::unique_ptr<bpf_link, Unlink>;
using Ring = std::unique_ptr<ring_buffer, decltype([](ring_buffer* ring) { ring_buffer__free(ring); })>;

// What it cost the verifier: BPF_LOG_STATS in the kernel.
constexpr __u32 kLogStatistics = 4;

// The initial PID namespace has a fixed inode number: PROC_PID_INIT_INO in the kernel.
constexpr ino_t kInitialPidNamespace = 0xEFFFFFFC;

// Records for the processes, threads and fault classes that may be met. A place costs memory whether used or not, and
// what finds none is lost, or counted for its process as a whole.
struct TableSizes {
  __u32 blocks;
  __u32 vmas;  // a thread faults in some five mappings: its stack, the heap, code and data
  __u32 procs;
  __u32 threads;
  __u32 tails;  // octaves that lie apart from nearly all: some of the classes of a thread have one
  __u32 calls;  // kinds of calls of a process
};

// For single faults: at two processors' 400,000 a second and 40 bytes each it is full after half a second.
constexpr __u32 kFaultRingBytes = 16 << 20;
// A drain ends here though more keep coming: there is other work to do.
constexpr std::uint64_t kFaultsAtOnce = kFaultRingBytes / sizeof(mlt_fault_event);

constexpr __u32 kThreads = MLT_THREAD_MASK + 1;

TableSizes table_sizes(const SessionOptions& options) {
  const __u64 threads = options.expected_threads;
  const auto places = [&](__u64 for_each_thread, __u64 least, __u64 most) {
    return static_cast<__u32>(std::clamp(for_each_thread * threads, least, most));
  };
  // Nearly half full by what is there already: more records, which take longer to find.
  const __u32 more = 2 * threads > kThreads ? std::bit_ceil(places(1, kThreads, 8 * kThreads) / 2) : 0;
  if (options.mode == MLT_TARGET_PIDS)
    return {.blocks = places(4, 2048, MLT_PLACES_MAX),
            .vmas = places(4, 4096, MLT_PLACES_MAX),
            .procs = 512,
            .threads = kThreads + more,
            .tails = places(8, 16384, MLT_PLACES_MAX),
            .calls = 4096};
  const __u64 procs = threads + std::max<__u64>(threads / 2, 4096);
  return {.blocks = places(6, 32768, MLT_PLACES_MAX),
          .vmas = places(6, 32768, MLT_PLACES_MAX),
          .procs = static_cast<__u32>(std::min<__u64>(procs, MLT_PLACES_MAX / 2)),
          .threads = kThreads + more,
          .tails = places(6, 32768, MLT_PLACES_MAX),
          .calls = places(4, 16384, MLT_PLACES_MAX)};
}

// In each of their maps; 1 KiB each.
constexpr __u32 kStacks = 8192;

using StackMaps = std::array<bpf_map*, MLT_STACK_MAPS>;

template <typename Maps>
StackMaps stack_maps(const Maps& maps) {
  return {maps.mlt_stacks_0, maps.mlt_stacks_1, maps.mlt_stacks_2, maps.mlt_stacks_3};
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

// Each processor keeps up to a batch to itself (lib/percpu_counter.c, compute_batch_value).
__u32 counter_lag(int processors) {
  const auto count = static_cast<__u32>(std::max(processors, 1));
  return std::max(32U, 2 * count) * count;
}

bpf_program* find_program(const bpf_object* object, std::string_view name) {
  return bpf_object__find_program_by_name(object, std::string(name).c_str());
}

// The end of faults at the tracepoint of memory cgroups, and what tells whether that fires: see bpf/fault.bpf.c.
constexpr std::string_view kCounted = "mlt_fault_counted";
constexpr std::string_view kCounting = "mlt_fault_counting";

bool needs_counting(const std::vector<Probe>& probes) {
  return std::ranges::find(probes, kCounted, &Probe::program) != probes.end();
}

// Of each object there are two builds (see mlt_thread_of_interest in bpf/targets.bpf.h), with the same maps and
// programs: the skeleton of one serves both.
template <typename Adopting, typename Skel>
int create_build(Skel* skel, int (*create)(Skel*), bool adopting) {
  const int result = create(skel);
  if (result == 0 && adopting) skel->skeleton->data = const_cast<void*>(Adopting::elf_bytes(&skel->skeleton->data_sz));
  return result;
}
int create(mlocktrace_early* skel, bool adopting) {
  return create_build<mlocktrace_early_adopting>(skel, mlocktrace_early__create_skeleton, adopting);
}
int create(mlocktrace_late* skel, bool adopting) {
  return create_build<mlocktrace_late_adopting>(skel, mlocktrace_late__create_skeleton, adopting);
}

// As the skeleton's own `open`; null with errno. Its `destroy` frees it.
template <typename Skel>
Skel* open_build(bool adopting, const bpf_object_open_opts& opts) {
  auto* const skel = static_cast<Skel*>(calloc(1, sizeof(Skel)));
  if (skel == nullptr) return nullptr;
  int result = create(skel, adopting);
  if (result == 0) result = bpf_object__open_skeleton(skel->skeleton, &opts);
  if (result == 0) return skel;
  Skel::destroy(skel);
  errno = -result;
  return nullptr;
}

// The two programs of bpf/shared.bpf.c with their tables.
struct Sharing {
  Hook hook;
  const char* program;
  const char* table;
};
constexpr Sharing kSharing[] = {{Hook::multi_return, "mlt_shared_return", "mlt_returns"},
                                {Hook::multi_entry, "mlt_shared_entry", "mlt_entries"}};

std::vector<Probe> sharers(const std::vector<Probe>& probes, Hook hook) {
  std::vector<Probe> found;
  std::ranges::copy_if(probes, std::back_inserter(found),
                       [hook](const Probe& probe) { return probe.shares_link && probe.hook == hook; });
  return found;
}

// Before the object is loaded.
void prepare_sharing(bpf_object* object, const std::vector<Probe>& probes) {
  for (const Sharing& sharing : kSharing) {
    bpf_program* program = find_program(object, sharing.program);
    bpf_map* table = bpf_object__find_map_by_name(object, sharing.table);
    if (program == nullptr || table == nullptr) continue;
    const bool needed = !sharers(probes, sharing.hook).empty();
    bpf_map__set_autocreate(table, needed);
    bpf_program__set_autoload(program, needed);
    bpf_program__set_expected_attach_type(program, BPF_TRACE_KPROBE_MULTI);
  }
}

// One link for all the functions that a program serves. `cookies`: one for each of them, or none.
Result<Link> attach_multi(const bpf_program* program, bool returns, const std::vector<std::string>& functions,
                          const std::vector<__u64>& cookies = {}) {
  std::vector<const char*> names;
  names.reserve(functions.size());
  for (const std::string& function : functions) names.push_back(function.c_str());
  LIBBPF_OPTS(bpf_kprobe_multi_opts, opts);
  opts.syms = names.data();
  opts.cookies = cookies.empty() ? nullptr : cookies.data();
  opts.cnt = names.size();
  opts.retprobe = returns;
  Link link(bpf_program__attach_kprobe_multi_opts(program, nullptr, &opts));
  if (!link) return fail("cannot attach to " + functions.front(), errno);
  return link;
}

// One link for all of them: none where there are none, or where the kernel refuses one of their functions.
Link attach_sharing(bpf_object* object, const Sharing& sharing, const std::vector<Probe>& probes) {
  const std::vector<Probe> shared = sharers(probes, sharing.hook);
  const bpf_program* program = find_program(object, sharing.program);
  const bpf_map* table = bpf_object__find_map_by_name(object, sharing.table);
  if (shared.empty() || program == nullptr || table == nullptr) return {};
  std::vector<std::string_view> programs;
  std::vector<std::string> functions;
  std::vector<__u64> cookies;
  for (const Probe& probe : shared) {
    const auto known = std::ranges::find(programs, probe.program);
    cookies.push_back(static_cast<__u64>(known - programs.begin()));
    functions.emplace_back(probe.target);
    if (known == programs.end()) programs.push_back(probe.program);
  }
  for (__u32 place = 0; place < programs.size(); ++place) {
    const int fd = bpf_program__fd(find_program(object, programs[place]));
    if (bpf_map_update_elem(bpf_map__fd(table), &place, &fd, BPF_ANY) != 0) return {};
  }
  auto link = attach_multi(program, sharing.hook == Hook::multi_return, functions, cookies);
  return link ? std::move(*link) : Link();
}

// Empty where there is no tracefs: see KernelFacts::kretprobe_room.
Link attach_roomy_kretprobe(bpf_program* program, const std::string& function) {
  auto definition = KretprobeDefinition::make(function);
  if (!definition) return {};
  auto event = definition->open();
  if (!event) return {};
  bpf_link* link = bpf_program__attach_perf_event(program, event->get());
  if (link == nullptr) return {};
  event->release();  // it is the link's
  return {link, Unlink{std::move(*definition)}};
}

Result<Link> attach_one(bpf_program* program, const Probe& probe) {
  const std::string target(probe.target);
  Link link;
  if (probe.hook == Hook::kretprobe) link = attach_roomy_kretprobe(program, target);
  if (link) return link;
  if (probe.hook == Hook::kprobe || probe.hook == Hook::kretprobe) {
    link.reset(bpf_program__attach_kprobe(program, probe.hook == Hook::kretprobe, target.c_str()));
  } else if (probe.hook == Hook::tracepoint) {
    const std::size_t slash = target.find('/');
    link.reset(
        bpf_program__attach_tracepoint(program, target.substr(0, slash).c_str(), target.substr(slash + 1).c_str()));
  } else if (probe.hook == Hook::raw_tracepoint) {
    link.reset(bpf_program__attach_raw_tracepoint(program, target.c_str()));
  } else if (probe.hook == Hook::fentry || probe.hook == Hook::fexit) {
    link.reset(bpf_program__attach_trace(program));
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

// Runs the program once for everything there is.
Result<Link> walk(const bpf_program* program) {
  Link link(bpf_program__attach_iter(program, nullptr));
  if (!link) return fail("cannot attach an iterator", errno);
  const Fd fd(bpf_iter_create(bpf_link__fd(link.get())));
  if (!fd) return fail("cannot start an iterator", errno);
  char nothing[64];
  ssize_t length = 0;
  while ((length = read(fd.get(), nothing, sizeof(nothing))) > 0 || (length < 0 && errno == EAGAIN)) {
  }
  if (length < 0) return fail("cannot read an iterator", errno);
  return link;
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
  auto link = probe.hook == Hook::iterator ? walk(program) : attach_one(program, probe);
  if (!link) return tl::unexpected(link.error());
  links.push_back(std::move(*link));
  return links;
}

// A skipped run of these loses nothing that is counted: the counters of a thread whose exit was missed are taken when
// the kernel frees it, and a fault whose exception was missed starts its clock at handle_mm_fault. Contention is of
// locks of every kind: what interrupts the program on a kernel that does not preempt it can only spin, for another lock
// than mmap_lock.
bool made_good(std::string_view program, bool preemptible) {
  // What they would have counted is settled: see bpf/settle.bpf.h. The last one is skipped where it has nothing to do.
  static constexpr std::string_view kSettled[] = {"mlt_fault_enter",        "mlt_fault_exit",      "mlt_fault_kprobe",
                                                  "mlt_fault_kprobe_typed", "mlt_fault_kretprobe", "mlt_fault_counted"};
  if (preemptible && std::ranges::find(kSettled, program) != std::end(kSettled)) return true;
  if (program == "mlt_contention_begin" || program == "mlt_contention_end") return !preemptible;
  return program == "mlt_process_exit" || program == "mlt_exceptions";
}

}  // namespace

// The programs are in two objects: those that count faults are loaded and attached while the others have not even been
// opened. Both use the maps of the first. `Skel` is what bpftool generated of one.
template <typename Skel>
struct LoadedPart {
  // Order of destruction matters: links first, then the object.
  std::unique_ptr<Skel, decltype([](Skel* skel) { Skel::destroy(skel); })> skel;
  std::vector<Link> links;
};

struct Session::Impl {
  // Order of destruction matters: the mappings before the objects.
  LoadedPart<mlocktrace_early> early;
  std::vector<Probe> early_probes;
  LoadedPart<mlocktrace_late> late;
  Tables tables;
  Ring ring;
  Ring fault_ring;
  Fd cgroup;
  SessionOptions options;
  const EventHandler* handler = nullptr;
  const FaultHandler* fault_handler = nullptr;
  std::uint64_t faults_delivered = 0;  // in this drain
  bool fills_interest = false;
  std::vector<std::string_view> working;  // kinds of hooks of which one is attached
  bool preemptible = false;               // see KernelFacts::preemptible
  std::uint64_t skipped_before = 0;
  std::optional<std::uint64_t> skipped_at_end;
  /// Through it a BPF program finds where the kernel keeps the setting: see mlt_find_threads.
  Fd max_map_count{::open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC)};

  /// Opens, loads and attaches; `prepare` comes before the load, `ready` before anything is attached.
  template <typename Skel>
  Status bring_up(LoadedPart<Skel>& part, const Plan& plan, Plan::Part which, const Kernel& kernel,
                  std::optional<Refusal>& refusal);
  template <typename Skel>
  Status open(LoadedPart<Skel>& part, const std::vector<Probe>& probes, const Plan& plan, const Kernel& kernel,
              const Fd& types);
  template <typename Skel>
  Status load(LoadedPart<Skel>& part, const std::vector<Probe>& probes, std::optional<Refusal>& refusal) const;
  template <typename Skel>
  Status attach(LoadedPart<Skel>& part, const std::vector<Probe>& probes, std::optional<Refusal>& refusal);
  Status check_counting(std::optional<Refusal>& refusal);
  Status share_maps(bpf_object* late_object) const;
  Status set_up_tables();
  Status set_targets();
  [[nodiscard]] mlt_adopt adopt(const Plan& plan) const;
  [[nodiscard]] static bool walks(const std::vector<Probe>& early) {
    return std::ranges::find(early, Hook::iterator, &Probe::hook) != early.end();
  }
  /// Where the kernel can: see mlt_find_threads.
  [[nodiscard]] Status walk_threads() const {
    if (!walks(early_probes)) return {};
    const auto program = std::ranges::find(early_probes, Hook::iterator, &Probe::hook)->program;
    return walk(find_program(early.skel->obj, program)).map([](const Link&) {});
  }
  [[nodiscard]] const bpf_object* late_object() const { return late.skel ? late.skel->obj : nullptr; }
  Status size_early_maps();
  Status open_fault_ring();
  [[nodiscard]] auto& maps() const { return early.skel->maps; }
  [[nodiscard]] auto& bss() const { return *early.skel->bss; }
  /// Runs of programs that the kernel skipped because another one was under way on the same processor (5.12+).
  [[nodiscard]] std::uint64_t skipped_runs(const bpf_object* object) const;
  [[nodiscard]] std::uint64_t skipped_runs() const {
    return skipped_runs(early.skel->obj) + (late_object() != nullptr ? skipped_runs(late_object()) : 0);
  }
  /// And what is of the trace as a whole.
  [[nodiscard]] Counts with_totals(Counts counts) const;
  void deliver(const mlt_event& event) { (*handler)(event, tables.id_of(event.proc)); }
  /// Negative: enough for now.
  int deliver(const mlt_fault_event& event) {
    (*fault_handler)(event, tables.pid_of(event.proc));
    return ++faults_delivered < kFaultsAtOnce ? 0 : -EAGAIN;
  }
  [[nodiscard]] mlt_config config(const Plan& plan) const;
  template <typename Skel>
  void configure(Skel& skel, const Plan& plan);
};

mlt_adopt Session::Impl::adopt(const Plan& plan) const {
  if (options.mode != MLT_TARGET_PIDS || !walks(plan.probes(Plan::Part::early))) return MLT_ADOPT_ANYWHERE;
  if (!plan.preemptible) return MLT_ADOPT_NEVER;
  return plan.measures("fault_entry") ? MLT_ADOPT_AT_EXCEPTIONS : MLT_ADOPT_ANYWHERE;
}

mlt_config Session::Impl::config(const Plan& plan) const {
  const TableSizes sizes = table_sizes(options);
  mlt_config cfg{};
  cfg.target_mode = options.mode;
  cfg.target_tid = options.tid;
  cfg.follow = options.follow ? 1 : 0;
  cfg.fault_events = options.fault_events ? 1 : 0;
  cfg.blocks = sizes.blocks;
  cfg.vmas = sizes.vmas;
  cfg.procs = sizes.procs;
  cfg.tails = sizes.tails;
  cfg.calls = sizes.calls;
  cfg.more_threads = sizes.threads - kThreads;
  cfg.counter_lag = counter_lag(libbpf_num_possible_cpus());
  cfg.stacks = options.stacks;
  cfg.has_exception = plan.measures("fault_entry") ? 1 : 0;
  cfg.adopt = adopt(plan);
  if (plan.measures("cause")) {
    cfg.page_levels = plan.memory.levels;
    cfg.page_offset = plan.memory.page_offset;
    cfg.vmemmap = plan.memory.vmemmap;
    cfg.has_soft_dirty = plan.memory.soft_dirty ? 1 : 0;
  }
  cfg.settles = plan.settles() ? 1 : 0;
  cfg.ends_untold = plan.ends_untold() ? 1 : 0;
  cfg.vma_type = plan.vma_type;
  cfg.has_vma_lock = plan.measures("vma_lock") ? 1 : 0;
  const PlannedSignal* lock = plan.find("page_lock");
  cfg.has_page_lock = lock->way != nullptr ? 1 : 0;
  cfg.has_userfault = plan.measures("userfault") ? 1 : 0;
  cfg.has_exit_mmap = plan.measures("swap_free") ? 1 : 0;
  cfg.max_map_count_fd = max_map_count ? static_cast<__u32>(max_map_count.get()) : 0;
  cfg.mlocks_after_populate = plan.mlocks_after_populate() ? 1 : 0;
  struct stat ns {};
  if (stat("/proc/self/ns/pid", &ns) == 0 && ns.st_ino != kInitialPidNamespace) {
    cfg.pidns_dev = ns.st_dev;
    cfg.pidns_ino = ns.st_ino;
  } else {
    cfg.self_tgid = static_cast<__u32>(getpid());
  }
  return cfg;
}

template <typename Skel>
void Session::Impl::configure(Skel& skel, const Plan& plan) {
  const mlt_config cfg = config(plan);
  const_cast<mlt_config&>(reinterpret_cast<const mlt_config&>(skel.rodata->mlt_cfg)) = cfg;
  // One byte a process is enough only where the numbers that BPF sees are those that the user gave.
  fills_interest = options.mode != MLT_TARGET_PIDS || cfg.pidns_ino != 0;
  const TableSizes sizes = table_sizes(options);
  bpf_map__set_max_entries(skel.maps.mlt_blocks, sizes.blocks);
  bpf_map__set_max_entries(skel.maps.mlt_vmas, sizes.vmas);
  bpf_map__set_max_entries(skel.maps.mlt_procs, sizes.procs);
  bpf_map__set_max_entries(skel.maps.mlt_threads, sizes.threads);
  bpf_map__set_max_entries(skel.maps.mlt_places, 2 * sizes.threads);
  bpf_map__set_max_entries(skel.maps.mlt_tails, sizes.tails);
  bpf_map__set_max_entries(skel.maps.mlt_call_counts, sizes.calls);
  // One more for each processor that is taking a place over.
  bpf_map__set_max_entries(skel.maps.mlt_claims, sizes.threads + sizes.blocks + sizes.vmas + sizes.procs + sizes.tails +
                                                     sizes.calls + static_cast<__u32>(libbpf_num_possible_cpus()));
  // Up to 6.0 a program on a perf event can't use hash maps that get their memory as they go.
  const PlannedSignal* fault = plan.find("fault");
  if (fault->way == nullptr || !fault->way->uses("perf")) return;
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, skel.obj) {
    bpf_map__set_map_flags(map, bpf_map__map_flags(map) & ~static_cast<__u32>(BPF_F_NO_PREALLOC));
  }
}

template <typename Skel>
Status Session::Impl::open(LoadedPart<Skel>& part, const std::vector<Probe>& probes, const Plan& plan,
                           const Kernel& kernel, const Fd& types) {
  LIBBPF_OPTS(bpf_object_open_opts, opts);
  const std::string types_path = fmt::format("/proc/self/fd/{}", types.get());
  if (kernel.types) opts.btf_custom_path = types_path.c_str();
  if (options.verbose) opts.kernel_log_level = kLogStatistics;
  part.skel.reset(open_build<Skel>(adopt(plan) == MLT_ADOPT_ANYWHERE, opts));
  if (!part.skel) return fail("cannot open the BPF object", errno);
  if (kernel.types) {
    if (Status status = kernel.types.write_extract(*bpf_object__btf(part.skel->obj), types); !status) return status;
  }
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, part.skel->obj) bpf_program__set_autoload(program, false);
  if (needs_counting(probes)) bpf_program__set_autoload(find_program(part.skel->obj, kCounting), true);
  for (const Probe& probe : probes) {
    program = find_program(part.skel->obj, probe.program);
    if (program == nullptr) return fail("the BPF object has no program " + std::string(probe.program));
    bpf_program__set_autoload(program, true);
    if (hook_kind(probe.hook) == "multi") bpf_program__set_expected_attach_type(program, BPF_TRACE_KPROBE_MULTI);
  }
  prepare_sharing(part.skel->obj, probes);
  configure(*part.skel, plan);
  return {};
}

// By a fault of our own.
Status Session::Impl::check_counting(std::optional<Refusal>& refusal) {
  const Link link(bpf_program__attach_raw_tracepoint(find_program(early.skel->obj, kCounting), "count_memcg_events"));
  if (!link) return fail("cannot attach to count_memcg_events", errno);
  const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const Fd file(memfd_create("fault", MFD_CLOEXEC));
  if (!file || ftruncate(file.get(), static_cast<off_t>(size)) != 0)
    return fail("cannot create a file in memory", errno);
  const Mapping page(file.get(), size);
  if (!page) return fail("cannot map a page", errno);
  *static_cast<volatile char*>(page.data()) = 1;
  if (bss().mlt_fault_was_counted != 0) return {};
  refusal = Refusal{std::string(kCounted), "", "faults are not counted for memory cgroups (cgroup_disable=memory)"};
  return fail("the tracepoint count_memcg_events is silent");
}

// Everything but the configuration, which is the same in both.
Status Session::Impl::share_maps(bpf_object* late_object) const {
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, late_object) {
    // ".rodata", behind the first letters of the object's name.
    if (std::string_view(bpf_map__name(map)).ends_with(".rodata")) continue;
    const bpf_map* first = bpf_object__find_map_by_name(early.skel->obj, bpf_map__name(map));
    if (first == nullptr) continue;
    if (bpf_map__reuse_fd(map, bpf_map__fd(first)) != 0)
      return fail(std::string("cannot share the map ") + bpf_map__name(map), errno);
  }
  return {};
}

template <typename Skel>
Status Session::Impl::load(LoadedPart<Skel>& part, const std::vector<Probe>& probes,
                           std::optional<Refusal>& refusal) const {
  LibbpfLog log(options.verbose);
  if (Skel::load(part.skel.get()) == 0) return {};
  const int code = errno;
  if (const auto failed = std::ranges::find(probes, log.failed_program(), &Probe::program); failed != probes.end()) {
    // A locked-down kernel refuses whole kinds of programs.
    const bool whole_kind = code == EPERM;  // EACCES is the verifier's
    refusal = Refusal{log.failed_program(), whole_kind ? std::string(hook_kind(failed->hook)) : "",
                      "the kernel refused to load it: " + std::string(strerror(code))};
  }
  return fail(permission_error("cannot load the BPF programs", code));
}

template <typename Skel>
Status Session::Impl::attach(LoadedPart<Skel>& part, const std::vector<Probe>& probes,
                             std::optional<Refusal>& refusal) {
  LibbpfLog log(options.verbose);
  if (std::ranges::find(probes, Hook::kretprobe, &Probe::hook) != probes.end()) KretprobeDefinition::remove_leftovers();
  std::vector<Hook> shared;
  for (const Sharing& sharing : kSharing) {
    Link link = attach_sharing(part.skel->obj, sharing, probes);
    if (!link) continue;  // one by one, then: that tells which of them it is
    part.links.push_back(std::move(link));
    shared.push_back(sharing.hook);
    working.push_back(hook_kind(sharing.hook));
  }
  for (const Probe& probe : probes) {
    if (probe.shares_link && std::ranges::find(shared, probe.hook) != shared.end()) continue;
    bpf_program* program = find_program(part.skel->obj, probe.program);
    const std::string_view kind = hook_kind(probe.hook);
    const auto begin = std::chrono::steady_clock::now();
    auto attached = attach_probe(program, probe, probes);
    if (options.verbose) {
      const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
      say(fmt::format("{} {}:{} {:.1f} ms", attached ? "attached" : "could not attach", hook_name(probe.hook),
                      probe.target, took.count()));
    }
    if (attached) {
      std::ranges::move(*attached, std::back_inserter(part.links));
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

template <typename Skel>
Status Session::Impl::bring_up(LoadedPart<Skel>& part, const Plan& plan, Plan::Part which, const Kernel& kernel,
                               std::optional<Refusal>& refusal) {
  const std::vector<Probe> probes = plan.probes(which);
  // What an earlier plan of this part left behind.
  part.links.clear();
  part.skel.reset();
  if (probes.empty()) return {};
  const TracingPrograms tracing(kernel.function_ids);
  const Fd types(memfd_create("kernel-types", MFD_CLOEXEC));
  if (!types) return fail("cannot create a file in memory", errno);
  if (Status status = open(part, probes, plan, kernel, types); !status) return status;
  const bool first = which == Plan::Part::early;
  Status status = first ? size_early_maps() : share_maps(part.skel->obj);
  if (status) status = load(part, probes, refusal);
  if (status && first) status = set_up_tables();
  if (status && needs_counting(probes)) status = check_counting(refusal);
  if (!status) return status;
  return attach(part, probes, refusal);
}

Status Session::Impl::set_targets() {
  if (options.mode == MLT_TARGET_CGROUP) {
    cgroup = Fd(::open(options.cgroup.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!cgroup) return fail("cannot open the cgroup " + options.cgroup, errno);
    const __u32 zero = 0;
    const __u32 fd = static_cast<__u32>(cgroup.get());
    if (bpf_map_update_elem(bpf_map__fd(maps().mlt_cgroup), &zero, &fd, BPF_ANY) != 0)
      return fail(options.cgroup + " is not a cgroup v2 directory", errno,
                  "-c takes a directory of the unified hierarchy, such as /sys/fs/cgroup/system.slice");
  }
  for (const std::uint32_t pid : options.pids) {
    const __u32 key = pid;
    const __u32 value = 1;
    if (bpf_map_update_elem(bpf_map__fd(maps().mlt_wanted), &key, &value, BPF_ANY) != 0)
      return fail("cannot enter pid " + std::to_string(pid) + " into the target table", errno);
  }
  return {};
}

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Status Session::Impl::size_early_maps() {
  if (options.stacks != 0) {
    for (bpf_map* map : stack_maps(maps())) bpf_map__set_max_entries(map, kStacks);
    bpf_map__set_max_entries(maps().mlt_stack_counts, 2 * MLT_STACK_MAPS * kStacks);
  }
  if (options.fault_events) bpf_map__set_max_entries(maps().mlt_fault_ring, kFaultRingBytes);
  return {};
}

Status Session::Impl::open_fault_ring() {
  if (!options.fault_events) return {};
  fault_ring.reset(ring_buffer__new(
      bpf_map__fd(maps().mlt_fault_ring),
      [](void* context, void* data, size_t size) {
        if (size < sizeof(mlt_fault_event)) return 0;
        return static_cast<Impl*>(context)->deliver(*static_cast<const mlt_fault_event*>(data));
      },
      this, nullptr));
  if (!fault_ring) return fail("cannot read the ring buffer of faults", errno);
  return {};
}

Status Session::Impl::set_up_tables() {
  if (Status status = set_targets(); !status) return status;
  auto mapped = Tables::map(
      {maps().mlt_blocks, maps().mlt_tails, maps().mlt_vmas, maps().mlt_procs, maps().mlt_call_counts},
      {maps().mlt_keepers, maps().mlt_errors, maps().mlt_acts, &bss().mlt_acts_made}, bss().mlt_places_state);
  if (!mapped) return tl::unexpected(mapped.error());
  tables = std::move(*mapped);
  ring.reset(ring_buffer__new(
      bpf_map__fd(maps().mlt_ring),
      [](void* context, void* data, size_t size) {
        if (size >= sizeof(mlt_event)) static_cast<Impl*>(context)->deliver(*static_cast<const mlt_event*>(data));
        return 0;
      },
      this, nullptr));
  if (!ring) return fail("cannot read the ring buffer", errno);
  return open_fault_ring();
}

Result<Session> Session::start(const Plan& plan, const Kernel& kernel, const SessionOptions& options,
                               std::optional<Refusal>& refusal) {
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  impl->preemptible = plan.preemptible;
  refusal.reset();
  impl->early_probes = plan.probes(Plan::Part::early);
  if (impl->early_probes.empty())
    return fail({"no process can be followed on this kernel", 0, "`mlocktrace probes` shows every way that was tried",
                 ExitStatus::unsupported});
  if (Status status = impl->bring_up(impl->early, plan, Plan::Part::early, kernel, refusal); !status)
    return tl::unexpected(status.error());
  return Session(std::move(impl));
}

Status Session::attach_rest(const Plan& plan, const Kernel& kernel, std::optional<Refusal>& refusal) {
  return impl_->bring_up(impl_->late, plan, Plan::Part::late, kernel, refusal);
}

bool Session::serves(const Plan& plan) const {
  const mlt_config wanted = impl_->config(plan);
  return impl_->early_probes == plan.probes(Plan::Part::early) &&
         memcmp(&wanted, &reinterpret_cast<const mlt_config&>(impl_->early.skel->rodata->mlt_cfg), sizeof(wanted)) == 0;
}

Status Session::open_gate() {
  // Skips before the gate opens are of no target: a process in a bpf() call skips its own probes, the tracer first of
  // all.
  impl_->skipped_before = impl_->skipped_runs();
  auto& interest = impl_->bss().mlt_interest;
  if (impl_->fills_interest) {
    memset(interest, 1, sizeof(interest));
  } else {
    for (const std::uint32_t pid : impl_->options.pids) interest[pid % MLT_INTEREST_SIZE] = 1;
  }
  impl_->bss().mlt_phase = MLT_COUNTING;
  return impl_->walk_threads();
}

void Session::complete() {
  if (const bpf_object* late = impl_->late_object(); late != nullptr)
    impl_->skipped_before += impl_->skipped_runs(late);
  impl_->bss().mlt_phase = MLT_COMPLETE;
}

void Session::close_gate() {
  // As above: what the tracer does from now on skips probes too.
  impl_->skipped_at_end = impl_->skipped_runs();
  impl_->bss().mlt_phase = MLT_ENDED;
  // Without it an audit allows nothing for the faults that are under way.
  std::ignore = impl_->walk_threads();
}

void Session::drain_events(const EventHandler& handler) {
  impl_->tables.note_gone();
  impl_->handler = &handler;
  ring_buffer__consume(impl_->ring.get());
  impl_->handler = nullptr;
}

void Session::drain_faults(const FaultHandler& handler) {
  if (!impl_->fault_ring) return;
  impl_->fault_handler = &handler;
  impl_->faults_delivered = 0;
  ring_buffer__consume(impl_->fault_ring.get());
  impl_->fault_handler = nullptr;
  if (impl_->faults_delivered >= kFaultsAtOnce) impl_->tables.keep_gone();
}

const std::vector<AliveProcess>& Session::alive() const { return impl_->tables.alive(); }

bool Session::awaits_threads() const { return impl_->tables.awaits_threads(); }

void Session::collect_retired() { impl_->tables.collect_retired(); }

std::uint64_t Session::Impl::skipped_runs(const bpf_object* object) const {
  std::map<std::string_view, std::uint64_t> skipped;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    bpf_prog_info info{};
    __u32 size = sizeof(info);
    const int fd = bpf_program__fd(program);
    if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) != 0) continue;
    skipped[bpf_program__name(program)] = info.recursion_misses;
    if (options.verbose && info.recursion_misses != 0)
      say(fmt::format("{}: {} runs skipped by the kernel", bpf_program__name(program), info.recursion_misses));
  }
  // What both have missed is no more than what the one has that missed less.
  for (auto& [name, runs] : skipped) {
    const Twin* twin = twin_of(name);
    const auto other = twin != nullptr && twin->beside ? skipped.find(twin->other) : skipped.end();
    if (other == skipped.end()) continue;
    runs = std::min(runs, other->second);
    other->second = 0;
  }
  std::uint64_t sum = 0;
  for (const auto& [name, runs] : skipped) sum += made_good(name, preemptible) ? 0 : runs;
  return sum;
}

Counts Session::Impl::with_totals(Counts counts) const {
  memcpy(&counts.stats, &bss().mlt_stats, sizeof(counts.stats));
  counts.skipped_runs = (skipped_at_end ? *skipped_at_end : skipped_runs()) - skipped_before;
  return counts;
}

Counts Session::counts() { return impl_->with_totals(impl_->tables.counts()); }

// Of ten thousand processes the tables are a third of what the tracer holds.
Counts Session::last_counts() { return impl_->with_totals(std::exchange(impl_->tables, {}).last_counts()); }

namespace {

std::vector<std::uint64_t> stack_at(const StackMaps& maps, __s32 number) {
  std::vector<std::uint64_t> addresses(MLT_STACK_DEPTH);
  if (number < 0) return {};
  const int map = bpf_map__fd(maps.at(static_cast<std::size_t>(number >> MLT_STACK_MAP_SHIFT)));
  const __s32 place = number & MLT_STACK_PLACE;
  if (bpf_map_lookup_elem(map, &place, addresses.data()) != 0) return {};
  addresses.erase(std::ranges::find(addresses, std::uint64_t{0}), addresses.end());
  return addresses;
}

}  // namespace

void Session::add_stacks(Counts& counts) const {
  if (impl_->options.stacks == 0) return;
  const StackMaps stacks = stack_maps(impl_->maps());
  const int totals = bpf_map__fd(impl_->maps().mlt_stack_counts);
  mlt_stack_key key{};
  mlt_stack_key* previous = nullptr;
  for (mlt_stack_key next{}; bpf_map_get_next_key(totals, previous, &next) == 0; previous = &key) {
    key = next;
    mlt_stack_count count{};
    if (bpf_map_lookup_elem(totals, &key, &count) != 0) continue;
    const auto process = std::ranges::find_if(counts.processes, [&](const ProcessCounts& one) {
      return one.proc.tgid == key.tgid && one.proc.start_boottime == key.start_boottime;
    });
    if (process == counts.processes.end()) continue;
    process->stacks.push_back({stack_at(stacks, key.kernel), stack_at(stacks, key.user), key.class_id, key.program,
                               count.faults, count.time_ns});
  }
}

}  // namespace mlt
