// Errors are values: what was being done, why it failed, and what the user can do about it.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace mlt {

/// The statuses of the command line's contract. `finding` and a traced command's own status are decided in main.
enum class ExitStatus { ok = 0, error = 1, usage = 2, unsupported = 3, finding = 4 };

struct Error {
  std::string what;  // "cannot open /proc/42/stat"
  int code = 0;      // errno; 0 when there is none to tell
  std::string hint;  // what to do; may be empty
  ExitStatus status = ExitStatus::error;

  /// One line: "what: strerror; hint".
  [[nodiscard]] std::string message() const;
};

template <typename T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }
inline tl::unexpected<Error> fail(std::string what, int code = 0, std::string hint = {},
                                  ExitStatus status = ExitStatus::error) {
  return tl::unexpected<Error>(Error{std::move(what), code, std::move(hint), status});
}

}  // namespace mlt
