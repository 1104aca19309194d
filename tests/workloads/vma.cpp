// Calls that change mappings and populate or release locked pages on the way.
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "workload.hpp"

namespace workload {

void map_locked(Run& run) {
  const Region region(Region::Reserved{}, run.pages());
  const long pages = region.all().pages;
  run.expect = {.populate = pages, .mlocked = pages};
  run.cause("first_touch", pages);
  run.work([&] { region.map(Region::read_write, Region::anonymous | MAP_LOCKED); });
}

void map_populate(Run& run) {
  const Region region(Region::Reserved{}, run.pages());
  run.expect = {.populate = region.all().pages};
  run.cause("first_touch", region.all().pages);
  run.work([&] { region.map(Region::read_write, Region::anonymous | MAP_POPULATE); });
}

void mprotect_populate(Run& run) {
  const Region region(run.pages(), PROT_NONE);
  const Range all = region.all();
  // Fails, because nothing can be populated, and locks the VMA all the same.
  if (::mlock(all.start, all.bytes()) != -1 || errno != ENOMEM) fail("mlock of PROT_NONE memory did not fail");
  run.expect = {.populate = all.pages, .mlocked = all.pages};
  run.cause("first_touch", all.pages);
  run.work([&] {
    ::mprotect(all.start, all.bytes(), PROT_READ | PROT_WRITE);
    write_pages(all);
  });
}

void mprotect_shared(Run& run) {
  const Region region(run.pages(), PROT_NONE, MAP_SHARED | MAP_ANONYMOUS);
  const Range all = region.all();
  if (::mlock(all.start, all.bytes()) != -1 || errno != ENOMEM) fail("mlock of PROT_NONE memory did not fail");
  // Only private memory is populated when it becomes writable.
  run.expect = {.access = all.pages, .mlocked = unknown};
  run.cause("file_map", all.pages);
  run.work([&] {
    ::mprotect(all.start, all.bytes(), PROT_READ | PROT_WRITE);
    write_pages(all);
  });
}

void mremap_grow(Run& run) {
  const Region region(run.pages());
  const Range all = region.all();
  lock_in_setup(all);
  // Kernels differ in whether growing in place is a merge of the VMA with a new one.
  run.expect = {.populate = all.pages, .mlocked = all.pages, .merges = unknown};
  void* moved = nullptr;
  run.measure([&] { moved = ::mremap(all.start, all.bytes(), 2 * all.bytes(), 0); });
  if (moved != all.start) fail("mremap", errno);
  run.report();
  ::munmap(all.page(all.pages), all.bytes());
}

void munmap_locked(Run& run) {
  const Region region(run.pages());
  const Range all = region.all();
  lock_in_setup(all);
  run.expect = {.munlocked = all.pages};
  run.work([&] { ::munmap(all.start, all.bytes()); });
}

namespace {

void print_maps(const char* title) {
  const auto print = [](std::string_view text) {
    static_cast<void>(!::write(STDERR_FILENO, text.data(), text.size()));
    static_cast<void>(!::write(STDERR_FILENO, "\n", 1));
  };
  print(title);
  for_each_line("/proc/self/maps", print);
}

}  // namespace

// The sample program of a paper about mlock: a fixed mapping of ten pages in the middle of a large heap.
void published_sample(Run& run) {
  constexpr long inner_pages = 10;
  const long pages = run.pages(262144, 3 * inner_pages);
  auto* const heap = static_cast<std::byte*>(std::malloc(static_cast<std::size_t>(pages) * page_size));
  if (heap == nullptr) fail("malloc", errno);
  const auto middle = reinterpret_cast<std::uintptr_t>(heap) + static_cast<std::size_t>(pages / 2) * page_size;
  const Range inner{reinterpret_cast<std::byte*>(middle & ~std::uintptr_t{page_size - 1}), inner_pages};

  print_maps("before mlockall and mmap:");
  // Replacing the middle of a mapping splits it twice; the new VMA is locked, so it does not merge.
  run.expect = {.populate = inner_pages, .mlocked = inner_pages, .splits = 2};
  run.measure([&] {
    run.mlockall(MCL_FUTURE);
    if (::mmap(inner.start, inner.bytes(), Region::read_write, Region::anonymous | MAP_FIXED, -1, 0) == MAP_FAILED)
      fail("mmap", errno);
  });
  print_maps("after:");
  run.report();
}

}  // namespace workload
