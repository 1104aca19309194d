// A report read back from JSON: what `trace --json` wrote, today or in an earlier version.
#pragma once

#include <string_view>

#include "model/report.h"
#include "util/result.h"

namespace mlt {

/// The report that `to_json` made `text` of. A key that may be null may be missing too (an older version did not
/// measure it), keys that are not known are passed over (a newer one did); anything else that the schema does not allow
/// is an error that says where: "processes[0].faults.access.minor is not a whole number".
///
/// What JSON does not hold is not there: the flags and ranges of calls, which only the findings are made from.
Result<Report> read_json(std::string_view text);

}  // namespace mlt
