// The report as Markdown (GitHub's), for an issue tracker.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/report.h"

namespace mlt {

/// `notes`: what the reader must know beside the report.
std::string to_markdown(const Report& report, const std::vector<std::string>& notes = {});

/// `text` as it is, whatever it holds: no emphasis, link, HTML, mention or line break comes of it.
std::string markdown_text(std::string_view text);

/// The same as a code span; also right inside a table.
std::string markdown_code(std::string_view text);

}  // namespace mlt
