// The command that `-- CMD` runs: started, held before execve until the trace is ready, held again before the program's
// first instruction, waited for.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "util/fd.h"
#include "util/result.h"

namespace mlt {

class Child {
 public:
  /// Forks; the child waits for `release`. Destroying an unreleased child ends it.
  static Result<Child> start(const std::vector<std::string>& command);

  Child(Child&& other) noexcept = default;
  Child& operator=(Child&&) = delete;
  ~Child();

  [[nodiscard]] pid_t pid() const { return pid_.value; }
  /// Lets it exec. Fails when the program cannot be run. Where `is_held` then, the program has not begun: `release` it.
  Status exec();
  [[nodiscard]] bool is_held() const { return held_; }
  void release();
  /// Has it ended? It stays a zombie, so /proc still has its counters.
  [[nodiscard]] bool ended() const;
  /// Takes the exit status: the command's own, or 128 + the signal that ended it.
  int reap();

 private:
  // Zero after a move, so that only one object ends the child.
  struct Pid {
    pid_t value = 0;
    Pid() = default;
    Pid(Pid&& other) noexcept : value(std::exchange(other.value, 0)) {}
  };

  Child() = default;
  void hold();

  Pid pid_;
  std::string name_;
  Fd go_;      // a byte written here lets the child exec
  Fd result_;  // the child writes errno here when exec fails
  bool held_ = false;
};

}  // namespace mlt
