#include "analysis/failures.h"

#include <fmt/format.h>
#include <linux/magic.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <string_view>
#include <utility>

#include "analysis/vma_flags.h"
#include "analysis/where.h"
#include "model/names.h"
#include "util/units.h"

namespace mlt {

namespace {

// Those that are not in the headers of Debian 12 by their numbers.
constexpr std::uint64_t kF2fs = 0xF2F52010;
constexpr std::uint64_t kSecretmem = 0x5345434d;
constexpr std::uint64_t kXfs = 0x58465342;
constexpr std::uint64_t kFuse = 0x65735546;

constexpr auto kFileSystems = std::to_array<std::pair<std::uint64_t, std::string_view>>({
    {TMPFS_MAGIC, "tmpfs"},
    {EXT4_SUPER_MAGIC, "ext4"},
    {kXfs, "xfs"},
    {BTRFS_SUPER_MAGIC, "btrfs"},
    {kF2fs, "f2fs"},
    {HUGETLBFS_MAGIC, "hugetlbfs"},
    {kSecretmem, "secretmem"},
    {NFS_SUPER_MAGIC, "nfs"},
    {OVERLAYFS_SUPER_MAGIC, "overlay"},
    {RAMFS_MAGIC, "ramfs"},
    {kFuse, "fuse"},
    {ANON_INODE_FS_MAGIC, "anon_inode"},
    {PROC_SUPER_MAGIC, "proc"},
    {SYSFS_MAGIC, "sysfs"},
});

std::string file_system_name(std::uint64_t magic) {
  const auto* found = std::ranges::find(kFileSystems, magic, [](const auto& one) { return one.first; });
  return found == kFileSystems.end() ? fmt::format("{:#x}", magic) : std::string(found->second);
}

// Of a mapping as the name of one that faults is made of.
mlt_vma as_vma(const mlt_mapping& mapping) {
  mlt_vma vma{};
  vma.flags = mapping.vm_flags;
  vma.inode = mapping.inode_number;
  vma.inode_number = mapping.inode_number;
  vma.start = mapping.start;
  vma.size = mapping.end - mapping.start;
  vma.kind = mapping.kind;
  // A part of a stack that is locked by itself is no less of one.
  if (vma.kind == MLT_VMA_ANONYMOUS && (mapping.vm_flags & kVmGrowsdown) != 0) vma.kind = MLT_VMA_STACK;
  std::memcpy(vma.name, mapping.name, sizeof(vma.name));
  return vma;
}

bool is_mapped(const mlt_mapping& mapping) { return (mapping.state & MLT_IS_MAPPED) != 0; }

FailedAt build_at(const mlt_mapping& mapping, std::uint64_t address, const std::vector<MapsLine>& maps,
                  std::uint64_t page_size) {
  FailedAt at;
  at.address = address;
  at.start = mapping.start;
  at.end = mapping.end;
  if (!is_mapped(mapping)) return at;
  const mlt_vma vma = as_vma(mapping);
  at.name = vma_name(vma, maps);
  at.permissions = permissions_of(vma);
  at.locked = lock_state_of(vma);
  if (mapping.inode_number == 0) return at;
  const std::uint64_t inside = address >= mapping.start && address < mapping.end ? address - mapping.start : 0;
  at.file_offset = mapping.pgoff * page_size + inside / page_size * page_size;
  at.file_bytes = mapping.file_bytes;
  at.file_system = file_system_name(mapping.file_system);
  return at;
}

std::string_view access_name(std::uint32_t access) {
  switch (access) {
    case MLT_ACCESS_READ: return "read";
    case MLT_ACCESS_WRITE: return "write";
    case MLT_ACCESS_EXEC: return "execute";
    default: return "";
  }
}

std::string bytes_of(const Count& count) { return count ? format_bytes(*count) : "an unknown size"; }

std::string file_of(const FailedAt& at) {
  return at.file_system.empty() ? "its file" : fmt::format("its file (on {})", at.file_system);
}

/// Why the page could not be had; empty: not known. `used`, `limit` and `needed`: see struct mlt_error.
std::string reason_text(mlt_error_reason reason, const FailedAt& at, const Count& used, const Count& limit,
                        const Count& needed, const std::string& cgroup) {
  const std::string of_cgroup = cgroup.empty() ? "" : fmt::format(" of {}", cgroup);
  switch (reason) {
    case MLT_ERROR_BEYOND_FILE:
      return fmt::format("the page at {} is beyond the end of {}, which has {}", bytes_of(at.file_offset), file_of(at),
                         bytes_of(at.file_bytes));
    case MLT_ERROR_FILE_SYSTEM_FULL:
      return fmt::format("the file system ({}) has no space left for the page at {} of its file", at.file_system,
                         bytes_of(at.file_offset));
    case MLT_ERROR_QUOTA:
      return fmt::format("the quota of the file system ({}) has no space left for the page at {} of its file",
                         at.file_system, bytes_of(at.file_offset));
    case MLT_ERROR_FILE_SYSTEM:
      return fmt::format(
          "the file system ({}) refused to let the page at {} of its file be written; its reason was "
          "not seen",
          at.file_system, bytes_of(at.file_offset));
    case MLT_ERROR_HUGE_PAGES:
      if (!limit && !used) return "no huge page is left in the pool";
      return fmt::format("no huge page is left: of {} in the pool {} are in use or promised", bytes_of(limit),
                         bytes_of(used));
    case MLT_ERROR_HUGE_PAGES_CGROUP: return "the hugetlb cgroup permits no further huge page";
    case MLT_ERROR_POISON: return "the page is marked as poisoned: its contents are lost";
    case MLT_ERROR_PROTECTION: return fmt::format("the mapping is {}", at.permissions);
    case MLT_ERROR_PROTECTION_KEY: return "its protection key does not permit the access";
    case MLT_ERROR_GUARD: return "a guard region is there (MADV_GUARD_INSTALL)";
    case MLT_ERROR_UNMAPPED: return "nothing is mapped there";
    case MLT_ERROR_STACK_LIMIT:
      return fmt::format("the stack may not grow by {} more: it has {}, and RLIMIT_STACK is {}", bytes_of(needed),
                         bytes_of(used), bytes_of(limit));
    case MLT_ERROR_STACK_LOCKED:
      return fmt::format("the stack is locked, and may not grow by {} more: {} are locked, and RLIMIT_MEMLOCK is {}",
                         bytes_of(needed), bytes_of(used), bytes_of(limit));
    case MLT_ERROR_STACK_GAP:
      return fmt::format(
          "the stack may not grow: the next mapping is {} below, nearer than the gap of {} that the "
          "kernel keeps free",
          bytes_of(needed), bytes_of(limit));
    case MLT_ERROR_STACK_SPACE:
      return fmt::format("the stack may not grow by {} more: {} are mapped, and RLIMIT_AS is {}", bytes_of(needed),
                         bytes_of(used), bytes_of(limit));
    case MLT_ERROR_STACK:
      return "the stack did not grow, by none of its limits; memory may have been committed in full";
    case MLT_ERROR_MEMORY: return "there was no memory for it";
    case MLT_ERROR_MEMORY_CGROUP:
      return fmt::format("the memory cgroup{} permits no more: {} used, limit {}", of_cgroup, bytes_of(used),
                         bytes_of(limit));
    case MLT_ERROR_USERFAULTFD:
      return "its userfaultfd answers with a signal instead of the page (UFFD_FEATURE_SIGBUS)";
    case MLT_ERROR_DEVICE: return "the driver, or whatever part of the kernel the mapping belongs to, refused";
    case MLT_ERROR_NO_ADDRESS: return "the address is none that can be mapped (a general protection exception)";
    default: return "";
  }
}

Count if_any(std::uint64_t value) { return value != 0 ? Count{value} : std::nullopt; }

bool ended_by(const ErrorCount& failed, const mlt_proc& proc) {
  const std::uint32_t signal = proc.ending.error_signal;
  return proc.exit_ns != 0 && signal != 0 && (proc.ending.status & 0x7f) == signal &&
         same(proc.ending.error, failed.key);
}

FailedFaults build_one(const ErrorCount& count, const mlt_proc& proc, const std::vector<MapsLine>& maps,
                       const TraceData& data) {
  const mlt_error& error = count.error;
  const auto relative = [&](std::uint64_t ns) { return ns > data.start_ns ? ns - data.start_ns : 0; };
  FailedFaults failed;
  failed.reason = static_cast<mlt_error_reason>(count.key.reason);
  failed.origin = static_cast<mlt_origin>(count.key.origin);
  failed.was_fault = count.key.was_fault != 0;
  failed.access = access_name(error.access);
  failed.count = error.count;
  failed.signals = error.signals;
  if (error.signal != 0) failed.signal = signal_name(static_cast<int>(error.signal));
  failed.ended_process = ended_by(count, proc);
  failed.first_ns = relative(error.first_ns);
  failed.last_ns = relative(error.last_ns);
  failed.tid = error.tid;
  failed.call = call_name(static_cast<mlt_call>(error.call));
  failed.at = build_at(error.mapping, error.address, maps, data.host.page_size);
  if (failed.origin == MLT_ORIGIN_REMOTE) failed.at.name = "[another address space]";
  failed.used_bytes = if_any(error.used_bytes);
  failed.limit_bytes = if_any(error.limit_bytes);
  failed.needed_bytes = if_any(error.needed_bytes);
  failed.cgroup = error.cgroup;
  failed.explain =
      reason_text(failed.reason, failed.at, failed.used_bytes, failed.limit_bytes, failed.needed_bytes, failed.cgroup);
  return failed;
}

// ---- Parts of calls

/// Which of the kinds that mlock passes over (vma_supports_mlock, formerly mlock_fixup, in mm/mlock.c).
std::string why_unlockable(const mlt_mapping& mapping) {
  const auto has = [&](std::uint64_t flag) { return (mapping.vm_flags & flag) != 0; };
  if (has(kVmHugetlb)) return "huge pages of hugetlbfs, which are never swapped";
  if (mapping.file_system == kSecretmem) return "secret memory, which is always locked";
  if ((mapping.state & MLT_IS_DAX) != 0) return "a file on DAX, whose pages are those of the device";
  if (has(kVmPfnmap | kVmIo)) return "memory of a device or a driver (VM_IO or VM_PFNMAP)";
  if (has(kVmMixedmap | kVmDontexpand)) return "a mapping that a driver has made (VM_MIXEDMAP or VM_DONTEXPAND)";
  if (has(kVmDroppable)) return "MAP_DROPPABLE, whose pages are dropped and never swapped";
  return "";
}

}  // namespace

std::vector<FailedFaults> build_failed(const ProcessCounts& process, const std::vector<MapsLine>& maps,
                                       const TraceData& data) {
  std::vector<FailedFaults> list;
  list.reserve(process.errors.size());
  for (const ErrorCount& count : process.errors) list.push_back(build_one(count, process.proc, maps, data));
  std::ranges::stable_sort(list, [](const FailedFaults& a, const FailedFaults& b) {
    return std::pair(b.count, a.first_ns) < std::pair(a.count, b.first_ns);
  });
  return list;
}

CallRange build_range(const mlt_event_range& event, const std::vector<MapsLine>& maps, std::uint64_t page_size) {
  CallRange range;
  range.start = event.start;
  range.end = event.end;
  range.at = build_at(event.mapping, event.address, maps, page_size);
  switch (event.range) {
    case MLT_RANGE_HOLE:
      range.kind = RangeKind::hole;
      range.explain = "nothing is mapped there";
      break;
    case MLT_RANGE_UNLOCKABLE:
      range.kind = RangeKind::unlockable;
      range.explain = why_unlockable(event.mapping);
      break;
    default:
      range.reason = static_cast<mlt_error_reason>(event.reason);
      range.error = errno_name(event.error);
      range.explain = reason_text(range.reason, range.at, {}, {}, {}, "");
  }
  return range;
}

}  // namespace mlt
