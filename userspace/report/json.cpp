#include "report/json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string_view>

#include "model/fields.h"
#include "report/json_text.h"
#include "report/latency_json.h"

namespace mlt {
namespace {

using Json = nlohmann::ordered_json;  // keys in the order of the contract

// ---- The table of fields, written

template <typename Codec, typename Value>
Json written(const Value& value);

template <typename Type>
void add_fields(Json& object, const Type& owner) {
  model::for_each_field<Type>([&](const auto& field) {
    using Codec = typename std::decay_t<decltype(field)>::codec;
    if constexpr (std::is_same_v<Codec, model::Inlined>) {
      add_fields(object, field(owner));
    } else {
      // The keys of a table are different ones: no need to look for this one among those before.
      object.get_ref<Json::object_t&>().push_back(
          {std::string(field.key), field.holds(owner) ? written<Codec>(field(owner)) : Json(nullptr)});
    }
  });
}

Json text(std::string_view value) { return value.empty() ? Json(nullptr) : Json(value); }

template <typename Codec, typename Value>
Json written(const Value& value) {
  if constexpr (model::is_optional<Value>) {
    return value ? written<Codec>(*value) : Json(nullptr);
  } else if constexpr (model::is_list<Value>) {
    Json array = Json::array();
    for (const auto& item : value) array.push_back(written<Codec>(item));
    return array;
  } else if constexpr (model::HasFields<Value>) {
    Json object = Json::object();
    add_fields(object, value);
    return object;
  } else if constexpr (std::is_same_v<Value, Histogram>) {
    return latency_json(value);
  } else if constexpr (std::is_same_v<Codec, model::NullIfEmpty>) {
    return text(value);
  } else if constexpr (std::is_same_v<Codec, model::NullIfZero>) {
    return value == 0 ? Json(nullptr) : Json(value);
  } else if constexpr (std::is_same_v<Codec, model::Hexadecimal>) {
    return fmt::format("{:#x}", value);
  } else if constexpr (model::is_word<Codec>) {
    return text(Codec::name_of(value));
  } else {
    return value;
  }
}

Json whole(const Report& report, std::string_view type) {
  Json document = {{"type", type},
                   {"schema_version", kSchemaVersion},
                   {"tool", {{"name", "mlocktrace"}, {"version", report.tool_version}}}};
  add_fields(document, report);
  return document;
}

}  // namespace

std::string to_json(const Report& report, bool pretty) { return json_text(whole(report, "report"), pretty); }

std::string to_json_line(const Report& delta) { return json_text(whole(delta, "interval"), false); }

}  // namespace mlt
