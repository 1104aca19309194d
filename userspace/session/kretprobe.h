// A kretprobe with room for many threads in its function at once. Those of perf_event_open(2) alone have room for two a
// processor, ten at least, and lose the calls beyond that; one that is defined in tracefs says how much it wants
// (Documentation/trace/kprobetrace.rst, MAXACTIVE).
#pragma once

#include <string>

#include "util/fd.h"
#include "util/result.h"

namespace mlt {

/// The definition, until it is destroyed. What a killed tracer leaves behind is inert.
class KretprobeDefinition {
 public:
  static Result<KretprobeDefinition> make(const std::string& function);
  /// Removes the definitions of tracers that were killed.
  static void remove_leftovers();
  KretprobeDefinition(KretprobeDefinition&& other) noexcept;
  KretprobeDefinition& operator=(KretprobeDefinition&& other) noexcept;
  ~KretprobeDefinition();

  /// The perf event to attach a program to. The definition cannot be removed while it is open.
  [[nodiscard]] Result<Fd> open() const;

 private:
  explicit KretprobeDefinition(std::string name);
  std::string name_;  // empty: none
};

}  // namespace mlt
