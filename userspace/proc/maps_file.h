// /proc/PID/maps: what is mapped where.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mlt {

struct MapsLine {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::string permissions;   // "r-xp"
  std::uint64_t offset = 0;  // in the file
  std::uint64_t inode = 0;   // 0: no file
  std::string name;          // path, "[heap]", …; empty: anonymous memory
  bool operator==(const MapsLine&) const = default;
};

/// Empty when it is no such line.
std::optional<MapsLine> parse_maps_line(std::string_view line);
std::vector<MapsLine> parse_maps(std::string_view text);

/// Empty when the process is gone, or may not be looked at.
std::vector<MapsLine> read_maps(std::uint32_t pid);

/// Adds to `known` what has a name and is not there yet.
void remember_maps(std::vector<MapsLine>& known, const std::vector<MapsLine>& now);

}  // namespace mlt
