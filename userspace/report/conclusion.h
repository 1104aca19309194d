// What a report comes to, in a sentence: the first thing that a reader of any format sees.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/report.h"

namespace mlt {

struct Conclusion {
  std::optional<Severity> gravest;   // of the findings; empty: there are none
  std::string text;                  // "pid 42 (server): locking failed", "Nothing is wrong in what was measured."
  std::string counts;                // "1 problem, 2 warnings"; empty without findings
  std::vector<std::string> caveats;  // what the reader must know before believing it: losses, audits that differ
};

Conclusion conclude(const Report& report);

/// "pid 4242 (trade-engine): " before what is said about a process; empty for 0, the system.
std::string subject_of(const Report& report, std::uint32_t pid);

/// The same for a finding; "613 processes (sh, make): " where it is of many.
std::string subject_of(const Report& report, const Finding& finding);

/// "pids 12, 13 and 611 more; …": which processes a finding is of that is of many, and whose its evidence is. Empty for
/// others.
std::string which_of(const Finding& finding);

/// "limit 80 MiB" for limit_bytes: the unit is the end of the name. An address is in hexadecimal.
std::string fact_of(std::string_view key, std::int64_t value);

}  // namespace mlt
