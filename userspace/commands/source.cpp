#include "commands/source.h"

#include <fmt/format.h>

#include <cerrno>
#include <fstream>
#include <iterator>

#include "analysis/crowd.h"
#include "report/read_json.h"
#include "util/units.h"

namespace mlt {
namespace {

/// Whether the file begins as a JSON object does; a recording never does.
bool is_json(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  char first = 0;
  while (file.get(first) && (first == ' ' || first == '\n' || first == '\r' || first == '\t')) continue;
  return file && first == '{';
}

Result<Report> read_report(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (file.bad()) return fail("cannot read " + path, errno);
  return read_json(text).map_error([&](Error error) {
    error.what = path + ": " + error.what;
    return error;
  });
}

}  // namespace

Result<Source> Source::open(const std::string& path) {
  Source source;
  if (is_json(path)) {
    auto report = read_report(path);
    if (!report) return tl::unexpected(report.error());
    source.report_ = std::move(*report);
    return source;
  }
  auto recording = Recording::open(path);
  if (!recording) return tl::unexpected(recording.error());
  auto report = recording->report();
  if (!report) return tl::unexpected(report.error());
  source.report_ = std::move(*report);
  source.recording_.emplace(std::move(*recording));
  return source;
}

void Source::sum_up(std::size_t processes) {
  if (auto crowd = summed_up(report_, {.processes = processes})) report_ = std::move(*crowd);
}

std::vector<std::string> Source::notes() const {
  std::vector<std::string> notes;
  if (!recording_) return notes;
  const RecordingInfo& info = recording_->info();
  if (!info.complete) {
    notes.push_back(
        fmt::format("the recording was cut off: its recorder was killed, or could not write on; this is up to {}",
                    format_duration(info.report_at_ns)));
  }
  if (info.intervals_dropped != 0)
    notes.push_back(fmt::format("the oldest {} intervals were dropped for --max-size", info.intervals_dropped));
  if (info.events_dropped != 0)
    notes.push_back(fmt::format("the oldest {} single faults were dropped for --max-size", info.events_dropped));
  if (info.events_lost != 0)
    notes.push_back(fmt::format("{} single faults found no room in the ring buffer", info.events_lost));
  return notes;
}

Status Source::for_each_point(const Recording::PointHandler& handler) const {
  return recording_ ? recording_->for_each_point(handler) : Status{};
}

Status Source::for_each_event(const Recording::EventHandler& handler) const {
  return recording_ && recording_->info().with_events ? recording_->for_each_event(handler) : Status{};
}

Result<std::vector<AddressSpace>> Source::spaces() const {
  if (!recording_) return std::vector<AddressSpace>{};
  return recording_->spaces();
}

}  // namespace mlt
