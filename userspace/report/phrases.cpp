#include "report/phrases.h"

#include <fmt/format.h>

#include <algorithm>

#include "util/units.h"

namespace mlt {

std::string count_or_na(const Count& count) { return count ? format_count(*count) : "n/a"; }

std::string bytes_or_na(const Count& bytes) { return bytes ? format_bytes(*bytes) : "n/a"; }

std::string plural(std::uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", format_count(count), noun, count == 1 ? "" : "s");
}

std::string named_time(std::string_view what, std::uint64_t time_ns) {
  return fmt::format("{} {}", what, format_duration(time_ns));
}

std::string words(std::string_view name) {
  std::string text(name);
  std::ranges::replace(text, '_', ' ');
  return text;
}

std::string describe(const Lost& lost) {
  return fmt::format("{}, {} in full tables and {}", plural(lost.events, "event"), plural(lost.map_full, "count"),
                     plural(lost.missed_probes, "probe"));
}

std::string describe(const SkippedProbes& skipped) {
  std::string text;
  if (skipped.unclassed != 0) text += plural(skipped.unclassed, "fault") + " of unknown class";
  if (skipped.unclassed != 0 && skipped.untimed != 0) text += " and ";
  if (skipped.untimed != 0) text += plural(skipped.untimed, "fault") + " of unknown duration";
  return text + ", counted all the same: the kernel skipped a probe";
}

std::string lock_calls(const Locks& locks) {
  if (!locks.calls_unseen.empty()) return "n/a";
  return format_count(std::uint64_t{locks.calls.size()} + locks.calls_not_kept);
}

}  // namespace mlt
