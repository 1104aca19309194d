// The work whose cost is measured: operations on memory of which a tracer takes notice, in rounds.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace bench {

struct Operation {
  std::string_view name;
  std::string_view unit;  // what one of them is
  /// Ticks of rdtscp for each unit: the least of all rounds, so that no round with a timer interrupt in it counts.
  /// Below 0: this kernel or machine does not offer it.
  double (*measure)();
};

std::span<const Operation> operations();

/// The processor's time stamp.
std::uint64_t read_ticks();

/// The program whose operations are traced: reads names of operations from stdin, answers each with its figure.
int work();

}  // namespace bench
