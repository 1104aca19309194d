// The programs that trace: mlocktrace with some of its signals, and its peers, each doing its nearest equivalent.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "program.h"

namespace bench {

struct TracerKind {
  std::string name;
  std::string program;  // the file that must be there
  live::Words command;  // "{pid}" stands for the target
  std::string ready;    // what it says on stderr when everything is attached; empty: it is waited for in peace
  bool peer = false;
};

enum class Which { usual, all, peers };

/// `usual`: what each change is compared by; `all`: and with stacks, and every fault recorded; `peers`: and these.
std::vector<TracerKind> tracer_kinds(Which which);

/// Time on a processor, in ns; 0 when it is gone.
double processor_ns(pid_t pid);

/// A tracer that runs. Its figures are instructions where a nanosecond is one.
class Tracer {
 public:
  /// Why it does not run, or nothing.
  static std::optional<std::string> start(const TracerKind& kind, pid_t target, std::optional<Tracer>& tracer);

  struct Begin {
    double elapsed = 0;    // from fork to the word that everything is attached; 0: it says none
    double processor = 0;  // its own part of it
  };
  struct End {
    double report = 0;  // from SIGINT to the last byte of the report
    live::Finished finished;
  };

  [[nodiscard]] pid_t pid() const { return program_->pid(); }
  [[nodiscard]] const Begin& begin() const { return begin_; }
  End stop();

 private:
  explicit Tracer(std::unique_ptr<live::Program> program) : program_(std::move(program)) {}

  std::unique_ptr<live::Program> program_;
  Begin begin_;
};

}  // namespace bench
