// The only code that knows CLI11.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <string_view>
#include <utility>

#include "cli/options.h"
#include "proc/text_file.h"
#include "recording/writer.h"
#include "util/units.h"
#include "version.h"

namespace mlt {

namespace {

constexpr const char* kAbout =
    "mlocktrace shows what memory locking and page faults do on a running system.\n"
    "\n"
    "  mlocktrace -p PID            trace a running process until Ctrl-C, then report\n"
    "  mlocktrace -p PID 1          the same, with a line every second\n"
    "  mlocktrace -- CMD ARG...     run a command and trace it from its first instruction\n"
    "  mlocktrace record -o FILE -p PID, mlocktrace report FILE\n"
    "                               record now, look later\n"
    "  mlocktrace probes            what can be measured on this kernel, and how\n";

// What CLI11 fills; converted and checked afterwards.
struct Raw {
  std::string pids;
  std::string tid;
  // Given, and perhaps empty: an unset variable of a script must not turn into "no limit".
  std::optional<std::string> duration;
  std::optional<std::string> interval;
  std::optional<std::string> signals;
  std::string color = "auto";
  std::optional<std::string> fail_on;
  std::optional<std::string> max_size;
  std::optional<std::string> processes;
  std::vector<std::string> thresholds;
  std::vector<std::string> positionals;
  bool follow = false;
  bool list_findings = false;
  bool events = false;
  bool markdown = false;
  bool folded = false;
  // Each names where its format goes.
  std::optional<std::string> html;
  std::optional<std::string> perfetto;
  std::optional<std::string> pprof;
  std::optional<std::string> csv;
  std::optional<std::string> slow;
};

// CLI11 would write "[times(0x)]" for a positional that takes none to two words.
class HelpFormatter : public CLI::Formatter {
  std::string make_option_usage(const CLI::Option* option) const override { return option->get_option_text(); }
};

tl::unexpected<Error> usage(std::string what, std::string hint = "`mlocktrace --help` shows the options") {
  return fail(std::move(what), 0, std::move(hint), ExitStatus::usage);
}

constexpr std::string_view kAfterDashes = "a program to run comes after --: mlocktrace -- CMD ARG...";

/// Letters to put in, to leave out or to change.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = std::exchange(row[j + 1], std::min({changed, row[j] + 1, row[j + 1] + 1}));
    }
  }
  return row[b.size()];
}

/// A first word that is neither a command nor an option nor an interval.
tl::unexpected<Error> no_command(const std::string& word, const std::vector<std::string>& commands) {
  const std::string* near =
      &*std::ranges::min_element(commands, {}, [&](const std::string& command) { return distance(word, command); });
  const bool is_near = distance(word, *near) <= 2 || near->starts_with(word);
  std::string all;
  for (const std::string& command : commands) all += (all.empty() ? "there are " : ", ") + command;
  return usage("'" + word + "' is no command (" + (is_near ? "did you mean " + *near + "?" : all) + ")",
               std::string(kAfterDashes));
}

bool may_be_command(const std::string& word) {
  return !word.empty() && word[0] != '-' && word[0] != '.' && std::isdigit(static_cast<unsigned char>(word[0])) == 0;
}

Result<std::uint32_t> parse_id(std::string_view text, std::string_view what) {
  const auto number = parse_number(text);
  if (!number || *number == 0 || *number > 0x7fffffff)
    return usage("'" + std::string(text) + "' is not a " + std::string(what));
  return static_cast<std::uint32_t>(*number);
}

Result<std::vector<std::uint32_t>> parse_pids(std::string_view list) {
  std::vector<std::uint32_t> pids;
  while (true) {
    const std::string_view item = list.substr(0, list.find(','));
    const auto pid = parse_id(item, "process id");
    if (!pid) return tl::unexpected(pid.error());
    if (std::ranges::find(pids, *pid) == pids.end()) pids.push_back(*pid);
    if (item.size() == list.size()) return pids;
    list.remove_prefix(item.size() + 1);
  }
}

Result<std::uint64_t> parse_time(const std::string& text, std::string_view what) {
  const auto ns = parse_duration(text);
  if (!ns || *ns == 0) return usage("'" + text + "' is not " + std::string(what), "write it as 500ms, 10s or 2m");
  return *ns;
}

void add_common(CLI::App& app, CommonOptions& common, Raw& raw) {
  app.add_flag("--json", common.json, "report as JSON");
  app.add_option("--signals", raw.signals, "measure these only: NAME[:KIND],... (see `mlocktrace probes`)");
  app.add_option("--btf", common.btf_path, "kernel types, where /sys/kernel/btf/vmlinux is missing");
  app.add_option("--color", raw.color, "auto, always or never (NO_COLOR counts as never)")
      ->check(CLI::IsMember({"auto", "always", "never"}));
  app.add_flag("-v,--verbose", common.verbose, "show every process and call, and what libbpf says");
  app.add_flag("-q,--quiet", common.quiet, "no banner and no progress on stderr");
}

void add_processes(CLI::App& app, Raw& raw) {
  app.add_option("--processes", raw.processes,
                 "list so many one by one, the others by command: N or all (20; JSON: 100)");
}

void add_trace(CLI::App& app, TraceOptions& options, Raw& raw) {
  auto* target = app.add_option_group("target", "what to trace: one of");
  target->add_option("-p,--pid", raw.pids, "these processes: PID[,PID...]");
  target->add_option("-t,--tid", raw.tid, "this thread only");
  target->add_option("-c,--cgroup", options.cgroup, "every process in this cgroup (v2), below it too");
  target->add_flag("-a,--all", options.all, "every process");
  app.add_option("-d,--duration", raw.duration, "stop after this time: 500ms, 10s, 2m");
  app.add_option("-i,--interval", raw.interval, "report every so often too");
  app.add_option("-o,--output", options.output, "write the report to this file");
  app.add_flag("--follow,!--no-follow", raw.follow, "trace children too (always with -- CMD, -c and -a)");
  app.add_flag("-U,--user-stacks", options.user_stacks, "count faults by user stack, unwound by frame pointers");
  app.add_flag("-K,--kernel-stacks", options.kernel_stacks, "count faults by kernel stack");
  add_processes(app, raw);
  app.add_flag("--dry-run", options.dry_run, "print what would be attached, attach nothing");
  app.add_option("--fail-on", raw.fail_on, "exit with 4 on findings: severities (and graver) or names, NAME[,NAME...]");
  app.add_option("--threshold", raw.thresholds, "NAME=VALUE: when a finding is one (see --list-findings)")
      ->allow_extra_args(false);
  app.add_flag("--list-findings", raw.list_findings, "list what can be found, and the thresholds");
  app.add_option("times", raw.positionals, "report every INTERVAL seconds, COUNT times")
      ->expected(0, -1)  // too many: finish_times says what that may mean
      ->option_text("[INTERVAL [COUNT]]");
}

void add_record(CLI::App& app, RecordOptions& options, Raw& raw) {
  add_trace(app, options.trace, raw);
  app.get_option("--output")->description("the recording; replaces an earlier one, but no other file");
  app.get_option("--interval")->description("cut the timeline into pieces this long (1s)");
  app.get_option("--json")->description("print the report as JSON too");
  app.add_flag("--events", options.events, "record every single fault too (2 to 12 bytes each)");
  app.add_option("--max-size", raw.max_size, "keep the recording below this: 64M, 2G; the oldest events go first");
}

void add_report(CLI::App& app, ReportOptions& options, Raw& raw) {
  app.add_option("FILE", options.file, "a recording, or a report that --json wrote")->required()->option_text(" ");
  // One format a call.
  auto* format = app.add_option_group("format", "text, or one of");
  format->require_option(0, 1);
  format->add_option("--html", raw.html, "one HTML file that needs nothing else");
  format->add_flag("--markdown", raw.markdown, "Markdown, for an issue tracker");
  format->add_flag("--json", options.common.json, "the report as JSON");
  format->add_option("--perfetto", raw.perfetto, "a trace for ui.perfetto.dev");
  format->add_option("--pprof", raw.pprof, "the stacks as a profile for pprof (recorded with -U or -K)");
  format->add_flag("--folded", raw.folded, "the stacks as folded lines, for flame graphs");
  format->add_option("--csv", raw.csv, "a directory of CSV files, one a table");
  format->add_flag("--events", raw.events, "the single faults as CSV (recorded with --events)");
  app.add_option("--slow", raw.slow, "--perfetto: show single faults that took this long (50us)")
      ->needs(format->get_option("--perfetto"));
  add_processes(app, raw);
  app.add_option("-o,--output", options.output, "write to this file");
  app.add_option("--color", raw.color, "auto, always or never (NO_COLOR counts as never)")
      ->check(CLI::IsMember({"auto", "always", "never"}));
  app.add_flag("-v,--verbose", options.common.verbose, "show every process and call");
  app.add_flag("-q,--quiet", options.common.quiet, "no remarks on stderr");
}

void add_diff(CLI::App& app, DiffOptions& options, Raw& raw) {
  app.add_option("OLD", options.before, "a recording, or a report that --json wrote")->required()->option_text(" ");
  app.add_option("NEW", options.after, "what is compared with it")->required()->option_text(" ");
  app.add_flag("--json", options.common.json, "the comparison as JSON");
  app.add_option("--html", raw.html, "the comparison as one HTML file")->excludes("--json");
  app.add_option("--fail-on", raw.fail_on, "regression: exit with 4 when something is worse")
      ->check(CLI::IsMember({"regression"}));
  app.add_option("-o,--output", options.output, "write to this file");
  app.add_option("--color", raw.color, "auto, always or never (NO_COLOR counts as never)")
      ->check(CLI::IsMember({"auto", "always", "never"}));
  app.add_flag("-v,--verbose", options.common.verbose, "show what does not differ too, and how each was judged");
  app.add_flag("-q,--quiet", options.common.quiet, "no remarks on stderr");
}

Status finish_processes(CommonOptions& common, const Raw& raw) {
  if (!raw.processes) return {};
  const auto number = parse_number(*raw.processes);
  if (*raw.processes == "all") {
    common.processes = std::numeric_limits<std::size_t>::max();
  } else if (number && *number != 0) {
    common.processes = *number;
  } else {
    return usage("'" + *raw.processes + "' is no number of processes", "write --processes 50 or --processes all");
  }
  return {};
}

Status finish_common(CommonOptions& common, const Raw& raw) {
  common.color = raw.color == "always"  ? ColorMode::always
                 : raw.color == "never" ? ColorMode::never
                                        : ColorMode::automatic;
  if (Status status = finish_processes(common, raw); !status) return status;
  if (!raw.signals) return {};
  auto wishes = parse_signals(*raw.signals);
  if (!wishes) return tl::unexpected(wishes.error());
  common.signals = std::move(*wishes);
  return {};
}

Status finish_times(TraceOptions& options, const Raw& raw) {
  if (raw.duration) {
    const auto ns = parse_time(*raw.duration, "a duration");
    if (!ns) return tl::unexpected(ns.error());
    options.duration_ns = *ns;
  }
  if (raw.interval && !raw.positionals.empty())
    return usage("two intervals: -i " + *raw.interval + " and " + raw.positionals[0],
                 "write INTERVAL COUNT without -i");
  if (raw.interval || !raw.positionals.empty()) {
    const auto ns = parse_time(raw.interval ? *raw.interval : raw.positionals[0], "an interval");
    if (!ns) return tl::unexpected(ns.error());
    options.interval_ns = *ns;
  }
  if (raw.positionals.size() > 2)
    return usage("'" + raw.positionals[2] + "' is one word too many after INTERVAL and COUNT",
                 std::string(kAfterDashes));
  if (raw.positionals.size() == 2) {
    options.count = parse_number(raw.positionals[1]);
    if (!options.count || *options.count == 0) return usage("'" + raw.positionals[1] + "' is not a count");
  }
  return {};
}

Status finish_findings(TraceOptions& options, const Raw& raw) {
  for (const std::string& assignment : raw.thresholds) {
    if (Status status = set_threshold(options.thresholds, assignment); !status) return status;
  }
  if (!raw.fail_on) return {};
  auto words = parse_fail_on(*raw.fail_on);
  if (!words) return tl::unexpected(words.error());
  options.fail_on = std::move(*words);
  return {};
}

Status finish_targets(TraceOptions& options, const Raw& raw) {
  const int targets = (raw.pids.empty() ? 0 : 1) + (raw.tid.empty() ? 0 : 1) + (options.cgroup.empty() ? 0 : 1) +
                      (options.all ? 1 : 0) + (options.command.empty() ? 0 : 1);
  if (targets == 0) return usage("nothing to trace", "name a target: -p PID, -t TID, -c CGROUP, -a or -- CMD");
  if (targets > 1) return usage("more than one target", "name one of -p PID, -t TID, -c CGROUP, -a or -- CMD");
  if (!raw.pids.empty()) {
    auto pids = parse_pids(raw.pids);
    if (!pids) return tl::unexpected(pids.error());
    options.pids = std::move(*pids);
  }
  if (!raw.tid.empty()) {
    const auto tid = parse_id(raw.tid, "thread id");
    if (!tid) return tl::unexpected(tid.error());
    options.tid = *tid;
  }
  return {};
}

Status finish_trace(TraceOptions& options, const Raw& raw, const CLI::App& app) {
  options.follow = raw.follow;
  if (app.get_option("--follow")->count() == 0)
    options.follow = !options.command.empty() || options.all || !options.cgroup.empty();
  for (const Status& status : {finish_common(options.common, raw), finish_times(options, raw),
                               finish_findings(options, raw), finish_targets(options, raw)}) {
    if (!status) return status;
  }
  return {};
}

/// An output of its own, and -o too, would be two.
Status set_output(std::string& output, const std::optional<std::string>& named, std::string_view option) {
  if (!named) return {};
  if (named->empty()) return usage(std::string(option) + " names no file");
  if (!output.empty()) return usage("two outputs: -o and " + std::string(option));
  output = *named;
  return {};
}

Status finish_report(ReportOptions& options, const Raw& raw) {
  struct Named {
    const std::optional<std::string>& output;
    std::string_view option;
    ReportFormat format;
  };
  for (const Named& one :
       {Named{raw.html, "--html", ReportFormat::html}, Named{raw.perfetto, "--perfetto", ReportFormat::perfetto},
        Named{raw.pprof, "--pprof", ReportFormat::pprof}, Named{raw.csv, "--csv", ReportFormat::csv}}) {
    if (!one.output) continue;
    if (Status status = set_output(options.output, one.output, one.option); !status) return status;
    options.format = one.format;
  }
  if (raw.events) options.format = ReportFormat::events;
  if (raw.markdown) options.format = ReportFormat::markdown;
  if (raw.folded) options.format = ReportFormat::folded;
  if (options.common.json) options.format = ReportFormat::json;
  if (raw.slow) {
    const auto ns = parse_time(*raw.slow, "a duration");
    if (!ns) return tl::unexpected(ns.error());
    options.slow_ns = *ns;
  }
  return finish_common(options.common, raw);
}

Status finish_diff(DiffOptions& options, const Raw& raw) {
  if (Status status = set_output(options.output, raw.html, "--html"); !status) return status;
  options.html = raw.html.has_value();
  options.fail_on_regression = raw.fail_on.has_value();
  return finish_common(options.common, raw);
}

Status finish_record(RecordOptions& options, const Raw& raw) {
  if (options.trace.output.empty() && !options.trace.dry_run)
    return usage("no file to record to", "name it with -o FILE");
  if (!raw.max_size) return {};
  options.max_bytes = parse_bytes(*raw.max_size);
  if (!options.max_bytes) return usage("'" + *raw.max_size + "' is not a size", "write it as 64M or 2G");
  if (*options.max_bytes < kLeastMaxBytes)
    return usage("--max-size " + *raw.max_size + " is too small",
                 "no recording fits into less than " + format_bytes(kLeastMaxBytes));
  return {};
}

}  // namespace

Result<Command> parse_command_line(int argc, const char* const* argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  const auto dashes = std::ranges::find(words, "--");
  TraceOptions trace;
  RecordOptions record;
  ReportOptions report;
  DiffOptions diff;
  ProbesOptions probes;
  Raw raw;
  const bool has_command = dashes != words.end();
  if (has_command) {
    trace.command.assign(dashes + 1, words.end());
    record.trace.command = trace.command;
    words.erase(dashes, words.end());
  }

  CLI::App app{kAbout, "mlocktrace"};
  app.formatter(std::make_shared<HelpFormatter>());
  app.set_version_flag("--version", std::string("mlocktrace ") + kVersion);
  app.require_subcommand(0, 1);
  auto* trace_command = app.add_subcommand("trace", "trace processes and report (the default command)");
  auto* record_command = app.add_subcommand("record", "trace, and keep what was seen in a file");
  auto* report_command = app.add_subcommand("report", "show a recording");
  auto* diff_command = app.add_subcommand("diff", "two recordings or reports: what differs by more than chance");
  auto* probes_command = app.add_subcommand("probes", "every signal, its alternatives, and which one this kernel gets");
  add_common(*trace_command, trace.common, raw);
  add_trace(*trace_command, trace, raw);
  add_common(*record_command, record.trace.common, raw);
  add_record(*record_command, record, raw);
  add_report(*report_command, report, raw);
  add_diff(*diff_command, diff, raw);
  add_common(*probes_command, probes.common, raw);
  probes_command->add_flag("--every", probes.every, "try every way to measure a signal, not only the best");

  // `trace` may be left out.
  const auto commands = app.get_subcommands({});
  const bool names_command =
      !words.empty() && std::ranges::any_of(commands, [&](CLI::App* one) { return one->get_name() == words[0]; });
  const bool wants_text = !words.empty() && (words[0] == "--help" || words[0] == "-h" || words[0] == "--version");
  if (!words.empty() && !names_command && may_be_command(words[0])) {
    std::vector<std::string> names;
    names.reserve(commands.size());
    for (const CLI::App* one : commands) names.push_back(one->get_name());
    return no_command(words[0], names);
  }
  if (!names_command && !wants_text) words.insert(words.begin(), "trace");
  std::ranges::reverse(words);
  try {
    app.parse(words);
  } catch (const CLI::CallForVersion&) {
    return PrintText{std::string("mlocktrace ") + kVersion + "\n"};
  } catch (const CLI::Success&) {
    const auto asked = std::ranges::find_if(commands, [](CLI::App* one) { return one->parsed(); });
    return PrintText{asked != commands.end() ? (*asked)->help(app.get_name()) : app.help("", CLI::AppFormatMode::All)};
  } catch (const CLI::ParseError& error) {
    return usage(error.what());
  }

  if (has_command && trace.command.empty()) return usage("no command after --");
  if (has_command && !trace_command->parsed() && !record_command->parsed())
    return usage(app.get_subcommands().front()->get_name() + " takes no command");
  if (raw.list_findings) return PrintText{list_findings()};
  if (probes_command->parsed()) return finish_common(probes.common, raw).map([&] { return Command(probes); });
  if (report_command->parsed()) return finish_report(report, raw).map([&] { return Command(report); });
  if (diff_command->parsed()) return finish_diff(diff, raw).map([&] { return Command(diff); });
  if (record_command->parsed()) {
    return finish_trace(record.trace, raw, *record_command)
        .and_then([&] { return finish_record(record, raw); })
        .map([&] { return Command(record); });
  }
  return finish_trace(trace, raw, *trace_command).map([&] { return Command(trace); });
}

}  // namespace mlt
