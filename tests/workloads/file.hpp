#pragma once

namespace workload {

// A new file of so many pages, all written back, that is gone when it is closed.
int unlinked_file(const char* directory, long pages);

// Whether the file system writes dirty pages back, and so must learn of the first write to each clean page. The others
// keep their files in the page cache only.
bool tracks_dirty_pages(int fd);

}  // namespace workload
