#include "report/json_schema.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "model/fields.h"
#include "report/json.h"
#include "report/json_text.h"

namespace mlt {
namespace {

using Json = nlohmann::ordered_json;

Json definition(std::string_view name) { return {{"$ref", "#/$defs/" + std::string(name)}}; }
Json described(Json schema, std::string_view meaning) {
  if (!meaning.empty()) schema["description"] = meaning;
  return schema;
}
Json or_null(const Json& schema) { return {{"oneOf", Json::array({{{"type", "null"}}, schema})}}; }

/// The words of an enum; null among them where one has no name.
template <typename Codec, typename Enum>
Json words() {
  Json list = Json::array();
  bool null = false;
  for (std::size_t i = 0; i < Codec::count; ++i) {
    const std::string_view name = Codec::name_of(static_cast<Enum>(i));
    null |= name.empty();
    if (!name.empty()) list.push_back(name);
  }
  if (null) list.push_back(nullptr);
  return {{"enum", list}};
}

/// Makes the schema of one type after another; those of the types that they hold are among `definitions`.
class Definitions {
 public:
  template <typename Codec, typename Value>
  Json of_value() {
    if constexpr (model::is_optional<Value>) {
      using Inner = typename Value::value_type;
      if constexpr (std::is_same_v<Inner, std::uint64_t>) return definition("count_or_null");
      return or_null(of_value<Codec, Inner>());
    } else if constexpr (model::is_list<Value>) {
      return {{"type", "array"}, {"items", of_value<Codec, typename Value::value_type>()}};
    } else if constexpr (model::HasFields<Value>) {
      const std::string name(model::Fields<Value>::name);
      if (!all_.contains(name)) {
        all_[name] = nullptr;  // its place
        all_[name] = of_type<Value>();
      }
      return definition(name);
    } else if constexpr (std::is_same_v<Value, Histogram>) {
      return definition("latency");
    } else if constexpr (model::is_word<Codec>) {
      return words<Codec, Value>();
    } else if constexpr (std::is_same_v<Codec, model::Hexadecimal>) {
      return {{"type", "string"}, {"pattern", "^0x[0-9a-f]+$"}};
    } else if constexpr (std::is_same_v<Codec, model::NullIfZero>) {
      return definition("id_or_null");
    } else if constexpr (std::is_same_v<Codec, model::NullIfEmpty>) {
      return definition("string_or_null");
    } else if constexpr (std::is_same_v<Value, std::map<std::string, std::int64_t>>) {
      return {{"type", "object"}, {"additionalProperties", {{"type", "integer"}}}};
    } else if constexpr (std::is_same_v<Value, bool>) {
      return {{"type", "boolean"}};
    } else if constexpr (std::is_convertible_v<Value, std::string_view>) {
      return {{"type", "string"}};
    } else if constexpr (std::is_signed_v<Value>) {
      return {{"type", "integer"}};
    } else {
      return definition("count");
    }
  }

  /// Adds the fields of a type to an object's.
  template <typename Type>
  void add_fields(Json& properties) {
    model::for_each_field<Type>([&](const auto& field) {
      using Line = std::decay_t<decltype(field)>;
      using Codec = typename Line::codec;
      using Value = std::remove_cvref_t<decltype(field(std::declval<Type&>()))>;
      if constexpr (std::is_same_v<Codec, model::Inlined>) {
        add_fields<Value>(properties);
      } else {
        constexpr bool always = std::is_same_v<std::remove_cvref_t<decltype(field.holds)>, model::Always>;
        Json schema = of_value<Codec, Value>();
        if (!field.matches.empty()) schema["pattern"] = field.matches;
        properties[std::string(field.key)] = described(always ? schema : or_null(schema), field.meaning);
      }
    });
  }

  template <typename Type>
  Json of_type() {
    Json properties = Json::object();
    add_fields<Type>(properties);
    Json schema = object(properties);
    if constexpr (requires { model::Fields<Type>::meaning; }) schema["description"] = model::Fields<Type>::meaning;
    return schema;
  }

  static Json object(const Json& properties) {
    Json required = Json::array();
    for (const auto& [key, schema] : properties.items()) required.push_back(key);
    return {{"type", "object"}, {"properties", properties}, {"required", required}, {"additionalProperties", false}};
  }

  Json& all() { return all_; }

 private:
  Json all_ = Json::object();
};

Json simple_definitions() {
  const Json quantile = definition("count_or_null");
  const Json bucket = {{"type", "array"}, {"items", definition("count")}, {"minItems", 3}, {"maxItems", 3}};
  Json latency = Definitions::object(
      {{"unit", {{"const", "ns"}}},
       {"count", definition("count")},
       {"sum", definition("count")},
       {"min", quantile},
       {"max", quantile},
       {"p50", quantile},
       {"p90", quantile},
       {"p99", quantile},
       {"p999", quantile},
       {"buckets", described({{"type", "array"}, {"items", bucket}},
                             "[lo, hi, count] with lo <= value < hi; empty buckets are left out.")}});
  return {
      {"count", {{"type", "integer"}, {"minimum", 0}}},
      {"count_or_null", described({{"type", Json::array({"integer", "null"})}, {"minimum", 0}},
                                  "null: could not be measured; coverage says why.")},
      {"string_or_null", described({{"type", Json::array({"string", "null"})}}, "null: unknown, or nothing to say.")},
      {"id_or_null", {{"type", Json::array({"integer", "null"})}, {"minimum", 1}}},
      {"latency", described(latency,
                            "A latency histogram; quantiles are off by 1/16 at most. min, max and "
                            "quantiles are null when count is 0.")}};
}

}  // namespace

std::string json_schema() {
  Definitions definitions;
  definitions.all() = simple_definitions();
  Json properties = {
      {"type", described({{"enum", Json::array({"report", "interval"})}},
                         "report: the whole trace; interval: what came in window, one object a line.")},
      {"schema_version", {{"const", kSchemaVersion}}},
      {"tool", Definitions::object({{"name", {{"const", "mlocktrace"}}}, {"version", {{"type", "string"}}}})}};
  definitions.add_fields<Report>(properties);
  Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                 {"title", fmt::format("mlocktrace report, schema_version {}", kSchemaVersion)},
                 {"description",
                  "Durations are nanoseconds, pages are base pages, sizes are bytes. What could not be measured is "
                  "null."}};
  schema.update(Definitions::object(properties));
  schema["$defs"] = definitions.all();
  return json_text(schema, true);
}

}  // namespace mlt
