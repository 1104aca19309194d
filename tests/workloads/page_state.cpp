// What the kernel says about single pages: /proc/self/pagemap, and /proc/kpageflags for those that may ask.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "workload.hpp"

namespace workload {
namespace {

// Bits of an entry of pagemap, and of one of kpageflags.
constexpr std::uint64_t page_present = std::uint64_t{1} << 63;
constexpr std::uint64_t page_swapped = std::uint64_t{1} << 62;
constexpr std::uint64_t page_frame = (std::uint64_t{1} << 55) - 1;
constexpr std::uint64_t page_soft_dirty = std::uint64_t{1} << 55;
constexpr int flag_compound_head = 15;
constexpr int flag_compound_tail = 16;
constexpr int flag_unevictable = 18;
constexpr int flag_zero_page = 24;
constexpr int flag_mlocked = 33;

constexpr long entry_bytes = sizeof(std::uint64_t);

template <class Each>
void for_each_entry(const Range& range, Each each) {
  static std::array<std::uint64_t, 512> entries;
  const int fd = ::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail("/proc/self/pagemap", errno);
  const auto first = static_cast<long>(reinterpret_cast<std::uintptr_t>(range.start) / page_size);
  for (long done = 0; done < range.pages;) {
    const long count = std::min<long>(range.pages - done, entries.size());
    const ssize_t bytes = count * entry_bytes;
    if (::pread(fd, entries.data(), static_cast<std::size_t>(bytes), (first + done) * entry_bytes) != bytes)
      fail("/proc/self/pagemap", errno);
    std::for_each_n(entries.begin(), count, each);
    done += count;
  }
  ::close(fd);
}

long pages_with(const Range& range, std::uint64_t bit) {
  long count = 0;
  for_each_entry(range, [&](std::uint64_t entry) { count += (entry & bit) != 0; });
  return count;
}

Known pages_flagged(const Range& range, int flag) {
  const int fd = ::open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return unknown;
  Known count = 0;
  for_each_entry(range, [&](std::uint64_t entry) {
    if ((entry & page_present) == 0 || !count) return;
    const auto frame = static_cast<long>(entry & page_frame);  // 0: this process may not know
    std::uint64_t flags = 0;
    if (frame == 0 || ::pread(fd, &flags, sizeof flags, frame * entry_bytes) != sizeof flags)
      count = unknown;
    else
      *count += static_cast<long>(flags >> flag & 1);
  });
  ::close(fd);
  return count;
}

constexpr bool is_set(std::uint64_t flags, int flag) { return (flags >> flag & 1) != 0; }

std::uint64_t flags_at(int fd, long frame) {
  std::uint64_t flags = 0;
  if (::pread(fd, &flags, sizeof flags, frame * entry_bytes) != sizeof flags) fail("/proc/kpageflags", errno);
  return flags;
}

// With those of the page that it is a part of, which lies at a multiple of its size.
std::uint64_t flags_with_head(int fd, long frame) {
  const std::uint64_t flags = flags_at(fd, frame);
  if (!is_set(flags, flag_compound_tail)) return flags;
  for (long size = 2;; size *= 2) {
    const std::uint64_t head = flags_at(fd, frame / size * size);
    if (is_set(head, flag_compound_head)) return flags | head;
  }
}

Known not_mlocked_in(const Range& range, int kpageflags) {
  Known count = 0;
  for_each_entry(range, [&](std::uint64_t entry) {
    if ((entry & page_present) == 0 || !count) return;
    const auto frame = static_cast<long>(entry & page_frame);
    if (frame == 0) {
      count = unknown;
      return;
    }
    const std::uint64_t flags = flags_with_head(kpageflags, frame);
    const bool may_be_reclaimed =
        !is_set(flags, flag_mlocked) && !is_set(flags, flag_unevictable) && !is_set(flags, flag_zero_page);
    *count += static_cast<long>(may_be_reclaimed);
  });
  return count;
}

}  // namespace

Known locked_pages_not_mlocked() {
  const int fd = ::open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return unknown;
  Known count = 0;
  Range range;
  for_each_line("/proc/self/smaps", [&](std::string_view line) {
    std::uintptr_t start = 0, end = 0;
    const char* const last = line.data() + line.size();
    const auto first = std::from_chars(line.data(), last, start, 16);
    if (first.ec == std::errc{} && first.ptr != last && *first.ptr == '-') {
      std::from_chars(first.ptr + 1, last, end, 16);
      range = {reinterpret_cast<std::byte*>(start), static_cast<long>((end - start) / page_size)};
    } else if (line.starts_with("VmFlags:") && line.find(" lo") != std::string_view::npos) {
      const Known more = not_mlocked_in(range, fd);
      count = count && more ? Known(*count + *more) : unknown;
    }
  });
  ::close(fd);
  return count;
}

long present_pages(const Range& range) { return pages_with(range, page_present); }
long swapped_pages(const Range& range) { return pages_with(range, page_swapped); }
Known mlocked_pages(const Range& range) { return pages_flagged(range, flag_mlocked); }
Known unevictable_pages(const Range& range) { return pages_flagged(range, flag_unevictable); }
long soft_dirty_pages(const Range& range) { return pages_with(range, page_soft_dirty); }

bool reading_maps_the_zero_page() {
  const Region region(1);
  rusage read{}, written{};
  read_pages(region.all());
  ::getrusage(RUSAGE_SELF, &read);
  write_pages(region.all());
  ::getrusage(RUSAGE_SELF, &written);
  return written.ru_minflt > read.ru_minflt;
}

}  // namespace workload
