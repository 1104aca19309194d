#include "bpf_programs.h"

#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <string_view>

#include "program.h"

namespace live {

namespace {

long bpf(int command, union bpf_attr& attr) { return syscall(SYS_bpf, command, &attr, sizeof(attr)); }

std::map<std::uint32_t, bpf_prog_info> programs_of_any_mlocktrace() {
  std::map<std::uint32_t, bpf_prog_info> programs;
  union bpf_attr next {};
  while (bpf(BPF_PROG_GET_NEXT_ID, next) == 0) {
    next.start_id = next.next_id;
    union bpf_attr by_id {};
    by_id.prog_id = next.next_id;
    const int fd = static_cast<int>(bpf(BPF_PROG_GET_FD_BY_ID, by_id));
    if (fd < 0) continue;  // it has gone since
    bpf_prog_info info{};
    union bpf_attr get {};
    get.info.bpf_fd = static_cast<std::uint32_t>(fd);
    get.info.info_len = sizeof(info);
    get.info.info = reinterpret_cast<std::uint64_t>(&info);
    const bool got = bpf(BPF_OBJ_GET_INFO_BY_FD, get) == 0;
    close(fd);
    if (got && std::string_view(info.name).starts_with("mlt_")) programs[info.id] = info;
  }
  EXPECT_EQ(errno, ENOENT) << strerror(errno);
  return programs;
}

// On a machine that somebody uses, mlocktrace may be running.
const std::map<std::uint32_t, bpf_prog_info> kOfOthers = programs_of_any_mlocktrace();

std::map<std::uint32_t, bpf_prog_info> programs() {
  auto programs = programs_of_any_mlocktrace();
  std::erase_if(programs, [](const auto& program) { return kOfOthers.contains(program.first); });
  return programs;
}

}  // namespace

std::set<std::uint32_t> loaded_bpf_programs() {
  std::set<std::uint32_t> ids;
  for (const auto& [id, info] : programs()) ids.insert(id);
  return ids;
}

std::size_t bpf_programs_left() {
  std::set<std::uint32_t> left = loaded_bpf_programs();
  wait_until([&] {
    const std::set<std::uint32_t> now = loaded_bpf_programs();
    std::erase_if(left, [&](std::uint32_t id) { return !now.contains(id); });
    return left.empty();
  });
  return left.size();
}

BpfRuns runs_of_bpf_programs() {
  BpfRuns runs;
  for (const auto& [id, info] : programs()) {
    runs.count += info.run_cnt;
    runs.time_ns += info.run_time_ns;
  }
  return runs;
}

}  // namespace live
