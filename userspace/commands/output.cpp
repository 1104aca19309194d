#include "commands/output.h"

#include <fcntl.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "analysis/crowd.h"
#include "report/json.h"

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

std::size_t Output::width() const {
  constexpr std::size_t kUsual = 80;
  winsize size{};
  return ioctl(fd_, TIOCGWINSZ, &size) == 0 && size.ws_col != 0 ? size.ws_col : kUsual;
}

bool use_color(ColorMode mode, bool terminal) {
  if (mode != ColorMode::automatic) return mode == ColorMode::always;
  const char* no_color = getenv("NO_COLOR");
  return terminal && (no_color == nullptr || *no_color == '\0');
}

bool use_unicode() {
  // From the locale's name, "de_DE.UTF-8": a static program can't count on reading the files of the system's locales.
  for (const char* variable : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* locale = getenv(variable);
    if (locale == nullptr || *locale == '\0') continue;
    const char* codeset = strchr(locale, '.');
    return codeset != nullptr && (strncasecmp(codeset, ".UTF-8", 6) == 0 || strncasecmp(codeset, ".UTF8", 5) == 0);
  }
  return false;
}

std::string json_of(const Report& report, const CommonOptions& options, bool pretty) {
  const auto crowd = summed_up(report, bounds_of_files(options.processes));
  return to_json(crowd ? *crowd : report, pretty);
}

TextOptions text_options(const CommonOptions& options, const Output& output) {
  TextOptions text;
  text.color = use_color(options.color, output.is_terminal());
  text.unicode = use_unicode();
  text.verbose = options.verbose;
  text.width = output.width();
  text.processes = options.processes;
  return text;
}

}  // namespace mlt
