#include "report/read_json.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

#include "model/fields.h"
#include "report/json.h"

namespace mlt {
namespace {

using Json = nlohmann::json;

/// One value of the document and the way to it. The first thing that is wrong is kept; reading goes on with nothing, so
/// that what reads needs no branches.
class Node {
 public:
  Node(const Json& json, std::string& problem) : json_(&json), problem_(&problem) {}

  [[nodiscard]] Node at(const char* key) const {
    if (!json_->is_object()) {
      if (!json_->is_null()) complain("is not an object");
      return {kNull, this, key, 0};
    }
    const auto found = json_->find(key);
    return {found == json_->end() ? kNull : *found, this, key, 0};
  }

  [[nodiscard]] bool is_null() const { return json_->is_null(); }

  template <typename Integer = std::uint64_t>
  [[nodiscard]] Integer number() const {
    const auto in_range = [](auto value) { return std::in_range<Integer>(value); };
    if (json_->is_number_unsigned() && in_range(json_->get<std::uint64_t>())) return json_->get<Integer>();
    if (json_->is_number_integer() && !json_->is_number_unsigned() && in_range(json_->get<std::int64_t>()))
      return json_->get<Integer>();
    return complain(json_->is_number_integer() ? "is out of range" : "is not a whole number"), Integer{};
  }

  /// 0 for null: an id that is not known.
  [[nodiscard]] std::uint32_t identifier() const { return is_null() ? 0 : number<std::uint32_t>(); }

  template <typename Integer = std::uint64_t>
  [[nodiscard]] std::optional<Integer> optional() const {
    return is_null() ? std::nullopt : std::optional(number<Integer>());
  }

  /// "0x7f0012345678"
  [[nodiscard]] std::uint64_t address() const {
    const std::string digits = required_text();
    std::uint64_t value = 0;
    const char* end = digits.data() + digits.size();
    if (!digits.starts_with("0x") || std::from_chars(digits.data() + 2, end, value, 16).ptr != end)
      complain("is not a hexadecimal address");
    return value;
  }

  [[nodiscard]] bool boolean() const {
    if (json_->is_boolean()) return json_->get<bool>();
    return complain("is not true or false"), false;
  }

  /// Empty for null.
  [[nodiscard]] std::string text() const {
    if (is_null()) return {};
    return required_text();
  }

  [[nodiscard]] std::string required_text() const {
    if (const auto* value = json_->get_ptr<const std::string*>()) return *value;
    return complain("is not a string"), std::string{};
  }

  /// The value below `end` that `name_of` gives this name; null has the empty name.
  template <typename Enum>
  [[nodiscard]] Enum word(std::string_view (*name_of)(Enum), std::size_t end) const {
    const std::string name = text();
    for (std::size_t i = 0; i < end; ++i) {
      if (name_of(static_cast<Enum>(i)) == name) return static_cast<Enum>(i);
    }
    return complain(is_null() ? "is missing" : fmt::format("is none of the words that may stand here: '{}'", name)),
           Enum{};
  }

  template <typename Function>
  auto list(Function read) const {
    std::vector<decltype(read(*this))> items;
    if (!json_->is_array()) return complain("is not a list"), items;
    items.reserve(json_->size());
    for (std::size_t i = 0; i < json_->size(); ++i) items.push_back(read(Node{(*json_)[i], this, nullptr, i}));
    return items;
  }

  [[nodiscard]] std::map<std::string, std::int64_t> numbers_by_name() const {
    std::map<std::string, std::int64_t> values;
    if (!json_->is_object()) return complain("is not an object"), values;
    for (const auto& [key, value] : json_->items())
      values[key] = Node{value, this, key.c_str(), 0}.number<std::int64_t>();
    return values;
  }

  void complain(std::string_view what) const {
    if (!problem_->empty()) return;
    const std::string place = path();
    *problem_ = fmt::format("{} {}", place.empty() ? "the document" : place, json_ == &kNull ? "is missing" : what);
  }

 private:
  Node(const Json& json, const Node* parent, const char* key, std::size_t index)
      : json_(&json), parent_(parent), key_(key), index_(index), problem_(parent->problem_) {}

  [[nodiscard]] std::string path() const {
    if (parent_ == nullptr) return {};
    std::string before = parent_->path();
    if (key_ == nullptr) return before + fmt::format("[{}]", index_);
    return before.empty() ? key_ : before + "." + key_;
  }

  static const Json kNull;
  const Json* json_;
  const Node* parent_ = nullptr;
  const char* key_ = nullptr;  // in an object; else `index_`
  std::size_t index_ = 0;
  std::string* problem_;
};

const Json Node::kNull;

// ---- Latency

Histogram latency(const Node& node) {
  std::array<__u64, MLT_HIST_BUCKETS> buckets{};
  std::uint64_t counted = 0;
  if (node.at("unit").required_text() != "ns") node.at("unit").complain("is not ns");
  node.at("buckets").list([&](const Node& bucket) {
    const auto triple = bucket.list([](const Node& value) { return value.number(); });
    if (triple.size() != 3) return bucket.complain("is not [from, to, count]"), 0;
    const std::size_t index = bucket_index(triple[0]);
    const BucketRange range = bucket_range(index);
    if (range.lo != triple[0] || range.hi != triple[1]) return bucket.complain("is no bucket of this layout"), 0;
    buckets[index] += triple[2];
    counted += triple[2];
    return 0;
  });
  Histogram histogram;
  const auto count = node.at("count").number();
  if (count != counted) node.at("buckets").complain(fmt::format("hold {}, not {}", counted, count));
  histogram.merge(count, node.at("sum").number(), node.at("min").optional().value_or(0),
                  node.at("max").optional().value_or(0), buckets);
  return histogram;
}

// ---- The table of fields, read

template <typename Codec, typename Value>
void read(const Node& node, Value& value);

// What a table does not hold, as it follows from what was read.
mlt_call call_kind(const std::string& name) {
  for (std::size_t i = 0; i < MLT_CALL_NR; ++i) {
    if (call_name(static_cast<mlt_call>(i)) == name) return static_cast<mlt_call>(i);
  }
  return MLT_CALL_OTHER;
}
template <typename Type>
void complete(Type& /*value*/) {}
void complete(LockCall& call) { call.call = call_kind(call.name); }
void complete(CallTotals& totals) { totals.call = call_kind(totals.name); }
void complete(ProcessGroup& group) { group.sum.comm = group.comm; }
void complete(HolderWaits& holder) { holder.call = holder.name.empty() ? MLT_CALL_NONE : call_kind(holder.name); }

template <typename Owner>
void read_fields(const Node& node, Owner& owner) {
  model::for_each_field<Owner>([&](const auto& field) {
    using Line = std::decay_t<decltype(field)>;
    using Codec = typename Line::codec;
    if constexpr (std::is_same_v<Codec, model::Inlined>) {
      read_fields(node, field(owner));
    } else if constexpr (!Line::template is_derived<Owner>) {
      const Node one = node.at(field.key.data());
      // It need not hold, or the document is of a time when there was no such field.
      const bool may_be_null = !std::is_same_v<decltype(field.holds), model::Always> || !field.first_version.empty();
      if (one.is_null() && may_be_null) return;
      read<Codec>(one, field(owner));
    }
  });
  complete(owner);
}

template <typename Codec, typename Value>
void read(const Node& node, Value& value) {
  if constexpr (model::is_optional<Value>) {
    if (!node.is_null()) read<Codec>(node, value.emplace());
  } else if constexpr (model::is_list<Value>) {
    value = node.list([&](const Node& item) {
      typename Value::value_type one{};
      read<Codec>(item, one);
      return one;
    });
  } else if constexpr (model::HasFields<Value>) {
    read_fields(node, value);
  } else if constexpr (std::is_same_v<Value, Histogram>) {
    value = latency(node);
  } else if constexpr (std::is_same_v<Value, std::map<std::string, std::int64_t>>) {
    value = node.numbers_by_name();
  } else if constexpr (model::is_word<Codec>) {
    value = node.word<Value>(Codec::name_of, Codec::count);
  } else if constexpr (std::is_same_v<Codec, model::Hexadecimal>) {
    value = node.address();
  } else if constexpr (std::is_same_v<Codec, model::NullIfZero>) {
    value = node.identifier();
  } else if constexpr (std::is_same_v<Codec, model::NullIfEmpty>) {
    value = node.text();
  } else if constexpr (std::is_same_v<Value, std::string>) {
    value = node.required_text();
  } else if constexpr (std::is_same_v<Value, bool>) {
    value = node.boolean();
  } else {
    value = node.number<Value>();
  }
}

/// Whether the document says that it is what is read here.
void check_kind(const Node& node) {
  if (node.at("type").required_text() != "report") return node.at("type").complain("is not 'report'");
  const auto version = node.at("schema_version").number<int>();
  if (version != kSchemaVersion)
    node.at("schema_version").complain(fmt::format("is {}; this mlocktrace reads {}", version, kSchemaVersion));
}

}  // namespace

Result<Report> read_json(std::string_view text) {
  Json document;
  try {
    document = Json::parse(text);
  } catch (const Json::exception& error) {
    return fail(fmt::format("not JSON: {}", error.what()));
  }
  std::string problem;
  const Node root(document, problem);
  check_kind(root);
  if (!problem.empty()) return fail("not a report of mlocktrace: " + problem);
  Report result;
  result.tool_version = root.at("tool").at("version").required_text();
  read_fields(root, result);
  if (!problem.empty()) return fail("a damaged report: " + problem);
  return result;
}

}  // namespace mlt
