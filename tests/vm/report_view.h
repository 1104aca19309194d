// Looking things up in mlocktrace's JSON.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "program.h"

namespace live {

inline Json parse_report(const std::string& text) {
  Json report = Json::parse(text, nullptr, false);
  EXPECT_FALSE(report.is_discarded()) << text.substr(0, 400);
  return report;
}

inline const Json* find_process(const Json& report, std::uint64_t pid) {
  for (const Json& process : report.at("processes")) {
    if (process.at("pid") == pid) return &process;
  }
  return nullptr;
}

/// What the coverage says of a signal.
inline const Json* find_signal(const Json& report, const std::string& name) {
  for (const Json& signal : report.at("coverage").at("signals")) {
    if (signal.at("name") == name) return &signal;
  }
  return nullptr;
}

/// "exact", "partial" or "off"
inline std::string signal_state(const Json& report, const std::string& name) {
  const Json* signal = find_signal(report, name);
  return signal != nullptr ? signal->at("state").get<std::string>() : "off";
}

/// What decides about the signal: "fexit:handle_mm_fault"; empty when it is off.
inline std::string via(const Json& report, const std::string& name) {
  const Json* signal = find_signal(report, name);
  return signal != nullptr && signal->at("via").is_string() ? signal->at("via").get<std::string>() : "";
}

inline bool measured(const Json& report, const std::string& name) { return signal_state(report, name) != "off"; }

/// Functions can be hooked here: faults of every origin are seen, in whatever mapping. Whether a test asked for other
/// signals beside `fault` makes no difference: of those it asks measured().
inline bool sees_everything(const Json& report) {
  const std::string fault = via(report, "fault");
  return !fault.empty() && !fault.starts_with("perf");
}

/// The first finding with this id: of the process, of the system (null), or of whomever.
inline const Json* find_finding(const Json& report, const std::string& id, const std::optional<Json>& pid = {}) {
  for (const Json& finding : report.at("findings")) {
    if (finding.at("id") == id && (!pid || finding.at("pid") == *pid)) return &finding;
  }
  return nullptr;
}

/// Minor and major faults of all origins that could be measured.
inline std::uint64_t completed_faults(const Json& process) {
  std::uint64_t total = 0;
  for (const char* origin : {"access", "kernel", "populate", "remote", "unknown"}) {
    const Json& faults = process.at("faults").at(origin);
    if (!faults.is_null()) total += faults.at("minor").get<std::uint64_t>() + faults.at("major").get<std::uint64_t>();
  }
  return total;
}

inline std::optional<std::uint64_t> faults_of(const Json& process, const char* origin) {
  const Json& faults = process.at("faults").at(origin);
  if (faults.is_null()) return std::nullopt;
  return faults.at("minor").get<std::uint64_t>() + faults.at("major").get<std::uint64_t>();
}

inline void expect_nothing_lost(const Json& report) {
  const Json& lost = report.at("coverage").at("lost");
  EXPECT_EQ(lost.at("events"), 0);
  EXPECT_EQ(lost.at("map_full"), 0);
  EXPECT_EQ(lost.at("missed_probes"), 0);
}

/// No check of the audit may differ; those of `equal` must have been made.
inline void expect_audit_holds(const Json& report, const std::string& required_prefix = {}) {
  bool found = required_prefix.empty();
  for (const Json& check : report.at("coverage").at("audit")) {
    EXPECT_NE(check.at("verdict"), "differs") << check.dump();
    if (!required_prefix.empty() && check.at("check").get<std::string>().starts_with(required_prefix)) {
      found = true;
      if (sees_everything(report)) {
        EXPECT_EQ(check.at("verdict"), "equal") << check.dump();
      }
    }
  }
  EXPECT_TRUE(found) << "no audit of " << required_prefix;
}

}  // namespace live
