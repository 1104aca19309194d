// Reclaim and swap: what they cost a process and what they left alone, and what they did in the whole system.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "report/text_sections.h"
#include "util/units.h"

namespace mlt::text {
namespace {

/// Joins the parts that say something.
std::string joined(std::initializer_list<std::string> parts, std::string_view separator = ", ") {
  std::string text;
  for (const std::string& part : parts) {
    if (!part.empty()) text += (text.empty() ? "" : std::string(separator)) + part;
  }
  return text;
}

bool any(const Count& count) { return count.value_or(0) != 0; }

/// "2,048 rescued"; empty for none and for what was not measured.
std::string some(const Count& count, std::string_view what) {
  return any(count) ? fmt::format("{} {}", format_count(*count), what) : "";
}

std::string some_time(const Count& nanoseconds, std::string_view what) {
  return any(nanoseconds) ? fmt::format("{} {}", format_duration(*nanoseconds), what) : "";
}

// ---- Of a process

std::string stall(const std::optional<ReclaimStall>& stall) {
  if (!stall || stall->calls == 0) return "";
  return fmt::format("waited {}, {} (longest {}), {} reclaimed", plural(stall->calls, "time"),
                     format_duration(stall->time_ns), format_duration(stall->max_ns), plural(stall->reclaimed, "page"));
}

std::string stalled_inside(const Reclaim& reclaim) {
  return joined({some_time(reclaim.in_fault_ns, "of page faults"), some_time(reclaim.in_call_ns, "of lock calls")});
}

std::string spared(const Reclaim& reclaim) {
  const std::string met = joined({some(reclaim.met_locked_active, "times on the active list"),
                                  some(reclaim.met_locked_inactive, "times on the inactive list")});
  return met.empty() ? "" : "reclaim passed locked pages by " + met;
}

std::string swapped_in(const Swap& swap) {
  if (!any(swap.in)) return "";
  const std::string details = joined({some(swap.in_major, "of them had to read"),
                                      some(swap.readahead, "pages read ahead"), some_time(swap.in_ns, "in all")});
  return plural(*swap.in, "fault") + (details.empty() ? "" : ", " + details);
}

std::string swapped_out(const Swap& swap) {
  if (!any(swap.out)) return "";
  const std::string by =
      joined({some(swap.out_by_self, "by the process itself"), some(swap.out_by_kswapd, "by kswapd")});
  return plural(*swap.out, "page") + (by.empty() ? "" : ", " + by);
}

std::string entries(const Swap& swap) {
  const auto in_time = [](const Count& count, std::string_view what, const Count& nanoseconds) {
    const std::string text = some(count, what);
    return text.empty() || !any(nanoseconds) ? text : fmt::format("{} in {}", text, format_duration(*nanoseconds));
  };
  return joined({in_time(swap.duplicated, "copied by fork", swap.duplicate_ns),
                 in_time(swap.freed, "given up by unmapping or exit", swap.free_ns)});
}

// ---- Of the system

bool concerns_locking(std::string_view vmstat_name) {
  static constexpr auto kPrefixes =
      std::to_array<std::string_view>({"unevictable_", "nr_mlock", "nr_unevictable", "pgfault", "pgmajfault", "pswp"});
  return std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [&](std::string_view prefix) { return vmstat_name.starts_with(prefix); });
}

Table vmstat_changes(const System& system, const TextOptions& options) {
  Table table({{"/proc/vmstat"}, {"change", Table::Align::right}});
  for (const auto& [name, change] : system.vmstat) {
    if (change == 0 || !(options.verbose || concerns_locking(name))) continue;
    table.add_row({{name}, {fmt::format("{}{}", change > 0 ? "+" : "", format_count(change))}});
  }
  return table;
}

Table swap_devices(const System& system) {
  using enum Table::Align;
  Table table({{"swap", left, true}, {"type"}, {"size", right}, {"used", right}, {"priority", right}});
  for (const SwapDevice& device : system.swap_devices) {
    table.add_row({{device.name},
                   {device.type},
                   {format_bytes(device.size_bytes)},
                   {format_bytes(device.used_bytes)},
                   {format_count(device.priority)}});
  }
  return table;
}

std::string scanned(std::uint64_t scanned, std::uint64_t reclaimed) {
  return scanned == 0 ? "" : fmt::format("{} scanned, {} reclaimed", plural(scanned, "page"), format_count(reclaimed));
}

std::string reclaimers(const SystemReclaim& reclaim) {
  const std::string woken =
      any(reclaim.kswapd_wakeups) ? fmt::format("woken {}", plural(*reclaim.kswapd_wakeups, "time")) : "";
  const std::string kswapd = joined({woken, scanned(reclaim.kswapd_scanned, reclaim.kswapd_reclaimed)});
  const std::string direct = scanned(reclaim.direct_scanned, reclaim.direct_reclaimed);
  return joined({kswapd.empty() ? "" : "kswapd: " + kswapd, direct.empty() ? "" : "direct reclaim: " + direct}, "; ");
}

std::string readahead(const System& system) {
  if (!system.swap_readahead || system.swap_readahead->pages == 0) return "";
  return fmt::format("swap readahead of all processes: {}, {}", plural(system.swap_readahead->pages, "page"),
                     plural(system.swap_readahead->hits, "hit"));
}

std::string unevictable(const System& system) {
  const auto moved = [](const Count& pages, std::string_view whose) {
    return any(pages) ? fmt::format("{} {}", plural(*pages, "page"), whose) : "";
  };
  const std::string text = joined(
      {moved(system.other_unevictable_pages, "of processes that were not traced"),
       moved(system.unevictable_without_mlock, "of whatever process without mlock (ramfs, SHM_LOCK, secretmem)")});
  return text.empty() ? "" : "moved to the unevictable list: " + text;
}

std::string memory_high(const MemoryHighLimit& limit) {
  if (limit.exceeded == 0) return "";
  const std::string waited =
      any(limit.stalled_ns) ? fmt::format("; some process waited {}", format_duration(*limit.stalled_ns)) : "";
  return fmt::format("memory.high of {}, {}, was exceeded {}{}", limit.cgroup, format_bytes(limit.limit_bytes),
                     plural(limit.exceeded, "time"), waited);
}

}  // namespace

void reclaim_and_swap(Page& page, const Process& process) {
  const Reclaim reclaim = process.reclaim.value_or(Reclaim{});
  const Swap swap = process.swap.value_or(Swap{});
  const std::array<std::pair<const char*, std::string>, 7> facts{{{"direct reclaim", stall(reclaim.direct)},
                                                                  {"memcg reclaim", stall(reclaim.memcg)},
                                                                  {"reclaim inside", stalled_inside(reclaim)},
                                                                  {"spared", spared(reclaim)},
                                                                  {"swap in", swapped_in(swap)},
                                                                  {"swap out", swapped_out(swap)},
                                                                  {"swap entries", entries(swap)}}};
  page.blank();
  for (const auto& [label, text] : facts) {
    if (!text.empty()) page.labelled(2, {label, Style::bold}, kLabel, {text});
  }
}

void system(Page& page, const System& system, const TextOptions& options) {
  const Table changes = vmstat_changes(system, options);
  const Table devices = swap_devices(system);
  std::vector<std::string> facts{unevictable(system), system.reclaim ? reclaimers(*system.reclaim) : "",
                                 readahead(system)};
  std::ranges::transform(system.memory_high, std::back_inserter(facts), memory_high);
  std::erase(facts, "");
  if (changes.empty() && devices.empty() && facts.empty()) return;
  page.blank();
  page.line(0, {{"SYSTEM", Style::bold}});
  page.table(2, changes);
  for (const std::string& fact : facts) page.paragraph(2, {fact}, 2);
  if (devices.empty()) return;
  page.blank();
  page.table(2, devices);
}

}  // namespace mlt::text
