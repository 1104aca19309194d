#pragma once

namespace mlt {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace mlt
