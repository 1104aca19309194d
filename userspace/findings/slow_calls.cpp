// Lock calls that take longer than the memory they lock explains.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "findings/rules.h"
#include "model/names.h"

namespace mlt::rules {
namespace {

// Below this, being scheduled away explains a slow call as well.
constexpr std::uint64_t kSlackNs = 1'000'000;
constexpr std::uint64_t kLongNs = 100'000'000;

struct Slow {
  std::int64_t calls = 0;
  const LockCall* slowest = nullptr;
  std::uint64_t allowed_ns = 0;  // of the slowest
};

/// Time in which the call did nothing for its purpose.
std::uint64_t waited_ns(const CallParts& parts) {
  return parts.reclaim_ns.value_or(0) + parts.lock_wait_ns.value_or(0) + parts.swap_in_ns.value_or(0) +
         parts.off_cpu_ns.value_or(0);
}

/// Calls of the kinds that took longer than `allowed_of` them, or did little else but wait.
template <typename Function>
Slow slow_calls(const Process& process, std::initializer_list<mlt_call> kinds, Function allowed_of) {
  Slow slow;
  for (const LockCall& call : process.locks.calls) {
    if (std::ranges::find(kinds, call.call) == kinds.end() || call.duration_ns <= kSlackNs) continue;
    const std::uint64_t allowed_ns = allowed_of(call) + kSlackNs;
    if (call.duration_ns <= allowed_ns && percent(waited_ns(call.parts), call.duration_ns) <= 50) continue;
    ++slow.calls;
    if (slow.slowest != nullptr && call.duration_ns <= slow.slowest->duration_ns) continue;
    slow.slowest = &call;
    slow.allowed_ns = allowed_ns;
  }
  return slow;
}

struct Part {
  std::string_view figure;  // in the evidence
  Count time_ns;
  std::string_view name;
};

std::array<Part, 7> parts_of(const LockCall& call) {
  const CallParts& parts = call.parts;
  return {{{"memory_ns", parts.memory_ns, "allocating memory and zeroing it"},
           {"file_ns", parts.file_ns, "mapping and reading files"},
           {"swap_in_ns", parts.swap_in_ns, "bringing pages back from swap"},
           {"reclaim_ns", parts.reclaim_ns, "reclaiming memory first"},
           {"lock_wait_ns", parts.lock_wait_ns, "waiting for mmap_lock"},
           {"off_cpu_ns", parts.off_cpu_ns, "not running, as others had the processor"},
           {"other_ns", parts.other_ns, "on what is none of the parts that are measured"}}};
}

bool has_parts(const CallParts& parts) {
  return parts.memory_ns || parts.file_ns || parts.swap_in_ns || parts.reclaim_ns || parts.lock_wait_ns ||
         parts.off_cpu_ns;
}

/// Of the slowest: what its time went into.
Sighting sighting(const Slow& slow) {
  Sighting seen{Severity::notice,
                {{"calls", slow.calls},
                 {"slowest_ns", figure(slow.slowest->duration_ns)},
                 {"allowed_ns", figure(slow.allowed_ns)}},
                ""};
  if (!has_parts(slow.slowest->parts)) return seen;
  std::uint64_t longest_ns = 0;
  for (const Part& part : parts_of(*slow.slowest)) {
    const std::uint64_t time_ns = part.time_ns.value_or(0);
    if (time_ns != 0) seen.evidence[std::string(part.figure)] = figure(time_ns);
    if (time_ns <= longest_ns) continue;
    longest_ns = time_ns;
    const bool is_most = time_ns * 2 > slow.slowest->duration_ns;
    seen.remark = fmt::format(" ({} {})", is_most ? "mostly" : "more than anything else", part.name);
  }
  return seen;
}

/// How long at least one process of the same cgroup waited, where that is over its memory.high.
std::uint64_t waited_over_high_ns(const Process& process, const System& system) {
  std::uint64_t longest_ns = 0;
  for (const MemoryHighLimit& limit : system.memory_high) {
    const bool inside = process.cgroup == limit.cgroup || process.cgroup.starts_with(limit.cgroup + "/");
    if (inside && limit.exceeded != 0) longest_ns = std::max(longest_ns, limit.stalled_ns.value_or(0));
  }
  return longest_ns;
}

}  // namespace

Found slow_lock(const Process& process, const Case& about) {
  // Without the number of pages nothing can be expected.
  if (!process.populate.pages || about.options.lock_mb_per_s == 0) return {};
  const Slow slow =
      slow_calls(process, {MLT_CALL_MLOCK, MLT_CALL_MLOCK2, MLT_CALL_MLOCKALL}, [&](const LockCall& call) {
        return 2 * call.pages_populated * about.report.host.page_size * 1000 / about.options.lock_mb_per_s;
      });
  if (slow.calls == 0) return {};
  Sighting seen = sighting(slow);
  const LockCall& slowest = *slow.slowest;
  seen.evidence["pages"] = figure(slowest.pages_populated);
  seen.evidence["populate_ns"] = figure(slowest.populate_ns);
  // Since Linux 5.18 the process is put to sleep where it asks for the page: allocating took that long.
  // That it was this call that slept is not seen, but that it could have been.
  if (waited_over_high_ns(process, about.report.system) >= slowest.duration_ns / 2)
    seen.remark += ", while its cgroup was over memory.high, for which processes are put to sleep";
  if (slowest.duration_ns >= kLongNs && slowest.duration_ns > 10 * slow.allowed_ns) seen.severity = Severity::warning;
  return seen;
}

Found slow_unlock(const Process& process, const Case& about) {
  const std::uint64_t all = process.locks.locked_bytes.peak.value_or(0);
  const Slow slow = slow_calls(process, {MLT_CALL_MUNLOCK, MLT_CALL_MUNLOCKALL}, [&](const LockCall& call) {
    const std::uint64_t bytes = call.call == MLT_CALL_MUNLOCK ? call.range_bytes : all;
    return bytes / about.report.host.page_size * about.options.unlock_ns_per_page;
  });
  if (slow.calls == 0) return {};
  return sighting(slow);
}

namespace {

/// Another process of the same cgroup that was at its limit, too: it fills it as well. Of several the one that was most
/// often.
std::string who_else_fills(const Process& process, const Case& about) {
  const Act* most = nullptr;
  if (!about.report.system.acts) return "";
  for (const Act& act : *about.report.system.acts) {
    const bool at_limit = act.call.starts_with("reclaim at the limit") && act.pid != process.pid;
    if (!at_limit || act.cgroup.empty() || !process.cgroup.ends_with("/" + act.cgroup)) continue;
    if (most == nullptr || act.calls.value_or(0) > most->calls.value_or(0)) most = &act;
  }
  if (most == nullptr) return "";
  return fmt::format(", which {} met, too, {} times", who(most->pid, most->comm), most->calls.value_or(0));
}

/// Whoever writes to such a file of a cgroup asks for the reclaim that follows, of others' memory or its own.
bool asked_for_reclaim(const Process& process, const Case& about) {
  if (process.reclaim->in_fault_ns.value_or(1) != 0 || !about.report.system.acts) return false;
  return std::ranges::any_of(*about.report.system.acts, [&](const Act& act) {
    return act.pid == process.pid &&
           (act.file == "memory.reclaim" || act.file == "memory.high" || act.file == "memory.max");
  });
}

}  // namespace

Found reclaim_stall(const Process& process, const Case& about) {
  if (!process.reclaim || asked_for_reclaim(process, about)) return {};
  const ReclaimStall direct = process.reclaim->direct.value_or(ReclaimStall{});
  const ReclaimStall memcg = process.reclaim->memcg.value_or(ReclaimStall{});
  if (direct.calls + memcg.calls == 0) return {};
  const std::uint64_t time_ns = direct.time_ns + memcg.time_ns;
  const std::uint64_t share = percent(time_ns, window_ns(about));
  Sighting seen{share >= about.options.wait_percent          ? Severity::problem
                : share >= about.options.locked_time_percent ? Severity::warning
                                                             : Severity::notice,
                {{"stalls", figure(direct.calls + memcg.calls)},
                 {"time_ns", figure(time_ns)},
                 {"max_ns", figure(std::max(direct.max_ns, memcg.max_ns))}},
                memcg.time_ns > direct.time_ns
                    ? " (mostly as its memory cgroup was at its limit" + who_else_fills(process, about) + ")"
                    : ""};
  add_known(seen, "in_fault_ns", process.reclaim->in_fault_ns);
  return seen;
}

}  // namespace mlt::rules
