#include "trace/trace_run.h"

#include <fmt/format.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>

#include "analysis/build_report.h"
#include "analysis/build_storms.h"
#include "analysis/crowd.h"
#include "findings/findings.h"
#include "kernel/probe_kernel.h"
#include "model/names.h"
#include "proc/page_flags.h"
#include "proc/smaps.h"
#include "proc/system_files.h"
#include "trace/targets.h"
#include "util/say.h"
#include "util/units.h"
#include "version.h"

namespace mlt {

namespace {

// How often the tables of threads that are gone are emptied, and the ring buffer.
constexpr std::uint64_t kTickNs = 100'000'000;
// The same when every fault comes as an event: two processors at 400,000 faults a second each fill the ring buffer in
// half a second, and an fsync may take most of it.
constexpr std::uint64_t kEventTickNs = 20'000'000;
// The first one comes sooner: what a command does may not take long.
constexpr std::uint64_t kFirstTickNs = 5'000'000;

// How often the counts are looked at for storms; more rarely where that would take more than a fiftieth of a processor.
constexpr std::uint64_t kSampleNs = 1'000'000'000;
constexpr std::uint64_t kSampleShare = 50;

// Up to so many processes are looked at again and again for what they have mapped.
constexpr std::size_t kLookedAtAgain = 64;

// What is traced may use every processor: attaching, emptying the tables and the report must go on all the same.
constexpr int kPriority = -20;

std::uint64_t clock_ns(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

StormLimits storm_limits(const FindingOptions& options) {
  return {options.storm_per_s, options.storm_time_percent, options.storm_factor, options.storm_seconds * 1'000'000'000};
}

// After a grace period of RCU the kernel frees the threads that have ended. Where a program was skipped at their end,
// their record is settled then (mlt_process_free). On a busy machine that comes late; with nohz_full the period is not
// to be had; and a thread that somebody traces (ptrace) stays until that one has looked at it.
void await_freed_threads(const Session& session) {
  constexpr useconds_t kMoment = 10'000;
  constexpr int kMoments = 200;
  syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
  usleep(kMoment);
  for (int i = 0; i < kMoments && session.awaits_threads(); ++i) usleep(kMoment);
}

Result<Fd> catch_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  // The terminal is closed. With nohup it is ignored, and a signal that is blocked is not ignored any more.
  struct sigaction hangup {};
  if (sigaction(SIGHUP, nullptr, &hangup) == 0 && hangup.sa_handler != SIG_IGN) sigaddset(&set, SIGHUP);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  Fd fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return fail("cannot catch signals", errno);
  return fd;
}

}  // namespace

Result<Prepared> prepare_trace(const TraceOptions& options) {
  Prepared prepared;
  auto signals = catch_signals();
  if (!signals) return tl::unexpected(signals.error());
  prepared.signals = std::move(*signals);
  if (!options.command.empty() && !options.dry_run) {
    auto started = Child::start(options.command);
    if (!started) return tl::unexpected(started.error());
    prepared.child.emplace(std::move(*started));
  }
  // Not permitted is no harm. The command has its own priority already.
  setpriority(PRIO_PROCESS, 0, kPriority);
  auto targets = session_options(options, prepared.child);
  if (!targets) return tl::unexpected(targets.error());
  prepared.targets = std::move(*targets);
  auto kernel = probe_kernel(options.common.btf_path, options.dry_run);
  if (!kernel) return tl::unexpected(kernel.error());
  prepared.kernel = std::move(*kernel);
  return prepared;
}

TraceRun::TraceRun(const TraceOptions& options, std::optional<std::uint64_t> interval_ns, SessionOptions targets,
                   std::optional<Child> child, TraceSink& sink)
    : options_(options),
      interval_ns_(interval_ns),
      targets_(std::move(targets)),
      child_(std::move(child)),
      sink_(sink),
      storms_(storm_limits(options.thresholds)),
      next_sample_ns_(kSampleNs) {}

void TraceRun::say(const std::string& line) const {
  if (!options_.common.quiet) mlt::say(line);
}

// Whose counters are read beside the gate. Of all processes only when all are traced: it takes time.
std::vector<std::uint32_t> TraceRun::watched_pids() const {
  return targets_.mode == MLT_TARGET_PIDS ? targets_.pids : list_processes();
}

// Of what is traced of the process.
std::optional<FaultCounters> TraceRun::fault_counters(std::uint32_t pid) const {
  return targets_.tid != 0 ? read_fault_counters(pid, targets_.tid) : read_fault_counters(pid);
}

Status TraceRun::start_command() {
  if (options_.user_stacks) {
    const auto pid = static_cast<std::uint32_t>(child_->pid());
    code_ = CodeWatch(pid);
    data_.symbols.see(pid, 0, read_maps(pid));
  }
  if (Status status = child_->exec(); !status) return status;
  name_command();
  Status status = child_->is_held() ? sink_.command_held() : Status();
  child_->release();
  return status;
}

// Whose page tables are walked for the audit, where they have locked anything: those that were named.
std::vector<std::uint32_t> TraceRun::pids_to_walk() const {
  return targets_.mode == MLT_TARGET_PIDS ? targets_.pids : std::vector<std::uint32_t>{};
}

// Until it has called execve, the command looks like mlocktrace.
void TraceRun::name_command() {
  const auto pid = static_cast<std::uint32_t>(child_->pid());
  const auto now = read_process(pid);
  if (auto& start = data_.views[pid].start; start && now) {
    if (child_->is_held())
      start = now;
    else
      start->exe = now->exe;  // the rest may have changed already
  }
  // It may be gone before the next look. Where it is told that execve goes well, the program is not mapped yet.
  const auto is_of_a_file = [](const MapsLine& line) { return line.name.starts_with('/'); };
  for (int i = 0; i < 20 && std::ranges::none_of(read_maps(pid), is_of_a_file); ++i) usleep(200);
  look_at(data_, pid, 1);
}

// The trace begins: the rest is attached while faults count already.
Status TraceRun::count_faults(Session& session) {
  data_.tool_version = kVersion;
  data_.host = read_host();
  data_.target = describe_target(options_, targets_);
  data_.max_map_count = read_max_map_count();
  data_.by_generations = reclaims_by_generations();
  const auto pids = watched_pids();
  for (const std::uint32_t pid : pids) {
    data_.views[pid].start = read_process(pid);
    // A command looks like mlocktrace until it has called execve.
    if (!child_) look_at(data_, pid, 0);
  }
  if (targets_.mode == MLT_TARGET_PIDS &&
      std::ranges::none_of(pids, [this](std::uint32_t pid) { return data_.views[pid].start.has_value(); }))
    return fail(fmt::format("process {} exited before the trace began", pids.front()));
  look_at_cgroup();
  for (const std::uint32_t pid : pids) data_.views[pid].gate_open.before = fault_counters(pid);
  Status opened;
  around(&CgroupViews::gate_open, [&] { opened = session.open_gate(); });
  for (const std::uint32_t pid : pids) data_.views[pid].gate_open.after = fault_counters(pid);
  start_clock();
  return opened;
}

// Whose memory.stat is to agree with what is traced: the cgroup that was named, or the one that the target runs in.
void TraceRun::look_at_cgroup() {
  if (targets_.mode == MLT_TARGET_ALL) return;
  std::string path = targets_.cgroup;
  if (targets_.mode == MLT_TARGET_PIDS) {
    const auto& start = data_.views[targets_.pids.front()].start;
    if (!start) return;
    path = start->cgroup;
    cgroup_directory_ = cgroup_directory(path);
  } else {
    cgroup_directory_ = path;
  }
  CgroupViews& cgroup = data_.cgroup.emplace();
  cgroup.path = std::move(path);
  cgroup.members_start = read_cgroup_members(cgroup_directory_);
  cgroup.high_start = read_memory_high(cgroup_directory_);
}

// Reads what the cgroup counts before and after a moment of the trace.
void TraceRun::around(Bracket<MemoryStat> CgroupViews::*moment, const std::function<void()>& happens) {
  if (data_.cgroup) ((*data_.cgroup).*moment).before = read_memory_stat(cgroup_directory_);
  happens();
  if (data_.cgroup) ((*data_.cgroup).*moment).after = read_memory_stat(cgroup_directory_);
}

void TraceRun::start_clock() {
  data_.start_unix_ns = clock_ns(CLOCK_REALTIME);
  data_.start_ns = interval_start_ns_ = clock_ns(CLOCK_MONOTONIC);
}

void TraceRun::count_everything() {
  data_.plan = &attached_->plan;
  data_.vmstat_start = read_vmstat();
  const auto walked = pids_to_walk();
  for (const std::uint32_t pid : walked) data_.views[pid].resident_complete.before = read_locked_resident(pid);
  around(&CgroupViews::complete, [this] { attached_->session.complete(); });
  data_.vmstat_completed = read_vmstat();
  for (const std::uint32_t pid : walked) data_.views[pid].resident_complete.after = read_locked_resident(pid);
  // A command has waited for this: its trace begins now.
  if (child_) start_clock();
  data_.complete_ns = child_ ? data_.start_ns : clock_ns(CLOCK_MONOTONIC);
}

Status TraceRun::collect() {
  // Before the records are freed that events name.
  attached_->session.drain_events([this](const mlt_event& event, std::uint32_t id) {
    data_.events[id].add(event);
    storms_.add(id, event);
  });
  attached_->session.drain_faults([this](const mlt_fault_event& event, std::uint32_t pid) {
    sink_.fault(fault_event(event, pid, data_.start_ns));
  });
  attached_->session.collect_retired();
  look_at_new();
  look_at_code();
  return sink_.tick();
}

// What is mapped where, while it can still be asked: the process may be gone at the end.
void TraceRun::look_at(TraceData& data, std::uint32_t pid, std::uint16_t program) const {
  const std::vector<MapsLine> maps = read_maps(pid);
  remember_maps(data.maps[pid], maps);
  if (options_.user_stacks) data.symbols.see(pid, program, maps);
}

void TraceRun::look_at_new() {
  const std::uint64_t now = clock_ns(CLOCK_MONOTONIC);
  const auto& alive = attached_->session.alive();
  // A library that is loaded later.
  if (options_.user_stacks && alive.size() <= kLookedAtAgain && now >= next_look_ns_) {
    looked_at_.clear();
    next_look_ns_ = now + kSampleNs;
  }
  for (const auto& [pid, program] : alive) {
    if (looked_at_.emplace(pid, program).second) look_at(data_, pid, program);
  }
}

void TraceRun::look_at_code() {
  for (const CodeEvent& event : code_.drain()) {
    if (const auto* mapped = std::get_if<MappedCode>(&event.what)) data_.symbols.mapped(mapped->pid, mapped->line);
    if (const auto* executed = std::get_if<ExecutedCode>(&event.what)) data_.symbols.executed(executed->pid);
    if (const auto* forked = std::get_if<ForkedCode>(&event.what)) data_.symbols.forked(forked->pid, forked->parent);
  }
}

void TraceRun::sample() {
  const std::uint64_t start = clock_ns(CLOCK_MONOTONIC);
  if (start - data_.start_ns < next_sample_ns_) return;
  storms_.add(start - data_.start_ns, fault_samples(attached_->session.counts()));
  const std::uint64_t took = clock_ns(CLOCK_MONOTONIC) - start;
  next_sample_ns_ = start - data_.start_ns + std::max(kSampleNs, took * kSampleShare);
}

bool TraceRun::wants_to_end(int signals) const {
  signalfd_siginfo info{};
  if (read(signals, &info, sizeof(info)) == sizeof(info)) return true;
  if (child_ && child_->ended()) return true;
  const std::uint64_t now = clock_ns(CLOCK_MONOTONIC);
  if (options_.duration_ns && now - data_.start_ns >= *options_.duration_ns) return true;
  return options_.count && intervals_ >= *options_.count;
}

std::uint64_t TraceRun::time_to_wait() const {
  const std::uint64_t now = clock_ns(CLOCK_MONOTONIC);
  std::uint64_t wait_ns =
      std::clamp(now - data_.start_ns, kFirstTickNs, targets_.fault_events ? kEventTickNs : kTickNs);
  const auto until = [&](std::uint64_t due) { wait_ns = due > now ? std::min(wait_ns, due - now) : 0; };
  if (options_.duration_ns) until(data_.start_ns + *options_.duration_ns);
  if (interval_ns_) until(interval_start_ns_ + *interval_ns_);
  return wait_ns;
}

Status TraceRun::follow_until_end(int signals) {
  EndWatch watch(targets_);
  while (!wants_to_end(signals)) {
    // A command is waited for as a child: it must stay a zombie until its counters are read.
    if (const auto ended = child_ ? std::nullopt : watch.ended()) {
      say(*ended);
      break;
    }
    const std::uint64_t wait_ns = time_to_wait();
    pollfd entry{signals, POLLIN, 0};
    const timespec timeout{static_cast<time_t>(wait_ns / 1'000'000'000), static_cast<long>(wait_ns % 1'000'000'000)};
    ppoll(&entry, 1, &timeout, nullptr);
    if (Status status = collect(); !status) return status;
    sample();
    if (interval_ns_ && clock_ns(CLOCK_MONOTONIC) >= interval_start_ns_ + *interval_ns_) {
      if (Status status = cut_interval(); !status) return status;
    }
  }
  return {};
}

TraceData TraceRun::part_since_last(const Counts& now, std::uint64_t now_ns) const {
  TraceData part = data_;
  part.start_ns = interval_start_ns_;
  part.end_ns = now_ns;
  part.counts = previous_ ? now.since(*previous_) : now;
  part.vmstat_end = {};
  return part;
}

Status TraceRun::cut_interval() {
  const std::uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
  Counts now = attached_->session.counts();
  Status status = sink_.interval(part_since_last(now, now_ns), [&] { return report_now(now, now_ns); });
  previous_ = std::move(now);
  interval_start_ns_ = now_ns;
  ++intervals_;
  return status;
}

// What /proc says of the processes that live. What they have mapped was looked at when they were met: once more for
// those only that are listed one by one, with the names of their mappings.
void TraceRun::read_views(TraceData& data) const {
  std::vector<const ProcessCounts*> alive;
  for (const ProcessCounts& process : data.counts.processes) {
    if (process.proc.exit_ns == 0) alive.push_back(&process);
  }
  for (const ProcessCounts* process : alive) {
    ProcessViews& views = data.views[visible_pid(process->proc)];
    if (!views.end) views.end = read_process(visible_pid(process->proc));
  }
  const std::size_t listed = options_.common.verbose && !options_.common.json ? alive.size() : kProcessesInFiles;
  if (const std::size_t most = options_.common.processes.value_or(listed); most < alive.size()) {
    std::ranges::nth_element(alive, alive.begin() + static_cast<std::ptrdiff_t>(most), std::greater{},
                             [](const ProcessCounts* process) { return busy_ns(*process); });
    alive.resize(most);
  }
  for (const ProcessCounts* process : alive)
    look_at(data, visible_pid(process->proc), static_cast<std::uint16_t>(process->proc.execs));
}

Report TraceRun::report_of(const TraceData& data) const {
  Report report = build_report(data);
  report.storms = build_storms(storms_.storms(), data, report.processes);
  report.findings = find(report, options_.thresholds);
  return report;
}

Report TraceRun::report_now(Counts counts, std::uint64_t now_ns) const {
  TraceData data = data_;
  data.counts = std::move(counts);
  data.end_ns = now_ns;
  data.vmstat_end = read_vmstat();
  data.swap_devices = read_swap_devices();
  read_views(data);
  return report_of(data);
}

// Of what is locked by now, page by page: no event tells of all that a kernel leaves out.
void TraceRun::look_for_not_mlocked(const std::set<std::uint32_t>& pids) {
  constexpr std::uint64_t kMostBytes = std::uint64_t{4} << 30;
  std::uint64_t left = kMostBytes;
  for (const std::uint32_t pid : pids) {
    ProcessViews& views = data_.views[pid];
    const std::uint64_t locked = views.locked_close.value_or(0);
    if (locked > left) {
      views.not_mlocked_unknown = fmt::format("no more than {} is looked at page by page", format_bytes(kMostBytes));
      continue;
    }
    left -= locked;
    if (!views.locked_close) continue;
    auto pages = locked == 0 ? Result<std::uint64_t>(0) : count_not_mlocked(pid);
    if (pages)
      views.not_mlocked = *pages;
    else
      views.not_mlocked_unknown = pages.error().message();
  }
}

// Of whatever is traced and lives, the kernel's counters are read on both sides of the gate's closing.
void TraceRun::end() {
  await_freed_threads(attached_->session);
  attached_->session.collect_retired();
  std::set<std::uint32_t> watched(targets_.pids.begin(), targets_.pids.end());
  for (const AliveProcess& process : attached_->session.alive()) watched.insert(process.pid);
  for (const std::uint32_t pid : watched) {
    ProcessViews& views = data_.views[pid];
    views.locked_close_ns = clock_ns(CLOCK_MONOTONIC);
    views.end = read_process(pid);
    if (views.end) views.locked_close = views.end->locked_bytes;
    views.gate_close.before = fault_counters(pid);
  }
  const auto walked = pids_to_walk();
  for (const std::uint32_t pid : walked) data_.views[pid].resident_close.before = read_locked_resident(pid);
  data_.vmstat_closing = read_vmstat();
  around(&CgroupViews::gate_close, [this] { attached_->session.close_gate(); });
  data_.vmstat_end = read_vmstat();
  for (const std::uint32_t pid : walked) data_.views[pid].resident_close.after = read_locked_resident(pid);
  for (const std::uint32_t pid : watched) data_.views[pid].gate_close.after = fault_counters(pid);
  if (data_.cgroup) {
    data_.cgroup->members_end = read_cgroup_members(cgroup_directory_);
    data_.cgroup->high_end = read_memory_high(cgroup_directory_);
  }
  data_.end_ns = clock_ns(CLOCK_MONOTONIC);
  data_.swap_devices = read_swap_devices();
  look_for_not_mlocked(watched);
}

Result<int> TraceRun::finish() {
  if (Status status = collect(); !status) return tl::unexpected(status.error());
  data_.counts = attached_->session.last_counts();
  storms_.add(data_.end_ns - data_.start_ns, fault_samples(data_.counts));
  storms_.end();
  read_views(data_);
  attached_->session.add_stacks(data_.counts);
  if (options_.kernel_stacks) data_.symbols.read_kernel();
  const Report report = report_of(data_);
  const auto status = fails_on(report.findings, options_.fail_on) ? ExitStatus::finding : ExitStatus::ok;
  return sink_.end([this] { return part_since_last(data_.counts, data_.end_ns); }, report).map([&] {
    return static_cast<int>(status);
  });
}

Result<int> TraceRun::run(Kernel kernel, int signals) {
  auto attached = attach(plan_options(options_.common.signals, targets_), std::move(kernel), targets_,
                         [this](Session& session) { return count_faults(session); });
  if (!attached) return tl::unexpected(attached.error());
  attached_.emplace(std::move(*attached));
  count_everything();
  if (Status status = sink_.begin(data_); !status) return tl::unexpected(status.error());
  if (child_) {
    if (Status status = start_command(); !status) return tl::unexpected(status.error());
  }
  say(fmt::format("tracing {}{}", describe(data_.target),
                  options_.duration_ns || child_ ? "" : "; Ctrl-C ends the trace"));
  const Status followed = follow_until_end(signals);
  end();
  const auto found = followed.and_then([this] { return finish(); });
  // The command has a life of its own: an interrupt from the terminal reached it too.
  const int status = child_ ? child_->reap() : 0;
  if (!found) return tl::unexpected(found.error());
  return *found != 0 ? *found : status;
}

}  // namespace mlt
