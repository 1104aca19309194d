// The tables and views of a recording, as SQL with comments: each file carries it, and docs/recording-format.md shows
// it.
#pragma once

#include <cstdint>
#include <string>

namespace mlt {

/// "MLTR", in the header of the file: this is a recording of mlocktrace.
constexpr std::uint32_t kApplicationId = 0x4d4c5452;
/// Raised when an older mlocktrace would misread the file; new tables, columns and views do not raise it.
constexpr std::uint32_t kFormatVersion = 1;

std::string schema_sql();

}  // namespace mlt
