// JSON as text.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace mlt {

/// Ends in a newline. `pretty`: indented, and what is short stands on one line. Bytes that are not UTF-8 become U+FFFD.
std::string json_text(const nlohmann::ordered_json& value, bool pretty);

}  // namespace mlt
