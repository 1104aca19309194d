// Recordings of live traces: they say what the trace said, and outlive whatever happens to the recorder.
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <map>
#include <sstream>
#include <stdexcept>

#include "printed.h"
#include "program.h"
#include "report_view.h"
#include "truth.h"

namespace live {

namespace {

const std::string kFile = "/tmp/mlt-recording";

Json recorded_report(const std::string& path) {
  const Finished finished = run({"mlocktrace", "report", "--json", path});
  EXPECT_EQ(finished.status, 0) << finished.err;
  return parse_report(finished.out);
}

// Single faults, as `report --events` prints them, by process.
using Events = std::map<std::uint64_t, std::vector<std::string>>;

Events recorded_events(const std::string& path) {
  const Finished finished = run({"mlocktrace", "report", "--events", path});
  EXPECT_EQ(finished.status, 0) << finished.err;
  std::istringstream lines(finished.out);
  Events events;
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "at_ns,duration_ns,pid,tid,address,origin,locked,cause,major,error");
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    std::string field;
    for (int i = 0; i <= 2; ++i) std::getline(fields, field, ',');
    events[std::stoull(field)].push_back(line);
  }
  return events;
}

std::uint64_t event_count(const std::string& path) {
  std::uint64_t count = 0;
  for (const auto& [pid, lines] : recorded_events(path)) count += lines.size();
  return count;
}

std::uint64_t completed_faults_of_all(const Json& report) {
  std::uint64_t faults = 0;
  for (const Json& process : report.at("processes")) faults += completed_faults(process);
  return faults;
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

// What a process has read ("rchar") or written ("wchar") so far.
std::uint64_t bytes_of(pid_t pid, const std::string& which) {
  std::istringstream text(read_file("/proc/" + std::to_string(pid) + "/io"));
  std::string key;
  for (std::uint64_t bytes = 0; text >> key >> bytes;) {
    if (key == which + ":") return bytes;
  }
  ADD_FAILURE() << "no " << which << " of " << pid;
  return 0;
}
std::uint64_t bytes_read_by(pid_t pid) { return bytes_of(pid, "rchar"); }
std::uint64_t bytes_written_by(pid_t pid) { return bytes_of(pid, "wchar"); }

struct Recorded {
  std::string path;
  std::vector<Json> truths;
  Json live;  // the report that the recorder printed

  // The truth of a workload.
  [[nodiscard]] const Json& truth(const std::string& workload) const {
    const auto found =
        std::ranges::find(truths, workload, [](const Json& truth) { return truth.at("workload").get<std::string>(); });
    if (found == truths.end()) throw std::runtime_error(workload + " did not say what it did");
    return *found;
  }
};

Recorded record(const std::string& path, const Words& options, const Words& command) {
  Words words = {"mlocktrace", "record", "-q", "--json", "-o", path};
  words.insert(words.end(), options.begin(), options.end());
  words.emplace_back("--");
  words.insert(words.end(), command.begin(), command.end());
  const Finished finished = run(words);
  EXPECT_EQ(finished.status, 0) << finished.err;
  return {path, printed_truths(finished.out), printed_report(finished.out)};
}

// With every signal, for every field of a report makes the round trip.
const Recorded& recorded_command() {
  static const Recorded recorded = record(
      "/tmp/mlt-recorded-command", {},
      one_after_another({"lock-middle", "fork-cow-locked", "lockall-future-map", "lock-limit", "storm --seconds 0.5"}));
  return recorded;
}

TEST(Recorded, ReportsWhatTheLiveTraceReported) {
  const auto& [path, truths, live] = recorded_command();
  EXPECT_EQ(truths.size(), 5U);
  EXPECT_EQ(recorded_report(path), live);
  EXPECT_FALSE(std::filesystem::exists(path + "-wal"));
  const Finished text = run({"mlocktrace", "report", path});
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_NE(text.out.find("mlt-workload"), std::string::npos);
}

class RecordedCommand : public testing::TestWithParam<const char*> {};

TEST_P(RecordedCommand, ReportsWhatTheLiveTraceReported) {
  const Recorded& recorded = recorded_command();
  const Json& truth = recorded.truth(GetParam());
  const Json* live = find_process(recorded.live, truth.at("pid"));
  ASSERT_NE(live, nullptr);
  EXPECT_GT(completed_faults(*live), 0U);
  const Json report = recorded_report(recorded.path);
  const Json* process = find_process(report, truth.at("pid"));
  ASSERT_NE(process, nullptr);
  EXPECT_EQ(*process, *live);
  // The intervals add up to the report, in every origin.
  const std::string of_it = " WHERE pid = " + truth.at("pid").dump();
  const auto number = [&](const std::string& what, const std::string& from) {
    return sql(recorded.path, "SELECT sum(" + what + ") FROM " + from + of_it);
  };
  const std::string by_interval = "activity_faults JOIN activity ON activity = id";
  for (const char* column : {"minor", "major", "time_ns"})
    EXPECT_EQ(number(column, by_interval), number(column, "faults")) << column;
  EXPECT_EQ(number("minor + major", "faults"), static_cast<std::int64_t>(completed_faults(*live)));
  EXPECT_EQ(number("coalesce(mlocked, 0)", "activity"), number("coalesce(mlocked, 0)", "process"));
  EXPECT_EQ(number("coalesce(pages_populated, 0)", "activity"), number("coalesce(populate_pages, 0)", "process"));
}

INSTANTIATE_TEST_SUITE_P(All, RecordedCommand,
                         testing::Values("lock-middle", "fork-cow-locked", "lockall-future-map", "lock-limit", "storm"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

const Recorded& recorded_with_events() {
  static const Recorded recorded =
      record("/tmp/mlt-recorded-events", {"--events", "--signals", "fault,fault_entry,cause"},
             one_after_another({"touch", "fork-cow-locked", "thread-churn", "lock-untouched"}));
  return recorded;
}

// The kernel's counters are one side, the events the other: one for each fault that is counted.
TEST(RecordEvents, AreAllFaultsOfTheCommand) {
  const auto& [path, truths, report] = recorded_with_events();
  EXPECT_EQ(truths.size(), 4U);
  expect_nothing_lost(report);
  Events events = recorded_events(path);
  for (const Json& process : report.at("processes")) {
    std::uint64_t faults = completed_faults(process);
    for (const char* origin : {"access", "kernel", "populate", "remote"}) {
      const Json& totals = process.at("faults").at(origin);
      if (!totals.is_null()) faults += totals.at("errors").get<std::uint64_t>();
    }
    EXPECT_EQ(events[process.at("pid")].size(), faults) << process.at("pid");
    events.erase(process.at("pid"));
  }
  EXPECT_TRUE(events.empty());
  for (const Json& truth : truths) EXPECT_NE(find_process(report, truth.at("pid")), nullptr) << truth;
}

TEST(RecordEvents, AreWhereTheWorkloadTouched) {
  const Recorded& recorded = recorded_with_events();
  if (!sees_everything(recorded.live)) return;
  const Events events = recorded_events(recorded.path);
  EXPECT_EQ(std::ranges::count_if(
                events.at(recorded.truth("lock-untouched").at("pid")),
                [](const std::string& line) { return line.find(",populate,yes,first_touch,") != std::string::npos; }),
            2048);
}

TEST(RecordEvents, OfAStormAreAllThereOrCountedAsLost) {
  const Recorded recorded =
      record(kFile, {"--events", "--signals", "fault"}, {"mlt-workload", "storm", "--seconds", "1"});
  EXPECT_EQ(event_count(kFile) + recorded.live.at("coverage").at("lost").at("events").get<std::uint64_t>(),
            completed_faults_of_all(recorded.live));
}

TEST(Record, OfARunningProcessHasItsAddressSpaceBeforeAndAfter) {
  Program workload({"mlt-workload", "lock-middle", "--hold"});
  ASSERT_TRUE(workload.read_line().starts_with("ready"));
  Program recorder({"mlocktrace", "record", "--signals", "fault", "-o", kFile, "-p", std::to_string(workload.pid())});
  ASSERT_TRUE(recorder.wait_for_stderr("tracing")) << recorder.stderr_so_far();
  workload.send("g");
  const Json truth = read_truth(workload.read_line());
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
  // There is no interval at whose end more would be read than the address space of the command.
  Program recorder({"mlocktrace", "record", "-q", "--signals", "fault", "-i", "1h", "-o", kFile, "--", "mlt-workload",
                    "lock-middle", "--hold"});
  ASSERT_TRUE(recorder.read_line().starts_with("ready")) << recorder.stderr_so_far();
  recorder.send("g");
  const Json truth = read_truth(recorder.read_line());
  // It is looked at once a second. A look may be under way that began before the lock: the next one did not.
  const std::uint64_t look = read_file("/proc/" + truth.at("pid").dump() + "/smaps").size();
  ASSERT_GT(look, 0U);
  const std::uint64_t before = bytes_read_by(recorder.pid());
  ASSERT_TRUE(wait_until([&] { return bytes_read_by(recorder.pid()) >= before + 2 * look; }));
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

void remove_recording() {
  for (const std::string& path : {kFile, kFile + "-wal", kFile + "-journal"}) unlink(path.c_str());
}

// More faults than there is room for: the oldest are given up.
// Records until so many bytes were written; returns how large the file and its log were at the most.
std::uintmax_t record_below_1m(const Program& workload, std::uint64_t bytes) {
  remove_recording();
  Program recorder({"mlocktrace", "record", "-q", "--events", "--signals", "fault", "--max-size", "1M", "-o", kFile,
                    "-p", std::to_string(workload.pid())});
  std::uintmax_t most = 0;
  EXPECT_TRUE(wait_until([&] {
    std::uintmax_t size = 0;
    for (const std::string& path : {kFile, kFile + "-wal"}) {
      std::error_code gone;
      const auto of_one = std::filesystem::file_size(path, gone);
      size += gone ? 0 : of_one;
    }
    most = std::max(most, size);
    return bytes_written_by(recorder.pid()) > bytes;
  }));
  recorder.signal(SIGINT);
  const Finished finished = recorder.finish();
  EXPECT_EQ(finished.status, 0) << finished.err;
  return most;
}

TEST(Record, KeepsBelowItsLimit) {
  const Program workload({"mlt-workload", "storm", "--seconds", "100000", "threads=1"});
  // What it writes is more than what it keeps. How much of it are events depends on how fast the machine faults: the
  // report is written every second.
  std::int64_t dropped = 0;
  for (std::uint64_t bytes = 2 << 20; dropped == 0 && bytes <= 64 << 20; bytes *= 2) {
    EXPECT_LE(record_below_1m(workload, bytes), 1U << 20);
    EXPECT_LE(std::filesystem::file_size(kFile), 1U << 20);
    EXPECT_GT(event_count(kFile), 0U);
    dropped = sql(kFile, "SELECT events_dropped FROM recording");
  }
  EXPECT_GT(dropped, 0);
}

// --- what happens to recorders ---------------------------------------------------------------------------------------

// By turns at some moment while it records, the first at once, and while it ends.
TEST(RecordKilled, AtAnyMomentTheFileOpens) {
  const char* wanted = getenv("MLT_KILLS");
  const int kills = wanted != nullptr ? atoi(wanted) : 3;
  Program workload({"mlt-workload", "storm", "--seconds", "100000", "threads=1"});
  const auto holds_a_report = [] {
    return (read_file(kFile) + read_file(kFile + "-wal")).find(R"("type":"report")") != std::string::npos;
  };
  int reports = 0;
  for (int i = 0; i < kills; ++i) {
    remove_recording();
    Program recorder({"mlocktrace", "record", "--events", "--signals", "fault", "-i", "50ms", "-o", kFile, "-p",
                      std::to_string(workload.pid())});
    ASSERT_TRUE(recorder.wait_for_stderr("tracing")) << recorder.stderr_so_far();
    const bool ends = i % 2 == 1;
    if (i > 0) {
      ASSERT_TRUE(wait_until(holds_a_report));
      if (ends) recorder.signal(SIGINT);
      usleep(static_cast<useconds_t>((ends ? 100'000 : 1'000'000) / kills * i));
    }
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
    event_count(kFile);
  }
  EXPECT_GE(reports, 1);
}

TEST(RecordError, DiskFull) {
  const std::string disk = "/tmp/mlt-small-disk";
  umount2(disk.c_str(), MNT_DETACH);  // of a run that was killed
  mkdir(disk.c_str(), 0755);
  if (mount("none", disk.c_str(), "tmpfs", 0, "size=400k") != 0) GTEST_FAIL() << "cannot mount a tmpfs";
  const std::string path = disk + "/recording";
  Program workload({"mlt-workload", "storm", "--seconds", "100000", "threads=1"});
  const Finished finished = run({"mlocktrace", "record", "-q", "--events", "--signals", "fault", "-i", "100ms", "-o",
                                 path, "-p", std::to_string(workload.pid())});
  EXPECT_EQ(finished.status, 1);
  EXPECT_NE(finished.err.find("cannot write the recording " + path + ": No space left on device"), std::string::npos)
      << finished.err;
  EXPECT_EQ(std::ranges::count(finished.err, '\n'), 1) << finished.err;
  // What was recorded is there, though nothing more can be written beside it.
  const Finished report = run({"mlocktrace", "report", "--json", path});
  EXPECT_EQ(report.status, 0) << report.err;
  EXPECT_NE(report.err.find("the recording was cut off"), std::string::npos) << report.err;
  EXPECT_GT(event_count(path), 0U);
  umount2(disk.c_str(), MNT_DETACH);
  rmdir(disk.c_str());
}

void expect_one_line(const Finished& finished, int status, const std::string& text) {
  EXPECT_EQ(finished.status, status) << finished.err;
  EXPECT_EQ(finished.err, "mlocktrace: " + text + "\n");
  EXPECT_EQ(finished.out, "");
}

TEST(RecordError, PlacesThatCannotBeWritten) {
  expect_one_line(run({"mlocktrace", "record", "-q", "--signals", "fault", "-o", "/no/such/r", "--", "true"}), 1,
                  "cannot write the recording /no/such/r: No such file or directory; name another file with -o");
  expect_one_line(run({"mlocktrace", "record", "-q", "--signals", "fault", "-o", "/tmp", "--", "true"}), 1,
                  "cannot write the recording /tmp: Is a directory");
  expect_one_line(run({"mlocktrace", "record", "-q", "--signals", "fault", "-o", "/dev/null", "--", "true"}), 1,
                  "/dev/null is not a regular file");
  write_file("/tmp/mlt-thesis", "years of work");
  expect_one_line(run({"mlocktrace", "record", "-q", "--signals", "fault", "-o", "/tmp/mlt-thesis", "--", "true"}), 1,
                  "/tmp/mlt-thesis exists and is no recording; name another file with -o, or remove this one");
  EXPECT_EQ(read_file("/tmp/mlt-thesis"), "years of work");
  expect_one_line(run({"mlocktrace", "report", "/tmp/mlt-thesis"}), 1,
                  "/tmp/mlt-thesis is no recording of mlocktrace; `mlocktrace record` makes one");
  expect_one_line(run({"mlocktrace", "report", "/no/such/r"}), 1, "cannot read /no/such/r: No such file or directory");
  unlink("/tmp/mlt-thesis");
}

TEST(RecordError, ARecordingIsReplacedAndNeverEmptiedByItsReport) {
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(run({"mlocktrace", "record", "-q", "--signals", "fault", "-o", kFile, "--", "true"}).status, 0);
  expect_one_line(run({"mlocktrace", "report", kFile, "-o", kFile}), 1,
                  kFile + " is what is read; name another file to write");
  expect_one_line(run({"mlocktrace", "report", kFile, "--events"}), 1,
                  "the recording holds no single faults; record them with --events");
  EXPECT_EQ(run({"mlocktrace", "report", kFile}).status, 0);
}

TEST(RecordError, TheCommandsStatusIsKept) {
  EXPECT_EQ(run({"mlocktrace", "record", "-q", "--signals", "fault", "-o", kFile, "--", "sh", "-c", "exit 7"}).status,
            7);
  EXPECT_EQ(run({"mlocktrace", "report", kFile}).status, 0);
}

}  // namespace

}  // namespace live
