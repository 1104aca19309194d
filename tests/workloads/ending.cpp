// How processes end.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <string_view>

#include "child.hpp"
#include "memory_cgroup.hpp"
#include "workload.hpp"

namespace workload {
namespace {

// What a child is told, in memory that it shares.
struct Order {
  int status = 0;  // of exit()
  int signal = 0;  // to send itself; 0: exits
  Range touch{};   // before that
  Range lock{};
  bool stay = false;  // until somebody ends it
  std::atomic<int> ready = 0;
};

int obey(void* argument) {
  auto* const order = static_cast<Order*>(argument);
  write_pages(order->touch);
  if (order->lock.pages != 0) ::syscall(SYS_mlock, order->lock.start, order->lock.bytes());
  order->ready = 1;
  while (order->stay) ::syscall(SYS_pause);
  if (order->signal != 0) ::syscall(SYS_kill, ::syscall(SYS_getpid), order->signal);
  ::syscall(SYS_exit_group, order->status);
  return 0;
}

// The OOM killer takes it before any other. (A workload in a memory cgroup is spared, and so were its children.)
int obey_exposed(void* argument) {
  const long file = ::syscall(SYS_openat, AT_FDCWD, "/proc/self/oom_score_adj", O_WRONLY);
  ::syscall(SYS_write, file, "1000", 4);
  ::syscall(SYS_close, file);
  return obey(argument);
}

int lock_on_second_node(void* argument) {
  const unsigned long nodes = 1UL << 1;
  constexpr int kBind = 2;  // MPOL_BIND
  ::syscall(SYS_set_mempolicy, kBind, &nodes, 8 * sizeof nodes);
  return obey_exposed(argument);
}

class Orders {
 public:
  Order& operator[](std::size_t i) { return reinterpret_cast<Order*>(memory_.all().start)[i]; }

 private:
  Region memory_{1, Region::read_write, MAP_SHARED | MAP_ANONYMOUS};
};

}  // namespace

void endings(Run& run) {
  constexpr std::array<const char*, 4> keys{"exit_0", "exit_3", "sigterm", "sigsegv"};
  const rlimit core{RLIM_INFINITY, RLIM_INFINITY};
  ::setrlimit(RLIMIT_CORE, &core);
  if (::chdir(run.text("dir", "/tmp")) != 0) fail("dir", errno);
  Orders orders;
  orders[1].status = 3;
  orders[2].signal = SIGTERM;
  orders[3].signal = SIGSEGV;
  Child::prepare();
  std::array<int, 4> statuses{};
  run.expect = {};  // in the parent
  run.measure([&] {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      Child child(obey, &orders[i]);
      const int pid = child.pid();
      run.child(pid, child.wait());
      statuses[i] = child.status();
    }
  });
  for (std::size_t i = 0; i < keys.size(); ++i) run.extra(keys[i], statuses[i]);
  ::unlink("core");
  run.report();
}

namespace {

// A child that the OOM killer takes; `end` sees to that where its memory alone does not.
template <typename Function>
void lose_child(Run& run, int (*work)(void*), Orders& orders, Function end) {
  Child::prepare();
  int status = 0;
  run.measure([&] {
    Child child(work, &orders[0]);
    end();
    const int pid = child.pid();
    run.child(pid, child.wait());
    status = child.status();
  });
  run.extra("status", status);
}

void over_cgroup_limit(Run& run) {
  const MemoryCgroup group;
  if (!group.entered()) return run.unsupported("needs a memory cgroup (v2) of its own");
  const Region region(run.pages(4096, 1024));
  Orders orders;
  orders[0].touch = region.all();
  group.forbid_swap();
  group.limit(region.all().pages / 2);
  run.expect = {};  // in the parent
  lose_child(run, obey_exposed, orders, [] {});
  run.extra("oom_kills", group.oom_kills());
  run.report();
}

// What is asked for by hand is done as if the machine were out of memory (Documentation/admin-guide/sysrq.rst, 'f').
void by_hand(Run& run) {
  const int trigger = ::open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);
  if (trigger < 0) return run.unsupported("needs /proc/sysrq-trigger");
  const Region region(run.pages(256));
  Orders orders;
  orders[0].touch = region.all();
  orders[0].stay = true;
  run.expect = {};  // in the parent
  lose_child(run, obey_exposed, orders, [&] {
    while (orders[0].ready == 0) ::usleep(1000);
    if (::write(trigger, "f", 1) != 1) fail("sysrq-trigger", errno);
  });
  run.report();
}

// More locked memory than the second node has.
void over_node(Run& run) {
  if (::access("/sys/devices/system/node/node1", F_OK) != 0) return run.unsupported("memory is not on two nodes");
  const long pages = ::sysconf(_SC_PHYS_PAGES) * 3 / 5;
  const Region region(run.pages(pages));
  Orders orders;
  orders[0].lock = region.all();
  run.expect = {.access = unknown};  // the parent's pages have to make room
  lose_child(run, lock_on_second_node, orders, [] {});
  run.report();
}

}  // namespace

void oom_killed(Run& run) {
  const std::string_view limit = run.text("limit", "cgroup");
  if (limit == "cgroup") return over_cgroup_limit(run);
  if (limit == "machine") return by_hand(run);
  if (limit == "nodes") return over_node(run);
  fail("limit: cgroup, machine or nodes", EINVAL);
}

}  // namespace workload
