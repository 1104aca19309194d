#include "growth.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <filesystem>
#include <set>
#include <sstream>

#include "crowd.h"
#include "tracer.h"
#include "worker.h"

namespace bench {

namespace {

using live::Json;
namespace fs = std::filesystem;

constexpr int kWatchedSeconds = 3;

// Bytes of the maps that a process holds, as the kernel charges or estimates them.
double map_bytes(pid_t pid) {
  std::set<std::string> counted;
  double bytes = 0;
  std::error_code gone;
  for (const auto& entry : fs::directory_iterator(fmt::format("/proc/{}/fdinfo", pid), gone)) {
    std::istringstream text(live::read_file(entry.path()));
    std::map<std::string, std::string> fields;
    for (std::string key, value; text >> key >> value;) fields[key] = value;
    if (fields.contains("memlock:") && fields.contains("map_id:") && counted.insert(fields["map_id:"]).second)
      bytes += std::stod(fields["memlock:"]);
  }
  return bytes;
}

// All figures of one tracer over a worker; `wake` makes the others fault once while they are traced.
template <typename Wake>
Json figures(const TracerKind& kind, Worker& worker, double base, Wake wake) {
  std::optional<Tracer> tracer;
  if (const auto problem = Tracer::start(kind, worker.pid(), tracer)) return {{"problem", *problem}};
  wake();
  const double added = worker.measure("access") - base;
  const double before = processor_ns(tracer->pid());
  sleep(kWatchedSeconds);
  Json result = {{"added", std::round(added * 10) / 10},
                 {"drain", std::round((processor_ns(tracer->pid()) - before) / kWatchedSeconds)},
                 {"map_kb", std::round(map_bytes(tracer->pid()) / 1024)}};
  const auto end = tracer->stop();
  result["report"] = end.report;
  result["start"] = tracer->begin().processor;
  result["peak_kb"] = end.finished.peak_kb;
  const Json report = Json::parse(end.finished.out, nullptr, false);
  if (!report.is_object()) return result;
  result["reported_processes"] = report.at("processes").size();
  result["lost"] = report.at("coverage").at("lost");
  return result;
}

TracerKind mlocktrace(const live::Words& target, const live::Words& signals = {"--signals", "fault"}) {
  TracerKind kind{"mlocktrace", "/usr/bin/mlocktrace", {"mlocktrace", "--json"}, "tracing"};
  kind.command.insert(kind.command.end(), signals.begin(), signals.end());
  kind.command.insert(kind.command.end(), target.begin(), target.end());
  return kind;
}

const live::Words kAll = {"-a"};
const live::Words kWorker = {"-p", "{pid}"};
const live::Words kFaults = {"--signals", "fault"};
const live::Words kDefault = {};

Json by_processes(int number, const live::Words& signals) {
  Crowd crowd(number);
  Worker worker;
  worker.measure("access");
  const double base = worker.measure("access");
  Json result = figures(mlocktrace(kAll, signals), worker, base, [&] { crowd.wake(); });
  result["number"] = number;
  return result;
}

Json by_threads(int number) {
  Worker worker;
  worker.grow_to(number);
  worker.measure("access");
  const double base = worker.measure("access");
  Json result = figures(mlocktrace(kWorker), worker, base, [&] { worker.measure("wake"); });
  result["number"] = number;
  return result;
}

}  // namespace

Json measure_growth(const GrowthOptions& options) {
  sleep(static_cast<unsigned>(options.settle_seconds));
  utsname name{};
  uname(&name);
  Json run = {{"kernel", name.release}};
  const auto add = [&](const char* what, Json figures) {
    fmt::print(stderr, "{}: {}\n", what, figures.dump());
    run[what].push_back(std::move(figures));
  };
  if (options.processes != 0) {
    add("processes", by_processes(options.processes, kFaults));
    add("processes, all signals", by_processes(options.processes, kDefault));
    return run;
  }
  Worker worker;
  worker.measure("access");
  const double base = worker.measure("access");
  for (const live::Words& target : {kAll, kWorker}) {
    Json machine = figures(mlocktrace(target), worker, base, [] {});
    machine["number"] = sysconf(_SC_NPROCESSORS_CONF);
    add(target == kAll ? "machine, all processes" : "machine, one process", std::move(machine));
  }
  if (options.machine_only) return run;
  for (const int number : {1, 10, 100, 1000}) add("threads", by_threads(number));
  for (const int number : {1, 100, 1000, 10'000}) add("processes", by_processes(number, kFaults));
  add("processes, all signals", by_processes(10'000, kDefault));
  return run;
}

std::string growth_to_markdown(const std::vector<Json>& runs) {
  std::string text =
      "| traced | number | added per fault | start, M | peak RSS, MiB | BPF maps, MiB | drain a second, k | report, M "
      "| "
      "processes told |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|\n";
  const auto cell = [](const Json& row, const char* key, double scale, int digits) {
    return row.contains(key) ? fmt::format("{:.{}f}", row.at(key).get<double>() / scale, digits) : "–";
  };
  for (const Json& run : runs) {
    for (const auto& [what, rows] : run.items()) {
      if (!rows.is_array()) continue;
      for (const Json& row : rows)
        text += fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} | {} |\n", what, cell(row, "number", 1, 0),
                            cell(row, "added", 1, 0), cell(row, "start", 1e6, 0), cell(row, "peak_kb", 1024, 1),
                            cell(row, "map_kb", 1024, 1), cell(row, "drain", 1e3, 0), cell(row, "report", 1e6, 0),
                            cell(row, "reported_processes", 1, 0));
    }
  }
  return text;
}

}  // namespace bench
