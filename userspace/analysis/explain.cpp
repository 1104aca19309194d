#include "analysis/explain.h"

#include <fmt/format.h>
#include <linux/mman.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

#include "analysis/decode.h"
#include "model/names.h"
#include "util/units.h"

namespace mlt {

namespace {

// VM_LOCKED of def_flags: MCL_FUTURE is in force. The same bit in every kernel.
constexpr std::uint64_t kVmLocked = 0x2000;

bool is_lock(std::uint32_t call) { return call == MLT_CALL_MLOCK || call == MLT_CALL_MLOCK2; }

bool is_mapping(std::uint32_t call) { return call >= MLT_CALL_MMAP && call != MLT_CALL_MADVISE; }

bool asks_for_lock(const mlt_event_call& call) {
  return call.head.call == MLT_CALL_MMAP && (call.args[3] & MAP_LOCKED) != 0;
}

bool under_future(const mlt_event_call& call) { return (call.def_flags & kVmLocked) != 0; }

// Bytes of the whole pages that [start, start + length) touches: what the kernel accounts. Wraps as it does there.
std::uint64_t whole_pages(std::uint64_t start, std::uint64_t length, std::uint64_t page_size) {
  return (length + start % page_size + page_size - 1) / page_size * page_size;
}

// brk returns the break as it is, also when it was refused to move it up.
bool brk_was_refused(const mlt_event_call& call) {
  return call.head.call == MLT_CALL_BRK && call.args[0] > static_cast<std::uint64_t>(call.ret);
}

std::uint64_t locked_bytes(const mlt_event_call& call, const CallContext& context) {
  return call.locked_pages * context.page_size;
}

std::uint64_t newly_locked(const mlt_event_call& call, const CallContext& context) {
  const std::uint64_t locked = locked_bytes(call, context);
  return context.locked_before_bytes && locked > *context.locked_before_bytes ? locked - *context.locked_before_bytes
                                                                              : 0;
}

// Where the range was not looked at to its end: all of it.
std::uint64_t more_to_lock(const mlt_event_call& call, const CallContext& context) {
  return bytes_to_lock(call, context.page_size).value_or(range_bytes(call, context.page_size));
}

bool exceeds_limit(const mlt_event_call& call, const CallContext& context) {
  if (!context.limit_bytes) return false;
  const std::uint64_t more = more_to_lock(call, context);
  return more > *context.limit_bytes || locked_bytes(call, context) > *context.limit_bytes - more;
}

std::string over_limit_text(const mlt_event_call& call, const CallContext& context) {
  const std::uint64_t more = more_to_lock(call, context);
  const std::uint64_t locked = locked_bytes(call, context);
  std::string text = fmt::format("{} more would exceed RLIMIT_MEMLOCK: {} locked, limit {}", format_bytes(more),
                                 format_bytes(locked), format_bytes(*context.limit_bytes));
  // A length that is nonsense has no remedy.
  if (locked + more >= more) text += fmt::format("; {} would do", format_bytes(locked + more));
  return text;
}

/// The range of this kind that comes first; null: none was met, or seen.
const CallRange* first_of(RangeKind kind, const std::vector<CallRange>& ranges) {
  const auto found = std::ranges::find(ranges, kind, &CallRange::kind);
  return found == ranges.end() ? nullptr : &*found;
}

std::string place_of(const CallRange& range) {
  const std::string name = range.at.name.empty() ? "" : " (" + range.at.name + ")";
  return fmt::format("{:#x}-{:#x}{}", range.start, range.end, name);
}

/// "0x7f00-0x7f10 (/dev/shm/x): the file system (tmpfs) has no space left …"
std::string why_absent(const CallRange& range) {
  return place_of(range) + ": " + (range.explain.empty() ? "why is not known" : range.explain);
}

bool knows_limit(const CallContext& context) {
  return context.limit_is_current && (context.limit_bytes || context.unlimited);
}

Explanation not_permitted(const mlt_event_call& call, const CallContext& context) {
  if (is_mapping(call.head.call) && !asks_for_lock(call)) return {};
  if (context.limit_bytes == 0 && call.was_filtered == 0)
    return {CallRule::limit_zero,
            context.cap_elsewhere
                ? "RLIMIT_MEMLOCK is 0, and the CAP_IPC_LOCK that the thread has is in vain outside the "
                  "initial user namespace: raise the limit"
                : "RLIMIT_MEMLOCK is 0 and the thread lacks CAP_IPC_LOCK: raise the limit"};
  if (call.was_filtered != 0)
    return {CallRule::policy, "a seccomp filter refused it: the kernel never looked at RLIMIT_MEMLOCK"};
  if (!knows_limit(context))
    return {CallRule::undetermined,
            "RLIMIT_MEMLOCK is 0 without CAP_IPC_LOCK, or a seccomp filter or a security module decided"};
  const std::string limit =
      context.unlimited ? "does not bind" : fmt::format("is {}, not 0", format_bytes(*context.limit_bytes));
  std::string_view who = "a seccomp filter or a security module decided";
  if (context.seccomp_filter == true) who = "its seccomp filter, or a security module, decided";
  if (context.seccomp_filter == false) who = "it has no seccomp filter, so a security module decided";
  return {CallRule::policy, fmt::format("refused although RLIMIT_MEMLOCK {}: {}", limit, who)};
}

// Advice that the kernel refuses for VM_LOCKED memory. It refuses for other reasons, too: a misaligned address, memory
// of another kind. Those that can be seen are looked at; MADV_REMOVE has too many of its own.
Explanation advice_refused(const mlt_event_call& call, const CallContext& context) {
  const std::string advice = advice_name(call.args[2]);
  if (!gives_back(call.args[2]) || call.args[0] % context.page_size != 0 || call.locked_pages == 0) return {};
  if (call.args[2] == MADV_REMOVE) return {};
  const bool alternative = call.args[2] == MADV_DONTNEED || call.args[2] == MADV_FREE;
  return {CallRule::locked_memory,
          fmt::format("{} does not take locked memory: it stays, with what is in it; munlock it first{}", advice,
                      alternative ? ", or use MADV_DONTNEED_LOCKED (Linux 5.18)" : "")};
}

Explanation bad_argument(const mlt_event_call& call, const CallContext& context) {
  switch (call.head.call) {
    case MLT_CALL_MADVISE: return advice_refused(call, context);
    case MLT_CALL_MLOCKALL:
      return {CallRule::bad_argument,
              "flags must be MCL_CURRENT, MCL_FUTURE or both, with or without MCL_ONFAULT, and nothing else"};
    case MLT_CALL_MLOCK2:
      if ((call.args[2] & ~static_cast<__u64>(MLOCK_ONFAULT)) != 0)
        return {CallRule::bad_argument, "the only flag is MLOCK_ONFAULT"};
      [[fallthrough]];
    case MLT_CALL_MLOCK:
    case MLT_CALL_MUNLOCK: return {CallRule::bad_argument, "address plus length overflow"};
    default: return {};
  }
}

/// A VMA is split only while the process has fewer than vm.max_map_count (split_vma, mm/vma.c, formerly mm/mmap.c).
/// Empty: not known. What is only known of before or after the call may have been two less.
std::optional<bool> at_mapping_bound(const CallContext& context) {
  if (!context.vma_count || !context.max_map_count) return std::nullopt;
  const std::uint64_t slack = context.max_map_count_is_current ? 0 : 2;
  return *context.vma_count + slack >= *context.max_map_count;
}

// Both go VMA by VMA, stop where they fail, and take back nothing (apply_vma_lock_flags, mm/mlock.c).
std::string effect_of_failure(const mlt_event_call& call, const CallContext& context) {
  if (!is_lock(call.head.call)) return "what came before that part is unlocked, what comes after it stays locked";
  const std::uint64_t grown = newly_locked(call, context);
  return "what came before that part stays locked" + (grown != 0 ? fmt::format(" ({})", format_bytes(grown)) : "");
}

/// `passed_limit`: the limit did not stop the call.
Explanation hole_or_bound(const mlt_event_call& call, const std::vector<CallRange>& ranges, const CallContext& context,
                          bool passed_limit) {
  const std::string effect = effect_of_failure(call, context);
  const CallRange* hole = first_of(RangeKind::hole, ranges);
  // Before it lies what is mapped and could all be locked, and nothing of it was: the call did not get as far as there.
  const bool before_hole = is_lock(call.head.call) && hole != nullptr && hole->start > call.args[0] &&
                           call.limits.range_locked_bytes == 0 && newly_locked(call, context) == 0;
  if (passed_limit && hole != nullptr && !(before_hole && at_mapping_bound(context) == true))
    return {CallRule::hole, fmt::format("nothing is mapped at {:#x}-{:#x}; {}", hole->start, hole->end, effect)};
  const auto at_bound = at_mapping_bound(context);
  if (at_bound == true)
    return {CallRule::too_many_mappings,
            fmt::format("a mapping had to be split, and the process has {} of at most {} (vm.max_map_count): lock one "
                        "large area instead of many small ones, or raise it",
                        format_count(*context.vma_count), format_count(*context.max_map_count))};
  const bool lock = is_lock(call.head.call);
  return {
      CallRule::undetermined,
      fmt::format("{}part of the range is not mapped{}, or the process had too many mappings, or the kernel no memory "
                  "for another one; {}",
                  passed_limit ? "" : "RLIMIT_MEMLOCK would be exceeded, or ",
                  lock && !context.sees_populate ? " or cannot be populated" : "", effect)};
}

// In the order in which the kernel decides: the limit, then the mappings one by one, then populate.
Explanation lock_without_memory(const mlt_event_call& call, const std::vector<CallRange>& ranges,
                                const CallContext& context) {
  if (const CallRange* absent = first_of(RangeKind::absent, ranges))
    return {CallRule::not_populated,
            fmt::format("pages could not be made present at {}; {} is locked all the same", why_absent(*absent),
                        call.locked_pages != 0 ? "the whole range" : "nothing of it, which takes no lock,")};
  const std::uint64_t grown = newly_locked(call, context);
  if (call.populate_ns + call.populated_pages != 0 || (grown != 0 && grown == range_bytes(call, context.page_size)))
    return {CallRule::not_populated,
            "a page could not be made present, why was not seen; the whole range is locked all the same"};
  const bool got_further = call.vma_splits + call.vma_merges + grown != 0;
  if (!got_further && exceeds_limit(call, context)) return {CallRule::over_limit, over_limit_text(call, context)};
  return hole_or_bound(call, ranges, context, got_further || knows_limit(context));
}

Explanation lockall_without_memory(const CallContext& context) {
  if (context.unlimited && knows_limit(context)) return {};
  std::string text = "the whole address space (VmSize) is larger than RLIMIT_MEMLOCK";
  if (context.limit_bytes && context.vm_size_bytes && *context.vm_size_bytes > *context.limit_bytes)
    text += fmt::format(": {}, limit {}", format_bytes(*context.vm_size_bytes), format_bytes(*context.limit_bytes));
  return {CallRule::vm_size_over_limit, text + "; raise the limit above VmSize, or mlock only what must be locked"};
}

Explanation mapping_refused(const mlt_event_call& call, const CallContext& context) {
  const char* why = asks_for_lock(call)  ? "MAP_LOCKED asks for a lock"
                    : under_future(call) ? "MCL_FUTURE is in force, so whatever is mapped counts"
                                         : /* a locked range */ "a locked mapping stays locked when it grows";
  if (exceeds_limit(call, context))
    return {CallRule::over_limit, fmt::format("{}; {}", over_limit_text(call, context), why)};
  // For want of anything else.
  if (brk_was_refused(call) || (context.unlimited && knows_limit(context))) return {};
  return {CallRule::over_limit, fmt::format("the mapping would exceed RLIMIT_MEMLOCK ({} locked); {}",
                                            format_bytes(locked_bytes(call, context)), why)};
}

Explanation explain_error(const mlt_event_call& call, const std::vector<CallRange>& ranges,
                          const CallContext& context) {
  const std::uint32_t kind = call.head.call;
  switch (-call.ret) {
    case EPERM: return not_permitted(call, context);
    case EINVAL: return bad_argument(call, context);
    case EAGAIN:
      if (kind == MLT_CALL_MMAP || kind == MLT_CALL_MREMAP) return mapping_refused(call, context);
      if (is_mapping(kind)) return {};
      return {CallRule::no_memory,
              "the memory to be locked could not be allocated: the machine, or the memory cgroup, "
              "has none left"};
    case ENOMEM:
      if (is_lock(kind)) return lock_without_memory(call, ranges, context);
      if (kind == MLT_CALL_MUNLOCK) return hole_or_bound(call, ranges, context, true);
      return kind == MLT_CALL_MLOCKALL ? lockall_without_memory(context) : Explanation{};
    case EINTR: return {CallRule::none, is_mapping(kind) ? "" : "the process was killed while it waited for the call"};
    default: return {};
  }
}

std::string explain_lock(const mlt_event_call& call, const std::vector<CallRange>& ranges, const CallContext& context) {
  if (range_bytes(call, context.page_size) == 0) return "the length, in whole pages, is 0: nothing was locked";
  if (const CallRange* range = first_of(RangeKind::unlockable, ranges))
    return fmt::format("not locked: {}, {}", place_of(*range),
                       range->explain.empty() ? "which takes no lock; why is not known" : range->explain);
  if (call.head.call == MLT_CALL_MLOCK2 && (call.args[2] & MLOCK_ONFAULT) != 0)
    return "on fault: no page was made present, the first access to each still faults";
  return {};
}

std::string explain_lockall(const mlt_event_call& call, const CallContext& context) {
  if ((call.args[0] & MCL_FUTURE) == 0)
    return context.future_before ? "cancels the MCL_FUTURE that was in force: mappings made from now on are not locked"
                                 : "without MCL_FUTURE: mappings made from now on are not locked";
  if ((call.args[0] & MCL_ONFAULT) != 0)
    return "on fault: no page was made present, the first access to each still faults";
  if ((call.args[0] & MCL_CURRENT) == 0) return "without MCL_CURRENT: what is mapped already is not locked by this";
  return {};
}

/// The call reports success although parts of what it locked are not there: mlockall and mmap don't tell (mm_populate).
std::string explain_absent(const mlt_event_call& call, const std::vector<CallRange>& ranges) {
  constexpr std::uint64_t kNamed = 3;
  std::string text = "reports success, but pages could not be made present at ";
  std::uint64_t named = 0;
  for (const CallRange& range : ranges) {
    if (range.kind != RangeKind::absent || named == kNamed) continue;
    text += (named == 0 ? "" : "; at ") + why_absent(range);
    ++named;
  }
  return call.absent_ranges <= named ? text
                                     : text + fmt::format(", and {} more such parts", call.absent_ranges - named);
}

std::string explain_success(const mlt_event_call& call, const std::vector<CallRange>& ranges,
                            const CallContext& context) {
  if (call.was_filtered != 0)
    return "a seccomp filter answered it with success: the kernel never saw it, and did nothing";
  if (first_of(RangeKind::absent, ranges) != nullptr) return explain_absent(call, ranges);
  switch (call.head.call) {
    case MLT_CALL_MLOCK:
    case MLT_CALL_MLOCK2: return explain_lock(call, ranges, context);
    case MLT_CALL_MLOCKALL: return explain_lockall(call, context);
    case MLT_CALL_MUNLOCKALL:
      return context.future_before ? "ends MCL_FUTURE too: mappings made from now on are not locked" : "";
    case MLT_CALL_MUNMAP: return "what it unmapped was locked, all of it or a part";
    case MLT_CALL_MADVISE: return "gave the pages back although they are locked: the next access to each faults";
    case MLT_CALL_MPROTECT:
      return "made a locked private mapping writable: the kernel populates it at once, holding mmap_lock for writing";
    case MLT_CALL_BRK:
    case MLT_CALL_MMAP: {
      const bool by_flags = call.head.call == MLT_CALL_MMAP && (call.args[3] & (MAP_LOCKED | MAP_POPULATE)) != 0;
      return call.populated_pages != 0 && !by_flags
                 ? "MCL_FUTURE is in force: the new mapping is locked and populated at once"
                 : "";
    }
    default: return {};
  }
}

}  // namespace

std::uint64_t range_bytes(const mlt_event_call& call, std::uint64_t page_size) {
  const auto& args = call.args;
  switch (call.head.call) {
    case MLT_CALL_MLOCK:
    case MLT_CALL_MLOCK2:
    case MLT_CALL_MUNLOCK:
    case MLT_CALL_MPROTECT:
    case MLT_CALL_MUNMAP:
    case MLT_CALL_MADVISE: return whole_pages(args[0], args[1], page_size);
    case MLT_CALL_MMAP: return whole_pages(0, args[1], page_size);
    case MLT_CALL_MREMAP: return args[2] > args[1] ? whole_pages(0, args[2] - args[1], page_size) : 0;
    case MLT_CALL_BRK:
      return brk_was_refused(call) ? whole_pages(0, args[0] - static_cast<std::uint64_t>(call.ret), page_size) : 0;
    default: return 0;
  }
}

std::optional<std::uint64_t> bytes_to_lock(const mlt_event_call& call, std::uint64_t page_size) {
  const std::uint64_t range = range_bytes(call, page_size);
  return call.limits.range_locked_bytes <= range ? std::optional(range - call.limits.range_locked_bytes) : std::nullopt;
}

std::uint64_t range_start(const mlt_event_call& call, std::uint64_t page_size) {
  switch (call.head.call) {
    case MLT_CALL_MLOCK:
    case MLT_CALL_MLOCK2:
    case MLT_CALL_MUNLOCK:
    case MLT_CALL_MPROTECT:
    case MLT_CALL_MUNMAP:
    case MLT_CALL_MREMAP:
    case MLT_CALL_MADVISE: return call.args[0] / page_size * page_size;
    case MLT_CALL_MMAP: return is_error(call.ret) ? 0 : static_cast<std::uint64_t>(call.ret);
    default: return 0;
  }
}

Explanation explain_call(const mlt_event_call& call, const std::vector<CallRange>& ranges, const CallContext& context) {
  if (is_error(call.ret)) return explain_error(call, ranges, context);
  if (brk_was_refused(call) && under_future(call)) return mapping_refused(call, context);
  return {CallRule::none, explain_success(call, ranges, context)};
}

}  // namespace mlt
