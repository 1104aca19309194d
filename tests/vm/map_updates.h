// What an agent does that keeps its state in BPF maps: it updates one without end. While it is preempted in that the
// kernel skips kprobe programs on its processor.
#pragma once

#include <sys/types.h>

namespace live {

class MapUpdates {
 public:
  MapUpdates();
  ~MapUpdates();
  MapUpdates(const MapUpdates&) = delete;
  MapUpdates& operator=(const MapUpdates&) = delete;

 private:
  pid_t pid_;
};

}  // namespace live
