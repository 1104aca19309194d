// The command line's contract on a live kernel: targets, outputs, exit statuses, errors.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "bpf_programs.h"
#include "printed.h"
#include "program.h"
#include "report_view.h"
#include "truth.h"

namespace live {

namespace {

constexpr uid_t kNobody = 65534;

// One line on stderr that says what is wrong, and nothing on stdout.
void expect_error(const Finished& finished, int status, const std::string& text) {
  EXPECT_EQ(finished.status, status) << finished.err;
  EXPECT_EQ(std::ranges::count(finished.err, '\n'), 1) << finished.err;
  EXPECT_TRUE(finished.err.starts_with("mlocktrace: ")) << finished.err;
  EXPECT_NE(finished.err.find(text), std::string::npos) << finished.err;
  EXPECT_EQ(finished.out, "");
}

// With signals that start soon, where it is not the signals that a test is about.
Words trace_faults(const Words& words) {
  Words all = {"mlocktrace", "--signals", "fault"};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

// --- a command of our own ------------------------------------------------------------------------------------------

class OwnCommand : public testing::TestWithParam<const char*> {};

// From the first instruction to the last, children included: the kernel's counters at exit are the other side.
TEST_P(OwnCommand, EveryFaultOfTheCommandAndItsChildrenIsCounted) {
  const std::string workload = GetParam();
  Words words = {"mlocktrace", "-q", "--json", "--processes", "all", "--", "mlt-workload", workload};
  // One with all the signals that a user gets.
  if (workload != "fork-cow-locked") words.insert(words.begin() + 1, {"--signals", "fault,fault_entry"});
  const Finished finished = run(words);
  ASSERT_EQ(finished.status, 0) << finished.err;
  const Json report = printed_report(finished.out);
  ASSERT_TRUE(report.is_object());
  const Json truth = printed_truth(finished.out);
  expect_nothing_lost(report);
  expect_audit_holds(report, "faults of");
  const Json* process = find_process(report, truth.at("pid"));
  ASSERT_NE(process, nullptr);
  EXPECT_TRUE(process->at("exited"));
  if (sees_everything(report)) {
    // The audit compares all of them; what the command knows of itself is its work.
    EXPECT_GE(completed_faults(*process),
              truth["work"]["minor"].get<std::uint64_t>() + truth["work"]["major"].get<std::uint64_t>());
  }
  if (!truth.contains("children") || !sees_everything(report)) return;
  for (const Json& child : truth["children"]) {
    const Json* entry = find_process(report, child["pid"]);
    ASSERT_NE(entry, nullptr) << child.dump();
    EXPECT_EQ(completed_faults(*entry), child["minor"].get<std::uint64_t>() + child["major"].get<std::uint64_t>());
  }
}

INSTANTIATE_TEST_SUITE_P(All, OwnCommand,
                         testing::Values("touch", "lock-middle", "exit-locked", "exec-self", "fork-cow-locked",
                                         "fork-churn", "thread-churn", "lockall-future-map"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(OwnCommandStatus, IsTheCommandsOwn) {
  EXPECT_EQ(run(trace_faults({"-q", "--", "sh", "-c", "exit 7"})).status, 7);
  EXPECT_EQ(run(trace_faults({"-q", "--", "sh", "-c", "kill -9 $$"})).status, 128 + 9);
}

TEST(OwnCommandStatus, NoFollowLeavesChildrenOut) {
  const Finished finished = run(trace_faults({"-q", "--json", "--no-follow", "--", "mlt-workload", "fork-churn"}));
  ASSERT_EQ(finished.status, 0) << finished.err;
  EXPECT_EQ(printed_report(finished.out).at("processes").size(), 1U);
}

// --- other targets -------------------------------------------------------------------------------------------------

TEST(Target, ThreadAlone) {
  Program workload({"mlt-workload", "two-threads", "--hold"});
  ASSERT_TRUE(workload.read_line().starts_with("ready"));
  // The workload's own threads are born before it is ready.
  std::vector<int> tids;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(workload.pid()) + "/task")) {
    const int tid = std::stoi(entry.path().filename());
    if (tid != workload.pid()) tids.push_back(tid);
  }
  ASSERT_EQ(tids.size(), 2U);
  Program tracer(trace_faults({"--json", "-t", std::to_string(tids[0])}));
  ASSERT_TRUE(tracer.wait_for_stderr("tracing")) << tracer.stderr_so_far();
  workload.send("g");
  const Json truth = read_truth(workload.read_line());
  tracer.signal(SIGINT);
  const Finished finished = tracer.finish();
  ASSERT_EQ(finished.status, 0) << finished.err;
  const Json report = parse_report(finished.out);
  const Json* process = find_process(report, static_cast<std::uint64_t>(workload.pid()));
  ASSERT_NE(process, nullptr);
  EXPECT_EQ(faults_of(*process, "access"), truth["faults"]["access"].get<std::uint64_t>() / 2);
  const Json& threads = process->at("faults").at("by_thread");
  ASSERT_EQ(threads.size(), 1U);
  EXPECT_EQ(threads[0].at("tid"), tids[0]);
}

TEST(Target, AllSeesAProcessThatComesLater) {
  Program tracer(trace_faults({"--json", "-a", "--processes", "all"}));
  ASSERT_TRUE(tracer.wait_for_stderr("tracing")) << tracer.stderr_so_far();
  const Finished workload = run({"mlt-workload", "lock-untouched"});
  const auto tracer_pid = static_cast<std::uint64_t>(tracer.pid());
  tracer.signal(SIGINT);
  const Finished finished = tracer.finish();
  ASSERT_EQ(finished.status, 0) << finished.err;
  const Json report = parse_report(finished.out);
  const Json truth = printed_truth(workload.out);
  const Json* process = find_process(report, truth.at("pid"));
  ASSERT_NE(process, nullptr);
  if (sees_everything(report)) {
    EXPECT_EQ(faults_of(*process, "populate"), truth["faults"]["populate"].get<std::uint64_t>());
  }
  // The tracer leaves itself out.
  EXPECT_EQ(find_process(report, tracer_pid), nullptr);
}

// Two processes that had the same number one after the other are two.
TEST(Target, ReusedPidIsAnotherProcess) {
  const std::string knob = "/proc/sys/kernel/ns_last_pid";
  if (access(knob.c_str(), W_OK) != 0) return;  // a kernel without CHECKPOINT_RESTORE cannot be told which pid is next
  Program tracer(trace_faults({"--json", "-a", "--processes", "all"}));
  ASSERT_TRUE(tracer.wait_for_stderr("tracing")) << tracer.stderr_so_far();
  const auto pid_of_a_run = [] {
    return printed_truth(run({"mlt-workload", "touch", "--pages", "100"}).out).at("pid").get<int>();
  };
  const int pid = pid_of_a_run();
  // Whatever else starts here takes numbers too, and may be faster.
  EXPECT_TRUE(wait_until([&] {
    write_file(knob, std::to_string(pid - 1));
    return pid_of_a_run() == pid;
  }));
  tracer.signal(SIGINT);
  const Json report = parse_report(tracer.finish().out);
  int entries = 0;
  for (const Json& process : report.at("processes")) {
    if (process.at("pid") != pid) continue;
    ++entries;
    EXPECT_GE(*faults_of(process, "access"), 100U);
    EXPECT_LT(*faults_of(process, "access"), 1000U);
  }
  EXPECT_EQ(entries, 2);
}

TEST(Target, CgroupHoldsWhatRunsInIt) {
  // Wherever this machine has its cgroups, if it has any of version 2: the hierarchy is the same at every mount.
  const std::string root = "/tmp/mlt-cgroup2";
  const std::string path = root + "/mlt-test";
  mkdir(root.c_str(), 0755);
  if (mount("none", root.c_str(), "cgroup2", 0, nullptr) != 0) GTEST_FAIL() << "cannot mount a cgroup2 file system";
  mkdir(path.c_str(), 0755);
  Program inside({"mlt-workload", "touch", "--hold"});
  Program outside({"mlt-workload", "touch", "--hold"});
  ASSERT_TRUE(inside.read_line().starts_with("ready"));
  ASSERT_TRUE(outside.read_line().starts_with("ready"));
  write_file(path + "/cgroup.procs", std::to_string(inside.pid()));
  Program tracer(trace_faults({"--json", "-c", path}));
  ASSERT_TRUE(tracer.wait_for_stderr("tracing")) << tracer.stderr_so_far();
  for (Program* workload : {&inside, &outside}) {
    workload->send("g");
    workload->read_line();
  }
  tracer.signal(SIGINT);
  const Finished finished = tracer.finish();
  ASSERT_EQ(finished.status, 0) << finished.err;
  const Json report = parse_report(finished.out);
  const Json* process = find_process(report, static_cast<std::uint64_t>(inside.pid()));
  ASSERT_NE(process, nullptr);
  EXPECT_EQ(faults_of(*process, "access"), 2048U);
  EXPECT_EQ(find_process(report, static_cast<std::uint64_t>(outside.pid())), nullptr);
  inside.send("x");
  inside.finish();
  EXPECT_EQ(rmdir(path.c_str()), 0);
  umount2(root.c_str(), MNT_DETACH);
  rmdir(root.c_str());
}

// A tracer in a PID namespace of its own takes and shows the numbers of that namespace.
TEST(Target, NumbersAreThoseOfTheCallersPidNamespace) {
  const pid_t outer = fork();
  ASSERT_GE(outer, 0);
  if (outer == 0) {
    if (unshare(CLONE_NEWPID | CLONE_NEWNS) != 0) _exit(77);
    const pid_t init = fork();
    if (init == 0) {
      mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
      if (mount("proc", "/proc", "proc", 0, nullptr) != 0) _exit(78);
      Program workload({"mlt-workload", "touch", "--hold"});
      workload.read_line();
      Program tracer(trace_faults({"--json", "-p", std::to_string(workload.pid())}));
      if (!tracer.wait_for_stderr("tracing")) _exit(79);
      workload.send("g");
      workload.read_line();
      tracer.signal(SIGINT);
      const Json report = Json::parse(tracer.finish().out, nullptr, false);
      if (report.is_discarded() || report.at("processes").size() != 1) _exit(80);
      const Json& process = report.at("processes")[0];
      if (process.at("pid") != workload.pid() || workload.pid() > 100) _exit(81);
      _exit(faults_of(process, "access") == 2048U ? 0 : 82);
    }
    int status = 0;
    waitpid(init, &status, 0);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 83);
  }
  int status = 0;
  waitpid(outer, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(Target, ThatExitsEndsTheTraceWithACompleteReport) {
  Program workload({"mlt-workload", "lock-untouched", "--hold"});
  ASSERT_TRUE(workload.read_line().starts_with("ready"));
  Program tracer(
      {"mlocktrace", "--signals", "fault,page_lock,page_unlock", "--json", "-p", std::to_string(workload.pid())});
  ASSERT_TRUE(tracer.wait_for_stderr("tracing")) << tracer.stderr_so_far();
  workload.send("gx");
  workload.finish();
  const Finished finished = tracer.finish();
  EXPECT_EQ(finished.status, 0) << finished.err;
  const Json report = parse_report(finished.out);
  const Json& process = report.at("processes").at(0);
  EXPECT_TRUE(process.at("exited"));
  if (sees_everything(report)) {
    EXPECT_EQ(faults_of(process, "populate"), 2048U);
    EXPECT_EQ(process.at("pages").at("mlocked"), 2048);
    EXPECT_EQ(process.at("pages").at("munlocked"), 2048);
  }
  expect_audit_holds(report, "faults of");
}

// --- output --------------------------------------------------------------------------------------------------------

TEST(Output, IntervalsAddUpToTheReport) {
  Program workload({"mlt-workload", "storm", "--seconds", "1", "--hold"});
  ASSERT_TRUE(workload.read_line().starts_with("ready"));
  Program tracer(trace_faults({"--json", "-p", std::to_string(workload.pid()), "0.2"}));
  ASSERT_TRUE(tracer.wait_for_stderr("tracing")) << tracer.stderr_so_far();
  const auto accesses = [](const Json& object) {
    std::uint64_t sum = 0;
    for (const Json& process : object.at("processes")) sum += *faults_of(process, "access");
    return sum;
  };
  workload.send("g");
  const Json truth = read_truth(workload.read_line());
  // An interval without a fault is the first that began after the work: the report has nothing to add to those before.
  std::uint64_t in_intervals = 0;
  for (std::uint64_t faults = 1; in_intervals < truth.at("faults").at("access") || faults > 0;) {
    const Json interval = parse_report(tracer.read_line());
    ASSERT_EQ(interval.at("type"), "interval");
    faults = accesses(interval);
    in_intervals += faults;
  }
  tracer.signal(SIGINT);
  const Finished finished = tracer.finish();
  ASSERT_EQ(finished.status, 0) << finished.err;
  std::istringstream lines(finished.out);
  Json last;
  for (std::string line; std::getline(lines, line);) last = parse_report(line);
  ASSERT_EQ(last.at("type"), "report");
  EXPECT_EQ(in_intervals, accesses(last));
}

TEST(Output, CountEndsTheTrace) {
  Program workload({"mlt-workload", "idle", "--seconds", "100000"});
  const Finished finished = run(trace_faults({"-q", "--json", "-p", std::to_string(workload.pid()), "0.3", "2"}));
  EXPECT_EQ(finished.status, 0) << finished.err;
  std::istringstream lines(finished.out);
  Words types;
  for (std::string line; std::getline(lines, line);) types.push_back(parse_report(line).at("type"));
  EXPECT_EQ(types, (Words{"interval", "interval", "report"}));
}

TEST(Output, GoesToAFile) {
  const std::string path = "/tmp/mlt-report.json";
  const Finished finished = run(trace_faults({"-q", "--json", "-o", path, "--", "true"}));
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_EQ(finished.out, "");
  EXPECT_TRUE(parse_report(read_file(path)).at("processes").is_array());
  unlink(path.c_str());
}

TEST(Output, ProbesNamesEverySignal) {
  const Finished finished = run({"mlocktrace", "probes", "--json"});
  ASSERT_EQ(finished.status, 0) << finished.err;
  const Json probes = parse_report(finished.out);
  EXPECT_EQ(probes.at("type"), "probes");
  EXPECT_GE(probes.at("signals").size(), 11U);
}

TEST(Output, DryRunLoadsNothing) {
  const Finished finished = run({"mlocktrace", "--dry-run", "-a"});
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_NE(finished.out.find("handle_mm_fault"), std::string::npos);
}

// --- errors --------------------------------------------------------------------------------------------------------

// No process ever has the number of PID_MAX_LIMIT.
TEST(Error, NoSuchProcess) { expect_error(run({"mlocktrace", "-p", "4194304"}), 1, "no process with id 4194304"); }
TEST(Error, NotANumber) { expect_error(run({"mlocktrace", "-p", "abc"}), 2, "'abc' is not a process id"); }
TEST(Error, NoSuchThread) { expect_error(run({"mlocktrace", "-t", "4194304"}), 1, "no thread with id 4194304"); }
TEST(Error, NoTarget) { expect_error(run({"mlocktrace"}), 2, "nothing to trace"); }
TEST(Error, UnknownOption) { expect_error(run({"mlocktrace", "--nonsense", "-a"}), 2, "--nonsense"); }
TEST(Error, UnknownSignal) { expect_error(run({"mlocktrace", "-a", "--signals", "nope"}), 2, "unknown signal 'nope'"); }
TEST(Error, UnknownCgroup) { expect_error(run({"mlocktrace", "-c", "/no/such/group"}), 1, "no cgroup /no/such/group"); }
TEST(Error, NoTypes) { expect_error(run({"mlocktrace", "-a", "--btf", "/etc/passwd"}), 1, "cannot read kernel types"); }

TEST(Error, CommandThatDoesNotExist) {
  const Finished finished = run(trace_faults({"-q", "--", "/no/such/program"}));
  expect_error(finished, 1, "cannot run /no/such/program: No such file or directory");
}

TEST(Error, ProcessThatExitsWhileTheTraceStarts) {
  Program short_lived({"sleep", "0.3"});
  const Finished finished = run(trace_faults({"-q", "-p", std::to_string(short_lived.pid())}));
  // As a zombie it still has counters, and the report is complete; were it reaped, one line would say so.
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_NE(finished.out.find("audit"), std::string::npos);
}

TEST(Error, OutputThatCannotBeWritten) {
  expect_error(run(trace_faults({"-q", "-o", "/no/such/directory/report", "--", "true"})), 1,
               "cannot write /no/such/directory/report: No such file or directory");
}

TEST(Error, ReaderThatWentAway) {
  Program::Options options;
  options.close_stdout = true;
  expect_error(run(trace_faults({"-q", "--", "true"}), options), 1,
               "cannot write the report to standard output: Broken pipe");
}

TEST(Error, OrdinaryUser) {
  Program::Options options;
  options.uid = kNobody;
  expect_error(run(trace_faults({"-q", "--", "true"}), options), 3, "run as root, or with CAP_BPF and CAP_PERFMON");
}

TEST(Error, RootWithoutCapBpf) {
  Program::Options options;
  options.drop_bpf_capabilities = true;
  expect_error(run(trace_faults({"-q", "--", "true"}), options), 3, "run as root, or with CAP_BPF and CAP_PERFMON");
}

TEST(Error, NothingIsLeftBehind) {
  // The tests above started and failed in every way; what they loaded must be gone.
  EXPECT_EQ(bpf_programs_left(), 0U);
}

}  // namespace

}  // namespace live
