// The calls of the lock family and the mapping calls that locking concerns.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "model/names.h"
#include "report/text_sections.h"
#include "util/units.h"

namespace mlt::text {
namespace {

/// With more calls than kAll: the first and the last ones, and the slowest of all.
constexpr std::size_t kAll = 20;
constexpr std::size_t kFirst = 10;
constexpr std::size_t kLast = 5;
constexpr std::size_t kSlowest = 5;

std::set<std::size_t> shown_calls(const std::vector<LockCall>& calls, bool all) {
  std::vector<std::size_t> order(calls.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  if (all || calls.size() <= kAll) return {order.begin(), order.end()};
  std::set<std::size_t> shown(order.begin(), order.begin() + kFirst);
  shown.insert(order.end() - kLast, order.end());
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return calls[a].duration_ns > calls[b].duration_ns; });
  shown.insert(order.begin(), order.begin() + kSlowest);
  return shown;
}

std::string count_or_blank(std::uint64_t count) { return count == 0 ? "" : format_count(count); }

/// Bytes per nanosecond are gigabytes per second.
std::string gigabytes_per_second(const LockCall& call, const Host& host) {
  const std::uint64_t time_ns = call.populate_ns != 0 ? call.populate_ns : call.duration_ns;
  if (call.pages_populated == 0 || time_ns == 0) return "";
  return format_number(static_cast<double>(call.pages_populated * host.page_size) / static_cast<double>(time_ns));
}

/// "+2 -1": each split makes a VMA more, each merge one less.
std::string vma_changes_of(const LockCall& call) {
  std::string text = call.vma_splits == 0 ? "" : fmt::format("+{}", call.vma_splits);
  if (call.vma_merges != 0) text += fmt::format("{}-{}", text.empty() ? "" : " ", call.vma_merges);
  return text;
}

/// "new memory 9.1 ms, mmap_lock 480 us, other 210 us": of a call that took long, where that can be told.
std::string parts_of(const LockCall& call) {
  constexpr std::uint64_t kLongNs = 1'000'000;
  if (call.duration_ns < kLongNs) return "";
  const CallParts& parts = call.parts;
  const std::pair<std::string_view, Count> named[] = {{"new memory", parts.memory_ns},
                                                      {"files", parts.file_ns},
                                                      {"swap", parts.swap_in_ns},
                                                      {"reclaim", parts.reclaim_ns},
                                                      {"waiting for mmap_lock", parts.lock_wait_ns},
                                                      {"not running", parts.off_cpu_ns}};
  // A hundredth explains nothing.
  const std::uint64_t least = call.duration_ns / 100;
  std::string text;
  for (const auto& [name, time_ns] : named) {
    if (time_ns.value_or(0) > least) text += (text.empty() ? "" : ", ") + named_time(name, *time_ns);
  }
  if (!text.empty() && parts.other_ns > least) text += ", " + named_time("other", parts.other_ns);
  return text;
}

void add_call(Table& table, const LockCall& call, const Host& host, bool several_threads, const TextOptions& options) {
  const bool failed = is_error(call.ret);
  table.add_row({{at_seconds(call.start_ns, options), Style::dim},
                 {several_threads && call.tid != 0 ? fmt::format("{}", call.tid) : ""},
                 {fmt::format("{}({})", call.name, call.args)},
                 {failed ? errno_name(call.ret) : "ok", failed ? Style::red : Style::green},
                 {format_duration(call.duration_ns)},
                 {count_or_blank(call.pages_populated)},
                 {gigabytes_per_second(call, host)},
                 {vma_changes_of(call)}});
  if (!call.explain.empty()) table.add_note({call.explain, failed ? Style::yellow : Style::dim}, 4);
  if (const std::string parts = parts_of(call); !parts.empty()) table.add_note({parts, Style::dim}, 4);
}

std::string title_of(const Locks& locks) {
  const auto of_list = static_cast<std::uint64_t>(
      std::count_if(locks.calls.begin(), locks.calls.end(), [](const LockCall& call) { return is_error(call.ret); }));
  std::uint64_t counted = 0;
  for (const CallTotals& totals : locks.totals) {
    for (const auto& [error, calls] : totals.errors_by_errno) counted += calls;
  }
  const std::uint64_t failed = std::max(of_list, counted);
  std::string title = plural(locks.calls.size() + locks.calls_not_kept, "lock call");
  if (failed != 0) {
    title += fmt::format(", {} failed", format_count(failed));
  }
  return title;
}

void calls_one_by_one(Page& page, const Locks& locks, const Host& host, const TextOptions& options) {
  using enum Table::Align;
  Table table({{"at (s)", right},
               {"thread", right},
               {"call", left, true},
               {"result"},
               {"took", right},
               {"pages", right},
               {"GB/s", right},
               {"VMAs", right}});
  const bool several_threads = std::any_of(locks.calls.begin(), locks.calls.end(),
                                           [&](const LockCall& call) { return call.tid != locks.calls.front().tid; });
  std::size_t next = 0;
  const auto note_gap = [&](std::size_t until) {
    if (until <= next) return;
    table.add_note({fmt::format("({} more: -v or --json)", format_count(std::uint64_t{until - next})), Style::dim}, 4);
  };
  for (const std::size_t index : shown_calls(locks.calls, options.verbose)) {
    note_gap(index);
    add_call(table, locks.calls[index], host, several_threads, options);
    next = index + 1;
  }
  page.blank();
  page.line(2, {{title_of(locks), Style::bold}});
  page.table(2, table);
  if (locks.calls_not_kept != 0) {
    page.paragraph(2, {fmt::format("{} were not kept one by one; the totals below contain them.",
                                   plural(locks.calls_not_kept, "further call"))});
  }
}

void totals(Page& page, const Locks& locks) {
  using enum Table::Align;
  Table table({{"all calls"},
               {"calls", right},
               {"failed", right},
               {"time", right},
               {"pages", right},
               {"in populate", right},
               {"split", right},
               {"merge", right}});
  for (const CallTotals& call : locks.totals) {
    table.add_row({{call.name},
                   {format_count(call.calls)},
                   {count_or_blank(call.errors), Style::red},
                   {format_duration(call.time_ns)},
                   {count_or_blank(call.pages_populated)},
                   {call.populates == 0 ? "" : format_duration(call.populate_ns)},
                   {count_or_blank(call.vma_splits)},
                   {count_or_blank(call.vma_merges)}});
  }
  page.blank();
  page.table(2, table);
}

}  // namespace

void lock_calls(Page& page, const Process& process, const Host& host, const TextOptions& options) {
  if (!process.locks.calls.empty()) calls_one_by_one(page, process.locks, host, options);
  if (!process.locks.totals.empty()) totals(page, process.locks);
  facts(page, mmap_lock_facts(process.locks));
}

}  // namespace mlt::text
