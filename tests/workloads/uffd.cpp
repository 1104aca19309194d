// Faults that wait for this process itself to resolve them: latencies with a known lower bound.
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
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
  const long pages = region.all().pages;
  const auto start = reinterpret_cast<std::uintptr_t>(region.all().start);
  const int fd = open_userfaultfd(UFFD_FEATURE_PAGEFAULT_FLAG_WP);
  if (fd < 0) return run.unsupported("userfaultfd does not protect against writes here");
  lock_in_setup(region.all());
  uffdio_register registration{};
  registration.range = {start, region.all().bytes()};
  registration.mode = UFFDIO_REGISTER_MODE_WP;
  if (::ioctl(fd, UFFDIO_REGISTER, &registration) != 0) fail("UFFDIO_REGISTER", errno);
  uffdio_writeprotect protect{};
  protect.range = registration.range;
  protect.mode = UFFDIO_WRITEPROTECT_MODE_WP;
  if (::ioctl(fd, UFFDIO_WRITEPROTECT, &protect) != 0) fail("UFFDIO_WRITEPROTECT", errno);

  Team team(1);
  auto body = [&](int) { write_pages(region.all()); };
  run.expect = {.access = pages};
  run.cause("uffd_wp", pages);
  run.measure([&] {
    team.start(body);
    for (long i = 0; i < pages; ++i) {
      uffd_msg message;
      if (::read(fd, &message, sizeof message) != sizeof message) fail("userfaultfd", errno);
      uffdio_writeprotect allow{};
      allow.range = {start + static_cast<std::uintptr_t>(i) * page_size, page_size};
      if (::ioctl(fd, UFFDIO_WRITEPROTECT, &allow) != 0) fail("UFFDIO_WRITEPROTECT", errno);
    }
    team.finish();
  });
  run.report();
  ::close(fd);
}

}  // namespace workload
