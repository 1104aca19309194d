// The sections of the text report; private to the renderer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "report/facts.h"
#include "report/layout.h"
#include "report/phrases.h"
#include "report/text.h"

namespace mlt::text {

/// Width of the labels in the lists of facts.
inline constexpr std::size_t kLabel = 16;

/// "0.012": seconds since the start of the trace, for a column titled "at (s)".
std::string at_seconds(std::uint64_t nanoseconds, const TextOptions& options);

/// A list of facts, each after its label, with an empty line before it.
void facts(Page& page, const std::vector<Fact>& facts);

void storms(Page& page, const Report& report, const TextOptions& options);
void faults(Page& page, const Process& process, const TextOptions& options);
void by_vma(Page& page, const Process& process, const TextOptions& options);
void stacks(Page& page, const Process& process, const TextOptions& options);
void histograms(Page& page, const Process& process, const TextOptions& options);
void memory(Page& page, const Process& process, const Host& host);
/// What reclaim and swap did to the process; nothing when they did nothing.
void reclaim_and_swap(Page& page, const Process& process);
void lock_calls(Page& page, const Process& process, const Host& host, const TextOptions& options);
void vma_changes(Page& page, const Process& process, const TextOptions& options);
void life(Page& page, const Process& process, const TextOptions& options);
void system(Page& page, const System& system, const TextOptions& options);
void coverage(Page& page, const Report& report, const TextOptions& options);

}  // namespace mlt::text
