// One line a process and interval.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cmath>
#include <ctime>

#include "report/text_sections.h"
#include "util/units.h"

namespace mlt {
namespace {

using namespace text;

constexpr std::size_t kFewProcesses = 10;
constexpr std::size_t kRows = 20;

std::string end_time(const Window& window) {
  const std::uint64_t end_ns = window.start_unix_ns + window.duration_ns;
  return fmt::format("{:%H:%M:%S}", fmt::localtime(static_cast<std::time_t>(end_ns / 1'000'000'000)));
}

std::string rate(const std::optional<FaultTotals>& totals, std::uint64_t duration_ns) {
  if (!totals || duration_ns == 0) return "n/a";
  const double per_second = static_cast<double>(totals->completed()) * 1e9 / static_cast<double>(duration_ns);
  // Less than one a second is not none.
  if (per_second > 0 && per_second < 1) return "<1";
  return compact_count(static_cast<std::uint64_t>(std::llround(per_second)));
}

std::string pages(const Count& count) { return count ? compact_count(*count) : "n/a"; }

bool is_active(const Process& process) {
  return process.faults.of_all_origins().completed() != 0 || !process.locks.totals.empty() ||
         process.pages.mlocked.value_or(0) != 0 || process.pages.munlocked.value_or(0) != 0 || process.exited;
}

std::string row(const Process& process, const Window& window) {
  const Histogram latency = process.faults.of_all_origins().latency;
  const auto quantile = [&](double q) { return latency.empty() ? "-" : compact_duration(latency.quantile(q)); };
  const auto& origins = process.faults.by_origin;
  const auto faults = [&](mlt_origin origin) { return rate(origins[origin], window.duration_ns); };
  const Count& locked = process.locks.locked_bytes.end;
  return fmt::format("{} {:>7} {:>5}{:>5}{:>5}{:>5} {:>5} {:>5} {:>5}{:>5} {:>5} {}{}\n", end_time(window), process.pid,
                     faults(MLT_ORIGIN_ACCESS), faults(MLT_ORIGIN_KERNEL), faults(MLT_ORIGIN_POPULATE),
                     faults(MLT_ORIGIN_REMOTE), quantile(0.5), quantile(0.99), pages(process.pages.mlocked),
                     pages(process.pages.munlocked), locked ? compact_bytes(*locked) : "n/a", sanitize(process.comm),
                     process.exited ? sanitize(" (" + process_state(process) + ")") : "");
}

constexpr std::string_view kHeader =
    "                 ---- faults / s ----  - latency -  - pages -\n"
    "    time     pid  accs kern popu remo   p50   p99   lock unlk VmLck comm\n";

}  // namespace

std::string to_interval_text(const Report& delta, bool header, const TextOptions& options) {
  std::string out(header ? kHeader : "");
  std::size_t shown = 0;
  std::size_t left_out = 0;
  const bool all = options.verbose || delta.processes.size() <= kFewProcesses;
  for (const Process& process : delta.processes) {
    if (!all && !is_active(process)) continue;
    if (!all && shown == kRows) {
      ++left_out;
      continue;
    }
    out += row(process, delta.window);
    ++shown;
  }
  if (left_out != 0) {
    out += fmt::format("{} ({} more with fewer faults)\n", end_time(delta.window), left_out);
  }
  return out;
}

}  // namespace mlt
