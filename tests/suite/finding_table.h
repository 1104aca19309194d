// Which live tests show each finding, and which show that it is not taken for what looks the same. A row a finding; the
// page of findings (docs/findings.md) is made of these and of what proves them (findings/proofs.h).
#pragma once

#include <span>
#include <string_view>

namespace suite {

/// A workload by its label (workload_table.h), or a live test: "Findings.AnExitThatGivesUpSwap".
struct FindingRow {
  std::string_view finding;
  std::string_view shown_by;
  std::string_view not_by;  // it looks the same, and the finding must not be there
};

std::span<const FindingRow> finding_table();

/// Else a workload.
inline bool is_test(std::string_view name) { return name.find('.') != std::string_view::npos; }

}  // namespace suite
