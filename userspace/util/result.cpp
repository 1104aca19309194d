#include "util/result.h"

#include <system_error>

namespace mlt {

std::string Error::message() const {
  std::string text = what;
  if (code != 0) text += ": " + std::generic_category().message(code);
  if (!hint.empty()) text += "; " + hint;
  return text;
}

}  // namespace mlt
