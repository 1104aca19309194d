// Words and small sentences that every kind of report uses.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/report.h"

namespace mlt {

/// "n/a" when it was not measured.
std::string count_or_na(const Count& count);
std::string bytes_or_na(const Count& bytes);

/// "1 page", "2,048 pages"
std::string plural(std::uint64_t count, std::string_view noun);

/// "reclaim 480 us"
std::string named_time(std::string_view what, std::uint64_t time_ns);

/// "swap_in" -> "swap in"
std::string words(std::string_view name);

/// "2 events, 0 counts in full tables and 1 return probe"
std::string describe(const Lost& lost);
std::string describe(const SkippedProbes& skipped);

/// How many lock calls there were, or "n/a".
std::string lock_calls(const Locks& locks);

}  // namespace mlt
