// Where a command's result goes: standard output or a file, checked before the work begins and after it.
#pragma once

#include <cstddef>
#include <string>

#include "cli/options.h"
#include "report/text.h"
#include "util/fd.h"
#include "util/result.h"

namespace mlt {

class Output {
 public:
  /// Opens `path` (created or emptied) or, when it is empty, standard output.
  static Result<Output> open(const std::string& path);

  /// Writes all of `text`; fails when the reader has gone or the disk is full.
  Status write(const std::string& text);

  [[nodiscard]] bool is_terminal() const;
  /// Columns of the terminal; 80 when it is none or does not tell.
  [[nodiscard]] std::size_t width() const;

 private:
  Fd file_;
  int fd_ = 1;
  std::string name_ = "standard output";
};

/// Colour, by the user's wish, NO_COLOR and whether a person reads it.
bool use_color(ColorMode mode, bool terminal);

/// Whether the user's locale can show more than ASCII.
bool use_unicode();

/// What was traced as JSON: no more of a crowd than `--processes` says.
std::string json_of(const Report& report, const CommonOptions& options, bool pretty);

/// How text is to be laid out that goes there.
TextOptions text_options(const CommonOptions& options, const Output& output);

}  // namespace mlt
