// What `report` and `diff` read: a recording, or a report that was written as JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "recording/recording.h"
#include "util/result.h"

namespace mlt {

class Source {
 public:
  static Result<Source> open(const std::string& path);

  [[nodiscard]] const Report& report() const { return report_; }
  /// No more processes one by one than these.
  void sum_up(std::size_t processes);
  /// Empty for a report alone: there is nothing over time, and no single faults.
  [[nodiscard]] const Recording* recording() const { return recording_ ? &*recording_ : nullptr; }
  /// What the reader must know beside the report: cut off, intervals or events that are missing.
  [[nodiscard]] std::vector<std::string> notes() const;

  /// Nothing, when there is no recording.
  Status for_each_point(const Recording::PointHandler& handler) const;
  Status for_each_event(const Recording::EventHandler& handler) const;
  [[nodiscard]] Result<std::vector<AddressSpace>> spaces() const;

 private:
  Report report_;
  std::optional<Recording> recording_;
};

}  // namespace mlt
