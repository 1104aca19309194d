#include "proc/page_flags.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace mlt {
namespace {

// What a kernel leaves out is tested live. Here nothing is: what is locked is small, and was touched before.
TEST(CountNotMlocked, OwnLockedMemory) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  void* memory = mmap(nullptr, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  ASSERT_EQ(syscall(SYS_mlock, memory, 4 * page), 0);
  const auto pages = count_not_mlocked(static_cast<std::uint32_t>(getpid()));
  munmap(memory, 4 * page);
  if (!pages) {  // it takes a privilege
    printf("nothing to see: %s\n", pages.error().message().c_str());
    return;
  }
  EXPECT_EQ(*pages, 0U);
}

TEST(CountNotMlocked, OfNobodyIsNothing) {
  const auto pages = count_not_mlocked(4'194'305);  // more than there can be
  EXPECT_TRUE(!pages || *pages == 0);
}

}  // namespace
}  // namespace mlt
