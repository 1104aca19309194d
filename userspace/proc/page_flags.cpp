#include "proc/page_flags.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <span>
#include <string>

#include "proc/smaps.h"
#include "util/fd.h"

namespace mlt {

namespace {

// Documentation/admin-guide/mm/pagemap.rst, and those of include/linux/kernel-page-flags.h that it leaves out.
constexpr std::uint64_t kPresent = std::uint64_t{1} << 63;
constexpr std::uint64_t kFrame = (std::uint64_t{1} << 55) - 1;
constexpr std::uint64_t kCompoundHead = std::uint64_t{1} << 15;
constexpr std::uint64_t kCompoundTail = std::uint64_t{1} << 16;
constexpr std::uint64_t kUnevictable = std::uint64_t{1} << 18;
constexpr std::uint64_t kZeroPage = std::uint64_t{1} << 24;
constexpr std::uint64_t kMlocked = std::uint64_t{1} << 33;

constexpr std::uint64_t kLargestFolio = 1 << 20;  // in pages

constexpr std::size_t kAtOnce = 512;
using Entries = std::array<std::uint64_t, kAtOnce>;

/// A file that is an array of 64-bit entries.
class EntryFile {
 public:
  explicit EntryFile(const std::string& path)
      : path_(path), fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)), error_(fd_.get() < 0 ? errno : 0) {}

  [[nodiscard]] Status read(std::uint64_t first, std::span<std::uint64_t> entries) const {
    if (error_ != 0) return fail("cannot open " + path_, error_);
    const ssize_t bytes =
        pread(fd_.get(), entries.data(), entries.size_bytes(), static_cast<off_t>(first * sizeof(std::uint64_t)));
    if (bytes == static_cast<ssize_t>(entries.size_bytes())) return {};
    return fail("cannot read " + path_, bytes < 0 ? errno : 0);
  }

 private:
  std::string path_;
  Fd fd_;
  int error_;
};

class Counter {
 public:
  explicit Counter(std::uint32_t pid) : pagemap_(fmt::format("/proc/{}/pagemap", pid)), flags_("/proc/kpageflags") {}

  Status add(const MapsEntry& mapping, std::uint64_t page_size) {
    Entries pages{};
    const std::uint64_t end = mapping.end / page_size;
    for (std::uint64_t first = mapping.start / page_size; first < end; first += kAtOnce) {
      const auto part = std::span(pages).first(std::min<std::uint64_t>(kAtOnce, end - first));
      Status status = pagemap_.read(first, part).and_then([&] { return add(part); });
      if (!status) return status;
    }
    return {};
  }
  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  // Pages that follow one another in physical memory are looked at together.
  Status add(std::span<const std::uint64_t> pages) {
    for (std::size_t i = 0; i < pages.size();) {
      std::size_t next = i + 1;
      if ((pages[i] & kPresent) != 0) {
        const std::uint64_t frame = pages[i] & kFrame;
        if (frame == 0) return fail("the numbers of its pages are kept from those without CAP_SYS_ADMIN");
        while (next < pages.size() && (pages[next] & kPresent) != 0 && (pages[next] & kFrame) == frame + next - i)
          ++next;
        if (Status status = add_frames(frame, next - i); !status) return status;
      }
      i = next;
    }
    return {};
  }

  Status add_frames(std::uint64_t first, std::size_t count) {
    Entries entries{};
    const auto flags = std::span(entries).first(count);
    if (Status status = flags_.read(first, flags); !status) return status;
    for (std::size_t i = 0; i < count; ++i) {
      auto of_page = flags_of(first + i, flags[i]);
      if (!of_page) return tl::unexpected(of_page.error());
      if ((*of_page & (kMlocked | kUnevictable | kZeroPage)) == 0) ++count_;
    }
    return {};
  }

  // A folio's first page has the flags of all of it; older kernels show them there only.
  Result<std::uint64_t> flags_of(std::uint64_t frame, std::uint64_t flags) {
    if ((flags & kCompoundTail) == 0) {
      head_flags_ = flags;
    } else if (frame != last_ + 1) {
      if (Status status = find_head(frame); !status) return tl::unexpected(status.error());
    }
    last_ = frame;
    return (flags & kCompoundTail) == 0 ? flags : flags | head_flags_;
  }

  // It is aligned to the size of the folio.
  Status find_head(std::uint64_t frame) {
    head_flags_ = 0;
    for (std::uint64_t size = 2; size <= kLargestFolio && (head_flags_ & kCompoundHead) == 0; size *= 2) {
      if (Status status = flags_.read(frame - frame % size, std::span(&head_flags_, 1)); !status) return status;
    }
    return {};
  }

  EntryFile pagemap_;
  EntryFile flags_;
  std::uint64_t last_ = 0;        // that was looked at
  std::uint64_t head_flags_ = 0;  // of its folio
  std::uint64_t count_ = 0;
};

}  // namespace

Result<std::uint64_t> count_not_mlocked(std::uint32_t pid) {
  const auto page_size = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  Counter counter(pid);
  for (const MapsEntry& mapping : read_smaps(pid)) {
    if (!mapping.locked || mapping.resident_bytes == 0) continue;
    if (Status status = counter.add(mapping, page_size); !status) return tl::unexpected(status.error());
  }
  return counter.count();
}

}  // namespace mlt
