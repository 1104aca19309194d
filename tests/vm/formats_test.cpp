// What `report` and `diff` make of recordings of live traces.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "program.h"
#include "report_view.h"

namespace live {

namespace {

const std::string kOut = "/tmp/mlt-formats";

class Formats : public testing::Test {
 protected:
  // One recording of which they all make something.
  static void SetUpTestSuite() {
    std::filesystem::remove_all(kOut);
    std::filesystem::create_directory(kOut);
    record("cow", {"fork-cow-locked", "--pages", "1024"});
  }
  static void TearDownTestSuite() { std::filesystem::remove_all(kOut); }

  static std::string file(const std::string& name) { return kOut + "/" + name; }

  static void record(const std::string& name, const Words& workload) {
    Words command = {"mlocktrace", "record", "-q", "--events", "--signals", "fault,fault_entry",
                     "-i",         "100ms",  "-o", file(name), "--",        "mlt-workload"};
    command.insert(command.end(), workload.begin(), workload.end());
    const Finished finished = run(command);
    ASSERT_EQ(finished.status, 0) << finished.err;
  }

  static std::string report(std::vector<std::string> options) {
    options.insert(options.begin(), {"mlocktrace", "report", file("cow")});
    const Finished finished = run(options);
    EXPECT_EQ(finished.status, 0) << finished.err;
    EXPECT_EQ(finished.err, "");
    return finished.out;
  }

  /// Faults at access of all processes, as the JSON report has them.
  static std::uint64_t accesses() {
    std::uint64_t sum = 0;
    const Json whole = parse_report(report({"--json"}));
    for (const Json& process : whole.at("processes")) {
      const Json& access = process.at("faults").at("access");
      sum += access.at("minor").get<std::uint64_t>() + access.at("major").get<std::uint64_t>();
    }
    return sum;
  }
};

TEST_F(Formats, TheHtmlPageHoldsEveryFault) {
  EXPECT_EQ(report({"--html", file("page.html")}), "");
  const std::string page = read_file(file("page.html"));
  const std::string begin = "<script type=\"application/json\" id=\"data\">";
  const std::size_t from = page.find(begin) + begin.size();
  const Json data = Json::parse(page.substr(from, page.find("</script>", from) - from));
  std::uint64_t sum = 0;
  for (const Json& count : data.at("lines").at("0").at("series").at("access")) sum += count.get<std::uint64_t>();
  EXPECT_EQ(sum, accesses());
  EXPECT_GT(sum, 1024U);
  EXPECT_GT(data.at("events").get<std::uint64_t>(), 1024U);
}

TEST_F(Formats, TheTimelineOfTheCsvFilesAddsUp) {
  report({"--csv", file("tables")});
  std::istringstream lines(read_file(file("tables/timeline.csv")));
  std::string line;
  std::getline(lines, line);
  std::uint64_t sum = 0;
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    std::string field;
    for (int i = 0; i <= 3; ++i) std::getline(fields, field, ',');
    sum += std::stoull(field);
  }
  EXPECT_EQ(sum, accesses());
  EXPECT_TRUE(std::filesystem::exists(file("tables/maps.csv")));
}

TEST_F(Formats, OthersAreWritten) {
  EXPECT_EQ(report({"--markdown"}).substr(0, 14), "# mlocktrace: ");
  report({"--perfetto", file("trace"), "--slow", "1ns"});
  const std::string trace = read_file(file("trace"));
  EXPECT_NE(trace.find("mlt-workload"), std::string::npos);
  EXPECT_NE(trace.find("fault: "), std::string::npos);
}

TEST_F(Formats, WithoutStacksThereIsNoProfile) {
  for (const std::vector<std::string>& options : {std::vector<std::string>{"--folded"}, {"--pprof", file("profile")}}) {
    std::vector<std::string> command{"mlocktrace", "report", file("cow")};
    command.insert(command.end(), options.begin(), options.end());
    const Finished finished = run(command);
    EXPECT_EQ(finished.status, 1);
    EXPECT_EQ(finished.err.find("mlocktrace: there are no stacks; "), 0U) << finished.err;
  }
  EXPECT_FALSE(std::filesystem::exists(file("profile")));
}

TEST_F(Formats, WhatIsReadIsNotOverwritten) {
  const Finished finished = run({"mlocktrace", "report", file("cow"), "--html", file("cow")});
  EXPECT_EQ(finished.status, 1);
  EXPECT_EQ(finished.err, "mlocktrace: " + file("cow") + " is what is read; name another file to write\n");
  EXPECT_GT(accesses(), 0U);
}

TEST_F(Formats, ADiffFindsARegression) {
  // A second of next to nothing, and one of faults alone: no machine is too slow to tell them apart.
  record("calm", {"idle", "--seconds", "1"});
  record("more", {"storm", "--seconds", "1"});
  const Finished same = run({"mlocktrace", "diff", "--fail-on", "regression", file("cow"), file("cow")});
  EXPECT_EQ(same.status, 0) << same.out;
  EXPECT_NE(same.out.find("SAME: Nothing differs by more than chance."), std::string::npos) << same.out;
  write_file(file("more.json"), run({"mlocktrace", "report", "--json", file("more")}).out);
  for (const std::string& after : {file("more"), file("more.json")}) {
    const Finished worse = run({"mlocktrace", "diff", "--json", "--fail-on", "regression", file("calm"), after});
    EXPECT_EQ(worse.status, 4) << worse.err;
    const Json diff = Json::parse(worse.out);
    EXPECT_TRUE(diff.at("verdict") == "regression" || diff.at("verdict") == "mixed") << diff.at("text");
  }
}

TEST_F(Formats, WhatIsNoReportIsToldInOneLine) {
  write_file(file("bad.json"), "{\"type\":\"report\",");
  write_file(file("other"), "root:x:0:0\n");
  for (const char* name : {"bad.json", "other", "missing"}) {
    for (const std::vector<std::string>& command : {std::vector<std::string>{"mlocktrace", "report", file(name)},
                                                    {"mlocktrace", "diff", file("cow"), file(name)}}) {
      const Finished finished = run(command);
      EXPECT_EQ(finished.status, 1);
      EXPECT_EQ(finished.out, "");
      EXPECT_EQ(std::ranges::count(finished.err, '\n'), 1) << finished.err;
      EXPECT_NE(finished.err.find(name), std::string::npos) << finished.err;
    }
  }
}

}  // namespace

}  // namespace live
