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

}  // namespace

void reclaim_and_swap(Page& page, const Process& process) { facts(page, reclaim_facts(process)); }

void system(Page& page, const System& system, const TextOptions& options) {
  const Table changes = vmstat_changes(system, options);
  const Table devices = swap_devices(system);
  const std::vector<std::string> facts = system_facts(system);
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
