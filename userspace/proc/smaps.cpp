#include "proc/smaps.h"

#include <algorithm>
#include <string>
#include <utility>

#include "proc/maps_file.h"
#include "proc/process_files.h"
#include "proc/text_file.h"

namespace mlt {

namespace {

MapsEntry entry_of(MapsLine line) {
  MapsEntry entry;
  entry.start = line.start;
  entry.end = line.end;
  entry.permissions = std::move(line.permissions);
  entry.offset = line.offset;
  entry.name = std::move(line.name);
  return entry;
}

void parse_field(std::string_view line, MapsEntry& entry) {
  const auto words = split_words(line);
  if (words.size() < 2) return;
  if (words[0] == "VmFlags:") {
    entry.locked = std::ranges::find(words, "lo") != words.end();
    return;
  }
  std::uint64_t* field = words[0] == "Rss:"      ? &entry.resident_bytes
                         : words[0] == "Locked:" ? &entry.locked_bytes
                         : words[0] == "Swap:"   ? &entry.swapped_bytes
                                                 : nullptr;
  if (field != nullptr) *field = parse_number(words[1]).value_or(0) * 1024;
}

}  // namespace

std::vector<MapsEntry> parse_smaps(std::string_view text) {
  std::vector<MapsEntry> entries;
  for (const std::string_view line : split_lines(text)) {
    if (auto head = parse_maps_line(line)) {
      entries.push_back(entry_of(std::move(*head)));
    } else if (!entries.empty()) {
      parse_field(line, entries.back());
    }
  }
  return entries;
}

std::vector<MapsEntry> read_smaps(std::uint32_t pid) {
  const auto text = read_text_file("/proc/" + std::to_string(pid) + "/smaps");
  return text ? parse_smaps(*text) : std::vector<MapsEntry>{};
}

LockedResident locked_resident(const std::vector<MapsEntry>& mappings) {
  LockedResident sum;
  for (const MapsEntry& entry : mappings) {
    if (!entry.locked) continue;
    sum.resident += entry.resident_bytes;
    sum.locked += entry.locked_bytes;
  }
  return sum;
}

std::optional<LockedResident> read_locked_resident(std::uint32_t pid) {
  const auto locked = read_memory_levels(pid).locked_bytes;
  if (!locked) return std::nullopt;
  return *locked == 0 ? LockedResident{} : locked_resident(read_smaps(pid));
}

}  // namespace mlt
