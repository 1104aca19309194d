// Findings whose figures depend on the machine: their thresholds are lowered until any machine reaches them.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "program.h"
#include "report_view.h"
#include "trace_all.h"

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
  static const Traced traced = trace_all(
      {{"unmap-held-up", {"mlt-workload", "unmap-held-up"}},
       {"fork-locked-stays", {"mlt-workload", "fork-locked-stays", "--pages", std::to_string(kLockedPages)}},
       {"unlock-middle-all", {"mlt-workload", "unlock-middle-all", "--pages", std::to_string(kLockedPages)}},
       {"swap-fork", {"mlt-workload", "swap-fork", "--pages", "32768"}},
       {"machine", {machine.name(), "swap-touch", "--pages", "4096"}}},
      {"--follow", "--threshold", "locked-time-percent=0", "--threshold", "unevictable-percent=0", "--threshold",
       "unlock-ns-per-page=0", "--threshold", "major-per-s=1", "--threshold", "wait-percent=0"});
  return traced;
}

const Json& pid_of(const std::string& name) { return traced().rows.at(name).truth.at("pid"); }

bool nothing_to_see(const std::string& name) {
  return traced().rows.at(name).truth.contains("unsupported") || !sees_everything(traced().report);
}

TEST(Findings, WhoWaitsForAnUnmap) {
  if (nothing_to_see("unmap-held-up") || !measured(traced().report, "lock_wait")) return;
  // By whom differs: the kernel frees the pages with the lock held for reading only.
  EXPECT_NE(find_finding(traced().report, "mmap-lock-contention", pid_of("unmap-held-up")), nullptr)
      << traced().rows.at("unmap-held-up").process.at("locks").at("mmap_lock");
}

TEST(Findings, AChildWithoutTheLocksOfItsParent) {
  if (nothing_to_see("fork-locked-stays")) return;
  const Json* finding = find_finding(traced().report, "lock-lost-in-fork", pid_of("fork-locked-stays"));
  ASSERT_NE(finding, nullptr) << traced().rows.at("fork-locked-stays").process.at("life");
  EXPECT_EQ(finding->at("evidence").at("child_pid"),
            traced().rows.at("fork-locked-stays").truth.at("extra").at("child"));
  EXPECT_EQ(finding->at("evidence").at("locked_bytes"), kLockedPages * 4096);
}

TEST(Findings, MemoryOfTheMachineThatReclaimCannotTake) {
  const Json* finding = find_finding(traced().report, "unevictable-high", nullptr);
  ASSERT_NE(finding, nullptr);
  // What is on its way through the processors' batches is missing.
  EXPECT_GE(finding->at("evidence").at("unevictable_bytes").get<std::uint64_t>(), (kLockedPages - 64) * 4096);
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
  if (nothing_to_see("swap-fork") || !measured(traced().report, "swap_free")) return;
  const Json& child = traced().rows.at("swap-fork").truth.at("children").at(0).at("pid");
  const Json* process = find_process(traced().report, child);
  ASSERT_NE(process, nullptr);
  EXPECT_EQ(process->at("swap").at("freed"), 32768U);
  const bool is_long = process->at("swap").at("free_ns") >= 10 * kMillisecond;
  EXPECT_EQ(find_finding(traced().report, "exit-frees-swap", child) != nullptr, is_long) << process->at("swap");
}

TEST(Findings, AVirtualMachineThatIsSwapped) {
  if (nothing_to_see("machine")) return;
  const Json* finding = find_finding(traced().report, "guest-memory-swapped", pid_of("machine"));
  ASSERT_NE(finding, nullptr) << traced().rows.at("machine").process;
  EXPECT_EQ(finding->at("evidence").at("pages"), 4096U);
  EXPECT_NE(find_finding(traced().report, "major-fault-storm", pid_of("machine")), nullptr);
}

// A kernel that can't be asked for causes, as it were.
TEST(Findings, LockedMemoryThatFaultsForUnknownCauses) {
  const auto [truth, report] = trace_command({"mlt-workload", "fork-cow-locked"}, {"--signals", "fault"});
  // By the software event alone, not even the mapping is known.
  if (signal_state(report, "fault") != "exact") return;
  const Json* found = find_finding(report, "locked-faults", truth.at("pid"));
  ASSERT_NE(found, nullptr) << report.at("findings");
  EXPECT_GE(found->at("evidence").at("faults"), truth.at("pages"));
}

}  // namespace

}  // namespace live
