// Which calls lead to page faults, and of which causes.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>

#include "bpf/mlocktrace.h"

namespace mlt {

/// The event as a call, when it is one that succeeded and after which pages fault; a fork and an exec as well.
std::optional<mlt_event_call> possible_trigger(const mlt_event& event);

/// Bytes that the call was about; what is about the whole address space is larger than everything else.
std::uint64_t extent(const mlt_event_call& call);

/// Does such a call lead to faults of this cause? Of the unknown cause: to any.
bool leads_to(const mlt_event_call& call, mlt_cause cause);

/// The one of the largest extent that leads to faults of this cause; of several the earliest. The lists, by number of
/// the call, come in order of time.
std::optional<mlt_event_call> widest_trigger(
    std::initializer_list<const std::map<std::uint32_t, mlt_event_call>*> lists, mlt_cause cause);

}  // namespace mlt
