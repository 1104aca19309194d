#include <sys/mman.h>

#include <cerrno>

#include "workload.hpp"

namespace workload {
namespace {

// Far below the addresses that the kernel chooses itself and far above the program. The slots are aligned to
// huge pages, and the space after a region is free for it to grow.
constexpr std::uintptr_t first_slot = 0x2000'0000'0000;
constexpr std::uintptr_t slot_bytes = std::uintptr_t{64} << 30;

std::byte* next_slot() {
  static std::uintptr_t next = first_slot;
  const std::uintptr_t slot = next;
  next += slot_bytes;
  return reinterpret_cast<std::byte*>(slot);
}

}  // namespace

Region::Region(Reserved, long pages) : range_{next_slot(), pages} {
  if (pages < 1 || range_.bytes() > slot_bytes / 4) fail("a region needs at least one page and at most 16 GiB");
}

Region::Region(long pages, int protection, int flags, int fd) : Region(Reserved{}, pages) {
  map(protection, flags, fd);
}

Region::~Region() { ::munmap(range_.start, range_.bytes()); }

void Region::map(int protection, int flags, int fd) const {
  void* at = ::mmap(range_.start, range_.bytes(), protection, flags | MAP_FIXED_NOREPLACE, fd, 0);
  if (at == MAP_FAILED) fail("mmap", errno);
}

void lock_in_setup(const Range& range) {
  if (::mlock(range.start, range.bytes()) != 0) fail("mlock", errno);
}

}  // namespace workload
