// Findings whose figures depend on the machine: their thresholds are lowered until any machine reaches them.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "observed.h"
#include "suite/finding_table.h"

namespace live {

namespace {

constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::uint64_t kLockedPages = 8192;

// The workloads under the name of a virtual machine's process.
class Machine {
 public:
  Machine() {
    std::string path = run({"sh", "-c", "command -v mlt-workload"}).out;
    path.erase(path.find_last_not_of('\n') + 1);
    std::filesystem::create_directory(directory_);
    std::filesystem::create_symlink(path, name());
  }
  ~Machine() { std::filesystem::remove_all(directory_); }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  [[nodiscard]] std::string name() const { return directory_ + "/qemu-system-x86"; }

 private:
  std::string directory_ = std::filesystem::temp_directory_path().string() + "/machine-" + std::to_string(getpid());
};

const Traced& traced() {
  static const Machine machine;
  static const Traced traced =
      trace_all({{"unmap-held-up", {"mlt-workload", "unmap-held-up"}},
                 {"fork-locked-stays", {"mlt-workload", "fork-locked-stays", "--pages", std::to_string(kLockedPages)}},
                 {"unlock-middle-all", {"mlt-workload", "unlock-middle-all", "--pages", std::to_string(kLockedPages)}},
                 {"lock-untouched", {"mlt-workload", "lock-untouched", "--pages", std::to_string(2 * kLockedPages)}},
                 {"touch", {"mlt-workload", "touch", "--pages", "12000"}},
                 {"swap-fork", {"mlt-workload", "swap-fork", "--pages", "32768"}},
                 {"machine", {machine.name(), "swap-touch", "--pages", "4096"}}},
                {"--follow", "--signals", "fault,cause,lock_call,populate,lock_wait,swap_free", "--threshold",
                 "locked-time-percent=0", "--threshold", "unevictable-percent=0", "--threshold", "unlock-ns-per-page=0",
                 "--threshold", "trend-seconds=0", "--threshold", "unevictable-growth-percent=0", "--threshold",
                 "major-per-s=0", "--threshold", "wait-percent=0"});
  return traced;
}

Observed observed(const std::string& name) { return {traced(), name}; }

// By whom differs: the kernel frees the pages with the lock held for reading only. And how long is chance: the finding
// is there where the report's own time says so, and among some runs there is one where it does.
bool is_found_when_it_should_be(const Observed& seen) {
  const Json& lock = seen.process.at("locks").at("mmap_lock");
  const std::uint64_t time_ns = number(lock, "/time_ns") - number(lock, "/while_locking_ns");
  const bool found = find_finding(seen.report, "mmap-lock-contention", seen.truth.at("pid")) != nullptr;
  EXPECT_EQ(found, time_ns >= kMillisecond) << lock;
  return found;
}

TEST(Findings, WhoWaitsForAnUnmap) {
  const Observed seen = observed("unmap-held-up");
  if (seen.nothing_to_see() || !measured(seen.report, "lock_wait")) return;
  constexpr int kMostRuns = 20;
  bool found = is_found_when_it_should_be(seen);
  for (int i = 1; i < kMostRuns && !found; ++i) {
    const Traced again = trace_all({{"unmap-held-up", {"mlt-workload", "unmap-held-up"}}},
                                   {"--signals", "fault,lock_call,lock_wait", "--threshold", "wait-percent=0"});
    found = is_found_when_it_should_be({again, "unmap-held-up"});
  }
  EXPECT_TRUE(found);
}

TEST(Findings, AChildWithoutTheLocksOfItsParent) {
  const Observed seen = observed("fork-locked-stays");
  if (seen.nothing_to_see()) return;
  const Json* finding = find_finding(seen.report, "lock-lost-in-fork", seen.truth.at("pid"));
  ASSERT_NE(finding, nullptr) << seen.process.at("life");
  EXPECT_EQ(finding->at("evidence").at("child_pid"), seen.truth.at("extra").at("child"));
  EXPECT_EQ(finding->at("evidence").at("locked_bytes"), kLockedPages * 4096);
}

TEST(Findings, MemoryOfTheMachineThatReclaimCannotTake) {
  const Json* finding = find_finding(traced().report, "unevictable-high", nullptr);
  ASSERT_NE(finding, nullptr);
  // What is on its way through the processors' batches is missing.
  const std::uint64_t batches = 31 * traced().report["host"]["cpus"].get<std::uint64_t>();
  EXPECT_GE(finding->at("evidence").at("unevictable_bytes").get<std::uint64_t>() + batches * 4096, kLockedPages * 4096);
}

// What is locked before the trace is no growth.
TEST(Findings, MoreOfItThanBefore) {
  const Json* finding = find_finding(traced().report, "unevictable-growth", nullptr);
  const Json& vmstat = traced().report["system"]["vmstat"];
  const bool has_grown = vmstat.contains("nr_unevictable") && vmstat["nr_unevictable"] > 0;
  ASSERT_EQ(finding != nullptr, has_grown) << vmstat;
  const std::uint64_t batches = 31 * traced().report["host"]["cpus"].get<std::uint64_t>();
  ASSERT_TRUE(has_grown);
  EXPECT_GE(finding->at("evidence").at("growth_bytes").get<std::uint64_t>() + batches * 4096, kLockedPages * 4096);
}

// How long they take differs, and how long the trace is: the finding goes with the figures.
TEST(Findings, ManyFaultsThatCostLittle) {
  const Observed seen = observed("touch");
  if (seen.nothing_to_see()) return;
  const Json& access = seen.process.at("faults").at("access");
  const std::uint64_t faults = number(access, "/minor") + number(access, "/major");
  const std::uint64_t window_ns = number(seen.report, "/window/duration_ns");
  EXPECT_GE(faults, 12000U);
  const bool many = faults * 1'000 * kMillisecond / window_ns >= 1000;
  const bool cheap = number(access, "/time_ns") < window_ns / 100;
  EXPECT_EQ(find_finding(seen.report, "cheap-faults", seen.truth.at("pid")) != nullptr, many && cheap) << access.dump();
}

TEST(Findings, UnlockingThatTakesLongerThanScheduling) {
  const auto& [truth, process] = traced().rows.at("unlock-middle-all");
  if (!measured(traced().report, "lock_call")) return;
  const bool slow = std::ranges::any_of(process.at("locks").at("calls"), [](const Json& call) {
    return call.at("call") == "munlock" && call.at("duration_ns") > kMillisecond;
  });
  EXPECT_EQ(find_finding(traced().report, "slow-unlock", truth.at("pid")) != nullptr, slow)
      << process.at("locks").at("calls");
}

TEST(Findings, AnExitThatGivesUpSwap) {
  const Observed seen = observed("swap-fork");
  if (seen.nothing_to_see() || !measured(seen.report, "swap_free")) return;
  const Json& child = seen.truth.at("children").at(0).at("pid");
  const Json* process = find_process(seen.report, child);
  ASSERT_NE(process, nullptr);
  EXPECT_EQ(process->at("swap").at("freed"), 32768U);
  const bool is_long = process->at("swap").at("free_ns") >= 10 * kMillisecond;
  EXPECT_EQ(find_finding(seen.report, "exit-frees-swap", child) != nullptr, is_long) << process->at("swap");
}

// How much it has to look at for what it gets is chance: any is too much here.
TEST(Findings, ReclaimThatFindsLittle) {
  if (access("/mnt", W_OK) != 0) return;
  const std::string file = "/mnt/reclaimable";
  ASSERT_EQ(run({"dd", "if=/dev/zero", "of=" + file, "bs=1M", "count=96", "conv=fsync"}).status, 0);
  const Traced traced =
      trace_all({{"short-of-memory", {"mlt-workload", "short-of-memory"}}}, {"--threshold", "scan-ratio=0"});
  std::filesystem::remove(file);
  if (traced.rows.at("short-of-memory").truth.contains("unsupported")) return;
  std::int64_t stalls = 0;
  for (const auto& [name, change] : traced.report.at("system").at("vmstat").items()) {
    if (name.starts_with("allocstall")) stalls += change.get<std::int64_t>();
  }
  EXPECT_GT(stalls, 0);
  const Json* found = find_finding(traced.report, "reclaim-inefficient", nullptr);
  ASSERT_NE(found, nullptr) << traced.report.at("system").at("vmstat");
  EXPECT_EQ(found->at("evidence").at("stalls"), stalls);
}

TEST(Findings, AVirtualMachineThatIsSwapped) {
  const Observed seen = observed("machine");
  if (seen.nothing_to_see()) return;
  const Json* finding = find_finding(seen.report, "guest-memory-swapped", seen.truth.at("pid"));
  ASSERT_NE(finding, nullptr) << seen.process;
  EXPECT_EQ(finding->at("evidence").at("pages"), 4096U);
  EXPECT_NE(find_finding(seen.report, "major-fault-storm", seen.truth.at("pid")), nullptr);
}

// A kernel that can be asked neither for causes nor for populates, as it were.
const Traced& traced_with_little() {
  static const Traced traced =
      trace_all({{"fork-cow-locked", {"mlt-workload", "fork-cow-locked"}}}, {"--signals", "fault,lock_call"});
  return traced;
}

TEST(Findings, LockedMemoryThatFaultsForUnknownCauses) {
  const Observed seen(traced_with_little(), "fork-cow-locked");
  // By the software event alone, not even the mapping is known.
  if (signal_state(seen.report, "fault") != "exact") return;
  const Json* found = find_finding(seen.report, "locked-faults", seen.truth.at("pid"));
  ASSERT_NE(found, nullptr) << seen.report.at("findings");
  EXPECT_GE(found->at("evidence").at("faults"), seen.truth.at("pages"));
}

// What looks the same as every finding about the machine: nothing going on. The table says which these are.
TEST(Findings, AMachineAtRest) {
  const Traced rest = trace_all({{"idle", {"mlt-workload", "idle", "--seconds", "1"}}});
  int looked_for = 0;
  for (const suite::FindingRow& row : suite::finding_table()) {
    if (row.not_by != "Findings.AMachineAtRest") continue;
    ++looked_for;
    for (const Json& finding : rest.report.at("findings")) EXPECT_NE(finding.at("id"), row.finding) << finding;
  }
  EXPECT_GT(looked_for, 0);
}

}  // namespace

}  // namespace live
