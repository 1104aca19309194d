// System call arguments as people write them.
#pragma once

#include <cstdint>
#include <string>

#include "bpf/mlocktrace.h"

namespace mlt {

/// "0x7f5c00000000, 8 MiB, MLOCK_ONFAULT" for the arguments that the kernel was given.
std::string decode_args(const mlt_event_call& call);

/// "MADV_DONTNEED"; the number of what has no name.
std::string advice_name(std::uint64_t advice);
/// Advice that takes pages away from the process, or is about to: what the kernel refuses for VM_LOCKED memory.
bool gives_back(std::uint64_t advice);

}  // namespace mlt
