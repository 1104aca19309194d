#include "recording/checked_pages.h"

#include <sqlite3.h>
#include <zlib.h>

#include <array>
#include <cstdint>
#include <cstring>

namespace mlt {

namespace {

using Page = std::array<unsigned char, kPageBytes>;
constexpr std::uint32_t kMark = 0x4b434c4d;  // "MLCK": this page has a checksum

// SQLite allocates room for this and, behind it, for the file of the system's VFS.
struct File {
  sqlite3_file base;
  bool reads;
};

sqlite3_file* real(sqlite3_file* file) { return reinterpret_cast<sqlite3_file*>(reinterpret_cast<File*>(file) + 1); }
sqlite3_vfs* system_vfs(sqlite3_vfs* vfs) { return static_cast<sqlite3_vfs*>(vfs->pAppData); }

struct Checksum {
  std::uint32_t mark;
  std::uint32_t crc;
  bool operator==(const Checksum&) const = default;
};
static_assert(sizeof(Checksum) == kChecksumBytes);

// The offset too: a page in another's place is not right.
Checksum checksum(const void* page, sqlite3_int64 offset) {
  const uLong seed = crc32(0, reinterpret_cast<const Bytef*>(&offset), sizeof(offset));
  return {kMark, static_cast<std::uint32_t>(crc32(seed, static_cast<const Bytef*>(page), kPageBytes - kChecksumBytes))};
}

int close_file(sqlite3_file* file) { return real(file)->pMethods->xClose(real(file)); }

int read_page(sqlite3_file* file, void* data, int size, sqlite3_int64 offset) {
  const int status = real(file)->pMethods->xRead(real(file), data, size, offset);
  // Parts of the first page are looked at before it is read as a whole.
  if (status != SQLITE_OK || size <= 100) return status;
  if (size != kPageBytes || offset % kPageBytes != 0) return SQLITE_IOERR_DATA;
  Checksum found{};
  memcpy(&found, static_cast<unsigned char*>(data) + kPageBytes - kChecksumBytes, kChecksumBytes);
  return found == checksum(data, offset) ? SQLITE_OK : SQLITE_IOERR_DATA;
}

int write_page(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
  if (size != kPageBytes || offset % kPageBytes != 0) return SQLITE_IOERR_WRITE;
  Page page;
  memcpy(page.data(), data, kPageBytes);
  const Checksum sum = checksum(page.data(), offset);
  memcpy(page.data() + kPageBytes - kChecksumBytes, &sum, kChecksumBytes);
  return real(file)->pMethods->xWrite(real(file), page.data(), size, offset);
}

int truncate_file(sqlite3_file* file, sqlite3_int64 size) { return real(file)->pMethods->xTruncate(real(file), size); }
int sync_file(sqlite3_file* file, int flags) { return real(file)->pMethods->xSync(real(file), flags); }
int file_size(sqlite3_file* file, sqlite3_int64* size) { return real(file)->pMethods->xFileSize(real(file), size); }

// Who reads shares the file with other readers, and need not tell them that it says to SQLite it had it alone: that
// spares the memory that connections share beside a log.
int lock(sqlite3_file* file, int level) {
  if (reinterpret_cast<File*>(file)->reads && level > SQLITE_LOCK_SHARED) return SQLITE_OK;
  return real(file)->pMethods->xLock(real(file), level);
}

int unlock(sqlite3_file* file, int level) { return real(file)->pMethods->xUnlock(real(file), level); }
int is_reserved(sqlite3_file* file, int* out) { return real(file)->pMethods->xCheckReservedLock(real(file), out); }
int control(sqlite3_file* file, int op, void* arg) { return real(file)->pMethods->xFileControl(real(file), op, arg); }
int sector_size(sqlite3_file* file) { return real(file)->pMethods->xSectorSize(real(file)); }
int characteristics(sqlite3_file* file) { return real(file)->pMethods->xDeviceCharacteristics(real(file)); }

const sqlite3_io_methods kMethods = {
    1,       close_file, read_page,   write_page, truncate_file, sync_file,       file_size,
    lock,    unlock,     is_reserved, control,    sector_size,   characteristics, nullptr,
    nullptr, nullptr,    nullptr,     nullptr,    nullptr};

int open_page_file(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out, bool reads) {
  *reinterpret_cast<File*>(file) = {{nullptr}, reads};
  const int status = system_vfs(vfs)->xOpen(system_vfs(vfs), name, real(file), flags, out);
  if (status == SQLITE_OK) file->pMethods = &kMethods;
  return status;
}

int open_to_write(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out) {
  if ((flags & SQLITE_OPEN_MAIN_DB) != 0) return open_page_file(vfs, name, file, flags, out, false);
  return system_vfs(vfs)->xOpen(system_vfs(vfs), name, file, flags, out);
}

int open_to_read(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out) {
  if ((flags & SQLITE_OPEN_MAIN_DB) != 0) return open_page_file(vfs, name, file, flags, out, true);
  if ((flags & SQLITE_OPEN_WAL) == 0) return system_vfs(vfs)->xOpen(system_vfs(vfs), name, file, flags, out);
  // The header asks for a log. Where there is none an empty one will do.
  constexpr int kReadOnly = SQLITE_OPEN_WAL | SQLITE_OPEN_READONLY;
  int exists = 0;
  system_vfs(vfs)->xAccess(system_vfs(vfs), name, SQLITE_ACCESS_EXISTS, &exists);
  return system_vfs(vfs)->xOpen(system_vfs(vfs), exists != 0 ? name : "/dev/null", file, kReadOnly, out);
}

int remove_file(sqlite3_vfs* vfs, const char* name, int sync_directory) {
  return system_vfs(vfs)->xDelete(system_vfs(vfs), name, sync_directory);
}

int remove_nothing(sqlite3_vfs*, const char*, int) { return SQLITE_OK; }

int access_file(sqlite3_vfs* vfs, const char* name, int flags, int* out) {
  return system_vfs(vfs)->xAccess(system_vfs(vfs), name, flags, out);
}

int full_path(sqlite3_vfs* vfs, const char* name, int size, char* out) {
  return system_vfs(vfs)->xFullPathname(system_vfs(vfs), name, size, out);
}

sqlite3_vfs make_vfs(const char* name, bool reads) {
  sqlite3_vfs* system = sqlite3_vfs_find(nullptr);
  sqlite3_vfs vfs = *system;
  vfs.iVersion = 2;  // without the calls that a test replaces
  vfs.pNext = nullptr;
  vfs.szOsFile = static_cast<int>(sizeof(File)) + system->szOsFile;
  vfs.zName = name;
  vfs.pAppData = system;
  vfs.xOpen = reads ? open_to_read : open_to_write;
  vfs.xDelete = reads ? remove_nothing : remove_file;
  vfs.xAccess = access_file;
  vfs.xFullPathname = full_path;
  return vfs;
}

// SQLite keeps a registered VFS for good.
struct Registered {
  sqlite3_vfs vfs;
  Registered(const char* name, bool reads) : vfs(make_vfs(name, reads)) { sqlite3_vfs_register(&vfs, 0); }
};

}  // namespace

const char* writing_vfs() {
  static Registered registered("mlocktrace-write", false);
  return registered.vfs.zName;
}

const char* reading_vfs() {
  static Registered registered("mlocktrace-read", true);
  return registered.vfs.zName;
}

}  // namespace mlt
