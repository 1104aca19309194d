// A table that the BPF programs fill, an array map with BPF_F_MMAPABLE, seen through memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "util/result.h"

struct bpf_map;

namespace mlt {

/// The kernel makes present at once, used or not, whatever of such a map is mapped (array_map_mmap), and a table is
/// mostly empty: so it is mapped in parts, each when it is first asked for.
class TableMemory {
 public:
  TableMemory() = default;
  /// Sets address space aside for the whole table, and maps its first part.
  static Result<TableMemory> open(const bpf_map* map);
  TableMemory(TableMemory&& other) noexcept { *this = std::move(other); }
  TableMemory& operator=(TableMemory&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(part_, other.part_);
    std::swap(present_, other.present_);
    return *this;
  }
  ~TableMemory();

  [[nodiscard]] std::size_t size() const { return size_; }
  /// The `size` bytes from `offset`. Throws std::bad_alloc, as operator new does, when no memory is left to map them.
  std::byte* bytes(std::size_t offset, std::size_t size) {
    for (std::size_t part = offset / part_; part <= (offset + size - 1) / part_; ++part) {
      if (!present_[part] && !map_part(part)) out_of_memory();
    }
    return data_ + offset;
  }

 private:
  bool map_part(std::size_t part);
  [[noreturn]] static void out_of_memory();

  int fd_ = -1;  // the map's, which outlives this
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t part_ = 1;
  std::vector<bool> present_;
};

template <typename Record>
class MappedTable {
 public:
  static Result<MappedTable> open(const bpf_map* map) {
    auto memory = TableMemory::open(map);
    if (!memory) return tl::unexpected(memory.error());
    MappedTable table;
    table.entries_ = static_cast<std::uint32_t>(memory->size() / sizeof(Record));
    table.memory_ = std::move(*memory);
    return table;
  }

  Record& operator[](std::uint32_t place) {
    return *reinterpret_cast<Record*>(memory_.bytes(place * sizeof(Record), sizeof(Record)));
  }
  [[nodiscard]] std::uint32_t size() const { return entries_; }

 private:
  static_assert(sizeof(Record) % 8 == 0, "an array map rounds the size of its values up to 8 bytes");
  TableMemory memory_;
  std::uint32_t entries_ = 0;
};

}  // namespace mlt
