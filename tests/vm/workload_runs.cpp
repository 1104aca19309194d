#include "workload_runs.h"

#include <unistd.h>

#include <algorithm>
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

const Traced& workload_runs() {
  static const Traced traced = [] {
    std::map<std::string, Words> commands;
    for (const suite::WorkloadRow& row : workloads_together()) commands[std::string(row.name())] = command_of(row);
    // Where processors are busy elsewhere, the healthy take so long over their faults that they would be a storm.
    return trace_all(commands, {"--threshold", "storm-seconds=600"});
  }();
  return traced;
}

std::string test_name(std::string_view workload) {
  std::string name(workload);
  std::ranges::replace(name, '-', '_');
  return name;
}

}  // namespace live
