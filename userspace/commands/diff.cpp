// mlocktrace diff: two recordings or reports, compared.
#include "report/diff.h"

#include <fmt/format.h>

#include "analysis/compare.h"
#include "commands/commands.h"
#include "commands/output.h"
#include "commands/source.h"
#include "util/say.h"

namespace mlt {

namespace {

Result<DiffSide> read_side(const std::string& path, bool quiet) {
  auto source = Source::open(path);
  if (!source) return tl::unexpected(source.error());
  if (!quiet) {
    for (const std::string& note : source->notes()) say(fmt::format("{}: {}", path, note));
  }
  DiffSide side(source->report());
  const Status read = source->for_each_point([&](const TimelinePoint& point) {
    side.add(point);
    return Status{};
  });
  if (!read) return tl::unexpected(read.error());
  return side;
}

std::string render(const Diff& diff, const DiffOptions& options, const Output& output) {
  const DiffNames names{options.before, options.after};
  if (options.html) return diff_to_html(diff, names);
  if (options.common.json) return diff_to_json(diff, names, true);
  return diff_to_text(diff, names, text_options(options.common, output));
}

}  // namespace

Result<int> run_diff(const DiffOptions& options) {
  const auto before = read_side(options.before, options.common.quiet);
  if (!before) return tl::unexpected(before.error());
  const auto after = read_side(options.after, options.common.quiet);
  if (!after) return tl::unexpected(after.error());
  const Diff diff = compare(*before, *after);
  auto output = Output::open(options.output);
  if (!output) return tl::unexpected(output.error());
  if (Status status = output->write(render(diff, options, *output)); !status) return tl::unexpected(status.error());
  const bool worse = diff.verdict == DiffVerdict::regression || diff.verdict == DiffVerdict::mixed;
  return static_cast<int>(options.fail_on_regression && worse ? ExitStatus::finding : ExitStatus::ok);
}

}  // namespace mlt
