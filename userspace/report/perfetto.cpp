// Field numbers: protos/perfetto/trace/ of google/perfetto: trace_packet.proto and track_event/*.proto.
#include "report/perfetto.h"

#include <fmt/format.h>

#include <algorithm>
#include <protozero/pbf_writer.hpp>

#include "model/names.h"
#include "report/phrases.h"
#include "util/units.h"

namespace mlt {
namespace {

using Writer = protozero::pbf_writer;
using Tag = protozero::pbf_tag_type;

constexpr Tag kTracePacket = 1;

namespace packet {
constexpr Tag kTimestamp = 8;
constexpr Tag kSequenceId = 10;
constexpr Tag kTrackEvent = 11;
constexpr Tag kSequenceFlags = 13;
constexpr Tag kTrackDescriptor = 60;
}  // namespace packet

namespace track {
constexpr Tag kUuid = 1;
constexpr Tag kName = 2;
constexpr Tag kProcess = 3;
constexpr Tag kThread = 4;
constexpr Tag kParent = 5;
constexpr Tag kCounter = 8;
}  // namespace track

namespace event {
constexpr Tag kAnnotation = 4;
constexpr Tag kType = 9;
constexpr Tag kTrack = 11;
constexpr Tag kCategory = 22;
constexpr Tag kName = 23;
constexpr Tag kDoubleValue = 44;
enum Type { begin = 1, end = 2, instant = 3, counter = 4 };
}  // namespace event

constexpr std::uint32_t kSequence = 1;
constexpr std::uint32_t kStateCleared = 1;

void annotate(Writer& track_event, const char* name, std::uint64_t value) {
  Writer annotation(track_event, event::kAnnotation);
  annotation.add_string(10, name);
  annotation.add_uint64(3, value);
}

void annotate(Writer& track_event, const char* name, const std::string& value) {
  if (value.empty()) return;
  Writer annotation(track_event, event::kAnnotation);
  annotation.add_string(10, name);
  annotation.add_string(6, sanitize(value));
}

void annotate_pointer(Writer& track_event, const char* name, std::uint64_t value) {
  Writer annotation(track_event, event::kAnnotation);
  annotation.add_string(10, name);
  annotation.add_uint64(7, value);
}

/// An event of `type`; its name only where one begins.
Writer begin_event(Writer& packet, std::uint64_t at_ns, std::uint64_t track_id, event::Type type,
                   const char* category = nullptr, const std::string& name = {}) {
  packet.add_uint64(packet::kTimestamp, at_ns);
  Writer track_event(packet, packet::kTrackEvent);
  track_event.add_enum(event::kType, type);
  track_event.add_uint64(event::kTrack, track_id);
  if (category != nullptr) track_event.add_string(event::kCategory, category);
  if (!name.empty()) track_event.add_string(event::kName, sanitize(name));
  return track_event;
}

}  // namespace

PerfettoWriter::PerfettoWriter(const Report& report, std::uint64_t slow_ns) : report_(report), slow_ns_(slow_ns) {
  for (const Process& process : report.processes) add(process);
  for (const Storm& storm : report.storms) add(storm);
}

std::string PerfettoWriter::take() { return std::exchange(data_, {}); }

void PerfettoWriter::begin_packet(std::string& packet) {
  Writer writer(packet);
  writer.add_uint32(packet::kSequenceId, kSequence);
  if (first_) writer.add_uint32(packet::kSequenceFlags, kStateCleared);
  first_ = false;
}

void PerfettoWriter::end_packet(const std::string& packet) { Writer(data_).add_message(kTracePacket, packet); }

std::uint64_t PerfettoWriter::process_track(std::uint32_t pid) {
  const auto [known, is_new] = processes_.try_emplace(pid, tracks_ + 1);
  if (!is_new) return known->second;
  ++tracks_;
  const auto process = std::ranges::find(report_.processes, pid, &Process::pid);
  std::string packet;
  begin_packet(packet);
  {
    Writer writer(packet);
    Writer descriptor(writer, packet::kTrackDescriptor);
    descriptor.add_uint64(track::kUuid, known->second);
    Writer of_process(descriptor, track::kProcess);
    of_process.add_int32(1, static_cast<std::int32_t>(pid));
    if (process != report_.processes.end()) of_process.add_string(6, sanitize(process->comm));
  }
  end_packet(packet);
  return known->second;
}

std::uint64_t PerfettoWriter::thread_track(std::uint32_t pid, std::uint32_t tid) {
  const std::uint64_t parent = process_track(pid);
  const auto [known, is_new] = threads_.try_emplace({pid, tid}, tracks_ + 1);
  if (!is_new) return known->second;
  ++tracks_;
  std::string packet;
  begin_packet(packet);
  {
    Writer writer(packet);
    Writer descriptor(writer, packet::kTrackDescriptor);
    descriptor.add_uint64(track::kUuid, known->second);
    descriptor.add_uint64(track::kParent, parent);
    Writer thread(descriptor, track::kThread);
    thread.add_int32(1, static_cast<std::int32_t>(pid));
    thread.add_int32(2, static_cast<std::int32_t>(tid));
  }
  end_packet(packet);
  return known->second;
}

std::uint64_t PerfettoWriter::named_track(std::uint32_t pid, const std::string& name) {
  const std::uint64_t parent = process_track(pid);
  const auto [known, is_new] = named_.try_emplace({pid, name}, tracks_ + 1);
  if (!is_new) return known->second;
  ++tracks_;
  std::string packet;
  begin_packet(packet);
  {
    Writer writer(packet);
    Writer descriptor(writer, packet::kTrackDescriptor);
    descriptor.add_uint64(track::kUuid, known->second);
    descriptor.add_uint64(track::kParent, parent);
    descriptor.add_string(track::kName, name);
  }
  end_packet(packet);
  return known->second;
}

std::uint64_t PerfettoWriter::counter_track(std::uint32_t pid, const std::string& name, CounterUnit unit) {
  const std::uint64_t parent = process_track(pid);
  const auto [known, is_new] = named_.try_emplace({pid, name}, tracks_ + 1);
  if (!is_new) return known->second;
  ++tracks_;
  std::string packet;
  begin_packet(packet);
  {
    Writer writer(packet);
    Writer descriptor(writer, packet::kTrackDescriptor);
    descriptor.add_uint64(track::kUuid, known->second);
    descriptor.add_uint64(track::kParent, parent);
    descriptor.add_string(track::kName, name);
    Writer counter(descriptor, track::kCounter);
    counter.add_enum(3, unit == CounterUnit::time ? 1 : unit == CounterUnit::count ? 2 : 3);
  }
  end_packet(packet);
  return known->second;
}

void PerfettoWriter::count(std::uint32_t pid, const std::string& name, CounterUnit unit, std::uint64_t at_ns,
                           double value) {
  const std::uint64_t id = counter_track(pid, name, unit);
  std::string packet;
  begin_packet(packet);
  {
    Writer writer(packet);
    Writer counter = begin_event(writer, at_ns, id, event::counter);
    counter.add_double(event::kDoubleValue, value);
  }
  end_packet(packet);
}

void PerfettoWriter::add(const Process& process) {
  for (const LockCall& call : process.locks.calls) {
    const std::uint64_t id = thread_track(process.pid, call.tid);
    std::string begin;
    begin_packet(begin);
    {
      Writer writer(begin);
      Writer slice = begin_event(writer, call.start_ns, id, event::begin, "lock",
                                 is_error(call.ret) ? call.name + " failed" : call.name);
      annotate(slice, "args", call.args);
      annotate(slice, "errno", errno_name(call.ret));
      annotate(slice, "pages_populated", call.pages_populated);
      annotate(slice, "vma_splits", call.vma_splits);
      annotate(slice, "vma_merges", call.vma_merges);
      annotate(slice, "locked_bytes_after", call.locked_bytes_after);
      annotate(slice, "explain", call.explain);
    }
    end_packet(begin);
    std::string end;
    begin_packet(end);
    {
      Writer writer(end);
      begin_event(writer, call.start_ns + call.duration_ns, id, event::end);
    }
    end_packet(end);
  }
  for (const LifeEvent& life : process.life) {
    const std::uint64_t id = named_track(process.pid, "fork, exec, exit");
    std::string packet;
    begin_packet(packet);
    {
      Writer writer(packet);
      Writer instant =
          begin_event(writer, life.at_ns, id, event::instant, "life", std::string(life_kind_name(life.kind)));
      annotate(instant, "child_pid", life.child_pid);
      if (life.locked_bytes) annotate(instant, "locked_bytes", *life.locked_bytes);
      annotate(instant, "locked_bytes_after", life.locked_bytes_after);
      annotate(instant, "comm", life.comm);
    }
    end_packet(packet);
  }
}

void PerfettoWriter::add(const Storm& storm) {
  const std::uint64_t id = named_track(storm.pid, "storms");
  std::string begin;
  begin_packet(begin);
  {
    Writer writer(begin);
    Writer slice =
        begin_event(writer, storm.start_ns, id, event::begin, "storm", "storm: " + words(cause_name(storm.cause)));
    annotate(slice, "faults", storm.faults);
    annotate(slice, "peak_per_s", storm.peak_per_s);
    annotate(slice, "time_ns", storm.time_ns);
    annotate(slice, "vma", storm.vma);
    if (storm.tid != 0) annotate(slice, "tid", std::uint64_t{storm.tid});
    annotate(slice, "stack", storm.stack);
    if (storm.trigger) annotate(slice, "after", call_text(*storm.trigger));
  }
  end_packet(begin);
  std::string end;
  begin_packet(end);
  {
    Writer writer(end);
    begin_event(writer, storm.start_ns + storm.duration_ns, id, event::end);
  }
  end_packet(end);
}

void PerfettoWriter::add(const TimelinePoint& point) {
  if (point.duration_ns == 0) return;
  const double seconds = static_cast<double>(point.duration_ns) / 1e9;
  std::uint64_t time_ns = 0;
  for (std::size_t i = 0; i < MLT_ORIGIN_NR; ++i) {
    const FaultTotals& totals = point.by_origin[i];
    time_ns += totals.latency.sum();
    const std::string name = fmt::format("faults/s, {}", origin_name(static_cast<mlt_origin>(i)));
    // A track that is zero throughout is none.
    if (totals.completed() == 0 && !named_.contains({point.pid, name})) continue;
    count(point.pid, name, CounterUnit::count, point.start_ns, static_cast<double>(totals.completed()) / seconds);
  }
  count(point.pid, "time in faults, ns/s", CounterUnit::time, point.start_ns, static_cast<double>(time_ns) / seconds);
  // Levels are those of the end of the interval.
  const std::uint64_t end_ns = point.start_ns + point.duration_ns;
  if (point.locked_bytes)
    count(point.pid, "locked", CounterUnit::bytes, end_ns, static_cast<double>(*point.locked_bytes));
  if (point.resident_bytes)
    count(point.pid, "resident", CounterUnit::bytes, end_ns, static_cast<double>(*point.resident_bytes));
}

void PerfettoWriter::add(const FaultEvent& fault) {
  if (fault.duration_ns < slow_ns_ || fault.duration_ns > fault.at_ns) return;
  const std::uint64_t id = thread_track(fault.pid, fault.tid);
  std::string begin;
  begin_packet(begin);
  {
    Writer writer(begin);
    Writer slice = begin_event(writer, fault.at_ns - fault.duration_ns, id, event::begin, "fault",
                               "fault: " + words(cause_name(fault.cause)));
    annotate(slice, "origin", std::string(origin_name(fault.origin)));
    annotate(slice, "locked", std::string(lock_state_name(fault.locked)));
    annotate(slice, "major", std::uint64_t{fault.major});
    annotate_pointer(slice, "address", fault.address);
  }
  end_packet(begin);
  std::string end;
  begin_packet(end);
  {
    Writer writer(end);
    begin_event(writer, fault.at_ns, id, event::end);
  }
  end_packet(end);
}

}  // namespace mlt
