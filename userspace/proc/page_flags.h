// What the kernel says of single pages: /proc/PID/pagemap and /proc/kpageflags.
#pragma once

#include <cstdint>

#include "util/result.h"

namespace mlt {

/// Resident pages of the VM_LOCKED mappings of a process that reclaim may find on its lists, for they are neither
/// mlocked nor unevictable for another reason. The zero page, which can't be mlocked and never goes, is none of them.
/// Takes half a second for a million pages. Needs CAP_SYS_ADMIN.
Result<std::uint64_t> count_not_mlocked(std::uint32_t pid);

}  // namespace mlt
