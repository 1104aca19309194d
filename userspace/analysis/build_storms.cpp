#include "analysis/build_storms.h"

#include <algorithm>

#include "analysis/decode.h"
#include "analysis/where.h"
#include "model/names.h"

namespace mlt {

namespace {

constexpr std::size_t kFrames = 8;

std::string stack_text(const StackFaults& stack) {
  std::string text;
  std::size_t frames = 0;
  for (const auto* list : {&stack.kernel, &stack.user}) {
    for (const Frame& frame : *list) {
      if (frames++ == kFrames) return text + " <- ...";
      text += (text.empty() ? "" : " <- ") + frame_name(frame);
    }
  }
  return text;
}

// They come with the largest count first.
std::string hottest_stack(const Storm& storm, const std::vector<Process>& processes) {
  for (const Process& process : processes) {
    if (process.pid != storm.pid) continue;
    for (const StackFaults& stack : process.faults.stacks) {
      const bool at_access = stack.origin == MLT_ORIGIN_ACCESS || stack.origin == MLT_ORIGIN_KERNEL;
      if (at_access && stack.cause == storm.cause) return stack_text(stack);
    }
  }
  return {};
}

StormCall build_call(const mlt_event_call& event, const TraceData& data) {
  StormCall call;
  call.at_ns = event.head.ns > data.start_ns ? event.head.ns - data.start_ns : 0;
  call.tid = event.head.tid;
  call.name = call_name(static_cast<mlt_call>(event.head.call));
  call.args = decode_args(event);
  return call;
}

}  // namespace

std::vector<Storm> build_storms(const std::vector<StormSeen>& seen, const TraceData& data,
                                const std::vector<Process>& processes) {
  static const std::vector<MapsLine> kNoMaps;
  std::vector<Storm> storms;
  for (const StormSeen& one : seen) {
    Storm& storm = storms.emplace_back(one.storm);
    const auto maps = data.maps.find(storm.pid);
    if (one.vma) storm.vma = vma_name(*one.vma, maps == data.maps.end() ? kNoMaps : maps->second);
    storm.stack = hottest_stack(storm, processes);
    if (one.trigger) storm.trigger = build_call(*one.trigger, data);
    if (one.lacks_fork)
      storm.trigger_unknown = "memory is copied after a fork, and none was seen since the trace began";
  }
  return storms;
}

}  // namespace mlt
