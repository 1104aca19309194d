// mlocktrace trace: what a trace yields, printed.
#include "analysis/build_report.h"
#include "analysis/crowd.h"
#include "commands/commands.h"
#include "commands/dry_run.h"
#include "commands/output.h"
#include "report/json.h"
#include "report/text.h"
#include "trace/targets.h"
#include "trace/trace_run.h"

namespace mlt {

namespace {

class Printer : public TraceSink {
 public:
  Printer(const TraceOptions& options, Output output) : options_(options), output_(std::move(output)) {}

  Status begin(const TraceData&) override { return {}; }
  Status interval(const TraceData& part, const ReportNow& report_now) override;
  void fault(const FaultEvent&) override {}
  Status end(const Rest& rest, const Report& report) override;

 private:
  const TraceOptions& options_;
  Output output_;
  std::uint64_t intervals_ = 0;
};

Status Printer::interval(const TraceData& part, const ReportNow&) {
  const Report report = build_report(part);
  const bool header = intervals_++ % 20 == 0;
  const auto crowd =
      options_.common.json ? summed_up(report, bounds_of_files(options_.common.processes)) : std::nullopt;
  return output_.write(options_.common.json ? to_json_line(crowd ? *crowd : report)
                                            : to_interval_text(report, header, text_options(options_.common, output_)));
}

Status Printer::end(const Rest&, const Report& report) {
  return output_.write(options_.common.json ? json_of(report, options_.common, !options_.interval_ns.has_value())
                                            : to_text(report, text_options(options_.common, output_)));
}

}  // namespace

Result<int> run_trace(const TraceOptions& options) {
  auto prepared = prepare_trace(options);
  if (!prepared) return tl::unexpected(prepared.error());
  if (options.dry_run)
    return print_dry_run(plan_options(options.common.signals, prepared->targets), prepared->kernel.facts);
  auto output = Output::open(options.output);
  if (!output) return tl::unexpected(output.error());
  Printer printer(options, std::move(*output));
  TraceRun run(options, options.interval_ns, std::move(prepared->targets), std::move(prepared->child), printer);
  return run.run(std::move(prepared->kernel), prepared->signals.get());
}

}  // namespace mlt
