// What a workload knows beside what was traced of it, and the audit of the report by name.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "report_view.h"
#include "trace_all.h"

namespace live {

/// Where its signal is measured, a number that is missing is a failure.
inline std::uint64_t number(const Json& object, const char* pointer) {
  const Json::json_pointer at(pointer);
  const Json value = object.contains(at) ? object.at(at) : Json();
  EXPECT_TRUE(value.is_number_unsigned()) << pointer << " is " << value.dump();
  return value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
}

inline Json audit_row(const Json& report, const std::string& name) {
  for (const Json& check : report.at("coverage").at("audit")) {
    if (check.at("check") == name) return check;
  }
  return {};
}

/// One of those that were traced together.
struct Observed {
  Observed(const Traced& traced, const std::string& name)
      : truth(traced.rows.at(name).truth), report(traced.report), process(traced.rows.at(name).process) {}

  const Json& truth;
  const Json& report;
  const Json& process;  // null when the report does not have it

  /// Nothing to compare: the kernel lacks what the workload needs, or what mlocktrace needs.
  [[nodiscard]] bool nothing_to_see() const {
    const bool unsupported = truth.contains("unsupported");
    if (!unsupported && sees_everything(report)) return false;
    printf("nothing to see: %s\n", unsupported ? truth.dump().c_str() : "functions can't be hooked");
    return true;
  }
  [[nodiscard]] std::uint64_t extra(const char* key) const { return truth.at("extra").at(key).get<std::uint64_t>(); }
  [[nodiscard]] std::uint64_t vmstat(const char* key) const { return truth.at("vmstat").at(key).get<std::uint64_t>(); }
  [[nodiscard]] std::uint64_t faults() const { return major_faults() + truth["work"]["minor"].get<std::uint64_t>(); }
  [[nodiscard]] std::uint64_t major_faults() const { return truth["work"]["major"].get<std::uint64_t>(); }
};

/// The name of a test for each of some workloads.
inline std::string workload_name(const testing::TestParamInfo<const char*>& info) {
  std::string name = info.param;
  std::ranges::replace(name, '-', '_');
  return name;
}

}  // namespace live
