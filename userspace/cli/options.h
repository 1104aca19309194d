// What the user asked for, parsed and checked as far as it can be without looking at the system.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

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
  bool dry_run = false;
};

struct ProbesOptions {
  CommonOptions common;
};

/// Text to print before exiting with 0: help or version.
struct PrintText {
  std::string text;
};

using Command = std::variant<TraceOptions, ProbesOptions, PrintText>;

Result<Command> parse_command_line(int argc, const char* const* argv);

}  // namespace mlt
