// Recordings: what it takes to make one of a storm, and to read one of many faults.
#pragma once

#include <string>

namespace bench {

/// On the kernel that runs here; as Markdown. `seconds`: of the storm. `directory`: for the recordings, 200 MB.
std::string measure_recordings(int seconds, const std::string& directory);

}  // namespace bench
