// Exports, each read back by something that isn't us: protoc, gzip's own inflate, and readers of CSV and folded stacks
// written after their formats.
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <regex>
#include <set>
#include <sstream>

#include "report/csv.h"
#include "report/decode_proto.h"
#include "report/fixtures.h"
#include "report/golden.h"
#include "report/perfetto.h"
#include "report/stacks.h"
#include "report/timeline_fixtures.h"
#include "util/units.h"

namespace mlt {
namespace {

const std::string kHostile = "a\"b,c;d\r\ne\x1b[2J\xff</script>";

std::size_t count_of(const std::string& text, const std::string& what) {
  std::size_t count = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

Report with_stacks() {
  Report report = fixtures::busy();
  const Frame main{"main", "/opt/trade", 0x401000, 0x10};
  const Frame touch{"Book::touch(int)", "/opt/trade", 0x402000, 0x20};
  const Frame unknown{"", "/usr/lib/libc.so.6", 0x7f0000001234, 0x1234};
  const Frame kernel{"do_anonymous_page", "[kernel]", 0xffffffff81234567, 0x77};
  report.processes[0].faults.stacks = {{{kernel}, {touch, main}, MLT_ORIGIN_ACCESS, MLT_CAUSE_COW, 4000, 1'600'000},
                                       {{}, {unknown, main}, MLT_ORIGIN_KERNEL, MLT_CAUSE_FILE_MAP, 12, 9'000},
                                       {{}, {touch, main}, MLT_ORIGIN_ACCESS, MLT_CAUSE_SWAP_IN, 5, 7'000}};
  return report;
}

// ---- Perfetto

TEST(Perfetto, Golden) {
  Report report = fixtures::busy();
  PerfettoWriter writer(report, 1000);
  const Timeline timeline = fixtures::stormy();
  writer.add(timeline.points[0]);
  FaultEvent event;
  event.at_ns = 13'000'000;
  event.duration_ns = 2'000;
  event.address = 0x7f5a80001000;
  event.pid = 4242;
  event.tid = 4243;
  event.origin = MLT_ORIGIN_POPULATE;
  event.locked = MLT_LOCKED;
  event.cause = MLT_CAUSE_FIRST_TOUCH;
  writer.add(event);
  event.duration_ns = 999;
  writer.add(event);  // too quick to be shown
  expect_golden("perfetto.txt", decode_proto("perfetto.proto", "Trace", writer.take()));
}

TEST(Perfetto, EverySliceEndsAndEveryTrackIsDescribed) {
  PerfettoWriter writer(fixtures::busy(), 0);
  for (const TimelinePoint& point : fixtures::stormy().points) writer.add(point);
  const std::string text = decode_proto("perfetto.proto", "Trace", writer.take());
  EXPECT_EQ(count_of(text, "TYPE_SLICE_BEGIN"), 8U) << "six lock calls, two storms";
  EXPECT_EQ(count_of(text, "TYPE_SLICE_END"), 8U);
  EXPECT_EQ(count_of(text, "TYPE_INSTANT"), 5U);
  std::istringstream lines(text);
  std::set<std::string> described;
  for (std::string line; std::getline(lines, line);) {
    const std::string value = line.substr(line.find(": ") + 1);
    if (line.find(" uuid: ") != std::string::npos) described.insert(value);
    if (line.find("track_uuid: ") != std::string::npos) {
      EXPECT_TRUE(described.contains(value)) << "before it is described: " << line;
    }
  }
}

TEST(Perfetto, HostileNamesAreText) {
  Report report = fixtures::busy();
  report.processes[0].comm = report.processes[0].locks.calls[0].args = kHostile;
  PerfettoWriter writer(report, 0);
  const std::string text = decode_proto("perfetto.proto", "Trace", writer.take());
  EXPECT_NE(text.find(R"(a\"b,c;d\\x0d\\x0ae\\x1b[2J\\xff</script>)"), std::string::npos);
}

TEST(Perfetto, TakesPiecemeal) {
  PerfettoWriter whole(fixtures::busy(), 0);
  PerfettoWriter pieces(fixtures::busy(), 0);
  std::string joined;
  for (const TimelinePoint& point : fixtures::stormy().points) {
    whole.add(point);
    pieces.add(point);
    joined += pieces.take();
  }
  EXPECT_EQ(joined, whole.take());
}

// ---- Stacks

std::string inflated(const std::string& data) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, MAX_WBITS + 16), Z_OK);
  std::string out(1 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

TEST(Pprof, Golden) {
  expect_golden("pprof.txt", decode_proto("profile.proto", "Profile", inflated(gzip(to_pprof(with_stacks())))));
}

TEST(Folded, ALineAStack) {
  EXPECT_EQ(to_folded(with_stacks()),
            "trade-engine;main;Book::touch(int) 5\n"
            "trade-engine;main;Book::touch(int);do_anonymous_page_[k] 4000\n"
            "trade-engine;main;libc.so.6+0x1234 12\n");
}

TEST(Folded, HostileNamesStayInTheirFrame) {
  Report report = with_stacks();
  report.processes[0].comm = kHostile;
  for (StackFaults& stack : report.processes[0].faults.stacks) stack.user[0].function = kHostile;
  std::istringstream lines(to_folded(report));
  std::size_t n = 0;
  for (std::string line; std::getline(lines, line); ++n)
    EXPECT_TRUE(std::regex_match(line, std::regex("[^;]+(;[^;]+)* [0-9]+"))) << line;
  EXPECT_EQ(n, 2U) << "two have the same name now";
}

TEST(Folded, NoStacks) {
  Report report = fixtures::busy();
  for (Process& process : report.processes) process.faults.stacks.clear();
  EXPECT_FALSE(has_stacks(report));
  EXPECT_EQ(to_folded(report), "");
}

// ---- CSV

/// RFC 4180, read strictly; what is wrong fails the test.
std::vector<std::vector<std::string>> parse_csv(const std::string& text) {
  std::vector<std::vector<std::string>> rows(1, {""});
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string& field = rows.back().back();
    const char c = text[i];
    if (quoted) {
      if (c != '"')
        field += c;
      else if (i + 1 < text.size() && text[i + 1] == '"')
        field += text[++i];
      else
        quoted = false;
    } else if (c == '"') {
      EXPECT_EQ(field, "") << "a quote in the middle";
      quoted = true;
    } else if (c == ',') {
      rows.back().emplace_back();
    } else if (c == '\r') {
      EXPECT_EQ(text.at(++i), '\n');
      rows.emplace_back(1, "");
    } else {
      EXPECT_NE(c, '\n') << "a line that ends in LF alone";
      field += c;
    }
  }
  EXPECT_FALSE(quoted);
  EXPECT_EQ(rows.back(), std::vector<std::string>{""}) << "the last line has no end";
  rows.pop_back();
  return rows;
}

TEST(Csv, Fields) {
  EXPECT_EQ(csv_field("plain"), "plain");
  EXPECT_EQ(csv_field(""), "");
  EXPECT_EQ(csv_field("a,b"), "\"a,b\"");
  EXPECT_EQ(csv_field("say \"x\""), "\"say \"\"x\"\"\"");
  EXPECT_EQ(csv_field("a\nb"), "\"a\nb\"");
}

TEST(Csv, EveryTableIsRectangularAndHoldsNamesAsTheyAre) {
  Report report = with_stacks();
  report.processes[0].comm = kHostile;
  report.processes[0].locks.calls[0].args = kHostile;
  report.findings[0].title = kHostile;
  report.storms[0].vma = kHostile;
  for (const CsvTable& table : to_csv(report)) {
    const auto rows = parse_csv(table.text);
    for (const auto& row : rows) EXPECT_EQ(row.size(), rows[0].size()) << table.name;
    EXPECT_EQ(std::set<std::string>(rows[0].begin(), rows[0].end()).size(), rows[0].size()) << table.name;
  }
  EXPECT_EQ(parse_csv(to_csv(report)[0].text)[1][2], kHostile);
}

TEST(Csv, WhatWasNotMeasuredIsEmpty) {
  const auto rows = parse_csv(to_csv(fixtures::degraded())[0].text);
  const auto column = [&](const std::string& name) {
    return static_cast<std::size_t>(std::ranges::find(rows[0], name) - rows[0].begin());
  };
  EXPECT_EQ(rows[1].at(column("pages_mlocked")), "");
  EXPECT_EQ(rows[1].at(column("headroom_bytes")), std::to_string(-56 * 1024));
  EXPECT_EQ(rows[1].at(column("locked_start_bytes")), "0");
}

TEST(Csv, HowAProcessEnded) {
  const auto rows = parse_csv(to_csv(fixtures::busy())[0].text);
  const auto first = std::ranges::find(rows[0], "ending_status") - rows[0].begin();
  const auto ending_of = [&](std::size_t row) {
    return std::vector<std::string>(rows[row].begin() + first, rows[row].begin() + first + 6);
  };
  using Row = std::vector<std::string>;
  EXPECT_EQ(ending_of(0), (Row{"ending_status", "ending_signal", "ending_core_dumped", "ending_oom_killed",
                               "ending_oom_limit", "ending_oom_cgroup"}));
  EXPECT_EQ(ending_of(1), Row(6)) << "it runs on";
  EXPECT_EQ(ending_of(2), (Row{"", "SIGKILL", "0", "1", "cgroup", "/backup"}));
}

TEST(Csv, ATimelineAddsUp) {
  std::string text = csv_timeline_header();
  std::uint64_t expected = 0;
  for (const TimelinePoint& point : fixtures::stormy().points) {
    text += csv_timeline_line(point);
    expected += point.by_origin[MLT_ORIGIN_ACCESS].completed();
  }
  const auto rows = parse_csv(text);
  std::uint64_t access = 0;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].size(), rows[0].size());
    access += std::stoull(rows[i][3]);
  }
  EXPECT_EQ(access, expected);
}

TEST(Csv, Maps) {
  const auto rows = parse_csv(to_csv(fixtures::stormy().spaces).text);
  EXPECT_EQ(rows.size(), 1U + 9 + 12);
  EXPECT_EQ(rows[1][1], "before");
  EXPECT_EQ(rows.back()[7], "[vdso]");
}

}  // namespace
}  // namespace mlt
