// The sections of the text report; private to the renderer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "report/layout.h"
#include "report/text.h"

namespace mlt::text {

/// Width of the labels in the lists of facts.
inline constexpr std::size_t kLabel = 16;

/// "0.012": seconds since the start of the trace, for a column titled "at (s)".
std::string at_seconds(std::uint64_t nanoseconds, const TextOptions& options);
/// "n/a" when it was not measured.
std::string count_or_na(const Count& count);
std::string bytes_or_na(const Count& bytes);
/// "1 page", "2,048 pages"
std::string plural(std::uint64_t count, std::string_view noun);
/// Faults of every origin that could be measured.
FaultTotals all_faults(const Process& process);

void faults(Page& page, const Process& process, const TextOptions& options);
void histograms(Page& page, const Process& process, const TextOptions& options);
void memory(Page& page, const Process& process, const Host& host);
void lock_calls(Page& page, const Process& process, const Host& host, const TextOptions& options);
void vma_changes(Page& page, const Process& process, const TextOptions& options);
void life(Page& page, const Process& process, const TextOptions& options);
void coverage(Page& page, const Coverage& coverage, const TextOptions& options);

}  // namespace mlt::text
