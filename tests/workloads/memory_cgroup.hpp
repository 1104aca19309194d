#pragma once

#include <array>
#include <string_view>

#include "workload.hpp"

namespace workload {

// A memory cgroup (v2) of this process alone. What the process has so far stays charged to where it was; what it
// touches from now on counts here.
class MemoryCgroup {
 public:
  // With another controller besides, where the kernel has it.
  explicit MemoryCgroup(const char* controller = "+memory");
  ~MemoryCgroup();  // the process goes back to where it was
  MemoryCgroup(const MemoryCgroup&) = delete;
  MemoryCgroup& operator=(const MemoryCgroup&) = delete;

  // False where there is none, or this process may not make one.
  [[nodiscard]] bool entered() const { return entered_; }

  void limit(long pages) const;
  void unlimit() const;
  // What does not fit can't be swapped out: somebody has to go.
  void forbid_swap() const;
  // Takes away what can be: swap cache, above all, so that what is swapped out must be read again.
  void squeeze() const;

  // False where it has no such file.
  [[nodiscard]] bool set(const char* name,
                         std::string_view text) const;  // NOLINT(bugprone-easily-swappable-parameters)

  // How often a charge found the group at its limit, and so had to reclaim.
  [[nodiscard]] Known limit_hits() const { return number_in(events_.data(), "max"); }
  // Processes of it that the OOM killer has ended.
  [[nodiscard]] Known oom_kills() const { return number_in(events_.data(), "oom_kill"); }
  // Pages, by a name of memory.stat. The kernel adds them up late: nearly right, no more.
  [[nodiscard]] Known stat(std::string_view name) const { return number_in(stat_.data(), name); }

 private:
  using Path = std::array<char, 256>;

  [[nodiscard]] Path file(const char* name) const;

  void set_max(std::string_view text) const;

  Path home_{}, directory_{}, high_{}, events_{}, stat_{};
  int max_ = -1;  // open: whoever is at the limit can't open anything
  bool entered_ = false;
};

}  // namespace workload
