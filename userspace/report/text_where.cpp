// Where faults happened: by mapping, and by stack.
#include <fmt/format.h>

#include <algorithm>

#include "model/names.h"
#include "report/text_sections.h"
#include "util/units.h"

namespace mlt::text {
namespace {

// What is shown without -v.
constexpr std::size_t kMappings = 8;
constexpr std::size_t kStacks = 5;
constexpr std::size_t kFrames = 12;

std::string_view lock_remark(mlt_lock_state locked) {
  switch (locked) {
    case MLT_LOCKED: return ", locked";
    case MLT_LOCKED_ON_FAULT: return ", locked on fault";
    default: return "";
  }
}

std::string_view last_part(std::string_view path) { return path.substr(path.rfind('/') + 1); }

std::string mapping_title(const VmaFaults& faults, bool verbose) {
  if (faults.name.empty()) return "elsewhere";
  std::string title{verbose || faults.name.starts_with('[') ? faults.name : last_part(faults.name)};
  // Which part of a file it is shows by what may be done with it.
  const bool anonymous = faults.name == "anonymous" || faults.name.starts_with("[anon:");
  if (anonymous) title += fmt::format(" {:#x}, {}", faults.start, format_bytes(faults.end - faults.start));
  if (!anonymous && !faults.name.starts_with('[')) title += " " + faults.permissions;
  return title.append(lock_remark(faults.locked));
}

struct Sum {
  std::uint64_t minor = 0, major = 0, errors = 0, time_ns = 0, max_ns = 0;
  void add(const VmaFaults& faults) {
    minor += faults.minor;
    major += faults.major;
    errors += faults.errors;
    time_ns += faults.time_ns;
    max_ns = std::max(max_ns, faults.max_ns);
  }
};

void add_row(Table& table, std::string title, const Sum& sum, std::string_view cause, Style style = Style::plain) {
  const auto duration = [](std::uint64_t ns) { return ns == 0 ? "-" : format_duration(ns); };
  table.add_row({{std::move(title), style},
                 {format_count(sum.minor), style},
                 {format_count(sum.major), style},
                 {format_count(sum.errors), sum.errors == 0 ? style : Style::red},
                 {duration(sum.time_ns), style},
                 {duration(sum.max_ns), style},
                 {std::string(cause), style}});
}

std::string frame_title(const Frame& frame) {
  const std::string_view module = last_part(frame.module);
  if (frame.function.empty())
    return module.empty() ? fmt::format("{:#x}", frame.address) : fmt::format("{}+{:#x}", module, frame.offset);
  const std::string place = fmt::format("{}+{:#x}", frame.function, frame.offset);
  return module.empty() || module == "[kernel]" ? place : fmt::format("{}  {}", place, module);
}

void frames(Page& page, const std::vector<Frame>& list, Style style, bool verbose) {
  const std::size_t shown = verbose ? list.size() : std::min(list.size(), kFrames);
  for (std::size_t i = 0; i < shown; ++i) page.line(6, {{frame_title(list[i]), style}});
  if (shown < list.size()) page.line(6, {{plural(list.size() - shown, "frame") + " more", Style::dim}});
}

}  // namespace

void by_vma(Page& page, const Process& process, const TextOptions& options) {
  if (!process.faults.by_vma || process.faults.by_vma->empty()) return;
  const std::vector<VmaFaults>& list = *process.faults.by_vma;
  using enum Table::Align;
  Table table({{"by mapping", left, true},
               {"minor", right},
               {"major", right},
               {"errors", right},
               {"time", right},
               {"max", right},
               {"mostly"}});
  const std::size_t shown = options.verbose ? list.size() : std::min(list.size(), kMappings);
  for (std::size_t i = 0; i < shown; ++i) {
    Sum sum;
    sum.add(list[i]);
    add_row(table, mapping_title(list[i], options.verbose), sum,
            list[i].cause == MLT_CAUSE_UNKNOWN ? "" : cause_name(list[i].cause));
  }
  if (shown < list.size()) {
    Sum rest;
    for (std::size_t i = shown; i < list.size(); ++i) rest.add(list[i]);
    add_row(table, fmt::format("{} more (-v)", plural(list.size() - shown, "mapping")), rest, "", Style::dim);
  }
  page.blank();
  page.table(2, table);
}

void stacks(Page& page, const Process& process, const TextOptions& options) {
  const std::vector<StackFaults>& list = process.faults.stacks;
  const std::size_t shown = options.verbose ? list.size() : std::min(list.size(), kStacks);
  for (std::size_t i = 0; i < shown; ++i) {
    const StackFaults& stack = list[i];
    page.blank();
    const std::string_view cause = cause_name(stack.cause);
    page.line(2, {{"from here ", Style::plain},
                  {plural(stack.faults, "fault"), Style::bold},
                  {fmt::format(", {}, {}, {}", format_duration(stack.time_ns), origin_name(stack.origin),
                               cause.empty() ? "cause n/a" : cause)}});
    frames(page, stack.kernel, Style::dim, options.verbose);
    frames(page, stack.user, Style::plain, options.verbose);
    if (stack.kernel.empty() && stack.user.empty())
      page.line(6, {{"(stacks that could not be read, or of few faults)", Style::dim}});
  }
  if (shown < list.size()) {
    std::uint64_t faults = 0;
    for (std::size_t i = shown; i < list.size(); ++i) faults += list[i].faults;
    page.blank();
    page.line(2, {{fmt::format("{} from {} (-v)", plural(faults, "fault"), plural(list.size() - shown, "other place")),
                   Style::dim}});
  }
}

}  // namespace mlt::text
