// What the user asked for, parsed and checked as far as it can be without looking at the system.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "findings/findings.h"
#include "plan/plan.h"
#include "util/result.h"

namespace mlt {

enum class ColorMode { automatic, always, never };

struct CommonOptions {
  std::string btf_path;
  std::vector<SignalWish> signals;
  ColorMode color = ColorMode::automatic;
  bool json = false;
  bool verbose = false;
  bool quiet = false;
  /// That are listed one by one, in text and in JSON; no value: as many as suit the format.
  std::optional<std::size_t> processes;
};

struct TraceOptions {
  CommonOptions common;
  std::vector<std::uint32_t> pids;
  std::optional<std::uint32_t> tid;
  std::string cgroup;
  bool all = false;
  std::vector<std::string> command;
  bool follow = false;
  std::optional<std::uint64_t> duration_ns;
  std::optional<std::uint64_t> interval_ns;
  std::optional<std::uint64_t> count;  // intervals
  std::string output;                  // file; empty: stdout
  bool user_stacks = false;
  bool kernel_stacks = false;
  bool dry_run = false;
  FindingOptions thresholds;
  std::vector<std::string> fail_on;  // severities and ids of findings
};

struct RecordOptions {
  TraceOptions trace;  // `output`: the recording; `common.json`: the report on stdout too
  bool events = false;
  std::optional<std::uint64_t> max_bytes;
};

/// What `report` makes of a recording.
enum class ReportFormat { text, json, events, markdown, html, perfetto, pprof, folded, csv };

struct ReportOptions {
  CommonOptions common;
  std::string file;
  std::string output;  // file (csv: directory); empty: stdout
  ReportFormat format = ReportFormat::text;
  std::uint64_t slow_ns = 50'000;  // perfetto: single faults that are slices
};

struct DiffOptions {
  CommonOptions common;
  std::string before;
  std::string after;
  std::string output;  // file; empty: stdout
  bool html = false;
  bool fail_on_regression = false;
};

struct ProbesOptions {
  CommonOptions common;
  bool every = false;  // try every way, not only those before the one that the kernel gets
};

/// Text to print before exiting with 0: help, version, a list.
struct PrintText {
  std::string text;
};

using Command = std::variant<TraceOptions, RecordOptions, ReportOptions, DiffOptions, ProbesOptions, PrintText>;

Result<Command> parse_command_line(int argc, const char* const* argv);

}  // namespace mlt
