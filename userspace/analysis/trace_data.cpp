#include "analysis/trace_data.h"

#include <algorithm>

namespace mlt {

namespace {

// Enough for any reader; a process that locks in a loop would otherwise grow the tracer without bound.
constexpr std::size_t kCallsKept = 2000;
constexpr std::size_t kChangesKept = 2000;
constexpr std::size_t kLifeKept = 1000;

template <typename Event>
void keep(std::vector<Event>& list, std::uint64_t& not_kept, const mlt_event& event, std::size_t limit) {
  if (list.size() < limit) {
    list.push_back(reinterpret_cast<const Event&>(event));
  } else {
    ++not_kept;
  }
}

}  // namespace

/// What is known of the ranges of a call comes before the call.
void ProcessEvents::end_call(std::uint32_t tid, bool is_kept) {
  const auto found = open_ranges_.find(tid);
  if (found == open_ranges_.end()) return;
  if (is_kept) ranges[calls.size() - 1] = std::move(found->second);
  open_ranges_.erase(found);
}

void ProcessEvents::add(const mlt_event& event) {
  switch (event.kind) {
    case MLT_EVENT_CALL: {
      const auto& call = reinterpret_cast<const mlt_event_call&>(event);
      peak_locked_pages = std::max<std::uint64_t>(peak_locked_pages, call.locked_pages);
      const std::size_t before = calls.size();
      keep(calls, calls_not_kept, event, kCallsKept);
      end_call(event.tid, calls.size() != before);
      break;
    }
    case MLT_EVENT_MAPPING: end_call(event.tid, false); break;
    case MLT_EVENT_RANGE: open_ranges_[event.tid].push_back(reinterpret_cast<const mlt_event_range&>(event)); break;
    case MLT_EVENT_SPLIT:
    case MLT_EVENT_MERGE: {
      const auto& change = reinterpret_cast<const mlt_event_vma&>(event);
      peak_vma_count = std::max<std::uint64_t>(peak_vma_count, change.map_count);
      keep(changes, changes_not_kept, event, kChangesKept);
      break;
    }
    case MLT_EVENT_FORK:
    case MLT_EVENT_VFORK:
    case MLT_EVENT_SHARE:
    case MLT_EVENT_EXEC:
    case MLT_EVENT_EXIT: keep(life, life_not_kept, event, kLifeKept); break;
    default: break;
  }
}

}  // namespace mlt
