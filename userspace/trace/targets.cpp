#include "trace/targets.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proc/cgroup_files.h"
#include "proc/process_files.h"
#include "proc/system_files.h"

namespace mlt {

namespace {

constexpr const char* kCgroupRoot = "/sys/fs/cgroup/";

Result<std::string> find_cgroup(const std::string& name) {
  for (const std::string& path : {name, kCgroupRoot + name, kCgroupRoot + std::string("unified/") + name}) {
    struct stat info {};
    if (stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && access((path + "/cgroup.procs").c_str(), F_OK) == 0)
      return path;
  }
  return fail("no cgroup " + name, 0, "-c takes a cgroup v2 directory, absolute or below /sys/fs/cgroup");
}

std::uint32_t threads_of(const std::vector<std::uint32_t>& pids) {
  std::uint64_t threads = 0;
  for (const std::uint32_t pid : pids) {
    threads += count_threads(pid);
  }
  return static_cast<std::uint32_t>(threads);
}

}  // namespace

Result<SessionOptions> session_options(const TraceOptions& options, const std::optional<Child>& child) {
  SessionOptions session;
  session.follow = options.follow;
  session.command = !options.command.empty();
  session.verbose = options.common.verbose;
  session.stacks = (options.user_stacks ? MLT_STACK_USER : 0) | (options.kernel_stacks ? MLT_STACK_KERNEL : 0);
  if (options.all) {
    session.mode = MLT_TARGET_ALL;
    session.expected_threads = read_thread_count().value_or(0);
  } else if (!options.cgroup.empty()) {
    auto path = find_cgroup(options.cgroup);
    if (!path) return tl::unexpected(path.error());
    session.mode = MLT_TARGET_CGROUP;
    session.expected_threads = threads_of(read_cgroup_members(*path));
    session.cgroup = std::move(*path);
  } else if (options.tid) {
    const auto pid = process_of_thread(*options.tid);
    if (!pid) return tl::unexpected(pid.error());
    session.pids = {*pid};
    session.tid = *options.tid;
  } else if (child) {
    session.pids = {static_cast<std::uint32_t>(child->pid())};
  } else {
    session.pids = options.pids;
    for (const std::uint32_t pid : options.pids) {
      if (!process_exists(pid)) return fail("no process with id " + std::to_string(pid), 0, "`ps -e` lists them");
      // A thread's number opens /proc too; tracing it as a process would find nothing.
      const auto leader = process_of_thread(pid);
      if (leader && *leader != pid)
        return fail(
            std::to_string(pid) + " is a thread of process " + std::to_string(*leader), 0,
            "trace the process with -p " + std::to_string(*leader) + ", the thread with -t " + std::to_string(pid));
    }
  }
  if (session.mode == MLT_TARGET_PIDS) session.expected_threads = threads_of(session.pids);
  return session;
}

// Not of all processes: on a machine with services there always is one, and each system call of theirs would pay. A
// program that only begins may get itself a filter.
PlanOptions plan_options(const std::vector<SignalWish>& signals, const SessionOptions& session) {
  const std::vector<std::uint32_t> pids =
      session.mode == MLT_TARGET_CGROUP ? read_cgroup_members(session.cgroup) : session.pids;
  return {signals, session.command || std::ranges::any_of(pids, runs_filtered), false, session.fault_events};
}

Target describe_target(const TraceOptions& options, const SessionOptions& session) {
  Target target;
  target.follow = options.follow;
  target.pids = session.pids;
  if (options.all) {
    target.kind = "all";
  } else if (!options.cgroup.empty()) {
    target.kind = "cgroup";
    target.text = session.cgroup;
  } else if (options.tid) {
    target.kind = "tid";
    target.pids = {*options.tid};
  } else if (!options.command.empty()) {
    target.kind = "command";
    for (const std::string& word : options.command) target.text.append(target.text.empty() ? "" : " ").append(word);
  } else {
    target.kind = "pid";
  }
  return target;
}

EndWatch::EndWatch(const SessionOptions& targets) : targets_(targets) {
  if (targets.mode == MLT_TARGET_CGROUP) cgroup_ = Fd(open(targets.cgroup.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (targets.tid != 0) thread_start_ = start_of_thread(targets.pids.front(), targets.tid);
  for (const std::uint32_t pid : targets.pids) {
    Fd fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    if (fd) alive_.push_back(std::move(fd));
  }
}

bool EndWatch::processes_ended() {
  std::erase_if(alive_, [](const Fd& fd) {
    pollfd entry{fd.get(), POLLIN, 0};
    return poll(&entry, 1, 0) == 1;
  });
  return alive_.empty();
}

// The number may be another thread's by now.
bool EndWatch::thread_ended() const {
  return !thread_start_ || start_of_thread(targets_.pids.front(), targets_.tid) != thread_start_;
}

// Its files are gone then, also for those who hold its directory open; the path may be another cgroup's by now.
bool EndWatch::cgroup_removed() const { return !Fd(openat(cgroup_.get(), "cgroup.procs", O_RDONLY | O_CLOEXEC)); }

std::optional<std::string> EndWatch::ended() {
  switch (targets_.mode) {
    case MLT_TARGET_ALL: return std::nullopt;
    case MLT_TARGET_CGROUP:
      return cgroup_removed() ? std::optional("cgroup " + targets_.cgroup + " was removed") : std::nullopt;
    case MLT_TARGET_PIDS: break;
  }
  if (targets_.tid != 0)
    return thread_ended() ? std::optional(fmt::format("thread {} has ended", targets_.tid)) : std::nullopt;
  if (!processes_ended()) return std::nullopt;
  const bool is_one = targets_.pids.size() == 1;
  return fmt::format("process{} {} ha{} ended", is_one ? "" : "es", fmt::join(targets_.pids, ", "),
                     is_one ? "s" : "ve");
}

}  // namespace mlt
