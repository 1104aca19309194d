#include "commands/output.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace mlt {

Result<Output> Output::open(const std::string& path) {
  Output output;
  if (path.empty()) return output;
  output.file_ = Fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!output.file_) return fail("cannot write " + path, errno, "name another file with -o");
  output.fd_ = output.file_.get();
  output.name_ = path;
  return output;
}

Status Output::write(const std::string& text) {
  const char* data = text.data();
  std::size_t left = text.size();
  while (left > 0) {
    const ssize_t written = ::write(fd_, data, left);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail("cannot write the report to " + name_, errno);
    data += written;
    left -= static_cast<std::size_t>(written);
  }
  return {};
}

bool Output::is_terminal() const { return isatty(fd_) == 1; }

bool use_color(ColorMode mode, bool terminal) {
  if (mode != ColorMode::automatic) return mode == ColorMode::always;
  const char* no_color = getenv("NO_COLOR");
  return terminal && (no_color == nullptr || *no_color == '\0');
}

}  // namespace mlt
