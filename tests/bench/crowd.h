// Many processes that do nothing until they are woken.
#pragma once

#include <sys/types.h>

#include <vector>

namespace bench {

class Crowd {
 public:
  explicit Crowd(int number);
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;
  ~Crowd();

  /// Each of them faults once and sleeps again.
  void wake() const;

 private:
  std::vector<pid_t> members_;
  int go_ = -1;    // a byte for each
  int done_ = -1;  // a byte from each
};

}  // namespace bench
