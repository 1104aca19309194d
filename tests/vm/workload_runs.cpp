#include "workload_runs.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <iterator>
#include <sstream>

namespace live {

Words command_of(const suite::WorkloadRow& row) {
  static const std::string disk = access("/mnt", W_OK) == 0 ? "dir=/mnt" : "dir=/tmp";
  Words command = {"mlt-workload"};
  std::istringstream words{std::string(row.words)};
  for (std::string word; words >> word;) command.push_back(word == "dir=$DIR" ? disk : word);
  return command;
}

std::vector<suite::WorkloadRow> workloads_together() {
  std::vector<suite::WorkloadRow> rows;
  std::ranges::copy_if(suite::workload_table(), std::back_inserter(rows),
                       [](const suite::WorkloadRow& row) { return row.apart.empty(); });
  return rows;
}

namespace {

struct Runs {
  bool only_they_swap = false;
  Traced traced;
};

// As long as it lives, khugepaged has slept: it collapses small pages into huge ones when it likes, munlocking and
// mlocking them, and how late that is depends on how long the workloads take. Collapse (migration_test.cpp) is about
// it.
class SleepingKhugepaged {
 public:
  SleepingKhugepaged() : before_(read_file(kPause)) {
    if (!before_.empty()) write_file(kPause, "3600000");
  }
  SleepingKhugepaged(const SleepingKhugepaged&) = delete;
  SleepingKhugepaged& operator=(const SleepingKhugepaged&) = delete;
  ~SleepingKhugepaged() {
    if (!before_.empty()) write_file(kPause, before_);
  }

 private:
  static constexpr const char* kPause = "/sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs";
  std::string before_;
};

Runs trace_runs() {
  const SleepingKhugepaged khugepaged;
  std::map<std::string, Words> commands;
  for (const suite::WorkloadRow& row : workloads_together()) commands[std::string(row.label())] = command_of(row);
  Runs runs;
  runs.only_they_swap = !somebody_has_swapped();
  // Where processors are busy elsewhere, the healthy take so long over their faults that they would be a storm.
  runs.traced = trace_all(commands, {"--follow", "--threshold", "storm-seconds=600"});
  return runs;
}

const Runs& runs() {
  static const Runs runs = trace_runs();
  return runs;
}

}  // namespace

const Traced& workload_runs() { return runs().traced; }

Observed of_workload_runs(const std::string& label) { return {workload_runs(), label}; }

bool somebody_has_swapped() {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string pid = entry.path().filename();
    if (std::ranges::all_of(pid, ::isdigit) && status_kb(std::stoi(pid), "VmSwap") > 0) return true;
  }
  return false;
}

bool only_workload_runs_swap() { return runs().only_they_swap; }

std::string test_name(std::string_view label) {
  std::string name(label);
  std::ranges::replace_if(
      name, [](char c) { return c == '-' || c == ' '; }, '_');
  return name;
}

}  // namespace live
