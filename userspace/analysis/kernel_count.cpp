#include "analysis/kernel_count.h"

namespace mlt {

namespace {

std::int64_t value_of(const CounterValues& values, const char* counter) {
  const auto found = values.find(counter);
  return found == values.end() ? 0 : found->second;
}

}  // namespace

const KernelCount kSwappedOut{{"pswpout"}, {"swpout_zero", "zswpout"}, "zswpwb"};

std::optional<std::int64_t> KernelCount::at(const CounterValues& values) const {
  std::int64_t sum = 0;
  for (const char* counter : counters) {
    if (!values.contains(counter)) return std::nullopt;
    sum += value_of(values, counter);
  }
  for (const char* counter : where_there) sum += value_of(values, counter);
  return again == nullptr ? sum : sum - value_of(values, again);
}

std::optional<std::int64_t> KernelCount::growth(const CounterValues& start, const CounterValues& end) const {
  const auto first = at(start);
  const auto last = at(end);
  return first && last ? std::optional(*last - *first) : std::nullopt;
}

std::string KernelCount::names(const CounterValues& values) const {
  std::string names;
  for (const char* counter : counters) names += std::string(" ") + counter;
  for (const char* counter : where_there) {
    if (values.contains(counter)) names += std::string(" ") + counter;
  }
  return names;
}

std::optional<std::int64_t> growth(const CounterValues& start, const CounterValues& end, const char* counter) {
  return KernelCount{{counter}}.growth(start, end);
}

}  // namespace mlt
