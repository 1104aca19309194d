#include "report/facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <map>
#include <utility>

#include "model/fields.h"
#include "model/names.h"
#include "report/phrases.h"
#include "util/units.h"

namespace mlt {
namespace {

/// Joins the parts that say something.
std::string joined(std::initializer_list<std::string> parts, std::string_view separator = ", ") {
  std::string text;
  for (const std::string& part : parts) {
    if (!part.empty()) text += (text.empty() ? "" : std::string(separator)) + part;
  }
  return text;
}

bool any(const Count& count) { return count.value_or(0) != 0; }

/// "2,048 rescued"; empty for none and for what was not measured.
std::string some(const Count& count, std::string_view what) {
  return any(count) ? fmt::format("{} {}", format_count(*count), what) : "";
}

std::string some_time(const Count& nanoseconds, std::string_view what) {
  return any(nanoseconds) ? fmt::format("{} {}", format_duration(*nanoseconds), what) : "";
}

// ---- Memory

template <typename Format>
std::string start_end_peak(const Size3& size, Format format) {
  if (!size.start && !size.end && !size.peak) return "n/a";
  if (size.start == size.end && size.end == size.peak) return fmt::format("{} throughout", format(size.start));
  return fmt::format("{} at start, {} at end, peak {}", format(size.start), format(size.end), format(size.peak));
}

std::string limit_of(const Locks& locks) {
  if (locks.exempt) return "no limit (CAP_IPC_LOCK)";
  if (locks.limit_unlimited) return "no limit (RLIMIT_MEMLOCK unlimited)";
  if (!locks.limit_bytes) return "limit n/a";
  std::string text = fmt::format("limit {}", format_bytes(*locks.limit_bytes));
  if (!locks.headroom_bytes) return text;
  if (*locks.headroom_bytes >= 0) {
    return text + fmt::format(" ({} left)", format_bytes(static_cast<std::uint64_t>(*locks.headroom_bytes)));
  }
  return text + fmt::format(" (exceeded by {})", format_bytes(static_cast<std::uint64_t>(-*locks.headroom_bytes)));
}

void add_page_count(std::string& text, const Count& count, std::string_view what, bool even_if_zero) {
  if (count && *count == 0 && !even_if_zero) return;
  text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count_or_na(count), what);
}

std::string page_moves(const Pages& pages) {
  if (!pages.mlocked && !pages.munlocked && !pages.to_unevictable && !pages.rescued) return "n/a";
  const bool moved = any(pages.mlocked) || any(pages.munlocked) || any(pages.to_unevictable) || any(pages.rescued) ||
                     any(pages.culled_by_reclaim) || any(pages.still_locked_elsewhere) || any(pages.locked_not_mlocked);
  if (pages.mlocked && !moved && pages.locked_not_mlocked_unknown.empty()) return "none mlocked or munlocked";
  std::string text;
  add_page_count(text, pages.mlocked, "mlocked", true);
  add_page_count(text, pages.munlocked, "munlocked", true);
  add_page_count(text, pages.to_unevictable, "moved to the unevictable list", true);
  add_page_count(text, pages.rescued, "rescued from it", true);
  add_page_count(text, pages.culled_by_reclaim, "culled by reclaim", false);
  add_page_count(text, pages.still_locked_elsewhere, "still locked elsewhere", false);
  if (any(pages.locked_not_mlocked))
    add_page_count(text, pages.locked_not_mlocked, "in locked VMAs but not mlocked at the end", false);
  if (!pages.locked_not_mlocked_unknown.empty())
    text += fmt::format("; whether all in locked VMAs are mlocked is not known: {}", pages.locked_not_mlocked_unknown);
  return text;
}

/// "8 pages by redis (pid 4712), 4 by itself through another mapping, 2 by somebody who was not found"
std::string keepers(const Process& process) {
  constexpr std::size_t kShown = 5;
  std::string text;
  for (std::size_t i = 0; i < std::min(process.pages.still_locked_by.size(), kShown); ++i) {
    const Keeper& keeper = process.pages.still_locked_by[i];
    text += i == 0 ? plural(keeper.pages, "page") : ", " + format_count(keeper.pages);
    if (keeper.pid == 0) {
      text += " by somebody who was not found";
    } else if (keeper.pid == process.pid) {
      text += " by itself through another mapping";
    } else {
      text += fmt::format(" by {} (pid {})", keeper.comm, keeper.pid);
    }
  }
  const std::size_t more =
      process.pages.still_locked_by.size() - std::min(process.pages.still_locked_by.size(), kShown);
  return more == 0 ? text : text + fmt::format(", others by {} more", format_count(std::uint64_t{more}));
}

std::string populates(const Populate& populate, const Host& host) {
  if (!populate.calls || !populate.pages) return "n/a";
  if (*populate.calls == 0) return "none";
  std::string text = fmt::format("{}, {}", plural(*populate.calls, "populate"), plural(*populate.pages, "page"));
  if (populate.time_ns && *populate.time_ns != 0) {
    text += fmt::format(" in {} ({})", format_duration(*populate.time_ns),
                        format_throughput(*populate.pages * host.page_size, *populate.time_ns));
  }
  return text;
}

std::string vmas(const Vma& vma) {
  std::string text = start_end_peak(vma.count, count_or_na);
  if (vma.max_map_count) text += fmt::format(", limit {}", format_count(*vma.max_map_count));
  const auto changes = [](const Count& count, std::string_view noun) {
    return count ? plural(*count, noun) : fmt::format("{}s n/a", noun);
  };
  return text + fmt::format("; {}, {}", changes(vma.splits, "split"), changes(vma.merges, "merge"));
}

// ---- Acts of others

/// "process_madvise(MADV_PAGEOUT), 2 times, 4 MiB, 1,024 pages taken out"
std::string act_of(const Act& act) {
  return joined({act_text(act), act.calls ? plural(*act.calls, "time") : "",
                 any(act.bytes) ? format_bytes(*act.bytes) : "",
                 any(act.pages) ? plural(*act.pages, "page") + " taken out" : ""});
}

std::string acts_on(const Process& process) {
  constexpr std::size_t kShown = 5;
  std::string text;
  if (!process.acts) return text;
  for (std::size_t i = 0; i < std::min(process.acts->size(), kShown); ++i) {
    const Act& act = process.acts->at(i);
    text += fmt::format("{}{}: {}", i == 0 ? "" : "; ", act.by_itself ? "itself" : who(act.pid, act.comm), act_of(act));
  }
  const std::size_t more = process.acts->size() - std::min(process.acts->size(), kShown);
  return more == 0 ? text : text + fmt::format("; {} more", format_count(std::uint64_t{more}));
}

std::string act_on_machine(const Act& act) { return fmt::format("{}: {}", who(act.pid, act.comm), act_of(act)); }

// ---- Reclaim and swap

std::string stall(const std::optional<ReclaimStall>& stall) {
  if (!stall || stall->calls == 0) return "";
  return fmt::format("waited {}, {} (longest {}), {} reclaimed", plural(stall->calls, "time"),
                     format_duration(stall->time_ns), format_duration(stall->max_ns), plural(stall->reclaimed, "page"));
}

struct WaitWords {
  std::optional<Waited> FaultWaits::*waited;
  std::string_view words;
};

constexpr auto kFaultWaits = std::to_array<WaitWords>({
    {&FaultWaits::userfault, "waiting for userfaultfd"},
    {&FaultWaits::migration, "waiting for pages to be moved"},
    {&FaultWaits::file_read, "waiting for files to be read"},
    {&FaultWaits::refault, "waiting for files to be read again"},
    {&FaultWaits::swap_read, "waiting for swap to be read"},
    {&FaultWaits::page_lock, "waiting for pages in use or already being read"},
    {&FaultWaits::writeback, "waiting for pages to be written back"},
    {&FaultWaits::dirty, "held up for making pages dirty too fast"},
    {&FaultWaits::compaction, "compacting memory"},
    {&FaultWaits::direct_reclaim, "reclaiming memory"},
    {&FaultWaits::memcg_reclaim, "reclaiming for the memory cgroup"},
    {&FaultWaits::memory_high, "asleep for being over memory.high"},
    {&FaultWaits::huge_page, "making huge pages"},
});

/// "1.2 s, of it 800 ms waiting for files to be read again (2,310 times, longest 9 ms), …", most time first. What is
/// left over is not said to be anything.
std::string time_in_faults(const Process& process) {
  std::vector<std::pair<Waited, std::string_view>> parts;
  for (const WaitWords& wait : kFaultWaits) {
    const auto waited = process.waits ? (*process.waits).*wait.waited : std::nullopt;
    if (waited && waited->waits != 0) parts.emplace_back(*waited, wait.words);
  }
  if (parts.empty()) return "";
  std::ranges::stable_sort(parts, std::greater{}, [](const auto& part) { return part.first.time_ns; });
  std::string text = format_duration(process.faults.of_all_origins().latency.sum());
  std::string_view before = ", of it ";
  for (const auto& [waited, words] : parts) {
    text += fmt::format("{}{} {} ({}, longest {})", std::exchange(before, ", "), format_duration(waited.time_ns), words,
                        plural(waited.waits, "time"), format_duration(waited.max_ns));
  }
  return text;
}

std::string read_again(const FaultWaits& waits) {
  return joined({some(waits.refaulted_file, "pages of files"), some(waits.refaulted_swap, "pages from swap")});
}

std::string slept(const std::optional<Waited>& waited) {
  if (!waited || waited->waits == 0) return "";
  return fmt::format("held up {} after faults and calls, {} (longest {})", plural(waited->waits, "time"),
                     format_duration(waited->time_ns), format_duration(waited->max_ns));
}

std::string stalled_inside(const Reclaim& reclaim) {
  return joined({some_time(reclaim.in_fault_ns, "of page faults"), some_time(reclaim.in_call_ns, "of lock calls")});
}

std::string spared(const Reclaim& reclaim) {
  const std::string met = joined({some(reclaim.met_locked_active, "times on the active list"),
                                  some(reclaim.met_locked_inactive, "times on the inactive list")});
  return met.empty() ? "" : "reclaim passed locked pages by " + met;
}

std::string swapped_in(const Swap& swap) {
  if (!any(swap.in)) return "";
  const std::string details = joined({some(swap.in_read, "of them read from a device"),
                                      some(swap.readahead, "pages read ahead"), some_time(swap.in_ns, "in all")});
  return plural(*swap.in, "fault") + (details.empty() ? "" : ", " + details);
}

std::string swapped_out(const Swap& swap) {
  if (!any(swap.out)) return "";
  const std::string by =
      joined({some(swap.out_by_self, "by the process itself"), some(swap.out_by_kswapd, "by kswapd")});
  return plural(*swap.out, "page") + (by.empty() ? "" : ", " + by);
}

std::string entries(const Swap& swap) {
  const auto in_time = [](const Count& count, std::string_view what, const Count& nanoseconds) {
    const std::string text = some(count, what);
    return text.empty() || !any(nanoseconds) ? text : fmt::format("{} in {}", text, format_duration(*nanoseconds));
  };
  return joined({in_time(swap.duplicated, "copied by fork", swap.duplicate_ns),
                 in_time(swap.freed, "given up by unmapping or exit", swap.free_ns)});
}

// ---- Waits for mmap_lock

std::string waited(const LockWaits& waits) {
  std::string text = fmt::format("waited {}, {} (longest {})", plural(waits.all.waits, "time"),
                                 format_duration(waits.all.time_ns), format_duration(waits.max_ns));
  if (waits.in_fault.waits != 0) text += ", " + format_duration(waits.in_fault.time_ns) + " of page faults";
  if (waits.in_call_ns.value_or(0) != 0) text += ", " + format_duration(*waits.in_call_ns) + " of lock calls";
  if (waits.while_locking.waits != 0)
    text += fmt::format(", {} while memory was being locked", format_duration(waits.while_locking.time_ns));
  return text;
}

std::string held_by(const LockWaits& waits) {
  std::string text;
  for (const HolderWaits& holder : waits.holders) {
    text += text.empty() ? "held by " : ", ";
    text += named_time(holder.name.empty() ? "others" : holder.name, holder.waits.time_ns);
  }
  return text;
}

/// "agent (pid 7) in read of /proc/PID/smaps 1.2 s (35 waits)"
std::string outsiders(const LockWaits& waits) {
  constexpr std::size_t kShown = 3;
  std::string text;
  if (!waits.outside) return text;
  for (const OutsideWaits& outsider : *waits.outside) {
    if (&outsider - waits.outside->data() == kShown) break;
    text +=
        fmt::format("{}{} ({})", text.empty() ? "" : ", ", named_time(outsider_text(outsider), outsider.waits.time_ns),
                    plural(outsider.waits.waits, "wait"));
  }
  return text;
}

/// "not had by 12 page faults, given up by 3", which waited for mmap_lock if anybody did.
std::string without(const VmaLock& lock) {
  return fmt::format("not had by {}, given up by {}", plural(lock.aborts, "page fault"), format_count(lock.retries));
}

// ---- The system

std::string scanned(std::uint64_t scanned, std::uint64_t reclaimed) {
  return scanned == 0 ? "" : fmt::format("{} scanned, {} reclaimed", plural(scanned, "page"), format_count(reclaimed));
}

std::string reclaimers(const SystemReclaim& reclaim) {
  const std::string woken =
      any(reclaim.kswapd_wakeups) ? fmt::format("woken {}", plural(*reclaim.kswapd_wakeups, "time")) : "";
  const std::string kswapd = joined({woken, scanned(reclaim.kswapd_scanned, reclaim.kswapd_reclaimed)});
  const std::string direct = scanned(reclaim.direct_scanned, reclaim.direct_reclaimed);
  return joined({kswapd.empty() ? "" : "kswapd: " + kswapd, direct.empty() ? "" : "direct reclaim: " + direct}, "; ");
}

std::string readahead(const System& system) {
  if (!system.swap_readahead || system.swap_readahead->pages == 0) return "";
  return fmt::format("swap readahead of all processes: {}, {}", plural(system.swap_readahead->pages, "page"),
                     plural(system.swap_readahead->hits, "hit"));
}

std::string unevictable(const System& system) {
  const auto moved = [](const Count& pages, std::string_view whose) {
    return any(pages) ? fmt::format("{} {}", plural(*pages, "page"), whose) : "";
  };
  const std::string text = joined(
      {moved(system.other_unevictable_pages, "of processes that were not traced"),
       moved(system.unevictable_without_mlock, "of whatever process without mlock (ramfs, SHM_LOCK, secretmem)")});
  return text.empty() ? "" : "moved to the unevictable list: " + text;
}

std::string memory_high(const MemoryHighLimit& limit) {
  if (limit.exceeded == 0) return "";
  const std::string waited =
      any(limit.stalled_ns) ? fmt::format("; some process waited {}", format_duration(*limit.stalled_ns)) : "";
  return fmt::format("memory.high of {}, {}, was exceeded {}{}", limit.cgroup, format_bytes(limit.limit_bytes),
                     plural(limit.exceeded, "time"), waited);
}

std::string oom_limit(const Ending& ending) {
  if (ending.oom_limit == "machine") return "as the machine was out of memory";
  if (ending.oom_limit == "nodes")
    return "as the NUMA nodes that its cpuset or memory policy permits were out of memory";
  return fmt::format("at the memory limit of cgroup {}", ending.oom_cgroup);
}

/// Those that say something.
std::vector<Fact> told(std::vector<Fact> facts) {
  std::erase_if(facts, [](const Fact& fact) { return fact.text.empty(); });
  return facts;
}

std::string ended(const Ending& ending) {
  if (ending.status) return *ending.status == 0 ? "exited" : fmt::format("exited with status {}", *ending.status);
  if (ending.oom_killed.value_or(false)) return "killed by the OOM killer, " + oom_limit(ending);
  return fmt::format("killed by {}{}", ending.signal, ending.core_dumped ? ", core dumped" : "");
}

}  // namespace

std::string process_state(const Process& process) {
  if (!process.exited) return "still running";
  // An older report.
  return process.ending ? ended(*process.ending) : "exited";
}

std::string group_state(const ProcessGroup& group) {
  std::map<std::string, std::uint64_t> states;
  std::uint64_t told = 0;
  for (const GroupEnding& one : group.endings) {
    states[ended(one.ending)] += one.processes;
    told += one.processes;
  }
  if (group.exited > told) states["exited"] += group.exited - told;
  if (group.processes > group.exited) states["still running"] = group.processes - group.exited;
  if (states.size() == 1) return states.begin()->first;
  std::string text;
  for (const auto& [state, count] : states)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", format_count(count), state);
  return text;
}

std::vector<Fact> failed_facts(const Process& process) {
  constexpr std::size_t kShown = 5;
  std::vector<Fact> facts;
  if (!process.faults.failed) return facts;
  const std::vector<FailedFaults>& failed = *process.faults.failed;
  for (std::size_t i = 0; i < std::min(failed.size(), kShown); ++i) {
    const std::string times = failed[i].count == 1 ? "" : plural(failed[i].count, "time") + ": ";
    facts.push_back({i == 0 ? "failed" : "", times + describe(failed[i])});
  }
  if (failed.size() > kShown)
    facts.push_back({"", fmt::format("and {} more kinds (--json)", format_count(failed.size() - kShown))});
  return facts;
}

std::vector<Fact> memory_facts(const Process& process, const Host& host) {
  return told(
      {{"locked memory", start_end_peak(process.locks.locked_bytes, bytes_or_na) + "; " + limit_of(process.locks)},
       {"lock calls", process.locks.calls_unseen.empty() ? "" : "n/a: " + process.locks.calls_unseen},
       {"limit refused", process.locks.limit_refusals ? describe(*process.locks.limit_refusals) : ""},
       {"pages", page_moves(process.pages)},
       {"still locked", keepers(process)},
       {"populate", populates(process.populate, host)},
       {"VMAs", vmas(process.vma)},
       {"acts", acts_on(process)}});
}

std::vector<Fact> reclaim_facts(const Process& process) {
  const Reclaim reclaim = process.reclaim.value_or(Reclaim{});
  const Swap swap = process.swap.value_or(Swap{});
  const FaultWaits waits = process.waits.value_or(FaultWaits{});
  return told({{"time in faults", time_in_faults(process)},
               {"evicted before", read_again(waits)},
               {"memory.high", slept(waits.after_memory_high)},
               {"direct reclaim", stall(reclaim.direct)},
               {"memcg reclaim", stall(reclaim.memcg)},
               {"reclaim inside", stalled_inside(reclaim)},
               {"spared", spared(reclaim)},
               {"swap in", swapped_in(swap)},
               {"swap out", swapped_out(swap)},
               {"swap entries", entries(swap)}});
}

std::vector<Fact> mmap_lock_facts(const Locks& locks) {
  if (!locks.mmap_lock || locks.mmap_lock->all.waits == 0) return {};
  const LockWaits& waits = *locks.mmap_lock;
  const bool in_spite_of = locks.vma_lock && waits.in_fault.waits != 0;
  return told({{"mmap_lock", waited(waits)},
               {"", held_by(waits)},
               {"others", outsiders(waits)},
               {"VMA lock", in_spite_of ? without(*locks.vma_lock) : ""}});
}

std::vector<std::string> system_facts(const System& system) {
  std::vector<std::string> facts{unevictable(system), system.reclaim ? reclaimers(*system.reclaim) : "",
                                 readahead(system)};
  std::ranges::transform(system.memory_high, std::back_inserter(facts), memory_high);
  if (system.acts) std::ranges::transform(*system.acts, std::back_inserter(facts), act_on_machine);
  std::erase(facts, "");
  return facts;
}

}  // namespace mlt
