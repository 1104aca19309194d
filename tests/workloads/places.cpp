// Faults in mappings of every kind: how many in which is known.
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>

#include "workload.hpp"

// Runs wherever it is mapped, for it knows nothing but its arguments. Not inlined, and its name is as it stands here.
extern "C" __attribute__((noinline, noipa)) void write_by_mapped_code(char* start, long pages) {
  for (long i = 0; i < pages; ++i) *const_cast<volatile char*>(start + i * 4096) = 1;
}

namespace workload {
namespace {

/// This program's code, mapped a second time.
class MappedAgain {
 public:
  MappedAgain() {
    ::dl_iterate_phdr(
        [](dl_phdr_info* program, std::size_t, void* self) { return static_cast<MappedAgain*>(self)->find(*program); },
        this);
    const int fd = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    void* const code = ::mmap(nullptr, bytes_, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, offset_);
    if (fd < 0 || code == MAP_FAILED) fail("cannot map /proc/self/exe", errno);
    ::close(fd);
    write_ = reinterpret_cast<decltype(write_)>(static_cast<std::byte*>(code) + place_);
    write_(nullptr, 0);
  }
  void write(const Range& range) const { write_(reinterpret_cast<char*>(range.start), range.pages); }

 private:
  // The segment that holds the function; the first program is this one.
  int find(const dl_phdr_info& program) {
    const auto address = reinterpret_cast<std::uintptr_t>(&write_by_mapped_code);
    for (int i = 0; i < program.dlpi_phnum; ++i) {
      const auto& segment = program.dlpi_phdr[i];
      const std::uintptr_t start = program.dlpi_addr + segment.p_vaddr;
      if (segment.p_type != PT_LOAD || address < start || address >= start + segment.p_filesz) continue;
      const auto misplaced = static_cast<off_t>(segment.p_offset % page_size);
      offset_ = static_cast<off_t>(segment.p_offset) - misplaced;
      bytes_ = segment.p_filesz + static_cast<std::size_t>(misplaced);
      place_ = address - start + static_cast<std::uintptr_t>(misplaced);
    }
    return 1;
  }

  off_t offset_ = 0;
  std::size_t bytes_ = 0;
  std::uintptr_t place_ = 0;
  void (*write_)(char*, long) = nullptr;
};

constexpr int set_vma = 0x53564d41;  // PR_SET_VMA, since Linux 5.17; the C library's headers may be older
constexpr int set_vma_anon_name = 0;

// Mappings of two pages, more than a thread has records for, each with a gap behind it.
constexpr long islands = 40;
constexpr long island_pages = 2;

class Archipelago {
 public:
  Archipelago() : region_(2 * islands * island_pages) {
    for (long i = 0; i < islands; ++i) {
      const Range gap = region_.part((2 * i + 1) * island_pages, island_pages);
      if (::mprotect(gap.start, gap.bytes(), PROT_NONE) != 0) fail("mprotect", errno);
    }
  }
  void write() const {
    for (long i = 0; i < islands; ++i) write_pages(region_.part(2 * i * island_pages, island_pages));
  }

 private:
  Region region_;
};

// Whole pages at the end of the heap; in the work, because what the heap has before is touched before.
Range grown_heap(long pages) {
  auto* const top = static_cast<std::byte*>(::sbrk((pages + 1) * page_size));
  if (top == reinterpret_cast<std::byte*>(-1)) fail("sbrk", errno);
  const auto misplaced = reinterpret_cast<std::uintptr_t>(top) % page_size;
  return {misplaced == 0 ? top : top + page_size - misplaced, pages};
}

}  // namespace

void mapped_code(Run& run) {
  const Region region(run.pages(256));
  const MappedAgain code;
  run.expect = {.access = region.all().pages};
  run.cause("first_touch", region.all().pages);
  run.work([&] { code.write(region.all()); });
}

void places(Run& run) {
  const long pages = run.pages(256);
  const int fd = ::memfd_create("places", 0);
  if (fd < 0 || ::ftruncate(fd, pages * page_size) != 0) fail("memfd_create", errno);
  const Region file(pages, Region::read_write, MAP_SHARED, fd), named(pages), locked(pages), plain(pages);
  const Archipelago archipelago;
  const bool has_name = ::prctl(set_vma, set_vma_anon_name, named.all().start, named.all().bytes(), "an arena") == 0;
  constexpr std::size_t stack_bytes = 256 * 1024;
  touch_stack(192 * 1024);  // as in stack-grow
  const std::uintptr_t start = stack_start();
  std::uintptr_t lowest = 0;
  run.measure([&] {
    lowest = touch_stack(stack_bytes);
    write_pages(grown_heap(pages));
    write_pages(file.all());
    write_pages(named.all());
    write_pages(plain.part(0, pages / 2));
    run.mlock(locked.all());
    archipelago.write();
    write_pages(plain.part(pages / 2, pages - pages / 2));
  });
  const std::uintptr_t lowest_page = lowest & ~static_cast<std::uintptr_t>(page_size - 1);
  const long grown = lowest_page < start ? static_cast<long>((start - lowest_page) / page_size) : 0;
  run.expect = {
      .access = grown + 4 * pages + islands * island_pages, .populate = pages, .mlocked = pages, .merges = unknown};
  run.cause("stack", grown);
  run.cause("file_map", pages);
  run.cause("first_touch", 4 * pages + islands * island_pages);
  run.extra("stack", grown);
  run.extra("heap", pages);
  run.extra("file", pages);
  run.extra("named", has_name ? Known{pages} : unknown);
  run.extra("plain_start", static_cast<long>(reinterpret_cast<std::uintptr_t>(plain.all().start)));
  run.extra("locked_start", static_cast<long>(reinterpret_cast<std::uintptr_t>(locked.all().start)));
  run.extra("islands", islands);
  run.extra("island_pages", island_pages);
  run.report();
}

}  // namespace workload
