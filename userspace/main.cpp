// Parse, run the command, print the error: nothing else.
#include <csignal>

#include "cli/options.h"
#include "commands/commands.h"
#include "commands/output.h"
#include "util/say.h"
#include "util/units.h"

namespace {

struct Run {
  mlt::Result<int> operator()(const mlt::TraceOptions& options) const { return mlt::run_trace(options); }
  mlt::Result<int> operator()(const mlt::RecordOptions& options) const { return mlt::run_record(options); }
  mlt::Result<int> operator()(const mlt::ReportOptions& options) const { return mlt::run_report(options); }
  mlt::Result<int> operator()(const mlt::DiffOptions& options) const { return mlt::run_diff(options); }
  mlt::Result<int> operator()(const mlt::ProbesOptions& options) const { return mlt::run_probes(options); }
  mlt::Result<int> operator()(const mlt::PrintText& text) const {
    auto output = mlt::Output::open("");
    return output.and_then([&](mlt::Output& out) { return out.write(text.text); }).map([] { return 0; });
  }
};

}  // namespace

int main(int argc, char** argv) {
  // A reader that goes away is an error of the write, told like any other.
  signal(SIGPIPE, SIG_IGN);
  const auto result = mlt::parse_command_line(argc, argv).and_then([](const mlt::Command& command) {
    return std::visit(Run{}, command);
  });
  if (result) return *result;
  // It may name a file whose name steers terminals.
  mlt::say(mlt::sanitize(result.error().message()));
  return static_cast<int>(result.error().status);
}
