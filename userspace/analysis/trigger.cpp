#include "analysis/trigger.h"

#include <linux/mman.h>
#include <sys/mman.h>

#include <limits>

#include "analysis/explain.h"
#include "model/names.h"

namespace mlt {

namespace {

constexpr std::uint32_t causes(std::initializer_list<mlt_cause> list) {
  std::uint32_t bits = std::uint32_t{1} << MLT_CAUSE_UNKNOWN;
  for (const mlt_cause cause : list) bits |= std::uint32_t{1} << cause;
  return bits;
}

// Nothing is there yet, or not any more.
constexpr std::uint32_t kEmpty =
    causes({MLT_CAUSE_FIRST_TOUCH, MLT_CAUSE_STACK, MLT_CAUSE_FILE_MAP, MLT_CAUSE_FILE_READ, MLT_CAUSE_ZERO_PAGE,
            MLT_CAUSE_MKWRITE, MLT_CAUSE_UFFD_MISSING, MLT_CAUSE_SPECIAL_MAP, MLT_CAUSE_HUGETLB});
// Of a file it is the page of the file that is written to first.
constexpr std::uint32_t kMapped = kEmpty | causes({MLT_CAUSE_COW});
// The kernel may take the pages from now on, or does so now.
constexpr std::uint32_t kReclaimed = causes({MLT_CAUSE_SWAP_IN, MLT_CAUSE_FILE_MAP, MLT_CAUSE_FILE_READ});
constexpr std::uint32_t kNothing = 0;

// The headers of Debian 12 lack the newest.
constexpr std::uint64_t kDontneedLocked = 24;

std::uint32_t causes_of_advice(std::uint64_t advice) {
  switch (advice) {
    case MADV_DONTNEED:
    case MADV_FREE:
    case MADV_REMOVE:
    case kDontneedLocked: return kEmpty;
    case MADV_COLD:
    case MADV_PAGEOUT: return kReclaimed;
    case MADV_MERGEABLE: return causes({MLT_CAUSE_KSM});
    default: return kNothing;
  }
}

std::uint32_t causes_of(const mlt_event_call& call) {
  switch (call.head.call) {
    case MLT_CALL_MMAP:
    case MLT_CALL_BRK:
    case MLT_CALL_MREMAP:
    case MLT_CALL_EXECVE: return kMapped;
    // What could not be touched before can be now; and what could be written to is read-only, then not any more.
    case MLT_CALL_MPROTECT: return kMapped | causes({MLT_CAUSE_WRITE_ENABLE});
    case MLT_CALL_MADVISE: return causes_of_advice(call.args[2]);
    case MLT_CALL_MUNLOCK:
    case MLT_CALL_MUNLOCKALL: return kReclaimed | causes({MLT_CAUSE_MIGRATION, MLT_CAUSE_NUMA_HINT});
    case MLT_CALL_FORK: return causes({MLT_CAUSE_COW});
    default: return kNothing;
  }
}

mlt_event_call as_call(const mlt_event& event) {
  mlt_event_call call{};
  call.head = event;
  return call;
}

}  // namespace

std::optional<mlt_event_call> possible_trigger(const mlt_event& event) {
  switch (event.kind) {
    case MLT_EVENT_FORK:
    case MLT_EVENT_EXEC: return as_call(event);
    case MLT_EVENT_CALL:
    case MLT_EVENT_MAPPING: break;
    default: return std::nullopt;
  }
  const auto& call = reinterpret_cast<const mlt_event_call&>(event);
  if (is_error(call.ret) || causes_of(call) == kNothing) return std::nullopt;
  return call;
}

std::uint64_t extent(const mlt_event_call& call) {
  constexpr std::uint64_t kPage = 4096;
  switch (call.head.call) {
    case MLT_CALL_FORK:
    case MLT_CALL_EXECVE:
    case MLT_CALL_MUNLOCKALL: return std::numeric_limits<std::uint64_t>::max();
    default: return range_bytes(call, kPage);
  }
}

bool leads_to(const mlt_event_call& call, mlt_cause cause) { return (causes_of(call) >> cause & 1) != 0; }

std::optional<mlt_event_call> widest_trigger(
    std::initializer_list<const std::map<std::uint32_t, mlt_event_call>*> lists, mlt_cause cause) {
  std::optional<mlt_event_call> widest;
  for (const auto* list : lists) {
    for (const auto& [number, call] : *list) {
      if (!leads_to(call, cause)) continue;
      const bool wider = !widest || extent(call) > extent(*widest);
      const bool earlier = widest && extent(call) == extent(*widest) && call.head.ns < widest->head.ns;
      if (wider || earlier) widest = call;
    }
  }
  return widest;
}

}  // namespace mlt
