// mlocktrace record: what a trace yields, into a recording.
#include <fmt/format.h>

#include <chrono>

#include "commands/commands.h"
#include "commands/dry_run.h"
#include "commands/output.h"
#include "proc/smaps.h"
#include "recording/writer.h"
#include "report/phrases.h"
#include "trace/targets.h"
#include "trace/trace_run.h"
#include "util/say.h"
#include "util/units.h"
#include "version.h"

namespace mlt {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kIntervalNs = 1'000'000'000;
// What is recorded is on disk after this time at the latest.
constexpr auto kCommitEvery = std::chrono::seconds(1);
// The address spaces are looked at as often, and the report up to now is recorded at every interval; more rarely where
// that would take more than a fiftieth of a processor.
constexpr Clock::duration kLookEvery = std::chrono::seconds(1);
constexpr int kShare = 50;

class Recorder : public TraceSink {
 public:
  Recorder(const RecordOptions& options, std::vector<std::uint32_t> pids, Output output)
      : options_(options), pids_(std::move(pids)), output_(std::move(output)) {}

  Status begin(const TraceData& trace) override;
  Status command_held() override;
  Status interval(const TraceData& part, const ReportNow& report_now) override;
  void fault(const FaultEvent& event) override;
  Status tick() override;
  Status end(const Rest& rest, const Report& report) override;

 private:
  Status add_interval(const TraceData& part);
  Status set_report(const Report& report);
  Status commit(const Counts& counts);
  Status set_spaces_before();
  void look_at_spaces();
  void say_summary(const Report& report) const;

  const RecordOptions& options_;
  std::vector<std::uint32_t> pids_;  // whose address spaces are recorded
  Output output_;                    // of the report, with --json
  std::optional<RecordingWriter> writer_;
  std::vector<AddressSpace> spaces_;
  std::uint64_t trace_start_ns_ = 0;
  std::uint64_t events_lost_ = 0;
  Clock::time_point start_;
  Clock::time_point next_look_;
  Clock::time_point next_report_;
  Clock::time_point next_commit_;
  Status failed_;  // of an event
};

Status Recorder::begin(const TraceData& trace) {
  auto writer = RecordingWriter::create({.path = options_.trace.output,
                                         .tool_version = kVersion,
                                         .interval_ns = options_.trace.interval_ns.value_or(kIntervalNs),
                                         .with_events = options_.events,
                                         .max_bytes = options_.max_bytes});
  if (!writer) return tl::unexpected(writer.error());
  writer_.emplace(std::move(*writer));
  trace_start_ns_ = trace.start_ns;
  start_ = Clock::time_point(std::chrono::nanoseconds(trace.start_ns));
  next_commit_ = Clock::now() + kCommitEvery;
  for (const std::uint32_t pid : pids_) spaces_.push_back({pid, {}, {}, 0});
  // Until it has called execve, the command has the address space of mlocktrace.
  return options_.trace.command.empty() ? set_spaces_before() : writer_->commit(0);
}

Status Recorder::command_held() { return set_spaces_before(); }

Status Recorder::set_spaces_before() {
  for (AddressSpace& space : spaces_) space.before = read_smaps(space.pid);
  return writer_->set_spaces(spaces_).and_then([this] { return writer_->commit(0); });
}

// Of a process that exited the last one stays. At first they are looked at more often: a command may be over at any
// moment.
void Recorder::look_at_spaces() {
  const auto now = Clock::now();
  const auto passed = now - start_;
  for (AddressSpace& space : spaces_) {
    auto after = read_smaps(space.pid);
    if (after.empty()) continue;
    space.after = std::move(after);
    space.after_ns = static_cast<std::uint64_t>(std::chrono::nanoseconds(passed).count());
  }
  next_look_ = now + std::max(std::min(passed / 4, kLookEvery), (Clock::now() - now) * kShare);
}

Status Recorder::add_interval(const TraceData& part) {
  std::vector<TimelinePoint> points = timeline_points(part, trace_start_ns_);
  for (TimelinePoint& point : points) {
    const MemoryLevels levels = read_memory_levels(point.pid);
    point.locked_bytes = levels.locked_bytes;
    point.resident_bytes = levels.resident_bytes;
  }
  return writer_->add_interval(part.start_ns - trace_start_ns_, part.end_ns - part.start_ns, points);
}

Status Recorder::set_report(const Report& report) {
  look_at_spaces();
  if (Status status = writer_->set_spaces(spaces_); !status) return status;
  return writer_->set_report(json_of(report, options_.trace.common, false), report.window.duration_ns);
}

Status Recorder::commit(const Counts& counts) {
  events_lost_ += counts.stats.fault_ring_full;
  next_commit_ = Clock::now() + kCommitEvery;
  return writer_->commit(events_lost_);
}

Status Recorder::interval(const TraceData& part, const ReportNow& report_now) {
  if (Status status = add_interval(part); !status) return status;
  if (const auto start = Clock::now(); start >= next_report_) {
    if (Status status = set_report(report_now()); !status) return status;
    const auto took = Clock::now() - start;
    next_report_ = start + took * kShare;
  }
  return commit(part.counts);
}

void Recorder::fault(const FaultEvent& event) {
  if (failed_) failed_ = writer_->add_event(event);
}

Status Recorder::tick() {
  if (Clock::now() >= next_look_) look_at_spaces();
  if (!failed_ || Clock::now() < next_commit_) return failed_;
  return commit({});
}

Status Recorder::end(const Rest& rest_of_trace, const Report& report) {
  const TraceData rest = rest_of_trace();
  if (Status status = add_interval(rest); !status) return status;
  if (Status status = set_report(report); !status) return status;
  if (Status status = commit(rest.counts); !status) return status;
  if (Status status = writer_->close(); !status) return status;
  say_summary(report);
  return options_.trace.common.json ? output_.write(json_of(report, options_.trace.common, true)) : Status();
}

void Recorder::say_summary(const Report& report) const {
  if (options_.trace.common.quiet) return;
  const RecordingTotals totals = writer_->totals();
  std::string text = fmt::format("recorded {} of {} {} to {}: {}", format_duration(report.window.duration_ns),
                                 report.processes.size(), report.processes.size() == 1 ? "process" : "processes",
                                 sanitize(options_.trace.output), format_bytes(totals.bytes));
  if (options_.events) text += fmt::format(", {} events", format_count(totals.events_recorded));
  if (totals.events_dropped != 0)
    text += fmt::format(" ({} given up for --max-size)", format_count(totals.events_dropped));
  if (totals.intervals_dropped != 0)
    text += fmt::format(", {} intervals given up for --max-size", format_count(totals.intervals_dropped));
  const Coverage& coverage = report.coverage;
  const Lost& lost = coverage.lost;
  text += lost.any()
              ? fmt::format("; lost: {} events, {} for full tables, {} missed returns", format_count(lost.events),
                            format_count(lost.map_full), format_count(lost.missed_probes))
          : coverage.has_skipped() ? fmt::format("; no fault lost, {}", describe(*coverage.skipped))
                                   : "; nothing lost";
  say(text);
}

}  // namespace

Result<int> run_record(const RecordOptions& options) {
  auto prepared = prepare_trace(options.trace);
  if (!prepared) return tl::unexpected(prepared.error());
  prepared->targets.fault_events = options.events;
  if (options.trace.dry_run)
    return print_dry_run(plan_options(options.trace.common.signals, prepared->targets), prepared->kernel.facts);
  auto output = Output::open("");
  if (!output) return tl::unexpected(output.error());
  Recorder recorder(options, prepared->targets.pids, std::move(*output));
  TraceRun run(options.trace, options.trace.interval_ns.value_or(kIntervalNs), std::move(prepared->targets),
               std::move(prepared->child), recorder);
  return run.run(std::move(prepared->kernel), prepared->signals.get());
}

}  // namespace mlt
