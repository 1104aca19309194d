#include "proc/system_files.h"

#include <sys/utsname.h>
#include <unistd.h>

#include "proc/text_file.h"

namespace mlt {

namespace {

std::optional<std::uint64_t> read_memory_bytes() {
  const auto text = read_text_file("/proc/meminfo");
  if (!text) return std::nullopt;
  for (const std::string_view line : split_lines(*text)) {
    const auto words = split_words(line);
    if (words.size() < 2 || words[0] != "MemTotal:") continue;
    const auto kb = parse_number(words[1]);
    return kb ? std::optional(*kb * 1024) : std::nullopt;
  }
  return std::nullopt;
}

/// The kernel writes blanks and backslashes in paths as "\040".
std::string unescape_octal(std::string_view path) {
  constexpr std::size_t kLength = 4;
  std::string plain;
  while (!path.empty()) {
    const auto code =
        path[0] == '\\' && path.size() >= kLength ? parse_number(path.substr(1, kLength - 1), 8) : std::nullopt;
    plain += code ? static_cast<char>(*code) : path[0];
    path.remove_prefix(code ? kLength : 1);
  }
  return plain;
}

std::optional<std::int64_t> parse_signed(std::string_view text) {
  const bool negative = text.starts_with('-');
  const auto magnitude = parse_number(text.substr(negative ? 1 : 0));
  if (!magnitude) return std::nullopt;
  const auto value = static_cast<std::int64_t>(*magnitude);
  return negative ? -value : value;
}

}  // namespace

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

std::vector<SwapDevice> parse_swap_devices(std::string_view proc_swaps) {
  constexpr std::uint64_t kKiB = 1024;
  std::vector<SwapDevice> devices;
  for (const std::string_view line : split_lines(proc_swaps)) {
    const auto words = split_words(line);  // file name, type, size, used, priority
    if (words.size() != 5) continue;
    const auto size = parse_number(words[2]);
    const auto used = parse_number(words[3]);
    const auto priority = parse_signed(words[4]);
    if (!size || !used || !priority) continue;  // the line of titles
    devices.push_back({unescape_octal(words[0]), std::string(words[1]), *size * kKiB, *used * kKiB, *priority});
  }
  return devices;
}

std::vector<SwapDevice> read_swap_devices() {
  const auto text = read_text_file("/proc/swaps");
  return text ? parse_swap_devices(*text) : std::vector<SwapDevice>{};
}

std::optional<std::uint64_t> read_max_map_count() {
  const auto text = read_text_file("/proc/sys/vm/max_map_count");
  if (!text) return std::nullopt;
  const auto words = split_words(*text);
  return words.empty() ? std::nullopt : parse_number(words[0]);
}

std::optional<std::uint32_t> read_thread_count() {
  const auto text = read_text_file("/proc/loadavg");
  if (!text) return std::nullopt;
  const auto words = split_words(*text);  // three averages, running threads/all threads, the newest
  if (words.size() < 4) return std::nullopt;
  const std::size_t slash = words[3].find('/');
  const auto threads = slash == std::string_view::npos ? std::nullopt : parse_number(words[3].substr(slash + 1));
  return threads ? std::optional(static_cast<std::uint32_t>(*threads)) : std::nullopt;
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
  host.memory_bytes = read_memory_bytes();
  return host;
}

bool reclaims_by_generations() {
  // "0x0007": the lowest bit is the main switch.
  const auto text = read_text_file("/sys/kernel/mm/lru_gen/enabled");
  if (!text || !text->starts_with("0x")) return false;
  const auto words = split_words(std::string_view(*text).substr(2));
  return !words.empty() && (parse_number(words[0], 16).value_or(0) & 1) != 0;
}

}  // namespace mlt
