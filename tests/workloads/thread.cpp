// Threads.
#include <pthread.h>
#include <sys/mman.h>

#include <array>
#include <atomic>

#include "team.hpp"
#include "workload.hpp"

namespace workload {
namespace {

// Every thread writes `pages` pages of its own, in parts of one region.
void touch_in_parallel(Run& run, int count, Team::Pinned pinned) {
  const long pages = run.pages();
  const Region region(count * pages);
  Team team(count, pinned);
  run.expect = {.access = count * pages};
  run.cause("first_touch", count * pages);
  run.extra("threads", count);
  run.work([&] { team.run([&](int index) { write_pages(region.part(index * pages, pages)); }); });
}

}  // namespace

void two_threads(Run& run) { touch_in_parallel(run, 2, {true}); }

void threads(Run& run) { touch_in_parallel(run, static_cast<int>(run.number("threads", 8)), {false}); }

// Two threads go through the same pages side by side: who comes second may find the page there, or fault as well.
void race(Run& run) {
  constexpr int count = 2;
  const Region region(run.pages());
  Team team(count, Team::Pinned{true});
  std::atomic<long> arrived{0};
  run.expect = {.access = unknown};
  run.some_cause("first_touch|spurious", region.all().pages);
  run.work([&] {
    team.run([&](int) {
      for (long i = 0; i < region.all().pages; ++i) {
        ++arrived;
        while (arrived < count * (i + 1)) __builtin_ia32_pause();
        write_page(region.all().page(i));
      }
    });
  });
}

void thread_stacks_locked(Run& run) {
  constexpr int most = 64;
  constexpr long stack_pages = 256;
  const int count = static_cast<int>(run.number("threads", 8));
  if (count < 1 || count > most) fail("thread-stacks-locked: 1 to 64 threads");
  run.pages(count * stack_pages);
  static std::array<pthread_t, most> threads;
  static pthread_barrier_t all_there;
  pthread_barrier_init(&all_there, nullptr, static_cast<unsigned>(count) + 1);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, stack_pages * page_size);
  // The C library maps a stack, and what else a thread needs, as it likes; but each stack is there as a whole.
  run.expect = {.access = unknown, .kernel = unknown, .populate = unknown, .mlocked = unknown, .munlocked = unknown};
  run.expect.splits = run.expect.merges = unknown;
  run.cause("first_touch", count * stack_pages);
  run.work([&] {
    run.mlockall(MCL_FUTURE);
    for (int i = 0; i < count; ++i) {
      const auto body = [](void*) -> void* {
        pthread_barrier_wait(&all_there);
        return nullptr;
      };
      const int error = pthread_create(&threads[static_cast<std::size_t>(i)], &attributes, body, nullptr);
      if (error != 0) fail("pthread_create", error);
    }
    pthread_barrier_wait(&all_there);
    for (int i = 0; i < count; ++i) pthread_join(threads[static_cast<std::size_t>(i)], nullptr);
  });
}

void thread_churn(Run& run) {
  constexpr long pages_each = 4;
  const long count = run.number("threads", 2000);
  const Region region(count * pages_each);
  run.pages(region.all().pages);
  // A thread's own stack and thread-local storage come from mappings that the C library reuses as it likes.
  run.expect = {.access = unknown, .kernel = unknown, .splits = unknown, .merges = unknown};
  run.extra("threads", count);
  run.extra("least_access", region.all().pages);
  run.work([&] {
    for (long i = 0; i < count; ++i) {
      Range own = region.part(i * pages_each, pages_each);
      pthread_t thread;
      const auto body = [](void* range) -> void* {
        write_pages(*static_cast<Range*>(range));
        return nullptr;
      };
      if (const int error = pthread_create(&thread, nullptr, body, &own); error != 0) fail("pthread_create", error);
      pthread_join(thread, nullptr);
    }
  });
}

}  // namespace workload
