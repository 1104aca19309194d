// Large recordings. MLT_EVENTS: how many events, instead of so many that the test is quick; MLT_RECORDING: where to
// leave the recording, to be looked at with mlocktrace itself.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <ctime>

#include "recording/look.h"
#include "report/fixtures.h"
#include "report/html.h"
#include "report/text.h"

#ifdef __SANITIZE_ADDRESS__
// From <sanitizer/allocator_interface.h>, which GCC 12 does not install.
extern "C" {
int __sanitizer_install_malloc_and_free_hooks(void (*malloc_hook)(const volatile void*, std::size_t),
                                              void (*free_hook)(const volatile void*));
std::size_t __sanitizer_get_allocated_size(const volatile void* block);
}
#endif

namespace mlt {
namespace {

/// How much more memory was in use at a time than at the start.
#ifdef __SANITIZE_ADDRESS__
// The sanitizer keeps what is freed in a quarantine of 256 MB: the process's size tells nothing. Its hooks tell what is
// allocated.
class MemoryPeak {
 public:
  MemoryPeak() {
    static const int installed = __sanitizer_install_malloc_and_free_hooks(
        [](const volatile void* /*block*/, std::size_t bytes) { add(static_cast<long>(bytes)); },
        [](const volatile void* block) { add(-static_cast<long>(__sanitizer_get_allocated_size(block))); });
    EXPECT_NE(installed, 0);
    in_use_ = peak_ = 0;
  }
  long kb() const { return peak_ / 1000; }

 private:
  static void add(long bytes) {
    const long now = in_use_ += bytes;
    if (now > peak_) peak_ = now;  // one thread allocates
  }
  static inline std::atomic<long> in_use_, peak_;
};
#else
class MemoryPeak {
 public:
  long kb() const { return process_kb() - before_; }

 private:
  static long process_kb() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  }
  const long before_ = process_kb();
};
#endif

template <typename Work>
double seconds(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

TEST(Scale, EventsNeverPassThroughMemoryAtOnce) {
  const char* wanted = std::getenv("MLT_EVENTS");
  const char* place = std::getenv("MLT_RECORDING");
  const std::uint64_t events = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 1'000'000;
  const sample::Directory directory;
  const std::string path = place != nullptr ? place : directory.file("r");
  const MemoryPeak memory;
  const double written = seconds([&] { sample::record(sample::options(path), fixtures::busy(), {60, events}); });
  const double reported = seconds([&] { to_text(*must_open(path).report(), {}); });
  std::uint64_t seen = 0;
  std::uint64_t addresses = 0;
  const double read = seconds([&] {
    const Status status = must_open(path).for_each_event([&](const FaultEvent& event) {
      ++seen;
      addresses += event.address;
      return Status();
    });
    EXPECT_TRUE(status) << status.error().message();
  });
  EXPECT_EQ(seen, events);
  EXPECT_NE(addresses, 0U);
  printf("%lu events: written in %.2f s, reported in %.3f s, read in %.2f s, %ld kB more memory\n",
         static_cast<unsigned long>(events), written, reported, read, memory.kb());
  // A block of them takes 5 MB when it is taken apart. As values all of them would take 56 MB in a million.
  EXPECT_LT(memory.kb(), 20'000);
}

/// Processor time of the best of three: other work on the machine only adds to it.
template <typename Work>
double processor_seconds(const Work& work) {
  double best = 1e9;
  for (int i = 0; i < 3; ++i) {
    const std::clock_t start = std::clock();
    work();
    best = std::min(best, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
  }
  return best;
}

// `mlocktrace report --html` of n faults.
double page_seconds(std::uint64_t events) {
  const sample::Directory directory;
  const std::string path = directory.file("r");
  sample::record(sample::options(path), fixtures::busy(), {60, events});
  return processor_seconds([&] {
    const Recording recording = must_open(path);
    const auto report = recording.report();
    HtmlBuilder builder(*report);
    const Status points = recording.for_each_point([&](const TimelinePoint& point) {
      builder.add(point);
      return Status();
    });
    const Status faults = recording.for_each_event([&](const FaultEvent& event) {
      builder.add(event);
      return Status();
    });
    EXPECT_TRUE(points && faults);
    EXPECT_FALSE(builder.take().empty());
  });
}

TEST(Scale, APageTakesTimeInProportion) {
  const double few = page_seconds(100'000);
  const double many = page_seconds(1'000'000);
  printf("page of 100,000 events: %.3f s, of 1,000,000: %.3f s\n", few, many);
  EXPECT_LT(many, 15 * few);
}

}  // namespace
}  // namespace mlt
