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

void ProcessEvents::add(const mlt_event& event) {
  switch (event.kind) {
    case MLT_EVENT_CALL: {
      const auto& call = reinterpret_cast<const mlt_event_call&>(event);
      peak_locked_pages = std::max<std::uint64_t>(peak_locked_pages, call.locked_pages);
      keep(calls, calls_not_kept, event, kCallsKept);
      break;
    }
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
