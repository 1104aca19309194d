// Threads.
#include <pthread.h>

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
  run.extra("threads", count);
  run.work([&] { team.run([&](int index) { write_pages(region.part(index * pages, pages)); }); });
}

}  // namespace

void two_threads(Run& run) { touch_in_parallel(run, 2, {true}); }

void threads(Run& run) { touch_in_parallel(run, static_cast<int>(run.number("threads", 8)), {false}); }

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
