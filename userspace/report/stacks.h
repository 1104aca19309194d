// Stacks that faulted, in the formats of other tools: folded stacks for flame graphs, and pprof's profile.proto.
#pragma once

#include <string>

#include "model/report.h"

namespace mlt {

/// Whether anything was recorded that these could show.
bool has_stacks(const Report& report);

/// A line a stack, "comm;outermost;…;innermost COUNT"; kernel functions end in "_[k]". A semicolon in a name is a
/// colon.
std::string to_folded(const Report& report);

/// profile.proto, not yet compressed: samples of faults/count and time/nanoseconds, labelled with pid, command, origin
/// and cause.
std::string to_pprof(const Report& report);

/// `data` as gzip writes it.
std::string gzip(const std::string& data);

}  // namespace mlt
