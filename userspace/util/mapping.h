// The owner of a shared mapping of a file.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <utility>

namespace mlt {

/// A mapping of `size` bytes; empty when mmap failed or after a move.
class Mapping {
 public:
  Mapping() = default;
  Mapping(int fd, std::size_t size)
      : data_(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)), size_(size) {
    if (data_ == MAP_FAILED) data_ = nullptr;
  }
  Mapping(Mapping&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(other.size_) {}
  Mapping& operator=(Mapping&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Mapping() {
    if (data_ != nullptr) ::munmap(data_, size_);
  }

  [[nodiscard]] void* data() const { return data_; }
  explicit operator bool() const { return data_ != nullptr; }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace mlt
