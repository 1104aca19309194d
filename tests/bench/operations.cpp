#include "operations.h"

#include <sys/mman.h>
#include <unistd.h>
#include <x86intrin.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <memory>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

namespace bench {

namespace {

constexpr std::size_t kPage = 4096;
// Short rounds, many of them: a timer interrupt comes every 4 ms, which are four million instructions.
constexpr std::size_t kPages = 512;
constexpr int kRounds = 40;

class Region {
 public:
  Region(std::size_t pages, int flags)
      : bytes_(pages * kPage), start_(static_cast<char*>(mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, flags, -1, 0))) {
    if (start_ == MAP_FAILED) {
      perror("mmap");
      exit(1);
    }
  }
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;
  ~Region() { munmap(start_, bytes_); }

  [[nodiscard]] char* page(std::size_t index) const { return start_ + index * kPage; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  void write() const {
    for (std::size_t at = 0; at < bytes_; at += kPage) *static_cast<volatile char*>(start_ + at) = 1;
  }
  bool advise(int advice) const { return madvise(start_, bytes_, advice) == 0; }

 private:
  std::size_t bytes_;
  char* start_;
};

/// `round` returns the ticks of its work.
template <typename Round>
double least(std::size_t units, Round round) {
  std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
  for (int i = 0; i < kRounds; ++i) least = std::min(least, round());
  return static_cast<double>(least) / static_cast<double>(units);
}

template <typename Work>
std::uint64_t ticks_of(Work work) {
  const std::uint64_t start = read_ticks();
  work();
  return read_ticks() - start;
}

// The pages stay in tmpfs: a fault only maps one, so its own cost is steady.
double access_fault() {
  const Region region(kPages, MAP_SHARED | MAP_ANONYMOUS);
  region.write();
  return least(kPages, [&] {
    region.advise(MADV_DONTNEED);
    return ticks_of([&] { region.write(); });
  });
}

// Private: a shared mapping would be populated by reads, of which one fault maps sixteen pages.
double populate_fault() {
  return least(kPages, [&] {
    const std::uint64_t start = read_ticks();
    const Region region(kPages, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE);
    return read_ticks() - start;
  });
}

// Present pages, locked and unlocked: nothing faults. One of the two halves is measured.
double lock(bool measure_lock) {
  const Region region(kPages, MAP_PRIVATE | MAP_ANONYMOUS);
  region.write();
  return least(kPages, [&] {
    const auto locking = ticks_of([&] { mlock(region.page(0), region.bytes()); });
    const auto unlocking = ticks_of([&] { munlock(region.page(0), region.bytes()); });
    return measure_lock ? locking : unlocking;
  });
}

double mlock_page() { return lock(true); }
double munlock_page() { return lock(false); }

// mlock of the page in the middle of a mapping splits it twice; munlock merges the three again.
double lock_middle(bool measure_split) {
  constexpr std::size_t kMappings = 64;
  const Region region(4 * kMappings, MAP_PRIVATE | MAP_ANONYMOUS);
  region.write();
  for (std::size_t i = 0; i < kMappings; ++i) mprotect(region.page(4 * i + 3), kPage, PROT_NONE);
  return least(kMappings, [&] {
    const auto splitting = ticks_of([&] {
      for (std::size_t i = 0; i < kMappings; ++i) mlock(region.page(4 * i + 1), kPage);
    });
    const auto merging = ticks_of([&] {
      for (std::size_t i = 0; i < kMappings; ++i) munlock(region.page(4 * i + 1), kPage);
    });
    return measure_split ? splitting : merging;
  });
}

double split() { return lock_middle(true); }
double merge() { return lock_middle(false); }

// Every page is written to swap: a RAM disk, so nothing is waited for.
double reclaim() {
  const Region region(kPages, MAP_PRIVATE | MAP_ANONYMOUS);
  return least(kPages, [&]() -> std::uint64_t {
    region.advise(MADV_DONTNEED);
    region.write();
    return ticks_of([&] { region.advise(MADV_PAGEOUT); });
  });
}

// A thread that faults once each time that it is woken.
class Sleeper {
 public:
  Sleeper() : thread_([this] { sleep(); }) {}
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;
  ~Sleeper() {
    end_ = true;
    go_.release();
    thread_.join();
  }
  void wake() {
    go_.release();
    done_.acquire();
  }

 private:
  void sleep() {
    const Region page(1, MAP_PRIVATE | MAP_ANONYMOUS);
    while (true) {
      go_.acquire();
      if (end_) return;
      page.advise(MADV_DONTNEED);
      page.write();
      done_.release();
    }
  }

  std::atomic<bool> end_ = false;
  std::binary_semaphore go_{0};
  std::binary_semaphore done_{0};
  std::thread thread_;
};

constexpr Operation kOperations[] = {
    {"access", "fault at access", access_fault},
    {"populate", "fault of a populate", populate_fault},
    {"mlock", "page mlocked", mlock_page},
    {"munlock", "page munlocked", munlock_page},
    {"split", "mlock of a middle page: two splits", split},
    {"merge", "munlock of a middle page: two merges", merge},
    {"reclaim", "page reclaimed to swap", reclaim},
};

}  // namespace

std::span<const Operation> operations() { return kOperations; }

std::uint64_t read_ticks() {
  unsigned processor = 0;
  return __rdtscp(&processor);
}

int work() {
  std::cout << "ready" << std::endl;
  std::vector<std::unique_ptr<Sleeper>> sleepers;
  for (std::string name; std::getline(std::cin, name);) {
    double answer = -1;
    if (name.starts_with("threads ")) {
      while (static_cast<int>(sleepers.size()) + 1 < std::stoi(name.substr(8)))
        sleepers.push_back(std::make_unique<Sleeper>());
    } else if (name == "wake") {
      for (const auto& sleeper : sleepers) sleeper->wake();
    } else if (const auto found = std::ranges::find(kOperations, name, &Operation::name);
               found != std::end(kOperations)) {
      answer = found->measure();
    }
    std::cout << answer << std::endl;
  }
  return 0;
}

}  // namespace bench
