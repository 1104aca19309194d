#include "report/json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "analysis/names.h"

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

Json buckets(const Histogram& histogram) {
  Json array = Json::array();
  for (std::size_t i = 0; i < histogram.buckets().size(); ++i) {
    const std::uint64_t count = histogram.buckets()[i];
    if (count == 0) continue;
    const BucketRange range = bucket_range(i);
    array.push_back(Json::array({range.lo, range.hi, count}));
  }
  return array;
}

Json latency(const Histogram& histogram) {
  const auto unless_empty = [&](std::uint64_t value) { return histogram.empty() ? Json(nullptr) : Json(value); };
  return {{"unit", "ns"},
          {"count", histogram.count()},
          {"sum", histogram.sum()},
          {"min", unless_empty(histogram.min())},
          {"max", unless_empty(histogram.max())},
          {"p50", unless_empty(histogram.quantile(0.5))},
          {"p90", unless_empty(histogram.quantile(0.9))},
          {"p99", unless_empty(histogram.quantile(0.99))},
          {"p999", unless_empty(histogram.quantile(0.999))},
          {"buckets", buckets(histogram)}};
}

/// Adds the keys of F to `head`.
Json with_totals(Json head, const FaultTotals& totals) {
  head["minor"] = totals.minor;
  head["major"] = totals.major;
  head["errors"] = totals.errors;
  head["retries"] = totals.retries;
  head["untimed"] = totals.untimed;
  head["time_ns"] = totals.latency.sum();
  head["latency"] = latency(totals.latency);
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

Json faults(const Faults& faults) {
  Json result = Json::object();
  for (std::size_t i = 0; i < faults.by_origin.size(); ++i) {
    const auto& totals = faults.by_origin[i];
    result[std::string(origin_name(static_cast<mlt_origin>(i)))] =
        totals ? with_totals(Json::object(), *totals) : Json(nullptr);
  }
  result["by_cause"] = list(faults.by_class, class_faults);
  result["by_vma"] = Json::array();
  result["by_thread"] = list(faults.by_thread, thread_faults);
  result["stacks"] = Json::array();
  return result;
}

// ---- Locks, pages, VMAs, life

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
          {"vma_merges", totals.vma_merges}};
}

Json locks(const Locks& locks) {
  return {{"calls", list(locks.calls, lock_call)},
          {"calls_not_kept", locks.calls_not_kept},
          {"totals", list(locks.totals, call_totals)},
          {"locked_bytes", size3(locks.locked_bytes)},
          {"limit_bytes", optional(locks.limit_bytes)},
          {"limit_unlimited", locks.limit_unlimited},
          {"exempt", locks.exempt},
          {"headroom_bytes", optional(locks.headroom_bytes)}};
}

Json pages(const Pages& pages) {
  return {{"mlocked", optional(pages.mlocked)},
          {"munlocked", optional(pages.munlocked)},
          {"to_unevictable", optional(pages.to_unevictable)},
          {"rescued", optional(pages.rescued)},
          {"culled_by_reclaim", optional(pages.culled_by_reclaim)},
          {"still_locked_elsewhere", optional(pages.still_locked_elsewhere)},
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
          {"mcl_future", event.mcl_future},
          {"comm", text(event.comm)}};
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
          {"swap", nullptr},
          {"reclaim", nullptr},
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

Json system(const System& system) {
  return {{"vmstat", object(system.vmstat)},
          {"other_unevictable_pages", optional(system.other_unevictable_pages)},
          {"reclaim", nullptr},
          {"swap_devices", Json::array()}};
}

Json host(const Host& host) {
  return {{"kernel", host.kernel}, {"arch", host.arch}, {"cpus", host.cpus}, {"page_size", host.page_size}};
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
          {"window", {{"start_unix_ns", report.window.start_unix_ns}, {"duration_ns", report.window.duration_ns}}},
          {"target", target(report.target)},
          {"coverage", coverage(report.coverage)},
          {"processes", list(report.processes, one_process)},
          {"system", system(report.system)},
          {"storms", Json::array()},
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
