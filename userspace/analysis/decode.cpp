#include "analysis/decode.h"

#include <fmt/format.h>
#include <linux/mman.h>
#include <sys/mman.h>

#include <algorithm>
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

struct Advice {
  std::uint64_t value;
  std::string_view name;
  bool gives_back = false;
};
// The newest are in no header of Debian 12.
constexpr Advice kAdvices[] = {{MADV_NORMAL, "MADV_NORMAL"},
                               {MADV_RANDOM, "MADV_RANDOM"},
                               {MADV_SEQUENTIAL, "MADV_SEQUENTIAL"},
                               {MADV_WILLNEED, "MADV_WILLNEED"},
                               {MADV_DONTNEED, "MADV_DONTNEED", true},
                               {MADV_FREE, "MADV_FREE", true},
                               {MADV_REMOVE, "MADV_REMOVE", true},
                               {MADV_DONTFORK, "MADV_DONTFORK"},
                               {MADV_DOFORK, "MADV_DOFORK"},
                               {MADV_MERGEABLE, "MADV_MERGEABLE"},
                               {MADV_UNMERGEABLE, "MADV_UNMERGEABLE"},
                               {MADV_HUGEPAGE, "MADV_HUGEPAGE"},
                               {MADV_NOHUGEPAGE, "MADV_NOHUGEPAGE"},
                               {MADV_DONTDUMP, "MADV_DONTDUMP"},
                               {MADV_DODUMP, "MADV_DODUMP"},
                               {MADV_WIPEONFORK, "MADV_WIPEONFORK"},
                               {MADV_KEEPONFORK, "MADV_KEEPONFORK"},
                               {MADV_COLD, "MADV_COLD", true},
                               {MADV_PAGEOUT, "MADV_PAGEOUT", true},
                               {22, "MADV_POPULATE_READ"},
                               {23, "MADV_POPULATE_WRITE"},
                               {24, "MADV_DONTNEED_LOCKED"},
                               {25, "MADV_COLLAPSE"},
                               {102, "MADV_GUARD_INSTALL"},
                               {103, "MADV_GUARD_REMOVE"}};

const Advice* find_advice(std::uint64_t value) {
  const auto* found = std::ranges::find(kAdvices, value, &Advice::value);
  return found == std::end(kAdvices) ? nullptr : found;
}

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

}  // namespace

std::string advice_name(std::uint64_t advice) {
  const Advice* found = find_advice(advice);
  return found == nullptr ? fmt::format("{}", advice) : std::string(found->name);
}

bool gives_back(std::uint64_t advice) {
  const Advice* found = find_advice(advice);
  return found != nullptr && found->gives_back;
}

std::string decode_args(const mlt_event_call& call) {
  const auto& args = call.args;
  switch (call.head.call) {
    case MLT_CALL_MLOCK:
    case MLT_CALL_MUNLOCK:
    case MLT_CALL_MUNMAP: return fmt::format("{}, {}", address(args[0]), format_bytes(args[1]));
    case MLT_CALL_MLOCK2:
      return fmt::format("{}, {}, {}", address(args[0]), format_bytes(args[1]), flags_text(args[2], kLock2Flags, "0"));
    case MLT_CALL_MLOCKALL: return flags_text(args[0], kLockallFlags, "0");
    case MLT_CALL_MMAP:
      return fmt::format("{}, {}, {}, {}", address(args[0]), format_bytes(args[1]),
                         flags_text(args[2], kProtection, "PROT_NONE"), flags_text(args[3], kMapFlags, "0"));
    case MLT_CALL_MADVISE:
      return fmt::format("{}, {}, {}", address(args[0]), format_bytes(args[1]), advice_name(args[2]));
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

}  // namespace mlt
