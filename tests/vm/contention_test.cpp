// What a lock costs: waiting for mmap_lock, what the time of a call went into, and the limits by which one failed. The
// workloads know how long they waited, or what decided.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <utility>

#include "program.h"
#include "report_view.h"
#include "trace_all.h"

namespace live {

namespace {

constexpr std::uint64_t kMillisecond = 1'000'000;

std::uint64_t number(const Json& object, const char* pointer) {
  const Json::json_pointer at(pointer);
  const Json value = object.contains(at) ? object.at(at) : Json();
  EXPECT_TRUE(value.is_number_unsigned()) << pointer << " is " << value.dump();
  return value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
}

const Json& call_named(const Json& process, const std::string& name, bool failed) {
  static const Json none;
  for (const Json& call : process.at("locks").at("calls")) {
    if (call.at("call") == name && (call.at("ret").get<std::int64_t>() < 0) == failed) return call;
  }
  return none;
}

// --- waiting for mmap_lock -----------------------------------------------------------------------------------------

// What the threads measured around what they did, and what was traced of it: the way into the kernel and out of it lies
// between, and being scheduled.
void expect_most_of(std::uint64_t traced, std::uint64_t measured, const char* what) {
  printf("%s: %.3f of %.3f ms\n", what, static_cast<double>(traced) / 1e6, static_cast<double>(measured) / 1e6);
  EXPECT_GE(traced + measured / 10 + 3 * kMillisecond, measured) << what;
}

class HeldUp : public testing::TestWithParam<std::string> {};

TEST_P(HeldUp, WaitsAreThoseThatTheThreadsMeasured) {
  Words options = {"mlocktrace", "-q", "--json"};
  if (!GetParam().empty()) options.insert(options.end(), {"--signals", GetParam()});
  options.insert(options.end(), {"--", "mlt-workload", "held-up"});
  const Finished finished = run(options);
  if (!GetParam().empty() && finished.status == 3) GTEST_SKIP() << finished.err;
  ASSERT_EQ(finished.status, 0) << finished.err;
  const auto end_of_truth = finished.out.find('\n');
  const Json truth = Json::parse(finished.out.substr(0, end_of_truth), nullptr, false);
  const Json report = parse_report(finished.out.substr(end_of_truth + 1));
  if (!measured(report, "lock_wait")) return;
  const Json* process = find_process(report, truth.at("pid"));
  ASSERT_NE(process, nullptr);
  const Json& lock = process->at("locks").at("mmap_lock");
  const std::uint64_t fault_ns = number(truth, "/extra/fault_wait_ns");
  const std::uint64_t map_ns = number(truth, "/extra/map_wait_ns");
  EXPECT_GE(number(lock, "/waits"), 2U) << lock;
  EXPECT_GE(number(lock, "/write_waits"), 1U) << lock;
  EXPECT_GE(number(lock, "/fault_waits"), 1U) << lock;
  EXPECT_GT(fault_ns, 5 * kMillisecond);
  expect_most_of(number(lock, "/in_fault_ns"), fault_ns, "waiting in the fault");
  // Else it says that it does not see all of a wait.
  if (signal_state(report, "lock_wait") == "exact")
    expect_most_of(number(lock, "/write_ns"), map_ns, "waiting in mmap");
  const std::uint64_t both_ns = fault_ns + map_ns;
  EXPECT_LE(number(lock, "/max_ns"), std::max(fault_ns, map_ns));
  ASSERT_FALSE(lock.at("holders").empty());
  EXPECT_EQ(lock.at("holders")[0].at("call"), "mprotect") << lock;
  // The page is in the mapping that mprotect changes.
  if (measured(report, "vma_lock")) {
    EXPECT_GE(number(process->at("locks"), "/vma_lock/aborts"), 1U);
  }
  if (!measured(report, "populate")) return;
  // The two that the threads measured. Besides, a thread may wait for the others' requests once the lock is released,
  // or for an mprotect that locks nothing: whoever starts a thread calls it for its stack.
  const std::uint64_t while_locking_ns = number(lock, "/while_locking_ns");
  expect_most_of(while_locking_ns, signal_state(report, "lock_wait") == "exact" ? both_ns : fault_ns, "while locking");
  EXPECT_LE(while_locking_ns, number(lock, "/holders/0/time_ns")) << lock;
  EXPECT_LE(while_locking_ns, both_ns) << lock;
  EXPECT_NE(find_finding(report, "lock-holds-up-threads"), nullptr);
}

INSTANTIATE_TEST_SUITE_P(Ways, HeldUp,
                         testing::Values("", "lock_wait:fentry,fault,fault_entry", "lock_wait:kprobe,fault,fault_entry",
                                         "lock_wait:tracepoint,fault,fault_entry"),
                         [](const auto& info) {
                           const auto colon = info.param.find(':');
                           if (colon == std::string::npos) return std::string("best");
                           return info.param.substr(colon + 1, info.param.find(',') - colon - 1);
                         });

TEST(LockWait, WhoIsAloneNeverWaits) {
  const Traced traced = trace_all({{"lock-untouched", {"mlt-workload", "lock-untouched"}}});
  const Json& process = traced.rows.at("lock-untouched").process;
  if (!measured(traced.report, "lock_wait")) return;
  ASSERT_TRUE(process.is_object());
  // Whoever reads /proc/PID takes the lock for reading: nobody of the process.
  for (const Json& holder : process["locks"]["mmap_lock"]["holders"]) EXPECT_TRUE(holder["call"].is_null()) << holder;
}

// --- faults in spite of per-VMA locks --------------------------------------------------------------------------------

// Each fault that waits for userfaultfd is handled twice, and the first time under the lock of its VMA. Nobody changes
// a VMA meanwhile.
TEST(VmaLock, GivenUpOnceByEachFaultThatWaits) {
  for (const char* threads : {"16", "48"}) {
    const Traced traced = trace_all({{"uffd", {"mlt-workload", "uffd", std::string("threads=") + threads}}});
    const auto& [truth, process] = traced.rows.at("uffd");
    if (truth.contains("unsupported")) GTEST_SKIP() << truth;
    const Json& lock = process.at("locks").at("vma_lock");
    if (!measured(traced.report, "vma_lock")) {
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

const Traced& parted() {
  static const Traced traced = [] {
    const std::string dir = access("/mnt", W_OK) == 0 ? "dir=/mnt" : "dir=/tmp";
    return trace_all({{"lock-untouched", {"mlt-workload", "lock-untouched", "--pages", "8192"}},
                      {"file-lock-cold", {"mlt-workload", "file-lock-cold", dir, "--pages", "8192"}},
                      {"swap-lock", {"mlt-workload", "swap-lock"}},
                      {"thread-stacks-locked", {"mlt-workload", "thread-stacks-locked"}}});
  }();
  return traced;
}

class CallParts : public testing::TestWithParam<Expected> {};

TEST_P(CallParts, TheRightOneIsTheLargest) {
  const Observation& row = parted().rows.at(GetParam().workload);
  if (row.truth.contains("unsupported") || !measured(parted().report, "cause")) return;
  const Json& call = call_named(row.process, GetParam().call, false);
  ASSERT_TRUE(call.is_object());
  std::uint64_t sum = 0;
  for (const auto& [name, time_ns] : call["parts"].items()) sum += time_ns.get<std::uint64_t>();
  EXPECT_EQ(sum, number(call, "/duration_ns")) << call;
  printf("%s: %s\n", GetParam().workload, call["parts"].dump().c_str());
  EXPECT_GT(number(call["parts"], GetParam().part), number(call, "/duration_ns") / 4) << call;
  for (const char* other : {"/memory_ns", "/file_ns", "/swap_in_ns", "/reclaim_ns", "/lock_wait_ns"}) {
    if (std::string(other) == GetParam().part) continue;
    EXPECT_LT(number(call["parts"], other), number(call["parts"], GetParam().part)) << call;
  }
}

INSTANTIATE_TEST_SUITE_P(All, CallParts,
                         testing::Values(Expected{"lock-untouched", "mlock", "/memory_ns"},
                                         Expected{"file-lock-cold", "mlock", "/file_ns"},
                                         Expected{"swap-lock", "mlock", "/swap_in_ns"},
                                         Expected{"thread-stacks-locked", "mprotect", "/memory_ns"}),
                         [](const auto& info) {
                           std::string name = info.param.workload;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(CallPartsOfAll, TotalsAreTheSumOfTheCalls) {
  for (const auto& [name, row] : parted().rows) {
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

// --- limits at the call --------------------------------------------------------------------------------------------

struct Failing {
  Json truth;
  Json report;
  Json process;
};

// A program that is over before anybody can look at its limits.
Failing run_traced(const std::string& workload) {
  auto [truth, report] = trace_command({"mlt-workload", workload});
  Failing failing{std::move(truth), std::move(report), {}};
  if (const Json* process = find_process(failing.report, failing.truth.at("pid"))) failing.process = *process;
  return failing;
}

void expect_over_limit(const Failing& failing, const std::string& call_name, const std::string& rule) {
  if (!measured(failing.report, "lock_call")) return;
  ASSERT_TRUE(failing.process.is_object());
  const Json& call = call_named(failing.process, call_name, true);
  ASSERT_TRUE(call.is_object());
  EXPECT_EQ(call["rule"], rule) << call;
  EXPECT_EQ(call["limit_bytes"], 64 * 1024) << call;
  EXPECT_NE(call["explain"].get<std::string>().find("64 KiB"), std::string::npos) << call;
}

void expect_limit_found(const Failing& failing, const std::string& id) {
  if (!measured(failing.report, "lock_call")) return;
  const Json* finding = find_finding(failing.report, id);
  ASSERT_NE(finding, nullptr) << failing.report["findings"];
  EXPECT_EQ((*finding)["evidence"]["limit_bytes"], 64 * 1024) << *finding;
}

TEST(LimitAtTheCall, OfAProgramThatIsGone) {
  const Failing failing = run_traced("lock-limit");
  expect_over_limit(failing, "mlock", "over_limit");
  expect_limit_found(failing, "lock-over-limit");
}

TEST(LimitAtTheCall, ThatWasAnotherBeforeAndAfter) {
  const Failing failing = run_traced("lock-limit-lowered");
  expect_over_limit(failing, "mlock", "over_limit");
  expect_limit_found(failing, "lock-over-limit");
}

TEST(LimitAtTheCall, AgainstTheWholeAddressSpaceAndLaterMappings) {
  const Failing failing = run_traced("lockall-limit");
  expect_over_limit(failing, "mlockall", "vm_size_over_limit");
  expect_over_limit(failing, "mmap", "over_limit");
  expect_limit_found(failing, "lock-over-limit");
  expect_limit_found(failing, "allocation-refused-under-mcl-future");
}

TEST(LimitAtTheCall, OfZero) {
  const Failing failing = run_traced("lock-noperm");
  if (!measured(failing.report, "lock_call")) return;
  const Json& call = call_named(failing.process, "mlock", true);
  EXPECT_EQ(call["rule"], "limit_zero") << call;
  EXPECT_EQ(call["limit_bytes"], 0) << call;
}

// --- calls that a filter answers ------------------------------------------------------------------------------------

// The kernel's function is never called.
TEST(Seccomp, ACallThatIsRefusedIsSeen) {
  const Traced traced = trace_all({{"lock-filtered", {"mlt-workload", "lock-filtered"}}});
  const auto& [truth, process] = traced.rows.at("lock-filtered");
  if (!sees_everything(traced.report)) return;
  ASSERT_TRUE(measured(traced.report, "filtered_call"));
  const Json& call = call_named(process, "mlock", true);
  ASSERT_TRUE(call.is_object()) << process;
  EXPECT_EQ(call["errno"], "EPERM") << call;
  EXPECT_EQ(call["rule"], "policy") << call;
  EXPECT_NE(call["args"].get<std::string>().find("64 KiB"), std::string::npos) << call;
  EXPECT_NE(call["explain"].get<std::string>().find("its seccomp filter"), std::string::npos) << call;
  EXPECT_EQ(process["locks"]["calls"].size(), truth.at("calls").size());
  EXPECT_NE(find_finding(traced.report, "lock-refused-by-policy"), nullptr);
}

TEST(Seccomp, NobodyPaysWhoRunsUnderNoFilter) {
  std::ifstream status("/proc/self/status");
  const std::string own{std::istreambuf_iterator<char>(status), {}};
  if (own.find("\nSeccomp:\t0") == std::string::npos) GTEST_SKIP() << "the command would run under the test's filter";
  const Finished finished = run({"mlocktrace", "--dry-run", "--", "true"});
  ASSERT_EQ(finished.status, 0) << finished.err;
  for (const char* function : {"__secure_computing", "__seccomp_permit_syscall"})
    EXPECT_EQ(finished.out.find(function), std::string::npos) << finished.out;
  EXPECT_NE(finished.out.find("seccomp filter"), std::string::npos) << finished.out;
}

// --- madvise -------------------------------------------------------------------------------------------------------

TEST(Madvise, LockedMemoryIsNotGivenBack) {
  const Failing failing = run_traced("dontneed-locked");
  if (!measured(failing.report, "lock_call")) return;
  const Json& call = call_named(failing.process, "madvise", true);
  ASSERT_TRUE(call.is_object());
  EXPECT_EQ(call["rule"], "locked_memory") << call;
  EXPECT_NE(call["args"].get<std::string>().find("MADV_DONTNEED"), std::string::npos) << call;
  EXPECT_NE(find_finding(failing.report, "memory-not-returned"), nullptr);
}

TEST(Madvise, WhatNoLockRefusesLeavesNothing) {
  const Failing failing = run_traced("discard");
  if (failing.process.is_null()) return;
  for (const Json& total : failing.process["locks"]["totals"]) EXPECT_NE(total["call"], "madvise") << total;
}

}  // namespace

}  // namespace live
