// Two SQLite VFSes that put a checksum into every page of a recording and compare it whenever a page is read: what a
// bad disk or a bad copy changed is an error, never a wrong number. The checksum is in bytes that SQLite reserves at
// the end of a page, so any other SQLite reads the file too (and makes it unreadable here by writing to it).
#pragma once

namespace mlt {

constexpr int kPageBytes = 4096;
constexpr int kChecksumBytes = 8;  // reserved in every page

/// For the one that writes. Without shared memory: a write-ahead log needs locking_mode=EXCLUSIVE.
const char* writing_vfs();

/// For who reads: creates and deletes nothing, so that a read-only medium or a full disk is good enough, and whatever
/// log a recorder that was killed has left is read where it is. Waits for no one who writes: that is SQLITE_BUSY.
const char* reading_vfs();

}  // namespace mlt
