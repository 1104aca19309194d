// What a file is, by its first bytes: a recording of ours, or something else that must not be touched.
#pragma once

#include <string>

#include "util/result.h"

namespace mlt {

enum class FileKind { empty, recording, other };

/// Anything but a regular file, or a link to one, is an error.
Result<FileKind> file_kind(const std::string& path);

}  // namespace mlt
