// The process whose operations are measured, as the one that measures sees it.
#pragma once

#include <string>
#include <string_view>

#include "program.h"

namespace bench {

class Worker {
 public:
  Worker() : program_({"mlt-bench", "work"}) { program_.read_line(); }
  [[nodiscard]] pid_t pid() const { return program_.pid(); }
  /// See Operation::measure.
  double measure(std::string_view operation) {
    program_.send(std::string(operation) + "\n");
    const std::string line = program_.read_line(600);
    return line.empty() ? -1 : std::stod(line);
  }
  /// It has that many threads from now on, each of which has faulted; all but the first do nothing more.
  void grow_to(int threads) { measure("threads " + std::to_string(threads)); }

 private:
  live::Program program_;
};

}  // namespace bench
