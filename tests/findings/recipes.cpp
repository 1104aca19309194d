#include "findings/recipes.h"

#include <sys/mman.h>

#include <cerrno>

#include "model/names.h"

namespace mlt::fixtures {

void add_faults(Process& process, mlt_origin origin, mlt_lock_state locked, mlt_cause cause, std::uint64_t minor,
                std::uint64_t latency_ns, std::uint64_t major) {
  FaultTotals totals;
  totals.minor = minor;
  totals.major = major;
  for (std::uint64_t i = 0; i < minor + major; ++i) totals.latency.add(latency_ns);
  process.faults.by_origin.at(origin)->add(totals);
  process.faults.by_class.push_back({{origin, locked, cause}, totals});
}

namespace {

void add_vma(Process& process, const VmaFaults& vma) {
  if (!process.faults.by_vma) process.faults.by_vma.emplace();
  process.faults.by_vma->push_back(vma);
}

}  // namespace

FailedFaults& add_failed(Process& process, mlt_error_reason reason) {
  FailedFaults& failed = process.faults.failed->emplace_back();
  failed.reason = reason;
  failed.access = "write";
  failed.count = 3;
  failed.signals = 3;
  failed.signal = "SIGBUS";
  failed.call = "page fault";
  failed.at.address = 0x7f5c00001000;
  failed.at.start = 0x7f5c00000000;
  failed.at.end = 0x7f5c00010000;
  failed.at.name = "/dev/shm/ring";
  failed.at.permissions = "rw-s";
  failed.explain = "so it is";
  return failed;
}

LockCall& add_call(Process& process, mlt_call call, std::int64_t ret) {
  // It is in force until a call says otherwise.
  const bool future = !process.locks.calls.empty() && process.locks.calls.back().mcl_future;
  LockCall& added = process.locks.calls.emplace_back();
  added.mcl_future = future;
  added.call = call;
  added.name = call_name(call);
  added.ret = ret;
  added.start_ns = process.locks.calls.size() * kSecond;
  added.locked_bytes_after = 4096;
  added.range_bytes = 4096;
  return added;
}

void add_life(Process& process, LifeEvent::Kind kind, std::uint64_t locked_bytes, bool mcl_future) {
  LifeEvent event;
  event.at_ns = 2 * kSecond;
  event.kind = kind;
  event.locked_bytes = locked_bytes;
  event.mcl_future = mcl_future;
  process.life.push_back(event);
}

Act pageout_by(std::uint32_t pid, const char* comm, std::uint64_t pages) {
  Act act;
  act.pid = pid;
  act.comm = comm;
  act.by_itself = pid == 42;
  act.call = "process_madvise";
  act.what = "MADV_PAGEOUT";
  act.calls = 1;
  act.bytes = 2 * pages * 4096;
  act.pages = pages;
  return act;
}

Report healthy() {
  Report report;
  report.host = {"6.1.0-test", "x86_64", 2, 4096, 1024 * kMiB};
  report.window.duration_ns = 10 * kSecond;
  report.system.vmstat = {{"pgfault", 100}, {"nr_unevictable", 1}};
  report.system.unevictable_pages = 1000;
  Process process;
  process.pid = 42;
  process.comm = "worker";
  for (auto& totals : process.faults.by_origin) totals.emplace();
  process.faults.failed.emplace();
  process.populate = {0, 0, 0};
  process.pages = {0, 0, 0, 0, 0, 0, {}, 0};
  process.locks.locked_bytes = {0, 0, 0};
  process.locks.limit_bytes = 8 * kMiB;
  process.locks.headroom_bytes = 8 * kMiB;
  process.locks.mmap_lock.emplace();
  process.locks.mmap_lock->outside.emplace();
  process.locks.limit_refusals.emplace();
  process.vma.splits = 0;
  process.vma.merges = 0;
  process.vma.count = {40, 40, 40};
  process.vma.max_map_count = 65530;
  process.reclaim.emplace();
  process.waits.emplace();
  process.swap.emplace();
  process.acts.emplace();
  process.major_where_taken = 0;
  report.system.acts.emplace();
  report.processes.push_back(process);
  return report;
}

namespace {

using Recipe = std::function<void(Report&)>;

// Faults in locked memory by this cause.
Recipe locked(mlt_cause cause, mlt_lock_state state = MLT_LOCKED) {
  return [=](Report& report) { add_faults(report.processes[0], MLT_ORIGIN_ACCESS, state, cause, 10); };
}

Recipe failed(CallRule rule, int error = ENOMEM, mlt_call call = MLT_CALL_MLOCK) {
  return [=](Report& report) { add_call(report.processes[0], call, -error).rule = rule; };
}

// An access that failed for this reason, and whose signal the program caught.
Recipe refused(mlt_error_reason reason) {
  return [=](Report& report) { add_failed(report.processes[0], reason); };
}

Recipe met(mlt_call call, RangeKind kind) {
  return [=](Report& report) {
    LockCall& added = add_call(report.processes[0], call);
    added.absent_ranges = kind == RangeKind::absent ? 1 : 0;
    added.ranges.push_back({.kind = kind, .start = 4096, .end = 8192, .error = "", .at = {}, .explain = "so it is"});
  };
}

void kill_for_memory(Report& report) {
  Process& process = report.processes[0];
  process.exited = true;
  process.ending.emplace();
  process.ending->signal = "SIGKILL";
  process.ending->oom_killed = true;
  process.ending->oom_limit = "cgroup";
  process.ending->oom_cgroup = "/db.slice";
  process.ending->oom_limit_bytes = 8 * kMiB;
  process.ending->oom_used_bytes = 8 * kMiB;
  add_life(process, LifeEvent::Kind::exit, kMiB);
}

// What a program does that asks for everything to be locked, and then maps and touches more.
void lock_all(Report& report, std::initializer_list<std::uint64_t> flags) {
  Process& process = report.processes[0];
  for (const std::uint64_t each : flags) {
    LockCall& call = add_call(process, MLT_CALL_MLOCKALL);
    call.flags = each;
    call.mcl_future = (each & MCL_FUTURE) != 0;
  }
  add_faults(process, MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_FIRST_TOUCH, 64);
}

void future(Process& process) { add_call(process, MLT_CALL_MLOCKALL).mcl_future = true; }

void lose_in_fork(Report& report) {
  Process child = report.processes[0];
  child.pid = 43;
  child.parent_pid = 42;
  add_life(report.processes[0], LifeEvent::Kind::fork, kMiB);
  report.processes[0].life.back().child_pid = 43;
  report.processes.push_back(child);
}

void populate_by(Report& report, mlt_call kind, std::uint64_t pages) {
  Process& process = report.processes[0];
  future(process);
  process.populate.pages = pages;
  CallTotals totals;
  totals.call = kind;
  totals.populates = 1;
  totals.pages_populated = pages;
  totals.populate_ns = 7'000'000;
  process.locks.totals.push_back(totals);
}

void slow(Report& report, mlt_call kind, std::uint64_t duration_ns, std::uint64_t pages) {
  LockCall& call = add_call(report.processes[0], kind);
  call.duration_ns = duration_ns;
  call.pages_populated = pages;
  call.range_bytes = pages * 4096;
}

// Threads waited for so long, most of it while mprotect populated a stack.
void wait_for_lock(Report& report, std::uint64_t locking_ns, std::uint64_t other_ns) {
  LockWaits& waits = *report.processes[0].locks.mmap_lock;
  const auto add = [](Waits& sum, std::uint64_t count, std::uint64_t time_ns) {
    sum.waits += time_ns == 0 ? 0 : count;
    sum.time_ns += time_ns;
  };
  add(waits.all, 10, locking_ns);
  add(waits.all, 4, other_ns);
  add(waits.write, 4, other_ns);
  add(waits.in_fault, 9, locking_ns / 2);
  add(waits.while_locking, 10, locking_ns);
  waits.max_ns = 3'000'000;
  if (other_ns != 0) waits.holders.push_back({MLT_CALL_MUNMAP, "munmap", {4, other_ns}});
  if (locking_ns != 0) waits.holders.push_back({MLT_CALL_MPROTECT, "mprotect", {10, locking_ns}});
}

void fragment(Report& report) {
  CallTotals totals;
  totals.call = MLT_CALL_MLOCK;
  totals.calls = 32;
  totals.vma_splits = 63;
  report.processes[0].locks.totals.push_back(totals);
}

void storm(Report& report, bool unusual) {
  Storm storm;
  storm.pid = 42;
  storm.duration_ns = 4 * kSecond;
  storm.peak_per_s = 90'000;
  storm.cause = MLT_CAUSE_FIRST_TOUCH;
  storm.faults = 300'000;
  storm.time_ns = kSecond;
  storm.vma = "[heap]";
  storm.tid = 43;
  storm.cause_faults = storm.vma_faults = storm.tid_faults = storm.faults;
  storm.trigger = StormCall{kSecond, 42, "madvise", "0x10000, 4 MiB, MADV_DONTNEED"};
  if (unusual) storm.baseline_per_s = 500;
  report.storms.push_back(storm);
}

}  // namespace

const std::map<std::string, Recipe>& recipes() {
  static const std::map<std::string, Recipe> table = {
      {"fork-cow", locked(MLT_CAUSE_COW)},
      {"private-file-write",
       [](Report& report) {
         Process& process = report.processes[0];
         add_faults(process, MLT_ORIGIN_ACCESS, MLT_LOCKED_ON_FAULT, MLT_CAUSE_COW, 10);
         VmaFaults vma;
         vma.name = "/srv/data";
         vma.permissions = "rw-p";
         vma.locked = MLT_LOCKED_ON_FAULT;
         vma.cause = MLT_CAUSE_COW;
         vma.minor = 20;
         add_vma(process, vma);
       }},
      {"onfault-first-touch", locked(MLT_CAUSE_FIRST_TOUCH, MLT_LOCKED_ON_FAULT)},
      {"stack-growth", locked(MLT_CAUSE_STACK)},
      {"zero-page-write", locked(MLT_CAUSE_ZERO_PAGE)},
      {"shared-file-mkwrite", locked(MLT_CAUSE_MKWRITE)},
      {"numa-balancing", locked(MLT_CAUSE_NUMA_HINT)},
      {"page-migration", locked(MLT_CAUSE_MIGRATION)},
      {"ksm-write", locked(MLT_CAUSE_KSM)},
      {"soft-dirty-tracking", locked(MLT_CAUSE_SOFT_DIRTY)},
      {"write-protected-again", locked(MLT_CAUSE_WRITE_ENABLE)},
      {"userfaultfd", locked(MLT_CAUSE_UFFD_MISSING)},
      {"lock-not-effective", locked(MLT_CAUSE_FILE_MAP)},
      {"locked-faults", locked(MLT_CAUSE_UNKNOWN)},
      {"mapped-after-mcl-current", [](Report& report) { lock_all(report, {MCL_CURRENT}); }},
      {"mcl-future-cancelled",
       [](Report& report) {
         lock_all(report, {MCL_CURRENT | MCL_FUTURE, MCL_CURRENT});
       }},
      {"lock-lost-in-fork", lose_in_fork},
      {"lock-lost-in-exec", [](Report& report) { add_life(report.processes[0], LifeEvent::Kind::exec, kMiB, true); }},
      {"shm-lock-not-present",
       [](Report& report) {
         VmaFaults vma;
         vma.name = "/SYSV00000000 (deleted)";
         vma.permissions = "rw-s";
         vma.shm_locked = true;
         vma.cause = MLT_CAUSE_FILE_MAP;
         vma.minor = 20;
         vma.time_ns = 4000;
         add_vma(report.processes[0], vma);
       }},
      {"lock-without-effect", met(MLT_CALL_MLOCK, RangeKind::unlockable)},
      {"lock-incomplete", met(MLT_CALL_MLOCKALL, RangeKind::absent)},
      {"lock-answered-by-filter",
       [](Report& report) { add_call(report.processes[0], MLT_CALL_MLOCK).filtered = true; }},
      {"ended-by-fault",
       [](Report& report) {
         report.processes[0].exited = true;
         add_failed(report.processes[0], MLT_ERROR_UNMAPPED).ended_process = true;
       }},
      {"ended-by-oom-killer", kill_for_memory},
      {"fault-beyond-file", refused(MLT_ERROR_BEYOND_FILE)},
      {"fault-file-system-full", refused(MLT_ERROR_FILE_SYSTEM_FULL)},
      {"fault-no-huge-page", refused(MLT_ERROR_HUGE_PAGES)},
      {"fault-poisoned", refused(MLT_ERROR_POISON)},
      {"fault-not-permitted", refused(MLT_ERROR_PROTECTION)},
      {"fault-unmapped", refused(MLT_ERROR_UNMAPPED)},
      {"stack-growth-refused", refused(MLT_ERROR_STACK_LOCKED)},
      {"fault-no-memory", refused(MLT_ERROR_MEMORY_CGROUP)},
      {"fault-refused-by-userfaultfd", refused(MLT_ERROR_USERFAULTFD)},
      {"fault-failed", refused(MLT_ERROR_UNKNOWN)},
      {"locked-not-mlocked", [](Report& report) { report.processes[0].pages.locked_not_mlocked = 5; }},
      {"mcl-future-amplification", [](Report& report) { populate_by(report, MLT_CALL_MMAP, 16384); }},
      {"thread-stack-populate",
       [](Report& report) {
         LockCall& call = add_call(report.processes[0], MLT_CALL_MPROTECT);
         call.pages_populated = 2048;
         call.duration_ns = 3'000'000;
       }},
      {"allocation-refused-under-mcl-future",
       [](Report& report) {
         LockCall& call = add_call(report.processes[0], MLT_CALL_MMAP, -EAGAIN);
         call.rule = CallRule::over_limit;
         call.mcl_future = true;
       }},
      {"lock-headroom-low",
       [](Report& report) {
         future(report.processes[0]);
         report.processes[0].locks.headroom_bytes = 4 * kMiB;
       }},
      {"slow-lock", [](Report& report) { slow(report, MLT_CALL_MLOCK, 50'000'000, 1024); }},
      {"slow-unlock", [](Report& report) { slow(report, MLT_CALL_MUNLOCK, 50'000'000, 1024); }},
      {"memory-not-returned",
       [](Report& report) {
         LockCall& call = add_call(report.processes[0], MLT_CALL_MADVISE, -EINVAL);
         call.rule = CallRule::locked_memory;
         call.range_bytes = kMiB;
       }},
      {"lock-holds-up-threads", [](Report& report) { wait_for_lock(report, 200'000'000, 0); }},
      {"mmap-lock-contention", [](Report& report) { wait_for_lock(report, 0, 200'000'000); }},
      {"memory-taken-by-others",
       [](Report& report) {
         Process& process = report.processes[0];
         process.acts->push_back(pageout_by(7, "trimmer", 1024));
         process.major_where_taken = 1000;
       }},
      {"faults-by-others",
       [](Report& report) {
         Process& process = report.processes[0];
         process.acts->push_back(
             {.pid = 7, .comm = "criu", .call = "write", .file = "clear_refs", .value = "4", .calls = 2});
         add_faults(process, MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_SOFT_DIRTY, 100);
       }},
      {"reclaim-stall",
       [](Report& report) {
         report.processes[0].reclaim->direct = ReclaimStall{3, 900'000, 64, 500'000};
       }},
      {"working-set-too-large",
       [](Report& report) {
         report.processes[0].waits->refaulted_file = 2'000;
         report.processes[0].waits->refault = Waited{1'900, 90'000'000, 3'000'000};
         report.system.reclaim.emplace();
         report.system.reclaim->kswapd_reclaimed = 1'500;
         report.system.reclaim->direct_reclaimed = 100;
       }},
      {"compaction-stall",
       [](Report& report) {
         report.processes[0].waits->compaction = Waited{3, 900'000, 500'000};
       }},
      {"writeback-wait",
       [](Report& report) {
         report.processes[0].waits->writeback = Waited{4, 800'000, 400'000};
       }},
      {"huge-page-cost",
       [](Report& report) {
         report.processes[0].waits->huge_page = Waited{4, 40'000'000, 20'000'000};
       }},
      {"userfaultfd-wait",
       [](Report& report) {
         add_faults(report.processes[0], MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_UFFD_MINOR, 10);
         report.processes[0].waits->userfault = Waited{10, 2'000'000, 600'000};
       }},
      {"memory-high-sleep",
       [](Report& report) {
         report.processes[0].waits->memory_high = Waited{2, 700'000, 500'000};
         report.processes[0].waits->after_memory_high = Waited{1, 2'000'000, 2'000'000};
       }},
      {"vma-fragmentation", fragment},
      {"vma-limit-near", [](Report& report) { report.processes[0].vma.count.peak = 40'000; }},
      {"unevictable-growth",
       [](Report& report) {
         report.window.duration_ns = 120 * kSecond;
         report.system.vmstat["nr_unevictable"] = 10'000;
       }},
      {"unevictable-high", [](Report& report) { report.system.unevictable_pages = 150'000; }},
      {"memory-high-exceeded",
       [](Report& report) {
         report.system.memory_high = {{"/db.slice", 64 * kMiB, 0, 9 * kSecond}, {"/", 512 * kMiB, 12, 3 * kSecond}};
       }},
      {"reclaim-inefficient",
       [](Report& report) {
         report.system.vmstat["allocstall_normal"] = 2;
         report.system.vmstat["pgscan_direct"] = 9000;
         report.system.vmstat["pgsteal_direct"] = 1000;
       }},
      {"swap-in-storm",
       [](Report& report) { report.processes[0].swap->in = report.processes[0].swap->in.value_or(0) + 20'000; }},
      {"fork-copies-swap", [](Report& report) { report.processes[0].swap->duplicated = 1024; }},
      {"exit-frees-swap",
       [](Report& report) {
         report.processes[0].exited = true;
         report.processes[0].swap->freed = 1024;
         report.processes[0].swap->free_ns = 20'000'000;
       }},
      {"guest-memory-swapped",
       [](Report& report) {
         report.processes[0].comm = "qemu-system-x86";
         report.processes[0].swap->in = report.processes[0].swap->in.value_or(0) + 3;
       }},
      {"fault-storm", [](Report& report) { storm(report, true); }},
      {"major-fault-storm",
       [](Report& report) {
         add_faults(report.processes[0], MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_FILE_READ, 0, 5'000'000, 400);
       }},
      {"lock-over-limit", failed(CallRule::over_limit)},
      {"memlock-limit-of-others",
       [](Report& report) {
         report.processes[0].locks.limit_refusals = {{.kind = MLT_LIMITED_IO_URING,
                                                      .calls = 3,
                                                      .error = "ENOMEM",
                                                      .limit_bytes = 64 << 10,
                                                      .wanted_bytes = 32 << 10,
                                                      .user_locked_bytes = 48 << 10,
                                                      .pinned_bytes = 16 << 10,
                                                      .locked_bytes = 0,
                                                      .enough_bytes = 80 << 10}};
       }},
      {"lock-not-permitted", failed(CallRule::limit_zero, EPERM)},
      {"lock-refused-by-policy", failed(CallRule::policy, EPERM)},
      {"lock-hole", failed(CallRule::hole)},
      {"unlock-hole", failed(CallRule::hole, ENOMEM, MLT_CALL_MUNLOCK)},
      {"lock-not-populated", failed(CallRule::not_populated)},
      {"lock-too-many-mappings",
       [](Report& report) {
         LockCall& call = add_call(report.processes[0], MLT_CALL_MLOCK, -ENOMEM);
         call.rule = CallRule::too_many_mappings;
         call.mappings = 200;
         call.max_map_count = 200;
       }},
      {"lock-out-of-memory", failed(CallRule::no_memory, EAGAIN)},
      {"lock-bad-argument", failed(CallRule::bad_argument, EINVAL)},
      {"lock-failed", failed(CallRule::undetermined)},
      {"populate-burst",
       [](Report& report) {
         add_faults(report.processes[0], MLT_ORIGIN_POPULATE, MLT_LOCKED, MLT_CAUSE_FIRST_TOUCH, 4096);
       }},
      {"populate-without-lock",
       [](Report& report) {
         Process& process = report.processes[0];
         add_faults(process, MLT_ORIGIN_POPULATE, MLT_UNLOCKED, MLT_CAUSE_FIRST_TOUCH, 4096);
         CallTotals& totals = process.locks.totals.emplace_back();
         totals.call = MLT_CALL_MADVISE;
         totals.name = "madvise";
         totals.unlocked_populate_faults = 4096;
       }},
      {"major-without-io",
       [](Report& report) {
         add_faults(report.processes[0], MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_MKWRITE, 0, 1000, 64);
       }},
      {"cheap-faults",
       [](Report& report) {
         add_faults(report.processes[0], MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_FIRST_TOUCH, 20'000);
       }},
      {"spurious-faults",
       [](Report& report) {
         add_faults(report.processes[0], MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_SPURIOUS, 100);
       }},
      {"vdso-data-page",
       [](Report& report) {
         Process& process = report.processes[0];
         process.locks.locked_bytes.peak = kMiB;
         add_faults(process, MLT_ORIGIN_ACCESS, MLT_UNLOCKED, MLT_CAUSE_SPECIAL_MAP, 1);
         VmaFaults vma;
         vma.name = "[vvar]";
         vma.cause = MLT_CAUSE_SPECIAL_MAP;
         vma.minor = 1;
         add_vma(process, vma);
       }},
  };
  return table;
}

}  // namespace mlt::fixtures
