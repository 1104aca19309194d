#pragma once

#include <atomic>

#include "team.hpp"
#include "workload.hpp"

namespace workload {

// Three threads. One makes a locked mapping writable: the kernel populates it, holding mmap_lock for writing, and the
// mapping's own lock where there is such a thing. Meanwhile another touches its last page, and the third maps
// something: both have to wait until the first is done, and look at the clock before and after.
class HeldUp {
 public:
  explicit HeldUp(Run& run);

  void expect(Run& run) const;  // what work() causes
  void work();
  void report(Run& run) const;  // how long the two waited

 private:
  void hold();
  void wait_until_held() const;
  void touch();
  void map();

  Region locked_, mapped_;
  Team team_;
  std::atomic<bool> is_over_{false};
  long faults_before_ = 0;
  long fault_ns_ = 0, map_ns_ = 0;
};

}  // namespace workload
