#include "report/csv.h"

#include <fmt/format.h>

#include <type_traits>

#include "model/names.h"

namespace mlt {
namespace {

template <typename Value>
std::string field(const Value& value) {
  if constexpr (std::is_same_v<Value, bool>) {
    return value ? "1" : "0";
  } else if constexpr (std::is_integral_v<Value>) {
    return fmt::format("{}", value);
  } else if constexpr (std::is_convertible_v<Value, std::string_view>) {
    return csv_field(value);
  } else {
    return value ? fmt::format("{}", *value) : "";
  }
}

std::string address(std::uint64_t value) { return fmt::format("{:#x}", value); }

/// One file; a row is made of values of any kind.
class Table {
 public:
  Table(std::string name, std::string_view columns) : table_{std::move(name), std::string(columns) + "\r\n"} {}

  template <typename... Values>
  void row(const Values&... values) {
    const char* separator = "";
    ((table_.text += separator + field(values), separator = ","), ...);
    table_.text += "\r\n";
  }
  [[nodiscard]] CsvTable take() { return std::move(table_); }

 private:
  CsvTable table_;
};

constexpr std::string_view kTotals = "minor,major,errors,retries,untimed,time_ns,p50_ns,p90_ns,p99_ns,p999_ns,max_ns";

template <typename... Values>
void add_totals(Table& table, const FaultTotals& totals, const Values&... key) {
  const Histogram& latency = totals.latency;
  const auto quantile = [&](double q) { return latency.empty() ? Count{} : Count(latency.quantile(q)); };
  table.row(key..., totals.minor, totals.major, totals.errors, totals.retries, totals.untimed, latency.sum(),
            quantile(0.5), quantile(0.9), quantile(0.99), quantile(0.999), quantile(1));
}

CsvTable processes(const Report& report) {
  Table table(
      "processes",
      "pid,parent_pid,comm,exe,cgroup,threads,exited,locked_start_bytes,locked_end_bytes,locked_peak_bytes,limit_"
      "bytes,headroom_bytes,pages_mlocked,pages_munlocked,pages_to_unevictable,pages_rescued,pages_culled,pages_"
      "still_locked_elsewhere,vma_splits,vma_merges,vma_peak,direct_reclaim_ns,memcg_reclaim_ns,swap_in,swap_out");
  for (const Process& one : report.processes) {
    const Locks& locks = one.locks;
    const Pages& pages = one.pages;
    const auto stalled = [&](std::optional<ReclaimStall> Reclaim::*kind) {
      return one.reclaim && (*one.reclaim).*kind ? Count(((*one.reclaim).*kind)->time_ns) : Count{};
    };
    table.row(one.pid, one.parent_pid, one.comm, one.exe, one.cgroup, one.threads, one.exited, locks.locked_bytes.start,
              locks.locked_bytes.end, locks.locked_bytes.peak, locks.limit_bytes, locks.headroom_bytes, pages.mlocked,
              pages.munlocked, pages.to_unevictable, pages.rescued, pages.culled_by_reclaim,
              pages.still_locked_elsewhere, one.vma.splits, one.vma.merges, one.vma.count.peak,
              stalled(&Reclaim::direct), stalled(&Reclaim::memcg), one.swap ? one.swap->in : Count{},
              one.swap ? one.swap->out : Count{});
  }
  return table.take();
}

CsvTable faults(const Report& report) {
  Table table("faults", fmt::format("pid,origin,{}", kTotals));
  for (const Process& one : report.processes) {
    for (std::size_t i = 0; i < MLT_ORIGIN_NR; ++i) {
      if (one.faults.by_origin[i])
        add_totals(table, *one.faults.by_origin[i], one.pid, origin_name(static_cast<mlt_origin>(i)));
    }
  }
  return table.take();
}

CsvTable causes(const Report& report) {
  Table table("causes", fmt::format("pid,origin,locked,cause,{}", kTotals));
  for (const Process& one : report.processes) {
    for (const ClassFaults& faults : one.faults.by_class) {
      const FaultClass& key = faults.fault_class;
      add_totals(table, faults.totals, one.pid, origin_name(key.origin), lock_state_name(key.locked),
                 cause_name(key.cause));
    }
  }
  return table.take();
}

CsvTable threads(const Report& report) {
  Table table("threads", fmt::format("pid,tid,{}", kTotals));
  for (const Process& one : report.processes) {
    for (const ThreadFaults& thread : one.faults.by_thread) add_totals(table, thread.totals, one.pid, thread.tid);
  }
  return table.take();
}

CsvTable mappings(const Report& report) {
  Table table("mappings", "pid,start,end,name,offset,permissions,locked,cause,minor,major,errors,time_ns,max_ns");
  for (const Process& one : report.processes) {
    if (!one.faults.by_vma) continue;
    for (const VmaFaults& vma : *one.faults.by_vma) {
      table.row(one.pid, address(vma.start), address(vma.end), vma.name, vma.offset, vma.permissions,
                lock_state_name(vma.locked), cause_name(vma.cause), vma.minor, vma.major, vma.errors, vma.time_ns,
                vma.max_ns);
    }
  }
  return table.take();
}

CsvTable latency(const Report& report) {
  Table table("latency", "pid,origin,from_ns,to_ns,faults");
  for (const Process& one : report.processes) {
    for (std::size_t i = 0; i < MLT_ORIGIN_NR; ++i) {
      if (!one.faults.by_origin[i]) continue;
      const auto& buckets = one.faults.by_origin[i]->latency.buckets();
      for (std::size_t bucket = 0; bucket < buckets.size(); ++bucket) {
        if (buckets[bucket] == 0) continue;
        const BucketRange range = bucket_range(bucket);
        table.row(one.pid, origin_name(static_cast<mlt_origin>(i)), range.lo, range.hi, buckets[bucket]);
      }
    }
  }
  return table.take();
}

CsvTable lock_calls(const Report& report) {
  Table table(
      "lock-calls",
      "pid,start_ns,tid,call,args,ret,errno,duration_ns,populate_ns,pages_populated,vma_splits,vma_merges,locked_"
      "bytes_after,rule,explain");
  for (const Process& one : report.processes) {
    for (const LockCall& call : one.locks.calls) {
      table.row(one.pid, call.start_ns, call.tid, call.name, call.args, call.ret, errno_name(call.ret),
                call.duration_ns, call.populate_ns, call.pages_populated, call.vma_splits, call.vma_merges,
                call.locked_bytes_after, call_rule_name(call.rule), call.explain);
    }
  }
  return table.take();
}

CsvTable call_totals(const Report& report) {
  Table table("call-totals",
              "pid,call,calls,errors,time_ns,populates,pages_populated,populate_ns,vma_splits,vma_merges");
  for (const Process& one : report.processes) {
    for (const CallTotals& call : one.locks.totals) {
      table.row(one.pid, call.name, call.calls, call.errors, call.time_ns, call.populates, call.pages_populated,
                call.populate_ns, call.vma_splits, call.vma_merges);
    }
  }
  return table.take();
}

CsvTable vma_changes(const Report& report) {
  Table table("vma-changes", "pid,at_ns,tid,kind,start,end,addr,locked,cause");
  for (const Process& one : report.processes) {
    for (const VmaChange& change : one.vma.changes) {
      table.row(one.pid, change.at_ns, change.tid, change.split ? "split" : "merge", address(change.start),
                address(change.end), change.split ? address(change.addr) : "", change.locked, change.cause);
    }
  }
  return table.take();
}

CsvTable life(const Report& report) {
  Table table("life", "pid,at_ns,kind,child_pid,locked_bytes,locked_bytes_after,mcl_future,mcl_onfault,comm");
  for (const Process& one : report.processes) {
    for (const LifeEvent& event : one.life) {
      table.row(one.pid, event.at_ns, life_kind_name(event.kind), event.child_pid, event.locked_bytes,
                event.locked_bytes_after, event.mcl_future, event.mcl_onfault, event.comm);
    }
  }
  return table.take();
}

CsvTable findings(const Report& report) {
  Table table("findings", "id,severity,pid,title,evidence,advice,see");
  for (const Finding& finding : report.findings) {
    std::string evidence;
    for (const auto& [key, value] : finding.evidence)
      evidence += fmt::format("{}{}={}", evidence.empty() ? "" : " ", key, value);
    table.row(finding.id, severity_name(finding.severity), finding.pid, finding.title, evidence, finding.advice,
              finding.see);
  }
  return table.take();
}

CsvTable storms(const Report& report) {
  Table table("storms",
              "pid,start_ns,duration_ns,faults,peak_per_s,baseline_per_s,time_ns,cause,vma,vma_faults,tid,tid_faults,"
              "stack,trigger_ns,trigger_tid,trigger_call,trigger_args");
  for (const Storm& storm : report.storms) {
    const StormCall trigger = storm.trigger.value_or(StormCall{});
    table.row(storm.pid, storm.start_ns, storm.duration_ns, storm.faults, storm.peak_per_s, storm.baseline_per_s,
              storm.time_ns, cause_name(storm.cause), storm.vma, storm.vma_faults, storm.tid, storm.tid_faults,
              storm.stack, storm.trigger ? Count(trigger.at_ns) : Count{}, trigger.tid, trigger.name, trigger.args);
  }
  return table.take();
}

CsvTable audit(const Report& report) {
  Table table("audit", "check,traced,kernel,slack,source,verdict,why");
  for (const AuditCheck& check : report.coverage.audit) {
    table.row(check.check, check.traced, check.kernel, check.slack, check.source, verdict_name(check.verdict),
              check.why);
  }
  return table.take();
}

CsvTable signals(const Report& report) {
  Table table("signals", "name,state,via,limits");
  for (const SignalCoverage& signal : report.coverage.signals)
    table.row(signal.name, signal_state_name(signal.state), signal.via, signal.limits);
  return table.take();
}

}  // namespace

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::vector<CsvTable> to_csv(const Report& report) {
  return {processes(report), faults(report),     causes(report),      threads(report),     mappings(report),
          latency(report),   lock_calls(report), call_totals(report), vma_changes(report), life(report),
          findings(report),  storms(report),     audit(report),       signals(report)};
}

std::string csv_timeline_header() {
  std::string line =
      "start_ns,duration_ns,pid,access,kernel,populate,remote,major,time_ns,pages_populated,mlocked,"
      "munlocked,locked_bytes,resident_bytes,swap_in,swap_out,reclaim_ns";
  for (std::size_t i = 0; i < MLT_CAUSE_NR; ++i) line += fmt::format(",{}", cause_name(static_cast<mlt_cause>(i)));
  return line + "\r\n";
}

std::string csv_timeline_line(const TimelinePoint& point) {
  std::uint64_t major = 0;
  std::uint64_t time_ns = 0;
  std::string faults;
  for (const FaultTotals& totals : point.by_origin) {
    major += totals.major;
    time_ns += totals.latency.sum();
    faults += fmt::format(",{}", totals.completed());
  }
  std::string line =
      fmt::format("{},{},{}{},{},{}", point.start_ns, point.duration_ns, point.pid, faults, major, time_ns);
  for (const Count& count : {point.pages_populated, point.mlocked, point.munlocked, point.locked_bytes,
                             point.resident_bytes, point.swap_in, point.swap_out, point.reclaim_ns})
    line += "," + field(count);
  for (const std::uint64_t count : point.by_cause) line += fmt::format(",{}", count);
  return line + "\r\n";
}

CsvTable to_csv(const std::vector<AddressSpace>& spaces) {
  Table table("maps",
              "pid,when,at_ns,start,end,permissions,offset,name,resident_bytes,locked_bytes,swapped_bytes,locked");
  for (const AddressSpace& space : spaces) {
    const auto add = [&](const char* when, std::uint64_t at_ns, const std::vector<MapsEntry>& entries) {
      for (const MapsEntry& entry : entries) {
        table.row(space.pid, when, at_ns, address(entry.start), address(entry.end), entry.permissions, entry.offset,
                  entry.name, entry.resident_bytes, entry.locked_bytes, entry.swapped_bytes, entry.locked);
      }
    };
    add("before", 0, space.before);
    add("after", space.after_ns, space.after);
  }
  return table.take();
}

}  // namespace mlt
