// Writes the pages that tests/html/check.mjs opens, and that one looks at while working on them; and the exports that
// tests/html/exports.mjs opens, beside the report that they were made of.
#include <sys/stat.h>

#include <fstream>
#include <iostream>
#include <string>

#include "report/diff.h"
#include "report/fixtures.h"
#include "report/html.h"
#include "report/json.h"
#include "report/stacks.h"
#include "report/timeline_fixtures.h"

namespace {

using namespace mlt;

void write(const std::string& path, const std::string& page) { std::ofstream(path, std::ios::binary) << page; }

/// Every text that a traced system can choose is an attack.
Report hostile() {
  const std::string attack =
      "</script><script>window.pwned=1</script><img src=x "
      "onerror=window.pwned=1><!--<script>\"'`&lt;\x1b[2J\xe2\x80\xae"
      "\r\n\xff";
  Report report = fixtures::busy();
  report.host.kernel = attack;
  report.target = {"command", {4242}, attack, true};
  for (Process& process : report.processes) {
    process.comm = attack;
    process.exe = "/tmp/" + attack;
    process.cgroup = attack + std::string(4096, 'x');
    for (LockCall& call : process.locks.calls) call.args = call.explain = attack;
    for (VmaChange& change : process.vma.changes) change.cause = attack;
    for (LifeEvent& event : process.life) event.comm = attack;
    process.faults.by_vma = std::vector<VmaFaults>{
        VmaFaults{0x1000, 0x2000, attack, 0, "rw-p", MLT_LOCKED, {}, MLT_CAUSE_COW, 9, 0, 0, 8100, 900}};
    process.faults.stacks = {{{}, {{attack, attack, 0x1234, 5}}, MLT_ORIGIN_ACCESS, MLT_CAUSE_COW, 9, 900}};
  }
  for (Finding& finding : report.findings) finding.title = finding.advice = finding.see = attack;
  for (SwapDevice& device : report.system.swap_devices) device.name = attack;
  for (AuditCheck& check : report.coverage.audit) check.why = check.source = attack;
  report.storms.front().vma = report.storms.front().stack = attack;
  return report;
}

Timeline hostile_timeline() {
  Timeline timeline = fixtures::stormy();
  for (MapsEntry& entry : timeline.spaces.front().after) entry.name = "</script><img src=x onerror=window.pwned=1>";
  return timeline;
}

/// What goes with fixtures::skipping({5, 1}): of each second a tenth of its faults, in the middle those that were
/// skipped.
Timeline skipping_timeline() {
  Timeline timeline;
  for (std::uint64_t i = 0; i < 10; ++i) {
    TimelinePoint& point = timeline.points.emplace_back();
    point.start_ns = i * 1'000'000'000;
    point.duration_ns = 1'000'000'000;
    point.pid = 812;
    point.by_origin[MLT_ORIGIN_ACCESS] = fixtures::minor_faults(i == 5 ? 34 : 40, 700);
    point.by_cause[MLT_CAUSE_FIRST_TOUCH] = 40;
    if (i != 5) continue;
    point.by_origin[MLT_ORIGIN_ACCESS].minor = 35;
    point.by_origin[MLT_ORIGIN_ACCESS].untimed = 1;
    point.by_origin[MLT_ORIGIN_UNKNOWN].minor = point.by_origin[MLT_ORIGIN_UNKNOWN].untimed = 5;
    point.by_cause[MLT_CAUSE_FIRST_TOUCH] = 35;
    point.by_cause[MLT_CAUSE_UNKNOWN] = 5;
  }
  return timeline;
}

std::string diff_page() {
  Report calm = fixtures::busy();
  calm.findings.clear();
  calm.processes[0].faults.by_origin[MLT_ORIGIN_ACCESS] = fixtures::minor_faults(1500, 700);
  const DiffSide before(calm);
  const DiffSide after(hostile());
  return diff_to_html(compare(before, after), {"before.mlt", "</script><script>window.pwned=1</script>"});
}

std::string long_page(std::uint64_t points) {
  Report report = fixtures::quiet();
  report.window.duration_ns = points * 100'000'000;
  HtmlBuilder builder(report);
  for (std::uint64_t i = 0; i < points; ++i) builder.add(fixtures::long_run(i));
  return builder.take();
}

void write_exports(const std::string& path, const Report& report) {
  write(path + ".json", to_json(report, false));
  write(path + ".folded", to_folded(report));
  write(path + ".pprof", gzip(to_pprof(report)));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: mlt-html-pages DIRECTORY\n";
    return 2;
  }
  const std::string directory = argv[1];
  mkdir(directory.c_str(), 0777);
  write(directory + "/busy.html", to_html(fixtures::busy(), fixtures::stormy()));
  write(directory + "/quiet.html", to_html(fixtures::quiet()));
  write(directory + "/degraded.html", to_html(fixtures::degraded()));
  write(directory + "/skipping.html", to_html(fixtures::skipping({5, 1}), skipping_timeline()));
  write(directory + "/unskipping.html", to_html(fixtures::skipping({0, 0})));
  write(directory + "/crowd.html", to_html(fixtures::crowd(300)));
  write(directory + "/empty.html", to_html({}));
  write(directory + "/hostile.html", to_html(hostile(), hostile_timeline()));
  write(directory + "/diff.html", diff_page());
  write_exports(directory + "/busy", fixtures::busy());
  write_exports(directory + "/hostile", hostile());
  write(directory + "/long.html", long_page(100'000));
  return 0;
}
