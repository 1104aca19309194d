// The running kernel's types (BTF), read once: which functions there are, and a small extract of them for libbpf, which
// would otherwise read all of them again for each object, and search all of them for each type that a program
// relocates: three quarters of what a start cost.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "util/fd.h"
#include "util/result.h"

struct btf;

namespace mlt {

/// A set of names that tells of most others at a glance that it doesn't hold them: a kernel has a hundred thousand.
class NameSet {
 public:
  void insert(std::string_view name) {
    if (!name.empty() && names_.insert(name).second) met_.set(glance(name));
  }
  [[nodiscard]] bool contains(std::string_view name) const {
    return !name.empty() && met_.test(glance(name)) && names_.contains(name);
  }
  [[nodiscard]] const auto& all() const { return names_; }

 private:
  static constexpr std::size_t kLengths = 64;
  static std::size_t glance(std::string_view name) {
    const std::size_t ends = static_cast<unsigned char>(name.front()) ^ (static_cast<unsigned char>(name.back()) << 3);
    return ends % 1024 * kLengths + name.size() % kLengths;
  }
  std::unordered_set<std::string_view> names_;
  std::bitset<1024 * kLengths> met_;
};

class KernelTypes {
 public:
  /// A BTF file, or an ELF file with BTF in it.
  static Result<KernelTypes> read(const std::string& path);

  KernelTypes();  // of a kernel that offers none
  KernelTypes(KernelTypes&&) noexcept;
  KernelTypes& operator=(KernelTypes&&) noexcept;
  ~KernelTypes();

  explicit operator bool() const { return types_ != nullptr; }

  /// Numbers of all functions, and of all types that a field can be relocated in: structs, unions, enums, typedefs.
  [[nodiscard]] const std::vector<std::uint32_t>& functions() const { return functions_; }
  [[nodiscard]] const std::vector<std::uint32_t>& relocatable() const { return relocatable_; }
  [[nodiscard]] std::string_view name(std::uint32_t id) const;
  /// Is the function given a struct or union by value?
  [[nodiscard]] bool takes_struct(std::uint32_t function) const;
  /// Has the struct or union a member of that name?
  [[nodiscard]] bool has_member(std::uint32_t type, std::string_view member) const;

  /// BTF with only those types that programs with `program_types` may relocate against (their structs, unions, enums
  /// and typedefs by name, flavors without their suffix, and what these hold by value), written to the file `fd`.
  Status write_extract(const btf& program_types, const Fd& fd) const;

 private:
  struct Free {
    void operator()(btf* types) const;
  };
  std::unique_ptr<btf, Free> types_;
  std::vector<std::uint32_t> functions_;
  std::vector<std::uint32_t> relocatable_;
};

}  // namespace mlt
