#include "recordings.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>

#include "program.h"
#include "recording/sample.h"
#include "report/fixtures.h"

namespace bench {

namespace {

double megabytes(const std::string& path) {
  struct stat file {};
  return stat(path.c_str(), &file) == 0 ? static_cast<double>(file.st_size) / 1e6 : 0;
}

// Two threads that map, touch and unmap, for as long as they are recorded.
std::string storm_row(int seconds, const std::string& path, bool with_events) {
  live::Program storm({"mlt-workload", "storm", "--seconds", std::to_string(seconds + 30), "threads=2"});
  live::Words words{"mlocktrace", "record", "-q", "--json", "-d", fmt::format("{}s", seconds), "-o", path};
  if (with_events) words.emplace_back("--events");
  words.insert(words.end(), {"-p", std::to_string(storm.pid())});
  live::Program recorder(words);
  const live::Finished finished = recorder.finish(seconds + 120);
  const live::Json report = live::Json::parse(finished.out, nullptr, false);
  if (finished.status != 0 || report.is_discarded()) return fmt::format("| failed: {} |\n", finished.err);
  double faults = 0;
  for (const live::Json& process : report.at("processes")) {
    for (const char* origin : {"access", "kernel", "populate", "remote"}) {
      const live::Json& totals = process.at("faults").at(origin);
      if (!totals.is_null()) faults += totals.at("minor").get<double>() + totals.at("major").get<double>();
    }
  }
  const auto lost = report.at("coverage").at("lost").at("events").get<std::uint64_t>();
  const double mb = megabytes(path);
  return fmt::format("| {} | {:.0f} | {} | {:.1f} | {:.2f} | {:.1f} % | {:.0f} |\n", with_events ? "yes" : "no",
                     faults / seconds / 1000, lost, mb, with_events ? mb * 1e6 / (faults + 1) : 0.0,
                     finished.cpu_seconds / seconds * 100, static_cast<double>(finished.peak_kb) / 1e3);
}

live::Finished read_as(const std::string& path, const live::Words& format) {
  live::Words words{"mlocktrace", "report", path};
  words.insert(words.end(), format.begin(), format.end());
  live::Program program(words);
  live::Finished finished = program.finish();
  if (finished.status != 0) fmt::print(stderr, "mlt-bench: {}", finished.err);
  return finished;
}

std::string reading_row(std::uint64_t events, const std::string& path) {
  // A storm at full speed: 400,000 faults a second, intervals of a second.
  const mlt::sample::Size size{.intervals = std::max<std::uint64_t>(events / 400'000, 10), .events = events};
  const auto start = live::Clock::now();
  mlt::sample::record(mlt::sample::options(path), mlt::fixtures::busy(), size);
  const double written = std::chrono::duration<double>(live::Clock::now() - start).count();
  const live::Finished text = read_as(path, {});
  const live::Finished html = read_as(path, {"--html", path + ".html"});
  std::string row = fmt::format("| {} | {:.1f} | {:.0f} | {:.2f} | {:.2f} | {:.0f} |\n", events, megabytes(path),
                                static_cast<double>(events) / written / 1000, text.cpu_seconds, html.cpu_seconds,
                                static_cast<double>(std::max(text.peak_kb, html.peak_kb)) / 1e3);
  unlink((path + ".html").c_str());
  return row;
}

}  // namespace

std::string measure_recordings(int seconds, const std::string& directory) {
  const std::string path = directory + "/mlt-bench-recording";
  std::string text =
      "| storm, 2 threads: --events | faults, k/s | lost | file, MB | bytes an event | recorder, of a CPU | memory, MB "
      "|\n"
      "|---|---:|---:|---:|---:|---:|---:|\n";
  for (const bool with_events : {false, true}) text += storm_row(seconds, path, with_events);
  text +=
      "\n| events recorded | file, MB | written, k/s | text, s of CPU | HTML, s of CPU | memory, MB |\n"
      "|---:|---:|---:|---:|---:|---:|\n";
  for (const std::uint64_t events : {100'000, 1'000'000, 10'000'000}) text += reading_row(events, path);
  unlink(path.c_str());
  return text;
}

}  // namespace bench
