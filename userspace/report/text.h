// The report as text for a terminal.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "model/report.h"

namespace mlt {

struct TextOptions {
  bool color = false;
  bool unicode = true;     // bars and dashes; else ASCII alone
  bool verbose = false;    // every process, call, thread and signal
  std::size_t width = 80;  // columns; 0: lines are never wrapped
  /// That are listed one by one; the others are summed up. Not said: 20, all with `verbose`.
  std::optional<std::size_t> processes = std::nullopt;
};

/// The whole report, findings first, ending in a newline.
std::string to_text(const Report& report, const TextOptions& options);

/// What came in one interval: a line for each process, `header` lines above them when asked for.
std::string to_interval_text(const Report& delta, bool header, const TextOptions& options = {});

}  // namespace mlt
