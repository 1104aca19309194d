// How a trace ends: whatever is traced ends first, in any way, or runs on while the counters are read.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <sstream>
#include <thread>

#include "program.h"
#include "report_view.h"

namespace live {

namespace {

Words faults_and(const Words& words) {
  Words all = {"mlocktrace", "--json", "--signals", "fault,lock_call,page_lock"};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

/// A process that runs `body`, which does not return; killed and waited for when it goes out of scope.
class Forked {
 public:
  template <class Body>
  explicit Forked(Body body) : pid_(fork()) {
    if (pid_ != 0) return;
    body();
    _exit(1);
  }
  Forked(const Forked&) = delete;
  Forked& operator=(const Forked&) = delete;
  ~Forked() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] std::string name() const { return std::to_string(pid_); }

 private:
  pid_t pid_;
};

char* map_pages(std::size_t pages) {
  return static_cast<char*>(mmap(nullptr, pages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

/// Faults without end, at once from its start.
[[noreturn]] void storm() {
  constexpr std::size_t kPages = 16;
  char* const memory = map_pages(kPages);
  while (true) {
    for (std::size_t i = 0; i < kPages; ++i) *static_cast<volatile char*>(memory + i * 4096) = 1;
    madvise(memory, kPages * 4096, MADV_DONTNEED);
  }
}

/// As many as have most of them in a fault at any time, on few processors. To detach a probe the kernel waits for each
/// of them to leave the kernel by itself: on a busy machine that is minutes for hundreds.
constexpr int kMany = 64;

/// Nice, so that whoever traces all these threads gets a processor, too.
[[noreturn]] void storm_in(int threads) {
  setpriority(PRIO_PROCESS, 0, 19);
  for (int i = 1; i < threads; ++i) std::thread(storm).detach();
  storm();
}

/// Field 10 of proc(5).
std::uint64_t minor_faults(const Forked& target) {
  const std::string stat = read_file("/proc/" + target.name() + "/stat");
  std::istringstream fields(stat.substr(stat.rfind(')') + 2));
  std::string word;
  for (int field = 3; field <= 10; ++field) fields >> word;
  return std::strtoull(word.c_str(), nullptr, 10);
}

/// On a busy machine it may be a while until each of them runs.
bool all_go_on(std::initializer_list<const Forked*> targets) {
  return std::ranges::all_of(targets, [](const Forked* target) {
    const std::uint64_t now = minor_faults(*target);
    return wait_until([&] { return minor_faults(*target) > now + 100; });
  });
}

const Json& audit_of(const Json& report, const std::string& name) {
  static const Json kNone;
  for (const Json& check : report.at("coverage").at("audit")) {
    if (check.at("check") == name) return check;
  }
  ADD_FAILURE() << "no audit of " << name;
  return kNone;
}

void expect_equal(const Json& report, const std::string& name) {
  const Json& check = audit_of(report, name);
  if (check.is_object() && sees_everything(report)) {
    EXPECT_EQ(check.at("verdict"), "equal") << check.dump();
  }
}

/// The report of a trace that ends by itself.
Json report_of(Program& tracer, const std::string& said) {
  const Finished finished = tracer.finish();
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_NE(finished.err.find(said), std::string::npos) << finished.err;
  return parse_report(finished.out);
}

TEST(Ends, StormsThatAreKilledWhileTheyAreTraced) {
  const Forked one([] { storm_in(1); });
  const Forked some([] { storm_in(8); });
  const Forked many([] { storm_in(kMany); });
  const std::string pids = one.name() + "," + some.name() + "," + many.name();
  Program tracer(faults_and({"-p", pids}));
  ASSERT_TRUE(tracer.wait_for_stderr("tracing")) << tracer.stderr_so_far();
  ASSERT_TRUE(all_go_on({&one, &some, &many}));
  for (const Forked* target : {&one, &some, &many}) kill(target->pid(), SIGTERM);
  const Json report = report_of(tracer, "have ended");
  for (const Forked* target : {&one, &some, &many}) {
    expect_equal(report, "faults of " + target->name());
    const Json* process = find_process(report, static_cast<std::uint64_t>(target->pid()));
    ASSERT_NE(process, nullptr);
    EXPECT_EQ(process->at("exited"), true);
    EXPECT_EQ(process->at("ending").at("signal"), "SIGTERM");
    EXPECT_GT(completed_faults(*process), 0U);
  }
}

// Most are in a fault as the trace begins, and as it ends.
TEST(Ends, AStormThatOutlivesTheTrace) {
  const Forked target([] {
    // The tracer would get a hundredth of the machine, and is to run for minutes then.
    if (setpriority(PRIO_PROCESS, 0, 19) != 0) _exit(1);
    storm_in(kMany);
  });
  ASSERT_TRUE(all_go_on({&target}));
  const Finished finished = run({"mlocktrace", "--json", "--signals", "fault", "-p", target.name(), "-d", "200ms"});
  ASSERT_EQ(finished.status, 0) << finished.err;
  expect_equal(parse_report(finished.out), "faults of " + target.name());
}

TEST(Ends, AThreadThatEndsBeforeItsProcess) {
  constexpr int kPages = 100;
  int numbers[2];
  int orders[2];
  ASSERT_EQ(pipe(numbers), 0);
  ASSERT_EQ(pipe(orders), 0);
  const Forked target([&] {
    std::thread thread([&] {
      const pid_t tid = gettid();
      char* const memory = map_pages(kPages);
      char order = 0;
      if (write(numbers[1], &tid, sizeof(tid)) != sizeof(tid) || read(orders[0], &order, 1) != 1) _exit(1);
      for (int i = 0; i < kPages; ++i) *static_cast<volatile char*>(memory + i * 4096L) = 1;
    });
    thread.join();
    while (true) pause();
  });
  pid_t tid = 0;
  ASSERT_EQ(read(numbers[0], &tid, sizeof(tid)), static_cast<ssize_t>(sizeof(tid)));
  const std::string name = std::to_string(tid);
  Program tracer(faults_and({"-t", name}));
  ASSERT_TRUE(tracer.wait_for_stderr("tracing")) << tracer.stderr_so_far();
  ASSERT_EQ(write(orders[1], "g", 1), 1);
  const Json report = report_of(tracer, "thread " + name + " has ended");
  expect_equal(report, "faults of thread " + name + " of " + target.name());
  const Json* process = find_process(report, static_cast<std::uint64_t>(target.pid()));
  ASSERT_NE(process, nullptr);
  EXPECT_GE(completed_faults(*process), static_cast<std::uint64_t>(kPages));
  EXPECT_EQ(process->at("exited"), false);
  for (const int end : {numbers[0], numbers[1], orders[0], orders[1]}) close(end);
}

TEST(Ends, ACgroupThatIsRemoved) {
  const std::string path = "/sys/fs/cgroup/mlt-ends";
  if (access("/sys/fs/cgroup/cgroup.procs", F_OK) != 0) return;  // no cgroups of version 2 here: Target.* mounts them
  ASSERT_EQ(mkdir(path.c_str(), 0755), 0);
  Program tracer(faults_and({"-c", path}));
  ASSERT_TRUE(tracer.wait_for_stderr("tracing")) << tracer.stderr_so_far();
  const Finished inside = run({"sh", "-c", "echo $$ >" + path + "/cgroup.procs; exec mlt-workload touch"});
  ASSERT_EQ(inside.status, 0) << inside.err;
  ASSERT_TRUE(wait_until([&] { return rmdir(path.c_str()) == 0; }));
  const Json report = report_of(tracer, "cgroup " + path + " was removed");
  ASSERT_EQ(report.at("processes").size(), 1U);
  EXPECT_EQ(report.at("processes")[0].at("exited"), true);
  expect_audit_holds(report, "faults of");
}

TEST(Ends, AZombieHasEndedBefore) {
  const Forked zombie([] { _exit(7); });
  ASSERT_TRUE(
      wait_until([&] { return read_file("/proc/" + zombie.name() + "/stat").find(") Z ") != std::string::npos; }));
  Program tracer(faults_and({"-p", zombie.name()}));
  const Json report = report_of(tracer, "process " + zombie.name() + " has ended");
  const Json* process = find_process(report, static_cast<std::uint64_t>(zombie.pid()));
  ASSERT_NE(process, nullptr);
  EXPECT_EQ(process->at("exited"), true);
  EXPECT_EQ(process->at("ending").at("status"), 7);
  EXPECT_TRUE(process->at("ending").at("oom_killed").is_null()) << "nobody looked";
  expect_audit_holds(report);
}

TEST(Ends, TheTerminalIsClosed) {
  const Forked target(storm);
  const std::string file = "/tmp/mlt-ends.json";
  Program tracer(faults_and({"-p", target.name(), "-o", file}));
  ASSERT_TRUE(tracer.wait_for_stderr("tracing")) << tracer.stderr_so_far();
  tracer.signal(SIGHUP);
  EXPECT_EQ(tracer.finish().status, 0);
  const Json report = parse_report(read_file(file));
  EXPECT_NE(find_process(report, static_cast<std::uint64_t>(target.pid())), nullptr);
  unlink(file.c_str());
}

TEST(Ends, NotByAHangupThatIsIgnored) {
  const Forked target(storm);
  Program tracer({"sh", "-c", "trap '' HUP; exec mlocktrace --json --signals fault -p " + target.name()});
  ASSERT_TRUE(tracer.wait_for_stderr("tracing")) << tracer.stderr_so_far();
  tracer.signal(SIGHUP);
  usleep(500'000);
  EXPECT_TRUE(read_file("/proc/" + std::to_string(tracer.pid()) + "/status").find("State:") != std::string::npos);
  EXPECT_EQ(read_file("/proc/" + std::to_string(tracer.pid()) + "/status").find("zombie"), std::string::npos);
  kill(target.pid(), SIGKILL);
  report_of(tracer, "has ended");
}

/// Locks and unlocks without end.
[[noreturn]] void toggle() {
  constexpr std::size_t kBytes = 16 * 4096;
  char* const memory = map_pages(16);
  while (true) {
    mlock(memory, kBytes);
    munlock(memory, kBytes);
    madvise(memory, kBytes, MADV_DONTNEED);
  }
}

TEST(Ends, ChildrenThatLockAndFaultWhileTheTraceEnds) {
  constexpr int kChildren = 3;
  int orders[2];
  ASSERT_EQ(pipe(orders), 0);
  const Forked parent([&] {
    char order = 0;
    if (read(orders[0], &order, 1) != 1) _exit(1);
    for (int i = 0; i < kChildren; ++i) {
      if (fork() != 0) continue;
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      toggle();
    }
    while (true) pause();
  });
  Program tracer(faults_and({"--follow", "-p", parent.name()}));
  ASSERT_TRUE(tracer.wait_for_stderr("tracing")) << tracer.stderr_so_far();
  ASSERT_EQ(write(orders[1], "g", 1), 1);
  usleep(1'000'000);
  tracer.signal(SIGINT);
  const Json report = report_of(tracer, "");
  EXPECT_GT(report.at("processes").size(), 1U);
  expect_audit_holds(report, "faults of");
  for (const int end : orders) close(end);
}

}  // namespace

}  // namespace live
