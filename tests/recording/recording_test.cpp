#include "recording/recording.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "recording/database.h"
#include "recording/look.h"
#include "recording/schema.h"
#include "report/fixtures.h"
#include "report/golden.h"
#include "report/json.h"
#include "report/text.h"

namespace mlt {
namespace {

using sample::Directory;

void expect_whole(const Recording& recording, const Report& report, const sample::Size& size) {
  const auto read = recording.report();
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(to_json(*read, true), to_json(report, true));
  EXPECT_EQ(count_events(recording), size.events);
  const auto timeline = recording.timeline();
  ASSERT_TRUE(timeline) << timeline.error().message();
  ASSERT_EQ(timeline->points.size(), 2 * size.intervals);
  for (std::uint64_t i = 0; i < size.intervals; ++i) {
    sample::expect_equal(timeline->points[2 * i], sample::points(i)[0]);
    sample::expect_equal(timeline->points[2 * i + 1], sample::points(i)[1]);
  }
  const auto spaces = sample::spaces();
  ASSERT_EQ(timeline->spaces.size(), spaces.size());
  for (std::size_t i = 0; i < spaces.size(); ++i) {
    EXPECT_EQ(timeline->spaces[i].pid, spaces[i].pid);
    ASSERT_EQ(timeline->spaces[i].before.size(), spaces[i].before.size());
    ASSERT_EQ(timeline->spaces[i].after.size(), spaces[i].after.size());
    for (std::size_t j = 0; j < spaces[i].after.size(); ++j) {
      const MapsEntry& a = timeline->spaces[i].after[j];
      const MapsEntry& b = spaces[i].after[j];
      EXPECT_EQ(std::tie(a.start, a.end, a.permissions, a.offset, a.name, a.resident_bytes, a.locked_bytes,
                         a.swapped_bytes, a.locked),
                std::tie(b.start, b.end, b.permissions, b.offset, b.name, b.resident_bytes, b.locked_bytes,
                         b.swapped_bytes, b.locked));
    }
  }
}

TEST(Recording, GivesBackWhatWasRecorded) {
  const Directory directory;
  const std::string path = directory.file("r");
  for (const Report& report : {fixtures::quiet(), fixtures::busy(), fixtures::degraded(), fixtures::crowd(300)}) {
    sample::record(sample::options(path), report, {});
    const Recording recording = must_open(path);
    EXPECT_TRUE(recording.info().complete);
    EXPECT_EQ(recording.info().tool_version, "0.1.0");
    EXPECT_EQ(recording.info().events, 1000U);
    EXPECT_EQ(recording.info().events_dropped, 0U);
    EXPECT_EQ(recording.info().events_lost, 7U);
    EXPECT_EQ(recording.info().report_at_ns, 5'000'000'000U);
    expect_whole(recording, report, {});
  }
}

TEST(Recording, TheTextIsThatOfTheLiveReport) {
  const Directory directory;
  sample::record(sample::options(directory.file("r")), fixtures::busy(), {});
  const auto report = must_open(directory.file("r")).report();
  TextOptions options;
  options.verbose = true;
  EXPECT_EQ(to_text(*report, options), to_text(fixtures::busy(), options));
}

TEST(Recording, IsOnePlainFileWhenClosed) {
  const Directory directory;
  sample::record(sample::options(directory.file("r")), fixtures::busy(), {});
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(directory.file("."))) ++files;
  EXPECT_EQ(files, 1U);
  EXPECT_EQ(Sql(directory.file("r")).rows("PRAGMA journal_mode")[0][0], "delete");
  EXPECT_EQ(Sql(directory.file("r")).rows("PRAGMA integrity_check")[0][0], "ok");
}

TEST(Recording, ThatWasCutOffHoldsWhatWasCommitted) {
  const Directory directory;
  const std::string path = directory.file("r");
  sample::record(sample::options(path), fixtures::busy(), {}, false);
  ASSERT_TRUE(std::filesystem::exists(path + "-wal"));
  // Twice: reading changes nothing.
  for (int i = 0; i < 2; ++i) {
    const Recording recording = must_open(path);
    EXPECT_FALSE(recording.info().complete);
    expect_whole(recording, fixtures::busy(), {});
  }
  EXPECT_TRUE(std::filesystem::exists(path + "-wal"));
  EXPECT_FALSE(std::filesystem::exists(path + "-shm"));
  // Any SQLite reads it too.
  EXPECT_EQ(Sql(path, SQLITE_OPEN_READWRITE).rows("SELECT state FROM recording")[0][0], "recording");
}

TEST(Recording, ThatWasCutOffLosesOnlyWhatWasInItsLog) {
  const Directory directory;
  const std::string path = directory.file("r");
  sample::record(sample::options(path), fixtures::busy(), {}, false);
  const std::string log = read_file(path + "-wal");
  for (std::size_t size = 0; size < log.size(); size += log.size() / 97 + 1) {
    std::ofstream(path + "-wal", std::ios::binary) << log.substr(0, size);
    const auto recording = Recording::open(path);
    if (!recording) {
      EXPECT_NE(recording.error().message().find("killed before it began"), std::string::npos)
          << recording.error().message();
      continue;
    }
    // Some moment of the recording, and not a mixture of two.
    const auto timeline = recording->timeline();
    ASSERT_TRUE(timeline) << timeline.error().message();
    EXPECT_EQ(timeline->points.size(), 2 * recording->info().report_at_ns / 1'000'000'000);
    EXPECT_EQ(count_events(*recording), 200 * recording->info().report_at_ns / 1'000'000'000);
  }
}

TEST(Recording, OfTheFirstMomentHasNoReportYet) {
  const Directory directory;
  sample::record(sample::options(directory.file("r")), fixtures::busy(), {0, 0}, false);
  const Recording recording = must_open(directory.file("r"));
  ASSERT_FALSE(recording.report());
  EXPECT_NE(recording.report().error().message().find("cut off before the first interval"), std::string::npos);
}

TEST(Recording, BeingWrittenIsNotRead) {
  const Directory directory;
  auto writer = RecordingWriter::create(sample::options(directory.file("r")));
  ASSERT_TRUE(writer);
  // POSIX locks are of processes: ask from another one.
  const pid_t child = fork();
  if (child == 0) {
    const bool refused = error_of(directory.file("r")).find("is being recorded now") != std::string::npos;
    const auto second = RecordingWriter::create(sample::options(directory.file("r")));
    const bool kept = !second && second.error().message().find("is being recorded now") != std::string::npos;
    _exit(refused && kept ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

// --- files that are something else

TEST(Recording, OtherFilesAreTold) {
  const Directory directory;
  const std::string path = directory.file("f");
  EXPECT_EQ(error_of(path), "cannot read " + path + ": No such file or directory");
  EXPECT_EQ(error_of(directory.file(".")), "cannot read " + directory.file(".") + ": Is a directory");
  EXPECT_EQ(error_of("/dev/null"), "/dev/null is not a regular file");
  std::ofstream(path) << "";
  EXPECT_EQ(error_of(path), path + " is empty; `mlocktrace record` makes one");
  for (const std::string& garbage : {std::string("x"), std::string(5000, 'x'), std::string("SQLite format 3\0", 16),
                                     std::string("\x7f"
                                                 "ELF") +
                                         std::string(9000, '\0')}) {
    std::ofstream(path) << garbage;
    EXPECT_EQ(error_of(path), path + " is no recording of mlocktrace; `mlocktrace record` makes one");
  }
  std::filesystem::remove(path);
  Sql(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE).rows("CREATE TABLE t(a); INSERT INTO t VALUES (1)");
  EXPECT_EQ(error_of(path), path + " is no recording of mlocktrace; `mlocktrace record` makes one");
}

TEST(Recording, OfALaterFormatIsTold) {
  const Directory directory;
  const std::string path = directory.file("r");
  auto database = Database::create(path);
  ASSERT_TRUE(database);
  ASSERT_TRUE(
      (*database)->run(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}; CREATE TABLE other(a)",
                                   kApplicationId, kFormatVersion + 1)));
  database->reset();
  EXPECT_EQ(error_of(path), path + " is a recording of format 2; this mlocktrace reads 1; use a newer mlocktrace");
}

// Whoever wrote into the file with something else has changed what was measured.
TEST(Recording, ChangedByAnotherProgramIsTold) {
  const Directory directory;
  const std::string path = directory.file("r");
  sample::record(sample::options(path), fixtures::busy(), {});
  Sql(path, SQLITE_OPEN_READWRITE).rows("UPDATE recording SET events_lost = 0");
  EXPECT_EQ(error_of(path), path + " is damaged: a page does not match its checksum");
}

// --- where it is written

TEST(Recording, ReplacesARecordingAndNothingElse) {
  const Directory directory;
  const std::string path = directory.file("r");
  const auto create = [&] {
    const auto writer = RecordingWriter::create(sample::options(path));
    return writer ? std::string("created") : writer.error().message();
  };
  EXPECT_EQ(create(), "created");
  EXPECT_EQ(create(), "created");
  sample::record(sample::options(path), fixtures::busy(), {}, false);
  EXPECT_EQ(create(), "created");
  std::filesystem::remove(path);
  std::ofstream(path) << "a thesis";
  EXPECT_EQ(create(), path + " exists and is no recording; name another file with -o, or remove this one");
  EXPECT_EQ(read_file(path), "a thesis");
  std::ofstream(path, std::ios::trunc) << "";
  EXPECT_EQ(create(), "created");
  const auto at = [](const std::string& place) {
    const auto writer = RecordingWriter::create(sample::options(place));
    return writer ? std::string("created") : writer.error().message();
  };
  EXPECT_EQ(at(directory.file("no/r")), "cannot write the recording " + directory.file("no/r") +
                                            ": No such file or directory; name another file with -o");
  EXPECT_EQ(at(directory.file(".")), "cannot write the recording " + directory.file(".") + ": Is a directory");
  EXPECT_EQ(at("/dev/full"), "/dev/full is not a regular file");
}

TEST(Recording, NamesAreOnlyNames) {
  const Directory directory;
  for (const char* name : {"a b", "a\nb", "a?mode=memory", ":memory:", "file:x", "a'b\"c", "\xff\xfe", "-o"}) {
    const std::string path = directory.file(name);
    sample::record(sample::options(path), fixtures::quiet(), {1, 10});
    EXPECT_TRUE(std::filesystem::exists(path));
    EXPECT_EQ(must_open(path).info().events, 10U);
  }
  const std::string before = std::filesystem::current_path();
  std::filesystem::current_path(directory.file("."));
  sample::record(sample::options(":memory:2"), fixtures::quiet(), {1, 10});
  EXPECT_TRUE(std::filesystem::exists(":memory:2"));
  std::filesystem::current_path(before);
}

}  // namespace
}  // namespace mlt
