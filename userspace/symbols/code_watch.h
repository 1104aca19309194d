// What a command and its children map of code, told by the kernel as it happens: perf_event_open(2) reports each
// executable mapping, with its path, each execve and each fork. /proc/PID/maps of a process that lives for a few
// milliseconds is never read in time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "proc/maps_file.h"
#include "util/fd.h"
#include "util/mapping.h"

namespace mlt {

struct MappedCode {
  std::uint32_t pid = 0;
  MapsLine line;
  bool operator==(const MappedCode&) const = default;
};

struct ForkedCode {
  std::uint32_t pid = 0;
  std::uint32_t parent = 0;
  bool operator==(const ForkedCode&) const = default;
};

/// It is about to map the next program.
struct ExecutedCode {
  std::uint32_t pid = 0;
  bool operator==(const ExecutedCode&) const = default;
};

struct CodeEvent {
  std::uint64_t time_ns = 0;  // of a clock of perf's own
  std::variant<MappedCode, ExecutedCode, ForkedCode> what;
  bool operator==(const CodeEvent&) const = default;
};

/// The events that `records` hold, which are whole ones: struct perf_event_header, what follows, and the time
/// (sample_id_all). Those of other kinds are left out.
std::vector<CodeEvent> parse_code_events(std::span<const std::byte> records);

class CodeWatch {
 public:
  CodeWatch() = default;  // sees nothing
  /// Of the process, which is to call execve soon, and of what it starts from now on. Where the kernel does not permit
  /// it, nothing is seen.
  explicit CodeWatch(std::uint32_t pid);

  /// What came since the last call, in order.
  std::vector<CodeEvent> drain();

 private:
  struct Ring {
    Fd event;
    Mapping pages;
  };
  std::vector<Ring> rings_;  // one a processor
};

}  // namespace mlt
