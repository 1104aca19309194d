// Runs as Markdown.
#pragma once

#include <string>
#include <vector>

#include "program.h"

namespace bench {

/// The one table of README.md.
std::string to_readme(const std::vector<live::Json>& runs);

/// Runs of several kernels side by side, with every figure.
std::string to_markdown(const std::vector<live::Json>& runs);

}  // namespace bench
