// The report as tables of CSV (RFC 4180), one file a table, for spreadsheets and scripts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/timeline.h"

namespace mlt {

/// Quoted where it has to be; a quote inside is doubled. Otherwise as it is, control characters and all.
std::string csv_field(std::string_view text);

struct CsvTable {
  std::string name;  // "lock-calls"
  std::string text;  // the whole file, its first line the names of the columns
};

/// Everything that is in the report. What was not measured is an empty field.
std::vector<CsvTable> to_csv(const Report& report);

/// timeline.csv, a line a point, and maps.csv, a line a mapping.
std::string csv_timeline_header();
std::string csv_timeline_line(const TimelinePoint& point);
CsvTable to_csv(const std::vector<AddressSpace>& spaces);

}  // namespace mlt
