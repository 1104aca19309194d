// Mappings as BPF counts them.
#pragma once

#include <cstdint>
#include <cstring>

#include "bpf/mlocktrace.h"

namespace mlt::fixtures {

/// Anonymous memory with `count` faults, of 1 us each.
inline mlt_vma vma(std::uint64_t start, std::uint64_t size, std::uint64_t count,
                   mlt_cause cause = MLT_CAUSE_FIRST_TOUCH) {
  mlt_vma vma{};
  vma.flags = 0x3;  // read and write
  vma.kind = MLT_VMA_ANONYMOUS;
  vma.start = start;
  vma.size = size;
  vma.completed[cause] = count;
  vma.time_ns = count * 1000;
  vma.max_ns = 1000 + count;
  return vma;
}

/// A page of a file.
inline mlt_vma file(std::uint64_t start, const char* name, std::uint64_t inode, std::uint64_t count) {
  mlt_vma record = vma(start, 0x1000, count, MLT_CAUSE_FILE_MAP);
  record.kind = MLT_VMA_FILE;
  record.inode_number = inode;
  std::strncpy(record.name, name, sizeof(record.name) - 1);
  return record;
}

}  // namespace mlt::fixtures
