// Reclaim, swap and inheritance: who pays, who is spared, who loses the lock. What mlocktrace says of workloads that
// know how often they were reclaimed from, what was swapped and what stayed locked.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <map>
#include <sstream>
#include <thread>

#include "program.h"
#include "report_view.h"

namespace live {

namespace {

struct Traced {
  Json truth;
  Json report;
  Json process;  // the workload; null when the report does not have it

  // Nothing to compare: the kernel lacks what the workload needs, or what mlocktrace needs.
  [[nodiscard]] bool nothing_to_see() const { return truth.contains("unsupported") || !sees_everything(report); }
  [[nodiscard]] std::uint64_t extra(const char* key) const { return truth.at("extra").at(key).get<std::uint64_t>(); }
  [[nodiscard]] std::uint64_t vmstat(const char* key) const { return truth.at("vmstat").at(key).get<std::uint64_t>(); }
  [[nodiscard]] std::uint64_t faults() const { return major_faults() + truth["work"]["minor"].get<std::uint64_t>(); }
  [[nodiscard]] std::uint64_t major_faults() const { return truth["work"]["major"].get<std::uint64_t>(); }
};

// Where functions can be hooked all of this is measured: a number that is missing is a failure.
std::uint64_t number(const Json& object, const char* pointer) {
  const Json::json_pointer at(pointer);
  const Json value = object.contains(at) ? object.at(at) : Json();
  EXPECT_TRUE(value.is_number_unsigned()) << pointer << " is " << value.dump();
  return value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
}

// The work of `name`, as seen by an mlocktrace that traces `target`, or the workload itself. `before`: what comes
// first.
Traced trace(const std::string& name, const Words& options = {}, pid_t target = 0, const Words& settings = {},
             const std::function<void()>& after = {}) {
  Traced traced;
  Words work = {"mlt-workload", name, "--hold"};
  work.insert(work.end(), settings.begin(), settings.end());
  Program workload(work);
  EXPECT_TRUE(workload.read_line().starts_with("ready"));
  Words command = {"mlocktrace", "--json", "-p", std::to_string(target != 0 ? target : workload.pid())};
  command.insert(command.end(), options.begin(), options.end());
  Program tracer(command);
  EXPECT_TRUE(tracer.wait_for_stderr("tracing")) << tracer.stderr_so_far();
  workload.send("g");
  traced.truth = Json::parse(workload.read_line(), nullptr, false);
  EXPECT_TRUE(traced.truth.is_object());
  if (after) after();
  tracer.signal(SIGINT);
  const Finished finished = tracer.finish();
  EXPECT_EQ(finished.status, 0) << finished.err;
  traced.report = parse_report(finished.out);
  expect_nothing_lost(traced.report);
  if (const Json* process = find_process(traced.report, static_cast<std::uint64_t>(workload.pid())))
    traced.process = *process;
  return traced;
}

// The same without options, once for all tests that ask: each takes seconds.
const Traced& traced_once(const std::string& name) {
  static std::map<std::string, Traced> all;
  const auto found = all.find(name);
  return found != all.end() ? found->second : all.emplace(name, trace(name)).first->second;
}

// --- swap ----------------------------------------------------------------------------------------------------------

class SwapIn : public testing::TestWithParam<const char*> {};

TEST_P(SwapIn, EveryFaultFindsASwapEntry) {
  const Traced& traced = traced_once(GetParam());
  if (traced.nothing_to_see()) return;
  EXPECT_EQ(number(traced.process, "/swap/in"), traced.extra("swapped_in"));
  EXPECT_EQ(number(traced.process, "/swap/in_major"), traced.major_faults());
  EXPECT_GT(number(traced.process, "/swap/in_ns"), 0U);
  EXPECT_EQ(number(traced.process, "/swap/out"), 0U);
  // Nobody else reads from swap meanwhile.
  EXPECT_EQ(number(traced.process, "/swap/readahead"), number(traced.report, "/system/swap_readahead/pages"));
}

INSTANTIATE_TEST_SUITE_P(All, SwapIn, testing::Values("swap-touch", "swap-lock"), [](const auto& info) {
  std::string name = info.param;
  std::ranges::replace(name, '-', '_');
  return name;
});

TEST(SwapLock, LockedPagesAreMlockedOrReportedAsNot) {
  const Traced& traced = traced_once("swap-lock");
  if (traced.nothing_to_see()) return;
  const std::uint64_t mlocked = number(traced.process, "/pages/mlocked");
  EXPECT_EQ(mlocked + number(traced.process, "/pages/locked_not_mlocked"), traced.extra("locked_pages"));
  EXPECT_EQ(mlocked, traced.extra("mlocked_after"));
}

TEST(SwapFork, EntriesAreCopiedByTheForkAndFreedByTheExit) {
  const Traced traced = trace("swap-fork", {"--follow"});
  if (traced.nothing_to_see()) return;
  EXPECT_EQ(number(traced.process, "/swap/duplicated"), traced.extra("duplicated"));
  EXPECT_GT(number(traced.process, "/swap/duplicate_ns"), 0U);
  EXPECT_EQ(number(traced.process, "/swap/freed"), 0U);
  const Json* child = find_process(traced.report, traced.truth["children"][0]["pid"]);
  ASSERT_NE(child, nullptr);
  EXPECT_EQ(number(*child, "/swap/freed"), traced.extra("freed_by_child"));
  EXPECT_GT(number(*child, "/swap/free_ns"), 0U);
  EXPECT_EQ(number(*child, "/swap/in"), 0U);
}

TEST(SwapDevices, AreThoseOfProc) {
  Program idle({"mlt-workload", "idle", "--seconds", "60"});
  const Finished finished = run({"mlocktrace", "-q", "--json", "-d", "100ms", "-p", std::to_string(idle.pid())});
  ASSERT_EQ(finished.status, 0) << finished.err;
  Json expected = Json::array();
  std::istringstream swaps(read_file("/proc/swaps"));
  std::string line;
  for (std::getline(swaps, line); std::getline(swaps, line);) {
    std::istringstream words(line);
    std::string name;
    std::string type;
    std::uint64_t size = 0;
    std::uint64_t used = 0;
    int priority = 0;
    words >> name >> type >> size >> used >> priority;
    expected.push_back({{"name", name}, {"type", type}, {"size_bytes", size * 1024}, {"priority", priority}});
  }
  Json devices = parse_report(finished.out).at("system").at("swap_devices");
  for (Json& device : devices) {
    EXPECT_LE(device.at("used_bytes"), device.at("size_bytes"));
    device.erase("used_bytes");  // may have changed
  }
  EXPECT_EQ(devices, expected);
}

// --- reclaim -------------------------------------------------------------------------------------------------------

class Pressure : public testing::TestWithParam<const char*> {};

TEST_P(Pressure, IsChargedToTheProcessThatHadToReclaim) {
  const Traced& traced = traced_once(GetParam());
  if (traced.nothing_to_see()) return;
  EXPECT_EQ(number(traced.process, "/reclaim/memcg/calls"), traced.extra("memcg_reclaims"));
  EXPECT_GE(number(traced.process, "/reclaim/memcg/reclaimed"), traced.extra("memcg_reclaimed") * 9 / 10);
  EXPECT_EQ(number(traced.process, "/reclaim/direct/calls"), 0U);
  const std::uint64_t time = number(traced.process, "/reclaim/memcg/time_ns");
  EXPECT_GT(time, 0U);
  EXPECT_GT(number(traced.process, "/reclaim/memcg/max_ns"), 0U);
  EXPECT_LE(number(traced.process, "/reclaim/memcg/max_ns"), time);
  // Nearly all of it waits inside faults, and no lock call meets the limit.
  EXPECT_GT(number(traced.process, "/reclaim/in_fault_ns"), time / 2);
  EXPECT_LE(number(traced.process, "/reclaim/in_fault_ns"), time);
  EXPECT_LE(number(traced.process, "/reclaim/in_call_ns"), time);
  EXPECT_GT(number(traced.process, "/swap/in"), 0U);
  EXPECT_GT(number(traced.process, "/swap/out"), 0U);
  EXPECT_LE(number(traced.process, "/swap/out"), traced.vmstat("pswpout"));
  EXPECT_LE(number(traced.process, "/swap/out_by_self"), number(traced.process, "/swap/out"));
}

INSTANTIATE_TEST_SUITE_P(All, Pressure, testing::Values("reclaim-fault", "pressure", "lock-cull", "shm-cull"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(ReclaimFault, WhatIsNoFirstTouchIsASwapIn) {
  const Traced& traced = traced_once("reclaim-fault");
  if (traced.nothing_to_see()) return;
  EXPECT_EQ(number(traced.process, "/swap/in"), traced.faults() - traced.extra("pressing_pages"));
  EXPECT_EQ(number(traced.process, "/swap/in_major"), traced.major_faults());
}

TEST(LockedHalf, IsSpared) {
  const Traced& traced = traced_once("pressure");
  if (traced.nothing_to_see()) return;
  EXPECT_EQ(traced.extra("locked_present"), traced.extra("locked_pages"));
  EXPECT_EQ(number(traced.process, "/pages/mlocked"), traced.extra("locked_pages"));
  EXPECT_EQ(number(traced.process, "/pages/munlocked"), 0U);
  EXPECT_EQ(number(traced.process, "/pages/locked_not_mlocked"), 0U);
}

// Locked but not mlocked, it is still on the lists that reclaim goes through: that stops at the mapping.
TEST(LockedNotMlocked, IsMetByReclaimAndSpared) {
  const Traced& traced = traced_once("lock-cull");
  if (traced.nothing_to_see()) return;
  EXPECT_EQ(traced.extra("locked_present"), traced.extra("locked_pages"));
  // A kernel that leaves locked pages on the active list alone meets them on the other.
  const Json& active = traced.process.at("reclaim").at("met_locked_active");
  const std::uint64_t met =
      (active.is_null() ? 0 : active.get<std::uint64_t>()) + number(traced.process, "/reclaim/met_locked_inactive");
  EXPECT_GE(met, traced.extra("mlocked_after") - traced.extra("mlocked_before_pressure"));
}

TEST(ShmLocked, IsCulledByReclaim) {
  const Traced& traced = traced_once("shm-cull");
  if (traced.nothing_to_see()) return;
  // Some kernels move these pages where nothing can be hooked: then the number is missing, not wrong.
  const Json& culled = traced.process.at("pages").at("culled_by_reclaim");
  if (culled.is_null()) return;
  // Reclaim puts them into a batch of its processor's, which somebody else may empty: 31 pages at most on each.
  const std::uint64_t moved = traced.extra("unevictable_after") - traced.extra("unevictable_before_pressure");
  const std::uint64_t batches = 31 * traced.report["host"]["cpus"].get<std::uint64_t>();
  EXPECT_LE(culled.get<std::uint64_t>(), moved);
  EXPECT_GE(culled.get<std::uint64_t>() + batches, moved);
}

// --- the kernel's own counts of the cgroup, and of what is resident --------------------------------------------------

Json audit_row(const Json& report, const std::string& name) {
  for (const Json& check : report.at("coverage").at("audit")) {
    if (check.at("check") == name) return check;
  }
  return {};
}

void expect_equal(const Json& report, const std::string& name, std::uint64_t traced) {
  const Json row = audit_row(report, name);
  ASSERT_TRUE(row.is_object()) << "no audit of " << name << " in " << report.at("coverage").at("audit").dump();
  EXPECT_EQ(row.at("verdict"), "equal") << row.dump();
  EXPECT_EQ(row.at("traced"), traced) << row.dump();
}

// A cgroup of version 2 with a memory controller; without one where the machine has none.
class MemoryCgroup {
 public:
  MemoryCgroup() {
    if (!std::filesystem::exists("/sys/fs/cgroup/cgroup.controllers")) return;
    write_file("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
    std::filesystem::create_directory(path_, ignored_);
    possible_ = std::filesystem::exists(path_ + "/memory.max") && std::filesystem::exists(path_ + "/cgroup.procs");
  }
  MemoryCgroup(const MemoryCgroup&) = delete;
  MemoryCgroup& operator=(const MemoryCgroup&) = delete;
  ~MemoryCgroup() { std::filesystem::remove(path_, ignored_); }

  [[nodiscard]] bool possible() const { return possible_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  void enter(pid_t pid) const { write_file(path_ + "/cgroup.procs", std::to_string(pid)); }
  void set_high(std::uint64_t bytes) const { write_file(path_ + "/memory.high", std::to_string(bytes)); }
  [[nodiscard]] std::uint64_t exceeded_high() const {
    const std::string events = read_file(path_ + "/memory.events");
    return std::stoull(events.substr(events.find("high ") + 5));
  }
  [[nodiscard]] bool counts(const std::string& name) const {
    return read_file(path_ + "/memory.stat").find(name + " ") != std::string::npos;
  }

 private:
  std::string path_ = "/sys/fs/cgroup/mlt-live." + std::to_string(getpid());
  std::error_code ignored_;
  bool possible_ = false;
};

// The kernel has the same number, and it is this one.
TEST(CgroupAudit, FaultsAndWhatIsResidentOfATargetThatIsAlone) {
  const MemoryCgroup cgroup;
  if (!cgroup.possible()) return;
  for (const bool by_pid : {true, false}) {
    Program workload({"mlt-workload", "lock-untouched", "--hold"});
    ASSERT_TRUE(workload.read_line().starts_with("ready"));
    cgroup.enter(workload.pid());
    const std::string target = by_pid ? std::to_string(workload.pid()) : cgroup.path();
    Program tracer({"mlocktrace", "--json", by_pid ? "-p" : "-c", target});
    ASSERT_TRUE(tracer.wait_for_stderr("tracing")) << tracer.stderr_so_far();
    workload.send("g");
    const Json truth = Json::parse(workload.read_line(), nullptr, false);
    tracer.signal(SIGINT);
    const Finished finished = tracer.finish();
    ASSERT_EQ(finished.status, 0) << finished.err;
    const Json report = parse_report(finished.out);
    if (!sees_everything(report)) return;
    const Json& work = truth.at("work");
    const auto major = work.at("major").get<std::uint64_t>();
    expect_equal(report, "faults in the cgroup", major + work.at("minor").get<std::uint64_t>());
    if (cgroup.counts("pswpout")) expect_equal(report, "pages swapped out in the cgroup", 0);
    const std::uint64_t locked_kb = truth["locked_kb"]["after"];
    if (by_pid) expect_equal(report, "locked resident bytes of " + std::to_string(workload.pid()), locked_kb * 1024);
    workload.send("g");
    workload.finish();
  }
}

TEST(CgroupAudit, IsNotToBeHadWithOthersInTheCgroup) {
  const MemoryCgroup cgroup;
  if (!cgroup.possible()) return;
  Program target({"mlt-workload", "idle", "--seconds", "60"});
  Program other({"mlt-workload", "idle", "--seconds", "60"});
  cgroup.enter(target.pid());
  cgroup.enter(other.pid());
  const Finished finished = run({"mlocktrace", "-q", "--json", "-d", "100ms", "-p", std::to_string(target.pid())});
  ASSERT_EQ(finished.status, 0) << finished.err;
  const Json report = parse_report(finished.out);
  if (!sees_everything(report)) return;
  const Json row = audit_row(report, "faults in the cgroup");
  ASSERT_TRUE(row.is_object());
  EXPECT_EQ(row.at("verdict"), "unavailable");
  EXPECT_EQ(row.at("why"), "other processes are in the cgroup, too");
}

// What is locked can't be reclaimed: the kernel lets the process sleep instead.
TEST(MemoryHigh, SlowsDownWhoLocksMore) {
  const MemoryCgroup cgroup;
  if (!cgroup.possible()) return;
  constexpr std::uint64_t kHigh = 1024 * 4096;
  cgroup.set_high(kHigh);
  Program workload({"mlt-workload", "lock-untouched", "--hold", "--pages", "1100"});
  ASSERT_TRUE(workload.read_line().starts_with("ready"));
  cgroup.enter(workload.pid());
  Program tracer({"mlocktrace", "--json", "-p", std::to_string(workload.pid())});
  ASSERT_TRUE(tracer.wait_for_stderr("tracing")) << tracer.stderr_so_far();
  const std::uint64_t before = cgroup.exceeded_high();
  const auto start = std::chrono::steady_clock::now();
  workload.send("g");
  workload.read_line();
  const std::uint64_t at_least = cgroup.exceeded_high() - before;
  tracer.signal(SIGINT);
  const Finished finished = tracer.finish();
  const auto window_ns = static_cast<std::uint64_t>((std::chrono::steady_clock::now() - start).count());
  const std::uint64_t at_most = cgroup.exceeded_high() - before;
  workload.send("g");
  workload.finish();
  ASSERT_EQ(finished.status, 0) << finished.err;
  const Json report = parse_report(finished.out);
  const Json& limits = report.at("system").at("memory_high");
  ASSERT_EQ(limits.size(), 1U) << limits;
  printf("%s\n", limits.dump().c_str());
  EXPECT_TRUE(cgroup.path().ends_with(limits[0].at("cgroup").get<std::string>())) << limits;
  EXPECT_EQ(limits[0].at("limit_bytes"), kHigh);
  ASSERT_GT(at_least, 0U);
  EXPECT_GE(limits[0].at("exceeded"), at_least);
  EXPECT_LE(limits[0].at("exceeded"), at_most);
  const Json* finding = find_finding(report, "memory-high-exceeded");
  ASSERT_NE(finding, nullptr);
  EXPECT_EQ(finding->at("evidence").at("times"), limits[0].at("exceeded"));
  if (limits[0].at("stalled_ns").is_null()) return;  // a kernel without PSI
  EXPECT_GT(limits[0].at("stalled_ns"), 0U);
  EXPECT_LE(limits[0].at("stalled_ns"), window_ns);
}

TEST_P(Pressure, AgreesWithTheCgroupsOwnCounts) {
  const Traced& traced = traced_once(GetParam());
  if (traced.nothing_to_see()) return;
  const Json faults = audit_row(traced.report, "faults in the cgroup");
  ASSERT_TRUE(faults.is_object());
  EXPECT_EQ(faults.at("verdict"), "equal") << faults.dump();
  // Newer kernels only.
  const Json row = audit_row(traced.report, "pages swapped out in the cgroup");
  if (row.is_object()) {
    EXPECT_EQ(row.at("verdict"), "equal") << row.dump();
    EXPECT_EQ(row.at("traced"), traced.process.at("swap").at("out"));
  }
}

// --- unevictable, and why ------------------------------------------------------------------------------------------

class SharedLock : public testing::TestWithParam<const char*> {};

TEST_P(SharedLock, PagesStayLockedElsewhereAndByWhom) {
  const Traced traced = trace("shared-lock", {}, 0, {std::string("kind=") + GetParam(), "dir=/mnt"});
  if (traced.nothing_to_see()) return;
  // The kernel forgets how often a page is locked while the page waits in a batch, and unlocks it for all then
  // (Documentation/mm/unevictable-lru.rst): what counts is what it has done.
  EXPECT_LE(traced.extra("mlocked_after"), traced.extra("still_locked_pages"));
  EXPECT_EQ(number(traced.process, "/pages/still_locked_elsewhere"), traced.extra("mlocked_after"));
  std::map<std::uint64_t, std::uint64_t> expected{{traced.extra("other_pid"), traced.extra("held_by_other")}};
  if (traced.truth["extra"].contains("second_pid"))
    expected[traced.extra("second_pid")] = traced.extra("held_by_second");
  std::map<std::uint64_t, std::uint64_t> holders;
  for (const Json& holder : traced.process.at("pages").at("still_locked_by")) {
    ASSERT_TRUE(holder.at("pid").is_number()) << traced.process.at("pages").dump();
    EXPECT_EQ(holder.at("comm"), "mlt-workload");
    holders[holder.at("pid")] = holder.at("pages");
  }
  EXPECT_EQ(holders, expected);
  expect_audit_holds(traced.report);
}

INSTANTIATE_TEST_SUITE_P(All, SharedLock, testing::Values("memory", "file", "anonymous", "halves", "self"),
                         [](const auto& info) { return std::string(info.param); });

class WithoutMlock : public testing::TestWithParam<const char*> {};

TEST_P(WithoutMlock, UnevictablePagesOfOthersAreToldApart) {
  Program idle({"mlt-workload", "idle", "--seconds", "600"});
  const Traced traced = trace(GetParam(), {}, idle.pid());
  if (traced.nothing_to_see()) return;
  const std::uint64_t unlocked = number(traced.report, "/system/unevictable_without_mlock");
  // The kernel's own count ends with the work, when some pages may still be in a batch.
  EXPECT_GE(unlocked, traced.vmstat("unevictable_pgs_culled"));
  EXPECT_LE(unlocked, traced.extra("unevictable_pages"));
  EXPECT_LE(unlocked, number(traced.report, "/system/other_unevictable_pages"));
}

INSTANTIATE_TEST_SUITE_P(All, WithoutMlock, testing::Values("shm-lock", "ramfs", "secretmem"), [](const auto& info) {
  std::string name = info.param;
  std::ranges::replace(name, '-', '_');
  return name;
});

// The pages go back at once, in the call: no munlock, and no batch, is involved.
TEST(ShmUnlock, RescuesThePagesForTheCaller) {
  const Traced& traced = traced_once("shm-unlock");
  if (traced.nothing_to_see()) return;
  // What still waited in a batch when the pages were looked at is on the list by then, or never gets there.
  const std::uint64_t rescued = number(traced.process, "/pages/rescued");
  // An earlier program may have left pages in a batch that is emptied meanwhile: the audit compares the sum.
  EXPECT_LE(rescued, traced.vmstat("unevictable_pgs_rescued"));
  EXPECT_EQ(traced.extra("unevictable_after"), 0U);
  EXPECT_GE(rescued, traced.extra("unevictable_before"));
  EXPECT_LE(rescued, traced.truth["pages"].get<std::uint64_t>());
  EXPECT_GT(rescued, 0U);
  EXPECT_EQ(number(traced.process, "/pages/munlocked"), 0U);
  expect_audit_holds(traced.report, "pages rescued");
}

// --- huge pages that are locked in part -----------------------------------------------------------------------------

class LockedInPart : public testing::TestWithParam<const char*> {};

TEST_P(LockedInPart, IsNotMlockedAndSaidSo) {
  const Traced& traced = traced_once(GetParam());
  if (traced.nothing_to_see()) return;
  const std::uint64_t locked = traced.extra("locked_pages");
  const std::uint64_t not_mlocked = traced.extra("locked_in_part") - traced.extra("mlocked_in_part");
  EXPECT_EQ(number(traced.process, "/locks/locked_bytes/end"), locked * 4096);
  EXPECT_EQ(number(traced.process, "/pages/locked_not_mlocked"), not_mlocked);
  expect_audit_holds(traced.report);
  if (not_mlocked == 0) return;
  const Json row =
      audit_row(traced.report, "locked resident bytes of " + std::to_string(traced.process["pid"].get<int>()));
  ASSERT_TRUE(row.is_object());
  EXPECT_EQ(row.at("kernel"), locked * 4096);
  EXPECT_EQ(row.at("verdict"), "unavailable");
  EXPECT_EQ(row.at("why"), std::to_string(not_mlocked) +
                               " pages are of huge pages that are locked in part, which the kernel does not mlock");
}

INSTANTIATE_TEST_SUITE_P(All, LockedInPart, testing::Values("thp-lock-middle", "thp-straddle", "thp-unlock-half"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

// --- migration -----------------------------------------------------------------------------------------------------

class Migration : public testing::TestWithParam<const char*> {};

// A page that moves is munlocked, and its copy is mlocked: by whoever moves it, which nobody else is charged with.
TEST_P(Migration, OfLockedPagesIsChargedToWhoeverMovesThem) {
  const Traced traced = trace("move-pages", {}, 0, {std::string("by=") + GetParam()});
  if (traced.nothing_to_see()) return;
  const std::uint64_t moved = traced.extra("moved_locked");
  EXPECT_EQ(moved, 2 * traced.extra("locked_pages"));
  EXPECT_EQ(traced.extra("moved_unlocked"), moved);
  EXPECT_EQ(traced.extra("mlocked_after"), traced.extra("locked_pages"));
  const std::uint64_t own = GetParam() == std::string("self") ? moved : 0;
  EXPECT_EQ(number(traced.process, "/pages/mlocked"), own);
  EXPECT_EQ(number(traced.process, "/pages/munlocked"), own);
  EXPECT_EQ(traced.vmstat("unevictable_pgs_mlocked"), moved);
  EXPECT_EQ(number(traced.process, "/locks/locked_bytes/start"), traced.extra("locked_pages") * 4096);
  EXPECT_EQ(number(traced.process, "/locks/locked_bytes/end"), traced.extra("locked_pages") * 4096);
  EXPECT_TRUE(traced.process.at("locks").at("calls").empty());
  for (const char* row : {"pages mlocked", "pages munlocked", "pages to unevictable", "pages rescued"})
    expect_audit_holds(traced.report, row);
}

INSTANTIATE_TEST_SUITE_P(TwoNodes, Migration, testing::Values("self", "another"),
                         [](const auto& info) { return std::string(info.param); });

// --- inheritance ---------------------------------------------------------------------------------------------------

// The one event of a kind in the life of the process.
Json life_event(const Json& process, const std::string& kind) {
  Json found;
  for (const Json& event : process.at("life")) {
    if (event.at("kind") != kind) continue;
    EXPECT_TRUE(found.is_null()) << "more than one " << kind;
    found = event;
  }
  EXPECT_TRUE(found.is_object()) << "no " << kind << " in " << process.at("life").dump();
  return found;
}

struct Locks {
  std::uint64_t before;
  std::uint64_t after;
  bool mcl_future;
};

void expect_locks(const Json& event, const Locks& locks) {
  if (!event.is_object()) return;  // told already
  EXPECT_EQ(event.at("locked_bytes"), locks.before) << event.dump();
  EXPECT_EQ(event.at("locked_bytes_after"), locks.after) << event.dump();
  EXPECT_EQ(event.at("mcl_future"), locks.mcl_future) << event.dump();
  EXPECT_EQ(event.at("mcl_onfault"), false) << event.dump();
}

void expect_child(const Traced& traced, const std::string& kind, const Locks& locks) {
  const Json event = life_event(traced.process, kind);
  expect_locks(event, locks);
  if (event.is_object()) {
    EXPECT_EQ(event.at("child_pid"), traced.truth["children"][0]["pid"]) << event.dump();
  }
}

TEST(Life, AForkedChildRunsUnlocked) {
  const Traced& traced = traced_once("fork-cow-locked");
  const std::uint64_t locked = traced.truth["locked_kb"]["before"].get<std::uint64_t>() * 1024;
  expect_child(traced, "fork", {.before = locked, .after = 0, .mcl_future = false});
}

TEST(Life, AChildInTheSameMemorySharesTheLocks) {
  for (const auto& [workload, kind] : {std::pair{"vfork-locked", "vfork"}, std::pair{"clone-vm", "share"}}) {
    const Traced& traced = traced_once(workload);
    const std::uint64_t locked = traced.extra("locked_bytes");
    expect_child(traced, kind, {.before = locked, .after = locked, .mcl_future = true});
  }
}

TEST(Life, AnExecUndoesTheLocks) {
  const Traced& traced = traced_once("exec-locked");
  const Json& moved = traced.truth["pages_moved"];
  const auto locked = moved["mlocked"].get<std::uint64_t>() * 4096;
  expect_locks(life_event(traced.process, "exec"), {.before = locked, .after = 0, .mcl_future = true});
  if (traced.nothing_to_see()) return;
  EXPECT_EQ(number(traced.process, "/pages/mlocked"), moved["mlocked"]);
  EXPECT_EQ(number(traced.process, "/pages/munlocked"), moved["munlocked"]);
}

// --- khugepaged ----------------------------------------------------------------------------------------------------

// khugepaged copies small pages that are mlocked into a huge one. It munlocks them while they wait to be put back: the
// kernel calls them stranded, and rescues them when they are.
TEST(Collapse, OfMlockedPagesIsSeen) {
  const std::string khugepaged = "/sys/kernel/mm/transparent_hugepage/khugepaged/";
  if (!std::filesystem::exists(khugepaged)) return;
  const auto collapsed = [] {
    const std::string vmstat = read_file("/proc/vmstat");
    const std::string name = "thp_collapse_alloc ";
    return std::stoul(vmstat.substr(vmstat.find(name) + name.size()));
  };
  const std::string pause = read_file(khugepaged + "scan_sleep_millisecs");
  const std::string at_once = read_file(khugepaged + "pages_to_scan");
  const std::uint64_t before = collapsed();
  const Traced traced = trace("thp-fork-cow", {}, 0, {}, [&] {
    // Not while the tracer reads the counters, at its end.
    write_file(khugepaged + "pages_to_scan", "4096");
    write_file(khugepaged + "scan_sleep_millisecs", "200");
    for (int i = 0; i < 200 && collapsed() < before + 4; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    write_file(khugepaged + "scan_sleep_millisecs", pause);
    write_file(khugepaged + "pages_to_scan", at_once);
    std::this_thread::sleep_for(std::chrono::seconds(2));
  });
  if (traced.nothing_to_see()) return;
  EXPECT_GT(collapsed(), before);
  for (const char* row : {"pages mlocked", "pages munlocked", "pages to unevictable", "pages rescued"})
    expect_audit_holds(traced.report, row);
}

}  // namespace

}  // namespace live
