// Who else than the lock family asks RLIMIT_MEMLOCK: buffers of io_uring and perf, and maps of bpf up to Linux 5.10.
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <string_view>

#include "workload.hpp"

namespace workload {
namespace {

constexpr int kTimes = 3;

void set_limit(long bytes) {
  const rlimit limit{static_cast<rlim_t>(bytes), static_cast<rlim_t>(bytes)};
  if (::setrlimit(RLIMIT_MEMLOCK, &limit) != 0) fail("setrlimit", errno);
}

// What is accounted to a user is that of all its processes: one that nobody else is, and that has no capability.
void become_alone() {
  const auto user = static_cast<uid_t>(100'000 + ::getpid());
  if (::geteuid() == 0 && ::setresuid(user, user, user) != 0) fail("setresuid", errno);
  ::prctl(PR_SET_DUMPABLE, 1);
}

class Ring {
 public:
  Ring() {
    io_uring_params params{};
    file_ = static_cast<int>(::syscall(SYS_io_uring_setup, 4, &params));
  }
  ~Ring() {
    if (file_ >= 0) ::close(file_);
  }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  [[nodiscard]] bool is_there() const { return file_ >= 0; }

  // 0, or an errno.
  [[nodiscard]] int add(const Range& buffer) const {
    const iovec what{buffer.start, buffer.bytes()};
    return ::syscall(SYS_io_uring_register, file_, IORING_REGISTER_BUFFERS, &what, 1) == 0 ? 0 : errno;
  }
  void remove() const { ::syscall(SYS_io_uring_register, file_, IORING_UNREGISTER_BUFFERS, nullptr, 0); }

 private:
  int file_;
};

// How many of the calls, each of which is to fail by this errno, did; any other result ends the workload.
template <class Call>
long refused_by(int error, Call&& call) {
  long refused = 0;
  for (int i = 0; i < kTimes; ++i) {
    const int got = call();
    if (got != error) fail("a call that ought to end otherwise", got);
    if (got != 0) ++refused;
  }
  return refused;
}

}  // namespace

// Of the limit a quarter is taken by one ring, and another one wants as much as all of it. why=address: it wants a
// quarter, which is not mapped; why=exempt: as root.
void uring_limit(Run& run) {
  const std::string_view why = run.text("why", "limit");
  const Region region(run.pages(64, 8));
  const Range held = region.part(0, region.all().pages / 4);
  const Region hole(Region::Reserved{}, held.pages);
  const bool is_over = why == "limit";
  if (!is_over && why != "address" && why != "exempt") fail("why: limit, address or exempt", EINVAL);
  write_pages(region.all());
  set_limit(static_cast<long>(region.all().bytes()));
  if (why != "exempt") become_alone();
  const Ring first;
  const Ring second;
  if (!first.is_there() || !second.is_there()) return run.unsupported("may not make a ring of io_uring");
  if (const int error = first.add(held); error != 0) fail("io_uring_register", error);
  const Range wanted = why == "address" ? hole.all() : region.all();
  const int error = is_over ? ENOMEM : why == "address" ? EFAULT : 0;
  long refused = 0;
  run.expect = {};
  run.measure([&] {
    refused = refused_by(error, [&] {
      const int result = second.add(wanted);
      if (result == 0) second.remove();
      return result;
    });
  });
  run.extra("refused", is_over ? refused : 0);
  run.extra("limit_bytes", static_cast<long>(region.all().bytes()));
  run.extra("held_bytes", static_cast<long>(held.bytes()));
  run.extra("wanted_bytes", static_cast<long>(wanted.bytes()));
  run.report();
}

// mlock fails by what it wants itself, whatever a ring holds.
void lock_beside_uring(Run& run) {
  const Region region(run.pages(64, 8));
  const Range held = region.part(0, region.all().pages / 4);
  write_pages(held);
  set_limit(static_cast<long>(region.all().bytes()) / 2);
  become_alone();
  const Ring ring;
  if (!ring.is_there()) return run.unsupported("may not make a ring of io_uring");
  if (const int error = ring.add(held); error != 0) fail("io_uring_register", error);
  run.expect = {};
  run.extra("held_bytes", static_cast<long>(held.bytes()));
  run.work([&] { run.mlock(region.all()); });
}

// A buffer larger than what perf has for each processor and the limit together. why=size: one of a size that perf does
// not take.
void perf_limit(Run& run) {
  const std::string_view why = run.text("why", "limit");
  constexpr long kLimitPages = 16;
  run.pages(1);
  const long own_kb = number_of("/proc/sys/kernel/perf_event_mlock_kb").value_or(0);
  const long own = own_kb * 1024 / page_size * ::sysconf(_SC_NPROCESSORS_ONLN);
  long pages = 1;
  while (pages <= 2 * (own + kLimitPages)) pages *= 2;
  if (why == "limit") ++pages;  // that of the head, before a power of two
  perf_event_attr attributes{};
  attributes.size = sizeof attributes;
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.config = PERF_COUNT_SW_DUMMY;
  const int event = static_cast<int>(::syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC));
  if (event < 0) return run.unsupported("may not open a perf event");
  if (number_of("/proc/sys/kernel/perf_event_paranoid").value_or(0) < 0)
    return run.unsupported("perf has no limit here");
  set_limit(kLimitPages * page_size);
  become_alone();
  const auto bytes = static_cast<std::size_t>(pages * page_size);
  long refused = 0;
  run.expect = {};
  run.measure([&] {
    refused = refused_by(why == "limit" ? EPERM : EINVAL, [&] {
      return ::mmap(nullptr, bytes, Region::read_write, MAP_SHARED, event, 0) == MAP_FAILED ? errno : 0;
    });
  });
  run.extra("refused", why == "limit" ? refused : 0);
  run.extra("limit_bytes", kLimitPages * page_size);
  run.extra("held_bytes", 0);
  run.extra("wanted_bytes", static_cast<long>(bytes));
  ::close(event);
  run.report();
}

// A map that is larger than the limit.
void bpf_limit(Run& run) {
  constexpr long kLimit = 64 * 1024;
  run.pages(1);
  static bpf_attr map{};
  map.map_type = BPF_MAP_TYPE_ARRAY;
  map.key_size = 4;
  map.value_size = 4 * kLimit;
  map.max_entries = 1;
  const auto make = [] {
    const auto file = static_cast<int>(::syscall(SYS_bpf, BPF_MAP_CREATE, &map, sizeof map));
    if (file >= 0) ::close(file);
    return file >= 0 ? 0 : errno;
  };
  // Whatever else root has made counts, too.
  const rlimit none{RLIM_INFINITY, RLIM_INFINITY};
  if (::setrlimit(RLIMIT_MEMLOCK, &none) != 0 || make() != 0) return run.unsupported("may not make a BPF map");
  set_limit(kLimit);
  if (make() == 0) return run.unsupported("BPF is charged to the memory cgroup here (Linux 5.11)");
  long refused = 0;
  run.expect = {};
  run.measure([&] { refused = refused_by(EPERM, make); });
  run.extra("refused", refused);
  run.extra("limit_bytes", kLimit);
  run.report();
}

}  // namespace workload
