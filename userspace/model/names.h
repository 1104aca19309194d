// The words of the report, as every renderer writes them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/report.h"

namespace mlt {

/// "access", "kernel", "populate", "remote"
std::string_view origin_name(mlt_origin origin);
/// "no", "yes", "on_fault"; empty when unknown.
std::string_view lock_state_name(mlt_lock_state state);
/// "first_touch", "cow", …; "unknown" when it was not determined.
std::string_view cause_name(mlt_cause cause);
/// "mlock", "brk", …: the kind of call. Empty for none.
std::string_view call_name(mlt_call call);
/// "process_madvise": of those system calls by which a process acts on memory; empty for any other.
std::string_view system_call_name(std::uint32_t number);
/// "SIGBUS", "SIGRTMIN+3".
std::string signal_name(int number);
std::string_view severity_name(Severity severity);
std::string_view signal_state_name(SignalState state);
std::string_view verdict_name(Verdict verdict);
/// "over_limit", "hole", …; empty for none.
std::string_view call_rule_name(CallRule rule);
/// "beyond_file", "file_system_full", …; empty when it is not known.
std::string_view error_reason_name(mlt_error_reason reason);
std::string_view range_kind_name(RangeKind kind);
/// "io_uring", "perf", "bpf"
std::string_view limited_name(mlt_limited kind);
std::string_view life_kind_name(LifeEvent::Kind kind);
/// "split" or "merge": see VmaChange::split.
std::string_view vma_change_name(bool split);
/// "madvise(0x7f0000000000, 8 MiB, MADV_DONTNEED)"
std::string call_text(const StormCall& call);
/// "trimmer (pid 7)"
std::string who(std::uint32_t pid, const std::string& comm);
/// "process_madvise(MADV_PAGEOUT)", "4 to clear_refs", "swapoff of /dev/vda": what was done.
std::string act_text(const Act& act);
/// "agent (pid 7) in read of /proc/PID/smaps"
std::string outsider_text(const OutsideWaits& outsider);
/// The function; "module+0x10" where it is not known, or the address.
std::string frame_name(const Frame& frame);

/// "pid 42 and children", "all processes", "cgroup /a/b": what is traced.
std::string describe(const Target& target);

/// "write at /dev/shm/ring (rw-s), SIGBUS: the file system (tmpfs) has no space left …": the first of them.
std::string describe(const FailedFaults& failed);

/// "io_uring 3 times (ENOMEM), 64 KiB beside the 60 KiB that its user has, limit 64 KiB; perf once …"
std::string describe(const std::vector<LimitRefusals>& refusals);

/// Whether a system call that returned `ret` failed.
bool is_error(std::int64_t ret);
/// "ENOMEM" for -ENOMEM, "errno 4000" for a number without a name, empty for a success.
std::string errno_name(std::int64_t ret);

}  // namespace mlt
