#include <gtest/gtest.h>
#include <sys/stat.h>

#include "recording/look.h"
#include "report/fixtures.h"
#include "report/json.h"

namespace mlt {
namespace {

using sample::Directory;

std::uint64_t bytes_on_disk(const std::string& path) {
  std::uint64_t bytes = 0;
  for (const char* suffix : {"", "-wal", "-journal"}) {
    struct stat file {};
    if (stat((path + suffix).c_str(), &file) == 0) bytes += static_cast<std::uint64_t>(file.st_size);
  }
  return bytes;
}

TEST(MaxSize, IsNeverExceededAndCostsTheOldestEventsFirst) {
  const Directory directory;
  RecordingOptions options = sample::options(directory.file("r"));
  options.max_bytes = 2 << 20;
  auto writer = RecordingWriter::create(options);
  ASSERT_TRUE(writer) << writer.error().message();
  const std::string json = to_json(fixtures::busy(), false);
  std::uint64_t index = 0;
  constexpr std::uint64_t kIntervals = 60;
  constexpr std::uint64_t kPerInterval = 20'000;
  for (std::uint64_t interval = 0; interval < kIntervals; ++interval) {
    for (std::uint64_t i = 0; i < kPerInterval; ++i) {
      const Status status = writer->add_event(sample::event(index++));
      ASSERT_TRUE(status) << status.error().message();
    }
    Status status = writer->add_interval(interval * 1'000'000'000, 1'000'000'000, sample::points(interval));
    if (status) status = writer->set_report(json, interval);
    if (status) status = writer->commit(0);
    ASSERT_TRUE(status) << status.error().message();
    EXPECT_LE(bytes_on_disk(options.path), *options.max_bytes);
  }
  const Status closed = writer->close();
  ASSERT_TRUE(closed) << closed.error().message();
  EXPECT_LE(bytes_on_disk(options.path), *options.max_bytes);
  EXPECT_GT(bytes_on_disk(options.path), *options.max_bytes / 2);
  const Recording recording = must_open(options.path);
  EXPECT_GT(recording.info().events_dropped, 0U);
  EXPECT_EQ(recording.info().events + recording.info().events_dropped, kIntervals * kPerInterval);
  EXPECT_EQ(recording.info().intervals_dropped, 0U);
  EXPECT_EQ(count_events(recording, recording.info().events_dropped), recording.info().events);
  EXPECT_EQ(recording.timeline()->points.size(), 2 * kIntervals);
}

TEST(MaxSize, ThenTheOldestIntervals) {
  const Directory directory;
  RecordingOptions options = sample::options(directory.file("r"));
  options.max_bytes = kLeastMaxBytes;
  auto writer = RecordingWriter::create(options);
  ASSERT_TRUE(writer);
  const std::string json = to_json(fixtures::busy(), false);
  constexpr std::uint64_t kIntervals = 1500;
  for (std::uint64_t interval = 0; interval < kIntervals; ++interval) {
    Status status = writer->add_interval(interval * 1'000'000'000, 1'000'000'000, sample::points(interval));
    if (status && interval % 50 == 0) status = writer->set_report(json, interval);
    if (status && interval % 20 == 0) status = writer->commit(0);
    ASSERT_TRUE(status) << status.error().message();
    ASSERT_LE(bytes_on_disk(options.path), *options.max_bytes);
  }
  ASSERT_TRUE(writer->close());
  const Recording recording = must_open(options.path);
  EXPECT_GT(recording.info().intervals_dropped, 0U);
  const auto timeline = recording.timeline();
  ASSERT_TRUE(timeline);
  ASSERT_EQ(timeline->points.size(), 2 * (kIntervals - recording.info().intervals_dropped));
  sample::expect_equal(timeline->points.back(), sample::points(kIntervals - 1)[1]);
  sample::expect_equal(timeline->points.front(), sample::points(recording.info().intervals_dropped)[0]);
}

TEST(MaxSize, HoldsWithALargeReportToo) {
  const Directory directory;
  RecordingOptions options = sample::options(directory.file("r"));
  options.max_bytes = kLeastMaxBytes;
  auto writer = RecordingWriter::create(options);
  ASSERT_TRUE(writer);
  const std::string json = to_json(fixtures::crowd(60), false);
  ASSERT_GT(json.size(), 100'000U);
  std::uint64_t index = 0;
  for (std::uint64_t interval = 0; interval < 30; ++interval) {
    for (std::uint64_t i = 0; i < 30'000; ++i) ASSERT_TRUE(writer->add_event(sample::event(index++)));
    const Status status = writer->set_report(json, interval).and_then([&] { return writer->commit(0); });
    ASSERT_TRUE(status) << status.error().message();
    ASSERT_LE(bytes_on_disk(options.path), *options.max_bytes);
  }
  ASSERT_TRUE(writer->close());
  const Recording recording = must_open(options.path);
  EXPECT_EQ(to_json(*recording.report(), false), json);
  EXPECT_EQ(count_events(recording, recording.info().events_dropped), recording.info().events);
}

TEST(MaxSize, TooSmallForTheReportIsTold) {
  const Directory directory;
  RecordingOptions options = sample::options(directory.file("r"));
  options.max_bytes = kLeastMaxBytes;
  auto writer = RecordingWriter::create(options);
  ASSERT_TRUE(writer);
  const Status status = writer->set_report(to_json(fixtures::crowd(2000), false), 1);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message(), "cannot write the recording " + options.path +
                                          ": No space left on device; --max-size is too small for such a report");
}

}  // namespace
}  // namespace mlt
