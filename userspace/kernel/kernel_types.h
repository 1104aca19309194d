// The running kernel's types (BTF), gone through once: which functions there are, and a small extract of them for
// libbpf, which would otherwise read all of them again for each object, and search all of them for each type that a
// program relocates: three quarters of what a start cost. Not by libbpf's own reader: that takes twice as long.
#pragma once

#include <algorithm>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "util/fd.h"
#include "util/result.h"

struct btf;
struct btf_type;

namespace mlt {

/// A set of names that tells of most others by their first eight letters that it doesn't hold them: a kernel has a
/// hundred thousand.
class NameSet {
 public:
  void insert(std::string_view name) {
    if (!name.empty() && names_.insert(name).second) met_.set(glance(beginning(name)));
  }
  [[nodiscard]] bool contains(std::string_view name) const { return names_.contains(name); }
  /// The same of a name that ends with a zero, with at least seven bytes more behind it.
  [[nodiscard]] bool contains_padded(const char* name) const {
    std::uint64_t letters = 0;
    std::memcpy(&letters, name, sizeof(letters));
    return met_.test(glance(until_zero(letters))) && names_.contains(name);
  }
  [[nodiscard]] const auto& all() const { return names_; }

 private:
  static constexpr unsigned kBits = 14;
  static std::uint64_t beginning(std::string_view name) {
    std::uint64_t letters = 0;
    std::memcpy(&letters, name.data(), std::min(name.size(), sizeof(letters)));
    return letters;
  }
  // Without the first byte that is zero and what comes after it.
  static std::uint64_t until_zero(std::uint64_t letters) {
    const std::uint64_t zeroes = (letters - 0x0101010101010101) & ~letters & 0x8080808080808080;
    return letters & (((zeroes & -zeroes) >> 7) - 1);
  }
  static std::size_t glance(std::uint64_t letters) { return (letters * 0x9e3779b97f4a7c15) >> (64 - kBits); }
  std::unordered_set<std::string_view> names_;
  std::bitset<std::size_t{1} << kBits> met_;
};

class KernelTypes {
 public:
  /// A BTF file, or an ELF file with BTF in it.
  static Result<KernelTypes> read(const std::string& path);

  KernelTypes() = default;  // of a kernel that offers none

  explicit operator bool() const { return bytes_ != nullptr; }

  /// A type with a name. Relocatable are those that a field can be relocated in: structs, unions, enums, typedefs.
  struct Named {
    std::uint32_t id;
    std::uint32_t offset;  // of the name among the strings
  };
  [[nodiscard]] const std::vector<Named>& functions() const { return functions_; }
  [[nodiscard]] const std::vector<Named>& relocatable() const { return relocatable_; }
  /// Of a type or, for NameSet::contains_padded, of one that has more behind it.
  [[nodiscard]] const char* name(const Named& type) const { return strings_ + type.offset; }

  /// Is the function given a struct or union by value?
  [[nodiscard]] bool takes_struct(std::uint32_t function) const;
  /// Has the struct or union a member of that name?
  [[nodiscard]] bool has_member(std::uint32_t type, std::string_view member) const;

  /// BTF with only those types that programs with `program_types` may relocate against (their structs, unions, enums
  /// and typedefs by name, flavors without their suffix, and what these hold by value), written to the file `fd`.
  Status write_extract(const btf& program_types, const Fd& fd) const;

 private:
  friend class Extract;
  struct Unmap {
    std::size_t size;
    void operator()(char* bytes) const;
  };
  /// Memory of their own, or the kernel's.
  using Bytes = std::unique_ptr<char[], Unmap>;
  static Bytes allocate(std::size_t size);
  static Bytes read_file(const std::string& path, std::size_t& size);
  Status take(Bytes bytes, std::size_t size);
  /// The first is void, as is what is out of range.
  [[nodiscard]] const btf_type& type(std::uint32_t id) const;
  [[nodiscard]] const char* string(std::uint32_t offset) const;

  Bytes bytes_;
  const char* types_ = nullptr;
  const char* strings_ = nullptr;
  std::uint32_t strings_size_ = 0;
  std::vector<std::uint32_t> places_;  // of each type, from `types_` on
  std::vector<Named> functions_;
  std::vector<Named> relocatable_;
};

}  // namespace mlt
