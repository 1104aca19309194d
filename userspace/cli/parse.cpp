// The only code that knows CLI11.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>
#include <string_view>

#include "cli/options.h"
#include "proc/text_file.h"
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
  std::vector<std::string> positionals;
  bool follow = false;
};

tl::unexpected<Error> usage(std::string what, std::string hint = "`mlocktrace --help` shows the options") {
  return fail(std::move(what), 0, std::move(hint), ExitStatus::usage);
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
  app.add_flag("--dry-run", options.dry_run, "print what would be attached, attach nothing");
  app.add_option("times", raw.positionals, "[INTERVAL [COUNT]]: report every INTERVAL seconds, COUNT times")
      ->expected(0, 2)
      ->option_text(" ");
}

Status finish_common(CommonOptions& common, const Raw& raw) {
  common.color = raw.color == "always"  ? ColorMode::always
                 : raw.color == "never" ? ColorMode::never
                                        : ColorMode::automatic;
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
  if (raw.positionals.size() == 2) {
    options.count = parse_number(raw.positionals[1]);
    if (!options.count || *options.count == 0) return usage("'" + raw.positionals[1] + "' is not a count");
  }
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

}  // namespace

Result<Command> parse_command_line(int argc, const char* const* argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  const auto dashes = std::ranges::find(words, "--");
  TraceOptions trace;
  ProbesOptions probes;
  Raw raw;
  const bool has_command = dashes != words.end();
  if (has_command) {
    trace.command.assign(dashes + 1, words.end());
    words.erase(dashes, words.end());
  }

  CLI::App app{kAbout, "mlocktrace"};
  app.set_version_flag("--version", std::string("mlocktrace ") + kVersion);
  app.require_subcommand(0, 1);
  auto* trace_command = app.add_subcommand("trace", "trace processes and report (the default command)");
  auto* probes_command = app.add_subcommand("probes", "every signal, its alternatives, and which one this kernel gets");
  add_common(*trace_command, trace.common, raw);
  add_trace(*trace_command, trace, raw);
  add_common(*probes_command, probes.common, raw);

  // `trace` may be left out.
  const bool names_command = !words.empty() && (words[0] == "trace" || words[0] == "probes");
  const bool wants_text = !words.empty() && (words[0] == "--help" || words[0] == "-h" || words[0] == "--version");
  if (!names_command && !wants_text) words.insert(words.begin(), "trace");
  std::ranges::reverse(words);
  try {
    app.parse(words);
  } catch (const CLI::CallForVersion&) {
    return PrintText{std::string("mlocktrace ") + kVersion + "\n"};
  } catch (const CLI::Success&) {
    return PrintText{probes_command->parsed()  ? probes_command->help()
                     : trace_command->parsed() ? trace_command->help()
                                               : app.help("", CLI::AppFormatMode::All)};
  } catch (const CLI::ParseError& error) {
    return usage(error.what());
  }

  if (has_command && trace.command.empty()) return usage("no command after --");
  if (probes_command->parsed()) {
    if (has_command) return usage("probes takes no command");
    if (Status status = finish_common(probes.common, raw); !status) return tl::unexpected(status.error());
    return probes;
  }
  trace.follow = raw.follow;
  if (trace_command->get_option("--follow")->count() == 0)
    trace.follow = has_command || trace.all || !trace.cgroup.empty();
  for (const Status& status :
       {finish_common(trace.common, raw), finish_times(trace, raw), finish_targets(trace, raw)}) {
    if (!status) return tl::unexpected(status.error());
  }
  return trace;
}

}  // namespace mlt
