// A cgroup of version 2 with a memory controller.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>

#include "program.h"

namespace live {

/// Is there as long as this lives, below another one; where the machine has none, it isn't.
class MemoryCgroup {
 public:
  explicit MemoryCgroup(const std::string& parent = "/sys/fs/cgroup")
      : path_(parent + "/mlt-live." + std::to_string(getpid())) {
    if (!std::filesystem::exists(parent + "/cgroup.controllers")) return;
    write_file(parent + "/cgroup.subtree_control", "+memory");
    std::filesystem::create_directory(path_, ignored_);
    possible_ = std::filesystem::exists(path_ + "/memory.max") && std::filesystem::exists(path_ + "/cgroup.procs");
  }
  MemoryCgroup(const MemoryCgroup&) = delete;
  MemoryCgroup& operator=(const MemoryCgroup&) = delete;
  ~MemoryCgroup() { std::filesystem::remove(path_, ignored_); }

  [[nodiscard]] bool possible() const {
    if (!possible_) printf("no cgroup of version 2 with a memory controller\n");
    return possible_;
  }
  [[nodiscard]] const std::string& path() const { return path_; }
  void enter(pid_t pid) const { write_file(path_ + "/cgroup.procs", std::to_string(pid)); }
  /// The command that enters it and becomes `command`. Where the limit can't be kept it is to wait, and not to be
  /// killed.
  [[nodiscard]] Words entered_by(const Words& command) const {
    Words words = {"sh", "-c", "echo -1000 >/proc/$$/oom_score_adj && echo $$ >\"$0\"/cgroup.procs && exec \"$@\"",
                   path_};
    words.insert(words.end(), command.begin(), command.end());
    return words;
  }
  void set_max(std::uint64_t bytes) const { write_file(path_ + "/memory.max", std::to_string(bytes)); }
  void set_high(std::uint64_t bytes) const { write_file(path_ + "/memory.high", std::to_string(bytes)); }
  [[nodiscard]] std::uint64_t exceeded_high() const {
    const std::string events = read_file(path_ + "/memory.events");
    return std::stoull(events.substr(events.find("high ") + 5));
  }
  [[nodiscard]] bool counts(const std::string& name) const {
    return read_file(path_ + "/memory.stat").find(name + " ") != std::string::npos;
  }

 private:
  std::string path_;
  std::error_code ignored_;
  bool possible_ = false;
};

}  // namespace live
