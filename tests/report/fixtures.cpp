#include "report/fixtures.h"

#include <string>

namespace mlt::fixtures {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kMiB = 1 << 20;

/// Widely spread around 1, by whole-number arithmetic alone: five coin tosses, each a factor of 3/2 or 2/3.
class Spread {
 public:
  std::uint64_t around(std::uint64_t value) {
    for (int toss = 0; toss < 5; ++toss) {
      state_ = state_ * 6364136223846793005u + 1442695040888963407u;
      value = (state_ >> 63) != 0 ? value * 3 / 2 : value * 2 / 3;
    }
    return value + (state_ >> 40) % (value / 4 + 1);
  }

 private:
  std::uint64_t state_ = 42;
};

Report base() {
  Report report;
  report.tool_version = "0.1.0";
  report.host = {"6.1.0-18-amd64", "x86_64", 8, 4096};
  report.window = {1'709'899'200 * kSecond, 10 * kSecond};
  return report;
}

void measured_everything(Process& process) {
  for (auto& totals : process.faults.by_origin) totals = FaultTotals{};
  process.faults.by_vma.emplace();
  process.populate = {0, 0, 0};
  process.pages = {0, 0, 0, 0, 0, 0, {}, 0};
  process.locks.mmap_lock = LockWaits{};
  process.locks.mmap_lock->in_call_ns = 0;
  process.vma.splits = 0;
  process.vma.merges = 0;
  process.vma.max_map_count = 65530;
  process.reclaim = {ReclaimStall{}, ReclaimStall{}, 0, 0, 0, 0};
  process.swap = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
}

std::vector<SignalCoverage> exact_signals() {
  return {{"fault", SignalState::exact, "fexit:handle_mm_fault", ""},
          {"lock", SignalState::exact, "tp_btf:sys_exit", ""},
          {"vma", SignalState::exact, "fexit:__split_vma", ""},
          {"lru", SignalState::exact, "fentry:mlock_folio", ""},
          {"process", SignalState::exact, "tp_btf:sched_process_fork", ""}};
}

LockCall call(std::uint64_t start_ns, mlt_call kind, std::string name, std::string args, std::int64_t ret,
              std::uint64_t duration_ns) {
  LockCall result;
  result.start_ns = start_ns;
  result.tid = 4242;
  result.call = kind;
  result.name = std::move(name);
  result.args = std::move(args);
  result.ret = ret;
  result.duration_ns = duration_ns;
  return result;
}

void add_busy_calls(Process& process) {
  LockCall mlock = call(12'345'678, MLT_CALL_MLOCK, "mlock", "0x7f5a80000000, 64 MiB", 0, 9'812'000);
  mlock.populate_ns = 9'640'000;
  mlock.pages_populated = 16384;
  mlock.vma_splits = 2;
  mlock.locked_bytes_after = 64 * kMiB;
  mlock.parts = {.memory_ns = 6'400'000,
                 .file_ns = 60'000,
                 .swap_in_ns = 0,
                 .reclaim_ns = 1'300'000,
                 .lock_wait_ns = 1'200'000,
                 .off_cpu_ns = 700'000,
                 .other_ns = 152'000};
  LockCall on_fault = call(30'000'000, MLT_CALL_MLOCK2, "mlock2", "0x7f5a90000000, 8 MiB, MLOCK_ONFAULT", 0, 3'100);
  on_fault.vma_splits = 1;
  on_fault.locked_bytes_after = 72 * kMiB;
  on_fault.explain = "Lock on fault: no page was made present; the first access to each still faults.";
  LockCall refused = call(2'500'000'000, MLT_CALL_MLOCK, "mlock", "0x7f5aa0000000, 16 MiB", -12, 1'900);
  refused.locked_bytes_after = 72 * kMiB;
  refused.explain = "72 MiB were locked and 16 MiB more would exceed RLIMIT_MEMLOCK (80 MiB) by 8 MiB.";
  refused.rule = CallRule::over_limit;
  refused.limit_bytes = 80 * kMiB;
  LockCall all = call(4'000'000'000, MLT_CALL_MLOCKALL, "mlockall", "MCL_CURRENT | MCL_FUTURE", -12, 850);
  all.locked_bytes_after = 72 * kMiB;
  refused.needed_bytes = 88 * kMiB;
  refused.needed_for_mapping_bytes = 128 * kMiB;
  refused.needed_for_all_bytes = 900 * kMiB;
  refused.mappings = 61;
  refused.user_locked_bytes = 32 * kMiB;
  refused.pinned_bytes = 16 * kMiB;
  refused.max_map_count = 65530;
  LockCall current = call(5'000'000'000, MLT_CALL_MLOCKALL, "mlockall", "MCL_CURRENT", 0, 9'900);
  current.absent_ranges = 1;
  current.ranges = {{RangeKind::absent,
                     0x7f5a7a000000,
                     0x7f5a7a010000,
                     MLT_ERROR_BEYOND_FILE,
                     "EFAULT",
                     {0x7f5a7a004000, 0x7f5a7a000000, 0x7f5a7a010000, "/var/lib/trading/journal", "rw-s", MLT_LOCKED,
                      16384, 16384, "ext4"},
                     "the page at 16 KiB is beyond the end of its file (on ext4), which has 16 KiB"}};
  current.explain =
      "reports success, but pages could not be made present at 0x7f5a7a000000-0x7f5a7a010000 "
      "(/var/lib/trading/journal): the page at 16 KiB is beyond the end of its file (on ext4), which has 16 KiB";
  LockCall unlock = call(9'100'000'000, MLT_CALL_MUNLOCK, "munlock", "0x7f5a90000000, 8 MiB", 0, 411'000);
  unlock.vma_merges = 1;
  unlock.locked_bytes_after = 64 * kMiB;
  process.locks.calls = {mlock, on_fault, refused, all, current, unlock};
  process.locks.totals = {{MLT_CALL_MLOCK, "mlock", 2, 1, 9'813'900, 1, 16384, 9'640'000, 2, 0},
                          {MLT_CALL_MLOCK2, "mlock2", 1, 0, 3'100, 0, 0, 0, 1, 0},
                          {MLT_CALL_MLOCKALL, "mlockall", 2, 1, 10'750, 0, 0, 0, 0, 0},
                          {MLT_CALL_MUNLOCK, "munlock", 1, 0, 411'000, 0, 0, 0, 0, 1},
                          {MLT_CALL_MMAP, "mmap", 31, 0, 62'000, 0, 0, 0, 0, 12},
                          {MLT_CALL_MUNMAP, "munmap", 19, 0, 118'000, 0, 0, 0, 3, 0}};
  for (const std::size_t failed : {0, 2}) process.locks.totals[failed].errors_by_errno = {{"ENOMEM", 1}};
}

void add_busy_failures(Process& process) {
  FailedFaults by_call;
  by_call.reason = MLT_ERROR_MEMORY_CGROUP;
  by_call.origin = MLT_ORIGIN_KERNEL;
  by_call.access = "write";
  by_call.count = 1;
  by_call.first_ns = by_call.last_ns = 3 * kSecond;
  by_call.tid = 4243;
  by_call.call = "other";
  by_call.at = {0x7f5a7c000000, 0x7f5a7c000000, 0x7f5a7c100000, "/dev/shm/ring", "rw-s", MLT_UNLOCKED, 0,
                kMiB,           "tmpfs"};
  by_call.used_bytes = 512 * kMiB;
  by_call.limit_bytes = 512 * kMiB;
  by_call.cgroup = "trading.slice";
  by_call.explain = "the memory cgroup of trading.slice permits no more: 512 MiB used, limit 512 MiB";
  FailedFaults stack;
  stack.reason = MLT_ERROR_STACK_LOCKED;
  stack.was_fault = false;
  stack.access = "write";
  stack.count = stack.signals = 2;
  stack.signal = "SIGSEGV";
  stack.first_ns = 8 * kSecond;
  stack.last_ns = 9 * kSecond;
  stack.tid = 4243;
  stack.call = "page fault";
  stack.at = {0x7ffd0fff0000, 0x7ffd10000000, 0x7ffd10021000, "[stack]", "rw-p", MLT_LOCKED, {}, {}, ""};
  stack.used_bytes = 80 * kMiB;
  stack.limit_bytes = 80 * kMiB;
  stack.needed_bytes = 65536;
  stack.explain =
      "the stack is locked, and may not grow by 64 KiB more: 80 MiB are locked, and RLIMIT_MEMLOCK is 80 MiB";
  process.faults.failed = {stack, by_call};
}

void add_busy_faults(Process& process) {
  const FaultTotals first_touch = minor_faults(1440, 900);
  const FaultTotals unknown = minor_faults(60, 900);
  FaultTotals cow = minor_faults(4098, 1'400);
  cow.major = 3;
  for (int i = 0; i < 3; ++i) cow.latency.add(2'400'000);
  FaultTotals populate = minor_faults(16384, 480);
  FaultTotals kernel = minor_faults(12, 1'100);
  kernel.errors = 1;
  FaultTotals by_access = first_touch;
  by_access.add(unknown);
  by_access.add(cow);
  by_access.retries = 3;
  by_access.untimed = 1;
  by_access.minor += 1;
  process.faults.by_origin = {by_access, kernel, populate, FaultTotals{}};
  process.faults.by_class = {{{MLT_ORIGIN_ACCESS, MLT_LOCKED, MLT_CAUSE_COW}, cow},
                             {{MLT_ORIGIN_POPULATE, MLT_LOCKED, MLT_CAUSE_FIRST_TOUCH}, populate},
                             {{MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_FIRST_TOUCH}, first_touch},
                             {{MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_UNKNOWN}, unknown},
                             {{MLT_ORIGIN_KERNEL, MLT_UNLOCKED, MLT_CAUSE_FILE_MAP}, kernel}};
  process.faults.by_thread = {{4242, populate}, {4243, by_access}, {0, kernel}};
  const auto at = [](std::uint64_t start, std::uint64_t bytes, std::string name, std::string permissions,
                     mlt_lock_state locked, mlt_cause cause, std::uint64_t minor, std::uint64_t major = 0) {
    return VmaFaults{.start = start,
                     .end = start + bytes,
                     .name = std::move(name),
                     .permissions = std::move(permissions),
                     .locked = locked,
                     .shm_locked = {},
                     .cause = cause,
                     .minor = minor,
                     .major = major,
                     .time_ns = (minor + 1000 * major) * 700,
                     .max_ns = major == 0 ? 9'300u : 2'400'000u};
  };
  process.faults.by_vma = {
      at(0x7f5a80000000, 64 * kMiB, "anonymous", "rw-p", MLT_LOCKED, MLT_CAUSE_FIRST_TOUCH, 16384),
      at(0x7f5a90000000, 128 * kMiB, "[anon:order book]", "rw-p", MLT_LOCKED_ON_FAULT, MLT_CAUSE_COW, 4098, 3),
      at(0x55d0c0de0000, 2 * kMiB, "[heap]", "rw-p", MLT_UNLOCKED, MLT_CAUSE_FIRST_TOUCH, 1440),
      at(0x7f5a7b000000, 1 * kMiB, "/usr/lib/x86_64-linux-gnu/libc.so.6", "r-xp", MLT_UNLOCKED, MLT_CAUSE_FILE_MAP, 40),
      at(0x7f5a7b200000, 64 * 1024, "/usr/lib/x86_64-linux-gnu/libc.so.6", "rw-p", MLT_UNLOCKED, MLT_CAUSE_COW, 12),
      at(0x7ffd10000000, 132 * 1024, "[stack]", "rw-p", MLT_UNLOCKED, MLT_CAUSE_STACK, 8),
      at(0x55d0c0000000, 1 * kMiB, "/opt/trading/bin/trade-engine", "r-xp", MLT_UNLOCKED, MLT_CAUSE_FILE_MAP, 6),
      at(0x55d0c0200000, 64 * 1024, "/opt/trading/bin/trade-engine", "rw-p", MLT_UNLOCKED, MLT_CAUSE_COW, 5),
      at(0x7ffd10100000, 8192, "[vdso]", "r-xp", MLT_UNLOCKED, MLT_CAUSE_SPECIAL_MAP, 1),
      at(0, 0, "", "", MLT_LOCK_UNKNOWN, MLT_CAUSE_UNKNOWN, 1)};
  process.faults.by_vma->back().errors = 1;
  process.faults.by_vma->back().shm_locked = false;
  process.faults.by_vma->at(3).offset = 0x28000;
  const Frame entry{"exc_page_fault", "[kernel]", 0xffffffff81a00100, 0x70};
  add_busy_failures(process);
  process.faults.stacks = {
      {{entry},
       {{"order_book::insert(order const&)", "/opt/trading/bin/trade-engine", 0x55d0c0012345, 0x45},
        {"main", "/opt/trading/bin/trade-engine", 0x55d0c0010abc, 0x1c},
        {"", "/usr/lib/x86_64-linux-gnu/libc.so.6", 0x7f5a7b02724a, 0x2724a},
        {"", "", 0x7f5a12345678, 0}},
       MLT_ORIGIN_ACCESS,
       MLT_CAUSE_COW,
       4101,
       5'700'000},
      {{}, {}, MLT_ORIGIN_POPULATE, MLT_CAUSE_UNKNOWN, 1, 900}};
}

Process busy_process() {
  Process process;
  process.pid = 4242;
  process.comm = "trade-engine";
  process.exe = "/opt/trading/bin/trade-engine";
  process.cgroup = "/system.slice/trade.service";
  process.threads = 3;
  measured_everything(process);
  add_busy_faults(process);
  add_busy_calls(process);
  process.populate = {1, 16384, 9'640'000};
  process.locks.locked_bytes = {0, 64 * kMiB, 72 * kMiB};
  process.locks.limit_bytes = 80 * kMiB;
  process.locks.headroom_bytes = 16 * kMiB;
  process.locks.mmap_lock = LockWaits{.all = {16, 6'500'000},
                                      .write = {2, 1'200'000},
                                      .max_ns = 4'100'000,
                                      .in_fault = {13, 5'200'000},
                                      .in_call_ns = 1'200'000,
                                      .while_locking = {12, 5'000'000},
                                      .holders = {{MLT_CALL_MLOCK, "mlock", {12, 5'000'000}},
                                                  {MLT_CALL_FAULT, "page fault", {2, 1'100'000}},
                                                  {MLT_CALL_NONE, "", {2, 400'000}}},
                                      .outside = {{{4711, "agent", "read", "smaps", {2, 400'000}}}}};
  process.locks.vma_lock = {14, 2};
  process.locks.limit_refusals = {{.kind = MLT_LIMITED_IO_URING,
                                   .calls = 3,
                                   .error = "ENOMEM",
                                   .limit_bytes = 80 * kMiB,
                                   .wanted_bytes = 64 * kMiB,
                                   .user_locked_bytes = 32 * kMiB,
                                   .pinned_bytes = 16 * kMiB,
                                   .locked_bytes = 72 * kMiB,
                                   .enough_bytes = 96 * kMiB}};
  process.pages = {18432, 2048, 18432, 2048, 0, 12, {{4712, "redis", 8}, {process.pid, process.comm, 3}, {0, "", 1}},
                   4};
  process.vma.splits = 3;
  process.vma.merges = 13;
  process.vma.count = {84, 92, 97};
  process.vma.changes = {{12'347'000, 4242, true, 0x7f5a7c000000, 0x7f5a90000000, 0x7f5a80000000, false, "mlock"},
                         {12'351'000, 4242, true, 0x7f5a80000000, 0x7f5a90000000, 0x7f5a84000000, false, "mlock"},
                         {30'001'000, 4242, true, 0x7f5a90000000, 0x7f5a98000000, 0x7f5a90800000, false, "mlock2"},
                         {9'100'350'000, 4242, false, 0x7f5a90000000, 0x7f5a98000000, 0, false, "munlock"}};
  process.waits = {Waited{2, 1'800'000, 1'200'000},
                   Waited{1, 90'000, 90'000},
                   Waited{4, 2'400'000, 900'000},
                   Waited{31, 8'200'000, 1'100'000},
                   Waited{12, 5'300'000, 2'100'000},
                   Waited{3, 70'000, 40'000},
                   Waited{1, 300'000, 300'000},
                   Waited{1, 4'100'000, 4'100'000},
                   Waited{2, 640'000, 500'000},
                   Waited{3, 5'400'000, 2'800'000},
                   Waited{1, 1'000'000, 1'000'000},
                   Waited{1, 2'000'000, 2'000'000},
                   Waited{2, 260'000, 140'000},
                   Waited{1, 12'000'000, 12'000'000},
                   44,
                   16};
  process.reclaim = {.direct = ReclaimStall{3, 21'400'000, 160, 9'800'000},
                     .memcg = ReclaimStall{12, 8'730'000, 1'472, 1'310'000},
                     .in_fault_ns = 27'900'000,
                     .in_call_ns = 9'800'000,
                     .met_locked_active = 96,
                     .met_locked_inactive = 1'024};
  process.swap = {.in = 2'048,
                  .in_major = 131,
                  .in_read = 131,
                  .in_ns = 41'200'000,
                  .readahead = 917,
                  .out = 4'096,
                  .out_by_self = 1'472,
                  .out_by_kswapd = 2'500,
                  .duplicated = 2'048,
                  .duplicate_ns = 390'000,
                  .freed = 0,
                  .free_ns = 0};
  process.life = {{5'000'000'000, LifeEvent::Kind::fork, 4250, 72 * kMiB, 0, true, false, ""},
                  {5'600'000'000, LifeEvent::Kind::vfork, 4251, 72 * kMiB, 72 * kMiB, true, false, ""},
                  {5'700'000'000, LifeEvent::Kind::share, 4252, 72 * kMiB, 72 * kMiB, true, false, ""}};
  process.children = {4250};
  process.acts = {{{.pid = 4713,
                    .comm = "trimmer",
                    .call = "process_madvise",
                    .what = "MADV_PAGEOUT",
                    .calls = 2,
                    .bytes = 8 * kMiB,
                    .pages = 131,
                    .first_ns = 1'500'000'000,
                    .last_ns = 2'500'000'000},
                   {.pid = 4242,
                    .comm = "trade-engine",
                    .by_itself = true,
                    .call = "write",
                    .file = "clear_refs",
                    .cgroup = "trade.service",
                    .value = "4",
                    .calls = 1,
                    .first_ns = 6'000'000'000,
                    .last_ns = 6'000'000'000}}};
  process.major_where_taken = 120;
  return process;
}

Process child_process() {
  Process process;
  process.pid = 4250;
  process.parent_pid = 4242;
  process.comm = "gzip";
  process.exe = "/usr/bin/gzip";
  process.exited = true;
  process.ending = Ending{std::nullopt, "SIGKILL", false, true, "cgroup", "/backup"};
  process.threads = 1;
  measured_everything(process);
  process.faults.by_origin[MLT_ORIGIN_ACCESS] = minor_faults(112, 650);
  process.faults.by_class = {
      {{MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_UNKNOWN}, *process.faults.by_origin[MLT_ORIGIN_ACCESS]}};
  process.locks.locked_bytes = {0, 0, 0};
  process.locks.limit_bytes = 80 * kMiB;
  process.locks.headroom_bytes = 80 * kMiB;
  process.vma.count = {84, 25, 84};
  process.swap->freed = 2'048;
  process.swap->free_ns = 270'000;
  process.life = {{5'002'000'000, LifeEvent::Kind::exec, 0, 0, 0, false, false, "gzip"},
                  {5'400'000'000, LifeEvent::Kind::exit, 0, 0, 0, false, false, ""}};
  return process;
}

}  // namespace

FaultTotals minor_faults(std::uint64_t count, std::uint64_t median_ns) {
  Spread spread;
  FaultTotals totals;
  totals.minor = count;
  for (std::uint64_t i = 0; i < count; ++i) totals.latency.add(spread.around(median_ns));
  return totals;
}

Report quiet() {
  Report report = base();
  report.target = {"pid", {812}, "", false};
  report.coverage.signals = exact_signals();
  report.coverage.audit = {
      {"faults of pid 812", 3, 3, 0, "/proc/812/stat min_flt + maj_flt", Verdict::equal, ""},
      {"locked memory of pid 812", 24 * kMiB, 24 * kMiB, 0, "/proc/812/smaps Locked", Verdict::equal, ""}};
  Process process;
  process.pid = 812;
  process.comm = "chronyd";
  process.exe = "/usr/sbin/chronyd";
  process.cgroup = "/system.slice/chrony.service";
  process.threads = 1;
  measured_everything(process);
  process.faults.by_origin[MLT_ORIGIN_ACCESS] = minor_faults(3, 700);
  process.faults.by_class = {
      {{MLT_ORIGIN_ACCESS, MLT_LOCKED, MLT_CAUSE_UNKNOWN}, *process.faults.by_origin[MLT_ORIGIN_ACCESS]}};
  process.locks.locked_bytes = {24 * kMiB, 24 * kMiB, 24 * kMiB};
  process.locks.limit_unlimited = true;
  process.vma.count = {61, 61, 61};
  report.processes = {process};
  report.system.vmstat = {{"pgfault", 1204}, {"unevictable_pgs_mlocked", 0}};
  report.system.other_unevictable_pages = 0;
  report.system.unevictable_without_mlock = 0;
  return report;
}

Report busy() {
  Report report = base();
  report.target = {"pid", {4242}, "", true};
  report.window.complete_after_ns = 1'370'000'000;
  report.coverage.signals = exact_signals();
  report.coverage.signals[3] = {"lru", SignalState::partial, "kprobe:mlock_folio",
                                "pages of huge folios that are split while they are locked count twice"};
  report.coverage.audit = {
      {"faults of pid 4242", 21998, 21998, 0, "/proc/4242/stat min_flt + maj_flt", Verdict::equal, ""},
      {"faults of pid 4250", 112, std::nullopt, 0, "/proc/4250/stat min_flt + maj_flt", Verdict::unavailable,
       "the process was gone before it could be read"},
      {"pages mlocked", 18432, 18432, 40, "/proc/vmstat unevictable_pgs_mlocked", Verdict::equal, ""}};
  report.processes = {busy_process(), child_process()};
  report.system.vmstat = {{"pgfault", 31877}, {"unevictable_pgs_mlocked", 18436}, {"unevictable_pgs_munlocked", 2048}};
  report.system.other_unevictable_pages = 4;
  report.system.acts = {{{.pid = 4714,
                          .comm = "sh",
                          .call = "write",
                          .file = "memory.high",
                          .cgroup = "trade.service",
                          .value = "1G",
                          .calls = 1,
                          .first_ns = 3'000'000'000,
                          .last_ns = 3'000'000'000},
                         {.pid = 77,
                          .comm = "kdamond.0",
                          .call = "proactive reclaim by DAMON",
                          .what = "DAMOS_PAGEOUT",
                          .bytes = 256 * 4096,
                          .pages = 64,
                          .first_ns = 4'000'000'000,
                          .last_ns = 4'100'000'000}}};
  report.system.unevictable_without_mlock = 3;
  report.system.reclaim = {.kswapd_wakeups = 7,
                           .kswapd_scanned = 12'288,
                           .kswapd_reclaimed = 9'216,
                           .direct_scanned = 2'101,
                           .direct_reclaimed = 1'632};
  report.system.swap_readahead = SwapReadahead{1'204, 655};
  report.system.memory_high = {{"/db.slice/db.service", 512 * kMiB, 31, 1'840'000'000},
                               {"/db.slice", 2048 * kMiB, 0, {}}};
  report.system.swap_devices = {{"/dev/vda3", "partition", 2048 * kMiB, 16 * kMiB, -2},
                                {"/var/swap file", "file", 512 * kMiB, 0, 5}};
  report.findings = {{"lock-over-limit",
                      Severity::problem,
                      4242,
                      "locking failed, RLIMIT_MEMLOCK is too small: mlock",
                      {{"failed_calls", 2}, {"limit_bytes", 83886080}, {"missing_bytes", 8388608}},
                      "Raise the limit to 88 MiB or more (LimitMEMLOCK= in the unit file, or ulimit -l).",
                      "setrlimit(2)"},
                     {"fork-cow",
                      Severity::warning,
                      4242,
                      "locked memory faults again: fork made it copy-on-write",
                      {{"faults", 4101}, {"forks", 1}},
                      "Fork before locking, use posix_spawn, or mark the memory with MADV_DONTFORK.",
                      "madvise(2)"}};
  report.storms = {{4242, 5 * kSecond, 4 * kSecond, 61'250, MLT_CAUSE_COW, "[heap]", "memset <- rewrite <- main",
                    183'400, 612'000'000, 540, 180'100, 4250, 183'390,
                    StormCall{5 * kSecond + kSecond / 2, 4242, "mprotect", "0x55d0c0de0000, 64 MiB, PROT_READ"}}};
  report.storms[0].cause_faults = 183'000;
  Storm& copies = report.storms.emplace_back(report.storms[0]);
  copies.start_ns = 12 * kSecond;
  copies.cause_faults = 80'000;
  copies.trigger.reset();
  copies.trigger_unknown = "memory is copied after a fork, and none was seen since the trace began";
  return report;
}

Report degraded() {
  Report report = base();
  report.host.kernel = "5.10.0-28-amd64";
  report.window.duration_ns = 1'234 * kSecond;
  report.target = {"command", {77}, "./bench --name \x1b[31mred", false};
  report.coverage.signals = {{"fault", SignalState::partial, "kretprobe:handle_mm_fault",
                              "faults by get_user_pages can't be told apart from accesses: no BTF on this kernel"},
                             {"lock", SignalState::exact, "tracepoint:raw_syscalls:sys_exit", ""},
                             {"vma", SignalState::off, "", "__split_vma can't be probed: it is inlined in this kernel"},
                             {"lru", SignalState::off, "", "needs Linux 5.18 or newer"}};
  report.coverage.lost = {1250, 3, 17};
  report.coverage.audit = {{"faults of pid 77", 9900, 10017, 0, "/proc/77/stat min_flt + maj_flt", Verdict::differs,
                            "117 faults are missing: 17 return probes did not fire, 100 came before the first record"},
                           {"pages mlocked", std::nullopt, 512, 0, "/proc/vmstat unevictable_pgs_mlocked",
                            Verdict::unavailable, "the signal lru is off"}};
  Process process;
  process.pid = 77;
  process.comm = "be\x1b]0;x\x07nch";
  process.exe = "/home/user/caf\xc3\xa9/\xff\xfe/bench";
  process.exited = true;
  process.ending = Ending{3, "", false, std::nullopt, "", ""};
  process.faults.by_origin[MLT_ORIGIN_ACCESS] = minor_faults(9900, 2'000);
  process.faults.by_origin[MLT_ORIGIN_KERNEL] = FaultTotals{};
  process.faults.by_class = {
      {{MLT_ORIGIN_ACCESS, MLT_LOCK_UNKNOWN, MLT_CAUSE_UNKNOWN}, *process.faults.by_origin[MLT_ORIGIN_ACCESS]}};
  for (std::uint64_t i = 0; i < 30; ++i) {
    LockCall one = call(i * 40 * kSecond, MLT_CALL_MLOCK, "mlock", "0x55d0c0de" + std::to_string(1000 + i) + ", 4 KiB",
                        0, i == 13 ? 8'000'000 : 1'000 + i);
    one.tid = static_cast<std::uint32_t>(77 + i % 2);
    one.locked_bytes_after = (i + 1) * 4096;
    process.locks.calls.push_back(one);
  }
  process.locks.calls_not_kept = 1250;
  process.locks.totals = {{MLT_CALL_MLOCK, "mlock", 1280, 0, 9'500'000, 0, 0, 0, 0, 0}};
  process.locks.locked_bytes = {0, 120 * 1024, std::nullopt};
  process.locks.limit_bytes = 64 * 1024;
  process.locks.headroom_bytes = -56 * 1024;
  process.life = {{1'233 * kSecond, LifeEvent::Kind::exit, 0, 120 * 1024, 0, true, true, ""}};
  process.life_not_kept = 1010;
  report.processes = {process};
  return report;
}

Report skipping(SkippedProbes skipped) {
  constexpr std::uint64_t kFaults = 400;
  Report report = quiet();
  report.coverage.skipped = skipped;
  AuditCheck& audit = report.coverage.audit.front();
  audit.traced = audit.kernel = kFaults;
  Faults& faults = report.processes.front().faults;
  FaultTotals& access = faults.by_origin[MLT_ORIGIN_ACCESS].emplace();
  access = minor_faults(kFaults - skipped.unclassed - skipped.untimed, 700);
  access.minor += skipped.untimed;
  access.untimed = skipped.untimed;
  FaultTotals& unknown = faults.by_origin[MLT_ORIGIN_UNKNOWN].emplace();
  unknown.minor = unknown.untimed = skipped.unclassed;
  faults.by_class = {{{MLT_ORIGIN_ACCESS, MLT_LOCKED, MLT_CAUSE_FIRST_TOUCH}, access}};
  if (skipped.unclassed != 0)
    faults.by_class.push_back({{MLT_ORIGIN_UNKNOWN, MLT_LOCK_UNKNOWN, MLT_CAUSE_UNKNOWN}, unknown});
  return report;
}

Report crowd(std::uint32_t processes) {
  Report report = base();
  report.target = {"all", {}, "", false};
  report.coverage.signals = exact_signals();
  for (std::uint32_t i = 0; i < processes; ++i) {
    Process process;
    process.pid = 1000 + i;
    process.comm = "worker-" + std::to_string(i);
    process.threads = 1;
    measured_everything(process);
    process.faults.by_origin[MLT_ORIGIN_ACCESS] = minor_faults(10 * (processes - i), 800);
    process.locks.locked_bytes = {0, 0, 0};
    process.locks.limit_bytes = 8 * kMiB;
    report.processes.push_back(process);
  }
  return report;
}

}  // namespace mlt::fixtures
