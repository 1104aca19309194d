// Recordings of older versions: tests/compat/README.md says where they are from.
#include <gtest/gtest.h>
#include <zstd.h>

#include <fstream>

#include "recording/look.h"
#include "recording/recording.h"
#include "report/golden.h"

namespace mlt {
namespace {

using sample::Directory;

void unpack(const std::string& name, const std::string& path) {
  const std::string packed = read_file(std::string(MLT_SOURCE_DIR "/tests/compat/") + name + ".zst");
  std::string data(ZSTD_getFrameContentSize(packed.data(), packed.size()), '\0');
  ASSERT_EQ(ZSTD_decompress(data.data(), data.size(), packed.data(), packed.size()), data.size());
  std::ofstream(path) << data;
}

// The workload faults in a page, locks it, forks, and writes to it; the child does next to nothing.
// `knows_endings`: it was looked how processes ended; `knows_off_cpu`: and how long calls did not run.
void expect_what_was_recorded(const std::string& name, std::size_t faults, bool knows_endings = false,
                              bool knows_off_cpu = false) {
  const Directory directory;
  unpack(name, directory.file("r"));
  const Recording recording = must_open(directory.file("r"));
  EXPECT_TRUE(recording.info().complete);
  std::uint64_t time_ns = 0;
  std::size_t events = 0;
  const Status read = recording.for_each_event([&](const FaultEvent& event) {
    ++events;
    time_ns += event.duration_ns;
    return Status();
  });
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(events, faults);
  const auto report = recording.report();
  ASSERT_TRUE(report) << report.error().message();
  ASSERT_EQ(report->processes.size(), 2U);
  FaultTotals all;
  for (const Process& process : report->processes) {
    EXPECT_EQ(process.comm, "mlt-workload");
    EXPECT_TRUE(process.exited);
    EXPECT_EQ(process.ending.has_value(), knows_endings);
    EXPECT_FALSE(process.faults.failed) << "nobody looked";
    for (const CallTotals& totals : process.locks.totals) EXPECT_EQ(totals.parts.off_cpu_ns.has_value(), knows_off_cpu);
    all.add(process.faults.of_all_origins());
  }
  EXPECT_TRUE(report->groups.empty());
  EXPECT_EQ(all.completed(), faults);
  EXPECT_EQ(all.latency.sum(), time_ns);
  EXPECT_EQ(report->findings.at(0).id, "fork-cow");
  EXPECT_EQ(report->processes[0].locks.totals.at(0).call, MLT_CALL_MLOCK);
  const auto timeline = recording.timeline();
  ASSERT_TRUE(timeline) << timeline.error().message();
  std::size_t over_time = 0;
  for (const TimelinePoint& point : timeline->points) {
    for (const FaultTotals& totals : point.by_origin) over_time += totals.completed();
  }
  EXPECT_EQ(over_time, faults);
  EXPECT_FALSE(timeline->spaces.empty());
}

TEST(Compat, TheFirstRecordings) { expect_what_was_recorded("recording-first.mlt", 435); }
TEST(Compat, RecordingsBeforeMemoryHigh) { expect_what_was_recorded("recording-before-memory-high.mlt", 436); }
TEST(Compat, RecordingsBeforeEndings) { expect_what_was_recorded("recording-before-ending.mlt", 434); }
TEST(Compat, RecordingsBeforeCrowds) { expect_what_was_recorded("recording-before-crowds.mlt", 435, true); }
TEST(Compat, RecordingsBeforeFailedFaults) {
  expect_what_was_recorded("recording-before-failed-faults.mlt", 445, true, true);
}

}  // namespace
}  // namespace mlt
