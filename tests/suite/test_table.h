// What runs where: every live test belongs to one row.
#pragma once

#include <span>
#include <string_view>

namespace suite {

/// Where the tests of a row run unless everything is asked for (scripts/test --full: each on every kernel).
enum class Tier {
  every_kernel,
  /// On the reference kernel and the newest; the others share the row: each test is on one of them, and each of them
  /// has tests of every family.
  two_kernels,
  /// On the reference kernel only, whatever is asked for: what it is compared with was measured there.
  one_kernel,
};

/// What a guest must have for a row. The last two nothing but a guest can have.
struct Needs {
  bool swap = false;
  bool disk = false;          // an ext4 file system at /mnt
  bool two_nodes = false;     // of memory, with NUMA balancing off
  bool counted_time = false;  // a nanosecond is an instruction: whatever else the host does, times are the same
};

struct Row {
  std::string_view family;
  std::string_view tests;  // a GoogleTest pattern, or several with colons between them
  Tier tier;
  Needs needs = {};
  /// Its tests share a tracer: all of them go where one goes.
  bool together = false;
  int seconds = 1;  // about what it takes on the reference kernel, of one processor: what is balanced by
  std::string_view not_with_rt = {};  // why it can't hold on a kernel with PREEMPT_RT; empty: it must
};

/// Each test matches one row: make_plan tells of others.
std::span<const Row> test_table();

}  // namespace suite
