// For a demonstration: something to watch, a few seconds long. It is told as it happens; nothing about it is exact.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "workload.hpp"

namespace workload {

void story(Run& run) {
  const Region region(run.pages(8192)), late(Region::Reserved{}, run.pages(8192) / 4);
  const Range all = region.all();
  const Range middle = region.part(all.pages / 4, all.pages / 2);
  constexpr int scenes = 8;
  const auto pause = static_cast<long>(run.seconds(4) * 1e9 / scenes);

  const long beginning = now_ns();
  const auto tell = [&](const char* what, long pages) {
    std::fprintf(stderr, "[%5.2f s] %-58s %7.1f MiB\n", static_cast<double>(now_ns() - beginning) / 1e9, what,
                 static_cast<double>(pages) * page_size / (1 << 20));
  };

  run.expect = {unknown, unknown, unknown, unknown, unknown, unknown, unknown, unknown};
  run.work([&] {
    tell("touching the first half: one fault a page", all.pages / 2);
    write_pages(region.part(0, all.pages / 2));
    sleep_ns(pause);

    tell("mlock of the middle: populates it and splits the mapping", middle.pages);
    run.mlock(middle);
    sleep_ns(pause);

    tell("touching the locked part: no faults", middle.pages);
    write_pages(middle);
    tell("touching the rest: one fault a page", all.pages / 4);
    write_pages(region.part(middle.pages + all.pages / 4, all.pages / 4));
    sleep_ns(pause);

    tell("fork: now every page of the parent is write-protected", all.pages);
    const pid_t child = ::fork();
    if (child < 0) fail("fork", errno);
    if (child == 0) {
      sleep_ns(2 * pause);
      ::_exit(0);
    }
    sleep_ns(pause);
    tell("the parent writes again: locked or not, each page is copied", all.pages);
    write_pages(all);
    sleep_ns(pause);
    rusage usage{};
    ::wait4(child, nullptr, 0, &usage);
    run.child(child, usage);

    tell("munlock of the middle: the mapping is whole again", middle.pages);
    run.munlock(middle);
    sleep_ns(pause);

    tell("mlockall(MCL_FUTURE)", 0);
    run.mlockall(MCL_FUTURE);
    tell("mmap: populated and locked at once", late.all().pages);
    late.map();
    sleep_ns(pause);

    tell("munlockall: the end", late.all().pages);
    run.munlockall();
    sleep_ns(pause);
  });
}

}  // namespace workload
