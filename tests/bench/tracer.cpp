#include "tracer.h"

#include <fmt/format.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <sstream>

namespace bench {

namespace {

using live::Clock;
using live::Words;

double ns_since(Clock::time_point start) {
  return static_cast<double>(std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start).count());
}

constexpr const char* kHandleMmFault = "handle_mm_fault";

// Thrown away: in the guest that is measured, /tmp is memory.
constexpr const char* kRecording = "/tmp/mlt-bench-recording";

TracerKind mlocktrace(const std::string& name, const Words& options) {
  TracerKind kind{name, "/usr/bin/mlocktrace", {"mlocktrace", "-p", "{pid}"}, "tracing", false};
  kind.command.insert(kind.command.end(), options.begin(), options.end());
  return kind;
}

TracerKind bpftrace(const std::string& name, const std::string& enter, const std::string& exit) {
  const std::string script = fmt::format(
      "{0}:{2} /pid == {{pid}}/ {{ @start[tid] = nsecs; }} "
      "{1}:{2} /@start[tid]/ {{ @ns = hist(nsecs - @start[tid]); delete(@start[tid]); }}",
      enter, exit, kHandleMmFault);
  return {name, "/usr/bin/bpftrace", {"bpftrace", "-e", script}, "", true};
}

void replace_all(std::string& text, const std::string& what, const std::string& by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, what.size(), by);
}

// A program that says nothing is ready when it has slept for a while.
void wait_for_peace(pid_t pid) {
  double before = -1;
  for (int quiet = 0, waited = 0; quiet < 4 && waited < 200; ++waited) {
    const double now = processor_ns(pid);
    quiet = now == before ? quiet + 1 : 0;
    before = now;
    usleep(500'000);
  }
}

// The kernel frees programs and trampolines a little later than their tracer ends: of peers, too.
void wait_until_programs_are_freed() {
  union bpf_attr attr {};
  for (int i = 0; i < 100 && syscall(SYS_bpf, BPF_PROG_GET_NEXT_ID, &attr, sizeof(attr)) == 0; ++i) {
    usleep(100'000);
    attr = {};
  }
}

}  // namespace

double processor_ns(pid_t pid) {
  // Its first word.
  std::istringstream text(live::read_file(fmt::format("/proc/{}/schedstat", pid)));
  double ns = 0;
  text >> ns;
  return ns;
}

std::vector<TracerKind> tracer_kinds(Which which) {
  std::vector<TracerKind> kinds = {
      mlocktrace("mlocktrace, faults", {"--signals", "fault"}),
      mlocktrace("mlocktrace, faults and causes", {"--signals", "fault,cause"}),
      mlocktrace("mlocktrace, default", {}),
  };
  if (which == Which::usual) return kinds;
  kinds.push_back(mlocktrace("mlocktrace, default, user stacks", {"-U"}));
  kinds.push_back(mlocktrace("mlocktrace, default, kernel stacks", {"-K"}));
  kinds.push_back(mlocktrace("mlocktrace, default, every fault recorded", {"-o", kRecording, "--events"}));
  kinds.back().command.insert(kinds.back().command.begin() + 1, "record");
  if (which == Which::all) return kinds;
  kinds.push_back({"libbpf-tools funclatency",
                   "/usr/sbin/funclatency",
                   {"/usr/sbin/funclatency", "-p", "{pid}", kHandleMmFault},
                   "",
                   true});
  kinds.push_back(bpftrace("bpftrace kprobe, kretprobe", "kprobe", "kretprobe"));
  kinds.push_back(bpftrace("bpftrace kfunc, kretfunc", "kfunc", "kretfunc"));
  kinds.push_back({"perf record page-faults",
                   "/usr/bin/perf",
                   {"perf", "record", "-q", "-e", "page-faults", "-c1", "-p", "{pid}", "-o", "/dev/null"},
                   "",
                   true});
  kinds.push_back({"perf trace -F all",
                   "/usr/bin/perf",
                   {"perf", "trace", "-F", "all", "--no-syscalls", "-p", "{pid}", "-o", "/dev/null"},
                   "",
                   true});
  return kinds;
}

std::optional<std::string> Tracer::start(const TracerKind& kind, pid_t target, std::optional<Tracer>& tracer) {
  if (access(kind.program.c_str(), X_OK) != 0) return kind.program + " is not there";
  Words command = kind.command;
  for (std::string& word : command) replace_all(word, "{pid}", std::to_string(target));
  const auto start = Clock::now();
  Tracer started(std::make_unique<live::Program>(command));
  const pid_t pid = started.program_->pid();
  if (kind.ready.empty()) {
    wait_for_peace(pid);
  } else {
    started.program_->wait_for_stderr(kind.ready);
    started.begin_.elapsed = ns_since(start);
  }
  started.begin_.processor = processor_ns(pid);
  // A zombie holds no memory.
  if (live::status_kb(pid, "VmRSS") <= 0) {
    const auto finished = started.program_->finish();
    std::string words = finished.err + finished.out;
    while (!words.empty() && words.back() == '\n') words.pop_back();
    replace_all(words, "\n", "; ");
    return fmt::format("ended by itself, status {}: {}", finished.status, words.substr(0, 300));
  }
  tracer.emplace(std::move(started));
  return {};
}

Tracer::End Tracer::stop() {
  End end;
  const auto interrupted = Clock::now();
  program_->signal(SIGINT);
  end.finished = program_->finish();
  const auto last = program_->last_output();
  if (last > interrupted)
    end.report = static_cast<double>(std::chrono::duration_cast<std::chrono::nanoseconds>(last - interrupted).count());
  wait_until_programs_are_freed();
  return end;
}

}  // namespace bench
