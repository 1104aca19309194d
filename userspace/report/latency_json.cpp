#include "report/latency_json.h"

#include <nlohmann/json.hpp>

namespace mlt {

using Json = nlohmann::ordered_json;

namespace {

Json buckets(const Histogram& histogram) {
  Json array = Json::array();
  for (const auto& [index, count] : histogram.buckets()) {
    const BucketRange range = bucket_range(index);
    array.push_back(Json::array({range.lo, range.hi, count}));
  }
  return array;
}

}  // namespace

Json latency_json(const Histogram& histogram) {
  const auto unless_empty = [&](std::uint64_t value) { return histogram.empty() ? Json(nullptr) : Json(value); };
  return {{"unit", "ns"},
          {"count", histogram.count()},
          {"sum", histogram.sum()},
          {"min", unless_empty(histogram.min())},
          {"max", unless_empty(histogram.max())},
          {"p50", unless_empty(histogram.quantile(0.5))},
          {"p90", unless_empty(histogram.quantile(0.9))},
          {"p99", unless_empty(histogram.quantile(0.99))},
          {"p999", unless_empty(histogram.quantile(0.999))},
          {"buckets", buckets(histogram)}};
}

}  // namespace mlt
