// Single faults as a recording keeps them: some ten thousands together, column by column, compressed.
// docs/recording-format.md describes the bytes.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/timeline.h"
#include "util/result.h"

namespace mlt {

/// How many events a block has at most.
constexpr std::size_t kBlockEvents = 65536;

std::string encode_events(std::span<const FaultEvent> events);

/// The events of a block. Whatever is wrong with it is an error.
Result<std::vector<FaultEvent>> decode_events(std::string_view block);

}  // namespace mlt
