#include "memory_cgroup.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>

namespace workload {
namespace {

constexpr const char* root = "/sys/fs/cgroup";

}  // namespace

MemoryCgroup::MemoryCgroup(const char* controller) {
  warm_program();  // what the program itself consists of is not to be reclaimed with the rest
  // Beside the cgroup that the process is in: one that has processes may have none below it with a memory controller.
  Path subtree{};
  for_each_line("/proc/self/cgroup", [&](std::string_view line) {
    constexpr std::string_view unified = "0::";
    if (!line.starts_with(unified)) return;
    line.remove_prefix(unified.size());
    const auto parent = static_cast<int>(line.rfind('/'));
    std::snprintf(home_.data(), home_.size(), "%s%.*s/cgroup.procs", root, static_cast<int>(line.size()), line.data());
    std::snprintf(subtree.data(), subtree.size(), "%s%.*s/cgroup.subtree_control", root, parent, line.data());
    std::snprintf(directory_.data(), directory_.size(), "%s%.*s/mlt-workload.%d", root, parent, line.data(),
                  ::getpid());
  });
  high_ = file("memory.high");
  events_ = file("memory.events");
  stat_ = file("memory.stat");
  for (const char* wanted : {"+memory", controller}) write_file(subtree.data(), wanted);  // is so already, mostly
  if (::mkdir(directory_.data(), 0755) != 0) return;
  max_ = ::open(file("memory.max").data(), O_WRONLY | O_CLOEXEC);
  entered_ = max_ >= 0 && write_file(file("cgroup.procs").data(), "0");
  if (!entered_) {
    if (max_ >= 0) ::close(max_);
    ::rmdir(directory_.data());
    return;
  }
  // When the device that it swaps to is too slow, it is to wait: better a fault that is tried again than an end.
  write_file("/proc/self/oom_score_adj", "-1000");
}

MemoryCgroup::~MemoryCgroup() {
  if (!entered_) return;
  ::close(max_);
  if (write_file(home_.data(), "0")) ::rmdir(directory_.data());
}

MemoryCgroup::Path MemoryCgroup::file(const char* name) const {
  Path path = directory_;
  const std::size_t length = std::strlen(path.data());
  std::snprintf(path.data() + length, path.size() - length, "/%s", name);
  return path;
}

bool MemoryCgroup::set(const char* name, std::string_view text) const { return write_file(file(name).data(), text); }

void MemoryCgroup::limit(long pages) const {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), pages * page_size);
  set_max({digits.data(), static_cast<std::size_t>(end.ptr - digits.data())});
}

void MemoryCgroup::set_max(std::string_view text) const {
  if (::write(max_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) fail("memory.max", errno);
}

void MemoryCgroup::squeeze() const {
  // Unlike memory.max this kills nobody when it cannot be met.
  if (!write_file(high_.data(), "0") || !write_file(high_.data(), "max")) fail("memory.high", errno);
}

void MemoryCgroup::unlimit() const { set_max("max"); }

void MemoryCgroup::forbid_swap() const { write_file(file("memory.swap.max").data(), "0"); }

}  // namespace workload
