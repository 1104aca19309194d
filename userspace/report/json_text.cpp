#include "report/json_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace mlt {

using Json = nlohmann::ordered_json;

namespace {

std::string dump(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

/// Appends `value`, indented; what fits on a line stays on one, so that a bucket is a line, not five.
void append_pretty(std::string& out, const Json& value, std::size_t indent) {
  constexpr std::size_t kLine = 110;
  constexpr std::size_t kMaxInline = 8;
  const bool flat = !value.is_structured() ||
                    (value.size() <= kMaxInline &&
                     std::none_of(value.begin(), value.end(), [](const Json& item) { return item.is_structured(); }));
  if (flat) {
    std::string line = dump(value);
    if (!value.is_structured() || indent + line.size() <= kLine) {
      out += line;
      return;
    }
  }
  const std::string margin(indent + 2, ' ');
  out += value.is_object() ? '{' : '[';
  const char* separator = "\n";
  for (auto item = value.begin(); item != value.end(); ++item) {
    out += separator + margin;
    if (value.is_object()) out += dump(item.key()) + ": ";
    append_pretty(out, *item, indent + 2);
    separator = ",\n";
  }
  out += '\n' + std::string(indent, ' ') + (value.is_object() ? '}' : ']');
}

}  // namespace

std::string json_text(const Json& value, bool pretty) {
  if (!pretty) return dump(value) + '\n';
  std::string out;
  append_pretty(out, value, 0);
  return out + '\n';
}

}  // namespace mlt
