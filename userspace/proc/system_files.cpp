#include "proc/system_files.h"

#include <sys/utsname.h>
#include <unistd.h>

#include "proc/text_file.h"

namespace mlt {

Vmstat read_vmstat() {
  Vmstat vmstat;
  const auto text = read_text_file("/proc/vmstat");
  if (!text) return vmstat;
  for (const std::string_view line : split_lines(*text)) {
    const auto words = split_words(line);
    if (words.size() != 2) continue;
    if (const auto value = parse_number(words[1])) vmstat[std::string(words[0])] = static_cast<std::int64_t>(*value);
  }
  return vmstat;
}

std::optional<std::uint64_t> read_max_map_count() {
  const auto text = read_text_file("/proc/sys/vm/max_map_count");
  if (!text) return std::nullopt;
  const auto words = split_words(*text);
  return words.empty() ? std::nullopt : parse_number(words[0]);
}

Host read_host() {
  Host host;
  utsname name{};
  if (uname(&name) == 0) {
    host.kernel = static_cast<const char*>(name.release);
    host.arch = static_cast<const char*>(name.machine);
  }
  host.cpus = static_cast<std::uint32_t>(sysconf(_SC_NPROCESSORS_ONLN));
  host.page_size = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  return host;
}

}  // namespace mlt
