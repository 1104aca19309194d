#include "analysis/build_acts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <string_view>

#include "analysis/decode.h"
#include "model/names.h"

namespace mlt {
namespace {

std::string call_of(const mlt_act_key& key) {
  if (key.nr == MLT_ACT_NO_CALL) return "";
  const std::string_view name = system_call_name(key.nr);
  return name.empty() ? fmt::format("system call {}", key.nr) : std::string(name);
}

// Of linux/userfaultfd.h; the newest are in no header of Debian 12.
std::string userfaultfd_request(std::uint32_t number) {
  static constexpr auto kNames = std::to_array<std::string_view>(
      {"REGISTER", "UNREGISTER", "WAKE", "COPY", "ZEROPAGE", "MOVE", "WRITEPROTECT", "CONTINUE", "POISON"});
  constexpr std::uint32_t kApi = 0x3f;
  if (number == kApi) return "UFFDIO_API";
  return number < kNames.size() ? fmt::format("UFFDIO_{}", kNames.at(number)) : fmt::format("request {}", number);
}

std::string what_of(const mlt_act_key& key) {
  switch (key.act) {
    case MLT_ACT_MADVISE: return advice_name(key.detail);
    case MLT_ACT_PTRACE_ATTACH: return "attach";
    case MLT_ACT_PTRACE_WRITE: return "poke";
    case MLT_ACT_USERFAULTFD: return userfaultfd_request(key.detail);
    case MLT_ACT_PAGEMAP_PROTECT: return "PAGEMAP_SCAN with PM_SCAN_WP_MATCHING";
    default: return "";
  }
}

/// What the kernel does without a call.
std::string work_of(std::uint32_t act) {
  switch (act) {
    case MLT_ACT_COMPACTION: return "compaction";
    case MLT_ACT_DAMON: return "proactive reclaim by DAMON";
    case MLT_ACT_AT_LIMIT: return "reclaim at the limit of its cgroup";
    default: return "";
  }
}

bool names_memory(std::uint32_t act) {
  return act == MLT_ACT_MADVISE || act == MLT_ACT_MOVE_PAGES || act == MLT_ACT_PTRACE_WRITE ||
         act == MLT_ACT_VM_WRITE || act == MLT_ACT_USERFAULTFD || act == MLT_ACT_PAGEMAP_PROTECT;
}

/// Without the end of the line that a shell writes.
std::string written(const char* value) {
  const std::string text = value;
  return text.substr(0, text.find_last_not_of(" \n") + 1);
}

Act build_act(const ActCount& one, std::uint32_t tgid, std::uint64_t start_ns) {
  const auto& [key, counted] = one;
  Act act;
  act.pid = counted.pid;
  act.comm = counted.comm;
  act.by_itself = tgid != 0 && counted.tgid == tgid;
  act.call = key.nr == MLT_ACT_NO_CALL ? work_of(key.act) : call_of(key);
  act.what = what_of(key);
  act.file = key.act == MLT_ACT_CLEAR_REFS ? "clear_refs" : counted.name;
  act.cgroup = counted.cgroup;
  act.value = key.act == MLT_ACT_CLEAR_REFS ? fmt::format("{}", key.detail) : written(counted.value);
  if (counted.count != 0) act.calls = counted.count;
  if (names_memory(key.act) && counted.count != 0 && counted.unsized == 0) act.bytes = counted.bytes;
  if ((key.act == MLT_ACT_MADVISE && act.what == "MADV_PAGEOUT") || key.act == MLT_ACT_DAMON) act.pages = counted.pages;
  act.first_ns = counted.first_ns > start_ns ? counted.first_ns - start_ns : 0;
  act.last_ns = counted.last_ns > start_ns ? counted.last_ns - start_ns : 0;
  return act;
}

/// Of the traced processes with this number: their reclaim is counted in their own records alone.
std::uint64_t memcg_reclaims(const Counts& counts, std::uint32_t tgid) {
  std::uint64_t calls = 0;
  for (const ProcessCounts& process : counts.processes) {
    if (process.proc.tgid == tgid) calls += process.proc.reclaim[MLT_RECLAIM_MEMCG].calls;
  }
  return calls;
}

}  // namespace

std::vector<OutsideWaits> build_outside(const std::vector<ActCount>& acts) {
  std::vector<OutsideWaits> outside;
  for (const auto& [key, act] : acts) {
    if (key.act != MLT_ACT_HELD_MMAP_LOCK) continue;
    outside.push_back({act.pid != 0 ? act.pid : act.tgid, act.comm, call_of(key), act.name, {act.count, act.time_ns}});
  }
  std::ranges::stable_sort(outside, std::greater{}, [](const OutsideWaits& one) { return one.waits.time_ns; });
  return outside;
}

std::vector<Act> build_acts(const std::vector<ActCount>& acts, std::uint32_t tgid, std::uint64_t start_ns) {
  std::vector<Act> list;
  for (const ActCount& one : acts) {
    if (one.key.act != MLT_ACT_HELD_MMAP_LOCK) list.push_back(build_act(one, tgid, start_ns));
  }
  std::ranges::stable_sort(list, {}, &Act::first_ns);
  return list;
}

std::vector<Act> build_system_acts(const Counts& counts, std::uint64_t start_ns) {
  std::map<std::uint32_t, std::size_t> limits;  // of how many cgroups each was at the limit
  for (const auto& [key, act] : counts.acts) {
    if (key.act == MLT_ACT_AT_LIMIT) ++limits[key.tgid];
  }
  std::vector<ActCount> acts = counts.acts;
  for (auto& [key, act] : acts) {
    if (key.act != MLT_ACT_AT_LIMIT) continue;
    const std::uint64_t traced = memcg_reclaims(counts, key.tgid);
    // In which of several cgroups is not known.
    act.count = limits[key.tgid] == 1 ? act.count + traced : traced == 0 ? act.count : 0;
  }
  return build_acts(acts, 0, start_ns);
}

}  // namespace mlt
