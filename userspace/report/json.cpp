#include "report/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "model/names.h"
#include "report/latency_json.h"

namespace mlt {
namespace {

using Json = nlohmann::ordered_json;  // keys in the order of the contract

constexpr int kSchemaVersion = 1;

// ---- Values that may be absent

template <typename T>
Json optional(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json text(std::string_view value) { return value.empty() ? Json(nullptr) : Json(value); }

Json identifier(std::uint32_t id) { return id == 0 ? Json(nullptr) : Json(id); }

template <typename Range, typename Function>
Json list(const Range& range, Function to_object) {
  Json array = Json::array();
  for (const auto& item : range) array.push_back(to_object(item));
  return array;
}

Json object(const std::map<std::string, std::int64_t>& values) {
  Json result = Json::object();
  for (const auto& [key, value] : values) result[key] = value;
  return result;
}

Json size3(const Size3& size) {
  return {{"start", optional(size.start)}, {"end", optional(size.end)}, {"peak", optional(size.peak)}};
}

// ---- Faults

/// Adds the keys of F to `head`.
Json with_totals(Json head, const FaultTotals& totals) {
  head["minor"] = totals.minor;
  head["major"] = totals.major;
  head["errors"] = totals.errors;
  head["retries"] = totals.retries;
  head["untimed"] = totals.untimed;
  head["time_ns"] = totals.latency.sum();
  head["latency"] = latency_json(totals.latency);
  return head;
}

Json class_faults(const ClassFaults& faults) {
  const FaultClass& fault_class = faults.fault_class;
  return with_totals({{"cause", text(cause_name(fault_class.cause))},
                      {"origin", origin_name(fault_class.origin)},
                      {"locked", text(lock_state_name(fault_class.locked))}},
                     faults.totals);
}

Json thread_faults(const ThreadFaults& faults) { return with_totals({{"tid", identifier(faults.tid)}}, faults.totals); }

Json vma_faults(const VmaFaults& faults) {
  const bool known = !faults.name.empty();
  return {{"start", known ? Json(faults.start) : Json(nullptr)},
          {"end", known ? Json(faults.end) : Json(nullptr)},
          {"name", text(faults.name)},
          {"offset", known ? Json(faults.offset) : Json(nullptr)},
          {"permissions", text(faults.permissions)},
          {"locked", text(lock_state_name(faults.locked))},
          {"cause", text(cause_name(faults.cause))},
          {"minor", faults.minor},
          {"major", faults.major},
          {"errors", faults.errors},
          {"time_ns", faults.time_ns},
          {"max_ns", faults.max_ns}};
}

Json frame(const Frame& frame) {
  return {{"function", text(frame.function)},
          {"module", text(frame.module)},
          {"address", fmt::format("{:#x}", frame.address)},
          {"offset", frame.offset}};
}

Json stack_faults(const StackFaults& faults) {
  return {{"kernel", list(faults.kernel, frame)},
          {"user", list(faults.user, frame)},
          {"origin", origin_name(faults.origin)},
          {"cause", text(cause_name(faults.cause))},
          {"faults", faults.faults},
          {"time_ns", faults.time_ns}};
}

Json faults(const Faults& faults) {
  Json result = Json::object();
  for (std::size_t i = 0; i < faults.by_origin.size(); ++i) {
    const auto& totals = faults.by_origin[i];
    result[std::string(origin_name(static_cast<mlt_origin>(i)))] =
        totals ? with_totals(Json::object(), *totals) : Json(nullptr);
  }
  result["by_cause"] = list(faults.by_class, class_faults);
  result["by_vma"] = faults.by_vma ? list(*faults.by_vma, vma_faults) : Json(nullptr);
  result["by_thread"] = list(faults.by_thread, thread_faults);
  result["stacks"] = list(faults.stacks, stack_faults);
  return result;
}

// ---- Locks, pages, VMAs, life

Json call_parts(const CallParts& parts) {
  return {{"memory_ns", optional(parts.memory_ns)},       {"file_ns", optional(parts.file_ns)},
          {"swap_in_ns", optional(parts.swap_in_ns)},     {"reclaim_ns", optional(parts.reclaim_ns)},
          {"lock_wait_ns", optional(parts.lock_wait_ns)}, {"other_ns", parts.other_ns}};
}

Json lock_call(const LockCall& call) {
  return {{"start_ns", call.start_ns},
          {"tid", identifier(call.tid)},
          {"call", call.name},
          {"args", call.args},
          {"ret", call.ret},
          {"errno", text(errno_name(call.ret))},
          {"duration_ns", call.duration_ns},
          {"populate_ns", call.populate_ns},
          {"pages_populated", call.pages_populated},
          {"vma_splits", call.vma_splits},
          {"vma_merges", call.vma_merges},
          {"locked_bytes_after", call.locked_bytes_after},
          {"limit_bytes", optional(call.limit_bytes)},
          {"parts", call_parts(call.parts)},
          {"rule", text(call_rule_name(call.rule))},
          {"explain", text(call.explain)}};
}

Json call_totals(const CallTotals& totals) {
  return {{"call", totals.name},
          {"calls", totals.calls},
          {"errors", totals.errors},
          {"time_ns", totals.time_ns},
          {"populates", totals.populates},
          {"pages_populated", totals.pages_populated},
          {"populate_ns", totals.populate_ns},
          {"vma_splits", totals.vma_splits},
          {"vma_merges", totals.vma_merges},
          {"parts", call_parts(totals.parts)}};
}

Json holder_waits(const HolderWaits& holder) {
  return {{"call", text(holder.name)}, {"waits", holder.waits.waits}, {"time_ns", holder.waits.time_ns}};
}

Json mmap_lock(const std::optional<LockWaits>& waits) {
  if (!waits) return nullptr;
  return {{"waits", waits->read.waits + waits->write.waits},
          {"time_ns", waits->read.time_ns + waits->write.time_ns},
          {"max_ns", waits->max_ns},
          {"write_waits", waits->write.waits},
          {"write_ns", waits->write.time_ns},
          {"fault_waits", waits->in_fault.waits},
          {"in_fault_ns", waits->in_fault.time_ns},
          {"in_call_ns", optional(waits->in_call_ns)},
          {"waits_while_locking", waits->while_locking.waits},
          {"while_locking_ns", waits->while_locking.time_ns},
          {"holders", list(waits->holders, holder_waits)}};
}

Json vma_lock(const std::optional<VmaLock>& lock) {
  if (!lock) return nullptr;
  return {{"aborts", lock->aborts}, {"retries", lock->retries}};
}

Json locks(const Locks& locks) {
  return {{"calls", list(locks.calls, lock_call)},
          {"calls_not_kept", locks.calls_not_kept},
          {"totals", list(locks.totals, call_totals)},
          {"locked_bytes", size3(locks.locked_bytes)},
          {"limit_bytes", optional(locks.limit_bytes)},
          {"limit_unlimited", locks.limit_unlimited},
          {"exempt", locks.exempt},
          {"headroom_bytes", optional(locks.headroom_bytes)},
          {"mmap_lock", mmap_lock(locks.mmap_lock)},
          {"vma_lock", vma_lock(locks.vma_lock)}};
}

Json holder(const Keeper& holder) {
  const Json comm = holder.pid == 0 ? Json() : Json(holder.comm);
  return {{"pid", identifier(holder.pid)}, {"comm", comm}, {"pages", holder.pages}};
}

Json pages(const Pages& pages) {
  return {{"mlocked", optional(pages.mlocked)},
          {"munlocked", optional(pages.munlocked)},
          {"to_unevictable", optional(pages.to_unevictable)},
          {"rescued", optional(pages.rescued)},
          {"culled_by_reclaim", optional(pages.culled_by_reclaim)},
          {"still_locked_elsewhere", optional(pages.still_locked_elsewhere)},
          {"still_locked_by", list(pages.still_locked_by, holder)},
          {"locked_not_mlocked", optional(pages.locked_not_mlocked)}};
}

Json populate(const Populate& populate) {
  return {{"calls", optional(populate.calls)},
          {"pages", optional(populate.pages)},
          {"time_ns", optional(populate.time_ns)}};
}

Json vma_change(const VmaChange& change) {
  return {{"at_ns", change.at_ns},
          {"tid", identifier(change.tid)},
          {"kind", change.split ? "split" : "merge"},
          {"start", change.start},
          {"end", change.end},
          {"addr", change.split ? Json(change.addr) : Json(nullptr)},
          {"locked", change.locked},
          {"cause", text(change.cause)}};
}

Json vma(const Vma& vma) {
  return {{"splits", optional(vma.splits)},
          {"merges", optional(vma.merges)},
          {"count", size3(vma.count)},
          {"max_map_count", optional(vma.max_map_count)},
          {"changes", list(vma.changes, vma_change)},
          {"changes_not_kept", vma.changes_not_kept}};
}

Json life_event(const LifeEvent& event) {
  return {{"at_ns", event.at_ns},
          {"kind", life_kind_name(event.kind)},
          {"child_pid", identifier(event.child_pid)},
          {"locked_bytes", event.locked_bytes},
          {"locked_bytes_after", event.locked_bytes_after},
          {"mcl_future", event.mcl_future},
          {"mcl_onfault", event.mcl_onfault},
          {"comm", text(event.comm)}};
}

// ---- Reclaim, swap

Json reclaim_stall(const std::optional<ReclaimStall>& stall) {
  if (!stall) return nullptr;
  return {
      {"calls", stall->calls}, {"time_ns", stall->time_ns}, {"reclaimed", stall->reclaimed}, {"max_ns", stall->max_ns}};
}

Json reclaim(const std::optional<Reclaim>& reclaim) {
  if (!reclaim) return nullptr;
  return {{"direct", reclaim_stall(reclaim->direct)},
          {"memcg", reclaim_stall(reclaim->memcg)},
          {"in_fault_ns", optional(reclaim->in_fault_ns)},
          {"in_call_ns", optional(reclaim->in_call_ns)},
          {"met_locked_active", optional(reclaim->met_locked_active)},
          {"met_locked_inactive", optional(reclaim->met_locked_inactive)}};
}

Json swap(const std::optional<Swap>& swap) {
  if (!swap) return nullptr;
  return {{"in", optional(swap->in)},
          {"in_major", optional(swap->in_major)},
          {"in_ns", optional(swap->in_ns)},
          {"readahead", optional(swap->readahead)},
          {"out", optional(swap->out)},
          {"out_by_self", optional(swap->out_by_self)},
          {"out_by_kswapd", optional(swap->out_by_kswapd)},
          {"duplicated", optional(swap->duplicated)},
          {"duplicate_ns", optional(swap->duplicate_ns)},
          {"freed", optional(swap->freed)},
          {"free_ns", optional(swap->free_ns)}};
}

Json children(const Report& report, std::uint32_t pid) {
  Json pids = Json::array();
  for (const Process& process : report.processes) {
    if (pid != 0 && process.parent_pid == pid) pids.push_back(process.pid);
  }
  return pids;
}

Json process(const Report& report, const Process& process) {
  return {{"pid", process.pid},
          {"parent_pid", identifier(process.parent_pid)},
          {"comm", process.comm},
          {"exe", text(process.exe)},
          {"cgroup", text(process.cgroup)},
          {"threads", optional(process.threads)},
          {"exited", process.exited},
          {"faults", faults(process.faults)},
          {"populate", populate(process.populate)},
          {"locks", locks(process.locks)},
          {"pages", pages(process.pages)},
          {"vma", vma(process.vma)},
          {"life", list(process.life, life_event)},
          {"life_not_kept", process.life_not_kept},
          {"swap", swap(process.swap)},
          {"reclaim", reclaim(process.reclaim)},
          {"children", children(report, process.pid)}};
}

// ---- What surrounds the processes

Json signal(const SignalCoverage& signal) {
  return {{"name", signal.name},
          {"state", signal_state_name(signal.state)},
          {"via", text(signal.via)},
          {"limits", text(signal.limits)}};
}

Json audit_check(const AuditCheck& check) {
  return {{"check", check.check},  {"traced", optional(check.traced)}, {"kernel", optional(check.kernel)},
          {"slack", check.slack},  {"source", check.source},           {"verdict", verdict_name(check.verdict)},
          {"why", text(check.why)}};
}

Json coverage(const Coverage& coverage) {
  const Json lost = {{"events", coverage.lost.events},
                     {"map_full", coverage.lost.map_full},
                     {"missed_probes", coverage.lost.missed_probes}};
  return {{"signals", list(coverage.signals, signal)}, {"lost", lost}, {"audit", list(coverage.audit, audit_check)}};
}

Json finding(const Finding& finding) {
  return {{"id", finding.id},        {"severity", severity_name(finding.severity)}, {"pid", identifier(finding.pid)},
          {"title", finding.title},  {"evidence", object(finding.evidence)},        {"advice", text(finding.advice)},
          {"see", text(finding.see)}};
}

Json storm_call(const std::optional<StormCall>& call) {
  if (!call) return nullptr;
  return {{"at_ns", call->at_ns}, {"tid", identifier(call->tid)}, {"call", call->name}, {"args", text(call->args)}};
}

Json storm(const Storm& storm) {
  return {{"pid", identifier(storm.pid)},
          {"start_ns", storm.start_ns},
          {"duration_ns", storm.duration_ns},
          {"peak_per_s", storm.peak_per_s},
          {"cause", text(cause_name(storm.cause))},
          {"vma", text(storm.vma)},
          {"stack", text(storm.stack)},
          {"faults", storm.faults},
          {"time_ns", storm.time_ns},
          {"baseline_per_s", optional(storm.baseline_per_s)},
          {"vma_faults", optional(storm.vma_faults)},
          {"tid", identifier(storm.tid)},
          {"tid_faults", optional(storm.tid_faults)},
          {"trigger", storm_call(storm.trigger)}};
}

Json system_reclaim(const std::optional<SystemReclaim>& reclaim) {
  if (!reclaim) return nullptr;
  return {{"kswapd_wakeups", optional(reclaim->kswapd_wakeups)},
          {"kswapd_scanned", reclaim->kswapd_scanned},
          {"kswapd_reclaimed", reclaim->kswapd_reclaimed},
          {"direct_scanned", reclaim->direct_scanned},
          {"direct_reclaimed", reclaim->direct_reclaimed}};
}

Json swap_readahead(const std::optional<SwapReadahead>& readahead) {
  if (!readahead) return nullptr;
  return {{"pages", readahead->pages}, {"hits", readahead->hits}};
}

Json swap_device(const SwapDevice& device) {
  return {{"name", device.name},
          {"type", device.type},
          {"size_bytes", device.size_bytes},
          {"used_bytes", device.used_bytes},
          {"priority", device.priority}};
}

Json memory_high(const MemoryHighLimit& limit) {
  return {{"cgroup", limit.cgroup},
          {"limit_bytes", limit.limit_bytes},
          {"exceeded", limit.exceeded},
          {"stalled_ns", optional(limit.stalled_ns)}};
}

Json system(const System& system) {
  return {{"vmstat", object(system.vmstat)},
          {"other_unevictable_pages", optional(system.other_unevictable_pages)},
          {"unevictable_without_mlock", optional(system.unevictable_without_mlock)},
          {"reclaim", system_reclaim(system.reclaim)},
          {"swap_devices", list(system.swap_devices, swap_device)},
          {"swap_readahead", swap_readahead(system.swap_readahead)},
          {"unevictable_pages", optional(system.unevictable_pages)},
          {"memory_high", list(system.memory_high, memory_high)}};
}

Json host(const Host& host) {
  return {{"kernel", host.kernel},
          {"arch", host.arch},
          {"cpus", host.cpus},
          {"page_size", host.page_size},
          {"memory_bytes", optional(host.memory_bytes)}};
}

Json target(const Target& target) {
  return {{"kind", target.kind}, {"pids", target.pids}, {"text", text(target.text)}, {"follow", target.follow}};
}

Json whole(const Report& report, std::string_view type) {
  const auto one_process = [&](const Process& one) { return process(report, one); };
  return {{"type", type},
          {"schema_version", kSchemaVersion},
          {"tool", {{"name", "mlocktrace"}, {"version", report.tool_version}}},
          {"host", host(report.host)},
          {"window",
           {{"start_unix_ns", report.window.start_unix_ns},
            {"duration_ns", report.window.duration_ns},
            {"complete_after_ns", report.window.complete_after_ns}}},
          {"target", target(report.target)},
          {"coverage", coverage(report.coverage)},
          {"processes", list(report.processes, one_process)},
          {"system", system(report.system)},
          {"storms", list(report.storms, storm)},
          {"findings", list(report.findings, finding)}};
}

// ---- Output

std::string dump(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

/// Appends `value`, indented; what fits on a line stays on one, so that a bucket is a line, not five.
void append_pretty(std::string& out, const Json& value, std::size_t indent) {
  constexpr std::size_t kLine = 110;
  constexpr std::size_t kMaxInline = 8;
  const bool flat = !value.is_structured() ||
                    (value.size() <= kMaxInline &&
                     std::none_of(value.begin(), value.end(), [](const Json& item) { return item.is_structured(); }));
  if (flat) {
    std::string line = dump(value);
    if (!value.is_structured() || indent + line.size() <= kLine) {
      out += line;
      return;
    }
  }
  const std::string margin(indent + 2, ' ');
  out += value.is_object() ? '{' : '[';
  const char* separator = "\n";
  for (auto item = value.begin(); item != value.end(); ++item) {
    out += separator + margin;
    if (value.is_object()) out += dump(item.key()) + ": ";
    append_pretty(out, *item, indent + 2);
    separator = ",\n";
  }
  out += '\n' + std::string(indent, ' ') + (value.is_object() ? '}' : ']');
}

std::string render(const Json& value, bool pretty) {
  if (!pretty) return dump(value) + '\n';
  std::string out;
  append_pretty(out, value, 0);
  return out + '\n';
}

}  // namespace

std::string to_json(const Report& report, bool pretty) { return render(whole(report, "report"), pretty); }

std::string to_json_line(const Report& delta) { return render(whole(delta, "interval"), false); }

}  // namespace mlt
