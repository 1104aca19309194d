// Findings of the same name of many processes, as one. Pure.
#pragma once

#include <vector>

#include "model/report.h"

namespace mlt {

/// What is found of more than a few processes is told once, of the process where it is gravest and took most time; in
/// the order of the first of each name.
std::vector<Finding> told_once(const std::vector<Finding>& findings, const std::vector<Process>& processes);

}  // namespace mlt
