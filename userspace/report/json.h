// The report as JSON: the contract that share/mlocktrace/report.schema.json describes.
#pragma once

#include <string>

#include "model/report.h"

namespace mlt {

/// Of report and intervals; a new one would be read by nobody who reads this one.
inline constexpr int kSchemaVersion = 1;

/// One object of type "report", ending in a newline. Bytes that are not UTF-8 become U+FFFD.
std::string to_json(const Report& report, bool pretty);

/// What came in one interval: the same object with type "interval", on one line.
std::string to_json_line(const Report& delta);

}  // namespace mlt
