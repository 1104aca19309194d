// The command that `-- CMD` runs: started, held before its first instruction until the trace is ready, waited for.
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
  /// Lets it exec. Fails when the program cannot be run.
  Status release();
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

  Pid pid_;
  std::string name_;
  Fd go_;      // a byte written here lets the child exec
  Fd result_;  // the child writes errno here when exec fails
};

}  // namespace mlt
