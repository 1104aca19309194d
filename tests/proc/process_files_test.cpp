// Against this very process, whose state the tests change on purpose.
#include "proc/process_files.h"

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <future>
#include <thread>

#include "proc/text_file.h"

namespace mlt {
namespace {

const std::uint32_t kSelf = static_cast<std::uint32_t>(getpid());

/// Private anonymous memory, in base pages, not touched.
class Region {
 public:
  explicit Region(std::size_t pages) : size_(pages * page_size()) {
    address_ = static_cast<char*>(mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (address_ == MAP_FAILED) throw std::bad_alloc();
    madvise(address_, size_, MADV_NOHUGEPAGE);
  }
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;
  ~Region() { munmap(address_, size_); }

  static std::size_t page_size() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }
  [[nodiscard]] char* page(std::size_t index) const { return address_ + index * page_size(); }
  [[nodiscard]] std::size_t size() const { return size_; }
  void touch() const {
    for (std::size_t offset = 0; offset < size_; offset += page_size())
      static_cast<volatile char*>(address_)[offset] = 1;
  }

 private:
  std::size_t size_;
  char* address_;
};

/// A child that waits to be killed, or has ended already.
class Child {
 public:
  template <typename Work>
  explicit Child(const Work& work) {
    std::array<int, 2> ready{};
    if (pipe(ready.data()) != 0) throw std::system_error(errno, std::generic_category());
    pid_ = fork();
    if (pid_ == 0) {
      work();
      const char done = 1;
      if (write(ready[1], &done, 1) == 1) pause();
      _exit(0);
    }
    close(ready[1]);
    char done = 0;
    ready_ = read(ready[0], &done, 1) == 1;
    close(ready[0]);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { reap(); }

  [[nodiscard]] std::uint32_t pid() const { return static_cast<std::uint32_t>(pid_); }
  [[nodiscard]] bool ready() const { return ready_; }
  /// Ended, but its parent has not waited for it.
  void make_zombie() const {
    kill(pid_, SIGKILL);
    siginfo_t info{};
    waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
  }
  void reap() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  pid_t pid_ = 0;
  bool ready_ = false;
};

ProcessSnapshot self() {
  auto snapshot = read_process(kSelf);
  if (snapshot) return *snapshot;
  ADD_FAILURE() << "cannot read /proc/self";
  return {};
}

/// A thread that lives as long as this object.
class WaitingThread {
 public:
  WaitingThread() : thread_([this] { run(); }) { tid_ = started_.get_future().get(); }
  WaitingThread(const WaitingThread&) = delete;
  WaitingThread& operator=(const WaitingThread&) = delete;
  ~WaitingThread() {
    end_.set_value();
    thread_.join();
  }
  [[nodiscard]] std::uint32_t tid() const { return tid_; }

 private:
  void run() {
    started_.set_value(static_cast<std::uint32_t>(syscall(SYS_gettid)));
    end_.get_future().wait();
  }
  std::promise<std::uint32_t> started_;
  std::promise<void> end_;
  std::thread thread_;  // last: it uses the others
  std::uint32_t tid_ = 0;
};

TEST(ReadProcess, LockedBytesAreThoseOfMlock) {
  const Region region(16);
  const auto before = self().locked_bytes;
  ASSERT_TRUE(before);
  // Not through libc: AddressSanitizer makes its mlock do nothing.
  ASSERT_EQ(syscall(SYS_mlock, region.page(0), region.size()), 0);
  EXPECT_EQ(self().locked_bytes, *before + region.size());
  ASSERT_EQ(syscall(SYS_munlock, region.page(0), region.size()), 0);
  EXPECT_EQ(self().locked_bytes, *before);
}

TEST(ReadProcess, CountsMappings) {
  const Region region(64);
  const auto before = self().vma_count;
  // Every second page becomes a mapping of its own; what the test itself maps in between is less than the slack.
  for (std::size_t i = 1; i < 64; i += 2) ASSERT_EQ(mprotect(region.page(i), Region::page_size(), PROT_READ), 0);
  const auto after = self().vma_count;
  ASSERT_TRUE(before && after);
  EXPECT_GE(*after, *before + 58);
  EXPECT_LE(*after, *before + 70);
}

TEST(ReadProcess, CountsThreads) {
  const auto before = self().threads;
  ASSERT_TRUE(before);
  const WaitingThread thread;
  EXPECT_EQ(self().threads, *before + 1);
}

TEST(ReadProcess, SoftLimitInBytes) {
  rlimit old{};
  ASSERT_EQ(getrlimit(RLIMIT_MEMLOCK, &old), 0);
  rlimit lower = old;
  lower.rlim_cur = std::min<rlim_t>(old.rlim_max, 40960);
  ASSERT_EQ(setrlimit(RLIMIT_MEMLOCK, &lower), 0);
  const ProcessSnapshot limited = self();
  EXPECT_EQ(limited.memlock_limit, lower.rlim_cur);
  EXPECT_FALSE(limited.memlock_unlimited);
  ASSERT_EQ(setrlimit(RLIMIT_MEMLOCK, &old), 0);
}

TEST(ReadProcess, NoLimitIsNotALimitOfZero) {
  rlimit old{};
  ASSERT_EQ(getrlimit(RLIMIT_MEMLOCK, &old), 0);
  const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
  // Without CAP_SYS_RESOURCE the limit cannot be raised: then it must be seen as it is.
  if (setrlimit(RLIMIT_MEMLOCK, &unlimited) != 0) {
    EXPECT_EQ(self().memlock_unlimited, old.rlim_cur == RLIM_INFINITY);
    return;
  }
  const ProcessSnapshot snapshot = self();
  EXPECT_TRUE(snapshot.memlock_unlimited);
  EXPECT_EQ(snapshot.memlock_limit, std::nullopt);
  ASSERT_EQ(setrlimit(RLIMIT_MEMLOCK, &old), 0);
}

// The name stands in parentheses in /proc/PID/stat, and may hold anything.
TEST(ReadProcess, HostileNames) {
  std::array<char, 16> old{};
  ASSERT_EQ(prctl(PR_GET_NAME, old.data()), 0);
  const ProcessSnapshot before = self();
  ASSERT_EQ(prctl(PR_SET_NAME, ") R 1 2) 3 (4"), 0);
  const ProcessSnapshot renamed = self();
  ASSERT_EQ(prctl(PR_SET_NAME, old.data()), 0);
  EXPECT_EQ(renamed.comm, ") R 1 2) 3 (4");
  EXPECT_EQ(renamed.start_ticks, before.start_ticks);
  EXPECT_GE(renamed.faults.minor, before.faults.minor);
  EXPECT_LT(renamed.faults.minor, before.faults.minor + 100'000);
  EXPECT_EQ(before.comm, old.data());
}

TEST(ReadProcess, ExeAndCgroup) {
  const ProcessSnapshot snapshot = self();
  EXPECT_EQ(snapshot.exe, std::filesystem::read_symlink("/proc/self/exe").string());
  const std::string cgroups = read_text_file("/proc/self/cgroup").value_or("");
  ASSERT_FALSE(cgroups.empty());
  // Of "0::/path" or "5:memory:/path": the path alone.
  EXPECT_TRUE(snapshot.cgroup.starts_with('/')) << snapshot.cgroup;
  EXPECT_NE(cgroups.find(":" + snapshot.cgroup + "\n"), std::string::npos) << snapshot.cgroup;
}

TEST(ReadProcess, StartIsTheSameEveryTimeAndNotThatOfAChild) {
  const std::uint64_t start = self().start_ticks;
  EXPECT_NE(start, 0U);
  EXPECT_EQ(self().start_ticks, start);
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  const Child child([] {});
  ASSERT_TRUE(child.ready());
  const auto snapshot = read_process(child.pid());
  ASSERT_TRUE(snapshot);
  EXPECT_GT(snapshot->start_ticks, start);
}

TEST(ReadProcess, SizeOfTheAddressSpaceAndSeccomp) {
  const Child child([] {
    const std::size_t size = std::size_t{64} << 20;
    if (mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) == MAP_FAILED) _exit(1);
  });
  ASSERT_TRUE(child.ready());
  const auto snapshot = read_process(child.pid());
  ASSERT_TRUE(snapshot && snapshot->vm_size_bytes);
  // What is not accessible counts.
  EXPECT_GE(*snapshot->vm_size_bytes, std::uint64_t{64} << 20);
  // Not every kernel has the line.
  if (snapshot->seccomp_filter) {
    EXPECT_EQ(*snapshot->seccomp_filter, prctl(PR_GET_SECCOMP) == 2);
  }
}

TEST(ReadProcess, LockingAnythingTakesTheCapabilityInTheFirstUserNamespace) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> caps{};
  ASSERT_EQ(syscall(SYS_capget, &header, caps.data()), 0);
  struct stat ns {};
  ASSERT_EQ(stat("/proc/self/ns/user", &ns), 0);
  const bool capable = (caps[0].effective & 1U << CAP_IPC_LOCK) != 0;
  EXPECT_EQ(self().can_lock_any, capable && ns.st_ino == 0xEFFFFFFD);
}

TEST(ReadProcess, OnlyEffectiveCapabilitiesCount) {
  const Child child([] {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> caps{};
    if (syscall(SYS_capget, &header, caps.data()) != 0) _exit(1);
    caps[0].effective &= ~(1U << CAP_IPC_LOCK);
    if (syscall(SYS_capset, &header, caps.data()) != 0) _exit(1);
  });
  ASSERT_TRUE(child.ready());
  const auto snapshot = read_process(child.pid());
  ASSERT_TRUE(snapshot);
  EXPECT_FALSE(snapshot->can_lock_any);
}

TEST(ReadProcess, AZombieHasCountersButNoMemory) {
  const Child child([] {});
  ASSERT_TRUE(child.ready());
  child.make_zombie();
  EXPECT_TRUE(process_exists(child.pid()));
  const auto snapshot = read_process(child.pid());
  ASSERT_TRUE(snapshot);
  EXPECT_GT(snapshot->faults.total(), 0U);
  EXPECT_EQ(snapshot->locked_bytes, std::nullopt);
  EXPECT_EQ(snapshot->vma_count, std::nullopt);
  EXPECT_EQ(snapshot->exe, "");
}

TEST(ReadProcess, GoneIsGone) {
  Child child([] {});
  ASSERT_TRUE(child.ready());
  const std::uint32_t pid = child.pid();
  EXPECT_TRUE(process_exists(pid));
  child.reap();
  EXPECT_FALSE(process_exists(pid));
  EXPECT_FALSE(read_process(pid));
  EXPECT_FALSE(read_fault_counters(pid));
}

TEST(FaultCounters, GrowByTouchingPages) {
  constexpr std::size_t kPages = 512;
  const Region region(kPages);
  const auto before = read_fault_counters(kSelf);
  region.touch();
  const auto after = read_fault_counters(kSelf);
  ASSERT_TRUE(before && after);
  EXPECT_GE(after->minor, before->minor + kPages);
  // Nothing else here faults as much as that.
  EXPECT_LT(after->minor, before->minor + 2 * kPages);
  EXPECT_GE(after->major, before->major);
  EXPECT_EQ(after->total(), after->minor + after->major);
}

TEST(FaultCounters, CountThoseOfThreadsThatAreGone) {
  constexpr std::size_t kPages = 512;
  const Region region(kPages);
  const auto before = read_fault_counters(kSelf);
  std::thread([&] { region.touch(); }).join();
  const auto after = read_fault_counters(kSelf);
  ASSERT_TRUE(before && after);
  EXPECT_GE(after->minor, before->minor + kPages);
}

TEST(FaultCounters, AreThoseOfTheSnapshot) {
  const Child child([] {});
  ASSERT_TRUE(child.ready());
  const auto counters = read_fault_counters(child.pid());
  const auto snapshot = read_process(child.pid());
  ASSERT_TRUE(counters && snapshot);
  EXPECT_EQ(counters->minor, snapshot->faults.minor);
  EXPECT_EQ(counters->major, snapshot->faults.major);
}

TEST(ProcessOfThread, IsThisProcess) {
  const WaitingThread thread;
  ASSERT_NE(thread.tid(), kSelf);
  EXPECT_EQ(process_of_thread(thread.tid()).value_or(0), kSelf);
  EXPECT_EQ(process_of_thread(kSelf).value_or(0), kSelf);
}

TEST(ProcessOfThread, ThereIsNone) {
  // Above PID_MAX_LIMIT.
  const auto process = process_of_thread(2'000'000'000);
  ASSERT_FALSE(process);
  EXPECT_EQ(process.error().what, "no thread with id 2000000000");
  EXPECT_FALSE(process.error().hint.empty());
}

TEST(ListProcesses, HasThisOneAndItsChildButNoThreads) {
  const Child child([] {});
  ASSERT_TRUE(child.ready());
  const WaitingThread thread;
  const auto pids = list_processes();
  const auto lists = [&](std::uint32_t pid) { return std::ranges::count(pids, pid); };
  EXPECT_EQ(lists(kSelf), 1);
  EXPECT_EQ(lists(child.pid()), 1);
  EXPECT_EQ(lists(thread.tid()), 0);
}

}  // namespace
}  // namespace mlt
