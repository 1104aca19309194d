// mlocktrace trace: attach, count, report.
#include <fmt/format.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <optional>

#include "analysis/build_report.h"
#include "commands/attach.h"
#include "commands/child.h"
#include "commands/commands.h"
#include "commands/dry_run.h"
#include "commands/output.h"
#include "commands/targets.h"
#include "kernel/probe_kernel.h"
#include "proc/system_files.h"
#include "report/json.h"
#include "report/text.h"
#include "util/say.h"
#include "util/units.h"
#include "version.h"

namespace mlt {

namespace {

// How often the tables of threads that are gone are emptied, and the ring buffer.
constexpr std::uint64_t kTickNs = 100'000'000;

constexpr int kPriority = -10;

std::uint64_t clock_ns(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

// Ctrl-C and kill, as a file descriptor: the report is still to come.
Result<Fd> catch_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  Fd fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return fail("cannot catch signals", errno);
  return fd;
}

class TraceRun {
 public:
  TraceRun(const TraceOptions& options, Attached attached, SessionOptions targets, std::optional<Child> child,
           Output output)
      : options_(options),
        attached_(std::move(attached)),
        targets_(std::move(targets)),
        child_(std::move(child)),
        output_(std::move(output)) {}

  Result<int> run(int signals);

 private:
  Status begin();
  void name_command();
  Status follow_until_end(int signals);
  void end();
  void collect();
  Status print_interval();
  Status print_report();
  [[nodiscard]] bool wants_to_end(int signals);
  [[nodiscard]] std::vector<std::uint32_t> watched_pids() const;
  void say(const std::string& line) const;
  [[nodiscard]] TextOptions text_options() const;

  const TraceOptions& options_;
  Attached attached_;
  SessionOptions targets_;
  std::optional<Child> child_;
  Output output_;
  TraceData data_;
  std::optional<Counts> previous_;  // of the last interval
  std::uint64_t intervals_ = 0;
  std::uint64_t interval_start_ns_ = 0;
  bool interrupted_ = false;
};

void TraceRun::say(const std::string& line) const {
  if (!options_.common.quiet) mlt::say(line);
}

TextOptions TraceRun::text_options() const {
  TextOptions text;
  text.color = use_color(options_.common.color, output_.is_terminal());
  text.verbose = options_.common.verbose;
  return text;
}

// Whose counters are read beside the gate. Of all processes only when all are traced: it takes time.
std::vector<std::uint32_t> TraceRun::watched_pids() const {
  return targets_.mode == MLT_TARGET_PIDS ? targets_.pids : list_processes();
}

// Until it has called execve, the command looks like mlocktrace.
void TraceRun::name_command() {
  const auto pid = static_cast<std::uint32_t>(child_->pid());
  const auto now = read_process(pid);
  if (auto& start = data_.views[pid].start; start && now) start->exe = now->exe;
}

Status TraceRun::begin() {
  data_.tool_version = kVersion;
  data_.host = read_host();
  data_.target = describe_target(options_, targets_);
  data_.plan = &attached_.plan;
  data_.max_map_count = read_max_map_count();
  const auto pids = watched_pids();
  for (const std::uint32_t pid : pids) data_.views[pid].start = read_process(pid);
  if (targets_.mode == MLT_TARGET_PIDS &&
      std::ranges::none_of(pids, [this](std::uint32_t pid) { return data_.views[pid].start.has_value(); }))
    return fail(fmt::format("process {} exited before the trace began", pids.front()));
  data_.vmstat_start = read_vmstat();
  for (const std::uint32_t pid : pids) data_.views[pid].gate_open.before = read_fault_counters(pid);
  attached_.session.open_gate();
  for (const std::uint32_t pid : pids) data_.views[pid].gate_open.after = read_fault_counters(pid);
  data_.start_unix_ns = clock_ns(CLOCK_REALTIME);
  data_.start_ns = interval_start_ns_ = clock_ns(CLOCK_MONOTONIC);
  return {};
}

void TraceRun::collect() {
  attached_.session.drain_events([this](const mlt_event& event, std::uint32_t id) { data_.events[id].add(event); });
  attached_.session.collect_retired();
}

bool TraceRun::wants_to_end(int signals) {
  signalfd_siginfo info{};
  if (read(signals, &info, sizeof(info)) == sizeof(info)) {
    interrupted_ = true;
    return true;
  }
  if (child_ && child_->ended()) return true;
  const std::uint64_t now = clock_ns(CLOCK_MONOTONIC);
  if (options_.duration_ns && now - data_.start_ns >= *options_.duration_ns) return true;
  return options_.count && intervals_ >= *options_.count;
}

Status TraceRun::follow_until_end(int signals) {
  // A command is waited for as a child: it must stay a zombie until its counters are read.
  const std::vector<std::uint32_t> nobody;
  ExitWatch watch(child_ ? nobody : targets_.pids);
  while (!wants_to_end(signals) && !watch.all_ended()) {
    std::uint64_t wait_ns = kTickNs;
    const std::uint64_t now = clock_ns(CLOCK_MONOTONIC);
    if (options_.duration_ns) wait_ns = std::min(wait_ns, data_.start_ns + *options_.duration_ns - now);
    if (options_.interval_ns) {
      const std::uint64_t due = interval_start_ns_ + *options_.interval_ns;
      wait_ns = due > now ? std::min(wait_ns, due - now) : 0;
    }
    pollfd entry{signals, POLLIN, 0};
    const timespec timeout{static_cast<time_t>(wait_ns / 1'000'000'000), static_cast<long>(wait_ns % 1'000'000'000)};
    ppoll(&entry, 1, &timeout, nullptr);
    collect();
    if (options_.interval_ns && clock_ns(CLOCK_MONOTONIC) >= interval_start_ns_ + *options_.interval_ns) {
      if (Status status = print_interval(); !status) return status;
    }
  }
  return {};
}

void TraceRun::end() {
  const auto watched = watched_pids();
  for (const std::uint32_t pid : watched) data_.views[pid].gate_close.before = read_fault_counters(pid);
  attached_.session.close_gate();
  for (const std::uint32_t pid : watched) data_.views[pid].gate_close.after = read_fault_counters(pid);
  data_.end_ns = clock_ns(CLOCK_MONOTONIC);
  data_.vmstat_end = read_vmstat();
  collect();
  data_.counts = attached_.session.counts();
  for (const ProcessCounts& process : data_.counts.processes) {
    const std::uint32_t pid = process.proc.pid != 0 ? process.proc.pid : process.proc.tgid;
    if (process.proc.exit_ns != 0) continue;
    ProcessViews& views = data_.views[pid];
    views.end = read_process(pid);
    // A child that was followed has no bracket yet; it may run on while it is read now.
    if (!views.gate_close.before) views.gate_close = {read_fault_counters(pid), read_fault_counters(pid)};
  }
}

Status TraceRun::print_interval() {
  TraceData part = data_;
  part.end_ns = clock_ns(CLOCK_MONOTONIC);
  Counts now = attached_.session.counts();
  part.counts = previous_ ? now.since(*previous_) : now;
  part.start_ns = interval_start_ns_;
  part.vmstat_end = {};
  const Report report = build_report(part);
  previous_ = std::move(now);
  interval_start_ns_ = part.end_ns;
  const bool header = intervals_++ % 20 == 0;
  return output_.write(options_.common.json ? to_json_line(report) : to_interval_text(report, header, text_options()));
}

Status TraceRun::print_report() {
  const Report report = build_report(data_);
  if (options_.common.json) return output_.write(to_json(report, !options_.interval_ns.has_value()));
  return output_.write(to_text(report, text_options()));
}

Result<int> TraceRun::run(int signals) {
  // What is traced may use every processor: the tables must be emptied and the report written all the same. Not
  // permitted is no harm. The command was started before and keeps its own priority.
  setpriority(PRIO_PROCESS, 0, kPriority);
  if (Status status = begin(); !status) return tl::unexpected(status.error());
  if (child_) {
    if (Status status = child_->release(); !status) return tl::unexpected(status.error());
    name_command();
  }
  say(fmt::format("tracing {}{}", data_.target.kind == "command" ? data_.target.text : data_.target.kind,
                  options_.duration_ns || child_ ? "" : "; Ctrl-C ends the trace and prints the report"));
  Status followed = follow_until_end(signals);
  end();
  if (followed) followed = print_report();
  // The command has a life of its own: an interrupt from the terminal reached it too.
  const int status = child_ ? child_->reap() : 0;
  if (!followed) return tl::unexpected(followed.error());
  return status;
}

}  // namespace

Result<int> run_trace(const TraceOptions& options) {
  auto signals = catch_signals();
  if (!signals) return tl::unexpected(signals.error());
  std::optional<Child> child;
  if (!options.command.empty() && !options.dry_run) {
    auto started = Child::start(options.command);
    if (!started) return tl::unexpected(started.error());
    child.emplace(std::move(*started));
  }
  auto targets = session_options(options, child);
  if (!targets) return tl::unexpected(targets.error());
  const PlanOptions wishes{options.common.signals};
  auto facts = probe_kernel(options.common.btf_path, options.dry_run);
  if (!facts) return tl::unexpected(facts.error());
  if (options.dry_run) return print_dry_run(wishes, *facts);
  auto output = Output::open(options.output);
  if (!output) return tl::unexpected(output.error());
  auto attached = attach(wishes, std::move(*facts), *targets);
  if (!attached) return tl::unexpected(attached.error());
  TraceRun run(options, std::move(*attached), std::move(*targets), std::move(child), std::move(*output));
  return run.run(signals->get());
}

}  // namespace mlt
