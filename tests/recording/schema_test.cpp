#include "recording/schema.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "analysis/crowd.h"
#include "model/names.h"
#include "recording/look.h"
#include "report/fixtures.h"
#include "report/golden.h"
#include "report/json.h"

namespace mlt {
namespace {

using sample::Directory;

TEST(Views, HoldTheFiguresOfTheReport) {
  const Directory directory;
  const Report report = fixtures::busy();
  sample::record(sample::options(directory.file("r")), report, {});
  Sql sql(directory.file("r"));
  const Process& busy = report.processes[0];
  EXPECT_EQ(sql.rows("SELECT pid, comm, exited, locked_peak_bytes, mlocked, vmas_peak, swap_in FROM process"),
            (std::vector<Sql::Row>{
                {"4242", busy.comm, "0", std::to_string(*busy.locks.locked_bytes.peak), "18432", "97", "2048"},
                {"4250", "gzip", "1", "0", "0", "84", "0"}}));
  EXPECT_EQ(
      sql.rows("SELECT ending_status, ending_signal, ending_oom_killed, ending_oom_limit, ending_oom_cgroup "
               "FROM process"),
      (std::vector<Sql::Row>{{"NULL", "NULL", "NULL", "NULL", "NULL"}, {"NULL", "SIGKILL", "1", "cgroup", "/backup"}}));
  for (const Process& process : report.processes) {
    for (int origin = 0; origin < MLT_ORIGIN_NR; ++origin) {
      const auto& totals = process.faults.by_origin[static_cast<std::size_t>(origin)];
      if (origin == MLT_ORIGIN_UNKNOWN && !totals) continue;
      ASSERT_TRUE(totals);
      EXPECT_EQ(
          sql.rows(fmt::format("SELECT minor, major, time_ns, p99_ns FROM faults WHERE pid = {} AND origin = '{}'",
                               process.pid, origin_name(static_cast<mlt_origin>(origin)))),
          (std::vector<Sql::Row>{{std::to_string(totals->minor), std::to_string(totals->major),
                                  std::to_string(totals->latency.sum()),
                                  totals->latency.empty() ? "NULL" : std::to_string(totals->latency.quantile(0.99))}}));
    }
    const auto calls =
        sql.rows(fmt::format("SELECT start_ns, call, args, ret, errno FROM lock_call WHERE pid = {}", process.pid));
    ASSERT_EQ(calls.size(), process.locks.calls.size());
    for (std::size_t i = 0; i < calls.size(); ++i) {
      const LockCall& call = process.locks.calls[i];
      const std::string name = errno_name(call.ret);
      EXPECT_EQ(calls[i], (Sql::Row{std::to_string(call.start_ns), call.name, call.args, std::to_string(call.ret),
                                    name.empty() ? "NULL" : name}));
    }
    const auto changes =
        sql.rows(fmt::format("SELECT at_ns, kind, start, cause FROM vma_change WHERE pid = {}", process.pid));
    ASSERT_EQ(changes.size(), process.vma.changes.size());
    for (std::size_t i = 0; i < changes.size(); ++i) {
      const VmaChange& change = process.vma.changes[i];
      EXPECT_EQ(changes[i], (Sql::Row{std::to_string(change.at_ns), change.split ? "split" : "merge",
                                      std::to_string(change.start), change.cause}));
    }
  }
  EXPECT_EQ(sql.rows("SELECT id, severity, pid FROM finding"),
            (std::vector<Sql::Row>{{"lock-over-limit", "problem", "4242"}, {"fork-cow", "warning", "4242"}}));
  EXPECT_EQ(sql.rows("SELECT pid, start_ns, faults FROM storm"),
            (std::vector<Sql::Row>{{"4242", "5000000000", "183400"}, {"4242", "12000000000", "183400"}}));
  EXPECT_EQ(sql.rows("SELECT count(*), sum(state = 'partial') FROM signal"), (std::vector<Sql::Row>{{"5", "1"}}));
  EXPECT_EQ(sql.rows("SELECT change FROM vmstat WHERE name = 'pgfault'"), (std::vector<Sql::Row>{{"31877"}}));
  EXPECT_EQ(sql.rows("SELECT count(*) FROM failed_lock"), (std::vector<Sql::Row>{{"2"}}));
  EXPECT_EQ(sql.rows("SELECT sum(faults) FROM fault_rate"), (std::vector<Sql::Row>{{"5260"}}));
  EXPECT_EQ(sql.rows("SELECT faults FROM fault_rate WHERE start_s = 2"), (std::vector<Sql::Row>{{"1052"}}));
  EXPECT_EQ(sql.rows("SELECT name FROM mapping WHERE pid = 4250"), (std::vector<Sql::Row>{{"[heap]"}}));
}

// With where its faults were.
std::string report_with_places() {
  auto json = nlohmann::json::parse(to_json(fixtures::busy(), false));
  auto& faults = json["processes"][0]["faults"];
  faults["by_vma"] = nlohmann::json::parse(R"([{"start": 4096, "end": 8192, "name": "[heap]", "offset": 0,
    "permissions": "rw-p", "locked": "yes", "shm_locked": false, "cause": "cow", "minor": 3, "major": 1, "errors": 0,
    "time_ns": 5000, "max_ns": 2000}])");
  faults["stacks"] = nlohmann::json::parse(R"([{"kernel": [], "user": [{"function": "main", "module": "/bin/a",
    "address": "0x401000", "offset": 16}], "origin": "access", "cause": "cow", "faults": 4, "time_ns": 5000}])");
  json["processes"][1]["faults"]["by_vma"] = nullptr;
  json["processes"][0]["ending"] = nlohmann::json::parse(R"({"status": 3, "signal": null, "core_dumped": false,
    "oom_killed": false, "oom_limit": null, "oom_cgroup": null, "oom_limit_bytes": 8388608, "oom_used_bytes": 8388608})");
  json["processes"][0]["locks"]["totals"][0]["parts"] = nlohmann::json::parse(R"({"memory_ns": 1, "file_ns": 2,
    "swap_in_ns": 3, "reclaim_ns": 4, "lock_wait_ns": 5, "off_cpu_ns": 6, "other_ns": 7})");
  json["processes"][0]["locks"]["totals"][0]["unlocked_populate_faults"] = 5;
  json["processes"][0]["pages"]["locked_not_mlocked_unknown"] = "no more than 4 GiB is looked at page by page";
  json["processes"][1]["locks"]["calls_unseen"] = "a program of 32 bits";
  // Of a crowd.
  json["processes"][0]["life"][0]["child_comm"] = "gzip";
  nlohmann::json group = json["processes"][0];
  for (const char* key : {"pid", "parent_pid", "exe", "cgroup", "threads", "exited", "ending", "life", "children"})
    group.erase(key);
  group.update(nlohmann::json::parse(R"({"processes": 7, "exited": 7, "endings": [{"processes": 7, "status": 3,
    "signal": "SIGKILL", "core_dumped": false, "oom_killed": true, "oom_limit": "cgroup", "oom_cgroup": "/a",
    "oom_limit_bytes": 8388608, "oom_used_bytes": 8388608}]})"));
  group["locks"]["calls_unseen"] = "a program of 32 bits";
  json["process_groups"] = {group};
  json["coverage"]["audit_groups"] = nlohmann::json::parse(R"([{"check": "faults", "checks": 7, "traced": 8,
    "kernel": null, "slack": 0, "source": "/proc/PID/stat", "verdict": "unavailable", "why": "exited"},
    {"check": "faults", "checks": 1, "traced": 8, "kernel": 8, "slack": 0, "source": "/proc/PID/stat",
    "verdict": "equal", "why": null}])");
  json["findings"][0]["processes"] = nlohmann::json::parse(R"({"count": 7, "pids": [4242], "commands": ["gzip"]})");
  return json.dump();
}

void record_with_places(const std::string& path) {
  auto writer = RecordingWriter::create(sample::options(path));
  ASSERT_TRUE(writer);
  Status status = writer->set_spaces(sample::spaces());
  if (status) status = writer->add_event(sample::event(1));
  if (status) status = writer->add_interval(0, 1'000'000'000, sample::points(0));
  if (status) status = writer->set_report(report_with_places(), 1);
  if (status) status = writer->close();
  ASSERT_TRUE(status) << status.error().message();
}

TEST(Views, WhereTheFaultsWere) {
  const Directory directory;
  record_with_places(directory.file("r"));
  Sql sql(directory.file("r"));
  EXPECT_EQ(sql.rows("SELECT pid, start, name, major FROM faults_by_vma"),
            (std::vector<Sql::Row>{{"4242", "4096", "[heap]", "1"}}));
  EXPECT_EQ(sql.rows("SELECT faults, user ->> '$[0].function' FROM stack"), (std::vector<Sql::Row>{{"4", "main"}}));
}

TEST(Views, AllCanBeRead) {
  const Directory directory;
  record_with_places(directory.file("r"));
  Sql sql(directory.file("r"));
  for (const auto& row : sql.rows("SELECT name, type, sql FROM sqlite_schema WHERE type IN ('table', 'view')")) {
    EXPECT_FALSE(sql.rows("SELECT * FROM \"" + row[0] + "\"").empty()) << row[0];
    if (row[1] == "table") {
      EXPECT_NE(row[2].find("STRICT"), std::string::npos) << row[0];
    }
  }
}

// A key that no column shows is one that a view forgot.
TEST(Views, EveryColumnOfTheReportIsFilled) {
  const Directory directory;
  record_with_places(directory.file("r"));
  Sql sql(directory.file("r"));
  for (const auto& view : sql.rows("SELECT name FROM sqlite_schema WHERE type = 'view'")) {
    for (const auto& column : sql.rows("SELECT name FROM pragma_table_info('" + view[0] + "')")) {
      // What the fixture has none of.
      if (column[0] == "target_text") continue;
      EXPECT_NE(sql.rows("SELECT count(\"" + column[0] + "\") FROM \"" + view[0] + "\"")[0][0], "0")
          << view[0] << "." << column[0];
    }
  }
}

TEST(Format, TheDocumentShowsTheSchema) {
  const std::string path = MLT_SOURCE_DIR "/docs/recording-format.md";
  const std::string document = read_file(path);
  const std::size_t begin = document.find("```sql\n") + 7;
  const std::size_t end = document.find("```\n", begin);
  ASSERT_NE(end, std::string::npos);
  if (std::getenv("MLT_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << document.substr(0, begin) << schema_sql() << document.substr(end);
    return;
  }
  EXPECT_EQ(document.substr(begin, end - begin), schema_sql());
}

TEST(Views, HoldWhatOfACrowdIsSummedUp) {
  const Directory directory;
  const Report whole = fixtures::crowd(60);
  const Report report = summed_up(whole, {.processes = 10, .groups = 5}).value();
  sample::record(sample::options(directory.file("r")), report, {});
  Sql sql(directory.file("r"));
  EXPECT_EQ(sql.rows("SELECT sum(processes) FROM process_group"), (std::vector<Sql::Row>{{"50"}}));
  const std::string faults = std::to_string(sum_of(whole).faults.of_all_origins().completed());
  EXPECT_EQ(sql.rows("SELECT (SELECT sum(minor + major) FROM faults) + (SELECT sum(minor + major) FROM group_faults)"),
            (std::vector<Sql::Row>{{faults}}));
}

}  // namespace
}  // namespace mlt
