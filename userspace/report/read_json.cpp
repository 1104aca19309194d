#include "report/read_json.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

#include "model/names.h"

namespace mlt {
namespace {

using Json = nlohmann::json;

/// One value of the document and the way to it. The first thing that is wrong is kept; reading goes on with nothing, so
/// that what reads needs no branches.
class Node {
 public:
  Node(const Json& json, std::string& problem) : json_(&json), problem_(&problem) {}

  [[nodiscard]] Node at(const char* key) const {
    if (!json_->is_object()) {
      if (!json_->is_null()) complain("is not an object");
      return {kNull, this, key, 0};
    }
    const auto found = json_->find(key);
    return {found == json_->end() ? kNull : *found, this, key, 0};
  }

  [[nodiscard]] bool is_null() const { return json_->is_null(); }

  template <typename Integer = std::uint64_t>
  [[nodiscard]] Integer number() const {
    const auto in_range = [](auto value) { return std::in_range<Integer>(value); };
    if (json_->is_number_unsigned() && in_range(json_->get<std::uint64_t>())) return json_->get<Integer>();
    if (json_->is_number_integer() && !json_->is_number_unsigned() && in_range(json_->get<std::int64_t>()))
      return json_->get<Integer>();
    return complain(json_->is_number_integer() ? "is out of range" : "is not a whole number"), Integer{};
  }

  /// 0 for null: an id that is not known.
  [[nodiscard]] std::uint32_t identifier() const { return is_null() ? 0 : number<std::uint32_t>(); }

  template <typename Integer = std::uint64_t>
  [[nodiscard]] std::optional<Integer> optional() const {
    return is_null() ? std::nullopt : std::optional(number<Integer>());
  }

  /// "0x7f0012345678"
  [[nodiscard]] std::uint64_t address() const {
    const std::string digits = required_text();
    std::uint64_t value = 0;
    const char* end = digits.data() + digits.size();
    if (!digits.starts_with("0x") || std::from_chars(digits.data() + 2, end, value, 16).ptr != end)
      complain("is not a hexadecimal address");
    return value;
  }

  [[nodiscard]] bool boolean() const {
    if (json_->is_boolean()) return json_->get<bool>();
    return complain("is not true or false"), false;
  }

  /// Empty for null.
  [[nodiscard]] std::string text() const {
    if (is_null()) return {};
    return required_text();
  }

  [[nodiscard]] std::string required_text() const {
    if (const auto* value = json_->get_ptr<const std::string*>()) return *value;
    return complain("is not a string"), std::string{};
  }

  /// The value below `end` that `name_of` gives this name; null has the empty name.
  template <typename Enum>
  [[nodiscard]] Enum word(std::string_view (*name_of)(Enum), std::size_t end) const {
    const std::string name = text();
    for (std::size_t i = 0; i < end; ++i) {
      if (name_of(static_cast<Enum>(i)) == name) return static_cast<Enum>(i);
    }
    return complain(is_null() ? "is missing" : fmt::format("is none of the words that may stand here: '{}'", name)),
           Enum{};
  }

  template <typename Function>
  auto list(Function read) const {
    std::vector<decltype(read(*this))> items;
    if (!json_->is_array()) return complain("is not a list"), items;
    items.reserve(json_->size());
    for (std::size_t i = 0; i < json_->size(); ++i) items.push_back(read(Node{(*json_)[i], this, nullptr, i}));
    return items;
  }

  [[nodiscard]] std::map<std::string, std::int64_t> numbers_by_name() const {
    std::map<std::string, std::int64_t> values;
    if (!json_->is_object()) return complain("is not an object"), values;
    for (const auto& [key, value] : json_->items())
      values[key] = Node{value, this, key.c_str(), 0}.number<std::int64_t>();
    return values;
  }

  void complain(std::string_view what) const {
    if (!problem_->empty()) return;
    const std::string place = path();
    *problem_ = fmt::format("{} {}", place.empty() ? "the document" : place, json_ == &kNull ? "is missing" : what);
  }

 private:
  Node(const Json& json, const Node* parent, const char* key, std::size_t index)
      : json_(&json), parent_(parent), key_(key), index_(index), problem_(parent->problem_) {}

  [[nodiscard]] std::string path() const {
    if (parent_ == nullptr) return {};
    std::string before = parent_->path();
    if (key_ == nullptr) return before + fmt::format("[{}]", index_);
    return before.empty() ? key_ : before + "." + key_;
  }

  static const Json kNull;
  const Json* json_;
  const Node* parent_ = nullptr;
  const char* key_ = nullptr;  // in an object; else `index_`
  std::size_t index_ = 0;
  std::string* problem_;
};

const Json Node::kNull;

// ---- Faults

Histogram latency(const Node& node) {
  std::array<__u64, MLT_HIST_BUCKETS> buckets{};
  std::uint64_t counted = 0;
  if (node.at("unit").required_text() != "ns") node.at("unit").complain("is not ns");
  node.at("buckets").list([&](const Node& bucket) {
    const auto triple = bucket.list([](const Node& value) { return value.number(); });
    if (triple.size() != 3) return bucket.complain("is not [from, to, count]"), 0;
    const std::size_t index = bucket_index(triple[0]);
    const BucketRange range = bucket_range(index);
    if (range.lo != triple[0] || range.hi != triple[1]) return bucket.complain("is no bucket of this layout"), 0;
    buckets[index] += triple[2];
    counted += triple[2];
    return 0;
  });
  Histogram histogram;
  const auto count = node.at("count").number();
  if (count != counted) node.at("buckets").complain(fmt::format("hold {}, not {}", counted, count));
  histogram.merge(count, node.at("sum").number(), node.at("min").optional().value_or(0),
                  node.at("max").optional().value_or(0), buckets);
  return histogram;
}

FaultTotals totals(const Node& node) {
  return {.minor = node.at("minor").number(),
          .major = node.at("major").number(),
          .errors = node.at("errors").number(),
          .retries = node.at("retries").number(),
          .untimed = node.at("untimed").number(),
          .latency = latency(node.at("latency"))};
}

mlt_origin origin(const Node& node) { return node.word(origin_name, MLT_ORIGIN_NR); }
mlt_cause cause(const Node& node) { return node.is_null() ? MLT_CAUSE_UNKNOWN : node.word(cause_name, MLT_CAUSE_NR); }
mlt_lock_state lock_state(const Node& node) { return node.word(lock_state_name, MLT_LOCK_STATE_NR); }

ClassFaults class_faults(const Node& node) {
  return {{origin(node.at("origin")), lock_state(node.at("locked")), cause(node.at("cause"))}, totals(node)};
}

VmaFaults vma_faults(const Node& node) {
  VmaFaults faults;
  faults.start = node.at("start").optional().value_or(0);
  faults.end = node.at("end").optional().value_or(0);
  faults.name = node.at("name").text();
  faults.offset = node.at("offset").optional().value_or(0);
  faults.permissions = node.at("permissions").text();
  faults.locked = lock_state(node.at("locked"));
  faults.cause = cause(node.at("cause"));
  faults.minor = node.at("minor").number();
  faults.major = node.at("major").number();
  faults.errors = node.at("errors").number();
  faults.time_ns = node.at("time_ns").number();
  faults.max_ns = node.at("max_ns").number();
  return faults;
}

Frame frame(const Node& node) {
  Frame frame;
  frame.function = node.at("function").text();
  frame.module = node.at("module").text();
  frame.address = node.at("address").address();
  frame.offset = node.at("offset").number();
  return frame;
}

StackFaults stack_faults(const Node& node) {
  StackFaults faults;
  faults.kernel = node.at("kernel").list(frame);
  faults.user = node.at("user").list(frame);
  faults.origin = origin(node.at("origin"));
  faults.cause = cause(node.at("cause"));
  faults.faults = node.at("faults").number();
  faults.time_ns = node.at("time_ns").number();
  return faults;
}

Faults faults(const Node& node) {
  Faults faults;
  for (std::size_t i = 0; i < faults.by_origin.size(); ++i) {
    const std::string name(origin_name(static_cast<mlt_origin>(i)));
    const Node one = node.at(name.c_str());
    if (!one.is_null()) faults.by_origin[i] = totals(one);
  }
  faults.by_class = node.at("by_cause").list(class_faults);
  faults.by_thread = node.at("by_thread").list([](const Node& thread) {
    return ThreadFaults{thread.at("tid").identifier(), totals(thread)};
  });
  if (const Node by_vma = node.at("by_vma"); !by_vma.is_null()) faults.by_vma = by_vma.list(vma_faults);
  faults.stacks = node.at("stacks").list(stack_faults);
  return faults;
}

// ---- Locks, pages, VMAs, life

mlt_call call_kind(const std::string& name) {
  for (std::size_t i = 0; i < MLT_CALL_NR; ++i) {
    if (call_name(static_cast<mlt_call>(i)) == name) return static_cast<mlt_call>(i);
  }
  return MLT_CALL_OTHER;
}

CallParts call_parts(const Node& node) {
  return {.memory_ns = node.at("memory_ns").optional(),
          .file_ns = node.at("file_ns").optional(),
          .swap_in_ns = node.at("swap_in_ns").optional(),
          .reclaim_ns = node.at("reclaim_ns").optional(),
          .lock_wait_ns = node.at("lock_wait_ns").optional(),
          .other_ns = node.at("other_ns").number()};
}

LockCall lock_call(const Node& node) {
  LockCall call;
  call.start_ns = node.at("start_ns").number();
  call.tid = node.at("tid").identifier();
  call.name = node.at("call").required_text();
  call.call = call_kind(call.name);
  call.args = node.at("args").required_text();
  call.ret = node.at("ret").number<std::int64_t>();
  call.duration_ns = node.at("duration_ns").number();
  call.populate_ns = node.at("populate_ns").number();
  call.pages_populated = node.at("pages_populated").number();
  call.vma_splits = node.at("vma_splits").number<std::uint32_t>();
  call.vma_merges = node.at("vma_merges").number<std::uint32_t>();
  call.locked_bytes_after = node.at("locked_bytes_after").number();
  call.limit_bytes = node.at("limit_bytes").optional();
  call.parts = call_parts(node.at("parts"));
  call.rule = node.at("rule").word(call_rule_name, static_cast<std::size_t>(CallRule::undetermined) + 1);
  call.explain = node.at("explain").text();
  return call;
}

CallTotals call_totals(const Node& node) {
  CallTotals totals;
  totals.name = node.at("call").required_text();
  totals.call = call_kind(totals.name);
  totals.calls = node.at("calls").number();
  totals.errors = node.at("errors").number();
  totals.time_ns = node.at("time_ns").number();
  totals.populates = node.at("populates").number();
  totals.pages_populated = node.at("pages_populated").number();
  totals.populate_ns = node.at("populate_ns").number();
  totals.vma_splits = node.at("vma_splits").number();
  totals.vma_merges = node.at("vma_merges").number();
  totals.parts = call_parts(node.at("parts"));
  return totals;
}

std::optional<LockWaits> lock_waits(const Node& node) {
  if (node.is_null()) return std::nullopt;
  LockWaits waits;
  waits.write = {node.at("write_waits").number(), node.at("write_ns").number()};
  waits.read = {node.at("waits").number() - waits.write.waits, node.at("time_ns").number() - waits.write.time_ns};
  waits.max_ns = node.at("max_ns").number();
  waits.in_fault = {node.at("fault_waits").number(), node.at("in_fault_ns").number()};
  waits.in_call_ns = node.at("in_call_ns").optional();
  waits.while_locking = {node.at("waits_while_locking").number(), node.at("while_locking_ns").number()};
  waits.holders = node.at("holders").list([](const Node& holder) {
    HolderWaits one;
    one.name = holder.at("call").text();
    one.call = one.name.empty() ? MLT_CALL_NONE : call_kind(one.name);
    one.waits = {holder.at("waits").number(), holder.at("time_ns").number()};
    return one;
  });
  return waits;
}

std::optional<VmaLock> vma_lock(const Node& node) {
  if (node.is_null()) return std::nullopt;
  return VmaLock{node.at("aborts").number(), node.at("retries").number()};
}

Size3 size3(const Node& node) {
  return {node.at("start").optional(), node.at("end").optional(), node.at("peak").optional()};
}

Locks locks(const Node& node) {
  Locks locks;
  locks.calls = node.at("calls").list(lock_call);
  locks.calls_not_kept = node.at("calls_not_kept").number();
  locks.totals = node.at("totals").list(call_totals);
  locks.locked_bytes = size3(node.at("locked_bytes"));
  locks.limit_bytes = node.at("limit_bytes").optional();
  locks.limit_unlimited = node.at("limit_unlimited").boolean();
  locks.exempt = node.at("exempt").boolean();
  locks.headroom_bytes = node.at("headroom_bytes").optional<std::int64_t>();
  locks.mmap_lock = lock_waits(node.at("mmap_lock"));
  locks.vma_lock = vma_lock(node.at("vma_lock"));
  return locks;
}

Pages pages(const Node& node) {
  return {.mlocked = node.at("mlocked").optional(),
          .munlocked = node.at("munlocked").optional(),
          .to_unevictable = node.at("to_unevictable").optional(),
          .rescued = node.at("rescued").optional(),
          .culled_by_reclaim = node.at("culled_by_reclaim").optional(),
          .still_locked_elsewhere = node.at("still_locked_elsewhere").optional(),
          .still_locked_by = node.at("still_locked_by").list([](const Node& holder) {
            return Keeper{holder.at("pid").identifier(), holder.at("comm").text(), holder.at("pages").number()};
          }),
          .locked_not_mlocked = node.at("locked_not_mlocked").optional()};
}

VmaChange vma_change(const Node& node) {
  static constexpr std::string_view (*kKind)(int) = [](int kind) -> std::string_view {
    return kind == 0 ? "merge" : "split";
  };
  VmaChange change;
  change.at_ns = node.at("at_ns").number();
  change.tid = node.at("tid").identifier();
  change.split = node.at("kind").word(kKind, 2) != 0;
  change.start = node.at("start").number();
  change.end = node.at("end").number();
  change.addr = node.at("addr").optional().value_or(0);
  change.locked = node.at("locked").boolean();
  change.cause = node.at("cause").text();
  return change;
}

Vma vma(const Node& node) {
  Vma vma;
  vma.splits = node.at("splits").optional();
  vma.merges = node.at("merges").optional();
  vma.count = size3(node.at("count"));
  vma.max_map_count = node.at("max_map_count").optional();
  vma.changes = node.at("changes").list(vma_change);
  vma.changes_not_kept = node.at("changes_not_kept").number();
  return vma;
}

LifeEvent life_event(const Node& node) {
  LifeEvent event;
  event.at_ns = node.at("at_ns").number();
  event.kind = node.at("kind").word(life_kind_name, static_cast<std::size_t>(LifeEvent::Kind::exit) + 1);
  event.child_pid = node.at("child_pid").identifier();
  event.locked_bytes = node.at("locked_bytes").number();
  event.locked_bytes_after = node.at("locked_bytes_after").number();
  event.mcl_future = node.at("mcl_future").boolean();
  event.mcl_onfault = node.at("mcl_onfault").boolean();
  event.comm = node.at("comm").text();
  return event;
}

// ---- Reclaim, swap

std::optional<ReclaimStall> reclaim_stall(const Node& node) {
  if (node.is_null()) return std::nullopt;
  return ReclaimStall{node.at("calls").number(), node.at("time_ns").number(), node.at("reclaimed").number(),
                      node.at("max_ns").number()};
}

std::optional<Reclaim> reclaim(const Node& node) {
  if (node.is_null()) return std::nullopt;
  return Reclaim{.direct = reclaim_stall(node.at("direct")),
                 .memcg = reclaim_stall(node.at("memcg")),
                 .in_fault_ns = node.at("in_fault_ns").optional(),
                 .in_call_ns = node.at("in_call_ns").optional(),
                 .met_locked_active = node.at("met_locked_active").optional(),
                 .met_locked_inactive = node.at("met_locked_inactive").optional()};
}

std::optional<Swap> swap(const Node& node) {
  if (node.is_null()) return std::nullopt;
  return Swap{.in = node.at("in").optional(),
              .in_major = node.at("in_major").optional(),
              .in_ns = node.at("in_ns").optional(),
              .readahead = node.at("readahead").optional(),
              .out = node.at("out").optional(),
              .out_by_self = node.at("out_by_self").optional(),
              .out_by_kswapd = node.at("out_by_kswapd").optional(),
              .duplicated = node.at("duplicated").optional(),
              .duplicate_ns = node.at("duplicate_ns").optional(),
              .freed = node.at("freed").optional(),
              .free_ns = node.at("free_ns").optional()};
}

Process process(const Node& node) {
  Process process;
  process.pid = node.at("pid").number<std::uint32_t>();
  process.parent_pid = node.at("parent_pid").identifier();
  process.comm = node.at("comm").required_text();
  process.exe = node.at("exe").text();
  process.cgroup = node.at("cgroup").text();
  process.threads = node.at("threads").optional();
  process.exited = node.at("exited").boolean();
  process.faults = faults(node.at("faults"));
  process.populate = {node.at("populate").at("calls").optional(), node.at("populate").at("pages").optional(),
                      node.at("populate").at("time_ns").optional()};
  process.locks = locks(node.at("locks"));
  process.pages = pages(node.at("pages"));
  process.vma = vma(node.at("vma"));
  process.reclaim = reclaim(node.at("reclaim"));
  process.swap = swap(node.at("swap"));
  process.life = node.at("life").list(life_event);
  process.life_not_kept = node.at("life_not_kept").number();
  return process;
}

// ---- What surrounds the processes

SignalCoverage signal(const Node& node) {
  return {node.at("name").required_text(),
          node.at("state").word(signal_state_name, static_cast<std::size_t>(SignalState::off) + 1),
          node.at("via").text(), node.at("limits").text()};
}

AuditCheck audit_check(const Node& node) {
  AuditCheck check;
  check.check = node.at("check").required_text();
  check.traced = node.at("traced").optional();
  check.kernel = node.at("kernel").optional();
  check.slack = node.at("slack").number();
  check.source = node.at("source").required_text();
  check.verdict = node.at("verdict").word(verdict_name, static_cast<std::size_t>(Verdict::unavailable) + 1);
  check.why = node.at("why").text();
  return check;
}

Coverage coverage(const Node& node) {
  const Node lost = node.at("lost");
  return {node.at("signals").list(signal),
          {lost.at("events").number(), lost.at("map_full").number(), lost.at("missed_probes").number()},
          node.at("audit").list(audit_check)};
}

Finding finding(const Node& node) {
  Finding finding;
  finding.id = node.at("id").required_text();
  finding.severity = node.at("severity").word(severity_name, static_cast<std::size_t>(Severity::problem) + 1);
  finding.pid = node.at("pid").identifier();
  finding.title = node.at("title").required_text();
  finding.evidence = node.at("evidence").numbers_by_name();
  finding.advice = node.at("advice").text();
  finding.see = node.at("see").text();
  return finding;
}

std::optional<StormCall> storm_call(const Node& node) {
  if (node.is_null()) return std::nullopt;
  return StormCall{node.at("at_ns").number(), node.at("tid").identifier(), node.at("call").required_text(),
                   node.at("args").text()};
}

Storm storm(const Node& node) {
  Storm storm;
  storm.pid = node.at("pid").identifier();
  storm.start_ns = node.at("start_ns").number();
  storm.duration_ns = node.at("duration_ns").number();
  storm.peak_per_s = node.at("peak_per_s").number();
  storm.cause = cause(node.at("cause"));
  storm.vma = node.at("vma").text();
  storm.stack = node.at("stack").text();
  storm.faults = node.at("faults").number();
  storm.time_ns = node.at("time_ns").number();
  storm.baseline_per_s = node.at("baseline_per_s").optional();
  storm.vma_faults = node.at("vma_faults").optional();
  storm.tid = node.at("tid").identifier();
  storm.tid_faults = node.at("tid_faults").optional();
  storm.trigger = storm_call(node.at("trigger"));
  return storm;
}

std::optional<SystemReclaim> system_reclaim(const Node& node) {
  if (node.is_null()) return std::nullopt;
  return SystemReclaim{.kswapd_wakeups = node.at("kswapd_wakeups").optional(),
                       .kswapd_scanned = node.at("kswapd_scanned").number(),
                       .kswapd_reclaimed = node.at("kswapd_reclaimed").number(),
                       .direct_scanned = node.at("direct_scanned").number(),
                       .direct_reclaimed = node.at("direct_reclaimed").number()};
}

SwapDevice swap_device(const Node& node) {
  return {node.at("name").required_text(), node.at("type").required_text(), node.at("size_bytes").number(),
          node.at("used_bytes").number(), node.at("priority").number<std::int64_t>()};
}

MemoryHighLimit memory_high(const Node& node) {
  return {node.at("cgroup").required_text(), node.at("limit_bytes").number(), node.at("exceeded").number(),
          node.at("stalled_ns").optional()};
}

System system(const Node& node) {
  System system;
  system.vmstat = node.at("vmstat").numbers_by_name();
  system.other_unevictable_pages = node.at("other_unevictable_pages").optional();
  system.unevictable_without_mlock = node.at("unevictable_without_mlock").optional();
  system.reclaim = system_reclaim(node.at("reclaim"));
  system.swap_devices = node.at("swap_devices").list(swap_device);
  if (const Node readahead = node.at("swap_readahead"); !readahead.is_null())
    system.swap_readahead = {readahead.at("pages").number(), readahead.at("hits").number()};
  system.unevictable_pages = node.at("unevictable_pages").optional();
  system.memory_high = node.at("memory_high").list(memory_high);
  return system;
}

Host host(const Node& node) {
  return {node.at("kernel").required_text(), node.at("arch").required_text(), node.at("cpus").number<std::uint32_t>(),
          node.at("page_size").number(), node.at("memory_bytes").optional()};
}

Target target(const Node& node) {
  return {node.at("kind").required_text(),
          node.at("pids").list([](const Node& pid) { return pid.number<std::uint32_t>(); }), node.at("text").text(),
          node.at("follow").boolean()};
}

Report report(const Node& node) {
  Report report;
  const Node window = node.at("window");
  report.tool_version = node.at("tool").at("version").required_text();
  report.host = host(node.at("host"));
  report.window = {window.at("start_unix_ns").number(), window.at("duration_ns").number(),
                   window.at("complete_after_ns").number()};
  report.target = target(node.at("target"));
  report.coverage = coverage(node.at("coverage"));
  report.processes = node.at("processes").list(process);
  report.system = system(node.at("system"));
  report.findings = node.at("findings").list(finding);
  report.storms = node.at("storms").list(storm);
  return report;
}

/// Whether the document says that it is what is read here.
void check_kind(const Node& node) {
  if (node.at("type").required_text() != "report") return node.at("type").complain("is not 'report'");
  constexpr int kSchemaVersion = 1;
  const auto version = node.at("schema_version").number<int>();
  if (version != kSchemaVersion)
    node.at("schema_version").complain(fmt::format("is {}; this mlocktrace reads {}", version, kSchemaVersion));
}

}  // namespace

Result<Report> read_json(std::string_view text) {
  Json document;
  try {
    document = Json::parse(text);
  } catch (const Json::exception& error) {
    return fail(fmt::format("not JSON: {}", error.what()));
  }
  std::string problem;
  const Node root(document, problem);
  check_kind(root);
  if (!problem.empty()) return fail("not a report of mlocktrace: " + problem);
  Report result = report(root);
  if (!problem.empty()) return fail("a damaged report: " + problem);
  return result;
}

}  // namespace mlt
