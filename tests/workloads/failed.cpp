// Accesses and calls that fail because a page cannot be had; locks that are not what they seem.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>

#include "child.hpp"
#include "memory_cgroup.hpp"
#include "workload.hpp"

namespace workload {
namespace {

constexpr unsigned kNobody = 65534;

// ---- Accesses that raise a signal, which is caught

sigjmp_buf resume;
void on_signal(int) { ::siglongjmp(resume, 1); }

// On a stack of its own: the one that could not grow has no room for a handler.
void catch_signals() {
  alignas(16) static std::array<std::byte, 65536> stack;
  write_pages({stack.data(), static_cast<long>(stack.size()) / page_size});
  stack_t other{};
  other.ss_sp = stack.data();
  other.ss_size = stack.size();
  if (::sigaltstack(&other, nullptr) != 0) fail("sigaltstack", errno);
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_ONSTACK | SA_NODEFER;
  for (const int signal : {SIGSEGV, SIGBUS}) {
    if (::sigaction(signal, &action, nullptr) != 0) fail("sigaction", errno);
  }
}

// Not inlined: a jump back leaves the caller's variables alone only if they are not in this function.
[[gnu::noinline]] bool writing_raises_signal(std::byte* page) {
  if (::sigsetjmp(resume, 1) != 0) return true;
  write_page(page);
  return false;
}

[[gnu::noinline]] bool reading_raises_signal(std::byte* page) {
  if (::sigsetjmp(resume, 1) != 0) return true;
  read_pages({page, 1});
  return false;
}

// The first page of `range` at which a write raises a signal; its number of pages: none does.
long first_that_fails(const Range& range) {
  long page = 0;
  while (page < range.pages && !writing_raises_signal(range.page(page))) ++page;
  return page;
}

// Once, before it counts: the handler and its stack are touched.
void try_handler(const Region& nothing) {
  if (!writing_raises_signal(nothing.all().start)) fail("a write that ought to fail");
}

// ---- A file system of so many pages

class SmallTmpfs {
 public:
  explicit SmallTmpfs(long pages, const char* more = "") {
    std::snprintf(directory_.data(), directory_.size(), "/tmp/mlt-small-%d", ::getpid());
    std::snprintf(path_.data(), path_.size(), "%s/file", directory_.data());
    std::array<char, 128> options{};
    std::snprintf(options.data(), options.size(), "size=%ldk%s", pages * page_size / 1024, more);
    ::mkdir(directory_.data(), 0755);
    mounted_ = ::mount("mlt-workload", directory_.data(), "tmpfs", 0, options.data()) == 0;
    if (mounted_) file_ = ::open(path_.data(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  }
  ~SmallTmpfs() {
    if (file_ >= 0) ::close(file_);
    if (mounted_) ::umount2(directory_.data(), MNT_DETACH);
    ::rmdir(directory_.data());
  }
  SmallTmpfs(const SmallTmpfs&) = delete;
  SmallTmpfs& operator=(const SmallTmpfs&) = delete;

  [[nodiscard]] bool mounted() const { return mounted_ && file_ >= 0; }
  [[nodiscard]] int file() const { return file_; }
  [[nodiscard]] const char* directory() const { return directory_.data(); }

 private:
  std::array<char, 64> directory_{};
  std::array<char, 80> path_{};
  bool mounted_ = false;
  int file_ = -1;
};

void make_sparse(int file, long pages) {
  if (::ftruncate(file, pages * page_size) != 0) fail("ftruncate", errno);
}

}  // namespace

// tmpfs gives a page its room when it is touched: the lock fails at the page that finds none, and so do writes.
void tmpfs_full(Run& run) {
  const long room = run.pages(64);
  const Region nothing(1, PROT_NONE);
  const SmallTmpfs small(room);
  if (!small.mounted()) return run.unsupported("may not mount a tmpfs");
  make_sparse(small.file(), 2 * room);
  const Region region(2 * room, Region::read_write, MAP_SHARED, small.file());
  catch_signals();
  try_handler(nothing);
  long failed_at = 0;
  run.expect = {.access = unknown, .populate = unknown, .mlocked = unknown};
  run.measure([&] {
    run.mlock(region.all());
    failed_at = first_that_fails(region.all());
  });
  run.extra("room", room);
  run.extra("failed_at", failed_at);
  run.report();
}

// The lock reads, and finds zeroes where the file has no block; the write needs one.
void disk_full(Run& run) {
  const long pages = run.pages(16);
  const Region nothing(1, PROT_NONE);
  const char* directory = run.text("dir", "/tmp");
  struct statfs space {};
  constexpr long kExt4 = 0xEF53;
  constexpr long kMost = 1L << 30;
  if (::statfs(directory, &space) != 0 || space.f_type != kExt4) return run.unsupported("needs a disk with ext4");
  if (static_cast<long>(space.f_bavail) * space.f_bsize > kMost)
    return run.unsupported("the disk is too large to fill");
  const int sparse = ::open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  const int balloon = ::open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (sparse < 0 || balloon < 0) return run.unsupported("needs files without a name");
  make_sparse(sparse, pages);
  const Region region(pages, Region::read_write, MAP_SHARED, sparse);
  lock_in_setup(region.all());
  catch_signals();
  try_handler(nothing);
  long failed_at = 0;
  run.expect = {.access = unknown};
  run.measure([&] {
    // In pieces that get smaller: one that does not fit takes nothing.
    long size = 0;
    for (long piece = kMost; piece >= page_size; piece /= 2) {
      while (::fallocate(balloon, 0, size, piece) == 0) size += piece;
    }
    failed_at = first_that_fails(region.all());
    if (::ftruncate(balloon, 0) != 0) failed_at = -1;
  });
  run.extra("failed_at", failed_at);
  run.extra("pages", pages);
  ::close(balloon);
  run.report();
  ::close(sparse);
}

namespace {

// mmap works all the same: nothing is reserved.
void lock_a_huge_page_in_vain(Run& run) {
  const Region nothing(1, PROT_NONE);
  constexpr int kHuge = Region::anonymous | MAP_HUGETLB | MAP_NORESERVE;
  void* const start = ::mmap(nullptr, huge_page_pages * page_size, Region::read_write, kHuge, -1, 0);
  if (start == MAP_FAILED) return run.unsupported("the kernel has no hugetlb");
  const Range range{static_cast<std::byte*>(start), huge_page_pages};
  catch_signals();
  try_handler(nothing);
  bool failed = false;
  run.expect = {};
  run.measure([&] {
    run.mlock(range);
    failed = writing_raises_signal(range.start);
  });
  run.extra("failed", failed ? 1 : 0);
  run.report();
}

}  // namespace

void huge_pages_gone(Run& run) {
  run.pages(huge_page_pages);
  const KernelSetting none("/proc/sys/vm/nr_hugepages", "0");
  if (!none.is_set()) return run.unsupported("may not set vm.nr_hugepages");
  lock_a_huge_page_in_vain(run);
}

// The pool may have some, but not for this cgroup. The charge comes first.
void huge_pages_cgroup(Run& run) {
  run.pages(huge_page_pages);
  const MemoryCgroup group("+hugetlb");
  if (!group.entered() || !group.set("hugetlb.2MB.max", "0"))
    return run.unsupported("needs a hugetlb cgroup (v2) of its own");
  lock_a_huge_page_in_vain(run);
}

// The file system has room, and its owner may have no more of it. 6.6+: e09764cff44b "shmem: quota support".
void quota_used_up(Run& run) {
  const long quota = run.pages(32);
  const Region nothing(1, PROT_NONE);
  std::array<char, 64> options{};
  std::snprintf(options.data(), options.size(), ",usrquota,usrquota_block_hardlimit=%ldk", quota * page_size / 1024);
  const SmallTmpfs small(8 * quota, options.data());
  if (!small.mounted()) return run.unsupported("needs tmpfs with quotas (Linux 6.6)");
  make_sparse(small.file(), 2 * quota);
  if (::fchown(small.file(), kNobody, kNobody) != 0) fail("fchown", errno);
  const Region region(2 * quota, Region::read_write, MAP_SHARED, small.file());
  catch_signals();
  try_handler(nothing);
  long failed_at = 0;
  run.expect = {.access = unknown};
  // Who may override it (CAP_SYS_RESOURCE) never finds it used up. Once it is counted, it takes the capability back.
  run.measure([&] {
    if (::seteuid(kNobody) != 0) return;
    failed_at = first_that_fails(region.all());
    if (::seteuid(0) != 0) failed_at = -1;
  });
  run.extra("quota", quota);
  run.extra("failed_at", failed_at);
  run.report();
}

namespace {

[[gnu::noinline]] bool deep_stack_raises_signal(std::size_t bytes) {
  if (::sigsetjmp(resume, 1) != 0) return true;
  touch_stack(bytes);
  return false;
}

void set_limit(__rlimit_resource which, rlim_t bytes) {
  // The hard one only where it has to be, as up to 5.15 that of locked memory: to raise it takes a capability.
  rlimit limit{};
  if (::getrlimit(which, &limit) != 0) fail("getrlimit", errno);
  limit = {bytes, std::max(limit.rlim_max, bytes)};
  if (::setrlimit(which, &limit) != 0) fail("setrlimit", errno);
}

void become_nobody() {
  if (::geteuid() == 0 && ::setresuid(kNobody, kNobody, kNobody) != 0) fail("setresuid", errno);
  ::prctl(PR_SET_DUMPABLE, 1);
}

constexpr std::size_t kMiB = 1 << 20;

void refuse_stack(Run& run, std::size_t bytes, Known mlocked = 0) {
  bool failed = false;
  run.expect = {.access = unknown, .mlocked = mlocked};
  run.measure([&] { failed = deep_stack_raises_signal(bytes); });
  run.extra("failed", failed ? 1 : 0);
  run.report();
}

}  // namespace

// why=limit: RLIMIT_STACK; why=locked: the stack is locked, and RLIMIT_MEMLOCK nearly used up; why=gap: another mapping
// lies below it.
void stack_refused(Run& run) {
  const std::string_view why = run.text("why", "limit");
  run.pages(1);
  const Region nothing(1, PROT_NONE);
  catch_signals();
  try_handler(nothing);
  const std::uintptr_t lowest = stack_start();
  if (why == "limit") {
    set_limit(RLIMIT_STACK, kMiB);
    return refuse_stack(run, 2 * kMiB);
  }
  if (why == "gap") {
    // The gap is a mebibyte, and the mapping another one below the stack: it grows by one, and no further.
    const std::uintptr_t below = lowest - 2 * kMiB - page_size;
    void* const wanted = reinterpret_cast<void*>(below);
    const void* there = ::mmap(wanted, page_size, Region::read_write, Region::anonymous | MAP_FIXED_NOREPLACE, -1, 0);
    if (there != wanted) return run.unsupported("cannot map below the stack");
    return refuse_stack(run, 4 * kMiB);
  }
  if (why == "locked") {
    const long size = static_cast<long>(touch_stack(page_size) - lowest) + page_size;
    set_limit(RLIMIT_MEMLOCK, kMiB);
    become_nobody();
    const auto* start = reinterpret_cast<std::byte*>(lowest);
    if (::mlock(start, static_cast<std::size_t>(size)) != 0) fail("mlock of the stack", errno);
    return refuse_stack(run, 2 * kMiB, unknown);
  }
  fail("why: limit, locked or gap", EINVAL);
}

// what=unmapped, protected, address (one that can't be mapped) or guard.
void access_refused(Run& run) {
  const std::string_view what = run.text("what", "unmapped");
  const Region nothing(1, PROT_NONE);
  const Region region(run.pages(16, 8));
  constexpr int kGuardInstall = 102;  // MADV_GUARD_INSTALL, 6.13+
  std::byte* target = region.all().page(4);
  if (what == "unmapped") {
    ::munmap(target, page_size);
  } else if (what == "protected") {
    if (::mprotect(target, page_size, PROT_READ) != 0) fail("mprotect", errno);
  } else if (what == "guard") {
    if (::madvise(target, page_size, kGuardInstall) != 0)
      return run.unsupported("needs MADV_GUARD_INSTALL (Linux 6.13)");
  } else if (what == "address") {
    target = reinterpret_cast<std::byte*>(std::uintptr_t{1} << 62);
  } else {
    fail("what: unmapped, protected, address or guard", EINVAL);
  }
  catch_signals();
  try_handler(nothing);
  long signals = 0;
  run.expect = {};
  run.measure([&] {
    for (int i = 0; i < 3; ++i) signals += writing_raises_signal(target) ? 1 : 0;
  });
  run.extra("signals", signals);
  run.report();
}

namespace {

// A userfaultfd for these pages, with a feature that the kernel may not have; negative: it has none.
int register_userfaultfd(const Range& range, std::uint64_t feature) {
  const int fd = static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC));
  uffdio_api api{};
  api.api = UFFD_API;
  api.features = feature;
  if (fd < 0 || ::ioctl(fd, UFFDIO_API, &api) != 0) return -1;
  uffdio_register registration{};
  registration.range = {reinterpret_cast<std::uintptr_t>(range.start), range.bytes()};
  registration.mode = UFFDIO_REGISTER_MODE_MISSING;
  if (::ioctl(fd, UFFDIO_REGISTER, &registration) != 0) fail("UFFDIO_REGISTER", errno);
  return fd;
}

void write_in_vain(Run& run, const Range& range) {
  long signals = 0;
  run.expect = {};
  run.measure([&] {
    for (long i = 0; i < range.pages; ++i) signals += writing_raises_signal(range.page(i)) ? 1 : 0;
  });
  run.extra("signals", signals);
  run.report();
}

}  // namespace

// Instead of waiting for whoever supplies the pages.
void uffd_refused(Run& run) {
  const Region nothing(1, PROT_NONE);
  const Region region(run.pages(8));
  const int fd = register_userfaultfd(region.all(), UFFD_FEATURE_SIGBUS);
  if (fd < 0) return run.unsupported("userfaultfd is not allowed or not built in");
  catch_signals();
  try_handler(nothing);
  write_in_vain(run, region.all());
  ::close(fd);
}

// As the pages of a guest that the hardware has taken from it: 6.6+, and not in the headers of Debian 12.
void uffd_poisoned(Run& run) {
  struct Poison {
    uffdio_range range;
    std::uint64_t mode;
    std::int64_t updated;
  };
  constexpr std::uint64_t kFeature = 1 << 14;
  const unsigned long request = _IOWR(UFFDIO, 0x08, Poison);
  const Region nothing(1, PROT_NONE);
  const Region region(run.pages(8));
  const int fd = register_userfaultfd(region.all(), kFeature);
  if (fd < 0) return run.unsupported("needs UFFDIO_POISON (Linux 6.6)");
  Poison poison{{reinterpret_cast<std::uintptr_t>(region.all().start), region.all().bytes()}, 0, 0};
  if (::ioctl(fd, request, &poison) != 0) fail("UFFDIO_POISON", errno);
  catch_signals();
  try_handler(nothing);
  write_in_vain(run, region.all());
  ::close(fd);
}

// Of the kernel's own data some pages are there on other machines only.
void driver_refused(Run& run) {
  run.pages(1);
  const Region nothing(1, PROT_NONE);
  std::byte* start = nullptr;
  std::byte* end = nullptr;
  for_each_line("/proc/self/maps", [&](std::string_view line) {
    if (!line.ends_with("[vvar]")) return;
    unsigned long from = 0;
    unsigned long to = 0;
    if (std::sscanf(line.data(), "%lx-%lx", &from, &to) != 2) return;
    start = reinterpret_cast<std::byte*>(from);
    end = reinterpret_cast<std::byte*>(to);
  });
  if (start == nullptr) return run.unsupported("there is no [vvar]");
  const Range range{start, (end - start) / page_size};
  catch_signals();
  try_handler(nothing);
  long signals = 0;
  for (long i = 0; i < range.pages; ++i) signals += reading_raises_signal(range.page(i)) ? 1 : 0;
  if (signals == 0) return run.unsupported("all of [vvar] is there");
  signals = 0;
  run.expect = {.access = unknown};
  run.measure([&] {
    for (long i = 0; i < range.pages; ++i) signals += reading_raises_signal(range.page(i)) ? 1 : 0;
  });
  run.extra("signals", signals);
  run.report();
}

namespace {

int touch_all(void* argument) {
  write_pages(*static_cast<const Range*>(argument));
  return 0;
}

}  // namespace

// A child that nobody saves: it writes beyond the end of its file.
void killed_by_fault(Run& run) {
  const int file = ::memfd_create("mlt-workload", MFD_CLOEXEC);
  if (file < 0) fail("memfd_create", errno);
  make_sparse(file, 1);
  const Region region(2, Region::read_write, MAP_SHARED, file);
  const Region order(1, Region::read_write, MAP_SHARED | MAP_ANONYMOUS);
  auto* const range = reinterpret_cast<Range*>(order.all().start);
  *range = region.all();
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  run.pages(2);
  Child::prepare();
  int status = 0;
  run.expect = {};  // in the parent
  run.measure([&] {
    Child child(touch_all, range);
    const int pid = child.pid();
    run.child(pid, child.wait());
    status = child.status();
  });
  run.extra("status", status);
  run.report();
  ::close(file);
}

// ---- Locks that are not what they seem

// Two parts can't be made present, and mlockall doesn't say so: one may not be accessed, of the other the file is too
// short.
void lockall_in_vain(Run& run) {
  const long pages = run.pages(16, 4);
  const int file = ::memfd_create("mlt-workload", MFD_CLOEXEC);
  if (file < 0) fail("memfd_create", errno);
  make_sparse(file, pages / 2);
  const Region closed(pages, PROT_NONE);
  const Region short_file(pages, Region::read_write, MAP_SHARED, file);
  run.expect = {.access = 0, .populate = unknown, .mlocked = unknown, .munlocked = unknown, .merges = unknown};
  run.extra("closed", static_cast<long>(reinterpret_cast<std::uintptr_t>(closed.all().start)));
  run.extra("short_file", static_cast<long>(reinterpret_cast<std::uintptr_t>(short_file.all().start)));
  run.extra("file_pages", pages / 2);
  run.work([&] { run.mlockall(MCL_CURRENT); });
  ::close(file);
}

// kind=droppable, driver or hugetlb: mlock says 0.
void lock_passed_over(Run& run) {
  const std::string_view kind = run.text("kind", "droppable");
  const long pages = run.pages(16);
  constexpr int kDroppable = 0x08;  // MAP_DROPPABLE, 6.11+
  void* start = MAP_FAILED;
  long mapped = pages;
  if (kind == "droppable") {
    start = ::mmap(nullptr, static_cast<std::size_t>(pages) * page_size, Region::read_write, kDroppable | MAP_ANONYMOUS,
                   -1, 0);
  } else if (kind == "driver") {
    // The ring buffer of a perf event.
    perf_event_attr attributes{};
    attributes.size = sizeof attributes;
    attributes.type = PERF_TYPE_SOFTWARE;
    attributes.config = PERF_COUNT_SW_DUMMY;
    const int event = static_cast<int>(::syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC));
    mapped = 2;
    if (event >= 0) start = ::mmap(nullptr, 2 * page_size, Region::read_write, MAP_SHARED, event, 0);
  } else {
    fail("kind: droppable or driver", EINVAL);
  }
  if (start == MAP_FAILED) return run.unsupported("such memory can't be had");
  const Range range{static_cast<std::byte*>(start), mapped};
  run.expect = {.populate = unknown};
  run.extra("start", static_cast<long>(reinterpret_cast<std::uintptr_t>(range.start)));
  run.extra("bytes", static_cast<long>(range.bytes()));
  run.work([&] { run.mlock(range); });
}

// A sandbox whose filter says yes, and does nothing; it comes after the start.
void lock_fake(Run& run) {
  const Region region(run.pages(16));
  std::array<sock_filter, 5> program{{{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
                                      {BPF_JMP | BPF_JEQ | BPF_K, 1, 0, SYS_mlock},
                                      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_mlockall},
                                      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | 0},
                                      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}}};
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  run.expect = {.access = region.all().pages};
  run.cause("first_touch", region.all().pages);
  run.work([&] {
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
    run.mlock(region.all());
    run.mlockall(MCL_CURRENT | MCL_FUTURE);
    write_pages(region.all());
  });
}

// All capabilities in a user namespace of one's own are none outside of it.
void lock_in_user_namespace(Run& run) {
  const Region region(run.pages(64, 17));
  set_limit(RLIMIT_MEMLOCK, 16 * page_size);
  run.expect = {};
  if (::unshare(CLONE_NEWUSER) != 0) return run.unsupported("may not make a user namespace");
  run.work([&] { run.mlock(region.all()); });
}

// The bound on mappings, lowered for as long as one call takes.
void lock_bound_lowered(Run& run) {
  // More than whoever else maps memory meanwhile can do without.
  constexpr long kMappings = 2000;
  const Region region(run.pages(64, 4));
  const Region pieces(2 * kMappings, PROT_NONE);
  for (long i = 0; i < kMappings; ++i) {
    if (::mprotect(pieces.all().page(2 * i), page_size, PROT_READ) != 0) fail("mprotect", errno);
  }
  const Range middle = region.part(region.all().pages / 4, region.all().pages / 2);
  constexpr const char* kBound = "/proc/sys/vm/max_map_count";
  const long before = number_of(kBound).value_or(0);
  std::array<char, 32> text{};
  // As many as there are: at least all those pieces.
  std::snprintf(text.data(), text.size(), "%ld", 2 * kMappings);
  {
    const KernelSetting probe(kBound, text.data());
    if (!probe.is_set()) return run.unsupported("may not set vm.max_map_count");
  }
  run.expect = {};
  run.extra("bound", 2 * kMappings);
  run.extra("bound_before", before);
  run.work([&] {
    const KernelSetting low(kBound, text.data());
    run.mlock(middle);
  });
}

}  // namespace workload
