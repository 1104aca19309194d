// Where tracefs is mounted, if it is: at its own place, or below debugfs.
#pragma once

#include <string>

namespace mlt {

/// The path of a file or directory of tracefs; empty when there is none that may be accessed so (access(2)).
std::string find_in_tracefs(const std::string& name, int mode);

}  // namespace mlt
