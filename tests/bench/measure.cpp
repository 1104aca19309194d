#include "measure.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cmath>

#include "operations.h"
#include "worker.h"

namespace bench {

namespace {

using live::Json;
using live::Program;

using Costs = std::map<std::string_view, double>;

Costs costs(Worker& worker, bool quick) {
  Costs costs;
  for (const Operation& operation : operations()) {
    if (!quick || operation.name == "access" || operation.name == "populate")
      costs[operation.name] = worker.measure(operation.name);
  }
  return costs;
}

Json difference(const Costs& with, const Costs& without) {
  Json added = Json::object();
  for (const auto& [name, figure] : with) {
    const double base = without.at(name);
    added[std::string(name)] = figure < 0 || base < 0 ? Json() : Json(std::round((figure - base) * 10) / 10);
  }
  return added;
}

struct Bench {
  MeasureOptions options;
  Worker traced;
  Worker bystander;  // runs the same while the other is traced
  Costs traced_base;
  Costs bystander_base;

  Json trace(const TracerKind& kind);
  Json lost(const TracerKind& kind);
};

// Sums the histogram that a tracer printed: the counts of rows that begin at 100 ms or above. Rows are "[128M, 256M) 7"
// of bpftrace and "131072 -> 262143 : 7" of funclatency, in microseconds.
long long_ones(const std::string& text) {
  long sum = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    long low = 0;
    long high = 0;
    long count = 0;
    char unit = 0;
    if (sscanf(line.c_str(), "[%ld%c, %*[^)]) %ld", &low, &unit, &count) == 3) {
      if ((unit == 'M' && low >= 100) || unit == 'G') sum += count;
    } else if (sscanf(line.c_str(), " %ld -> %ld : %ld", &low, &high, &count) == 3) {
      if (low >= 100'000) sum += count;
    }
  }
  return sum;
}

// mlocktrace's own report, in JSON.
long long_ones(const Json& report) {
  long sum = 0;
  for (const Json& process : report.at("processes")) {
    for (const Json& bucket : process.at("faults").at("access").at("latency").at("buckets")) {
      if (bucket[1].get<double>() >= 100e6) sum += bucket[2].get<long>();
    }
  }
  return sum;
}

// Threads that all wait in a fault at once, for 200 ms: how many of these faults are told.
Json Bench::lost(const TracerKind& kind) {
  constexpr long kThreads = 128;
  if (kind.program == "/usr/bin/perf") return {{"problem", "gives no latency"}};
  Program workload({"mlt-workload", "uffd", "--hold"});
  workload.read_line();
  TracerKind with = kind;
  if (!kind.peer) with.command.emplace_back("--json");
  std::optional<Tracer> tracer;
  if (const auto problem = Tracer::start(with, workload.pid(), tracer)) return {{"problem", *problem}};
  workload.send("g");
  const Json truth = Json::parse(workload.read_line(), nullptr, false);
  if (!truth.is_object() || truth.contains("unsupported")) return {{"problem", "no userfaultfd"}};
  const auto end = tracer->stop();
  const Json report = Json::parse(end.finished.out, nullptr, false);
  const long seen = report.is_object() ? long_ones(report) : long_ones(end.finished.out);
  return {{"blocked", kThreads}, {"told", seen}};
}

Json Bench::trace(const TracerKind& kind) {
  Json result = {{"name", kind.name}, {"peer", kind.peer}};
  std::optional<Tracer> tracer;
  if (const auto problem = Tracer::start(kind, traced.pid(), tracer)) {
    result["problem"] = *problem;
    return result;
  }
  result["added"] = {{"traced", difference(costs(traced, options.quick), traced_base)},
                     {"untraced", difference(costs(bystander, options.quick), bystander_base)}};
  const auto end = tracer->stop();
  result["start"] = {{"elapsed", tracer->begin().elapsed}, {"processor", tracer->begin().processor}};
  result["report"] = end.report;
  result["peak_kb"] = end.finished.peak_kb;
  if (!options.quick) result["lost"] = lost(kind);
  return result;
}

void swap_to_ram() {
  if (access("/dev/ram0", F_OK) != 0) return;
  live::run({"mkswap", "/dev/ram0"});
  live::run({"swapon", "/dev/ram0"});
}

}  // namespace

Json measure(const MeasureOptions& options) {
  swap_to_ram();
  sleep(static_cast<unsigned>(options.settle_seconds));
  Bench bench{options, {}, {}, {}, {}};
  // The first time is not like the others.
  costs(bench.traced, options.quick);
  costs(bench.bystander, options.quick);
  bench.traced_base = costs(bench.traced, options.quick);
  bench.bystander_base = costs(bench.bystander, options.quick);
  utsname name{};
  uname(&name);
  Json run = {{"kernel", name.release}, {"tracers", Json::array()}};
  for (const auto& [operation, figure] : bench.traced_base) run["untraced"][std::string(operation)] = figure;
  const Which which = options.peers ? Which::peers : options.quick ? Which::usual : Which::all;
  for (const TracerKind& kind : tracer_kinds(which)) {
    if (kind.name.find(options.only) == std::string::npos) continue;
    run["tracers"].push_back(bench.trace(kind));
    fmt::print(stderr, "{}\n", run["tracers"].back().dump());
  }
  run["repeated"] = difference(costs(bench.traced, options.quick), bench.traced_base);
  return run;
}

}  // namespace bench
