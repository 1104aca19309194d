// Two traces side by side, rendered.
#pragma once

#include <string>

#include "analysis/compare.h"
#include "report/text.h"

namespace mlt {

/// How the two are called, and their reports.
struct DiffNames {
  std::string before;
  std::string after;
};

/// What differs; with `verbose` also what does not, and how each figure was judged.
std::string diff_to_text(const Diff& diff, const DiffNames& names, const TextOptions& options);

/// One object of type "diff": the contract that share/mlocktrace/diff.schema.json describes.
std::string diff_to_json(const Diff& diff, const DiffNames& names, bool pretty);

/// One file, as to_html makes of a report.
std::string diff_to_html(const Diff& diff, const DiffNames& names);

/// In words how differences are told from noise.
std::string diff_method();

}  // namespace mlt
