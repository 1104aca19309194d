// What a lock costs: waiting for mmap_lock, what the time of a call went into, and the limits by which one failed. The
// workloads know how long they waited, or what decided.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>

#include "observed.h"

namespace live {

namespace {

constexpr std::uint64_t kMillisecond = 1'000'000;
// From so long on, waiting is a finding.
constexpr std::uint64_t kNoticedNs = kMillisecond;

// More than once, for who finds that all is over when the machine lets it go on.
const std::map<std::string, Words> kHeldUp = {{"held-up 1", {"mlt-workload", "held-up"}},
                                              {"held-up 2", {"mlt-workload", "held-up"}},
                                              {"held-up 3", {"mlt-workload", "held-up"}}};

const Json& call_named(const Json& process, const std::string& name, bool failed) {
  static const Json none;
  for (const Json& call : process.at("locks").at("calls")) {
    if (call.at("call") == name && (call.at("ret").get<std::int64_t>() < 0) == failed) return call;
  }
  return none;
}

const Traced& together() {
  static const Traced traced = [] {
    const std::string dir = access("/mnt", W_OK) == 0 ? "dir=/mnt" : "dir=/tmp";
    std::map<std::string, Words> commands = {
        {"lock-untouched", {"mlt-workload", "lock-untouched", "--pages", "8192"}},
        {"file-lock-cold", {"mlt-workload", "file-lock-cold", dir, "--pages", "8192"}},
        {"swap-lock", {"mlt-workload", "swap-lock"}},
        {"thread-stacks-locked", {"mlt-workload", "thread-stacks-locked"}},
        {"lock-filtered", {"mlt-workload", "lock-filtered"}},
        {"uffd 16", {"mlt-workload", "uffd", "threads=16"}},
        {"uffd 48", {"mlt-workload", "uffd", "threads=48"}},
    };
    commands.insert(kHeldUp.begin(), kHeldUp.end());
    // What a test asks for.
    return trace_all(commands, {"--signals",
                                "fault,fault_entry,cause,vma_lock,lock_call,filtered_call,populate,"
                                "lock_wait,reclaim"});
  }();
  return traced;
}

// --- waiting for mmap_lock -----------------------------------------------------------------------------------------

class HeldUp : public testing::TestWithParam<std::string> {
 protected:
  // Null: it can't be measured this way here.
  static const Traced* traced() {
    if (GetParam().empty()) return &together();
    static std::map<std::string, std::optional<Traced>> all;
    auto [found, is_new] = all.try_emplace(GetParam());
    if (is_new && run({"mlocktrace", "--dry-run", "--signals", GetParam(), "--", "true"}).status == 0)
      found->second = trace_all(kHeldUp, {"--signals", GetParam()});
    return found->second ? &*found->second : nullptr;
  }

  static bool nothing_to_see() {
    if (traced() != nullptr && measured(traced()->report, "lock_wait")) return false;
    printf("lock_wait can't be measured this way\n");
    return true;
  }

  static const Json& lock_of(const std::string& name) {
    return traced()->rows.at(name).process.at("locks").at("mmap_lock");
  }
  static std::uint64_t measured_ns(const std::string& name, const char* pointer) {
    return number(traced()->rows.at(name).truth, pointer);
  }
};

TEST_P(HeldUp, WaitsAreThoseThatTheThreadsMeasured) {
  if (nothing_to_see()) return;
  int held_up = 0;
  for (const auto& [name, command] : kHeldUp) {
    const Json& process = traced()->rows.at(name).process;
    ASSERT_TRUE(process.is_object());
    const Json& lock = lock_of(name);
    const std::uint64_t fault_ns = measured_ns(name, "/extra/fault_wait_ns");
    const std::uint64_t map_ns = measured_ns(name, "/extra/map_wait_ns");
    EXPECT_LE(number(lock, "/in_fault_ns"), fault_ns) << lock;
    EXPECT_LE(number(lock, "/max_ns"), std::max(fault_ns, map_ns)) << lock;
    if (measured(traced()->report, "populate")) {
      // Besides, a thread may wait for the others' requests once the lock is released.
      const std::uint64_t while_locking_ns = number(lock, "/while_locking_ns");
      EXPECT_LE(while_locking_ns, fault_ns + map_ns) << lock;
      EXPECT_EQ(find_finding(traced()->report, "lock-holds-up-threads", process.at("pid")) != nullptr,
                while_locking_ns >= kNoticedNs)
          << lock;
    }
    // On a busy machine one of the two may come when all is over.
    if (number(lock, "/fault_waits") == 0 || number(lock, "/write_waits") == 0) continue;
    ++held_up;
    EXPECT_GE(number(lock, "/waits"), 2U) << lock;
    ASSERT_FALSE(lock.at("holders").empty());
    EXPECT_EQ(lock.at("holders")[0].at("call"), "mprotect") << lock;
    // The page is in the mapping that mprotect changes.
    if (measured(traced()->report, "vma_lock")) {
      EXPECT_GE(number(process.at("locks"), "/vma_lock/aborts"), 1U);
    }
    if (!measured(traced()->report, "populate")) continue;
    EXPECT_GT(number(lock, "/while_locking_ns"), 0U) << lock;
    EXPECT_LE(number(lock, "/while_locking_ns"), number(lock, "/holders/0/time_ns")) << lock;
  }
  EXPECT_GE(held_up, 1);
}

class TimedHeldUp : public HeldUp {};

// What the threads measured around what they did, and what was traced of it: the way into the kernel and out of it lies
// between, and being scheduled.
void expect_most_of(std::uint64_t traced, std::uint64_t measured, const char* what) {
  printf("%s: %.3f of %.3f ms\n", what, static_cast<double>(traced) / 1e6, static_cast<double>(measured) / 1e6);
  EXPECT_GE(traced + measured / 10 + 3 * kMillisecond, measured) << what;
}

TEST_P(TimedHeldUp, NearlyAllOfTheWaitsIsSeen) {
  if (nothing_to_see()) return;
  for (const auto& [name, command] : kHeldUp) {
    const Json& lock = lock_of(name);
    const std::uint64_t fault_ns = measured_ns(name, "/extra/fault_wait_ns");
    const std::uint64_t map_ns = measured_ns(name, "/extra/map_wait_ns");
    EXPECT_GE(number(lock, "/write_waits"), 1U) << lock;
    EXPECT_GE(number(lock, "/fault_waits"), 1U) << lock;
    EXPECT_GT(fault_ns, 5 * kMillisecond);
    expect_most_of(number(lock, "/in_fault_ns"), fault_ns, "waiting in the fault");
    // Else it says that it does not see all of a wait.
    const bool exact = signal_state(traced()->report, "lock_wait") == "exact";
    if (exact) expect_most_of(number(lock, "/write_ns"), map_ns, "waiting in mmap");
    if (!measured(traced()->report, "populate")) continue;
    expect_most_of(number(lock, "/while_locking_ns"), exact ? fault_ns + map_ns : fault_ns, "while locking");
    EXPECT_NE(find_finding(traced()->report, "lock-holds-up-threads", traced()->rows.at(name).truth.at("pid")),
              nullptr);
  }
}

std::string way_name(const testing::TestParamInfo<std::string>& info) {
  const auto colon = info.param.find(':');
  if (colon == std::string::npos) return "best";
  return info.param.substr(colon + 1, info.param.find(',') - colon - 1);
}

const auto kWays = testing::Values("", "lock_wait:fentry,fault,fault_entry", "lock_wait:kprobe,fault,fault_entry",
                                   "lock_wait:tracepoint,fault,fault_entry");
INSTANTIATE_TEST_SUITE_P(Ways, HeldUp, kWays, way_name);
INSTANTIATE_TEST_SUITE_P(Ways, TimedHeldUp, kWays, way_name);

TEST(LockWait, WhoIsAloneNeverWaits) {
  const Json& process = together().rows.at("lock-untouched").process;
  if (!measured(together().report, "lock_wait")) {
    printf("lock_wait can't be measured\n");
    return;
  }
  ASSERT_TRUE(process.is_object());
  // Whoever reads /proc/PID takes the lock for reading: nobody of the process.
  for (const Json& holder : process["locks"]["mmap_lock"]["holders"]) EXPECT_TRUE(holder["call"].is_null()) << holder;
}

// --- faults in spite of per-VMA locks --------------------------------------------------------------------------------

// Each fault that waits for userfaultfd is handled twice, and the first time under the lock of its VMA. Nobody changes
// a VMA meanwhile.
TEST(VmaLock, GivenUpOnceByEachFaultThatWaits) {
  for (const char* threads : {"16", "48"}) {
    const auto& [truth, process] = together().rows.at(std::string("uffd ") + threads);
    if (truth.contains("unsupported")) {
      printf("%s\n", truth.dump().c_str());
      return;
    }
    const Json& lock = process.at("locks").at("vma_lock");
    if (!measured(together().report, "vma_lock")) {
      EXPECT_TRUE(lock.is_null()) << lock;
      continue;
    }
    EXPECT_EQ(number(lock, "/retries"), std::stoul(threads)) << lock;
    EXPECT_EQ(number(lock, "/aborts"), 0U) << lock;
  }
}

// --- what the time went into ---------------------------------------------------------------------------------------

struct Expected {
  const char* workload;
  const char* call;
  const char* part;
};

class CallParts : public testing::TestWithParam<Expected> {
 protected:
  // Null: there is nothing to compare.
  static const Json* call() {
    const Observation& row = together().rows.at(GetParam().workload);
    if (row.truth.contains("unsupported") || !measured(together().report, "cause")) {
      printf("nothing to see: %s\n", row.truth.dump().c_str());
      return nullptr;
    }
    const Json& call = call_named(row.process, GetParam().call, false);
    EXPECT_TRUE(call.is_object());
    if (call.is_object()) printf("%s\n", call.at("parts").dump().c_str());
    return call.is_object() ? &call : nullptr;
  }
};

TEST_P(CallParts, TheRightOneIsThere) {
  const Json* call = CallParts::call();
  if (call == nullptr) return;
  const Json& parts = call->at("parts");
  std::uint64_t sum = 0;
  for (const auto& [name, time_ns] : parts.items()) sum += time_ns.get<std::uint64_t>();
  EXPECT_EQ(sum, number(*call, "/duration_ns")) << *call;
  EXPECT_GT(number(parts, GetParam().part), 0U) << *call;
  // Nothing else is to be read.
  for (const char* other : {"/file_ns", "/swap_in_ns"}) {
    if (std::string(other) == GetParam().part) continue;
    EXPECT_EQ(number(parts, other), 0U) << *call;
  }
}

class TimedCallParts : public CallParts {};

TEST_P(TimedCallParts, TheRightOneIsTheLargest) {
  const Json* call = CallParts::call();
  if (call == nullptr) return;
  const Json& parts = call->at("parts");
  EXPECT_GT(number(parts, GetParam().part), number(*call, "/duration_ns") / 4) << *call;
  for (const char* other : {"/memory_ns", "/file_ns", "/swap_in_ns", "/reclaim_ns", "/lock_wait_ns", "/off_cpu_ns"}) {
    if (std::string(other) == GetParam().part) continue;
    EXPECT_LT(number(parts, other), number(parts, GetParam().part)) << *call;
  }
}

const auto kParts = testing::Values(
    Expected{"lock-untouched", "mlock", "/memory_ns"}, Expected{"file-lock-cold", "mlock", "/file_ns"},
    Expected{"swap-lock", "mlock", "/swap_in_ns"}, Expected{"thread-stacks-locked", "mprotect", "/memory_ns"});
std::string part_name(const testing::TestParamInfo<Expected>& info) {
  std::string name = info.param.workload;
  std::ranges::replace(name, '-', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(All, CallParts, kParts, part_name);
INSTANTIATE_TEST_SUITE_P(All, TimedCallParts, kParts, part_name);

TEST(CallPartsOfAll, TotalsAreTheSumOfTheCalls) {
  for (const auto& [name, row] : together().rows) {
    if (row.truth.contains("unsupported") || row.process.is_null()) continue;
    std::map<std::string, std::uint64_t> sums;
    for (const Json& call : row.process["locks"]["calls"]) {
      const Json& memory = call["parts"]["memory_ns"];
      if (memory.is_number()) sums[call["call"].get<std::string>()] += memory.get<std::uint64_t>();
    }
    for (const Json& total : row.process["locks"]["totals"]) {
      if (total["parts"]["memory_ns"].is_null()) continue;
      EXPECT_EQ(total["parts"]["memory_ns"], sums[total["call"].get<std::string>()]) << name << total;
    }
  }
}

// --- time off the processor ------------------------------------------------------------------------------------------

// The kernel counts it, and the workload asks right before and right after each call: in between a tick may come, too.
TEST(OffCpu, IsWhatTheKernelCounted) {
  const TracedCommand traced = trace_command({"mlt-workload", "lock-crowded"}, {"--signals", "fault,cause,lock_call"});
  if (!measured(traced.report, "lock_call")) return;
  const Json* process = find_process(traced.report, traced.truth.at("pid"));
  ASSERT_NE(process, nullptr);
  const Json& calls = process->at("locks").at("calls");
  std::uint64_t sum = 0;
  int equal = 0;
  int index = 0;
  for (const Json& call : calls) {
    if (call.at("call") != "mlock") continue;
    const std::uint64_t traced_ns = call.at("parts").at("off_cpu_ns");
    const std::uint64_t kernel_ns = traced.truth.at("extra").at("delay_" + std::to_string(index++) + "_ns");
    EXPECT_LE(traced_ns, kernel_ns) << call.dump();
    if (traced_ns == kernel_ns) ++equal;
    sum += traced_ns;
    std::uint64_t parts = 0;
    for (const auto& [name, time] : call.at("parts").items()) parts += time.is_null() ? 0 : time.get<std::uint64_t>();
    EXPECT_EQ(parts, call.at("duration_ns").get<std::uint64_t>()) << call.dump();
  }
  EXPECT_EQ(index, 8);
  EXPECT_GE(equal, 4);
  EXPECT_GT(sum, 10'000'000U) << "three others had the processor";
}

// --- limits at the call --------------------------------------------------------------------------------------------

// Programs that are over before anybody can look at their limits.
const Traced& gone() {
  static const Traced traced =
      trace_in_turn({"lock-limit", "lock-limit-lowered", "lockall-limit", "lock-noperm", "dontneed-locked", "discard"},
                    {"--signals", "fault,lock_call"});
  return traced;
}

bool sees_no_calls() {
  if (measured(gone().report, "lock_call")) return false;
  printf("lock_call can't be measured\n");
  return true;
}

void expect_over_limit(const std::string& workload, const std::string& call_name, const std::string& rule) {
  if (sees_no_calls()) return;
  const Json& process = gone().rows.at(workload).process;
  ASSERT_TRUE(process.is_object());
  const Json& call = call_named(process, call_name, true);
  ASSERT_TRUE(call.is_object());
  EXPECT_EQ(call["rule"], rule) << call;
  EXPECT_EQ(call["limit_bytes"], 64 * 1024) << call;
  EXPECT_NE(call["explain"].get<std::string>().find("64 KiB"), std::string::npos) << call;
}

void expect_limit_found(const std::string& workload, const std::string& id) {
  if (sees_no_calls()) return;
  const Json* finding = find_finding(gone().report, id, gone().rows.at(workload).truth.at("pid"));
  ASSERT_NE(finding, nullptr) << gone().report["findings"];
  EXPECT_EQ((*finding)["evidence"]["limit_bytes"], 64 * 1024) << *finding;
}

TEST(LimitAtTheCall, OfAProgramThatIsGone) {
  expect_over_limit("lock-limit", "mlock", "over_limit");
  expect_limit_found("lock-limit", "lock-over-limit");
}

TEST(LimitAtTheCall, ThatWasAnotherBeforeAndAfter) {
  expect_over_limit("lock-limit-lowered", "mlock", "over_limit");
  expect_limit_found("lock-limit-lowered", "lock-over-limit");
}

TEST(LimitAtTheCall, AgainstTheWholeAddressSpaceAndLaterMappings) {
  expect_over_limit("lockall-limit", "mlockall", "vm_size_over_limit");
  expect_over_limit("lockall-limit", "mmap", "over_limit");
  expect_limit_found("lockall-limit", "lock-over-limit");
  expect_limit_found("lockall-limit", "allocation-refused-under-mcl-future");
}

TEST(LimitAtTheCall, OfZero) {
  if (sees_no_calls()) return;
  const Json& process = gone().rows.at("lock-noperm").process;
  ASSERT_TRUE(process.is_object());
  const Json& call = call_named(process, "mlock", true);
  EXPECT_EQ(call["rule"], "limit_zero") << call;
  EXPECT_EQ(call["limit_bytes"], 0) << call;
}

// --- calls that a filter answers ------------------------------------------------------------------------------------

// The kernel's function is never called.
TEST(Seccomp, ACallThatIsRefusedIsSeen) {
  const Traced& traced = together();
  const auto& [truth, process] = traced.rows.at("lock-filtered");
  if (!sees_everything(traced.report)) {
    printf("functions can't be hooked\n");
    return;
  }
  ASSERT_TRUE(measured(traced.report, "filtered_call"));
  const Json& call = call_named(process, "mlock", true);
  ASSERT_TRUE(call.is_object()) << process;
  EXPECT_EQ(call["errno"], "EPERM") << call;
  EXPECT_EQ(call["rule"], "policy") << call;
  EXPECT_NE(call["args"].get<std::string>().find("64 KiB"), std::string::npos) << call;
  EXPECT_NE(call["explain"].get<std::string>().find("a seccomp filter refused it"), std::string::npos) << call;
  EXPECT_EQ(process["locks"]["calls"].size(), truth.at("calls").size());
  EXPECT_NE(find_finding(traced.report, "lock-refused-by-policy", truth.at("pid")), nullptr);
}

TEST(Seccomp, NobodyPaysWhoRunsUnderNoFilter) {
  std::ifstream status("/proc/self/status");
  const std::string own{std::istreambuf_iterator<char>(status), {}};
  if (own.find("\nSeccomp:\t0") == std::string::npos) {
    printf("the command would run under the test's filter\n");
    return;
  }
  const Finished finished = run({"mlocktrace", "--dry-run", "-p", std::to_string(getpid())});
  ASSERT_EQ(finished.status, 0) << finished.err;
  for (const char* function : {"__secure_computing", "__seccomp_permit_syscall"})
    EXPECT_EQ(finished.out.find(function), std::string::npos) << finished.out;
  EXPECT_NE(finished.out.find("seccomp filter"), std::string::npos) << finished.out;
}

// The filter says yes, and came after the start of a program that is traced from its start.
TEST(Seccomp, ASuccessThatIsNoneIsTold) {
  const auto [truth, report] =
      trace_command({"mlt-workload", "lock-fake"}, {"--signals", "fault,cause,lock_call,filtered_call"});
  if (!sees_everything(report)) return;
  ASSERT_TRUE(measured(report, "filtered_call"));
  const Json* process = find_process(report, truth.at("pid"));
  ASSERT_NE(process, nullptr);
  EXPECT_EQ(call_named(*process, "mlock", false).at("filtered"), true);
  const Json* finding = find_finding(report, "lock-answered-by-filter", truth.at("pid"));
  ASSERT_NE(finding, nullptr) << report.at("findings");
  EXPECT_EQ(finding->at("evidence").at("calls"), 2);
  for (const char* wrong : {"lock-without-effect", "lock-not-effective", "lock-refused-by-policy"})
    EXPECT_EQ(find_finding(report, wrong, truth.at("pid")), nullptr) << wrong;
}

// --- madvise -------------------------------------------------------------------------------------------------------

TEST(Madvise, LockedMemoryIsNotGivenBack) {
  if (sees_no_calls()) return;
  const auto& [truth, process] = gone().rows.at("dontneed-locked");
  ASSERT_TRUE(process.is_object());
  const Json& call = call_named(process, "madvise", true);
  ASSERT_TRUE(call.is_object());
  EXPECT_EQ(call["rule"], "locked_memory") << call;
  EXPECT_NE(call["args"].get<std::string>().find("MADV_DONTNEED"), std::string::npos) << call;
  EXPECT_NE(find_finding(gone().report, "memory-not-returned", truth.at("pid")), nullptr);
}

TEST(Madvise, WhatNoLockRefusesLeavesNothing) {
  const Json& process = gone().rows.at("discard").process;
  ASSERT_TRUE(process.is_object());  // it has faults
  for (const Json& total : process["locks"]["totals"]) EXPECT_NE(total["call"], "madvise") << total;
}

}  // namespace

}  // namespace live
