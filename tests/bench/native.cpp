#include "native.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "kernel/probe_kernel.h"
#include "operations.h"
#include "trace/attach.h"
#include "tracer.h"

namespace bench {

namespace {

constexpr int kPairs = 15;
constexpr int kPairsOfPeers = 5;

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

double now_s() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// Ticks of rdtscp in a nanosecond.
double ticks_per_ns() {
  const double start = now_s();
  const auto ticks = read_ticks();
  while (now_s() < start + 0.1) {
  }
  return static_cast<double>(read_ticks() - ticks) / ((now_s() - start) * 1e9);
}

double fault_ns(double ticks_per_ns) { return operations().front().measure() / ticks_per_ns; }

}  // namespace

int measure_native(const std::string& signals) {
  mlt::PlanOptions wishes;
  if (!signals.empty()) wishes.signals = mlt::parse_signals(signals).value();
  mlt::SessionOptions target;
  target.pids = {static_cast<std::uint32_t>(getpid())};
  const double scale = ticks_per_ns();
  std::vector<double> added;
  std::vector<double> nothing;
  std::string via;
  for (int i = 0; i < kPairs; ++i) {
    const double without = fault_ns(scale);
    nothing.push_back(fault_ns(scale) - without);
    auto attached = mlt::probe_kernel({}, false).and_then([&](mlt::Kernel kernel) {
      return mlt::attach(wishes, std::move(kernel), target, [](mlt::Session& session) { return session.open_gate(); });
    });
    if (!attached) {
      fmt::print(stderr, "mlt-bench: {}\n", attached.error().message());
      return 1;
    }
    attached->session.complete();
    via = attached->plan.find("fault")->way->via();
    const double with = fault_ns(scale);
    added.push_back(with - (without + nothing.back() / 2));
  }
  fmt::print("a fault takes {:.0f} ns more when traced by {} (median of {} pairs; A/A {:+.0f} ns)\n", median(added),
             via, kPairs, median(nothing));
  return 0;
}

int measure_native_peers() {
  const double scale = ticks_per_ns();
  for (const TracerKind& kind : tracer_kinds(Which::peers)) {
    if (!kind.peer) continue;
    std::vector<double> added;
    std::optional<std::string> problem;
    for (int i = 0; i < kPairsOfPeers && !problem; ++i) {
      const double without = fault_ns(scale);
      std::optional<Tracer> tracer;
      problem = Tracer::start(kind, getpid(), tracer);
      if (problem) break;
      added.push_back(fault_ns(scale) - without);
      tracer->stop();
    }
    if (problem)
      fmt::print("{}: {}\n", kind.name, *problem);
    else
      fmt::print("{}: a fault takes {:.0f} ns more (median of {} pairs)\n", kind.name, median(added), kPairsOfPeers);
  }
  return 0;
}

}  // namespace bench
