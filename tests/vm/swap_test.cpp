// Pages that come back from swap, and swap entries that are copied and freed.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <thread>

#include "memory_cgroup.h"
#include "printed.h"
#include "report_view.h"
#include "truth.h"
#include "workload_runs.h"

namespace live {

namespace {

class SwapIn : public testing::TestWithParam<const char*> {};

TEST_P(SwapIn, EveryFaultFindsASwapEntry) {
  const Observed traced = of_workload_runs(GetParam());
  if (traced.nothing_to_see()) return;
  EXPECT_EQ(number(traced.process, "/swap/in"), traced.extra("swapped_in"));
  EXPECT_EQ(number(traced.process, "/swap/in_major"), traced.major_faults());
  EXPECT_GT(number(traced.process, "/swap/in_ns"), 0U);
  EXPECT_EQ(number(traced.process, "/swap/out"), 0U);
}

INSTANTIATE_TEST_SUITE_P(All, SwapIn, testing::Values("swap-touch", "swap-lock"), workload_name);

TEST(SwapReadahead, IsThatOfTheProcessesThatReadFromSwap) {
  if (of_workload_runs("swap-touch").nothing_to_see()) return;
  const Json& report = workload_runs().report;
  std::uint64_t sum = 0;
  for (const Json& process : report.at("processes")) {
    if (!process.at("swap").is_null()) sum += number(process, "/swap/readahead");
  }
  const std::uint64_t all = number(report, "/system/swap_readahead/pages");
  printf("%lu of %lu pages\n", sum, all);
  EXPECT_LE(sum, all);
  if (only_workload_runs_swap()) {
    EXPECT_EQ(sum, all);
  } else {
    printf("others had something in swap, too\n");
  }
}

// There is so little room that what is read takes it from what was read just before: here and there from the page that
// the fault is about, which the kernel then reads again.
TEST(SwapTight, WhatIsReadTwiceIsNotReadAhead) {
  constexpr std::uint64_t kRoom = 128 * 4096;
  const MemoryCgroup cgroup;
  if (!cgroup.possible()) return;
  const MemoryCgroup start(cgroup.path());  // its own is made beside this one
  const bool alone = !somebody_has_swapped();
  Words words = {"mlocktrace", "-q", "--json", "--signals", "fault,cause,swap_readahead", "--"};
  for (const std::string& word : start.entered_by({"mlt-workload", "swap-read-write", "--pages", "4096"}))
    words.push_back(word);
  Program tracer(words);
  // An execve that finds no room ends in SIGSEGV: the limit comes when the workload has begun.
  const auto has_begun = [&] {
    return std::ranges::any_of(std::filesystem::directory_iterator(cgroup.path()), [](const auto& entry) {
      return entry.path().filename().string().starts_with("mlt-workload.");
    });
  };
  const auto is_over = [&] { return status_kb(tracer.pid(), "VmRSS") < 0; };
  EXPECT_TRUE(wait_until([&] { return has_begun() || is_over(); }));
  cgroup.set_max(kRoom);
  const Finished finished = tracer.finish();
  ASSERT_EQ(finished.status, 0) << finished.err;
  const Json truth = printed_truth(finished.out);
  const Json report = printed_report(finished.out);
  if (truth.contains("unsupported") || !sees_everything(report)) {
    printf("nothing to see: %s\n", truth.dump().c_str());
    return;
  }
  const Json* process = find_process(report, truth["pid"]);
  ASSERT_NE(process, nullptr);
  const std::uint64_t ahead = number(*process, "/swap/readahead");
  const std::uint64_t of_all = number(report, "/system/swap_readahead/pages");
  printf("%lu of %lu pages\n", ahead, of_all);
  EXPECT_GT(ahead, 0U);
  if (alone) {
    EXPECT_EQ(ahead, of_all);
  } else {
    printf("others had something in swap, too\n");
  }
}

// Newer kernels mark pages of zeroes and write nothing; they are made anew when they are needed.
TEST(SwapZeroes, WhatIsNotReadIsNotSaidToBe) {
  const TracedCommand traced =
      trace_command({"mlt-workload", "swap-zeroes"}, {"--signals", "fault,cause,swap_out,swap_readahead"});
  const Json& truth = traced.truth;
  if (truth.contains("unsupported") || !sees_everything(traced.report)) {
    printf("nothing to see: %s\n", truth.dump().c_str());
    return;
  }
  expect_nothing_lost(traced.report);
  const Json* process = find_process(traced.report, truth["pid"]);
  ASSERT_NE(process, nullptr);
  const std::uint64_t pages = number(truth, "/extra/swapped_out");
  EXPECT_EQ(number(*process, "/swap/in"), pages);
  EXPECT_EQ(number(*process, "/swap/out"), pages + number(truth, "/extra/swapped_out_before"));
  const std::uint64_t major = number(*process, "/swap/in_major");
  if (!truth["vmstat"]["swpout_zero"].is_number()) {
    // Some of them, or all, are found in the swap cache: they are still being written.
    EXPECT_EQ(number(*process, "/swap/in_read"), major);
  } else {
    EXPECT_GT(major, 0U);
    EXPECT_EQ(number(truth, "/vmstat/swpout_zero"), pages);
    EXPECT_EQ(number(truth, "/vmstat/swpin_zero"), pages);
    if (traced.report["system"]["vmstat"].contains("pswpin")) {
      printf("others read from swap, too\n");
    } else {
      EXPECT_EQ(number(*process, "/swap/in_read"), 0U);
      for (const Json& finding : traced.report["findings"]) EXPECT_NE(finding.at("id"), "swap-in-storm");
    }
  }
  expect_audit_holds(traced.report, "pages swapped out");
}

TEST(SwapLock, LockedPagesAreMlockedOrReportedAsNot) {
  const Observed traced = of_workload_runs("swap-lock");
  if (traced.nothing_to_see()) return;
  const std::uint64_t mlocked = number(traced.process, "/pages/mlocked");
  EXPECT_EQ(mlocked + number(traced.process, "/pages/locked_not_mlocked"), traced.extra("locked_pages"));
  EXPECT_EQ(mlocked, traced.extra("mlocked_after"));
}

TEST(SwapFork, EntriesAreCopiedByTheForkAndFreedByTheExit) {
  const Observed traced = of_workload_runs("swap-fork");
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

// The first child that the kernel names; 0: there is none yet.
pid_t child_of(pid_t pid) {
  const std::string number = std::to_string(pid);
  std::istringstream children(read_file("/proc/" + number + "/task/" + number + "/children"));
  pid_t child = 0;
  children >> child;
  return child;
}

// Holds the address space of a process, as whoever reads /proc/PID/mem or smaps does while the kernel is at it: it
// reads into a page that does not come before the end.
class HeldSpace {
 public:
  explicit HeldSpace(pid_t pid) : uffd_(static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK))) {
    uffdio_api api{.api = UFFD_API, .features = 0, .ioctls = 0};
    uffdio_register page{.range = range(), .mode = UFFDIO_REGISTER_MODE_MISSING, .ioctls = 0};
    if (ioctl(uffd_, UFFDIO_API, &api) != 0 || ioctl(uffd_, UFFDIO_REGISTER, &page) != 0) return;
    const std::string proc = "/proc/" + std::to_string(pid);
    const off_t somewhere = std::stol(read_file(proc + "/maps"), nullptr, 16);
    reader_ = std::thread([this, somewhere, mem = open((proc + "/mem").c_str(), O_RDONLY | O_CLOEXEC)] {
      EXPECT_EQ(pread(mem, page_, kPage, somewhere), kPage);
      close(mem);
    });
    pollfd fault{.fd = uffd_, .events = POLLIN, .revents = 0};
    is_held_ = poll(&fault, 1, kPatience * 1000) == 1 && fault.revents == POLLIN;
  }
  HeldSpace(const HeldSpace&) = delete;
  HeldSpace& operator=(const HeldSpace&) = delete;
  ~HeldSpace() {
    let_go();
    munmap(page_, kPage);
    if (uffd_ >= 0) close(uffd_);
  }

  [[nodiscard]] bool is_held() const { return is_held_; }
  /// Returns when the address space is gone.
  void let_go() {
    uffdio_zeropage page{.range = range(), .mode = 0, .zeropage = 0};
    if (!reader_.joinable()) return;
    EXPECT_EQ(ioctl(uffd_, UFFDIO_ZEROPAGE, &page), 0);
    reader_.join();
  }

 private:
  static constexpr ssize_t kPage = 4096;
  [[nodiscard]] uffdio_range range() const { return {.start = reinterpret_cast<std::uintptr_t>(page_), .len = kPage}; }

  int uffd_;
  void* page_ = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  std::thread reader_;
  bool is_held_ = false;
};

// Its entries are given up when nobody holds the address space any more: after the process has ended and its parent has
// asked how, and by a task that is none of its own.
TEST(SwapFork, WhatAnExitGivesUpIsTheProcesssWhoeverLetsGoLast) {
  if (of_workload_runs("swap-fork").nothing_to_see()) return;
  Program workload({"mlt-workload", "swap-fork-wait", "--pages", "1024", "--hold"});
  ASSERT_TRUE(workload.read_line().starts_with("ready")) << workload.stderr_so_far();
  Program tracer(
      {"mlocktrace", "--json", "--follow", "--signals", "fault,swap_free", "-p", std::to_string(workload.pid())});
  ASSERT_TRUE(tracer.wait_for_stderr("tracing")) << tracer.stderr_so_far();
  workload.send("g");
  ASSERT_TRUE(wait_until([&] { return child_of(workload.pid()) != 0; }));
  const pid_t child = child_of(workload.pid());
  HeldSpace held(child);
  if (!held.is_held()) printf("no userfaultfd: nobody holds the address space\n");
  kill(child, SIGKILL);
  const Json truth = read_truth(workload.read_line());
  // Time for mlocktrace to be done with the process.
  sleep(1);
  held.let_go();
  tracer.signal(SIGINT);
  const Finished finished = tracer.finish();
  EXPECT_EQ(finished.status, 0) << finished.err;
  const Json report = parse_report(finished.out);
  workload.send("x");
  workload.finish();
  if (!measured(report, "swap_free")) return;
  const Json* process = find_process(report, child);
  ASSERT_NE(process, nullptr);
  EXPECT_EQ(number(*process, "/swap/freed"), truth.at("extra").at("freed_by_child"));
  EXPECT_GT(number(*process, "/swap/free_ns"), 0U);
  EXPECT_EQ(number(*find_process(report, truth.at("pid")), "/swap/freed"), 0U);
}

TEST(SwapDevices, AreThoseOfProc) {
  Program idle({"mlt-workload", "idle", "--seconds", "600"});
  const Finished finished =
      run({"mlocktrace", "-q", "--json", "-d", "100ms", "--signals", "fault", "-p", std::to_string(idle.pid())});
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

}  // namespace

}  // namespace live
