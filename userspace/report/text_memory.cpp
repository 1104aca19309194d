// What became of a process's memory: locked bytes, page moves, VMAs, and its forks and execs.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "model/names.h"
#include "report/text_sections.h"
#include "util/units.h"

namespace mlt::text {
namespace {

void add_change(Table& table, const VmaChange& change, const TextOptions& options) {
  std::string where = format_range(change.start, change.end);
  if (change.split && change.addr >= change.start)
    where += fmt::format(" at +{}", format_bytes(change.addr - change.start));
  table.add_row({{at_seconds(change.at_ns, options), Style::dim},
                 {change.split ? "split" : "merge"},
                 {change.cause},
                 {change.locked ? "locked" : ""},
                 {where}});
}

/// "8 MiB locked, MCL_FUTURE in force": what was so before the event; empty when nothing was.
std::string lock_state(const LifeEvent& event) {
  std::string text;
  if (event.locked_bytes.value_or(0) != 0) text = format_bytes(*event.locked_bytes) + " locked";
  if (event.mcl_future) {
    text += fmt::format("{}MCL_FUTURE{} in force", text.empty() ? "" : ", ", event.mcl_onfault ? " | MCL_ONFAULT" : "");
  }
  return text;
}

/// What became of the lock state when memory was copied or replaced.
std::string locked_after(const LifeEvent& event) {
  return event.locked_bytes_after == 0 ? "runs unlocked"
                                       : fmt::format("has {} locked", format_bytes(event.locked_bytes_after));
}

/// `child`: "pid 123", or "613 x sh".
std::string describe(const LifeEvent& event, const std::string& child) {
  const std::string state = lock_state(event);
  const auto if_locked = [&](const std::string& outcome) {
    return state.empty() ? "" : fmt::format(" ({}; {})", state, outcome);
  };
  switch (event.kind) {
    case LifeEvent::Kind::fork: return fmt::format("forked {}", child) + if_locked("the child " + locked_after(event));
    case LifeEvent::Kind::vfork:
      return fmt::format("forked {}, which runs in this address space until it executes", child) +
             if_locked("the locks stay");
    case LifeEvent::Kind::share:
      return fmt::format("cloned {}, which shares this address space", child) + if_locked("the locks are of both");
    case LifeEvent::Kind::exec:
      return fmt::format("executed {}", event.comm) + if_locked("the new program " + locked_after(event));
    case LifeEvent::Kind::exit: return "exited" + (state.empty() ? "" : fmt::format(" ({} until then)", state));
  }
  return "";
}

std::string describe(const LifeEvent& event) { return describe(event, fmt::format("pid {}", event.child_pid)); }

/// Events that are the same but for the child and the time.
struct SameEvents {
  const LifeEvent* first = nullptr;
  std::uint64_t last_ns = 0;
  std::uint64_t count = 0;
};

std::string describe(const SameEvents& events) {
  if (events.count == 1) return describe(*events.first);
  const std::string comm = events.first->child_comm.empty() ? "processes" : "x " + events.first->child_comm;
  std::string text = describe(*events.first, fmt::format("{} {}", format_count(events.count), comm));
  if (events.first->child_pid == 0) text += fmt::format(", {}", plural(events.count, "time"));
  return text;
}

std::vector<SameEvents> same_events(const std::vector<LifeEvent>& life) {
  std::vector<SameEvents> list;
  std::map<std::pair<std::string, std::string>, std::size_t> places;
  for (const LifeEvent& event : life) {
    const auto [place, is_new] = places.try_emplace({describe(event, ""), event.child_comm}, list.size());
    if (is_new) list.push_back({&event, 0, 0});
    SameEvents& same = list[place->second];
    same.last_ns = event.at_ns;
    ++same.count;
  }
  return list;
}

void add_event(Table& table, const SameEvents& events, const TextOptions& options) {
  const std::string until = events.count == 1 ? "" : fmt::format(", until {}", at_seconds(events.last_ns, options));
  table.add_row({{at_seconds(events.first->at_ns, options), Style::dim}, {describe(events) + until}});
}

}  // namespace

void memory(Page& page, const Process& process, const Host& host) {
  if (const std::vector<Fact> failed = failed_facts(process); !failed.empty()) facts(page, failed);
  facts(page, memory_facts(process, host));
}

void vma_changes(Page& page, const Process& process, const TextOptions& options) {
  constexpr std::size_t kAll = 20;
  constexpr std::size_t kFirst = 10;
  constexpr std::size_t kLast = 5;
  const std::vector<VmaChange>& changes = process.vma.changes;
  if (changes.empty()) return;
  using enum Table::Align;
  Table table({{"at (s)", right}, {"VMA"}, {"by"}, {"state"}, {"range", left, true}});
  const bool all = options.verbose || changes.size() <= kAll;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (!all && i == kFirst) {
      i = changes.size() - kLast;
      table.add_note({fmt::format("({} more: -v or --json)", format_count(std::uint64_t{i - kFirst})), Style::dim}, 4);
    }
    add_change(table, changes[i], options);
  }
  page.blank();
  page.table(2, table);
  if (process.vma.changes_not_kept != 0) {
    page.paragraph(2, {fmt::format("{} were counted but not kept one by one.",
                                   plural(process.vma.changes_not_kept, "further change"))});
  }
}

void life(Page& page, const Process& process, const TextOptions& options) {
  constexpr std::size_t kAll = 10;
  constexpr std::size_t kMostSame = 15;
  if (process.life.empty()) return;
  Table table({{"at (s)", Table::Align::right}, {"event", Table::Align::left, true}});
  if (options.verbose || process.life.size() <= kAll) {
    for (const LifeEvent& event : process.life) add_event(table, {&event, event.at_ns, 1}, options);
  } else {
    std::vector<SameEvents> list = same_events(process.life);
    std::uint64_t left_out = 0;
    for (; list.size() > kMostSame; list.pop_back()) left_out += list.back().count;
    for (const SameEvents& events : list) add_event(table, events, options);
    if (left_out != 0) table.add_note({fmt::format("({} more: -v or --json)", format_count(left_out)), Style::dim}, 4);
  }
  page.blank();
  page.table(2, table);
  if (process.life_not_kept != 0) {
    page.paragraph(
        2, {fmt::format("{} of forks, execs and exits {} counted but not kept one by one.",
                        plural(process.life_not_kept, "further event"), process.life_not_kept == 1 ? "was" : "were")});
  }
}

}  // namespace mlt::text
