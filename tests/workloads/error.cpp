// Calls that fail, and accesses that do.
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>

#include "workload.hpp"

namespace workload {
namespace {

constexpr unsigned nobody = 65534;

// A process whose locks are limited: CAP_IPC_LOCK would lift the limit, so root becomes nobody.
void become_limited(rlim_t bytes) {
  const rlimit limit{bytes, bytes};
  if (::setrlimit(RLIMIT_MEMLOCK, &limit) != 0) fail("setrlimit", errno);
  if (::geteuid() == 0 && ::setresuid(nobody, nobody, nobody) != 0) fail("setresuid", errno);
  ::prctl(PR_SET_DUMPABLE, 1);  // else /proc/PID would belong to root
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
