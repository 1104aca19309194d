#pragma once

#include <sys/shm.h>

#include <cerrno>

#include "workload.hpp"

namespace workload {

// A segment of SysV shared memory, mapped where regions are. It is gone when nobody has it mapped.
class ShmSegment {
 public:
  explicit ShmSegment(long pages) : region_(Region::Reserved{}, pages) {
    id_ = ::shmget(IPC_PRIVATE, region_.all().bytes(), IPC_CREAT | 0600);
    if (id_ < 0) fail("shmget", errno);
    if (::shmat(id_, region_.all().start, 0) == reinterpret_cast<void*>(-1)) fail("shmat", errno);
    ::shmctl(id_, IPC_RMID, nullptr);
  }

  [[nodiscard]] const Range& all() const { return region_.all(); }
  // SHM_LOCK; 0 or an errno.
  [[nodiscard]] int lock() const { return ::shmctl(id_, SHM_LOCK, nullptr) == 0 ? 0 : errno; }
  // SHM_UNLOCK.
  [[nodiscard]] int unlock() const { return ::shmctl(id_, SHM_UNLOCK, nullptr) == 0 ? 0 : errno; }

 private:
  Region region_;
  int id_;
};

}  // namespace workload
