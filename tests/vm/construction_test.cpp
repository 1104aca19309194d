// What the workloads take for granted of a kernel, on the one that runs here.
#include "suite/construction.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <optional>

#include "program.h"

namespace live {

namespace {

// Whether an untouched page that is read is the shared zero page, by the kernel's own word: KPF_ZERO_PAGE.
std::optional<bool> kernel_has_the_zero_page() {
  constexpr int kZeroPage = 24;
  constexpr std::uint64_t kFrame = (std::uint64_t{1} << 55) - 1;
  void* page = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  static_cast<void>(*static_cast<volatile char*>(page));
  const auto number_at = [](const char* path, std::uint64_t index) {
    std::uint64_t number = 0;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const bool read = pread(fd, &number, sizeof(number), static_cast<off_t>(index * sizeof(number))) == sizeof(number);
    close(fd);
    return read ? number : 0;
  };
  const std::uint64_t frame = number_at("/proc/self/pagemap", reinterpret_cast<std::uintptr_t>(page) / 4096) & kFrame;
  const std::uint64_t flags = frame == 0 ? 0 : number_at("/proc/kpageflags", frame);
  munmap(page, 4096);
  if (flags == 0) return std::nullopt;  // this process may not know
  return (flags >> kZeroPage & 1) != 0;
}

TEST(Construction, OfTheZeroPageHoldsWhereThereIsOne) {
  const auto has_zero_page = kernel_has_the_zero_page();
  const Json truth = Json::parse(run({"mlt-workload", "touch-read-write"}).out);
  const std::string broken = suite::broken_construction(truth);
  if (has_zero_page) {
    EXPECT_EQ(broken.empty(), *has_zero_page) << truth;
  }
  const auto pages = truth.at("pages").get<std::uint64_t>();
  EXPECT_EQ(truth.at("work").at("minor"), broken.empty() ? 2 * pages : pages);
  // Whichever it is: what is compared with is what the kernel counted.
  EXPECT_EQ(suite::by_the_kernels_counters(truth).at("faults").at("access"), truth.at("work").at("minor"));
}

}  // namespace

}  // namespace live
