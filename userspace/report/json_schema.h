// The JSON Schema of a report, made of the table of fields.
#pragma once

#include <string>

namespace mlt {

/// Draft 2020-12, indented, ending in a newline: docs/report.schema.json, which is installed in share/mlocktrace.
std::string json_schema();

}  // namespace mlt
