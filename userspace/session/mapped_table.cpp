#include "session/mapped_table.h"

#include <bpf/libbpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <string>

namespace mlt {

namespace {

// Small parts keep little memory that is not asked for; and each is a mapping, of which a process may have 65,530.
constexpr std::size_t kSmallestPart = 16 << 10;
constexpr std::size_t kMostParts = 1024;

std::size_t rounded_up(std::size_t size, std::size_t unit) { return (size + unit - 1) / unit * unit; }

}  // namespace

Result<TableMemory> TableMemory::open(const bpf_map* map) {
  const std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  TableMemory memory;
  memory.fd_ = bpf_map__fd(map);
  memory.size_ = std::size_t{bpf_map__value_size(map)} * bpf_map__max_entries(map);
  memory.part_ = std::max(kSmallestPart, rounded_up(memory.size_ / kMostParts, page));
  memory.present_.resize(rounded_up(memory.size_, memory.part_) / memory.part_);
  void* const reserved = mmap(nullptr, memory.size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reserved != MAP_FAILED) memory.data_ = static_cast<std::byte*>(reserved);
  if (reserved == MAP_FAILED || !memory.map_part(0))
    return fail(std::string("cannot map the table ") + bpf_map__name(map), errno);
  return memory;
}

TableMemory::~TableMemory() {
  if (data_ != nullptr) munmap(data_, size_);
}

bool TableMemory::map_part(std::size_t part) {
  const std::size_t start = part * part_;
  const std::size_t size = std::min(part_, size_ - start);
  if (mmap(data_ + start, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd_, static_cast<off_t>(start)) ==
      MAP_FAILED)
    return false;
  present_[part] = true;
  return true;
}

void TableMemory::out_of_memory() { throw std::bad_alloc(); }

}  // namespace mlt
