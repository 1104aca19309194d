// The trace for ui.perfetto.dev: lock calls and slow faults as slices of their threads, storms, and counters over time.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "model/timeline.h"

namespace mlt {

/// Writes packets one by one; `take` hands over what there is so far, so that a trace of any length passes through.
class PerfettoWriter {
 public:
  /// Single faults that take `slow_ns` or longer become slices.
  PerfettoWriter(const Report& report, std::uint64_t slow_ns);

  void add(const TimelinePoint& point);
  void add(const FaultEvent& event);

  [[nodiscard]] std::size_t size() const { return data_.size(); }
  [[nodiscard]] std::string take();

 private:
  enum class CounterUnit { count, bytes, time };
  void add(const Process& process);
  void add(const Storm& storm);
  std::uint64_t process_track(std::uint32_t pid);
  std::uint64_t thread_track(std::uint32_t pid, std::uint32_t tid);
  std::uint64_t named_track(std::uint32_t pid, const std::string& name);
  std::uint64_t counter_track(std::uint32_t pid, const std::string& name, CounterUnit unit);
  void count(std::uint32_t pid, const std::string& name, CounterUnit unit, std::uint64_t at_ns, double value);
  void begin_packet(std::string& packet);
  void end_packet(const std::string& packet);

  const Report& report_;
  std::uint64_t slow_ns_;
  std::string data_;
  bool first_ = true;
  std::uint64_t tracks_ = 0;
  std::map<std::uint32_t, std::uint64_t> processes_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t> threads_;
  std::map<std::pair<std::uint32_t, std::string>, std::uint64_t> named_;
};

}  // namespace mlt
