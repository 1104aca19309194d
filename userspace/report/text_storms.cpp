// Times in which a process faulted far too much.
#include <fmt/format.h>

#include <algorithm>

#include "model/names.h"
#include "report/phrases.h"
#include "report/text_sections.h"
#include "util/units.h"

namespace mlt::text {
namespace {

// What is shown without -v.
constexpr std::size_t kStorms = 10;
constexpr std::size_t kStormsOfCrowd = 5;

std::string rate(const Storm& storm) {
  std::string text = fmt::format("{} in {}, {}/s at the most", plural(storm.faults, "fault"),
                                 format_duration(storm.duration_ns), format_count(storm.peak_per_s));
  if (storm.baseline_per_s) text += fmt::format(" ({}/s before)", format_count(*storm.baseline_per_s));
  text += fmt::format(", {} spent in them", format_duration(storm.time_ns));
  if (storm.cause == MLT_CAUSE_UNKNOWN) return text;
  const bool is_most = !storm.cause_faults || *storm.cause_faults * 2 > storm.faults;
  return text + (is_most ? fmt::format(", mostly {}", cause_name(storm.cause))
                         : fmt::format(", {} of them {}", format_count(*storm.cause_faults), cause_name(storm.cause)));
}

// A fork may have been long before.
bool is_just_before(const Storm& storm) {
  constexpr std::uint64_t kSampleNs = 1'000'000'000;
  return storm.trigger->at_ns + 2 * kSampleNs >= storm.start_ns;
}

std::string where(const Storm& storm) {
  std::string text;
  const auto add = [&](const std::string& name, const Count& faults) {
    text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", name, count_or_na(faults));
  };
  if (!storm.vma.empty()) add(storm.vma, storm.vma_faults);
  if (storm.tid != 0) add(fmt::format("thread {}", storm.tid), storm.tid_faults);
  return text;
}

}  // namespace

void storms(Page& page, const Report& report, const TextOptions& options) {
  if (report.storms.empty()) return;
  page.blank();
  page.line(0, {{"STORMS", Style::bold}});
  const std::size_t shown = options.verbose
                                ? report.storms.size()
                                : std::min(report.storms.size(), report.groups.empty() ? kStorms : kStormsOfCrowd);
  for (std::size_t i = 0; i < shown; ++i) {
    const Storm& storm = report.storms[i];
    page.paragraph(2, {fmt::format("at {} s, pid {}: {}", at_seconds(storm.start_ns, options), storm.pid, rate(storm))},
                   2);
    const auto fact = [&](const char* label, const std::string& text) {
      if (!text.empty()) page.labelled(4, {label}, kLabel, {text});
    };
    fact("most in", where(storm));
    if (storm.trigger)
      fact(is_just_before(storm) ? "just before" : "before",
           fmt::format("{} by thread {} at {} s", call_text(*storm.trigger), storm.trigger->tid,
                       at_seconds(storm.trigger->at_ns, options)));
    if (!storm.trigger_unknown.empty()) fact("before", "not known: " + storm.trigger_unknown);
    if (!storm.stack.empty()) fact("stack", storm.stack + " (of the whole trace)");
  }
  if (shown < report.storms.size())
    page.paragraph(2, {plural(report.storms.size() - shown, "storm") + " more: -v or --json", Style::dim});
}

}  // namespace mlt::text
