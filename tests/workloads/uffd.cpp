// Faults that wait for this process itself to resolve them: latencies with a known lower bound.
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "team.hpp"
#include "workload.hpp"

namespace workload {
namespace {

int open_userfaultfd(std::uint64_t features = 0) {
  int fd = static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC));
  constexpr int user_mode_only = 1;  // what a user without privileges may ask for, since Linux 5.11
  if (fd < 0) fd = static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC | user_mode_only));
  if (fd < 0) return -1;
  uffdio_api api{};
  api.api = UFFD_API;
  api.features = features;
  if (::ioctl(fd, UFFDIO_API, &api) == 0) return fd;
  ::close(fd);
  return -1;
}

std::uintptr_t address_of(const Range& range) { return reinterpret_cast<std::uintptr_t>(range.start); }

bool register_mode(int fd, const Range& range, std::uint64_t mode) {
  uffdio_register registration{};
  registration.range = {address_of(range), range.bytes()};
  registration.mode = mode;
  return ::ioctl(fd, UFFDIO_REGISTER, &registration) == 0;
}

// Protects against writes, or permits them again.
void write_protect(int fd, const Range& range, bool protect) {
  uffdio_writeprotect order{};
  order.range = {address_of(range), range.bytes()};
  order.mode = protect ? UFFDIO_WRITEPROTECT_MODE_WP : 0;
  if (::ioctl(fd, UFFDIO_WRITEPROTECT, &order) != 0) fail("UFFDIO_WRITEPROTECT", errno);
}

// A thread works; each of `faults` of it waits until `resolve` has been called with its message. The shortest of these
// waits is at least as long as the truth line says.
template <class Work, class Resolve>
void serve(Run& run, int fd, long faults, Work work, Resolve resolve) {
  constexpr long hold_ns = 1'000'000;
  Team team(1);
  auto body = [&](int) { work(); };
  run.measure([&] {
    team.start(body);
    for (long i = 0; i < faults; ++i) {
      uffd_msg message;
      if (::read(fd, &message, sizeof message) != sizeof message) fail("userfaultfd", errno);
      sleep_ns(hold_ns);
      resolve(message.arg.pagefault.address / page_size * page_size);
    }
    team.finish();
  });
  run.extra("waits", faults);
  run.extra("waited_ns", faults * hold_ns);
  run.report();
  ::close(fd);
}

// Two views of one piece of shared memory: what is made present through one is not mapped in the other.
struct SharedTwice {
  explicit SharedTwice(long pages, unsigned flags = 0)
      : fd(static_cast<int>(::syscall(SYS_memfd_create, "uffd", MFD_CLOEXEC | flags))),
        ready(fd >= 0 && ::ftruncate(fd, pages * page_size) == 0) {}
  ~SharedTwice() { ::close(fd); }
  SharedTwice(const SharedTwice&) = delete;
  SharedTwice& operator=(const SharedTwice&) = delete;
  int fd;
  bool ready;
};

constexpr const char* no_such_mode = "userfaultfd has no such mode here";

}  // namespace

void uffd(Run& run) {
  const int threads = static_cast<int>(run.number("threads", 128));
  const long hold_ns = run.number("hold_ms", 200) * 1'000'000L;
  const Region region(run.pages(threads));  // page i is for thread i
  if (region.all().pages != threads) fail("uffd: a page a thread, say threads=N instead of --pages");
  const int fd = open_userfaultfd();
  if (fd < 0) return run.unsupported("userfaultfd is not allowed or not built in");

  uffdio_register registration{};
  registration.range = {reinterpret_cast<std::uintptr_t>(region.all().start), region.all().bytes()};
  registration.mode = UFFDIO_REGISTER_MODE_MISSING;
  if (::ioctl(fd, UFFDIO_REGISTER, &registration) != 0) fail("UFFDIO_REGISTER", errno);

  alignas(page_size) static std::array<char, page_size> content;
  Team team(threads);
  auto body = [&](int index) { write_page(region.all().page(index)); };
  long all_blocked = 0, first_resolved = 0, last_resolved = 0;
  run.expect = {.access = threads};
  run.cause("uffd_missing", threads);
  run.measure([&] {
    team.start(body);
    for (int blocked = 0; blocked < threads; ++blocked) {  // a message a fault that waits
      uffd_msg message;
      if (::read(fd, &message, sizeof message) != sizeof message) fail("userfaultfd", errno);
    }
    all_blocked = now_ns();
    sleep_ns(hold_ns);
    first_resolved = now_ns();
    for (int i = 0; i < threads; ++i) {
      uffdio_copy copy{};
      copy.dst = reinterpret_cast<std::uintptr_t>(region.all().page(i));
      copy.src = reinterpret_cast<std::uintptr_t>(content.data());
      copy.len = page_size;
      if (::ioctl(fd, UFFDIO_COPY, &copy) != 0) fail("UFFDIO_COPY", errno);
    }
    team.finish();
    last_resolved = now_ns();
  });
  run.extra("threads", threads);
  run.extra("min_latency_ns", first_resolved - all_blocked);  // of every fault
  run.extra("resolved_within_ns", last_resolved - first_resolved);
  run.report();
  ::close(fd);
}

void uffd_wp(Run& run) {
  const Region region(run.pages(64));
  const Range all = region.all();
  const int fd = open_userfaultfd(UFFD_FEATURE_PAGEFAULT_FLAG_WP);
  if (fd < 0) return run.unsupported("userfaultfd does not protect against writes here");
  lock_in_setup(all);
  if (!register_mode(fd, all, UFFDIO_REGISTER_MODE_WP)) fail("UFFDIO_REGISTER", errno);
  write_protect(fd, all, true);
  run.expect = {.access = all.pages};
  run.cause("uffd_wp", all.pages);
  serve(
      run, fd, all.pages, [&] { write_pages(all); },
      [&](std::uintptr_t address) {
        write_protect(fd, {reinterpret_cast<std::byte*>(address), 1}, false);
      });
}

void uffd_wp_absent(Run& run) {
  constexpr std::uint64_t unpopulated = 1 << 13;  // UFFD_FEATURE_WP_UNPOPULATED, 6.4+
  const Region region(run.pages(64));
  const Range all = region.all();
  const int fd = open_userfaultfd(UFFD_FEATURE_PAGEFAULT_FLAG_WP | unpopulated);
  if (fd < 0) return run.unsupported(no_such_mode);
  if (!register_mode(fd, all, UFFDIO_REGISTER_MODE_WP)) fail("UFFDIO_REGISTER", errno);
  write_protect(fd, all, true);
  // The page is made first, and is protected then: the write faults again.
  run.expect = {.access = 2 * all.pages};
  run.cause("first_touch", all.pages);
  run.cause("uffd_wp", all.pages);
  serve(
      run, fd, all.pages, [&] { write_pages(all); },
      [&](std::uintptr_t address) {
        write_protect(fd, {reinterpret_cast<std::byte*>(address), 1}, false);
      });
}

void uffd_minor(Run& run) {
  const long pages = run.pages(64);
  const SharedTwice memory(pages);
  const int fd = open_userfaultfd(UFFD_FEATURE_MINOR_SHMEM);
  if (fd < 0) return run.unsupported(no_such_mode);
  if (!memory.ready) fail("memfd", errno);
  const Region view(pages, Region::read_write, MAP_SHARED, memory.fd);
  const Region filled(pages, Region::read_write, MAP_SHARED, memory.fd);
  write_pages(filled.all());
  if (!register_mode(fd, view.all(), UFFDIO_REGISTER_MODE_MINOR)) fail("UFFDIO_REGISTER", errno);
  run.expect = {.access = pages};
  run.cause("uffd_minor", pages);
  serve(
      run, fd, pages, [&] { write_pages(view.all()); },
      [&](std::uintptr_t address) {
        uffdio_continue order{};
        order.range = {address, page_size};
        if (::ioctl(fd, UFFDIO_CONTINUE, &order) != 0) fail("UFFDIO_CONTINUE", errno);
      });
}

void uffd_shared(Run& run) {
  const long pages = run.pages(64);
  const SharedTwice memory(pages);
  const int fd = open_userfaultfd(UFFD_FEATURE_MISSING_SHMEM);
  if (fd < 0) return run.unsupported(no_such_mode);
  if (!memory.ready) fail("memfd", errno);
  const Region view(pages, Region::read_write, MAP_SHARED, memory.fd);
  const Region filled(pages, Region::read_write, MAP_SHARED, memory.fd);
  // Of what is there nobody has to ask.
  const long there = pages / 2;
  write_pages(filled.part(0, there));
  if (!register_mode(fd, view.all(), UFFDIO_REGISTER_MODE_MISSING)) fail("UFFDIO_REGISTER", errno);
  alignas(page_size) static std::array<char, page_size> content;
  // Pages are mapped around the one that faults.
  run.expect = {.access = unknown};
  run.some_cause("file_map", 1);
  run.cause("uffd_missing", pages - there);
  serve(
      run, fd, pages - there, [&] { read_pages(view.all()); },
      [&](std::uintptr_t address) {
        uffdio_copy copy{};
        copy.dst = address;
        copy.src = reinterpret_cast<std::uintptr_t>(content.data());
        copy.len = page_size;
        if (::ioctl(fd, UFFDIO_COPY, &copy) != 0) fail("UFFDIO_COPY", errno);
      });
}

void uffd_sigbus(Run& run) {
  const Region region(run.pages(64));
  const Range all = region.all();
  const int fd = open_userfaultfd(UFFD_FEATURE_SIGBUS);
  const int zeroes = ::open("/dev/zero", O_RDONLY | O_CLOEXEC);
  if (fd < 0 || zeroes < 0) return run.unsupported(no_such_mode);
  if (!register_mode(fd, all, UFFDIO_REGISTER_MODE_MISSING)) fail("UFFDIO_REGISTER", errno);
  // The kernel's own accesses are refused without a signal.
  long refused = 0;
  run.measure([&] {
    for (long i = 0; i < all.pages; ++i) refused += ::read(zeroes, all.page(i), 1) < 0 && errno == EFAULT ? 1 : 0;
  });
  run.extra("errors", refused);
  run.report();
  ::close(zeroes);
  ::close(fd);
}

void uffd_move(Run& run) {
  struct Move {  // uffdio_move, 6.8+
    std::uint64_t dst, src, len, mode;
    std::int64_t moved;
  };
  constexpr std::uint64_t feature = 1 << 16;  // UFFD_FEATURE_MOVE
  constexpr unsigned long move_pages = _IOWR(UFFDIO, 0x05, Move);
  const long pages = run.pages(64);
  const Region region(pages);
  const Region source(pages);
  const int fd = open_userfaultfd(feature);
  if (fd < 0) return run.unsupported(no_such_mode);
  write_pages(source.all());
  if (!register_mode(fd, region.all(), UFFDIO_REGISTER_MODE_MISSING)) fail("UFFDIO_REGISTER", errno);
  run.expect = {.access = pages};
  run.cause("uffd_missing", pages);
  serve(
      run, fd, pages, [&] { write_pages(region.all()); },
      [&](std::uintptr_t address) {
        Move order{address, address - address_of(region.all()) + address_of(source.all()), page_size, 0, 0};
        if (::ioctl(fd, move_pages, &order) != 0) fail("UFFDIO_MOVE", errno);
      });
}

void uffd_rwp(Run& run) {
  struct Protect {  // uffdio_rwprotect, 7.3+
    uffdio_range range;
    std::uint64_t mode;
  };
  constexpr std::uint64_t feature = 1 << 17;  // UFFD_FEATURE_RWP
  constexpr std::uint64_t registered = 1 << 3;
  constexpr unsigned long protect = _IOWR(UFFDIO, 0x09, Protect);
  const Region region(run.pages(64));
  const Range all = region.all();
  const int fd = open_userfaultfd(feature);
  if (fd < 0) return run.unsupported(no_such_mode);
  write_pages(all);
  if (!register_mode(fd, all, registered)) return run.unsupported(no_such_mode);
  Protect order{{address_of(all), all.bytes()}, 1};
  if (::ioctl(fd, protect, &order) != 0) fail("UFFDIO_RWPROTECT", errno);
  run.expect = {.access = all.pages};
  run.cause("uffd_rwp", all.pages);
  serve(
      run, fd, all.pages, [&] { read_pages(all); },
      [&](std::uintptr_t address) {
        Protect allow{{address, page_size}, 0};
        if (::ioctl(fd, protect, &allow) != 0) fail("UFFDIO_RWPROTECT", errno);
      });
}

}  // namespace workload
