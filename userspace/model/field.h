// What a figure is called, what it means and how it stands in a file: one line for each member of the report's types.
//
// The lines of a type are a tuple, `Fields<Type>::list`, in the order in which they are written. JSON, its reader, its
// schema, CSV and the views of a recording visit it; none of them spells out a member.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace mlt::model {

/// Specialized for each type of the report: `static constexpr auto list = std::tuple{field(…), …};`
template <typename Type>
struct Fields;

template <typename Type>
concept HasFields = requires {
  Fields<Type>::list;
};

// How a value is written, where its type does not say it.
struct Plain {};        // a number, true or false, text, an object, a list; null where it is empty
struct NullIfEmpty {};  // text
struct NullIfZero {};   // an id that is not known
struct Hexadecimal {};  // "0x7f0012345678"
struct Inlined {};      // the fields of the value stand among those of its owner
/// One of the first `Count` values of an enum, by its name; null where that is empty.
template <auto NameOf, std::size_t Count>
struct Word {
  static constexpr auto name_of = NameOf;
  static constexpr std::size_t count = Count;
};

template <typename Codec>
inline constexpr bool is_word = false;
template <auto NameOf, std::size_t Count>
inline constexpr bool is_word<Word<NameOf, Count>> = true;

template <typename>
inline constexpr bool is_optional = false;
template <typename Value>
inline constexpr bool is_optional<std::optional<Value>> = true;
template <typename>
inline constexpr bool is_list = false;
template <typename Value>
inline constexpr bool is_list<std::vector<Value>> = true;

enum class Unit { none, pages, bytes, nanoseconds, address };

struct Always {
  template <typename Owner>
  constexpr bool operator()(const Owner& /*owner*/) const {
    return true;
  }
};

/// `Get`: a pointer to the member, or a function of a reference to the owner. One that returns a reference is read,
/// too; one that returns a value is *derived*: it follows from other members.
template <typename Codec, typename Get, typename Holds = Always>
struct Field {
  using codec = Codec;
  std::string_view key;
  Get get;
  std::string_view meaning = {};  // a sentence, or empty: the key says it
  Holds holds = {};               // null where it does not hold of the owner
  Unit unit_of = Unit::none;
  std::string_view first_version = {};  // of mlocktrace that wrote it; empty: the first of all
  bool has_table = false;               // of its own, and so is no part of its owner's row (see tables.h)
  bool is_compared = false;             // as it is, by `diff`
  std::string_view matches = {};        // a regular expression that the text fits; empty: any

  template <typename Owner>
  constexpr decltype(auto) operator()(Owner& owner) const {
    return std::invoke(get, owner);
  }
  template <typename Owner>
  static constexpr bool is_derived = !std::is_lvalue_reference_v<std::invoke_result_t<Get, Owner&>>;

  [[nodiscard]] constexpr Field unit(Unit unit) const { return with(&Field::unit_of, unit); }
  /// What an older mlocktrace wrote has no such key, and is read as null.
  [[nodiscard]] constexpr Field since(std::string_view first) const { return with(&Field::first_version, first); }
  [[nodiscard]] constexpr Field table() const { return with(&Field::has_table, true); }
  /// What no rate or size tells, such as how a process ended: how many processes have which value.
  [[nodiscard]] constexpr Field compared() const { return with(&Field::is_compared, true); }
  [[nodiscard]] constexpr Field pattern(std::string_view expression) const { return with(&Field::matches, expression); }
  template <typename Condition>
  [[nodiscard]] constexpr Field<Codec, Get, Condition> where(Condition condition) const {
    return {key, get, meaning, condition, unit_of, first_version, has_table, is_compared, matches};
  }

 private:
  template <typename Value>
  [[nodiscard]] constexpr Field with(Value Field::*line, Value value) const {
    Field field = *this;
    field.*line = value;
    return field;
  }
};

template <typename Codec = Plain, typename Get>
constexpr Field<Codec, Get> field(std::string_view key, Get get, std::string_view meaning = {}) {
  return {key, get, meaning};
}
template <typename Get>
constexpr Field<Inlined, Get> inlined(Get get) {
  return {{}, get};
}

/// The member of a member, by reference: `of<&Process::faults, &Faults::stacks>`.
template <auto Outer, auto Inner>
constexpr auto of = [](auto& owner) -> auto& {
  return owner.*Outer.*Inner;
};

/// Calls `visit(field)` for each line of the type's table.
template <typename Type, typename Visit>
constexpr void for_each_field(Visit visit) {
  std::apply([&](const auto&... fields) { (visit(fields), ...); }, Fields<Type>::list);
}

}  // namespace mlt::model
