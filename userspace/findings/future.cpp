// MCL_FUTURE: every mapping is locked, counted and made present as soon as it is made.
#include <sys/mman.h>

#include <algorithm>

#include "findings/rules.h"

namespace mlt::rules {
namespace {

// A stack is mapped without access and then made accessible: glibc before 2.42. The call holds mmap_lock for writing.
// What a call asks to be made present is so whether the process's mappings are locked or not.
bool makes_stack(const LockCall& call) {
  return call.call == MLT_CALL_MPROTECT ||
         (call.call == MLT_CALL_MMAP && (call.flags & (MAP_STACK | MAP_POPULATE | MAP_LOCKED)) == MAP_STACK);
}

}  // namespace

// Which of the pages are ever used is not seen: so this tells the price, not the waste.
Found mcl_future_amplification(const Process& process, const Case& about) {
  if (!process.populate.pages || !had_future(process)) return {};
  std::uint64_t calls = 0;
  std::uint64_t pages = 0;
  std::uint64_t time_ns = 0;
  for (const mlt_call kind : {MLT_CALL_MMAP, MLT_CALL_BRK, MLT_CALL_MREMAP, MLT_CALL_MPROTECT}) {
    const CallTotals totals = totals_of(process, kind);
    calls += totals.populates;
    // MAP_POPULATE asks for pages by itself, locked or not.
    pages += totals.pages_populated - std::min(totals.pages_populated, totals.unlocked_populate_faults.value_or(0));
    time_ns += totals.populate_ns;
  }
  const std::uint64_t bytes = pages * about.report.host.page_size;
  if (bytes < about.options.future_mib * kMiB) return {};
  return Sighting{Severity::notice,
                  {{"calls", figure(calls)}, {"populated_bytes", figure(bytes)}, {"time_ns", figure(time_ns)}},
                  ""};
}

Found thread_stack_populate(const Process& process, const Case& about) {
  std::int64_t calls = 0;
  std::uint64_t pages = 0;
  std::uint64_t time_ns = 0;
  std::uint64_t max_ns = 0;
  for (const LockCall& call : process.locks.calls) {
    if (!makes_stack(call) || call.pages_populated < about.options.thread_stack_pages) continue;
    ++calls;
    pages += call.pages_populated;
    time_ns += call.duration_ns;
    max_ns = std::max(max_ns, call.duration_ns);
  }
  if (calls == 0) return {};
  const std::uint64_t bytes = pages * about.report.host.page_size;
  return Sighting{
      bytes >= about.options.future_mib * kMiB ? Severity::warning : Severity::notice,
      {{"calls", calls}, {"populated_bytes", figure(bytes)}, {"time_ns", figure(time_ns)}, {"max_ns", figure(max_ns)}},
      ""};
}

Found allocation_refused(const Process& process, const Case&) {
  Found seen;
  for (const LockCall& call : process.locks.calls) {
    if (call.call < MLT_CALL_MMAP || !call.mcl_future || call.rule != CallRule::over_limit) continue;
    if (!seen) {
      seen = Sighting{Severity::problem,
                      {{"range_bytes", figure(call.range_bytes)}, {"locked_bytes", figure(call.locked_bytes_after)}},
                      ""};
      const Count limit = call.limit_bytes ? call.limit_bytes : process.locks.limit_bytes;
      add_known(*seen, "limit_bytes", limit);
    }
    ++seen->evidence["calls"];
  }
  return seen;
}

Found memory_not_returned(const Process& process, const Case& about) {
  std::int64_t calls = 0;
  std::uint64_t bytes = 0;
  for (const LockCall& call : process.locks.calls) {
    if (call.rule != CallRule::locked_memory) continue;
    ++calls;
    bytes += call.range_bytes;
  }
  if (calls == 0) return {};
  return Sighting{bytes >= about.options.future_mib * kMiB ? Severity::warning : Severity::notice,
                  {{"calls", calls}, {"range_bytes", figure(bytes)}},
                  ""};
}

Found headroom_low(const Process& process, const Case& about) {
  const Locks& locks = process.locks;
  // It does not pass through execve.
  const bool in_force = !locks.calls.empty() && locks.calls.back().mcl_future &&
                        std::ranges::none_of(process.life, [&](const LifeEvent& event) {
                          return event.kind == LifeEvent::Kind::exec && event.at_ns > locks.calls.back().start_ns;
                        });
  // Of a process that is gone only the headroom before the trace is known.
  if (!in_force || process.exited || !locks.headroom_bytes || !locks.limit_bytes) return {};
  if (*locks.headroom_bytes >= figure(about.options.headroom_mib * kMiB)) return {};
  return Sighting{
      Severity::warning, {{"headroom_bytes", *locks.headroom_bytes}, {"limit_bytes", figure(*locks.limit_bytes)}}, ""};
}

}  // namespace mlt::rules
