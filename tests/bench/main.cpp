// mlt-bench: see usage().
#include <fmt/format.h>

#include <fstream>
#include <span>
#include <string_view>

#include "figures.h"
#include "growth.h"
#include "measure.h"
#include "native.h"
#include "operations.h"
#include "recordings.h"
#include "rendering.h"
#include "stress.h"
#include "table.h"

namespace {

using bench::MeasureOptions;
using live::Json;

constexpr std::string_view kUsage =
    "usage: mlt-bench work                        the process whose operations are measured\n"
    "       mlt-bench measure [--quick] [--peers] [--only TEXT] [--settle SECONDS]\n"
    "                                             measures here; the figures, in JSON, on stdout\n"
    "       mlt-bench growth [--machine] [--processes NUMBER] [--settle SECONDS]\n"
    "                                             the same, of what grows with processes, threads, CPUs\n"
    "       mlt-bench rendering                   the same, of user space alone\n"
    "       mlt-bench stress [--faults NUMBER] [--seconds SECONDS]\n"
    "                                             what is counted and known where threads outnumber processors\n"
    "       mlt-bench native [SIGNALS | --peers]  nanoseconds a fault, on a real processor\n"
    "       mlt-bench recordings SECONDS DIRECTORY\n"
    "                                             a storm recorded here, recordings read; as Markdown\n"
    "       mlt-bench table RUN...                runs as Markdown\n"
    "       mlt-bench readme RUN...               the same, shorter\n"
    "       mlt-bench growth-table RUN...\n"
    "       mlt-bench rendering-table RUN\n"
    "       mlt-bench stress-table RUN...\n"
    "       mlt-bench figures RUN                 what is kept of a run\n"
    "       mlt-bench compare FIGURES RUN         exit status 1: something costs more than it did\n";

using Arguments = std::span<char*>;

Json read(const char* path) {
  std::ifstream file(path);
  Json json = Json::parse(file, nullptr, false);
  if (!json.is_discarded()) return json;
  fmt::print(stderr, "mlt-bench: {} is no JSON\n", path);
  exit(2);
}

int measure(Arguments arguments) {
  MeasureOptions options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view word = arguments[i];
    if (word == "--quick") options.quick = true;
    if (word == "--peers") options.peers = true;
    if (word == "--only" && i + 1 < arguments.size()) options.only = arguments[++i];
    if (word == "--settle" && i + 1 < arguments.size()) options.settle_seconds = atoi(arguments[++i]);
  }
  fmt::print("{}\n", bench::measure(options).dump(1));
  return 0;
}

int growth(Arguments arguments) {
  bench::GrowthOptions options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view word = arguments[i];
    if (word == "--machine") options.machine_only = true;
    if (word == "--processes" && i + 1 < arguments.size()) options.processes = atoi(arguments[++i]);
    if (word == "--settle" && i + 1 < arguments.size()) options.settle_seconds = atoi(arguments[++i]);
  }
  fmt::print("{}\n", bench::measure_growth(options).dump(1));
  return 0;
}

int native(Arguments arguments) {
  const bool peers = !arguments.empty() && std::string_view(arguments[0]) == "--peers";
  if (peers) return bench::measure_native_peers();
  return bench::measure_native(arguments.empty() ? "" : arguments[0]);
}

int stress(Arguments arguments) {
  bench::StressOptions options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view word = arguments[i];
    if (word == "--faults" && i + 1 < arguments.size()) options.faults = strtoull(arguments[++i], nullptr, 10);
    if (word == "--seconds" && i + 1 < arguments.size()) options.seconds = atoi(arguments[++i]);
  }
  fmt::print("{}\n", bench::measure_stress(options).dump(1));
  return 0;
}

std::vector<Json> read_all(Arguments paths) {
  std::vector<Json> runs;
  for (const char* path : paths) runs.push_back(read(path));
  return runs;
}

int print(const std::string& text) {
  fmt::print("{}", text);
  return 0;
}

int compare(Arguments arguments) {
  if (arguments.size() != 2) return 2;
  const auto found = bench::compare(read(arguments[0]), bench::kept_figures(read(arguments[1])));
  for (const std::string& line : found.risen) fmt::print("costs more: {}\n", line);
  for (const std::string& line : found.fallen) fmt::print("costs less: {}: scripts/bench --update\n", line);
  fmt::print("{} figures compared\n", found.compared);
  return found.risen.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments words(argv, static_cast<std::size_t>(argc));
  const std::string_view command = argc > 1 ? words[1] : "";
  const Arguments arguments = words.subspan(std::min<std::size_t>(2, words.size()));
  if (command == "work") return bench::work();
  if (command == "measure") return measure(arguments);
  if (command == "growth") return growth(arguments);
  if (command == "stress") return stress(arguments);
  if (command == "native") return native(arguments);
  if (command == "recordings" && arguments.size() == 2)
    return print(bench::measure_recordings(atoi(arguments[0]), arguments[1]));
  if (command == "rendering") return print(bench::measure_rendering().dump(1) + "\n");
  if (command == "table") return print(bench::to_markdown(read_all(arguments)));
  if (command == "readme") return print(bench::to_readme(read_all(arguments)));
  if (command == "growth-table") return print(bench::growth_to_markdown(read_all(arguments)));
  if (command == "rendering-table" && arguments.size() == 1)
    return print(bench::rendering_to_markdown(read(arguments[0])));
  if (command == "stress-table") return print(bench::stress_to_markdown(read_all(arguments)));
  if (command == "compare") return compare(arguments);
  if (command == "figures" && arguments.size() == 1)
    return print(bench::kept_figures(read(arguments[0])).dump(1) + "\n");
  fmt::print(stderr, "{}", kUsage);
  return 2;
}
