// Words for the person at the terminal: standard error, which may be closed or full, and that is no reason to stop.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <string>

namespace mlt {

/// Prints "mlocktrace: LINE".
inline void say(const std::string& line) { std::fputs(("mlocktrace: " + line + "\n").c_str(), stderr); }

}  // namespace mlt
