// What it costs to analyse and render traces of many processes: made up, so no kernel has a part in it.
#include "rendering.h"

#include <fmt/format.h>
#include <x86intrin.h>

#include "analysis/build_report.h"
#include "findings/findings.h"
#include "kernel/probe_kernel.h"
#include "plan/plan.h"
#include "report/json.h"
#include "report/text.h"

namespace bench {

namespace {

using live::Json;

constexpr int kClasses = 4;
constexpr int kThreads = 4;
constexpr int kCalls = 8;

mlt::FaultTotals totals(std::uint64_t faults) {
  mlt::FaultTotals totals;
  totals.minor = faults;
  for (std::uint64_t i = 0; i < faults; ++i) totals.latency.add(1000 + 100 * i);
  return totals;
}

mlt::TraceData made_up(const mlt::Plan& plan, std::uint32_t processes) {
  mlt::TraceData data;
  data.plan = &plan;
  data.start_ns = 1'000'000'000;
  data.end_ns = 11'000'000'000;
  for (std::uint32_t pid = 1; pid <= processes; ++pid) {
    mlt::ProcessCounts counts;
    counts.id = pid;
    counts.proc.tgid = counts.proc.pid = pid;
    for (std::uint16_t i = 0; i < kClasses; ++i) counts.by_class[i] = totals(16);
    for (std::uint32_t i = 0; i < kThreads; ++i) counts.by_thread[pid * kThreads + i] = totals(16);
    data.counts.processes.push_back(std::move(counts));
    mlt::ProcessEvents& events = data.events[pid];
    for (std::uint64_t i = 0; i < kCalls; ++i) {
      mlt_event_call call{};
      call.head = {MLT_EVENT_CALL, pid, pid * kThreads, MLT_CALL_MLOCK, data.start_ns + i};
      call.args[1] = 4096;
      events.calls.push_back(call);
    }
    mlt::ProcessSnapshot snapshot;
    snapshot.comm = fmt::format("program{}", pid % 10);
    mlt::ProcessViews& views = data.views[pid];
    views.start = views.end = snapshot;
  }
  return data;
}

template <typename Work>
double ticks_of(Work work) {
  const auto start = __rdtsc();
  work();
  return static_cast<double>(__rdtsc() - start);
}

}  // namespace

Json measure_rendering() {
  const auto kernel = mlt::probe_kernel({}, true);
  const auto plan = kernel.and_then([](const mlt::Kernel& known) { return mlt::make_plan({}, known.facts); });
  if (!plan) return {{"problem", plan.error().message()}};
  Json rows = Json::array();
  for (const std::uint32_t processes : {10, 100, 1000}) {
    const mlt::TraceData data = made_up(*plan, processes);
    mlt::Report report;
    std::string text;
    std::string json;
    Json row = {{"processes", processes}};
    row["analyse"] = ticks_of([&] { report = mlt::build_report(data); }) / processes;
    row["find"] = ticks_of([&] { report.findings = mlt::find(report, {}); }) / processes;
    row["text"] = ticks_of([&] { text = mlt::to_text(report, {}); }) / processes;
    row["text_verbose"] = ticks_of([&] { text = mlt::to_text(report, {.verbose = true}); }) / processes;
    row["json"] = ticks_of([&] { json = mlt::to_json(report, true); }) / processes;
    rows.push_back(row);
  }
  return rows;
}

std::string rendering_to_markdown(const Json& rows) {
  std::string text =
      "| processes | analyse, k each | findings, k each | text, k each | verbose text, k each | JSON, k each |\n"
      "|---:|---:|---:|---:|---:|---:|\n";
  for (const Json& row : rows) {
    text += fmt::format("| {} |", row.at("processes").get<int>());
    for (const char* key : {"analyse", "find", "text", "text_verbose", "json"})
      text += fmt::format(" {:.1f} |", row.at(key).get<double>() / 1000);
    text += "\n";
  }
  return text;
}

}  // namespace bench
