#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "cli/options.h"
#include "version.h"

namespace mlt {
namespace {

using Words = std::vector<std::string>;

Result<Command> parse(const Words& words) {
  std::vector<const char*> argv{"mlocktrace"};
  for (const std::string& word : words) argv.push_back(word.c_str());
  return parse_command_line(static_cast<int>(argv.size()), argv.data());
}

template <typename Options>
Options parsed(const Words& words) {
  auto command = parse(words);
  if (!command) {
    ADD_FAILURE() << command.error().message();
    return {};
  }
  if (auto* options = std::get_if<Options>(&*command)) return std::move(*options);
  ADD_FAILURE() << "another command was parsed: alternative " << command->index();
  return {};
}

TraceOptions trace(const Words& words) { return parsed<TraceOptions>(words); }

/// The message of a usage error: one line that says something. Empty when there was none.
std::string usage_error(const Words& words) {
  const auto command = parse(words);
  if (command) {
    ADD_FAILURE() << "accepted";
    return {};
  }
  EXPECT_EQ(command.error().status, ExitStatus::usage);
  std::string message = command.error().message();
  EXPECT_FALSE(command.error().what.empty());
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  return message;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// --- defaults and targets ------------------------------------------------------------------------------------------

TEST(ParseTrace, DefaultsOfEverythingElse) {
  const TraceOptions options = trace({"-p", "42"});
  EXPECT_EQ(options.pids, std::vector<std::uint32_t>{42});
  EXPECT_FALSE(options.tid);
  EXPECT_EQ(options.cgroup, "");
  EXPECT_FALSE(options.all);
  EXPECT_TRUE(options.command.empty());
  EXPECT_FALSE(options.follow);
  EXPECT_FALSE(options.duration_ns);
  EXPECT_FALSE(options.interval_ns);
  EXPECT_FALSE(options.count);
  EXPECT_EQ(options.output, "");
  EXPECT_FALSE(options.dry_run);
  EXPECT_EQ(options.common.btf_path, "");
  EXPECT_TRUE(options.common.signals.empty());
  EXPECT_EQ(options.common.color, ColorMode::automatic);
  EXPECT_FALSE(options.common.json);
  EXPECT_FALSE(options.common.verbose);
  EXPECT_FALSE(options.common.quiet);
}

TEST(ParseTrace, StacksAreAskedFor) {
  EXPECT_FALSE(trace({"-p", "42"}).user_stacks || trace({"-p", "42"}).kernel_stacks);
  EXPECT_TRUE(trace({"-p", "42", "-U"}).user_stacks && trace({"-p", "42", "--user-stacks"}).user_stacks);
  EXPECT_TRUE(trace({"-p", "42", "-K"}).kernel_stacks && trace({"-p", "42", "--kernel-stacks"}).kernel_stacks);
  EXPECT_TRUE(trace({"-p", "42", "-KU"}).user_stacks);
}

TEST(ParseTrace, TheCommandsNameMayBeLeftOut) {
  EXPECT_EQ(trace({"trace", "-p", "42"}).pids, trace({"-p", "42"}).pids);
  EXPECT_TRUE(trace({"trace", "--all", "--json"}).common.json);
}

TEST(ParseTarget, EachHasAShortAndALongName) {
  for (const char* option : {"-p", "--pid"})
    EXPECT_EQ(trace({option, "1,22,333"}).pids, (std::vector<std::uint32_t>{1, 22, 333}));
  for (const char* option : {"-t", "--tid"}) EXPECT_EQ(trace({option, "77"}).tid, 77U);
  for (const char* option : {"-c", "--cgroup"}) EXPECT_EQ(trace({option, "a.slice/b"}).cgroup, "a.slice/b");
  for (const char* option : {"-a", "--all"}) EXPECT_TRUE(trace({option}).all);
}

TEST(ParseTarget, AProcessIsTracedOnce) { EXPECT_EQ(trace({"-p", "5,3,5"}).pids, (std::vector<std::uint32_t>{5, 3})); }

TEST(ParseTarget, ValuesMayBeJoinedToTheOption) {
  EXPECT_EQ(trace({"-p42"}).pids, std::vector<std::uint32_t>{42});
  EXPECT_EQ(trace({"--pid=42"}).pids, std::vector<std::uint32_t>{42});
}

TEST(ParseTarget, NoneIsAnError) {
  for (const Words& words : {Words{}, Words{"trace"}, Words{"--json"}, Words{"1", "5"}, Words{"-d", "1s"}})
    EXPECT_TRUE(has(usage_error(words), "nothing to trace; name a target: -p PID")) << testing::PrintToString(words);
}

TEST(ParseTarget, SeveralAreAnError) {
  for (const Words& words : {Words{"-p", "1", "-t", "2"}, Words{"-p", "1", "-a"}, Words{"-c", "x", "-a"},
                             Words{"-t", "1", "-c", "x"}, Words{"-p", "1", "--", "ls"}, Words{"-a", "--", "ls"}})
    EXPECT_TRUE(has(usage_error(words), "more than one target")) << testing::PrintToString(words);
}

TEST(ParseTarget, NumbersOfProcessesAreChecked) {
  for (const char* pid : {"0", "-1", "abc", "1x", "1,", ",1", "1,,2", "4294967297", "2147483648", "0x10", "1 2"})
    EXPECT_TRUE(has(usage_error({std::string("--pid=") + pid}), "is not a process id")) << pid;
  EXPECT_EQ(trace({"-p", "2147483647"}).pids, std::vector<std::uint32_t>{2147483647});
  EXPECT_TRUE(has(usage_error({"-t", "abc"}), "'abc' is not a thread id"));
  EXPECT_TRUE(has(usage_error({"-p", "1,x"}), "'x' is not a process id"));
}

TEST(ParseTarget, AnOptionGivenTwiceIsAnError) {
  EXPECT_TRUE(has(usage_error({"-p", "1", "-p", "2"}), "--pid"));
  EXPECT_TRUE(has(usage_error({"-t", "1", "-t", "2"}), "--tid"));
}

// --- "--" ----------------------------------------------------------------------------------------------------------

TEST(ParseCommand, EverythingAfterDashesIsTheCommand) {
  const TraceOptions options = trace({"--json", "--", "ls", "-l", "--json", "-p", "--", "x y", ""});
  EXPECT_EQ(options.command, (Words{"ls", "-l", "--json", "-p", "--", "x y", ""}));
  EXPECT_TRUE(options.common.json);
  EXPECT_TRUE(options.pids.empty());
}

TEST(ParseCommand, ItsOptionsAreNotOurs) {
  EXPECT_EQ(trace({"--", "--help"}).command, Words{"--help"});
  EXPECT_EQ(trace({"--", "probes"}).command, Words{"probes"});
  EXPECT_FALSE(trace({"trace", "--", "x", "--dry-run"}).dry_run);
}

TEST(ParseCommand, MustBeNamed) {
  EXPECT_TRUE(has(usage_error({"--"}), "no command after --"));
  EXPECT_TRUE(has(usage_error({"-p", "1", "--"}), "no command after --"));
  EXPECT_TRUE(has(usage_error({"probes", "--", "ls"}), "probes takes no command"));
}

// --- follow --------------------------------------------------------------------------------------------------------

TEST(ParseFollow, DependsOnTheTarget) {
  EXPECT_FALSE(trace({"-p", "1"}).follow);
  EXPECT_FALSE(trace({"-t", "1"}).follow);
  EXPECT_TRUE(trace({"--", "ls"}).follow);
  EXPECT_TRUE(trace({"-a"}).follow);
  EXPECT_TRUE(trace({"-c", "x"}).follow);
}

TEST(ParseFollow, TheUserDecides) {
  EXPECT_TRUE(trace({"-p", "1", "--follow"}).follow);
  EXPECT_FALSE(trace({"-p", "1", "--no-follow"}).follow);
  EXPECT_FALSE(trace({"--no-follow", "--", "ls"}).follow);
}

// --- times ---------------------------------------------------------------------------------------------------------

constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kSecond = 1000 * kMs;

TEST(ParseTimes, Durations) {
  const std::vector<std::pair<std::string, std::uint64_t>> expected = {{"500ms", 500 * kMs},  {"10s", 10 * kSecond},
                                                                       {"2m", 120 * kSecond}, {"3", 3 * kSecond},
                                                                       {"1.5", 1500 * kMs},   {"1h", 3600 * kSecond}};
  for (const auto& [text, ns] : expected) {
    EXPECT_EQ(trace({"-p", "1", "-d", text}).duration_ns, ns) << text;
    EXPECT_EQ(trace({"-p", "1", "--duration=" + text}).duration_ns, ns) << text;
    EXPECT_EQ(trace({"-p", "1", "-i", text}).interval_ns, ns) << text;
    EXPECT_EQ(trace({"-p", "1", "--interval", text}).interval_ns, ns) << text;
  }
}

TEST(ParseTimes, DurationsThatAreNone) {
  for (const char* text : {"0", "0s", "-1", "1 s", "x", "10x", "1e3", "s", "99999999999h", "nan", "inf"}) {
    const std::string duration = usage_error({"-p", "1", std::string("--duration=") + text});
    EXPECT_TRUE(has(duration, std::string("'") + text + "' is not a duration; write it as 500ms, 10s or 2m"))
        << duration;
    const std::string interval = usage_error({"-p", "1", std::string("--interval=") + text});
    EXPECT_TRUE(has(interval, std::string("'") + text + "'")) << interval;
  }
}

// An unset variable of a script must not turn into a trace without end, or of everything.
TEST(ParseTimes, AnEmptyValueIsNotTakenForNone) {
  usage_error({"-p", "1", "--duration", ""});
  usage_error({"-p", "1", "--interval", ""});
}

TEST(ParseTimes, IntervalAndCountMayFollowTheTarget) {
  const TraceOptions every = trace({"-p", "1", "2"});
  EXPECT_EQ(every.interval_ns, 2 * kSecond);
  EXPECT_FALSE(every.count);
  const TraceOptions five = trace({"-p", "1", "0.5", "5"});
  EXPECT_EQ(five.interval_ns, 500 * kMs);
  EXPECT_EQ(five.count, 5U);
  const TraceOptions before = trace({"1", "3", "-a"});
  EXPECT_EQ(before.interval_ns, kSecond);
  EXPECT_EQ(before.count, 3U);
  const TraceOptions command = trace({"1", "--", "sleep", "9"});
  EXPECT_EQ(command.interval_ns, kSecond);
  EXPECT_EQ(command.command, (Words{"sleep", "9"}));
}

TEST(ParseTimes, IntervalAndCountAreChecked) {
  for (const char* count : {"0", "x", "1.5", "1s"})
    EXPECT_TRUE(has(usage_error({"-p", "1", "1", count}), std::string("'") + count + "' is not a count")) << count;
  EXPECT_TRUE(has(usage_error({"-p", "1", "0", "5"}), "'0' is not an interval"));
  EXPECT_TRUE(has(usage_error({"-p", "1", "1", "2", "3"}), "3"));
}

// Which one holds? A count after -i would silently be an interval.
TEST(ParseTimes, TwoIntervalsAreAnError) { usage_error({"-p", "1", "-i", "1", "5"}); }

// --- the other options ---------------------------------------------------------------------------------------------

TEST(ParseTrace, OutputAndDryRun) {
  EXPECT_EQ(trace({"-p", "1", "-o", "report.json"}).output, "report.json");
  EXPECT_EQ(trace({"-p", "1", "--output=report.json"}).output, "report.json");
  EXPECT_TRUE(trace({"-p", "1", "--dry-run"}).dry_run);
}

TEST(ParseCommon, SameForTraceAndProbes) {
  const Words common = {
      "--json", "-v", "-q", "--btf", "/x/btf", "--color", "never", "--signals", "fault:perf,populate"};
  Words trace_words = {"trace", "-a"};
  trace_words.insert(trace_words.end(), common.begin(), common.end());
  Words probes_words = {"probes"};
  probes_words.insert(probes_words.end(), common.begin(), common.end());
  for (const CommonOptions& options : {trace(trace_words).common, parsed<ProbesOptions>(probes_words).common}) {
    EXPECT_TRUE(options.json);
    EXPECT_TRUE(options.verbose);
    EXPECT_TRUE(options.quiet);
    EXPECT_EQ(options.btf_path, "/x/btf");
    EXPECT_EQ(options.color, ColorMode::never);
    ASSERT_EQ(options.signals.size(), 2U);
    EXPECT_EQ(options.signals[0].name, "fault");
    EXPECT_EQ(options.signals[0].kind, "perf");
    EXPECT_EQ(options.signals[1].name, "populate");
  }
}

TEST(ParseCommon, LongNames) {
  const TraceOptions options = trace({"-a", "--verbose", "--quiet"});
  EXPECT_TRUE(options.common.verbose);
  EXPECT_TRUE(options.common.quiet);
}

TEST(ParseCommon, Colors) {
  EXPECT_EQ(trace({"-a", "--color", "auto"}).common.color, ColorMode::automatic);
  EXPECT_EQ(trace({"-a", "--color=always"}).common.color, ColorMode::always);
  EXPECT_EQ(trace({"-a", "--color=never"}).common.color, ColorMode::never);
  EXPECT_TRUE(has(usage_error({"-a", "--color", "blue"}), "blue"));
}

TEST(ParseCommon, SignalsThatDoNotExist) {
  const std::string unknown = usage_error({"-a", "--signals", "fault,fualt"});
  EXPECT_TRUE(has(unknown, "unknown signal 'fualt'")) << unknown;
  EXPECT_TRUE(has(unknown, "fault_entry")) << unknown;
  EXPECT_TRUE(has(usage_error({"-a", "--signals=fault:ebpf"}), "signal 'fault' cannot be measured by 'ebpf'"));
  EXPECT_TRUE(has(usage_error({"probes", "--signals", "nope"}), "unknown signal 'nope'"));
}

TEST(ParseCommon, AnEmptyListOfSignalsIsNotAll) {
  EXPECT_TRUE(has(usage_error({"-a", "--signals", ""}), "--signals names no signal"));
}

// --- findings ------------------------------------------------------------------------------------------------------

TEST(ParseFindings, NoneFailsByDefault) {
  EXPECT_TRUE(trace({"-a"}).fail_on.empty());
  EXPECT_EQ(trace({"-a"}).thresholds.splits, FindingOptions{}.splits);
}

TEST(ParseFindings, FailOnTakesSeveritiesAndNames) {
  EXPECT_EQ(trace({"-a", "--fail-on", "warning,fork-cow"}).fail_on, (Words{"warning", "fork-cow"}));
  for (const char* list : {"", "fork-cwo", "warning,"}) {
    const std::string error = usage_error({"-a", "--fail-on", list});
    EXPECT_TRUE(has(error, "unknown finding")) << error;
    EXPECT_TRUE(has(error, "fork-cow")) << error;
  }
}

TEST(ParseFindings, ThresholdsMayBeGivenOneByOne) {
  const FindingOptions options = trace({"--threshold", "splits=5", "--threshold=vma-percent=70", "-p", "1"}).thresholds;
  EXPECT_EQ(options.splits, 5U);
  EXPECT_EQ(options.vma_percent, 70U);
  EXPECT_EQ(options.headroom_mib, FindingOptions{}.headroom_mib);
  EXPECT_TRUE(has(usage_error({"-a", "--threshold", "slpits=5"}), "unknown threshold 'slpits'"));
  EXPECT_TRUE(has(usage_error({"-a", "--threshold", "splits=many"}), "splits=NUMBER"));
}

// An option that takes one value leaves the interval and the count alone.
TEST(ParseFindings, ThresholdsAreNotIntervals) {
  const TraceOptions options = trace({"-p", "1", "--threshold", "splits=5", "2", "3"});
  EXPECT_EQ(options.thresholds.splits, 5U);
  EXPECT_EQ(options.interval_ns, 2'000'000'000U);
  EXPECT_EQ(options.count, 3U);
}

TEST(ParseFindings, TheListNeedsNoTarget) {
  for (const Words& words : {Words{"--list-findings"}, Words{"trace", "--list-findings"}}) {
    const std::string text = parsed<PrintText>(words).text;
    EXPECT_TRUE(has(text, "fork-cow")) << text;
    EXPECT_TRUE(has(text, "storm-per-s")) << text;
  }
}

TEST(ParseProbes, TakesNoTarget) {
  EXPECT_FALSE(parsed<ProbesOptions>({"probes"}).common.json);
  EXPECT_TRUE(has(usage_error({"probes", "-p", "1"}), "-p"));
  EXPECT_TRUE(has(usage_error({"probes", "-d", "1s"}), "-d"));
}

TEST(ParseErrors, NameTheWordAndTheHelp) {
  for (const Words& words :
       {Words{"--frobnicate"}, Words{"-p", "1", "--frobnicate"}, Words{"probes", "--frobnicate"}}) {
    const std::string error = usage_error(words);
    EXPECT_TRUE(has(error, "--frobnicate")) << error;
    EXPECT_TRUE(has(error, "`mlocktrace --help`")) << error;
  }
}

TEST(ParseErrors, AValueIsMissing) {
  for (const char* option : {"--pid", "--tid", "--cgroup", "--duration", "--interval", "--output", "--signals", "--btf",
                             "--color", "--fail-on", "--threshold", "--processes"})
    EXPECT_TRUE(has(usage_error({option}), option)) << option;
}

// --- help and version ----------------------------------------------------------------------------------------------

TEST(ParseText, Version) {
  EXPECT_EQ(parsed<PrintText>({"--version"}).text, std::string("mlocktrace ") + kVersion + "\n");
}

TEST(ParseText, HelpNamesEveryOption) {
  for (const char* option : {"--help", "-h"}) {
    const std::string text = parsed<PrintText>({option}).text;
    for (const char* word :
         {"--pid",     "--tid",       "--cgroup",  "--all",     "--duration",  "--interval",      "--output",
          "--follow",  "--no-follow", "--dry-run", "--fail-on", "--threshold", "--list-findings", "--json",
          "--signals", "--btf",       "--color",   "--verbose", "--quiet",     "--version",       "probes"})
      EXPECT_TRUE(has(text, word)) << word;
  }
}

TEST(ParseText, HelpOfOneCommand) {
  EXPECT_FALSE(has(parsed<PrintText>({"probes", "--help"}).text, "--pid"));
  EXPECT_TRUE(has(parsed<PrintText>({"trace", "--help"}).text, "--pid"));
  EXPECT_TRUE(has(parsed<PrintText>({"-p", "1", "--help"}).text, "--pid"));
}

TEST(ParseText, UsageIsWhatMayBeTyped) {
  EXPECT_TRUE(has(parsed<PrintText>({"trace", "-h"}).text, "Usage: mlocktrace trace [OPTIONS] [INTERVAL [COUNT]]\n"));
  EXPECT_TRUE(has(parsed<PrintText>({"probes", "-h"}).text, "Usage: mlocktrace probes [OPTIONS]\n"));
}

// --- recordings ----------------------------------------------------------------------------------------------------

RecordOptions record(const Words& words) { return parsed<RecordOptions>(words); }
ReportOptions report(const Words& words) { return parsed<ReportOptions>(words); }

TEST(ParseRecord, TakesWhatTraceTakes) {
  const RecordOptions options = record({"record", "-o", "f", "-p", "42", "-d", "10s", "-i", "2s", "--json", "-q"});
  EXPECT_EQ(options.trace.output, "f");
  EXPECT_EQ(options.trace.pids, std::vector<std::uint32_t>{42});
  EXPECT_EQ(options.trace.duration_ns, 10'000'000'000U);
  EXPECT_EQ(options.trace.interval_ns, 2'000'000'000U);
  EXPECT_TRUE(options.trace.common.json);
  EXPECT_TRUE(options.trace.common.quiet);
  EXPECT_FALSE(options.trace.follow);
  EXPECT_FALSE(options.events);
  EXPECT_FALSE(options.max_bytes);
}

TEST(ParseRecord, ItsOwnOptions) {
  const RecordOptions options = record({"record", "-o", "f", "--events", "--max-size", "64M", "--", "ls", "-l"});
  EXPECT_TRUE(options.events);
  EXPECT_EQ(options.max_bytes, std::uint64_t{64} << 20);
  EXPECT_EQ(options.trace.command, (Words{"ls", "-l"}));
  EXPECT_TRUE(options.trace.follow);
  EXPECT_TRUE(record({"record", "--dry-run", "-a"}).trace.dry_run);
}

TEST(ParseRecord, Mistakes) {
  EXPECT_TRUE(has(usage_error({"record", "-p", "42"}), "no file to record to; name it with -o FILE"));
  EXPECT_TRUE(has(usage_error({"record", "-o", "f"}), "nothing to trace"));
  EXPECT_TRUE(has(usage_error({"record", "-o", "f", "-a", "--max-size", "lots"}), "'lots' is not a size"));
  EXPECT_TRUE(has(usage_error({"record", "-o", "f", "-a", "--max-size", ""}), "'' is not a size"));
  EXPECT_TRUE(has(usage_error({"record", "-o", "f", "-a", "--max-size", "4K"}), "--max-size 4K is too small"));
  EXPECT_TRUE(has(usage_error({"trace", "--events", "-a"}), "--events"));
  EXPECT_TRUE(has(usage_error({"record", "-o", "f", "--"}), "no command after --"));
}

TEST(ParseReport, Formats) {
  EXPECT_EQ(report({"report", "f"}).file, "f");
  EXPECT_EQ(report({"report", "f"}).format, ReportFormat::text);
  EXPECT_EQ(report({"report", "f", "--json"}).format, ReportFormat::json);
  EXPECT_EQ(report({"report", "--events", "f"}).format, ReportFormat::events);
  EXPECT_EQ(report({"report", "f", "-o", "g"}).output, "g");
  EXPECT_EQ(report({"report", "f", "--color", "always"}).common.color, ColorMode::always);
  EXPECT_TRUE(report({"report", "f", "-v", "-q"}).common.verbose);
}

TEST(ParseReport, FormatsWithAnOutputOfTheirOwn) {
  const auto format = [](const std::string& option) { return report({"report", "f", option, "out"}).format; };
  EXPECT_EQ(format("--html"), ReportFormat::html);
  EXPECT_EQ(format("--perfetto"), ReportFormat::perfetto);
  EXPECT_EQ(format("--pprof"), ReportFormat::pprof);
  EXPECT_EQ(format("--csv"), ReportFormat::csv);
  EXPECT_EQ(report({"report", "f", "--html", "out"}).output, "out");
  EXPECT_EQ(report({"report", "f", "--markdown"}).format, ReportFormat::markdown);
  EXPECT_EQ(report({"report", "f", "--folded", "-o", "out"}).format, ReportFormat::folded);
  EXPECT_EQ(report({"report", "f", "--perfetto", "out", "--slow", "1ms"}).slow_ns, 1'000'000U);
}

DiffOptions diff(const Words& words) { return parsed<DiffOptions>(words); }

TEST(ParseDiff, Options) {
  EXPECT_EQ(diff({"diff", "a", "b"}).before, "a");
  EXPECT_EQ(diff({"diff", "a", "b"}).after, "b");
  EXPECT_FALSE(diff({"diff", "a", "b"}).fail_on_regression);
  EXPECT_TRUE(diff({"diff", "a", "b", "--fail-on", "regression"}).fail_on_regression);
  EXPECT_TRUE(diff({"diff", "a", "b", "--html", "c"}).html);
  EXPECT_EQ(diff({"diff", "a", "b", "--html", "c"}).output, "c");
  EXPECT_TRUE(diff({"diff", "a", "b", "--json"}).common.json);
}

TEST(ParseDiff, Mistakes) {
  EXPECT_TRUE(has(usage_error({"diff", "a"}), "NEW is required"));
  EXPECT_TRUE(has(usage_error({"diff", "a", "b", "c"}), "c"));
  EXPECT_TRUE(has(usage_error({"diff", "a", "b", "--fail-on", "warning"}), "regression"));
  EXPECT_TRUE(has(usage_error({"diff", "a", "b", "--json", "--html", "c"}), "excludes"));
}

TEST(ParseReport, Mistakes) {
  EXPECT_TRUE(has(usage_error({"report"}), "FILE is required"));
  EXPECT_TRUE(has(usage_error({"report", "f", "g"}), "g"));
  EXPECT_TRUE(has(usage_error({"report", "f", "--json", "--events"}), "at most 1"));
  EXPECT_TRUE(has(usage_error({"report", "f", "--html", "g", "--markdown"}), "at most 1"));
  EXPECT_TRUE(has(usage_error({"report", "f", "--html", "g", "-o", "h"}), "two outputs: -o and --html"));
  EXPECT_TRUE(has(usage_error({"report", "f", "--csv", ""}), "--csv names no file"));
  EXPECT_TRUE(has(usage_error({"report", "f", "--slow", "1ms"}), "--perfetto"));
  EXPECT_TRUE(has(usage_error({"report", "f", "--perfetto", "g", "--slow", "soon"}), "'soon' is not a duration"));
  EXPECT_TRUE(has(usage_error({"report", "f", "--", "ls"}), "report takes no command"));
}

TEST(ParseHelp, SaysWhatHappensToAFileThatExists) {
  const std::string help = parsed<PrintText>({"record", "--help"}).text;
  EXPECT_TRUE(has(help, "replaces an earlier one, but no other file"));
  EXPECT_TRUE(has(help, "--max-size"));
  EXPECT_TRUE(has(parsed<PrintText>({"report", "--help"}).text, "single faults as CSV"));
}

// --- the first word
// ---------------------------------------------------------------------------------------------------

TEST(FirstWord, ThatIsNoCommand) {
  const std::string lab = usage_error({"lab", "run", "x"});
  EXPECT_TRUE(
      has(lab, "'lab' is no command (there are trace, record, report, diff, probes); a program to run comes after --"));
  EXPECT_TRUE(has(usage_error({"ls"}), "'ls' is no command"));
  EXPECT_TRUE(has(usage_error({"ls", "-l", "-p", "1"}), "'ls' is no command"));
}

TEST(FirstWord, ThatIsNearlyOne) {
  EXPECT_TRUE(has(usage_error({"repotr", "file"}),
                  "'repotr' is no command (did you mean report?); a program to run comes after --"));
  EXPECT_TRUE(has(usage_error({"recrod"}), "did you mean record?"));
  EXPECT_TRUE(has(usage_error({"prob"}), "did you mean probes?"));
}

TEST(FirstWord, MayBeAnInterval) {
  EXPECT_EQ(trace({"500ms", "-p", "1"}).interval_ns, 500'000'000U);
  EXPECT_TRUE(has(usage_error({"5x", "-p", "1"}), "'5x' is not an interval"));
}

TEST(FirstWord, OneTooManyAfterTheCount) {
  const std::string error = usage_error({"-p", "1", "1", "5", "sleep"});
  EXPECT_TRUE(has(error, "'sleep' is one word too many after INTERVAL and COUNT; a program to run comes after --"));
}

// --- how much of a crowd
// ----------------------------------------------------------------------------------------------

TEST(Processes, ANumberOrAll) {
  EXPECT_FALSE(trace({"-a"}).common.processes);
  EXPECT_EQ(trace({"-a", "--processes", "50"}).common.processes, 50U);
  EXPECT_EQ(trace({"-a", "--processes", "all"}).common.processes, std::numeric_limits<std::size_t>::max());
  for (const char* wrong : {"0", "-1", "many"})
    EXPECT_TRUE(has(usage_error({"-a", std::string("--processes=") + wrong}), "is no number of processes")) << wrong;
}

}  // namespace
}  // namespace mlt
