// Two nodes: pages that the kernel hides to see who uses them, and pages that move.
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <string_view>

#include "child.hpp"
#include "team.hpp"
#include "workload.hpp"

namespace workload {
namespace {

constexpr const char* one_node = "memory and processors are not on two nodes";

// A CPU of each of the first two nodes.
struct TwoNodes {
  TwoNodes() {
    cpu_set_t allowed;
    ::sched_getaffinity(0, sizeof allowed, &allowed);
    cpus.fill(-1);
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      unsigned at = 0, node = 0;
      if (!CPU_ISSET(cpu, &allowed) || !pin_to(cpu) || ::syscall(SYS_getcpu, &at, &node, nullptr) != 0) continue;
      if (node < cpus.size()) cpus[node] = cpu;
    }
    ::sched_setaffinity(0, sizeof allowed, &allowed);
  }
  [[nodiscard]] bool are_there() const { return cpus[0] >= 0 && cpus[1] >= 0; }

  std::array<int, 2> cpus{};
};

}  // namespace

void numa_hint(Run& run) {
  const auto patience_ns = static_cast<long>(run.seconds(30) * 1e9);
  const TwoNodes nodes;
  if (!nodes.are_there()) return run.unsupported(one_node);
  if (::access("/proc/sys/kernel/numa_balancing", F_OK) != 0)
    return run.unsupported("no NUMA balancing in this kernel");
  const Region region(run.pages(512));
  const long pages = region.all().pages;
  pin_to(nodes.cpus[0]);
  lock_in_setup(region.all());
  pin_to(nodes.cpus[1]);
  // The kernel looks when it likes; and where the pages come over, newer kernels leave them read-only.
  run.expect = {.access = unknown, .mlocked = unknown, .munlocked = unknown};
  run.some_cause("numa_hint", pages);
  run.some_cause("write_enable", 0);
  run.measure([&] {
    const KernelSetting balancing("/proc/sys/kernel/numa_balancing", "1");
    const long begun = now_ns(), before = faults_so_far();
    // Up to two a page; where it is one, a second without another tells.
    long faults = 0, last_ns = begun;
    while (faults < 2 * pages && now_ns() - begun < patience_ns) {
      write_pages(region.all());
      const long now = faults_so_far() - before;
      if (now != faults) last_ns = now_ns();
      faults = now;
      if (faults >= pages && now_ns() - last_ns > 1'000'000'000) break;
    }
  });
  run.report();
}

void migration(Run& run) {
  constexpr int rounds = 20;
  constexpr int move_all = 4;  // MPOL_MF_MOVE_ALL
  constexpr std::size_t most = 512;
  const TwoNodes nodes;
  if (!nodes.are_there()) return run.unsupported(one_node);
  const Region region(run.pages(most));
  if (region.all().pages > static_cast<long>(most)) fail("migration: 512 --pages at most");
  lock_in_setup(region.all());
  const auto count = static_cast<std::size_t>(region.all().pages);
  static std::array<void*, most> addresses;
  static std::array<int, most> targets, states;
  for (std::size_t i = 0; i < count; ++i) addresses[i] = region.all().page(static_cast<long>(i));

  std::atomic<bool> moving{true};
  Team team(1);
  auto body = [&](int) {
    while (moving) write_pages(region.all());
  };
  // A fault more or less each time that the other thread meets a page on its way. Some come just too late for it.
  run.expect = {.access = unknown, .mlocked = unknown, .munlocked = unknown};
  run.some_cause("migration", 1);
  run.some_cause("spurious", 0);
  run.measure([&] {
    team.start(body);
    for (int round = 0; round < rounds; ++round) {
      targets.fill(1 - round % 2);
      ::syscall(SYS_move_pages, 0, count, addresses.data(), targets.data(), states.data(), move_all);
    }
    moving = false;
    team.finish();
  });
  run.report();
}

namespace {

// A locked and an unlocked half, moved to the other node and back.
struct Moves {
  static constexpr std::size_t most = 512;
  static constexpr int rounds = 2;

  pid_t of = 0;  // whose memory it is; 0: the caller's
  std::size_t pages = 0;
  std::array<void*, most> addresses{};
  std::array<int, most> targets{}, states{};
  long moved_locked = 0, moved_unlocked = 0;

  void make() {
    for (int round = 0; round < rounds; ++round) {
      const int node = 1 - round % 2;
      targets.fill(node);
      ::syscall(SYS_move_pages, of, pages, addresses.data(), targets.data(), states.data(), own_pages);
      for (std::size_t i = 0; i < pages; ++i) (i < pages / 2 ? moved_locked : moved_unlocked) += states[i] == node;
    }
  }
  static int main(void* moves) {
    static_cast<Moves*>(moves)->make();
    return 0;
  }

 private:
  static constexpr int own_pages = 2;  // MPOL_MF_MOVE
};

}  // namespace

void move_pages(Run& run) {
  const TwoNodes nodes;
  if (!nodes.are_there()) return run.unsupported(one_node);
  static Moves moves;
  const Region region(run.pages(Moves::most, 2));
  if (region.all().pages > static_cast<long>(Moves::most)) fail("move-pages: 512 --pages at most");
  const long half = region.all().pages / 2;
  moves.pages = static_cast<std::size_t>(2 * half);
  for (std::size_t i = 0; i < moves.pages; ++i) moves.addresses[i] = region.all().page(static_cast<long>(i));
  pin_to(nodes.cpus[0]);
  lock_in_setup(region.part(0, half));
  write_pages(region.part(half, half));
  const bool by_another = std::string_view(run.text("by", "self")) == "another";
  if (by_another) Child::prepare();
  // Whoever moves a mlocked page munlocks it and mlocks its copy.
  run.expect = {.mlocked = unknown, .munlocked = unknown};
  if (by_another) {
    moves.of = ::getpid();
    run.measure([&] { Child(Moves::main, &moves, CLONE_VM).wait(); });
  } else {
    run.measure([&] { moves.make(); });
  }
  run.extra("locked_pages", half);
  run.extra("moved_locked", moves.moved_locked);
  run.extra("moved_unlocked", moves.moved_unlocked);
  run.extra("mlocked_after", mlocked_pages(region.all()));
  run.report();
}

}  // namespace workload
