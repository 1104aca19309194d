// Recordings of live traces: they say what the trace said, and outlive whatever happens to the recorder.
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <sstream>
#include <thread>

#include "program.h"
#include "report_view.h"

namespace live {

namespace {

const std::string kFile = "/tmp/mlt-recording";

// What record's --json printed, after whatever the command printed.
Json printed_report(const std::string& out) {
  const std::size_t begin = out.find("{\n");
  return begin == std::string::npos ? Json{} : parse_report(out.substr(begin));
}

Json recorded_report(const std::string& path) {
  const Finished finished = run({"mlocktrace", "report", "--json", path});
  EXPECT_EQ(finished.status, 0) << finished.err;
  return parse_report(finished.out);
}

std::uint64_t event_lines(const std::string& path, const std::string& wanted = {}) {
  const Finished finished = run({"mlocktrace", "report", "--events", path});
  EXPECT_EQ(finished.status, 0) << finished.err;
  std::istringstream lines(finished.out);
  std::uint64_t count = 0;
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "at_ns,duration_ns,pid,tid,address,origin,locked,cause,major,error");
  while (std::getline(lines, line)) {
    if (line.find(wanted) != std::string::npos) ++count;
  }
  return count;
}

// The number that a query returns, as any user of SQLite gets it.
std::int64_t sql(const std::string& path, const std::string& query) {
  sqlite3* db = nullptr;
  sqlite3_stmt* statement = nullptr;
  sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READONLY, nullptr);
  EXPECT_EQ(sqlite3_prepare_v2(db, query.c_str(), -1, &statement, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
  EXPECT_EQ(sqlite3_step(statement), SQLITE_ROW) << query;
  const std::int64_t number = sqlite3_column_int64(statement, 0);
  sqlite3_finalize(statement);
  sqlite3_close(db);
  return number;
}

class RecordedCommand : public testing::TestWithParam<const char*> {};

TEST_P(RecordedCommand, ReportsWhatTheLiveTraceReported) {
  const Finished finished =
      run({"mlocktrace", "record", "-q", "--json", "-o", kFile, "--", "mlt-workload", GetParam()});
  ASSERT_EQ(finished.status, 0) << finished.err;
  const Json live = printed_report(finished.out);
  EXPECT_FALSE(live.at("processes").empty());
  EXPECT_EQ(recorded_report(kFile), live);
  const Finished text = run({"mlocktrace", "report", kFile});
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_NE(text.out.find("mlt-workload"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(kFile + "-wal"));
  // The intervals add up to the report, in every origin.
  EXPECT_EQ(sql(kFile, "SELECT sum(minor) FROM activity_faults"), sql(kFile, "SELECT sum(minor) FROM faults"));
  EXPECT_EQ(sql(kFile, "SELECT sum(major) FROM activity_faults"), sql(kFile, "SELECT sum(major) FROM faults"));
  EXPECT_EQ(sql(kFile, "SELECT sum(time_ns) FROM activity_faults"), sql(kFile, "SELECT sum(time_ns) FROM faults"));
  EXPECT_EQ(sql(kFile, "SELECT sum(coalesce(mlocked, 0)) FROM activity"),
            sql(kFile, "SELECT sum(coalesce(mlocked, 0)) FROM process"));
  EXPECT_EQ(sql(kFile, "SELECT sum(coalesce(pages_populated, 0)) FROM activity"),
            sql(kFile, "SELECT sum(coalesce(populate_pages, 0)) FROM process"));
}

INSTANTIATE_TEST_SUITE_P(All, RecordedCommand,
                         testing::Values("lock-middle", "fork-cow-locked", "lockall-future-map", "lock-limit", "storm"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

// The kernel's counters are one side, the events the other: one for each fault that is counted.
TEST(RecordEvents, AreAllFaultsOfTheCommand) {
  for (const char* workload : {"touch", "fork-cow-locked", "thread-churn"}) {
    const Finished finished =
        run({"mlocktrace", "record", "-q", "--events", "--json", "-o", kFile, "--", "mlt-workload", workload});
    ASSERT_EQ(finished.status, 0) << finished.err;
    const Json report = printed_report(finished.out);
    expect_nothing_lost(report);
    std::uint64_t faults = 0;
    std::uint64_t errors = 0;
    for (const Json& process : report.at("processes")) {
      faults += completed_faults(process);
      for (const char* origin : {"access", "kernel", "populate", "remote"}) {
        const Json& totals = process.at("faults").at(origin);
        if (!totals.is_null()) errors += totals.at("errors").get<std::uint64_t>();
      }
    }
    EXPECT_EQ(event_lines(kFile), faults + errors) << workload;
  }
}

TEST(RecordEvents, AreWhereTheWorkloadTouched) {
  const Finished finished =
      run({"mlocktrace", "record", "-q", "--events", "--json", "-o", kFile, "--", "mlt-workload", "lock-untouched"});
  ASSERT_EQ(finished.status, 0) << finished.err;
  const Json report = printed_report(finished.out);
  if (!sees_everything(report)) return;
  EXPECT_EQ(event_lines(kFile, ",populate,yes,first_touch,"), 2048U);
}

TEST(RecordEvents, OfAStormAreAllThereOrCountedAsLost) {
  const Finished finished = run({"mlocktrace", "record", "-q", "--events", "--json", "-o", kFile, "--", "mlt-workload",
                                 "storm", "--seconds", "3"});
  ASSERT_EQ(finished.status, 0) << finished.err;
  const Json report = printed_report(finished.out);
  std::uint64_t faults = 0;
  for (const Json& process : report.at("processes")) faults += completed_faults(process);
  EXPECT_EQ(event_lines(kFile) + report.at("coverage").at("lost").at("events").get<std::uint64_t>(), faults);
}

TEST(Record, OfARunningProcessHasItsAddressSpaceBeforeAndAfter) {
  Program workload({"mlt-workload", "lock-middle", "--hold"});
  ASSERT_TRUE(workload.read_line().starts_with("ready"));
  Program recorder({"mlocktrace", "record", "-o", kFile, "-p", std::to_string(workload.pid())});
  ASSERT_TRUE(recorder.wait_for_stderr("tracing")) << recorder.stderr_so_far();
  workload.send("g");
  const Json truth = Json::parse(workload.read_line(), nullptr, false);
  recorder.signal(SIGINT);
  const Finished finished = recorder.finish();
  ASSERT_EQ(finished.status, 0) << finished.err;
  EXPECT_NE(finished.err.find("recorded "), std::string::npos) << finished.err;
  EXPECT_NE(finished.err.find("to " + kFile + ": "), std::string::npos) << finished.err;
  EXPECT_EQ(finished.out, "");
  expect_audit_holds(recorded_report(kFile), "faults of");
  EXPECT_EQ(sql(kFile, "SELECT count(*) FROM mapping WHERE moment = 'before' AND locked"), 0);
  EXPECT_EQ(sql(kFile, "SELECT sum(locked_bytes) / 1024 FROM mapping WHERE moment = 'after'"),
            truth.at("locked_kb").at("after").get<std::int64_t>());
  EXPECT_EQ(sql(kFile, "SELECT count(*) FROM mapping WHERE moment = 'after'") -
                sql(kFile, "SELECT count(*) FROM mapping WHERE moment = 'before'"),
            2);
}

TEST(Record, OfACommandHasItsAddressSpaceBeforeItsFirstInstruction) {
  Program recorder({"mlocktrace", "record", "-q", "-o", kFile, "--", "mlt-workload", "lock-middle", "--hold"});
  ASSERT_TRUE(recorder.read_line().starts_with("ready")) << recorder.stderr_so_far();
  recorder.send("g");
  const Json truth = Json::parse(recorder.read_line(), nullptr, false);
  std::this_thread::sleep_for(std::chrono::seconds(5));  // it is looked at once a second, by a tracer that has its turn
  recorder.send("g");
  const Finished finished = recorder.finish();
  ASSERT_EQ(finished.status, 0) << finished.err;
  // What execve makes: the program, its stack, what the kernel adds. Nothing that it maps or locks.
  EXPECT_EQ(sql(kFile, "SELECT count(*) FROM mapping WHERE moment = 'before' AND name = '[stack]'"), 1);
  EXPECT_GE(sql(kFile, "SELECT count(*) FROM mapping WHERE moment = 'before' AND name LIKE '%/mlt-workload'"), 1);
  EXPECT_EQ(sql(kFile, "SELECT count(*) FROM mapping WHERE moment = 'before' AND (locked OR name LIKE '%mlocktrace')"),
            0);
  const std::string unnamed = "SELECT coalesce(sum(end - start), 0) FROM mapping WHERE name = '' AND moment = ";
  EXPECT_LT(sql(kFile, unnamed + "'before'"), 1 << 20);
  EXPECT_GT(sql(kFile, unnamed + "'after'"), 1 << 20);
  EXPECT_EQ(sql(kFile, "SELECT sum(locked_bytes) / 1024 FROM mapping WHERE moment = 'after'"),
            truth.at("locked_kb").at("after").get<std::int64_t>());
  EXPECT_EQ(sql(kFile, "SELECT count(*) FROM mapping WHERE moment = 'before' AND at_ns <> 0"), 0);
  EXPECT_EQ(sql(kFile, "SELECT max(at_ns) > 0 AND max(at_ns) < (SELECT window_duration_ns FROM trace) FROM mapping"),
            1);
}

TEST(Record, KeepsBelowItsLimit) {
  Program recorder({"mlocktrace", "record", "-q", "--events", "--max-size", "1M", "-o", kFile, "--", "mlt-workload",
                    "storm", "--seconds", "4"});
  std::uintmax_t most = 0;
  for (int i = 0; i < 60; ++i) {
    std::error_code gone;
    const auto file = std::filesystem::file_size(kFile, gone);
    std::uintmax_t size = gone ? 0 : file;
    const auto log = std::filesystem::file_size(kFile + "-wal", gone);
    size += gone ? 0 : log;
    most = std::max(most, size);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  const Finished finished = recorder.finish();
  ASSERT_EQ(finished.status, 0) << finished.err;
  EXPECT_LE(most, 1U << 20);
  EXPECT_LE(std::filesystem::file_size(kFile), 1U << 20);
  EXPECT_GT(event_lines(kFile), 0U);
}

// --- what happens to recorders ---------------------------------------------------------------------------------------

TEST(RecordKilled, AtAnyMomentTheFileOpens) {
  const char* wanted = getenv("MLT_KILLS");
  const int kills = wanted != nullptr ? atoi(wanted) : 8;
  Program workload({"mlt-workload", "storm", "--seconds", "600", "threads=1"});
  int reports = 0;
  for (int i = 0; i < kills; ++i) {
    unlink(kFile.c_str());
    Program recorder({"mlocktrace", "record", "--events", "-i", "50ms", "-d", "1s", "-o", kFile, "-p",
                      std::to_string(workload.pid())});
    ASSERT_TRUE(recorder.wait_for_stderr("tracing")) << recorder.stderr_so_far();
    // The last ones while it is ending.
    std::this_thread::sleep_for(std::chrono::milliseconds(i * 1100 / kills));
    recorder.signal(SIGKILL);
    recorder.finish();
    const Finished finished = run({"mlocktrace", "report", "--json", kFile});
    if (finished.status != 0) {
      // Killed before there was anything to report: one line says so.
      EXPECT_NE(finished.err.find("its recorder was"), std::string::npos) << finished.err;
      EXPECT_EQ(std::ranges::count(finished.err, '\n'), 1) << finished.err;
      continue;
    }
    ++reports;
    const Json report = parse_report(finished.out);
    EXPECT_EQ(report.at("type"), "report");
    if (!finished.err.empty()) {
      EXPECT_NE(finished.err.find("the recording was cut off"), std::string::npos) << finished.err;
      EXPECT_NE(run({"mlocktrace", "report", kFile}).out.find("INCOMPLETE: the recording was cut off"),
                std::string::npos);
    }
    event_lines(kFile);
  }
  // The last ones had a second for it.
  EXPECT_GE(reports, 1);
}

TEST(RecordError, DiskFull) {
  const std::string disk = "/tmp/mlt-small-disk";
  mkdir(disk.c_str(), 0755);
  if (mount("none", disk.c_str(), "tmpfs", 0, "size=400k") != 0) GTEST_FAIL() << "cannot mount a tmpfs";
  const std::string path = disk + "/recording";
  Program workload({"mlt-workload", "storm", "--seconds", "600", "threads=1"});
  const Finished finished = run({"mlocktrace", "record", "-q", "--events", "-i", "100ms", "-d", "60s", "-o", path, "-p",
                                 std::to_string(workload.pid())});
  EXPECT_EQ(finished.status, 1);
  EXPECT_NE(finished.err.find("cannot write the recording " + path + ": No space left on device"), std::string::npos)
      << finished.err;
  EXPECT_EQ(std::ranges::count(finished.err, '\n'), 1) << finished.err;
  // What was recorded is there, though nothing more can be written beside it.
  const Finished report = run({"mlocktrace", "report", "--json", path});
  EXPECT_EQ(report.status, 0) << report.err;
  EXPECT_NE(report.err.find("the recording was cut off"), std::string::npos) << report.err;
  EXPECT_GT(event_lines(path), 0U);
  umount2(disk.c_str(), MNT_DETACH);
  rmdir(disk.c_str());
}

void expect_one_line(const Finished& finished, int status, const std::string& text) {
  EXPECT_EQ(finished.status, status) << finished.err;
  EXPECT_EQ(finished.err, "mlocktrace: " + text + "\n");
  EXPECT_EQ(finished.out, "");
}

TEST(RecordError, PlacesThatCannotBeWritten) {
  expect_one_line(run({"mlocktrace", "record", "-q", "-o", "/no/such/r", "--", "true"}), 1,
                  "cannot write the recording /no/such/r: No such file or directory; name another file with -o");
  expect_one_line(run({"mlocktrace", "record", "-q", "-o", "/tmp", "--", "true"}), 1,
                  "cannot write the recording /tmp: Is a directory");
  expect_one_line(run({"mlocktrace", "record", "-q", "-o", "/dev/full", "--", "true"}), 1,
                  "/dev/full is not a regular file");
  write_file("/tmp/mlt-thesis", "years of work");
  expect_one_line(run({"mlocktrace", "record", "-q", "-o", "/tmp/mlt-thesis", "--", "true"}), 1,
                  "/tmp/mlt-thesis exists and is no recording; name another file with -o, or remove this one");
  EXPECT_EQ(read_file("/tmp/mlt-thesis"), "years of work");
  expect_one_line(run({"mlocktrace", "report", "/tmp/mlt-thesis"}), 1,
                  "/tmp/mlt-thesis is no recording of mlocktrace; `mlocktrace record` makes one");
  expect_one_line(run({"mlocktrace", "report", "/no/such/r"}), 1, "cannot read /no/such/r: No such file or directory");
  unlink("/tmp/mlt-thesis");
}

TEST(RecordError, ARecordingIsReplacedAndNeverEmptiedByItsReport) {
  for (int i = 0; i < 2; ++i) EXPECT_EQ(run({"mlocktrace", "record", "-q", "-o", kFile, "--", "true"}).status, 0);
  expect_one_line(run({"mlocktrace", "report", kFile, "-o", kFile}), 1,
                  kFile + " is what is read; name another file to write");
  expect_one_line(run({"mlocktrace", "report", kFile, "--events"}), 1,
                  "the recording holds no single faults; record them with --events");
  EXPECT_EQ(run({"mlocktrace", "report", kFile}).status, 0);
}

TEST(RecordError, TheCommandsStatusIsKept) {
  EXPECT_EQ(run({"mlocktrace", "record", "-q", "-o", kFile, "--", "sh", "-c", "exit 7"}).status, 7);
  EXPECT_EQ(run({"mlocktrace", "report", kFile}).status, 0);
}

}  // namespace

}  // namespace live
