#include "model/names.h"

#include <fmt/format.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstddef>
#include <cstring>

#include "util/units.h"

namespace mlt {
namespace {

// One table a word list, in the order of its enum. A new enumerator without a name does not compile.

template <std::size_t N>
using Names = std::array<std::string_view, N>;

constexpr auto kOrigins = std::to_array<std::string_view>({"access", "kernel", "populate", "remote", "unknown"});
static_assert(kOrigins.size() == MLT_ORIGIN_NR);

constexpr auto kLockStates = std::to_array<std::string_view>({"no", "yes", "on_fault", ""});
static_assert(kLockStates.size() == MLT_LOCK_STATE_NR);

constexpr auto kCauses = std::to_array<std::string_view>(
    {"unknown",       "first_touch",  "stack",   "file_map",     "file_read",  "cow",       "zero_page", "ksm",
     "soft_dirty",    "write_enable", "mkwrite", "uffd_missing", "uffd_wp",    "numa_hint", "migration", "swap_in",
     "special_entry", "special_map",  "hugetlb", "spurious",     "uffd_minor", "uffd_rwp"});
static_assert(kCauses.size() == MLT_CAUSE_NR);

constexpr auto kCalls = std::to_array<std::string_view>({"", "mlock", "mlock2", "munlock", "mlockall", "munlockall",
                                                         "mmap", "brk", "mremap", "mprotect", "munmap", "madvise",
                                                         "fork", "execve", "exit", "other", "page fault"});
static_assert(kCalls.size() == MLT_CALL_NR);

struct SystemCall {
  std::uint32_t number;
  std::string_view name;
};
// The newest are in no header of Debian 12. Their numbers are the same on every architecture.
constexpr auto kSystemCalls = std::to_array<SystemCall>({{SYS_read, "read"},
                                                         {SYS_write, "write"},
                                                         {SYS_pread64, "pread64"},
                                                         {SYS_pwrite64, "pwrite64"},
                                                         {SYS_readv, "readv"},
                                                         {SYS_writev, "writev"},
                                                         {SYS_preadv, "preadv"},
                                                         {SYS_pwritev, "pwritev"},
                                                         {SYS_ioctl, "ioctl"},
                                                         {SYS_openat, "openat"},
                                                         {SYS_close, "close"},
                                                         {SYS_clone, "clone"},
                                                         {SYS_madvise, "madvise"},
                                                         {SYS_ptrace, "ptrace"},
                                                         {SYS_swapoff, "swapoff"},
                                                         {SYS_mbind, "mbind"},
                                                         {SYS_migrate_pages, "migrate_pages"},
                                                         {SYS_move_pages, "move_pages"},
                                                         {SYS_process_vm_readv, "process_vm_readv"},
                                                         {SYS_process_vm_writev, "process_vm_writev"},
                                                         {SYS_perf_event_open, "perf_event_open"},
                                                         {440, "process_madvise"},
                                                         {448, "process_mrelease"}});

constexpr auto kSeverities = std::to_array<std::string_view>({"info", "notice", "warning", "problem"});
static_assert(kSeverities.size() == static_cast<std::size_t>(Severity::problem) + 1);

constexpr auto kSignalStates = std::to_array<std::string_view>({"exact", "partial", "off"});
static_assert(kSignalStates.size() == static_cast<std::size_t>(SignalState::off) + 1);

constexpr auto kVerdicts = std::to_array<std::string_view>({"equal", "differs", "unavailable"});
static_assert(kVerdicts.size() == static_cast<std::size_t>(Verdict::unavailable) + 1);

constexpr auto kLifeKinds = std::to_array<std::string_view>({"fork", "vfork", "share", "exec", "exit"});
static_assert(kLifeKinds.size() == static_cast<std::size_t>(LifeEvent::Kind::exit) + 1);

constexpr auto kCallRules = std::to_array<std::string_view>(
    {"", "limit_zero", "policy", "over_limit", "vm_size_over_limit", "hole", "too_many_mappings", "not_populated",
     "no_memory", "bad_argument", "locked_memory", "undetermined"});
static_assert(kCallRules.size() == static_cast<std::size_t>(CallRule::undetermined) + 1);

constexpr auto kErrorReasons = std::to_array<std::string_view>({"",
                                                                "beyond_file",
                                                                "file_system_full",
                                                                "quota",
                                                                "file_system",
                                                                "huge_pages",
                                                                "huge_pages_cgroup",
                                                                "poison",
                                                                "protection",
                                                                "protection_key",
                                                                "guard",
                                                                "unmapped",
                                                                "stack_limit",
                                                                "stack_locked",
                                                                "stack_gap",
                                                                "stack_space",
                                                                "stack",
                                                                "memory",
                                                                "memory_cgroup",
                                                                "userfaultfd",
                                                                "device",
                                                                "no_address"});
static_assert(kErrorReasons.size() == MLT_ERROR_NR);

constexpr auto kRangeKinds = std::to_array<std::string_view>({"absent", "unlockable", "hole"});
static_assert(kRangeKinds.size() == static_cast<std::size_t>(RangeKind::hole) + 1);

constexpr auto kLimited = std::to_array<std::string_view>({"io_uring", "perf", "bpf"});
static_assert(kLimited.size() == MLT_LIMITED_NR);

/// A value that no enumerator has (a recording of a newer version, say) has no name.
template <std::size_t N, typename Enum>
std::string_view lookup(const Names<N>& names, Enum value) {
  const auto index = static_cast<std::size_t>(value);
  return index < N ? names[index] : std::string_view{};
}

constexpr std::int64_t kMaxErrno = 4095;

std::string pids_of(const Target& target) {
  std::string text;
  for (const std::uint32_t pid : target.pids) text += fmt::format("{}{}", text.empty() ? "" : ", ", pid);
  return text;
}

std::string target_of(const Target& target) {
  if (target.kind == "all") return "all processes";
  if (target.kind == "cgroup") return "cgroup " + target.text;
  if (target.kind == "command") return target.text;
  if (target.kind == "tid") return "thread " + pids_of(target);
  return fmt::format("pid{} {}", target.pids.size() == 1 ? "" : "s", pids_of(target));
}

std::string refused_text(const LimitRefusals& refused) {
  const std::string times = refused.calls == 1 ? "once" : format_count(refused.calls) + " times";
  std::string text = fmt::format("{} {} ({})", limited_name(refused.kind), times, refused.error);
  if (refused.wanted_bytes) {
    text += fmt::format(", {}", format_bytes(*refused.wanted_bytes));
    if (const Count used = counted_by_limit(refused); used.value_or(0) != 0)
      text += fmt::format(" beside the {} that {}", format_bytes(*used),
                          refused.kind == MLT_LIMITED_PERF ? "are pinned in it" : "its user has");
  }
  return text + fmt::format(", limit {}", format_bytes(refused.limit_bytes));
}

}  // namespace

std::string describe(const Target& target) { return target_of(target) + (target.follow ? " and children" : ""); }

std::string describe(const FailedFaults& failed) {
  std::string where = failed.at.name.empty() ? fmt::format("{:#x}", failed.at.address) : failed.at.name;
  if (!failed.at.permissions.empty()) where += " (" + failed.at.permissions + ")";
  std::string text;
  if (failed.origin == MLT_ORIGIN_POPULATE) {
    text = fmt::format("{} of {}", failed.call, where);
  } else {
    const bool writes = failed.access == "write";
    text = failed.access.empty() ? where : fmt::format("{} {} {}", failed.access, writes ? "at" : "of", where);
  }
  if (!failed.signal.empty()) text += ", " + failed.signal;
  return failed.explain.empty() ? text : text + ": " + failed.explain;
}

std::string describe(const std::vector<LimitRefusals>& refusals) {
  std::string text;
  for (const LimitRefusals& refused : refusals) text += (text.empty() ? "" : "; ") + refused_text(refused);
  return text;
}

std::string_view origin_name(mlt_origin origin) { return lookup(kOrigins, origin); }
std::string_view lock_state_name(mlt_lock_state state) { return lookup(kLockStates, state); }
std::string_view cause_name(mlt_cause cause) { return lookup(kCauses, cause); }
std::string_view call_name(mlt_call call) { return lookup(kCalls, call); }
std::string_view system_call_name(std::uint32_t number) {
  const auto* found = std::ranges::find(kSystemCalls, number, &SystemCall::number);
  return found == kSystemCalls.end() ? std::string_view{} : found->name;
}
std::string signal_name(int number) {
  if (const char* name = sigabbrev_np(number); name != nullptr) return fmt::format("SIG{}", name);
  return fmt::format("SIGRTMIN+{}", number - SIGRTMIN);
}
std::string_view severity_name(Severity severity) { return lookup(kSeverities, severity); }
std::string_view signal_state_name(SignalState state) { return lookup(kSignalStates, state); }
std::string_view verdict_name(Verdict verdict) { return lookup(kVerdicts, verdict); }
std::string_view call_rule_name(CallRule rule) { return lookup(kCallRules, rule); }
std::string_view error_reason_name(mlt_error_reason reason) { return lookup(kErrorReasons, reason); }
std::string_view range_kind_name(RangeKind kind) { return lookup(kRangeKinds, kind); }
std::string_view limited_name(mlt_limited kind) { return lookup(kLimited, kind); }
std::string_view life_kind_name(LifeEvent::Kind kind) { return lookup(kLifeKinds, kind); }
std::string_view vma_change_name(bool split) { return split ? "split" : "merge"; }

std::string call_text(const StormCall& call) {
  return call.args.empty() ? call.name : fmt::format("{}({})", call.name, call.args);
}

std::string who(std::uint32_t pid, const std::string& comm) {
  return pid == 0 ? fmt::format("{} (of another PID namespace)", comm) : fmt::format("{} (pid {})", comm, pid);
}

std::string act_text(const Act& act) {
  if (act.call == "swapoff") return fmt::format("swapoff of {}", act.file);
  if (act.file.empty() && !act.cgroup.empty()) return fmt::format("{}, {}", act.call, act.cgroup);
  if (!act.file.empty())
    return fmt::format("{} to {}{}", act.value.empty() ? "write" : act.value, act.file,
                       act.cgroup.empty() ? "" : " of cgroup " + act.cgroup);
  return act.what.empty() ? act.call : fmt::format("{}({})", act.call, act.what);
}

std::string outsider_text(const OutsideWaits& outsider) {
  std::string text = who(outsider.pid, outsider.comm);
  if (!outsider.call.empty()) text += " in " + outsider.call;
  if (!outsider.file.empty()) text += " of /proc/PID/" + outsider.file;
  return text;
}

std::string frame_name(const Frame& frame) {
  if (!frame.function.empty()) return frame.function;
  if (frame.module.empty()) return fmt::format("{:#x}", frame.address);
  return fmt::format("{}+{:#x}", frame.module.substr(frame.module.find_last_of('/') + 1), frame.offset);
}

bool is_error(std::int64_t ret) { return ret < 0 && ret >= -kMaxErrno; }

std::string errno_name(std::int64_t ret) {
  if (!is_error(ret)) return "";
  const char* name = strerrorname_np(static_cast<int>(-ret));
  return name != nullptr ? std::string(name) : fmt::format("errno {}", -ret);
}

}  // namespace mlt
