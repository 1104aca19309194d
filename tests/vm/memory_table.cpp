#include "memory_table.h"

#include <unistd.h>

#include <filesystem>

namespace live {

namespace {

struct Table {
  bool only_it_swaps = false;
  Traced traced;
};

bool somebody_has_swapped() {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string pid = entry.path().filename();
    if (std::ranges::all_of(pid, ::isdigit) && status_kb(std::stoi(pid), "VmSwap") > 0) return true;
  }
  return false;
}

Table trace_table() {
  std::map<std::string, Words> commands;
  for (const char* name : {"swap-touch", "swap-lock", "swap-fork", "shm-unlock", "thp-lock-middle", "thp-straddle",
                           "thp-unlock-half", "fork-cow-locked", "vfork-locked", "clone-vm"})
    commands[name] = {"mlt-workload", name};
  const std::string dir = access("/mnt", W_OK) == 0 ? "dir=/mnt" : "dir=/tmp";
  for (const std::string kind : {"memory", "file", "anonymous", "halves", "self"})
    commands["shared-lock " + kind] = {"mlt-workload", "shared-lock", "kind=" + kind, dir};
  Table table;
  table.only_it_swaps = !somebody_has_swapped();
  // What a test asks for, and what the audit compares.
  table.traced = trace_all(commands, {"--follow", "--signals",
                                      "fault,cause,lock_call,populate,page_lock,page_unlock,unevictable,rescue,"
                                      "swap_out,swap_readahead,swap_fork,swap_free"});
  expect_nothing_lost(table.traced.report);
  return table;
}

const Table& table() {
  static const Table table = trace_table();
  return table;
}

}  // namespace

const Traced& memory_table() { return table().traced; }

Observed of_memory_table(const std::string& name) { return {memory_table(), name}; }

bool only_memory_table_swaps() { return table().only_it_swaps; }

}  // namespace live
