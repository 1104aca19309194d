// System call arguments as people write them.
#pragma once

#include <string>

#include "bpf/mlocktrace.h"

namespace mlt {

/// "0x7f5c00000000, 8 MiB, MLOCK_ONFAULT" for the arguments that the kernel was given.
std::string decode_args(const mlt_event_call& call);

/// One sentence on why the call failed or what it did that may surprise; empty when there is nothing to say.
/// `limit_bytes`: soft RLIMIT_MEMLOCK, or a negative number when it is unlimited, does not apply or is not known.
std::string explain_call(const mlt_event_call& call, std::int64_t limit_bytes, std::uint64_t page_size);

}  // namespace mlt
