// What a command under mlocktrace printed: the truths of its workloads, a line each, and mlocktrace's report after
// them.
#pragma once

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "program.h"
#include "report_view.h"
#include "truth.h"

namespace live {

inline std::vector<Json> printed_truths(const std::string& out) {
  std::vector<Json> truths;
  std::istringstream lines(out);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("{\"workload\"")) truths.push_back(read_truth(line));
  }
  return truths;
}

/// The truth of the only workload.
inline Json printed_truth(const std::string& out) {
  const std::vector<Json> truths = printed_truths(out);
  EXPECT_EQ(truths.size(), 1U) << out.substr(0, 300);
  return truths.size() == 1 ? truths[0] : Json{};
}

inline Json printed_report(const std::string& out) {
  const std::size_t begin = out.find("{\n");
  EXPECT_NE(begin, std::string::npos) << out.substr(0, 300);
  return begin == std::string::npos ? Json{} : parse_report(out.substr(begin));
}

/// `sh` runs workloads one after another: one tracer sees them all.
inline Words one_after_another(const std::vector<std::string>& workloads) {
  std::string script;
  for (const std::string& workload : workloads) script += "mlt-workload " + workload + "; ";
  // Nothing comes after the last command but this: no shell makes way for it.
  return {"sh", "-c", script + ":"};
}

}  // namespace live
