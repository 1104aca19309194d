#include "map_updates.h"

#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>

namespace live {

namespace {

long bpf(int command, union bpf_attr& attr) { return syscall(SYS_bpf, command, &attr, sizeof(attr)); }

[[noreturn]] void update(int map) {
  union bpf_attr attr {};
  std::uint32_t key = 0;
  const std::uint64_t value = 1;
  attr.map_fd = static_cast<std::uint32_t>(map);
  attr.key = reinterpret_cast<std::uint64_t>(&key);
  attr.value = reinterpret_cast<std::uint64_t>(&value);
  for (;; ++key) {
    key %= 1024;
    bpf(BPF_MAP_UPDATE_ELEM, attr);
  }
}

// Up to 5.10 maps are charged to RLIMIT_MEMLOCK.
int make_map() {
  const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
  setrlimit(RLIMIT_MEMLOCK, &unlimited);
  union bpf_attr attr {};
  attr.map_type = BPF_MAP_TYPE_HASH;
  attr.key_size = sizeof(std::uint32_t);
  attr.value_size = sizeof(std::uint64_t);
  attr.max_entries = 1024;
  return static_cast<int>(bpf(BPF_MAP_CREATE, attr));
}

}  // namespace

MapUpdates::MapUpdates() {
  std::array<int, 2> made{};
  EXPECT_EQ(pipe(made.data()), 0);
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int map = make_map();
    if (map < 0 || write(made[1], "m", 1) != 1) _exit(1);
    update(map);
  }
  close(made[1]);
  char byte = 0;
  EXPECT_EQ(read(made[0], &byte, 1), 1) << "no map";
  close(made[0]);
}

MapUpdates::~MapUpdates() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

}  // namespace live
