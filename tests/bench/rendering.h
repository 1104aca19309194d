// User space alone: analysing and rendering, by the number of processes that a trace saw.
#pragma once

#include <string>

#include "program.h"

namespace bench {

/// Ticks for each process.
live::Json measure_rendering();

std::string rendering_to_markdown(const live::Json& rows);

}  // namespace bench
