#include "analysis/decode.h"

#include <fmt/format.h>
#include <linux/mman.h>
#include <sys/mman.h>

#include <cerrno>
#include <span>
#include <string_view>

#include "util/units.h"

namespace mlt {

namespace {

struct Flag {
  std::uint64_t bits;
  std::string_view name;
};

constexpr Flag kLockallFlags[] = {
    {MCL_CURRENT, "MCL_CURRENT"}, {MCL_FUTURE, "MCL_FUTURE"}, {MCL_ONFAULT, "MCL_ONFAULT"}};
constexpr Flag kLock2Flags[] = {{MLOCK_ONFAULT, "MLOCK_ONFAULT"}};
constexpr Flag kProtection[] = {{PROT_READ, "PROT_READ"}, {PROT_WRITE, "PROT_WRITE"}, {PROT_EXEC, "PROT_EXEC"}};
constexpr Flag kRemapFlags[] = {
    {MREMAP_MAYMOVE, "MREMAP_MAYMOVE"}, {MREMAP_FIXED, "MREMAP_FIXED"}, {MREMAP_DONTUNMAP, "MREMAP_DONTUNMAP"}};
// MAP_SHARED_VALIDATE is both low bits.
constexpr Flag kMapFlags[] = {{MAP_SHARED_VALIDATE, "MAP_SHARED_VALIDATE"},
                              {MAP_SHARED, "MAP_SHARED"},
                              {MAP_PRIVATE, "MAP_PRIVATE"},
                              {MAP_FIXED, "MAP_FIXED"},
                              {MAP_ANONYMOUS, "MAP_ANONYMOUS"},
                              {MAP_GROWSDOWN, "MAP_GROWSDOWN"},
                              {MAP_DENYWRITE, "MAP_DENYWRITE"},
                              {MAP_LOCKED, "MAP_LOCKED"},
                              {MAP_NORESERVE, "MAP_NORESERVE"},
                              {MAP_POPULATE, "MAP_POPULATE"},
                              {MAP_NONBLOCK, "MAP_NONBLOCK"},
                              {MAP_STACK, "MAP_STACK"},
                              {MAP_HUGETLB, "MAP_HUGETLB"},
                              {MAP_SYNC, "MAP_SYNC"},
                              {MAP_FIXED_NOREPLACE, "MAP_FIXED_NOREPLACE"}};

std::string flags_text(std::uint64_t value, std::span<const Flag> names, std::string_view none) {
  std::string text;
  const auto append = [&](std::string_view word) { text.append(text.empty() ? "" : "|").append(word); };
  for (const Flag& flag : names) {
    if ((value & flag.bits) != flag.bits) continue;
    append(flag.name);
    value &= ~flag.bits;
  }
  if (value != 0) append(fmt::format("{:#x}", value));
  return text.empty() ? std::string(none) : text;
}

std::string address(std::uint64_t value) { return fmt::format("{:#x}", value); }

bool is_lock(std::uint32_t call) { return call == MLT_CALL_MLOCK || call == MLT_CALL_MLOCK2; }

// Bytes of the whole pages that [start, start + length) touches: what the kernel accounts.
std::uint64_t whole_pages(std::uint64_t start, std::uint64_t length, std::uint64_t page_size) {
  return (length + start % page_size + page_size - 1) / page_size * page_size;
}

std::string explain_enomem(const mlt_event_call& call, std::int64_t limit, std::uint64_t page_size) {
  if (call.head.call == MLT_CALL_MLOCKALL) return "the whole address space (VmSize) is larger than RLIMIT_MEMLOCK";
  if (call.head.call == MLT_CALL_MUNLOCK)
    return "part of the range is not mapped, or the process has too many mappings; what came before that part is "
           "unlocked";
  if (!is_lock(call.head.call)) return {};
  const std::uint64_t locked = call.locked_pages * page_size;
  const std::uint64_t more = whole_pages(call.args[0], call.args[1], page_size);
  const auto allowed = static_cast<std::uint64_t>(limit);
  if (limit >= 0 && (more > allowed || locked > allowed - more))
    return fmt::format("{} more would exceed RLIMIT_MEMLOCK: {} locked, limit {}", format_bytes(more),
                       format_bytes(locked), format_bytes(allowed));
  return "part of the range is not mapped or cannot be populated, or the process has too many mappings; what came "
         "before that part stays locked";
}

std::string explain_einval(const mlt_event_call& call) {
  switch (call.head.call) {
    case MLT_CALL_MLOCKALL:
      return "flags must be MCL_CURRENT, MCL_FUTURE or both, with or without MCL_ONFAULT, and nothing else";
    case MLT_CALL_MLOCK2:
      if ((call.args[2] & ~static_cast<__u64>(MLOCK_ONFAULT)) != 0) return "the only flag is MLOCK_ONFAULT";
      [[fallthrough]];
    case MLT_CALL_MLOCK:
    case MLT_CALL_MUNLOCK: return "address plus length overflow";
    default: return {};
  }
}

std::string explain_error(const mlt_event_call& call, std::int64_t limit, std::uint64_t page_size) {
  const bool mapping = call.head.call >= MLT_CALL_MMAP;
  switch (-call.ret) {
    case EPERM:
      if (mapping) return {};
      return limit == 0 ? "RLIMIT_MEMLOCK is 0 and the thread lacks CAP_IPC_LOCK"
                        : "refused although the limit is not 0: a seccomp filter or a security module decided";
    case EINVAL: return explain_einval(call);
    case EAGAIN:
      return mapping ? fmt::format("under MCL_FUTURE or MAP_LOCKED the mapping would exceed RLIMIT_MEMLOCK ({} locked)",
                                   format_bytes(call.locked_pages * page_size))
                     : "the memory to be locked could not be allocated";
    case ENOMEM: return explain_enomem(call, limit, page_size);
    default: return {};
  }
}

}  // namespace

std::string decode_args(const mlt_event_call& call) {
  const auto& args = call.args;
  switch (call.head.call) {
    case MLT_CALL_MLOCK:
    case MLT_CALL_MUNLOCK: return fmt::format("{}, {}", address(args[0]), format_bytes(args[1]));
    case MLT_CALL_MLOCK2:
      return fmt::format("{}, {}, {}", address(args[0]), format_bytes(args[1]), flags_text(args[2], kLock2Flags, "0"));
    case MLT_CALL_MLOCKALL: return flags_text(args[0], kLockallFlags, "0");
    case MLT_CALL_MMAP:
      return fmt::format("{}, {}, {}, {}", address(args[0]), format_bytes(args[1]),
                         flags_text(args[2], kProtection, "PROT_NONE"), flags_text(args[3], kMapFlags, "0"));
    case MLT_CALL_BRK: return address(args[0]);
    case MLT_CALL_MREMAP:
      return fmt::format("{}, {} -> {}, {}", address(args[0]), format_bytes(args[1]), format_bytes(args[2]),
                         flags_text(args[3], kRemapFlags, "0"));
    case MLT_CALL_MPROTECT:
      return fmt::format("{}, {}, {}", address(args[0]), format_bytes(args[1]),
                         flags_text(args[2], kProtection, "PROT_NONE"));
    default: return {};
  }
}

std::string explain_call(const mlt_event_call& call, std::int64_t limit_bytes, std::uint64_t page_size) {
  if (call.ret < 0 && call.ret >= -4095) return explain_error(call, limit_bytes, page_size);
  switch (call.head.call) {
    case MLT_CALL_MPROTECT:
      return "made a locked private mapping writable: the kernel populates it at once, holding mmap_lock for writing";
    case MLT_CALL_BRK:
    case MLT_CALL_MMAP: {
      const bool by_flags = call.head.call == MLT_CALL_MMAP && (call.args[3] & (MAP_LOCKED | MAP_POPULATE)) != 0;
      return call.populated_pages != 0 && !by_flags
                 ? "MCL_FUTURE is in force: the new mapping is locked and populated at once"
                 : "";
    }
    case MLT_CALL_MLOCKALL:
      return (call.args[0] & MCL_FUTURE) == 0 ? "without MCL_FUTURE: mappings made from now on are not locked" : "";
    default: return {};
  }
}

}  // namespace mlt
