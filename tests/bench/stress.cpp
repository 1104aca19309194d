#include "stress.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <optional>

#include "map_updates.h"

namespace bench {

namespace {

using live::Json;
using live::Program;
using live::Words;

struct Sums {
  std::uint64_t kernel = 0;
  std::uint64_t traced = 0;
  std::uint64_t unclassed = 0;
  std::uint64_t untimed = 0;
  std::uint64_t lost = 0;  // faults that found no room, and calls of probes that the kernel left out
  std::uint64_t differ = 0;
  std::optional<std::string> problem;
};

std::uint64_t number(const Json& value) { return value.is_number() ? value.get<std::uint64_t>() : 0; }

void add(Sums& sums, const Json& report) {
  const Json& coverage = report.at("coverage");
  for (const Json& check : coverage.at("audit")) {
    if (!check.at("check").get<std::string>().starts_with("faults of")) continue;
    sums.kernel += number(check.at("kernel"));
    sums.traced += number(check.at("traced"));
    sums.differ += check.at("verdict") == "differs" ? 1 : 0;
  }
  if (const Json& skipped = coverage.at("skipped"); skipped.is_object()) {
    sums.unclassed += number(skipped.at("unclassed"));
    sums.untimed += number(skipped.at("untimed"));
  }
  sums.lost += number(coverage.at("lost").at("map_full")) + number(coverage.at("lost").at("missed_probes"));
}

// One trace of the workload and its children.
void trace(const Words& signals, int seconds, Sums& sums) {
  Program workload({"mlt-workload", "mixture", "--seconds", std::to_string(seconds), "--hold"});
  workload.read_line();
  Words command{"mlocktrace", "--json", "--processes", "all", "--follow", "-p", std::to_string(workload.pid())};
  command.insert(command.end(), signals.begin(), signals.end());
  Program tracer(command);
  if (!tracer.wait_for_stderr("tracing")) {
    sums.problem = tracer.stderr_so_far();
    return;
  }
  workload.send("g");
  workload.read_line();
  workload.send("x");
  workload.finish();
  const live::Finished finished = tracer.finish();
  const Json report = Json::parse(finished.out, nullptr, false);
  if (finished.status == 0 && report.is_object())
    add(sums, report);
  else
    sums.problem = finished.err;
}

Json row(const std::string& name, const Words& signals, bool with_updates, const StressOptions& options) {
  std::optional<live::MapUpdates> one;
  std::optional<live::MapUpdates> another;
  if (with_updates) {
    one.emplace();
    another.emplace();
  }
  Sums sums;
  while (sums.kernel < options.faults && !sums.problem) trace(signals, options.seconds, sums);
  Json row = {{"name", name},          {"map_updates", with_updates}, {"kernel", sums.kernel},
              {"traced", sums.traced}, {"unclassed", sums.unclassed}, {"untimed", sums.untimed},
              {"lost", sums.lost},     {"differ", sums.differ}};
  if (sums.problem) row["problem"] = *sums.problem;
  fmt::print(stderr, "{}\n", row.dump());
  return row;
}

}  // namespace

Json measure_stress(const StressOptions& options) {
  utsname name{};
  uname(&name);
  Json run = {{"kernel", name.release}, {"processors", sysconf(_SC_NPROCESSORS_ONLN)}, {"rows", Json::array()}};
  for (const bool with_updates : {false, true}) {
    run["rows"].push_back(row("faults", {"--signals", "fault"}, with_updates, options));
    run["rows"].push_back(row("default", {}, with_updates, options));
  }
  return run;
}

std::string stress_to_markdown(const std::vector<Json>& runs) {
  std::string text =
      "| kernel | signals | beside map updates | counted by the kernel | counted | of unknown class | untimed | lost "
      "|\n"
      "|---|---|---|---:|---:|---:|---:|---:|\n";
  for (const Json& run : runs) {
    for (const Json& row : run.at("rows")) {
      text += fmt::format("| {} | {} | {} |", run.at("kernel").get<std::string>(), row.at("name").get<std::string>(),
                          row.at("map_updates").get<bool>() ? "yes" : "no");
      if (row.contains("problem")) {
        text += fmt::format(" failed: {} |||||\n", row.at("problem").get<std::string>());
        continue;
      }
      for (const char* figure : {"kernel", "traced", "unclassed", "untimed", "lost"})
        text += fmt::format(" {} |", row.at(figure).get<std::uint64_t>());
      text += "\n";
    }
  }
  return text;
}

}  // namespace bench
