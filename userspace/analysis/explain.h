// Why a call failed, by which rule of the kernel, or what it did that may surprise.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bpf/mlocktrace.h"
#include "model/report.h"

namespace mlt {

/// What is known of the process that called, beside the event. What is not known stays empty.
struct CallContext {
  std::uint64_t page_size = 4096;
  std::optional<std::uint64_t> limit_bytes;  // soft RLIMIT_MEMLOCK, where it applies
  bool unlimited = false;                    // the limit is infinite, or the process is exempt from it
  /// Read after the call. Else before the trace: programs lower limits and drop capabilities before they lock.
  bool limit_is_current = false;
  std::optional<std::uint64_t> locked_before_bytes;
  bool future_before = false;  // MCL_FUTURE was in force
  std::optional<std::uint64_t> vm_size_bytes;
  std::optional<std::uint64_t> vma_count;  // the most that were seen
  std::optional<std::uint64_t> max_map_count;
  bool max_map_count_is_current = false;  // both are of the moment of the call
  bool cap_elsewhere = false;             // CAP_IPC_LOCK was effective in another user namespace than the initial one
  std::optional<bool> seccomp_filter;
  bool sees_populate = false;  // a call that made pages present would show it
};

struct Explanation {
  CallRule rule = CallRule::none;
  std::string text;  // one sentence; empty when there is nothing to say
};

/// `ranges`: what the call met.
Explanation explain_call(const mlt_event_call& call, const std::vector<CallRange>& ranges, const CallContext& context);

/// Of its range what is not locked already: the kernel counts no page twice (count_mm_mlocked_page_nr, 4.9+). Empty:
/// the range was not looked at to its end.
std::optional<std::uint64_t> bytes_to_lock(const mlt_event_call& call, std::uint64_t page_size);

/// Where its range begins, in whole pages; 0 when it names none. Of a new mapping: where it is.
std::uint64_t range_start(const mlt_event_call& call, std::uint64_t page_size);

/// Bytes, in whole pages, that the call wanted to lock, unlock or map more; 0 when it names no range.
std::uint64_t range_bytes(const mlt_event_call& call, std::uint64_t page_size);

}  // namespace mlt
