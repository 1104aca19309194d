// Recordings for the tests: made by the writer, from figures that are the same each time.
#pragma once

#include <string>
#include <vector>

#include "model/timeline.h"
#include "recording/recording.h"
#include "recording/writer.h"

namespace mlt::sample {

/// A directory of its own that goes with its contents.
class Directory {
 public:
  Directory();
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory();
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// The number `index` of a storm: two processes of two threads each, every kind of fault now and then.
FaultEvent event(std::uint64_t index);

std::vector<TimelinePoint> points(std::uint64_t interval);
std::vector<AddressSpace> spaces();

struct Size {
  std::uint64_t intervals = 5;
  std::uint64_t events = 1000;
};

RecordingOptions options(const std::string& path);

/// Writes a whole recording of `report`; `close` false: as if the recorder had been killed after its last commit.
void record(const RecordingOptions& options, const Report& report, const Size& size, bool close = true);

void expect_equal(const TimelinePoint& a, const TimelinePoint& b);
void expect_equal(const FaultEvent& a, const FaultEvent& b);

}  // namespace mlt::sample
