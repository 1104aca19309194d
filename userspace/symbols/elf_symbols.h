// The functions of an ELF file, by their place in the file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mlt {

class ElfSymbols {
 public:
  struct Found {
    std::string function;  // demangled
    std::uint64_t offset = 0;
  };

  /// No value when it is no ELF file, or cannot be read. A stripped one has only the functions that it exports.
  static std::optional<ElfSymbols> read(const std::string& path);

  /// The function that the byte at this offset of the file belongs to.
  [[nodiscard]] std::optional<Found> find(std::uint64_t file_offset) const;

 private:
  struct Segment {
    std::uint64_t offset;
    std::uint64_t size;
    std::uint64_t address;
  };
  struct Function {
    std::uint64_t address;
    std::uint64_t size;
    std::size_t name;  // place in names_
  };

  std::vector<Segment> segments_;
  std::vector<Function> functions_;  // by address
  std::string names_;                // each ends with a NUL
};

/// A C++ name as it is written in source; others as they are.
std::string demangle(const char* name);

}  // namespace mlt
