// What another process does to the memory of this one: it is a child, with a name of its own, and all that it does is
// counted beforehand. Beside each its look-alike, by the process itself.
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <new>
#include <optional>
#include <string_view>

#include "child.hpp"
#include "file.hpp"
#include "tracking.hpp"
#include "workload.hpp"

namespace workload {
namespace {

constexpr long sys_pidfd_open = 434;
constexpr long sys_process_madvise = 440;

// What the child has of its parent, in memory that both share.
struct Shared {
  pid_t parent = 0;
  std::array<char, 64> path{};
  iovec range{};
  pid_t by = 0;    // the child
  long calls = 0;  // to make
  int advice = 0;
  int fd = -1;
  alignas(16) std::array<char, 16> value{};
  long value_size = 0;
  std::byte* page = nullptr;  // of both
  std::atomic<long> done{0};
  std::atomic<long> result{0};
};

class Other {
 public:
  Other() : memory_(2, Region::read_write, MAP_SHARED | MAP_ANONYMOUS), shared_(*new (memory_.all().start) Shared) {
    write_page(memory_.all().page(1));
    shared_.page = memory_.all().page(1);
    shared_.parent = ::getpid();
    Child::prepare();
  }

  // Before the work, so that the fork is none of it.
  void be(Child::Main main) { child_.emplace(main, &shared_); }
  [[nodiscard]] pid_t pid() const { return child_->pid(); }
  void wait() { child_->wait(); }
  Shared& shared() { return shared_; }

 private:
  Region memory_;
  Shared& shared_;
  std::optional<Child> child_;
};

void name_child(const char* name) { ::syscall(SYS_prctl, PR_SET_NAME, name, 0, 0, 0); }

// The child goes through its file again and again until it is told not to.
int read_main(void* argument) {
  auto& shared = *static_cast<Shared*>(argument);
  Child::die_with_parent();
  name_child("mlt-agent");
  while (shared.result == 0) {
    const long fd = ::syscall(SYS_openat, AT_FDCWD, shared.path.data(), O_RDONLY, 0);
    if (fd < 0) break;
    while (::syscall(SYS_read, fd, shared.page, page_size) > 0) {
    }
    ::syscall(SYS_close, fd);
    ++shared.done;
  }
  return 0;
}

int advise_main(void* argument) {
  auto& shared = *static_cast<Shared*>(argument);
  name_child("mlt-trimmer");
  const long fd = ::syscall(sys_pidfd_open, shared.parent, 0, 0, 0, 0);
  for (long i = 0; i < shared.calls; ++i)
    shared.result = ::syscall(sys_process_madvise, fd, &shared.range, 1, shared.advice, 0);
  return 0;
}

int clear_main(void* argument) {
  auto& shared = *static_cast<Shared*>(argument);
  name_child("mlt-tracker");
  const long fd = ::syscall(SYS_openat, AT_FDCWD, shared.path.data(), O_WRONLY, 0);
  for (long i = 0; i < shared.calls; ++i)
    shared.result = ::syscall(SYS_write, fd, shared.value.data(), shared.value_size);
  return 0;
}

int poke_main(void* argument) {
  auto& shared = *static_cast<Shared*>(argument);
  name_child("mlt-debugger");
  ::syscall(SYS_ptrace, PTRACE_ATTACH, shared.parent, 0, 0);
  ::syscall(SYS_wait4, shared.parent, nullptr, __WALL, nullptr);
  for (long i = 0; i < shared.calls; ++i)
    shared.result = ::syscall(SYS_ptrace, PTRACE_POKEDATA, shared.parent, shared.range.iov_base, i);
  ::syscall(SYS_ptrace, PTRACE_DETACH, shared.parent, 0, 0);
  iovec from{shared.page, page_size};
  shared.result = ::syscall(SYS_process_vm_writev, shared.parent, &from, 1, &shared.range, 1, 0);
  shared.done = 1;
  return 0;
}

int supply_main(void* argument) {
  auto& shared = *static_cast<Shared*>(argument);
  Child::die_with_parent();
  name_child("mlt-monitor");
  uffd_msg message;
  while (::syscall(SYS_read, shared.fd, &message, sizeof message) == sizeof message) {
    uffdio_copy copy{};
    copy.dst = message.arg.pagefault.address & ~std::uint64_t{page_size - 1};
    copy.src = reinterpret_cast<std::uintptr_t>(shared.page);
    copy.len = page_size;
    if (::syscall(SYS_ioctl, shared.fd, UFFDIO_COPY, &copy) != 0) break;
    ++shared.done;
  }
  return 0;
}

// Not in the children: a fork would make it copy-on-write.
void keep_from_children(const Range& range) {
  if (::madvise(range.start, range.bytes(), MADV_DONTFORK) != 0) fail("MADV_DONTFORK", errno);
}

// By a userfaultfd that the child has, too. False: the kernel has none, or not with these features.
bool manage(Shared& shared, const Range& range, std::uint64_t features, std::uint64_t mode) {
  shared.fd = static_cast<int>(::syscall(SYS_userfaultfd, 0));
  uffdio_api api{};
  api.api = UFFD_API;
  api.features = features;
  if (shared.fd < 0 || ::ioctl(shared.fd, UFFDIO_API, &api) != 0) return false;
  uffdio_register registration{};
  registration.range = {reinterpret_cast<std::uintptr_t>(range.start), range.bytes()};
  registration.mode = mode;
  if (::ioctl(shared.fd, UFFDIO_REGISTER, &registration) != 0) fail("UFFDIO_REGISTER", errno);
  return true;
}

// Maps and unmaps, which takes mmap_lock for writing, until the other one has done so much.
long map_until(const std::atomic<long>& done, long much) {
  long longest = 0;
  while (done < much) {
    const long begun = now_ns();
    void* const page = ::mmap(nullptr, page_size, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    longest = std::max(longest, now_ns() - begun);
    ::munmap(page, page_size);
    sleep_ns(200'000);
  }
  return longest;
}

long pages_not_in_memory(const Range& range) {
  static std::array<unsigned char, 4096> in_memory;
  long absent = 0;
  if (range.pages > static_cast<long>(in_memory.size())) fail("4096 --pages at most");
  ::mincore(range.start, range.bytes(), in_memory.data());
  for (long i = 0; i < range.pages; ++i) absent += (in_memory.at(static_cast<std::size_t>(i)) & 1) == 0;
  return absent;
}

// A file of which every page is in memory and mapped.
struct MappedFile {
  explicit MappedFile(Run& run)
      : fd(unlinked_file(run.text("dir", "/tmp"), run.pages(512))), region(run.pages(512), PROT_READ, MAP_SHARED, fd) {
    if (::madvise(region.all().start, region.all().bytes(), MADV_RANDOM) != 0) fail("MADV_RANDOM", errno);
    read_pages(region.all());
  }
  ~MappedFile() { ::close(fd); }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  int fd;
  Region region;
};

}  // namespace

// `file`: smaps, or another one that tells mappings. `whose=own`: the child reads of itself, and nobody waits for it.
void smaps_reader(Run& run) {
  constexpr long rounds = 40;
  const Region region(run.pages(8192));
  write_pages(region.all());
  keep_from_children(region.all());
  Other other;
  const bool own = std::string_view(run.text("whose", "parent")) == "own";
  Shared& shared = other.shared();
  if (own)
    std::snprintf(shared.path.data(), shared.path.size(), "/proc/self/%s", run.text("file", "smaps"));
  else
    std::snprintf(shared.path.data(), shared.path.size(), "/proc/%d/%s", ::getpid(), run.text("file", "smaps"));
  long longest = 0;
  run.measure([&] {
    other.be(read_main);
    shared.by = other.pid();
    longest = map_until(shared.done, rounds);
    shared.result = 1;
    other.wait();
  });
  run.extra("map_ns", longest);
  run.extra("by_pid", shared.by);
  run.report();
}

void pageout_by_other(Run& run) {
  MappedFile file(run);
  const Range all = file.region.all();
  if (!tracks_dirty_pages(file.fd)) return run.unsupported("files of this file system are in memory only");
  Other other;
  Shared& shared = other.shared();
  shared.range = {all.start, all.bytes()};
  shared.calls = 1;
  shared.advice = MADV_PAGEOUT;
  long taken = 0;
  run.measure([&] {
    other.be(advise_main);
    shared.by = other.pid();
    other.wait();
    taken = pages_not_in_memory(all);
    read_pages(all);
  });
  if (shared.result < 0) return run.unsupported("no process_madvise(MADV_PAGEOUT) in this kernel");
  run.expect = {.access = taken};
  run.cause("file_read", taken);
  run.extra("by_pid", shared.by);
  run.extra("taken", taken);
  run.report();
}

// The same by itself; and another process asks for memory that is not there yet.
void pageout_by_itself(Run& run) {
  MappedFile file(run);
  const Range all = file.region.all();
  if (!tracks_dirty_pages(file.fd)) return run.unsupported("files of this file system are in memory only");
  const int cold = unlinked_file(run.text("dir", "/tmp"), all.pages);
  const Region never_read(all.pages, PROT_READ, MAP_SHARED, cold);
  ::posix_fadvise(cold, 0, 0, POSIX_FADV_DONTNEED);
  ::madvise(never_read.all().start, never_read.all().bytes(), MADV_RANDOM);
  Other other;
  Shared& shared = other.shared();
  shared.range = {never_read.all().start, never_read.all().bytes()};
  shared.calls = 1;
  shared.advice = MADV_PAGEOUT;
  long taken = 0;
  run.measure([&] {
    ::madvise(all.start, all.bytes(), MADV_PAGEOUT);
    taken = pages_not_in_memory(all);
    read_pages(all);
    other.be(advise_main);
    shared.by = other.pid();
    other.wait();
    read_pages(never_read.all());
  });
  run.expect = {.access = taken + all.pages};
  run.cause("file_read", taken + all.pages);
  run.extra("by_pid", shared.by);
  run.extra("taken", taken);
  run.report();
  ::close(cold);
}

void refs_cleared(Run& run) {
  const Region region(run.pages(512));
  const Range all = region.all();
  keep_from_children(all);
  Other other;
  write_pages(all);
  if (!track_writes(all)) return run.unsupported(no_tracking);
  write_pages(all);
  Shared& shared = other.shared();
  std::snprintf(shared.path.data(), shared.path.size(), "/proc/%d/clear_refs", ::getpid());
  shared.calls = 3;
  shared.value = {'4', '\n'};
  shared.value_size = 2;
  // All of the process is tracked from then on: what it consists of itself is written to in the work, too.
  run.expect = {.access = unknown, .kernel = unknown};
  run.some_cause("soft_dirty", all.pages);
  run.measure([&] {
    other.be(clear_main);
    shared.by = other.pid();
    other.wait();
    warm_program();
    write_pages(all);
  });
  run.extra("by_pid", shared.by);
  run.extra("calls", shared.calls);
  run.report();
}

void poked(Run& run) {
  const Region region(run.pages(4));
  const Range all = region.all();
  keep_from_children(all);
  write_pages(all);
  Other other;
  Shared& shared = other.shared();
  shared.range = {all.start, all.bytes()};
  shared.calls = 5;
  run.measure([&] {
    other.be(poke_main);
    shared.by = other.pid();
    while (shared.done == 0) sleep_ns(1'000'000);
    other.wait();
  });
  run.extra("by_pid", shared.by);
  run.extra("pokes", shared.calls);
  run.extra("written_bytes", shared.result);
  run.report();
}

void uffd_by_other(Run& run) {
  const Region region(run.pages(32));
  const Range all = region.all();
  keep_from_children(all);
  Other other;
  Shared& shared = other.shared();
  if (!manage(shared, all, 0, UFFDIO_REGISTER_MODE_MISSING))
    return run.unsupported("userfaultfd is not allowed or not built in");
  run.expect = {.access = all.pages};
  run.cause("uffd_missing", all.pages);
  run.measure([&] {
    other.be(supply_main);
    shared.by = other.pid();
    write_pages(all);
  });
  run.extra("by_pid", shared.by);
  run.report();
}

namespace {

// PAGEMAP_SCAN of 6.7, not in the headers of Debian 12.
struct PagemapScan {
  std::uint64_t size, flags, start, end, walk_end, vec, vec_length, max_pages;
  std::uint64_t inverted, mask, any_of, wanted;
};
constexpr unsigned long kPagemapScan = _IOWR('f', 16, PagemapScan);
constexpr std::uint64_t kProtectMatching = 1;
constexpr std::uint64_t kIsWritten = 1 << 1;

int scan_main(void* argument) {
  auto& shared = *static_cast<Shared*>(argument);
  name_child("mlt-scanner");
  const long fd = ::syscall(SYS_openat, AT_FDCWD, shared.path.data(), O_RDONLY, 0);
  const auto start = reinterpret_cast<std::uint64_t>(shared.range.iov_base);
  PagemapScan scan{};
  scan.size = sizeof(scan);
  scan.flags = kProtectMatching;
  scan.start = start;
  scan.end = start + shared.range.iov_len;
  scan.mask = kIsWritten;
  shared.result = ::syscall(SYS_ioctl, fd, kPagemapScan, &scan);
  return 0;
}

}  // namespace

// As checkpointing does it: userfaultfd that waits for nobody, and a scan that protects what was written.
void scanned(Run& run) {
  constexpr std::uint64_t kUnpopulated = 1 << 13;
  constexpr std::uint64_t kAsync = 1 << 15;
  const Region region(run.pages(64));
  const Range all = region.all();
  keep_from_children(all);
  write_pages(all);
  Other other;
  Shared& shared = other.shared();
  if (!manage(shared, all, kUnpopulated | kAsync, UFFDIO_REGISTER_MODE_WP))
    return run.unsupported("needs userfaultfd with UFFD_FEATURE_WP_ASYNC (Linux 6.7)");
  std::snprintf(shared.path.data(), shared.path.size(), "/proc/%d/pagemap", ::getpid());
  shared.range = {all.start, all.bytes()};
  run.expect = {.access = all.pages};
  run.measure([&] {
    other.be(scan_main);
    shared.by = other.pid();
    other.wait();
    write_pages(all);
  });
  if (shared.result < 0) return run.unsupported("needs PAGEMAP_SCAN (Linux 6.7)");
  run.extra("by_pid", shared.by);
  run.report();
}

// Settings that change nothing, of the machine and of a cgroup.
void machine_acts(Run& run) {
  constexpr const char* directory = "/sys/fs/cgroup/mlt-acts";
  if (::mkdir(directory, 0755) != 0 && errno != EEXIST) return run.unsupported("no cgroup can be made");
  constexpr const char* limit = "/sys/fs/cgroup/mlt-acts/memory.high";
  constexpr const char* reclaim = "/sys/fs/cgroup/mlt-acts/memory.reclaim";  // 5.19+
  constexpr const char* caches = "/proc/sys/vm/drop_caches";
  if (::access(limit, W_OK) != 0 || ::access(caches, W_OK) != 0) {
    ::rmdir(directory);
    return run.unsupported("no memory cgroup, or the page cache is not to be dropped");
  }
  const bool can_reclaim = ::access(reclaim, W_OK) == 0;
  run.measure([&] {
    write_file(limit, "64M");
    if (can_reclaim) write_file(reclaim, "0");
    write_file(caches, "4");  // says that nothing is to be told of it
  });
  ::rmdir(directory);
  run.extra("reclaims", can_reclaim ? 1 : 0);
  run.report();
}

}  // namespace workload
