// Calls that fail, and accesses that do.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>

#include "workload.hpp"

namespace workload {
namespace {

constexpr unsigned nobody = 65534;

void set_limit(rlim_t soft, rlim_t hard) {
  const rlimit limit{soft, hard};
  if (::setrlimit(RLIMIT_MEMLOCK, &limit) != 0) fail("setrlimit", errno);
}

// A process whose locks are limited: CAP_IPC_LOCK would lift the limit, so root becomes nobody.
void become_limited(rlim_t bytes, rlim_t hard) {
  set_limit(bytes, hard);
  if (::geteuid() == 0 && ::setresuid(nobody, nobody, nobody) != 0) fail("setresuid", errno);
  ::prctl(PR_SET_DUMPABLE, 1);  // else /proc/PID would belong to root
}

void become_limited(rlim_t bytes) { become_limited(bytes, bytes); }

// From now on the kernel answers mlock with EPERM before it looks at it, as for a service with SystemCallFilter=~mlock.
void forbid_mlock() {
  std::array<sock_filter, 4> program{{{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
                                      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_mlock},
                                      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | EPERM},
                                      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}}};
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
    fail("seccomp", errno);
}

sigjmp_buf resume;
void on_signal(int) { ::siglongjmp(resume, 1); }

// Not inlined: a jump back leaves the caller's variables alone only if they are not in this function.
[[gnu::noinline]] bool touching_raises_signal(const Range& page) {
  if (::sigsetjmp(resume, 1) != 0) return true;
  read_pages(page);
  return false;
}

// Touches every page of `range`, none of which can be had, and returns how many signals that raised.
long touch_in_vain(const Range& range) {
  long signals = 0;
  for (long i = 0; i < range.pages; ++i) signals += touching_raises_signal(range.part(i, 1)) ? 1 : 0;
  return signals;
}

void catch_signal(int signal) {
  struct sigaction action {};
  action.sa_handler = on_signal;
  if (::sigaction(signal, &action, nullptr) != 0) fail("sigaction", errno);
}

}  // namespace

void lock_hole(Run& run) {
  const Region region(run.pages(2048, 3));
  const Range all = region.all();
  ::munmap(all.page(all.pages / 2), page_size);
  // mlock marks VMA by VMA and stops at the hole; it does not take the mark back, and it populates nothing.
  run.expect = {};
  run.extra("locked_before_the_hole", all.pages / 2);
  run.work([&] { run.mlock(all); });
}

void lock_hole_far(Run& run) {
  constexpr long kMappings = 1000;
  const Region region(2 * kMappings + 2);
  const Range all = region.all();
  for (long i = 0; i < kMappings; ++i) {
    if (::mprotect(all.page(2 * i), page_size, PROT_READ) != 0) fail("mprotect", errno);
  }
  ::munmap(all.page(2 * kMappings), page_size);
  run.expect = {};
  run.extra("locked_before_the_hole", 2 * kMappings);
  run.work([&] { run.mlock(all); });
}

// munlock goes VMA by VMA, too, and stops at the hole: what comes after it stays locked.
void unlock_hole(Run& run) {
  const Region region(run.pages(2048, 3));
  const Range all = region.all();
  const Range before = region.part(0, all.pages / 2);
  const Range after = region.part(all.pages / 2 + 1, all.pages - all.pages / 2 - 1);
  ::munmap(all.page(all.pages / 2), page_size);
  for (const Range& part : {before, after}) {
    if (::mlock(part.start, part.bytes()) != 0) fail("mlock", errno);
  }
  run.expect = {.munlocked = before.pages};
  run.extra("locked_after_the_hole", after.pages);
  run.work([&] { run.munlock(all); });
}

void lock_limit(Run& run) {
  const Region region(run.pages(256, 17));  // more than the limit
  const Range fits = region.part(0, 8);
  become_limited(64 * 1024);
  run.expect = {.populate = fits.pages, .mlocked = fits.pages, .splits = 1};
  run.work([&] {
    run.mlock(region.all());
    run.mlock(fits);
  });
}

// Who asks before or after finds a limit that would have done.
void lock_limit_lowered(Run& run) {
  constexpr rlim_t low = 64 * 1024;
  const Region region(run.pages(256, 17));
  const rlim_t high = 4 * region.all().bytes();
  become_limited(high, high);
  run.expect = {.populate = region.all().pages, .mlocked = region.all().pages};
  run.extra("limit_bytes", low);
  run.work([&] {
    set_limit(low, high);
    run.mlock(region.all());
    set_limit(high, high);
    run.mlock(region.all());
  });
}

void lockall_limit(Run& run) {
  constexpr rlim_t low = 64 * 1024;
  const Region region(Region::Reserved{}, run.pages(256, 17));
  become_limited(low);
  run.expect = {};
  run.extra("limit_bytes", low);
  run.work([&] {
    run.mlockall(MCL_CURRENT);
    run.mlockall(MCL_FUTURE);
    // EAGAIN
    static_cast<void>(::mmap(region.all().start, region.all().bytes(), Region::read_write, Region::anonymous, -1, 0));
  });
}

void lock_noperm(Run& run) {
  const Region region(run.pages(256));
  become_limited(0);
  run.expect = {};
  run.work([&] {
    run.mlock(region.all());
    run.mlockall(MCL_CURRENT);
    run.munlock(region.all());  // needs no permission
  });
}

void lock_filtered(Run& run) {
  const Region region(run.pages(16));
  forbid_mlock();
  run.expect = {};
  run.work([&] { run.mlock(region.all()); });
}

// The kernel's bound on mappings, reached by giving every second page of a range a protection of its own.
void lock_mapping_bound(Run& run) {
  constexpr long worth_reaching = 100'000;
  const long bound = number_of("/proc/sys/vm/max_map_count").value_or(0);
  if (bound < 1 || bound > worth_reaching) return run.unsupported("vm.max_map_count is more than is worth reaching");
  const Region region(run.pages(256, 4));
  const Region pieces(bound, PROT_NONE);
  long piece = 1;
  while (piece < bound && ::mprotect(pieces.all().page(piece), page_size, PROT_READ) == 0) piece += 2;
  if (piece >= bound || errno != ENOMEM) fail("vm.max_map_count does not bind");
  // The middle of a mapping can't be locked without two more; all of it can.
  run.expect = {.populate = region.all().pages, .mlocked = region.all().pages};
  run.work([&] {
    run.mlock(region.part(region.all().pages / 4, region.all().pages / 2));
    run.mlock(region.all());
  });
}

void lock_badflags(Run& run) {
  const Region region(run.pages(256));
  run.expect = {};
  run.work([&] {
    run.mlockall(0);
    run.mlock2(region.all(), 0x80);
  });
}

void segv_loop(Run& run) {
  const Region region(run.pages(), PROT_NONE);
  catch_signal(SIGSEGV);
  touch_in_vain(region.part(0, 1));
  long signals = 0;
  // The architecture's fault handler rejects the access by the VMA's protection: the memory manager is never
  // asked, and neither getrusage nor vmstat counts. Only perf's page-faults event does.
  run.expect = {};
  run.measure([&] { signals = touch_in_vain(region.all()); });
  run.extra("signals", signals);
  run.extra("errors", 0);
  run.report();
}

void sigbus_loop(Run& run) {
  const long pages = run.pages();
  const int fd = ::memfd_create("mlt-workload", MFD_CLOEXEC);  // empty: every page is beyond its end
  if (fd < 0) fail("memfd_create", errno);
  const Region region(pages, Region::read_write, MAP_SHARED, fd);
  catch_signal(SIGBUS);
  touch_in_vain(region.part(0, 1));
  long signals = 0;
  // Here the memory manager is asked and answers VM_FAULT_SIGBUS: an error, not a minor or major fault.
  run.expect = {};
  run.measure([&] { signals = touch_in_vain(region.all()); });
  run.extra("signals", signals);
  run.extra("errors", signals);
  run.report();
  ::close(fd);
}

}  // namespace workload
