#include "recording/file_kind.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

#include "recording/schema.h"
#include "util/fd.h"

namespace mlt {

namespace {

constexpr std::string_view kMagic("SQLite format 3\0", 16);
constexpr std::size_t kApplicationIdAt = 68;  // big-endian, in the header of every SQLite file
constexpr std::size_t kHeaderBytes = 100;

}  // namespace

Result<FileKind> file_kind(const std::string& path) {
  // A pipe without a writer would wait for one.
  const Fd file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!file) return fail("cannot read " + path, errno);
  struct stat about {};
  if (fstat(file.get(), &about) != 0) return fail("cannot read " + path, errno);
  if (S_ISDIR(about.st_mode)) return fail("cannot read " + path, EISDIR);
  if (!S_ISREG(about.st_mode)) return fail(path + " is not a regular file");
  std::array<char, kHeaderBytes> header{};
  const ssize_t length = read(file.get(), header.data(), header.size());
  if (length < 0) return fail("cannot read " + path, errno);
  if (length == 0) return FileKind::empty;
  const std::string_view text(header.data(), static_cast<std::size_t>(length));
  if (text.size() < kHeaderBytes || !text.starts_with(kMagic)) return FileKind::other;
  std::uint32_t id = 0;
  for (std::size_t i = 0; i < 4; ++i) id = id << 8 | static_cast<unsigned char>(text[kApplicationIdAt + i]);
  return id == kApplicationId ? FileKind::recording : FileKind::other;
}

}  // namespace mlt
