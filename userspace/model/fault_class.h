// The class number of bpf/mlocktrace.h, taken apart and put together.
#pragma once

#include "model/report.h"

namespace mlt {

inline FaultClass class_of(std::uint16_t id) {
  constexpr int kCauses = MLT_CAUSE_NR;
  constexpr int kStates = MLT_LOCK_STATE_NR;
  return {static_cast<mlt_origin>(id / kCauses / kStates), static_cast<mlt_lock_state>(id / kCauses % kStates),
          static_cast<mlt_cause>(id % kCauses)};
}

/// The inverse.
inline std::uint16_t class_id_of(const FaultClass& fault_class) {
  const int state = int{fault_class.origin} * MLT_LOCK_STATE_NR + int{fault_class.locked};
  return static_cast<std::uint16_t>(state * MLT_CAUSE_NR + int{fault_class.cause});
}

}  // namespace mlt
