#include "recording/sample.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "report/fixtures.h"
#include "report/json.h"

namespace mlt::sample {

Directory::Directory() {
  std::string name = testing::TempDir() + "mlt-XXXXXX";
  path_ = mkdtemp(name.data());
}

Directory::~Directory() { std::filesystem::remove_all(path_); }

FaultEvent event(std::uint64_t index) {
  // As good as random, and the same each time: splitmix64.
  std::uint64_t noise = (index + 1) * 0x9e3779b97f4a7c15ULL;
  noise = (noise ^ noise >> 30) * 0xbf58476d1ce4e5b9ULL;
  noise = (noise ^ noise >> 27) * 0x94d049bb133111ebULL;
  noise >>= 34;
  FaultEvent event;
  event.at_ns = index * 2500 + noise % 2000;  // threads on two processors overtake each other
  event.duration_ns = 400 + noise % 300 + (noise % 1000 == 0 ? 5'000'000 : 0);
  event.pid = index % 2 == 0 ? 4242 : 4250;
  event.tid = event.pid + static_cast<std::uint32_t>(index / 2 % 2);
  event.address = 0x7f5a80000000 + index * 4096 + noise % 4096;
  event.origin = static_cast<mlt_origin>(noise % MLT_ORIGIN_NR);
  event.locked = static_cast<mlt_lock_state>(noise % MLT_LOCK_STATE_NR);
  event.cause = static_cast<mlt_cause>(noise % MLT_CAUSE_NR);
  event.major = noise % 100 == 0;
  event.error = noise % 512 == 0;
  return event;
}

std::vector<TimelinePoint> points(std::uint64_t interval) {
  TimelinePoint busy;
  busy.start_ns = interval * 1'000'000'000;
  busy.duration_ns = 1'000'000'000;
  busy.pid = 4242;
  busy.by_origin[MLT_ORIGIN_ACCESS] = fixtures::minor_faults(1000 + interval, 700);
  busy.by_origin[MLT_ORIGIN_POPULATE] = fixtures::minor_faults(50, 400);
  busy.by_origin[MLT_ORIGIN_ACCESS].major = 0;
  busy.by_origin[MLT_ORIGIN_ACCESS].errors = 2;
  busy.by_origin[MLT_ORIGIN_ACCESS].retries = 3;
  busy.by_cause[MLT_CAUSE_COW] = 800;
  busy.by_cause[MLT_CAUSE_FIRST_TOUCH] = 250 + interval;
  busy.pages_populated = 50;
  busy.mlocked = 48;
  busy.munlocked = 0;
  busy.locked_bytes = 196'608;
  busy.resident_bytes = 4'000'000 + interval;
  busy.swap_in = 0;
  busy.reclaim_ns = 12'345;
  TimelinePoint idle;
  idle.start_ns = busy.start_ns;
  idle.duration_ns = busy.duration_ns;
  idle.pid = 4250;
  return {busy, idle};
}

std::vector<AddressSpace> spaces() {
  const MapsEntry heap = {0x55d0c0de0000, 0x55d0c0df0000, "rw-p", 0, "[heap]", 65536, 0, 0, false};
  MapsEntry locked = heap;
  locked.locked = true;
  locked.locked_bytes = 65536;
  const MapsEntry file = {0x7f5a80000000, 0x7f5a80010000, "r--s", 8192, "/srv/a b\n<i>\x1b[31m\xff", 4096, 0,
                          8192,           false};
  MapsEntry long_name = file;
  long_name.name = "/" + std::string(4095, 'x');
  return {{4242, {heap, file, long_name}, {locked, file}}, {4250, {}, {heap}}};
}

RecordingOptions options(const std::string& path) {
  RecordingOptions options;
  options.path = path;
  options.tool_version = "0.1.0";
  options.with_events = true;
  return options;
}

void record(const RecordingOptions& options, const Report& report, const Size& size, bool close) {
  const auto write = [&](RecordingWriter& writer) -> Status {
    if (Status status = writer.set_spaces(spaces()); !status) return status;
    const std::string json = to_json(report, false);
    for (std::uint64_t interval = 0; interval < size.intervals; ++interval) {
      for (std::uint64_t i = interval * size.events / size.intervals; i < (interval + 1) * size.events / size.intervals;
           ++i) {
        if (Status status = writer.add_event(event(i)); !status) return status;
      }
      if (Status status = writer.add_interval(interval * 1'000'000'000, 1'000'000'000, points(interval)); !status)
        return status;
      if (Status status = writer.set_report(json, (interval + 1) * 1'000'000'000); !status) return status;
      if (Status status = writer.commit(7); !status) return status;
    }
    return close ? writer.close() : Status();
  };
  if (close) {
    auto writer = RecordingWriter::create(options);
    ASSERT_TRUE(writer) << writer.error().message();
    const Status status = write(*writer);
    ASSERT_TRUE(status) << status.error().message();
    return;
  }
  // No destructor runs in a process that is killed.
  const pid_t child = fork();
  if (child == 0) {
    auto writer = RecordingWriter::create(options);
    _exit(writer && write(*writer) ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
}

void expect_equal(const TimelinePoint& a, const TimelinePoint& b) {
  EXPECT_EQ(a.start_ns, b.start_ns);
  EXPECT_EQ(a.duration_ns, b.duration_ns);
  EXPECT_EQ(a.pid, b.pid);
  for (std::size_t i = 0; i < a.by_origin.size(); ++i) {
    EXPECT_EQ(a.by_origin[i].minor, b.by_origin[i].minor);
    EXPECT_EQ(a.by_origin[i].major, b.by_origin[i].major);
    EXPECT_EQ(a.by_origin[i].errors, b.by_origin[i].errors);
    EXPECT_EQ(a.by_origin[i].retries, b.by_origin[i].retries);
    EXPECT_EQ(a.by_origin[i].untimed, b.by_origin[i].untimed);
    EXPECT_EQ(a.by_origin[i].latency.sum(), b.by_origin[i].latency.sum());
    EXPECT_EQ(a.by_origin[i].latency.min(), b.by_origin[i].latency.min());
    EXPECT_EQ(a.by_origin[i].latency.max(), b.by_origin[i].latency.max());
    EXPECT_EQ(a.by_origin[i].latency.count(), b.by_origin[i].latency.count());
    EXPECT_EQ(a.by_origin[i].latency.buckets(), b.by_origin[i].latency.buckets());
  }
  EXPECT_EQ(a.by_cause, b.by_cause);
  EXPECT_EQ(a.pages_populated, b.pages_populated);
  EXPECT_EQ(a.mlocked, b.mlocked);
  EXPECT_EQ(a.munlocked, b.munlocked);
  EXPECT_EQ(a.locked_bytes, b.locked_bytes);
  EXPECT_EQ(a.resident_bytes, b.resident_bytes);
  EXPECT_EQ(a.swap_in, b.swap_in);
  EXPECT_EQ(a.swap_out, b.swap_out);
  EXPECT_EQ(a.reclaim_ns, b.reclaim_ns);
}

void expect_equal(const FaultEvent& a, const FaultEvent& b) {
  EXPECT_EQ(a.at_ns, b.at_ns);
  EXPECT_EQ(a.duration_ns, b.duration_ns);
  EXPECT_EQ(a.address, b.address);
  EXPECT_EQ(a.pid, b.pid);
  EXPECT_EQ(a.tid, b.tid);
  EXPECT_EQ(a.origin, b.origin);
  EXPECT_EQ(a.locked, b.locked);
  EXPECT_EQ(a.cause, b.cause);
  EXPECT_EQ(a.major, b.major);
  EXPECT_EQ(a.error, b.error);
}

}  // namespace mlt::sample
