#include "suite/construction.h"

#include <cstdint>

namespace suite {

namespace {

using nlohmann::json;

std::uint64_t counted(const json& truth) {
  const json& work = truth.at("work");
  return work.at("minor").get<std::uint64_t>() + work.at("major").get<std::uint64_t>();
}

// The one origin that has faults; nullptr: several have, or nobody knows.
json* only_origin(json& faults) {
  json* only = nullptr;
  for (json& of_origin : faults) {
    if (of_origin == 0) continue;
    if (of_origin.is_null() || only != nullptr) return nullptr;
    only = &of_origin;
  }
  return only;
}

void forget(json& numbers) {
  for (json& number : numbers) number = nullptr;
}

}  // namespace

std::string broken_construction(const json& truth) {
  if (const auto broken = truth.find("broken_premise"); broken != truth.end())
    return "it is not so that " + broken->get<std::string>();
  if (truth.value("consistent", true)) return {};
  std::uint64_t expected = 0;
  for (const json& of_origin : truth.at("faults")) expected += of_origin.get<std::uint64_t>();
  return std::to_string(counted(truth)) + " faults where " + std::to_string(expected) + " were expected";
}

json by_the_kernels_counters(json truth) {
  if (broken_construction(truth).empty()) return truth;
  json& faults = truth.at("faults");
  if (json* only = only_origin(faults)) {
    *only = counted(truth);
  } else {
    forget(faults);
  }
  truth.erase("causes");
  forget(truth.at("pages_moved"));
  for (const char* made_by_calls : {"splits", "merges"}) truth.at("vma").at(made_by_calls) = nullptr;
  return truth;
}

}  // namespace suite
