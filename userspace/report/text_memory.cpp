// What became of a process's memory: locked bytes, page moves, VMAs, and its forks and execs.
#include <fmt/format.h>

#include <algorithm>

#include "model/names.h"
#include "report/text_sections.h"
#include "util/units.h"

namespace mlt::text {
namespace {

template <typename Format>
std::string start_end_peak(const Size3& size, Format format) {
  if (!size.start && !size.end && !size.peak) return "n/a";
  if (size.start == size.end && size.end == size.peak) return fmt::format("{} throughout", format(size.start));
  return fmt::format("{} at start, {} at end, peak {}", format(size.start), format(size.end), format(size.peak));
}

std::string limit_of(const Locks& locks) {
  if (locks.exempt) return "no limit (CAP_IPC_LOCK)";
  if (locks.limit_unlimited) return "no limit (RLIMIT_MEMLOCK unlimited)";
  if (!locks.limit_bytes) return "limit n/a";
  std::string text = fmt::format("limit {}", format_bytes(*locks.limit_bytes));
  if (!locks.headroom_bytes) return text;
  if (*locks.headroom_bytes >= 0) {
    return text + fmt::format(" ({} left)", format_bytes(static_cast<std::uint64_t>(*locks.headroom_bytes)));
  }
  return text + fmt::format(" (exceeded by {})", format_bytes(static_cast<std::uint64_t>(-*locks.headroom_bytes)));
}

void add_page_count(std::string& text, const Count& count, std::string_view what, bool even_if_zero) {
  if (count && *count == 0 && !even_if_zero) return;
  text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count_or_na(count), what);
}

std::string page_moves(const Pages& pages) {
  const auto any = [](const Count& count) { return count.has_value(); };
  if (!any(pages.mlocked) && !any(pages.munlocked) && !any(pages.to_unevictable) && !any(pages.rescued)) return "n/a";
  const auto zero = [](const Count& count) { return count.value_or(0) == 0; };
  if (pages.mlocked && zero(pages.mlocked) && zero(pages.munlocked) && zero(pages.to_unevictable) &&
      zero(pages.rescued) && zero(pages.culled_by_reclaim) && zero(pages.still_locked_elsewhere) &&
      zero(pages.locked_not_mlocked)) {
    return "none mlocked or munlocked";
  }
  std::string text;
  add_page_count(text, pages.mlocked, "mlocked", true);
  add_page_count(text, pages.munlocked, "munlocked", true);
  add_page_count(text, pages.to_unevictable, "moved to the unevictable list", true);
  add_page_count(text, pages.rescued, "rescued from it", true);
  add_page_count(text, pages.culled_by_reclaim, "culled by reclaim", false);
  add_page_count(text, pages.still_locked_elsewhere, "still locked elsewhere", false);
  add_page_count(text, pages.locked_not_mlocked, "in locked VMAs but not mlocked", false);
  return text;
}

/// "8 pages by redis (pid 4712), 4 by itself through another mapping, 2 by somebody who was not found"
std::string holders(const Process& process) {
  constexpr std::size_t kShown = 5;
  std::string text;
  for (std::size_t i = 0; i < std::min(process.pages.still_locked_by.size(), kShown); ++i) {
    const Keeper& holder = process.pages.still_locked_by[i];
    text += i == 0 ? plural(holder.pages, "page") : ", " + format_count(holder.pages);
    if (holder.pid == 0) {
      text += " by somebody who was not found";
    } else if (holder.pid == process.pid) {
      text += " by itself through another mapping";
    } else {
      text += fmt::format(" by {} (pid {})", holder.comm, holder.pid);
    }
  }
  const std::size_t more =
      process.pages.still_locked_by.size() - std::min(process.pages.still_locked_by.size(), kShown);
  return more == 0 ? text : text + fmt::format(", others by {} more", format_count(std::uint64_t{more}));
}

std::string populates(const Populate& populate, const Host& host) {
  if (!populate.calls || !populate.pages) return "n/a";
  if (*populate.calls == 0) return "none";
  std::string text = fmt::format("{}, {}", plural(*populate.calls, "populate"), plural(*populate.pages, "page"));
  if (populate.time_ns && *populate.time_ns != 0) {
    text += fmt::format(" in {} ({})", format_duration(*populate.time_ns),
                        format_throughput(*populate.pages * host.page_size, *populate.time_ns));
  }
  return text;
}

std::string vmas(const Vma& vma) {
  std::string text = start_end_peak(vma.count, count_or_na);
  if (vma.max_map_count) text += fmt::format(", limit {}", format_count(*vma.max_map_count));
  const auto changes = [](const Count& count, std::string_view noun) {
    return count ? plural(*count, noun) : fmt::format("{}s n/a", noun);
  };
  return text + fmt::format("; {}, {}", changes(vma.splits, "split"), changes(vma.merges, "merge"));
}

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
  if (event.locked_bytes != 0) text = format_bytes(event.locked_bytes) + " locked";
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

std::string describe(const LifeEvent& event) {
  const std::string state = lock_state(event);
  const auto if_locked = [&](const std::string& outcome) {
    return state.empty() ? "" : fmt::format(" ({}; {})", state, outcome);
  };
  switch (event.kind) {
    case LifeEvent::Kind::fork:
      return fmt::format("forked pid {}", event.child_pid) + if_locked("the child " + locked_after(event));
    case LifeEvent::Kind::vfork:
      return fmt::format("forked pid {}, which runs in this address space until it executes", event.child_pid) +
             if_locked("the locks stay");
    case LifeEvent::Kind::share:
      return fmt::format("cloned pid {}, which shares this address space", event.child_pid) +
             if_locked("the locks are of both");
    case LifeEvent::Kind::exec:
      return fmt::format("executed {}", event.comm) + if_locked("the new program " + locked_after(event));
    case LifeEvent::Kind::exit: return "exited" + (state.empty() ? "" : fmt::format(" ({} until then)", state));
  }
  return "";
}

}  // namespace

void memory(Page& page, const Process& process, const Host& host) {
  const auto fact = [&](const char* label, std::string text) {
    page.labelled(2, {label, Style::bold}, kLabel, {std::move(text)});
  };
  page.blank();
  fact("locked memory", start_end_peak(process.locks.locked_bytes, bytes_or_na) + "; " + limit_of(process.locks));
  fact("pages", page_moves(process.pages));
  if (!process.pages.still_locked_by.empty()) fact("still locked", holders(process));
  fact("populate", populates(process.populate, host));
  fact("VMAs", vmas(process.vma));
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
  if (process.life.empty()) return;
  Table table({{"at (s)", Table::Align::right}, {"event", Table::Align::left, true}});
  for (const LifeEvent& event : process.life) {
    table.add_row({{at_seconds(event.at_ns, options), Style::dim}, {describe(event)}});
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
