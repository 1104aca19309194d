// For every rule a process, or a system, that it speaks of: a row of a table, as the rule is.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "model/report.h"

namespace mlt::fixtures {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kMiB = 1 << 20;

/// A trace of ten seconds in which one process, 42, did nothing; everything was measured.
Report healthy();

/// The faults of one class.
void add_faults(Process& process, mlt_origin origin, mlt_lock_state locked, mlt_cause cause, std::uint64_t minor,
                std::uint64_t latency_ns = 1000, std::uint64_t major = 0);
/// Accesses that failed: three, each with a signal that the program caught.
FailedFaults& add_failed(Process& process, mlt_error_reason reason);
LockCall& add_call(Process& process, mlt_call call, std::int64_t ret = 0);
void add_life(Process& process, LifeEvent::Kind kind, std::uint64_t locked_bytes, bool mcl_future = false);

/// process_madvise(MADV_PAGEOUT) of twice as much as it took out; of the process itself where that is 42.
Act pageout_by(std::uint32_t pid, const char* comm, std::uint64_t pages);

/// By the rule's id: makes a healthy report one of which it speaks.
const std::map<std::string, std::function<void(Report&)>>& recipes();

}  // namespace mlt::fixtures
